/* client/cli/prompt.c: the tamga command at a terminal of its own, a pty. */
#include <criterion/criterion.h>
#include <ftw.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define DEADLINE_MS 20000

static char folder[32];

static void folder_make(void)
{
    strcpy(folder, "/tmp/tamga-test-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
    unsetenv("TAMGA_PASSPHRASE_FILE");
    unsetenv("TAMGA_IDENTITY");
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at)
{
    (void)info;
    (void)type;
    (void)at;
    return remove(path);
}

static void folder_drop(void)
{
    cr_assert_eq(chdir("/"), 0);
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(prompt, .init = folder_make, .fini = folder_drop, .timeout = 60);

/* ---- a terminal ------------------------------------------------------------------------- */

struct terminal {
    int master;
    pid_t child;
    size_t seen; /* of text: what was waited for and came */
    size_t len;
    char text[8192];
};

static void start(struct terminal *terminal, char *const argv[])
{
    *terminal = (struct terminal){.master = -1};
    terminal->child = forkpty(&terminal->master, NULL, NULL, NULL);
    cr_assert_geq(terminal->child, 0);
    if (terminal->child == 0) {
        execv(TAMGA_TEST_CLI, argv);
        _exit(127);
    }
}

/* More output; false at its end. */
static bool more(struct terminal *terminal)
{
    struct pollfd wait = {.fd = terminal->master, .events = POLLIN};
    ssize_t got;

    cr_assert_eq(poll(&wait, 1, DEADLINE_MS), 1, "nothing more after: %s", terminal->text);
    got = read(terminal->master, terminal->text + terminal->len,
               sizeof terminal->text - 1 - terminal->len);
    if (got <= 0)
        return false;
    terminal->len += (size_t)got;
    return true;
}

static void expect(struct terminal *terminal, const char *text)
{
    const char *found;

    while ((found = strstr(terminal->text + terminal->seen, text)) == NULL)
        cr_assert(more(terminal), "no \"%s\" in: %s", text, terminal->text);
    terminal->seen = (size_t)(found - terminal->text) + strlen(text);
}

static bool echoes(const struct terminal *terminal)
{
    struct termios now;

    cr_assert_eq(tcgetattr(terminal->master, &now), 0);
    return (now.c_lflag & ECHO) != 0;
}

/* A question was asked: echo is off by then. */
static void answer(struct terminal *terminal, const char *question, const char *text)
{
    expect(terminal, question);
    cr_assert_not(echoes(terminal));
    cr_assert_eq(write(terminal->master, text, strlen(text)), (ssize_t)strlen(text));
}

/* The status as of wait; the terminal is as it was before. */
static int end(struct terminal *terminal)
{
    int status = 0;

    while (more(terminal))
        continue;
    cr_assert_eq(waitpid(terminal->child, &status, 0), terminal->child);
    cr_assert(echoes(terminal));
    close(terminal->master);
    return status;
}

static void ends(struct terminal *terminal, int code, const char *text)
{
    int status = end(terminal);

    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == code, "%x: %s", (unsigned)status,
              terminal->text);
    cr_assert_not_null(strstr(terminal->text, text), "no \"%s\" in: %s", text, terminal->text);
}

#define KEYGEN(...) ((char *[]){"tamga", "keygen", __VA_ARGS__, NULL})

/* A key in key.pem that "right horse" opens. */
static void make_key(void)
{
    struct terminal terminal;

    start(&terminal, KEYGEN("--out", "key.pem"));
    answer(&terminal, "Passphrase for the new key (empty: none): ", "right horse\n");
    answer(&terminal, "The same again: ", "right horse\n");
    ends(&terminal, 0, "p256 key with address");
    cr_assert_null(strstr(terminal.text, "horse"), "%s", terminal.text);
}

static bool file_has(const char *path, const char *text)
{
    char bytes[4096] = "";
    FILE *file = fopen(path, "r");
    size_t len;

    cr_assert_not_null(file);
    len = fread(bytes, 1, sizeof bytes - 1, file);
    fclose(file);
    bytes[len] = '\0';
    return strstr(bytes, text) != NULL;
}

/* ---- tests -------------------------------------------------------------------------------- */

/*
 * Goal:   a key made at a terminal is encrypted by what was typed twice, and opens by it.
 * Method: make it; read it again by the same words. Nothing typed is shown.
 */
Test(prompt, right_passphrase)
{
    struct terminal terminal;

    make_key();
    cr_assert(file_has("key.pem", "ENCRYPTED"));
    start(&terminal, KEYGEN("--from", "key.pem", "--out", "again"));
    answer(&terminal, "Passphrase of key.pem: ", "right horse\n");
    ends(&terminal, 0, "again.pub");
    cr_assert_null(strstr(terminal.text, "horse"));
    cr_assert_eq(system("cmp -s key.pem.pub again.pub"), 0);
}

/*
 * Goal:   a wrong passphrase, none and an end of input are refused with 4, and said.
 * Method: type them.
 */
Test(prompt, wrong_passphrase)
{
    static const struct {
        const char *typed, *says;
    } row[] = {
        {"wrong horse\n", "key.pem: wrong passphrase, or damaged"},
        {"\n", "key.pem: nothing was typed"},
        {"\x04", "key.pem: nothing was typed"},
    };

    make_key();
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct terminal terminal;

        start(&terminal, KEYGEN("--from", "key.pem", "--out", "again"));
        answer(&terminal, "Passphrase of key.pem: ", row[i].typed);
        ends(&terminal, 4, row[i].says);
        cr_assert_not_null(strstr(terminal.text, "KEY_FILE"));
        cr_assert_neq(access("again.pub", F_OK), 0);
    }
}

/*
 * Goal:   two different passphrases make no key; one above the limit makes none; an empty one
 *         makes a key that is not encrypted.
 * Method: type them.
 */
Test(prompt, new_passphrase)
{
    struct terminal terminal;
    char longest[1003];

    start(&terminal, KEYGEN("--out", "key.pem"));
    answer(&terminal, "(empty: none): ", "right horse\n");
    answer(&terminal, "again: ", "right hose\n");
    ends(&terminal, 4, "the two passphrases differ; no key was made");
    cr_assert_neq(access("key.pem", F_OK), 0);
    memset(longest, 'x', sizeof longest);
    memcpy(longest + 1001, "\n", 2);
    start(&terminal, KEYGEN("--out", "key.pem"));
    answer(&terminal, "(empty: none): ", longest);
    ends(&terminal, 4, "more than 1000 characters were typed");
    start(&terminal, KEYGEN("--out", "key.pem"));
    answer(&terminal, "(empty: none): ", "\n");
    ends(&terminal, 0, "p256 key");
    cr_assert(file_has("key.pem", "BEGIN PRIVATE KEY"));
}

/*
 * Goal:   nobody is asked if a file says it, nor before what can be refused without.
 * Method: option and environment; an existing key.
 */
Test(prompt, not_asked)
{
    struct terminal terminal;
    FILE *file;

    make_key();
    file = fopen("pass", "w");
    fputs("right horse\n", file);
    fclose(file);
    chmod("pass", 0600);
    start(&terminal, KEYGEN("--from", "key.pem", "--out", "a", "--passphrase-file", "pass"));
    ends(&terminal, 0, "a.pub");
    start(&terminal, KEYGEN("--out", "key.pem"));
    ends(&terminal, 4, "never overwritten");
    setenv("TAMGA_PASSPHRASE_FILE", "pass", 1);
    start(&terminal, KEYGEN("--from", "key.pem", "--out", "b"));
    ends(&terminal, 0, "b.pub");
    cr_assert_null(strstr(terminal.text, "Passphrase"));
}

/*
 * Goal:   a signal while it asks ends the program as it should, and the terminal shows again
 *         what is typed.
 * Method: ^C and ^\ typed, SIGTERM and SIGHUP sent.
 */
Test(prompt, signals)
{
    static const struct {
        const char *typed;
        int number;
    } row[] = {{"\x03", SIGINT}, {"\x1c", SIGQUIT}, {"", SIGTERM}, {"", SIGHUP}};

    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct terminal terminal;
        int status;

        start(&terminal, KEYGEN("--out", "key.pem"));
        answer(&terminal, "(empty: none): ", row[i].typed);
        if (row[i].typed[0] == '\0')
            kill(terminal.child, row[i].number);
        status = end(&terminal);
        cr_assert(WIFSIGNALED(status), "%x", (unsigned)status);
        cr_assert_eq(WTERMSIG(status), row[i].number);
        cr_assert_not(WCOREDUMP(status));
        cr_assert_neq(access("key.pem", F_OK), 0);
    }
}

/*
 * Goal:   stopped while it asks, the program leaves a terminal that echoes, and asks again.
 * Method: SIGTSTP, SIGCONT, then the answers.
 */
Test(prompt, stopped)
{
    struct terminal terminal;
    int status;

    start(&terminal, KEYGEN("--out", "key.pem"));
    expect(&terminal, "(empty: none): ");
    /* The child leads a session of its own, an orphan: the kernel would not stop it by TSTP. */
    kill(terminal.child, SIGTSTP);
    answer(&terminal, "(empty: none): ", "\n");
    status = end(&terminal);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s", terminal.text);
}
