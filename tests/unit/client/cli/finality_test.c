/* client/cli: what people are told of finality, and what they keep: the command itself. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fake_node.h"

/* What the command printed last, on both channels. */
static char said[65536];

/* Run `tamga` with these arguments; its exit code. */
static int run(const struct fake_node *node, const char *format, ...)
{
    char command[2048];
    size_t len = 0, got;
    va_list args;
    FILE *out;
    int status;

    len += (size_t)snprintf(command, sizeof command, "%s --genesis %s/genesis.tamga ",
                            TAMGA_TEST_CLI, fake_identity("acme"));
    if (node != NULL)
        len += (size_t)snprintf(command + len, sizeof command - len, "--node %s ",
                                fake_addr(node));
    va_start(args, format);
    len += (size_t)vsnprintf(command + len, sizeof command - len, format, args);
    va_end(args);
    cr_assert_lt(len + sizeof " 2>&1", sizeof command);
    strcpy(command + len, " 2>&1");
    out = popen(command, "r");
    cr_assert_not_null(out);
    got = fread(said, 1, sizeof said - 1, out);
    said[got] = '\0';
    status = pclose(out);
    cr_assert(WIFEXITED(status), "%s", said);
    return WEXITSTATUS(status);
}

#define SAYS(text) cr_assert_not_null(strstr(said, text), "no \"%s\" in: %s", text, said)

static void add(struct fake_node *node, uint64_t counter)
{
    TAMGA_BUF payload = {0};

    test_release(&payload, NULL,
                 &(struct test_release){.counter = counter,
                                        .time_ms = (uint64_t)time(NULL) * 1000});
    fake_add(node, test_consortium(), &payload);
}

/* A path beside the identity, which is removed at exit. */
static const char *beside(const char *name)
{
    static char path[4][192];
    static unsigned next;
    char *out = path[next++ % 4];

    snprintf(out, sizeof path[0], "%s/%s", fake_identity("acme"), name);
    return out;
}

/*
 * Goal:   publish waits until the release is final unless it is told otherwise, and says
 *         which checkpoint makes it so.
 * Method: a node whose blocks are final at once; each way to wait; then one where nothing is.
 */
Test(cli_finality, publish_waits_until_final)
{
    struct fake_node *node = fake_start(&(struct fake_options){.final = true});
    const char *identity = fake_identity("acme");
    static const char form[] = "--identity %s --json publish %s --model acme/cam --version %d %s";

    cr_assert_eq(run(node, form, identity, fake_file("1", 1), 1, ""), 0, "%s", said);
    SAYS("\"state\":\"final\"");
    SAYS("\"height\":\"1\",\"checkpoint\":\"1\"");
    cr_assert_eq(run(node, form, identity, fake_file("2", 1), 2, "--wait mined"), 0, "%s", said);
    SAYS("\"state\":\"mined\"");
    cr_assert_null(strstr(said, "checkpoint"));
    cr_assert_eq(run(node, form, identity, fake_file("3", 1), 3, "--wait accepted"), 0);
    SAYS("\"state\":\"accepted\"");
    cr_assert_eq(run(node, "--identity %s publish %s --model acme/cam --version 4 --wait final",
                     identity, fake_file("4", 1)),
                 0);
    SAYS("final        by the checkpoint of height 4");
    fake_stop(node);

    node = fake_start(&(struct fake_options){0});
    cr_assert_eq(run(node, form, identity, fake_file("1", 1), 1, "--timeout 1"), 3);
    SAYS("\"state\":\"mined\"");
    SAYS("DEADLINE");
    SAYS("but not final after 1000 ms");
    fake_stop(node);
}

/*
 * Goal:   latest tells the release, as of which checkpoint, and what is newer; that there is
 *         none; and that there is no checkpoint yet.
 * Method: a release without a checkpoint, then with one, then a second release above it.
 */
Test(cli_finality, latest_says_as_of_when)
{
    struct fake_node *node = fake_start(&(struct fake_options){0});

    add(node, 1);
    cr_assert_eq(run(node, "latest acme/cam"), 3);
    SAYS("NOT_READY");
    fake_finalize(node);
    cr_assert_eq(run(node, "latest acme/cam"), 0, "%s", said);
    SAYS("version      1.1");
    SAYS("as of        checkpoint 1 of 20");
    SAYS("of 3 validators");
    cr_assert_null(strstr(said, "newer"));
    add(node, 2);
    cr_assert_eq(run(node, "latest acme/cam"), 0);
    SAYS("version      1.1");
    SAYS("newer        1.2, counter 2, in block 2, is not final yet");
    cr_assert_eq(run(node, "--json latest acme/cam"), 0);
    SAYS("\"model\":\"acme/cam\",\"release\":{");
    SAYS("\"checkpointHeight\":\"1\"");
    SAYS("\"validators\":3,\"newer\":{");
    SAYS("\"proof\":\"");
    cr_assert_eq(run(node, "latest acme/lock"), 0);
    SAYS("acme/lock has no release");
    cr_assert_eq(run(node, "--json latest acme/lock"), 0);
    cr_assert_null(strstr(said, "\"release\""));
    fake_stop(node);
}

static long size_of(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 ? (long)info.st_size : -1;
}

static void flip(const char *path, long at)
{
    FILE *file = fopen(path, "r+b");
    int byte;

    cr_assert_not_null(file);
    cr_assert_eq(fseek(file, at, SEEK_SET), 0);
    byte = fgetc(file);
    cr_assert_eq(fseek(file, at, SEEK_SET), 0);
    cr_assert_eq(fputc(byte ^ 1, file), byte ^ 1);
    cr_assert_eq(fclose(file), 0);
}

/*
 * Goal:   a proof in a file says the same when no node is left, in both of its forms; and
 *         nothing once a byte of it is changed.
 * Method: keep it by --proof-out and by --json, stop the node, verify; flip some bytes.
 */
Test(cli_finality, proof_outlives_the_network)
{
    struct fake_node *node = fake_start(&(struct fake_options){.final = true});
    const char *proof = beside("cam.proof"), *json = beside("cam.json"), *none = beside("none");
    struct stat info;

    add(node, 1);
    umask(077);
    cr_assert_eq(run(node, "latest acme/cam --proof-out %s", proof), 0, "%s", said);
    cr_assert_eq(run(node, "latest acme/cam --proof-out %s", proof), 0, "not replaced");
    cr_assert_eq(run(node, "latest acme/lock --proof-out %s", none), 0);
    cr_assert_eq(run(node, "--json latest acme/cam >%s", json), 0);
    cr_assert_eq(run(node, "latest acme/cam --proof-out /absent/proof"), 4);
    cr_assert_eq(stat(proof, &info), 0);
    cr_assert_eq(info.st_mode & 0777, 0644);
    fake_stop(node);

    cr_assert_eq(run(NULL, "proof verify %s", proof), 0, "%s", said);
    SAYS("version      1.1");
    SAYS("as of        checkpoint 1 of 20");
    cr_assert_eq(run(NULL, "proof verify %s --model acme/cam --json", proof), 0);
    SAYS("\"checkpointHeight\":\"1\"");
    cr_assert_eq(run(NULL, "proof verify %s", json), 0, "%s", said);
    cr_assert_eq(run(NULL, "proof verify %s --model acme/lock", proof), 1);
    SAYS("PROOF_KEY");
    cr_assert_eq(run(NULL, "proof verify %s --model acme/lock", none), 0);
    SAYS("acme/lock has no release");
    cr_assert_eq(run(NULL, "proof verify %s", none), 1);
    SAYS("which model is it about?");
    for (long at = 0; at < size_of(proof); at += 97) {
        flip(proof, at);
        cr_assert_eq(run(NULL, "proof verify %s", proof), 1, "byte %ld: %s", at, said);
        SAYS("tamga: refused: ");
        flip(proof, at);
    }
    cr_assert_eq(truncate(proof, size_of(proof) - 1), 0);
    cr_assert_eq(run(NULL, "proof verify %s", proof), 1);
    SAYS("TRUNCATED");
}

/*
 * Goal:   a checkpoint is shown with those who cosigned it, on either chain.
 * Method: the newest, one by height, one that is not there yet; the gateway chain's.
 */
Test(cli_finality, show_checkpoint_names_cosigners)
{
    struct fake_node *node = fake_start(&(struct fake_options){0});
    TAMGA_BUF payload = {0};

    add(node, 1);
    cr_assert_eq(run(node, "show checkpoint"), 3);
    SAYS("NOT_READY");
    fake_finalize(node);
    cr_assert_eq(run(node, "show checkpoint"), 0, "%s", said);
    SAYS("checkpoint 1\n  chain        consortium");
    SAYS("of 3 validators, 2 needed\n    node-");
    cr_assert_eq(run(node, "--json show checkpoint 1"), 0);
    SAYS("\"height\":\"1\"");
    SAYS("\"cosigners\":[\"node-");
    cr_assert_eq(run(node, "show checkpoint 2"), 3);
    SAYS("no checkpoint at or above height 2 yet");
    cr_assert_eq(run(node, "show checkpoint --chain gateway"), 1);
    SAYS("WRONG_CHAIN");
    fake_stop(node);

    node = fake_start(&(struct fake_options){.gateway = true});
    test_record(&payload, NULL,
                &(struct test_record){.time_ms = (uint64_t)time(NULL) * 1000});
    fake_add(node, test_gateway(), &payload);
    fake_finalize(node);
    cr_assert_eq(run(node, "show checkpoint --chain gateway"), 0, "%s", said);
    SAYS("chain        gateway");
    SAYS("    gw-");
    fake_stop(node);
}

static int status_with(enum fake_evidence evidence, const char *option)
{
    struct fake_node *node =
        fake_start(&(struct fake_options){.final = true, .evidence = evidence});
    int code;

    add(node, 1);
    code = run(node, "%s status", option);
    fake_stop(node);
    return code;
}

/*
 * Goal:   status shows the checkpoint, and validators who contradicted themselves, by what
 *         they did; and does not repeat an accusation that is not proved.
 * Method: no evidence; two votes for a height; one around another; the same vote twice.
 */
Test(cli_finality, status_shows_contradictions)
{
    cr_assert_eq(status_with(FAKE_NO_EVIDENCE, ""), 0, "%s", said);
    SAYS("CHECKPOINT");
    cr_assert_null(strstr(said, "contradicted"));
    cr_assert_eq(status_with(FAKE_TWICE, ""), 0, "%s", said);
    SAYS("node-c contradicted itself: two votes for height 12");
    cr_assert_eq(status_with(FAKE_AROUND, ""), 0);
    SAYS("node-c contradicted itself: a vote from 3 to 12 around one from 5 to 8");
    cr_assert_eq(status_with(FAKE_TWICE, "--json"), 0);
    SAYS("\"checkpointHeight\":\"1\"");
    SAYS("\"conflicts\":[{\"validator\":\"node-c\",\"rule\":\"VOTE_TWICE\"");
    cr_assert_eq(status_with(FAKE_FALSE, ""), 1);
    SAYS("PEER_LIED");
    SAYS("node-a ");
    cr_assert_null(strstr(said, "contradicted"));
}
