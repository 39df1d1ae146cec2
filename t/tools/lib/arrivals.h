/* SPDX-License-Identifier: Apache-2.0 */
/* When requests arrive that wait for nobody's answer. One thread. */
#ifndef TOOLS_ARRIVALS_H
#define TOOLS_ARRIVALS_H

#include <stdint.h>

typedef struct arrivals_t {
    double rate;    /* a second */
    int poisson;    /* exponential gaps; else all are the same */
    uint64_t state; /* of its random numbers: the same seed, the same gaps */
    double at;      /* ns since the start */
} arrivals_t;

void arrivals_init(arrivals_t *a, int rate, int poisson, int64_t seed);
/* Nanoseconds from the start to the next one. */
int64_t arrivals_next(arrivals_t *a);

#endif
