/*
 * Goal:   the simulator sees each invariant break, and names the right one.
 * Method: run every broken double over some seeds; each run must hold, or break exactly
 *         the invariant that the double is made for, and at least one must break.
 */
#include <stdio.h>

#include "world.h"

#define SEEDS 60

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

int main(void)
{
    int failed = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = SIM_NO_SABOTAGE + 1; i < SIM_SABOTAGES; i++)
        failed += !bites((enum sim_sabotage)i);
    return failed > 0;
}
