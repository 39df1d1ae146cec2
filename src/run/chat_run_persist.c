/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tap of what is kept (ChatStore): the question, the answer and its stream
 * are in the database before the provider is asked, and the answer is saved
 * before its client is told that it is whole. Threads as in chat_run_tap.h.
 *
 * A database that is away when an answer ends is tried again, then the answer
 * is put down (chat_run_unsaved.h): it is never lost, and never written twice.
 */
#include "chat_run_int.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_log.h"
#include "chat_run_instance.h"
#include "chat_run_parts.h"
#include "chat_run_title.h"
#include "chat_run_unsaved.h"
#include "chat_run_usage.h"
#include "chat_run_verdict.h"

/* Before the second and the third time that a database is asked to save. */
#define WAIT_FIRST apr_time_from_msec(20)
#define WAIT_SECOND apr_time_from_msec(200)

typedef struct state_t {
    chat_run_t *run;
    chat_store_turn_t turn; /* its ids alone, once it has begun */
    int begun;
    chat_run_parts_t *parts;
    chat_run_title_job_t *title; /* what is to be named afterwards, or NULL */
} state_t;

static int persist_wanted(const chat_run_t *run)
{
    return run->kept && !run->vercel;
}

static chat_store_at_t store_at(const chat_run_t *run, apr_pool_t *p)
{
    return (chat_store_at_t){
        .s = run->r->server,
        .r = run->r,
        .p = p,
        .owner = run->kept->owner,
    };
}

/* ---- the beginning ---- */

static chat_json_t *text_part(const char *type, apr_pool_t *p)
{
    chat_json_t *part = chat_json_object(p);

    chat_json_add_string(part, "type", type);
    return part;
}

/* What the client says now, as it is kept: of several tools one message. */
static chat_json_t *question_parts(const chat_request_t *request, apr_pool_t *p)
{
    chat_json_t *parts = chat_json_array(p);
    int i;

    if (request->place.parts)
        return request->place.parts;
    for (i = 0; i < request->turn.nmessages; i++) {
        const chat_message_t *m = &request->turn.messages[i];
        chat_json_t *part =
            text_part(m->role == CHAT_ROLE_TOOL ? "tool-result" : "text", p);

        if (m->role == CHAT_ROLE_TOOL)
            chat_json_add_string(part, "callId", m->call_id);
        chat_json_add_string(
            part, m->role == CHAT_ROLE_TOOL ? "content" : "text", m->content);
        chat_json_push(parts, part);
    }
    return parts;
}

/* What search finds, and a title is made of. */
static const char *text_of(const chat_run_t *run, const chat_message_t *first)
{
    const chat_json_t *parts = first->parts;
    apr_array_header_t *texts;
    int i;

    if (first->role != CHAT_ROLE_USER || first->content)
        return first->role == CHAT_ROLE_USER ? first->content : "";
    texts = apr_array_make(run->request_pool, 4, sizeof(const char *));
    for (i = 0; i < chat_json_length(parts); i++) {
        const chat_json_t *part = chat_json_at(parts, i);
        const char *type = chat_json_string(chat_json_get(part, "type"));
        const char *text = chat_json_string(chat_json_get(part, "text"));

        if (text && type && !strcmp(type, "text"))
            APR_ARRAY_PUSH(texts, const char *) = text;
    }
    return apr_array_pstrcat(run->request_pool, texts, 0);
}

static void describe_question(chat_store_turn_t *turn, const chat_run_t *run)
{
    const chat_request_t *request = &run->request;
    const chat_message_t *first = request->turn.messages;

    turn->question = run->kept->question;
    turn->role = first->role;
    turn->parts = chat_json_text(question_parts(request, run->request_pool),
                                 NULL, run->request_pool);
    turn->text = text_of(run, first);
    turn->title = first->role == CHAT_ROLE_USER && *turn->text
                      ? chat_run_title_text(turn->text, run->request_pool)
                      : NULL;
    turn->has_parent = request->place.has_parent;
    turn->parent = request->place.parent;
}

static void describe_turn(chat_store_turn_t *turn, const chat_run_t *run)
{
    const chat_run_kept_t *kept = run->kept;

    turn->conversation = kept->conversation;
    turn->create = kept->create;
    turn->regenerate = kept->regenerate;
    turn->model = run->request.turn.model;
    turn->system = run->request.turn.system;
    turn->answer = kept->answer;
    turn->stream = kept->stream;
    turn->instance = chat_run_instance();
    if (!kept->regenerate)
        describe_question(turn, run);
}

/* Nothing of the request is kept but ids: it goes before its answer does. */
static void forget_turn(chat_store_turn_t *turn, apr_pool_t *p)
{
    turn->before = apr_pstrdup(p, turn->before);
    turn->path = NULL;
    turn->parts = turn->text = turn->title = turn->model = turn->system = NULL;
    turn->titled = turn->context_system = turn->parent = NULL;
}

static apr_status_t begin_turn(state_t *state, chat_err_t *err)
{
    chat_run_t *run = state->run;
    chat_store_turn_t *turn = &state->turn;
    const chat_store_at_t at = store_at(run, run->request_pool);
    const chat_store_message_t *last;
    apr_status_t rv = chat_store_turn_begin(turn, &at, err);

    if (rv != APR_SUCCESS) {
        if (rv == APR_EEXIST && err->param) {
            err->stream = apr_pstrdup(run->r->pool, err->param);
            err->param = NULL;
        }
        return rv;
    }
    state->begun = run->kept->begun = 1;
    chat_run_instance_add(1);
    last =
        &APR_ARRAY_IDX(turn->path, turn->path->nelts - 1, chat_store_message_t);
    run->kept->question = apr_pstrdup(run->r->pool, last->id);
    if (run->question && run->question->begun)
        run->question->begun(run->question->told, turn, &run->kept->frame);
    state->title = chat_run_title_prepare(run, turn);
    return chat_run_path(run, turn, err);
}

static apr_status_t persist_begin(void **pstate, chat_run_t *run,
                                  chat_err_t *err)
{
    state_t *state = apr_pcalloc(run->r->pool, sizeof(*state));
    apr_status_t rv;

    state->run = run;
    state->parts = chat_run_parts_create(run->r->pool);
    *pstate = state;
    describe_turn(&state->turn, run);
    rv = begin_turn(state, err);
    forget_turn(&state->turn, run->r->pool);
    return rv;
}

/* ---- the answer ---- */

static void persist_restart(void *ctx)
{
    state_t *state = ctx;

    chat_run_parts_clear(state->parts);
}

static void persist_delta(void *ctx, const chat_delta_t *delta)
{
    state_t *state = ctx;

    chat_run_parts_add(state->parts, delta);
}

/* ---- the end ---- */

/* One that was cut short is kept as far as it went. */
static chat_message_status_e broken_status(const state_t *state)
{
    return chat_run_parts_empty(state->parts) ? CHAT_MESSAGE_FAILED
                                              : CHAT_MESSAGE_PARTIAL;
}

static chat_message_status_e find_status(const state_t *state)
{
    const chat_run_t *run = state->run;

    if (run->refused || (run->answer.cut && run->answer.cut->filter))
        return CHAT_MESSAGE_FAILED;
    if (run->record.outcome == CHAT_OUTCOME_COMPLETE)
        return chat_run_parts_overflow(state->parts) ? CHAT_MESSAGE_PARTIAL
                                                     : CHAT_MESSAGE_COMPLETE;
    if (run->record.outcome == CHAT_OUTCOME_CANCELLED &&
        run->end.why != CHAT_END_SHUTDOWN)
        return CHAT_MESSAGE_CANCELLED;
    return broken_status(state);
}

static const char *find_error(const state_t *state,
                              chat_message_status_e status)
{
    if (status == CHAT_MESSAGE_COMPLETE || status == CHAT_MESSAGE_CANCELLED)
        return NULL;
    if (chat_run_parts_overflow(state->parts))
        return "answer_too_large";
    return state->run->code ? state->run->code : "interrupted";
}

static const char *find_reason(const chat_run_t *run,
                               chat_message_status_e status)
{
    if (status == CHAT_MESSAGE_CANCELLED)
        return chat_dialect_reason(CHAT_FINISH_STOPPED);
    return status == CHAT_MESSAGE_COMPLETE
               ? chat_dialect_reason(run->answer.parse->finish)
               : NULL;
}

static apr_int64_t find_cost(const chat_run_t *run)
{
    const chat_candidate_t *c = run->attempt.candidate;
    const chat_price_t price =
        c ? chat_run_price(c) : (chat_price_t)CHAT_PRICE_UNKNOWN;

    return chat_price_cost(&price, &run->record.usage);
}

static void describe_ending(chat_store_ending_t *ending, const state_t *state)
{
    const chat_run_t *run = state->run;
    const chat_encoder_t *encoder = run->answer.encoder;

    ending->answer = run->kept->answer;
    ending->stream = run->kept->stream;
    ending->status = find_status(state);
    /* What was shown before it was withheld is not kept, either. */
    if (chat_run_verdict_empties(run))
        chat_run_parts_clear(state->parts);
    ending->parts = chat_run_without_keys(
        state->run, chat_run_parts_json(state->parts, run->r->pool));
    ending->text = chat_run_without_keys(
        state->run, chat_run_parts_text(state->parts, run->r->pool));
    ending->model = run->record.model;
    ending->provider = run->record.provider;
    ending->finish_reason = find_reason(run, ending->status);
    ending->error_code = find_error(state, ending->status);
    ending->input_tokens = run->record.usage.input;
    ending->output_tokens = run->record.usage.output;
    ending->cost = find_cost(run);
    ending->nusage = chat_run_usage_rows(&ending->usage, run);
    /* Those that say so are still to be written. */
    ending->last_event =
        run->kept->numbered && encoder
            ? chat_encoder_last(encoder) + 1 + (run->named != NULL)
            : 0;
}

/* As its user or a model has named it meanwhile, in another request. */
static void find_name(chat_run_t *run)
{
    const chat_store_at_t at = store_at(run, run->r->pool);
    chat_named_t *named = apr_pcalloc(run->r->pool, sizeof(*named));
    chat_conversation_t *c;
    chat_err_t err = {0};

    if (!run->request.named || run->whole || run->refused ||
        chat_store_conversation_get(&c, &at, run->kept->conversation, &err) !=
            APR_SUCCESS)
        return;
    named->title = c->title;
    named->revision = c->revision;
    run->named = named;
}

static apr_status_t save_once(int *pwritten, const state_t *state,
                              const chat_store_ending_t *ending)
{
    const chat_store_at_t at = store_at(state->run, state->run->r->pool);
    chat_err_t err = {0};

    *pwritten = 0;
    return chat_run_is_kept(state->run)
               ? chat_store_turn_end(pwritten, ending, &at, &err)
               : chat_store_turn_undo(&state->turn, &at, &err);
}

static void save(const state_t *state)
{
    static const apr_interval_time_t waits[] = {0, WAIT_FIRST, WAIT_SECOND};
    chat_run_t *run = state->run;
    chat_store_ending_t ending = {0};
    apr_size_t i;
    int written;

    describe_ending(&ending, state);
    for (i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
        apr_status_t rv;

        if (waits[i])
            apr_sleep(waits[i]);
        rv = save_once(&written, state, &ending);
        /* Who did not write it was late, or has by a try whose end was lost:
         * chat_run_usage.c adds what is not there yet. */
        run->usage_kept = rv == APR_SUCCESS && written;
        /* Not found: it was deleted meanwhile. */
        if (rv == APR_SUCCESS || rv == APR_NOTFOUND)
            return;
    }
    run->usage_kept = 1;
    chat_run_unsaved_keep(run->r->server, run->r, &ending, run->r->pool);
}

static void persist_end(chat_run_t *run, void *ctx)
{
    state_t *state = ctx;

    if (!state || !state->begun)
        return;
    find_name(run);
    save(state);
    chat_run_instance_add(-1);
    if (find_status(state) != CHAT_MESSAGE_COMPLETE)
        state->title = NULL;
    if (state->title)
        chat_run_title_answer(state->title,
                              chat_run_parts_text(state->parts, run->r->pool));
    chat_run_parts_clear(state->parts);
}

/* The client has its answer: a title may take its time. */
static void persist_over(chat_run_t *run, void *ctx)
{
    state_t *state = ctx;

    if (state->title)
        chat_run_title_later(state->title);
}

const chat_tap_t chat_run_persist = {
    .name = "persist",
    .blocks = 1,
    .wanted = persist_wanted,
    .begin = persist_begin,
    .restart = persist_restart,
    .delta = persist_delta,
    .end = persist_end,
    .over = persist_over,
};
