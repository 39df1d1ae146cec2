/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failures as OpenAI tells them, for the completions dialect: its SDKs show
 * the message and look at the status, the code and sometimes the type. Pure.
 */
#include "chat_dialect_completions_int.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_json.h"

/* A 429 says what there was too much of. */
static const char *type_of(const chat_err_t *err)
{
    if (err->status >= 500)
        return "server_error";
    if (err->status != 429)
        return "invalid_request_error";
    return err->cause == CHAT_CAUSE_BUDGET ? "tokens" : "requests";
}

/* Two things that every provider says in words of its own, see
 * chat_provider_told_name(). */
static int is_named(const char *code)
{
    return strcmp(code, "model_not_found") == 0 ||
           strcmp(code, "context_length_exceeded") == 0;
}

/* The provider's own word, else ours; NULL where it has none to be shown. */
static const char *word_of(const char *theirs, const char *ours)
{
    return theirs && *theirs ? theirs : ours;
}

/* OpenAI's words where it has one for the same thing; programs compare them.
 * The rest are ours, as on every route. */
static const char *code_of(const char *code)
{
    static const char *const words[][2] = {
        {"unauthorized", "invalid_api_key"},
        {"rate_limited", "rate_limit_exceeded"},
        {"upstream_rate_limited", "rate_limit_exceeded"},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (strcmp(words[i][0], code) == 0)
            return words[i][1];
    return code;
}

const char *chat_dialect_completions_error(const chat_err_t *err, apr_pool_t *p)
{
    const chat_refusal_t *theirs = err->upstream;
    const char *text = chat_err_told(err), *code = code_of(err->code);
    const char *type = word_of(theirs ? theirs->type : NULL, type_of(err));
    const char *param = word_of(theirs ? theirs->param : NULL, err->param);

    if (theirs && !is_named(err->code))
        code = word_of(theirs->code, code);
    return apr_pstrcat(p, "{\"error\":{\"message\":",
                       chat_json_quote(text ? text : err->message, p),
                       ",\"type\":", chat_json_quote(type, p), ",\"param\":",
                       param ? chat_json_quote(param, p) : "null",
                       ",\"code\":", chat_json_quote(code, p), "}}", NULL);
}

/* ---- the first issue ---- */

/* ["messages", 0, "content"]: "messages[0].content"; NULL for the whole. */
static const char *path_text(const chat_json_t *path, apr_pool_t *p)
{
    const char *text = NULL;
    int i;

    for (i = 0; i < chat_json_length(path); i++) {
        const chat_json_t *step = chat_json_at(path, i);
        const char *key = chat_json_string(step);

        if (!text)
            text = "";
        if (key)
            text = apr_pstrcat(p, text, i ? "." : "", key, NULL);
        else
            text = apr_psprintf(p, "%s[%" APR_INT64_T_FMT "]", text,
                                chat_json_integer(step, 0));
    }
    return text;
}

/* What is wrong, and where. Those who made the issues made valid JSON. */
static void take_issue(chat_err_t *err, apr_pool_t *p)
{
    static const chat_json_limits_t limits = {1024 * 1024, 64, 100000};
    chat_json_t *issues, *issue;
    const char *message, *path;

    if (chat_json_parse(&issues, err->issues, strlen(err->issues), &limits,
                        p) != APR_SUCCESS)
        return;
    issue = chat_json_at(issues, 0);
    message = chat_json_string(chat_json_get(issue, "message"));
    if (!message)
        return;
    path = path_text(chat_json_get(issue, "path"), p);
    err->message = path ? apr_pstrcat(p, path, ": ", message, NULL) : message;
    if (!err->param)
        err->param = path;
}

const char *chat_dialect_completions_refusal(const chat_err_t *err,
                                             const char *id, apr_pool_t *p)
{
    chat_err_t shown = *err;

    if (err->issues)
        take_issue(&shown, p);
    return chat_dialect_completions_error(&shown, p);
}
