/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tap of chats in the tables of an app (ChatStore vercel): the question and
 * its stream are there before anybody is asked, and what is saved of the answer
 * is there before its client has the end. Threads as in chat_run_tap.h.
 */
#include "chat_run_vercel.h"
#include "chat_run_verdict.h"

#include <apr_strings.h>

#include "chat_log.h"
#include "chat_run_title.h"
#include "chat_run_unsaved.h"
#include "chat_store_vercel.h"
#include "chat_ui_message.h"

/* Before the second and the third time that a database is asked to save. */
#define WAIT_FIRST apr_time_from_msec(20)
#define WAIT_SECOND apr_time_from_msec(200)

/* The title of a chat that begins with a picture. */
#define NO_TITLE "New Chat"

typedef struct state_t {
    chat_run_t *run;
    chat_vercel_turn_t turn; /* its ids alone, once it has begun */
    int begun;
    apr_pool_t *pool;           /* of message */
    chat_ui_message_t *message; /* NULL: nobody reads it */
    chat_run_title_job_t *title;
} state_t;

static int tables_wanted(const chat_run_t *run)
{
    return run->vercel && run->kept;
}

static chat_store_at_t store_at(const chat_run_t *run, apr_pool_t *p)
{
    return (chat_store_at_t){
        .s = run->r->server, .r = run->r, .p = p, .owner = run->ctx->user->id};
}

/* ---- the beginning ---- */

/* The line of the user's tier, else the one for all. */
static void find_count(chat_vercel_turn_t *turn, const chat_run_t *run)
{
    const apr_array_header_t *counts = run->conf->vercel.counts;
    const char *tier = chat_limit_tier(run->ctx);
    int i, is_own = 0;

    turn->most = -1;
    for (i = 0; i < counts->nelts && !is_own; i++) {
        const chat_store_count_t *c =
            &APR_ARRAY_IDX(counts, i, chat_store_count_t);

        is_own = c->tier && !strcmp(c->tier, tier);
        if (!is_own && c->tier)
            continue;
        turn->most = c->most;
        turn->window = c->window;
    }
}

static void describe(chat_vercel_turn_t *turn, const chat_run_t *run)
{
    const chat_request_vercel_t *asked = &run->vercel->asked;
    const char *title = chat_run_title_text(asked->text, run->r->pool);

    turn->chat = run->kept->conversation;
    turn->title = title ? title : NO_TITLE;
    turn->visibility = asked->visibility;
    turn->message = run->kept->question;
    turn->parts = asked->parts;
    turn->stream = run->kept->stream;
    turn->messages = run->conf->store.messages;
    turn->bytes = run->conf->store.bytes;
    find_count(turn, run);
}

static int is_read(const chat_run_t *run)
{
    return run->conf->vercel.save != CHAT_SAVE_APP ||
           run->conf->vercel.unanswered == CHAT_UNANSWERED_REMOVE;
}

static void read_anew(state_t *state)
{
    if (state->pool)
        apr_pool_destroy(state->pool);
    apr_pool_create(&state->pool, state->run->r->pool);
    state->message = chat_ui_message_create(state->pool);
}

static apr_status_t tables_begin(void **pstate, chat_run_t *run,
                                 chat_err_t *err)
{
    state_t *state = apr_pcalloc(run->r->pool, sizeof(*state));
    const chat_store_at_t at = store_at(run, run->request_pool);
    chat_vercel_turn_t *turn = &state->turn;
    apr_status_t rv;

    state->run = run;
    *pstate = state;
    describe(turn, run);
    rv = chat_store_vercel_begin(turn, &at, err);
    if (rv != APR_SUCCESS)
        return rv;
    state->begun = 1;
    if (is_read(run))
        read_anew(state);
    if (turn->created)
        state->title =
            chat_run_title_of(run, run->vercel->asked.text, turn->title);
    rv = chat_run_vercel_turn(run, turn->history, err);
    turn->history = NULL;
    turn->parts = NULL;
    return rv;
}

/* ---- the answer ---- */

static void tables_restart(void *ctx)
{
    state_t *state = ctx;

    if (state->message)
        read_anew(state);
}

static void tables_bytes(void *ctx, const char *data, apr_size_t len)
{
    state_t *state = ctx;

    if (state->message)
        chat_ui_message_feed(state->message, data, len);
}

/* ---- the end ---- */

static apr_status_t save_once(const chat_vercel_ending_t *ending,
                              const state_t *state)
{
    const chat_store_at_t at = store_at(state->run, state->run->r->pool);
    chat_err_t err = {0};

    return ending ? chat_store_vercel_end(ending, &at, &err)
                  : chat_store_vercel_undo(&state->turn, &at, &err);
}

/* ending NULL: it is undone. 0: the database takes nothing. */
static int save(const chat_vercel_ending_t *ending, const state_t *state)
{
    static const apr_interval_time_t waits[] = {0, WAIT_FIRST, WAIT_SECOND};
    apr_size_t i;

    for (i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
        apr_status_t rv;

        if (waits[i])
            apr_sleep(waits[i]);
        rv = save_once(ending, state);
        /* Not found: it was deleted meanwhile. */
        if (rv == APR_SUCCESS || rv == APR_NOTFOUND)
            return 1;
    }
    return 0;
}

/* The id that the client has; where that is no UUID the row has another. */
static const char *find_id(const state_t *state,
                           const chat_ui_message_told_t *told)
{
    return told->id && chat_store_is_id(told->id) ? told->id
                                                  : state->run->kept->answer;
}

static void save_answer(const state_t *state,
                        const chat_ui_message_told_t *told)
{
    chat_run_t *run = state->run;
    const chat_vercel_ending_t ending = {
        .chat = run->kept->conversation,
        .message = find_id(state, told),
        .parts = told->nparts ? chat_run_without_keys(run, told->parts) : NULL,
        .context =
            told->context ? chat_run_without_keys(run, told->context) : NULL,
    };

    if ((ending.parts || ending.context) && !save(&ending, state))
        chat_run_unsaved_keep_app(run->r->server, run->r, &ending,
                                  run->r->pool);
}

static void remove_question(const state_t *state)
{
    if (!save(NULL, state))
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, state->run->r,
                      CHATNO(0846) "nobody answered the question %s, but the "
                                   "database does not remove it",
                      state->run->kept->question);
}

static void tables_end(chat_run_t *run, void *ctx)
{
    state_t *state = ctx;
    chat_ui_message_told_t told = {0};

    if (!state || !state->begun)
        return;
    if (state->message && chat_run_verdict_empties(run))
        read_anew(state);
    if (state->message)
        chat_ui_message_tell(&told, state->message, run->r->pool);
    if (state->message && !told.nparts &&
        run->conf->vercel.unanswered == CHAT_UNANSWERED_REMOVE)
        remove_question(state);
    else if (state->message && chat_run_vercel_saves(run))
        save_answer(state, &told);
    state->message = NULL; /* what is still sent has been read */
    if (run->record.outcome != CHAT_OUTCOME_COMPLETE)
        state->title = NULL;
    if (state->title)
        chat_run_title_answer(state->title, told.text);
}

static void tables_over(chat_run_t *run, void *ctx)
{
    state_t *state = ctx;

    if (state->title)
        chat_run_title_later(state->title);
}

const chat_tap_t chat_run_tables = {
    .name = "tables",
    .blocks = 1,
    .wanted = tables_wanted,
    .begin = tables_begin,
    .restart = tables_restart,
    .bytes = tables_bytes,
    .end = tables_end,
    .over = tables_over,
};
