/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes by itself, in small steps, each a statement of its own: nobody else
 * waits long, and what is done stays done. Neighbours: run/ above;
 * chat_store_tx.c below. See chat_store_chats.h.
 */
#include "chat_store_tx.h"

/* A conversation has thousands of messages, each with its words. */
#define CONVERSATIONS 4
#define ROWS 500
#define STEPS_MAX 100000

/* What a stream or a repeated request was, nobody asks after so long. */
#define DAY_MS ((apr_int64_t)24 * 3600 * 1000)

/* A file whose batch was added may still be there when a machine comes back. */
#define BATCHES_DAYS 90

/* Payment services send an event again for days, not for weeks. */
#define EVENTS_DAYS 30

typedef struct step_t {
    chat_store_sql_e id;
    int limit;
    apr_int64_t before;
    apr_int64_t now; /* or 0: the statement has no such parameter */
    int count;
} step_t;

static apr_status_t step(chat_store_tx_t *tx, void *work)
{
    step_t *s = work;
    const char *limit = chat_store_tx_number(tx, s->limit);
    const char *before = chat_store_tx_number(tx, s->before);

    if (s->now)
        return chat_store_tx_exec(
            tx, &s->count, s->id,
            CHAT_STORE_ARGS(chat_store_tx_number(tx, s->now), before, limit));
    return chat_store_tx_exec(tx, &s->count, s->id,
                              CHAT_STORE_ARGS(before, limit));
}

/* Until there is nothing left. */
static apr_status_t steps(const chat_store_at_t *at, step_t s, const char *what,
                          chat_err_t *err)
{
    apr_status_t rv;
    int i = 0;

    do {
        rv = chat_store_tx_run(at, CHAT_STORE_ONE, what, step, &s, err);
    } while (rv == APR_SUCCESS && s.count == s.limit && ++i < STEPS_MAX);
    return rv;
}

/* ---- now and then ---- */

static apr_status_t purge_conversations(const chat_store_at_t *at,
                                        apr_int64_t now, chat_err_t *err)
{
    chat_store_limits_t limits;
    step_t idle = {CHAT_SQL_CONVERSATION_HIDE_IDLE, .limit = ROWS, .now = now};
    step_t old = {CHAT_SQL_CONVERSATION_PURGE, .limit = CONVERSATIONS};
    step_t files = {CHAT_SQL_UPLOAD_ORPHANS, .limit = ROWS, .now = now};
    apr_status_t rv = APR_SUCCESS;

    chat_store_link_limits(&limits, at);
    idle.before = now - limits.idle_ms;
    old.before = now - limits.deleted_ms;
    if (limits.idle_ms)
        rv = steps(at, idle, "hide what is idle", err);
    if (rv == APR_SUCCESS)
        rv = steps(at, old, "purge conversations", err);
    files.before = now;
    return rv == APR_SUCCESS ? steps(at, files, "delete files of nothing", err)
                             : rv;
}

apr_status_t chat_store_purge(const chat_store_at_t *at, chat_err_t *err)
{
    apr_int64_t now = chat_store_now();
    step_t streams = {CHAT_SQL_STREAM_PURGE, .limit = ROWS};
    step_t repeats = {CHAT_SQL_REPEAT_PURGE, .limit = ROWS};
    step_t batches = {CHAT_SQL_USAGE_PURGE, .limit = ROWS};
    step_t files = {CHAT_SQL_UPLOAD_PURGE, .limit = ROWS};
    step_t events = {CHAT_SQL_WEBHOOK_PURGE, .limit = ROWS};
    apr_status_t rv = purge_conversations(at, now, err);

    streams.before = repeats.before = files.before = now - DAY_MS;
    batches.before = now - BATCHES_DAYS * DAY_MS;
    events.before = now - EVENTS_DAYS * DAY_MS;
    if (rv == APR_SUCCESS)
        rv = steps(at, streams, "purge streams", err);
    if (rv == APR_SUCCESS)
        rv = steps(at, repeats, "purge repeats", err);
    if (rv == APR_SUCCESS)
        rv = steps(at, batches, "purge batches", err);
    if (rv == APR_SUCCESS)
        rv = steps(at, files, "purge rows of files", err);
    if (rv == APR_SUCCESS)
        rv = steps(at, events, "purge events of payments", err);
    return rv;
}
