/* client/link/proof.c: what one header and one path prove, and every way they do not. */
#include <criterion/criterion.h>

#include "fake_node.h"
#include "link/proof.h"

#define ENTRIES 5

/* A block of releases with the proof of one of them, as a node would show it. */
struct shown {
    struct test_block block;
    struct tamga_buf payload[ENTRIES];
    struct tamga_item item;
    struct tamga_merkle_path path;
    ProtobufCBinaryData node[TAMGA_MERKLE_PATH_MAX];
    struct tamga_sealed_wire sealed;
    Tamga__V1__Inclusion message;
};

static void shown_make(struct shown *shown, uint32_t index)
{
    *shown = (struct shown){0};
    for (unsigned i = 0; i < ENTRIES; i++)
        test_release(&shown->payload[i], NULL, &(struct test_release){.counter = i + 1});
    test_block_on(&shown->block, test_consortium(), NULL, "node-a", 0, shown->payload, ENTRIES,
                  NULL);
    test_item(&shown->item, test_consortium(), &shown->payload[index]);
    cr_assert_eq(tamga_block_path(&shown->path, &shown->block.block, index), TAMGA_OK);
    tamga_sealed_lend(&shown->sealed, &shown->block.block.sealed);
    tamga__v1__inclusion__init(&shown->message);
    shown->message.sealed = &shown->sealed.message;
    shown->message.entry = tamga_wire_bytes(tamga_buf_span(&shown->payload[index]));
    shown->message.index = index;
    shown->message.n_path = shown->path.count;
    shown->message.path = shown->node;
    for (size_t i = 0; i < shown->path.count; i++)
        shown->node[i] = tamga_wire_bytes(tamga_hash_span(&shown->path.node[i]));
}

static void shown_clear(struct shown *shown)
{
    tamga_item_clear(&shown->item);
    test_block_clear(&shown->block);
    for (unsigned i = 0; i < ENTRIES; i++)
        tamga_buf_clear(&shown->payload[i]);
}

static enum tamga_err check(struct shown *shown)
{
    struct tamga_sealed sealed;
    struct tamga_block_id id;
    enum tamga_err err = tamga_inclusion_proof(&sealed, &id, test_consortium(), &shown->item,
                                               &shown->message, NULL);

    if (err == TAMGA_OK)
        cr_assert(tamga_hash_equal(&id.hash, &shown->block.id.hash));
    return err;
}

/* Change the header, mine and seal it again, and show that. */
static enum tamga_err check_changed(void (*change)(struct tamga_header *header),
                                    const char *sealer)
{
    TAMGA_CLEANUP(shown_clear) struct shown shown;
    struct tamga_sealed *sealed;

    shown_make(&shown, 0);
    sealed = &shown.block.block.sealed;
    change(&sealed->header);
    test_seal(sealed, &shown.block.id, sealer);
    tamga_sealed_lend(&shown.sealed, sealed);
    return check(&shown);
}

/*
 * Goal:   a true proof is accepted, for every place in a block.
 * Method: five entries, each in turn.
 */
Test(proof, accepts_every_place)
{
    for (uint32_t i = 0; i < ENTRIES; i++) {
        TAMGA_CLEANUP(shown_clear) struct shown shown;

        shown_make(&shown, i);
        cr_assert_eq(check(&shown), TAMGA_OK, "%u", i);
    }
}

/*
 * Goal:   no bit of the path, and no other place, proves anything.
 * Method: flip each bit of each node; other indices; nodes left out, added, cut.
 */
Test(proof, refuses_every_flipped_path_bit)
{
    TAMGA_CLEANUP(shown_clear) struct shown shown;

    shown_make(&shown, 1);
    for (size_t i = 0; i < shown.path.count; i++)
        for (unsigned bit = 0; bit < 256; bit++) {
            shown.path.node[i].byte[bit / 8] ^= (uint8_t)(1u << bit % 8);
            cr_assert_eq(check(&shown), TAMGA_E_BAD_PROOF);
            shown.path.node[i].byte[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
    for (uint32_t index = 0; index < 9; index++) {
        shown.message.index = index;
        cr_assert_eq(check(&shown), index == 1 ? TAMGA_OK : TAMGA_E_BAD_PROOF, "%u", index);
    }
    shown.message.index = 1;
    shown.message.n_path--;
    cr_assert_eq(check(&shown), TAMGA_E_BAD_PROOF);
    shown.message.n_path = TAMGA_MERKLE_PATH_MAX;
    cr_assert_eq(check(&shown), TAMGA_E_BAD_LENGTH);
    shown.message.n_path = shown.path.count;
    shown.node[0].len = 31;
    cr_assert_eq(check(&shown), TAMGA_E_BAD_LENGTH);
}

/*
 * Goal:   no bit of a header or its seal can be changed.
 * Method: flip each bit of the header's bytes; then bits of the seal.
 */
Test(proof, refuses_every_flipped_header_bit)
{
    TAMGA_CLEANUP(shown_clear) struct shown shown;

    shown_make(&shown, 0);
    for (unsigned bit = 0; bit < 8 * TAMGA_HEADER_BYTES; bit++) {
        shown.sealed.header[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_neq(check(&shown), TAMGA_OK, "bit %u", bit);
        shown.sealed.header[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (unsigned bit = 0; bit < 512; bit += 7) {
        shown.block.block.sealed.seal.byte[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_eq(check(&shown), TAMGA_E_BAD_SEAL, "bit %u", bit);
        shown.block.block.sealed.seal.byte[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    cr_assert_eq(check(&shown), TAMGA_OK);
}

static void as_gateway(struct tamga_header *header)
{
    test_address(&header->miner, "gw-1");
}

static void as_stranger(struct tamga_header *header)
{
    test_address(&header->miner, "stranger");
}

static void nothing(struct tamga_header *header)
{
    (void)header;
}

static void at_genesis(struct tamga_header *header)
{
    header->height = 0;
}

static void with_anchor(struct tamga_header *header)
{
    header->anchor.byte[31] = 1;
}

static void empty(struct tamga_header *header)
{
    header->entry_count = 0;
}

static void too_many(struct tamga_header *header)
{
    header->entry_count = test_consortium()->params.block_entries_max + 1;
}

static void other_state(struct tamga_header *header)
{
    header->state_root.byte[0] ^= 1;
}

static void other_version(struct tamga_header *header)
{
    header->version = 2;
}

static void other_chain(struct tamga_header *header)
{
    header->chain = test_gateway()->id;
}

/*
 * Goal:   honest work and an honest seal do not help a header that breaks a rule.
 * Method: change one thing, then mine and sign anew.
 */
Test(proof, refuses_well_mined_headers_that_break_a_rule)
{
    cr_assert_eq(check_changed(nothing, "node-a"), TAMGA_OK);
    cr_assert_eq(check_changed(nothing, "node-b"), TAMGA_E_BAD_SEAL);
    cr_assert_eq(check_changed(as_gateway, "gw-1"), TAMGA_E_NOT_MINER);
    cr_assert_eq(check_changed(as_stranger, "stranger"), TAMGA_E_NOT_MINER);
    cr_assert_eq(check_changed(at_genesis, "node-a"), TAMGA_E_BAD_HEIGHT);
    cr_assert_eq(check_changed(too_many, "node-a"), TAMGA_E_BLOCK_TOO_LARGE);
    cr_assert_eq(check_changed(other_version, "node-a"), TAMGA_E_BAD_VERSION);
    cr_assert_eq(check_changed(other_chain, "node-a"), TAMGA_E_WRONG_CHAIN);
}

/*
 * Goal:   a header may be without entries, which then prove nothing, and may have any state
 *         root: neither is to be judged without the blocks before it.
 * Method: such headers, mined and sealed.
 */
Test(proof, leaves_to_the_chain_what_only_it_can_judge)
{
    cr_assert_eq(check_changed(empty, "node-a"), TAMGA_E_BAD_PROOF);
    cr_assert_eq(check_changed(other_state, "node-a"), TAMGA_OK);
    cr_assert_eq(check_changed(with_anchor, "node-a"), TAMGA_OK); /* the council */
}

static void anchored(struct tamga_block *block)
{
    block->sealed.header.anchor.byte[31] = 1;
}

/*
 * Goal:   an anchor is at home on the gateway chain.
 * Method: a gateway's block with one; the consortium's is refused above.
 */
Test(proof, accepts_anchors_where_there_are_some)
{
    TAMGA_CLEANUP(test_block_clear) struct test_block block = {0};
    struct tamga_sealed_wire wire;
    struct tamga_sealed sealed;
    struct tamga_block_id id;
    TAMGA_BUF payload = {0};

    test_record(&payload, NULL, &(struct test_record){0});
    test_block_on(&block, test_gateway(), NULL, "gw-1", 0, &payload, 1, anchored);
    tamga_sealed_lend(&wire, &block.block.sealed);
    cr_assert_eq(tamga_header_proof(&sealed, &id, test_gateway(), &wire.message, NULL),
                 TAMGA_OK);
}

/*
 * Goal:   a target easier than the chain's, or work that misses it, is refused.
 * Method: an easier target with its seal; a nonce that misses.
 */
Test(proof, refuses_too_little_work)
{
    TAMGA_CLEANUP(shown_clear) struct shown shown;
    struct tamga_header *header;
    struct tamga_block_id id;

    shown_make(&shown, 0);
    header = &shown.block.block.sealed.header;
    header->target = TEST_TARGET + 0x01000000; /* a byte more */
    tamga_sealed_lend(&shown.sealed, &shown.block.block.sealed);
    cr_assert_eq(check(&shown), TAMGA_E_BAD_TARGET);
    header->target = TEST_TARGET;
    do {
        header->nonce++;
        tamga_header_id(&id, header);
    } while (id.hash.byte[0] < 0x80);
    tamga_sealed_lend(&shown.sealed, &shown.block.block.sealed);
    cr_assert_eq(check(&shown), TAMGA_E_BAD_WORK);
}

/*
 * Goal:   the leaf is that of this very entry.
 * Method: show another entry's true proof; no proof; no header.
 */
Test(proof, refuses_another_entrys_proof)
{
    TAMGA_CLEANUP(shown_clear) struct shown shown;
    struct tamga_sealed sealed;
    struct tamga_block_id id;

    shown_make(&shown, 2);
    test_item(&shown.item, test_consortium(), &shown.payload[3]);
    cr_assert_eq(check(&shown), TAMGA_E_BAD_COMMITMENT);
    cr_assert_eq(tamga_inclusion_proof(&sealed, &id, test_consortium(), &shown.item, NULL, NULL),
                 TAMGA_E_MISSING_FIELD);
    shown.message.sealed = NULL;
    cr_assert_eq(check(&shown), TAMGA_E_MISSING_FIELD);
}
