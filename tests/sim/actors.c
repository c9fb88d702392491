/* Producers and gateways: what they sign, whom they send it to, and what they were told. */
#include <stdio.h>
#include <stdlib.h>

#include "world.h"

static uint64_t client_clock(struct sim_world *world)
{
    return world->now_ms + sim_below(world, 4000) - 2000;
}

struct sim_entry *sim_entry_find(struct sim_world *world, const struct tamga_entry_id *id)
{
    for (size_t i = 0; i < world->entry_count; i++)
        if (tamga_hash_equal(&world->entry[i].id.hash, &id->hash))
            return &world->entry[i];
    return NULL;
}

static const struct sim_entry *any_entry(struct sim_world *world)
{
    return world->entry_count == 0 ? NULL
                                   : &world->entry[sim_below(world, world->entry_count)];
}

/* Takes the payload. */
static struct sim_entry *remember(struct sim_world *world, struct tamga_buf *payload,
                                  const struct tamga_entry_id *id)
{
    struct sim_entry *entry = sim_entry_find(world, id);

    if (entry != NULL || world->entry_count == SIM_ENTRIES_MAX) {
        tamga_buf_clear(payload);
        return entry;
    }
    entry = &world->entry[world->entry_count++];
    entry->id = *id;
    tamga_buf_move(&entry->payload, payload);
    sim_facts_of(&entry->facts, world->gateway, tamga_buf_span(&entry->payload));
    world->result.entries++;
    return entry;
}

/* ---- releases --------------------------------------------------------------------- */

/* Mostly a new image with the next counter; now and then an image again, with and
 * without saying so, or a counter that is not higher. */
static void make_release(struct sim_world *world, struct tamga_buf *out,
                         struct tamga_entry_id *id)
{
    const struct sim_entry *earlier = any_entry(world);
    bool lock = sim_chance(world, 300);
    struct test_release release = {
        .model = lock ? "lock" : "cam",
        .sender = sim_key_of(world, !lock && sim_chance(world, 400) ? SIM_SOFTCO : SIM_ACME),
        .counter = ++world->counter,
        .time_ms = client_clock(world),
        .urgent = sim_chance(world, 50),
    };

    release.image = ++world->image;
    if (sim_chance(world, 150) && world->image > 1)
        release.image = 1 + sim_below(world, world->image - 1);
    if (sim_chance(world, 150) && release.counter > 4)
        release.counter -= 1 + sim_below(world, 3);
    if (earlier != NULL && sim_chance(world, 150)) {
        release.republish_of = &earlier->id;
        for (uint64_t i = 1; i <= world->image; i++) {
            struct tamga_hash image;

            test_image(&image, i);
            if (tamga_hash_equal(&image, &earlier->facts.what))
                release.image = i;
        }
    }
    test_release(out, id, &release);
}

/* ---- records ---------------------------------------------------------------------- */

static void send_record(struct sim_world *world, const struct test_record *record)
{
    struct tamga_buf payload = {0};
    struct tamga_entry_id id;
    const struct sim_entry *entry;

    test_record(&payload, &id, record);
    entry = remember(world, &payload, &id);
    if (entry != NULL)
        sim_submit(world, entry);
}

/* A device reports once, but perhaps through both gateways. */
static void produce_record(struct sim_world *world)
{
    static const char *const number[SIM_DEVICES] = {"0001", "0002", "0003", "0004", "0005"};
    size_t device = sim_below(world, SIM_DEVICES);
    bool first = sim_chance(world, 500), both = sim_chance(world, 300);
    struct test_record record = {
        .gateway = first ? "gw-1" : "gw-2",
        .number = number[device],
        .release = 1 + sim_below(world, 12),
        .counter = ++world->receipt[device],
        .time_ms = client_clock(world),
    };

    if (sim_chance(world, 250))
        record.outcome = TAMGA__V1__OUTCOME__OUTCOME_FAILED;
    else if (sim_chance(world, 200))
        record.reinstall = TAMGA__V1__REINSTALL__REINSTALL_RECOVERY;
    if (sim_chance(world, 50) && record.counter > 1)
        record.counter--; /* a device that lost its count */
    send_record(world, &record);
    record.gateway = first ? "gw-2" : "gw-1";
    if (both)
        send_record(world, &record);
}

/* ---- both ------------------------------------------------------------------------- */

void sim_submit(struct sim_world *world, const struct sim_entry *entry)
{
    for (unsigned n = sim_chance(world, 200) ? 2 : 1; n > 0; n--) {
        struct sim_message *message =
            sim_message_new(SIM_SUBMIT, SIM_NOBODY,
                            (int)sim_below(world, (uint64_t)world->node_count));

        sim_message_payload(message, tamga_buf_span(&entry->payload));
        sim_send(world, message);
    }
}

struct sim_entry *sim_send_entry(struct sim_world *world, struct tamga_buf *payload)
{
    struct sim_facts facts;
    struct sim_entry *entry;

    sim_facts_of(&facts, world->gateway, tamga_buf_span(payload));
    entry = remember(world, payload, &facts.id);
    if (entry != NULL)
        sim_submit(world, entry);
    return entry;
}

void sim_produce(struct sim_world *world)
{
    struct tamga_buf payload = {0};
    struct tamga_entry_id id;
    const struct sim_entry *entry = any_entry(world);

    if (entry != NULL && sim_chance(world, 100)) {
        sim_submit(world, entry); /* no answer came: the client asks again */
        return;
    }
    if (world->gateway) {
        produce_record(world);
        return;
    }
    make_release(world, &payload, &id);
    entry = remember(world, &payload, &id);
    if (entry != NULL)
        sim_submit(world, entry);
}

void sim_fresh_payload(struct sim_world *world, struct tamga_buf *out)
{
    uint64_t serial = ++world->serial;

    if (world->gateway)
        test_record(out, NULL,
                    &(struct test_record){.number = "evil",
                                          .release = 1000 + serial,
                                          .counter = serial,
                                          .time_ms = client_clock(world)});
    else
        test_release(out, NULL,
                     &(struct test_release){.sender = sim_key_of(world, SIM_ACME),
                                            .counter = ++world->counter,
                                            .image = 100000 + serial,
                                            .time_ms = client_clock(world)});
}

void sim_acknowledged(struct sim_world *world, struct sim_node *node,
                      struct tamga_span payload)
{
    for (size_t i = 0; i < world->entry_count && sim_honest(node); i++) {
        struct sim_entry *entry = &world->entry[i];

        if (!tamga_span_equal(tamga_buf_span(&entry->payload), payload))
            continue;
        sim_trace(world, "node %d acknowledges %s", node->index, sim_short(&entry->id.hash));
        entry->owed = true;
        entry->acked_by |= 1u << node->index;
        entry->dropped_by &= ~(1u << node->index); /* what comes after counts */
        world->result.acks++;
    }
}
