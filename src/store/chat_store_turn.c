/* SPDX-License-Identifier: Apache-2.0 */
/* A turn: its rows before the provider is asked, and at its end. Neighbours:
 * run/ above; chat_store_conversation.c and chat_store_message.c below. See
 * chat_store_chats.h. */
#include "chat_store_conversation.h"
#include "chat_store_message.h"
#include "chat_store_turn.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

/* A column of CHAT_SQL_STREAM_GET. */
#define STREAM_MESSAGE 2

typedef struct begin_t {
    chat_store_turn_t *turn;
    chat_store_locked_t locked;
    const char *leaf;   /* what is to be answered */
    const char *parent; /* of the question */
    const char *title, *title_by;
    int added;
    apr_int64_t bytes, now;
} begin_t;

/* ---- what it is about ---- */

/* An id that is taken: by this owner's question, whose stream is told, or by
 * anything else. */
static apr_status_t check_question(chat_store_tx_t *tx,
                                   const chat_store_turn_t *turn)
{
    chat_store_rows_t rows;
    const char *owner;
    apr_status_t rv;

    if (turn->regenerate)
        return APR_SUCCESS;
    rv = chat_store_tx_row(tx, &rows, CHAT_SQL_MESSAGE_ANSWERED,
                           CHAT_STORE_ARGS(turn->question));
    if (rv == APR_NOTFOUND)
        return APR_SUCCESS;
    if (rv != APR_SUCCESS)
        return rv;
    owner = chat_store_db_text(&rows, 0, tx->p);
    tx->err->param = strcmp(owner, tx->at->owner)
                         ? NULL
                         : chat_store_db_text(&rows, 1, tx->p);
    return chat_store_tx_exists(tx->err);
}

static apr_status_t create(chat_store_tx_t *tx, begin_t *b)
{
    chat_conversation_t c = {.id = b->turn->conversation,
                             .model = b->turn->model,
                             .system = b->turn->system,
                             .created = b->now,
                             .updated = b->now,
                             .last_message = b->now};
    apr_status_t rv = chat_store_conversation_insert(&b->turn->created, tx, &c);

    if (rv == APR_SUCCESS && !b->turn->created)
        return chat_store_tx_not_found(tx->err);
    return rv;
}

static apr_status_t lock(chat_store_tx_t *tx, begin_t *b)
{
    const char *id = b->turn->conversation;
    apr_status_t rv = chat_store_conversation_lock(&b->locked, tx, id, 0);

    if (rv == APR_NOTFOUND && b->turn->create) {
        memset(tx->err, 0, sizeof(*tx->err));
        rv = create(tx, b);
        if (rv == APR_SUCCESS)
            rv = chat_store_conversation_lock(&b->locked, tx, id, 0);
    }
    if (rv == APR_SUCCESS && b->locked.archived)
        return chat_err_set(tx->err, APR_EACCES, HTTP_CONFLICT,
                            "conversation_archived",
                            "This conversation is in the archive.");
    return rv;
}

static apr_status_t check_idle(chat_store_tx_t *tx, const begin_t *b)
{
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_tx_row(tx, &rows, CHAT_SQL_STREAM_RUNNING,
                                        CHAT_STORE_ARGS(b->turn->conversation));

    if (rv == APR_NOTFOUND)
        return APR_SUCCESS;
    return rv == APR_SUCCESS ? chat_store_tx_busy(tx->err) : rv;
}

/* The role of a message of this conversation, and its parent. */
static apr_status_t find(chat_store_tx_t *tx, const begin_t *b, const char *id,
                         const char **prole, const char **pparent)
{
    chat_store_rows_t rows;
    apr_status_t rv =
        chat_store_tx_row(tx, &rows, CHAT_SQL_MESSAGE_FIND,
                          CHAT_STORE_ARGS(id, b->turn->conversation));

    if (rv != APR_SUCCESS)
        return rv;
    *prole = chat_store_db_text(&rows, 0, tx->p);
    *pparent = chat_store_db_text(&rows, 2, tx->p);
    return APR_SUCCESS;
}

/* An answer is made anew beside that one, so it answers what that one did. */
static apr_status_t find_regenerated(chat_store_tx_t *tx, begin_t *b)
{
    const char *id = b->turn->regenerate, *role, *parent;
    apr_status_t rv = find(tx, b, id, &role, &parent);

    if (rv == APR_SUCCESS && !strcmp(role, "assistant")) {
        id = parent;
        rv = id ? find(tx, b, id, &role, &parent) : APR_NOTFOUND;
    }
    if (rv == APR_NOTFOUND ||
        (rv == APR_SUCCESS && strcmp(role, "user") && strcmp(role, "tool")))
        return chat_store_tx_invalid(
            tx->err, "messageId",
            "This is no question, and no answer to one, of this conversation.");
    b->leaf = id;
    return rv;
}

static apr_status_t find_parent(chat_store_tx_t *tx, begin_t *b)
{
    const chat_store_turn_t *turn = b->turn;
    const char *role, *parent;
    apr_status_t rv = APR_SUCCESS;

    b->leaf = turn->question;
    b->parent = turn->has_parent ? turn->parent : b->locked.current;
    if (b->parent)
        rv = find(tx, b, b->parent, &role, &parent);
    if (rv == APR_NOTFOUND)
        return chat_store_tx_invalid(
            tx->err, "parentId", "This is no message of this conversation.");
    if (rv == APR_SUCCESS && turn->role == CHAT_ROLE_TOOL &&
        (!b->parent || strcmp(role, "assistant")))
        return chat_store_tx_invalid(
            tx->err, "parentId",
            "What tools gave follows the message that called them.");
    return rv;
}

static void count_added(begin_t *b)
{
    const chat_store_turn_t *turn = b->turn;

    b->added = turn->regenerate ? 1 : 2;
    b->bytes = strlen("[]");
    if (!turn->regenerate)
        b->bytes += chat_store_message_bytes(turn->parts, turn->text);
}

static apr_status_t check_room(chat_store_tx_t *tx, begin_t *b)
{
    count_added(b);
    if (b->locked.messages + b->added > tx->limits->messages ||
        b->locked.bytes + b->bytes > tx->limits->bytes)
        return chat_store_tx_too_long(tx->err);
    return APR_SUCCESS;
}

/* ---- its rows ---- */

static apr_status_t insert_question(chat_store_tx_t *tx, const begin_t *b)
{
    const chat_store_turn_t *turn = b->turn;
    chat_store_message_t m = {.id = turn->question,
                              .conversation = turn->conversation,
                              .parent = b->parent,
                              .role = turn->role,
                              .status = CHAT_MESSAGE_COMPLETE,
                              .parts = turn->parts,
                              .text = turn->text,
                              .input_tokens = -1,
                              .output_tokens = -1,
                              .cost = -1,
                              .created = b->now,
                              .updated = b->now};
    int count = 0;
    apr_status_t rv = chat_store_message_insert(&count, tx, &m);

    return rv == APR_SUCCESS && !count ? chat_store_tx_exists(tx->err) : rv;
}

/* A moment later, for the same reason. */
static apr_status_t insert_answer(chat_store_tx_t *tx, const begin_t *b)
{
    const chat_store_turn_t *turn = b->turn;
    chat_store_message_t m = {.id = turn->answer,
                              .conversation = turn->conversation,
                              .parent = b->leaf,
                              .role = CHAT_ROLE_ASSISTANT,
                              .status = CHAT_MESSAGE_STREAMING,
                              .parts = "[]",
                              .text = "",
                              .model = turn->model,
                              .input_tokens = -1,
                              .output_tokens = -1,
                              .cost = -1,
                              .created = b->now + 1,
                              .updated = b->now + 1};
    int count = 0;
    apr_status_t rv = chat_store_message_insert(&count, tx, &m);

    return rv == APR_SUCCESS && !count ? chat_store_tx_exists(tx->err) : rv;
}

/* Of two that begin at once the second finds this one taken. */
static apr_status_t insert_stream(chat_store_tx_t *tx, const begin_t *b)
{
    const chat_store_turn_t *turn = b->turn;
    const char *now = chat_store_tx_number(tx, b->now);
    int count = 0;
    apr_status_t rv = chat_store_tx_exec(
        tx, &count, CHAT_SQL_STREAM_INSERT,
        CHAT_STORE_ARGS(turn->stream, turn->conversation, turn->answer,
                        tx->at->owner, turn->instance, now, now));

    return rv == APR_SUCCESS && !count ? chat_store_tx_busy(tx->err) : rv;
}

static apr_status_t add(chat_store_tx_t *tx, begin_t *b)
{
    b->title = b->locked.title;
    b->title_by = b->locked.title_by;
    if (!b->title && !b->turn->regenerate) {
        b->title = b->turn->title;
        b->title_by = b->title ? CHAT_STORE_BY_TEXT : NULL;
    }
    if (b->title == b->locked.title)
        return chat_store_tx_exec(
            tx, NULL, CHAT_SQL_CONVERSATION_ADVANCE,
            CHAT_STORE_ARGS(chat_store_tx_number(tx, b->added),
                            chat_store_tx_number(tx, b->bytes), b->turn->answer,
                            chat_store_tx_number(tx, b->now + 1),
                            b->turn->conversation));
    return chat_store_tx_exec(
        tx, NULL, CHAT_SQL_CONVERSATION_ADD,
        CHAT_STORE_ARGS(chat_store_tx_number(tx, b->added),
                        chat_store_tx_number(tx, b->bytes), b->turn->answer,
                        b->title, b->title_by,
                        chat_store_tx_number(tx, b->now + 1),
                        b->turn->conversation));
}

static void tell_times(const begin_t *b)
{
    chat_store_turn_t *turn = b->turn;

    turn->asked =
        APR_ARRAY_IDX(turn->path, turn->path->nelts - 1, chat_store_message_t)
            .created;
    turn->answered = (turn->regenerate ? b->now : turn->asked) + 1;
}

static apr_status_t tell(chat_store_tx_t *tx, begin_t *b)
{
    chat_store_turn_t *turn = b->turn;
    apr_status_t rv;

    turn->titled = b->title;
    turn->made = b->locked.created;
    turn->named = b->title && !b->locked.title;
    turn->wants_title =
        !b->title_by || !strcmp(b->title_by, CHAT_STORE_BY_TEXT);
    turn->context_system = b->locked.system;
    turn->before = b->locked.current;
    turn->bytes = b->bytes;
    rv = chat_store_turn_path(&turn->path, tx, turn->conversation, b->leaf,
                              b->locked.messages + b->added);
    if (rv == APR_SUCCESS && turn->path->nelts >= CHAT_STORE_PATH_MAX)
        return chat_store_tx_too_long(tx->err);
    if (rv == APR_SUCCESS && turn->path->nelts)
        tell_times(b);
    return rv;
}

/* APR_SUCCESS: the first try was committed, but its answer was lost. The id of
 * the message that is to be its answer nobody else has made. */
static apr_status_t find_done(chat_store_tx_t *tx, const begin_t *b)
{
    const chat_store_turn_t *turn = b->turn;
    chat_store_rows_t rows;
    apr_status_t rv;

    if (!tx->again)
        return APR_NOTFOUND;
    rv = chat_store_tx_row(tx, &rows, CHAT_SQL_STREAM_GET,
                           CHAT_STORE_ARGS(turn->stream, tx->at->owner));
    if (rv == APR_SUCCESS &&
        strcmp(chat_store_db_text(&rows, STREAM_MESSAGE, tx->p), turn->answer))
        return APR_NOTFOUND;
    return rv;
}

/* Which leaf was current before only the tree still knows. */
static apr_status_t find_before(chat_store_tx_t *tx, begin_t *b)
{
    const char *role, *parent;
    apr_status_t rv;

    if (b->turn->regenerate) {
        b->locked.current = b->turn->regenerate;
        return find_regenerated(tx, b);
    }
    rv = find(tx, b, b->turn->question, &role, &parent);
    if (rv == APR_NOTFOUND)
        return chat_store_tx_not_found(tx->err);
    b->leaf = b->turn->question;
    b->locked.current = parent;
    return rv;
}

static apr_status_t tell_again(chat_store_tx_t *tx, begin_t *b)
{
    apr_status_t rv = lock(tx, b);

    if (rv == APR_SUCCESS)
        rv = find_before(tx, b);
    count_added(b);
    b->title = b->locked.title;
    b->title_by = b->locked.title_by;
    b->turn->created = b->turn->create && b->locked.messages == 2;
    return rv == APR_SUCCESS ? tell(tx, b) : rv;
}

static apr_status_t look_closely(chat_store_tx_t *tx, begin_t *b)
{
    apr_status_t rv = check_question(tx, b->turn);

    if (rv == APR_SUCCESS)
        rv = lock(tx, b);
    if (rv == APR_SUCCESS)
        rv = check_idle(tx, b);
    if (rv == APR_SUCCESS)
        rv = b->turn->regenerate ? find_regenerated(tx, b) : find_parent(tx, b);
    return rv;
}

/* By age a question stands behind all that was said before, whatever the clocks
 * of several servers say. */
static apr_status_t look(chat_store_tx_t *tx, begin_t *b)
{
    apr_status_t rv =
        tx->db->sqlite
            ? chat_store_turn_look(&b->locked, &b->parent, tx, b->turn)
            : APR_INCOMPLETE;

    b->leaf = b->turn->question;
    if (rv == APR_INCOMPLETE)
        rv = look_closely(tx, b);
    if (b->now <= b->locked.last_message)
        b->now = b->locked.last_message + 1;
    return rv;
}

static apr_status_t begin(chat_store_tx_t *tx, void *work)
{
    begin_t *b = work;
    apr_status_t rv;

    b->turn->created = 0;
    rv = find_done(tx, b);
    if (rv != APR_NOTFOUND)
        return rv == APR_SUCCESS ? tell_again(tx, b) : rv;
    rv = look(tx, b);
    if (rv == APR_SUCCESS)
        rv = check_room(tx, b);
    if (rv == APR_SUCCESS && !b->turn->regenerate)
        rv = insert_question(tx, b);
    if (rv == APR_SUCCESS)
        rv = insert_answer(tx, b);
    if (rv == APR_SUCCESS)
        rv = insert_stream(tx, b);
    if (rv == APR_SUCCESS)
        rv = add(tx, b);
    return rv == APR_SUCCESS ? tell(tx, b) : rv;
}

static apr_status_t once(chat_store_tx_t *tx, void *work)
{
    begin_t *b = work;

    return chat_store_turn_once(tx, b->turn);
}

apr_status_t chat_store_turn_begin(chat_store_turn_t *turn,
                                   const chat_store_at_t *at, chat_err_t *err)
{
    begin_t b = {.turn = turn, .now = chat_store_now()};

    return chat_store_tx_run_once(at, "begin a turn", once, begin, &b, err);
}
