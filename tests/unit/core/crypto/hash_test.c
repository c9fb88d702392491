/* core/crypto/hash.c: known values, and the search against plain SHA-256. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "crypto/hash.h"
#include "vectors.h"

static void hash_equals(const struct tamga_hash *hash, const char *want)
{
    char text[TAMGA_HEX_CHARS];

    tamga_to_hex(text, hash->byte, sizeof hash->byte);
    cr_assert_str_eq(text, want);
}

/*
 * Goal:   SHA-256 is SHA-256, in one piece, in parts and as a stream.
 * Method: NIST's examples (FIPS 180-4: "abc", 448 and 896 bits; the empty message).
 */
Test(hash, nist_examples)
{
    static const char *const example[][2] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
         "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
         "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"}};

    for (size_t i = 0; i < sizeof example / sizeof example[0]; i++) {
        struct tamga_span whole = tamga_span_text(example[i][0]);
        struct tamga_hash hash;

        tamga_sha256(&hash, whole);
        hash_equals(&hash, example[i][1]);
        for (size_t cut = 0; cut <= whole.len; cut++) {
            struct tamga_span part[] = {tamga_span(whole.data, cut),
                                        tamga_span(NULL, 0),
                                        tamga_span(whole.data + cut, whole.len - cut)};

            tamga_sha256_parts(&hash, part, 3);
            hash_equals(&hash, example[i][1]);
        }
    }
}

/*
 * Goal:   a stream tells the hash so far and goes on.
 * Method: NIST's million times "a", peeked at twice on the way.
 */
Test(hash, stream_peeks_and_goes_on)
{
    struct tamga_sha256_stream *stream = NULL;
    struct tamga_hash hash;
    char thousand[1000];

    memset(thousand, 'a', sizeof thousand);
    cr_assert_eq(tamga_sha256_stream_new(&stream), TAMGA_OK);
    tamga_sha256_stream_peek(stream, &hash);
    hash_equals(&hash,
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (size_t i = 0; i < 1000; i++) {
        tamga_sha256_stream_add(stream, tamga_span(thousand, sizeof thousand));
        tamga_sha256_stream_add(stream, tamga_span(NULL, 0));
        tamga_sha256_stream_peek(stream, &hash);
    }
    hash_equals(&hash,
                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    tamga_sha256_stream_peek(stream, &hash);
    hash_equals(&hash,
                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    tamga_sha256_stream_free(stream);
    tamga_sha256_stream_free(NULL);
}

static size_t hex_field(const json_t *entry, const char *field, uint8_t *out,
                        size_t max)
{
    const char *text = json_string_value(json_object_get(entry, field));
    size_t len = text == NULL ? 0 : strlen(text) / 2;

    cr_assert_not_null(text, "%s", field);
    cr_assert_leq(len, max);
    cr_assert_eq(tamga_from_hex(out, len, text), TAMGA_OK);
    return len;
}

/*
 * Goal:   the domain hash is what docs/PROTOCOL.md defines; ids hang on it.
 * Method: values made with Python's hashlib, domains of 1 to 255 bytes.
 */
Test(hash, domain_hash_golden)
{
    static char file[8][512];
    size_t files = test_vector_files("crypto", "domain_hash", ".json", file, 8);

    cr_assert_gt(files, 0);
    for (size_t i = 0; i < files; i++) {
        TEST_JSON *root = test_json_load(file[i]);

        cr_assert_gt(json_array_size(root), 0);
        for (size_t j = 0; j < json_array_size(root); j++) {
            const json_t *entry = json_array_get(root, j);
            uint8_t body[2048];
            struct tamga_scope scope;
            struct tamga_hash hash;
            size_t len = hex_field(entry, "body", body, sizeof body);

            hex_field(entry, "scope", scope.hash.byte, TAMGA_HASH_BYTES);
            tamga_domain_hash(&hash,
                              json_string_value(json_object_get(entry, "domain")),
                              &scope, tamga_span(body, len));
            hash_equals(&hash, json_string_value(json_object_get(entry, "hash")));
        }
    }
}

/*
 * Goal:   domain, scope and body cannot be traded for one another.
 * Method: move one byte over each border, change one bit of the scope.
 */
Test(hash, domain_hash_separates)
{
    struct tamga_scope scope = {0}, other = {{{0x01}}};
    struct tamga_hash a, b;

    tamga_domain_hash(&a, "ab", &scope, tamga_span_text("c"));
    tamga_domain_hash(&b, "a", &scope, tamga_span_text("bc"));
    cr_assert(!tamga_hash_equal(&a, &b));
    tamga_domain_hash(&b, "ab", &other, tamga_span_text("c"));
    cr_assert(!tamga_hash_equal(&a, &b));
    tamga_domain_hash(&b, "ab", &scope, tamga_span_text(""));
    cr_assert(!tamga_hash_equal(&a, &b));
}

static void header_fill(uint8_t header[228])
{
    for (size_t i = 0; i < 228; i++)
        header[i] = (uint8_t)(i * 7 + 3);
}

static struct tamga_hash plain(const uint8_t header[228], uint64_t nonce)
{
    uint8_t copy[228];
    struct tamga_hash hash;

    memcpy(copy, header, sizeof copy);
    tamga_put_u64(copy + 220, nonce);
    tamga_sha256(&hash, tamga_span(copy, sizeof copy));
    return hash;
}

/*
 * Goal:   a try of the search is plain SHA-256 of the 228 bytes, bit for bit.
 * Method: the target set to each nonce's plain hash finds it in one try, and set one
 *         lower does not.
 */
Test(hash, search_equals_plain_sha256)
{
    uint8_t header[228];

    header_fill(header);
    for (uint64_t nonce = 0; nonce < 1000; nonce++) {
        struct tamga_hash target = plain(header, nonce);
        uint64_t found = 12345678;
        size_t at = TAMGA_HASH_BYTES;

        cr_assert(tamga_sha256_search(header, &target, nonce, 1, &found));
        cr_assert_eq(found, nonce);
        while (target.byte[--at]-- == 0) /* the target less one, borrowing */
            continue;
        found = 12345678;
        cr_assert(!tamga_sha256_search(header, &target, nonce, 1, &found));
        cr_assert_eq(found, 12345678, "untouched if nothing is found");
    }
}

/*
 * Goal:   the first nonce that meets the target is found, and none that does not.
 * Method: a target of about one in 256; walk the same range with plain SHA-256.
 */
Test(hash, search_finds_the_first)
{
    uint8_t header[228];
    struct tamga_hash target;
    uint64_t first = 0;

    header_fill(header);
    memset(target.byte, 0xff, sizeof target.byte);
    target.byte[0] = 0x00;
    for (int round = 0; round < 20; round++) {
        uint64_t want = first;
        uint64_t found = 0;
        struct tamga_hash hash = plain(header, want);

        while (hash.byte[0] != 0)
            hash = plain(header, ++want);
        cr_assert(!tamga_sha256_search(header, &target, first, want - first, &found));
        cr_assert(
            tamga_sha256_search(header, &target, first, want - first + 1, &found));
        cr_assert_eq(found, want);
        first = want + 1;
    }
}

/*
 * Goal:   nonces wrap at 2^64, and no try is no find.
 * Method: the best of the nonces 2^64-2..2 as target, searched over all five; zero
 *         tries at a target that everything meets.
 */
Test(hash, search_wraps)
{
    uint8_t header[228];
    struct tamga_hash target;
    uint64_t best = UINT64_MAX - 1;
    uint64_t found = 7;

    header_fill(header);
    target = plain(header, best);
    for (uint64_t nonce = UINT64_MAX; nonce != 3; nonce++) {
        struct tamga_hash hash = plain(header, nonce);

        if (memcmp(hash.byte, target.byte, sizeof hash.byte) < 0) {
            target = hash;
            best = nonce;
        }
    }
    cr_assert(tamga_sha256_search(header, &target, UINT64_MAX - 1, 5, &found));
    cr_assert_eq(found, best);
    target = plain(header, 2);
    cr_assert(tamga_sha256_search(header, &target, 2, 1, &found));
    memset(target.byte, 0xff, sizeof target.byte);
    cr_assert(tamga_sha256_search(header, &target, UINT64_MAX, 1, &found));
    cr_assert_eq(found, UINT64_MAX);
    cr_assert(!tamga_sha256_search(header, &target, 0, 0, &found));
    cr_assert_eq(found, UINT64_MAX);
}
