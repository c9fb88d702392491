/*
 * A sendmsg() and an epoll_wait() of our own, for NNG before 1.6, in every executable
 * that opens a socket.
 *
 * Why: NNG 1.5 drops an operation that it resubmits on a connection which was closed in
 * the meantime (nanomsg/nng#1636). It never completes, the one reaper thread waits for
 * it for ever, and from then on every closed connection leaks its descriptor and every
 * nng_close() hangs. Three things lead there when a peer is killed under load:
 *
 *   - A send that fails closes the connection while a receive is being resubmitted.
 *     Here a send to a dead peer claims success, so that only the receiving side, which
 *     NNG handles well, reports the death. A message to a dead peer is lost either way.
 *   - A send of a part of a message is resubmitted for the rest. Here a part is kept in
 *     mind and answered with EAGAIN; NNG then waits in the poller, which a close ends
 *     properly, and calls again with the whole message, of which the rest is sent.
 *   - The poller tells a death, and NNG closes the connection at once, while the completion
 *     of an earlier read (of a message's length) may still wait to be resubmitted. Our
 *     epoll_wait() says instead that the connection can be read and written: whatever is
 *     resubmitted then finds out by itself, and ends as it should. A moment's delay in place
 *     of that was not enough on a busy machine.
 *
 * How it gets in: the dynamic linker looks in the executable before libc. An archive
 * member is linked only if somebody refers to it: that is what tamga_nng_cure is for.
 * Only for stream sockets whose caller repeats the same message after EAGAIN, as NNG
 * does, one call at a time for a descriptor; a program that needs the truth from
 * sendmsg() must not link this library.
 */
#include "net/nng_sendmsg.h"

#include <errno.h>
#include <nng/nng.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if NNG_MAJOR_VERSION == 1 && NNG_MINOR_VERSION < 6

#define FD_MAX  65536 /* beyond it, parts are told to NNG as they are */
#define IOV_MAX_OURS 16
/* NNG begins every connection with a message of this length: what is kept of a former
 * connection of the same number never fits it. */
#define SHORTEST 8

/* What was sent of a message already; of none if sent is 0. */
static struct part {
    const void *first; /* the message is known by its first bytes' address and its length */
    size_t len, sent;
} part_of[FD_MAX];

/* What the receiving side is told too. */
static bool is_death(int error)
{
    return error == EPIPE || error == ECONNRESET || error == ETIMEDOUT ||
           error == EHOSTUNREACH || error == ENETUNREACH;
}

static size_t message_len(const struct msghdr *message)
{
    size_t len = 0;

    for (size_t i = 0; i < message->msg_iovlen; i++)
        len += message->msg_iov[i].iov_len;
    return len;
}

static ssize_t send_after(int fd, const struct msghdr *message, int flags, size_t skip)
{
    struct iovec rest[IOV_MAX_OURS];
    struct msghdr shorter = *message;

    shorter.msg_iov = rest;
    shorter.msg_iovlen = 0;
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        struct iovec iov = message->msg_iov[i];
        size_t skipped = skip < iov.iov_len ? skip : iov.iov_len;

        skip -= skipped;
        iov.iov_base = (char *)iov.iov_base + skipped;
        iov.iov_len -= skipped;
        if (iov.iov_len > 0)
            rest[shorter.msg_iovlen++] = iov;
    }
    return syscall(SYS_sendmsg, fd, &shorter, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    size_t len = message_len(message), skip = 0;
    bool keeps = fd >= 0 && fd < FD_MAX && len > SHORTEST && message->msg_iovlen > 0 &&
                 message->msg_iovlen <= IOV_MAX_OURS;
    struct part *part = fd >= 0 && fd < FD_MAX ? &part_of[fd] : NULL;
    ssize_t sent;

    if (keeps && part->len == len && part->first == message->msg_iov[0].iov_base)
        skip = part->sent;
    sent = skip > 0 ? send_after(fd, message, flags, skip)
                    : syscall(SYS_sendmsg, fd, message, flags);
    if (sent < 0 && !is_death(errno))
        return sent;
    if (keeps && sent >= 0 && skip + (size_t)sent < len) {
        *part = (struct part){
            .first = message->msg_iov[0].iov_base, .len = len, .sent = skip + (size_t)sent};
        errno = EAGAIN;
        return -1;
    }
    if (part)
        *part = (struct part){0};
    return sent >= 0 && !keeps ? sent : (ssize_t)len;
}

/*
 * What is dead can be read and written, with the error as the outcome. NNG arms a descriptor
 * for one event at a time, so nothing is told twice; a connection that is being made asks
 * for its error where it can be written. ThreadSanitizer needs to see the epoll_wait() that
 * it knows.
 */
#ifndef __SANITIZE_THREAD__
int epoll_wait(int epfd, struct epoll_event *event, int count_max, int timeout_ms)
{
    int count = (int)syscall(SYS_epoll_wait, epfd, event, count_max, timeout_ms);

    for (int i = 0; i < count; i++)
        if (event[i].events & (EPOLLHUP | EPOLLERR))
            event[i].events = (event[i].events & ~(uint32_t)(EPOLLHUP | EPOLLERR)) | EPOLLIN |
                              EPOLLOUT;
    return count;
}
#endif

#endif

void tamga_nng_cure(void)
{
}
