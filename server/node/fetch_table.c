/* The table as an array in the engine's order: at most a thousand, searched through. */
#include "node/fetch_table.h"

static struct fetch *find(struct fetch_table *table, const struct tamga_hash *id)
{
    for (size_t i = 0; i < table->count; i++)
        if (tamga_hash_equal(&table->fetch[i].id, id))
            return &table->fetch[i];
    return NULL;
}

static bool lacks(const struct fetch *fetch, uint32_t peer)
{
    return (fetch->lacks >> peer & 1) != 0;
}

void fetch_refresh(struct fetch_table *table, const struct tamga_hash *wanted, size_t count)
{
    struct fetch_table fresh = {.count = count < TAMGA_FETCH_MAX ? count : TAMGA_FETCH_MAX};

    for (size_t i = 0; i < fresh.count; i++) {
        const struct fetch *known = find(table, &wanted[i]);

        if (known != NULL)
            fresh.fetch[i] = *known;
        else
            fresh.fetch[i].id = wanted[i];
    }
    *table = fresh;
}

void fetch_round(struct fetch_table *table, uint32_t peer)
{
    for (size_t i = 0; i < table->count; i++)
        table->fetch[i].lacks &= ~(UINT64_C(1) << peer);
}

static void ask(struct fetch *fetch, uint32_t peer, uint64_t until_ms)
{
    fetch->state = FETCH_ASKED;
    fetch->peer = peer;
    fetch->until_ms = until_ms;
}

static bool overdue(const struct fetch *fetch, uint32_t peer, uint64_t now_ms)
{
    return fetch->state == FETCH_ASKED && fetch->peer != peer && fetch->until_ms <= now_ms;
}

size_t fetch_take(struct fetch_table *table, uint32_t peer, struct tamga_hash *out, size_t max,
                  uint64_t now_ms, uint64_t until_ms)
{
    size_t count = 0;

    for (int late = 0; late <= 1 && count == 0; late++)
        for (size_t i = 0; i < table->count && count < max; i++) {
            struct fetch *fetch = &table->fetch[i];

            if (lacks(fetch, peer) ||
                !(late ? overdue(fetch, peer, now_ms) : fetch->state == FETCH_FREE))
                continue;
            ask(fetch, peer, until_ms);
            out[count++] = fetch->id;
        }
    return count;
}

bool fetch_here(struct fetch_table *table, const struct tamga_hash *id)
{
    struct fetch *fetch = find(table, id);

    if (fetch == NULL || fetch->state == FETCH_HERE)
        return false;
    fetch->state = FETCH_HERE;
    return true;
}

void fetch_done(struct fetch_table *table, const struct tamga_hash *id, bool taken)
{
    struct fetch *fetch = find(table, id);

    table->stale = table->stale || taken;
    if (fetch == NULL)
        return;
    fetch->state = FETCH_FREE;
    if (!taken)
        return;
    memmove(fetch, fetch + 1,
            (size_t)(table->fetch + table->count - fetch - 1) * sizeof *fetch);
    table->count--;
}

void fetch_lacks(struct fetch_table *table, uint32_t peer, const struct tamga_hash *id)
{
    struct fetch *fetch = find(table, id);

    if (fetch != NULL)
        fetch->lacks |= UINT64_C(1) << peer;
}

bool fetch_is_lacked(const struct fetch_table *table, uint32_t peer,
                     const struct tamga_hash *id)
{
    for (size_t i = 0; i < table->count; i++)
        if (tamga_hash_equal(&table->fetch[i].id, id))
            return lacks(&table->fetch[i], peer);
    return false;
}

void fetch_release(struct fetch_table *table, uint32_t peer)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->fetch[i].state == FETCH_ASKED && table->fetch[i].peer == peer)
            table->fetch[i].state = FETCH_FREE;
}

enum fetch_outlook fetch_outlook(const struct fetch_table *table, uint32_t peer)
{
    bool here = false, asked = false;

    for (size_t i = 0; i < table->count; i++) {
        const struct fetch *fetch = &table->fetch[i];

        here = here || fetch->state == FETCH_HERE;
        asked = asked || (fetch->state == FETCH_ASKED && !lacks(fetch, peer));
    }
    if (here)
        return FETCH_WAIT;
    if (table->stale)
        return FETCH_ASK;
    return asked ? FETCH_WAIT : FETCH_NOTHING;
}
