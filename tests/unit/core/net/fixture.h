/*
 * A server with a content service whose answers the cid chooses, and raw peers that
 * speak NNG's framing by hand, well or badly. For Criterion programs and plain ones.
 */
#ifndef NET_FIXTURE_H
#define NET_FIXTURE_H

#include <stdatomic.h>

#include "net/mailbox.h"
#include "net/rpc.h"
#include "tamga/v1/content_service.pb-c.h"
#include "tamga/v1/rpc.pb-c.h"

#define FIXTURE_BIG_BYTES (2u * 1024 * 1024)

/*
 * Get answers by cid: "fail": NOT_FOUND with a detail; "hold": the call is put into
 * `held`, to be completed later; "big": 2 MiB; "huge": more than a message may have;
 * "who": the caller's name by its certificate; anything else: the cid as the block.
 */
struct fixture {
    Tamga__V1__ContentService_Service content;
    struct tamga_rpc_server *server;
    struct tamga_channel *channel;
    struct tamga_mailbox *held;
    atomic_uint runs;
    atomic_uint log_lines;
    char log_event[32]; /* of the newest line */
};

/* Small bounds, to be changed before fixture_open. */
struct tamga_rpc_server_options fixture_options(void);
/* Aborts the program if it fails. */
void fixture_open(struct fixture *fixture, const struct tamga_rpc_server_options *options);
/* With a channel that has a link of its own. */
void fixture_open_link(struct fixture *fixture, const struct tamga_rpc_server_options *options,
                       const struct tamga_net_link *link);
/* And where only callers may call what path names, if it is not NULL. */
void fixture_open_for(struct fixture *fixture, const struct tamga_rpc_server_options *options,
                      const struct tamga_net_link *link, const char *path, uint32_t callers);
void fixture_close(struct fixture *fixture);
/* One Get; the block's length, or the error. */
enum tamga_err fixture_get(struct tamga_channel *channel, const char *cid, uint32_t deadline_ms,
                           size_t *len, struct tamga_detail *detail);
/* One Put of so many bytes, at most FIXTURE_BIG_BYTES. */
enum tamga_err fixture_put(struct tamga_channel *channel, size_t len, struct tamga_detail *detail);
/* The next held call, waiting for it; NULL after ten seconds. */
struct fixture_call *fixture_held(struct fixture *fixture);
/* Answers with text as the block; takes the call. */
void fixture_complete(struct fixture_call *held, const char *text);
uint32_t fixture_left_ms(const struct fixture_call *held);

/* Evaluate until true or out of time. */
bool fixture_wait(bool (*is_so)(void *context), void *context, unsigned timeout_ms);
unsigned fixture_fd_count(long pid); /* 0: this process */

uint16_t fixture_port(const char *addr);
int raw_connect(uint16_t port);
/* With the handshake of protocol REQ. */
int raw_requester(uint16_t port);
/* One framed request; false if the peer is gone. */
bool raw_send(int fd, uint32_t id, struct tamga_span body);
/* One framed reply without its id; false if the peer is gone or silent for five seconds. */
bool raw_receive(int fd, struct tamga_buf *body);
/* An envelope around a GetContentRequest. id_seed makes the request id. */
void raw_get(struct tamga_buf *out, const char *cid, uint8_t id_seed, uint32_t deadline_ms);

#endif
