/*
 * A sendmsg() of our own, for NNG before 1.6, in every executable that opens a socket.
 *
 * Why: when a peer is killed under load, NNG 1.5 sees the death twice, by a failing
 * sendmsg() and by the poller. The first closes the stream while the pipe's receive is
 * resubmitted, that receive never completes (nanomsg/nng#1636), the one reaper thread
 * waits for it for ever, and from then on every closed connection leaks its descriptor.
 * Here a send to a dead peer claims success, so that only the receiving side, which NNG
 * handles well, reports the death. A message to a dead peer is lost either way.
 *
 * How it gets in: the dynamic linker looks in the executable before libc. An archive
 * member is linked only if somebody refers to it: that is what tamga_nng_cure is for.
 * NNG hands sendmsg() stream sockets only; a program that needs the truth from
 * sendmsg() must not link this library.
 */
#include "net/nng_sendmsg.h"

#include <errno.h>
#include <nng/nng.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if NNG_MAJOR_VERSION == 1 && NNG_MINOR_VERSION < 6

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    ssize_t sent = syscall(SYS_sendmsg, fd, message, flags);
    size_t len = 0;

    if (sent >= 0 || (errno != EPIPE && errno != ECONNRESET))
        return sent;
    for (size_t i = 0; i < message->msg_iovlen; i++)
        len += message->msg_iov[i].iov_len;
    return (ssize_t)len;
}

#endif

void tamga_nng_cure(void)
{
}
