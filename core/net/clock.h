/* The one clock of this folder: milliseconds that never jump. */
#ifndef TAMGA_NET_CLOCK_H
#define TAMGA_NET_CLOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

static inline uint64_t tamga_net_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static inline uint32_t tamga_net_left_ms(uint64_t expires_ms)
{
    uint64_t now_ms = tamga_net_now_ms();

    return now_ms >= expires_ms ? 0 : (uint32_t)(expires_ms - now_ms);
}

/* A condition that is waited for by that clock. 0 or an errno. */
static inline int tamga_net_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    int failed = pthread_condattr_init(&attr);

    if (failed)
        return failed;
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    failed = pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
    return failed;
}

/* Wait until signalled or expires_ms; spurious wake-ups are the caller's to check. */
static inline int tamga_net_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock,
                                      uint64_t expires_ms)
{
    struct timespec until = {.tv_sec = (time_t)(expires_ms / 1000),
                             .tv_nsec = (long)(expires_ms % 1000) * 1000000};

    return pthread_cond_timedwait(cond, lock, &until);
}

#endif
