/*
 * Who we are and whom we trust: a member's folder, as `tamga network init` makes it.
 * Knows no network connection.
 */
#ifndef TAMGA_LINK_IDENTITY_H
#define TAMGA_LINK_IDENTITY_H

#include "chain/network.h"

#define TAMGA_IDENTITY_KEY      "key.pem"
#define TAMGA_IDENTITY_KEY_URI  "key.uri"
#define TAMGA_IDENTITY_GENESIS  "genesis.tamga"
#define TAMGA_IDENTITY_PATH_MAX 4096

/* {0} is empty. */
struct tamga_identity {
    struct tamga_network *network;
    struct tamga_private_key *key;     /* NULL: only reads */
    const struct tamga_member *member; /* borrowed from network; NULL: a stranger, or no key */
    struct tamga_address address;      /* of key */
};

/* Texts are borrowed for the call. */
struct tamga_identity_options {
    const char *folder;          /* NULL: no key, genesis only */
    const char *genesis;         /* NULL: genesis.tamga of folder */
    const char *passphrase_file; /* NULL: the key is not encrypted */
    const char *passphrase;      /* the same as text, if there is no file */
};

/*
 * Load a member's key and genesis. A key that no member has is loaded all the same:
 * whoever signs with it refuses, with the reason.
 *
 * Owns:    *out is the caller's, tamga_identity_clear.
 * Errors:  USAGE: neither folder nor genesis; KEY_FILE; FILE_IO; as tamga_network_load.
 */
TAMGA_MUST_USE enum tamga_err tamga_identity_load(struct tamga_identity *out,
                                                  const struct tamga_identity_options *options,
                                                  struct tamga_detail *detail);
/*
 * What a member's folder names as its key: the path of key.pem, or the pkcs11: URI that is the
 * first line of key.uri. The folder has one of them.
 *
 * Errors:  KEY_FILE: both, or a key.uri that holds no such URI; USAGE: the path is too long.
 */
TAMGA_MUST_USE enum tamga_err tamga_identity_key(char out[TAMGA_IDENTITY_PATH_MAX],
                                                 const char *folder,
                                                 struct tamga_detail *detail);
void tamga_identity_clear(struct tamga_identity *identity);

#endif
