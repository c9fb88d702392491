/*
 * Goal:   the simulator sees each invariant break, and names the right one; a seed gives
 *         the same run again; the world has all the trouble in it that it claims.
 * Method: run every broken double over some seeds until one breaks: it must be exactly the
 *         invariant that the double is made for, and no invariant may be without a double.
 *         Run sound seeds twice and compare.
 */
#include <stdio.h>

#include "world.h"

#define SEEDS    60
#define REPEATED 20

/* True once a seed shows it. */
static bool bites(enum sim_sabotage sabotage)
{
    int expected = sim_sabotage_breaks(sabotage);

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct sim_options options = {.seed = seed, .sabotage = sabotage};
        struct sim_result result;

        sim_run(&result, &options);
        if (result.broken == SIM_HOLDS)
            continue;
        printf("%-16s seed %llu: %s: %s\n", sim_sabotage_name(sabotage),
               (unsigned long long)seed, sim_invariant_name(result.broken), result.text);
        return (int)result.broken == expected;
    }
    printf("%-16s was not seen in %d seeds\n", sim_sabotage_name(sabotage), SEEDS);
    return false;
}

static bool same(const struct sim_result *a, const struct sim_result *b)
{
    return a->steps == b->steps && a->blocks == b->blocks && a->reorgs == b->reorgs &&
           a->crashes == b->crashes && a->acks == b->acks && a->lies == b->lies &&
           a->invalid == b->invalid && a->entries == b->entries && a->votes == b->votes &&
           a->finals == b->finals && a->checkpoints == b->checkpoints &&
           a->conflicts == b->conflicts && a->restores == b->restores &&
           a->seats == b->seats && a->gaps == b->gaps && a->heal_ms == b->heal_ms;
}

/* Is there a double for each? */
static bool all_bitten(void)
{
    bool bitten[SIM_INVARIANTS] = {false}, all = true;

    for (int i = SIM_NO_SABOTAGE + 1; i < SIM_SABOTAGES; i++)
        bitten[sim_sabotage_breaks((enum sim_sabotage)i)] = true;
    for (int i = SIM_HOLDS + 1; i < SIM_INVARIANTS; i++)
        if (!bitten[i]) {
            printf("nothing breaks: %s\n", sim_invariant_name((enum sim_invariant)i));
            all = false;
        }
    return all;
}

/* The same seed twice: all counts agree, and over the seeds none of them is zero. */
static bool repeats(void)
{
    bool lied = false, left = false, crashed = false, condemned = false, final = false,
         certified = false, caught = false, restored = false, governed = false;

    for (uint64_t seed = 1; seed <= REPEATED; seed++) {
        struct sim_options options = {.seed = seed};
        struct sim_result first, again;

        sim_run(&first, &options);
        sim_run(&again, &options);
        if (first.broken != SIM_HOLDS || !same(&first, &again)) {
            printf("seed %llu: another run\n", (unsigned long long)seed);
            return false;
        }
        lied = lied || first.lies > 0;
        left = left || first.reorgs > 0;
        crashed = crashed || first.crashes > 0;
        condemned = condemned || first.invalid > 0;
        final = final || first.finals > 1;
        certified = certified || first.checkpoints > 0;
        caught = caught || first.conflicts > 0;
        restored = restored || first.restores > 0;
        governed = governed || first.seats > 0;
    }
    return lied && left && crashed && condemned && final && certified && caught && restored &&
           governed;
}

int main(void)
{
    int failed;

    setvbuf(stdout, NULL, _IOLBF, 0);
    failed = !repeats() + !all_bitten();
    for (int i = SIM_NO_SABOTAGE + 1; i < SIM_SABOTAGES; i++)
        failed += !bites((enum sim_sabotage)i);
    return failed > 0;
}
