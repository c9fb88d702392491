/* The wire: letters that are late, lost, doubled and reordered. Knows no chain. */
#include <stdlib.h>

#include "world.h"

void *sim_alloc(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (memory == NULL)
        abort();
    return memory;
}

struct sim_message *sim_message_new(enum sim_kind kind, int from, int to)
{
    struct sim_message *message = sim_alloc(1, sizeof *message);

    message->refs = 1;
    message->kind = kind;
    message->from = from;
    message->to = to;
    return message;
}

void sim_message_free(struct sim_message *message)
{
    if (message == NULL || --message->refs > 0)
        return;
    for (size_t i = 0; i < message->block_count; i++)
        tamga_block_clear(&message->block[i]);
    for (size_t i = 0; i < message->payload_count; i++)
        tamga_buf_clear(&message->payload[i]);
    for (size_t i = 0; i < message->vote_count; i++)
        tamga_buf_clear(&message->vote[i]);
    for (size_t i = 0; i < message->evidence_count; i++)
        tamga_buf_clear(&message->evidence[i]);
    free(message->block);
    free(message->payload);
    free(message->vote);
    free(message->evidence);
    free(message->word);
    free(message->block_id);
    free(message->entry_id);
    free(message->sealed);
    free(message);
}

void sim_message_block(struct sim_message *message, const struct tamga_block *block)
{
    struct tamga_block copy = {.sealed = block->sealed};

    for (size_t i = 0; i < block->count; i++)
        if (tamga_block_add(&copy, block->entry[i]) != TAMGA_OK)
            abort();
    message->block = realloc(message->block, (message->block_count + 1) * sizeof copy);
    if (message->block == NULL)
        abort();
    message->block[message->block_count++] = copy;
}

static void add_copy(struct tamga_buf **list, size_t *count, struct tamga_span bytes)
{
    struct tamga_buf copy = {0};

    if (tamga_buf_set(&copy, bytes) != TAMGA_OK)
        abort();
    *list = realloc(*list, (*count + 1) * sizeof copy);
    if (*list == NULL)
        abort();
    (*list)[(*count)++] = copy;
}

void sim_message_payload(struct sim_message *message, struct tamga_span payload)
{
    add_copy(&message->payload, &message->payload_count, payload);
}

void sim_message_vote(struct sim_message *message, struct tamga_span encoded)
{
    add_copy(&message->vote, &message->vote_count, encoded);
}

void sim_message_evidence(struct sim_message *message, struct tamga_span encoded)
{
    add_copy(&message->evidence, &message->evidence_count, encoded);
}

void sim_message_word(struct sim_message *message, const struct sim_word *word)
{
    message->word = realloc(message->word, (message->word_count + 1) * sizeof *word);
    if (message->word == NULL)
        abort();
    message->word[message->word_count++] = *word;
}

static bool apart(const struct sim_world *world, int from, int to)
{
    return from >= 0 && ((world->side >> from ^ world->side >> to) & 1) != 0;
}

static uint64_t delay(struct sim_world *world)
{
    /* Mostly quick, sometimes very late: that is what reorders. */
    uint64_t most = sim_chance(world, 50) ? 8 * world->delay_ms : world->delay_ms;

    return 1 + sim_below(world, world->healed ? 50 : most);
}

static void send_one(struct sim_world *world, struct sim_message *message, int to)
{
    unsigned copies = sim_chance(world, world->twice) ? 2 : 1;

    if (apart(world, message->from, to))
        return;
    while (copies-- > 0) {
        if (sim_chance(world, world->drop))
            continue;
        message->refs++;
        sim_later(world, delay(world),
                  (struct sim_event){
                      .kind = SIM_EV_DELIVER, .node = to, .message = message});
    }
}

void sim_send(struct sim_world *world, struct sim_message *message)
{
    send_one(world, message, message->to);
    sim_message_free(message);
}

/* Each receiver has its own fate; whom it is for is in the event alone. */
void sim_gossip(struct sim_world *world, struct sim_message *message)
{
    for (int i = 0; i < world->node_count; i++)
        if (i != message->from)
            send_one(world, message, i);
    sim_message_free(message);
}

static void hear(struct sim_world *world, struct sim_node *node, struct sim_message *message)
{
    switch (message->kind) {
    case SIM_HINT:
        if (tamga_u256_compare(&message->work, &node->work) > 0)
            sim_pull_poke(world, node);
        break;
    case SIM_SUBMIT:
    case SIM_PAYLOAD:
    case SIM_ANNOUNCE:
    case SIM_MINED:
    case SIM_VOTE:
    case SIM_WORD:
    case SIM_CONFLICT:
        sim_node_take(world, node, message);
        break;
    case SIM_GET_STATUS:
    case SIM_GET_HEADERS:
    case SIM_GET_BLOCKS:
    case SIM_GET_PAYLOADS:
    case SIM_GET_PENDING:
    case SIM_GET_FINALITY:
        sim_serve(world, node, message);
        break;
    case SIM_STATUS:
    case SIM_HEADERS:
    case SIM_BLOCKS:
    case SIM_PAYLOADS:
    case SIM_PENDING:
    case SIM_FINALITY:
        if (sim_pull_of(node, message) != NULL)
            sim_pull_answer(world, node, message);
        break;
    }
}

void sim_deliver(struct sim_world *world, struct sim_event *event)
{
    struct sim_node *node = &world->node[event->node];

    if (node->engine != NULL && !apart(world, event->message->from, node->index))
        hear(world, node, event->message);
    sim_message_free(event->message);
    event->message = NULL;
}
