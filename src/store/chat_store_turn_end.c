/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a turn: its answer as it is. Neighbours: run/ above;
 * chat_store_tx.c below. See chat_store_chats.h. */
#include "chat_store_message.h"
#include "chat_store_usage_put.h"

#include <string.h>

typedef struct end_t {
    const chat_store_ending_t *ending;
    apr_int64_t now;
    int written;
} end_t;

static const char *stream_status(chat_message_status_e status)
{
    if (status == CHAT_MESSAGE_COMPLETE)
        return "complete";
    return status == CHAT_MESSAGE_CANCELLED ? "cancelled" : "failed";
}

/* The conversation of the stream, locked. */
static apr_status_t lock(chat_store_tx_t *tx, const char *stream,
                         const char **pconversation)
{
    chat_store_rows_t rows;
    const char *owner;
    apr_status_t rv = chat_store_tx_row(tx, &rows, CHAT_SQL_STREAM_LOCK,
                                        CHAT_STORE_ARGS(stream));

    if (rv == APR_NOTFOUND)
        return chat_store_tx_not_found(tx->err);
    if (rv != APR_SUCCESS)
        return rv;
    *pconversation = chat_store_db_text(&rows, 0, tx->p);
    owner = chat_store_db_text(&rows, 1, tx->p);
    if (tx->at->owner && strcmp(tx->at->owner, owner))
        return chat_store_tx_not_found(tx->err);
    return APR_SUCCESS;
}

static apr_status_t write_answer(chat_store_tx_t *tx, end_t *e)
{
    const chat_store_ending_t *end = e->ending;

    return chat_store_tx_exec(
        tx, &e->written, CHAT_SQL_MESSAGE_END,
        CHAT_STORE_ARGS(
            chat_store_status_name(end->status), end->parts, end->text,
            chat_store_tx_number(
                tx, chat_store_message_bytes(end->parts, end->text)),
            end->model, end->provider, end->finish_reason, end->error_code,
            chat_store_tx_optional(tx, end->input_tokens),
            chat_store_tx_optional(tx, end->output_tokens),
            chat_store_tx_optional(tx, end->cost),
            chat_store_tx_number(tx, e->now), end->answer));
}

/* Who comes second finds it written; or else it is deleted. */
static apr_status_t check_there(chat_store_tx_t *tx, const char *answer,
                                const char *conversation)
{
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_tx_row(tx, &rows, CHAT_SQL_MESSAGE_FIND,
                                        CHAT_STORE_ARGS(answer, conversation));

    return rv == APR_NOTFOUND ? chat_store_tx_not_found(tx->err) : rv;
}

static apr_status_t touch(chat_store_tx_t *tx, const end_t *e,
                          const char *conversation)
{
    const chat_store_ending_t *end = e->ending;
    const char *now = chat_store_tx_number(tx, e->now);

    return chat_store_tx_exec(
        tx, NULL, CHAT_SQL_CONVERSATION_TOUCH,
        CHAT_STORE_ARGS(chat_store_tx_number(tx, chat_store_message_bytes(
                                                     end->parts, end->text) -
                                                     (apr_int64_t)strlen("[]")),
                        now, now, conversation));
}

static apr_status_t end(chat_store_tx_t *tx, void *work)
{
    end_t *e = work;
    const chat_store_ending_t *ending = e->ending;
    int wrote =
        e->written; /* in a first try, whose commit may have been lost */
    int added;
    const char *conversation = NULL, *now = chat_store_tx_number(tx, e->now);
    apr_status_t rv = lock(tx, ending->stream, &conversation);

    if (rv == APR_SUCCESS)
        rv = write_answer(tx, e);
    if (rv == APR_SUCCESS)
        rv = chat_store_tx_exec(
            tx, NULL, CHAT_SQL_STREAM_END,
            CHAT_STORE_ARGS(stream_status(ending->status),
                            chat_store_tx_number(tx, ending->last_event), now,
                            ending->stream));
    if (rv == APR_SUCCESS && !e->written) {
        e->written = wrote;
        return check_there(tx, ending->answer, conversation);
    }
    if (rv == APR_SUCCESS)
        rv = touch(tx, e, conversation);
    return rv == APR_SUCCESS
               ? chat_store_usage_put(&added, tx, ending->usage, ending->nusage,
                                      ending->answer)
               : rv;
}

/* When its answer is lost, it may have been done: as with a lost commit. */
static apr_status_t end_once(chat_store_tx_t *tx, void *work)
{
    end_t *e = work;
    const chat_store_ending_t *end = e->ending;
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_tx_row(
        tx, &rows, CHAT_SQL_TURN_END,
        CHAT_STORE_ARGS(end->answer, end->stream, tx->at->owner,
                        chat_store_status_name(end->status),
                        stream_status(end->status), end->parts, end->text,
                        chat_store_tx_number(tx, chat_store_message_bytes(
                                                     end->parts, end->text)),
                        end->model, end->provider, end->finish_reason,
                        end->error_code,
                        chat_store_tx_optional(tx, end->input_tokens),
                        chat_store_tx_optional(tx, end->output_tokens),
                        chat_store_tx_optional(tx, end->cost),
                        chat_store_tx_number(tx, end->last_event),
                        chat_store_tx_number(tx, e->now),
                        chat_store_usage_json(end->usage, end->nusage, tx->p)));

    e->written = rv != APR_NOTFOUND;
    return rv == APR_NOTFOUND ? APR_INCOMPLETE : rv;
}

apr_status_t chat_store_turn_end(int *pwritten, const chat_store_ending_t *end_,
                                 const chat_store_at_t *at, chat_err_t *err)
{
    end_t e = {.ending = end_, .now = chat_store_now()};
    apr_status_t rv =
        chat_store_tx_run_once(at, "end a turn", end_once, end, &e, err);

    *pwritten = e.written;
    return rv;
}
