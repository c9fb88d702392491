/* Content ids: the texts that Kubo prints, and nothing else. */
#include "content/cid.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "crypto/hash.h"

static const char empty_v0[] = "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH";
static const char empty_raw[] = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku";
static const char empty_pb[] = "bafybeif7ztnhq65lumvvtr4ekcwd2ifwgm3awq4zfr3srh462rwyinlb4y";

static const struct tamga_cid form[] = {
    {.version = 0, .codec = TAMGA_CODEC_DAG_PB},
    {.version = 1, .codec = TAMGA_CODEC_DAG_PB},
    {.version = 1, .codec = TAMGA_CODEC_RAW},
};
#define FORMS (sizeof form / sizeof form[0])

static void assert_text(uint8_t version, uint8_t codec, struct tamga_span block,
                        const char *expected)
{
    char text[TAMGA_CID_TEXT_MAX];
    struct tamga_cid cid, parsed;

    tamga_cid_of(&cid, version, codec, block);
    tamga_cid_format(text, &cid);
    cr_assert_str_eq(text, expected);
    cr_assert_eq(tamga_cid_parse(&parsed, expected), TAMGA_OK);
    cr_assert(tamga_cid_equal(&parsed, &cid));
}

static void assert_refused(const char *text)
{
    struct tamga_cid cid = {.version = 77}, before = cid;

    cr_assert_eq(tamga_cid_parse(&cid, text), TAMGA_E_BAD_CID, "took \"%s\"", text);
    cr_assert(tamga_cid_equal(&cid, &before));
}

/*
 * Goal:   the three forms of an empty file's id are those that Kubo prints.
 * Method: its blocks written out by hand.
 */
Test(content_cid, has_the_text_of_kubo)
{
    static const uint8_t node[] = {0x0a, 0x04, 0x08, 0x02, 0x18, 0x00};

    assert_text(0, TAMGA_CODEC_DAG_PB, tamga_span(node, sizeof node), empty_v0);
    assert_text(1, TAMGA_CODEC_DAG_PB, tamga_span(node, sizeof node), empty_pb);
    assert_text(1, TAMGA_CODEC_RAW, tamga_span(NULL, 0), empty_raw);
}

/*
 * Goal:   every digest survives text and bytes in every form.
 * Method: all zeros, all ones, and 200 hashes of a counter.
 */
Test(content_cid, round_trips)
{
    for (unsigned i = 0; i < 202; i++)
        for (size_t f = 0; f < FORMS; f++) {
            struct tamga_cid cid = form[f], again;
            uint8_t bytes[TAMGA_CID_BINARY_MAX];
            char text[TAMGA_CID_TEXT_MAX];
            size_t len;

            if (i < 2)
                memset(cid.digest.byte, i == 0 ? 0 : 0xff, TAMGA_HASH_BYTES);
            else
                tamga_sha256(&cid.digest, tamga_span(&i, sizeof i));
            tamga_cid_format(text, &cid);
            cr_assert_eq(tamga_cid_parse(&again, text), TAMGA_OK);
            cr_assert(tamga_cid_equal(&cid, &again));
            len = tamga_cid_encode(bytes, &cid);
            cr_assert_eq(len, cid.version == 0 ? 34u : 36u);
            cr_assert_eq(tamga_cid_decode(&again, tamga_span(bytes, len)), TAMGA_OK);
            cr_assert(tamga_cid_equal(&cid, &again));
        }
}

/*
 * Goal:   one content id has one text.
 * Method: each character of a good text becomes each other byte; what still parses
 *         is another id, and is that id's own text.
 */
Test(content_cid, has_one_text_only)
{
    const char *good[] = {empty_v0, empty_raw, empty_pb};

    for (size_t g = 0; g < 3; g++)
        for (size_t i = 0; good[g][i] != '\0'; i++)
            for (int c = 1; c < 256; c++) {
                char text[TAMGA_CID_TEXT_MAX], again[TAMGA_CID_TEXT_MAX];
                struct tamga_cid cid;

                snprintf(text, sizeof text, "%s", good[g]);
                text[i] = (char)c;
                if (tamga_cid_parse(&cid, text) != TAMGA_OK)
                    continue;
                tamga_cid_format(again, &cid);
                cr_assert_str_eq(again, text);
            }
}

/*
 * Goal:   other bases, versions, codecs, hashes and lengths are refused.
 * Method: a real example of each; outputs stay untouched.
 */
Test(content_cid, refuses_other_texts)
{
    static const char *const bad[] = {
        "", "Q", "Qm", "b", "ba", "1", "0",
        "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQ",   /* cut */
        "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQHH", /* longer */
        " mbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH",
        "Qm0FMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH",  /* 0 is no digit */
        "1111111111111111111111111111111111111111111111",
        "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
        "/ipfs/QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH",
        "BAFKREIHDWDCEFGH4DQKJV67UZCMW7OJEE6XEDZDETOJUZJEVTENXQUVYKU",
        "bAFKREIHDWDCEFGH4DQKJV67UZCMW7OJEE6XEDZDETOJUZJEVTENXQUVYKU",
        "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvykv", /* padding bits */
        "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyk",
        "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku=",
        "bafyreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", /* dag-cbor */
        "bajkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", /* version 2 */
        "bafkqaaa",                                                    /* identity */
        "zdj7WbTaiJT1fgatdet9Ei9iDB5hdCxkbVyhyh8YTUnXMiwYi",           /* v1 in base58 */
        "f01551220e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_refused(bad[i]);
}

/*
 * Goal:   a text without a near end is not read far.
 * Method: a million characters, and 64 that have no NUL among them but the last.
 */
Test(content_cid, refuses_long_texts)
{
    static char text[1000001];

    memset(text, 'b', sizeof text - 1);
    assert_refused(text);
    assert_refused(text + sizeof text - 65);
}

/*
 * Goal:   binary ids have 34 or 36 bytes and the one fixed head.
 * Method: every other length up to 40; every bit of the head flipped alone.
 */
Test(content_cid, refuses_other_bytes)
{
    for (size_t f = 0; f < FORMS; f++) {
        uint8_t bytes[40] = {0};
        struct tamga_cid cid = {.version = 77}, before = cid;
        size_t len = tamga_cid_encode(bytes, &form[f]);

        for (size_t other = 0; other <= sizeof bytes; other++)
            if (other != len)
                cr_assert_eq(tamga_cid_decode(&cid, tamga_span(bytes, other)),
                             TAMGA_E_BAD_CID);
        for (size_t bit = 0; bit < 8 * (len - TAMGA_HASH_BYTES); bit++) {
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            cr_assert_eq(tamga_cid_decode(&cid, tamga_span(bytes, len)), TAMGA_E_BAD_CID);
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        cr_assert(tamga_cid_equal(&cid, &before));
    }
}

/*
 * Goal:   a block answers to its own id only.
 * Method: every bit of a block flipped alone, and a byte more or less.
 */
Test(content_cid, check_notices_every_change)
{
    uint8_t block[17] = "sixteen and one.";
    struct tamga_cid cid;

    tamga_cid_of(&cid, 1, TAMGA_CODEC_RAW, tamga_span(block, 16));
    cr_assert_eq(tamga_cid_check(&cid, tamga_span(block, 16)), TAMGA_OK);
    cr_assert_eq(tamga_cid_check(&cid, tamga_span(block, 15)), TAMGA_E_CID_MISMATCH);
    cr_assert_eq(tamga_cid_check(&cid, tamga_span(block, 17)), TAMGA_E_CID_MISMATCH);
    for (size_t bit = 0; bit < 128; bit++) {
        block[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_eq(tamga_cid_check(&cid, tamga_span(block, 16)), TAMGA_E_CID_MISMATCH);
        block[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}
