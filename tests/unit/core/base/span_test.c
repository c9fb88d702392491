/* core/base/span.c and id.h: bytes that are compared, grown, written and read. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/id.h"

static int sign(int order)
{
    return (order > 0) - (order < 0);
}

/*
 * Goal:   order is by bytes, unsigned, the shorter first; equality agrees with it.
 * Method: all pairs of a list that is in order.
 */
Test(span, compare_and_equal)
{
    const struct tamga_span ordered[] = {
        tamga_span(NULL, 0),       tamga_span("\x00", 1),    tamga_span("\x00\x00", 2),
        tamga_span("\x00\x01", 2), tamga_span("a", 1),       tamga_span("aa", 2),
        tamga_span("ab", 2),       tamga_span("b", 1),       tamga_span("\x80", 1),
        tamga_span("\xff\x00", 2), tamga_span("\xff\xff", 2)};
    const int count = sizeof ordered / sizeof ordered[0];

    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++) {
            cr_assert_eq(sign(tamga_span_compare(ordered[i], ordered[j])), sign(i - j));
            cr_assert_eq(tamga_span_equal(ordered[i], ordered[j]), i == j);
        }
    cr_assert(tamga_span_equal(tamga_span(NULL, 0), tamga_span("x", 0)));
}

/*
 * Goal:   text is a span without its NUL.
 * Method: an empty and a plain one.
 */
Test(span, text)
{
    cr_assert_eq(tamga_span_text("").len, 0);
    cr_assert(tamga_span_equal(tamga_span_text("abc"), tamga_span("abc", 3)));
}

/*
 * Goal:   a buf holds exactly what was added, however often it grew.
 * Method: a thousand spans of 0 to 36 bytes, kept beside in a plain array.
 */
Test(buf, grows_and_keeps)
{
    static uint8_t want[40000];
    TAMGA_BUF buf = {0};
    size_t len = 0;

    for (size_t i = 0; i < 1000; i++) {
        uint8_t part[36];
        size_t part_len = i % 37;

        memset(part, (int)i, sizeof part);
        memcpy(want + len, part, part_len);
        len += part_len;
        cr_assert_eq(tamga_buf_add(&buf, tamga_span(part, part_len)), TAMGA_OK);
        cr_assert(tamga_span_equal(tamga_buf_span(&buf), tamga_span(want, len)));
        cr_assert_leq(buf.len, buf.cap);
    }
}

/*
 * Goal:   nothing from nowhere is nothing, and set replaces.
 * Method: empty spans on an empty buf; a shorter text over a longer.
 */
Test(buf, empty_and_set)
{
    TAMGA_BUF buf = {0};

    cr_assert_eq(tamga_buf_add(&buf, tamga_span(NULL, 0)), TAMGA_OK);
    cr_assert_eq(tamga_buf_reserve(&buf, 0), TAMGA_OK);
    cr_assert_eq(buf.len, 0);
    cr_assert_eq(tamga_buf_set(&buf, tamga_span_text("longer text")), TAMGA_OK);
    cr_assert_eq(tamga_buf_set(&buf, tamga_span_text("short")), TAMGA_OK);
    cr_assert(tamga_span_equal(tamga_buf_span(&buf), tamga_span_text("short")));
    tamga_buf_clear(&buf);
    cr_assert(buf.data == NULL && buf.len == 0 && buf.cap == 0);
    tamga_buf_clear(&buf);
}

/*
 * Goal:   a size that cannot be had is NO_MEMORY and changes nothing.
 * Method: sums that would overflow size_t, or pass SIZE_MAX / 2.
 */
Test(buf, refuses_absurd_sizes)
{
    static const size_t absurd[] = {SIZE_MAX, SIZE_MAX - 4, SIZE_MAX / 2};
    TAMGA_BUF buf = {0};
    struct tamga_buf before;

    cr_assert_eq(tamga_buf_set(&buf, tamga_span_text("kept")), TAMGA_OK);
    before = buf;
    for (size_t i = 0; i < sizeof absurd / sizeof absurd[0]; i++) {
        cr_assert_eq(tamga_buf_reserve(&buf, absurd[i]), TAMGA_E_NO_MEMORY);
        cr_assert(buf.data == before.data && buf.len == before.len &&
                  buf.cap == before.cap);
    }
    cr_assert(tamga_span_equal(tamga_buf_span(&buf), tamga_span_text("kept")));
}

/*
 * Goal:   move takes everything, frees what was there, and leaves an empty buf.
 * Method: onto an empty and onto a filled buf.
 */
Test(buf, move)
{
    TAMGA_BUF from = {0};
    TAMGA_BUF to = {0};

    for (int round = 0; round < 2; round++) {
        cr_assert_eq(tamga_buf_set(&from, tamga_span_text("load")), TAMGA_OK);
        tamga_buf_move(&to, &from);
        cr_assert(tamga_span_equal(tamga_buf_span(&to), tamga_span_text("load")));
        cr_assert(from.data == NULL && from.len == 0 && from.cap == 0);
    }
}

/*
 * Goal:   integers are big-endian and come back.
 * Method: one drawn layout each, and every single bit.
 */
Test(integer, big_endian)
{
    static const uint8_t four[] = {0x01, 0x23, 0x45, 0x67};
    static const uint8_t eight[] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
    uint8_t out[8];

    tamga_put_u32(out, 0x01234567);
    cr_assert_eq(memcmp(out, four, 4), 0);
    tamga_put_u64(out, UINT64_C(0x0123456789abcdef));
    cr_assert_eq(memcmp(out, eight, 8), 0);
    for (unsigned bit = 0; bit < 64; bit++) {
        tamga_put_u64(out, UINT64_C(1) << bit);
        cr_assert_eq(tamga_get_u64(out), UINT64_C(1) << bit);
        tamga_put_u32(out, UINT32_C(1) << bit % 32);
        cr_assert_eq(tamga_get_u32(out), UINT32_C(1) << bit % 32);
    }
}

/*
 * Goal:   hex is lower case, both cases are read, all bytes survive.
 * Method: all 256 byte values there and back.
 */
Test(hex, round_trip)
{
    uint8_t all[256], back[256];
    char text[513];

    for (size_t i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    tamga_to_hex(text, all, sizeof all);
    cr_assert_eq(strlen(text), 512);
    cr_assert_eq(strncmp(text, "000102030405060708090a0b0c0d0e0f10", 34), 0);
    cr_assert_eq(tamga_from_hex(back, sizeof back, text), TAMGA_OK);
    cr_assert_eq(memcmp(all, back, sizeof all), 0);
    cr_assert_eq(tamga_from_hex(back, 3, "aBcDeF"), TAMGA_OK);
    cr_assert_eq(memcmp(back, "\xab\xcd\xef", 3), 0);
    tamga_to_hex(text, all, 0);
    cr_assert_str_eq(text, "");
    cr_assert_eq(tamga_from_hex(back, 0, ""), TAMGA_OK);
}

/*
 * Goal:   text that is not exactly the bytes' hex is refused, outputs untouched.
 * Method: too short, too long, odd; each foreign character in each place.
 */
Test(hex, refuses)
{
    static const char foreign[] = "gG/:@`xX -";
    uint8_t out[2] = {7, 7};

    cr_assert_eq(tamga_from_hex(out, 2, ""), TAMGA_E_BAD_LENGTH);
    cr_assert_eq(tamga_from_hex(out, 2, "abc"), TAMGA_E_BAD_LENGTH);
    cr_assert_eq(tamga_from_hex(out, 2, "abcde"), TAMGA_E_BAD_LENGTH);
    cr_assert_eq(tamga_from_hex(out, 2, "abcdef"), TAMGA_E_BAD_LENGTH);
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < sizeof foreign - 1; j++) {
            char text[] = "abcd";

            text[i] = foreign[j];
            cr_assert_eq(tamga_from_hex(out, 2, text), TAMGA_E_BAD_VALUE);
        }
    cr_assert(out[0] == 7 && out[1] == 7);
}

/*
 * Goal:   a hash is 32 bytes or BAD_LENGTH; equality sees every bit; only zero is zero.
 * Method: all lengths to 64; each of the 256 bits.
 */
Test(id, hash)
{
    uint8_t bytes[64] = {0};
    struct tamga_hash zero = {0}, hash = {{9}};

    for (size_t len = 0; len <= sizeof bytes; len++)
        cr_assert_eq(tamga_hash_from(&hash, tamga_span(bytes, len)),
                     len == 32 ? TAMGA_OK : TAMGA_E_BAD_LENGTH);
    cr_assert(tamga_hash_equal(&hash, &zero));
    cr_assert(tamga_hash_is_zero(&hash));
    for (unsigned bit = 0; bit < 256; bit++) {
        hash.byte[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert(!tamga_hash_equal(&hash, &zero));
        cr_assert(!tamga_hash_is_zero(&hash));
        hash.byte[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    cr_assert_eq(tamga_hash_span(&hash).len, 32);
}
