/* Proposals: a node lists them, the state proves them, and what they change is worked out
 * here. */
#include "auditor/diff.h"
#include "link/submit.h"
#include "wire/wire.h"

#define PAGE_COUNT 64
#define PAGES_MAX  100000 /* a node that never ends its list is no node of ours */

struct listing {
    struct tamga_client *client;
    struct tamga_assembly assembly;
    bool open_only;
    tamga_proposal_each each;
    void *context;
};

static void listing_clear(struct listing *listing)
{
    tamga_assembly_clear(&listing->assembly);
}

/* ---- one of them ------------------------------------------------------------------------- */

static enum tamga_client_verdict verdict(const Tamga__V1__StateProposal *proposal)
{
    if (proposal->decided != 0)
        return TAMGA_VERDICT_DECIDED;
    return proposal->propose->expires_ms <= tamga_submit_now_ms() ? TAMGA_VERDICT_EXPIRED
                                                                  : TAMGA_VERDICT_OPEN;
}

static size_t count_yes(const struct tamga_assembly *assembly,
                        const Tamga__V1__StateProposal *proposal, uint64_t height)
{
    size_t count = 0;

    for (size_t i = 0; i < proposal->n_approvals; i++) {
        const Tamga__V1__Term *term =
            tamga_assembly_term(assembly, proposal->approvals[i], height);

        count += term != NULL && tamga_term_holds(term, height) &&
                 (term->roles & assembly->network->voters) != 0;
    }
    return count;
}

static enum tamga_err tell(const struct listing *listing, const struct tamga_hash *id,
                           const Tamga__V1__StateProposal *proposal, bool final)
{
    const struct tamga_assembly *assembly = &listing->assembly;
    const Tamga__V1__Propose *propose = proposal->propose;
    uint64_t height = proposal->effect > 0 ? proposal->effect - 1 : assembly->at.at.height + 1;
    struct tamga_diff diff = {.count = 0};
    struct tamga_proposal_info info = {
        .proposer = proposal->proposer,
        .subject = propose->change_case == TAMGA__V1__PROPOSE__CHANGE_MEMBER
                       ? propose->member->name
                       : "consortium",
        .reason = propose->reason,
        .after = propose->after,
        .expires_ms = propose->expires_ms,
        .approvals = (const char *const *)proposal->approvals,
        .approvals_count = proposal->n_approvals,
        .verdict = verdict(proposal),
        .decided = proposal->decided,
        .effect = proposal->effect,
        .final = final,
    };

    if (listing->open_only && info.verdict != TAMGA_VERDICT_OPEN)
        return TAMGA_OK;
    memcpy(info.id, id->byte, TAMGA_HASH_BYTES);
    tamga_diff_make(&diff, assembly, propose, height);
    info.diff = diff.list;
    info.diff_count = diff.count;
    info.voters = tamga_assembly_count(assembly, assembly->network->voters, height);
    info.needed = tamga_assembly_quorum(assembly, info.voters);
    info.counted = count_yes(assembly, proposal, height);
    return listing->each(listing->context, &info);
}

/* Shown by a node or not (NULL): what the checkpoint's state has of it goes first, unless the
 * best chain has said more since. */
static enum tamga_err judge(const struct listing *listing, const struct tamga_hash *id,
                            const Tamga__V1__StateProposal *shown, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) Tamga__V1__StateProposal *proved = NULL;
    struct tamga_checkpoint at;
    struct tamga_hash key;
    enum tamga_err err;

    tamga_key_proposal(&key, id);
    err = tamga_state_known((ProtobufCMessage **)&proved, &at, listing->client, &key,
                            &tamga__v1__state_proposal__descriptor, detail);
    if (err != TAMGA_OK)
        return err;
    if (proved != NULL && proved->propose != NULL &&
        (shown == NULL || shown->n_approvals <= proved->n_approvals))
        return tell(listing, id, proved, true);
    if (shown == NULL)
        return TAMGA_E_UNKNOWN_PROPOSAL;
    if (shown->propose == NULL)
        return tamga_refuse(detail, TAMGA_E_PEER_LIED, "a proposal that proposes nothing");
    return tell(listing, id, shown, false);
}

/* ---- the list ------------------------------------------------------------------------------ */

struct search {
    const struct tamga_hash *id; /* only this one; NULL: all */
    bool found;
};

static enum tamga_err take_entry(const struct listing *listing, struct search *search,
                                 const Tamga__V1__ProposalEntry *entry,
                                 struct tamga_detail *detail)
{
    struct tamga_hash id;
    enum tamga_err err = tamga_hash_from(&id, tamga_wire_span(entry->id));

    if (err == TAMGA_OK && entry->state == NULL)
        err = tamga_refuse(detail, TAMGA_E_MISSING_FIELD, "a listed proposal is absent");
    if (err != TAMGA_OK || (search->id != NULL && !tamga_hash_equal(&id, search->id)))
        return err;
    search->found = true;
    return judge(listing, &id, entry->state, detail);
}

static enum tamga_err take_page(const struct listing *listing, struct search *search,
                                struct tamga_buf *next, struct tamga_detail *detail)
{
    TAMGA_CLEANUP(tamga_wire_release) ProtobufCMessage *answer = NULL;
    Tamga__V1__ListProposalsRequest request = TAMGA__V1__LIST_PROPOSALS_REQUEST__INIT;
    const Tamga__V1__ListProposalsResponse *page;
    enum tamga_err err;

    request.after = tamga_wire_bytes(tamga_buf_span(next));
    request.count_max = PAGE_COUNT;
    err = tamga_session_call(listing->client->nodes, &answer,
                             &tamga__v1__consortium_service__descriptor, "ListProposals",
                             &request.base, detail);
    if (err != TAMGA_OK)
        return err;
    page = (const Tamga__V1__ListProposalsResponse *)answer;
    for (size_t i = 0; i < page->n_proposals && err == TAMGA_OK; i++)
        err = take_entry(listing, search, page->proposals[i], detail);
    if (err == TAMGA_OK && page->next.len > 0 &&
        tamga_span_equal(tamga_wire_span(page->next), tamga_buf_span(next)))
        err = tamga_refuse(detail, TAMGA_E_PEER_LIED, "the list goes in circles");
    return err == TAMGA_OK ? tamga_buf_set(next, tamga_wire_span(page->next)) : err;
}

static enum tamga_err take_all(struct listing *listing, struct search *search,
                               struct tamga_detail *detail)
{
    TAMGA_BUF next = {0};

    for (unsigned page = 0; page < PAGES_MAX; page++) {
        enum tamga_err err = take_page(listing, search, &next, detail);

        if (err != TAMGA_OK || next.len == 0 || (search->id != NULL && search->found))
            return err;
    }
    return tamga_refuse(detail, TAMGA_E_PEER_LIED, "the list of proposals has no end");
}

enum tamga_err tamga_client_proposals(struct tamga_client *client, bool open_only,
                                      tamga_proposal_each each, void *context,
                                      struct tamga_detail *detail)
{
    TAMGA_CLEANUP(listing_clear) struct listing listing = {
        .client = client, .open_only = open_only, .each = each, .context = context};
    struct search search = {NULL, false};
    enum tamga_err err = tamga_assembly_fetch(&listing.assembly, client, detail);

    return err == TAMGA_OK ? take_all(&listing, &search, detail) : err;
}

enum tamga_err tamga_client_proposal(struct tamga_client *client,
                                     const uint8_t id[TAMGA_CLIENT_ID_BYTES],
                                     tamga_proposal_each each, void *context,
                                     struct tamga_detail *detail)
{
    TAMGA_CLEANUP(listing_clear) struct listing listing = {
        .client = client, .each = each, .context = context};
    struct tamga_hash wanted;
    struct search search = {&wanted, false};
    enum tamga_err err = tamga_assembly_fetch(&listing.assembly, client, detail);

    memcpy(wanted.byte, id, TAMGA_HASH_BYTES);
    if (err == TAMGA_OK)
        err = take_all(&listing, &search, detail);
    if (err == TAMGA_OK && !search.found) /* a list may leave it out; the state cannot */
        err = judge(&listing, &wanted, NULL, detail);
    return err;
}
