/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenAI: a turn becomes a call of the Responses API (_openai_body.c) or, by
 * configuration, of Chat Completions (_completions.c). What comes back is read
 * in _openai_events.c. Pure, any thread.
 */
#include "chat_provider_content.h"
#include "chat_provider_openai_int.h"

#include <apr_strings.h>

/* Reasoning models refuse the older max_tokens. */
static const chat_provider_completions_t completions = {
    .most = "max_completion_tokens",
    .effort = "reasoning_effort",
    .longest_id = 40,
    .developer = 1,
    .store = 1,
    .usage = 1,
    .schema = 1,
    .required = "required",
};

static const char *wire_format(const chat_upstream_t *up)
{
    return up->completions ? chat_provider_completions_wire_format(up)
                           : "responses";
}

static int least_output(const chat_upstream_t *up)
{
    return up->completions ? 0 : chat_provider_openai_body_least(1);
}

/* ---- which API ---- */

/* The first member that the Responses API has no place for; NULL: there is
 * none. What the model would not get in any case is none. */
static const char *find_foreign(const chat_turn_t *turn)
{
    static const char *const more[] = {"verbosity", NULL};
    static const char *const left_out[] = {
        "verbosity",  "frequency_penalty", "presence_penalty",
        "logit_bias", "top_logprobs",      NULL};

    if (turn->nstop)
        return "stop";
    return chat_provider_more_unknown(
        turn, chat_provider_completions_reasons(turn->model) ? left_out : more);
}

static void choose_api(chat_upstream_t *up, const chat_turn_t *turn)
{
    if (!up->pinned && !turn->native && find_foreign(turn))
        up->completions = 1;
}

/* Chat Completions takes stop texts where the model does. */
static unsigned lacks(const chat_upstream_t *up, const char *model)
{
    return chat_provider_completions_lacks(up, model) |
           (up->pinned && !up->completions ? CHAT_LACKS_STOP : 0);
}

/* ---- the call ---- */

static const char most_name[] = "max_output_tokens";

/* The client's own body, but for the members that this server sets. */
static chat_json_t *make_native(const chat_turn_t *turn,
                                const chat_upstream_t *up, apr_pool_t *p)
{
    chat_json_t *body = chat_provider_native_copy(turn->native, NULL, p);

    chat_provider_completions_say(body, turn, up, 1);
    chat_provider_native_cap(
        body, most_name,
        chat_provider_openai_body_least(turn->max_output_tokens));
    return body;
}

static apr_status_t build_responses(chat_call_t *call, const chat_turn_t *turn,
                                    const chat_upstream_t *up, chat_err_t *err,
                                    apr_pool_t *p)
{
    const char *path = chat_provider_completions_path("/responses", up, p);
    apr_status_t rv = APR_SUCCESS;
    const char *foreign;
    chat_json_t *body;

    if (turn->native)
        body = make_native(turn, up, p);
    else if ((foreign = find_foreign(turn)) != NULL)
        return chat_provider_more_refuse(err, foreign, p);
    else
        rv = chat_provider_openai_body(&body, turn, up, err, p);
    if (rv == APR_SUCCESS)
        rv = chat_provider_call(call, path, CHAT_KEY_BEARER, turn, up, err, p);
    if (rv == APR_SUCCESS)
        chat_provider_call_body(call, body, p);
    return rv;
}

static apr_status_t build_call(chat_call_t *call, const chat_turn_t *turn,
                               const chat_upstream_t *up, chat_err_t *err,
                               apr_pool_t *p)
{
    const char *id = turn->request_id;
    apr_status_t rv = up->completions
                          ? chat_provider_completions_build_call(
                                call, turn, up, &completions, err, p)
                          : build_responses(call, turn, up, err, p);

    /* The name under which OpenAI's support finds a request. */
    if (rv == APR_SUCCESS && id && *id)
        chat_provider_call_header(call, "X-Client-Request-Id", id, p);
    return rv;
}

/* ---- a native request ---- */

static apr_status_t read_native(chat_turn_t *turn, chat_json_t *body,
                                const char *path, const chat_upstream_t *up,
                                chat_err_t *err, apr_pool_t *p)
{
    if (up->completions)
        return chat_provider_completions_read_native(turn, body, path, up, err,
                                                     p);
    if (!chat_provider_native_is_path(path, "/responses"))
        return chat_provider_native_refuse_path(
            err, "Of this provider's API only POST /responses is available "
                 "here.");
    if (chat_json_kind(body) != CHAT_JSON_OBJECT ||
        (chat_json_get(body, "messages") && !chat_json_get(body, "input")))
        return chat_provider_call_refuse(
            err, "This is no request of the Responses API: it has no input.");
    if (chat_json_boolean(chat_json_get(body, "background")) == 1) {
        err->param = "background";
        return chat_provider_call_refuse(
            err, "An answer in the background would go on, and cost, when "
                 "nobody waits for it any more.");
    }
    turn->max_output_tokens =
        chat_provider_native_most(chat_json_get(body, most_name));
    return chat_provider_native_take(turn, body, err);
}

/* ---- what comes back ---- */

/* As the provider itself would break off. */
static const char *make_cut_event(const chat_upstream_t *up, const char *code,
                                  const char *message, apr_pool_t *p)
{
    if (up->completions)
        return chat_provider_completions_make_cut_event(up, code, message, p);
    return apr_pstrcat(p, "event: error\ndata: {\"type\":\"error\",\"code\":",
                       chat_json_quote(code, p),
                       ",\"message\":", chat_json_quote(message, p),
                       ",\"param\":null}\n\n", NULL);
}

const chat_provider_t chat_provider_openai = {
    .semconv = "openai",
    .model = "gpt-4o-mini",
    .wire_format = wire_format,
    .least_output = least_output,
    .read_native = read_native,
    .choose_api = choose_api,
    .lacks = lacks,
    .build_call = build_call,
    .observe_event = chat_provider_openai_observe_event,
    .parse_event = chat_provider_openai_parse_event,
    .observe_body = chat_provider_openai_observe_body,
    .make_cut_event = make_cut_event,
    .map_error = chat_provider_completions_map_error,
};
