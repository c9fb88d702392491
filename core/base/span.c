/* Byte helpers. Knows nothing of what the bytes mean. */
#include "base/span.h"

#include <stdlib.h>
#include <string.h>

struct tamga_span tamga_span_text(const char *text)
{
    return tamga_span(text, strlen(text));
}

bool tamga_span_equal(struct tamga_span a, struct tamga_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

int tamga_span_compare(struct tamga_span a, struct tamga_span b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);

    if (order != 0 || a.len == b.len)
        return order;
    return a.len < b.len ? -1 : 1;
}

void tamga_buf_clear(struct tamga_buf *buf)
{
    free(buf->data);
    *buf = (struct tamga_buf){0};
}

enum tamga_err tamga_buf_reserve(struct tamga_buf *buf, size_t extra)
{
    size_t cap = buf->cap < 64 ? 64 : buf->cap;
    uint8_t *grown;

    if (extra <= buf->cap - buf->len)
        return TAMGA_OK;
    if (extra > SIZE_MAX / 2 - buf->len)
        return TAMGA_E_NO_MEMORY;
    while (cap < buf->len + extra)
        cap *= 2;
    grown = realloc(buf->data, cap);
    if (grown == NULL)
        return TAMGA_E_NO_MEMORY;
    buf->data = grown;
    buf->cap = cap;
    return TAMGA_OK;
}

enum tamga_err tamga_buf_add(struct tamga_buf *buf, struct tamga_span bytes)
{
    enum tamga_err err = tamga_buf_reserve(buf, bytes.len);

    if (err != TAMGA_OK)
        return err;
    if (bytes.len > 0)
        memcpy(buf->data + buf->len, bytes.data, bytes.len);
    buf->len += bytes.len;
    return TAMGA_OK;
}

enum tamga_err tamga_buf_set(struct tamga_buf *buf, struct tamga_span bytes)
{
    buf->len = 0;
    return tamga_buf_add(buf, bytes);
}

void tamga_buf_move(struct tamga_buf *to, struct tamga_buf *from)
{
    tamga_buf_clear(to);
    *to = *from;
    *from = (struct tamga_buf){0};
}

void tamga_put_u32(uint8_t out[4], uint32_t value)
{
    for (int i = 3; i >= 0; i--, value >>= 8)
        out[i] = (uint8_t)value;
}

void tamga_put_u64(uint8_t out[8], uint64_t value)
{
    for (int i = 7; i >= 0; i--, value >>= 8)
        out[i] = (uint8_t)value;
}

uint32_t tamga_get_u32(const uint8_t in[4])
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

uint64_t tamga_get_u64(const uint8_t in[8])
{
    return (uint64_t)tamga_get_u32(in) << 32 | tamga_get_u32(in + 4);
}

void tamga_to_hex(char *text, const uint8_t *data, size_t len)
{
    static const char digit[] = "0123456789abcdef";

    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digit[data[i] >> 4];
        text[2 * i + 1] = digit[data[i] & 15];
    }
    text[2 * len] = '\0';
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

enum tamga_err tamga_from_hex(uint8_t *out, size_t len, const char *text)
{
    if (strlen(text) != 2 * len)
        return TAMGA_E_BAD_LENGTH;
    for (size_t i = 0; i < 2 * len; i++)
        if (nibble(text[i]) < 0)
            return TAMGA_E_BAD_VALUE;
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(nibble(text[2 * i]) << 4 | nibble(text[2 * i + 1]));
    return TAMGA_OK;
}
