/* core/crypto/passphrase.c: what a file may be whose first line opens a key. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/passphrase.h"

static char path[] = "/tmp/tamga-test-XXXXXX";

static void make(void)
{
    int fd = mkstemp(path);

    cr_assert_geq(fd, 0);
    close(fd);
}

static void drop(void)
{
    unlink(path);
}

TestSuite(passphrase, .init = make, .fini = drop);

static void put(const char *bytes, size_t len, mode_t mode)
{
    FILE *file = fopen(path, "w");

    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, len, file), len);
    fclose(file);
    cr_assert_eq(chmod(path, mode), 0);
}

static void refused(const char *name, enum tamga_err want, const char *why)
{
    struct tamga_passphrase *out = NULL;
    struct tamga_detail detail = {""};

    cr_assert_eq(tamga_passphrase_read(&out, name, &detail), want, "%s", detail.text);
    cr_assert_null(out);
    cr_assert_not_null(strstr(detail.text, why), "\"%s\" has no \"%s\"", detail.text, why);
}

static void taken(const char *bytes, size_t len, const char *want)
{
    struct tamga_passphrase *out = NULL;

    put(bytes, len, 0600);
    cr_assert_eq(tamga_passphrase_read(&out, path, NULL), TAMGA_OK);
    cr_assert_str_eq(tamga_passphrase_text(out), want);
    for (size_t i = strlen(want); i < sizeof out->text; i++)
        cr_assert_eq(out->text[i], 0);
    tamga_passphrase_free(out);
}

/*
 * Goal:   the first line counts, whatever ends it, and nothing after it stays in memory.
 * Method: ends of all three kinds, and none.
 */
Test(passphrase, first_line)
{
    taken("a secret", 8, "a secret");
    taken("a secret\n", 9, "a secret");
    taken("a secret\r\nmore", 14, "a secret");
    taken("a secret\0more", 13, "a secret");
    taken(" \xc3\xa9 \n", 5, " \xc3\xa9 ");
}

/*
 * Goal:   1 to 1000 characters.
 * Method: the edges.
 */
Test(passphrase, bounds)
{
    static char text[TAMGA_PASSPHRASE_MAX + 2];

    memset(text, 'x', sizeof text);
    put(text, TAMGA_PASSPHRASE_MAX + 1, 0600);
    refused(path, TAMGA_E_KEY_FILE, "1..1000 characters");
    put("\nx", 2, 0600);
    refused(path, TAMGA_E_KEY_FILE, "1..1000 characters");
    put("", 0, 0600);
    refused(path, TAMGA_E_KEY_FILE, "1..1000 characters");
    text[TAMGA_PASSPHRASE_MAX] = '\0';
    taken(text, TAMGA_PASSPHRASE_MAX, text);
}

/*
 * Goal:   what others can read, or is no file, is refused.
 * Method: each bit of group and others alone; a folder; nothing.
 */
Test(passphrase, files)
{
    put("x", 1, 0600);
    for (unsigned bit = 0; bit < 6; bit++) {
        cr_assert_eq(chmod(path, 0600 | 1u << bit), 0);
        refused(path, TAMGA_E_KEY_FILE, "chmod 600");
    }
    refused("/tmp", TAMGA_E_KEY_FILE, "not a regular file");
    refused("/tmp/tamga-absent", TAMGA_E_FILE_IO, "No such file");
    cr_assert_null(tamga_passphrase_text(NULL));
    tamga_passphrase_free(NULL);
}
