/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The counter that many servers share: one script call reserves, another
 * settles. A failure is reported to the breaker and to the caller; what it
 * means for a request is up to each policy. Request thread or worker; an engine
 * sends the same commands on a channel of its own (chat_limit_redis_channel.c).
 */
#include "chat_limit_redis_int.h"

#include <http_main.h>
#include <mpm_common.h>
#include <apr_strings.h>

#include "chat_limit_text.h"
#include "chat_log.h"

static const char *number(apr_int64_t n, apr_pool_t *p)
{
    char *text = apr_palloc(p, CHAT_LIMIT_TEXT_NUMBER_MAX);

    chat_limit_text_number(text, n);
    return text;
}

static void push(chat_limit_redis_command_t *command, const char *arg)
{
    command->argv[command->argc++] = arg;
}

/* ---- scripts, and replies to them ---- */

void chat_limit_redis_set_script(chat_limit_redis_command_t *command,
                                 const chat_limit_redis_script_t *script,
                                 int with_text)
{
    command->argv[0] = with_text ? "EVAL" : "EVALSHA";
    command->argv[1] = with_text ? script->text : script->sha1;
}

int chat_limit_redis_lacks_script(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR &&
           strncmp(reply->str, "NOSCRIPT", 8) == 0;
}

redisReply *chat_limit_redis_eval(chat_limit_redis_t *redis,
                                  chat_limit_redis_command_t *command,
                                  const chat_limit_redis_script_t *script,
                                  const char **pwhy, apr_pool_t *p)
{
    redisReply *reply;

    chat_limit_redis_set_script(command, script, 0);
    reply = chat_limit_redis_exec(redis, command->argc, command->argv, pwhy, p);
    if (!reply || !chat_limit_redis_lacks_script(reply))
        return reply;
    freeReplyObject(reply);
    chat_limit_redis_share_deadline(redis);
    chat_limit_redis_set_script(command, script, 1);
    return chat_limit_redis_exec(redis, command->argc, command->argv, pwhy, p);
}

/* Not a failure of Redis: a client who can choose a key could otherwise open
 * the breaker, and so switch off the limits of all. Redis 6 has words of its
 * own in front of those of a script. */
int chat_limit_redis_is_wrong_type(const redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_ERROR &&
           strstr(reply->str, "WRONGTYPE") != NULL;
}

static void report_failure(request_rec *r, const char *why)
{
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r,
                  CHATNO(1013) "Redis did not count: %s",
                  ap_escape_logitem(r->pool, why));
    chat_limit_redis_breaker_failure(why);
}

apr_status_t chat_limit_redis_report(const redisReply *reply, const char *why,
                                     request_rec *r)
{
    int failed = !reply || reply->type == REDIS_REPLY_ERROR;
    int wrong_type = chat_limit_redis_is_wrong_type(reply);

    if (reply && failed)
        why = apr_pstrndup(r->pool, reply->str, 100);
    if (failed && !wrong_type) {
        report_failure(r, why);
        return APR_EGENERAL;
    }
    chat_limit_redis_breaker_success();
    if (wrong_type && chat_limit_may_log() >= 0)
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                      CHATNO(1014) "a key in Redis that a policy counts under "
                                   "holds something else: %s",
                      ap_escape_logitem(r->pool, why));
    return wrong_type ? APR_EINVAL : APR_SUCCESS;
}

/* APR_SUCCESS with the reply, or the status of chat_limit_redis_report(). */
static apr_status_t run(redisReply **preply,
                        chat_limit_redis_command_t *command,
                        const chat_limit_redis_script_t *script, request_rec *r)
{
    chat_limit_redis_t redis = {0};
    const char *why = "no reason";
    redisReply *reply = NULL;
    apr_status_t rv;

    if (chat_limit_redis_open(&redis, &why, r->pool) == APR_SUCCESS)
        reply = chat_limit_redis_eval(&redis, command, script, &why, r->pool);
    rv = chat_limit_redis_report(reply, why, r);
    if (rv == APR_EGENERAL)
        chat_limit_redis_drop(&redis);
    else
        chat_limit_redis_keep(&redis);
    *preply = reply;
    if (rv != APR_SUCCESS && reply)
        freeReplyObject(reply);
    return rv;
}

/* ---- counts as the scripts have them ---- */

const char *chat_limit_redis_unit(const chat_limit_counts_t *counts,
                                  const chat_limit_count_t *count)
{
    switch (count->policy->unit) {
    case CHAT_LIMIT_REQUESTS:
    case CHAT_LIMIT_REPEATS:
        return counts->fail_closed ? "c" : "r";
    case CHAT_LIMIT_TOKENS:
    case CHAT_LIMIT_COST:
        return "t";
    default:
        return chat_limit_unit[count->policy->unit];
    }
}

int chat_limit_redis_has_lease(const chat_limit_counts_t *counts,
                               const chat_limit_count_t *count)
{
    return strchr("cts", *chat_limit_redis_unit(counts, count)) != NULL;
}

/* The key of the leases beside a counter: in the same slot of a cluster, and
 * one that no counter can have, whatever its user is called. */
static const char *leases_key(const char *key, apr_pool_t *p)
{
    return strchr(key, '{') ? apr_pstrcat(p, "chat-leases:", key, NULL)
                            : apr_pstrcat(p, "chat-leases:{", key, "}", NULL);
}

static void push_keys(chat_limit_redis_command_t *command, char unit,
                      const char *key, apr_pool_t *p)
{
    push(command, key);
    if (unit == 't' || unit == 'c')
        push(command, leases_key(key, p));
}

/* EVALSHA sha nkeys key ... lease */
static chat_limit_redis_command_t begin(const chat_limit_counts_t *counts,
                                        apr_pool_t *p, int settling)
{
    /* At most two keys and five arguments for each. */
    chat_limit_redis_command_t command = {
        apr_palloc(p, (5 + 7 * counts->n) * sizeof(char *)), 3};
    int i;

    for (i = 0; i < counts->n; i++) {
        const chat_limit_count_t *count = &counts->count[i];

        if (settling && !chat_limit_is_leased(count->policy))
            continue;
        push_keys(&command, *chat_limit_redis_unit(counts, count), count->key,
                  p);
    }
    command.argv[2] = number(command.argc - 3, p);
    push(&command, counts->lease);
    return command;
}

/* ---- reserve ---- */

/* Another program may have written the counter: sums with it have to fit. */
static apr_int64_t element(const redisReply *reply, size_t i)
{
    const apr_int64_t most = APR_INT64_C(1000000000000000000);
    apr_int64_t n = reply->element[i]->type == REDIS_REPLY_INTEGER
                        ? reply->element[i]->integer
                        : 0;

    return n > most ? most : n < -most ? -most : n;
}

apr_status_t chat_limit_redis_parse_reserve(chat_limit_counts_t *counts,
                                            const redisReply *reply)
{
    int i;

    if (reply->type != REDIS_REPLY_ARRAY ||
        reply->elements != 1 + 4 * (size_t)counts->n)
        return APR_EGENERAL;
    for (i = 0; i < counts->n; i++) {
        chat_limit_count_t *count = &counts->count[i];

        count->used = element(reply, 4 * i + 1);
        count->reset_ms = element(reply, 4 * i + 2);
        count->window_end = element(reply, 4 * i + 3);
        count->refused = element(reply, 4 * i + 4) != 0;
    }
    return APR_SUCCESS;
}

chat_limit_redis_command_t
chat_limit_redis_reserve_command(const chat_limit_counts_t *counts,
                                 apr_pool_t *p)
{
    chat_limit_redis_command_t command = begin(counts, p, 0);
    int i;

    push(&command, number(*counts->lease ? counts->lasts / 1000 : 0, p));
    for (i = 0; i < counts->n; i++) {
        const chat_limit_conf_t *policy = counts->count[i].policy;

        push(&command, chat_limit_redis_unit(counts, &counts->count[i]));
        push(&command, number(policy->points, p));
        push(&command, number(counts->count[i].window, p));
        push(&command, number(counts->count[i].amount, p));
        push(&command, policy->shadow ? "1" : "0");
    }
    return command;
}

static apr_status_t reserve(chat_limit_counts_t *counts, request_rec *r)
{
    chat_limit_redis_command_t command =
        chat_limit_redis_reserve_command(counts, r->pool);
    redisReply *reply;
    apr_status_t rv;

    chat_limit_redis_lease_add(counts, r->pool);
    rv = run(&reply, &command, &chat_limit_redis_script_reserve, r);
    if (rv != APR_SUCCESS)
        return rv;
    rv = chat_limit_redis_parse_reserve(counts, reply);
    freeReplyObject(reply);
    return rv;
}

/* ---- settle ---- */

static chat_limit_redis_command_t
settle_command(const chat_limit_counts_t *counts,
               const chat_limit_spent_t *spent, apr_pool_t *p)
{
    chat_limit_redis_command_t command = begin(counts, p, 1);
    int i;

    for (i = 0; i < counts->n; i++) {
        const chat_limit_count_t *count = &counts->count[i];

        if (!chat_limit_is_leased(count->policy))
            continue;
        push(&command, chat_limit_redis_unit(counts, count));
        push(&command, number(count->amount, p));
        push(&command, number(count->window_end, p));
        push(&command, number(chat_limit_used(count, spent), p));
    }
    return command;
}

/* A count of requests with a lease needs no settling once Redis has replied. */
static apr_status_t settle(chat_limit_counts_t *counts,
                           const chat_limit_spent_t *spent, request_rec *r)
{
    apr_status_t rv = APR_EGENERAL;
    redisReply *reply = NULL;
    chat_limit_redis_command_t command;

    if (!chat_limit_leases(counts)) {
        chat_limit_redis_lease_remove(counts);
        return APR_SUCCESS;
    }
    if (chat_limit_redis_breaker_allow()) {
        command = settle_command(counts, spent, r->pool);
        rv = run(&reply, &command, &chat_limit_redis_script_settle, r);
    }
    if (rv == APR_SUCCESS)
        freeReplyObject(reply);
    if (rv == APR_EGENERAL)
        chat_limit_redis_lease_defer(counts, spent);
    else
        chat_limit_redis_lease_remove(counts);
    return rv;
}

void chat_limit_redis_lease_command(chat_limit_redis_command_t *command,
                                    const chat_limit_redis_lease_t *lease,
                                    apr_pool_t *p)
{
    push_keys(command, lease->unit, lease->key, p);
    command->argv[2] = number(command->argc - 3, p);
    push(command, lease->name);
    push(command, apr_pstrmemdup(p, &lease->unit, 1));
    push(command, number(lease->amount, p));
    push(command, number(lease->window_end, p));
    push(command, number(lease->used, p));
}

/* ---- look ---- */

/* EVALSHA sha nkeys key ... now: of a window its value and its time to live, of
 * open streams how many there are. */
static apr_status_t look(chat_limit_counts_t *counts, request_rec *r)
{
    chat_limit_redis_command_t command = {
        apr_palloc(r->pool, (3 + 2 * counts->n) * sizeof(char *)), 3};
    redisReply *reply;
    apr_status_t rv;
    int i;

    if (!chat_limit_redis_breaker_allow())
        return APR_EGENERAL;
    for (i = 0; i < counts->n; i++)
        push(&command, counts->count[i].key);
    command.argv[2] = number(counts->n, r->pool);
    for (i = 0; i < counts->n; i++)
        push(&command,
             counts->count[i].policy->unit == CHAT_LIMIT_STREAMS ? "s" : "w");
    rv = run(&reply, &command, &chat_limit_redis_script_look, r);
    if (rv != APR_SUCCESS)
        return rv;
    for (i = 0; i < counts->n && reply->type == REDIS_REPLY_ARRAY &&
                2 * (size_t)i + 1 < reply->elements;
         i++) {
        counts->count[i].used = element(reply, 2 * i);
        counts->count[i].reset_ms = element(reply, 2 * i + 1);
    }
    freeReplyObject(reply);
    return APR_SUCCESS;
}

/* ---- mark ---- */

/* EVALSHA sha nkeys key ... points window ban ... */
static apr_status_t mark(chat_limit_counts_t *counts, request_rec *r)
{
    chat_limit_redis_command_t command = {
        apr_palloc(r->pool, (3 + 4 * counts->n) * sizeof(char *)), 3};
    redisReply *reply;
    apr_status_t rv;
    int i;

    if (!chat_limit_redis_breaker_allow())
        return APR_EGENERAL;
    for (i = 0; i < counts->n; i++)
        push(&command, counts->count[i].key);
    command.argv[2] = number(counts->n, r->pool);
    for (i = 0; i < counts->n; i++) {
        push(&command, number(counts->count[i].policy->points, r->pool));
        push(&command, number(counts->count[i].window, r->pool));
        push(&command, number(counts->count[i].policy->ban, r->pool));
    }
    rv = run(&reply, &command, &chat_limit_redis_script_mark, r);
    if (rv == APR_SUCCESS)
        freeReplyObject(reply);
    return rv;
}

/* ---- readiness ---- */

apr_status_t chat_limit_redis_ping(request_rec *r)
{
    static const char *word = "PING";
    chat_limit_redis_t redis = {0};
    const char *why = "no reason";
    redisReply *reply = NULL;
    int fine;

    if (!chat_limit_redis_breaker_allow())
        return APR_EGENERAL;
    if (chat_limit_redis_open(&redis, &why, r->pool) == APR_SUCCESS)
        reply = chat_limit_redis_exec(&redis, 1, &word, &why, r->pool);
    fine = reply && reply->type == REDIS_REPLY_STATUS;
    if (reply && !fine && reply->type == REDIS_REPLY_ERROR)
        why = apr_pstrndup(r->pool, reply->str, 100);
    if (reply)
        freeReplyObject(reply);
    if (!fine) {
        chat_limit_redis_drop(&redis);
        report_failure(r, why);
        return APR_EGENERAL;
    }
    chat_limit_redis_keep(&redis);
    chat_limit_redis_breaker_success();
    return APR_SUCCESS;
}

const chat_limit_counter_t chat_limit_redis = {
    .name = "redis",
    .reserve = reserve,
    .settle = settle,
    .look = look,
    .mark = mark,
};

apr_status_t chat_limit_redis_post_config(apr_pool_t *pconf, server_rec *s)
{
    if (!chat_config_server(s)->redis.url)
        return APR_SUCCESS;
    chat_limit_redis_script_init();
    if (!chat_limit_redis_reader_init() ||
        chat_limit_redis_breaker_post_config(s) != APR_SUCCESS ||
        chat_limit_redis_lease_post_config(s) != APR_SUCCESS)
        return APR_ENOMEM;
    return APR_SUCCESS;
}

void chat_limit_redis_child_init(apr_pool_t *pchild, server_rec *s)
{
    if (!chat_config_server(s)->redis.url)
        return;
    chat_limit_redis_pool_child_init(pchild);
    chat_limit_redis_settler_child_init(pchild, s);
}

static void child_status(server_rec *s, pid_t pid, ap_generation_t gen,
                         int slot, mpm_child_status state)
{
    if (state == MPM_CHILD_EXITED)
        chat_limit_redis_lease_orphan(pid);
}

void chat_limit_redis_register_hooks(void)
{
    ap_hook_child_status(child_status, NULL, NULL, APR_HOOK_MIDDLE);
}
