/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema of chat_request_validate.c with tools: the client's functions, the
 * calls of them that the model made, and what they gave. Issues are those that
 * zod would give. Pure (APR and chat_json), any thread.
 *
 * A message of the assistant that calls tools needs no content, and what a
 * tool gave may be empty; every other content is checked as without tools.
 */
#include "chat_request.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_request_int.h"

#define NAME_PATTERN "/^[A-Za-z0-9_-]{1,64}$/"

static const char *check_name(chat_request_zod_t *zod, const chat_json_t *v,
                              const char *path)
{
    return chat_request_zod_word(zod, v, CHAT_REQUEST_NAME_MAX, "_-",
                                 NAME_PATTERN, path);
}

/* ---- messages ---- */

static const char *check_id(chat_request_check_t *check, const chat_json_t *v,
                            const char *path)
{
    chat_request_zod_is(&check->zod, v, CHAT_JSON_STRING, "string", path);
    chat_request_zod_length(&check->zod, v, check->clamps, 1,
                            CHAT_REQUEST_CALL_ID_MAX, path);
    return chat_json_string(v);
}

static void check_call(chat_request_check_t *check, chat_tool_call_t *call,
                       const chat_json_t *v, int index, int number)
{
    const char *key = apr_psprintf(check->p, ",\"toolCalls\",%d", number);
    const char *id, *name, *arguments;
    chat_json_t *extra = chat_json_get(v, "extra");

    if (!chat_request_zod_is(&check->zod, v, CHAT_JSON_OBJECT, "object",
                             chat_request_message_path(check, index, key)))
        return;
    id = apr_pstrcat(check->p, key, ",\"id\"", NULL);
    name = apr_pstrcat(check->p, key, ",\"name\"", NULL);
    arguments = apr_pstrcat(check->p, key, ",\"arguments\"", NULL);
    call->id = check_id(check, chat_json_get(v, "id"),
                        chat_request_message_path(check, index, id));
    call->name = check_name(&check->zod, chat_json_get(v, "name"),
                            chat_request_message_path(check, index, name));
    call->arguments =
        chat_request_check_text(check, chat_json_get(v, "arguments"),
                                CHAT_ROLE_ASSISTANT, 0, index, arguments);
    if (extra)
        chat_request_zod_is(
            &check->zod, extra, CHAT_JSON_OBJECT, "object",
            chat_request_message_path(
                check, index, apr_pstrcat(check->p, key, ",\"extra\"", NULL)));
    call->extra = extra;
}

static void check_calls(chat_request_check_t *check, chat_message_t *message,
                        const chat_json_t *v, int index)
{
    const char *path =
        chat_request_message_path(check, index, ",\"toolCalls\"");
    int n = chat_json_length(v);
    chat_tool_call_t *calls;
    int i;

    chat_request_zod_is(&check->zod, v, CHAT_JSON_ARRAY, "array", path);
    if (n <= CHAT_REQUEST_TOOLS_MAX) {
        calls = apr_pcalloc(check->p, n * sizeof(*calls));
        for (i = 0; i < n; i++)
            check_call(check, &calls[i], chat_json_at(v, i), index, i);
        message->calls = calls;
        message->ncalls = n;
    }
    chat_request_zod_length(&check->zod, v, check->clamps, 1,
                            CHAT_REQUEST_TOOLS_MAX, path);
}

/* An empty list is as good as nothing. */
static const chat_json_t *find_calls(const chat_json_t *v)
{
    const chat_json_t *calls = chat_json_get(v, "toolCalls");

    return chat_json_kind(calls) == CHAT_JSON_ARRAY &&
                   chat_json_length(calls) == 0
               ? NULL
               : calls;
}

/* What an answer had beside its text: objects, which their provider alone can
 * read. */
static void check_details(chat_request_check_t *check, chat_message_t *message,
                          chat_json_t *v, int index)
{
    static const char key[] = ",\"reasoningDetails\"";
    int i;

    if (!v ||
        !chat_request_zod_is(&check->zod, v, CHAT_JSON_ARRAY, "array",
                             chat_request_message_path(check, index, key)))
        return;
    for (i = 0; i < chat_json_length(v); i++)
        chat_request_zod_is(
            &check->zod, chat_json_at(v, i), CHAT_JSON_OBJECT, "object",
            chat_request_message_path(check, index,
                                      apr_psprintf(check->p, "%s,%d", key, i)));
    message->details = v;
}

/* The model's thoughts, as a whole answer has them: they count in all, but are
 * not bounded as one text. */
static void check_thoughts(chat_request_check_t *check, chat_message_t *message,
                           const chat_json_t *v, int index)
{
    const chat_json_t *thoughts = chat_json_get(v, "reasoning");
    apr_int64_t points, units;

    if (!thoughts ||
        !chat_request_zod_is(
            &check->zod, thoughts, CHAT_JSON_STRING, "string",
            chat_request_message_path(check, index, ",\"reasoning\"")))
        return;
    message->reasoning = chat_json_string(thoughts);
    chat_request_count(message->reasoning, &points, &units);
    check->total += units;
}

void chat_request_tools_message(chat_request_check_t *check,
                                chat_message_t *message, const chat_json_t *v,
                                int index)
{
    static const char *const roles[] = {
        [CHAT_ROLE_USER] = "user",
        [CHAT_ROLE_ASSISTANT] = "assistant",
        [CHAT_ROLE_SYSTEM] = "system",
        [CHAT_ROLE_TOOL] = "tool",
        NULL,
    };
    const chat_json_t *content = chat_json_get(v, "content");
    const chat_json_t *calls = find_calls(v);
    int role = chat_request_zod_enum(
        &check->zod, chat_json_get(v, "role"), roles,
        chat_request_message_path(check, index, ",\"role\""));
    int calling = role == CHAT_ROLE_ASSISTANT && calls;

    message->role = role < 0 ? CHAT_ROLE_USER : role;
    if (role == CHAT_ROLE_USER && !content && chat_json_get(v, "parts"))
        message->parts = chat_request_conversation_parts(
            check, chat_json_get(v, "parts"), index);
    else if (content || !calling)
        message->content = chat_request_check_text(
            check, content, message->role,
            calling || role == CHAT_ROLE_TOOL ? 0 : 1, index, ",\"content\"");
    if (role == CHAT_ROLE_ASSISTANT) {
        check_thoughts(check, message, v, index);
        check_details(check, message, chat_json_get(v, "reasoningDetails"),
                      index);
    }
    if (calling)
        check_calls(check, message, calls, index);
    if (role == CHAT_ROLE_TOOL)
        message->call_id = check_id(
            check, chat_json_get(v, "toolCallId"),
            chat_request_message_path(check, index, ",\"toolCallId\""));
}

void chat_request_tools_answers(chat_request_check_t *check,
                                const chat_turn_t *turn)
{
    int i, j;

    for (i = 0; i < turn->nmessages; i++) {
        const chat_message_t *message = &turn->messages[i];

        for (j = 0; j < message->ncalls; j++)
            apr_hash_set(check->calls, message->calls[j].id,
                         APR_HASH_KEY_STRING, message);
        if (message->call_id &&
            !apr_hash_get(check->calls, message->call_id, APR_HASH_KEY_STRING))
            chat_request_zod_custom(
                &check->zod,
                chat_request_message_path(check, i, ",\"toolCallId\""),
                "No message before this one has a call of that id");
    }
}

/* ---- tools ---- */

static void check_tool(chat_request_check_t *check, chat_tool_t *tool,
                       const chat_json_t *v, int index)
{
    const char *at = apr_psprintf(check->p, "[\"tools\",%d", index);
    chat_json_t *parameters = chat_json_get(v, "parameters");

    if (!chat_request_zod_is(&check->zod, v, CHAT_JSON_OBJECT, "object",
                             apr_pstrcat(check->p, at, "]", NULL)))
        return;
    tool->name = check_name(&check->zod, chat_json_get(v, "name"),
                            apr_pstrcat(check->p, at, ",\"name\"]", NULL));
    tool->description = chat_request_zod_optional(
        &check->zod, chat_json_get(v, "description"),
        apr_pstrcat(check->p, at, ",\"description\"]", NULL));
    if (parameters)
        chat_request_zod_is(
            &check->zod, parameters, CHAT_JSON_OBJECT, "record",
            apr_pstrcat(check->p, at, ",\"parameters\"]", NULL));
    tool->parameters = parameters;
    tool->strict = -1;
}

static void check_unique(chat_request_check_t *check, const chat_turn_t *turn)
{
    apr_hash_t *names = apr_hash_make(check->p);
    int i;

    for (i = 0; i < turn->ntools; i++) {
        const chat_tool_t *tool = &turn->tools[i];

        if (apr_hash_get(names, tool->name, APR_HASH_KEY_STRING))
            chat_request_zod_custom(
                &check->zod,
                apr_psprintf(check->p, "[\"tools\",%d,\"name\"]", i),
                "A tool before this one has the same name");
        apr_hash_set(names, tool->name, APR_HASH_KEY_STRING, tool);
    }
}

static void check_tools(chat_request_check_t *check, chat_turn_t *turn,
                        const chat_json_t *v)
{
    int aborted = check->zod.aborted;
    int n = chat_json_length(v);
    chat_tool_t *tools;
    int i;

    if (!v)
        return;
    check->zod.aborted = 0;
    chat_request_zod_is(&check->zod, v, CHAT_JSON_ARRAY, "array",
                        "[\"tools\"]");
    if (n <= CHAT_REQUEST_TOOLS_MAX) {
        tools = apr_pcalloc(check->p, n * sizeof(*tools));
        for (i = 0; i < n; i++)
            check_tool(check, &tools[i], chat_json_at(v, i), i);
        turn->tools = tools;
        turn->ntools = n;
    }
    chat_request_zod_length(&check->zod, v, check->clamps, 0,
                            CHAT_REQUEST_TOOLS_MAX, "[\"tools\"]");
    if (!check->zod.aborted)
        check_unique(check, turn);
    check->zod.aborted |= aborted;
}

/* ---- which of them ---- */

static void add_union(chat_request_check_t *check,
                      const chat_request_zod_t *word,
                      const chat_request_zod_t *object)
{
    check->zod.aborted = 1;
    chat_request_zod_issue(
        &check->zod,
        apr_pstrcat(check->p, "\"code\":\"invalid_union\",\"errors\":[",
                    chat_request_zod_text(word), ",",
                    chat_request_zod_text(object), "]", NULL),
        "[\"toolChoice\"]", "Invalid input");
}

/* A union with a member of the right shape is that member: what is wrong with
 * the name of a tool is said without the word that it is not. */
static void check_choice(chat_request_check_t *check, chat_turn_t *turn,
                         const chat_json_t *v)
{
    static const char *const words[] = {"auto", "none", "required", NULL};
    const chat_json_t *name = chat_json_get(v, "name");
    chat_request_zod_t word, object;
    int choice;

    chat_request_zod_init(&word, check->p);
    chat_request_zod_init(&object, check->p);
    if (!v)
        return;
    if (chat_json_string(name)) {
        turn->choice = CHAT_CHOICE_TOOL;
        turn->choice_name =
            check_name(&check->zod, name, "[\"toolChoice\",\"name\"]");
    }
    else if ((choice = chat_request_zod_enum(&word, v, words, "[]")) >= 0)
        turn->choice = CHAT_CHOICE_AUTO + choice;
    else {
        if (chat_request_zod_is(&object, v, CHAT_JSON_OBJECT, "object", "[]"))
            check_name(&object, name, "[\"name\"]");
        add_union(check, &word, &object);
    }
}

static int has_tool(const chat_turn_t *turn, const char *name)
{
    int i;

    for (i = 0; i < turn->ntools; i++)
        if (strcmp(turn->tools[i].name, name) == 0)
            return 1;
    return 0;
}

/* The choice must be possible. Without tools there is nothing to choose. */
static void check_possible(chat_request_check_t *check, chat_turn_t *turn)
{
    if (turn->choice == CHAT_CHOICE_TOOL && !has_tool(turn, turn->choice_name))
        chat_request_zod_custom(&check->zod, "[\"toolChoice\",\"name\"]",
                                "No tool has that name");
    if (turn->choice == CHAT_CHOICE_REQUIRED && !turn->ntools)
        chat_request_zod_custom(&check->zod, "[\"toolChoice\"]",
                                "There is no tool to be called");
    if (!turn->ntools)
        turn->choice = CHAT_CHOICE_UNSAID;
}

void chat_request_tools_body(chat_request_check_t *check, chat_turn_t *turn,
                             const chat_json_t *body)
{
    check_tools(check, turn, chat_json_get(body, "tools"));
    check_choice(check, turn, chat_json_get(body, "toolChoice"));
    if (!check->zod.list->nelts)
        check_possible(check, turn);
}
