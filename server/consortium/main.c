/* tamga-consortium: wires the rooms of a consortium node together. */
#include "base/log.h"
#include "consortium/consortium.h"
#include "node/access.h"
#include "node/chain_service.h"
#include "node/daemon.h"
#include "node/finality_service.h"
#include "rules/rules.h"
#include "store/rocks.h"

struct program {
    struct tamga_daemon daemon;
    struct tamga_chain chain;
    struct tamga_store *store;
    struct tamga_content *content;
    struct tamga_node *node;
    struct tamga_rpc_server *server;
    struct tamga_peer_addr peer[TAMGA_PEERS_MAX];
    const char *upstream[TAMGA_PEERS_MAX];
    struct tamga_chain_service chain_service;
    struct tamga_finality_service finality_service;
    struct tamga_consortium_service consortium_service;
    struct tamga_content_service content_service;
};

static void tip_changed(void *context, uint64_t height, uint64_t abandoned)
{
    tamga_content_tip_changed(((struct program *)context)->content, height, abandoned);
}

static void failed(void *context, enum tamga_err err)
{
    struct program *program = context;
    struct tamga_detail detail = {{0}};

    tamga_rocks_last_failure(program->store, &detail);
    tamga_daemon_failed(&program->daemon, err, &detail);
}

static enum tamga_err open_stores(struct program *program, struct tamga_detail *detail)
{
    const struct tamga_config *config = program->daemon.config;
    char folder[4096];
    enum tamga_err err = tamga_daemon_folder(&program->daemon, folder, "chain", detail);

    if (err == TAMGA_OK)
        err = tamga_rocks_open(&program->store, folder, &program->chain.id, detail);
    if (err == TAMGA_OK)
        err = tamga_daemon_folder(&program->daemon, folder, "content", detail);
    if (err != TAMGA_OK)
        return err;
    for (unsigned i = 0; i < config->peers_count; i++)
        program->upstream[i] = config->peers[i].rpc;
    return tamga_content_open_link(&program->content, folder, config->content_bytes_max,
                                   program->upstream, config->peers_count,
                                   &program->daemon.link, detail);
}

static enum tamga_err open_node(struct program *program, struct tamga_detail *detail)
{
    const struct tamga_config *config = program->daemon.config;
    struct tamga_node_options options = {
        .name = config->name,
        .chain = &program->chain,
        .store = program->store,
        .key = program->daemon.key,
        .mine = true,
        .gossip_listen = config->gossip,
        .link = &program->daemon.link,
        .peer = program->peer,
        .peer_count = tamga_daemon_peers(program->peer, config->peers, config->peers_count),
        .tip_changed = tip_changed,
        .failed = failed,
        .context = program,
    };

    return tamga_node_open(&program->node, &options, detail);
}

static enum tamga_err open_services(struct program *program, struct tamga_detail *detail)
{
    ProtobufCService *service[] = {&program->chain_service.service.base,
                                   &program->finality_service.service.base,
                                   &program->consortium_service.service.base,
                                   &program->content_service.service.base};
    enum tamga_err err = tamga_daemon_server(&program->daemon, &program->server, detail);

    tamga_chain_service_init(&program->chain_service, &program->node, 1);
    tamga_finality_service_init(&program->finality_service, &program->node, 1);
    tamga_consortium_service_init(&program->consortium_service, program->node,
                                  program->content);
    tamga_content_service_init(&program->content_service, program->content, true);
    if (err == TAMGA_OK)
        err = tamga_access_add(program->server, service, sizeof service / sizeof service[0]);
    return err;
}

static enum tamga_err start(struct program *program, struct tamga_detail *detail)
{
    enum tamga_err err = tamga_chain_init(&program->chain, &tamga_rules_consortium,
                                          program->daemon.network);

    if (err == TAMGA_OK)
        err = open_stores(program, detail);
    if (err == TAMGA_OK)
        err = open_node(program, detail);
    if (err == TAMGA_OK)
        err = open_services(program, detail);
    if (err == TAMGA_OK)
        err = tamga_content_replicate(program->content, &program->chain, program->store);
    if (err == TAMGA_OK)
        err = tamga_node_start(program->node);
    if (err == TAMGA_OK)
        err = tamga_rpc_server_start(program->server);
    if (err != TAMGA_OK)
        return err;
    tamga_rpc_server_set_serving(program->server, true);
    tamga_log(TAMGA_LOG_INFO, "node.ready", "rpc %s gossip %s",
              tamga_rpc_server_addr(program->server), tamga_node_gossip_addr(program->node));
    return TAMGA_OK;
}

/* Outer doors first, the store last. */
static void stop(struct program *program)
{
    if (program->server != NULL)
        tamga_rpc_server_stop(program->server);
    tamga_node_stop(program->node);
    if (program->content != NULL)
        tamga_content_stop(program->content);
    if (program->server != NULL)
        tamga_rpc_server_close(program->server);
    tamga_node_close(program->node);
    tamga_content_close(program->content);
    if (program->store != NULL)
        program->store->ops->close(program->store);
}

int main(int argc, char **argv)
{
    static struct program program;
    struct tamga_detail detail = {{0}};
    enum tamga_err err;
    int exit_code = 0;

    if (!tamga_daemon_open(&program.daemon, false, argc, argv, &exit_code))
        return exit_code;
    err = start(&program, &detail);
    exit_code = err == TAMGA_OK ? tamga_daemon_wait(&program.daemon)
                                : tamga_daemon_refuse("start", err, &detail);
    stop(&program);
    tamga_daemon_close(&program.daemon);
    return exit_code;
}
