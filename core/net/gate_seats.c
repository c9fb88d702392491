/* Who is counted and who is known at a gate. Moves no byte. */
#include <netinet/in.h>
#include <string.h>

#include "net/clock.h"
#include "net/gate_internal.h"

/* ---- how many of one address ------------------------------------------------------ */

/* An IPv6 host has a /64 to itself; IPv4 in IPv6's clothes is IPv4. */
static void address_name(char name[TAMGA_TLS_DEVICE_MAX + 1], const struct sockaddr_storage *from)
{
    strcpy(name, "unknown");
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *four = (const void *)from;

        tamga_to_hex(name, (const uint8_t *)&four->sin_addr, 4);
    } else if (from->ss_family == AF_INET6) {
        const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr;
        bool mapped = IN6_IS_ADDR_V4MAPPED(six);

        tamga_to_hex(name, mapped ? six->s6_addr + 12 : six->s6_addr, mapped ? 4 : 8);
    }
}

struct tamga_party *tamga_gate_seat_take(struct tamga_gate *gate,
                                         const struct sockaddr_storage *from)
{
    const struct tamga_limit limit = {.requests_per_s = gate->options.per_address_per_s,
                                      .requests_burst = 2 * gate->options.per_address_max};
    uint64_t now_ms = tamga_net_now_ms();
    char name[TAMGA_TLS_DEVICE_MAX + 1];
    struct tamga_limit_hit hit = {0};
    struct tamga_party *party;

    address_name(name, from);
    party = tamga_parties_hold(&gate->parties, TAMGA_LIMIT_ADDRESS, name, &limit, now_ms);
    if (party->holders > gate->options.per_address_max ||
        !tamga_account_may(&party->account, &hit, &limit, now_ms)) {
        tamga_parties_release(&gate->parties, party);
        return NULL;
    }
    tamga_account_begin(&party->account, &limit, 0);
    tamga_account_end(&party->account, &limit, 0, now_ms); /* how many are there, holders tells */
    return party;
}

void tamga_gate_seat_leave(struct tamga_gate *gate, struct tamga_party *party)
{
    if (party)
        tamga_parties_release(&gate->parties, party);
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
