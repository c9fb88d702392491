/*
 * What a proposal would change, in lines for people: "roles: provider -> oem, provider".
 * Reads; decides nothing. Nodes judge whether the change may be.
 */
#ifndef TAMGA_AUDITOR_DIFF_H
#define TAMGA_AUDITOR_DIFF_H

#include "auditor/assembly.h"

#define TAMGA_DIFF_LINES_MAX 8
#define TAMGA_DIFF_LINE_MAX  192

/* {0} is empty. Lists point into it: it must not move. */
struct tamga_diff {
    char line[TAMGA_DIFF_LINES_MAX][TAMGA_DIFF_LINE_MAX];
    const char *list[TAMGA_DIFF_LINES_MAX];
    size_t count;
};
/* Against what is so at a height: of the next block, or just before it took effect. */
void tamga_diff_make(struct tamga_diff *out, const struct tamga_assembly *assembly,
                     const Tamga__V1__Propose *propose, uint64_t height);

#endif
