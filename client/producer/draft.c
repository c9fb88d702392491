/* Algorithm 1 on the producer's side, with the codes and the order of the nodes' rules. */
#include "producer/draft.h"

#include <inttypes.h>

#include "link/state.h"
#include "tamga/v1/consortium_service.pb-c.h"

static enum tamga_err take_depend(struct tamga_draft *draft, size_t index, const char *text,
                                  struct tamga_detail *detail)
{
    Tamga__V1__Dependency *depend = &draft->depend[index];
    const char *colon = strchr(text, ':');
    char model[TAMGA_CLIENT_MODEL_MAX];
    enum tamga_err err;

    if (colon == NULL || (size_t)(colon - text) >= sizeof model)
        return tamga_refuse(detail, TAMGA_E_USAGE, "\"%.80s\" is no dependency: P/M:VERSION",
                            text);
    memcpy(model, text, (size_t)(colon - text));
    model[colon - text] = '\0';
    err = tamga_model_parse(&draft->depend_model[index], model, detail);
    if (err != TAMGA_OK)
        return err;
    if (!tamga_name_ok(colon + 1, TAMGA_VERSION_BYTES_MAX))
        return tamga_refuse(detail, TAMGA_E_USAGE, "\"%.80s\" is no dependency: P/M:VERSION",
                            text);
    tamga__v1__dependency__init(depend);
    depend->producer = draft->depend_model[index].producer;
    depend->model = draft->depend_model[index].model;
    depend->version = (char *)(uintptr_t)(colon + 1);
    draft->depend_list[index] = depend;
    return TAMGA_OK;
}

enum tamga_err tamga_draft_init(struct tamga_draft *draft,
                                const struct tamga_publish_options *options,
                                struct tamga_detail *detail)
{
    Tamga__V1__Release *release = &draft->release;
    enum tamga_err err = tamga_model_parse(&draft->model, options->model, detail);

    if (err != TAMGA_OK)
        return err;
    if (options->version == NULL || !tamga_name_ok(options->version, TAMGA_VERSION_BYTES_MAX))
        return tamga_refuse(detail, TAMGA_E_USAGE,
                            "version must be 1..64 characters of A-Z a-z 0-9 . _ -");
    if (options->hardware_count > TAMGA_CLIENT_LIST_MAX ||
        options->depends_count > TAMGA_DEPENDS_MAX)
        return tamga_refuse(detail, TAMGA_E_TOO_LARGE,
                            "at most %d hardware revisions and %d dependencies",
                            TAMGA_CLIENT_LIST_MAX, TAMGA_DEPENDS_MAX);
    tamga__v1__release__init(release);
    release->producer = draft->model.producer;
    release->model = draft->model.model;
    release->version = (char *)(uintptr_t)options->version;
    release->counter = options->counter;
    release->n_hardware = options->hardware_count;
    release->hardware = (char **)(uintptr_t)options->hardware;
    release->expires_ms = options->expires_ms;
    release->first_install = options->first_install;
    release->urgent = options->urgent;
    if (options->republish_of != NULL)
        release->republish_of =
            tamga_wire_bytes(tamga_span(options->republish_of, TAMGA_HASH_BYTES));
    for (size_t i = 0; i < options->depends_count && err == TAMGA_OK; i++)
        err = take_depend(draft, i, options->depends[i], detail);
    release->n_depends = options->depends_count;
    release->depends = draft->depend_list;
    return err;
}

/* By the sender's and the model's values as of the newest checkpoint, for the block after. */
static enum tamga_err authority_now(const struct tamga_draft *draft, struct tamga_client *client,
                                    uint64_t now_ms, struct tamga_detail *detail)
{
    const Tamga__V1__Release *release = &draft->release;
    struct tamga_checkpoint checkpoint;
    struct tamga_moment at = {0, now_ms};
    TAMGA_BUF member = {0};
    TAMGA_BUF model = {0};
    struct tamga_hash key;
    enum tamga_err err;

    tamga_key_member(&key, &client->identity.address);
    err = tamga_state_fetch(&member, &checkpoint, client, &key, detail);
    tamga_key_model(&key, release->producer, release->model);
    if (err == TAMGA_OK)
        err = tamga_state_fetch(&model, &checkpoint, client, &key, detail);
    if (err != TAMGA_OK)
        return err;
    at.height = checkpoint.at.height + 1;
    err = tamga_release_authority_proved(tamga_buf_span(&member), tamga_buf_span(&model),
                                         release, &at, detail);
    if (err == TAMGA_E_NOT_MEMBER)
        return tamga_refuse(detail, err, "no member of network \"%.64s\" has or had this key",
                            client->identity.network->genesis->network);
    return err == TAMGA_E_KEY_NOT_YET ? TAMGA_OK : err; /* the tip may be further: it says */
}

/* What genesis says, before there is a checkpoint, or where no node answers. */
static enum tamga_err authority_then(const struct tamga_draft *draft,
                                     const struct tamga_client *client,
                                     struct tamga_detail *detail)
{
    const struct tamga_identity *identity = &client->identity;

    if (identity->member == NULL)
        return tamga_refuse(detail, TAMGA_E_NOT_MEMBER,
                            "no member of network \"%.64s\" has the identity's key",
                            identity->network->genesis->network);
    return tamga_release_authority(identity->network, &identity->address, &draft->release,
                                   detail);
}

enum tamga_err tamga_draft_authority(const struct tamga_draft *draft,
                                     struct tamga_client *client, uint64_t now_ms,
                                     struct tamga_detail *detail)
{
    struct tamga_detail why = {""};
    enum tamga_err err, genesis;

    if (client->identity.key == NULL)
        return tamga_refuse(detail, TAMGA_E_USAGE, "publishing needs a member's identity");
    err = tamga_client_learn(client, &why);
    if (err == TAMGA_OK)
        err = authority_now(draft, client, now_ms, &why);
    if (tamga_err_class(err) == TAMGA_CLASS_LATER) {
        genesis = authority_then(draft, client, detail);
        if (genesis != TAMGA_OK && (err == TAMGA_E_NOT_READY || client->identity.member != NULL))
            return genesis;
        err = err == TAMGA_E_NOT_READY ? TAMGA_OK : err;
    }
    if (err != TAMGA_OK)
        return tamga_refuse(detail, err, "%s", why.text);
    if (draft->release.expires_ms != 0 && draft->release.expires_ms <= now_ms)
        return tamga_refuse(detail, TAMGA_E_RELEASE_EXPIRED, "its expiry is in the past");
    return TAMGA_OK;
}

void tamga_draft_image(struct tamga_draft *draft, const struct tamga_image *image)
{
    tamga_cid_format(draft->cid, &image->root);
    draft->release.cid = draft->cid;
    draft->release.image_bytes = image->bytes;
    draft->release.image_sha256 = tamga_wire_bytes(tamga_hash_span(&image->sha256));
}

/* ---- what the node's lists tell ------------------------------------------------- */

struct found {
    struct tamga_span image_sha256;
    uint64_t counter;              /* the highest */
    bool has_image;
    struct tamga_hash image_entry; /* the newest release of this image */
    const char *version;           /* looked for; NULL: none */
    bool has_version;
};

static enum tamga_err look(void *context, const struct tamga_item *item,
                           const Tamga__V1__ReleaseEntry *entry,
                           const struct tamga_block_id *block)
{
    const Tamga__V1__Release *release = tamga_item_release(item);
    struct found *found = context;

    (void)entry;
    (void)block;
    if (tamga_span_equal(tamga_wire_span(release->image_sha256), found->image_sha256)) {
        found->has_image = true; /* ascending by counter: the last one is the newest */
        found->image_entry = item->id.hash;
    }
    if (release->counter > found->counter)
        found->counter = release->counter;
    if (found->version != NULL && strcmp(release->version, found->version) == 0)
        found->has_version = true;
    return TAMGA_OK;
}

static enum tamga_err judge_image(const struct tamga_draft *draft, const struct found *found,
                                  struct tamga_detail *detail)
{
    const Tamga__V1__Release *release = &draft->release;
    char hex[TAMGA_HEX_CHARS];

    if (!found->has_image)
        return release->republish_of.len == 0
                   ? TAMGA_OK
                   : tamga_refuse(detail, TAMGA_E_BAD_REPUBLISH,
                                  "this image was never released for %s/%s",
                                  release->producer, release->model);
    tamga_to_hex(hex, found->image_entry.byte, TAMGA_HASH_BYTES);
    if (release->republish_of.len == 0)
        return tamga_refuse(detail, TAMGA_E_DUPLICATE_IMAGE,
                            "released by %s; a deliberate re-release must name it", hex);
    if (!tamga_span_equal(tamga_hash_span(&found->image_entry),
                          tamga_wire_span(release->republish_of)))
        return tamga_refuse(detail, TAMGA_E_BAD_REPUBLISH, "its newest release is %s", hex);
    return TAMGA_OK;
}

static enum tamga_err judge_counter(struct tamga_draft *draft, uint64_t newest,
                                    struct tamga_detail *detail)
{
    Tamga__V1__Release *release = &draft->release;

    if (release->counter == 0 && newest < UINT64_MAX)
        release->counter = newest + 1;
    if (release->counter <= newest)
        return tamga_refuse(detail, TAMGA_E_COUNTER_NOT_HIGHER,
                            "counter %" PRIu64 "; the newest release of %s/%s has %" PRIu64,
                            release->counter, release->producer, release->model, newest);
    return TAMGA_OK;
}

/* The newest release by itself: a list that leaves the end out would repeat a counter. */
static enum tamga_err fetch_newest(struct tamga_client *client,
                                   const struct tamga_draft *draft, uint64_t *newest,
                                   struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *answer = NULL;
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    Tamga__V1__GetLatestReleaseRequest request = TAMGA__V1__GET_LATEST_RELEASE_REQUEST__INIT;
    const Tamga__V1__ReleaseEntry *entry;
    const Tamga__V1__Release *release;
    enum tamga_err err;

    request.producer = draft->release.producer;
    request.model = draft->release.model;
    err = tamga_session_call(client->nodes, &answer,
                             &tamga__v1__consortium_service__descriptor, "GetLatestRelease",
                             &request.base, detail);
    if (err != TAMGA_OK)
        return err;
    entry = ((const Tamga__V1__GetLatestReleaseResponse *)answer)->release;
    if (entry == NULL)
        return TAMGA_OK;
    err = tamga_entry_open(&item, &client->consortium, entry->transaction, detail);
    if (err != TAMGA_OK)
        return err;
    release = tamga_item_release(&item);
    if (release == NULL)
        return tamga_refuse(detail, TAMGA_E_PEER_LIED, "what is shown is no release");
    if (strcmp(release->producer, draft->release.producer) != 0 ||
        strcmp(release->model, draft->release.model) != 0)
        return tamga_refuse(detail, TAMGA_E_PEER_LIED, "asked for %s/%s, shown %s/%s",
                            draft->release.producer, draft->release.model, release->producer,
                            release->model);
    if (release->counter > *newest)
        *newest = release->counter;
    return TAMGA_OK;
}

static enum tamga_err judge_depends(const struct tamga_draft *draft,
                                    struct tamga_client *client, struct tamga_detail *detail)
{
    for (size_t i = 0; i < draft->release.n_depends; i++) {
        const Tamga__V1__Dependency *depend = &draft->depend[i];
        struct found found = {.version = depend->version};
        enum tamga_err err =
            tamga_releases_visit(client, &draft->depend_model[i], look, &found, detail);

        if (err != TAMGA_OK)
            return err;
        if (!found.has_version)
            return tamga_refuse(detail, TAMGA_E_UNKNOWN_DEPENDENCY, "%s/%s:%s is not released",
                                depend->producer, depend->model, depend->version);
    }
    return TAMGA_OK;
}

enum tamga_err tamga_draft_judge(struct tamga_draft *draft, struct tamga_client *client,
                                 struct tamga_detail *detail)
{
    struct found found = {.image_sha256 = tamga_wire_span(draft->release.image_sha256)};
    enum tamga_err err =
        tamga_releases_visit(client, &draft->model, look, &found, detail);

    if (err == TAMGA_OK)
        err = fetch_newest(client, draft, &found.counter, detail);
    if (err == TAMGA_OK)
        err = judge_image(draft, &found, detail);
    if (err == TAMGA_OK)
        err = judge_counter(draft, found.counter, detail);
    if (err == TAMGA_OK)
        err = judge_depends(draft, client, detail);
    if (err == TAMGA_OK && draft->sealing != NULL)
        err = tamga_sealing_wrap(draft->sealing, &draft->release,
                                 &client->identity.network->id, detail);
    return err == TAMGA_OK ? tamga_release_check(&draft->release, detail) : err;
}
