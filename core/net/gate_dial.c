/* On the way to the member: its name, then one of its addresses after the other. */
#include <sys/epoll.h>
#include <sys/socket.h>

#include "net/gate_internal.h"

/* One address of the host after the other. */
static void connect_next(struct tamga_gate_conn *conn)
{
    struct tamga_resolved *resolved = &conn->resolved;

    conn->state = TAMGA_GATE_CONNECT;
    tamga_gate_secure_close(conn);
    while (conn->tried < resolved->count) {
        const struct sockaddr_storage *address = &resolved->address[conn->tried];
        socklen_t len = resolved->len[conn->tried++];

        conn->secure.fd = socket(address->ss_family,
                                 SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (conn->secure.fd < 0)
            continue;
        tamga_gate_socket_prepare(conn->gate, conn->secure.fd);
        if (tamga_gate_connect_to(conn->secure.fd, address, len) &&
            tamga_gate_poll(conn->gate, &conn->secure, EPOLLOUT))
            return;
        tamga_gate_secure_close(conn);
    }
    tamga_gate_conn_end(conn, TAMGA_E_UNREACHABLE, NULL);
}

/* A lookup may take far longer than a connection waits for it: the next one waits for the
 * same, so that there is never more than one a gate. An answer that nobody took is old. */
static bool lookup_adopt(struct tamga_gate_conn *conn)
{
    struct tamga_lookup *lookup = conn->gate->lookup;
    struct tamga_resolved old;

    conn->gate->lookup = NULL;
    if (!lookup || !tamga_lookup_take(lookup, &old)) {
        conn->lookup = lookup;
        return lookup != NULL;
    }
    tamga_lookup_free(lookup);
    return false;
}

void tamga_gate_lookup_leave(struct tamga_gate_conn *conn)
{
    struct tamga_resolved old;

    if (conn->lookup && !conn->gate->lookup && !tamga_lookup_take(conn->lookup, &old))
        conn->gate->lookup = conn->lookup;
    else
        tamga_lookup_free(conn->lookup);
    conn->lookup = NULL;
}

void tamga_gate_dial_begin(struct tamga_gate_conn *conn)
{
    struct tamga_gate *gate = conn->gate;

    if (!tamga_gate_poll(gate, &conn->plain, 0)) { /* NNG's bytes wait until it is open */
        tamga_gate_conn_end(conn, TAMGA_E_SYSTEM, NULL);
    } else if (tamga_resolve_numeric(&conn->resolved, &gate->remote)) {
        connect_next(conn);
    } else {
        conn->state = TAMGA_GATE_LOOKUP;
        if (lookup_adopt(conn))
            return;
        if (tamga_lookup_start(&conn->lookup, &gate->remote, gate->wake.fd) != TAMGA_OK)
            tamga_gate_conn_end(conn, TAMGA_E_SYSTEM, NULL);
    }
}

void tamga_gate_turn_lookup(struct tamga_gate_conn *conn)
{
    if (tamga_lookup_take(conn->lookup, &conn->resolved))
        connect_next(conn);
}

void tamga_gate_turn_connect(struct tamga_gate_conn *conn)
{
    if (tamga_gate_connect_failed(conn->secure.fd))
        connect_next(conn);
    else
        tamga_gate_shake_begin(conn);
}
