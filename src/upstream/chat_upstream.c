/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The breakers of all providers, and which of their keys are suspended, in
 * memory that the children of a server share. Each provider has a slot with a
 * lock of its own, held for a few instructions. Any thread; start-up on the
 * main thread.
 *
 * The memory belongs to one reading of the configuration. Children of the
 * generation before a restart keep theirs: their slots are others.
 */
#include "chat_upstream.h"

#include <http_main.h>

#include <errno.h>
#include <stdlib.h>

#include "chat_circuit.h"
#include "chat_clock.h"
#include "chat_log.h"
#include "chat_shared.h"
#include "chat_upstream_keys.h"

_Static_assert(CHAT_UPSTREAM_KEYS_MAX == CHAT_PROVIDER_KEYS_MAX,
               "each key has its place");

#define SUSPEND_TIME apr_time_from_sec(60)

/* Aligned so that two providers never share a cache line. */
typedef struct slot_t {
    chat_shared_lock_t lock; /* over all of it; a child that dies with it
                                leaves numbers, each of them valid */
    chat_circuit_t breaker[CHAT_ORIGIN_COUNT];
    chat_upstream_keys_t keys;
    struct {
        apr_uint64_t calls, failures, opened;
    } numbers[CHAT_ORIGIN_COUNT];
} __attribute__((aligned(64))) slot_t;

static slot_t *slots;
static int nslots;

static slot_t *slot_of(const chat_provider_conf_t *conf)
{
    return conf->slot >= 0 && conf->slot < nslots ? &slots[conf->slot] : NULL;
}

/* ---- the breaker ---- */

static const char *const origin_names[] = {
    [CHAT_ORIGIN_HOUSE] = "",
    [CHAT_ORIGIN_USER] = " with users' keys",
};

chat_permit_e chat_upstream_allow(const chat_provider_conf_t *conf,
                                  chat_origin_e origin,
                                  apr_interval_time_t *pwait)
{
    slot_t *slot = slot_of(conf);
    chat_circuit_change_e change;
    int allowed;

    *pwait = 0;
    if (!slot)
        return CHAT_PERMIT_YES;
    chat_shared_lock(&slot->lock);
    allowed = chat_circuit_allow(&slot->breaker[origin], chat_clock_now(),
                                 conf->breaker_cooldown, pwait, &change);
    slot->numbers[origin].calls += allowed;
    chat_shared_unlock(&slot->lock);
    if (change != CHAT_CIRCUIT_PROBES)
        return allowed ? CHAT_PERMIT_YES : CHAT_PERMIT_NO;
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, ap_server_conf,
                 CHATNO(1102) "provider %s%s: one call tries whether it works "
                              "again",
                 conf->name, origin_names[origin]);
    return CHAT_PERMIT_HALF_OPEN;
}

static void log_change(const chat_provider_conf_t *conf, chat_origin_e origin,
                       chat_circuit_change_e change, int failures,
                       request_rec *r)
{
    double pause = (double)conf->breaker_cooldown / APR_USEC_PER_SEC;

    switch (change) {
    case CHAT_CIRCUIT_OPENS:
        ap_log_rerror(
            APLOG_MARK, APLOG_ERR, 0, r,
            CHATNO(1103) "provider %s%s has failed %d times in a row: "
                         "it is not asked for %g s",
            conf->name, origin_names[origin], failures, pause);
        return;
    case CHAT_CIRCUIT_REOPENS:
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                      CHATNO(1104) "provider %s%s still fails: it is not "
                                   "asked for another %g s",
                      conf->name, origin_names[origin], pause);
        return;
    case CHAT_CIRCUIT_CLOSES:
        ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, r,
                      CHATNO(1105) "provider %s%s works again", conf->name,
                      origin_names[origin]);
        return;
    case CHAT_CIRCUIT_PROBES:
    case CHAT_CIRCUIT_SAME:
        return;
    }
}

/* In the lock. */
static chat_circuit_change_e count_verdict(slot_t *slot,
                                           const chat_provider_conf_t *conf,
                                           chat_origin_e origin,
                                           chat_verdict_e verdict)
{
    chat_circuit_t *breaker = &slot->breaker[origin];
    chat_circuit_change_e change;

    switch (verdict) {
    case CHAT_VERDICT_OK:
        return chat_circuit_success(breaker);
    case CHAT_VERDICT_FAILED:
        slot->numbers[origin].failures++;
        change = chat_circuit_failure(breaker, chat_clock_now(),
                                      conf->breaker_failures,
                                      conf->breaker_cooldown);
        slot->numbers[origin].opened += change == CHAT_CIRCUIT_OPENS;
        return change;
    case CHAT_VERDICT_UNKNOWN:
        chat_circuit_unknown(breaker, chat_clock_now());
        break;
    case CHAT_VERDICT_BEGAN:
        if (breaker->state == CHAT_CIRCUIT_HALF_OPEN)
            return chat_circuit_success(breaker);
        break;
    }
    return CHAT_CIRCUIT_SAME;
}

void chat_upstream_report(const chat_provider_conf_t *conf,
                          chat_origin_e origin, chat_verdict_e verdict,
                          request_rec *r)
{
    slot_t *slot = slot_of(conf);
    chat_circuit_change_e change;
    int failures;

    if (!slot)
        return;
    chat_shared_lock(&slot->lock);
    change = count_verdict(slot, conf, origin, verdict);
    failures = slot->breaker[origin].failures;
    chat_shared_unlock(&slot->lock);
    log_change(conf, origin, change, failures, r);
}

/* ---- keys ---- */

int chat_upstream_key(const chat_provider_conf_t *conf)
{
    slot_t *slot = slot_of(conf);
    int key;

    if (!slot)
        return conf->keys->nelts > 0 ? 0 : -1;
    chat_shared_lock(&slot->lock);
    key = chat_upstream_keys_next(&slot->keys, conf->keys->nelts,
                                  chat_clock_now());
    chat_shared_unlock(&slot->lock);
    return key;
}

int chat_upstream_suspend(const chat_provider_conf_t *conf, int key, int sure,
                          request_rec *r)
{
    slot_t *slot = slot_of(conf);
    apr_int64_t now = chat_clock_now();
    int n = conf->keys->nelts, fresh, suspended;

    if (!slot)
        return 0;
    chat_shared_lock(&slot->lock);
    suspended = chat_upstream_keys_suspended(&slot->keys, n, now);
    if (!sure && n - suspended < 2) {
        chat_shared_unlock(&slot->lock);
        return 0;
    }
    fresh = chat_upstream_keys_suspend(&slot->keys, n, key, now,
                                       now + SUSPEND_TIME);
    suspended = chat_upstream_keys_suspended(&slot->keys, n, now);
    chat_shared_unlock(&slot->lock);
    if (fresh)
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      CHATNO(1106) "provider %s does not accept key number %d "
                                   "of %d: it is not used for %d s, and %d "
                                   "are left",
                      conf->name, key + 1, n, (int)apr_time_sec(SUSPEND_TIME),
                      n - suspended);
    return 1;
}

/* ---- numbers ---- */

static const char *const state_names[] = {
    [CHAT_CIRCUIT_CLOSED] = "closed",
    [CHAT_CIRCUIT_OPEN] = "open",
    [CHAT_CIRCUIT_HALF_OPEN] = "half-open",
};

static void fill(chat_upstream_stats_t *row, slot_t *slot,
                 const chat_provider_conf_t *conf)
{
    row->name = conf->name;
    row->keys = conf->keys->nelts;
    chat_shared_lock(&slot->lock);
    row->state = state_names[slot->breaker[CHAT_ORIGIN_HOUSE].state];
    row->calls = slot->numbers[CHAT_ORIGIN_HOUSE].calls;
    row->failures = slot->numbers[CHAT_ORIGIN_HOUSE].failures;
    row->opened = slot->numbers[CHAT_ORIGIN_HOUSE].opened;
    row->suspended =
        chat_upstream_keys_suspended(&slot->keys, row->keys, chat_clock_now());
    chat_shared_unlock(&slot->lock);
}

static int by_name(const void *a, const void *b)
{
    const chat_upstream_stats_t *one = a, *other = b;

    return strcmp(one->name, other->name);
}

int chat_upstream_stats(chat_upstream_stats_t *rows, int max)
{
    int i;

    for (i = 0; i < nslots && i < max; i++)
        fill(&rows[i], &slots[i], chat_config_provider_at(i));
    qsort(rows, i, sizeof(*rows), by_name);
    return i;
}

/* ---- start-up ---- */

static apr_status_t refuse(apr_status_t rv, server_rec *s, apr_size_t size)
{
    ap_log_error(
        APLOG_MARK, APLOG_ERR, rv, s,
        CHATNO(
            1101) "no %lu bytes of shared memory, with locks, for the state of "
                  "providers",
        (unsigned long)size);
    return rv;
}

apr_status_t chat_upstream_post_config(apr_pool_t *pconf, server_rec *s)
{
    int i, n = chat_config_providers_count();
    apr_size_t size = n * sizeof(slot_t);

    slots = NULL;
    nslots = 0;
    if (!n)
        return APR_SUCCESS;
    slots = chat_shared_create(size, pconf);
    if (!slots)
        return refuse(errno, s, size);
    nslots = n;
    for (i = 0; i < n; i++)
        if (!chat_shared_lock_init(&slots[i].lock))
            return refuse(errno, s, size);
    return APR_SUCCESS;
}
