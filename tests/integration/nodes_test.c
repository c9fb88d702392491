/*
 * Consortium nodes as processes: a release reaches all, late joiners and restarts catch
 * up, partitions reunite, and nothing acknowledged is lost when a node is killed.
 */
#include "cluster.h"

#include <signal.h>
#include <stdio.h>

struct entry_at {
    const char *name;
    const struct tamga_chain *chain;
    struct tamga_entry_id id;
};

static bool included(struct cluster *cluster, void *context)
{
    struct entry_at *at = context;

    return cluster_included(cluster, at->name, at->chain, &at->id);
}

static void wait_included(struct cluster *cluster, const char *name,
                          const struct tamga_chain *chain, const struct tamga_entry_id *id)
{
    struct entry_at at = {name, chain, *id};

    cluster_wait(cluster, name, 30, included, &at);
}

/*
 * Goal:   a release reaches all nodes and both gateways' view of the consortium chain.
 * Method: publish to one node, look at every other.
 */
static void release_reaches_all(struct cluster *cluster, struct tamga_entry_id *id)
{
    struct cluster_release release = {.counter = 1, .seed = 1};

    CHECK(cluster_publish(cluster, "node-a", &release, id) == TAMGA_OK);
    for (size_t i = 0; i < cluster->count; i++)
        if (cluster->process[i].pid > 0)
            wait_included(cluster, cluster->process[i].name, &cluster->consortium, id);
}

/*
 * Goal:   a node that joins late catches up by itself, and one that was stopped goes on
 *         where it was.
 * Method: publish while node-c is down; start it for the first time; stop node-b
 *         cleanly, publish, start it again.
 */
static void late_and_stopped_nodes_catch_up(struct cluster *cluster)
{
    struct tamga_entry_id id;

    for (uint64_t counter = 2; counter <= 6; counter++) {
        struct cluster_release release = {.counter = counter, .seed = counter};

        CHECK(cluster_publish(cluster, "node-a", &release, &id) == TAMGA_OK);
        wait_included(cluster, "node-a", &cluster->consortium, &id);
    }
    cluster_start(cluster, "node-c");
    wait_included(cluster, "node-c", &cluster->consortium, &id);
    CHECK(cluster_stop(cluster, "node-b", SIGTERM) == 0);
    CHECK(cluster_publish(cluster, "node-c",
                          &(struct cluster_release){.counter = 7, .seed = 7}, &id) == TAMGA_OK);
    wait_included(cluster, "node-c", &cluster->consortium, &id);
    cluster_start(cluster, "node-b");
    wait_included(cluster, "node-b", &cluster->consortium, &id);
    cluster_wait_agree(cluster, "node-a,node-b,node-c", &cluster->consortium, 7, 30);
}

/*
 * Goal:   what a node acknowledged is there after kill -9, whatever it was doing.
 * Method: kill node-a right after each of ten acknowledgements, start it again, ask it;
 *         at the end every release is in a block of every node.
 */
static void kill_loses_nothing_acknowledged(struct cluster *cluster)
{
    struct tamga_entry_id id[10];

    for (size_t i = 0; i < 10; i++) {
        struct cluster_release release = {.counter = 8 + i, .seed = 8 + i};

        CHECK(cluster_publish(cluster, "node-a", &release, &id[i]) == TAMGA_OK);
        CHECK(cluster_stop(cluster, "node-a", SIGKILL) == 128 + SIGKILL);
        cluster_start(cluster, "node-a");
        CHECK(cluster_known(cluster, "node-a", &cluster->consortium, &id[i]));
    }
    for (size_t i = 0; i < 10; i++) {
        wait_included(cluster, "node-a", &cluster->consortium, &id[i]);
        wait_included(cluster, "node-b", &cluster->consortium, &id[i]);
        wait_included(cluster, "node-c", &cluster->consortium, &id[i]);
    }
}

/*
 * Goal:   two partitions that mined apart reunite on the heavier branch, and the lighter
 *         one's releases are mined again.
 * Method: restart node-c without peers and a and b without it; publish one release there
 *         and five here, for different models; restart all with all peers.
 */
static void partitions_reunite(struct cluster *cluster)
{
    struct tamga_entry_id apart, id[5];

    CHECK(cluster_stop(cluster, "node-a", SIGTERM) == 0);
    CHECK(cluster_stop(cluster, "node-b", SIGTERM) == 0);
    CHECK(cluster_stop(cluster, "node-c", SIGTERM) == 0);
    cluster_configure(cluster, "node-a", "node-b");
    cluster_configure(cluster, "node-b", "node-a");
    cluster_configure(cluster, "node-c", "none");
    cluster_start(cluster, "node-a");
    cluster_start(cluster, "node-b");
    cluster_start(cluster, "node-c");
    CHECK(cluster_publish(cluster, "node-c",
                          &(struct cluster_release){.counter = 1, .seed = 100, .model = "lock"},
                          &apart) == TAMGA_OK);
    wait_included(cluster, "node-c", &cluster->consortium, &apart);
    for (size_t i = 0; i < 5; i++) {
        struct cluster_release release = {.counter = 30 + i, .seed = 30 + i};

        CHECK(cluster_publish(cluster, "node-b", &release, &id[i]) == TAMGA_OK);
        wait_included(cluster, "node-b", &cluster->consortium, &id[i]);
    }
    CHECK(!cluster_known(cluster, "node-a", &cluster->consortium, &apart));
    CHECK(cluster_stop(cluster, "node-c", SIGTERM) == 0);
    cluster_configure(cluster, "node-c", "*");
    cluster_start(cluster, "node-c");
    for (size_t i = 0; i < 5; i++)
        wait_included(cluster, "node-c", &cluster->consortium, &id[i]);
    wait_included(cluster, "node-c", &cluster->consortium, &apart);
    /* node-a does not ask node-c, so it learns of the release only from a block. */
    CHECK(cluster_stop(cluster, "node-a", SIGTERM) == 0);
    cluster_configure(cluster, "node-a", "*");
    cluster_start(cluster, "node-a");
    wait_included(cluster, "node-a", &cluster->consortium, &apart);
    cluster_wait_agree(cluster, "node-a,node-c", &cluster->consortium, 0, 30);
}

int main(void)
{
    struct cluster cluster;
    struct tamga_entry_id first;

    cluster_open(&cluster, 3, 2);
    cluster_start(&cluster, "node-a");
    cluster_start(&cluster, "node-b");
    cluster_start(&cluster, "gw-1");
    cluster_start(&cluster, "gw-2");
    release_reaches_all(&cluster, &first);
    late_and_stopped_nodes_catch_up(&cluster);
    kill_loses_nothing_acknowledged(&cluster);
    partitions_reunite(&cluster);
    CHECK(cluster_included(&cluster, "node-c", &cluster.consortium, &first));
    cluster_close(&cluster);
    puts("ok");
    return 0;
}
