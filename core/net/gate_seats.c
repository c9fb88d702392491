/* Who is counted and who is known at a gate. Moves no byte. */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "net/gate_internal.h"

/* ---- how many of one address ------------------------------------------------------ */

/* An IPv6 host has a /64 to itself; IPv4 in IPv6's clothes is IPv4. */
static struct tamga_gate_address address_of(const struct sockaddr_storage *from)
{
    struct tamga_gate_address out = {.family = from->ss_family};

    if (from->ss_family == AF_INET) {
        memcpy(out.byte, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
    } else if (from->ss_family == AF_INET6) {
        const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr;

        if (IN6_IS_ADDR_V4MAPPED(six)) {
            out.family = AF_INET;
            memcpy(out.byte, six->s6_addr + 12, 4);
        } else {
            memcpy(out.byte, six->s6_addr, sizeof out.byte);
        }
    }
    return out;
}

/* FNV-1a. Who may choose addresses at will is bounded by conns_max all the same. */
static struct tamga_gate_address **bucket_of(struct tamga_gate *gate,
                                             const struct tamga_gate_address *address)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < sizeof address->byte; i++)
        hash = (hash ^ address->byte[i]) * 16777619u;
    return &gate->address[hash % TAMGA_GATE_ADDRESS_BUCKETS];
}

struct tamga_gate_address *tamga_gate_seat_take(struct tamga_gate *gate,
                                                const struct sockaddr_storage *from)
{
    struct tamga_gate_address wanted = address_of(from);
    struct tamga_gate_address **bucket = bucket_of(gate, &wanted), *found = *bucket;

    while (found && (found->family != wanted.family ||
                     memcmp(found->byte, wanted.byte, sizeof wanted.byte) != 0))
        found = found->next;
    if (found && found->count >= gate->options.per_address_max)
        return NULL;
    if (!found) {
        found = malloc(sizeof *found);
        if (!found)
            return NULL;
        *found = wanted;
        found->next = *bucket;
        *bucket = found;
    }
    found->count++;
    return found;
}

void tamga_gate_seat_leave(struct tamga_gate *gate, struct tamga_gate_address *address)
{
    struct tamga_gate_address **at;

    if (!address || --address->count > 0)
        return;
    at = bucket_of(gate, address);
    while (*at != address)
        at = &(*at)->next;
    *at = address->next;
    free(address);
}

/* ---- who is behind a port --------------------------------------------------------- */

void tamga_gate_know(struct tamga_gate_conn *conn, uint16_t port)
{
    pthread_mutex_lock(&conn->gate->lock);
    conn->member = *tamga_tls_session_peer(conn->session);
    conn->gate->by_port[port] = conn;
    conn->port = port;
    pthread_mutex_unlock(&conn->gate->lock);
}

void tamga_gate_forget(struct tamga_gate_conn *conn)
{
    if (conn->port == 0)
        return;
    pthread_mutex_lock(&conn->gate->lock);
    conn->gate->by_port[conn->port] = NULL;
    conn->port = 0;
    pthread_mutex_unlock(&conn->gate->lock);
}

bool tamga_gate_member(struct tamga_gate *gate, uint16_t port, struct tamga_tls_identity *out)
{
    const struct tamga_gate_conn *conn;

    pthread_mutex_lock(&gate->lock);
    conn = gate->by_port ? gate->by_port[port] : NULL;
    if (conn)
        *out = conn->member;
    pthread_mutex_unlock(&gate->lock);
    return conn != NULL;
}

/* ---- lists ------------------------------------------------------------------------ */

static void list_remove(struct tamga_gate_conn *conn)
{
    struct tamga_gate_list *list = conn->list;

    if (!list)
        return;
    *(conn->before ? &conn->before->next : &list->first) = conn->next;
    *(conn->next ? &conn->next->before : &list->last) = conn->before;
    conn->before = conn->next = NULL;
    conn->list = NULL;
}

void tamga_gate_move(struct tamga_gate_conn *conn, struct tamga_gate_list *to)
{
    list_remove(conn);
    conn->before = to->last;
    *(to->last ? &to->last->next : &to->first) = conn;
    to->last = conn;
    conn->list = to;
}
