/*
 * A simulated network: engines over stores in memory, a virtual clock, messages that are
 * late, lost, doubled and reordered, crashes, stores replaced by older copies, and peers
 * that lie. Nodes are validators, some only for a time; fewer than a third of them lie.
 * Everything is drawn from one seed, so a run can be repeated to the letter.
 *
 * A run has two phases: trouble, then healing. In the second, nothing fails any more and
 * nobody lies anew; all honest nodes must come to one chain, and all of it that has
 * entries must become final, whatever the liars keep back.
 */
#ifndef TAMGA_SIM_WORLD_H
#define TAMGA_SIM_WORLD_H

#include "chain/finality.h"
#include "chain/query.h"
#include "fixture.h"
#include "sabotage.h"

#define SIM_NODES_MAX    10
#define SIM_EVIL_MAX     8   /* blocks that a liar has made beside the chain */
#define SIM_PENDING_MAX  24  /* of the rules: small, so that it is met */
#define SIM_SENDER_MAX   16
#define SIM_BLOCK_MAX    8   /* entries of a block */
#define SIM_ENTRIES_MAX  1024 /* that producers sign in one run */
#define SIM_DEVICES     5
#define SIM_SIGNED_MAX  8    /* that a validator signs in one batch, of each kind */
#define SIM_HEIGHTS_MAX 4096 /* of a chain in one run */
#define SIM_OPENED      4096 /* signatures that are remembered to be good */
#define SIM_REPLAYS     64   /* old votes that liars can show again */
#define SIM_HEAL_MS      300000u
#define SIM_NOBODY       (-1)

/* What must hold. */
enum sim_invariant {
    SIM_HOLDS = 0,
    SIM_ONE_TIP,     /* healed, all honest nodes have the same tip and nothing waits */
    SIM_NOTHING_LOST,/* what was acknowledged is in the chain, or its rival, and it was told */
    SIM_NO_DOUBLE,   /* no entry, image of a model, or install twice on any chain */
    SIM_SAME_STATE,  /* state is what a fresh engine makes of the best chain, and the council
                        what its blocks say */
    SIM_WORK_GROWS,  /* the tip never gets worse, crashes included: what is final and
                        justified in it first, then its work */
    SIM_BOUNDED,     /* mempool, branches, headers off the chain, votes, cosignatures */
    SIM_WHOLE,       /* a store is consistent whenever it is looked at */
    SIM_FAIR,        /* no honest peer is refused, but for its clock or for what it cannot
                        know to be final */
    SIM_FINAL_AGREES,/* one block is final at a height, everywhere and for ever, and a quorum of
                        its validators said so */
    SIM_HONEST_VOTES,/* no honest validator ever sends two votes that conflict */
    SIM_ALL_FINAL,   /* healed, every block with entries is final */
    SIM_STATE_ROOT,  /* the tip's state root is the root of the state that is stored */
    SIM_EVIDENCE,    /* who was seen to conflict is known to all, and nobody honest is */
    SIM_INVARIANTS
};
const char *sim_invariant_name(enum sim_invariant invariant);

struct sim_options {
    uint64_t seed;
    uint64_t steps_max; /* of trouble; 0: by time alone */
    bool trace;
    enum sim_sabotage sabotage;
};

/* What a run came to. */
struct sim_result {
    enum sim_invariant broken;
    uint64_t step;
    char text[320];
    int nodes, liars;
    uint64_t steps, blocks, reorgs, crashes, acks, lies, invalid, entries;
    uint64_t finals, votes, checkpoints, conflicts, restores;
    uint64_t seats; /* begun or ended by decisions, on the chain at the end */
    uint64_t gaps;  /* runs in which a device could not follow the validators */
    uint64_t heal_ms; /* that all honest nodes needed to agree */
};

/* A network and a chain as one process has them: what it knows of members and validators
 * beyond genesis, it has learned itself. */
struct sim_home {
    struct tamga_network *network;
    struct tamga_chain chain;
};
/* Whom genesis names, of the consortium chain's nodes: the first ones. */
struct sim_founders {
    int nodes, members, seats;
    uint32_t voters; /* roles; 0: as the fixture has it */
};

/* A cosignature on its way: places in a council mean nothing to others. */
struct sim_word {
    struct tamga_address by;
    struct tamga_cosignature word;
};

/* ---- messages --------------------------------------------------------------------- */

enum sim_kind {
    SIM_SUBMIT, /* a producer's entry; its answer is the acknowledgement */
    SIM_PAYLOAD,
    SIM_ANNOUNCE,
    SIM_HINT, /* a status, gossiped */
    SIM_MINED, /* from the node's own miner */
    SIM_GET_STATUS,
    SIM_STATUS,
    SIM_GET_HEADERS,
    SIM_HEADERS,
    SIM_GET_BLOCKS,
    SIM_BLOCKS,
    SIM_GET_PAYLOADS,
    SIM_PAYLOADS,
    SIM_GET_PENDING,
    SIM_PENDING,
    SIM_VOTE,     /* gossip: one vote */
    SIM_WORD,     /* gossip: one cosignature */
    SIM_CONFLICT, /* gossip: two votes as evidence */
    SIM_GET_FINALITY,
    SIM_FINALITY,
};

/* One letter on the way; shared by its copies. Which lists are used depends on kind. */
struct sim_message {
    unsigned refs;
    enum sim_kind kind;
    int from, to;
    uint64_t session; /* of the pull that a request belongs to */
    struct tamga_block_id *block_id;
    struct tamga_entry_id *entry_id;
    struct tamga_sealed *sealed;
    struct tamga_block *block;
    struct tamga_buf *payload;
    size_t block_id_count, entry_id_count, sealed_count, block_count, payload_count;
    struct tamga_buf *vote;             /* encoded, not opened yet */
    struct tamga_buf *evidence;         /* encoded votes, two by two */
    struct sim_word *word;              /* not verified yet */
    size_t vote_count, evidence_count, word_count;
    uint64_t above;                     /* GET_FINALITY */
    struct tamga_u256 work;
    struct tamga_block_id tip;
    uint64_t justified; /* a status: height */
    uint64_t job;  /* MINED */
    enum tamga_err err; /* what the engine said */
    bool news;          /* a payload that was not known: to be passed on */
    size_t used;        /* of a response: how much of it was asked for */
    bool cut;           /* headers: one's miner is not known yet, bodies have to say who it is */
};

/* ---- nodes ------------------------------------------------------------------------ */

enum sim_stage {
    SIM_IDLE,
    SIM_AT_STATUS,
    SIM_AT_HEADERS,
    SIM_AT_BODIES,
    SIM_AT_PENDING,
    SIM_AT_FINALITY,
};

/* What a node pulls from one peer. */
struct sim_pull {
    enum sim_stage stage;
    uint64_t session;
    uint64_t avoid_until_ms;
    unsigned faults;
    struct tamga_u256 claimed;
    struct tamga_block_id claimed_tip;
    struct tamga_block_id doubted; /* claimed in vain by the pull before */
    struct tamga_block_id before; /* our tip when the round began */
    struct tamga_block_id last;   /* newest header of the page before */
    bool has_last;
    bool none; /* the peer has none of the payloads we want */
    bool cut;  /* its headers ended with a miner that is not known here */
    unsigned rounds;
};

/* What a validator said, or what became final, and when. */
struct sim_said {
    struct tamga_link link;
    uint64_t step;
};
struct sim_said_list {
    struct sim_said *at;
    size_t count, cap;
};

struct sim_node {
    int index;
    bool liar;
    bool joined; /* has been started once */
    const char *miner;
    struct tamga_address address;
    struct sim_home home; /* of this life */
    struct tamga_rules rules; /* its own, so that they can be broken */
    struct tamga_store *disk;  /* in memory; the engine's may be a wrapper around it */
    struct tamga_store *store;
    struct tamga_engine *engine; /* NULL: down */
    unsigned life;
    int64_t clock_base_ms;
    int64_t clock_ppm;
    uint64_t mean_mining_ms;
    struct sim_message **inbox;
    size_t inbox_count, inbox_cap;
    bool batch_due;
    bool mining;
    struct tamga_block job; /* what the miner works on */
    uint64_t job_number;
    uint64_t due_ms; /* when a look at it is planned */
    struct sim_pull pull[SIM_NODES_MAX];
    int chain_peer; /* whose chain is being pulled */
    uint64_t poked_ms;
    struct tamga_u256 work; /* of the last flushed tip */
    struct tamga_block_id tip_id;
    uint64_t justified; /* height */
    /* the validator */
    unsigned told; /* bit per node that answered a pull of finality since the start */
    bool may_vote;
    bool asks; /* restored, and has not heard from enough others yet */
    struct tamga_vote vote[SIM_SIGNED_MAX]; /* signed in this batch */
    struct tamga_cosignature word[SIM_SIGNED_MAX];
    size_t vote_count, word_count;
    unsigned caught; /* bit per node whose conflict this batch showed */
    struct sim_said_list sent;     /* all that it ever sent; never forgotten */
    struct sim_said_list cosigned; /* likewise; targets alone */
    struct tamga_point final; /* of the last flush */
    struct tamga_store *copy; /* of its disk, some time ago */
    uint64_t returned;      /* entries that switches can have given back */
    uint64_t batches;
    /* a liar's own blocks */
    struct test_block evil[SIM_EVIL_MAX];
    size_t evil_count;
    uint64_t evil_base;     /* height that the first one stands on */
    unsigned evil_served;   /* bit per node that gets bodies */
    bool evil_status;       /* claims far more than it has */
    bool evil_garbage;      /* headers that are none */
    struct tamga_buf evil_payload[SIM_EVIL_MAX]; /* what its blocks hold, served or not */
    struct tamga_entry_id evil_entry[SIM_EVIL_MAX];
    size_t evil_payload_count;
    bool evil_silent;       /* keeps the payloads back */
    bool evil_mute;         /* neither votes nor shows votes */
};

/* What an entry says, read from its bytes without the rules' help. */
struct sim_facts {
    struct tamga_entry_id id;
    struct tamga_hash group; /* the model, or the device */
    struct tamga_hash what;  /* the image, or the release */
    struct tamga_hash names; /* the release that this one repeats, or zero */
    uint64_t counter;        /* of the release, or of the receipt */
    bool once;               /* a release that repeats none, or a first install */
    bool governs;            /* neither release nor record: it clashes with none of them */
};

/* A chain as a list of facts; {0} is empty. */
struct sim_facts_list {
    struct sim_facts *at;
    size_t count, cap;
};

/* What a producer signed, and who said it will be in the chain. */
struct sim_entry {
    struct tamga_entry_id id;
    struct tamga_buf payload;
    struct sim_facts facts;
    bool owed;           /* somebody was told that it will be in the chain */
    unsigned acked_by;   /* bit per node */
    unsigned dropped_by; /* bit per node that told of a drop since */
    bool ended;          /* and once because its sender's key was not in force */
};

/* ---- members that govern ------------------------------------------------------------ */

#define SIM_GENERATIONS_MAX 8  /* keys of one member */
#define SIM_BALLOTS_MAX     64 /* proposals of one run */
#define SIM_SEATS_MAX       128

enum sim_rotating { SIM_ACME, SIM_SOFTCO, SIM_ROTATING };

struct sim_ballot {
    struct tamga_entry_id id;
    unsigned said; /* bit per voter that signed a yes */
};

/* Whose vote counts, by heights; until 0: no end. */
struct sim_seat {
    struct tamga_address address;
    uint64_t from, until;
};
struct sim_seats {
    struct sim_seat at[SIM_SEATS_MAX];
    size_t count;
};

/* A checkpoint that an honest node completed. */
struct sim_kept {
    uint64_t height;
    struct tamga_buf bytes;
};

/* ---- the world -------------------------------------------------------------------- */

enum sim_event_kind {
    SIM_EV_DELIVER,
    SIM_EV_BATCH,
    SIM_EV_TICK,
    SIM_EV_MINED,
    SIM_EV_PRODUCE,
    SIM_EV_CRASH,
    SIM_EV_START,
    SIM_EV_PARTITION,
    SIM_EV_LIE,
    SIM_EV_TIMEOUT,
    SIM_EV_COPY,
    SIM_EV_RESTORE,
    SIM_EV_GOVERN,
};
struct sim_event {
    uint64_t at_ms, order;
    enum sim_event_kind kind;
    int node;
    unsigned life;
    uint64_t number;
    struct sim_message *message;
};

/* A signature that was found good, whose it is, and what it was on. Whether he counts there
 * is for each node to say. */
struct sim_opened {
    struct tamga_hash hash; /* of the bytes; zero: none */
    struct tamga_address by;
    struct tamga_link link;
};

struct sim_world {
    struct sim_options options;
    struct sim_result result;
    uint64_t random;
    uint64_t now_ms, start_ms;
    bool healed;
    bool gateway;
    struct sim_event *event; /* a heap by (at_ms, order) */
    size_t event_count, event_cap;
    uint64_t order, session;
    struct sim_node node[SIM_NODES_MAX];
    int node_count, liar_count;
    uint64_t healed_ms; /* when healing began */
    unsigned side;         /* bit per node: which side of the partition */
    unsigned drop, twice;  /* of 1000 messages */
    uint64_t delay_ms;
    size_t page;           /* headers in one answer */
    struct sim_entry entry[SIM_ENTRIES_MAX];
    size_t entry_count;
    uint64_t produce_ms; /* mean time between two entries */
    uint64_t counter, image, serial, receipt[SIM_DEVICES];
    struct tamga_rules rules; /* sound ones, for the engine that others are held against */
    struct sim_founders founders;
    struct tamga_block_id final[SIM_HEIGHTS_MAX]; /* of any honest node; zero: none yet */
    unsigned caught;      /* bit per node: two conflicting votes reached one honest node */
    struct sim_opened *opened; /* SIM_OPENED */
    struct tamga_buf replay[SIM_REPLAYS];
    size_t replays;
    bool governed;    /* members and validators change in this run */
    unsigned movable; /* bit per node whose seat comes and goes */
    bool removed;     /* a proposal that somebody leaves for good was signed */
    unsigned generation[SIM_ROTATING]; /* newest key that was ever signed for */
    struct sim_ballot ballot[SIM_BALLOTS_MAX];
    size_t ballot_count;
    const struct sim_ballot *seat_ballot; /* the newest about validators */
    struct sim_said_list finals; /* of honest nodes; targets alone */
    struct sim_kept kept[SIM_HEIGHTS_MAX];
    size_t kept_count;
};

/* world.c */
void sim_run(struct sim_result *out, const struct sim_options *options);
uint64_t sim_random(struct sim_world *world);
uint64_t sim_below(struct sim_world *world, uint64_t bound);
uint64_t sim_exponential(struct sim_world *world, uint64_t mean);
bool sim_chance(struct sim_world *world, unsigned of_1000);
void sim_trace(struct sim_world *world, const char *format, ...) TAMGA_PRINTF(2, 3);
void sim_broken(struct sim_world *world, enum sim_invariant invariant, const char *format,
                ...) TAMGA_PRINTF(3, 4);
void sim_later(struct sim_world *world, uint64_t in_ms, struct sim_event event);
bool sim_honest(const struct sim_node *node);
uint64_t sim_clock(const struct sim_world *world, const struct sim_node *node);
const char *sim_short(const struct tamga_hash *hash); /* valid for the next three calls */

/* node.c: life, batches, mining */
/* A new process of the node: it knows genesis. */
void sim_node_home(struct sim_world *world, struct sim_node *node);
void sim_node_start(struct sim_world *world, struct sim_node *node);
void sim_node_crash(struct sim_world *world, struct sim_node *node, const char *why);
void sim_node_clear(struct sim_node *node);
void sim_node_take(struct sim_world *world, struct sim_node *node,
                   struct sim_message *message);
void sim_node_batch(struct sim_world *world, struct sim_node *node);
/* The tip's last look is not to be compared with: the store is another one now. */
void sim_node_forget(struct sim_node *node);
void sim_node_review(struct sim_world *world, struct sim_node *node, bool tip_changed);
void sim_node_mined(struct sim_world *world, struct sim_node *node, uint64_t job);

/* tell.c: after a flush */
void sim_announce_tip(struct sim_world *world, struct sim_node *node);
/* Is this why an entry's sender may not sign just then? */
bool sim_key_is_out(enum tamga_err err);
/* Returns whether the tip changed. */
bool sim_tell_events(struct sim_world *world, struct sim_node *node);

/* net.c: the wire */
struct sim_message *sim_message_new(enum sim_kind kind, int from, int to);
void sim_message_free(struct sim_message *message);
void sim_message_block(struct sim_message *message, const struct tamga_block *block);
void sim_message_payload(struct sim_message *message, struct tamga_span payload);
void sim_message_vote(struct sim_message *message, struct tamga_span encoded);
void sim_message_evidence(struct sim_message *message, struct tamga_span encoded);
void sim_message_word(struct sim_message *message, const struct sim_word *word);
void *sim_alloc(size_t count, size_t size);
/* Takes the message. */
void sim_send(struct sim_world *world, struct sim_message *message);
void sim_gossip(struct sim_world *world, struct sim_message *message);
void sim_deliver(struct sim_world *world, struct sim_event *event);

/* serve.c: answers from a node's store, or what a liar says instead */
void sim_serve(struct sim_world *world, struct sim_node *node,
               const struct sim_message *request);

/* pull.c */
void sim_pull_start(struct sim_world *world, struct sim_node *node, int peer);
void sim_pull_poke(struct sim_world *world, struct sim_node *node);
void sim_pull_timeout(struct sim_world *world, struct sim_node *node, uint64_t session);
/* Is this response still waited for? */
struct sim_pull *sim_pull_of(struct sim_node *node, const struct sim_message *message);
void sim_pull_answer(struct sim_world *world, struct sim_node *node,
                     struct sim_message *message);
void sim_pull_done(struct sim_world *world, struct sim_node *node,
                   struct sim_message *message);

/* actors.c */
void sim_produce(struct sim_world *world);
void sim_acknowledged(struct sim_world *world, struct sim_node *node,
                      struct tamga_span payload);
struct sim_entry *sim_entry_find(struct sim_world *world, const struct tamga_entry_id *id);
/* Takes the payload of an entry that somebody signed, and sends it. NULL: there are too many. */
struct sim_entry *sim_send_entry(struct sim_world *world, struct tamga_buf *payload);
/* A payload of a fresh entry, valid on any branch; nobody waits for it. */
void sim_fresh_payload(struct sim_world *world, struct tamga_buf *out);

/* Send a payload to a node as a client would. */
void sim_submit(struct sim_world *world, const struct sim_entry *entry);

/* network.c: the fixture's network with nodes of its own, v-0 and so on. What was open is
 * closed first; rules are borrowed. */
void sim_home_open(struct sim_home *home, const struct sim_founders *founders,
                   const struct tamga_rules *rules);
void sim_home_close(struct sim_home *home);
const char *sim_validator_name(int index, bool gateway);

/* votes.c: the validator's room, and what is heard from others */
int sim_node_at(const struct sim_world *world, const struct tamga_address *address);
/* As a node's own chain has it. */
enum tamga_err sim_vote_open(struct sim_world *world, const struct sim_node *node,
                             struct tamga_vote *out, struct tamga_span untrusted);
enum tamga_err sim_run_finality(struct sim_world *world, struct sim_node *node,
                                struct sim_message *message);
/* Before the flush; what was signed is told after it. */
enum tamga_err sim_sign(struct sim_world *world, struct sim_node *node);
void sim_tell_signed(struct sim_world *world, struct sim_node *node);
void sim_drop_signed(struct sim_node *node);
void sim_tell_conflict(struct sim_world *world, struct sim_node *node,
                       const struct tamga_hash *validator);
void sim_pass_on(struct sim_world *world, struct sim_node *node,
                 const struct sim_message *message);
void sim_serve_finality(struct sim_world *world, struct sim_node *node,
                        const struct sim_message *request);

/* liar_votes.c: lies about finality */
void sim_lie_vote(struct sim_world *world, struct sim_node *node);

/* restore.c: copies of disks, and disks replaced by them */
void sim_copy(struct sim_world *world, struct sim_node *node);
void sim_restore(struct sim_world *world, struct sim_node *node);

/* liar.c */
/* Any lie, or one that keeps all bodies, or all payloads, back. */
void sim_lie(struct sim_world *world, struct sim_node *node, bool withhold);

/* govern.c */
/* Whom genesis names, and whether anything of that changes. */
void sim_found(struct sim_world *world);
void sim_govern(struct sim_world *world);
/* Name of the key that the member signs with now; sometimes a former one. */
const char *sim_key_of(struct sim_world *world, enum sim_rotating who);

/* seats.c: who counts on the best chain of a node's disk */
void sim_read_seats(const struct sim_world *world, const struct sim_node *node,
                    struct sim_seats *out);
bool sim_sits(const struct sim_seats *seats, const struct tamga_address *address,
              uint64_t height);
unsigned sim_quorum(const struct sim_seats *seats, uint64_t height);

/* facts.c: of a payload that decodes */
void sim_facts_of(struct sim_facts *out, bool gateway, struct tamga_span payload);

/* check.c */
void sim_check_bounds(struct sim_world *world, struct sim_node *node);
void sim_check_store(struct sim_world *world, struct sim_node *node);
void sim_check_doubles(struct sim_world *world, struct sim_node *node);
void sim_check_state(struct sim_world *world, struct sim_node *node);
void sim_facts_clear(struct sim_facts_list *chain);
void sim_read_chain(struct sim_world *world, struct sim_node *node, struct sim_facts_list *out);
/* Why b, which comes after a on the chain, may not be there; NULL if it may. */
const char *sim_clash(bool gateway, const struct sim_facts *a, const struct sim_facts *b);
bool sim_holds_entry(const struct sim_node *node, const struct tamga_entry_id *id);

/* check_final.c: after a flush */
void sim_check_tip(struct sim_world *world, struct sim_node *node);
void sim_check_final(struct sim_world *world, struct sim_node *node);
void sim_check_checkpoint(struct sim_world *world, struct sim_node *node,
                          const struct tamga_event *event);
void sim_check_voters(struct sim_world *world, struct sim_node *node);
void sim_check_root(struct sim_world *world, struct sim_node *node);
/* An honest node sends this vote. */
void sim_check_sent(struct sim_world *world, struct sim_node *node,
                    const struct tamga_link *link);
bool sim_conflict(const struct tamga_link *a, const struct tamga_link *b);
bool sim_all_final(const struct sim_node *node);
/* Bit per node that this one holds evidence against. */
unsigned sim_evidence(const struct sim_world *world, const struct sim_node *node);
void sim_check_evidence(struct sim_world *world, struct sim_node *node);

/* check_council.c */
/* Does it count by the council that a node's chain has in memory? */
bool sim_sits_there(const struct sim_node *node, const struct tamga_address *address,
                    uint64_t height);
void sim_check_seats(struct sim_world *world, struct sim_node *node);
void sim_said_add(struct sim_world *world, struct sim_said_list *list,
                  const struct tamga_link *link);
void sim_keep_checkpoint(struct sim_world *world, uint64_t height, struct tamga_span encoded);
/* Healed, does somebody still wait for validators whom he cannot know? */
bool sim_council_apart(const struct sim_world *world);
/* At the end, by the chain of an honest node. */
void sim_check_councils(struct sim_world *world, struct sim_node *node);

/* check_end.c */
bool sim_quiet(struct sim_world *world);
void sim_check_end(struct sim_world *world);

#endif
