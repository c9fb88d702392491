/* A real node for benchmarks. Knows no figure. */
#include "node.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "content/block_store.h"
#include "tamga/v1/chain_service.pb-c.h"

#define START_SECONDS 30

/* Held together, so that they differ. */
static void free_ports(char addr[][64], size_t count)
{
    int fd[2 * BENCH_NODES_MAX];

    BENCH_CHECK(count <= sizeof fd / sizeof fd[0]);
    for (size_t i = 0; i < count; i++) {
        struct sockaddr_in at = {.sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof at;

        fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        BENCH_CHECK(fd[i] >= 0 && bind(fd[i], (struct sockaddr *)&at, sizeof at) == 0 &&
                    getsockname(fd[i], (struct sockaddr *)&at, &len) == 0);
        snprintf(addr[i], 64, "tcp://127.0.0.1:%u", ntohs(at.sin_port));
    }
    for (size_t i = 0; i < count; i++)
        close(fd[i]);
}

static void put_images(const struct bench_node *node)
{
    struct tamga_block_store *store;
    char path[300];

    snprintf(path, sizeof path, "%s/data", node->folder);
    BENCH_CHECK(mkdir(path, 0700) == 0);
    snprintf(path, sizeof path, "%s/data/content", node->folder);
    bench_must(tamga_block_store_open(&store, path, 1ull << 30, NULL), path);
    for (size_t i = 0; i < BENCH_IMAGES; i++)
        bench_must(tamga_block_store_put(store, &node->network->image[i].cid,
                                         tamga_buf_span(&node->network->image[i].block)),
                   "image");
    tamga_block_store_close(store);
}

/* Folder, genesis, key and images; addresses and configuration come later. */
static void make_folder(struct bench_node *node, const struct bench_network *network,
                        unsigned which)
{
    char path[300];

    *node = (struct bench_node){.network = network};
    bench_folder(node->folder);
    bench_write(node->folder, "genesis.tamga", tamga_buf_span(&network->network->bytes));
    snprintf(path, sizeof path, "%s/key.pem", node->folder);
    bench_must(tamga_private_key_save(network->node[which], path, NULL, NULL), "key file");
    put_images(node);
}

static void configure(const struct bench_node *node, unsigned which,
                      const struct bench_node *peer, size_t peers)
{
    char text[4096];
    int len = snprintf(text, sizeof text,
                       "name: %s\ngenesis: genesis.tamga\nkey: key.pem\ndata: data\n"
                       "rpc: \"%s\"\ngossip: \"%s\"\ninsecure: true\n%s",
                       bench_node_name[which], node->rpc, node->gossip,
                       peers > 0 ? "peers:\n" : "");

    for (size_t i = 0; i < peers; i++) {
        if (&peer[i] == node)
            continue;
        len += snprintf(text + len, sizeof text - (size_t)len,
                        "  - {rpc: \"%s\", gossip: \"%s\"}\n", peer[i].rpc, peer[i].gossip);
        BENCH_CHECK(len < (int)sizeof text);
    }
    bench_write(node->folder, "config.yaml", tamga_span(text, (size_t)len));
}

void bench_node_make(struct bench_node *node, const struct bench_network *network, unsigned which,
                     const struct bench_node *peer)
{
    char addr[2][64];

    make_folder(node, network, which);
    free_ports(addr, 2);
    memcpy(node->rpc, addr[0], 64);
    memcpy(node->gossip, addr[1], 64);
    configure(node, which, peer, peer == NULL ? 0 : 1);
}

void bench_nodes_start(struct bench_node *node, const struct bench_network *network)
{
    char addr[2 * BENCH_NODES_MAX][64];

    for (unsigned i = 0; i < network->nodes; i++)
        make_folder(&node[i], network, i);
    free_ports(addr, 2 * network->nodes);
    for (size_t i = 0; i < network->nodes; i++) {
        memcpy(node[i].rpc, addr[2 * i], 64);
        memcpy(node[i].gossip, addr[2 * i + 1], 64);
    }
    for (unsigned i = 0; i < network->nodes; i++)
        configure(&node[i], i, node, network->nodes);
    for (size_t i = 0; i < network->nodes; i++)
        bench_node_start(&node[i]);
    for (size_t i = 0; i < network->nodes; i++)
        bench_node_wait(&node[i]);
}

void bench_nodes_stop(struct bench_node *node, const struct bench_network *network)
{
    for (size_t i = 0; i < network->nodes; i++)
        bench_node_stop(&node[i]);
}

double bench_nodes_cpu(const struct bench_node *node, const struct bench_network *network)
{
    double seconds = 0;

    for (size_t i = 0; i < network->nodes; i++)
        seconds += bench_cpu(node[i].pid);
    return seconds;
}

void bench_node_start(struct bench_node *node)
{
    char config[300], log[300];
    const char *const argv[] = {BENCH_CONSORTIUM_PROGRAM, "--config", config, NULL};

    snprintf(config, sizeof config, "%s/config.yaml", node->folder);
    snprintf(log, sizeof log, "%s/log", node->folder);
    node->pid = bench_spawn(argv, NULL, log);
    bench_must(tamga_channel_open(&node->channel, node->rpc, NULL), node->rpc);
}

void bench_node_wait(struct bench_node *node)
{
    double until = bench_now() + START_SECONDS;
    uint64_t height;

    while (!bench_node_height(node, &height)) {
        BENCH_CHECK(bench_now() < until);
        (void)poll(NULL, 0, 20); /* between two questions */
    }
}

void bench_node_stop(struct bench_node *node)
{
    tamga_channel_close(node->channel);
    bench_stop(node->pid);
}

bool bench_node_height(struct bench_node *node, uint64_t *height)
{
    Tamga__V1__GetStatusRequest request = TAMGA__V1__GET_STATUS_REQUEST__INIT;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StatusBody *body = NULL;
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = {.channel = node->channel,
                                                                 .deadline_ms = 1000};
    const struct tamga_scope *chain = &node->network->chain.id;
    struct tamga_hash id;

    request.chain = tamga_wire_bytes(tamga_hash_span(&chain->hash));
    tamga__v1__chain_service__get_status(
        tamga_reply_service(&reply, &tamga__v1__chain_service__descriptor), &request,
        (Tamga__V1__GetStatusResponse_Closure)tamga_reply_take, &reply);
    if (reply.err != TAMGA_OK)
        return false;
    bench_must(tamga_signed_open(&id, (ProtobufCMessage **)&body,
                                 ((Tamga__V1__GetStatusResponse *)reply.message)->status,
                                 TAMGA_DOMAIN_STATUS, chain,
                                 &tamga__v1__status_body__descriptor, NULL),
               "status");
    *height = body->height;
    return true;
}
