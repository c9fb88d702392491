/* client/auditor/latest.c: the newest release, proved; from a node and from bytes. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "auditor/latest.h"
#include "fake_node.h"

static uint64_t now_ms(void)
{
    return (uint64_t)time(NULL) * 1000;
}

/* What was told, kept beyond the callback. */
struct told {
    unsigned count;
    bool release, newer, withdrawn;
    uint64_t counter, newer_counter, height, newer_height;
    struct tamga_checkpoint_info checkpoint;
    char model[TAMGA_CLIENT_MODEL_MAX], sender[TAMGA_CLIENT_NAME_MAX];
    struct tamga_buf proof;
};
#define TOLD TAMGA_CLEANUP(told_clear) struct told

static void told_clear(struct told *told)
{
    tamga_buf_clear(&told->proof);
}

static enum tamga_err hear(void *context, const struct tamga_latest_info *latest)
{
    struct told *told = context;

    told->count++;
    told->release = latest->release != NULL;
    told->newer = latest->newer != NULL;
    if (told->release) {
        told->withdrawn = latest->release->withdrawn;
        told->counter = latest->release->counter;
        told->height = latest->release->height;
        snprintf(told->sender, sizeof told->sender, "%s", latest->release->sender);
    }
    if (told->newer) {
        told->newer_counter = latest->newer->counter;
        told->newer_height = latest->newer->height;
    }
    told->checkpoint = latest->checkpoint;
    strcpy(told->model, latest->model);
    return tamga_buf_set(&told->proof, tamga_span(latest->proof, latest->proof_bytes));
}

static void add(struct fake_node *node, uint64_t counter)
{
    TAMGA_BUF payload = {0};

    test_release(&payload, NULL,
                 &(struct test_release){.counter = counter, .time_ms = now_ms()});
    fake_add(node, test_consortium(), &payload);
}

static enum tamga_err ask(const struct fake_node *node, const char *model, struct told *told)
{
    const char *addr = fake_addr(node);
    const struct tamga_client_options options = {.nodes = &addr,
                                                 .node_count = 1,
                                                 .identity = fake_identity("bolt"),
                                                 .timeout_ms = 5000};
    struct tamga_client *client = NULL;
    enum tamga_err err;

    cr_assert_eq(tamga_client_open(&client, &options, NULL), TAMGA_OK);
    err = tamga_client_latest(client, model, hear, told, NULL);
    tamga_client_close(client);
    return err;
}

static const char *genesis(void)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/genesis.tamga", fake_identity("bolt"));
    return path;
}

static enum tamga_err verify(const struct tamga_buf *proof, const char *model,
                             struct told *told)
{
    return tamga_client_proof_verify(genesis(), proof->data, proof->len, model, hear, told,
                                     NULL);
}

/* ---- from a node ------------------------------------------------------------------- */

/*
 * Goal:   the newest release is told as of the checkpoint, with its block if the node says
 *         so; a newer one that is not final is told beside it.
 * Method: two releases final, then a third that is not.
 */
Test(latest, tells_what_is_final_and_what_is_not)
{
    struct fake_node *node = fake_start(&(struct fake_options){0});
    TOLD told = {0};

    add(node, 1);
    add(node, 2);
    fake_finalize(node);
    cr_assert_eq(ask(node, "acme/cam", &told), TAMGA_OK);
    cr_assert_eq(told.count, 1);
    cr_assert_str_eq(told.model, "acme/cam");
    cr_assert(told.release && !told.newer);
    cr_assert(told.counter == 2 && told.height == 2);
    cr_assert_eq(told.checkpoint.height, 2);
    cr_assert_eq(told.checkpoint.cosigner_count, tamga_quorum(test_consortium(), 0));
    cr_assert_eq(told.checkpoint.validator_count, 3);
    add(node, 3);
    cr_assert_eq(ask(node, "acme/cam", &told), TAMGA_OK);
    cr_assert(told.release && told.newer);
    cr_assert(told.counter == 2 && told.newer_counter == 3 && told.newer_height == 3);
    cr_assert_eq(told.height, 0, "the node spoke of another release's block");
    fake_stop(node);
}

/*
 * Goal:   a newest release that was withdrawn is told as that, from a node and from a file.
 * Method: withdraw it between two checkpoints.
 */
Test(latest, tells_that_it_was_withdrawn)
{
    struct fake_node *node = fake_start(&(struct fake_options){0});
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__Withdraw withdraw = TAMGA__V1__WITHDRAW__INIT;
    char reason[] = "it bricks";
    struct tamga_entry_id id;
    TAMGA_BUF payload = {0};
    TOLD told = {0};
    TOLD filed = {0};

    test_release(&payload, &id, &(struct test_release){.counter = 1, .time_ms = now_ms()});
    fake_add(node, test_consortium(), &payload);
    fake_finalize(node);
    cr_assert_eq(ask(node, "acme/cam", &told), TAMGA_OK);
    cr_assert(told.release && !told.withdrawn);
    withdraw.release = tamga_wire_bytes(tamga_hash_span(&id.hash));
    withdraw.reason = reason;
    body.time_ms = now_ms();
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_WITHDRAW;
    body.withdraw = &withdraw;
    test_action(&payload, NULL, "acme", &body);
    fake_add(node, test_consortium(), &payload);
    fake_finalize(node);
    cr_assert_eq(ask(node, "acme/cam", &told), TAMGA_OK);
    cr_assert(told.release && told.withdrawn);
    cr_assert_eq(verify(&told.proof, "acme/cam", &filed), TAMGA_OK);
    cr_assert(filed.withdrawn);
    fake_stop(node);
}

/* acme's next key is that of "acme-2". */
static void rotate(struct tamga_buf *out)
{
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__RotateKey rotate = TAMGA__V1__ROTATE_KEY__INIT;
    Tamga__V1__PublicKey key = tamga_wire_key_of(tamga_private_key_public(test_key("acme-2")));
    Tamga__V1__Signature wire;
    struct tamga_signature signature;
    struct tamga_address from, to;
    struct tamga_hash digest;

    test_address(&from, "acme");
    test_address(&to, "acme-2");
    tamga_rotate_digest(&digest, &test_consortium()->id, &from, &to);
    cr_assert_eq(tamga_private_key_sign(test_key("acme-2"), &digest, &signature), TAMGA_OK);
    wire = tamga_wire_signature_of(&signature);
    rotate.key = &key;
    rotate.proof = &wire;
    rotate.after = 1;
    body.time_ms = now_ms();
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_ROTATE_KEY;
    body.rotate_key = &rotate;
    test_action(out, NULL, "acme", &body);
}

/*
 * Goal:   a release signed with a key that genesis does not know is told, and whose it is.
 * Method: acme's next key releases; from a node and from a file.
 */
Test(latest, by_a_key_that_came_later)
{
    struct fake_node *node = fake_start(&(struct fake_options){0});
    TAMGA_BUF payload = {0};
    TOLD told = {0};
    TOLD filed = {0};

    rotate(&payload);
    fake_add(node, test_consortium(), &payload);
    for (uint64_t i = 1; i < 3; i++) { /* until the new key holds */
        test_release(&payload, NULL,
                     &(struct test_release){.sender = "bolt", .producer = "bolt",
                                            .model = "pump", .counter = i,
                                            .time_ms = now_ms()});
        fake_add(node, test_consortium(), &payload);
    }
    test_release(&payload, NULL, &(struct test_release){.sender = "acme-2", .counter = 3,
                                                        .time_ms = now_ms()});
    fake_add(node, test_consortium(), &payload);
    fake_finalize(node);
    cr_assert_eq(ask(node, "acme/cam", &told), TAMGA_OK);
    cr_assert_eq(told.counter, 3);
    cr_assert_gt(told.height, 0);
    cr_assert_str_eq(told.sender, "acme");
    cr_assert_eq(verify(&told.proof, "acme/cam", &filed), TAMGA_OK);
    cr_assert_str_eq(filed.sender, "acme");
    fake_stop(node);
}

/*
 * Goal:   that there is no release is proved too, and one that is not final is told.
 * Method: a checkpoint over another model's release, then a first one of this model.
 */
Test(latest, tells_that_there_is_none)
{
    struct fake_node *node = fake_start(&(struct fake_options){0});
    TOLD told = {0};
    TAMGA_BUF payload = {0};

    add(node, 1);
    fake_finalize(node);
    cr_assert_eq(ask(node, "acme/lock", &told), TAMGA_OK);
    cr_assert(!told.release && !told.newer);
    test_release(&payload, NULL,
                 &(struct test_release){.model = "lock", .counter = 7, .time_ms = now_ms()});
    fake_add(node, test_consortium(), &payload);
    cr_assert_eq(ask(node, "acme/lock", &told), TAMGA_OK);
    cr_assert(!told.release && told.newer);
    cr_assert_eq(told.newer_counter, 7);
    fake_stop(node);
}

/*
 * Goal:   without a checkpoint nothing is told.
 * Method: a release in a block that nobody made final; a name that is none.
 */
Test(latest, is_not_ready_without_a_checkpoint)
{
    struct fake_node *node = fake_start(&(struct fake_options){0});
    TOLD told = {0};

    add(node, 1);
    cr_assert_eq(ask(node, "acme/cam", &told), TAMGA_E_NOT_READY);
    cr_assert_eq(ask(node, "acme", &told), TAMGA_E_USAGE);
    cr_assert_eq(told.count, 0);
    fake_stop(node);
}

static void bend_release_away(Tamga__V1__ReleaseProof *proof)
{
    proof->transaction = NULL;
}

static void bend_value(Tamga__V1__ReleaseProof *proof)
{
    proof->latest->value.data[proof->latest->value.len - 1] ^= 1;
}

static void bend_signature(Tamga__V1__ReleaseProof *proof)
{
    proof->transaction->signature->value.data[3] ^= 1;
}

static enum tamga_err ask_bent(const struct fake_options *options)
{
    struct fake_node *node = fake_start(options);
    TOLD told = {0};
    enum tamga_err err;

    add(node, 1);
    err = ask(node, "acme/cam", &told);
    cr_assert_eq(told.count, 0);
    fake_stop(node);
    return err;
}

/*
 * Goal:   a node cannot show a false proof, nor hide a release.
 * Method: no release though the state names one; a bent value; a bent signature; too few
 *         cosigners.
 */
Test(latest, does_not_believe_a_false_proof)
{
    struct fake_options options = {.final = true, .bend_release = bend_release_away};

    cr_assert_eq(ask_bent(&options), TAMGA_E_MISSING_FIELD);
    options.bend_release = bend_value;
    cr_assert_eq(ask_bent(&options), TAMGA_E_PROOF_ROOT);
    options.bend_release = bend_signature;
    cr_assert_eq(ask_bent(&options), TAMGA_E_BAD_SIGNATURE);
    options.bend_release = NULL;
    options.few_cosigners = true;
    cr_assert_eq(ask_bent(&options), TAMGA_E_TOO_FEW_COSIGNERS);
}

/* ---- from bytes -------------------------------------------------------------------- */

/* A proof as a node gave it. */
static void proof_of(struct told *told, const char *model)
{
    struct fake_node *node = fake_start(&(struct fake_options){.final = true});

    add(node, 1);
    cr_assert_eq(ask(node, model, told), TAMGA_OK);
    fake_stop(node);
}

/*
 * Goal:   the bytes prove the same without any node, of the model in them or that is named.
 * Method: a proof of a release, and one that there is none.
 */
Test(proof_verify, needs_genesis_alone)
{
    TOLD release = {0}, none = {0}, told = {0};

    proof_of(&release, "acme/cam");
    cr_assert_eq(verify(&release.proof, NULL, &told), TAMGA_OK);
    cr_assert(told.release && !told.newer);
    cr_assert_str_eq(told.model, "acme/cam");
    cr_assert_eq(told.height, 0, "a proof does not say the release's block");
    cr_assert(tamga_span_equal(tamga_buf_span(&told.proof), tamga_buf_span(&release.proof)));
    cr_assert_eq(verify(&release.proof, "acme/cam", &told), TAMGA_OK);
    cr_assert_eq(verify(&release.proof, "acme/lock", &told), TAMGA_E_PROOF_KEY);
    cr_assert_eq(verify(&release.proof, "acme", &told), TAMGA_E_USAGE);

    proof_of(&none, "acme/lock");
    cr_assert_eq(verify(&none.proof, "acme/lock", &told), TAMGA_OK);
    cr_assert_not(told.release);
    cr_assert_eq(verify(&none.proof, "acme/cam", &told), TAMGA_E_PROOF_KEY);
    cr_assert_eq(verify(&none.proof, NULL, &told), TAMGA_E_MISSING_FIELD);
}

/*
 * Goal:   genesis is what is trusted, and a proof has a bound.
 * Method: no genesis; a file that is none; a byte too many; nothing at all.
 */
Test(proof_verify, refuses_what_it_cannot_judge)
{
    static uint8_t long_one[TAMGA_CLIENT_PROOF_BYTES_MAX + 1];
    TOLD told = {0};

    cr_assert_eq(tamga_client_proof_verify(NULL, long_one, 1, NULL, hear, &told, NULL),
                 TAMGA_E_USAGE);
    cr_assert_eq(tamga_client_proof_verify("/nowhere", long_one, 1, NULL, hear, &told, NULL),
                 TAMGA_E_FILE_IO);
    cr_assert_eq(tamga_client_proof_verify(genesis(), long_one, sizeof long_one, NULL, hear,
                                           &told, NULL),
                 TAMGA_E_TOO_LARGE);
    cr_assert_neq(tamga_client_proof_verify(genesis(), long_one, sizeof long_one - 1, NULL, hear,
                                            &told, NULL),
                  TAMGA_E_TOO_LARGE);
    cr_assert_eq(tamga_client_proof_verify(genesis(), long_one, 0, NULL, hear, &told, NULL),
                 TAMGA_E_MISSING_FIELD);
    cr_assert_eq(told.count, 0);
}

static enum tamga_err open_bytes(struct tamga_span bytes, const struct tamga_model_name *model)
{
    TAMGA_CLEANUP(tamga_latest_clear) struct tamga_latest latest = {0};

    return tamga_latest_open(&latest, test_consortium(), bytes, model, NULL);
}

/* Each byte, changed in three ways, and each beginning: the sender's fault every time. */
static void refuses_any_change(const struct tamga_buf *proof,
                               const struct tamga_model_name *model)
{
    static const uint8_t change[] = {0x01, 0x80, 0xff};

    cr_assert_eq(open_bytes(tamga_buf_span(proof), model), TAMGA_OK);
    for (size_t i = 0; i < proof->len; i++) {
        for (size_t j = 0; j < sizeof change; j++) {
            enum tamga_err err;

            proof->data[i] ^= change[j];
            err = open_bytes(tamga_buf_span(proof), model);
            proof->data[i] ^= change[j];
            cr_assert_eq(tamga_err_class(err), TAMGA_CLASS_REJECT, "byte %zu: %s", i,
                         tamga_err_name(err));
        }
        cr_assert_eq(tamga_err_class(open_bytes(tamga_span(proof->data, i), model)),
                     TAMGA_CLASS_REJECT, "cut at %zu", i);
    }
}

/*
 * Goal:   no byte of a proof can be changed, and none left out.
 * Method: every byte of a proof of a release, and of one that there is none.
 */
Test(proof_verify, refuses_every_changed_byte)
{
    const struct tamga_model_name lock = {"acme", "lock"};
    TOLD release = {0}, none = {0};

    proof_of(&release, "acme/cam");
    refuses_any_change(&release.proof, NULL);
    proof_of(&none, "acme/lock");
    refuses_any_change(&none.proof, &lock);
}
