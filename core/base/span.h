/*
 * Bytes: a span borrows, a buf owns. Reading past a span's end is refused by the
 * take functions, so that a peer's length never becomes ours.
 */
#ifndef TAMGA_BASE_SPAN_H
#define TAMGA_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct tamga_span {
    const uint8_t *data; /* borrowed; NULL only if len is 0 */
    size_t len;
};

/* Owned bytes. {0} is an empty buf. Growth is geometric and never beyond SIZE_MAX / 2. */
struct tamga_buf {
    uint8_t *data;
    size_t len;
    size_t cap;
};

static inline struct tamga_span tamga_span(const void *data, size_t len)
{
    return (struct tamga_span){.data = data, .len = len};
}
struct tamga_span tamga_span_text(const char *text); /* without its NUL */
bool tamga_span_equal(struct tamga_span a, struct tamga_span b);
/* <0, 0, >0 by bytes, the shorter first when one starts the other. */
int tamga_span_compare(struct tamga_span a, struct tamga_span b);

static inline struct tamga_span tamga_buf_span(const struct tamga_buf *buf)
{
    return (struct tamga_span){.data = buf->data, .len = buf->len};
}
void tamga_buf_clear(struct tamga_buf *buf);
/* Make room for extra bytes more; NO_MEMORY leaves the buf as it was. */
TAMGA_MUST_USE enum tamga_err tamga_buf_reserve(struct tamga_buf *buf, size_t extra);
TAMGA_MUST_USE enum tamga_err tamga_buf_add(struct tamga_buf *buf, struct tamga_span bytes);
TAMGA_MUST_USE enum tamga_err tamga_buf_set(struct tamga_buf *buf, struct tamga_span bytes);
/* Move: `from` is empty afterwards; what `to` held is released. */
void tamga_buf_move(struct tamga_buf *to, struct tamga_buf *from);

#define TAMGA_CLEANUP(function) __attribute__((cleanup(function)))
#define TAMGA_BUF TAMGA_CLEANUP(tamga_buf_clear) struct tamga_buf

/* Fixed-width integers, big-endian, as every layout of ours. */
void tamga_put_u32(uint8_t out[4], uint32_t value);
void tamga_put_u64(uint8_t out[8], uint64_t value);
uint32_t tamga_get_u32(const uint8_t in[4]);
uint64_t tamga_get_u64(const uint8_t in[8]);

/* Hex. Text holds 2 * len + 1 characters. from_hex: BAD_LENGTH, BAD_VALUE. */
void tamga_to_hex(char *text, const uint8_t *data, size_t len);
TAMGA_MUST_USE enum tamga_err tamga_from_hex(uint8_t *out, size_t len, const char *text);

#endif
