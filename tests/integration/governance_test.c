/*
 * The life of a member, by the real command against real nodes: it joins by a quorum, registers
 * a model, publishes, loses its key, is refused, gets another one, delegates, countersigns,
 * withdraws, and replaces its key itself; and a node joins and makes blocks final. After every
 * step all nodes have one tip, whose header states the root of the state.
 */
#include "cluster.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define WAIT_SECONDS 60
#define ALL          "node-a,node-b,node-c"

/* ---- members' folders, and what they say --------------------------------------------- */

/* A folder NAME with the key of `key` and the genesis: what --identity wants. */
static void make_member(const struct cluster *cluster, const char *name, const char *key)
{
    char path[CLUSTER_PATH_MAX + 64];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", cluster->folder, name);
    CHECK(mkdir(path, 0700) == 0);
    snprintf(path, sizeof path, "%s/%s/key.pem", cluster->folder, name);
    CHECK(tamga_private_key_save(test_key(key), path, NULL, NULL) == TAMGA_OK);
    snprintf(path, sizeof path, "%s/%s/key.pub", cluster->folder, name);
    CHECK(tamga_public_key_save(tamga_private_key_public(test_key(key)), path, NULL) ==
          TAMGA_OK);
    snprintf(path, sizeof path, "%s/%s/genesis.tamga", cluster->folder, name);
    file = fopen(path, "wb");
    CHECK(file != NULL);
    CHECK(fwrite(cluster->network->bytes.data, 1, cluster->network->bytes.len, file) ==
          cluster->network->bytes.len);
    CHECK(fclose(file) == 0);
}

static const char *read_said(const struct cluster *cluster)
{
    static char all[65536];
    char path[CLUSTER_PATH_MAX + 8];
    FILE *file;
    size_t got;

    snprintf(path, sizeof path, "%s/said", cluster->folder);
    file = fopen(path, "r");
    CHECK(file != NULL);
    got = fread(all, 1, sizeof all - 1, file);
    all[got] = '\0';
    fclose(file);
    return all;
}

static char nodes[256]; /* that are asked, in turn */

/* Run `tamga` as a member: this exit code, and this text among what
 * it said. Arguments name files below the cluster's folder, which it runs in. */
TAMGA_PRINTF(5, 6)
static void says(const struct cluster *cluster, const char *member, int code, const char *text,
                 const char *format, ...)
{
    char command[4096];
    va_list args;
    int len, more, status;

    len = snprintf(command, sizeof command, "cd %s && %s --timeout 20 --node %s --identity %s ",
                   cluster->folder, TAMGA_CLI_PROGRAM, nodes, member);
    va_start(args, format);
    more = vsnprintf(command + len, sizeof command - (size_t)len, format, args);
    va_end(args);
    CHECK(more >= 0 && (size_t)(len + more) < sizeof command - 16);
    len += more;
    snprintf(command + len, sizeof command - (size_t)len, " >said 2>&1");
    status = system(command);
    if (status == -1 || !WIFEXITED(status) || WEXITSTATUS(status) != code ||
        strstr(read_said(cluster), text) == NULL) {
        fprintf(stderr, "%s\nexit %d, wanted %d and \"%s\":\n%s", command, status >> 8, code, text,
                read_said(cluster));
        cluster_fail(__FILE__, __LINE__, "says");
    }
}

struct id {
    char hex[TAMGA_HEX_CHARS];
};

/* The id that the last command printed. */
static struct id said_id(const struct cluster *cluster)
{
    static const char line[] = "transaction  ";
    const char *at = strstr(read_said(cluster), line);
    struct id id = {""};

    CHECK(at != NULL && strlen(at) >= sizeof line + 63);
    memcpy(id.hex, at + sizeof line - 1, 64);
    return id;
}

/* One tip everywhere, and so one header, one state root and one history. */
static void agree(struct cluster *cluster)
{
    cluster_wait_agree(cluster, ALL, &cluster->consortium, 1, WAIT_SECONDS);
}

/* Members, comma separated, approve in turn; the last one's approval decides. */
static void decide(struct cluster *cluster, const struct id *id, const char *const *voter,
                   size_t count)
{
    for (size_t i = 0; i < count; i++)
        says(cluster, voter[i], 0, i + 1 < count ? "missing" : "decided in block", "approve %s",
             id->hex);
    agree(cluster);
}
#define DECIDE(cluster, id, ...)                                                         \
    decide(cluster, id, (const char *const[]){__VA_ARGS__},                              \
           sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void make_image(const struct cluster *cluster, const char *name, uint64_t seed)
{
    char path[CLUSTER_PATH_MAX + 32];
    TAMGA_BUF image = {0};
    FILE *file;

    cluster_image(&image, seed, 2000);
    snprintf(path, sizeof path, "%s/%s", cluster->folder, name);
    file = fopen(path, "wb");
    CHECK(file != NULL && fwrite(image.data, 1, image.len, file) == image.len);
    CHECK(fclose(file) == 0);
}

/* ---- the life of newco ---------------------------------------------------------------- */

/*
 * Goal:   a stranger becomes a member by a quorum of voters, and not before.
 * Method: five voters, four needed; on the way, whoever may not decide, or twice, or something
 *         that was not proposed.
 */
static void joins(struct cluster *cluster)
{
    struct id id, changed;

    says(cluster, "newco", 1, "NOT_MEMBER", "publish one --model newco/door --version 1.0");
    says(cluster, "softco", 1, "NOT_VOTER",
         "member add newco --role oem --key newco/key.pub");
    says(cluster, "acme", 1, "KEY_TAKEN", "member add newco --role oem --key bolt/key.pub");
    says(cluster, "acme", 0, "newco: no member -> active",
         "member add newco --role oem --key newco/key.pub --reason joins");
    id = said_id(cluster);
    says(cluster, "softco", 0, "3 missing", "proposals --open");
    says(cluster, "softco", 1, "NOT_VOTER", "approve %s", id.hex);
    says(cluster, "acme", 1, "APPROVED_ALREADY", "approve %s", id.hex);
    changed = id; /* an approval names the very bytes of what was proposed */
    changed.hex[0] = changed.hex[0] == '0' ? '1' : '0';
    says(cluster, "bolt", 1, "UNKNOWN_PROPOSAL", "approve %s", changed.hex);
    DECIDE(cluster, &id, "bolt", "node-a", "node-b");
    says(cluster, "node-c", 1, "PROPOSAL_OVER", "approve %s", id.hex);
    says(cluster, "newco", 0, "newco ", "member list");
    says(cluster, "newco", 0, "no proposal is open", "proposals --open");
    says(cluster, "newco", 1, "UNKNOWN_MODEL", "publish one --model newco/door --version 1.0");
    says(cluster, "newco", 0, "registered", "model register newco/door --hardware A,B");
    says(cluster, "newco", 0, "newco/door/0001",
         "device enroll newco/door/0001 --hardware B --out device");
    says(cluster, "newco", 1, "UNKNOWN_HARDWARE",
         "device enroll newco/door/0002 --hardware C --out other");
    says(cluster, "newco", 0, "is released", "publish one --model newco/door --version 1.0");
    agree(cluster);
}

/*
 * Goal:   a revoked key counts no more from its height on; what it signed before stays, marked;
 *         and its member comes back with another key only.
 * Method: newco has a say too now, so that five of six must approve.
 */
static void loses_its_key(struct cluster *cluster)
{
    struct id release = said_id(cluster), id;

    says(cluster, "acme", 0, "newco: active -> revoked", "member revoke newco --reason stolen");
    id = said_id(cluster);
    DECIDE(cluster, &id, "bolt", "node-a", "node-b", "node-c");
    says(cluster, "newco", 1, "KEY_ENDED", "publish two --model newco/door --version 1.1");
    says(cluster, "newco", 1, "KEY_ENDED", "withdraw %s --reason x", release.hex);
    says(cluster, "acme", 1, "KEY_ENDED", "member reinstate newco");
    says(cluster, "acme", 1, "KEY_TAKEN", "member rotate-key newco --key newco/key.pub");
    says(cluster, "acme", 0, "its key      was revoked at height", "show %s", release.hex);
    says(cluster, "acme", 0, "newco/door", "releases");
    says(cluster, "bolt", 0, "key: ", "member rotate-key newco --key newer/key.pub");
    id = said_id(cluster);
    DECIDE(cluster, &id, "acme", "node-b", "node-c");
    says(cluster, "newco", 1, "KEY_ENDED", "publish two --model newco/door --version 1.1");
    says(cluster, "newer", 0, "is released", "publish two --model newco/door --version 1.1");
    says(cluster, "acme", 0, "revoked at", "member list --all");
    agree(cluster);
}

/*
 * Goal:   a provider publishes as far as it was let, and with the signatures that are asked for.
 * Method: a delegation for one revision; then two signatures, the owner's among them.
 */
static void delegates_and_signs(struct cluster *cluster)
{
    struct id release;

    says(cluster, "acme", 1, "NOT_OWNER", "delegate --model newco/door --to softco");
    says(cluster, "newer", 1, "UNKNOWN_MEMBER", "delegate --model newco/door --to bolt");
    says(cluster, "softco", 1, "NOT_AUTHORIZED", "publish three --model newco/door --version 2");
    says(cluster, "newer", 0, "is delegated",
         "delegate --model newco/door --to softco --hardware A --until 2100-01-31");
    says(cluster, "softco", 1, "DELEGATION_HARDWARE",
         "publish three --model newco/door --version 2");
    says(cluster, "softco", 1, "DELEGATION_HARDWARE",
         "publish three --model newco/door --version 2 --hardware A,B");
    says(cluster, "newer", 0, "registered",
         "model register newco/door --hardware A,B --countersign --needed 2 --signer bolt");
    says(cluster, "softco", 0, "to softco for A, until 2100", "model show newco/door");
    says(cluster, "softco", 0, "waits for signatures",
         "publish three --model newco/door --version 2 --hardware A");
    release = said_id(cluster);
    says(cluster, "acme", 0, "waits for signatures: has softco, needs 2", "releases");
    says(cluster, "newer", 1, "RELEASE_UNSIGNED",
         "permit %s --reason x --expires 2100-01-31", release.hex);
    says(cluster, "node-a", 1, "NOT_SIGNER", "approve %s", release.hex);
    says(cluster, "bolt", 0, "has softco, bolt", "approve %s", release.hex);
    says(cluster, "bolt", 1, "APPROVED_ALREADY", "approve %s", release.hex);
    says(cluster, "newer", 0, "in force", "approve %s", release.hex);
    says(cluster, "newer", 1, "APPROVED_ALREADY", "approve %s", release.hex);
    agree(cluster);
    says(cluster, "acme", 1, "NOT_OWNER", "withdraw %s --reason x", release.hex);
    says(cluster, "softco", 0, "withdrawn", "withdraw %s --reason 'bricks A'", release.hex);
    says(cluster, "newer", 1, "RELEASE_WITHDRAWN", "withdraw %s --reason x", release.hex);
    says(cluster, "acme", 0, "  withdrawn", "releases");
    says(cluster, "newer", 0, "taken back", "delegate --model newco/door --to softco --revoke");
    says(cluster, "softco", 1, "NOT_AUTHORIZED",
         "publish four --model newco/door --version 3 --hardware A");
    says(cluster, "acme", 0, release.hex, "releases"); /* what was let then stays so */
    agree(cluster);
}

/*
 * Goal:   a node that genesis does not have joins, becomes a validator, and counts as one; who
 *         asks it alone knows it.
 * Method: six voters, five needed; blocks until it has its seat; then without node-a three of
 *         four validators are left, so that nothing is final without the new one.
 */
static void a_node_joins(struct cluster *cluster)
{
    const struct cluster_process *last = &cluster->process[3];
    char path[CLUSTER_PATH_MAX + 16];
    struct id id;

    snprintf(path, sizeof path, "%s/key.pub", last->folder);
    CHECK(tamga_public_key_save(tamga_private_key_public(test_key(last->name)), path, NULL) ==
          TAMGA_OK);
    says(cluster, "acme", 0, "validators: 3 -> 4, quorum 2 -> 3",
         "member add node-d --role consortium --key node-d/key.pub --validator");
    id = said_id(cluster);
    DECIDE(cluster, &id, "bolt", "node-a", "node-b", "node-c");
    cluster_start(cluster, "node-d");
    for (unsigned i = 0; i < 4; i++) { /* two blocks each: what is said, and what makes it final */
        says(cluster, "newer", 0, "is delegated", "delegate --model newco/door --to softco");
        says(cluster, "newer", 0, "taken back",
             "delegate --model newco/door --to softco --revoke");
    }
    cluster_wait_agree(cluster, ALL ",node-d", &cluster->consortium, 1, WAIT_SECONDS);
    says(cluster, "acme", 0, "of 4 validators, 3 needed", "show checkpoint");
    CHECK(cluster_stop(cluster, "node-a", SIGKILL) == 128 + SIGKILL);
    says(cluster, "newer", 0, "is released", "publish five --model newco/door --version 4");
    snprintf(nodes, sizeof nodes, "%s", last->rpc);
    says(cluster, "acme", 0, "node-d ", "status");
    says(cluster, "bolt", 0, "node-d ", "member list");
}

/* Goal: a member replaces its own key, and goes on with the new one. Method: as it is told. */
static void replaces_its_key(struct cluster *cluster)
{
    char command[2 * CLUSTER_PATH_MAX + 64];

    says(cluster, "newer", 0, "only the new key counts", "member rotate-key --after 1");
    says(cluster, "newer", 1, "KEY_ENDED", "publish four --model newco/door --version 3");
    snprintf(command, sizeof command, "mv %s/newer/key-next.pem %s/newer/key.pem",
             cluster->folder, cluster->folder);
    CHECK(system(command) == 0);
    says(cluster, "newer", 0, "is released", "publish four --model newco/door --version 3");
    says(cluster, "newer", 0, "replaced at", "member list --all");
    agree(cluster);
}

int main(void)
{
    static const char *const member[] = {"acme", "bolt", "softco", "newco"};
    static const char *const image[] = {"one", "two", "three", "four", "five"};
    struct cluster cluster;

    cluster_open(&cluster, 4, 0);
    for (size_t i = 0; i < sizeof member / sizeof *member; i++)
        make_member(&cluster, member[i], member[i]);
    make_member(&cluster, "newer", "newco's second");
    for (size_t i = 0; i < sizeof image / sizeof *image; i++)
        make_image(&cluster, image[i], i + 1);
    for (size_t i = 0; i < 3; i++)
        cluster_start(&cluster, cluster.process[i].name);
    snprintf(nodes, sizeof nodes, "%s,%s,%s", cluster.process[0].rpc, cluster.process[1].rpc,
             cluster.process[2].rpc);
    joins(&cluster);
    loses_its_key(&cluster);
    delegates_and_signs(&cluster);
    replaces_its_key(&cluster);
    a_node_joins(&cluster);
    cluster_close(&cluster);
    puts("ok");
    return 0;
}
