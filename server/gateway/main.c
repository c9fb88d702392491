/* tamga-gateway: wires the rooms of a gateway together. */
#include "base/log.h"
#include "gateway/device_link.h"
#include "node/access.h"
#include "node/chain_service.h"
#include "node/daemon.h"
#include "node/finality_service.h"
#include "store/rocks.h"

struct program {
    struct tamga_daemon daemon;
    struct tamga_chain consortium, records;
    struct tamga_store *consortium_store, *records_store;
    struct tamga_gateway gateway;
    struct tamga_device_link link;
    struct tamga_rpc_server *server;
    struct tamga_peer_addr followed[TAMGA_PEERS_MAX], peer[TAMGA_PEERS_MAX];
    const char *upstream[TAMGA_PEERS_MAX];
    struct tamga_node *node[2];
    struct tamga_chain_service chain_service;
    struct tamga_finality_service finality_service;
    struct tamga_device_service device_service;
    struct tamga_gateway_service gateway_service;
    struct tamga_content_service content_service;
};

/* Row 22 of the design: mining must not take what deliveries need. */
static bool busy(void *context)
{
    return atomic_load(&((struct program *)context)->gateway.serving) > 0;
}

/* Either chain's store; the other one's words are empty. */
static void failed(void *context, enum tamga_err err)
{
    struct program *program = context;
    struct tamga_detail detail = {{0}};

    tamga_rocks_last_failure(program->consortium_store, &detail);
    if (detail.text[0] == '\0')
        tamga_rocks_last_failure(program->records_store, &detail);
    tamga_daemon_failed(&program->daemon, err, &detail);
}

static enum tamga_err open_store(struct program *program, struct tamga_store **store,
                                 const char *name, const struct tamga_chain *chain,
                                 struct tamga_detail *detail)
{
    char folder[4096];
    enum tamga_err err = tamga_daemon_folder(&program->daemon, folder, name, detail);

    return err == TAMGA_OK ? tamga_rocks_open(store, folder, &chain->id, detail) : err;
}

static enum tamga_err open_content(struct program *program, struct tamga_detail *detail)
{
    const struct tamga_config *config = program->daemon.config;
    char folder[4096];
    enum tamga_err err = tamga_daemon_folder(&program->daemon, folder, "content", detail);

    if (err != TAMGA_OK)
        return err;
    for (unsigned i = 0; i < config->consortium_count; i++)
        program->upstream[i] = config->consortium[i].rpc;
    return tamga_content_open_link(&program->gateway.content, folder,
                                   config->content_bytes_max, program->upstream,
                                   config->consortium_count, &program->daemon.link, detail);
}

/* The gateway listener's node: reads the consortium chain, mines and publishes nothing. */
static enum tamga_err open_follower(struct program *program, struct tamga_detail *detail)
{
    const struct tamga_config *config = program->daemon.config;
    struct tamga_node_options options = {
        .name = config->name,
        .chain = &program->consortium,
        .store = program->consortium_store,
        .key = program->daemon.key,
        .mine = false,
        .link = &program->daemon.link,
        .peer = program->followed,
        .peer_count = tamga_daemon_peers(program->followed, config->consortium,
                                         config->consortium_count),
        .failed = failed,
        .context = program,
    };

    return tamga_node_open(&program->gateway.follower, &options, detail);
}

static enum tamga_err open_records(struct program *program, struct tamga_detail *detail)
{
    const struct tamga_config *config = program->daemon.config;
    struct tamga_node_options options = {
        .name = config->name,
        .chain = &program->records,
        .store = program->records_store,
        .above = program->gateway.follower,
        .key = program->daemon.key,
        .mine = true,
        .gossip_listen = config->gossip,
        .link = &program->daemon.link,
        .peer = program->peer,
        .peer_count = tamga_daemon_peers(program->peer, config->peers, config->peers_count),
        .busy = busy,
        .failed = failed,
        .context = program,
    };

    return tamga_node_open(&program->gateway.records, &options, detail);
}

static enum tamga_err open_services(struct program *program, struct tamga_detail *detail)
{
    ProtobufCService *service[] = {&program->chain_service.service.base,
                                   &program->finality_service.service.base,
                                   &program->device_service.service.base,
                                   &program->gateway_service.service.base,
                                   &program->content_service.service.base};
    enum tamga_err err;

    program->daemon.front.want.device = tamga_device_link_judge;
    program->daemon.front.want.context = &program->link;
    program->link = (struct tamga_device_link){program->daemon.network,
                                               &program->consortium_store->reader.view};
    err = tamga_daemon_server(&program->daemon, &program->server, detail);
    program->node[0] = program->gateway.records;
    program->node[1] = program->gateway.follower;
    tamga_chain_service_init(&program->chain_service, program->node, 2);
    tamga_finality_service_init(&program->finality_service, program->node, 2);
    tamga_device_service_init(&program->device_service, &program->gateway);
    tamga_gateway_service_init(&program->gateway_service, &program->gateway);
    tamga_content_service_init(&program->content_service, program->gateway.content, false);
    if (err == TAMGA_OK)
        err = tamga_access_add(program->server, service, sizeof service / sizeof service[0]);
    return err;
}

static enum tamga_err open_all(struct program *program, struct tamga_detail *detail)
{
    const struct tamga_network *network = program->daemon.network;
    enum tamga_err err =
        tamga_chain_init(&program->consortium, &tamga_rules_consortium, network);

    if (err == TAMGA_OK)
        err = tamga_chain_init(&program->records, &tamga_rules_gateway, network);
    if (err != TAMGA_OK)
        return err;
    program->gateway.key = program->daemon.key;
    err = tamga_deliveries_new(&program->gateway.deliveries, TAMGA_DELIVERIES_MAX);
    if (err == TAMGA_OK)
        err = open_store(program, &program->consortium_store, "consortium",
                         &program->consortium, detail);
    if (err == TAMGA_OK)
        err = open_store(program, &program->records_store, "records", &program->records,
                         detail);
    if (err == TAMGA_OK)
        err = open_content(program, detail);
    if (err == TAMGA_OK)
        err = open_follower(program, detail);
    if (err == TAMGA_OK)
        err = open_records(program, detail);
    return err == TAMGA_OK ? open_services(program, detail) : err;
}

static enum tamga_err start(struct program *program, struct tamga_detail *detail)
{
    enum tamga_err err = open_all(program, detail);

    if (err == TAMGA_OK)
        err = tamga_node_start(program->gateway.follower);
    if (err == TAMGA_OK)
        err = tamga_node_start(program->gateway.records);
    if (err == TAMGA_OK)
        err = tamga_rpc_server_start(program->server);
    if (err != TAMGA_OK)
        return err;
    tamga_rpc_server_set_serving(program->server, true);
    tamga_log(TAMGA_LOG_INFO, "node.ready", "rpc %s gossip %s",
              tamga_rpc_server_addr(program->server),
              tamga_node_gossip_addr(program->gateway.records));
    return TAMGA_OK;
}

/* Outer doors first, the stores last. */
static void stop(struct program *program)
{
    if (program->server != NULL)
        tamga_rpc_server_stop(program->server);
    tamga_node_stop(program->gateway.follower);
    tamga_node_stop(program->gateway.records);
    if (program->server != NULL)
        tamga_rpc_server_close(program->server);
    tamga_node_close(program->gateway.follower);
    tamga_node_close(program->gateway.records);
    tamga_content_close(program->gateway.content);
    if (program->consortium_store != NULL)
        program->consortium_store->ops->close(program->consortium_store);
    if (program->records_store != NULL)
        program->records_store->ops->close(program->records_store);
    tamga_deliveries_free(program->gateway.deliveries);
}

int main(int argc, char **argv)
{
    static struct program program;
    struct tamga_detail detail = {{0}};
    enum tamga_err err;
    int exit_code = 0;

    if (!tamga_daemon_open(&program.daemon, true, argc, argv, &exit_code))
        return exit_code;
    err = start(&program, &detail);
    exit_code = err == TAMGA_OK ? tamga_daemon_wait(&program.daemon)
                                : tamga_daemon_refuse("start", err, &detail);
    stop(&program);
    tamga_daemon_close(&program.daemon);
    return exit_code;
}
