/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the user says in a request, whoever's form it has: of Chat Completions,
 * Responses, Messages, Gemini, the AI SDK, ChatKit or ours. The body need not
 * be a valid one, nor have one form alone: what one of them would read is said.
 * Pure.
 */
#include "chat_request.h"

#include <string.h>

#include <apr_strings.h>

/* ---- which members ---- */

/* Those that a message says something in. */
static const char *const says[] = {"parts", "content", "text"};
#define SAYS (sizeof(says) / sizeof(*says))

static const char *role_of(const chat_json_t *message)
{
    return chat_json_string(chat_json_get(message, "role"));
}

/* Contents of Gemini may have no role, and an item of ChatKit has none. */
static int is_user(const chat_json_t *message)
{
    const char *role = role_of(message);
    apr_size_t i;

    if (chat_json_kind(message) != CHAT_JSON_OBJECT)
        return 0;
    if (role)
        return !strcmp(role, "user");
    for (i = 0; i < SAYS; i++)
        if (chat_json_get(message, says[i]))
            return 1;
    return 0;
}

static int is_answer(const chat_json_t *message)
{
    const char *role = role_of(message);

    return role && (!strcmp(role, "assistant") || !strcmp(role, "model"));
}

/* It tells the model how to answer, and is nothing to be answered. */
static int is_system(const chat_json_t *message)
{
    const char *role = role_of(message);

    return role && (!strcmp(role, "system") || !strcmp(role, "developer"));
}

static void add_message(apr_array_header_t *all, const chat_json_t *message)
{
    apr_size_t i;

    for (i = 0; i < SAYS; i++) {
        const chat_json_t *v = chat_json_get(message, says[i]);

        if (v)
            APR_ARRAY_PUSH(all, const chat_json_t *) = v;
    }
}

/* A question may be more than one message. 1: the list ends with it. */
static int add_since_answer(apr_array_header_t *all, const chat_json_t *list)
{
    int end = chat_json_length(list), last, first;

    while (end > 0 && is_system(chat_json_at(list, end - 1)))
        end--;
    for (last = end; last > 0; last--)
        if (is_user(chat_json_at(list, last - 1)))
            break;
    for (first = last; first > 0; first--)
        if (is_answer(chat_json_at(list, first - 1)))
            break;
    for (; first < last; first++)
        if (is_user(chat_json_at(list, first)))
            add_message(all, chat_json_at(list, first));
    return last > 0 && last == end;
}

/* A member that has all that is said: a text, a message, or many. */
static int add_said(apr_array_header_t *all, const chat_json_t *v)
{
    int n = all->nelts;

    if (chat_json_kind(v) == CHAT_JSON_ARRAY)
        return add_since_answer(all, v);
    if (chat_json_string(v))
        APR_ARRAY_PUSH(all, const chat_json_t *) = v;
    else if (is_user(v))
        add_message(all, v);
    return all->nelts > n;
}

apr_array_header_t *chat_request_prompts(const chat_json_t *body, int *pends,
                                         apr_pool_t *p)
{
    static const char *const names[] = {"messages", "contents", "input",
                                        "message"};
    apr_array_header_t *all = apr_array_make(p, 2, sizeof(const chat_json_t *));
    const chat_json_t *prompt = chat_json_get(body, "prompt");
    int ends = 0, n;
    apr_size_t i;

    for (i = 0; i < sizeof(names) / sizeof(*names); i++)
        ends |= add_said(all, chat_json_get(body, names[i]));
    ends |= add_said(all, chat_json_path(body, "params", "input", NULL));
    n = all->nelts;
    if (prompt) /* a text, several, or what a template is filled with */
        APR_ARRAY_PUSH(all, const chat_json_t *) = prompt;
    add_message(all, body);
    if (pends)
        *pends = ends || all->nelts > n;
    return all;
}

/* ---- their texts ---- */

static void collect(apr_array_header_t *texts, const chat_json_t *v, int within)
{
    const char *key = NULL, *text = chat_json_string(v);
    int i;

    if (text)
        APR_ARRAY_PUSH(texts, const char *) = text;
    for (i = 0; i < chat_json_length(v); i++)
        collect(texts, chat_json_at(v, i), within);
    if (chat_json_kind(v) != CHAT_JSON_OBJECT)
        return;
    while ((key = chat_json_next(v, key))) {
        const chat_json_t *one = chat_json_get(v, key);

        text = chat_json_string(one);
        if (!text || within || chat_request_text_is_one(v, key, text))
            collect(texts, one, within || chat_request_text_is_free(v, key));
    }
}

/* Has it nothing but a text? */
static int is_text(const chat_json_t *part)
{
    return chat_json_string(part) ||
           chat_json_string(chat_json_get(part, "text"));
}

static void collect_others(apr_array_header_t *others, const chat_json_t *v,
                           apr_pool_t *p)
{
    int i;

    for (i = 0; i < chat_json_length(v); i++)
        if (!is_text(chat_json_at(v, i)))
            APR_ARRAY_PUSH(others, const char *) =
                chat_json_text(chat_json_at(v, i), NULL, p);
}

const char *chat_request_prompt_text(const apr_array_header_t *prompts,
                                     const char **pothers, apr_pool_t *p)
{
    apr_array_header_t *texts = apr_array_make(p, 4, sizeof(char *));
    apr_array_header_t *others = apr_array_make(p, 1, sizeof(char *));
    int i;

    for (i = 0; i < prompts->nelts; i++) {
        const chat_json_t *v = APR_ARRAY_IDX(prompts, i, const chat_json_t *);

        collect(texts, v, 0);
        if (pothers)
            collect_others(others, v, p);
    }
    if (pothers)
        *pothers = apr_array_pstrcat(p, others, '\n');
    return apr_array_pstrcat(p, texts, '\n');
}
