/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A turn in the tables of an app: its beginning, its end, and as if it had not
 * been. Neighbours: run/ above; chat_store_tx.c below. See
 * chat_store_vercel.h.
 */
#include "chat_store_vercel.h"

#include <httpd.h>
#include <string.h>

#include "chat_store_vercel_int.h"

/* ---- refusals ---- */

static apr_status_t refuse_many(chat_err_t *err)
{
    return chat_err_set(err, APR_ENOSPC, HTTP_TOO_MANY_REQUESTS, "rate_limited",
                        "These are too many messages for a while.");
}

/* Its session outlives it. */
static apr_status_t refuse_unknown(chat_err_t *err)
{
    return chat_err_set(err, APR_EINVAL, HTTP_BAD_REQUEST, "no_such_user",
                        "There is no such user.");
}

/* ---- the beginning ---- */

static apr_status_t check_count(chat_store_tx_t *tx,
                                const chat_vercel_turn_t *turn)
{
    chat_store_rows_t rows;
    apr_status_t rv;

    if (turn->most < 0)
        return APR_SUCCESS;
    rv = chat_store_tx_row(
        tx, &rows, CHAT_SQL_VERCEL_COUNT,
        CHAT_STORE_ARGS(tx->at->owner,
                        chat_store_tx_number(tx, apr_time_sec(turn->window))));
    if (rv == APR_SUCCESS && chat_store_db_integer(&rows, 0, 0) > turn->most)
        return refuse_many(tx->err);
    return rv;
}

/* APR_NOTFOUND: there is none. */
static apr_status_t find_chat(chat_store_tx_t *tx, const char *chat)
{
    chat_store_rows_t rows;
    const char *user;
    apr_status_t rv = chat_store_tx_row(tx, &rows, CHAT_SQL_VERCEL_CHAT_SHARE,
                                        CHAT_STORE_ARGS(chat));

    if (rv != APR_SUCCESS)
        return rv;
    user = chat_store_db_text(&rows, 0, tx->p);
    return strcmp(user, tx->at->owner) ? chat_store_vercel_foreign(tx->err)
                                       : APR_SUCCESS;
}

/* APR_NOTFOUND: it is not this user's, who may not be there at all. */
static apr_status_t make_chat(chat_store_tx_t *tx, chat_vercel_turn_t *turn)
{
    chat_store_rows_t rows;
    apr_status_t rv =
        chat_store_tx_row(tx, &rows, CHAT_SQL_VERCEL_CHAT_MAKE,
                          CHAT_STORE_ARGS(turn->chat, turn->title,
                                          turn->visibility, tx->at->owner));

    if (rv == APR_SUCCESS)
        turn->created = (int)chat_store_db_integer(&rows, 0, 0);
    return rv;
}

static apr_status_t get_chat(chat_store_tx_t *tx, chat_vercel_turn_t *turn)
{
    apr_status_t rv = find_chat(tx, turn->chat);

    turn->created = 0;
    if (rv != APR_NOTFOUND)
        return rv;
    rv = make_chat(tx, turn);
    if (rv != APR_NOTFOUND)
        return rv;
    rv = find_chat(tx, turn->chat);
    return rv == APR_NOTFOUND ? refuse_unknown(tx->err) : rv;
}

static void reverse(apr_array_header_t *history)
{
    chat_vercel_message_t *all = (chat_vercel_message_t *)history->elts;
    int i, n = history->nelts;

    for (i = 0; i < n / 2; i++) {
        chat_vercel_message_t m = all[i];

        all[i] = all[n - 1 - i];
        all[n - 1 - i] = m;
    }
}

/* The newest first, as many as are wanted. */
static apr_status_t read_history(chat_store_tx_t *tx, chat_vercel_turn_t *turn)
{
    chat_store_rows_t rows;
    apr_int64_t left = turn->bytes;
    apr_status_t rv = chat_store_tx_select(
        tx, &rows, CHAT_SQL_VERCEL_MESSAGE_LIST,
        CHAT_STORE_ARGS(turn->chat, chat_store_tx_number(tx, turn->messages)));

    while (rv == APR_SUCCESS && chat_store_db_next(&rows) == APR_SUCCESS) {
        chat_vercel_message_t m;

        if (left < 0)
            continue;
        chat_store_vercel_read_message(&m, &rows, tx->p);
        left -= strlen(m.parts) + strlen(m.attachments);
        if (left >= 0 && strcmp(m.id, turn->message))
            APR_ARRAY_PUSH(turn->history, chat_vercel_message_t) = m;
    }
    reverse(turn->history);
    return rv;
}

static apr_status_t insert_message(chat_store_tx_t *tx, const char *id,
                                   const char *chat, const char *role,
                                   const char *parts, int *pcount)
{
    return chat_store_tx_exec(tx, pcount, CHAT_SQL_VERCEL_MESSAGE_INSERT,
                              CHAT_STORE_ARGS(id, chat, role, parts));
}

static apr_status_t insert_question(chat_store_tx_t *tx,
                                    const chat_vercel_turn_t *turn)
{
    int count = 0;
    apr_status_t rv = insert_message(tx, turn->message, turn->chat, "user",
                                     turn->parts, &count);

    return rv == APR_SUCCESS && !count ? chat_store_tx_exists(tx->err) : rv;
}

/* APR_SUCCESS: the first try was committed, but its answer was lost. */
static apr_status_t find_done(chat_store_tx_t *tx,
                              const chat_vercel_turn_t *turn)
{
    chat_store_rows_t rows;

    if (!tx->again)
        return APR_NOTFOUND;
    return chat_store_tx_row(tx, &rows, CHAT_SQL_VERCEL_STREAM_FIND,
                             CHAT_STORE_ARGS(turn->stream));
}

static apr_status_t begin(chat_store_tx_t *tx, void *work)
{
    chat_vercel_turn_t *turn = work;
    apr_status_t rv = find_done(tx, turn);
    int is_done = rv == APR_SUCCESS;

    turn->history = apr_array_make(tx->p, 8, sizeof(chat_vercel_message_t));
    if (rv == APR_NOTFOUND)
        rv = check_count(tx, turn);
    if (rv == APR_SUCCESS)
        rv = get_chat(tx, turn);
    if (rv == APR_SUCCESS && !turn->created)
        rv = read_history(tx, turn);
    if (rv != APR_SUCCESS || is_done)
        return rv;
    rv = insert_question(tx, turn);
    return rv == APR_SUCCESS
               ? chat_store_tx_exec(tx, NULL, CHAT_SQL_VERCEL_STREAM_INSERT,
                                    CHAT_STORE_ARGS(turn->stream, turn->chat))
               : rv;
}

apr_status_t chat_store_vercel_begin(chat_vercel_turn_t *turn,
                                     const chat_store_at_t *at, chat_err_t *err)
{
    return chat_store_tx_run_app(at, CHAT_STORE_WRITE, "begin a turn", begin,
                                 turn, err);
}

/* ---- the end ---- */

/* Newer ones of these apps have no such column. */
static apr_status_t save_context(chat_store_tx_t *tx,
                                 const chat_vercel_ending_t *ending)
{
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_tx_row(tx, &rows, CHAT_SQL_VERCEL_CHAT_GET,
                                        CHAT_STORE_ARGS(ending->chat));

    if (rv != APR_SUCCESS || !chat_store_vercel_has_context(&rows))
        return rv;
    return chat_store_tx_exec(tx, NULL, CHAT_SQL_VERCEL_CHAT_CONTEXT,
                              CHAT_STORE_ARGS(ending->context, ending->chat));
}

static apr_status_t end(chat_store_tx_t *tx, void *work)
{
    const chat_vercel_ending_t *ending = work;
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_tx_row(tx, &rows, CHAT_SQL_VERCEL_CHAT_SHARE,
                                        CHAT_STORE_ARGS(ending->chat));

    if (rv == APR_NOTFOUND)
        return chat_store_tx_not_found(tx->err);
    if (rv == APR_SUCCESS && ending->parts)
        rv = insert_message(tx, ending->message, ending->chat, "assistant",
                            ending->parts, NULL);
    if (rv == APR_SUCCESS && ending->context)
        rv = save_context(tx, ending);
    return rv;
}

apr_status_t chat_store_vercel_end(const chat_vercel_ending_t *ending,
                                   const chat_store_at_t *at, chat_err_t *err)
{
    return chat_store_tx_run_app(at, CHAT_STORE_WRITE, "end a turn", end,
                                 (void *)ending, err);
}

/* ---- as if it had not been ---- */

static apr_status_t undo(chat_store_tx_t *tx, void *work)
{
    const chat_vercel_turn_t *turn = work;
    apr_status_t rv =
        chat_store_tx_exec(tx, NULL, CHAT_SQL_VERCEL_MESSAGE_REMOVE,
                           CHAT_STORE_ARGS(turn->message, turn->chat));

    if (rv == APR_SUCCESS)
        rv = chat_store_tx_exec(tx, NULL, CHAT_SQL_VERCEL_STREAM_REMOVE,
                                CHAT_STORE_ARGS(turn->stream, turn->chat));
    if (rv == APR_SUCCESS && turn->created)
        rv = chat_store_tx_exec(tx, NULL, CHAT_SQL_VERCEL_CHAT_UNMAKE,
                                CHAT_STORE_ARGS(turn->chat, tx->at->owner));
    return rv;
}

apr_status_t chat_store_vercel_undo(const chat_vercel_turn_t *turn,
                                    const chat_store_at_t *at, chat_err_t *err)
{
    return chat_store_tx_run_app(at, CHAT_STORE_WRITE, "undo a turn", undo,
                                 (void *)turn, err);
}
