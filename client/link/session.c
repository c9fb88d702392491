/*
 * Channels to several nodes and the choice between them. The choice is shared by the
 * threads of one session; calls themselves run side by side.
 */
#include "link/session.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "link/proof.h"
#include "net/clock.h"
#include "net/endpoint.h"
#include "tamga/v1/chain_service.pb-c.h"

#define PROBE_MS     2000 /* for a node to answer while others could be asked instead */
#define CALL_MS      10000
#define PAUSE_MS     50
#define PAUSE_MS_MAX 1000

struct node {
    char addr[TAMGA_ENDPOINT_TEXT_MAX];
    struct tamga_channel *channel; /* under the lock; NULL: not asked yet */
    atomic_bool known; /* it showed a status of our chain since it failed last */
};

struct tamga_session {
    const struct tamga_chain *chain;
    struct tamga_net_link link;
    uint32_t timeout_ms;
    size_t count;
    atomic_size_t current;
    pthread_mutex_t lock;
    pthread_cond_t never; /* nobody signals: waits on it are pauses by the right clock */
    struct node node[TAMGA_SESSION_NODES_MAX];
};

static enum tamga_err node_init(struct node *node, const struct tamga_net_link *link,
                                const char *addr, struct tamga_detail *detail)
{
    struct tamga_endpoint endpoint;
    enum tamga_err err = link->tls ? tamga_endpoint_parse_link(&endpoint, addr, false, detail)
                                   : tamga_endpoint_parse(&endpoint, addr, false, detail);

    if (err == TAMGA_OK)
        tamga_endpoint_format(node->addr, &endpoint);
    return err;
}

enum tamga_err tamga_session_open(struct tamga_session **out, const struct tamga_chain *chain,
                                  const struct tamga_net_link *link, const char *const *addr,
                                  size_t count, uint32_t timeout_ms,
                                  struct tamga_detail *detail)
{
    struct tamga_session *session;
    enum tamga_err err = TAMGA_OK;

    if (count == 0)
        return tamga_refuse(detail, TAMGA_E_USAGE, "no node is named");
    if (count > TAMGA_SESSION_NODES_MAX)
        return tamga_refuse(detail, TAMGA_E_USAGE, "%zu nodes are named; at most %d", count,
                            TAMGA_SESSION_NODES_MAX);
    session = calloc(1, sizeof *session);
    if (session == NULL)
        return TAMGA_E_NO_MEMORY;
    session->chain = chain;
    if (link != NULL)
        session->link = *link;
    session->timeout_ms = timeout_ms ? timeout_ms : TAMGA_SESSION_TIMEOUT_MS;
    if (tamga_net_cond_init(&session->never) != 0) {
        free(session);
        return TAMGA_E_SYSTEM;
    }
    pthread_mutex_init(&session->lock, NULL);
    for (size_t i = 0; i < count && err == TAMGA_OK; i++) {
        err = node_init(&session->node[i], &session->link, addr[i], detail);
        session->count += err == TAMGA_OK;
    }
    if (err != TAMGA_OK)
        tamga_session_close(session);
    else
        *out = session;
    return err;
}

void tamga_session_close(struct tamga_session *session)
{
    if (session == NULL)
        return;
    for (size_t i = 0; i < session->count; i++)
        tamga_channel_close(session->node[i].channel);
    pthread_cond_destroy(&session->never);
    pthread_mutex_destroy(&session->lock);
    free(session);
}

uint64_t tamga_session_now_ms(void)
{
    return tamga_net_now_ms();
}

void tamga_session_pause(struct tamga_session *session, uint32_t pause_ms)
{
    uint64_t until_ms = tamga_net_now_ms() + pause_ms;

    pthread_mutex_lock(&session->lock);
    while (tamga_net_left_ms(until_ms) > 0)
        tamga_net_cond_wait(&session->never, &session->lock, until_ms);
    pthread_mutex_unlock(&session->lock);
}

size_t tamga_session_count(const struct tamga_session *session)
{
    return session->count;
}

const char *tamga_session_addr(const struct tamga_session *session, size_t index)
{
    return session->node[index].addr;
}

/* ---- one node ---------------------------------------------------------------- */

static enum tamga_err channel_of(struct tamga_session *session, size_t index,
                                 struct tamga_channel **out, struct tamga_detail *detail)
{
    struct node *node = &session->node[index];
    enum tamga_err err = TAMGA_OK;

    pthread_mutex_lock(&session->lock);
    if (node->channel == NULL)
        err = tamga_channel_open_link(&node->channel, node->addr, &session->link, detail);
    *out = node->channel;
    pthread_mutex_unlock(&session->lock);
    return err;
}

enum tamga_err tamga_session_ask(struct tamga_session *session, size_t index,
                                 ProtobufCMessage **out,
                                 const ProtobufCServiceDescriptor *service, const char *method,
                                 const ProtobufCMessage *request, uint32_t deadline_ms,
                                 struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = {.deadline_ms = deadline_ms};
    const ProtobufCMethodDescriptor *found =
        protobuf_c_service_descriptor_get_method_by_name(service, method);
    ProtobufCService *stub = tamga_reply_service(&reply, service);

    enum tamga_err err = channel_of(session, index, &reply.channel, detail);

    if (err != TAMGA_OK)
        return err;
    assert(found != NULL && found->input == request->descriptor);
    stub->invoke(stub, (unsigned)(found - service->methods), request, tamga_reply_take, &reply);
    if (reply.err != TAMGA_OK) {
        if (detail != NULL)
            *detail = reply.detail;
        return reply.err;
    }
    *out = reply.message;
    reply.message = NULL;
    return TAMGA_OK;
}

/* Does the node follow our chain, and is it who may? */
static enum tamga_err node_meet(struct tamga_session *session, size_t index,
                                uint32_t deadline_ms, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *answer = NULL;
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StatusBody *status = NULL;
    Tamga__V1__GetStatusRequest request = TAMGA__V1__GET_STATUS_REQUEST__INIT;
    enum tamga_err err;

    if (atomic_load(&session->node[index].known))
        return TAMGA_OK;
    request.chain = tamga_wire_bytes(tamga_hash_span(&session->chain->id.hash));
    err = tamga_session_ask(session, index, &answer, &tamga__v1__chain_service__descriptor,
                            "GetStatus", &request.base, deadline_ms, detail);
    if (err == TAMGA_E_WRONG_CHAIN || err == TAMGA_E_NOT_FOUND)
        return tamga_refuse(detail, TAMGA_E_WRONG_CHAIN,
                            "%.120s does not hold the %s chain of this network",
                            tamga_session_addr(session, index), session->chain->rules->name);
    if (err == TAMGA_OK)
        err = tamga_status_open(&status, session->chain,
                                ((Tamga__V1__GetStatusResponse *)answer)->status, detail);
    if (err == TAMGA_OK)
        atomic_store(&session->node[index].known, true);
    return err;
}

/* ---- the choice between them ------------------------------------------------- */

/* Is it this node that cannot answer, rather than the question that is bad? A node that
 * lacks an image is given it, which is the caller's to do. */
static bool node_cannot(enum tamga_err err)
{
    if (err == TAMGA_E_NO_CONTENT)
        return false;
    return tamga_err_class(err) == TAMGA_CLASS_LATER || err == TAMGA_E_WRONG_CHAIN ||
           err == TAMGA_E_NO_METHOD || tamga_link_refused(err);
}

static uint32_t at_most(uint32_t left_ms, uint32_t max_ms)
{
    return left_ms < max_ms ? left_ms : max_ms;
}

/* *elsewhere: another node may do better. */
static enum tamga_err call_once(struct tamga_session *session, size_t index, bool *elsewhere,
                                ProtobufCMessage **out,
                                const ProtobufCServiceDescriptor *service, const char *method,
                                const ProtobufCMessage *request, uint64_t expires_ms,
                                struct tamga_detail *detail)
{
    uint32_t probe_ms = session->count > 1 ? PROBE_MS : CALL_MS;
    uint32_t left_ms = tamga_net_left_ms(expires_ms);
    enum tamga_err err = node_meet(session, index, at_most(left_ms ? left_ms : 1, probe_ms),
                                   detail);

    if (err != TAMGA_OK) { /* a node that cannot even say who it is, is not asked */
        *elsewhere = tamga_err_class(err) != TAMGA_CLASS_LOCAL;
        return err;
    }
    left_ms = tamga_net_left_ms(expires_ms);
    err = tamga_session_ask(session, index, out, service, method, request,
                            at_most(left_ms ? left_ms : 1, CALL_MS), detail);
    *elsewhere = err != TAMGA_OK && node_cannot(err);
    if (*elsewhere)
        atomic_store(&session->node[index].known, false);
    return err;
}

/* One round over the nodes. *again: another round might do better. */
static enum tamga_err call_round(struct tamga_session *session, bool *again,
                                 ProtobufCMessage **out,
                                 const ProtobufCServiceDescriptor *service, const char *method,
                                 const ProtobufCMessage *request, uint64_t expires_ms,
                                 struct tamga_detail *detail)
{
    size_t index = atomic_load(&session->current), hopeless = 0;
    enum tamga_err err = TAMGA_OK;

    *again = false;
    for (size_t tried = 0; tried < session->count; tried++) {
        bool elsewhere = false;

        err = call_once(session, index, &elsewhere, out, service, method, request, expires_ms,
                        detail);
        if (!elsewhere || err == TAMGA_OK)
            return err;
        hopeless += tamga_err_class(err) == TAMGA_CLASS_REJECT;
        index = (index + 1) % session->count;
        atomic_store(&session->current, index);
        if (tamga_net_left_ms(expires_ms) == 0)
            return err;
    }
    *again = hopeless < session->count;
    return err;
}

enum tamga_err tamga_session_call_once(struct tamga_session *session, ProtobufCMessage **out,
                                       const ProtobufCServiceDescriptor *service,
                                       const char *method, const ProtobufCMessage *request,
                                       struct tamga_detail *detail)
{
    bool again;

    return call_round(session, &again, out, service, method, request,
                      tamga_net_now_ms() + session->timeout_ms, detail);
}

enum tamga_err tamga_session_call(struct tamga_session *session, ProtobufCMessage **out,
                                  const ProtobufCServiceDescriptor *service,
                                  const char *method, const ProtobufCMessage *request,
                                  struct tamga_detail *detail)
{
    uint64_t expires_ms = tamga_net_now_ms() + session->timeout_ms;
    uint32_t pause_ms = PAUSE_MS;

    for (;;) {
        bool again;
        enum tamga_err err = call_round(session, &again, out, service, method, request,
                                        expires_ms, detail);

        if (!again || tamga_net_left_ms(expires_ms) <= pause_ms)
            return err;
        tamga_session_pause(session, pause_ms);
        pause_ms = at_most(2 * pause_ms, PAUSE_MS_MAX);
    }
}
