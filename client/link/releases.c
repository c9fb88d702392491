/* Listing releases, page by page, each verified before anybody sees it. */
#include "link/client_internal.h"

#include "link/state.h"
#include "tamga/v1/consortium_service.pb-c.h"

#define PAGE_COUNT 128
#define PAGES_MAX  100000 /* a node that never ends its list is no node of ours */

void tamga_release_describe(struct tamga_release_info *out, const struct tamga_chain *chain,
                            const struct tamga_item *item, uint64_t height,
                            const struct tamga_block_id *block)
{
    const Tamga__V1__Release *release = tamga_item_release(item);

    *out = (struct tamga_release_info){
        .producer = release->producer,
        .model = release->model,
        .version = release->version,
        .counter = release->counter,
        .cid = release->cid,
        .image_bytes = release->image_bytes,
        .hardware = (const char *const *)release->hardware,
        .hardware_count = release->n_hardware,
        .depends_count = release->n_depends,
        .expires_ms = release->expires_ms,
        .first_install = release->first_install,
        .urgent = release->urgent,
        .republish = release->republish_of.len == TAMGA_HASH_BYTES,
        .sender = tamga_name_of(chain->network, &item->sender),
        .time_ms = item->time_ms,
        .height = height,
    };
    memcpy(out->tx_id, item->id.hash.byte, TAMGA_HASH_BYTES);
    memcpy(out->image_sha256, release->image_sha256.data, TAMGA_HASH_BYTES);
    memcpy(out->sender_address, item->sender.hash.byte, TAMGA_HASH_BYTES);
    memcpy(out->block, block->hash.byte, TAMGA_HASH_BYTES);
    if (out->republish)
        memcpy(out->republish_of, release->republish_of.data, TAMGA_HASH_BYTES);
    for (size_t i = 0; i < release->n_depends && i < TAMGA_CLIENT_LIST_MAX; i++)
        out->depends[i] = (struct tamga_release_dependency){
            release->depends[i]->producer, release->depends[i]->model,
            release->depends[i]->version};
}

static enum tamga_err visit_entry(struct tamga_client *client,
                                  const Tamga__V1__ReleaseEntry *entry,
                                  const struct tamga_model_name *model,
                                  tamga_release_visit visit, void *context,
                                  struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_item_clear) struct tamga_item item = {0};
    struct tamga_block_id block;
    const Tamga__V1__Release *release;
    enum tamga_err err =
        tamga_entry_open(&item, &client->consortium, entry->transaction, detail);

    if (err == TAMGA_OK)
        err = tamga_hash_from(&block.hash, tamga_wire_span(entry->block));
    if (err != TAMGA_OK)
        return err;
    release = tamga_item_release(&item);
    if (release == NULL)
        return tamga_refuse(detail, TAMGA_E_PEER_LIED, "among releases, something else is listed");
    if (model != NULL && (strcmp(release->producer, model->producer) != 0 ||
                          strcmp(release->model, model->model) != 0))
        return tamga_refuse(detail, TAMGA_E_PEER_LIED, "asked for %s/%s, shown %s/%s",
                            model->producer, model->model, release->producer, release->model);
    err = tamga_author_check(client, &item, detail);
    return err == TAMGA_OK ? visit(context, &item, entry, &block) : err;
}

/* One page; *next becomes the place to go on from, empty after the last. */
static enum tamga_err visit_page(struct tamga_client *client,
                                 const struct tamga_model_name *model, struct tamga_buf *next,
                                 tamga_release_visit visit, void *context,
                                 struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *answer = NULL;
    Tamga__V1__ListReleasesRequest request = TAMGA__V1__LIST_RELEASES_REQUEST__INIT;
    const Tamga__V1__ListReleasesResponse *page;
    enum tamga_err err;

    if (model != NULL) {
        request.producer = (char *)(uintptr_t)model->producer;
        request.model = (char *)(uintptr_t)model->model;
    }
    request.after = tamga_wire_bytes(tamga_buf_span(next));
    request.count_max = PAGE_COUNT;
    err = tamga_session_call(client->nodes, &answer,
                             &tamga__v1__consortium_service__descriptor, "ListReleases",
                             &request.base, detail);
    if (err != TAMGA_OK)
        return err;
    page = (const Tamga__V1__ListReleasesResponse *)answer;
    for (size_t i = 0; i < page->n_releases && err == TAMGA_OK; i++)
        err = visit_entry(client, page->releases[i], model, visit, context, detail);
    if (err == TAMGA_OK && page->next.len > 0 &&
        tamga_span_equal(tamga_wire_span(page->next), tamga_buf_span(next)))
        err = tamga_refuse(detail, TAMGA_E_PEER_LIED, "the list goes in circles");
    return err == TAMGA_OK ? tamga_buf_set(next, tamga_wire_span(page->next)) : err;
}

enum tamga_err tamga_releases_visit(struct tamga_client *client,
                                    const struct tamga_model_name *model,
                                    tamga_release_visit visit, void *context,
                                    struct tamga_detail *detail)
{
    TAMGA_BUF next = {0};

    for (unsigned page = 0; page < PAGES_MAX; page++) {
        enum tamga_err err = visit_page(client, model, &next, visit, context, detail);

        if (err != TAMGA_OK || next.len == 0)
            return err;
    }
    return tamga_refuse(detail, TAMGA_E_PEER_LIED, "the list of releases has no end");
}
