/*
 * client/device/install.c: a crash after any step of an install, and images that are
 * damaged before the next start. The device under test is a process of its own that ends
 * without closing anything; it is forked before this one opens its first socket.
 */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wire/wire.h"
#include "world.h"

static struct world world;
static struct image first, second;
static int to_child[2], to_parent[2];

/* Install one release, tell, wait for the word, crash while installing the next. */
static void crash_in_child(const char *event)
{
    char byte;

    alarm(30);
    if (read(to_child[0], world.gateway.addr, sizeof world.gateway.addr) <= 0 ||
        world_open(&world) != TAMGA_OK || world_session(&world) != TAMGA_OK)
        _exit(1);
    if (write(to_parent[1], "x", 1) != 1 || read(to_child[0], &byte, 1) != 1)
        _exit(2);
    world.exit_at = event;
    (void)!world_session(&world);
    _exit(3);
}

/* The world as a crash after `event` leaves it: release 1 ran, release 2 was installed. */
static void crashed(const char *event)
{
    int status = 0;
    char byte;
    pid_t pid;

    world_make(&world);
    cr_assert_eq(pipe(to_child), 0);
    cr_assert_eq(pipe(to_parent), 0);
    pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0)
        crash_in_child(event);
    world_serve(&world);
    world_image(&world, &first, 1, 3000);
    world_image(&world, &second, 2, WORLD_IMAGE_BYTES);
    world_offer(&world, &first, &(struct test_release){.counter = 1});
    cr_assert_eq(write(to_child[1], world.gateway.addr, sizeof world.gateway.addr),
                 (ssize_t)sizeof world.gateway.addr);
    cr_assert_eq(read(to_parent[0], &byte, 1), 1);
    world_offer(&world, &second, &(struct test_release){.counter = 2});
    cr_assert_eq(write(to_child[1], "x", 1), 1);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 9, "%s: %x", event,
              (unsigned)status);
    cr_assert_eq(world.gateway.receipt_count, 1);
}

static void finish(void)
{
    image_clear(&first);
    image_clear(&second);
    world_end(&world);
}

static void damage(const char *name)
{
    char path[128];
    int fd;

    snprintf(path, sizeof path, "%s/%s", world.root, name);
    fd = open(path, O_WRONLY);
    cr_assert_geq(fd, 0, "%s", path);
    cr_assert_eq(pwrite(fd, "damage", 6, 100), 6);
    close(fd);
}

static void receipt_says(size_t i, Tamga__V1__Outcome outcome, uint64_t number)
{
    Tamga__V1__ReceiptBody *receipt = world_receipt(&world, i);

    cr_assert_eq(receipt->outcome, outcome);
    cr_assert_eq(receipt->receipt_counter, number);
    tamga_wire_free(&receipt->base);
}

struct step {
    char event[32];
    bool at_open; /* the next open finishes it, without any gateway */
};

ParameterizedTestParameters(crash, every_step_is_finished_or_undone)
{
    static struct step steps[] = {
        {"download.done", false},    {"install.marked", true},   {"install.placed", true},
        {"install.verified", true},  {"install.switched", true}, {"install.confirmed", true},
        {"install.committed", true},
    };

    return cr_make_param_array(struct step, steps, sizeof steps / sizeof steps[0]);
}

/*
 * Goal:   a crash after any step loses nothing: some image runs at every moment, the next
 *         start finishes the install, and there is one receipt for it.
 * Method: crash after each step of the second install; look at `current`; open; look
 *         again; run a session.
 */
ParameterizedTest(struct step *step, crash, every_step_is_finished_or_undone, .timeout = 60)
{
    crashed(step->event);
    cr_assert(world_runs(&world, &first) || world_runs(&world, &second));
    cr_assert_eq(world_open(&world), TAMGA_OK, "%s", world.detail.text);
    cr_assert_eq(world_status(&world).counter, step->at_open ? 2 : 1);
    cr_assert(world_runs(&world, step->at_open ? &second : &first));
    cr_assert_eq(world_status(&world).receipts_waiting, step->at_open ? 1 : 0);
    world.gateway.offers = !step->at_open;
    cr_assert_eq(world_session(&world), TAMGA_OK, "%s", world.detail.text);
    cr_assert(world_runs(&world, &second));
    cr_assert_eq(world.gateway.receipt_count, 2);
    receipt_says(1, TAMGA__V1__OUTCOME__OUTCOME_CONFIRMED, 2);
    finish();
}

/*
 * Goal:   an image that was damaged while the install was cut short is not run, the
 *         former one is, and a receipt says so; the release installs afterwards.
 * Method: crash with the image in its part file, in its slot, and already switched to;
 *         damage it; open.
 */
static void damaged_image_is_undone(const char *event, const char *name)
{
    crashed(event);
    damage(name);
    cr_assert_eq(world_open(&world), TAMGA_OK, "%s", world.detail.text);
    cr_assert(world_runs(&world, &first));
    cr_assert_eq(world_status(&world).counter, 1);
    cr_assert_eq(world_session(&world), TAMGA_OK, "%s", world.detail.text);
    cr_assert(world_runs(&world, &second));
    cr_assert_eq(world.gateway.receipt_count, 3);
    receipt_says(1, TAMGA__V1__OUTCOME__OUTCOME_FAILED, 2);
    receipt_says(2, TAMGA__V1__OUTCOME__OUTCOME_CONFIRMED, 3);
    finish();
}
Test(crash, damaged_part_file, .timeout = 60)
{
    damaged_image_is_undone("install.marked", "slot-b.part");
}
Test(crash, damaged_slot, .timeout = 60)
{
    damaged_image_is_undone("install.placed", "slot-b");
}
Test(crash, damaged_after_the_switch, .timeout = 60)
{
    damaged_image_is_undone("install.switched", "slot-b");
}
