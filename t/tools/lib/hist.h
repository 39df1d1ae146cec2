/* SPDX-License-Identifier: Apache-2.0 */
/* A histogram of durations, exact to 2 %, in constant memory. */
#ifndef TOOLS_HIST_H
#define TOOLS_HIST_H

#include "buf.h"

#define HIST_STEPS 64 /* per doubling */
#define HIST_SLOTS (64 * HIST_STEPS)

typedef struct hist_t {
    uint64_t count;
    int64_t max;
    uint32_t slots[HIST_SLOTS];
} hist_t;

void hist_add(hist_t *h, int64_t ns);
/* The value that the given share of all does not exceed; -1 when empty. */
int64_t hist_at(const hist_t *h, double share);
/* {"count":..,"p50":..,"p90":..,"p99":..,"p999":..,"max":..} in ms. */
void hist_json(buf_t *out, const hist_t *h);

#endif
