/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rate limits, token budgets and limits of open streams, by the policies of
 * ChatLimit. All policies of a request are checked at once, in Redis by one
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

#include "chat_admission.h"
#include "chat_config.h"
#include "chat_ctx.h"
#include "chat_err.h"
#include "chat_price.h"
#include "chat_types.h"

/* What a request asks for. */
typedef struct chat_limit_ask_t {
    const chat_user_t *user;  /* a guest has no id */
    const char *model;        /* NULL: any */
    apr_int64_t input_tokens; /* estimate of the prompt */
    apr_int64_t max_tokens;   /* the answer's limit, 0: none was named */
    apr_int64_t least_tokens; /* of an answer are asked for in any case */
    chat_price_t price;       /* of the dearest that may answer; unknown: a
                                 policy of money refuses */
    int own_key; /* 1: the user pays the provider, and what the house pays for
                    (tokens and money) does not count it */
    apr_interval_time_t lasts; /* no stream lives longer: a lease that is
                                  never settled expires by itself then */
    int requests_only;         /* 1: nothing is generated, and only policies of
                                  requests count it */
    const char *prompt; /* tells one question of a user from another, a digest;
                           NULL: nothing new is asked, or no policy counts
                           repeats */
} chat_limit_ask_t;

/* What is reserved for a request, and has to be settled. Lives in r->pool. */
typedef struct chat_limit_ticket_t chat_limit_ticket_t;

/*
 * Reserve by every policy that applies. Request thread. *pticket is set in any
 * case, and chat_limit_settle() must be called once, whatever happens.
 *
 * APR_SUCCESS     allowed, also when no policy applies.
 *
 * APR_INCOMPLETE  Redis has to be asked: the ticket is the query for
 *                 chat_limit_admission, to be submitted at most once. If it
 *                 never is, nothing is charged.
 *
 * APR_EGENERAL    refused, nothing is charged: err says 429 with Retry-After,
 *                 403 to who is banned, 503 when the table in shared memory is
 *                 full, 500 when a policy cannot be applied.
 */
apr_status_t chat_limit_reserve(chat_limit_ticket_t **pticket, request_rec *r,
                                const chat_limit_ask_t *ask, chat_err_t *err);

/* Its functions wait for Redis no longer than the deadlines of ChatRedis; on an
 * engine only the deadline of a command counts. */
extern const chat_admission_t chat_limit_admission;

/* Why admission was refused: 429 or 403 with Retry-After, or 503 when Redis
 * could not be asked and a policy says fail=closed. Nothing is charged then. */
const chat_err_t *chat_limit_refusal(const chat_limit_ticket_t *ticket);

/* Name of the policy that refused; NULL: none has, or ticket is NULL. */
const char *chat_limit_refusing(const chat_limit_ticket_t *ticket);

/* RateLimit, RateLimit-Policy and X-RateLimit-* as they stood when the ticket
 * was decided: names and values for the response, refused or not. Empty where
 * no policy applies, and until the query for Redis is decided. */
const apr_table_t *chat_limit_headers(chat_limit_ticket_t *ticket);

/* 1 when some policy counts tokens or money. This and the reserved tokens are
 * known before Redis has been asked. */
int chat_limit_counts_tokens(const chat_limit_ticket_t *ticket);
/* The same of money alone. */
int chat_limit_counts_cost(const chat_limit_ticket_t *ticket);

/* How many tokens are reserved for the answer, and the provider should be asked
 * for no more; APR_INT64_MAX when no policy counts tokens or money. */
apr_int64_t chat_limit_reserved_tokens(const chat_limit_ticket_t *ticket);

/* How many tokens the answer may have by the policies with cut=on,
 * APR_INT64_MAX when none has that. Once the request is allowed; any thread
 * that owns it. */
apr_int64_t chat_limit_cut_after(const chat_limit_ticket_t *ticket);

/* The same of money: how much question and answer may cost. */
apr_int64_t chat_limit_cut_cost(const chat_limit_ticket_t *ticket);

/* 1 where some policy of the location counts repeats. */
int chat_limit_counts_repeats(const chat_dir_conf_t *conf);

/* The policies of ChatAbuse invisible= that hold for the request: const
 * chat_limit_conf_t *. Known before Redis has been asked. */
const apr_array_header_t *chat_limit_invisible(const chat_limit_ticket_t *t);

/* What such a policy has found, for the counters and the log, and whether the
 * request is refused for it. 1: it is; 0: nothing was found, it was taken out,
 * or shadow=on. Request thread. */
int chat_limit_invisible_found(chat_limit_ticket_t *ticket,
                               const chat_limit_conf_t *policy, int found,
                               int refuses);

/* What a request has really used. */
typedef struct chat_limit_spent_t {
    apr_int64_t tokens; /* -1: unknown */
    apr_int64_t cost;   /* 1e-10 USD; -1: unknown */
    int blocked;        /* 1: moderation blocked it: policies of ChatAbuse
                           blocks= count that */
} chat_limit_spent_t;

/*
 * Settle: charge what the request has really used in place of what was
 * reserved. What is unknown stays charged as it was reserved; NULL: nothing was
 * used. Request thread or worker; waits for Redis at most its deadlines. A NULL
 * ticket is ignored.
 */
void chat_limit_settle(chat_limit_ticket_t *ticket,
                       const chat_limit_spent_t *spent);

/* The policy with warn= that is nearest to its end, once so much is spent, as
 * far as this request can know; NULL: none is near. In p. */
const chat_notice_t *chat_limit_notice(const chat_limit_ticket_t *ticket,
                                       const chat_limit_spent_t *spent,
                                       apr_pool_t *p);

/* How the policies of a request stand that was admitted, once so much is spent
 * (NULL: as it was reserved), as far as this request can know: a JSON array of
 * {"name","unit","model"?,"limit","remaining","resetAt"} in p, of money in
 * dollars; NULL: none applies. Whoever owns the request. */
const char *chat_limit_told(const chat_limit_ticket_t *ticket,
                            const chat_limit_spent_t *spent, apr_pool_t *p);

/* How a policy stands for whoever asks, without charging it. */
typedef struct chat_limit_state_t {
    const char *name, *unit; /* as ChatLimit has them */
    const char *model;       /* only of this model, or NULL */
    apr_int64_t points;      /* of money 1e-10 USD */
    apr_int64_t remaining;   /* the same; 0 or more */
    apr_time_t reset;        /* when the window ends; 0: it has not begun, or
                                there is none */
} chat_limit_state_t;

/* *prows: chat_limit_state_t, of every policy of the location that holds for
 * the user of ctx, whatever model is asked. Waits for Redis at most its
 * deadlines. APR_EGENERAL: it does not answer, or a policy cannot be applied:
 * err is filled. Request thread. */
apr_status_t chat_limit_states(apr_array_header_t **prows, chat_ctx_t *ctx,
                               chat_err_t *err);

/* The tier by which the user of ctx is limited: that of ChatLimitTier, else of
 * the account, else its roles, else "user" or "guest". One word, or several
 * with commas between them ("user,admin"), of which a policy matches any
 * (chat_words.h). Never NULL: where the expression fails the tier is empty,
 * which no policy has, and ctx->tier_failed is set. Looked up once and kept in
 * ctx; ctx->user is set. Request thread. */
const char *chat_limit_tier(chat_ctx_t *ctx);

/* APR_SUCCESS: Redis answers. APR_ENOTIMPL: none is configured. Request thread;
 * waits at most the deadlines. */
apr_status_t chat_limit_ping(request_rec *r);

/* The counters of a policy since the server was started. */
typedef struct chat_limit_stats_t {
    char name[33];
    apr_uint64_t allowed, refused, exempt, degraded, shadowed;
} chat_limit_stats_t;

/* Up to max rows; how many there are. */
int chat_limit_stats(chat_limit_stats_t *rows, int max);

/* A key of those with the most requests in the last hour, shown as
 * ChatLimitKeys says. */
typedef struct chat_limit_top_t {
    char key[65];
    apr_uint64_t asked, refused;
} chat_limit_top_t;

/* Up to max rows, the largest first; how many there are. */
int chat_limit_top(chat_limit_top_t *rows, int max);

/* Start-up, called by mod_chat.c. */
apr_status_t chat_limit_post_config(apr_pool_t *pconf, server_rec *s);
void chat_limit_child_init(apr_pool_t *pchild, server_rec *s);
void chat_limit_register_hooks(apr_pool_t *p);

#endif
