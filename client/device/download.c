/*
 * Fetch an image block by block into a slot's part file. Every block is checked against
 * its content id before a byte of it is written, and nothing is ever written beyond the
 * signed length.
 *
 * The part file is not truncated first: what an interrupted download left is tried as the
 * next leaf before the gateway is asked for it, and counts only if it hashes to the very
 * id that is wanted. So left-overs of another image do no harm. Of a sealed image the file
 * holds the plaintext, and what it was sealed as is made of that again (part.c).
 */
#include <inttypes.h>
#include <unistd.h>

#include "content/dag.h"
#include "crypto/hash.h"
#include "device/file.h"
#include "device/internal.h"
#include "device/part.h"
#include "wire/wire.h"

#define TRIES_MAX 4 /* of one block whose bytes are wrong: once, and three times again */

struct download {
    struct tamga_session *session;
    struct tamga_dag_walker *walker;
    struct tamga_sha256_stream *sha256;
    struct tamga_part part;
    uint64_t length; /* signed */
    uint64_t at;     /* bytes verified */
    uint64_t kept;   /* of them, found in the part file */
    struct tamga_buf chunk; /* bytes of a left-over leaf */
    struct tamga_buf leaf;  /* the block that they would be */
    struct tamga_cid leaf_cid;
};

static void download_clear(struct download *download)
{
    tamga_dag_walker_free(download->walker);
    tamga_sha256_stream_free(download->sha256);
    tamga_part_clear(&download->part);
    tamga_buf_clear(&download->chunk);
    tamga_buf_clear(&download->leaf);
}

/* ---- what an interrupted download left --------------------------------------- */

static enum tamga_err keep_leaf(void *context, const struct tamga_cid *cid,
                                struct tamga_span block)
{
    struct download *download = context;

    download->leaf_cid = *cid;
    return tamga_buf_set(&download->leaf, block);
}

/* The leaf that `ipfs add` would make of these bytes, in the wanted id's form. */
static enum tamga_err build_leaf(struct download *download, const struct tamga_cid *wanted)
{
    struct tamga_dag_options options = tamga_dag_default;
    struct tamga_dag_builder *builder = NULL;
    struct tamga_cid root;
    enum tamga_err err;

    options.cid_version = wanted->version;
    options.raw_leaves = wanted->codec == TAMGA_CODEC_RAW;
    err = tamga_dag_builder_new(&builder, &options, keep_leaf, download);
    if (err == TAMGA_OK)
        err = tamga_dag_builder_add(builder, tamga_buf_span(&download->chunk));
    if (err == TAMGA_OK)
        err = tamga_dag_builder_finish(builder, &root);
    tamga_dag_builder_free(builder);
    return err;
}

/* NOT_FOUND: the part file does not hold the wanted block. */
static enum tamga_err find_leaf(struct download *download, const struct tamga_cid *wanted)
{
    uint64_t rest = download->length - download->at;
    size_t len = rest < TAMGA_DAG_CHUNK_BYTES ? (size_t)rest : TAMGA_DAG_CHUNK_BYTES;
    enum tamga_err err;

    if (len == 0)
        return TAMGA_E_NOT_FOUND;
    download->chunk.len = 0;
    err = tamga_buf_reserve(&download->chunk, len);
    if (err == TAMGA_OK)
        err = tamga_part_get(&download->part, download->chunk.data, len, download->at);
    if (err != TAMGA_OK)
        return err;
    download->chunk.len = len;
    err = build_leaf(download, wanted);
    if (err == TAMGA_OK && !tamga_cid_equal(&download->leaf_cid, wanted))
        err = TAMGA_E_NOT_FOUND;
    return err;
}

/* ---- blocks ------------------------------------------------------------------- */

static enum tamga_err put(struct download *download, struct tamga_span data)
{
    enum tamga_err err;

    if (data.len > download->length - download->at) /* the walker holds to it too */
        return TAMGA_E_IMAGE_LENGTH;
    err = tamga_part_add(&download->part, data);
    if (err != TAMGA_OK)
        return err;
    tamga_sha256_stream_add(download->sha256, data);
    download->at += data.len;
    return TAMGA_OK;
}

static enum tamga_err feed_left_over(struct download *download)
{
    struct tamga_span data;
    enum tamga_err err =
        tamga_dag_walker_feed(download->walker, &data, tamga_buf_span(&download->leaf));

    if (err == TAMGA_OK)
        err = tamga_part_keep(&download->part, data);
    if (err != TAMGA_OK)
        return err;
    tamga_sha256_stream_add(download->sha256, data);
    download->at += data.len;
    download->kept += data.len;
    return TAMGA_OK;
}

static enum tamga_err fetch(struct download *download, const struct tamga_cid *wanted)
{
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__GetBlockResponse *response = NULL;
        struct tamga_span data;
        enum tamga_err err = tamga_session_get_block(download->session, &response, wanted);

        if (err != TAMGA_OK)
            return err;
        err = tamga_dag_walker_feed(download->walker, &data,
                                    tamga_wire_span(response->block));
        if (err == TAMGA_OK)
            return put(download, data);
        if (err != TAMGA_E_CID_MISMATCH)
            return err;
    }
    return tamga_refuse(download->session->detail, TAMGA_E_CID_MISMATCH,
                        "the gateway sent wrong bytes for a block %d times, at byte %" PRIu64,
                        TRIES_MAX, download->at);
}

static enum tamga_err walk(struct download *download)
{
    struct tamga_cid wanted;
    enum tamga_err err = TAMGA_OK;

    while (err == TAMGA_OK && tamga_dag_walker_next(download->walker, &wanted)) {
        err = find_leaf(download, &wanted);
        if (err == TAMGA_OK)
            err = feed_left_over(download);
        else if (err == TAMGA_E_NOT_FOUND)
            err = fetch(download, &wanted);
    }
    return err;
}

static enum tamga_err finish(struct download *download)
{
    const Tamga__V1__Release *release = download->session->release;
    struct tamga_hash sha256;
    enum tamga_err err;

    tamga_sha256_stream_peek(download->sha256, &sha256);
    if (download->at != download->length)
        return TAMGA_E_IMAGE_LENGTH;
    if (!tamga_span_equal(tamga_hash_span(&sha256), tamga_wire_span(release->image_sha256)))
        return TAMGA_E_IMAGE_MISMATCH;
    err = tamga_part_finish(&download->part, release);
    return err == TAMGA_OK
               ? tamga_device_folder_sync(download->session->device->root_folder,
                                          download->session->detail)
               : err;
}

static enum tamga_err open_part(struct download *download, enum tamga_device_slot slot)
{
    TAMGA_CLEANUP(tamga_seal_key_release) struct tamga_seal_key *key = NULL;
    const struct tamga_session *session = download->session;
    const Tamga__V1__Release *release = session->release;
    bool sealed = release->encryption != NULL;
    enum tamga_err err = TAMGA_OK;

    if (sealed) {
        key = tamga_seal_key_new();
        if (key == NULL)
            return TAMGA_E_NO_MEMORY;
        err = tamga_content_key(key, session->device, release, session->detail);
    }
    if (err != TAMGA_OK)
        return err;
    return tamga_part_open(&download->part, session->device->root_folder,
                           tamga_slot_part(slot), release, key, session->detail);
}

enum tamga_err tamga_session_download(struct tamga_session *session,
                                      enum tamga_device_slot slot)
{
    TAMGA_CLEANUP(download_clear) struct download download = {
        .session = session, .part = {.fd = -1}, .length = session->release->image_bytes};
    struct tamga_cid root;
    enum tamga_err err = tamga_cid_parse(&root, session->release->cid);

    if (err == TAMGA_OK)
        err = tamga_dag_walker_new(&download.walker, &root, download.length);
    if (err == TAMGA_OK)
        err = tamga_sha256_stream_new(&download.sha256);
    if (err == TAMGA_OK)
        err = open_part(&download, slot);
    if (err == TAMGA_OK)
        err = walk(&download);
    if (err == TAMGA_OK)
        err = finish(&download);
    if (err == TAMGA_OK)
        tamga_device_event(session->device, false, "download.done",
                           "%" PRIu64 " bytes, %" PRIu64 " of them were here", download.at,
                           download.kept);
    if (tamga_err_class(err) == TAMGA_CLASS_REJECT && !session->remote)
        unlinkat(session->device->root_folder, tamga_slot_part(slot), 0);
    return err;
}
