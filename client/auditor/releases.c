/* Releases for people: the public listing over the verified one. */
#include "link/client_internal.h"

struct listing {
    const struct tamga_client *client;
    tamga_release_each each;
    void *context;
};

static enum tamga_err show(void *context, const struct tamga_item *item, uint64_t height,
                           const struct tamga_block_id *block)
{
    const struct listing *listing = context;
    struct tamga_release_info info;

    tamga_release_describe(&info, &listing->client->consortium, item, height, block);
    return listing->each(listing->context, &info);
}

enum tamga_err tamga_client_releases(struct tamga_client *client, const char *model,
                                     tamga_release_each each, void *context,
                                     struct tamga_detail *detail)
{
    struct listing listing = {client, each, context};
    struct tamga_model_name name;
    enum tamga_err err = model ? tamga_model_parse(&name, model, detail) : TAMGA_OK;

    if (err != TAMGA_OK)
        return err;
    return tamga_releases_visit(client, model ? &name : NULL, show, &listing, detail);
}
