/*
 * A network as its genesis file states it: members, models, the parameters of both chains;
 * and the keys of members that came later. Genesis never changes; members are only ever
 * added. Shared by threads. Knows no store.
 */
#ifndef TAMGA_CHAIN_NETWORK_H
#define TAMGA_CHAIN_NETWORK_H

#include <stdatomic.h>

#include "chain/header.h"
#include "tamga/v1/genesis.pb-c.h"

#define TAMGA_GENESIS_BYTES_MAX (4u * 1024 * 1024)
#define TAMGA_MEMBERS_MAX       1024
#define TAMGA_KEYS_MAX          4096 /* of members, all that ever were */
#define TAMGA_MODELS_MAX        4096
#define TAMGA_VALIDATORS_MAX    128
#define TAMGA_NAME_BYTES_MAX    32
#define TAMGA_MODEL_BYTES_MAX   64
#define TAMGA_NUMBER_BYTES_MAX  64
#define TAMGA_VERSION_BYTES_MAX 64

/*
 * Whose key this is. A key's address is its hash, so that this never changes; what its
 * member may do with it at which height, the consortium chain's state says.
 */
struct tamga_member {
    const char *name;      /* borrowed from the network */
    _Atomic uint32_t roles; /* OR of Tamga__V1__Role: all that it had or will have with this key */
    struct tamga_address address;
    struct tamga_public_key *key;
};

struct tamga_known;    /* network.c: a member that genesis does not name */
struct tamga_standing; /* network.c: what the chain says of a name now */
struct tamga_council; /* chain/council.h */

#define TAMGA_KNOWN_SLOTS 8192 /* twice TAMGA_KEYS_MAX */

struct tamga_network {
    Tamga__V1__Genesis *genesis;
    struct tamga_buf bytes;      /* canonical encoding of genesis */
    struct tamga_scope id;       /* network id */
    struct tamga_member *member; /* genesis' order, by name */
    size_t member_count;
    const struct tamga_member **by_address; /* the same ones, ascending by address */
    struct tamga_known *_Atomic *known;     /* hashed by address; a slot once filled stays so */
    struct tamga_standing *_Atomic *standing; /* hashed by name, likewise */
    struct tamga_council *consortium, *gateway; /* who makes their blocks final */
    uint32_t voters;                        /* OR of Role: who has a say in what changes */
    uint32_t voters_percent;                /* how many of them must say yes */
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

/* NULL: nobody's key, as far as is known here. Borrowed until the network is freed. */
const struct tamga_member *tamga_network_member(const struct tamga_network *network,
                                                const struct tamga_address *address);
/*
 * A member's key that genesis does not have, or more roles for one that is known. Whoever
 * tells must have it from the consortium chain's state.
 *
 * Errors:  BAD_KEY; ROSTER_FULL; NO_MEMORY. Threads: any.
 */
TAMGA_MUST_USE enum tamga_err tamga_network_learn(const struct tamga_network *network,
                                                  const char *name, uint32_t roles,
                                                  const Tamga__V1__PublicKey *key);
/*
 * What the consortium chain says of a name now: its roles, 0 if it is suspended or removed.
 * False as long as nothing was ever decided, or as nobody has that name.
 *
 * Errors:  of stand: ROSTER_FULL; NO_MEMORY. Threads: any.
 */
TAMGA_MUST_USE enum tamga_err tamga_network_stand(const struct tamga_network *network,
                                                  const char *name, uint32_t roles);
bool tamga_network_standing(const struct tamga_network *network, const char *name,
                            uint32_t *roles);
/* In genesis. */
const struct tamga_member *tamga_network_named(const struct tamga_network *network,
                                               const char *name);
/* 1..max bytes of [A-Za-z0-9._-]; member names besides lower case without '.' and '_'. */
bool tamga_name_ok(const char *name, size_t max);
bool tamga_member_name_ok(const char *name);
/* Known bits, at least one; a gateway has no other role. */
bool tamga_roles_ok(uint32_t roles);

#endif
