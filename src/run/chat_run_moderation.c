/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tap of lists (ChatModerationList): what is asked is looked at before
 * anybody keeps it, and of an answer what could be the beginning of something
 * on a list is held until that is known. Threads as in chat_run_tap.h.
 *
 * Text, thoughts, refusals and the arguments of each call are texts of their
 * own, and so is the name of each. A call ends those before it, and text ends
 * thoughts: what is held of them goes on before it.
 */
#include "chat_run_lists.h"

#include <apr_hash.h>
#include <apr_strings.h>

struct state_t;

/* One text of the answer. */
typedef struct channel_t {
    struct state_t *state;
    chat_delta_e kind;
    int index;
    chat_moderation_watch_t *watch;
} channel_t;

typedef struct state_t {
    chat_run_t *run;
    chat_run_lists_t lists;
    apr_pool_t *pool;         /* of what follows: of this call; NULL: none */
    channel_t *texts[3];      /* by kind, TEXT to REFUSAL; NULL: none yet */
    apr_hash_t *others;       /* index -> channel_t *: arguments; and all where
                                 bytes pass */
    apr_array_header_t *held; /* chat_delta_t: DETAIL, until the answer ends */
    channel_t *details;       /* the thoughts in these */
    channel_t *rest;          /* what else is in them */
    channel_t *names;         /* of calls */
    int spoilt;               /* 1: something in them is not to be seen */
} state_t;

/* ---- what goes on ---- */

static void pass(void *ctx, const char *text, apr_size_t len)
{
    const channel_t *channel = ctx;
    const chat_delta_t delta = {
        .kind = channel->kind,
        .text = text,
        .len = len,
        .index = channel->index,
    };

    if (channel->kind != CHAT_DELTA_DETAIL &&
        channel->kind != CHAT_DELTA_TOOL && !channel->state->lists.stopped)
        chat_run_tap_pass(channel->state->run, CHAT_TAP_moderation, &delta);
}

static chat_moderation_e hit(void *ctx, const chat_moderation_hit_t *found)
{
    channel_t *channel = ctx;
    state_t *state = channel->state;
    chat_moderation_e action;

    /* Bytes that pass can be cut, and no more; nor is another name one. */
    state->lists.rigid =
        !state->run->dialect || channel->kind == CHAT_DELTA_TOOL;
    action = chat_run_lists_hit(&state->lists, found);
    if (action == CHAT_MODERATION_REPLACE && channel->kind == CHAT_DELTA_DETAIL)
        state->spoilt = 1;
    if (state->lists.stopped)
        chat_run_verdict_stop(state->run, &state->lists.verdict);
    return action;
}

static const chat_moderation_sink_t sink = {pass, hit};

static channel_t *open_channel(state_t *state, chat_delta_e kind, int index)
{
    channel_t *channel = apr_palloc(state->pool, sizeof(*channel));

    channel->state = state;
    channel->kind = kind;
    channel->index = index;
    channel->watch = chat_moderation_watch_create(
        state->lists.lists, state->lists.n,
        kind == CHAT_DELTA_ARGUMENTS ? CHAT_MODERATION_JSON : 0, &sink, channel,
        state->pool);
    return channel;
}

static channel_t *channel_of(state_t *state, const chat_delta_t *delta)
{
    channel_t *channel;

    if (delta->kind <= CHAT_DELTA_REFUSAL && state->run->dialect) {
        if (!state->texts[delta->kind])
            state->texts[delta->kind] = open_channel(state, delta->kind, 0);
        return state->texts[delta->kind];
    }
    channel = apr_hash_get(state->others, &delta->index, sizeof(int));
    if (channel)
        return channel;
    channel = open_channel(state, delta->kind, delta->index);
    apr_hash_set(state->others, &channel->index, sizeof(int), channel);
    return channel;
}

static void end_channel(channel_t *channel)
{
    if (channel)
        chat_moderation_watch_end(channel->watch);
}

static void end_texts(state_t *state)
{
    end_channel(state->texts[CHAT_DELTA_REASONING]);
    end_channel(state->texts[CHAT_DELTA_TEXT]);
    end_channel(state->texts[CHAT_DELTA_REFUSAL]);
}

/* ---- details: objects that repeat thoughts, for the provider ---- */

/* A text that is whole, of which nothing goes on by itself. */
static void look_at(channel_t *channel, const char *text)
{
    chat_moderation_watch_feed(channel->watch, text, strlen(text));
    chat_moderation_watch_end(channel->watch);
}

static int is_thought(const char *key)
{
    return !strcmp(key, "text") || !strcmp(key, "summary") ||
           !strcmp(key, "thinking");
}

/* Thoughts go on from one to the next. */
static void look_into(state_t *state, const chat_json_t *v)
{
    const char *key = NULL, *text = chat_json_string(v);
    int i;

    if (text)
        look_at(state->rest, text);
    for (i = 0; i < chat_json_length(v); i++)
        look_into(state, chat_json_at(v, i));
    if (chat_json_kind(v) != CHAT_JSON_OBJECT)
        return;
    while ((key = chat_json_next(v, key))) {
        const chat_json_t *one = chat_json_get(v, key);

        text = chat_json_string(one);
        if (text && is_thought(key))
            chat_moderation_watch_feed(state->details->watch, text,
                                       strlen(text));
        else if (!text || chat_request_text_is_one(v, key, text))
            look_into(state, one);
    }
}

/* They go on unchanged or not at all, once all of them are known. */
static void hold_detail(state_t *state, const chat_delta_t *delta)
{
    static const chat_json_limits_t limits = {CHAT_SSE_EVENT_MAX, 32, 100000};
    chat_delta_t *held = apr_array_push(state->held);
    chat_json_t *v;

    *held = *delta;
    held->text = apr_pstrmemdup(state->pool, delta->text, delta->len);
    if (chat_json_parse(&v, held->text, held->len, &limits, state->pool) !=
        APR_SUCCESS)
        return;
    look_into(state, v);
}

static void pass_details(state_t *state)
{
    int i;

    chat_moderation_watch_end(state->details->watch);
    for (i = 0; i < state->held->nelts; i++)
        if (!state->spoilt && !state->lists.stopped)
            chat_run_tap_pass(state->run, CHAT_TAP_moderation,
                              &APR_ARRAY_IDX(state->held, i, chat_delta_t));
    apr_array_clear(state->held);
}

/* ---- the tap ---- */

static int moderation_wanted(const chat_run_t *run)
{
    return run->conf->moderation.lists->nelts > 0;
}

static void moderation_restart(void *ctx)
{
    state_t *state = ctx;

    if (state->pool)
        apr_pool_destroy(state->pool);
    apr_pool_create(&state->pool, state->run->r->pool);
    memset(state->texts, 0, sizeof(state->texts));
    state->others = apr_hash_make(state->pool);
    state->held = apr_array_make(state->pool, 4, sizeof(chat_delta_t));
    state->details = open_channel(state, CHAT_DELTA_DETAIL, 0);
    state->rest = open_channel(state, CHAT_DELTA_DETAIL, 0);
    state->names = open_channel(state, CHAT_DELTA_TOOL, 0);
    state->spoilt = 0;
}

static apr_status_t moderation_begin(void **pstate, chat_run_t *run,
                                     chat_err_t *err)
{
    state_t *state = apr_pcalloc(run->r->pool, sizeof(*state));
    chat_run_lists_t asked;

    chat_run_lists_init(&asked, run, 0);
    chat_run_lists_init(&state->lists, run, 1);
    state->run = run;
    if (state->lists.n)
        *pstate = state;
    return asked.n ? chat_run_lists_input(&asked, err) : APR_SUCCESS;
}

static void moderation_filter(void *ctx, const chat_delta_t *delta)
{
    state_t *state = ctx;
    channel_t *channel;

    if (state->lists.stopped)
        return;
    if (delta->kind == CHAT_DELTA_TOOL) {
        end_texts(state);
        look_at(state->names, delta->name);
        if (!state->lists.stopped)
            chat_run_tap_pass(state->run, CHAT_TAP_moderation, delta);
        return;
    }
    if (delta->kind == CHAT_DELTA_DETAIL) {
        hold_detail(state, delta);
        return;
    }
    if (delta->kind == CHAT_DELTA_TEXT && state->run->dialect)
        end_channel(state->texts[CHAT_DELTA_REASONING]);
    channel = channel_of(state, delta);
    chat_moderation_watch_feed(channel->watch, delta->text, delta->len);
    if (delta->kind == CHAT_DELTA_ARGUMENTS &&
        chat_moderation_watch_is_value(channel->watch))
        end_channel(channel);
}

static void moderation_flush(void *ctx)
{
    state_t *state = ctx;
    apr_hash_index_t *hi;

    if (!state->pool)
        return;
    end_texts(state);
    for (hi = apr_hash_first(state->pool, state->others); hi;
         hi = apr_hash_next(hi))
        end_channel(apr_hash_this_val(hi));
    pass_details(state);
    if (!state->lists.stopped)
        chat_run_lists_end(&state->lists);
}

/* Where bytes pass all texts are others. */
static int moderation_holds(void *ctx)
{
    state_t *state = ctx;
    apr_hash_index_t *hi;

    for (hi = apr_hash_first(NULL, state->others); hi; hi = apr_hash_next(hi)) {
        const channel_t *channel = apr_hash_this_val(hi);

        if (chat_moderation_watch_holds(channel->watch))
            return 1;
    }
    return 0;
}

static const chat_cut_t *moderation_progress(void *ctx)
{
    const state_t *state = ctx;

    return chat_run_verdict_cut(state->run);
}

static void moderation_end(chat_run_t *run, void *ctx)
{
    chat_run_verdict_end(run);
}

const chat_tap_t chat_run_moderation = {
    .name = "moderation",
    .wanted = moderation_wanted,
    .begin = moderation_begin,
    .restart = moderation_restart,
    .filter = moderation_filter,
    .flush = moderation_flush,
    .holds = moderation_holds,
    .progress = moderation_progress,
    .end = moderation_end,
};
