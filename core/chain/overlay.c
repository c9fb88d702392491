/* Stacked writes over a view. Knows no family's meaning. */
#include "chain/overlay.h"

#include <stdlib.h>
#include <uthash.h>

struct tamga_overlay_entry {
    UT_hash_handle hh;
    bool erase;
    struct tamga_buf value;
    size_t key_len; /* of key, which starts with the family's byte */
    uint8_t key[];
};

#define KEY_BYTES_MAX 128

/* family || key, so that one table serves all families. */
static size_t full_key(uint8_t out[KEY_BYTES_MAX + 1], enum tamga_family family,
                       struct tamga_span key)
{
    if (key.len > KEY_BYTES_MAX)
        abort(); /* keys are ours: none is longer */
    out[0] = (uint8_t)family;
    if (key.len > 0)
        memcpy(out + 1, key.data, key.len);
    return key.len + 1;
}

static struct tamga_overlay_entry *find(const struct tamga_overlay *overlay,
                                        enum tamga_family family, struct tamga_span key)
{
    uint8_t full[KEY_BYTES_MAX + 1];
    size_t len = full_key(full, family, key);
    struct tamga_overlay_entry *entry = NULL;

    HASH_FIND(hh, overlay->entries, full, len, entry);
    return entry;
}

static enum tamga_err overlay_get(const struct tamga_view *view, enum tamga_family family,
                                  struct tamga_span key, struct tamga_buf *value)
{
    const struct tamga_overlay *overlay = (const struct tamga_overlay *)view;
    const struct tamga_overlay_entry *entry = find(overlay, family, key);

    if (entry == NULL)
        return tamga_view_get(overlay->below, family, key, value);
    if (entry->erase)
        return TAMGA_E_NOT_FOUND;
    return tamga_buf_set(value, tamga_buf_span(&entry->value));
}

static const struct tamga_view_ops overlay_ops = {.get = overlay_get};

void tamga_overlay_init(struct tamga_overlay *overlay, const struct tamga_view *below)
{
    *overlay = (struct tamga_overlay){.view.ops = &overlay_ops, .below = below};
}

void tamga_overlay_clear(struct tamga_overlay *overlay)
{
    struct tamga_overlay_entry *entry, *next;

    HASH_ITER(hh, overlay->entries, entry, next)
    {
        HASH_DEL(overlay->entries, entry);
        tamga_buf_clear(&entry->value);
        free(entry);
    }
    overlay->entries = NULL;
}

static struct tamga_overlay_entry *find_or_add(struct tamga_overlay *overlay,
                                               enum tamga_family family,
                                               struct tamga_span key)
{
    uint8_t full[KEY_BYTES_MAX + 1];
    size_t len = full_key(full, family, key);
    struct tamga_overlay_entry *entry = find(overlay, family, key);

    if (entry != NULL)
        return entry;
    entry = calloc(1, sizeof *entry + len);
    if (entry == NULL)
        return NULL;
    entry->key_len = len;
    memcpy(entry->key, full, len);
    HASH_ADD(hh, overlay->entries, key, len, entry);
    return entry;
}

enum tamga_err tamga_overlay_put(struct tamga_overlay *overlay, enum tamga_family family,
                                 struct tamga_span key, struct tamga_span value)
{
    struct tamga_overlay_entry *entry = find_or_add(overlay, family, key);

    if (entry == NULL)
        return TAMGA_E_NO_MEMORY;
    entry->erase = false;
    return tamga_buf_set(&entry->value, value);
}

enum tamga_err tamga_overlay_erase(struct tamga_overlay *overlay, enum tamga_family family,
                                   struct tamga_span key)
{
    struct tamga_overlay_entry *entry = find_or_add(overlay, family, key);

    if (entry == NULL)
        return TAMGA_E_NO_MEMORY;
    entry->erase = true;
    tamga_buf_clear(&entry->value);
    return TAMGA_OK;
}

enum tamga_err tamga_overlay_merge(struct tamga_overlay *down, struct tamga_overlay *top)
{
    struct tamga_overlay_entry *entry, *next;

    HASH_ITER(hh, top->entries, entry, next)
    {
        struct tamga_overlay_entry *to =
            find_or_add(down, (enum tamga_family)entry->key[0],
                        tamga_span(entry->key + 1, entry->key_len - 1));

        if (to == NULL)
            return TAMGA_E_NO_MEMORY;
        to->erase = entry->erase;
        tamga_buf_move(&to->value, &entry->value);
    }
    tamga_overlay_clear(top);
    return TAMGA_OK;
}

size_t tamga_overlay_count(const struct tamga_overlay *overlay)
{
    return HASH_COUNT(overlay->entries);
}

enum tamga_err tamga_overlay_writes(const struct tamga_overlay *overlay,
                                    struct tamga_write **out, size_t *count)
{
    size_t total = tamga_overlay_count(overlay), i = 0;
    struct tamga_write *write = calloc(total + 1, sizeof *write);

    if (write == NULL)
        return TAMGA_E_NO_MEMORY;
    for (const struct tamga_overlay_entry *entry = overlay->entries; entry != NULL;
         entry = entry->hh.next)
        write[i++] = (struct tamga_write){
            .family = (enum tamga_family)entry->key[0],
            .erase = entry->erase,
            .key = tamga_span(entry->key + 1, entry->key_len - 1),
            .value = tamga_buf_span(&entry->value),
        };
    *out = write;
    *count = total;
    return TAMGA_OK;
}
