/*
 * kill -9: what was acknowledged is there, and batches are whole. The kernel survives a
 * kill, so this says nothing of a power loss.
 */
#include <criterion/criterion.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disk.h"

#define ROUNDS 5
#define ACKNOWLEDGED_MIN 150
#define BODY_BYTES_MAX 40000

static enum tamga_err write_step(struct tamga_store *store, uint64_t step)
{
    static uint8_t body[BODY_BYTES_MAX];
    uint8_t key[8] = {0};
    const struct tamga_span number = tamga_span(key, sizeof key);
    const struct tamga_write batch[] = {
        {TAMGA_FAMILY_HEIGHT, false, number, number},
        {TAMGA_FAMILY_BODY, false, number, tamga_span(body, step * 7919 % sizeof body)},
        {TAMGA_FAMILY_META, false, tamga_span_text("tip"), number},
    };

    tamga_put_u64(key, step);
    return store->ops->write(store, batch, sizeof batch / sizeof batch[0], true);
}

/* In the child: open, and write steps from `first` on, each acknowledged on the pipe. */
static void writer(struct disk *disk, int pipe_fd, uint64_t first)
{
    if (disk_open(disk) != TAMGA_OK)
        _exit(1);
    for (uint64_t step = first;; step++)
        if (write_step(disk->test.store, step) != TAMGA_OK ||
            write(pipe_fd, &step, sizeof step) != sizeof step)
            _exit(2);
}

static pid_t writer_start(struct disk *disk, int *acknowledged, uint64_t first)
{
    int end[2];
    pid_t child;

    cr_assert_eq(pipe(end), 0);
    child = fork(); /* before RocksDB has threads in this process */
    cr_assert_geq(child, 0);
    if (child == 0) {
        close(end[0]);
        writer(disk, end[1], first);
    }
    close(end[1]);
    *acknowledged = end[0];
    return child;
}

static void kill_alive(pid_t child)
{
    int status = 0;

    cr_assert_eq(kill(child, SIGKILL), 0);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL,
              "the writer had ended before it was killed");
}

static bool has_step(const struct tamga_view *view, uint64_t step)
{
    TAMGA_BUF value = {0};
    uint8_t key[8];

    tamga_put_u64(key, step);
    return tamga_view_get(view, TAMGA_FAMILY_HEIGHT, tamga_span(key, 8), &value) ==
               TAMGA_OK &&
           tamga_view_get(view, TAMGA_FAMILY_BODY, tamga_span(key, 8), &value) == TAMGA_OK &&
           value.len == step * 7919 % BODY_BYTES_MAX;
}

static bool lacks_step(const struct tamga_view *view, uint64_t step)
{
    TAMGA_BUF value = {0};
    uint8_t key[8];

    tamga_put_u64(key, step);
    return tamga_view_get(view, TAMGA_FAMILY_HEIGHT, tamga_span(key, 8), &value) ==
               TAMGA_E_NOT_FOUND &&
           tamga_view_get(view, TAMGA_FAMILY_BODY, tamga_span(key, 8), &value) ==
               TAMGA_E_NOT_FOUND;
}

/* Steps 0..*last are there, *last is the tip, and nothing of a step above it is. */
static bool is_whole(const struct tamga_store *store, uint64_t *last)
{
    const struct tamga_view *view = &store->reader.view;
    TAMGA_BUF value = {0};

    if (tamga_view_get(view, TAMGA_FAMILY_META, tamga_span_text("tip"), &value) != TAMGA_OK)
        return false;
    *last = tamga_get_u64(value.data);
    for (uint64_t step = 0; step <= *last; step++)
        if (!has_step(view, step))
            return false;
    return lacks_step(view, *last + 1) && lacks_step(view, *last + 2);
}

/*
 * Open and check in a child, so that this process never has RocksDB's threads when it
 * forks. No assertion in there: Criterion takes none from a process it did not start.
 */
static uint64_t checked_in_child(struct disk *disk)
{
    int end[2];
    uint64_t last = 0;
    int status = 0;
    pid_t child;

    cr_assert_eq(pipe(end), 0);
    child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        if (disk_open(disk) != TAMGA_OK)
            _exit(1);
        if (!is_whole(disk->test.store, &last) ||
            write(end[1], &last, sizeof last) != sizeof last)
            _exit(2);
        disk_close(disk);
        _exit(0);
    }
    close(end[1]);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status));
    cr_assert_eq(WEXITSTATUS(status), 0, "1: not opened, 2: not whole: %d",
                 WEXITSTATUS(status));
    cr_assert_eq(read(end[0], &last, sizeof last), (ssize_t)sizeof last);
    close(end[0]);
    return last;
}

/*
 * Goal:   kill -9 of a writer loses no acknowledged batch and tears none.
 * Method: five rounds on one folder: a child writes synced batches over three families
 *         and acknowledges each; kill it after 150 and more; open; every step up to the
 *         last acknowledged one is whole, and so is one beyond it, if it is there.
 */
Test(rocks_kill, keeps_every_acknowledged_batch, .timeout = 100)
{
    struct disk disk;
    uint64_t first = 0;

    disk_init(&disk);
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t step = 0, last;
        int acknowledged = -1;
        pid_t child = writer_start(&disk, &acknowledged, first);

        for (int i = 0; i < ACKNOWLEDGED_MIN + 37 * round; i++)
            cr_assert_eq(read(acknowledged, &step, sizeof step), (ssize_t)sizeof step);
        kill_alive(child);
        while (read(acknowledged, &step, sizeof step) == (ssize_t)sizeof step)
            ; /* what it had acknowledged before it died */
        close(acknowledged);
        cr_assert_geq(step, first + ACKNOWLEDGED_MIN - 1);
        last = checked_in_child(&disk);
        cr_assert_geq(last, step);
        cr_assert_leq(last, step + 1);
        first = last + 1;
    }
    disk_clear(&disk);
}

/*
 * Goal:   a node killed at any moment of its first start can start again.
 * Method: a child creates the database; kill it after 0, 2, 4 .. 58 ms, unless it has
 *         written already; a second one has to get as far as an acknowledged write.
 *         Some kills have to come before the creation is done.
 */
Test(rocks_kill, a_creation_can_be_killed, .timeout = 100)
{
    size_t early = 0;

    for (int ms = 0; ms < 60; ms += 2) {
        struct disk disk;
        struct pollfd ready = {.events = POLLIN};
        uint64_t step;
        pid_t child;

        disk_init(&disk);
        child = writer_start(&disk, &ready.fd, 0);
        if (poll(&ready, 1, ms) == 1) {
            kill_alive(child);
            close(ready.fd);
            disk_clear(&disk);
            continue;
        }
        early++;
        kill_alive(child);
        close(ready.fd);
        child = writer_start(&disk, &ready.fd, 0);
        cr_assert_eq(read(ready.fd, &step, sizeof step), (ssize_t)sizeof step);
        kill_alive(child);
        close(ready.fd);
        disk_clear(&disk);
    }
    cr_assert_gt(early, (size_t)0, "no kill came before the creation was done");
}
