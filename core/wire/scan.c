/* Varints and UTF-8, as a judge of foreign bytes reads them. Knows no message. */
#include "wire/scan.h"

enum tamga_err tamga_scan_varint(struct tamga_varint *out, struct tamga_span *rest,
                                 unsigned bytes_max)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes_max; i++) {
        uint8_t byte;

        if (i == rest->len)
            return TAMGA_E_TRUNCATED;
        byte = rest->data[i];
        if (i == TAMGA_VARINT_BYTES_MAX - 1 && byte > 1)
            return TAMGA_E_BAD_VALUE; /* 9 * 7 bits are there; one is left */
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte >= 0x80)
            continue;
        *out = (struct tamga_varint){
            .value = value, .bytes = i + 1, .shortest = i == 0 || byte != 0};
        *rest = tamga_span(rest->data + i + 1, rest->len - i - 1);
        return TAMGA_OK;
    }
    return TAMGA_E_BAD_VALUE;
}

/*
 * Bytes of the sequence that starts at text, 0 if none does. The second byte's range
 * is what excludes overlong forms (E0, F0), surrogates (ED) and U+110000 (F4).
 */
static size_t sequence_bytes(struct tamga_span text)
{
    uint8_t first = text.data[0];
    uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    size_t bytes = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

    if (first < 0x80)
        return first != 0;
    if (first < 0xc2 || first > 0xf4 || bytes > text.len)
        return 0;
    if (text.data[1] < low || text.data[1] > high)
        return 0;
    for (size_t i = 2; i < bytes; i++)
        if ((text.data[i] & 0xc0) != 0x80)
            return 0;
    return bytes;
}

bool tamga_scan_text(struct tamga_span text)
{
    while (text.len > 0) {
        size_t bytes = sequence_bytes(text);

        if (bytes == 0)
            return false;
        text = tamga_span(text.data + bytes, text.len - bytes);
    }
    return true;
}
