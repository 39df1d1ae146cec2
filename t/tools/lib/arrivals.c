/* SPDX-License-Identifier: Apache-2.0 */
/* A schedule of arrivals, fixed before anything is sent. Pure. */
#include "arrivals.h"

#include <math.h>

void arrivals_init(arrivals_t *a, int rate, int poisson, int64_t seed)
{
    a->rate = rate;
    a->poisson = poisson;
    a->state = (uint64_t)seed;
    a->at = 0;
}

/* In (0, 1], by splitmix64. */
static double uniform(arrivals_t *a)
{
    uint64_t z = a->state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    return ((double)(z >> 11) + 1) / 9007199254740992.0;
}

int64_t arrivals_next(arrivals_t *a)
{
    double gap = a->poisson ? -log(uniform(a)) : 1;

    a->at += gap * 1e9 / a->rate;
    return (int64_t)a->at;
}
