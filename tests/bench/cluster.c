/*
 * Four consortium nodes that gossip, each of them a validator, and releases submitted to all
 * of them; beside three members of etcd that take synced writes on the same disk a moment
 * later. Both are asked over loopback by a client on the same cores.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "etcd.h"
#include "limits.h"
#include "load.h"

#define NODES        4
#define RELEASES     32768
#define WRITE_BYTES  1024
#define GROUP_WRITES 64 /* as many as our clients have outstanding */

struct synced {
    int fd;
    uint8_t bytes[GROUP_WRITES * WRITE_BYTES];
};

static void write_group(void *context)
{
    struct synced *synced = context;

    BENCH_CHECK(write(synced->fd, synced->bytes, sizeof synced->bytes) ==
                (ssize_t)sizeof synced->bytes);
    BENCH_CHECK(fdatasync(synced->fd) == 0);
}

/* Synced writes of 1 KB a second, so many at a time. */
static double synced_rate(double seconds)
{
    static struct synced synced;
    char folder[256], path[300];
    double rate;

    bench_folder(folder);
    snprintf(path, sizeof path, "%s/log", folder);
    synced.fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    BENCH_CHECK(synced.fd >= 0);
    rate = bench_waiting_rate(write_group, &synced, GROUP_WRITES, seconds);
    close(synced.fd);
    return rate;
}

static double four_nodes(const struct bench *bench)
{
    static struct bench_network network;
    static struct bench_node node[NODES];
    double limit = limit_verify(TAMGA_KEY_P256, bench->limit_seconds), cpu, rate;
    struct bench_load load;

    bench_network_open_with(&network, NODES);
    bench_nodes_start(node, &network);
    bench_load_sign(&load, &network, TAMGA_KEY_P256, bench->smoke ? 64 : RELEASES);
    cpu = bench_nodes_cpu(node, &network);
    bench_load_run(&load, node, NODES, 2 * bench->seconds);
    cpu = (bench_nodes_cpu(node, &network) - cpu) / load.done;
    rate = load.done / load.seconds;
    bench_figure("ingest.four_nodes", rate, "tx/s",
                 limit * (double)sysconf(_SC_NPROCESSORS_ONLN) / NODES,
                 "OpenSSL verify at each, all cores");
    bench_cost("ingest.four_nodes.cpu", cpu * 1e6, "us/tx", NODES * 1e6 / limit,
               "OpenSSL verify at each");
    bench_load_clear(&load);
    bench_nodes_stop(node, &network);
    bench_network_close(&network);
    return rate;
}

void bench_cluster(const struct bench *bench)
{
    double ours = four_nodes(bench), etcd, cpu = 0;

    if (!bench_etcd_present()) {
        printf("etcd is not measured: there is no /usr/bin/etcd (deploy/setup.sh --etcd)\n");
        return;
    }
    etcd = bench_etcd_rate(bench->seconds, &cpu);
    bench_figure("etcd.three_members", etcd, "writes/s", synced_rate(bench->limit_seconds),
                 "fdatasync after each 64, one disk");
    bench_cost("etcd.three_members.cpu", cpu * 1e6, "us/write", 3e6 * WRITE_BYTES /
               limit_sha256_bytes(bench->limit_seconds), "SHA-256 of 1 KB at each");
    bench_figure("ingest.four_nodes.etcd", ours, "tx/s", etcd, "etcd.three_members");
}
