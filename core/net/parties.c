/* Buckets of chains over one array, and a list of those who have gone, oldest first. */
#include "net/parties.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum tamga_err tamga_parties_open(struct tamga_parties *parties, size_t holders_max)
{
    size_t count_max = holders_max + TAMGA_PARTIES_GONE_MAX;

    *parties = (struct tamga_parties){
        .party = calloc(count_max, sizeof *parties->party),
        .bucket = calloc(count_max, sizeof(struct tamga_party *)),
        .count_max = count_max,
    };
    if (parties->party && parties->bucket)
        return TAMGA_OK;
    tamga_parties_close(parties);
    return TAMGA_E_NO_MEMORY;
}

void tamga_parties_close(struct tamga_parties *parties)
{
    free(parties->party);
    free(parties->bucket);
    *parties = (struct tamga_parties){0};
}

/* FNV-1a. Names are the CA's, and whoever chooses addresses only makes its own way longer. */
static struct tamga_party **bucket_of(const struct tamga_parties *parties,
                                      enum tamga_limit_whose whose, const char *name)
{
    uint32_t hash = 2166136261u ^ (uint32_t)whose;

    for (const char *at = name; *at != '\0'; at++)
        hash = (hash ^ (uint8_t)*at) * 16777619u;
    return &parties->bucket[hash % parties->count_max];
}

static void gone_remove(struct tamga_parties *parties, struct tamga_party *party)
{
    *(party->before ? &party->before->after : &parties->gone_first) = party->after;
    *(party->after ? &party->after->before : &parties->gone_last) = party->before;
    party->before = party->after = NULL;
}

/* One that nobody has used, or the one that has been gone for longest. */
static struct tamga_party *blank(struct tamga_parties *parties)
{
    struct tamga_party *party = parties->gone_first, **link;

    if (parties->count < parties->count_max)
        return &parties->party[parties->count++];
    assert(party != NULL); /* there are more places than holders */
    gone_remove(parties, party);
    link = bucket_of(parties, party->whose, party->name);
    while (*link != party)
        link = &(*link)->next;
    *link = party->next;
    return party;
}

struct tamga_party *tamga_parties_hold(struct tamga_parties *parties,
                                       enum tamga_limit_whose whose, const char *name,
                                       const struct tamga_limit *limit, uint64_t now_ms)
{
    struct tamga_party **bucket = bucket_of(parties, whose, name), *party = *bucket;

    while (party && (party->whose != whose || strcmp(party->name, name) != 0))
        party = party->next;
    if (party) {
        if (party->holders++ == 0)
            gone_remove(parties, party);
        return party;
    }
    party = blank(parties);
    *party = (struct tamga_party){.next = *bucket, .whose = whose, .holders = 1};
    snprintf(party->name, sizeof party->name, "%s", name);
    tamga_account_open(&party->account, limit, now_ms);
    *bucket = party;
    return party;
}

void tamga_party_hold(struct tamga_party *party)
{
    party->holders++;
}

void tamga_parties_release(struct tamga_parties *parties, struct tamga_party *party)
{
    if (--party->holders > 0)
        return;
    party->before = parties->gone_last;
    party->after = NULL;
    *(party->before ? &party->before->after : &parties->gone_first) = party;
    parties->gone_last = party;
}
