/* Who comes to a gate, and who makes room for them. Reads no byte. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/descriptor.h"
#include "net/gate_internal.h"

#define ACCEPTS_MAX 64 /* of one round */

static void count_up(struct tamga_gate *gate, uint64_t *counter)
{
    pthread_mutex_lock(&gate->lock);
    ++*counter;
    pthread_mutex_unlock(&gate->lock);
}

/* Who is not judged yet makes room for who comes. */
static bool room_made(struct tamga_gate *gate)
{
    if (gate->count < gate->options.conns_max)
        return true;
    if (!gate->waiting.first)
        return false;
    gate->evicted++;
    count_up(gate, &gate->counters.evicted);
    tamga_gate_conn_end(gate->waiting.first, TAMGA_OK, NULL);
    return true;
}

static void welcome(struct tamga_gate *gate, int fd, const struct sockaddr_storage *from)
{
    struct tamga_gate_address *address = NULL;
    bool fine = gate->serves ? (address = tamga_gate_seat_take(gate, from)) != NULL
                             : tamga_is_own_connection(fd);

    if (fine && room_made(gate)) {
        tamga_gate_conn_begin(gate, fd, address);
        return;
    }
    tamga_gate_seat_leave(gate, address);
    gate->turned_away++;
    count_up(gate, &gate->counters.turned_away);
    close(fd);
}

void tamga_gate_accept(struct tamga_gate *gate)
{
    for (unsigned i = 0; i < ACCEPTS_MAX; i++) {
        struct sockaddr_storage from = {0};
        socklen_t len = sizeof from;
        int fd = accept4(gate->listener.fd, (struct sockaddr *)&from, &len,
                         SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd >= 0) {
            welcome(gate, fd, &from);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
            gate->deaf = true; /* it would be reported again at once, and for nothing */
            tamga_gate_unpoll(gate, &gate->listener);
            if (gate->waiting.first)
                tamga_gate_conn_end(gate->waiting.first, TAMGA_OK, NULL);
        }
        if (errno != ECONNABORTED && errno != EINTR)
            return;
    }
}
