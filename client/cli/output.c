/* What people and scripts read: errors on standard error, results on standard output. */
#include "cli/cli.h"

#include <errno.h>
#include <time.h>

#include "wire/wire.h"

int cli_exit_code(enum tamga_err err)
{
    if (err == TAMGA_E_USAGE)
        return CLI_USAGE;
    switch (tamga_err_class(err)) {
    case TAMGA_CLASS_OK:
        return CLI_DONE;
    case TAMGA_CLASS_REJECT:
        return CLI_REFUSED;
    case TAMGA_CLASS_LATER:
        return CLI_LATER;
    case TAMGA_CLASS_LOCAL:
        break;
    }
    return CLI_LOCAL;
}

static const char *verdict(int code)
{
    switch (code) {
    case CLI_REFUSED:
        return "refused";
    case CLI_USAGE:
        return "usage";
    case CLI_LATER:
        return "not now";
    default:
        return "failed";
    }
}

int cli_fail(enum tamga_err err, const struct tamga_detail *detail)
{
    int code = cli_exit_code(err);

    if (err == TAMGA_OK)
        return CLI_DONE;
    fprintf(stderr, "tamga: %s: %s (%s)\n", verdict(code), tamga_err_text(err),
            tamga_err_name(err));
    if (detail != NULL && detail->text[0] != '\0')
        fprintf(stderr, "       %s\n", detail->text);
    return code;
}

enum tamga_err cli_flush(void)
{
    return fflush(stdout) == 0 && !ferror(stdout) ? TAMGA_OK : TAMGA_E_FILE_IO;
}

enum tamga_err cli_json(const ProtobufCMessage *message)
{
    TAMGA_BUF line = {0};
    enum tamga_err err = tamga_wire_json(&line, message);

    if (err == TAMGA_OK)
        err = tamga_buf_add(&line, tamga_span("\n", 1));
    if (err != TAMGA_OK)
        return err;
    fwrite(line.data, 1, line.len, stdout);
    return cli_flush();
}

const char *cli_time(char out[CLI_TIME_MAX], uint64_t time_ms)
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm when;
    size_t len;

    out[0] = '\0';
    if (time_ms == 0)
        return out;
    if (time_ms > 253402300799999 || gmtime_r(&seconds, &when) == NULL) /* year 9999 */
        return strcpy(out, "beyond any clock");
    len = strftime(out, CLI_TIME_MAX, "%Y-%m-%dT%H:%M:%S", &when);
    snprintf(out + len, CLI_TIME_MAX - len, ".%03uZ", (unsigned)(time_ms % 1000));
    return out;
}

uint64_t cli_now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

const char *cli_hex(char out[TAMGA_HEX_CHARS], const uint8_t hash[TAMGA_HASH_BYTES])
{
    tamga_to_hex(out, hash, TAMGA_HASH_BYTES);
    out[TAMGA_HEX_CHARS - 1] = '\0';
    return out;
}

const char *cli_size(char out[CLI_TIME_MAX], uint64_t bytes)
{
    static const char *const unit[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    size_t i = 0;

    for (; value >= 1024 && i + 1 < sizeof unit / sizeof *unit; i++)
        value /= 1024;
    snprintf(out, CLI_TIME_MAX, i == 0 ? "%.0f %s" : "%.1f %s", value, unit[i]);
    return out;
}

size_t cli_roles(char *out[4], uint32_t roles)
{
    static char word[][12] = {"oem", "provider", "consortium", "gateway"};
    size_t count = 0;

    for (unsigned i = 0; i < 4; i++)
        if (roles & 1u << i)
            out[count++] = word[i];
    return count;
}
