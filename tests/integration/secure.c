#include "secure.h"

#include <stdio.h>

static void tls_address(char address[64])
{
    char port[64];

    snprintf(port, sizeof port, "%s", strrchr(address, ':'));
    snprintf(address, 64, "tls+tcp://127.0.0.1%.6s", port);
}

static void configure(const struct secure *secure)
{
    const struct cluster_process *node = secure->node;
    const char *folder = secure->authority.folder;
    char path[CLUSTER_PATH_MAX + 16];
    FILE *file;

    snprintf(path, sizeof path, "%s/config.yaml", node->folder);
    file = fopen(path, "w");
    CHECK(file != NULL);
    fprintf(file,
            "name: %s\ngenesis: genesis.tamga\nkey: key.pem\ndata: data\n"
            "rpc: \"%s\"\ngossip: \"%s\"\ntls:\n"
            "  {ca: %s/ca.crt, crl: %s/ca.crl, cert: %s/%s.crt, key: %s/%s.key}\n",
            node->name, node->rpc, node->gossip, folder, folder, folder, node->name, folder,
            node->name);
    CHECK(fclose(file) == 0);
}

void secure_call_as(struct secure *secure, const char *member)
{
    tamga_channel_close(secure->node->channel);
    tamga_tls_close(secure->link.tls);
    secure->link.tls = authority_tls(&secure->authority, member);
    CHECK(tamga_channel_open_link(&secure->node->channel, secure->node->rpc, &secure->link,
                                  NULL) == TAMGA_OK);
}

void secure_renew(struct secure *secure, unsigned node_days)
{
    authority_member(&secure->authority, secure->node->name, TAMGA_TLS_CONSORTIUM, -60,
                     (int64_t)node_days * AUTHORITY_DAY_S);
}

void secure_open(struct secure *secure, unsigned node_days)
{
    *secure = (struct secure){0};
    cluster_open(&secure->cluster, 1, 0);
    secure->node = cluster_find(&secure->cluster, "node-a");
    authority_open_for(&secure->authority, &secure->cluster.network->id.hash);
    secure_renew(secure, node_days);
    authority_member(&secure->authority, "gw-1", TAMGA_TLS_GATEWAY, -60, AUTHORITY_DAY_S);
    authority_member(&secure->authority, "acme", TAMGA_TLS_OEM, -60, AUTHORITY_DAY_S);
    tls_address(secure->node->rpc);
    tls_address(secure->node->gossip);
    configure(secure);
    secure_call_as(secure, "gw-1");
    cluster_start(&secure->cluster, "node-a");
}

void secure_close(struct secure *secure)
{
    cluster_close(&secure->cluster);
    tamga_tls_close(secure->link.tls);
    authority_close(&secure->authority);
}
