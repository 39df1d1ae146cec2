/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a Chat Completions request has of lists: messages, with parts, calls
 * and what tools gave, and the tools. OpenAI's own forms, which is what the
 * turn's parts and schemas are in. Pure, any thread.
 */
#include "chat_provider_completions_int.h"

static const char *const roles[] = {
    [CHAT_ROLE_USER] = "user",
    [CHAT_ROLE_ASSISTANT] = "assistant",
    [CHAT_ROLE_SYSTEM] = "system",
    [CHAT_ROLE_TOOL] = "tool",
};

const char *chat_provider_completions_role(const chat_message_t *m,
                                           int developer)
{
    return developer && m->is_developer ? "developer" : roles[m->role];
}

static chat_json_t *make_call(const chat_tool_call_t *call,
                              const chat_provider_completions_t *kind,
                              apr_pool_t *p)
{
    chat_json_t *item = chat_json_object(p);
    chat_json_t *function = chat_json_object(p);

    chat_json_add_string(function, "name", call->name);
    chat_json_add_string(function, "arguments", call->arguments);
    chat_json_add_string(
        item, "id", chat_provider_call_id(call->id, NULL, kind->longest_id, p));
    chat_json_add_string(item, "type", "function");
    chat_json_add(item, "function", function);
    /* One that says whose it is has not come from such an upstream. */
    if (kind->details && !chat_json_get(call->extra, "provider"))
        chat_json_add(item, "extra_content", call->extra);
    return item;
}

static chat_json_t *make_calls(const chat_message_t *m,
                               const chat_provider_completions_t *kind,
                               apr_pool_t *p)
{
    chat_json_t *list = chat_json_array(p);
    int i;

    for (i = 0; i < m->ncalls; i++)
        chat_json_push(list, make_call(&m->calls[i], kind, p));
    return list;
}

/* Thoughts that are known to be another's are left out. Who thinks wants some
 * with every call, and takes none for some. */
static void add_thoughts(chat_json_t *message, const chat_message_t *m,
                         const chat_provider_completions_t *kind, apr_pool_t *p)
{
    static const char usual[] = "reasoning_content";
    int foreign = chat_provider_detail_is_owned(m);

    if (kind->reasoning && !foreign)
        chat_json_add_string(
            message,
            m->reasoning_name && kind->details ? m->reasoning_name : usual,
            m->reasoning);
    else if (kind->reasoning && m->ncalls)
        chat_json_add_string(message, usual, "");
    if (kind->details)
        chat_json_add(message, "reasoning_details",
                      chat_provider_detail_foreign(m, p));
}

/* The content is null where there is none but calls, and never left out. */
static chat_json_t *make_message(const chat_message_t *m,
                                 const chat_provider_completions_t *kind,
                                 apr_pool_t *p)
{
    const char *content = m->content || m->ncalls ? m->content : "";
    chat_json_t *message = chat_provider_content_message(
        chat_provider_completions_role(m, kind->developer), content, p);

    if (m->parts || m->text_parts)
        chat_json_add(message, "content", m->parts ? m->parts : m->text_parts);
    else if (!content)
        chat_json_add_null(message, "content");
    if (m->role == CHAT_ROLE_ASSISTANT)
        add_thoughts(message, m, kind, p);
    if (m->ncalls)
        chat_json_add(message, "tool_calls", make_calls(m, kind, p));
    if (m->role == CHAT_ROLE_TOOL)
        chat_json_add_string(
            message, "tool_call_id",
            chat_provider_call_id(m->call_id, NULL, kind->longest_id, p));
    return message;
}

chat_json_t *
chat_provider_completions_messages(const chat_turn_t *turn, const char *system,
                                   const chat_provider_completions_t *kind,
                                   apr_pool_t *p)
{
    const chat_message_t first = {.role = CHAT_ROLE_SYSTEM, .content = system};
    chat_json_t *list = chat_json_array(p);
    int i;

    if (system)
        chat_json_push(list, make_message(&first, kind, p));
    for (i = 0; i < turn->nmessages; i++)
        chat_json_push(list, make_message(&turn->messages[i], kind, p));
    return list;
}

/* ---- tools ---- */

static chat_json_t *make_tool(const chat_tool_t *tool, apr_pool_t *p)
{
    chat_json_t *item = chat_json_object(p);
    chat_json_t *function = chat_json_object(p);

    chat_json_add_string(function, "name", tool->name);
    chat_json_add_string(function, "description", tool->description);
    chat_json_add(function, "parameters",
                  chat_provider_call_parameters(tool, p));
    if (tool->strict >= 0)
        chat_json_add_boolean(function, "strict", tool->strict);
    chat_json_add_string(item, "type", "function");
    chat_json_add(item, "function", function);
    chat_json_add(item, "cache_control", tool->cache_control);
    return item;
}

static void add_choice(chat_json_t *body, const chat_turn_t *turn,
                       const chat_provider_completions_t *kind, apr_pool_t *p)
{
    const char *const words[] = {
        [CHAT_CHOICE_AUTO] = "auto",
        [CHAT_CHOICE_NONE] = "none",
        [CHAT_CHOICE_REQUIRED] = kind->required,
        [CHAT_CHOICE_TOOL] = NULL,
    };
    chat_json_t *choice, *function;

    if (turn->choice != CHAT_CHOICE_TOOL) {
        chat_json_add_string(body, "tool_choice", words[turn->choice]);
        return;
    }
    choice = chat_json_object(p);
    function = chat_json_object(p);
    chat_json_add_string(function, "name", turn->choice_name);
    chat_json_add_string(choice, "type", "function");
    chat_json_add(choice, "function", function);
    chat_json_add(body, "tool_choice", choice);
}

/* Without tools, to say how to use them is an error. */
void chat_provider_completions_tools(chat_json_t *body, const chat_turn_t *turn,
                                     const chat_provider_completions_t *kind,
                                     apr_pool_t *p)
{
    chat_json_t *list;
    int i;

    if (!turn->ntools)
        return;
    list = chat_json_array(p);
    for (i = 0; i < turn->ntools; i++)
        chat_json_push(list, make_tool(&turn->tools[i], p));
    chat_json_add(body, "tools", list);
    if (turn->choice != CHAT_CHOICE_UNSAID)
        add_choice(body, turn, kind, p);
    if (turn->parallel >= 0)
        chat_json_add_boolean(body, "parallel_tool_calls", turn->parallel);
}
