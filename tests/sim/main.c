/*
 * The simulator's program. One seed with --seed, many with --seeds; the first that breaks
 * an invariant ends the run and is printed with the step.
 *
 *   sim --seed N [--steps M] [--trace] [--sabotage NAME]
 *   sim [--from N] --seeds COUNT [--minutes M]
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "world.h"

#ifndef SIM_SEEDS_DEFAULT
#define SIM_SEEDS_DEFAULT 100
#endif

struct arguments {
    struct sim_options options;
    uint64_t from, seeds;
    double minutes; /* 0: no limit */
};

static int usage(void)
{
    fprintf(stderr, "usage: sim --seed N [--steps M] [--trace] [--sabotage NAME]\n"
                    "       sim [--from N] [--seeds COUNT] [--minutes M]\n");
    return 2;
}

static bool parse_number(const char *text, uint64_t *out)
{
    char *end;

    *out = strtoull(text, &end, 0);
    return *text != '\0' && *text != '-' && *end == '\0';
}

static bool parse_sabotage(const char *text, enum sim_sabotage *out)
{
    for (int i = 0; i < SIM_SABOTAGES; i++)
        if (strcmp(text, sim_sabotage_name((enum sim_sabotage)i)) == 0) {
            *out = (enum sim_sabotage)i;
            return true;
        }
    return false;
}

static bool parse(struct arguments *out, int argc, char **argv)
{
    static const struct option option[] = {
        {"seed", required_argument, NULL, 's'},   {"seeds", required_argument, NULL, 'n'},
        {"from", required_argument, NULL, 'f'},   {"steps", required_argument, NULL, 'm'},
        {"trace", no_argument, NULL, 't'},        {"minutes", required_argument, NULL, 'l'},
        {"sabotage", required_argument, NULL, 'b'}, {NULL, 0, NULL, 0}};
    bool good = true;
    uint64_t minutes = 0;
    int c;

    while (good && (c = getopt_long(argc, argv, "", option, NULL)) != -1) {
        switch (c) {
        case 's':
            good = parse_number(optarg, &out->from);
            out->seeds = 1;
            break;
        case 'n':
            good = parse_number(optarg, &out->seeds);
            break;
        case 'f':
            good = parse_number(optarg, &out->from);
            break;
        case 'm':
            good = parse_number(optarg, &out->options.steps_max);
            break;
        case 'l':
            good = parse_number(optarg, &minutes);
            out->minutes = (double)minutes;
            break;
        case 'b':
            good = parse_sabotage(optarg, &out->options.sabotage);
            break;
        case 't':
            out->options.trace = true;
            break;
        default:
            good = false;
        }
    }
    return good && optind == argc;
}

static void add(struct sim_result *sum, const struct sim_result *one)
{
    sum->steps += one->steps;
    sum->blocks += one->blocks;
    sum->reorgs += one->reorgs;
    sum->crashes += one->crashes;
    sum->acks += one->acks;
    sum->lies += one->lies;
    sum->invalid += one->invalid;
    sum->entries += one->entries;
    sum->finals += one->finals;
    sum->votes += one->votes;
    sum->checkpoints += one->checkpoints;
    sum->conflicts += one->conflicts;
    sum->restores += one->restores;
    sum->seats += one->seats;
    sum->gaps += one->gaps;
    sum->heal_ms = one->heal_ms > sum->heal_ms ? one->heal_ms : sum->heal_ms;
}

static void tell_broken(const struct sim_result *result, uint64_t seed)
{
    printf("seed %" PRIu64 " (%d nodes, %d liars) step %" PRIu64 ": broken: %s: %s\n"
           "replay: sim --seed %" PRIu64 " --trace\n",
           seed, result->nodes, result->liars, result->step,
           sim_invariant_name(result->broken), result->text, seed);
}

/* Seconds since some moment; how long the program may run is the only thing it decides. */
static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.from = 1, .seeds = SIM_SEEDS_DEFAULT};
    struct sim_result sum = {.broken = SIM_HOLDS};
    double start = seconds(), took;
    uint64_t done = 0;

    if (!parse(&arguments, argc, argv))
        return usage();
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("seeds %" PRIu64 "..%" PRIu64 "\n", arguments.from,
           arguments.from + arguments.seeds - 1);
    while (done < arguments.seeds &&
           (arguments.minutes == 0 || seconds() - start < arguments.minutes * 60)) {
        struct sim_result result;

        arguments.options.seed = arguments.from + done;
        sim_run(&result, &arguments.options);
        if (result.broken != SIM_HOLDS) {
            tell_broken(&result, arguments.options.seed);
            return 1;
        }
        add(&sum, &result);
        done++;
    }
    took = seconds() - start;
    printf("%" PRIu64 " seeds hold, %.1f a second: %" PRIu64 " steps, %" PRIu64
           " tips, %" PRIu64 " switches, %" PRIu64 " crashes, %" PRIu64 " entries, %" PRIu64
           " acknowledgements, %" PRIu64 " lies, %" PRIu64 " blocks condemned, %" PRIu64
           " votes, %" PRIu64 " heights final, %" PRIu64 " checkpoints, %" PRIu64
           " conflicts seen, %" PRIu64 " restores, %" PRIu64 " seats changed, %" PRIu64
           " gaps between councils; healed within %" PRIu64 " s\n",
           done, (double)done / took, sum.steps, sum.blocks, sum.reorgs, sum.crashes,
           sum.entries, sum.acks, sum.lies, sum.invalid, sum.votes, sum.finals, sum.checkpoints,
           sum.conflicts, sum.restores, sum.seats, sum.gaps, sum.heal_ms / 1000);
    return 0;
}
