/*
 * A new network's own CA, and a certificate for each member to link with: folder ca/ with
 * the CA's key, which belongs off the machines of the network, and what openssl needs to go
 * on with it; and in every member's folder
 * tls.crt, tls.key, ca.crt and ca.crl. The keys are other ones than those that sign.
 */
#ifndef TAMGA_CLI_NETWORK_CERTS_H
#define TAMGA_CLI_NETWORK_CERTS_H

#include "chain/network.h"
#include "cli/cli.h"

/* Members' folders are there. now_s: seconds since 1970-01-01 UTC. Errors: FILE_IO,
 * KEY_FILE, CRYPTO, NO_MEMORY. */
TAMGA_MUST_USE enum tamga_err network_certs_write(const struct cli_folder *folder,
                                                  const struct tamga_network *network,
                                                  int64_t now_s, struct tamga_detail *detail);

#endif
