/*
 * One connection through a gate: connecting, the handshake, then bytes both ways.
 *
 * What one side does not take is kept, at most one turn's worth each way, and while
 * something is kept nothing more is read from the other side: that is all the pressure
 * that travels back. Knows nothing of what the bytes say.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "net/clock.h"
#include "net/gate_internal.h"

#define ROUNDS_MAX   4  /* of one turn, so that a busy connection lets others have theirs */
#define IDLE_PROBE_S 60 /* silence after which the kernel asks whether the peer lives */

/* ---- carrying --------------------------------------------------------------------- */

enum flow { MOVED, DRY, STUCK, OVER };

static enum flow keep(struct tamga_gate_way *way, const uint8_t *data, size_t len)
{
    way->kept = malloc(len);
    if (!way->kept)
        return OVER;
    memcpy(way->kept, data, len);
    way->at = 0;
    way->len = len;
    return STUCK;
}

/* Bytes taken by NNG's side; -1 if it is gone. */
static ssize_t plain_put(struct tamga_gate_conn *conn, const uint8_t *data, size_t len)
{
    ssize_t n = send(conn->plain.fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (n >= 0)
        return n;
    return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

static ssize_t secure_put(struct tamga_gate_conn *conn, const uint8_t *data, size_t len)
{
    size_t done = 0;

    while (done < len) {
        size_t n = len - done;
        enum tamga_tls_step step = tamga_tls_session_write(conn->session, data + done, &n);

        if (step == TAMGA_TLS_READ || step == TAMGA_TLS_WRITE)
            break;
        if (step != TAMGA_TLS_DONE)
            return -1;
        done += n;
    }
    return (ssize_t)done;
}

typedef ssize_t (*put)(struct tamga_gate_conn *conn, const uint8_t *data, size_t len);

/* What was kept, first. MOVED: nothing is kept any more. */
static enum flow flush(struct tamga_gate_conn *conn, struct tamga_gate_way *way, put to)
{
    ssize_t n;

    if (way->len == 0)
        return MOVED;
    n = to(conn, way->kept + way->at, way->len);
    if (n < 0)
        return OVER;
    if (n > 0)
        conn->moved_ms = tamga_net_now_ms();
    way->at += (size_t)n;
    way->len -= (size_t)n;
    if (way->len > 0)
        return STUCK;
    free(way->kept);
    way->kept = NULL;
    return MOVED;
}

/* A server that refuses this side says so after the handshake, in place of a first byte. */
static void heard(struct tamga_gate_conn *conn)
{
    conn->heard = true;
    pthread_mutex_lock(&conn->gate->lock);
    conn->gate->why = TAMGA_OK;
    pthread_mutex_unlock(&conn->gate->lock);
}

/* As much as there is, up to the scratch; sets over at the end of it. */
static size_t secure_take(struct tamga_gate_conn *conn)
{
    uint8_t *scratch = conn->gate->scratch;
    size_t len = 0;

    conn->reads_out = false;
    while (len < sizeof conn->gate->scratch) {
        size_t n = sizeof conn->gate->scratch - len;
        enum tamga_tls_step step = tamga_tls_session_read(conn->session, scratch + len, &n);

        if (step == TAMGA_TLS_END || step == TAMGA_TLS_FAILED)
            conn->in.over = true;
        conn->reads_out = step == TAMGA_TLS_WRITE;
        if (step != TAMGA_TLS_DONE)
            break;
        len += n;
    }
    if (len > 0 && !conn->heard)
        heard(conn);
    return len;
}

static size_t plain_take(struct tamga_gate_conn *conn)
{
    ssize_t n = recv(conn->plain.fd, conn->gate->scratch, sizeof conn->gate->scratch,
                     MSG_DONTWAIT);

    if (n > 0)
        return (size_t)n;
    if (n == 0 || (errno != EAGAIN && errno != EINTR))
        conn->out.over = true;
    return 0;
}

static enum flow carry(struct tamga_gate_conn *conn, struct tamga_gate_way *way,
                       size_t (*take)(struct tamga_gate_conn *conn), put to)
{
    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        enum flow flow = flush(conn, way, to);
        size_t len;
        ssize_t n;

        if (flow != MOVED)
            return flow;
        if (way->over)
            return OVER;
        len = take(conn);
        if (len == 0)
            return way->over ? OVER : DRY;
        n = to(conn, conn->gate->scratch, len);
        if (n < 0)
            return OVER;
        conn->moved_ms = tamga_net_now_ms();
        if ((size_t)n < len && keep(way, conn->gate->scratch + n, len - (size_t)n) == OVER)
            return OVER;
    }
    return way->len > 0 ? STUCK : MOVED;
}

static void ask_poll(struct tamga_gate_conn *conn)
{
    uint32_t secure = 0, plain = 0;

    if (conn->in.len == 0 && !conn->in.over)
        secure |= EPOLLIN;
    if (conn->out.len > 0 || conn->reads_out)
        secure |= EPOLLOUT;
    if (conn->out.len == 0 && !conn->out.over)
        plain |= EPOLLIN;
    if (conn->in.len > 0)
        plain |= EPOLLOUT;
    if (!tamga_gate_poll(conn->gate, &conn->secure, secure) ||
        (conn->plain.polled && !tamga_gate_poll(conn->gate, &conn->plain, plain)))
        tamga_gate_conn_end(conn, TAMGA_E_SYSTEM, NULL);
}

/* Members come and go; only a refusal is news. */
static void turn_over(struct tamga_gate_conn *conn)
{
    struct tamga_detail detail = {""};
    enum tamga_err err = tamga_tls_session_err(conn->session, &detail);

    if (tamga_err_class(err) != TAMGA_CLASS_REJECT)
        err = TAMGA_OK;
    tamga_gate_conn_end(conn, err, &detail);
}

static void turn_open(struct tamga_gate_conn *conn)
{
    enum flow in = carry(conn, &conn->in, secure_take, plain_put);
    enum flow out = in == OVER ? OVER : carry(conn, &conn->out, plain_take, secure_put);

    if (in == OVER || out == OVER) {
        turn_over(conn);
        return;
    }
    conn->again = in == MOVED || out == MOVED;
    conn->gate->again |= conn->again;
    ask_poll(conn);
}

/* ---- on the way to open ------------------------------------------------------------ */

void tamga_gate_socket_prepare(struct tamga_gate *gate, int fd)
{
    const int on = 1, idle_s = IDLE_PROBE_S;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &gate->options.stuck_ms,
               sizeof gate->options.stuck_ms);
}

bool tamga_gate_connect_to(int fd, const void *address, socklen_t len)
{
    return connect(fd, address, len) == 0 || errno == EINPROGRESS;
}

int tamga_gate_connect_failed(int fd)
{
    int failed = 0;
    socklen_t len = sizeof failed;

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &len) == 0 ? failed : errno;
}

static void opened(struct tamga_gate_conn *conn)
{
    struct tamga_gate *gate = conn->gate;

    conn->state = TAMGA_GATE_OPEN;
    conn->moved_ms = tamga_net_now_ms();
    tamga_gate_move(conn, &gate->open);
    pthread_mutex_lock(&gate->lock);
    gate->judged++;
    gate->counters.opened++;
    gate->counters.resumed += tamga_tls_session_resumed(conn->session);
    pthread_mutex_unlock(&gate->lock);
    if (!tamga_gate_poll(gate, &conn->plain, EPOLLIN))
        tamga_gate_conn_end(conn, TAMGA_E_SYSTEM, NULL);
    else
        turn_open(conn);
}

/* Known before it connects: NNG may ask at once. */
static void inner_begin(struct tamga_gate_conn *conn)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    const int on = 1;

    conn->plain.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (conn->plain.fd < 0 || conn->plain.fd >= conn->gate->inner_fd_max ||
        bind(conn->plain.fd, (struct sockaddr *)&address, sizeof address) != 0 ||
        getsockname(conn->plain.fd, (struct sockaddr *)&address, &len) != 0) {
        tamga_gate_conn_end(conn, TAMGA_E_SYSTEM, NULL);
        return;
    }
    tamga_gate_know(conn, ntohs(address.sin_port));
    setsockopt(conn->plain.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    address.sin_port = htons(conn->gate->inner_port);
    conn->state = TAMGA_GATE_INNER;
    if (!tamga_gate_connect_to(conn->plain.fd, &address, sizeof address) ||
        !tamga_gate_poll(conn->gate, &conn->plain, EPOLLOUT) ||
        !tamga_gate_poll(conn->gate, &conn->secure, 0))
        tamga_gate_conn_end(conn, TAMGA_E_SYSTEM, NULL);
}

static void turn_inner(struct tamga_gate_conn *conn, const struct tamga_gate_end *end)
{
    if (end == &conn->secure || tamga_gate_connect_failed(conn->plain.fd))
        tamga_gate_conn_end(conn, TAMGA_E_UNREACHABLE, NULL); /* only ill news come there */
    else
        opened(conn);
}

static void turn_shake(struct tamga_gate_conn *conn)
{
    enum tamga_tls_step step = tamga_tls_session_shake(conn->session);
    struct tamga_detail detail = {""};
    enum tamga_err err;

    if (step == TAMGA_TLS_READ || step == TAMGA_TLS_WRITE) {
        if (!tamga_gate_poll(conn->gate, &conn->secure,
                             step == TAMGA_TLS_READ ? EPOLLIN : EPOLLOUT))
            tamga_gate_conn_end(conn, TAMGA_E_SYSTEM, NULL);
    } else if (step != TAMGA_TLS_DONE) {
        err = tamga_tls_session_err(conn->session, &detail);
        tamga_gate_conn_end(conn, err, &detail);
    } else if (conn->gate->serves) {
        inner_begin(conn);
    } else {
        opened(conn);
    }
}

void tamga_gate_shake_begin(struct tamga_gate_conn *conn)
{
    struct tamga_gate *gate = conn->gate;

    conn->state = TAMGA_GATE_SHAKE;
    if (tamga_tls_session_new(&conn->session, gate->options.tls, conn->secure.fd, gate->serves,
                              &gate->options.want, &gate->ticket) != TAMGA_OK)
        tamga_gate_conn_end(conn, TAMGA_E_NO_MEMORY, NULL);
    else
        turn_shake(conn);
}

/* ---- life -------------------------------------------------------------------------- */

void tamga_gate_secure_close(struct tamga_gate_conn *conn)
{
    if (conn->secure.fd < 0)
        return;
    tamga_gate_unpoll(conn->gate, &conn->secure);
    close(conn->secure.fd);
    conn->secure.fd = -1;
}

void tamga_gate_conn_begin(struct tamga_gate *gate, int fd, struct tamga_party *address)
{
    struct tamga_gate_conn *conn = calloc(1, sizeof *conn);

    if (!conn) {
        tamga_gate_seat_leave(gate, address);
        close(fd);
        return;
    }
    conn->gate = gate;
    conn->address = address;
    conn->plain = (struct tamga_gate_end){.conn = conn, .fd = gate->serves ? -1 : fd};
    conn->secure = (struct tamga_gate_end){.conn = conn, .fd = gate->serves ? fd : -1};
    conn->expires_ms = tamga_net_now_ms() + gate->options.shake_ms;
    tamga_gate_move(conn, &gate->waiting);
    gate->count++;
    pthread_mutex_lock(&gate->lock);
    gate->all++;
    gate->counters.begun++;
    pthread_mutex_unlock(&gate->lock);
    tamga_gate_socket_prepare(gate, fd);
    if (gate->serves)
        tamga_gate_shake_begin(conn);
    else
        tamga_gate_dial_begin(conn);
}

/* An end that is broken is not polled again: it would be reported for ever. */
static void turn_broken(struct tamga_gate_conn *conn, struct tamga_gate_end *end)
{
    if (end == &conn->secure || conn->state != TAMGA_GATE_OPEN || conn->out.len == 0) {
        tamga_gate_conn_end(conn, TAMGA_E_UNREACHABLE, NULL);
        return;
    }
    tamga_gate_unpoll(conn->gate, end);
    conn->out.over = true; /* what NNG said last is still on its way */
}

void tamga_gate_conn_turn(struct tamga_gate_conn *conn, struct tamga_gate_end *end,
                          uint32_t events)
{
    const uint32_t useful = EPOLLIN | EPOLLOUT;

    if (events & (EPOLLERR | EPOLLHUP) && conn->state == TAMGA_GATE_OPEN &&
        !(end->events & useful & events)) {
        turn_broken(conn, end);
        return;
    }
    switch (conn->state) {
    case TAMGA_GATE_LOOKUP:
        if (end == &conn->plain)
            tamga_gate_conn_end(conn, TAMGA_E_UNREACHABLE, NULL);
        else
            tamga_gate_turn_lookup(conn);
        break;
    case TAMGA_GATE_CONNECT:
        if (end == &conn->plain)
            tamga_gate_conn_end(conn, TAMGA_E_UNREACHABLE, NULL);
        else if (end)
            tamga_gate_turn_connect(conn);
        break;
    case TAMGA_GATE_SHAKE:
        if (end == &conn->plain)
            tamga_gate_conn_end(conn, TAMGA_E_UNREACHABLE, NULL);
        else if (end)
            turn_shake(conn);
        break;
    case TAMGA_GATE_INNER:
        if (end)
            turn_inner(conn, end);
        break;
    case TAMGA_GATE_OPEN:
        turn_open(conn);
        break;
    case TAMGA_GATE_DEAD:
        break;
    }
}

void tamga_gate_conn_check(struct tamga_gate_conn *conn, uint64_t now_ms, bool judge)
{
    const struct tamga_gate_options *options = &conn->gate->options;
    struct tamga_detail detail = {""};

    if (conn->state != TAMGA_GATE_OPEN) {
        if (now_ms >= conn->expires_ms) {
            (void)tamga_refuse(&detail, TAMGA_E_DEADLINE, "no handshake in %u ms",
                               options->shake_ms);
            tamga_gate_conn_end(conn, TAMGA_E_DEADLINE, &detail);
        }
        return;
    }
    if ((conn->in.len > 0 || conn->out.len > 0) && now_ms > conn->moved_ms + options->stuck_ms)
        tamga_gate_conn_end(conn, TAMGA_E_DEADLINE, NULL);
    else if (now_ms > conn->moved_ms + options->idle_ms)
        tamga_gate_conn_end(conn, TAMGA_OK, NULL);
    else if (judge && tamga_tls_session_judge(conn->session) != TAMGA_OK)
        tamga_gate_conn_end(conn, tamga_tls_session_err(conn->session, &detail), &detail);
}

static void tell(struct tamga_gate_conn *conn, enum tamga_err why,
                 const struct tamga_detail *detail)
{
    struct tamga_gate *gate = conn->gate;

    if (why == TAMGA_OK)
        return;
    gate->refused++;
    gate->newest = detail ? *detail : (struct tamga_detail){""};
    if (!detail)
        (void)tamga_refuse(&gate->newest, why, "%s", tamga_err_text(why));
    pthread_mutex_lock(&gate->lock);
    gate->counters.refused++;
    gate->why = why;
    gate->why_detail = gate->newest;
    pthread_mutex_unlock(&gate->lock);
    if (gate->options.failed)
        gate->options.failed(gate->options.context);
}

void tamga_gate_conn_end(struct tamga_gate_conn *conn, enum tamga_err why,
                         const struct tamga_detail *detail)
{
    struct tamga_gate *gate = conn->gate;
    bool judged = conn->state == TAMGA_GATE_OPEN;

    if (conn->state == TAMGA_GATE_DEAD)
        return;
    conn->state = TAMGA_GATE_DEAD;
    tell(conn, why, detail);
    tamga_gate_move(conn, &gate->dead);
    gate->count--;
    pthread_mutex_lock(&gate->lock);
    gate->all--;
    gate->judged -= judged;
    pthread_mutex_unlock(&gate->lock);
    tamga_gate_forget(conn); /* before its port is free for somebody else */
    if (conn->session && judged)
        tamga_tls_session_end(conn->session);
    tamga_gate_secure_close(conn);
    if (conn->plain.fd >= 0) {
        tamga_gate_unpoll(gate, &conn->plain);
        close(conn->plain.fd);
        conn->plain.fd = -1;
    }
    tamga_gate_seat_leave(gate, conn->address);
    conn->address = NULL;
    tamga_gate_lookup_leave(conn);
}

void tamga_gate_conn_free(struct tamga_gate_conn *conn)
{
    tamga_tls_session_free(conn->session);
    free(conn->in.kept);
    free(conn->out.kept);
    free(conn);
}
