/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the user says in a request, whoever's form it has: of Chat Completions,
 * Responses, Messages, Gemini, the AI SDK, ChatKit or ours. The body need not
 * be a valid one. Pure.
 */
#include "chat_request.h"

#include <string.h>

#include <apr_strings.h>

static int is_user(const chat_json_t *message)
{
    const char *role = chat_json_string(chat_json_get(message, "role"));

    /* Contents of Gemini may have none, and an item of ChatKit has none. */
    return chat_json_kind(message) == CHAT_JSON_OBJECT &&
           (role ? !strcmp(role, "user")
                 : !chat_json_string(chat_json_get(message, "type")) ||
                       chat_json_get(message, "content") != NULL);
}

static const chat_json_t *content_of(const chat_json_t *message)
{
    const chat_json_t *content = chat_json_get(message, "parts");

    return content ? content : chat_json_get(message, "content");
}

static const chat_json_t *last_of(const chat_json_t *list, int *pends)
{
    int i, n = chat_json_length(list);

    for (i = n; i > 0; i--)
        if (is_user(chat_json_at(list, i - 1))) {
            *pends = i == n;
            return content_of(chat_json_at(list, i - 1));
        }
    return NULL;
}

static int is_answer(const chat_json_t *message)
{
    const char *role = chat_json_string(chat_json_get(message, "role"));

    return role && (!strcmp(role, "assistant") || !strcmp(role, "model"));
}

/* A question may be more than one message. */
static void add_since_answer(apr_array_header_t *all, const chat_json_t *list)
{
    int last = chat_json_length(list), first;

    while (last > 0 && !is_user(chat_json_at(list, last - 1)))
        last--;
    for (first = last; first > 0; first--)
        if (is_answer(chat_json_at(list, first - 1)))
            break;
    for (; first < last; first++)
        if (is_user(chat_json_at(list, first)))
            APR_ARRAY_PUSH(all, const chat_json_t *) =
                content_of(chat_json_at(list, first));
}

/* A member that has all that is said: a text, a message, or many. */
static const chat_json_t *said_in(const chat_json_t *v, int *pends)
{
    if (chat_json_kind(v) == CHAT_JSON_ARRAY)
        return last_of(v, pends);
    *pends = 1;
    if (chat_json_kind(v) == CHAT_JSON_OBJECT)
        return is_user(v) ? content_of(v) : NULL;
    return chat_json_string(v) ? v : NULL;
}

const chat_json_t *chat_request_prompt(const chat_json_t *body, int *pends)
{
    static const char *const names[] = {"messages", "contents", "input",
                                        "message"};
    const chat_json_t *v = chat_json_path(body, "params", "input", NULL);
    int ends = 0;
    apr_size_t i;

    for (i = 0; !v && i < sizeof(names) / sizeof(*names); i++)
        v = chat_json_get(body, names[i]);
    if (v)
        v = said_in(v, &ends);
    else {
        v = content_of(body);
        ends = 1;
    }
    if (pends)
        *pends = v && ends;
    return v;
}

apr_array_header_t *chat_request_prompts(const chat_json_t *body, apr_pool_t *p)
{
    static const char *const names[] = {"messages", "contents", "input"};
    apr_array_header_t *all = apr_array_make(p, 2, sizeof(const chat_json_t *));
    apr_size_t i;

    for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const chat_json_t *v = chat_json_get(body, names[i]);

        if (chat_json_kind(v) == CHAT_JSON_ARRAY)
            add_since_answer(all, v);
        else if (v)
            APR_ARRAY_PUSH(all, const chat_json_t *) = v;
    }
    return all;
}

/* The text of a part, or NULL. */
static const char *text_of(const chat_json_t *part)
{
    const char *text = chat_json_string(part);

    return text ? text : chat_json_string(chat_json_get(part, "text"));
}

const char *chat_request_prompt_text(const chat_json_t *prompt,
                                     const char **pothers, apr_pool_t *p)
{
    int i, n = chat_json_length(prompt);
    apr_array_header_t *texts = apr_array_make(p, n + 1, sizeof(char *));
    apr_array_header_t *others = apr_array_make(p, 1, sizeof(char *));

    if (chat_json_string(prompt))
        APR_ARRAY_PUSH(texts, const char *) = chat_json_string(prompt);
    for (i = 0; i < n; i++) {
        const chat_json_t *part = chat_json_at(prompt, i);
        const char *text = text_of(part);

        if (text)
            APR_ARRAY_PUSH(texts, const char *) = text;
        else if (pothers)
            APR_ARRAY_PUSH(others, const char *) =
                chat_json_text(part, NULL, p);
    }
    if (pothers)
        *pothers = apr_array_pstrcat(p, others, '\n');
    return apr_array_pstrcat(p, texts, '\n');
}
