/* Who comes to a gate, and who makes room for them. Reads no byte. */
#include <errno.h>
#include <fcntl.h>
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

static bool evict(struct tamga_gate *gate)
{
    if (!gate->waiting.first)
        return false;
    gate->evicted++;
    count_up(gate, &gate->counters.evicted);
    tamga_gate_conn_end(gate->waiting.first, TAMGA_OK, NULL);
    return true;
}

/* Who is not judged yet makes room for who comes. The kernel gives the lowest number that is
 * free, so that a high one tells how many are taken, whoever has them; what keeps one that is
 * set aside would hide that, and takes the one that has become free. */
static bool room_made(struct tamga_gate *gate, int *fd)
{
    int lower;

    if (gate->count >= gate->options.conns_max && !evict(gate))
        return false;
    if (!gate->serves || *fd < gate->accept_fd_max)
        return true;
    if (!evict(gate))
        return false;
    lower = fcntl(*fd, F_DUPFD_CLOEXEC, 0);
    if (lower < 0)
        return false;
    close(*fd);
    *fd = lower;
    return true;
}

static void welcome(struct tamga_gate *gate, int fd, const struct sockaddr_storage *from)
{
    struct tamga_party *address = NULL;
    bool fine = gate->serves ? (address = tamga_gate_seat_take(gate, from)) != NULL
                             : tamga_is_own_connection(fd);

    if (fine && !atomic_load(&gate->hushed) && room_made(gate, &fd)) {
        tamga_gate_conn_begin(gate, fd, address);
        return;
    }
    tamga_gate_seat_leave(gate, address);
    gate->turned_away++;
    count_up(gate, &gate->counters.turned_away);
    close(fd);
}

/* Somebody else has taken what was set aside. While nobody can make room, whoever waits at
 * the listener would be reported again at once, and for nothing. */
static void out_of_descriptors(struct tamga_gate *gate)
{
    unsigned evicted = 0;

    while (evicted < ACCEPTS_MAX && evict(gate))
        evicted++;
    if (evicted > 0)
        return;
    gate->deaf = true;
    tamga_gate_unpoll(gate, &gate->listener);
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
            out_of_descriptors(gate);
            return;
        }
        if (errno != ECONNABORTED && errno != EINTR)
            return;
    }
}
