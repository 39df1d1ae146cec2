/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session of a token, by the statement of ChatAuthSession. Neighbours:
 * auth/ above; chat_store_limiter.c and chat_store_query.c below.
 * Request thread.
 */
#include "chat_store.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_config.h"
#include "chat_config_layout.h"
#include "chat_log.h"
#include "chat_metric.h"
#include "chat_store_int.h"

/* Seconds, when the database cannot be asked. */
#define RETRY_AFTER "5"

/* For a slot: a worker that waits is missing for other requests. */
#define SLOT_MAX (500 * 1000)

enum { USER_ID, EXPIRES, ROLE, BANNED, TIER, NAME, EMAIL, IMAGE };

/* The end of the year 9999. What is later was not meant as seconds. */
#define EXPIRES_MAX APR_INT64_C(253402300799)

/* Seconds since the epoch; a fraction is cut off. */
static int parse_expiry(apr_time_t *pexpires, const char *text)
{
    apr_int64_t seconds;
    char *end;

    if (!text || !*text)
        return 0;
    seconds = apr_strtoi64(text, &end, 10);
    if (end == text || (*end && *end != '.') || seconds < 0 ||
        seconds > EXPIRES_MAX)
        return 0;
    *pexpires = apr_time_from_sec(seconds);
    return 1;
}

/* Any text but those that say no is a ban. */
static int parse_banned(const char *text)
{
    return text && *text && strcmp(text, "0") && strcmp(text, "f") &&
           ap_cstr_casecmp(text, "false");
}

/* NULL, or what is wrong with the row, without its values: they may be secret.
 */
static const char *read_row(chat_session_t *session,
                            const chat_store_query_t *q)
{
    session->user_id = chat_store_query_text(q, USER_ID);
    session->role = chat_store_query_text(q, ROLE);
    session->tier = chat_store_query_text(q, TIER);
    if (session->tier && !*session->tier)
        session->tier = NULL;
    session->banned = parse_banned(chat_store_query_text(q, BANNED));
    if (!session->user_id || !*session->user_id)
        return "the first column, the user's id, is empty";
    if (!parse_expiry(&session->expires, chat_store_query_text(q, EXPIRES)))
        return "the second column, the expiry, is not in seconds since 1970";
    return NULL;
}

/* With a slot. NULL, or why the database could not say. *psession stays NULL
 * when there is no such session. */
static const char *look_up(chat_session_t **psession, int *panswered,
                           request_rec *r, const char *sql, const char *token)
{
    chat_store_query_t q;
    const char *why = NULL;
    int rows;

    *panswered = chat_store_query_open(&q, r, sql, token) == APR_SUCCESS;
    if (!*panswered)
        why = q.why;
    /* All rows are read, since the driver frees the result after the last. */
    for (rows = 0; !why && chat_store_query_next(&q) == APR_SUCCESS; rows++) {
        *psession = apr_pcalloc(r->pool, sizeof(**psession));
        why = rows ? "one token has more than one session"
                   : read_row(*psession, &q);
    }
    chat_store_query_close(&q);
    return why;
}

static apr_status_t unavailable(chat_err_t *err)
{
    chat_metric_add(CHAT_METRIC_STORE_ERRORS, NULL, 1);
    err->retry_after = RETRY_AFTER;
    return chat_err_set(err, APR_EGENERAL, HTTP_SERVICE_UNAVAILABLE,
                        "store_unavailable",
                        "Sign-in cannot be checked right now.");
}

/* That the database hangs was logged when the breaker opened. */
static apr_status_t no_slot(request_rec *r, apr_status_t rv, const char *why,
                            chat_err_t *err)
{
    ap_log_rerror(APLOG_MARK, rv == APR_EAGAIN ? APLOG_INFO : APLOG_ERR, 0, r,
                  CHATNO(0204) "session look-up not begun: %s", why);
    return unavailable(err);
}

apr_status_t chat_store_session_find(chat_session_t **psession, request_rec *r,
                                     const char *token, chat_err_t *err)
{
    const char *sql = chat_config_server(r->server)->auth.session_sql;
    chat_session_t *session = NULL;
    const chat_store_at_t at = {.s = r->server, .r = r, .p = r->pool};
    const char *why = "no ChatAuthSession says where sessions are";
    apr_status_t rv;
    int slot, answered;

    *psession = NULL;
    if (sql) {
        rv = chat_store_limiter_acquire(&slot, &why, &at, SLOT_MAX);
        if (rv != APR_SUCCESS)
            return no_slot(r, rv, why, err);
        why = look_up(&session, &answered, r, sql, token);
        chat_store_limiter_release(slot, answered, &at);
    }
    if (why) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      CHATNO(0203) "session look-up failed: %s", why);
        return unavailable(err);
    }
    *psession = session;
    return session && session->expires > apr_time_now() ? APR_SUCCESS
                                                        : APR_NOTFOUND;
}

/* ---- who that is ---- */

static const char *read_text(const chat_store_query_t *q, int column)
{
    const char *text = chat_store_query_text(q, column);

    return text && *text ? text : NULL;
}

/* With a slot. NULL, or why the database could not say. */
static const char *look_up_profile(chat_store_profile_t *profile,
                                   int *panswered, request_rec *r,
                                   const char *sql, const char *token)
{
    chat_store_query_t q;
    const char *why = NULL;

    *panswered = chat_store_query_open(&q, r, sql, token) == APR_SUCCESS;
    if (!*panswered)
        why = q.why;
    while (!why && chat_store_query_next(&q) == APR_SUCCESS) {
        profile->name = read_text(&q, NAME);
        profile->email = read_text(&q, EMAIL);
        profile->image = read_text(&q, IMAGE);
    }
    chat_store_query_close(&q);
    return why;
}

void chat_store_session_profile(chat_store_profile_t *profile, request_rec *r,
                                const char *token)
{
    const char *sql = chat_config_layout_profile(
        chat_config_server(r->server)->auth.session_sql);
    const chat_store_at_t at = {.s = r->server, .r = r, .p = r->pool};
    const char *why;
    int slot, answered;

    memset(profile, 0, sizeof(*profile));
    if (chat_store_limiter_acquire(&slot, &why, &at, SLOT_MAX) == APR_SUCCESS) {
        why = look_up_profile(profile, &answered, r, sql, token);
        chat_store_limiter_release(slot, answered, &at);
    }
    if (why)
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                      CHATNO(0228) "how the user is called cannot be told: %s",
                      why);
}

/* ---- readiness ---- */

/* A token that no session has, and that fits a column of text as well as one of
 * UUIDs. */
#define NO_TOKEN "00000000-0000-0000-0000-000000000000"

/* NULL, or why nobody could sign in. Only the statement itself shows what it
 * lacks: a table, a column, a privilege. *pconnected is 0 when mod_dbd has no
 * connection, and has logged why. */
static const char *try_statement(int *pconnected, request_rec *r,
                                 const char *sql)
{
    chat_store_query_t q;
    const char *why = NULL;
    int columns;

    if (chat_store_query_open(&q, r, sql, NO_TOKEN) != APR_SUCCESS) {
        why = q.why;
    }
    else {
        columns = chat_store_query_columns(&q);
        while (chat_store_query_next(&q) == APR_SUCCESS)
            continue;
        if (columns == 1) /* without rows not every driver knows */
            why = "the statement has one column, and needs two at least: the "
                  "user's id and the expiry";
    }
    *pconnected = q.dbd != NULL;
    chat_store_query_close(&q);
    return why;
}

/* The same where nobody signs in by a session, and conversations are kept. */
static const char *try_connection(int *pconnected, request_rec *r)
{
    chat_store_query_t q;
    apr_status_t rv = chat_store_query_ping(&q, r);
    const char *why = rv == APR_SUCCESS ? NULL : q.why;

    *pconnected = q.dbd != NULL;
    chat_store_query_close(&q);
    return why;
}

apr_status_t chat_store_ping(request_rec *r)
{
    const chat_store_at_t at = {.s = r->server, .r = r, .p = r->pool};
    const char *sql = chat_config_server(r->server)->auth.session_sql, *why;
    int slot, answers, connected;

    if (!chat_store_limiter_has(r->server))
        return APR_ENOTIMPL;
    if (chat_store_limiter_probe(&slot, &answers, &at) != APR_SUCCESS)
        return answers ? APR_SUCCESS : APR_EGENERAL;
    why =
        sql ? try_statement(&connected, r, sql) : try_connection(&connected, r);
    if (chat_store_limiter_tell(&at, why)) {
        if (why)
            ap_log_rerror(APLOG_MARK, connected ? APLOG_ERR : APLOG_INFO, 0, r,
                          CHATNO(0205) "the database is not ready: %s", why);
        else
            ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, r,
                          CHATNO(0220) "the database is ready again");
    }
    chat_store_limiter_release(slot, !why, &at);
    return why ? APR_EGENERAL : APR_SUCCESS;
}
