/* Releases for people: the public listing over the verified one. */
#include "link/state.h"

struct listing {
    struct tamga_client *client;
    tamga_release_each each;
    void *context;
};

static enum tamga_err show(void *context, const struct tamga_item *item,
                           const Tamga__V1__ReleaseEntry *entry,
                           const struct tamga_block_id *block)
{
    const struct listing *listing = context;
    struct tamga_release_info info;
    enum tamga_err err;

    tamga_release_describe(&info, &listing->client->consortium, item, entry->height, block);
    err = tamga_release_mark(&info, listing->client, entry->state, NULL);
    return err == TAMGA_OK ? listing->each(listing->context, &info) : err;
}

enum tamga_err tamga_client_releases(struct tamga_client *client, const char *model,
                                     tamga_release_each each, void *context,
                                     struct tamga_detail *detail)
{
    struct listing listing = {client, each, context};
    struct tamga_model_name name;
    enum tamga_err err = model ? tamga_model_parse(&name, model, detail) : TAMGA_OK;

    if (err == TAMGA_OK)
        err = tamga_client_learn(client, detail);
    if (err != TAMGA_OK)
        return err;
    return tamga_releases_visit(client, model ? &name : NULL, show, &listing, detail);
}
