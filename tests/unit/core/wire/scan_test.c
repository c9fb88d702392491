#include "wire/scan.h"

#include <criterion/criterion.h>
#include <string.h>

/*
 * Goal:   every varint of 64 bits is read, and none beyond.
 * Method: the least and greatest of each length, and the first above 64 bits.
 */
Test(scan, varint_reads_each_length)
{
    for (unsigned bytes = 1; bytes <= TAMGA_VARINT_BYTES_MAX; bytes++) {
        uint8_t greatest[TAMGA_VARINT_BYTES_MAX];
        struct tamga_span rest = tamga_span(greatest, bytes);
        struct tamga_varint out;

        memset(greatest, 0xff, sizeof greatest);
        greatest[bytes - 1] = bytes == TAMGA_VARINT_BYTES_MAX ? 1 : 0x7f;
        cr_assert_eq(tamga_scan_varint(&out, &rest, TAMGA_VARINT_BYTES_MAX), TAMGA_OK);
        cr_assert_eq(out.value, bytes == TAMGA_VARINT_BYTES_MAX
                                    ? UINT64_MAX
                                    : ((uint64_t)1 << 7 * bytes) - 1);
        cr_assert_eq(out.bytes, bytes);
        cr_assert(out.shortest);
        cr_assert_eq(rest.len, 0);
    }
}

/*
 * Goal:   a bad varint is refused for its reason and nothing is taken.
 * Method: cut, too long for the caller, beyond 64 bits; overlong ones are told apart.
 */
Test(scan, varint_refuses)
{
    static const uint8_t over[] = {0x80, 0x80, 0x80, 0x80, 0x80,
                                   0x80, 0x80, 0x80, 0x80, 2};
    static const uint8_t overlong[] = {0x81, 0x00};
    struct tamga_varint out = {.value = 7};
    struct tamga_span rest = tamga_span(over, 9);

    cr_assert_eq(tamga_scan_varint(&out, &rest, 10), TAMGA_E_TRUNCATED);
    cr_assert_eq(tamga_scan_varint(&out, &rest, 5), TAMGA_E_BAD_VALUE);
    rest = tamga_span(over, sizeof over);
    cr_assert_eq(tamga_scan_varint(&out, &rest, 10), TAMGA_E_BAD_VALUE);
    cr_assert_eq(rest.len, sizeof over);
    cr_assert_eq(out.value, 7);
    rest = tamga_span(NULL, 0);
    cr_assert_eq(tamga_scan_varint(&out, &rest, 10), TAMGA_E_TRUNCATED);
    rest = tamga_span(overlong, 2);
    cr_assert_eq(tamga_scan_varint(&out, &rest, 10), TAMGA_OK);
    cr_assert_eq(out.value, 1);
    cr_assert_not(out.shortest);
}

/* Encode as the rule of three, four and so on bytes has it, surrogates too. */
static size_t encode(uint8_t out[4], uint32_t point)
{
    size_t bytes = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const uint8_t mark[] = {0, 0, 0xc0, 0xe0, 0xf0};

    for (size_t i = bytes; i-- > 1; point >>= 6)
        out[i] = (uint8_t)(0x80 | (point & 0x3f));
    out[0] = (uint8_t)(mark[bytes] | point);
    return bytes;
}

/*
 * Goal:   exactly the code points that UTF-8 can say are text, but for NUL.
 * Method: encode every number up to 0x1fffff by the bare scheme and judge it.
 */
Test(scan, text_knows_every_code_point)
{
    for (uint32_t point = 0; point <= 0x1fffff; point++) {
        uint8_t bytes[4];
        size_t len = encode(bytes, point);
        bool good =
            point != 0 && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);

        cr_assert_eq(tamga_scan_text(tamga_span(bytes, len)), good, "U+%x", point);
    }
}

/*
 * Goal:   what no encoder of code points writes is no text either.
 * Method: overlong forms, lone and missing continuation bytes, bytes that never occur.
 */
Test(scan, text_refuses)
{
    static const char *const bad[] = {
        "\xc0\xaf",     "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf",
        "\x80",         "a\xbf",    "\xc3",         "\xe2\x82",
        "\xf0\x9f\x98", "\xc3\x28", "\xe2\x28\xa1", "\xf8\x88\x80\x80",
        "\xfe",         "\xff",     "\xe2\x82\x28"};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(tamga_scan_text(tamga_span_text(bad[i])), "row %zu", i);
    cr_assert_not(tamga_scan_text(tamga_span("a\0b", 3)));
    cr_assert(tamga_scan_text(tamga_span(NULL, 0)));
    cr_assert(tamga_scan_text(tamga_span_text("Türkçe €😀")));
}
