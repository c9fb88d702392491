/* The life of a node's process: arguments, configuration, keys, signals. */
#ifndef TAMGA_NODE_DAEMON_H
#define TAMGA_NODE_DAEMON_H

#include <stdatomic.h>

#include "net/rpc.h"
#include "node/config.h"

struct tamga_daemon {
    bool gateway;
    const char *config_path;
    struct tamga_config *config;
    struct tamga_network *network;
    struct tamga_private_key *key;
    const struct tamga_member *member; /* whom the key belongs to */
    struct tamga_net_link link;        /* certificates; its tls is NULL without them */
    struct tamga_net_link front;       /* the same, and who may call the rpc server */
    int64_t warned_s;                  /* when a certificate's end was told last, 0 never */
    atomic_int failure;                /* enum tamga_err, once a store failed */
};

/*
 * Read arguments and configuration, open the log, load genesis and key.
 *
 * Returns: true to go on. false: *exit_code is the process's answer (already said why).
 */
bool tamga_daemon_open(struct tamga_daemon *daemon, bool gateway, int argc, char **argv,
                       int *exit_code);
/* Folder below the configured data folder, made if absent. Errors: FILE_IO. */
TAMGA_MUST_USE enum tamga_err tamga_daemon_folder(const struct tamga_daemon *daemon,
                                                  char out[4096], const char *name,
                                                  struct tamga_detail *detail);
/* An RPC server with this network's usual bounds. */
TAMGA_MUST_USE enum tamga_err tamga_daemon_server(const struct tamga_daemon *daemon,
                                                  struct tamga_rpc_server **out,
                                                  struct tamga_detail *detail);
/* Log that the certificate ends within TAMGA_TLS_WARN_S, if it does: at the start, after each
 * reload, and once a day. Returns whether it was told. */
bool tamga_daemon_warn(struct tamga_daemon *daemon, int64_t now_s);
/* Until SIGTERM or SIGINT (exit code 0) or a failure (4). SIGHUP reads the log level and
 * the certificates again. */
int tamga_daemon_wait(struct tamga_daemon *daemon);
/* The store failed, in its own words: log it and end tamga_daemon_wait. Any thread. */
void tamga_daemon_failed(struct tamga_daemon *daemon, enum tamga_err err,
                         const struct tamga_detail *detail);
/* Log an error that keeps the process from starting; returns its exit code. */
int tamga_daemon_refuse(const char *what, enum tamga_err err,
                        const struct tamga_detail *detail);
void tamga_daemon_close(struct tamga_daemon *daemon);

/* Peers' addresses as the node wants them; borrowed from the configuration. */
size_t tamga_daemon_peers(struct tamga_peer_addr out[TAMGA_PEERS_MAX],
                          const struct tamga_config_peer *from, unsigned count);

#endif
