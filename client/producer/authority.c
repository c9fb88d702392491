/*
 * What a model's owner says of it, and of its releases afterwards: put together from options
 * and submitted. What nodes judge by the state is theirs to say.
 */
#include <stdlib.h>

#include "link/state.h"
#include "link/submit.h"
#include "wire/wire.h"

static char *text(const char *constant)
{
    return (char *)(uintptr_t)(constant == NULL ? "" : constant);
}

/* "P/M" of a model of our own: the transaction states M only, P is who signs. */
static enum tamga_err own_model(struct tamga_model_name *out, struct tamga_client *client,
                                const char *model, struct tamga_detail *detail)
{
    const struct tamga_member *self = client->identity.member;
    enum tamga_err err = tamga_model_parse(out, model, detail);

    if (err != TAMGA_OK)
        return err;
    if (client->identity.key == NULL)
        return tamga_refuse(detail, TAMGA_E_USAGE, "saying anything needs a member's identity");
    if (self == NULL)
        return tamga_refuse(detail, TAMGA_E_NOT_MEMBER,
                            "no member of network \"%.64s\" has the identity's key",
                            client->identity.network->genesis->network);
    return strcmp(self->name, out->producer) == 0
               ? TAMGA_OK
               : tamga_refuse(detail, TAMGA_E_NOT_OWNER, "%s is not %s, whose model this is",
                              self->name, out->producer);
}

enum tamga_err tamga_client_register_model(struct tamga_client *client,
                                           const struct tamga_model_options *options,
                                           const struct tamga_submit_options *submit,
                                           struct tamga_submit_result *result,
                                           struct tamga_detail *detail)
{
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__RegisterModel model = TAMGA__V1__REGISTER_MODEL__INIT;
    struct tamga_model_name name;
    enum tamga_err err = tamga_client_learn(client, detail);

    if (err == TAMGA_OK)
        err = own_model(&name, client, options->model, detail);
    if (err != TAMGA_OK)
        return err;
    if (options->hardware_count > TAMGA_CLIENT_LIST_MAX ||
        options->signers_count > TAMGA_CLIENT_SIGNERS_MAX)
        return tamga_refuse(detail, TAMGA_E_TOO_LARGE,
                            "at most %d hardware revisions and %d signers",
                            TAMGA_CLIENT_LIST_MAX, TAMGA_CLIENT_SIGNERS_MAX);
    model.model = name.model;
    model.n_hardware = options->hardware_count;
    model.hardware = (char **)(uintptr_t)options->hardware;
    model.n_signers = options->signers_count;
    model.signers = (char **)(uintptr_t)options->signers;
    model.needed = options->needed;
    model.countersign = options->countersign;
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_REGISTER_MODEL;
    body.register_model = &model;
    return tamga_submit(client, &body, submit, result, detail);
}

enum tamga_err tamga_client_delegate(struct tamga_client *client,
                                     const struct tamga_delegate_options *options,
                                     const struct tamga_submit_options *submit,
                                     struct tamga_submit_result *result,
                                     struct tamga_detail *detail)
{
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__Delegate delegate = TAMGA__V1__DELEGATE__INIT;
    struct tamga_model_name name;
    enum tamga_err err = tamga_client_learn(client, detail);

    if (err == TAMGA_OK)
        err = own_model(&name, client, options->model, detail);
    if (err != TAMGA_OK)
        return err;
    if (options->hardware_count > TAMGA_CLIENT_LIST_MAX)
        return tamga_refuse(detail, TAMGA_E_TOO_LARGE, "at most %d hardware revisions",
                            TAMGA_CLIENT_LIST_MAX);
    delegate.model = name.model;
    delegate.provider = text(options->provider);
    delegate.n_hardware = options->hardware_count;
    delegate.hardware = (char **)(uintptr_t)options->hardware;
    delegate.until_ms = options->until_ms;
    delegate.revoke = options->revoke;
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_DELEGATE;
    body.delegate = &delegate;
    return tamga_submit(client, &body, submit, result, detail);
}

enum tamga_err tamga_client_withdraw(struct tamga_client *client,
                                     const uint8_t id[TAMGA_CLIENT_ID_BYTES], const char *reason,
                                     const struct tamga_submit_options *submit,
                                     struct tamga_submit_result *result,
                                     struct tamga_detail *detail)
{
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__Withdraw withdraw = TAMGA__V1__WITHDRAW__INIT;

    withdraw.release = tamga_wire_bytes(tamga_span(id, TAMGA_CLIENT_ID_BYTES));
    withdraw.reason = text(reason);
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_WITHDRAW;
    body.withdraw = &withdraw;
    return tamga_submit(client, &body, submit, result, detail);
}

/* ---- permits ------------------------------------------------------------------------------ */

/* Devices of one model; the permit states their numbers only. */
struct numbers {
    struct tamga_device_name device[TAMGA_CLIENT_NUMBERS_MAX];
    char *list[TAMGA_CLIENT_NUMBERS_MAX];
};

static enum tamga_err take_numbers(struct numbers *out,
                                   const struct tamga_permit_options *options,
                                   struct tamga_detail *detail)
{
    if (options->devices_count > TAMGA_CLIENT_NUMBERS_MAX)
        return tamga_refuse(detail, TAMGA_E_TOO_LARGE, "at most %d devices",
                            TAMGA_CLIENT_NUMBERS_MAX);
    for (size_t i = 0; i < options->devices_count; i++) {
        enum tamga_err err =
            tamga_device_parse(&out->device[i], options->devices[i], detail);

        if (err != TAMGA_OK)
            return err;
        if (strcmp(out->device[i].producer, out->device[0].producer) != 0 ||
            strcmp(out->device[i].model, out->device[0].model) != 0)
            return tamga_refuse(detail, TAMGA_E_USAGE, "a permit is for devices of one model");
        out->list[i] = out->device[i].number;
    }
    return TAMGA_OK;
}

/* The devices' model must be the release's, or the permit would be for none of them. */
static enum tamga_err check_numbers(struct tamga_client *client, const struct numbers *numbers,
                                    const struct tamga_entry_id *id,
                                    struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_evidence_clear) struct tamga_evidence evidence = {0};
    const Tamga__V1__Release *release;
    enum tamga_err err = tamga_evidence_fetch(&evidence, client->releases, &client->consortium,
                                              id, detail);

    if (err != TAMGA_OK)
        return err == TAMGA_E_NOT_FOUND ? TAMGA_E_UNKNOWN_RELEASE : err;
    release = tamga_item_release(&evidence.item);
    if (release == NULL)
        return TAMGA_E_UNKNOWN_RELEASE;
    return strcmp(release->producer, numbers->device[0].producer) == 0 &&
                   strcmp(release->model, numbers->device[0].model) == 0
               ? TAMGA_OK
               : tamga_refuse(detail, TAMGA_E_MODEL_MISMATCH, "the release is for %s/%s",
                              release->producer, release->model);
}

static enum tamga_err permit(struct tamga_client *client, struct numbers *numbers,
                             const struct tamga_permit_options *options,
                             const struct tamga_submit_options *submit,
                             struct tamga_submit_result *result, struct tamga_detail *detail)
{
    Tamga__V1__TransactionBody body = TAMGA__V1__TRANSACTION_BODY__INIT;
    Tamga__V1__Permit permit = TAMGA__V1__PERMIT__INIT;
    struct tamga_entry_id id;
    enum tamga_err err = take_numbers(numbers, options, detail);

    memcpy(id.hash.byte, options->release, TAMGA_HASH_BYTES);
    if (err == TAMGA_OK)
        err = tamga_client_learn(client, detail);
    if (err == TAMGA_OK && options->devices_count > 0)
        err = check_numbers(client, numbers, &id, detail);
    if (err != TAMGA_OK)
        return err;
    permit.release = tamga_wire_bytes(tamga_hash_span(&id.hash));
    permit.n_numbers = options->devices_count;
    permit.numbers = numbers->list;
    permit.expires_ms = options->expires_ms;
    permit.reason = text(options->reason);
    body.action_case = TAMGA__V1__TRANSACTION_BODY__ACTION_PERMIT;
    body.permit = &permit;
    return tamga_submit(client, &body, submit, result, detail);
}

static void free_numbers(struct numbers **numbers)
{
    free(*numbers);
}

enum tamga_err tamga_client_permit(struct tamga_client *client,
                                   const struct tamga_permit_options *options,
                                   const struct tamga_submit_options *submit,
                                   struct tamga_submit_result *result,
                                   struct tamga_detail *detail)
{
    TAMGA_CLEANUP(free_numbers) struct numbers *numbers = calloc(1, sizeof *numbers);

    return numbers == NULL ? TAMGA_E_NO_MEMORY
                           : permit(client, numbers, options, submit, result, detail);
}
