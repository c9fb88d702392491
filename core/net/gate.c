/*
 * A gate's thread: the poll and time. One thread serves all its connections, so
 * that nothing of theirs needs a lock. Knows nothing of what the bytes say.
 */
#include "net/gate.h"

#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "net/clock.h"
#include "net/descriptor.h"
#include "net/gate_internal.h"

#define EVENTS_MAX   256
#define BACKLOG      4096
#define TICK_MS      1000
#define ASIDE_MAX    1024 /* descriptors that connections leave to others */
#define DRAIN_MS     1000

/* ---- the poll ---------------------------------------------------------------------- */

bool tamga_gate_poll(struct tamga_gate *gate, struct tamga_gate_end *end, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = end};

    if (end->polled && end->events == events)
        return true;
    if (epoll_ctl(gate->poll, end->polled ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, end->fd, &event) != 0)
        return false;
    end->polled = true;
    end->events = events;
    return true;
}

void tamga_gate_unpoll(struct tamga_gate *gate, struct tamga_gate_end *end)
{
    if (end->polled)
        epoll_ctl(gate->poll, EPOLL_CTL_DEL, end->fd, NULL);
    end->polled = false;
}

/* ---- time -------------------------------------------------------------------------- */

static void say(const struct tamga_gate *gate, const char *event, const char *text)
{
    if (gate->options.log)
        gate->options.log(gate->options.context, event, text);
}

static void tell(struct tamga_gate *gate)
{
    char text[TAMGA_DETAIL_MAX + 128];

    if (gate->refused) {
        snprintf(text, sizeof text, "%u links failed, the last: %s", gate->refused,
                 gate->newest.text);
        say(gate, "link_refused", text);
    }
    if (gate->turned_away || gate->evicted) {
        snprintf(text, sizeof text,
                 "%u connections turned away, %u without a handshake made room; at most %u, "
                 "%u from one address and %u a second, and descriptors up to %d",
                 gate->turned_away, gate->evicted, gate->options.conns_max,
                 gate->options.per_address_max, gate->options.per_address_per_s,
                 gate->accept_fd_max);
        say(gate, "link_turned_away", text);
    }
    gate->refused = gate->turned_away = gate->evicted = 0;
}

/* Those that wait are in the order of their time limits. */
static void check_waiting(struct tamga_gate *gate, uint64_t now_ms)
{
    while (gate->waiting.first && gate->waiting.first->expires_ms <= now_ms)
        tamga_gate_conn_check(gate->waiting.first, now_ms, false);
}

static void tick(struct tamga_gate *gate, uint64_t now_ms)
{
    unsigned generation = tamga_tls_generation(gate->options.tls);
    struct tamga_gate_conn *next;

    gate->tick_ms = now_ms + TICK_MS;
    for (struct tamga_gate_conn *conn = gate->open.first; conn; conn = next) {
        next = conn->next;
        tamga_gate_conn_check(conn, now_ms, generation != gate->generation);
    }
    gate->generation = generation;
    if (gate->deaf && gate->listener.fd >= 0)
        gate->deaf = !tamga_gate_poll(gate, &gate->listener, EPOLLIN);
    tell(gate);
}

/* ---- the thread -------------------------------------------------------------------- */

static void woken(struct tamga_gate *gate)
{
    struct tamga_gate_conn *next;
    eventfd_t count;

    eventfd_read(gate->wake.fd, &count);
    for (struct tamga_gate_conn *conn = gate->waiting.first; conn; conn = next) {
        next = conn->next;
        if (conn->state == TAMGA_GATE_LOOKUP)
            tamga_gate_conn_turn(conn, NULL, 0);
    }
}

static void turn(struct tamga_gate *gate, struct tamga_gate_end *end, uint32_t events)
{
    if (end == &gate->listener)
        tamga_gate_accept(gate);
    else if (end == &gate->wake)
        woken(gate);
    else
        tamga_gate_conn_turn(end->conn, end, events);
}

static void turn_again(struct tamga_gate *gate)
{
    struct tamga_gate_conn *next;

    if (!gate->again)
        return;
    gate->again = false;
    for (struct tamga_gate_conn *conn = gate->open.first; conn; conn = next) {
        next = conn->next;
        if (conn->again)
            tamga_gate_conn_turn(conn, NULL, 0);
    }
}

/* Nobody has an event of theirs any more. */
static void bury(struct tamga_gate *gate)
{
    struct tamga_gate_conn *next;

    for (struct tamga_gate_conn *conn = gate->dead.first; conn; conn = next) {
        next = conn->next;
        tamga_gate_conn_free(conn);
    }
    gate->dead = (struct tamga_gate_list){0};
}

static int pause_ms(const struct tamga_gate *gate, uint64_t until_ms)
{
    if (gate->again)
        return 0;
    if (gate->waiting.first && gate->waiting.first->expires_ms < until_ms)
        until_ms = gate->waiting.first->expires_ms;
    return (int)tamga_net_left_ms(until_ms);
}

static void round_run(struct tamga_gate *gate, uint64_t until_ms)
{
    struct epoll_event event[EVENTS_MAX];
    /* not epoll_wait(), which tamga_nng_cure has say other things of the dead */
    int count = epoll_pwait(gate->poll, event, EVENTS_MAX, pause_ms(gate, until_ms), NULL);
    uint64_t now_ms;

    turn_again(gate);
    for (int i = 0; i < count; i++)
        turn(gate, event[i].data.ptr, event[i].events);
    now_ms = tamga_net_now_ms();
    check_waiting(gate, now_ms);
    if (now_ms >= gate->tick_ms)
        tick(gate, now_ms);
    bury(gate);
}

static void end_all(struct tamga_gate_list *list)
{
    while (list->first)
        tamga_gate_conn_end(list->first, TAMGA_OK, NULL);
}

static void *gate_run(void *context)
{
    struct tamga_gate *gate = context;
    uint64_t until_ms;

    while (!atomic_load(&gate->closing))
        round_run(gate, gate->tick_ms);
    tamga_gate_unpoll(gate, &gate->listener);
    close(gate->listener.fd);
    gate->listener.fd = -1;
    end_all(&gate->waiting);
    until_ms = tamga_net_now_ms() + DRAIN_MS;
    while (gate->count > 0 && tamga_net_now_ms() < until_ms)
        round_run(gate, until_ms);
    end_all(&gate->waiting);
    end_all(&gate->open);
    bury(gate);
    return NULL;
}

/* ---- life --------------------------------------------------------------------------- */

static enum tamga_err options_judge(const struct tamga_gate_options *options,
                                    struct tamga_detail *detail)
{
    if (!options->tls)
        return tamga_refuse(detail, TAMGA_E_USAGE, "tls+tcp:// needs certificates");
    if (options->conns_max < 1 || options->conns_max > TAMGA_GATE_CONNS_MAX)
        return tamga_refuse(detail, TAMGA_E_USAGE, "%u links, not 1..%u", options->conns_max,
                            TAMGA_GATE_CONNS_MAX);
    if (options->per_address_max < 1)
        return tamga_refuse(detail, TAMGA_E_USAGE, "no link from any address");
    if (options->shake_ms < 1 || options->idle_ms < 1 || options->stuck_ms < 1)
        return tamga_refuse(detail, TAMGA_E_USAGE, "a link's time limit is 0 ms");
    if (options->want.name && strlen(options->want.name) > TAMGA_TLS_NAME_MAX)
        return tamga_refuse(detail, TAMGA_E_USAGE, "a member's name is longer than %u",
                            TAMGA_TLS_NAME_MAX);
    return TAMGA_OK;
}

/* Stores and other sockets of this process need descriptors too, whoever comes to the gate.
 * Half of what is set aside is for connections whose member is judged by then. */
static void descriptors_bound(struct tamga_gate *gate)
{
    struct rlimit limit = {0};
    rlim_t aside;

    gate->accept_fd_max = gate->inner_fd_max = INT_MAX;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX)
        return;
    aside = limit.rlim_cur / 4 < ASIDE_MAX ? limit.rlim_cur / 4 : ASIDE_MAX;
    gate->accept_fd_max = (int)(limit.rlim_cur - aside);
    gate->inner_fd_max = (int)(limit.rlim_cur - aside / 2);
}

static void gate_free(struct tamga_gate *gate)
{
    if (gate->listener.fd >= 0)
        close(gate->listener.fd);
    if (gate->wake.fd >= 0)
        close(gate->wake.fd);
    if (gate->poll >= 0)
        close(gate->poll);
    tamga_lookup_free(gate->lookup);
    tamga_tls_ticket_clear(&gate->ticket);
    pthread_mutex_destroy(&gate->lock);
    tamga_parties_close(&gate->parties);
    free(gate->by_port);
    free(gate);
}

static enum tamga_err gate_new(struct tamga_gate **out, const struct tamga_gate_options *options,
                               bool serves)
{
    struct tamga_gate *gate = calloc(1, sizeof *gate);

    if (!gate)
        return TAMGA_E_NO_MEMORY;
    gate->options = *options;
    if (options->want.name) {
        snprintf(gate->want_name, sizeof gate->want_name, "%s", options->want.name);
        gate->options.want.name = gate->want_name;
    }
    gate->serves = serves;
    descriptors_bound(gate);
    gate->listener.fd = -1;
    pthread_mutex_init(&gate->lock, NULL);
    gate->generation = tamga_tls_generation(options->tls);
    gate->poll = epoll_create1(EPOLL_CLOEXEC);
    gate->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (serves)
        gate->by_port = calloc(UINT16_MAX + 1, sizeof(struct tamga_gate_conn *));
    if (gate->poll < 0 || gate->wake.fd < 0 ||
        (serves && (!gate->by_port ||
                    tamga_parties_open(&gate->parties, options->conns_max + 1) != TAMGA_OK))) {
        gate_free(gate);
        return TAMGA_E_SYSTEM;
    }
    *out = gate;
    return TAMGA_OK;
}

/* Bind, listen, and tell the port that was taken. */
static bool listen_on(struct tamga_gate *gate, const struct tamga_endpoint *endpoint,
                      uint16_t *port)
{
    struct tamga_resolved at;
    struct sockaddr_storage bound;
    socklen_t len = sizeof bound;
    const int on = 1;

    if (!tamga_resolve_wait(&at, endpoint))
        return false;
    gate->listener.fd = socket(at.address[0].ss_family,
                               SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (gate->listener.fd < 0)
        return false;
    setsockopt(gate->listener.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(gate->listener.fd, (struct sockaddr *)&at.address[0], at.len[0]) != 0 ||
        listen(gate->listener.fd, BACKLOG) != 0 ||
        getsockname(gate->listener.fd, (struct sockaddr *)&bound, &len) != 0)
        return false;
    *port = ntohs(bound.ss_family == AF_INET6
                      ? ((struct sockaddr_in6 *)(void *)&bound)->sin6_port
                      : ((struct sockaddr_in *)(void *)&bound)->sin_port);
    return true;
}

/* A peer that is gone must not end the process by a signal: this thread takes none. */
static enum tamga_err gate_start(struct tamga_gate *gate)
{
    sigset_t all, former;
    int failed;

    if (!tamga_gate_poll(gate, &gate->listener, EPOLLIN) ||
        !tamga_gate_poll(gate, &gate->wake, EPOLLIN))
        return TAMGA_E_SYSTEM;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &former);
    failed = pthread_create(&gate->thread, NULL, gate_run, gate);
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    return failed ? TAMGA_E_SYSTEM : TAMGA_OK;
}

static enum tamga_err gate_open(struct tamga_gate **out, const struct tamga_gate_options *options,
                                bool serves, const struct tamga_endpoint *listen, uint16_t *port,
                                struct tamga_detail *detail)
{
    enum tamga_err err = options_judge(options, detail);

    if (err || (err = gate_new(out, options, serves)))
        return err;
    if (listen_on(*out, listen, port))
        return TAMGA_OK;
    err = tamga_refuse(detail, TAMGA_E_SYSTEM, "cannot listen on %.120s:%u: %s", listen->host,
                       listen->port, strerror(errno));
    gate_free(*out);
    return err;
}

enum tamga_err tamga_gate_serve(struct tamga_gate **out, struct tamga_endpoint *bound,
                                const struct tamga_gate_options *options,
                                const struct tamga_endpoint *listen, uint16_t inner_port,
                                struct tamga_detail *detail)
{
    struct tamga_endpoint taken = *listen;
    struct tamga_gate *gate = NULL;
    enum tamga_err err = gate_open(&gate, options, true, listen, &taken.port, detail);

    if (err)
        return err;
    gate->inner_port = inner_port;
    if ((err = gate_start(gate))) {
        gate_free(gate);
        return err;
    }
    *bound = taken;
    *out = gate;
    return TAMGA_OK;
}

enum tamga_err tamga_gate_dial(struct tamga_gate **out, const struct tamga_gate_options *options,
                               const struct tamga_endpoint *remote, struct tamga_detail *detail)
{
    const struct tamga_endpoint loopback = {.host = "127.0.0.1"};
    struct tamga_gate *gate = NULL;
    uint16_t port = 0;
    enum tamga_err err = gate_open(&gate, options, false, &loopback, &port, detail);

    if (err)
        return err;
    gate->inner_port = port;
    gate->remote = *remote;
    if ((err = gate_start(gate))) {
        gate_free(gate);
        return err;
    }
    *out = gate;
    return TAMGA_OK;
}

uint16_t tamga_gate_inner_port(const struct tamga_gate *gate)
{
    return gate->inner_port;
}

enum tamga_err tamga_gate_why(struct tamga_gate *gate, struct tamga_detail *detail)
{
    enum tamga_err why;

    pthread_mutex_lock(&gate->lock);
    why = gate->why;
    if (why && detail)
        *detail = gate->why_detail;
    pthread_mutex_unlock(&gate->lock);
    return why;
}

void tamga_gate_count(struct tamga_gate *gate, unsigned *all, unsigned *judged)
{
    pthread_mutex_lock(&gate->lock);
    *all = gate->all;
    *judged = gate->judged;
    pthread_mutex_unlock(&gate->lock);
}

void tamga_gate_counters(struct tamga_gate *gate, struct tamga_link_counters *out)
{
    pthread_mutex_lock(&gate->lock);
    *out = gate->counters;
    pthread_mutex_unlock(&gate->lock);
}

void tamga_gate_hush(struct tamga_gate *gate)
{
    atomic_store(&gate->hushed, true);
}

void tamga_gate_close(struct tamga_gate *gate)
{
    if (!gate)
        return;
    atomic_store(&gate->closing, true);
    eventfd_write(gate->wake.fd, 1);
    pthread_join(gate->thread, NULL);
    gate_free(gate);
}
