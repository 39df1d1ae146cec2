/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tap of a session that the client names (ChatContext): what was said
 * before comes before what is said now, and a whole answer is remembered.
 * Threads as in chat_run_tap.h.
 */
#include "chat_run_int.h"

#include <apr_strings.h>

#include "chat_store.h"

typedef struct state_t {
    const char *name;     /* of the session */
    const char *question; /* what the user says now */
    apr_int64_t most;     /* bytes of an answer that are worth keeping */
    chat_buf_t answer;    /* its text so far */
} state_t;

static int session_wanted(const chat_run_t *run)
{
    return run->request.session && run->conf->context.messages > 0;
}

static apr_status_t session_begin(void **pstate, chat_run_t *run,
                                  chat_err_t *err)
{
    apr_pool_t *p = run->r->pool;
    chat_turn_t *turn = &run->request.turn;
    state_t *state = apr_pcalloc(p, sizeof(*state));
    apr_array_header_t *said;
    apr_status_t rv;
    int i;

    state->name = apr_pstrdup(p, run->request.session);
    state->question = apr_pstrdup(p, turn->messages[0].content);
    state->most = run->conf->context.bytes;
    chat_buf_init(&state->answer, p);
    rv = chat_store_context_load(&said, run->r, run->ctx->user->subject,
                                 state->name, err, run->request_pool);
    if (rv != APR_SUCCESS)
        return rv;
    for (i = 0; i < turn->nmessages; i++)
        APR_ARRAY_PUSH(said, chat_message_t) = turn->messages[i];
    turn->messages = (const chat_message_t *)said->elts;
    turn->nmessages = said->nelts;
    *pstate = state;
    return APR_SUCCESS;
}

static void session_restart(void *ctx)
{
    state_t *state = ctx;

    chat_buf_clear(&state->answer);
}

static void session_delta(void *ctx, const chat_delta_t *delta)
{
    state_t *state = ctx;

    if (delta->kind == CHAT_DELTA_TEXT &&
        (apr_int64_t)state->answer.len <= state->most)
        chat_buf_put(&state->answer, delta->text, delta->len);
}

/* Before the client is told that it is whole: the next question may follow at
 * once. Of which nobody knows that is not remembered. */
static void session_end(chat_run_t *run, void *ctx)
{
    const state_t *state = ctx;

    if (state && run->record.outcome == CHAT_OUTCOME_COMPLETE &&
        run->answer.parse->finish != CHAT_FINISH_OTHER)
        chat_store_context_add(
            run->r, run->ctx->user->subject, state->name, state->question,
            state->answer.data ? state->answer.data : "", state->answer.len);
}

const chat_tap_t chat_run_session = {
    .name = "session",
    .blocks = 1,
    .wanted = session_wanted,
    .begin = session_begin,
    .restart = session_restart,
    .delta = session_delta,
    .end = session_end,
};
