/*
 * Passphrases asked at the controlling terminal, without echo. The terminal is as it was
 * whatever happens, short of SIGKILL: signals that would end or stop the program are held
 * until it is, and then sent again.
 */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include "crypto/secret.h"
#include "crypto/token.h"

#define TRIES_MAX 16 /* of one question, when the program was stopped in between */

static const int held[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU};
#define HELD_COUNT (sizeof held / sizeof held[0])

static volatile sig_atomic_t got_signal;

static void on_signal(int number)
{
    got_signal = number;
}

static void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

bool cli_may_ask(void)
{
    return isatty(STDIN_FILENO) == 1;
}

static bool say(int tty, const char *text)
{
    size_t len = strlen(text);

    return write(tty, text, len) == (ssize_t)len;
}

/* One line, whatever its length: 0, or errno. What does not fit makes it too long. Signals
 * come while it waits, and at no other time. */
static int read_line(int tty, const sigset_t *open, struct tamga_passphrase *out, size_t *len)
{
    struct pollfd wait = {.fd = tty, .events = POLLIN};
    char byte = '\0';

    for (*len = 0; byte != '\n'; (*len)++) {
        ssize_t got;

        if (ppoll(&wait, 1, NULL, open) < 0)
            return errno;
        got = read(tty, &byte, 1);
        if (got < 0)
            return errno;
        if (got == 0 || byte == '\n')
            return 0;
        if (*len < TAMGA_PASSPHRASE_MAX)
            out->text[*len] = byte;
    }
    return 0;
}

/* With echo off, and signals held. */
static int ask_quietly(int tty, const char *question, struct tamga_passphrase *out, size_t *len)
{
    struct sigaction before[HELD_COUNT];
    const struct sigaction hold = {.sa_handler = on_signal}; /* no SA_RESTART */
    struct termios shown, hidden;
    sigset_t closed, open;
    int reason;

    if (tcgetattr(tty, &shown) != 0)
        return errno;
    got_signal = 0;
    sigemptyset(&closed);
    for (size_t i = 0; i < HELD_COUNT; i++)
        sigaddset(&closed, held[i]);
    sigprocmask(SIG_BLOCK, &closed, &open);
    for (size_t i = 0; i < HELD_COUNT; i++)
        sigaction(held[i], &hold, &before[i]);
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
    hidden.c_lflag |= ICANON | ISIG;
    reason = tcsetattr(tty, TCSAFLUSH, &hidden) == 0 && say(tty, question) ? 0 : errno;
    if (reason == 0)
        reason = read_line(tty, &open, out, len);
    (void)say(tty, "\n");
    (void)tcsetattr(tty, TCSAFLUSH, &shown);
    for (size_t i = 0; i < HELD_COUNT; i++)
        sigaction(held[i], &before[i], NULL);
    sigprocmask(SIG_SETMASK, &open, NULL);
    return reason;
}

static enum tamga_err ask(struct tamga_passphrase **out, size_t *len, const char *question,
                          struct tamga_detail *detail)
{
    TAMGA_CLEANUP(fd_close) int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    TAMGA_CLEANUP(tamga_passphrase_release)
    struct tamga_passphrase *typed = tamga_passphrase_new();
    int reason = EINTR;

    if (typed == NULL)
        return TAMGA_E_NO_MEMORY;
    if (tty < 0)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE, "no terminal to ask at: %s",
                            strerror(errno));
    for (int i = 0; i < TRIES_MAX && reason == EINTR; i++) {
        explicit_bzero(typed, sizeof *typed);
        reason = ask_quietly(tty, question, typed, len);
        if (got_signal != 0)
            raise(got_signal); /* ends here, or goes on when the shell says so */
    }
    if (reason != 0)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE, "the terminal cannot be asked: %s",
                            strerror(reason));
    if (*len > TAMGA_PASSPHRASE_MAX)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE, "more than %d characters were typed",
                            TAMGA_PASSPHRASE_MAX);
    *out = typed;
    typed = NULL;
    return TAMGA_OK;
}

enum tamga_err cli_ask(struct tamga_passphrase **out, const char *key,
                       struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_passphrase_release) struct tamga_passphrase *typed = NULL;
    char question[CLI_PATH_MAX];
    size_t len = 0;
    enum tamga_err err;

    if (tamga_token_is_named(key))
        snprintf(question, sizeof question, "PIN of %.*s: ", (int)strcspn(key, "?"), key);
    else
        snprintf(question, sizeof question, "Passphrase of %.4000s: ", key);
    err = ask(&typed, &len, question, detail);
    if (err != TAMGA_OK)
        return err;
    if (len == 0)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE, "%.180s: nothing was typed", key);
    *out = typed;
    typed = NULL;
    return TAMGA_OK;
}

enum tamga_err cli_ask_new(struct tamga_passphrase **out, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_passphrase_release) struct tamga_passphrase *first = NULL;
    TAMGA_CLEANUP(tamga_passphrase_release) struct tamga_passphrase *again = NULL;
    size_t len = 0, again_len = 0;
    enum tamga_err err = ask(&first, &len, "Passphrase for the new key (empty: none): ", detail);

    if (err != TAMGA_OK || len == 0)
        return err;
    err = ask(&again, &again_len, "The same again: ", detail);
    if (err != TAMGA_OK)
        return err;
    if (strcmp(first->text, again->text) != 0)
        return tamga_refuse(detail, TAMGA_E_KEY_FILE,
                            "the two passphrases differ; no key was made");
    *out = first;
    first = NULL;
    return TAMGA_OK;
}

/* Said by commands that take a key, and once. */
static void warn_unlocked(const struct cli *cli)
{
    struct tamga_detail why = {""};

    if (!tamga_secret_guard(&why) && !cli->quiet)
        fprintf(stderr, "tamga: %s\n", why.text);
}

enum tamga_err cli_passphrase(const struct cli *cli, struct tamga_passphrase **out,
                              const char *key, struct tamga_detail *detail)
{
    warn_unlocked(cli);
    if (cli->passphrase_file != NULL)
        return tamga_passphrase_read(out, cli->passphrase_file, detail);
    if (key == NULL)
        return cli_may_ask() ? cli_ask_new(out, detail) : TAMGA_OK;
    return cli_may_ask() && tamga_private_key_is_locked(key) ? cli_ask(out, key, detail)
                                                             : TAMGA_OK;
}

enum tamga_err cli_identity_passphrase(const struct cli *cli, struct tamga_passphrase **out,
                                       struct tamga_detail *detail)
{
    char key[TAMGA_IDENTITY_PATH_MAX];
    enum tamga_err err;

    if (cli->identity == NULL)
        return TAMGA_OK;
    err = tamga_identity_key(key, cli->identity, detail);
    return err == TAMGA_OK ? cli_passphrase(cli, out, key, detail) : err;
}
