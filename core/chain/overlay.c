/*
 * Stacked writes over a view. Knows no family's meaning.
 *
 * Entries lie one after the other in chunks, and go with the overlay: a block writes some ten
 * for each of its own, and all are given up at once. A value that has outgrown its room moves,
 * and what it leaves is lost until then; few keys are written twice, and fewer grow. The
 * table is open addressing over the entries' places, at most half full; a slot has a part
 * of the hash beside the place, so that a key that is not there costs one look, and most
 * keys that are asked for are not there.
 */
#include "chain/overlay.h"

#include <stdlib.h>

struct tamga_overlay_entry {
    uint32_t hash;
    uint32_t value_len, value_cap;
    uint8_t erase;
    uint8_t key_len; /* of the key, which starts with the family's byte */
    uint8_t bytes[]; /* key, value */
};

struct tamga_overlay_slot {
    uint32_t hash;
    uint32_t place; /* in entry[], plus one; 0: free */
};

#define KEY_BYTES_MAX 128
#define SLOTS_MIN     16
#define ENTRIES_MAX   (UINT32_MAX / 4)
#define VALUE_BYTES_MAX (UINT32_MAX / 2)

struct tamga_overlay_chunk {
    struct tamga_overlay_chunk *next;
    size_t used, cap;
    uint64_t bytes[]; /* entries, each on a boundary of eight */
};

#define CHUNK_BYTES_MIN 1024u
#define CHUNK_BYTES_MAX 65536u /* unless what goes there is larger */

/* ---- keys ----------------------------------------------------------------------- */

/* family || key, so that one table serves all families. */
struct full_key {
    size_t len;
    uint32_t hash;
    uint8_t byte[KEY_BYTES_MAX + 1];
};

static uint64_t mix(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 32;
}

static uint32_t hash_of(const uint8_t *byte, size_t len)
{
    uint64_t hash = len, word = 0;
    size_t at = 0;

    for (; at + sizeof word <= len; at += sizeof word) {
        memcpy(&word, byte + at, sizeof word);
        hash = mix(hash, word);
    }
    for (word = 0; at < len; at++)
        word = word << 8 | byte[at];
    return (uint32_t)mix(hash, word);
}

static void full_key(struct full_key *out, enum tamga_family family, struct tamga_span key)
{
    if (key.len > KEY_BYTES_MAX)
        abort(); /* keys are ours: none is longer */
    out->byte[0] = (uint8_t)family;
    if (key.len > 0)
        memcpy(out->byte + 1, key.data, key.len);
    out->len = key.len + 1;
    out->hash = hash_of(out->byte, out->len);
}

static struct tamga_span entry_value(const struct tamga_overlay_entry *entry)
{
    return tamga_span(entry->bytes + entry->key_len, entry->value_len);
}

/* ---- the table ------------------------------------------------------------------ */

/* The slot that holds the key, or the free one where it would go. */
static struct tamga_overlay_slot *slot_of(const struct tamga_overlay *overlay, uint32_t hash,
                                          const uint8_t *key, size_t key_len)
{
    size_t mask = overlay->slot_count - 1;

    for (size_t at = hash & mask;; at = (at + 1) & mask) {
        struct tamga_overlay_slot *slot = &overlay->slot[at];
        const struct tamga_overlay_entry *entry;

        if (slot->place == 0)
            return slot;
        if (slot->hash != hash)
            continue;
        entry = overlay->entry[slot->place - 1];
        if (entry->key_len == key_len && memcmp(entry->bytes, key, key_len) == 0)
            return slot;
    }
}

static const struct tamga_overlay_entry *find(const struct tamga_overlay *overlay,
                                              enum tamga_family family, struct tamga_span key)
{
    const struct tamga_overlay_slot *slot;
    struct full_key full;

    if (overlay->count == 0)
        return NULL;
    full_key(&full, family, key);
    slot = slot_of(overlay, full.hash, full.byte, full.len);
    return slot->place == 0 ? NULL : overlay->entry[slot->place - 1];
}

static enum tamga_err grow_slots(struct tamga_overlay *overlay, size_t slot_count)
{
    struct tamga_overlay_slot *grown = calloc(slot_count, sizeof *grown);

    if (grown == NULL)
        return TAMGA_E_NO_MEMORY;
    free(overlay->slot);
    overlay->slot = grown;
    overlay->slot_count = slot_count;
    for (size_t i = 0; i < overlay->count; i++) {
        const struct tamga_overlay_entry *entry = overlay->entry[i];

        *slot_of(overlay, entry->hash, entry->bytes, entry->key_len) =
            (struct tamga_overlay_slot){entry->hash, (uint32_t)i + 1};
    }
    return TAMGA_OK;
}

/* Room for so many more entries. */
static enum tamga_err reserve(struct tamga_overlay *overlay, size_t more)
{
    size_t need = overlay->count + more, cap = overlay->cap, slots = overlay->slot_count;
    struct tamga_overlay_entry **grown;

    if (need > ENTRIES_MAX)
        return TAMGA_E_NO_MEMORY;
    for (slots = slots == 0 ? SLOTS_MIN : slots; slots < 2 * need;)
        slots *= 2;
    if (need > cap) {
        cap = slots / 2;
        grown = realloc(overlay->entry, cap * sizeof *grown);
        if (grown == NULL)
            return TAMGA_E_NO_MEMORY;
        overlay->entry = grown;
        overlay->cap = cap;
    }
    return slots == overlay->slot_count ? TAMGA_OK : grow_slots(overlay, slots);
}

/* ---- chunks --------------------------------------------------------------------- */

static size_t entry_bytes(size_t key_len, size_t value_len)
{
    return (sizeof(struct tamga_overlay_entry) + key_len + value_len + 7) & ~(size_t)7;
}

/* Room for so many bytes, all in one chunk: the next entries that fit cannot fail. */
static enum tamga_err reserve_bytes(struct tamga_overlay *overlay, size_t bytes)
{
    struct tamga_overlay_chunk *last = overlay->chunk, *chunk;
    size_t cap = last == NULL ? CHUNK_BYTES_MIN : 2 * last->cap;

    if (last != NULL && bytes <= last->cap - last->used)
        return TAMGA_OK;
    cap = cap > CHUNK_BYTES_MAX ? CHUNK_BYTES_MAX : cap;
    cap = cap < bytes ? bytes : cap;
    chunk = malloc(sizeof *chunk + cap);
    if (chunk == NULL)
        return TAMGA_E_NO_MEMORY;
    *chunk = (struct tamga_overlay_chunk){.next = last, .cap = cap};
    overlay->chunk = chunk;
    return TAMGA_OK;
}

static void free_chunks(struct tamga_overlay *overlay)
{
    while (overlay->chunk != NULL) {
        struct tamga_overlay_chunk *next = overlay->chunk->next;

        free(overlay->chunk);
        overlay->chunk = next;
    }
}

/* A new entry, value to be written. There is room for it. */
static struct tamga_overlay_entry *new_entry(struct tamga_overlay *overlay, uint32_t hash,
                                             const uint8_t *key, size_t key_len,
                                             size_t value_len)
{
    struct tamga_overlay_chunk *chunk = overlay->chunk;
    struct tamga_overlay_entry *entry =
        (struct tamga_overlay_entry *)(void *)((uint8_t *)chunk->bytes + chunk->used);

    chunk->used += entry_bytes(key_len, value_len);
    *entry = (struct tamga_overlay_entry){.hash = hash, .key_len = (uint8_t)key_len};
    entry->value_cap = (uint32_t)value_len;
    memcpy(entry->bytes, key, key_len);
    return entry;
}

/* ---- writes --------------------------------------------------------------------- */

/* The slot's entry with the value, in its former room if it fits. There is room for one in
 * the table and, if it does not fit, in the chunk. */
static void write_entry(struct tamga_overlay *overlay, struct tamga_overlay_slot *slot,
                        uint32_t hash, struct tamga_span key, bool erase,
                        struct tamga_span value)
{
    struct tamga_overlay_entry *entry =
        slot->place == 0 ? NULL : overlay->entry[slot->place - 1];

    if (entry == NULL || entry->value_cap < value.len)
        entry = new_entry(overlay, hash, key.data, key.len, value.len);
    entry->erase = erase;
    entry->value_len = (uint32_t)value.len;
    if (value.len > 0)
        memcpy(entry->bytes + entry->key_len, value.data, value.len);
    if (slot->place == 0)
        *slot = (struct tamga_overlay_slot){hash, (uint32_t)++overlay->count};
    overlay->entry[slot->place - 1] = entry;
}

static enum tamga_err set(struct tamga_overlay *overlay, enum tamga_family family,
                          struct tamga_span key, bool erase, struct tamga_span value)
{
    struct full_key full;
    enum tamga_err err =
        value.len > VALUE_BYTES_MAX ? TAMGA_E_NO_MEMORY : reserve(overlay, 1);

    if (err != TAMGA_OK)
        return err;
    full_key(&full, family, key);
    err = reserve_bytes(overlay, entry_bytes(full.len, value.len));
    if (err == TAMGA_OK)
        write_entry(overlay, slot_of(overlay, full.hash, full.byte, full.len), full.hash,
                    tamga_span(full.byte, full.len), erase, value);
    return err;
}

enum tamga_err tamga_overlay_put(struct tamga_overlay *overlay, enum tamga_family family,
                                 struct tamga_span key, struct tamga_span value)
{
    return set(overlay, family, key, false, value);
}

enum tamga_err tamga_overlay_erase(struct tamga_overlay *overlay, enum tamga_family family,
                                   struct tamga_span key)
{
    return set(overlay, family, key, true, tamga_span(NULL, 0));
}

static void free_all(struct tamga_overlay *overlay)
{
    free_chunks(overlay);
    free(overlay->entry);
    free(overlay->slot);
    overlay->entry = NULL;
    overlay->slot = NULL;
    overlay->count = overlay->cap = overlay->slot_count = 0;
}

/* Bytes of chunks that the entries of top need, if none of them is in down. */
static size_t bytes_of(const struct tamga_overlay *top)
{
    size_t bytes = 0;

    for (size_t i = 0; i < top->count; i++)
        bytes += entry_bytes(top->entry[i]->key_len, top->entry[i]->value_len);
    return bytes;
}

enum tamga_err tamga_overlay_merge(struct tamga_overlay *down, struct tamga_overlay *top)
{
    enum tamga_err err = reserve(down, top->count);

    if (err == TAMGA_OK)
        err = reserve_bytes(down, bytes_of(top));
    if (err != TAMGA_OK)
        return err;
    for (size_t i = 0; i < top->count; i++) {
        const struct tamga_overlay_entry *entry = top->entry[i];
        struct tamga_span key = tamga_span(entry->bytes, entry->key_len);

        write_entry(down, slot_of(down, entry->hash, key.data, key.len), entry->hash, key,
                    entry->erase != 0, entry_value(entry));
    }
    free_all(top);
    return TAMGA_OK;
}

/* ---- life and reading ------------------------------------------------------------- */

static enum tamga_err overlay_get(const struct tamga_view *view, enum tamga_family family,
                                  struct tamga_span key, struct tamga_buf *value)
{
    const struct tamga_overlay *overlay = (const struct tamga_overlay *)view;
    const struct tamga_overlay_entry *entry = find(overlay, family, key);

    if (entry == NULL)
        return tamga_view_get(overlay->below, family, key, value);
    if (entry->erase)
        return TAMGA_E_NOT_FOUND;
    return tamga_buf_set(value, entry_value(entry));
}

static enum tamga_err empty_get(const struct tamga_view *view, enum tamga_family family,
                                struct tamga_span key, struct tamga_buf *value)
{
    (void)view;
    (void)family;
    (void)key;
    (void)value;
    return TAMGA_E_NOT_FOUND;
}

static const struct tamga_view_ops empty_ops = {.get = empty_get};
const struct tamga_view tamga_view_empty = {.ops = &empty_ops};

void tamga_overlay_init(struct tamga_overlay *overlay, const struct tamga_view *below)
{
    static const struct tamga_view_ops ops = {.get = overlay_get};

    *overlay = (struct tamga_overlay){.view.ops = &ops, .below = below};
}

void tamga_overlay_clear(struct tamga_overlay *overlay)
{
    free_all(overlay);
}

size_t tamga_overlay_count(const struct tamga_overlay *overlay)
{
    return overlay->count;
}

enum tamga_err tamga_overlay_writes(const struct tamga_overlay *overlay,
                                    struct tamga_write **out, size_t *count)
{
    struct tamga_write *write = calloc(overlay->count + 1, sizeof *write);

    if (write == NULL)
        return TAMGA_E_NO_MEMORY;
    for (size_t i = 0; i < overlay->count; i++) {
        const struct tamga_overlay_entry *entry = overlay->entry[i];

        write[i] = (struct tamga_write){
            .family = (enum tamga_family)entry->bytes[0],
            .erase = entry->erase != 0,
            .key = tamga_span(entry->bytes + 1, entry->key_len - 1u),
            .value = entry_value(entry),
        };
    }
    *out = write;
    *count = overlay->count;
    return TAMGA_OK;
}
