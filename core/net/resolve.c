/* Each lookup has a thread that belongs to nobody: it and who asked share a small record,
 * and the last of the two releases it. Connects to nothing. */
#include "net/resolve.h"

#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct tamga_lookup {
    pthread_mutex_t lock;
    unsigned holders;
    bool known;
    int wake;
    struct tamga_endpoint endpoint;
    struct tamga_resolved result;
};

static void ask(struct tamga_resolved *out, const struct tamga_endpoint *endpoint, int flags)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = flags | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char host[TAMGA_ENDPOINT_HOST_MAX + 1], port[8];

    *out = (struct tamga_resolved){0};
    snprintf(host, sizeof host, "%s", endpoint->host + (endpoint->host[0] == '['));
    host[strcspn(host, "]")] = '\0';
    snprintf(port, sizeof port, "%u", endpoint->port);
    if (getaddrinfo(host, port, &hints, &found) != 0)
        return;
    for (const struct addrinfo *at = found; at && out->count < TAMGA_RESOLVE_COUNT_MAX;
         at = at->ai_next) {
        if (at->ai_addrlen > sizeof out->address[0])
            continue;
        memcpy(&out->address[out->count], at->ai_addr, at->ai_addrlen);
        out->len[out->count++] = at->ai_addrlen;
    }
    freeaddrinfo(found);
}

bool tamga_resolve_numeric(struct tamga_resolved *out, const struct tamga_endpoint *endpoint)
{
    ask(out, endpoint, AI_NUMERICHOST);
    return out->count > 0;
}

bool tamga_resolve_wait(struct tamga_resolved *out, const struct tamga_endpoint *endpoint)
{
    ask(out, endpoint, 0);
    return out->count > 0;
}

static void leave(struct tamga_lookup *lookup)
{
    bool last;

    pthread_mutex_lock(&lookup->lock);
    last = --lookup->holders == 0;
    pthread_mutex_unlock(&lookup->lock);
    if (!last)
        return;
    close(lookup->wake);
    pthread_mutex_destroy(&lookup->lock);
    free(lookup);
}

static void *lookup_run(void *context)
{
    struct tamga_lookup *lookup = context;
    struct tamga_resolved result;

    ask(&result, &lookup->endpoint, 0);
    pthread_mutex_lock(&lookup->lock);
    lookup->result = result;
    lookup->known = true;
    pthread_mutex_unlock(&lookup->lock);
    eventfd_write(lookup->wake, 1);
    leave(lookup);
    return NULL;
}

static enum tamga_err thread_start(struct tamga_lookup *lookup)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all, former;
    int failed;

    sigfillset(&all);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &former);
    failed = pthread_create(&thread, &attr, lookup_run, lookup);
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    pthread_attr_destroy(&attr);
    return failed ? TAMGA_E_SYSTEM : TAMGA_OK;
}

enum tamga_err tamga_lookup_start(struct tamga_lookup **out,
                                  const struct tamga_endpoint *endpoint, int wake)
{
    struct tamga_lookup *lookup = calloc(1, sizeof *lookup);

    if (!lookup)
        return TAMGA_E_NO_MEMORY;
    lookup->wake = fcntl(wake, F_DUPFD_CLOEXEC, 0);
    lookup->endpoint = *endpoint;
    lookup->holders = 2;
    pthread_mutex_init(&lookup->lock, NULL);
    if (lookup->wake < 0 || thread_start(lookup) != TAMGA_OK) {
        lookup->holders = 1;
        leave(lookup);
        return TAMGA_E_SYSTEM;
    }
    *out = lookup;
    return TAMGA_OK;
}

bool tamga_lookup_take(struct tamga_lookup *lookup, struct tamga_resolved *out)
{
    bool known;

    pthread_mutex_lock(&lookup->lock);
    known = lookup->known;
    if (known)
        *out = lookup->result;
    pthread_mutex_unlock(&lookup->lock);
    return known;
}

void tamga_lookup_free(struct tamga_lookup *lookup)
{
    if (lookup)
        leave(lookup);
}
