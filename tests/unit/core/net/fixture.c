#include "fixture.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/clock.h"

static void need(bool fine, const char *what)
{
    if (fine)
        return;
    fprintf(stderr, "fixture: %s\n", what);
    abort();
}

/* What a handler keeps to complete its call later. */
struct fixture_call {
    Tamga__V1__GetContentResponse_Closure closure;
    void *call;
};

/* ---- the service ------------------------------------------------------------- */

static struct fixture *fixture_of(Tamga__V1__ContentService_Service *service)
{
    return (struct fixture *)(void *)((char *)service - offsetof(struct fixture, content));
}

static void answer_bytes(size_t len, Tamga__V1__GetContentResponse_Closure closure, void *call)
{
    Tamga__V1__GetContentResponse response = TAMGA__V1__GET_CONTENT_RESPONSE__INIT;

    response.block.data = calloc(1, len);
    response.block.len = len;
    need(response.block.data != NULL, "out of memory");
    closure(&response, call);
    free(response.block.data);
}

static void content_get(Tamga__V1__ContentService_Service *service,
                        const Tamga__V1__GetContentRequest *input,
                        Tamga__V1__GetContentResponse_Closure closure, void *call)
{
    struct fixture *fixture = fixture_of(service);
    Tamga__V1__GetContentResponse response = TAMGA__V1__GET_CONTENT_RESPONSE__INIT;
    struct tamga_tls_identity who;
    struct tamga_detail detail;

    atomic_fetch_add(&fixture->runs, 1);
    if (strcmp(input->cid, "fail") == 0) {
        tamga_rpc_fail(call, tamga_refuse(&detail, TAMGA_E_NOT_FOUND, "no \xff such cid"),
                       &detail);
    } else if (strcmp(input->cid, "hold") == 0) {
        struct fixture_call *held = malloc(sizeof *held);

        need(held != NULL, "out of memory");
        *held = (struct fixture_call){.closure = closure, .call = call};
        need(tamga_mailbox_put(fixture->held, held) == TAMGA_OK, "too many held calls");
    } else if (strcmp(input->cid, "big") == 0) {
        answer_bytes(FIXTURE_BIG_BYTES, closure, call);
    } else if (strcmp(input->cid, "huge") == 0) {
        answer_bytes(TAMGA_NET_MESSAGE_BYTES_MAX, closure, call);
    } else if (strcmp(input->cid, "who") == 0 && tamga_rpc_peer(call, &who)) {
        response.block = tamga_wire_bytes(tamga_span_text(who.name));
        closure(&response, call);
    } else {
        response.block = tamga_wire_bytes(tamga_span_text(input->cid));
        closure(&response, call);
    }
}

static void content_put(Tamga__V1__ContentService_Service *service,
                        const Tamga__V1__PutContentRequest *input,
                        Tamga__V1__PutContentResponse_Closure closure, void *call)
{
    Tamga__V1__PutContentResponse response = TAMGA__V1__PUT_CONTENT_RESPONSE__INIT;

    (void)input;
    atomic_fetch_add(&fixture_of(service)->runs, 1);
    closure(&response, call);
}

static void content_has(Tamga__V1__ContentService_Service *service,
                        const Tamga__V1__HasContentRequest *input,
                        Tamga__V1__HasContentResponse_Closure closure, void *call)
{
    (void)service;
    (void)input;
    (void)closure;
    tamga_rpc_fail(call, TAMGA_E_NOT_READY, NULL);
}

static void on_log(void *context, const char *event, const char *text)
{
    struct fixture *fixture = context;

    (void)text;
    snprintf(fixture->log_event, sizeof fixture->log_event, "%s", event);
    atomic_fetch_add(&fixture->log_lines, 1);
}

struct tamga_rpc_server_options fixture_options(void)
{
    return (struct tamga_rpc_server_options){
        .listen = "tcp://127.0.0.1:0",
        .threads = 4,
        .contexts = 64,
        .per_pipe_max = 64,
        .pipes_max = 64,
        .send_timeout_ms = 1000,
    };
}

void fixture_open(struct fixture *fixture, const struct tamga_rpc_server_options *options)
{
    fixture_open_link(fixture, options, NULL);
}

void fixture_open_link(struct fixture *fixture, const struct tamga_rpc_server_options *options,
                       const struct tamga_net_link *link)
{
    fixture_open_for(fixture, options, link, NULL, 0);
}

void fixture_open_for(struct fixture *fixture, const struct tamga_rpc_server_options *options,
                      const struct tamga_net_link *link, const char *path, uint32_t callers)
{
    struct tamga_rpc_server_options own = *options;

    memset(fixture, 0, sizeof *fixture);
    fixture->content =
        (Tamga__V1__ContentService_Service)TAMGA__V1__CONTENT_SERVICE__INIT(content_);
    own.log = on_log;
    own.log_context = fixture;
    need(tamga_mailbox_new(&fixture->held, 1024) == TAMGA_OK, "mailbox");
    need(tamga_rpc_server_open(&fixture->server, &own, NULL) == TAMGA_OK, "server");
    need(tamga_rpc_server_add(fixture->server, &fixture->content.base) == TAMGA_OK, "service");
    if (path)
        need(tamga_rpc_server_restrict(fixture->server, path, callers) == TAMGA_OK, path);
    need(tamga_rpc_server_start(fixture->server) == TAMGA_OK, "start");
    need(tamga_channel_open_link(&fixture->channel, tamga_rpc_server_addr(fixture->server), link,
                                 NULL) == TAMGA_OK, "channel");
}

void fixture_close(struct fixture *fixture)
{
    tamga_channel_close(fixture->channel);
    tamga_rpc_server_close(fixture->server);
    tamga_mailbox_free(fixture->held);
}

enum tamga_err fixture_get(struct tamga_channel *channel, const char *cid, uint32_t deadline_ms,
                           size_t *len, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_reply_clear)
    struct tamga_reply reply = {.channel = channel, .deadline_ms = deadline_ms};
    Tamga__V1__GetContentRequest request = TAMGA__V1__GET_CONTENT_REQUEST__INIT;

    request.cid = (char *)(uintptr_t)cid;
    tamga__v1__content_service__get(
        tamga_reply_service(&reply, &tamga__v1__content_service__descriptor), &request,
        (Tamga__V1__GetContentResponse_Closure)tamga_reply_take, &reply);
    if (detail)
        *detail = reply.detail;
    if (len && reply.message)
        *len = ((Tamga__V1__GetContentResponse *)reply.message)->block.len;
    return reply.err;
}

enum tamga_err fixture_put(struct tamga_channel *channel, size_t len, struct tamga_detail *detail)
{
    static uint8_t block[FIXTURE_BIG_BYTES];
    TAMGA_CLEANUP(tamga_reply_clear)
    struct tamga_reply reply = {.channel = channel, .deadline_ms = 5000};
    Tamga__V1__PutContentRequest request = TAMGA__V1__PUT_CONTENT_REQUEST__INIT;

    need(len <= sizeof block, "block");
    request.cid = (char *)(uintptr_t)"cid";
    request.block = tamga_wire_bytes(tamga_span(block, len));
    tamga__v1__content_service__put(
        tamga_reply_service(&reply, &tamga__v1__content_service__descriptor), &request,
        (Tamga__V1__PutContentResponse_Closure)tamga_reply_take, &reply);
    if (detail)
        *detail = reply.detail;
    return reply.err;
}

struct fixture_call *fixture_held(struct fixture *fixture)
{
    void *held = NULL;

    return tamga_mailbox_take(fixture->held, &held, 1, 10000) ? held : NULL;
}

void fixture_complete(struct fixture_call *held, const char *text)
{
    Tamga__V1__GetContentResponse response = TAMGA__V1__GET_CONTENT_RESPONSE__INIT;

    response.block = tamga_wire_bytes(tamga_span_text(text));
    held->closure(&response, held->call);
    free(held);
}

uint32_t fixture_left_ms(const struct fixture_call *held)
{
    return tamga_rpc_left_ms(held->call);
}

/* ---- waiting and counting ---------------------------------------------------- */

bool fixture_wait(bool (*is_so)(void *context), void *context, unsigned timeout_ms)
{
    uint64_t until_ms = tamga_net_now_ms() + timeout_ms;

    while (!is_so(context)) {
        if (tamga_net_now_ms() > until_ms)
            return false;
        poll(NULL, 0, 1);
    }
    return true;
}

unsigned fixture_fd_count(long pid)
{
    char path[64];
    unsigned count = 0;
    DIR *folder;

    snprintf(path, sizeof path, "/proc/%ld/fd", pid ? pid : (long)getpid());
    folder = opendir(path);
    need(folder != NULL, "cannot count descriptors");
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

/* ---- raw peers --------------------------------------------------------------- */

uint16_t fixture_port(const char *addr)
{
    return (uint16_t)atoi(strrchr(addr, ':') + 1);
}

int raw_connect(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval limit = {.tv_sec = 5};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    need(fd >= 0, "socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    need(connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "connect");
    return fd;
}

static bool read_all(int fd, void *data, size_t len)
{
    return recv(fd, data, len, MSG_WAITALL) == (ssize_t)len;
}

int raw_requester(uint16_t port)
{
    static const uint8_t hello[8] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    uint8_t theirs[8];
    int fd = raw_connect(port);

    need(send(fd, hello, sizeof hello, MSG_NOSIGNAL) == sizeof hello, "handshake");
    need(read_all(fd, theirs, sizeof theirs), "handshake");
    return fd;
}

bool raw_send(int fd, uint32_t id, struct tamga_span body)
{
    TAMGA_BUF frame = {0};
    uint8_t head[12];
    size_t sent = 0;

    tamga_put_u64(head, body.len + 4);
    tamga_put_u32(head + 8, id | 0x80000000u);
    need(tamga_buf_add(&frame, tamga_span(head, sizeof head)) == TAMGA_OK &&
             tamga_buf_add(&frame, body) == TAMGA_OK, "out of memory");
    while (sent < frame.len) {
        ssize_t n = send(fd, frame.data + sent, frame.len - sent, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        sent += (size_t)n;
    }
    return true;
}

bool raw_receive(int fd, struct tamga_buf *body)
{
    uint8_t head[12];
    uint64_t len;

    if (!read_all(fd, head, sizeof head))
        return false;
    len = tamga_get_u64(head);
    if (len < 4 || len > TAMGA_NET_MESSAGE_BYTES_MAX)
        return false;
    tamga_buf_clear(body);
    need(tamga_buf_reserve(body, (size_t)len) == TAMGA_OK, "out of memory");
    body->len = (size_t)len - 4;
    return read_all(fd, body->data, body->len);
}

void raw_get(struct tamga_buf *out, const char *cid, uint8_t id_seed, uint32_t deadline_ms)
{
    TAMGA_BUF payload = {0};
    uint8_t id[16];
    Tamga__V1__GetContentRequest request = TAMGA__V1__GET_CONTENT_REQUEST__INIT;
    Tamga__V1__RpcRequest envelope = TAMGA__V1__RPC_REQUEST__INIT;

    memset(id, id_seed, sizeof id);
    request.cid = (char *)(uintptr_t)cid;
    need(tamga_wire_pack(&payload, &request.base) == TAMGA_OK, "out of memory");
    envelope.method = (char *)(uintptr_t)"/tamga.v1.ContentService/Get";
    envelope.deadline_ms = deadline_ms;
    envelope.request_id = tamga_wire_bytes(tamga_span(id, sizeof id));
    envelope.payload = tamga_wire_bytes(tamga_buf_span(&payload));
    tamga_buf_clear(out);
    need(tamga_wire_pack(out, &envelope.base) == TAMGA_OK, "out of memory");
}
