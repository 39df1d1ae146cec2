/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counter that many servers share: one script call per question, one per
 * settling. What goes wrong is told to the breaker and to whoever asked; what
 * that means is for each policy to say. Request thread or worker; an engine
 * has a line of its own (chat_limit_redis_line.c), with the same words.
 */
#include "chat_limit_redis_int.h"

#include <http_main.h>
#include <mpm_common.h>
#include <apr_strings.h>

#include "chat_limit_text.h"
#include "chat_log.h"

static const char *number(apr_int64_t n, apr_pool_t *p)
{
    char *text = apr_palloc(p, CHAT_LIMIT_NUMBER_MAX);

    chat_limit_put_number(text, n);
    return text;
}

static void say(chat_redis_words_t *w, const char *word)
{
    w->word[w->n++] = word;
}

/* ---- asking ---- */

void chat_redis_name_script(chat_redis_words_t *w,
                            const chat_redis_script_t *script, int whole)
{
    w->word[0] = whole ? "EVAL" : "EVALSHA";
    w->word[1] = whole ? script->text : script->sha1;
}

int chat_redis_lacks_script(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR &&
           strncmp(reply->str, "NOSCRIPT", 8) == 0;
}

redisReply *chat_redis_call(chat_redis_t *redis, chat_redis_words_t *w,
                            const chat_redis_script_t *script,
                            const char **pwhy, apr_pool_t *p)
{
    redisReply *reply;

    chat_redis_name_script(w, script, 0);
    reply = chat_redis_ask(redis, w->n, w->word, pwhy, p);
    if (!reply || !chat_redis_lacks_script(reply))
        return reply;
    freeReplyObject(reply);
    chat_redis_share_deadline(redis);
    chat_redis_name_script(w, script, 1);
    return chat_redis_ask(redis, w->n, w->word, pwhy, p);
}

/* Redis is well, but under this request's key stands what is no counter. That
 * must not count as a failure of Redis: who can choose a key could switch off
 * everybody's limits. Redis 6 puts its words in front of a script's. */
int chat_redis_is_about_key(const redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_ERROR &&
           strstr(reply->str, "WRONGTYPE") != NULL;
}

static void tell_about_key(request_rec *r, const char *why)
{
    if (chat_limit_may_log() >= 0)
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                      CHATNO(1014) "a key in Redis that a policy counts under "
                                   "holds something else: %s",
                      ap_escape_logitem(r->pool, why));
}

static void tell_breaker(request_rec *r, const char *why)
{
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r,
                  CHATNO(1013) "Redis did not count: %s",
                  ap_escape_logitem(r->pool, why));
    chat_redis_breaker_failure(why);
}

apr_status_t chat_redis_hear(const redisReply *reply, const char *why,
                             request_rec *r)
{
    int failed = !reply || reply->type == REDIS_REPLY_ERROR;
    int about_key = chat_redis_is_about_key(reply);

    if (reply && failed)
        why = apr_pstrndup(r->pool, reply->str, 100);
    if (failed && !about_key) {
        tell_breaker(r, why);
        return APR_EGENERAL;
    }
    chat_redis_breaker_success();
    if (about_key)
        tell_about_key(r, why);
    return about_key ? APR_EINVAL : APR_SUCCESS;
}

/* The reply, with APR_SUCCESS; or as chat_redis_hear(). */
static apr_status_t run(redisReply **preply, chat_redis_words_t *w,
                        const chat_redis_script_t *script, request_rec *r)
{
    chat_redis_t redis = {0};
    const char *why = "no reason";
    redisReply *reply = NULL;
    apr_status_t rv;

    if (chat_redis_open(&redis, &why, r->pool) == APR_SUCCESS)
        reply = chat_redis_call(&redis, w, script, &why, r->pool);
    rv = chat_redis_hear(reply, why, r);
    if (rv == APR_EGENERAL)
        chat_redis_drop(&redis);
    else
        chat_redis_keep(&redis);
    *preply = reply;
    if (rv != APR_SUCCESS && reply)
        freeReplyObject(reply);
    return rv;
}

/* ---- counts as the scripts have them ---- */

const char *chat_redis_unit(const chat_counts_t *counts,
                            const chat_count_t *count)
{
    return counts->closed && count->policy->unit == CHAT_LIMIT_REQUESTS
               ? "c"
               : chat_limit_unit[count->policy->unit];
}

int chat_redis_leased(const chat_counts_t *counts, const chat_count_t *count)
{
    return *chat_redis_unit(counts, count) != 'r';
}

/* The leases beside a counter: a key of the same slot that no counter
 * can have, whatever its user is called. */
static const char *leases_key(const char *key, apr_pool_t *p)
{
    return strchr(key, '{') ? apr_pstrcat(p, "chat-leases:", key, NULL)
                            : apr_pstrcat(p, "chat-leases:{", key, "}", NULL);
}

static void put_keys(chat_redis_words_t *w, char unit, const char *key,
                     apr_pool_t *p)
{
    say(w, key);
    if (unit == 't' || unit == 'c')
        say(w, leases_key(key, p));
}

/* EVALSHA sha nkeys key ... */
static chat_redis_words_t begin(const chat_counts_t *counts, apr_pool_t *p,
                                int settling)
{
    /* Two keys and five words for each. */
    chat_redis_words_t w = {apr_palloc(p, (5 + 7 * counts->n) * sizeof(char *)),
                            3};
    int i;

    for (i = 0; i < counts->n; i++) {
        const chat_count_t *count = &counts->count[i];

        if (settling && count->policy->unit == CHAT_LIMIT_REQUESTS)
            continue;
        put_keys(&w, *chat_redis_unit(counts, count), count->key, p);
    }
    w.word[2] = number(w.n - 3, p);
    say(&w, counts->lease);
    return w;
}

/* ---- take ---- */

/* Somebody else may have written the counter: sums with it have to fit. */
static apr_int64_t element(const redisReply *reply, size_t i)
{
    const apr_int64_t most = APR_INT64_C(1000000000000000000);
    apr_int64_t n = reply->element[i]->type == REDIS_REPLY_INTEGER
                        ? reply->element[i]->integer
                        : 0;

    return n > most ? most : n < -most ? -most : n;
}

apr_status_t chat_redis_take_read(chat_counts_t *counts,
                                  const redisReply *reply)
{
    int i;

    if (reply->type != REDIS_REPLY_ARRAY ||
        reply->elements != 1 + 4 * (size_t)counts->n)
        return APR_EGENERAL;
    for (i = 0; i < counts->n; i++) {
        chat_count_t *count = &counts->count[i];

        count->used = element(reply, 4 * i + 1);
        count->reset_ms = element(reply, 4 * i + 2);
        count->window_end = element(reply, 4 * i + 3);
        count->refused = element(reply, 4 * i + 4) != 0;
    }
    return APR_SUCCESS;
}

chat_redis_words_t chat_redis_take_words(const chat_counts_t *counts,
                                         apr_pool_t *p)
{
    chat_redis_words_t w = begin(counts, p, 0);
    int i;

    say(&w, number(*counts->lease ? counts->lasts / 1000 : 0, p));
    for (i = 0; i < counts->n; i++) {
        const chat_limit_conf_t *policy = counts->count[i].policy;

        say(&w, chat_redis_unit(counts, &counts->count[i]));
        say(&w, number(policy->points, p));
        say(&w, number(policy->window, p));
        say(&w, number(counts->count[i].amount, p));
        say(&w, policy->shadow ? "1" : "0");
    }
    return w;
}

static apr_status_t take(chat_counts_t *counts, request_rec *r)
{
    chat_redis_words_t w = chat_redis_take_words(counts, r->pool);
    redisReply *reply;
    apr_status_t rv;

    chat_redis_lease_note(counts, r->pool);
    rv = run(&reply, &w, &chat_redis_take, r);
    if (rv != APR_SUCCESS)
        return rv;
    rv = chat_redis_take_read(counts, reply);
    freeReplyObject(reply);
    return rv;
}

/* ---- settle ---- */

static chat_redis_words_t settle_words(const chat_counts_t *counts,
                                       apr_int64_t tokens, apr_pool_t *p)
{
    chat_redis_words_t w = begin(counts, p, 1);
    int i;

    say(&w, number(tokens, p));
    for (i = 0; i < counts->n; i++) {
        const chat_count_t *count = &counts->count[i];

        if (count->policy->unit == CHAT_LIMIT_REQUESTS)
            continue;
        say(&w, chat_limit_unit[count->policy->unit]);
        say(&w, number(count->amount, p));
        say(&w, number(count->window_end, p));
    }
    return w;
}

/* A trace of requests needs no settling once its answer was heard. */
static apr_status_t settle(chat_counts_t *counts, apr_int64_t tokens,
                           request_rec *r)
{
    apr_status_t rv = APR_EGENERAL;
    redisReply *reply = NULL;
    chat_redis_words_t w;

    if (!chat_limit_leases(counts)) {
        chat_redis_lease_strike(counts);
        return APR_SUCCESS;
    }
    if (chat_redis_breaker_allow()) {
        w = settle_words(counts, tokens, r->pool);
        rv = run(&reply, &w, &chat_redis_settle, r);
    }
    if (rv == APR_SUCCESS)
        freeReplyObject(reply);
    if (rv == APR_EGENERAL)
        chat_redis_lease_owe(counts, tokens);
    else
        chat_redis_lease_strike(counts);
    return rv;
}

void chat_redis_lease_words(chat_redis_words_t *w,
                            const chat_redis_lease_t *lease, apr_pool_t *p)
{
    put_keys(w, lease->unit, lease->key, p);
    w->word[2] = number(w->n - 3, p);
    say(w, lease->name);
    say(w, number(lease->tokens, p));
    say(w, apr_pstrmemdup(p, &lease->unit, 1));
    say(w, number(lease->amount, p));
    say(w, number(lease->window_end, p));
}

/* ---- is it there? ---- */

apr_status_t chat_limit_redis_ping(request_rec *r)
{
    static const char *word = "PING";
    chat_redis_t redis = {0};
    const char *why = "no reason";
    redisReply *reply = NULL;
    int fine;

    if (!chat_redis_breaker_allow())
        return APR_EGENERAL;
    if (chat_redis_open(&redis, &why, r->pool) == APR_SUCCESS)
        reply = chat_redis_ask(&redis, 1, &word, &why, r->pool);
    fine = reply && reply->type == REDIS_REPLY_STATUS;
    if (reply && !fine && reply->type == REDIS_REPLY_ERROR)
        why = apr_pstrndup(r->pool, reply->str, 100);
    if (reply)
        freeReplyObject(reply);
    if (!fine) {
        chat_redis_drop(&redis);
        tell_breaker(r, why);
        return APR_EGENERAL;
    }
    chat_redis_keep(&redis);
    chat_redis_breaker_success();
    return APR_SUCCESS;
}

const chat_counter_t chat_limit_redis = {
    .name = "redis",
    .take = take,
    .settle = settle,
};

apr_status_t chat_limit_redis_post_config(apr_pool_t *pconf, server_rec *s)
{
    if (!chat_config_server(s)->redis_url)
        return APR_SUCCESS;
    chat_redis_scripts_init();
    if (chat_redis_breaker_post_config(s) != APR_SUCCESS ||
        chat_redis_lease_post_config(s) != APR_SUCCESS)
        return APR_ENOMEM;
    return chat_redis_pool_post_config(pconf, s);
}

void chat_limit_redis_child_init(apr_pool_t *pchild, server_rec *s)
{
    if (!chat_config_server(s)->redis_url)
        return;
    chat_redis_pool_child_init(pchild);
    chat_redis_settler_child_init(pchild, s);
}

static void child_status(server_rec *s, pid_t pid, ap_generation_t gen,
                         int slot, mpm_child_status state)
{
    if (state == MPM_CHILD_EXITED)
        chat_redis_lease_bury(pid);
}

void chat_limit_redis_register_hooks(void)
{
    ap_hook_child_status(child_status, NULL, NULL, APR_HOOK_MIDDLE);
}
