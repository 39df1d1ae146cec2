/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A refusal that comes without its status: in a 200, as an event of a stream or
 * as the body. A number that is a status says which it would have been, or the
 * machine's word does; no two APIs have one for different things. Pure, any
 * thread.
 */
#include "chat_provider_kit.h"

#include <string.h>
#include <strings.h>

static const struct {
    const char *word;
    int status;
} words[] = {
    /* Anthropic */
    {"invalid_request_error", 400},
    {"authentication_error", 401},
    {"billing_error", 402},
    {"permission_error", 403},
    {"not_found_error", 404},
    {"request_too_large", 413},
    {"rate_limit_error", 429},
    {"timeout_error", 504},
    {"api_error", 500},
    {"overloaded_error", 529},
    /* OpenAI, and servers like it */
    {"context_length_exceeded", 400},
    {"invalid_prompt", 400},
    {"invalid_value", 400},
    {"BadRequestError", 400},
    {"content_policy_violation", 400},
    {"invalid_api_key", 401},
    {"AuthenticationError", 401},
    {"insufficient_quota", 402},
    {"billing_hard_limit_reached", 402},
    {"insufficient_balance", 402},
    {"PermissionDeniedError", 403},
    {"model_not_found", 404},
    {"NotFoundError", 404},
    {"rate_limit_exceeded", 429},
    {"rate_limit_reached", 429},
    {"rate_limited", 429},
    {"too_many_requests", 429},
    {"RateLimitError", 429},
    {"server_error", 500},
    {"internal_error", 500},
    {"internal_server_error", 500},
    {"InternalServerError", 500},
    {"overloaded", 503},
    {"server_overloaded", 503},
    {"server_is_overloaded", 503},
    {"engine_overloaded", 503},
    {"engine_overloaded_error", 503},
    {"model_overloaded", 503},
    {"slow_down", 503},
    {"service_unavailable", 503},
    {"service_unavailable_error", 503},
    {"ServiceUnavailableError", 503},
    {"timeout", 504},
    /* Google */
    {"INVALID_ARGUMENT", 400},
    {"FAILED_PRECONDITION", 400},
    {"OUT_OF_RANGE", 400},
    {"UNAUTHENTICATED", 401},
    {"PERMISSION_DENIED", 403},
    {"NOT_FOUND", 404},
    {"ABORTED", 409},
    {"RESOURCE_EXHAUSTED", 429},
    {"INTERNAL", 500},
    {"UNKNOWN", 500},
    {"DATA_LOSS", 500},
    {"UNAVAILABLE", 503},
    {"DEADLINE_EXCEEDED", 504},
};

/* 0: it says none. */
static int read_word(const char *word)
{
    apr_size_t i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(word, words[i].word) == 0)
            return words[i].status;
    }
    return 0;
}

static int read_number(const chat_json_t *v)
{
    const char *text = chat_json_string(v);
    double n = text && strspn(text, "0123456789") == 3 && !text[3]
                   ? chat_json_coerce(v)
                   : chat_json_number(v);

    return n >= 400 && n < 600 ? (int)n : 0;
}

/* What the members of that object say: a word first, which knows a rate limit
 * from an empty account, then a number. */
static int read_object(const chat_json_t *error)
{
    static const char *const names[] = {"code",       "type",   "status",
                                        "error_type", "reason", "status_code",
                                        "http_code",  NULL};
    int i, found = 0;

    for (i = 0; names[i] && !found; i++) {
        const char *word = chat_json_string(chat_json_get(error, names[i]));

        found = word ? read_word(word) : 0;
    }
    for (i = 0; names[i] && !found; i++)
        found = read_number(chat_json_get(error, names[i]));
    return found;
}

/* Of gateways that quote gateways no more are read. */
#define MOST_QUOTES 4

static int read_any(const chat_json_t *v, const char *const *names, int left,
                    apr_pool_t *p);

/* v: an object; or a list, of which the first counts; or a text, which is a
 * word, or quotes all of these. What stands inside was said by who knows more,
 * but for what is only quoted. left: how deep to look. */
static int read_error(const chat_json_t *v, int left, apr_pool_t *p)
{
    static const char *const inner[] = {"error",     "response", "errors",
                                        "base_resp", "choices",  NULL};
    static const char *const quoted[] = {"metadata", "message", "raw", NULL};
    const char *text = chat_json_string(v);
    int found;

    if (left == 0)
        return 0;
    if (text && (*text == '{' || *text == '['))
        return read_error(chat_provider_error_body(text, strlen(text), p),
                          left - 1, p);
    if (text)
        return read_word(text);
    if (chat_json_kind(v) == CHAT_JSON_ARRAY)
        return read_error(chat_json_at(v, 0), left - 1, p);
    found = read_any(v, inner, left, p);
    if (!found)
        found = read_object(v);
    return found ? found : read_any(v, quoted, left, p);
}

static int read_any(const chat_json_t *v, const char *const *names, int left,
                    apr_pool_t *p)
{
    int found = 0;

    for (; *names && !found; names++) {
        const chat_json_t *member = chat_json_get(v, *names);

        found = member ? read_error(member, left - 1, p) : 0;
    }
    return found;
}

int chat_provider_refusal_status(const char *body, apr_size_t len,
                                 apr_pool_t *p)
{
    const chat_json_t *root = chat_provider_error_body(body, len, p);

    return root ? read_error(root, 2 * MOST_QUOTES, p) : 0;
}

void chat_provider_refusal_read(chat_seen_t *seen, const char *body,
                                apr_size_t len, const char *key, apr_pool_t *p)
{
    chat_err_t *err = &seen->refusal;

    if (seen->status || *seen->told.code || *seen->told.text)
        return;
    seen->status = chat_provider_refusal_status(body, len, p);
    chat_provider_told(&seen->told, seen->status, body, len, key, p);
    if (!seen->status)
        return;
    chat_provider_error_status(err, seen->status, NULL, NULL, p);
    /* Its sentence may be the pool's. */
    if (err->status == 400)
        err->message = "The provider refused the request.";
    chat_provider_told_name(err, &seen->told);
}
