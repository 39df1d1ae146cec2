/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What administrators have set at run time, as this process knows it: for each
 * server with ChatAdmin a copy of the settings in its database, which is
 * replaced as a whole. A request keeps the one that it has found first, so that
 * all of it goes by the same settings. Nothing here waits for a database; who
 * reads one is src/run/chat_run_settings.c.
 *
 * The configuration is the floor: a setting takes away, and what the
 * configuration forbids none allows.
 */
#ifndef CHAT_OVERRIDE_H
#define CHAT_OVERRIDE_H

#include <httpd.h>
#include <apr_tables.h>

#include "chat_config.h"
#include "chat_ctx.h"

/* A setting, as the database has it. */
typedef struct chat_override_row_t {
    const char *name, *value;
} chat_override_row_t;

/* ---- what a request asks; all in r->pool, request thread ---- */

/* As chat_config_models(), with what was set of each. The same array for the
 * same request. */
const apr_array_header_t *chat_override_models(chat_ctx_t *ctx);

/* 1 when the model of that name is switched off. */
int chat_override_is_off(chat_ctx_t *ctx, const char *model);

/* The policy as it holds now: itself, or a copy with other points. */
const chat_limit_conf_t *chat_override_limit(chat_ctx_t *ctx,
                                             const chat_limit_conf_t *policy);

/* What was set of a user. */
typedef struct chat_override_user_t {
    const char *tier;       /* NULL: none */
    apr_int64_t tier_until; /* ms since 1970, 0: for ever */
    const char *blocked;    /* the reason's code; NULL: he is not */
    apr_int64_t block_until;
} chat_override_user_t;

/* What holds now; all 0 where nothing does. */
void chat_override_user(chat_override_user_t *user, chat_ctx_t *ctx,
                        const char *subject);

/* ---- values of settings; pure ---- */

/* The prices of a model, in the order of chat_price_t, and what they are called
 * in a setting. */
#define CHAT_OVERRIDE_PRICES 4
extern const char *const chat_override_price_names[CHAT_OVERRIDE_PRICES];

/* Of a user, whatever the time is. value NULL: nothing is set. */
void chat_override_read_user(chat_override_user_t *user, const char *value,
                             apr_pool_t *p);

/* The line with what value (NULL: nothing) sets of it, in p. */
const chat_model_conf_t *
chat_override_read_model(const chat_model_conf_t *model, const char *value,
                         apr_pool_t *p);

/* The points of a policy for which limit was set, by ChatAdmin limits=. */
apr_int64_t chat_override_points(const chat_limit_conf_t *policy, double limit,
                                 int limits);
/* The number of a value; -1: it has none. */
double chat_override_read_limit(const char *value, apr_pool_t *p);

/* ---- who reads the database ---- */

/* [post_config] */
apr_status_t chat_override_post_config(apr_pool_t *pconf, server_rec *s);

/* Servers with settings of their own. */
int chat_override_homes(void);
server_rec *chat_override_home(int i);

/* The revision that is known of home i, 0: none. Any thread. */
int chat_override_revision(int i);

/* [one thread] These are the settings now: rows of chat_override_row_t. */
void chat_override_take(int i, int revision, const apr_array_header_t *rows);
/* [one thread] The database has just said that they still are. */
void chat_override_confirm(int i);

/* For mod_status: the revision of home i, and for how long the database has not
 * been heard of, -1: never. */
int chat_override_age(apr_interval_time_t *page, int i);

#endif
