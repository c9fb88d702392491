/* Paging through the index family. Knows no key's meaning. */
#include "node/index.h"

#include "rules/rules.h"

struct paging {
    struct tamga_index_page *page;
    struct tamga_span after;
    uint8_t last[TAMGA_INDEX_KEY_MAX];
    size_t last_len;
    enum tamga_err err;
};

static bool one(void *context, struct tamga_span key, struct tamga_span value)
{
    struct paging *paging = context;
    struct tamga_index_page *page = paging->page;

    if (tamga_span_equal(key, paging->after) || key.len != TAMGA_INDEX_KEY_BYTES)
        return true; /* what the rules look up lies between the lists; no prefix: all of it */
    if (page->count == page->max) {
        memcpy(page->next, paging->last, paging->last_len);
        page->next_len = paging->last_len;
        return false;
    }
    if (tamga_hash_from(&page->id[page->count].hash, value) != TAMGA_OK) {
        paging->err = TAMGA_E_STORE_CORRUPT;
        return false;
    }
    memcpy(paging->last, key.data, key.len);
    paging->last_len = key.len;
    page->count++;
    return true;
}

enum tamga_err tamga_index_read(struct tamga_index_page *page,
                                const struct tamga_reader *reader, struct tamga_span prefix,
                                struct tamga_span after)
{
    struct paging paging = {.page = page, .after = after};
    enum tamga_err err;

    if (page->max == 0 || page->max > TAMGA_INDEX_PAGE_MAX)
        page->max = TAMGA_INDEX_PAGE_MAX;
    page->count = 0;
    page->next_len = 0;
    if (after.len > TAMGA_INDEX_KEY_MAX)
        return TAMGA_E_TOO_LARGE;
    err = reader->ops->scan(reader, TAMGA_FAMILY_INDEX, prefix, after, one, &paging);
    return err == TAMGA_OK ? paging.err : err;
}
