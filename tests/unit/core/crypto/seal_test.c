/* core/crypto/seal.c: what was sealed opens, byte for byte and as independent code seals
 * it; whatever is not exactly that is BAD_CIPHERTEXT. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "crypto/hash.h"
#include "crypto/seal.h"
#include "vectors.h"

#define CHUNK  TAMGA_SEAL_CHUNK_BYTES
#define SEALED TAMGA_SEALED_CHUNK_BYTES
#define HEADER TAMGA_SEAL_HEADER_BYTES

static const struct tamga_seal_key key = {{1, 2, 3}};

#define STREAM TAMGA_CLEANUP(tamga_seal_stream_release) struct tamga_seal_stream

/* The plaintext of the vectors. */
static void plain_of(struct tamga_buf *out, size_t len)
{
    cr_assert_eq(tamga_buf_reserve(out, len), TAMGA_OK);
    for (size_t i = 0; i < len; i++)
        out->data[i] = (uint8_t)(i * 131 + (i >> 8));
    out->len = len;
}

static enum tamga_err gather(void *context, struct tamga_span bytes)
{
    return tamga_buf_add(context, bytes);
}

/* In pieces of so many bytes; 0: all at once. */
static enum tamga_err feed(struct tamga_seal_stream *stream, struct tamga_span bytes,
                           size_t piece)
{
    enum tamga_err err = TAMGA_OK;

    if (piece == 0)
        piece = bytes.len;
    while (err == TAMGA_OK && bytes.len > 0) {
        size_t take = piece < bytes.len ? piece : bytes.len;

        err = tamga_seal_stream_add(stream, tamga_span(bytes.data, take));
        bytes = tamga_span(bytes.data + take, bytes.len - take);
    }
    return err == TAMGA_OK ? tamga_seal_stream_finish(stream) : err;
}

static void seal_with(struct tamga_buf *out, const struct tamga_seal_key *with, size_t len,
                      size_t piece)
{
    STREAM *stream = NULL;
    TAMGA_BUF plain = {0};

    plain_of(&plain, len);
    cr_assert_eq(tamga_sealer_new(&stream, with, len, gather, out), TAMGA_OK);
    cr_assert_eq(feed(stream, tamga_buf_span(&plain), piece), TAMGA_OK);
    cr_assert_eq(out->len, tamga_sealed_bytes(len));
}

static enum tamga_err open_as(struct tamga_buf *out, struct tamga_span sealed,
                              uint64_t plain_bytes, size_t piece)
{
    STREAM *stream = NULL;

    out->len = 0;
    cr_assert_eq(tamga_opener_new(&stream, &key, plain_bytes, gather, out), TAMGA_OK);
    return feed(stream, sealed, piece);
}

/* It does not open, and what came out before is the true start of the image. */
static void refused(const struct tamga_buf *sealed, size_t plain_bytes)
{
    TAMGA_BUF plain = {0}, out = {0};

    plain_of(&plain, plain_bytes);
    cr_assert_eq(open_as(&out, tamga_buf_span(sealed), plain_bytes, 0),
                 TAMGA_E_BAD_CIPHERTEXT);
    cr_assert_leq(out.len, plain.len);
    cr_assert_eq(out.len % CHUNK, 0);
    cr_assert(out.len == 0 || memcmp(out.data, plain.data, out.len) == 0);
}

/*
 * Goal:   an image of any length comes back, however it is cut into pieces.
 * Method: lengths about the edges of one, two and three chunks; pieces from one byte to all.
 */
Test(seal, opens_what_was_sealed)
{
    static const size_t lengths[] = {1, 2, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK,
                                     3 * CHUNK + 5};
    static const size_t pieces[] = {0, 1, 23, 25, CHUNK, SEALED, SEALED + 1, 262144};

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        for (size_t j = 0; j < sizeof pieces / sizeof pieces[0]; j++) {
            TAMGA_BUF plain = {0}, sealed = {0}, out = {0};

            plain_of(&plain, lengths[i]);
            seal_with(&sealed, &key, lengths[i], pieces[j]);
            cr_assert_eq(open_as(&out, tamga_buf_span(&sealed), lengths[i], pieces[j]),
                         TAMGA_OK);
            cr_assert(tamga_span_equal(tamga_buf_span(&out), tamga_buf_span(&plain)));
        }
}

/*
 * Goal:   the layout is that of the protocol.
 * Method: images that independent code sealed; their bytes, or their hash.
 */
Test(seal, golden_images)
{
    char file[8][512];
    size_t files = test_vector_files("crypto", "seal", ".json", file, 8);

    cr_assert_gt(files, 0);
    for (size_t i = 0; i < files; i++) {
        TEST_JSON *root = test_json_load(file[i]);

        cr_assert_gt(json_array_size(root), 0);
        for (size_t j = 0; j < json_array_size(root); j++) {
            const json_t *row = json_array_get(root, j);
            TAMGA_BUF sealed = {0};
            struct tamga_seal_key with;
            struct tamga_hash expected, actual;
            uint64_t len;

            cr_assert_eq(test_json_u64(json_object_get(row, "plain_bytes"), &len), TAMGA_OK);
            cr_assert_eq(tamga_from_hex(with.byte, sizeof with.byte,
                                        json_string_value(json_object_get(row, "key"))),
                         TAMGA_OK);
            cr_assert_eq(
                tamga_from_hex(expected.byte, TAMGA_HASH_BYTES,
                               json_string_value(json_object_get(row, "sealed_sha256"))),
                TAMGA_OK);
            seal_with(&sealed, &with, len, 0);
            tamga_sha256(&actual, tamga_buf_span(&sealed));
            cr_assert(tamga_hash_equal(&actual, &expected), "%zu bytes", (size_t)len);
        }
    }
}

/*
 * Goal:   no byte can be changed.
 * Method: an image of a header and two chunks of which the second is short: each byte of
 *         header, second chunk and all tags in turn, and every 97th of the first chunk.
 */
Test(seal, every_byte_counts)
{
    size_t len = CHUNK + 40;
    TAMGA_BUF sealed = {0};

    seal_with(&sealed, &key, len, 0);
    for (size_t i = 0; i < sealed.len;) {
        sealed.data[i] ^= 0x80;
        refused(&sealed, len);
        sealed.data[i] ^= 0x80;
        i += i >= HEADER && i < HEADER + CHUNK - 97 ? 97 : 1;
    }
}

/*
 * Goal:   the same, of an image of one short chunk, without a gap.
 * Method: every bit of every byte.
 */
Test(seal, every_bit_counts)
{
    TAMGA_BUF sealed = {0};

    seal_with(&sealed, &key, 40, 0);
    for (size_t bit = 0; bit < 8 * sealed.len; bit++) {
        sealed.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        refused(&sealed, 40);
        sealed.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/*
 * Goal:   an image that ends early, or goes on, is refused.
 * Method: cut at every edge of a chunk and beside it; one byte, and one chunk, too many.
 */
Test(seal, every_end_counts)
{
    size_t len = 3 * CHUNK; /* the last chunk is a whole one, as the others are */
    TAMGA_BUF sealed = {0};
    size_t whole;

    seal_with(&sealed, &key, len, 0);
    whole = sealed.len;
    for (size_t i = 0; i <= 3; i++)
        for (size_t beside = 0; beside < 3; beside++) {
            sealed.len = HEADER + i * SEALED + beside - 1;
            if (sealed.len < whole)
                refused(&sealed, len);
        }
    sealed.len = 0;
    refused(&sealed, len);
    sealed.len = whole;
    cr_assert_eq(tamga_buf_add(&sealed, tamga_span("", 1)), TAMGA_OK);
    refused(&sealed, len);
    sealed.len = whole;
    cr_assert_eq(tamga_buf_reserve(&sealed, SEALED), TAMGA_OK);
    cr_assert_eq(tamga_buf_add(&sealed, tamga_span(sealed.data + HEADER, SEALED)), TAMGA_OK);
    refused(&sealed, len);
}

/*
 * Goal:   an image that says that it is shorter does not open as that one either.
 * Method: three chunks cut to two, with a header of two: the chunk that is the last now was
 *         not sealed as that.
 */
Test(seal, a_shorter_header_does_not_help)
{
    TAMGA_BUF sealed = {0};

    seal_with(&sealed, &key, 3 * CHUNK, 0);
    tamga_put_u64(sealed.data + 16, 2 * CHUNK);
    sealed.len = HEADER + 2 * SEALED;
    refused(&sealed, 2 * CHUNK);
}

static void copy_chunk(struct tamga_buf *to, size_t at, const struct tamga_buf *from,
                       size_t index)
{
    memcpy(to->data + HEADER + at * SEALED, from->data + HEADER + index * SEALED, SEALED);
}

/*
 * Goal:   chunks stay where they are.
 * Method: every chunk of three at every other's place; two exchanged; one of another image
 *         of the same length, under another key, put in.
 */
Test(seal, chunks_cannot_be_moved_doubled_or_spliced)
{
    static const struct tamga_seal_key other = {{9}};
    size_t len = 3 * CHUNK;
    TAMGA_BUF sealed = {0}, changed = {0}, foreign = {0};

    seal_with(&sealed, &key, len, 0);
    seal_with(&foreign, &other, len, 0);
    for (size_t at = 0; at < 3; at++) {
        for (size_t index = 0; index < 3; index++) {
            if (index == at)
                continue;
            cr_assert_eq(tamga_buf_set(&changed, tamga_buf_span(&sealed)), TAMGA_OK);
            copy_chunk(&changed, at, &sealed, index); /* doubled */
            refused(&changed, len);
            copy_chunk(&changed, index, &sealed, at); /* exchanged */
            refused(&changed, len);
        }
        cr_assert_eq(tamga_buf_set(&changed, tamga_buf_span(&sealed)), TAMGA_OK);
        copy_chunk(&changed, at, &foreign, at);
        refused(&changed, len);
    }
    refused(&foreign, len);
}

/*
 * Goal:   a failure is final, and a producer's file that grew or shrank is told.
 * Method: feed an opener the truth after a lie; sealers too much and too little.
 */
Test(seal, streams_stay_failed_and_hold_to_their_length)
{
    STREAM *opener = NULL, *longer = NULL, *shorter = NULL;
    TAMGA_BUF sealed = {0}, out = {0};

    seal_with(&sealed, &key, 40, 0);
    cr_assert_eq(tamga_opener_new(&opener, &key, 40, gather, &out), TAMGA_OK);
    sealed.data[0] ^= 1;
    cr_assert_eq(tamga_seal_stream_add(opener, tamga_span(sealed.data, HEADER)),
                 TAMGA_E_BAD_CIPHERTEXT);
    sealed.data[0] ^= 1;
    cr_assert_eq(tamga_seal_stream_add(opener, tamga_buf_span(&sealed)),
                 TAMGA_E_BAD_CIPHERTEXT);
    cr_assert_eq(tamga_seal_stream_finish(opener), TAMGA_E_BAD_CIPHERTEXT);
    cr_assert_eq(tamga_sealer_new(&longer, &key, 3, gather, &out), TAMGA_OK);
    cr_assert_eq(tamga_seal_stream_add(longer, tamga_span("four", 4)), TAMGA_E_IMAGE_LENGTH);
    cr_assert_eq(tamga_sealer_new(&shorter, &key, 5, gather, &out), TAMGA_OK);
    cr_assert_eq(feed(shorter, tamga_span("four", 4), 0), TAMGA_E_IMAGE_LENGTH);
}

static enum tamga_err give_up(void *context, struct tamga_span bytes)
{
    (void)context;
    (void)bytes;
    return TAMGA_E_FILE_IO;
}

/*
 * Goal:   lengths have a bound, and what the sink says is passed on.
 * Method: none, the longest, one more; a sink that fails.
 */
Test(seal, bounds)
{
    STREAM *stream = NULL;
    uint64_t chunks = (TAMGA_SEALED_BYTES_MAX - HEADER) / SEALED;
    uint64_t rest = (TAMGA_SEALED_BYTES_MAX - HEADER) % SEALED;
    uint64_t most = chunks * CHUNK + rest - TAMGA_SEAL_TAG_BYTES;

    cr_assert_gt(rest, TAMGA_SEAL_TAG_BYTES);
    cr_assert_eq(tamga_sealed_bytes(0), 0);
    cr_assert_eq(tamga_sealed_bytes(1), HEADER + 17);
    cr_assert_eq(tamga_sealed_bytes(most), TAMGA_SEALED_BYTES_MAX);
    cr_assert_eq(tamga_sealed_bytes(most + 1), 0);
    cr_assert_eq(tamga_sealed_bytes(UINT64_MAX), 0);
    cr_assert_eq(tamga_opener_new(&stream, &key, 0, gather, NULL), TAMGA_E_BAD_VALUE);
    cr_assert_eq(tamga_sealer_new(&stream, &key, most + 1, gather, NULL), TAMGA_E_BAD_VALUE);
    cr_assert_null(stream);
    cr_assert_eq(tamga_sealer_new(&stream, &key, 4, give_up, NULL), TAMGA_OK);
    cr_assert_eq(tamga_seal_stream_add(stream, tamga_span("four", 4)), TAMGA_E_FILE_IO);
}

/*
 * Goal:   chunks can be sealed alone, in any order, and wrong ones are refused.
 * Method: the last chunk first, compared with the stream's; wrong lengths and places.
 */
Test(seal, chunks_in_any_order)
{
    TAMGA_CLEANUP(tamga_seal_release) struct tamga_seal *seal = NULL;
    TAMGA_BUF plain = {0}, sealed = {0};
    static uint8_t out[SEALED];

    plain_of(&plain, CHUNK + 7);
    seal_with(&sealed, &key, CHUNK + 7, 0);
    cr_assert_eq(tamga_seal_new(&seal, &key, CHUNK + 7), TAMGA_OK);
    cr_assert_eq(tamga_seal_chunk_bytes(seal, 0), CHUNK);
    cr_assert_eq(tamga_seal_chunk_bytes(seal, 1), 7);
    cr_assert_eq(tamga_seal_chunk_bytes(seal, 2), 0);
    cr_assert_eq(tamga_seal_chunk(seal, 1, out, tamga_span(plain.data + CHUNK, 7)), TAMGA_OK);
    cr_assert_eq(memcmp(out, sealed.data + HEADER + SEALED, 7 + TAMGA_SEAL_TAG_BYTES), 0);
    cr_assert_eq(tamga_seal_chunk(seal, 0, out, tamga_span(plain.data, CHUNK)), TAMGA_OK);
    cr_assert_eq(memcmp(out, sealed.data + HEADER, SEALED), 0);
    cr_assert_eq(tamga_seal_chunk(seal, 1, out, tamga_span(plain.data, 8)),
                 TAMGA_E_BAD_LENGTH);
    cr_assert_eq(tamga_seal_chunk(seal, 2, out, tamga_span(plain.data, 7)),
                 TAMGA_E_BAD_LENGTH);
    cr_assert_eq(tamga_seal_chunk(seal, 2, out, tamga_span(NULL, 0)), TAMGA_E_BAD_LENGTH);
    cr_assert_eq(tamga_seal_open_chunk(seal, 0, out, tamga_span(sealed.data, 3)),
                 TAMGA_E_BAD_CIPHERTEXT);
}
