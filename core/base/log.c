/* Log lines. Knows no event. */
#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const level_name[] = {"error", "warn", "info", "debug"};

static atomic_int log_level = TAMGA_LOG_INFO;
static atomic_bool log_json;
static char log_name[64] = "-";

enum tamga_err tamga_log_level_parse(enum tamga_log_level *out, const char *word)
{
    for (unsigned i = 0; i < sizeof level_name / sizeof level_name[0]; i++) {
        if (strcmp(word, level_name[i]) == 0) {
            *out = (enum tamga_log_level)i;
            return TAMGA_OK;
        }
    }
    return TAMGA_E_USAGE;
}

void tamga_log_open(const char *name, enum tamga_log_level level, bool json)
{
    snprintf(log_name, sizeof log_name, "%s", name);
    atomic_store(&log_level, (int)level);
    atomic_store(&log_json, json);
}

static void stamp(char out[32])
{
    struct timespec now;
    struct tm utc;
    size_t len;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    len = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out + len, 32 - len, ".%03dZ", (int)(now.tv_nsec / 1000000));
}

/* What a peer made us print must not break the line or the terminal. */
static void escape(char *out, size_t size, const char *text, bool json)
{
    size_t n = 0;

    for (; *text != '\0' && n + 7 < size; text++) {
        unsigned char c = (unsigned char)*text;

        if (json && (c == '"' || c == '\\')) {
            out[n++] = '\\';
            out[n++] = (char)c;
        } else if (c < 0x20 || c == 0x7f) {
            n += (size_t)snprintf(out + n, size - n, json ? "\\u%04x" : "\\x%02x", c);
        } else {
            out[n++] = (char)c;
        }
    }
    out[n] = '\0';
}

void tamga_log(enum tamga_log_level level, const char *event, const char *format, ...)
{
    char text[TAMGA_LOG_LINE_MAX], safe[TAMGA_LOG_LINE_MAX + 256];
    char line[2 * TAMGA_LOG_LINE_MAX], when[32];
    bool json = atomic_load(&log_json);
    va_list args;
    int len;

    if ((int)level > atomic_load(&log_level))
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    escape(safe, sizeof safe, text, json);
    stamp(when);
    len = json ? snprintf(line, sizeof line,
                          "{\"time\":\"%s\",\"level\":\"%s\",\"node\":\"%s\","
                          "\"event\":\"%s\",\"text\":\"%s\"}\n",
                          when, level_name[level], log_name, event, safe)
               : snprintf(line, sizeof line, "%s %-5s %s %s: %s\n", when,
                          level_name[level], log_name, event, safe);
    if (len > 0 && write(STDERR_FILENO, line, (size_t)len) < 0)
        return; /* nowhere left to say so */
}
