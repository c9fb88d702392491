/*
 * etcd beside us, asked in the way that costs it least: gRPC (HTTP/2 with fixed headers and
 * no compression), many calls outstanding on a connection, by one thread that does nothing
 * else. Its answers are counted, not read: a Put that worked has a message, one that did
 * not has trailers only.
 */
#include "etcd.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define PROGRAM          "/usr/bin/etcd"
#define MEMBERS          3
#define VALUE_BYTES      1024
#define KEY_BYTES        16
#define CONNECTIONS      12
#define OUTSTANDING_MAX  1024 /* of all connections */
#define STREAMS          4096 /* remembered of a connection; more than ever are outstanding */
#define FRAME_HEAD_BYTES 9
#define INPUT_BYTES      65536
#define START_SECONDS    30

enum frame {
    FRAME_DATA, FRAME_HEADERS, FRAME_PRIORITY, FRAME_RST_STREAM, FRAME_SETTINGS,
    FRAME_PUSH_PROMISE, FRAME_PING, FRAME_GOAWAY, FRAME_WINDOW_UPDATE
};
#define FLAG_END_STREAM  0x1u
#define FLAG_ACK         0x1u
#define FLAG_END_HEADERS 0x4u

/* RFC 7541: indexed fields of the static table, and literals that enter no table. */
static const uint8_t request_headers[] =
    "\x83"                              /* :method POST */
    "\x86"                              /* :scheme http */
    "\x04\x14/etcdserverpb.KV/Put"      /* :path */
    "\x01\x09" "127.0.0.1"              /* :authority */
    "\x0f\x10\x10" "application/grpc"   /* content-type */
    "\x00\x02te\x08trailers";
#define REQUEST_HEADERS_BYTES (sizeof request_headers - 1)

/* The call's message: 5 bytes before it, then key (field 1) and value (field 2). */
#define MESSAGE_BYTES (2 + KEY_BYTES + 3 + VALUE_BYTES)
#define REQUEST_BYTES                                                                    \
    (FRAME_HEAD_BYTES + REQUEST_HEADERS_BYTES + FRAME_HEAD_BYTES + 5 + MESSAGE_BYTES)

struct member {
    uint16_t client, peer; /* ports */
    char folder[256];
    pid_t pid;
};

struct connection {
    int fd;
    uint32_t next_stream, outstanding;
    int64_t window; /* bytes that may be sent */
    bool answered[STREAMS];
    size_t len;
    uint8_t input[INPUT_BYTES];
};

struct load {
    struct connection connection[CONNECTIONS];
    uint32_t each; /* outstanding on a connection */
    uint64_t key, done, failed;
};

/* ---- members --------------------------------------------------------------------------- */

bool bench_etcd_present(void)
{
    return access(PROGRAM, X_OK) == 0;
}

static void take_ports(struct member *member)
{
    int fd[2 * MEMBERS];

    for (size_t i = 0; i < 2 * MEMBERS; i++) {
        struct sockaddr_in at = {.sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof at;

        fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        BENCH_CHECK(fd[i] >= 0 && bind(fd[i], (struct sockaddr *)&at, sizeof at) == 0 &&
                    getsockname(fd[i], (struct sockaddr *)&at, &len) == 0);
        *(i % 2 == 0 ? &member[i / 2].client : &member[i / 2].peer) = ntohs(at.sin_port);
    }
    for (size_t i = 0; i < 2 * MEMBERS; i++)
        close(fd[i]);
}

static void start_member(struct member *member, size_t which)
{
    struct member *self = &member[which];
    char text[1024], config[300], log[300];
    const char *const argv[] = {PROGRAM, "--config-file", config, NULL};
    int len = snprintf(text, sizeof text,
                       "name: m%zu\ndata-dir: %.200s/data\n"
                       "listen-client-urls: http://127.0.0.1:%u\n"
                       "advertise-client-urls: http://127.0.0.1:%u\n"
                       "listen-peer-urls: http://127.0.0.1:%u\n"
                       "initial-advertise-peer-urls: http://127.0.0.1:%u\n"
                       "initial-cluster: m0=http://127.0.0.1:%u,m1=http://127.0.0.1:%u,"
                       "m2=http://127.0.0.1:%u\ninitial-cluster-state: new\n"
                       "logger: zap\nlog-level: error\n",
                       which, self->folder, self->client, self->client, self->peer, self->peer,
                       member[0].peer, member[1].peer, member[2].peer);

    BENCH_CHECK(len < (int)sizeof text);
    bench_write(self->folder, "etcd.yaml", tamga_span(text, (size_t)len));
    snprintf(config, sizeof config, "%s/etcd.yaml", self->folder);
    snprintf(log, sizeof log, "%s/log", self->folder);
    self->pid = bench_spawn(argv, NULL, log);
}

/* ---- HTTP/2 ---------------------------------------------------------------------------- */

static void put_frame(uint8_t *out, size_t len, enum frame type, unsigned flags, uint32_t stream)
{
    out[0] = (uint8_t)(len >> 16);
    out[1] = (uint8_t)(len >> 8);
    out[2] = (uint8_t)len;
    out[3] = (uint8_t)type;
    out[4] = (uint8_t)flags;
    tamga_put_u32(out + 5, stream);
}

static bool send_all(const struct connection *self, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(self->fd, bytes, len, MSG_NOSIGNAL);

        if (sent <= 0)
            return false;
        bytes += sent;
        len -= (size_t)sent;
    }
    return true;
}

/* The preface, settings as they are by default, and room for a gigabyte of answers. */
static bool greet(struct connection *self)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    uint8_t bytes[sizeof preface - 1 + 2 * FRAME_HEAD_BYTES + 4], *at = bytes;

    memcpy(at, preface, sizeof preface - 1);
    at += sizeof preface - 1;
    put_frame(at, 0, FRAME_SETTINGS, 0, 0);
    at += FRAME_HEAD_BYTES;
    put_frame(at, 4, FRAME_WINDOW_UPDATE, 0, 0);
    tamga_put_u32(at + FRAME_HEAD_BYTES, 1u << 30);
    return send_all(self, bytes, sizeof bytes);
}

static bool dial(struct connection *self, uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1;

    self->next_stream = 1;
    self->window = 65535;
    self->outstanding = 0;
    self->len = 0;
    self->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    BENCH_CHECK(self->fd >= 0);
    setsockopt(self->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return connect(self->fd, (struct sockaddr *)&at, sizeof at) == 0 && greet(self);
}

static void put_request(uint8_t *out, uint32_t stream, uint64_t key)
{
    uint8_t *at = out;

    put_frame(at, REQUEST_HEADERS_BYTES, FRAME_HEADERS, FLAG_END_HEADERS, stream);
    memcpy(at + FRAME_HEAD_BYTES, request_headers, REQUEST_HEADERS_BYTES);
    at += FRAME_HEAD_BYTES + REQUEST_HEADERS_BYTES;
    put_frame(at, 5 + MESSAGE_BYTES, FRAME_DATA, FLAG_END_STREAM, stream);
    at += FRAME_HEAD_BYTES;
    *at++ = 0; /* not compressed */
    tamga_put_u32(at, MESSAGE_BYTES);
    at += 4;
    *at++ = 0x0a;
    *at++ = KEY_BYTES;
    memset(at, 'k', KEY_BYTES);
    tamga_put_u64(at, key);
    at += KEY_BYTES;
    *at++ = 0x12;
    *at++ = (VALUE_BYTES & 0x7f) | 0x80;
    *at++ = VALUE_BYTES >> 7;
    memset(at, 'v', VALUE_BYTES);
}

/* As many as may be outstanding, in one send. */
static bool fill(struct load *load, struct connection *self)
{
    static uint8_t bytes[OUTSTANDING_MAX * REQUEST_BYTES];
    size_t len = 0;

    while (self->outstanding < load->each && self->window >= 5 + MESSAGE_BYTES &&
           len + REQUEST_BYTES <= sizeof bytes) {
        self->answered[self->next_stream / 2 % STREAMS] = false;
        put_request(bytes + len, self->next_stream, load->key++);
        self->next_stream += 2;
        self->window -= 5 + MESSAGE_BYTES;
        self->outstanding++;
        len += REQUEST_BYTES;
    }
    return send_all(self, bytes, len);
}

static bool acknowledge(const struct connection *self, enum frame type, const uint8_t *body,
                        size_t len)
{
    uint8_t bytes[FRAME_HEAD_BYTES + 8];

    BENCH_CHECK(len <= 8);
    put_frame(bytes, len, type, FLAG_ACK, 0);
    if (len > 0)
        memcpy(bytes + FRAME_HEAD_BYTES, body, len);
    return send_all(self, bytes, FRAME_HEAD_BYTES + len);
}

/* False: the connection is of no more use. */
static bool take_frame(struct load *load, struct connection *self, const uint8_t *head,
                       size_t len)
{
    const uint8_t *body = head + FRAME_HEAD_BYTES;
    enum frame type = (enum frame)head[3];
    unsigned flags = head[4];
    uint32_t stream = tamga_get_u32(head + 5) & 0x7fffffff;
    bool *answered = &self->answered[stream / 2 % STREAMS];

    if (type == FRAME_RST_STREAM || type == FRAME_GOAWAY)
        return false;
    if (type == FRAME_SETTINGS && (flags & FLAG_ACK) == 0)
        return acknowledge(self, type, NULL, 0);
    if (type == FRAME_PING && (flags & FLAG_ACK) == 0)
        return len == 8 && acknowledge(self, type, body, len);
    if (type == FRAME_WINDOW_UPDATE && stream == 0 && len == 4)
        self->window += tamga_get_u32(body);
    if (type == FRAME_DATA && len > 5)
        *answered = true;
    if ((type != FRAME_DATA && type != FRAME_HEADERS) || (flags & FLAG_END_STREAM) == 0)
        return true;
    self->outstanding--;
    load->done += *answered;
    load->failed += !*answered;
    return true;
}

/* Read once, take every whole frame, keep the rest. */
static bool take_input(struct load *load, struct connection *self)
{
    ssize_t got = recv(self->fd, self->input + self->len, sizeof self->input - self->len, 0);
    size_t at = 0;

    if (got <= 0)
        return false;
    self->len += (size_t)got;
    while (self->len - at >= FRAME_HEAD_BYTES) {
        const uint8_t *head = self->input + at;
        size_t len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];

        BENCH_CHECK(len + FRAME_HEAD_BYTES <= sizeof self->input);
        if (self->len - at < FRAME_HEAD_BYTES + len)
            break;
        if (!take_frame(load, self, head, len))
            return false;
        at += FRAME_HEAD_BYTES + len;
    }
    memmove(self->input, self->input + at, self->len - at);
    self->len -= at;
    return true;
}

/* ---- measuring ------------------------------------------------------------------------- */

/* One write to a member: did it work? */
static bool write_one(struct load *load, uint16_t port)
{
    struct connection *self = &load->connection[0];
    bool good = dial(self, port);

    load->each = 1;
    load->done = load->failed = 0;
    good = good && fill(load, self);
    while (good && load->done + load->failed == 0)
        good = take_input(load, self);
    close(self->fd);
    return good && load->done == 1;
}

static void wait_for_members(struct load *load, const struct member *member)
{
    double until = bench_now() + START_SECONDS;

    for (size_t i = 0; i < MEMBERS; i++)
        while (!write_one(load, member[i].client)) {
            BENCH_CHECK(bench_now() < until);
            (void)poll(NULL, 0, 50); /* between two questions */
        }
}

static double write_rate(struct load *load, const struct member *member, uint32_t outstanding,
                         double seconds)
{
    struct pollfd waiting[CONNECTIONS];
    double start = bench_now(), until = start + seconds;

    load->each = (outstanding + CONNECTIONS - 1) / CONNECTIONS;
    load->done = load->failed = 0;
    for (size_t i = 0; i < CONNECTIONS; i++) {
        BENCH_CHECK(dial(&load->connection[i], member[i % MEMBERS].client) &&
                    fill(load, &load->connection[i]));
        waiting[i] = (struct pollfd){.fd = load->connection[i].fd, .events = POLLIN};
    }
    while (bench_now() < until) {
        BENCH_CHECK(poll(waiting, CONNECTIONS, 1000) >= 0);
        for (size_t i = 0; i < CONNECTIONS; i++)
            if (waiting[i].revents != 0)
                BENCH_CHECK(take_input(load, &load->connection[i]) &&
                            fill(load, &load->connection[i]));
    }
    seconds = bench_now() - start;
    for (size_t i = 0; i < CONNECTIONS; i++)
        close(load->connection[i].fd);
    BENCH_CHECK(load->failed == 0);
    return (double)load->done / seconds;
}

static double members_cpu(const struct member *member)
{
    double seconds = 0;

    for (size_t i = 0; i < MEMBERS; i++)
        seconds += bench_cpu(member[i].pid);
    return seconds;
}

double bench_etcd_rate(double seconds, double *cpu)
{
    static const uint32_t outstanding[] = {64, 256, OUTSTANDING_MAX};
    static struct load load;
    struct member member[MEMBERS];
    double best = 0;

    take_ports(member);
    for (size_t i = 0; i < MEMBERS; i++)
        bench_folder(member[i].folder);
    for (size_t i = 0; i < MEMBERS; i++)
        start_member(member, i);
    wait_for_members(&load, member);
    for (size_t i = 0; i < sizeof outstanding / sizeof outstanding[0]; i++) {
        double before = members_cpu(member);
        double rate = write_rate(&load, member, outstanding[i], seconds);

        if (rate <= best)
            continue;
        best = rate;
        *cpu = (members_cpu(member) - before) / (double)(load.done > 0 ? load.done : 1);
    }
    for (size_t i = 0; i < MEMBERS; i++)
        bench_stop(member[i].pid);
    return best;
}
