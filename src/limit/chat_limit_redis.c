/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counter that many servers share: one script call per question, one per
 * settling. What goes wrong is told to the breaker and to whoever asked; what
 * that means is for each policy to say. Request thread or worker; an engine
 * has a line of its own (chat_limit_redis_line.c), with the same words.
 */
#include "chat_limit_redis_int.h"

#include <http_main.h>
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

static redisReply *call(chat_redis_t *redis, chat_redis_words_t *w,
                        const chat_redis_script_t *script, const char **pwhy,
                        apr_pool_t *p)
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
static int is_about_key(const redisReply *reply)
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
    chat_redis_breaker_bad(why);
}

apr_status_t chat_redis_hear(const redisReply *reply, const char *why,
                             request_rec *r)
{
    int failed = !reply || reply->type == REDIS_REPLY_ERROR;
    int about_key = is_about_key(reply);

    if (reply && failed)
        why = apr_pstrndup(r->pool, reply->str, 100);
    if (failed && !about_key) {
        tell_breaker(r, why);
        return APR_EGENERAL;
    }
    chat_redis_breaker_good();
    if (about_key)
        tell_about_key(r, why);
    return about_key ? APR_EINVAL : APR_SUCCESS;
}

/* The reply, or NULL with the breaker told. */
static redisReply *run(chat_redis_words_t *w, const chat_redis_script_t *script,
                       request_rec *r)
{
    chat_redis_t redis = {0};
    const char *why = "no reason";
    redisReply *reply = NULL;
    apr_status_t rv;

    if (chat_redis_open(&redis, &why, r->pool) == APR_SUCCESS)
        reply = call(&redis, w, script, &why, r->pool);
    rv = chat_redis_hear(reply, why, r);
    if (rv == APR_EGENERAL)
        chat_redis_drop(&redis);
    else
        chat_redis_keep(&redis);
    if (rv == APR_SUCCESS)
        return reply;
    if (reply)
        freeReplyObject(reply);
    return NULL;
}

/* The leases of a counter of tokens: a key of the same slot that no counter
 * can have, whatever its user is called. */
static const char *leases_key(const char *key, apr_pool_t *p)
{
    return strchr(key, '{') ? apr_pstrcat(p, "chat-leases:", key, NULL)
                            : apr_pstrcat(p, "chat-leases:{", key, "}", NULL);
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
        say(&w, count->key);
        if (count->policy->unit == CHAT_LIMIT_TOKENS)
            say(&w, leases_key(count->key, p));
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

    say(&w, number(chat_limit_leases(counts) ? counts->lasts / 1000 : 0, p));
    for (i = 0; i < counts->n; i++) {
        const chat_limit_conf_t *policy = counts->count[i].policy;

        say(&w, chat_limit_unit[policy->unit]);
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
    redisReply *reply = run(&w, &chat_redis_take, r);
    apr_status_t rv;

    if (!reply)
        return APR_EGENERAL;
    rv = chat_redis_take_read(counts, reply);
    freeReplyObject(reply);
    return rv;
}

/* ---- settle ---- */

static apr_status_t settle(chat_counts_t *counts, apr_int64_t tokens,
                           request_rec *r)
{
    chat_redis_words_t w;
    redisReply *reply;
    int i;

    if (!chat_redis_breaker_ready())
        return APR_EGENERAL;
    w = begin(counts, r->pool, 1);
    say(&w, number(tokens, r->pool));
    for (i = 0; i < counts->n; i++) {
        const chat_count_t *count = &counts->count[i];

        if (count->policy->unit == CHAT_LIMIT_REQUESTS)
            continue;
        say(&w, chat_limit_unit[count->policy->unit]);
        say(&w, number(count->amount, r->pool));
        say(&w, number(count->window_end, r->pool));
    }
    reply = run(&w, &chat_redis_settle, r);
    if (!reply)
        return APR_EGENERAL;
    freeReplyObject(reply);
    return APR_SUCCESS;
}

/* ---- is it there? ---- */

apr_status_t chat_limit_redis_ping(request_rec *r)
{
    static const char *word = "PING";
    chat_redis_t redis = {0};
    const char *why = "no reason";
    redisReply *reply = NULL;
    int fine;

    if (!chat_redis_breaker_ready())
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
    chat_redis_breaker_good();
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
    return chat_redis_breaker_post_config(s) == APR_SUCCESS
               ? chat_redis_pool_post_config(pconf, s)
               : APR_ENOMEM;
}

void chat_limit_redis_child_init(apr_pool_t *pchild, server_rec *s)
{
    chat_redis_pool_child_init(pchild);
}
