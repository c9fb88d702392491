/*
 * Who enters a server, and which of their requests are taken on. Sends and receives nothing.
 */
#include "net/server.h"

/* ---- connections ------------------------------------------------------------- */

enum tamga_err tamga_server_enter(struct tamga_rpc_server *server, nng_pipe pipe, uint32_t id)
{
    struct tamga_tls_identity member;
    enum tamga_err err;

    if (server->closing)
        return TAMGA_E_STOPPING;
    if (!tamga_door_admits(&server->door, pipe, &member))
        return TAMGA_E_NOT_MEMBER;
    err = tamga_seats_take(&server->seats, id);
    if (!err && atomic_load(&server->door.guarded)) {
        struct tamga_seat *seat = tamga_seats_find(&server->seats, id);

        seat->known = true;
        seat->member = member;
    }
    return err;
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
                                struct tamga_call *call)
{
    server->tally.refused++;
    if (server->leaving >= TAMGA_SERVER_LEAVING_MAX) {
        server->tally.dropped++;
        pthread_cond_signal(&server->refuse.arrived);
        return TAMGA_VERDICT_DROP;
    }
    call->leaving = true;
    call->why = server->stopping ? TAMGA_E_STOPPING : TAMGA_E_BUSY;
    seat->leaving++;
    server->leaving++;
    queue_put(&server->refuse, call);
    return TAMGA_VERDICT_TAKEN;
}

enum tamga_verdict tamga_server_admit(struct tamga_rpc_server *server, struct tamga_call *call)
{
    struct tamga_seat *seat = tamga_seats_find(&server->seats, call->pipe);

    if (!seat || server->closing)
        return TAMGA_VERDICT_DROP;
    if (seat->leaving >= TAMGA_SERVER_LEAVING_PER_PIPE_MAX)
        return TAMGA_VERDICT_CUT_OFF;
    if (server->stopping || seat->working >= server->options.per_pipe_max ||
        server->working >= server->options.contexts)
        return call_refuse(server, seat, call);
    call->leaving = false;
    seat->working++;
    server->working++;
    queue_put(&server->work, call);
    return TAMGA_VERDICT_TAKEN;
}

/* Answers on their way are counted apart from work: a client that has read its answer may
 * ask again before NNG has told us that it is sent. */
void tamga_call_leave(struct tamga_call *call)
{
    struct tamga_rpc_server *server = call->server;
    struct tamga_seat *seat;

    if (call->leaving)
        return;
    call->leaving = true;
    pthread_mutex_lock(&server->lock);
    seat = tamga_seats_find(&server->seats, call->pipe);
    if (seat) {
        seat->working--;
        seat->leaving++;
    }
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
