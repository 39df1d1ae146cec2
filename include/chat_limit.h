/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May they: rate limits, token budgets and open streams, by the policies of
 * ChatLimit. All policies of a request are asked at once, in Redis by one
 * script, else in a table in shared memory: either each counter is charged or
 * none is.
 *
 * A window is fixed: it starts with its first use and ends `window` seconds
 * later, by the clock of Redis, or by this machine's monotonic one. So a
 * change of the time of day changes nothing.
 */
#ifndef CHAT_LIMIT_H
#define CHAT_LIMIT_H

#include <httpd.h>
#include <apr_tables.h>

#include "chat_ctx.h"
#include "chat_err.h"
#include "chat_admission.h"
#include "chat_types.h"

typedef struct chat_limit_ask_t {
    const chat_user_t *user; /* a guest has no id */
    const char *model;
    apr_int64_t input_tokens;  /* estimate of the prompt */
    apr_int64_t max_tokens;    /* the answer's limit, 0: none was named */
    apr_interval_time_t lasts; /* no stream lives longer: then a lease that
                                  nobody gave back expires by itself */
} chat_limit_ask_t;

/* What a request was given, and has to give back: lives in r->pool. */
typedef struct chat_limit_ticket_t chat_limit_ticket_t;

/*
 * Ask every policy that applies. Request thread. *pticket is set in any case,
 * and chat_limit_settle() must be called once, whatever happens.
 *
 * APR_SUCCESS     allowed, also when nothing applied.
 * APR_INCOMPLETE  Redis has to be asked: chat_limit_admission with the ticket
 * as its query. Asked at most once; if never, nothing is charged. APR_EGENERAL
 * refused, nothing is charged: err says 429 with Retry-After, 503 when our own
 * table is full, 500 when a policy cannot be applied.
 */
apr_status_t chat_limit_take(chat_limit_ticket_t **pticket, request_rec *r,
                             const chat_limit_ask_t *ask, chat_err_t *err);

/* Waits for Redis at most its deadlines, on an engine only that of a command.
 */
extern const chat_admission_t chat_limit_admission;

/* Why admission was refused: 429 with Retry-After, or 503 when Redis could not
 * be asked and a policy says fail=closed. Nothing is charged then. */
const chat_err_t *chat_limit_refusal(const chat_limit_ticket_t *ticket);

/* RateLimit, RateLimit-Policy, X-RateLimit-* as they stood when it was
 * taken: names and values for the response, refused or not. May be empty, and
 * is as long as no query was submitted. */
const apr_table_t *chat_limit_headers(const chat_limit_ticket_t *ticket);

/* 1 when some policy wants to know what the answer costs. Known, as what is
 * reserved, before Redis has been asked. */
int chat_limit_counts_tokens(const chat_limit_ticket_t *ticket);

/* How many tokens of answer are reserved, APR_INT64_MAX when none had to be:
 * the provider should be asked for no more. */
apr_int64_t chat_limit_reserved(const chat_limit_ticket_t *ticket);

/* How many tokens the running answer may still have by the policies with
 * cut=on, APR_INT64_MAX when none has. Once it is allowed; any thread that owns
 * the request. */
apr_int64_t chat_limit_cut_after(const chat_limit_ticket_t *ticket);

/*
 * Give back what was not used: tokens is what the request really cost, -1
 * when nobody knows (what was reserved stays charged then, or the estimate
 * when one is given). Request thread or worker; waits for Redis at most its
 * deadlines. NULL is fine.
 */
void chat_limit_settle(chat_limit_ticket_t *ticket, apr_int64_t tokens);

/* The tier by which the user of ctx is limited: of ChatLimitTier, else of the
 * account, else its roles, else "user" or "guest". One word, or several with
 * commas between ("user,admin"), any of which will do (chat_words.h). Never
 * NULL: empty, so that nobody's, where the expression fails (then
 * ctx->tier_failed is set). Looked up once and kept in ctx; ctx->user is set.
 * Request thread. */
const char *chat_limit_tier(chat_ctx_t *ctx);

/* APR_SUCCESS: Redis answers. APR_ENOTIMPL: none is set up. Request thread,
 * waits at most the deadlines. */
apr_status_t chat_limit_ping(request_rec *r);

/* One row per policy since the server was started, for telemetry/. */
typedef struct chat_limit_stats_t {
    char name[33];
    apr_uint64_t allowed, refused, exempt, degraded, shadowed;
} chat_limit_stats_t;

/* Up to max rows; how many there are. */
int chat_limit_stats(chat_limit_stats_t *rows, int max);

/* The keys that asked most in the last hour, as ChatLimitKeys wants them. */
typedef struct chat_limit_top_t {
    char key[65];
    apr_uint64_t asked, refused;
} chat_limit_top_t;

int chat_limit_top(chat_limit_top_t *rows, int max);

/* Start-up, called by mod_chat.c. */
apr_status_t chat_limit_post_config(apr_pool_t *pconf, server_rec *s);
void chat_limit_child_init(apr_pool_t *pchild, server_rec *s);
void chat_limit_register_hooks(apr_pool_t *p);

#endif
