/* Two TLS sessions over a socket pair, for the tests of core/crypto/tls*.c. */
#ifndef CRYPTO_PAIR_H
#define CRYPTO_PAIR_H

#include "../net/authority.h"

struct pair {
    int fd[2];
    struct tamga_tls_session *server, *client;
    enum tamga_tls_step server_step, client_step;
};

/* Shake hands until neither side moves; then the client reads what the server adds. */
void pair_shake(struct pair *pair, struct tamga_tls *server, struct tamga_tls *client,
                const struct tamga_tls_want *wanted, const struct tamga_tls_want *caller,
                struct tamga_tls_ticket *ticket);
void pair_close(struct pair *pair);

#endif
