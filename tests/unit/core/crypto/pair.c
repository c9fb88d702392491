#include "pair.h"

#include <criterion/criterion.h>
#include <sys/socket.h>
#include <unistd.h>

void pair_shake(struct pair *pair, struct tamga_tls *server, struct tamga_tls *client,
                const struct tamga_tls_want *wanted, const struct tamga_tls_want *caller,
                struct tamga_tls_ticket *ticket)
{
    uint8_t byte;
    size_t len = 1;

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair->fd), 0);
    cr_assert_eq(tamga_tls_session_new(&pair->server, server, pair->fd[0], true, caller, NULL),
                 TAMGA_OK);
    cr_assert_eq(tamga_tls_session_new(&pair->client, client, pair->fd[1], false, wanted,
                                       ticket), TAMGA_OK);
    pair->server_step = pair->client_step = TAMGA_TLS_READ;
    for (int i = 0; i < 10; i++) {
        if (pair->client_step == TAMGA_TLS_READ)
            pair->client_step = tamga_tls_session_shake(pair->client);
        if (pair->server_step == TAMGA_TLS_READ)
            pair->server_step = tamga_tls_session_shake(pair->server);
    }
    if (pair->client_step == TAMGA_TLS_DONE)
        pair->client_step = tamga_tls_session_read(pair->client, &byte, &len);
}

void pair_close(struct pair *pair)
{
    tamga_tls_session_free(pair->server);
    tamga_tls_session_free(pair->client);
    close(pair->fd[0]);
    close(pair->fd[1]);
}
