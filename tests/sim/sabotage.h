/* Broken doubles: each makes one invariant fail, to show that the simulator sees it. */
#ifndef TAMGA_SIM_SABOTAGE_H
#define TAMGA_SIM_SABOTAGE_H

#include "chain/rules.h"

struct sim_world;
struct sim_node;
struct sim_message;

enum sim_sabotage {
    SIM_NO_SABOTAGE,
    SIM_DEAF,           /* one node takes no header and no block of others */
    SIM_PAYLOADS_FIRST, /* who lacks the payloads wanted is asked for no bodies */
    SIM_SAME_LOCATOR,   /* the next page of headers is asked for as the first was */
    SIM_EARLY_ACK,      /* nodes acknowledge before they flush */
    SIM_KEEPS_ABANDONED,/* entries of abandoned blocks do not wait again */
    SIM_SILENT_DROP,    /* drops are not told */
    SIM_FORGETS_RULE,   /* one node lets an image, or an install, stand twice */
    SIM_FORGETS_UNDO,   /* one store keeps state that a switch should take back */
    SIM_WRONG_APPLY,    /* one node's rules write an index too many */
    SIM_LOSES_SYNC,     /* one store says synced and is not */
    SIM_NO_BOUND,       /* one node's mempool takes any number */
    SIM_DROPS_WRITE,    /* one store says written and leaves out an undo record */
    SIM_BLAMES,         /* a peer is refused for what it does not have */
    SIM_QUORUM_OF_ONE,  /* for one node its own vote is enough */
    SIM_FORGETS_FINAL,  /* one store does not keep what is final */
    SIM_FORGETS_VOTES,  /* one node starts without its votes, and asks nobody for them */
    SIM_NEVER_ASKS,     /* nodes vote at once, though their disks were replaced */
    SIM_MUTE,           /* more than a third of the validators sign nothing */
    SIM_SKIPS_MAP,      /* stores leave out the rows of the state map */
    SIM_WORK_ALONE,     /* one node leaves what is justified for more work */
    SIM_DROPS_EVIDENCE, /* one store does not keep evidence */
    SIM_GENESIS_SEATS,  /* one node counts by genesis' validators for ever */
    SIM_KEEPS_SEATS,    /* one node's switch leaves the validators of the branch that it left */
    SIM_SABOTAGES
};
const char *sim_sabotage_name(enum sim_sabotage sabotage);
/* The invariant that must be seen broken, as enum sim_invariant. */
int sim_sabotage_breaks(enum sim_sabotage sabotage);

/* Rules with small bounds; signatures are verified once a payload, as they cannot change. */
void sim_rules(struct tamga_rules *out, bool gateway);
/* Give a node its rules and store, broken or not. Owns: node->disk is kept. */
void sim_sabotage_rules(struct sim_world *world, struct sim_node *node);
/* A new process of the node begins. */
void sim_sabotage_home(const struct sim_world *world, struct sim_node *node);
void sim_sabotage_store(struct sim_world *world, struct sim_node *node);
void sim_sabotage_store_clear(struct sim_node *node);
/* Is this message kept from the engine? */
bool sim_sabotage_deaf(const struct sim_world *world, const struct sim_node *node,
                       const struct sim_message *message);
/* Does this validator sign nothing? Without asking others first? */
bool sim_sabotage_mute(const struct sim_world *world, const struct sim_node *node);
bool sim_sabotage_hasty(const struct sim_world *world, const struct sim_node *node);
/* Before the engine opens the store: lose what the node has said. */
void sim_sabotage_start(const struct sim_world *world, struct sim_node *node);
/* Before each letter: make the engine forget where its tip stands. */
void sim_sabotage_standing(const struct sim_world *world, struct sim_node *node);
/* After a switch: make the node forget what came back. */
void sim_sabotage_forget(struct sim_world *world, struct sim_node *node);

#endif
