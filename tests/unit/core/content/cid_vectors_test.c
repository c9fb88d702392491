/*
 * Content ids that Kubo returned for generated files (tests/vectors/README.md), and any
 * others that lie as cid*.json in $TAMGA_VECTORS.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "blocks.h"
#include "vectors.h"

#define CONTENT_BYTES_MAX ((uint64_t)1 << 30)
#define FILES_MAX 64
#define PIECE_BYTES 1000003 /* no multiple of any chunk */

struct row {
    const char *content;
    const char *profile;
    const char *cid;
    uint64_t size;
    struct tamga_dag_options options;
};

/* The generated contents, as far as a row has asked for them. */
struct content {
    struct tamga_buf sm;
    struct tamga_buf zero;
};

static struct tamga_span content_bytes(struct content *content, const char *name, uint64_t size)
{
    bool is_zero = strcmp(name, "zero") == 0;
    struct tamga_buf *buf = is_zero ? &content->zero : &content->sm;

    if (buf->len < size || buf->data == NULL) {
        cr_assert_eq(tamga_buf_reserve(buf, (size_t)size - buf->len + 1), TAMGA_OK);
        buf->len = (size_t)size;
        if (is_zero)
            memset(buf->data, 0, buf->len);
        else
            bytes_fill(buf->data, buf->len);
    }
    return tamga_span(buf->data, (size_t)size);
}

/* The number behind name in the profile, "true" being 1 and "false" 0; or otherwise. */
static uint64_t setting(const char *profile, const char *name, uint64_t otherwise)
{
    const char *at = strstr(profile, name);

    if (at == NULL)
        return otherwise;
    at += strlen(name);
    if (strncmp(at, "true", 4) == 0)
        return 1;
    return strtoull(at, NULL, 10);
}

/*
 * Copies of the file exist in which size and CID version of the plain profiles changed
 * places. Only 0 and 1 can be a version; where both could be, the CID's own first letter
 * says it, since a plain profile's version is the CID's.
 */
static void unswap(uint64_t *size, uint64_t *version, const char *cid)
{
    uint64_t was = *size;

    if (*version <= 1 && *size > 1)
        return;
    if (*version <= 1) {
        uint64_t true_version = cid[0] == 'Q' ? 0 : 1;

        if (*version == true_version)
            return;
    }
    *size = *version;
    *version = was;
}

/* A row that asks for what the builder does not make fails rather than passes by. */
static bool is_known(const char *profile)
{
    const char *chunker = strstr(profile, "chunker=");

    return (chunker == NULL || strncmp(chunker, "chunker=size-", 13) == 0) &&
           strstr(profile, "trickle") == NULL && strstr(profile, "inline") == NULL &&
           strstr(profile, "hash=") == NULL && strstr(profile, "max-") == NULL;
}

static bool is_plain(const char *profile)
{
    const char *name = strstr(profile, "cid-version=");

    return name != NULL && strpbrk(name, "& ,") == NULL;
}

static bool row_read(struct row *row, const json_t *json)
{
    uint64_t version;

    row->content = json_string_value(json_object_get(json, "content"));
    row->profile = json_string_value(json_object_get(json, "profile"));
    row->cid = json_string_value(json_object_get(json, "cid"));
    if (row->content == NULL || row->profile == NULL || row->cid == NULL ||
        test_json_u64(json_object_get(json, "size"), &row->size) != TAMGA_OK)
        return false;
    if (!is_known(row->profile))
        return false;
    if (strcmp(row->content, "sm") != 0 && strcmp(row->content, "zero") != 0)
        return false;
    version = setting(row->profile, "cid-version=", 0);
    if (is_plain(row->profile))
        unswap(&row->size, &version, row->cid);
    if (version > 1 || row->size > CONTENT_BYTES_MAX)
        return false;
    row->options = (struct tamga_dag_options){
        .cid_version = (uint8_t)version,
        .raw_leaves = setting(row->profile, "raw-leaves=", version) != 0,
        .chunk_bytes =
            (size_t)setting(row->profile, "chunker=size-", TAMGA_DAG_CHUNK_BYTES),
    };
    return true;
}

static void build(char text[TAMGA_CID_TEXT_MAX], const struct row *row, struct tamga_span bytes)
{
    struct tamga_dag_builder *builder = NULL;
    struct tamga_cid root;

    cr_assert_eq(tamga_dag_builder_new(&builder, &row->options, NULL, NULL), TAMGA_OK);
    while (bytes.len > 0) {
        size_t piece = bytes.len < PIECE_BYTES ? bytes.len : PIECE_BYTES;

        cr_assert_eq(tamga_dag_builder_add(builder, tamga_span(bytes.data, piece)), TAMGA_OK);
        bytes = tamga_span(bytes.data + piece, bytes.len - piece);
    }
    cr_assert_eq(tamga_dag_builder_finish(builder, &root), TAMGA_OK);
    tamga_dag_builder_free(builder);
    tamga_cid_format(text, &root);
}

static unsigned run_row(struct content *content, const json_t *json, const char *path, size_t i)
{
    char found[TAMGA_CID_TEXT_MAX];
    struct tamga_cid cid;
    struct row row;

    if (!row_read(&row, json)) {
        fprintf(stderr, "%s row %zu cannot be understood\n", path, i);
        return 1;
    }
    build(found, &row, content_bytes(content, row.content, row.size));
    if (strcmp(found, row.cid) == 0 && tamga_cid_parse(&cid, row.cid) == TAMGA_OK)
        return 0;
    fprintf(stderr, "%s row %zu: %s, %llu bytes, \"%s\": got %s, not %s\n", path, i, row.content,
            (unsigned long long)row.size, row.profile, found, row.cid);
    return 1;
}

/*
 * Goal:   the builder names every file as Kubo does.
 * Method: every row of every cid*.json; each failure is printed with its row.
 */
Test(content_cid_vectors, are_those_of_kubo, .timeout = 280)
{
    static char path[FILES_MAX][512];
    size_t files = test_vector_files(".", "cid", ".json", path, FILES_MAX);
    struct content content = {0};
    unsigned ran = 0, failed = 0;

    for (size_t f = 0; f < files; f++) {
        TEST_JSON *root = test_json_load(path[f]);
        const json_t *rows = json_is_array(root) ? root : json_object_get(root, "vectors");
        unsigned before = ran;
        const json_t *row;
        size_t i;

        json_array_foreach(rows, i, row) {
            failed += run_row(&content, row, path[f], i);
            ran++;
        }
        cr_assert_gt(ran, before, "%s has no rows", path[f]);
    }
    tamga_buf_clear(&content.sm);
    tamga_buf_clear(&content.zero);
    fprintf(stderr, "%u rows of %zu files\n", ran, files);
    cr_assert_gt(ran, 0u);
    cr_assert_eq(failed, 0u);
}
