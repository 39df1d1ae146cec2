/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk of a chat, up to its stream: who asks, what, of which model, whether
 * they may, and the first call. Cheap refusals come first. Request thread.
 */
#include "chat_walk_int.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_auth.h"
#include "chat_get.h"
#include "chat_reply.h"
#include "chat_request.h"
#include "chat_store.h"

static const chat_stream_cb_t callbacks = {
    .admitted = chat_walk_admitted,
    .head = chat_walk_head,
    .data = chat_walk_data,
    .silence = chat_walk_silence,
    .again = chat_walk_again,
    .taken = chat_walk_taken,
    .failed = chat_walk_failed,
    .complete = chat_walk_complete,
};

/* ---- who ---- */

static apr_status_t ask_who(chat_walk_t *w, chat_err_t *err)
{
    apr_status_t rv = chat_auth_identify(&w->user, w->r, err);

    if (rv == APR_SUCCESS)
        w->facts.user = w->user->id;
    return rv;
}

/* ---- what ---- */

/* {"stream": false} says so in every form of request. */
static int wants_whole(const chat_json_t *body)
{
    return chat_json_boolean(chat_json_get(body, "stream")) == 0;
}

/* The request is in the words of the provider whose route this is. */
static apr_status_t adopt(chat_walk_t *w, chat_json_t *body, chat_err_t *err)
{
    const char *name = w->conf->use->nelts
                           ? APR_ARRAY_IDX(w->conf->use, 0, const char *)
                           : NULL;
    const chat_provider_conf_t *conf =
        name ? chat_config_provider(w->r->server, name) : NULL;
    int most = w->conf->max_output_tokens;
    const char *rest = chat_get_rest(w->r, w->conf);
    chat_upstream_t up;
    apr_status_t rv;

    if (!conf) /* chat_walk_find() says so */
        return APR_SUCCESS;
    up = chat_walk_upstream(conf, NULL);
    rv = chat_provider_get(conf->type)
             ->read_native(&w->turn, body, rest ? rest : w->r->uri, &up, err,
                           w->body);
    if (w->turn.max_output_tokens > most)
        w->turn.max_output_tokens = most;
    return rv;
}

static apr_status_t read_message(chat_walk_t *w, chat_json_t *body,
                                 const chat_request_clamps_t *clamps,
                                 chat_err_t *err)
{
    apr_status_t rv =
        chat_request_message(&w->turn, &w->session, body, clamps, err, w->body);

    w->turn.whole = wants_whole(body);
    if (rv != APR_SUCCESS || !w->session)
        return rv;
    if (w->conf->context_messages == 0) {
        w->session = NULL;
        return rv;
    }
    w->session = apr_pstrdup(w->r->pool, w->session);
    w->question = apr_pstrdup(w->r->pool, w->turn.messages[0].content);
    return rv;
}

static apr_status_t read_turn(chat_walk_t *w, chat_json_t *body,
                              const chat_request_clamps_t *clamps,
                              chat_err_t *err)
{
    apr_status_t rv;

    switch (w->conf->route) {
    case CHAT_ROUTE_message:
        return read_message(w, body, clamps, err);
    case CHAT_ROUTE_completions:
        return chat_request_completions(&w->turn, &w->usage, body, clamps, err,
                                        w->body);
    case CHAT_ROUTE_stream:
        rv = chat_request_validate_tools(&w->turn, body, clamps, err, w->body);
        w->turn.whole = wants_whole(body);
        return rv;
    default:
        return w->conf->request_native
                   ? adopt(w, body, err)
                   : chat_request_validate(&w->turn, body, clamps, err,
                                           w->body);
    }
}

static apr_status_t ask_what(chat_walk_t *w, chat_err_t *err)
{
    const chat_request_clamps_t clamps = {
        .messages = w->conf->messages,
        .message_length = w->conf->message_length,
        .count_utf16 = w->conf->message_count == CHAT_COUNT_UTF16,
        .total_length = w->conf->total_length,
        .max_output_tokens = w->conf->max_output_tokens,
    };
    const chat_json_limits_t limits = chat_handler_limits(w->conf);
    chat_json_t *body;
    apr_status_t rv;

    apr_pool_create_ex(&w->body, w->r->pool, NULL,
                       apr_pool_allocator_get(chat_handler_scratch()));
    rv = chat_request_read(&body, w->r, &limits, err, w->body);
    if (rv == APR_SUCCESS)
        rv = read_turn(w, body, &clamps, err);
    w->turn.request_id = w->facts.request_id;
    w->whole = w->turn.whole;
    return rv;
}

/* What was said before comes before what is said now. */
static apr_status_t recall(chat_walk_t *w, chat_err_t *err)
{
    apr_array_header_t *before;
    apr_status_t rv;
    int i;

    if (!w->session)
        return APR_SUCCESS;
    rv = chat_store_context_load(&before, w->r, w->user->id, w->session, err,
                                 w->body);
    if (rv != APR_SUCCESS)
        return rv;
    for (i = 0; i < w->turn.nmessages; i++)
        APR_ARRAY_PUSH(before, chat_message_t) = w->turn.messages[i];
    w->turn.messages = (const chat_message_t *)before->elts;
    w->turn.nmessages = before->nelts;
    return APR_SUCCESS;
}

/* ---- whether ---- */

static apr_interval_time_t longest(const chat_walk_t *w)
{
    apr_interval_time_t most = 0;
    int i;

    for (i = 0; i < w->ncandidates; i++) {
        apr_interval_time_t total = w->candidates[i].conf->timeouts.total;

        /* A stream without a total time-out still ends within a day. */
        if (total <= 0)
            return apr_time_from_sec(86400);
        if (total > most)
            most = total;
    }
    return most + apr_time_from_sec(60);
}

/* Would the first that is asked understand it? Before it costs a point. */
static apr_status_t ask_how(chat_walk_t *w, chat_err_t *err)
{
    chat_turn_t unused;

    w->input_tokens = chat_walk_input(&w->turn);
    return chat_walk_fit(&unused, &w->turn, w->candidates[0].model,
                         w->input_tokens, err);
}

void chat_walk_admitted(void *ctx)
{
    chat_walk_t *w = ctx;

    chat_reply_headers(w->r, chat_limit_headers(w->ticket));
    w->cut_after = chat_limit_cut_after(w->ticket);
}

static apr_status_t ask_whether(chat_walk_t *w, chat_err_t *err)
{
    chat_limit_ask_t ask = {
        .user = w->user,
        .model = w->candidates[0].name,
        .input_tokens = w->input_tokens,
        .max_tokens = w->turn.max_output_tokens,
        .lasts = longest(w),
    };
    apr_status_t rv = chat_limit_take(&w->ticket, w->r, &ask, err);
    apr_int64_t reserved = chat_limit_reserved(w->ticket);

    if (rv == APR_INCOMPLETE) {
        w->gate = &chat_limit_gate;
        rv = APR_SUCCESS;
    }
    else
        chat_walk_admitted(w);
    /* Or a budget could be overdrawn by what nobody reserved. */
    if (!w->turn.max_output_tokens && reserved < APR_INT64_MAX)
        w->turn.max_output_tokens = reserved < w->conf->max_output_tokens
                                        ? (int)reserved
                                        : w->conf->max_output_tokens;
    return rv;
}

/* ---- start ---- */

static apr_status_t start(chat_walk_t *w, int *prc, chat_err_t *err)
{
    const chat_stream_spec_t spec = {
        .call = &w->call,
        .gate = w->gate,
        .question = w->ticket,
        .cb = &callbacks,
        .ctx = w,
        .heartbeat = w->whole ? 0 : w->conf->heartbeat,
        .early = w->conf->early_headers && !w->whole,
        .stall = w->conf->stall,
    };
    apr_status_t rv;

    rv = chat_walk_first(w, err);
    if (rv != APR_SUCCESS)
        return rv;
    rv = chat_stream_start(prc, w->r, &spec, err);
    if (rv != APR_SUCCESS)
        chat_walk_drop(w);
    return rv;
}

int chat_walk(request_rec *r, const chat_dir_conf_t *conf)
{
    chat_walk_t *w = apr_pcalloc(r->pool, sizeof(*w));
    chat_err_t err = {0};
    int rc = OK;

    w->r = r;
    w->conf = conf;
    w->dialect = chat_dialect_get(chat_config_route_name(conf->route));
    chat_handler_facts_init(&w->facts, r);
    if (chat_request_check(r, &err) != APR_SUCCESS ||
        ask_who(w, &err) != APR_SUCCESS || ask_what(w, &err) != APR_SUCCESS ||
        chat_walk_find(w, &err) != APR_SUCCESS ||
        recall(w, &err) != APR_SUCCESS || ask_how(w, &err) != APR_SUCCESS ||
        ask_whether(w, &err) != APR_SUCCESS ||
        start(w, &rc, &err) != APR_SUCCESS) {
        chat_limit_settle(w->ticket, 0);
        return chat_handler_refuse(r, conf, &w->facts, &err);
    }
    return rc;
}
