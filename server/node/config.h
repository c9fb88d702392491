/* Configuration of both kinds of node: YAML, every mistake refused with file and line. */
#ifndef TAMGA_NODE_CONFIG_H
#define TAMGA_NODE_CONFIG_H

#include <stdbool.h>

#include "base/log.h"
#include "net/limits.h"
#include "node/node.h"

#define TAMGA_NODE_CONTEXTS 256 /* requests that a node has in work at once */

struct tamga_config_peer {
    char *rpc;
    char *gossip;
};

/* Paths; core/crypto/tls.h says what they hold. */
struct tamga_config_tls {
    char *ca, *cert, *key, *crl;
};

struct tamga_config {
    char *name;            /* the member's, as in genesis */
    char *genesis;         /* path */
    char *key;             /* path, or a pkcs11: URI */
    char *passphrase_file; /* path or NULL */
    char *data;            /* folder */
    char *rpc;             /* tls+tcp://host:port or tcp://host:port to listen on */
    char *gossip;
    struct tamga_config_tls *tls; /* or NULL */
    bool insecure;         /* plain tcp must be asked for */
    bool joined;           /* the member, or its key, came by a decision on the chain */
    uint64_t content_bytes_max;
    struct tamga_limits limits; /* all are set */
    char *log_level;
    char *log_format;
    struct tamga_config_peer *peers;
    unsigned peers_count;
    struct tamga_config_peer *consortium; /* gateways only: whom to follow */
    unsigned consortium_count;
};

/* gateway: also `consortium` is read, and required. Paths come back absolute or relative
 * to the working folder. Errors: USAGE ("FILE:LINE: what"), FILE_IO. */
TAMGA_MUST_USE enum tamga_err tamga_config_load(struct tamga_config **out, const char *path,
                                                bool gateway, struct tamga_detail *detail);
void tamga_config_free(struct tamga_config *config, bool gateway);

#endif
