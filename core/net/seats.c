/* Chains in buckets over one array: nothing is allocated while connections come and go. */
#include "net/seats.h"

#include <stdlib.h>

static struct tamga_seat **chain_of(const struct tamga_seats *seats, uint32_t pipe)
{
    return &seats->bucket[pipe % seats->bucket_count];
}

enum tamga_err tamga_seats_open(struct tamga_seats *seats, size_t count_max)
{
    *seats = (struct tamga_seats){
        .seat = calloc(count_max, sizeof *seats->seat),
        .bucket = calloc(count_max, sizeof(struct tamga_seat *)),
        .bucket_count = count_max,
    };
    if (!seats->seat || !seats->bucket) {
        tamga_seats_close(seats);
        return TAMGA_E_NO_MEMORY;
    }
    for (size_t i = count_max; i > 0; i--) {
        seats->seat[i - 1].next = seats->unused;
        seats->unused = &seats->seat[i - 1];
    }
    return TAMGA_OK;
}

void tamga_seats_close(struct tamga_seats *seats)
{
    free(seats->seat);
    free(seats->bucket);
    *seats = (struct tamga_seats){0};
}

enum tamga_err tamga_seats_take(struct tamga_seats *seats, uint32_t pipe)
{
    struct tamga_seat **chain = chain_of(seats, pipe);
    struct tamga_seat *seat = seats->unused;

    if (!seat)
        return TAMGA_E_BUSY;
    seats->unused = seat->next;
    *seat = (struct tamga_seat){.pipe = pipe, .next = *chain};
    *chain = seat;
    seats->taken++;
    return TAMGA_OK;
}

void tamga_seats_leave(struct tamga_seats *seats, uint32_t pipe)
{
    struct tamga_seat **link = chain_of(seats, pipe);

    while (*link && (*link)->pipe != pipe)
        link = &(*link)->next;
    if (!*link)
        return;
    struct tamga_seat *seat = *link;
    *link = seat->next;
    seat->next = seats->unused;
    seats->unused = seat;
    seats->taken--;
}

struct tamga_seat *tamga_seats_find(const struct tamga_seats *seats, uint32_t pipe)
{
    struct tamga_seat *seat = *chain_of(seats, pipe);

    while (seat && seat->pipe != pipe)
        seat = seat->next;
    return seat;
}
