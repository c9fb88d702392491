/*
 * The loop of tamga-device: one session after another, each with the next gateway. Runs
 * in a thread of its own, so that the program's main thread is free to end it.
 */
#ifndef TAMGA_AGENT_AGENT_H
#define TAMGA_AGENT_AGENT_H

#include <pthread.h>
#include <stdatomic.h>

#include "agent/config.h"
#include "device/device.h"

enum tamga_agent_exit {
    TAMGA_EXIT_DONE = 0,
    TAMGA_EXIT_REFUSED = 1,
    TAMGA_EXIT_USAGE = 2,
    TAMGA_EXIT_LATER = 3,
    TAMGA_EXIT_LOCAL = 4,
};
enum tamga_agent_exit tamga_agent_exit_of(enum tamga_err err);

struct tamga_agent {
    const struct tamga_agent_config *config; /* borrowed */
    bool once;
    struct tamga_device *device;
    uint32_t round;
    atomic_bool stopping;
    atomic_bool reload; /* certificates, before the next session */
    pthread_mutex_t lock;
    pthread_cond_t wake;
};

/* once: one session with the first gateway that answers, instead of the loop. */
void tamga_agent_init(struct tamga_agent *agent, const struct tamga_agent_config *config,
                      bool once);
/* Runs to its end: after one session, or after stop, or if the device does not open. */
enum tamga_agent_exit tamga_agent_run(struct tamga_agent *agent);
/* From another thread: ends run soon. Idempotent. */
void tamga_agent_stop(struct tamga_agent *agent);
void tamga_agent_clear(struct tamga_agent *agent);

#endif
