/*
 * server/gateway/offer.c: what is on offer is final and proved, and what suits the newest
 * checkpoint is shown. Over real validators in one process; each proof is judged as a device
 * judges it.
 */
#include "gateway/offer.h"

#include <criterion/criterion.h>

#include "chain/state_map.h"
#include "council.h"
#include "rules/proof.h"

struct gateway {
    struct council council;
    struct tamga_proof_cache *cache;
    struct tamga_offer offer;
    bool withdrawn; /* the newest release that is shown */
    Tamga__V1__DeviceId device;
    Tamga__V1__CheckInBody check_in;
};
static struct gateway gateway;

static void start(void)
{
    council_open(&gateway.council, 3);
    for (size_t i = 0; i < 3; i++)
        council_ready(&gateway.council, i);
    cr_assert_eq(tamga_proof_cache_new(&gateway.cache, 4, 100000), TAMGA_OK);
    tamga__v1__device_id__init(&gateway.device);
    tamga__v1__check_in_body__init(&gateway.check_in);
}
static void end(void)
{
    tamga_offer_clear(&gateway.offer);
    tamga_proof_cache_free(gateway.cache);
    council_close(&gateway.council);
}
TestSuite(offer, .init = start, .fini = end, .timeout = 60);

static struct tamga_node *follower(void)
{
    return gateway.council.seat[0].node;
}

/* Into a block. */
static void settle(const struct tamga_buf *payload)
{
    struct seat *seat = &gateway.council.seat[0];
    struct test_node miner = {test_consortium(), seat->store, seat->node->engine};

    cr_assert_eq(test_submit(&miner, payload, gateway.council.now_ms), TAMGA_OK);
    cr_assert(council_mine(&gateway.council, 0));
}
static struct tamga_entry_id published; /* the last one */
static void publish(const struct test_release *release)
{
    struct test_release dated = *release;
    TAMGA_BUF payload = {0};

    dated.time_ms = gateway.council.now_ms;
    test_release(&payload, &published, &dated);
    settle(&payload);
}

static void withdraw_final(const struct tamga_entry_id *id)
{
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__Withdraw action = TAMGA__V1__WITHDRAW__INIT;
    char reason[] = "it bricks";
    TAMGA_BUF payload = {0};

    action.release = tamga_wire_bytes(tamga_hash_span(&id->hash));
    action.reason = reason;
    body.time_ms = gateway.council.now_ms;
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_WITHDRAW;
    body.withdraw = &action;
    test_action(&payload, NULL, "acme", &body);
    settle(&payload);
    council_finish(&gateway.council);
}
static void publish_final(const struct test_release *release)
{
    publish(release);
    council_finish(&gateway.council);
}

static uint64_t newest_height(void)
{
    uint64_t height = 0;

    cr_assert_eq(tamga_checkpoint_height(&height, &gateway.council.seat[0].store->reader),
                 TAMGA_OK);
    return height;
}

/* A device of hardware A asks. */
static enum tamga_err ask(uint64_t installed, uint64_t last_checkpoint)
{
    gateway.device.producer = (char *)(uintptr_t)"acme";
    gateway.device.model = (char *)(uintptr_t)"cam";
    gateway.device.number = (char *)(uintptr_t)"0001";
    gateway.check_in.device = &gateway.device;
    gateway.check_in.hardware = (char *)(uintptr_t)"A";
    gateway.check_in.installed_counter = installed;
    gateway.check_in.last_checkpoint_height = last_checkpoint;
    return tamga_offer_make(&gateway.offer, follower(), gateway.cache, &gateway.check_in,
                            gateway.council.now_ms);
}

static uint64_t counter_of(const struct tamga_item *item)
{
    return item->body == NULL
               ? 0
               : ((const Tamga__V1__TransactionBody *)item->body)->release->counter;
}

/* Counter of the newest release that is shown, believed; 0: none. */
static uint64_t shown(struct tamga_checkpoint *checkpoint)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};

    cr_assert_not_null(gateway.offer.newest);
    cr_assert_eq(tamga_release_proof_check(&item, &gateway.withdrawn, checkpoint,
                                           test_consortium(), gateway.offer.newest, "acme",
                                           "cam", NULL, NULL),
                 TAMGA_OK);
    return counter_of(&item);
}

static void nothing_is_shown(void)
{
    cr_assert_null(gateway.offer.newest);
    cr_assert_null(gateway.offer.item.body);
    cr_assert_not(gateway.offer.older);
}

/* The newest one is on offer. */
static void offers_newest(uint64_t counter)
{
    struct tamga_checkpoint checkpoint;

    cr_assert_eq(shown(&checkpoint), counter);
    cr_assert_eq(counter_of(&gateway.offer.item), counter);
    cr_assert_not(gateway.offer.older);
}

/* An older one is, proved below the checkpoint of the newest; by its own if told so. */
static void offers_older(uint64_t counter, uint64_t newest, bool own_checkpoint)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    struct tamga_checkpoint as_of, checkpoint;
    Tamga__V1__EntryProof proof = gateway.offer.proof.message;
    struct tamga_standing sender;
    struct tamga_span standing = {0};
    struct tamga_header header;
    struct tamga_hash key;

    cr_assert(gateway.offer.older);
    cr_assert_eq(shown(&as_of), newest);
    cr_assert_eq(counter_of(&gateway.offer.item), counter);
    cr_assert_eq(proof.checkpoint != NULL, own_checkpoint);
    if (proof.checkpoint == NULL)
        proof.checkpoint = gateway.offer.newest->checkpoint;
    cr_assert_eq(tamga_entry_proof_check(&item, &header, &checkpoint, test_consortium(), &proof,
                                         NULL, NULL),
                 TAMGA_OK);
    cr_assert(tamga_hash_equal(&item.id.hash, &gateway.offer.item.id.hash));
    tamga_key_release(&key, &item.id.hash);
    cr_assert_eq(tamga_state_proof_check(&standing, &as_of.state_root, &key,
                                         gateway.offer.release, NULL),
                 TAMGA_OK);
    cr_assert_eq(standing.len, 0, "in force");
    cr_assert_eq(tamga_standing_check(&sender, &as_of.state_root, &item.sender,
                                      gateway.offer.sender, NULL),
                 TAMGA_OK);
    cr_assert_str_eq(sender.name, "acme");
    cr_assert(own_checkpoint ? checkpoint.at.height < as_of.at.height
                             : checkpoint.at.height == as_of.at.height);
}

/*
 * Goal:   only what is final is on offer.
 * Method: ask before anything is, with a release in a block, and once that is final; a
 *         device that has seen a checkpoint already is told to ask again.
 */
Test(offer, nothing_before_it_is_final)
{
    cr_assert_eq(ask(0, 0), TAMGA_OK);
    nothing_is_shown();
    publish(&(struct test_release){.counter = 1});
    cr_assert_eq(ask(0, 0), TAMGA_OK);
    nothing_is_shown();
    cr_assert_eq(ask(0, 1), TAMGA_E_NOT_READY);
    nothing_is_shown();
    council_finish(&gateway.council);
    cr_assert_eq(ask(0, 0), TAMGA_OK);
    offers_newest(1);
    publish(&(struct test_release){.counter = 2});
    cr_assert_eq(ask(0, 0), TAMGA_OK);
    offers_newest(1);
    council_finish(&gateway.council);
    cr_assert_eq(ask(0, 0), TAMGA_OK);
    offers_newest(2);
}

/*
 * Goal:   a device that is up to date gets the proof of it, unless it trusts a checkpoint as
 *         new; one that trusts a newer one is told to ask again.
 * Method: installed the newest, or none where there is none; each with heights around the
 *         newest checkpoint's.
 */
Test(offer, proves_that_nothing_is_newer)
{
    struct tamga_checkpoint checkpoint;
    uint64_t height;

    publish_final(&(struct test_release){.counter = 3});
    height = newest_height();
    cr_assert_eq(ask(3, height - 1), TAMGA_OK);
    cr_assert_eq(shown(&checkpoint), 3);
    cr_assert_eq(checkpoint.at.height, height);
    cr_assert_null(gateway.offer.item.body);
    cr_assert_not(gateway.offer.older);
    cr_assert_eq(ask(3, height), TAMGA_OK);
    nothing_is_shown();
    cr_assert_eq(ask(3, height + 1), TAMGA_E_NOT_READY);
    cr_assert_eq(ask(0, height), TAMGA_OK);
    offers_newest(3);
}
Test(offer, proves_that_there_is_none)
{
    struct tamga_checkpoint checkpoint;

    publish_final(&(struct test_release){.counter = 3, .model = "lock"});
    cr_assert_eq(ask(0, 0), TAMGA_OK);
    cr_assert_eq(shown(&checkpoint), 0);
    cr_assert_null(gateway.offer.item.body);
}

/*
 * Goal:   where the newest release does not suit, the newest that does is on offer, with a
 *         proof of few headers however old it is; if none does, nothing is shown, for the
 *         newest would be taken for an offer.
 * Method: one for all, one for hardware B; many blocks above; then a device that has the
 *         first already.
 */
Test(offer, older_release_where_the_newest_does_not_suit)
{
    publish(&(struct test_release){.counter = 1});
    publish_final(&(struct test_release){.counter = 2, .hardware = "B"});
    cr_assert_eq(ask(0, 0), TAMGA_OK);
    offers_older(1, 2, gateway.offer.proof.checkpoint != NULL);
    for (uint64_t i = 1; i < 10; i++)
        publish_final(&(struct test_release){.counter = i, .model = "lock"});
    cr_assert_eq(ask(0, 0), TAMGA_OK);
    offers_older(1, 2, true);
    cr_assert_lt(gateway.offer.proof.message.n_headers, 8);
    cr_assert_eq(ask(1, 0), TAMGA_OK);
    nothing_is_shown();
}

/*
 * Goal:   a step that another release needs first is on offer before that.
 * Method: 2 depends on 1.1; devices that run nothing, and 1.1.
 */
Test(offer, step_between)
{
    Tamga__V1__Dependency depends = TAMGA__V1__DEPENDENCY__INIT;

    depends.producer = (char[]){"acme"};
    depends.model = (char[]){"cam"};
    depends.version = (char[]){"1.1"};
    publish(&(struct test_release){.counter = 1});
    publish_final(&(struct test_release){.counter = 2, .depends = &depends});
    cr_assert_eq(ask(0, 0), TAMGA_OK);
    offers_older(1, 2, gateway.offer.proof.checkpoint != NULL);
    gateway.check_in.installed_version = (char *)(uintptr_t)"1.1";
    cr_assert_eq(ask(1, 0), TAMGA_OK);
    offers_newest(2);
}

/*
 * Goal:   a release above the checkpoint is not on offer even if the reader knows of it.
 * Method: 5 is for hardware B and final; 3, which leaves the state as it is, is in a block
 *         only when the node starts again.
 */
Test(offer, what_a_restart_finds_above_the_checkpoint)
{
    publish_final(&(struct test_release){.counter = 5, .hardware = "B"});
    publish(&(struct test_release){.counter = 3});
    council_restart(&gateway.council, 0);
    cr_assert_eq(ask(0, 0), TAMGA_OK);
    nothing_is_shown();
    council_ready(&gateway.council, 0);
    council_finish(&gateway.council);
    cr_assert_eq(ask(0, 0), TAMGA_OK);
    cr_assert_eq(counter_of(&gateway.offer.item), 3);
}

/*
 * Goal:   a proof is made once for a model and checkpoint.
 * Method: look into the cache before and after asking; ask again: the same bytes; a newer
 *         checkpoint has a proof of its own.
 */
Test(offer, proof_is_made_once)
{
    struct tamga_hash model;
    TAMGA_BUF first = {0};
    TAMGA_BUF packed = {0};

    tamga_key_latest(&model, "acme", "cam");
    publish_final(&(struct test_release){.counter = 1});
    cr_assert_eq(tamga_proof_cache_find(gateway.cache, &first, newest_height(), &model),
                 TAMGA_E_NOT_FOUND);
    cr_assert_eq(ask(0, 0), TAMGA_OK);
    cr_assert_eq(tamga_proof_cache_find(gateway.cache, &first, newest_height(), &model),
                 TAMGA_OK);
    cr_assert_eq(ask(0, 0), TAMGA_OK);
    offers_newest(1);
    cr_assert_eq(tamga_wire_pack(&packed, &gateway.offer.newest->base), TAMGA_OK);
    cr_assert(tamga_span_equal(tamga_buf_span(&first), tamga_buf_span(&packed)));
    publish_final(&(struct test_release){.counter = 2});
    cr_assert_eq(ask(0, 0), TAMGA_OK);
    offers_newest(2);
    cr_assert_eq(tamga_proof_cache_find(gateway.cache, &first, newest_height(), &model),
                 TAMGA_OK);
}

/*
 * Goal:   a release that was withdrawn is not on offer; an older one is, beside the proof
 *         that the newest was.
 * Method: withdraw the second of two; then the first too.
 */
Test(offer, not_what_was_withdrawn)
{
    struct tamga_entry_id first;

    publish(&(struct test_release){.counter = 1});
    first = published;
    publish_final(&(struct test_release){.counter = 2});
    withdraw_final(&published);
    cr_assert_eq(ask(0, 0), TAMGA_OK);
    offers_older(1, 2, gateway.offer.proof.checkpoint != NULL);
    cr_assert(gateway.withdrawn);
    withdraw_final(&first);
    cr_assert_eq(ask(0, 0), TAMGA_OK);
    nothing_is_shown();
}

static void permit_final(const struct tamga_entry_id *release)
{
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__Permit action = TAMGA__V1__PERMIT__INIT;
    char reason[] = "it bricks";
    TAMGA_BUF payload = {0};

    action.release = tamga_wire_bytes(tamga_hash_span(&release->hash));
    action.expires_ms = gateway.council.now_ms + 3600000;
    action.reason = reason;
    body.time_ms = gateway.council.now_ms;
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_PERMIT;
    body.permit = &action;
    test_action(&payload, NULL, "acme", &body);
    settle(&payload);
    council_finish(&gateway.council);
}

/* The offer comes with a permit of acme's, proved as the offer is. */
static void shows_permit(const struct tamga_entry_id *release)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    Tamga__V1__EntryProof proof = gateway.offer.permit_proof.message;
    struct tamga_checkpoint as_of, checkpoint;
    struct tamga_standing sender;
    struct tamga_header header;

    cr_assert_not_null(gateway.offer.permit.body);
    (void)shown(&as_of);
    if (proof.checkpoint == NULL)
        proof.checkpoint = gateway.offer.newest->checkpoint;
    cr_assert_eq(tamga_entry_proof_check(&item, &header, &checkpoint, test_consortium(), &proof,
                                         NULL, NULL),
                 TAMGA_OK);
    cr_assert(tamga_span_equal(
        tamga_wire_span(((const Tamga__V1__TransactionBody *)item.body)->permit->release),
        tamga_hash_span(&release->hash)));
    cr_assert_eq(tamga_standing_check(&sender, &as_of.state_root, &item.sender,
                                      gateway.offer.permit_sender, NULL),
                 TAMGA_OK);
    cr_assert_str_eq(sender.name, "acme");
}

/* Nothing is on offer, and it is proved that what the device runs was withdrawn. */
static void tells_of_withdrawal(const struct tamga_entry_id *running)
{
    struct tamga_checkpoint as_of;
    struct tamga_span value = {0};
    struct tamga_hash key;

    cr_assert_null(gateway.offer.item.body);
    cr_assert_not(gateway.offer.older);
    (void)shown(&as_of);
    tamga_key_release(&key, &running->hash);
    cr_assert_eq(tamga_state_proof_check(&value, &as_of.state_root, &key,
                                         gateway.offer.installed, NULL),
                 TAMGA_OK);
    cr_assert_eq(tamga_release_in_force(value, NULL), TAMGA_E_RELEASE_WITHDRAWN);
}

/*
 * Goal:   a device that runs what was withdrawn is offered the way back, once that is
 *         permitted; one that is back stays, until something newer than the permit comes.
 * Method: 2 is withdrawn, then a permit to 1; devices at 2 and at 1; then 3.
 */
Test(offer, the_way_back)
{
    struct tamga_entry_id first;

    publish(&(struct test_release){.counter = 1});
    first = published;
    publish_final(&(struct test_release){.counter = 2});
    withdraw_final(&published);
    cr_assert_eq(ask(2, newest_height()), TAMGA_OK);
    tells_of_withdrawal(&published);
    permit_final(&first);
    cr_assert_eq(ask(2, 0), TAMGA_OK);
    offers_older(1, 2, gateway.offer.proof.checkpoint != NULL);
    shows_permit(&first);
    cr_assert_eq(ask(0, 0), TAMGA_OK);
    offers_older(1, 2, gateway.offer.proof.checkpoint != NULL);
    cr_assert_null(gateway.offer.permit.body);
    publish_final(&(struct test_release){.counter = 3});
    cr_assert_eq(ask(2, 0), TAMGA_OK);
    offers_newest(3);
    cr_assert_eq(ask(1, 0), TAMGA_OK);
    offers_newest(3);
}

/*
 * Goal:   what is in force still, a device may be let back from too, and is not sent forward
 *         to again.
 * Method: a permit to 1 while 2 is the newest; devices at 2 and at 1.
 */
Test(offer, the_way_back_from_what_is_in_force)
{
    struct tamga_entry_id first;

    publish(&(struct test_release){.counter = 1});
    first = published;
    publish_final(&(struct test_release){.counter = 2});
    permit_final(&first);
    cr_assert_eq(ask(2, 0), TAMGA_OK);
    offers_older(1, 2, gateway.offer.proof.checkpoint != NULL);
    shows_permit(&first);
    cr_assert_eq(ask(1, 0), TAMGA_OK);
    nothing_is_shown();
}
