/*
 * One line an event on standard error, text or JSON. For programs and their loops;
 * core/ below stays silent. Any thread; a line is one write.
 */
#ifndef TAMGA_BASE_LOG_H
#define TAMGA_BASE_LOG_H

#include <stdbool.h>

#include "base/err.h"

enum tamga_log_level {
    TAMGA_LOG_ERROR,
    TAMGA_LOG_WARN,
    TAMGA_LOG_INFO,
    TAMGA_LOG_DEBUG,
};

#define TAMGA_LOG_LINE_MAX 1024 /* longer texts are cut */

/* Errors: USAGE if the word names no level. */
TAMGA_MUST_USE enum tamga_err tamga_log_level_parse(enum tamga_log_level *out,
                                                    const char *word);
/* Before the first line; may be called again, e.g. on SIGHUP. name: the node's. */
void tamga_log_open(const char *name, enum tamga_log_level level, bool json);
/* event is a short word like "block.accepted"; the text is a sentence with its values. */
void tamga_log(enum tamga_log_level level, const char *event, const char *format, ...)
    TAMGA_PRINTF(3, 4);

#endif
