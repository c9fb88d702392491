/* core/rules/proof.c: what an entry proof shows, on both chains, and every way it does not. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "chain/block.h"
#include "rules/proof.h"
#include "validators.h"
#include "wire/wire.h"

#define ENTRIES     5u
#define ABOVE       3u    /* headers between the entry's block and the checkpoint */
#define HEIGHT      10u   /* of the entry's block */
#define HEADERS_MAX 4096u /* as the wire allows */

/* ---- blocks, and proofs of their entries ------------------------------------------ */

/* A block of five entries, others above it, and a checkpoint of the last. */
struct world {
    struct test_validators set;
    struct tamga_buf payload[ENTRIES];
    struct tamga_block block; /* header and leaves; neither mined nor sealed */
    struct tamga_checkpoint checkpoint;
    uint32_t above;
    uint8_t header[HEADERS_MAX][TAMGA_HEADER_BYTES];
};
#define WORLD TAMGA_CLEANUP(world_free) struct world

static void world_free(struct world **world)
{
    for (uint32_t i = 0; i < ENTRIES; i++)
        tamga_buf_clear(&(*world)->payload[i]);
    tamga_block_clear(&(*world)->block);
    free(*world);
}

static void add_entry(struct world *world, uint32_t i)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    TAMGA_BUF leaf = {0};

    test_item(&item, &world->set.chain, &world->payload[i]);
    cr_assert_eq(world->set.chain.rules->entry(&item, &leaf), TAMGA_OK);
    cr_assert_eq(tamga_block_add(&world->block, tamga_buf_span(&leaf)), TAMGA_OK);
}

/* Headers upon the block; the checkpoint is the last one's. */
static void add_above(struct world *world, uint32_t above)
{
    struct tamga_header header = world->block.sealed.header;
    struct tamga_block_id id;

    tamga_header_id(&id, &header);
    for (uint32_t i = 0; i < above; i++) {
        header.parent = id;
        header.height++;
        header.time_ms += TEST_SPACING_MS;
        test_release_name(&header.state_root, i);
        tamga_header_encode(world->header[i], &header);
        tamga_header_id(&id, &header);
    }
    world->above = above;
    world->checkpoint = (struct tamga_checkpoint){.at = {header.height, id},
                                                  .state_root = header.state_root,
                                                  .time_ms = header.time_ms};
}

static struct world *world_new(const struct tamga_chain *chain, uint32_t above,
                               void (*forge)(Tamga__V1__Signed *message))
{
    struct world *world = calloc(1, sizeof *world);
    struct tamga_header *header;

    cr_assert_not_null(world);
    header = &world->block.sealed.header;
    test_validators_of(&world->set, chain);
    for (uint32_t i = 0; i < ENTRIES; i++) {
        if (chain->rules->detached)
            test_record(&world->payload[i], NULL,
                        &(struct test_record){.release = i, .counter = i + 1, .forge = forge});
        else
            test_release(&world->payload[i], NULL,
                         &(struct test_release){.counter = i + 1, .forge = forge});
        add_entry(world, i);
    }
    *header = (struct tamga_header){.version = TAMGA_HEADER_VERSION,
                                    .chain = chain->id,
                                    .height = HEIGHT,
                                    .time_ms = TEST_GENESIS_MS,
                                    .entry_count = ENTRIES};
    cr_assert_eq(tamga_block_root(&header->body_root, &world->block), TAMGA_OK);
    add_above(world, above);
    return world;
}

/* What a node would show of one entry. */
static Tamga__V1__EntryProof *prove(const struct world *world, uint32_t index)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__Checkpoint *checkpoint =
        test_cosign(&world->set, &world->checkpoint, 0, tamga_quorum(&world->set.chain, 0));
    static ProtobufCBinaryData header[HEADERS_MAX];
    ProtobufCBinaryData node[TAMGA_MERKLE_PATH_MAX];
    Tamga__V1__EntryProof proof = TAMGA__V1__ENTRY_PROOF__INIT;
    Tamga__V1__Inclusion inclusion = TAMGA__V1__INCLUSION__INIT;
    Tamga__V1__SealedHeader sealed = TAMGA__V1__SEALED_HEADER__INIT;
    uint8_t first[TAMGA_HEADER_BYTES];
    struct tamga_merkle_path path;
    ProtobufCMessage *out = NULL;
    TAMGA_BUF bytes = {0};

    cr_assert_eq(tamga_block_path(&path, &world->block, index), TAMGA_OK);
    for (size_t i = 0; i < path.count; i++)
        node[i] = tamga_wire_bytes(tamga_hash_span(&path.node[i]));
    for (uint32_t i = 0; i < world->above; i++)
        header[i] = tamga_wire_bytes(tamga_span(world->header[i], TAMGA_HEADER_BYTES));
    tamga_header_encode(first, &world->block.sealed.header);
    sealed.header = tamga_wire_bytes(tamga_span(first, sizeof first));
    inclusion.sealed = &sealed;
    inclusion.entry = tamga_wire_bytes(world->block.entry[index]);
    inclusion.index = index;
    inclusion.n_path = path.count;
    inclusion.path = node;
    proof.checkpoint = checkpoint;
    proof.n_headers = world->above;
    proof.headers = header;
    proof.inclusion = &inclusion;
    proof.payload = tamga_wire_bytes(tamga_buf_span(&world->payload[index]));
    cr_assert_eq(tamga_wire_pack(&bytes, &proof.base), TAMGA_OK);
    cr_assert_eq(tamga_wire_unpack(&out, &tamga__v1__entry_proof__descriptor,
                                   TAMGA_WIRE_CANONICAL, tamga_buf_span(&bytes), NULL),
                 TAMGA_OK);
    return (Tamga__V1__EntryProof *)out;
}
#define PROOF TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__EntryProof

static enum tamga_err check(const struct world *world, const Tamga__V1__EntryProof *proof)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    struct tamga_checkpoint checkpoint = {.time_ms = 77};
    struct tamga_header header = {.nonce = 77};
    enum tamga_err err;

    cr_assert_eq(tamga_buf_set(&item.payload, tamga_span_text("old")), TAMGA_OK);
    err = tamga_entry_proof_check(&item, &header, &checkpoint, &world->set.chain, proof, NULL,
                                  NULL);
    if (err != TAMGA_OK) {
        cr_assert(item.message == NULL && item.payload.len == 0);
        cr_assert(header.nonce == 77 && checkpoint.time_ms == 77);
        return err;
    }
    cr_assert(item.verified);
    cr_assert(tamga_span_equal(tamga_buf_span(&item.payload), tamga_wire_span(proof->payload)));
    cr_assert_eq(header.height, HEIGHT);
    cr_assert(tamga_hash_equal(&header.body_root, &world->block.sealed.header.body_root));
    cr_assert(tamga_point_equal(&checkpoint.at, &world->checkpoint.at));
    return TAMGA_OK;
}

static const struct tamga_chain *chain_of(unsigned which)
{
    return which == 0 ? test_consortium() : test_gateway();
}

/* ---- good proofs ------------------------------------------------------------------ */

/*
 * Goal:   every entry of a final block is believed, on both chains.
 * Method: each place in the block; the checkpoint is the block's own, and one above.
 */
Test(entry_proof, accepts_every_place)
{
    for (unsigned which = 0; which < 2; which++)
        for (uint32_t above = 0; above <= ABOVE; above += ABOVE) {
            WORLD *world = world_new(chain_of(which), above, NULL);

            for (uint32_t i = 0; i < ENTRIES; i++) {
                PROOF *proof = prove(world, i);

                cr_assert_eq(check(world, proof), TAMGA_OK);
            }
        }
}

/*
 * Goal:   as many headers as the bound says may lie between, and no more.
 * Method: a proof of 4,096 headers, through the wire; one header more.
 */
Test(entry_proof, headers_have_a_bound)
{
    WORLD *world = world_new(test_consortium(), HEADERS_MAX, NULL);
    PROOF *proof = prove(world, 2);
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *message = NULL;
    ProtobufCBinaryData *longer = calloc(HEADERS_MAX + 1, sizeof *longer), *kept;
    TAMGA_BUF bytes = {0};

    cr_assert_not_null(longer);
    cr_assert_eq(check(world, proof), TAMGA_OK);
    memcpy(longer, proof->headers, HEADERS_MAX * sizeof *longer);
    longer[HEADERS_MAX] = longer[0];
    kept = proof->headers;
    proof->headers = longer;
    proof->n_headers++;
    cr_assert_eq(tamga_wire_pack(&bytes, &proof->base), TAMGA_OK);
    cr_assert_eq(tamga_wire_unpack(&message, &tamga__v1__entry_proof__descriptor,
                                   TAMGA_WIRE_LOOSE, tamga_buf_span(&bytes), NULL),
                 TAMGA_E_TOO_LARGE);
    proof->headers = kept;
    proof->n_headers--;
    free(longer);
}

/*
 * Goal:   what is below a checkpoint needs neither work nor seal.
 * Method: the proof with a seal of other bytes; the headers above were never mined.
 */
Test(entry_proof, seal_is_not_asked_for)
{
    WORLD *world = world_new(test_consortium(), ABOVE, NULL);
    PROOF *proof = prove(world, 0);
    Tamga__V1__Signature seal = TAMGA__V1__SIGNATURE__INIT;
    uint8_t nonsense[64] = {1};

    seal.type = TAMGA__V1__KEY_TYPE__KEY_TYPE_ED25519;
    seal.value = tamga_wire_bytes(tamga_span(nonsense, sizeof nonsense));
    proof->inclusion->sealed->seal = &seal;
    cr_assert_eq(check(world, proof), TAMGA_OK);
    proof->inclusion->sealed->seal = NULL;
}

/* ---- refused ---------------------------------------------------------------------- */

/*
 * Goal:   what is absent is told as that.
 * Method: each part of a proof left out.
 */
Test(entry_proof, refuses_what_is_not_whole)
{
    WORLD *world = world_new(test_consortium(), ABOVE, NULL);
    PROOF *proof = prove(world, 1);
    Tamga__V1__EntryProof part;
    Tamga__V1__Inclusion inclusion = *proof->inclusion;
    Tamga__V1__SealedHeader sealed = *inclusion.sealed;

    cr_assert_eq(check(world, NULL), TAMGA_E_MISSING_FIELD);
    part = *proof;
    part.checkpoint = NULL;
    cr_assert_eq(check(world, &part), TAMGA_E_MISSING_FIELD);
    part = *proof;
    part.inclusion = NULL;
    cr_assert_eq(check(world, &part), TAMGA_E_MISSING_FIELD);
    part = *proof;
    part.payload.len = 0;
    cr_assert_eq(check(world, &part), TAMGA_E_MISSING_FIELD);
    part = *proof;
    part.inclusion = &inclusion;
    inclusion.sealed = NULL;
    cr_assert_eq(check(world, &part), TAMGA_E_MISSING_FIELD);
    inclusion.sealed = &sealed;
    sealed.header.len = 0;
    cr_assert_eq(check(world, &part), TAMGA_E_MISSING_FIELD);
    sealed.header.len = TAMGA_HEADER_BYTES - 1;
    cr_assert_eq(check(world, &part), TAMGA_E_BAD_LENGTH);
}

static void swap(ProtobufCBinaryData *a, ProtobufCBinaryData *b)
{
    ProtobufCBinaryData kept = *a;

    *a = *b;
    *b = kept;
}

/*
 * Goal:   headers lead from the entry's block to the checkpoint's without a gap.
 * Method: the first left out, the last, all; two swapped; one cut; one of another chain; a
 *         height too many; a checkpoint that says another thing of its block.
 */
Test(entry_proof, refuses_headers_that_do_not_lead)
{
    WORLD *world = world_new(test_consortium(), ABOVE, NULL);
    PROOF *proof = prove(world, 1);
    struct tamga_checkpoint right = world->checkpoint;
    Tamga__V1__EntryProof part = *proof;

    part.n_headers = 0;
    cr_assert_eq(check(world, &part), TAMGA_E_PROOF_HEADERS);
    part.n_headers = ABOVE - 1;
    cr_assert_eq(check(world, &part), TAMGA_E_PROOF_HEADERS);
    part.headers = proof->headers + 1;
    cr_assert_eq(check(world, &part), TAMGA_E_PROOF_HEADERS);
    swap(&proof->headers[0], &proof->headers[1]);
    cr_assert_eq(check(world, proof), TAMGA_E_PROOF_HEADERS);
    swap(&proof->headers[0], &proof->headers[1]);
    proof->headers[1].len--;
    cr_assert_eq(check(world, proof), TAMGA_E_BAD_LENGTH);
    proof->headers[1].len++;
    cr_assert_eq(check(world, proof), TAMGA_OK);

    for (unsigned what = 0; what < 4; what++) {
        PROOF *other = NULL;

        world->checkpoint = right;
        world->checkpoint.at.height += what == 0;
        world->checkpoint.at.id.hash.byte[0] ^= what == 1;
        world->checkpoint.state_root.byte[0] ^= what == 2;
        world->checkpoint.time_ms += what == 3;
        other = prove(world, 1);
        cr_assert_eq(check(world, other), TAMGA_E_PROOF_HEADERS);
    }
}

/*
 * Goal:   a header that its checkpoint would be right for must still be of this chain, and
 *         one above the other.
 * Method: a last header that names another chain, and one that skips a height, each with a
 *         checkpoint of it.
 */
Test(entry_proof, refuses_headers_of_another_chain_or_height)
{
    for (unsigned what = 0; what < 2; what++) {
        WORLD *world = world_new(test_consortium(), ABOVE, NULL);
        PROOF *proof = NULL;
        struct tamga_header last;

        cr_assert_eq(tamga_header_decode(&last, tamga_span(world->header[ABOVE - 1],
                                                           TAMGA_HEADER_BYTES)),
                     TAMGA_OK);
        if (what == 0)
            last.chain = test_gateway()->id;
        else
            last.height++;
        tamga_header_encode(world->header[ABOVE - 1], &last);
        world->checkpoint.at.height = last.height;
        tamga_header_id(&world->checkpoint.at.id, &last);
        proof = prove(world, 0);
        cr_assert_eq(check(world, proof), TAMGA_E_PROOF_HEADERS);
    }
}

/*
 * Goal:   the leaf is the entry's, and its path leads to the block's root.
 * Method: another entry's payload; another leaf; another place; a node of the path changed,
 *         cut, left out, and more of them than there are.
 */
Test(entry_proof, refuses_other_leaves_and_paths)
{
    for (unsigned which = 0; which < 2; which++) {
        WORLD *world = world_new(chain_of(which), ABOVE, NULL);
        PROOF *proof = prove(world, 1);
        PROOF *other = prove(world, 2);
        ProtobufCBinaryData node[33], *kept = proof->inclusion->path;
        size_t kept_count = proof->inclusion->n_path;

        swap(&proof->payload, &other->payload);
        cr_assert_eq(check(world, proof), TAMGA_E_BAD_COMMITMENT);
        swap(&proof->inclusion->entry, &other->inclusion->entry);
        cr_assert_eq(check(world, proof), TAMGA_E_BAD_PROOF);
        swap(&proof->payload, &other->payload);
        cr_assert_eq(check(world, proof), TAMGA_E_BAD_COMMITMENT);
        swap(&proof->inclusion->entry, &other->inclusion->entry);
        proof->inclusion->index = 3;
        cr_assert_eq(check(world, proof), TAMGA_E_BAD_PROOF);
        proof->inclusion->index = ENTRIES;
        cr_assert_eq(check(world, proof), TAMGA_E_BAD_PROOF);
        proof->inclusion->index = 1;
        proof->inclusion->path[0].data[9] ^= 1;
        cr_assert_eq(check(world, proof), TAMGA_E_BAD_PROOF);
        proof->inclusion->path[0].data[9] ^= 1;
        proof->inclusion->path[0].len--;
        cr_assert_eq(check(world, proof), TAMGA_E_BAD_LENGTH);
        proof->inclusion->path[0].len++;
        proof->inclusion->n_path--;
        cr_assert_eq(check(world, proof), TAMGA_E_BAD_PROOF);
        proof->inclusion->n_path++;
        for (unsigned i = 0; i < 33; i++)
            node[i] = proof->inclusion->path[0];
        proof->inclusion->path = node;
        proof->inclusion->n_path = 33; /* one above what the wire lets through */
        cr_assert_eq(check(world, proof), TAMGA_E_BAD_LENGTH);
        proof->inclusion->path = kept;
        proof->inclusion->n_path = kept_count;
        cr_assert_eq(check(world, proof), TAMGA_OK);
    }
}

static void other_signature(Tamga__V1__Signed *message)
{
    message->signature->value.data[3] ^= 1;
}

/*
 * Goal:   an entry is judged like any other, even in a final block.
 * Method: payloads with signatures that are not their senders'; bytes that are no payload;
 *         a checkpoint without a quorum, one behind what is trusted, one against it.
 */
Test(entry_proof, refuses_entries_and_checkpoints_by_name)
{
    for (unsigned which = 0; which < 2; which++) {
        WORLD *forged = world_new(chain_of(which), ABOVE, other_signature);
        WORLD *world = world_new(chain_of(which), ABOVE, NULL);
        PROOF *bad = prove(forged, 0);
        PROOF *proof = prove(world, 0);
        struct tamga_item item = {0};
        struct tamga_header header;
        struct tamga_checkpoint out, trusted = world->checkpoint;

        cr_assert_eq(check(forged, bad), TAMGA_E_BAD_SIGNATURE);
        trusted.at.height++;
        cr_assert_eq(tamga_entry_proof_check(&item, &header, &out, &world->set.chain, proof,
                                             &trusted, NULL),
                     TAMGA_E_CHECKPOINT_OLDER);
        trusted = world->checkpoint;
        trusted.time_ms++;
        cr_assert_eq(tamga_entry_proof_check(&item, &header, &out, &world->set.chain, proof,
                                             &trusted, NULL),
                     TAMGA_E_CHECKPOINT_CONFLICT);
        proof->payload.len--;
        cr_assert_eq(check(world, proof), TAMGA_E_TRUNCATED);
        proof->payload.len++;
        world->set.chain.council->thirds = 6; /* all, and more than there are */
        cr_assert_eq(check(world, proof), TAMGA_E_TOO_FEW_COSIGNERS);
    }
}

/*
 * Goal:   nothing of a proof can be changed.
 * Method: each byte of an encoded one (without a seal, which is not looked at), in several
 *         ways, on both chains, unpacked as loosely as answers are.
 */
Test(entry_proof, every_changed_byte_is_refused)
{
    static const uint8_t pattern[] = {0x01, 0x08, 0x80, 0xff};

    for (unsigned which = 0; which < 2; which++) {
        WORLD *world = world_new(chain_of(which), ABOVE, NULL);
        PROOF *proof = prove(world, 1);
        TAMGA_BUF bytes = {0};

        cr_assert_eq(tamga_wire_pack(&bytes, &proof->base), TAMGA_OK);
        for (size_t i = 0; i < bytes.len * sizeof pattern; i++) {
            TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *message = NULL;
            uint8_t *byte = &bytes.data[i / sizeof pattern];
            enum tamga_err err;

            *byte ^= pattern[i % sizeof pattern];
            err = tamga_wire_unpack(&message, &tamga__v1__entry_proof__descriptor,
                                    TAMGA_WIRE_LOOSE, tamga_buf_span(&bytes), NULL);
            if (err == TAMGA_OK)
                err = check(world, (Tamga__V1__EntryProof *)message);
            cr_assert_neq(err, TAMGA_OK, "byte %zu", i / sizeof pattern);
            *byte ^= pattern[i % sizeof pattern];
        }
    }
}
