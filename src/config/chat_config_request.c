/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The form and the limits of a request's body: ChatRequestBody and the others
 * of that beginning. Config time; for .htaccess a request's thread with its
 * pools.
 */
#include "chat_config_int.h"

#include <limits.h>

/* What a limit is that depends on the route, until the route is known. */
#define BY_ROUTE 0

static const chat_dir_request_t dir_unset = {
    .native = CHAT_UNSET,
    .note = CHAT_UNSET,
    .body = CHAT_UNSET,
    .depth = CHAT_UNSET,
    .values = CHAT_UNSET,
    .messages = CHAT_UNSET,
    .message_length = CHAT_UNSET,
    .answer_length = CHAT_UNSET,
    .count = CHAT_UNSET,
    .total_length = CHAT_UNSET,
    .max_output_tokens = CHAT_UNSET,
};

static const chat_dir_request_t dir_defaults = {
    .native = 0,
    .note = 0,
    .body = 1024 * 1024,
    .depth = 64,
    .values = 10000,
    .messages = BY_ROUTE,
    .message_length = BY_ROUTE,
    .answer_length = BY_ROUTE,
    .count = CHAT_COUNT_CODEPOINTS,
    .total_length = BY_ROUTE,
    .max_output_tokens = BY_ROUTE,
};

static void dir_merge(void *mv, const void *basev, const void *addv,
                      apr_pool_t *p)
{
    const chat_dir_request_t *base = basev, *add = addv;
    chat_dir_request_t *m = mv;

    m->native = chat_config_pick(base->native, add->native);
    m->note = chat_config_pick(base->note, add->note);
    m->body = chat_config_pick(base->body, add->body);
    m->depth = chat_config_pick(base->depth, add->depth);
    m->values = chat_config_pick(base->values, add->values);
    m->messages = chat_config_pick(base->messages, add->messages);
    m->message_length =
        chat_config_pick(base->message_length, add->message_length);
    m->answer_length =
        chat_config_pick(base->answer_length, add->answer_length);
    m->count = chat_config_pick(base->count, add->count);
    m->total_length = chat_config_pick(base->total_length, add->total_length);
    m->max_output_tokens =
        chat_config_pick(base->max_output_tokens, add->max_output_tokens);
}

/* ---- what depends on the route ---- */

/* What is said to a model is short where people write it; what it has said
 * before is as long as its answers are. */
static const chat_dir_request_t of_passthrough = {
    .messages = 30,
    .message_length = 4000,
    .answer_length = 4000,
    .total_length = 40000,
    .max_output_tokens = 16384,
};

static const chat_dir_request_t of_dialects = {
    .messages = 200,
    .message_length = 4000,
    .answer_length = 65536,
    .total_length = 400000,
    .max_output_tokens = 16384,
};

/* Agents and documents: what a model can read is the limit, and bytes and
 * values of the body. */
static const chat_dir_request_t of_completions = {
    .messages = INT_MAX,
    .message_length = INT_MAX,
    .answer_length = INT_MAX,
    .total_length = INT_MAX,
    .max_output_tokens = 131072,
};

static const chat_dir_request_t *limits_of(int route)
{
    if (chat_config_route_flags(route) & CHAT_ROUTE_PASSTHROUGH)
        return &of_passthrough;
    return route == CHAT_ROUTE_completions ? &of_completions : &of_dialects;
}

static void fill(int *member, int by_route)
{
    if (*member == BY_ROUTE)
        *member = by_route;
}

/* Who may say more at once may be answered with as much. */
static void complete(chat_dir_conf_t *conf, apr_pool_t *p)
{
    const chat_dir_request_t *by_route = limits_of(conf->route.id);
    chat_dir_request_t *is = &conf->request;

    fill(&is->messages, by_route->messages);
    fill(&is->message_length, by_route->message_length);
    fill(&is->answer_length, is->message_length > by_route->answer_length
                                 ? is->message_length
                                 : by_route->answer_length);
    fill(&is->total_length, by_route->total_length);
    fill(&is->max_output_tokens, by_route->max_output_tokens);
}

chat_json_limits_t chat_config_json_limits(const chat_dir_conf_t *conf)
{
    chat_json_limits_t limits = {
        .bytes = conf->request.body,
        .depth = conf->request.depth,
        .values = conf->request.values,
    };

    return limits;
}

static const char *const formats[] = {
    [0] = "chat", [1] = "provider", [2] = NULL};
static const char *const counts[] = {[CHAT_COUNT_CODEPOINTS] = "codepoints",
                                     [CHAT_COUNT_UTF16] = "utf16",
                                     [2] = NULL};

#define NAME(member, list)                                                     \
    CHAT_CONFIG_IN_DIR(request.member, .set = chat_config_value_name,          \
                       .names = list)
#define INT(member, low, high)                                                 \
    CHAT_CONFIG_IN_DIR(request.member, .set = chat_config_value_int,           \
                       .min = low, .max = high)
#define BYTES(member, low, high)                                               \
    CHAT_CONFIG_IN_DIR(request.member, .set = chat_config_value_bytes,         \
                       .min = low, .max = high)

const chat_config_feature_t chat_config_request_feature = {
    .cmds =
        {
            AP_INIT_TAKE1("ChatRequestFormat", chat_config_set,
                          NAME(native, formats), CHAT_OR_LIMIT,
                          "chat, or provider for the provider's own"),
            AP_INIT_TAKE1(
                "ChatRequestNote", chat_config_set,
                CHAT_CONFIG_IN_DIR(request.note, .set = chat_config_value_flag),
                CHAT_OR_LIMIT,
                "on or off: what the user says is a note of the "
                "request, for other modules"),
            AP_INIT_TAKE1("ChatRequestBody", chat_config_set,
                          BYTES(body, 1, 1 << 30), CHAT_OR_LIMIT,
                          "the most bytes of a request's body"),
            AP_INIT_TAKE1("ChatRequestDepth", chat_config_set,
                          INT(depth, 1, 1000), CHAT_OR_LIMIT,
                          "the most arrays and objects inside each other"),
            AP_INIT_TAKE1("ChatRequestValues", chat_config_set,
                          INT(values, 1, 10000000), CHAT_OR_LIMIT,
                          "the most JSON values of a request"),
            AP_INIT_TAKE1("ChatRequestMessages", chat_config_set,
                          INT(messages, 1, 10000), CHAT_OR_LIMIT,
                          "the most messages of a request"),
            AP_INIT_TAKE1("ChatRequestMessageLength", chat_config_set,
                          INT(message_length, 1, 10000000), CHAT_OR_LIMIT,
                          "the most characters of a message of the user or "
                          "the system"),
            AP_INIT_TAKE1("ChatRequestAnswerLength", chat_config_set,
                          INT(answer_length, 1, 10000000), CHAT_OR_LIMIT,
                          "the most characters of an answer that comes back"),
            AP_INIT_TAKE1("ChatRequestCount", chat_config_set,
                          NAME(count, counts), CHAT_OR_LIMIT,
                          "codepoints or utf16: how a message's length is "
                          "counted"),
            AP_INIT_TAKE1("ChatRequestTotalLength", chat_config_set,
                          INT(total_length, 1, 100000000), CHAT_OR_LIMIT,
                          "the most characters of all messages"),
            AP_INIT_TAKE1("ChatRequestMaxOutputTokens", chat_config_set,
                          INT(max_output_tokens, 1, 10000000), CHAT_OR_LIMIT,
                          "the most output tokens a client may ask for"),
        },
    .dir = CHAT_CONFIG_DIR(request),
    .complete = complete,
};
