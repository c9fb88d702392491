/* Tests of server/node/access.c with a real node: who may call what, by their certificates. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cluster.h"
#include "tamga/v1/content_service.pb-c.h"
#include "unit/core/net/authority.h"

/* One node with certificates, and those who call it. */
struct roles {
    struct cluster cluster;
    struct cluster_process *node;
    struct authority authority;
};

static void tls_address(char address[64])
{
    char port[64];

    snprintf(port, sizeof port, "%s", strrchr(address, ':'));
    snprintf(address, 64, "tls+tcp://127.0.0.1%.6s", port);
}

static void configure(struct roles *roles)
{
    const struct cluster_process *node = roles->node;
    char path[CLUSTER_PATH_MAX + 16];
    FILE *file;

    snprintf(path, sizeof path, "%s/config.yaml", node->folder);
    file = fopen(path, "w");
    CHECK(file != NULL);
    fprintf(file,
            "name: %s\ngenesis: genesis.tamga\nkey: key.pem\ndata: data\n"
            "rpc: \"%s\"\ngossip: \"%s\"\ntls:\n"
            "  {ca: %s/ca.crt, crl: %s/ca.crl, cert: %s/%s.crt, key: %s/%s.key}\n",
            node->name, node->rpc, node->gossip, roles->authority.folder,
            roles->authority.folder, roles->authority.folder, node->name,
            roles->authority.folder, node->name);
    CHECK(fclose(file) == 0);
}

/* From here on the node is called by this member. */
static void call_as(struct roles *roles, const char *member, struct tamga_net_link *link)
{
    tamga_channel_close(roles->node->channel);
    tamga_tls_close(link->tls);
    link->tls = authority_tls(&roles->authority, member);
    CHECK(tamga_channel_open_link(&roles->node->channel, roles->node->rpc, link, NULL) ==
          TAMGA_OK);
}

static void roles_open(struct roles *roles, struct tamga_net_link *link)
{
    static const struct {
        const char *name;
        uint32_t roles;
    } member[] = {{"node-a", TAMGA_TLS_CONSORTIUM},
                  {"gw-1", TAMGA_TLS_GATEWAY},
                  {"acme", TAMGA_TLS_OEM}};

    cluster_open(&roles->cluster, 1, 0);
    roles->node = cluster_find(&roles->cluster, "node-a");
    authority_open_for(&roles->authority, &roles->cluster.network->id.hash);
    for (size_t i = 0; i < sizeof member / sizeof member[0]; i++)
        authority_member(&roles->authority, member[i].name, member[i].roles, -60,
                         AUTHORITY_DAY_S);
    tls_address(roles->node->rpc);
    tls_address(roles->node->gossip);
    configure(roles);
    call_as(roles, "gw-1", link);
    cluster_start(&roles->cluster, "node-a");
}

static enum tamga_err put(struct tamga_channel *channel)
{
    Tamga__V1__PutContentRequest request = TAMGA__V1__PUT_CONTENT_REQUEST__INIT;
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = {.channel = channel};

    request.cid = (char *)(uintptr_t)"no cid";
    tamga__v1__content_service__put(
        tamga_reply_service(&reply, &tamga__v1__content_service__descriptor), &request,
        (Tamga__V1__PutContentResponse_Closure)tamga_reply_take, &reply);
    return reply.err;
}

/*
 * Goal:   a gateway's certificate at a producer's methods is refused, and nothing changes,
 *         though the transaction in the call is an OEM's and good; what reads is answered.
 * Method: a node of real processes; a gateway submits a release that acme has signed, puts,
 *         asks for the status; the tip stays; then acme submits the same release.
 */
int main(void)
{
    static struct roles roles;
    struct tamga_net_link link = {0};
    struct cluster_release release = {.counter = 1, .seed = 1, .skip_content = true};
    struct tamga_entry_id id;
    struct tamga_block_id tip;
    uint64_t height = 9;

    roles_open(&roles, &link);
    CHECK(cluster_publish(&roles.cluster, "node-a", &release, &id) == TAMGA_E_ROLE_DENIED);
    CHECK(put(roles.node->channel) == TAMGA_E_ROLE_DENIED);
    CHECK(!cluster_known(&roles.cluster, "node-a", &roles.cluster.consortium, &id));
    CHECK(cluster_status(&roles.cluster, "node-a", &roles.cluster.consortium, &height, &tip));
    CHECK(height == 0);
    call_as(&roles, "acme", &link);
    CHECK(put(roles.node->channel) == TAMGA_E_BAD_CID);
    release.skip_content = false;
    CHECK(cluster_publish(&roles.cluster, "node-a", &release, &id) == TAMGA_OK);
    CHECK(cluster_known(&roles.cluster, "node-a", &roles.cluster.consortium, &id));
    cluster_close(&roles.cluster);
    tamga_tls_close(link.tls);
    authority_close(&roles.authority);
    printf("a gateway submits nothing\n");
    return 0;
}
