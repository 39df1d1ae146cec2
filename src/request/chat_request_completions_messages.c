/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of a Chat Completions request. Parts that are all text become
 * one text, a line each, so that every provider can carry them; parts of other
 * kinds, which only a user sends, stay as they are. A refusal that the
 * assistant gave earlier is what it said. The name of a participant is left
 * out: no other provider has one. Pure, any thread.
 */
#include <limits.h>
#include <string.h>

#include <apr_strings.h>

#include "chat_request_completions_int.h"

#define TYPES "one of a string or array of objects"

typedef struct message_t {
    chat_request_completions_t *c;
    chat_message_t *message;
    const char *param; /* "messages[3]" */
} message_t;

/* ---- content ---- */

/* The text of a part that is one, else NULL. */
static const char *text_name(const message_t *m, const chat_json_t *part)
{
    const char *type = chat_json_string(chat_json_get(part, "type"));

    if (strcmp(type, "text") == 0)
        return "text";
    return m->message->role == CHAT_ROLE_ASSISTANT &&
                   strcmp(type, "refusal") == 0
               ? "refusal"
               : NULL;
}

static apr_status_t check_part(const message_t *m, const char **ptext,
                               const chat_json_t *part, const char *param)
{
    const char *at = chat_request_completions_at(m->c, param, "type");
    const char *name;
    apr_status_t rv;

    *ptext = NULL;
    if ((rv = chat_request_completions_is(m->c, part, CHAT_JSON_OBJECT,
                                          "an object", param)) != APR_SUCCESS ||
        (rv = chat_request_completions_is(m->c, chat_json_get(part, "type"),
                                          CHAT_JSON_STRING, "a string", at)) !=
            APR_SUCCESS)
        return rv;
    if ((name = text_name(m, part)) != NULL)
        return chat_request_completions_text(
            m->c, ptext, chat_json_get(part, name),
            chat_request_completions_at(m->c, param, name));
    if (m->message->role != CHAT_ROLE_USER)
        return chat_request_completions_refuse(
            m->c, "invalid_value", at,
            "Invalid value for '%s'. Supported values are: 'text'.", at);
    return APR_SUCCESS;
}

/* Parts of type text that have more members than that. */
static int says_more(const chat_json_t *parts)
{
    int i, more = 0;

    for (i = 0; i < chat_json_length(parts); i++) {
        const chat_json_t *part = chat_json_at(parts, i);
        const char *key = NULL;

        if (!chat_json_string(chat_json_get(part, "text")))
            return 0;
        while ((key = chat_json_next(part, key)) != NULL)
            more |= strcmp(key, "type") != 0 && strcmp(key, "text") != 0;
    }
    return more;
}

/* All of them together are as long as one text may be. */
static apr_status_t take_parts(const message_t *m, chat_json_t *v,
                               const char *param)
{
    int i, n = chat_json_length(v), all = 1;
    apr_array_header_t *texts = apr_array_make(m->c->p, n, sizeof(char *));
    apr_status_t rv =
        chat_request_completions_array(m->c, v, 1, INT_MAX, "", param);
    const char *text;

    for (i = 0; i < n && rv == APR_SUCCESS; i++) {
        rv = check_part(m, &text, chat_json_at(v, i),
                        chat_request_completions_index(m->c, param, i));
        all = all && text;
        if (text)
            APR_ARRAY_PUSH(texts, const char *) = text;
    }
    text = apr_array_pstrcat(m->c->p, texts, '\n');
    if (all) {
        m->message->content = text;
        m->message->text_parts = says_more(v) ? v : NULL;
    }
    else
        m->message->parts = v;
    return rv == APR_SUCCESS ? chat_request_completions_short(m->c, text, param)
                             : rv;
}

/* An empty list is as good as nothing. */
static int has_calls(const chat_json_t *v)
{
    const chat_json_t *calls = chat_json_get(v, "tool_calls");

    return chat_request_completions_has(calls) &&
           (chat_json_kind(calls) != CHAT_JSON_ARRAY ||
            chat_json_length(calls) > 0);
}

/* As a model that spent all it had on thoughts; some have an empty list of
 * calls in each message. */
static int may_be_empty(const chat_json_t *v)
{
    return chat_json_string(chat_json_get(v, "reasoning_content")) ||
           chat_json_string(chat_json_get(v, "reasoning")) ||
           chat_json_length(chat_json_get(v, "reasoning_details")) > 0 ||
           chat_json_kind(chat_json_get(v, "tool_calls")) == CHAT_JSON_ARRAY;
}

/* The assistant may say nothing but a refusal, or call tools. */
static apr_status_t take_nothing(const message_t *m, const chat_json_t *v,
                                 const chat_json_t *content, const char *param)
{
    const chat_json_t *refusal = chat_json_get(v, "refusal");
    int assistant = m->message->role == CHAT_ROLE_ASSISTANT;

    if (assistant && chat_request_completions_has(refusal))
        return chat_request_completions_text(
            m->c, &m->message->content, refusal,
            chat_request_completions_at(m->c, m->param, "refusal"));
    if (assistant && has_calls(v))
        return APR_SUCCESS;
    if (assistant && chat_json_kind(content) == CHAT_JSON_NULL &&
        may_be_empty(v)) {
        m->message->content = "";
        return APR_SUCCESS;
    }
    return chat_request_completions_mistyped(m->c, content, TYPES, param);
}

static apr_status_t take_content(const message_t *m, const chat_json_t *v)
{
    const char *param = chat_request_completions_at(m->c, m->param, "content");
    chat_json_t *content = chat_json_get(v, "content");

    if (!chat_request_completions_has(content))
        return take_nothing(m, v, content, param);
    if (chat_json_kind(content) == CHAT_JSON_ARRAY)
        return take_parts(m, content, param);
    if (chat_json_kind(content) == CHAT_JSON_STRING)
        return chat_request_completions_text(m->c, &m->message->content,
                                             content, param);
    return chat_request_completions_mistyped(m->c, content, TYPES, param);
}

/* ---- calls of tools ---- */

static apr_status_t take_id(const message_t *m, const char **pid,
                            const chat_json_t *v, const char *param)
{
    const char *id = *pid = chat_json_string(v);

    if (!id)
        return chat_request_completions_mistyped(m->c, v, "a string", param);
    if (!*id ||
        chat_request_length(id, m->c->clamps) > CHAT_REQUEST_CALL_ID_MAX)
        return chat_request_completions_refuse(
            m->c, *id ? "string_above_max_length" : "empty_string", param,
            "Invalid '%s': expected a string of 1 to %d characters.", param,
            CHAT_REQUEST_CALL_ID_MAX);
    return APR_SUCCESS;
}

static apr_status_t check_kind(const message_t *m, const chat_json_t *v,
                               const char *param)
{
    static const char *const types[] = {"function", "custom", NULL};
    const char *at = chat_request_completions_at(m->c, param, "type");
    apr_status_t rv;
    int type;

    if ((rv = chat_request_completions_is(m->c, v, CHAT_JSON_OBJECT,
                                          "an object", param)) != APR_SUCCESS ||
        (rv = chat_request_completions_word(m->c, &type,
                                            chat_json_get(v, "type"), types,
                                            "'function'", at)) != APR_SUCCESS)
        return rv;
    return type ? chat_request_completions_unsupported(
                      m->c, at, "Only tools of the type 'function' are.")
                : APR_SUCCESS;
}

static apr_status_t take_call(const message_t *m, chat_tool_call_t *call,
                              const chat_json_t *v, const char *param)
{
    const chat_json_t *function = chat_json_get(v, "function");
    chat_json_t *extra = chat_json_get(v, "extra_content");
    const char *at = chat_request_completions_at(m->c, param, "function");
    apr_status_t rv;

    if ((rv = check_kind(m, v, param)) != APR_SUCCESS ||
        (rv = take_id(m, &call->id, chat_json_get(v, "id"),
                      chat_request_completions_at(m->c, param, "id"))) !=
            APR_SUCCESS ||
        (rv = chat_request_completions_is(m->c, function, CHAT_JSON_OBJECT,
                                          "an object", at)) != APR_SUCCESS ||
        (rv = chat_request_completions_name(
             m->c, &call->name, chat_json_get(function, "name"),
             chat_request_completions_at(m->c, at, "name"))) != APR_SUCCESS)
        return rv;
    apr_hash_set(m->c->calls, call->id, APR_HASH_KEY_STRING, call);
    if (chat_json_kind(extra) == CHAT_JSON_OBJECT)
        call->extra = extra;
    return chat_request_completions_text(
        m->c, &call->arguments, chat_json_get(function, "arguments"),
        chat_request_completions_at(m->c, at, "arguments"));
}

static apr_status_t take_calls(const message_t *m, const chat_json_t *v)
{
    const chat_json_t *list = chat_json_get(v, "tool_calls");
    const char *param =
        chat_request_completions_at(m->c, m->param, "tool_calls");
    int i, n = chat_json_length(list);
    chat_tool_call_t *calls;
    apr_status_t rv;

    if (!has_calls(v))
        return APR_SUCCESS;
    rv = chat_request_completions_array(m->c, list, 1, CHAT_REQUEST_TOOLS_MAX,
                                        "objects", param);
    calls = apr_pcalloc(m->c->p, n * sizeof(*calls));
    for (i = 0; i < n && rv == APR_SUCCESS; i++)
        rv = take_call(m, &calls[i], chat_json_at(list, i),
                       chat_request_completions_index(m->c, param, i));
    m->message->calls = calls;
    m->message->ncalls = n;
    return rv;
}

/* What OpenAI once had, and what only its own ears can follow. */
static apr_status_t refuse_old(const message_t *m, const chat_json_t *v)
{
    if (chat_request_completions_has(chat_json_get(v, "function_call")))
        return chat_request_completions_unsupported(
            m->c, chat_request_completions_at(m->c, m->param, "function_call"),
            "Use 'tool_calls' instead.");
    if (chat_request_completions_has(chat_json_get(v, "audio")))
        return chat_request_completions_unsupported(
            m->c, chat_request_completions_at(m->c, m->param, "audio"),
            "Answers are text.");
    return APR_SUCCESS;
}

static apr_status_t take_answered(const message_t *m, const chat_json_t *v)
{
    const char *param =
        chat_request_completions_at(m->c, m->param, "tool_call_id");
    apr_status_t rv = take_id(m, &m->message->call_id,
                              chat_json_get(v, "tool_call_id"), param);

    if (rv == APR_SUCCESS &&
        !apr_hash_get(m->c->calls, m->message->call_id, APR_HASH_KEY_STRING))
        return chat_request_completions_refuse(
            m->c, "invalid_value", param,
            "Invalid parameter: messages with role 'tool' must be a response "
            "to a preceding message with 'tool_calls'.");
    return rv;
}

/* ---- messages ---- */

static apr_status_t take_role(const message_t *m, const chat_json_t *v)
{
    static const char *const words[] = {
        "user", "assistant", "system", "tool", "developer", "function", NULL};
    static const chat_role_e roles[] = {CHAT_ROLE_USER, CHAT_ROLE_ASSISTANT,
                                        CHAT_ROLE_SYSTEM, CHAT_ROLE_TOOL,
                                        CHAT_ROLE_SYSTEM};
    const char *param = chat_request_completions_at(m->c, m->param, "role");
    int role = 0;
    apr_status_t rv = chat_request_completions_word(
        m->c, &role, chat_json_get(v, "role"), words,
        "'system', 'developer', 'user', 'assistant', and "
        "'tool'",
        param);

    if (rv != APR_SUCCESS)
        return rv;
    if (!words[role + 1])
        return chat_request_completions_refuse(
            m->c, "unsupported", param,
            "Unsupported value: '%s' does not "
            "support 'function'. Use 'tool' "
            "instead.",
            param);
    m->message->role = roles[role];
    m->c->longest = chat_request_longest(m->c->clamps, m->message->role);
    m->message->is_developer = strcmp(words[role], "developer") == 0;
    return APR_SUCCESS;
}

/* Anthropic's own blocks, as LiteLLM has them beside the text, in the form that
 * its details have here. */
static chat_json_t *read_blocks(const message_t *m, const chat_json_t *blocks)
{
    static const char *const names[][3] = {
        {"thinking", "thinking", "text"},
        {"redacted_thinking", "data", "data"},
    };
    chat_json_t *list = chat_json_array(m->c->p);
    int i, k;

    for (i = 0; i < chat_json_length(blocks); i++) {
        const chat_json_t *block = chat_json_at(blocks, i);
        const char *type = chat_json_string(chat_json_get(block, "type"));
        chat_json_t *detail = chat_json_object(m->c->p);

        for (k = 0; type && k < 2; k++) {
            if (strcmp(type, names[k][0]) != 0)
                continue;
            chat_json_add_string(detail, "type",
                                 k ? "reasoning.encrypted" : "reasoning.text");
            chat_json_add_string(detail, "id", "anthropic/");
            chat_json_add(detail, names[k][2],
                          chat_json_get(block, names[k][1]));
            chat_json_add(detail, "signature",
                          chat_json_get(block, "signature"));
            chat_json_push(list, detail);
        }
    }
    return chat_json_length(list) ? list : NULL;
}

/* What a model thought is not bounded as what is said to it is: it comes back
 * as it was given out. What is of another kind is none. */
static void take_thoughts(const message_t *m, const chat_json_t *v)
{
    static const char *const names[] = {"reasoning_content", "reasoning"};
    chat_json_t *details = chat_json_get(v, "reasoning_details");
    apr_int64_t points, units;
    int i;

    for (i = 0; i < 2 && !m->message->reasoning; i++) {
        m->message->reasoning = chat_json_string(chat_json_get(v, names[i]));
        m->message->reasoning_name = names[i];
    }
    if (m->message->reasoning) {
        chat_request_count(m->message->reasoning, &points, &units);
        m->c->total += units;
    }
    m->message->details =
        chat_json_length(details) > 0
            ? details
            : read_blocks(m, chat_json_get(v, "thinking_blocks"));
}

static apr_status_t take_message(const message_t *m, const chat_json_t *v)
{
    apr_status_t rv;

    if ((rv = chat_request_completions_is(m->c, v, CHAT_JSON_OBJECT,
                                          "an object", m->param)) !=
            APR_SUCCESS ||
        (rv = take_role(m, v)) != APR_SUCCESS ||
        (rv = take_content(m, v)) != APR_SUCCESS)
        return rv;
    if (m->message->role == CHAT_ROLE_ASSISTANT) {
        take_thoughts(m, v);
        return (rv = refuse_old(m, v)) != APR_SUCCESS ? rv : take_calls(m, v);
    }
    return m->message->role == CHAT_ROLE_TOOL ? take_answered(m, v)
                                              : APR_SUCCESS;
}

apr_status_t chat_request_completions_messages(chat_request_completions_t *c,
                                               chat_json_t *v,
                                               const char *param)
{
    int i, n = chat_json_length(v), max = c->clamps->total_length;
    chat_message_t *messages;
    apr_status_t rv = chat_request_completions_array(
        c, v, 1, c->clamps->messages, "objects", param);

    if (rv != APR_SUCCESS)
        return rv;
    messages = apr_pcalloc(c->p, n * sizeof(*messages));
    for (i = 0; i < n && rv == APR_SUCCESS; i++) {
        message_t m = {c, &messages[i],
                       chat_request_completions_index(c, param, i)};

        rv = take_message(&m, chat_json_at(v, i));
    }
    c->turn->messages = messages;
    c->turn->nmessages = n;
    if (rv == APR_SUCCESS)
        chat_request_ids(messages, n, c->p);
    if (rv == APR_SUCCESS && c->total > max)
        return chat_request_completions_refuse(
            c, "string_above_max_length", param,
            "Invalid '%s': too much text. Expected at most %d characters in "
            "all messages, but got %" APR_INT64_T_FMT " instead.",
            param, max, c->total);
    return rv;
}
