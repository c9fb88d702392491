/*
 * A release that is withdrawn, with real processes: devices do not get it any more, one that
 * runs it is told so and goes back once that is permitted, and an auditor sees all of it.
 */
#include "say.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "tamga/v1/finality.pb-c.h"

#define IMAGE_BYTES  300000
#define WAIT_SECONDS 60

static struct cluster cluster;
static struct tamga_entry_id first, second;

/* ---- what is final at the gateway ------------------------------------------------------ */

static struct tamga_reply reply_of(const char *name)
{
    return (struct tamga_reply){.channel = cluster_find(&cluster, name)->channel,
                                .deadline_ms = 2000};
}

static bool height_of(uint64_t *out, const Tamga__V1__Checkpoint *checkpoint)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__CheckpointBody *body = NULL;

    if (tamga_wire_unpack((ProtobufCMessage **)&body,
                          &tamga__v1__checkpoint_body__descriptor, TAMGA_WIRE_CANONICAL,
                          tamga_wire_span(checkpoint->body), NULL) != TAMGA_OK)
        return false;
    *out = body->height;
    return true;
}

/* Of the checkpoint whose state the gateway proves, and makes its offers of. */
static bool state_height(uint64_t *out)
{
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = reply_of("gw-1");
    Tamga__V1__GetStateProofRequest request = TAMGA__V1__GET_STATE_PROOF_REQUEST__INIT;
    struct tamga_hash key;

    tamga_key_latest(&key, "acme", "cam");
    request.chain = tamga_wire_bytes(tamga_hash_span(&cluster.consortium.id.hash));
    request.key = tamga_wire_bytes(tamga_hash_span(&key));
    tamga__v1__finality_service__get_state_proof(
        tamga_reply_service(&reply, &tamga__v1__finality_service__descriptor), &request,
        (Tamga__V1__GetStateProofResponse_Closure)tamga_reply_take, &reply);
    return reply.err == TAMGA_OK &&
           height_of(out, ((Tamga__V1__GetStateProofResponse *)reply.message)->checkpoint);
}

static bool is_offered_of(struct cluster *self, void *context)
{
    const struct tamga_entry_id *id = context;
    TAMGA_CLEANUP(tamga_reply_clear) struct tamga_reply reply = reply_of("gw-1");
    Tamga__V1__GetEntryProofRequest request = TAMGA__V1__GET_ENTRY_PROOF_REQUEST__INIT;
    uint64_t entry, state;

    request.chain = tamga_wire_bytes(tamga_hash_span(&self->consortium.id.hash));
    request.id = tamga_wire_bytes(tamga_hash_span(&id->hash));
    tamga__v1__finality_service__get_entry_proof(
        tamga_reply_service(&reply, &tamga__v1__finality_service__descriptor), &request,
        (Tamga__V1__GetEntryProofResponse_Closure)tamga_reply_take, &reply);
    return reply.err == TAMGA_OK &&
           height_of(&entry,
                     ((Tamga__V1__GetEntryProofResponse *)reply.message)->proof->checkpoint) &&
           state_height(&state) && state >= entry;
}

static void wait_final(struct tamga_entry_id *id)
{
    cluster_wait(&cluster, "an entry to be final at the gateway", WAIT_SECONDS, is_offered_of,
                 id);
}

/* ---- what is said ------------------------------------------------------------------------ */

static void publish(struct tamga_entry_id *id, uint64_t counter)
{
    const struct cluster_release release = {
        .counter = counter, .seed = counter, .bytes = IMAGE_BYTES};

    CHECK(cluster_publish(&cluster, "node-a", &release, id) == TAMGA_OK);
    wait_final(id);
}

static void withdraw(const struct tamga_entry_id *release)
{
    struct tamga_entry_id id;

    say(&cluster, &id, "acme", say_withdraw(release));
    wait_final(&id);
}

static enum tamga_err submit(const char *sender, Tamga__V1__TransactionBody *body,
                             struct tamga_entry_id *id)
{
    TAMGA_BUF payload = {0};

    say_sign(&cluster, &payload, id, sender, body);
    return cluster_submit(&cluster, "node-a", &payload, NULL);
}

static void permit(const struct tamga_entry_id *release, struct tamga_entry_id *id)
{
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__Permit action = TAMGA__V1__PERMIT__INIT;
    char reason[] = "back to the quiet one", number[] = "0001", *numbers[] = {number};

    action.release = tamga_wire_bytes(tamga_hash_span(&release->hash));
    action.n_numbers = 1;
    action.numbers = numbers;
    action.expires_ms = cluster.network->genesis->time_ms + 3600000;
    action.reason = reason;
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_PERMIT;
    body.permit = &action;
    CHECK(submit("softco", &body, NULL) == TAMGA_E_NOT_OWNER);
    CHECK(submit("acme", &body, id) == TAMGA_OK);
    wait_final(id);
}

/* ---- what comes of it -------------------------------------------------------------------- */

static bool runs(const char *folder, uint64_t counter)
{
    TAMGA_BUF image = {0};

    cluster_image(&image, counter, IMAGE_BYTES);
    return cluster_device_runs(folder, &image);
}

static void session_ends_with(const char *folder, uint64_t counter)
{
    CHECK(cluster_run_device(&cluster, folder) == 0);
    CHECK(runs(folder, counter));
}

/* Run `tamga history` of a device; what it said is in DIR/said. */
static int history(const char *number)
{
    char command[4096];
    int status;

    snprintf(command, sizeof command,
             "%s --timeout 5 --genesis %s/genesis.tamga --node %s history acme/cam/%s"
             " >%s/said 2>&1",
             TAMGA_CLI_PROGRAM, cluster.process[0].folder, cluster_find(&cluster, "gw-1")->rpc,
             number, cluster.folder);
    status = system(command);
    CHECK(status != -1 && WIFEXITED(status));
    return WEXITSTATUS(status);
}

static bool file_says(const char *path, const char *text)
{
    static char all[262144];
    FILE *file = fopen(path, "r");
    size_t got;

    CHECK(file != NULL);
    got = fread(all, 1, sizeof all - 1, file);
    all[got] = '\0';
    fclose(file);
    return strstr(all, text) != NULL;
}

static bool said(const char *text)
{
    char path[CLUSTER_PATH_MAX + 8];

    snprintf(path, sizeof path, "%s/said", cluster.folder);
    return file_says(path, text);
}

static bool device_told(const char *folder, const char *event)
{
    char path[CLUSTER_PATH_MAX + 8];

    snprintf(path, sizeof path, "%s/log", folder);
    return file_says(path, event);
}

struct wanted {
    const char *number, *text;
};

static bool history_says(struct cluster *self, void *context)
{
    const struct wanted *wanted = context;

    (void)self;
    return history(wanted->number) == 0 && said(wanted->text);
}

static void wait_history(const char *number, const char *text)
{
    struct wanted wanted = {number, text};

    cluster_wait(&cluster, text, WAIT_SECONDS, history_says, &wanted);
}

static void hex_of(char out[2 * TAMGA_HASH_BYTES + 1], const struct tamga_entry_id *id)
{
    tamga_to_hex(out, id->hash.byte, TAMGA_HASH_BYTES);
}

/*
 * Goal:   from the withdrawal of a release to the last device that ran it, everybody does
 *         what is right, and it can be seen afterwards.
 * Method: one device takes 1, then 2; 2 is withdrawn: that device runs it still and says so, a
 *         new one gets 1; a permit brings the first one back, where it stays.
 */
static void from_withdrawal_to_the_way_back(void)
{
    char old[CLUSTER_PATH_MAX], new[CLUSTER_PATH_MAX], id_text[2 * TAMGA_HASH_BYTES + 1];
    struct tamga_entry_id permitted;

    cluster_enroll(&cluster, old, "0001", "gw-1");
    cluster_enroll(&cluster, new, "0002", "gw-1");
    publish(&first, 1);
    session_ends_with(old, 1);
    publish(&second, 2);
    session_ends_with(old, 2);
    wait_history("0001", "counter 1 to 2");
    CHECK(!said("WITHDRAWN"));

    withdraw(&second);
    session_ends_with(old, 2);
    CHECK(device_told(old, "release.withdrawn"));
    session_ends_with(new, 1);
    wait_history("0001", "acme/cam/0001 runs version 1.2, which was withdrawn");
    CHECK(said("by acme: so it is said"));

    permit(&first, &permitted);
    session_ends_with(old, 1);
    hex_of(id_text, &permitted);
    wait_history("0001", id_text);
    CHECK(said("counter 2 to 1") && said("back to the quiet one"));
    CHECK(!said("runs version 1.2"));
    session_ends_with(old, 1);
    session_ends_with(new, 1);
    wait_history("0002", "counter 0 to 1");
    CHECK(!said("permit") && !said("WITHDRAWN"));
}

int main(void)
{
    cluster_open(&cluster, 2, 2);
    cluster_start_all(&cluster);
    from_withdrawal_to_the_way_back();
    cluster_close(&cluster);
    puts("ok");
    return 0;
}
