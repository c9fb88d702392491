/*
 * The two shapes below the fields: a varint and a text. Knows no message.
 */
#ifndef TAMGA_WIRE_SCAN_H
#define TAMGA_WIRE_SCAN_H

#include "base/span.h"

#define TAMGA_VARINT_BYTES_MAX 10
#define TAMGA_VARINT_KEY_BYTES_MAX                                                     \
    5 /* of tags and lengths, which the library reads so */

struct tamga_varint {
    uint64_t value;
    unsigned bytes;
    bool shortest;
};

/*
 * Take a varint off the front of rest.
 *
 * Errors:  TRUNCATED; BAD_VALUE: more than bytes_max, or beyond 64 bits. Then rest and
 *          out are as they were.
 */
TAMGA_MUST_USE enum tamga_err tamga_scan_varint(struct tamga_varint *out,
                                                struct tamga_span *rest,
                                                unsigned bytes_max);

/* Valid UTF-8 (RFC 3629: shortest forms, no surrogates, at most U+10FFFF) without NUL?
 */
bool tamga_scan_text(struct tamga_span text);

#endif
