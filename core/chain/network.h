/*
 * A network as its genesis file states it: members, models, the parameters of both
 * chains. Immutable once loaded; shared by threads. Knows no store.
 */
#ifndef TAMGA_CHAIN_NETWORK_H
#define TAMGA_CHAIN_NETWORK_H

#include "chain/header.h"
#include "tamga/v1/genesis.pb-c.h"

#define TAMGA_GENESIS_BYTES_MAX (4u * 1024 * 1024)
#define TAMGA_MEMBERS_MAX       1024
#define TAMGA_MODELS_MAX        4096
#define TAMGA_VALIDATORS_MAX    128
#define TAMGA_NAME_BYTES_MAX    32
#define TAMGA_MODEL_BYTES_MAX   64
#define TAMGA_NUMBER_BYTES_MAX  64
#define TAMGA_VERSION_BYTES_MAX 64

struct tamga_member {
    const char *name; /* borrowed from the network */
    uint32_t roles;   /* OR of Tamga__V1__Role */
    struct tamga_address address;
    struct tamga_public_key *key;
};

struct tamga_network {
    Tamga__V1__Genesis *genesis;
    struct tamga_buf bytes;      /* canonical encoding of genesis */
    struct tamga_scope id;       /* network id */
    struct tamga_member *member; /* genesis' order, by name */
    size_t member_count;
    const struct tamga_member **by_address; /* the same ones, ascending by address */
};

/*
 * Read a genesis and judge it: canonical, names and lists in order, roles sensible,
 * models owned by OEMs, a consortium node there, parameters in range, the validators of a
 * chain some of its miners (none only if it has no miner).
 *
 * Owns:    *out is the caller's, tamga_network_free.
 * Errors:  as the wire's judge; BAD_VALUE, BAD_KEY; detail names the entry.
 */
TAMGA_MUST_USE enum tamga_err tamga_network_decode(struct tamga_network **out,
                                                   struct tamga_span untrusted,
                                                   struct tamga_detail *detail);
/* From a file. Errors: FILE_IO besides. */
TAMGA_MUST_USE enum tamga_err tamga_network_load(struct tamga_network **out, const char *path,
                                                 struct tamga_detail *detail);
void tamga_network_free(struct tamga_network *network);

/* NULL: no such member. Borrowed until the network is freed. */
const struct tamga_member *tamga_network_member(const struct tamga_network *network,
                                                const struct tamga_address *address);
const struct tamga_member *tamga_network_named(const struct tamga_network *network,
                                               const char *name);
/* 1..max bytes of [A-Za-z0-9._-]; member names besides lower case without '.' and '_'. */
bool tamga_name_ok(const char *name, size_t max);
bool tamga_member_name_ok(const char *name);

#endif
