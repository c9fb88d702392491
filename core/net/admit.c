/*
 * Who enters a server, and which of their requests are taken on. Sends and receives nothing.
 *
 * A request has to be within its connection's limits and its caller's, who may have several
 * connections; only then either is charged.
 */
#include <arpa/inet.h>
#include <string.h>

#include "net/clock.h"
#include "net/server.h"

/* Refusals that a connection may get for asking above its limits, and how many of its bytes
 * count as one: whoever goes on regardless is cut off. */
#define REFUSALS_PER_S    1000
#define REFUSALS_BURST    10000
#define REFUSAL_BYTES     65536

/* ---- connections ------------------------------------------------------------- */

/* An IPv6 host has a /64 to itself; IPv4 in IPv6's clothes is IPv4. */
static void address_name(char name[TAMGA_TLS_DEVICE_MAX + 1], nng_pipe pipe)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    nng_sockaddr address;

    strcpy(name, "unknown");
    if (nng_pipe_get_addr(pipe, NNG_OPT_REMADDR, &address) != 0)
        return;
    if (address.s_family == NNG_AF_INET) {
        tamga_to_hex(name, (const uint8_t *)&address.s_in.sa_addr, 4);
    } else if (address.s_family == NNG_AF_INET6) {
        const uint8_t *byte = (const uint8_t *)address.s_in6.sa_addr;
        bool four = memcmp(byte, mapped, sizeof mapped) == 0;

        tamga_to_hex(name, four ? byte + 12 : byte, four ? 4 : 8);
    }
}

static const struct tamga_limit *limit_of(const struct tamga_rpc_server *server,
                                          enum tamga_limit_whose whose)
{
    switch (whose) {
    case TAMGA_LIMIT_ADDRESS:
        return &server->options.limits.address;
    case TAMGA_LIMIT_MEMBER:
        return &server->options.limits.member;
    case TAMGA_LIMIT_DEVICE:
        return &server->options.limits.device;
    case TAMGA_LIMIT_CONNECTION:
    case TAMGA_LIMIT_WHOSE_COUNT:
        break;
    }
    return &server->options.limits.connection;
}

static void seat_open(struct tamga_rpc_server *server, struct tamga_seat *seat, nng_pipe pipe,
                      const struct tamga_tls_identity *member)
{
    enum tamga_limit_whose whose = TAMGA_LIMIT_ADDRESS;
    uint64_t now_ms = tamga_net_now_ms();
    char name[TAMGA_TLS_DEVICE_MAX + 1];

    if (member) {
        seat->known = true;
        seat->member = *member;
        whose = member->roles & TAMGA_TLS_DEVICE ? TAMGA_LIMIT_DEVICE : TAMGA_LIMIT_MEMBER;
        memcpy(name, member->name, sizeof name);
    } else {
        address_name(name, pipe);
    }
    tamga_account_open(&seat->account, &server->options.limits.connection, now_ms);
    tamga_bucket_open(&seat->refusals, REFUSALS_BURST, now_ms);
    seat->party = tamga_parties_hold(&server->parties, whose, name, limit_of(server, whose),
                                     now_ms);
}

enum tamga_err tamga_server_enter(struct tamga_rpc_server *server, nng_pipe pipe, uint32_t id)
{
    struct tamga_tls_identity member;
    enum tamga_err err;

    if (server->closing)
        return TAMGA_E_STOPPING;
    if (!tamga_door_admits(&server->door, pipe, &member))
        return TAMGA_E_NOT_MEMBER;
    err = tamga_seats_take(&server->seats, id);
    if (err)
        return err;
    server->counters.connections++;
    seat_open(server, tamga_seats_find(&server->seats, id), pipe,
              atomic_load(&server->door.guarded) ? &member : NULL);
    return TAMGA_OK;
}

void tamga_server_exit(struct tamga_rpc_server *server, uint32_t id)
{
    struct tamga_seat *seat = tamga_seats_find(&server->seats, id);

    if (!seat)
        return;
    tamga_parties_release(&server->parties, seat->party);
    tamga_seats_leave(&server->seats, id);
}

/* ---- requests ---------------------------------------------------------------- */

static void queue_put(struct tamga_call_queue *queue, struct tamga_call *call)
{
    call->queue_next = NULL;
    if (queue->last)
        queue->last->queue_next = call;
    else
        queue->first = call;
    queue->last = call;
}

/* Under the lock. */
static enum tamga_verdict call_refuse(struct tamga_rpc_server *server, struct tamga_seat *seat,
                                      struct tamga_call *call, enum tamga_err why)
{
    server->tally.refused++;
    server->counters.busy += why == TAMGA_E_BUSY;
    if (server->leaving >= TAMGA_SERVER_LEAVING_MAX) {
        server->tally.dropped++;
        pthread_cond_signal(&server->refuse.arrived);
        return TAMGA_VERDICT_DROP;
    }
    call->leaving = true;
    call->why = why;
    seat->leaving++;
    server->leaving++;
    queue_put(&server->refuse, call);
    return TAMGA_VERDICT_TAKEN;
}

static enum tamga_verdict call_limit(struct tamga_rpc_server *server, struct tamga_seat *seat,
                                     struct tamga_call *call)
{
    uint64_t cost = 1 + nng_msg_len(call->message) / REFUSAL_BYTES;

    server->counters.limited[call->hit.whose][call->hit.what]++;
    server->tally.limited++;
    server->tally.hit = call->hit;
    memcpy(server->tally.limited_name, seat->party->name, sizeof server->tally.limited_name);
    if (!tamga_bucket_take(&seat->refusals, REFUSALS_PER_S, REFUSALS_BURST, cost,
                           call->received_ms))
        return TAMGA_VERDICT_CUT_OFF;
    return call_refuse(server, seat, call, TAMGA_E_RATE_LIMITED);
}

/* Both have to agree before one is charged. */
static bool within_limits(struct tamga_rpc_server *server, struct tamga_seat *seat,
                          struct tamga_call *call)
{
    struct tamga_party *party = seat->party;

    call->hit.whose = TAMGA_LIMIT_CONNECTION;
    if (!tamga_account_may(&seat->account, &call->hit, &server->options.limits.connection,
                           call->received_ms))
        return false;
    call->hit.whose = party->whose;
    return tamga_account_may(&party->account, &call->hit, limit_of(server, party->whose),
                             call->received_ms);
}

static void call_take(struct tamga_rpc_server *server, struct tamga_seat *seat,
                      struct tamga_call *call)
{
    size_t len = nng_msg_len(call->message);

    call->leaving = false;
    call->party = seat->party;
    tamga_party_hold(call->party);
    tamga_account_begin(&seat->account, &server->options.limits.connection, len);
    tamga_account_begin(&call->party->account, limit_of(server, call->party->whose), len);
    server->counters.requests++;
    server->counters.bytes_in += len;
    server->working++;
    queue_put(&server->work, call);
}

enum tamga_verdict tamga_server_admit(struct tamga_rpc_server *server, struct tamga_call *call)
{
    struct tamga_seat *seat = tamga_seats_find(&server->seats, call->pipe);

    if (!seat || server->closing)
        return TAMGA_VERDICT_DROP;
    if (seat->leaving >= TAMGA_SERVER_LEAVING_PER_PIPE_MAX)
        return TAMGA_VERDICT_CUT_OFF;
    if (server->stopping)
        return call_refuse(server, seat, call, TAMGA_E_STOPPING);
    if (!within_limits(server, seat, call))
        return call_limit(server, seat, call);
    if (server->working >= server->options.contexts)
        return call_refuse(server, seat, call, TAMGA_E_BUSY);
    call_take(server, seat, call);
    return TAMGA_VERDICT_TAKEN;
}

/* Answers on their way are counted apart from work: a client that has read its answer may
 * ask again before NNG has told us that it is sent. */
void tamga_call_leave(struct tamga_call *call, size_t answer_bytes)
{
    struct tamga_rpc_server *server = call->server;
    struct tamga_seat *seat;
    uint64_t now_ms;

    if (call->leaving)
        return;
    call->leaving = true;
    now_ms = tamga_net_now_ms();
    pthread_mutex_lock(&server->lock);
    seat = tamga_seats_find(&server->seats, call->pipe);
    if (seat) {
        tamga_account_end(&seat->account, &server->options.limits.connection, answer_bytes,
                          now_ms);
        seat->leaving++;
    }
    tamga_account_end(&call->party->account, limit_of(server, call->party->whose),
                      answer_bytes, now_ms);
    tamga_parties_release(&server->parties, call->party);
    server->counters.bytes_out += answer_bytes;
    server->leaving++;
    if (--server->working == 0)
        pthread_cond_broadcast(&server->idle);
    pthread_mutex_unlock(&server->lock);
}

bool tamga_call_peer(struct tamga_call *call, struct tamga_tls_identity *out)
{
    const struct tamga_seat *seat;
    bool known;

    pthread_mutex_lock(&call->server->lock);
    seat = tamga_seats_find(&call->server->seats, call->pipe);
    known = seat && seat->known;
    if (known)
        *out = seat->member;
    pthread_mutex_unlock(&call->server->lock);
    return known;
}

void tamga_rpc_server_counters(struct tamga_rpc_server *server, struct tamga_rpc_counters *out)
{
    pthread_mutex_lock(&server->lock);
    *out = server->counters;
    pthread_mutex_unlock(&server->lock);
    out->repeats = atomic_load(&server->repeats);
    out->role_denied = atomic_load(&server->role_denied);
    tamga_door_counters(&server->door, &out->links);
}
