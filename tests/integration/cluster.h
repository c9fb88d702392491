/*
 * A real network for integration tests: genesis, keys and configurations in a new folder,
 * daemons as processes on loopback with free ports. What cannot fail in a test ends the
 * program with a message and the logs' folder; every process is killed on the way out.
 *
 * Members, keys and models are the fixture's; the genesis begins now.
 */
#ifndef TAMGA_TEST_CLUSTER_H
#define TAMGA_TEST_CLUSTER_H

#include <sys/types.h>

#include "../unit/core/net/authority.h"
#include "fixture.h"
#include "net/rpc.h"

#define CLUSTER_PROCESSES_MAX 8
#define CLUSTER_PATH_MAX      512

struct cluster_process {
    char name[16]; /* the member's */
    bool gateway;
    char folder[CLUSTER_PATH_MAX];
    char rpc[64], gossip[64];
    pid_t pid; /* 0: not running */
    struct tamga_channel *channel;
};

struct cluster {
    char folder[CLUSTER_PATH_MAX];
    struct tamga_network *network;
    struct tamga_chain consortium, gateway;
    bool tls;
    struct authority authority; /* if tls: the network's CA, and everybody's certificates */
    struct tamga_net_link link; /* the test's own, softco's; its tls NULL: plain */
    struct cluster_process process[CLUSTER_PROCESSES_MAX];
    size_t count;
};

#define CHECK(condition)                                                                 \
    ((condition) ? (void)0 : cluster_fail(__FILE__, __LINE__, #condition))
void cluster_fail(const char *file, int line, const char *what) __attribute__((noreturn));

/* nodes of node-a.., gateways of gw-1..; nothing runs yet, all are each other's peers. node-d
 * is no member in genesis: it has to join first. */
void cluster_open(struct cluster *cluster, size_t nodes, size_t gateways);
/* The same with all links, devices' too, over TLS. */
void cluster_open_tls(struct cluster *cluster, size_t nodes, size_t gateways);
void cluster_close(struct cluster *cluster);
struct cluster_process *cluster_find(struct cluster *cluster, const char *name);

/* Write the configuration of one process, with the peers whose names are in the list
 * (comma separated); "*": all of its kind. */
void cluster_configure(struct cluster *cluster, const char *name, const char *peers);
/* Start, and wait until it answers health. */
void cluster_start(struct cluster *cluster, const char *name);
void cluster_start_all(struct cluster *cluster);
/* Does the process's log have this text? */
bool cluster_log_says(struct cluster *cluster, const char *name, const char *text);
void cluster_wait_log(struct cluster *cluster, const char *name, const char *text);
/* Send the signal and reap. Returns the exit code, or 128 + signal. */
int cluster_stop(struct cluster *cluster, const char *name, int signal_number);

/* Ask again until the condition holds; ends the program after the seconds. */
typedef bool (*cluster_condition)(struct cluster *cluster, void *context);
void cluster_wait(struct cluster *cluster, const char *what, unsigned seconds,
                  cluster_condition condition, void *context);

/* Height and tip of a chain at a process. Returns false if it does not answer. */
bool cluster_status(struct cluster *cluster, const char *name, const struct tamga_chain *chain,
                    uint64_t *height, struct tamga_block_id *tip);
/* Do all named (comma separated) processes have the same tip, of at least this height? */
bool cluster_agree(struct cluster *cluster, const char *names, const struct tamga_chain *chain,
                   uint64_t height_min);
void cluster_wait_agree(struct cluster *cluster, const char *names,
                        const struct tamga_chain *chain, uint64_t height_min,
                        unsigned seconds);
/* Is the entry in a block of the process's best chain? */
bool cluster_included(struct cluster *cluster, const char *name,
                      const struct tamga_chain *chain, const struct tamga_entry_id *id);
/* Or at least known there, pending or included? */
bool cluster_known(struct cluster *cluster, const char *name, const struct tamga_chain *chain,
                   const struct tamga_entry_id *id);

/* A release by acme of acme/cam as of now; image: `bytes` bytes that follow from seed.
 * change may alter the body before it is signed. */
struct cluster_release {
    uint64_t counter;
    uint64_t seed;
    size_t bytes; /* 0: 1000 */
    const char *sender, *model; /* NULL: acme, cam */
    const struct tamga_buf *image; /* these very bytes; NULL: from the seed */
    struct tamga_detail *detail;   /* for what the node says; NULL: not wanted */
    void (*change)(Tamga__V1__TransactionBody *body);
    void (*forge)(Tamga__V1__Signed *message);
    bool skip_content;
};
/* Put the image, submit. Returns the node's verdict; id may be NULL. */
enum tamga_err cluster_publish(struct cluster *cluster, const char *node,
                               const struct cluster_release *release,
                               struct tamga_entry_id *id);
void cluster_image(struct tamga_buf *out, uint64_t seed, size_t bytes);
/* One with a text again and again in it, in image.bin. */
void cluster_write_image(const struct cluster *cluster, struct tamga_buf *out, size_t bytes,
                         const char *canary);
/* Submit a transaction as it is. Returns the node's verdict; detail may be NULL. */
enum tamga_err cluster_submit(struct cluster *cluster, const char *node,
                              const struct tamga_buf *payload, struct tamga_detail *detail);

/* An enrolled device with a folder of its own and tamga-device's configuration. */
void cluster_enroll(struct cluster *cluster, char folder[CLUSTER_PATH_MAX], const char *number,
                    const char *gateways);
/* One session (`--once`); returns its exit code. */
int cluster_run_device(struct cluster *cluster, const char *folder);
/* The same, but killed with SIGKILL after a time unless it ended before. */
int cluster_kill_device(struct cluster *cluster, const char *folder, unsigned wait_ms);
/* The loop, without --once; and its end by SIGTERM. Its log is FOLDER/log. */
pid_t cluster_start_device(struct cluster *cluster, const char *folder);
int cluster_stop_device(pid_t pid);
/* Does the device run exactly these bytes? */
bool cluster_device_runs(const char *folder, const struct tamga_buf *image);

#endif
