/* Finding and reading test vectors. Knows nothing of what they say. */
#include "vectors.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_CHARS 512

static bool name_fits(const char *name, const char *prefix, const char *suffix)
{
    size_t len = strlen(name);
    size_t tail = strlen(suffix);

    return strncmp(name, prefix, strlen(prefix)) == 0 && len >= tail &&
           strcmp(name + len - tail, suffix) == 0;
}

static int path_order(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void files_of(const char *folder, const char *prefix, const char *suffix,
                     char path[][PATH_CHARS], size_t max, size_t *count)
{
    DIR *dir = opendir(folder);
    size_t first = *count;
    const struct dirent *entry;

    if (dir == NULL)
        return;
    while ((entry = readdir(dir)) != NULL) {
        int len;

        if (!name_fits(entry->d_name, prefix, suffix))
            continue;
        len = *count == max
                  ? -1
                  : snprintf(path[*count], PATH_CHARS, "%s/%s", folder, entry->d_name);
        if (len < 0 || len >= PATH_CHARS) {
            fprintf(stderr, "%s: more than %zu files, or a path too long\n", folder,
                    max);
            abort();
        }
        (*count)++;
    }
    closedir(dir);
    qsort(path[first], *count - first, PATH_CHARS, path_order);
}

size_t test_vector_files(const char *subfolder, const char *prefix, const char *suffix,
                         char path[][512], size_t max)
{
    const char *place[] = {TAMGA_TEST_VECTORS, getenv("TAMGA_VECTORS")};
    size_t count = 0;

    for (size_t i = 0; i < sizeof place / sizeof place[0]; i++) {
        char folder[PATH_CHARS];
        int len;

        if (place[i] == NULL || place[i][0] == '\0')
            continue;
        len = snprintf(folder, sizeof folder, "%s/%s", place[i], subfolder);
        if (len < 0 || len >= PATH_CHARS)
            abort();
        files_of(folder, prefix, suffix, path, max, &count);
    }
    return count;
}

static void file_close(FILE **file)
{
    if (*file != NULL)
        fclose(*file);
}

enum tamga_err test_file_load(struct tamga_buf *out, const char *path)
{
    TAMGA_CLEANUP(file_close) FILE *file = fopen(path, "rb");
    enum tamga_err err;
    uint8_t part[4096];
    size_t got;

    if (file == NULL)
        return TAMGA_E_FILE_IO;
    out->len = 0;
    while ((got = fread(part, 1, sizeof part, file)) > 0) {
        if (got > TEST_VECTOR_FILE_BYTES_MAX - out->len)
            return TAMGA_E_TOO_LARGE;
        err = tamga_buf_add(out, tamga_span(part, got));
        if (err != TAMGA_OK)
            return err;
    }
    if (ferror(file))
        return TAMGA_E_FILE_IO;
    err = tamga_buf_reserve(out, 1);
    if (err == TAMGA_OK)
        out->data[out->len] = '\0';
    return err;
}

/* Characters of the string that starts at text (a quote), both quotes included. */
static size_t string_chars(const char *text)
{
    size_t i = 1;

    while (text[i] != '\0' && text[i] != '"')
        i += text[i] == '\\' && text[i + 1] != '\0' ? 2 : 1;
    return text[i] == '"' ? i + 1 : i;
}

/* Copy JSON text, with quotes around what is outside strings and is an integer too
 * long for int64_t. Fractions and exponents make a real number: left alone. */
static enum tamga_err quote_large_integers(struct tamga_buf *out, const char *text)
{
    enum tamga_err err = TAMGA_OK;

    while (*text != '\0' && err == TAMGA_OK) {
        size_t len =
            *text == '"' ? string_chars(text) : strspn(text, "0123456789.eE+-");
        bool large = *text != '"' && len >= 19 && strspn(text, "0123456789") == len;

        if (len == 0)
            len = 1;
        if (large)
            err = tamga_buf_add(out, tamga_span_text("\""));
        if (err == TAMGA_OK)
            err = tamga_buf_add(out, tamga_span(text, len));
        if (large && err == TAMGA_OK)
            err = tamga_buf_add(out, tamga_span_text("\""));
        text += len;
    }
    return err;
}

json_t *test_json_load(const char *path)
{
    TAMGA_BUF file = {0};
    TAMGA_BUF quoted = {0};
    json_error_t why;
    json_t *root;
    enum tamga_err err = test_file_load(&file, path);

    if (err == TAMGA_OK)
        err = quote_large_integers(&quoted, (const char *)file.data);
    if (err != TAMGA_OK) {
        fprintf(stderr, "%s: %s\n", path, tamga_err_text(err));
        return NULL;
    }
    root =
        json_loadb((const char *)quoted.data, quoted.len, JSON_REJECT_DUPLICATES, &why);
    if (root == NULL)
        fprintf(stderr, "%s:%d: %s\n", path, why.line, why.text);
    return root;
}

enum tamga_err test_json_u64(const json_t *value, uint64_t *out)
{
    const char *digit = json_string_value(value);
    uint64_t sum = 0;

    if (json_is_integer(value) && json_integer_value(value) >= 0) {
        *out = (uint64_t)json_integer_value(value);
        return TAMGA_OK;
    }
    if (digit == NULL || *digit == '\0')
        return TAMGA_E_BAD_VALUE;
    for (; *digit != '\0'; digit++) {
        uint64_t unit = (uint64_t)(*digit - '0');

        if (!isdigit((unsigned char)*digit) || sum > (UINT64_MAX - unit) / 10)
            return TAMGA_E_BAD_VALUE;
        sum = sum * 10 + unit;
    }
    *out = sum;
    return TAMGA_OK;
}

static int sextet(char c)
{
    static const char digit[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c == '\0' ? NULL : strchr(digit, c);

    return at == NULL ? -1 : (int)(at - digit);
}

enum tamga_err test_base64_decode(struct tamga_buf *out, const char *text)
{
    size_t len = strlen(text);
    size_t pad = 0;

    out->len = 0;
    if (len % 4 != 0)
        return TAMGA_E_BAD_VALUE;
    while (pad < 2 && pad < len && text[len - 1 - pad] == '=')
        pad++;
    for (size_t i = 0; i < len; i += 4) {
        uint32_t group = 0;
        size_t count = i + 4 == len ? 3 - pad : 3;
        uint8_t byte[3];

        for (size_t j = 0; j < 4; j++) {
            bool padding = j > count;
            int value = padding && text[i + j] == '=' ? 0 : sextet(text[i + j]);

            if (value < 0 || (padding && text[i + j] != '='))
                return TAMGA_E_BAD_VALUE;
            group = group << 6 | (uint32_t)value;
        }
        for (size_t j = 0; j < 3; j++)
            byte[j] = (uint8_t)(group >> (16 - 8 * j));
        if (tamga_buf_add(out, tamga_span(byte, count)) != TAMGA_OK)
            return TAMGA_E_NO_MEMORY;
    }
    return TAMGA_OK;
}

enum tamga_err test_json_base64(const json_t *value, struct tamga_buf *out)
{
    if (json_is_null(value)) {
        out->len = 0;
        return TAMGA_OK;
    }
    if (!json_is_string(value))
        return TAMGA_E_BAD_VALUE;
    return test_base64_decode(out, json_string_value(value));
}

void test_json_release(json_t **json)
{
    json_decref(*json);
}
