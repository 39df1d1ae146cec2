/* SPDX-License-Identifier: Apache-2.0 */
/* Log-linear histogram of nanoseconds. One thread. */
#include "hist.h"

static int slot_of(uint64_t ns)
{
    int shift = 0;

    while (ns >= 2 * HIST_STEPS) {
        ns >>= 1;
        shift++;
    }
    return shift * HIST_STEPS + (int)ns;
}

/* The highest value of a slot. */
static int64_t top_of(int slot)
{
    int shift = slot < 2 * HIST_STEPS ? 0 : slot / HIST_STEPS - 1;
    uint64_t low = slot - shift * HIST_STEPS;

    return (int64_t)(((low + 1) << shift) - 1);
}

void hist_add(hist_t *h, int64_t ns)
{
    int slot = slot_of(ns < 0 ? 0 : (uint64_t)ns);

    h->slots[slot < HIST_SLOTS ? slot : HIST_SLOTS - 1]++;
    h->count++;
    if (ns > h->max)
        h->max = ns;
}

int64_t hist_at(const hist_t *h, double share)
{
    uint64_t want = (uint64_t)((double)h->count * share + 0.999999), sum = 0;
    int i;

    if (!h->count)
        return -1;
    for (i = 0; i < HIST_SLOTS; i++) {
        sum += h->slots[i];
        if (sum >= want)
            return top_of(i) < h->max ? top_of(i) : h->max;
    }
    return h->max;
}

static double ms(int64_t ns)
{
    return ns < 0 ? -1 : (double)ns / 1e6;
}

void hist_json(buf_t *out, const hist_t *h)
{
    buf_printf(out,
               "{\"count\":%llu,\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,"
               "\"p999\":%.3f,\"max\":%.3f}",
               (unsigned long long)h->count, ms(hist_at(h, 0.5)),
               ms(hist_at(h, 0.9)), ms(hist_at(h, 0.99)), ms(hist_at(h, 0.999)),
               ms(h->count ? h->max : -1));
}
