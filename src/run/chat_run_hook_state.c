/* SPDX-License-Identifier: Apache-2.0 */
/* Breakers of services of moderation, and their verdicts. See
 * chat_run_hook_state.h. */
#include "chat_run_hook_state.h"

#include <http_log.h>
#include <http_main.h>
#include <apr_strings.h>

#include <errno.h>
#include <string.h>

#include "chat_buf.h"
#include "chat_circuit.h"
#include "chat_clock.h"
#include "chat_crypto.h"
#include "chat_log.h"
#include "chat_scratch.h"
#include "chat_shared.h"

/* So many calls that fail in a row, and it is left alone for so long. */
#define FAILURES 5
#define COOLDOWN apr_time_from_sec(10)

/* Verdicts that are remembered: so many sets of so many. */
#define SETS 512
#define WAYS 8
#define CATEGORY_LEN 65

typedef struct breaker_t {
    chat_shared_lock_t lock;
    chat_circuit_t circuit;
    int fails; /* 1: that is in the log */
} __attribute__((aligned(64))) breaker_t;

typedef struct verdict_t {
    chat_run_hook_key_t key;
    apr_int64_t until; /* monotonic us; 0: there is none */
    int action;
    double score;
    char category[CATEGORY_LEN];
} verdict_t;

typedef struct set_t {
    chat_shared_lock_t lock;
    verdict_t verdict[WAYS];
} set_t;

static breaker_t *breakers;
static set_t *sets;

/* ---- whether it answers ---- */

static breaker_t *breaker_of(const chat_hook_conf_t *hook)
{
    return breakers && hook->slot >= 0 ? &breakers[hook->slot] : NULL;
}

int chat_run_hook_state_allow(const chat_hook_conf_t *hook)
{
    breaker_t *b = breaker_of(hook);
    chat_circuit_change_e change;
    apr_interval_time_t wait;
    int allowed;

    if (!b)
        return 1;
    chat_shared_lock(&b->lock);
    allowed = chat_circuit_allow(&b->circuit, chat_clock_now(), COOLDOWN, &wait,
                                 &change);
    chat_shared_unlock(&b->lock);
    return allowed;
}

void chat_run_hook_state_report(const chat_hook_conf_t *hook, const char *why,
                                request_rec *r)
{
    breaker_t *b = breaker_of(hook);
    int failed;

    if (!b)
        return;
    chat_shared_lock(&b->lock);
    failed = b->fails;
    b->fails = why != NULL;
    if (why)
        chat_circuit_failure(&b->circuit, chat_clock_now(), FAILURES, COOLDOWN);
    else
        chat_circuit_success(&b->circuit);
    chat_shared_unlock(&b->lock);
    if (why && !failed)
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                      CHATNO(0847) "moderation by %s fails: %s. This is said "
                                   "once until it works again",
                      hook->name, why);
    if (!why && failed)
        ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, r,
                      CHATNO(0848) "moderation by %s works again", hook->name);
}

void chat_run_hook_state_left(const chat_hook_conf_t *hook)
{
    breaker_t *b = breaker_of(hook);

    if (!b)
        return;
    chat_shared_lock(&b->lock);
    chat_circuit_unknown(&b->circuit, chat_clock_now());
    chat_shared_unlock(&b->lock);
}

/* ---- what it has said ---- */

/* Each with its end, so that no two queries are one text. */
static void put(chat_buf_t *buf, const char *text)
{
    chat_buf_put(buf, text ? text : "", text ? strlen(text) + 1 : 1);
}

/* A service of one's own may tell who asks for what apart. */
static void put_about(chat_buf_t *buf, const chat_run_hook_about_t *about)
{
    put(buf, about->user);
    put(buf, about->tier);
    put(buf, about->route);
    put(buf, about->model);
    put(buf, about->provider);
}

int chat_run_hook_state_key(chat_run_hook_key_t *key,
                            const chat_hook_conf_t *hook,
                            const chat_run_hook_query_t *query)
{
    apr_pool_t *p;
    chat_buf_t buf;
    apr_status_t rv;
    int i;

    if (!hook->cache || !sets)
        return 0;
    apr_pool_create(&p, chat_scratch());
    chat_buf_init(&buf, p);
    chat_buf_put(&buf, (const char *)&hook->slot, sizeof(hook->slot));
    chat_buf_put(&buf, (const char *)&query->phase, sizeof(query->phase));
    if (hook->format == CHAT_HOOK_GENERIC)
        put_about(&buf, query->about);
    put(&buf, query->before);
    for (i = 0; i < query->ntexts; i++) {
        put(&buf, query->texts[i].role);
        put(&buf, query->texts[i].content);
    }
    rv = chat_crypto_sha256(key->digest, buf.data, buf.len);
    apr_pool_destroy(p);
    return rv == APR_SUCCESS;
}

static set_t *set_of(const chat_run_hook_key_t *key)
{
    return &sets[(key->digest[0] | key->digest[1] << 8) % SETS];
}

/* NULL: another has the set now. One that has died with it leaves what cannot
 * be read, which is as good as nothing. */
static set_t *lock_set(const chat_run_hook_key_t *key)
{
    set_t *set = set_of(key);
    int died;

    if (!chat_shared_trylock(&set->lock, &died))
        return NULL;
    if (died)
        memset(set->verdict, 0, sizeof(set->verdict));
    return set;
}

int chat_run_hook_state_find(chat_run_hook_answer_t *answer,
                             const chat_run_hook_key_t *key, apr_pool_t *p)
{
    apr_int64_t now = chat_clock_now();
    set_t *set = lock_set(key);
    int i, found = 0;

    for (i = 0; set && i < WAYS && !found; i++) {
        const verdict_t *v = &set->verdict[i];

        if (v->until <= now || memcmp(&v->key, key, sizeof(*key)))
            continue;
        memset(answer, 0, sizeof(*answer));
        answer->action = v->action;
        answer->score = v->score;
        answer->category = *v->category ? apr_pstrdup(p, v->category) : NULL;
        found = 1;
    }
    if (set)
        chat_shared_unlock(&set->lock);
    return found;
}

void chat_run_hook_state_keep(const chat_run_hook_key_t *key,
                              const chat_hook_conf_t *hook,
                              const chat_run_hook_answer_t *answer)
{
    set_t *set =
        answer->action == CHAT_MODERATION_REPLACE ? NULL : lock_set(key);
    verdict_t *v;
    int i;

    if (!set)
        return;
    v = &set->verdict[0];
    for (i = 1; i < WAYS; i++) /* the one that would be forgotten first */
        if (set->verdict[i].until < v->until)
            v = &set->verdict[i];
    v->key = *key;
    v->until = chat_clock_now() + hook->cache;
    v->action = answer->action;
    v->score = answer->score;
    apr_cpystrn(v->category, answer->category ? answer->category : "",
                sizeof(v->category));
    chat_shared_unlock(&set->lock);
}

/* ---- start-up ---- */

/* The services get their numbers: how many there are. */
static int number_hooks(server_rec *s)
{
    int i, n = 0;

    for (; s; s = s->next) {
        const apr_array_header_t *all = chat_config_server(s)->hook.all;

        for (i = 0; all && i < all->nelts; i++) {
            chat_hook_conf_t *hook = APR_ARRAY_IDX(all, i, chat_hook_conf_t *);

            if (hook->slot == CHAT_UNSET)
                hook->slot = n++;
        }
    }
    return n;
}

static apr_status_t refuse(server_rec *s, apr_size_t size)
{
    ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                 CHATNO(0849) "no %lu bytes of shared memory, with locks, for "
                              "the state of ChatModerationURL",
                 (unsigned long)size);
    return errno ? errno : APR_ENOMEM;
}

apr_status_t chat_run_hook_state_post_config(apr_pool_t *pconf, server_rec *s)
{
    int i, n = number_hooks(s);
    apr_size_t size = n * sizeof(breaker_t) + SETS * sizeof(set_t);

    breakers = NULL;
    sets = NULL;
    if (!n)
        return APR_SUCCESS;
    breakers = chat_shared_create(size, pconf);
    if (!breakers)
        return refuse(s, size);
    for (i = 0; i < n; i++)
        if (!chat_shared_lock_init(&breakers[i].lock))
            return refuse(s, size);
    sets = (set_t *)(breakers + n);
    for (i = 0; i < SETS; i++)
        if (!chat_shared_lock_init(&sets[i].lock))
            return refuse(s, size);
    return APR_SUCCESS;
}
