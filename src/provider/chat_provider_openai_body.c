/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of a Responses request: what Chat Completions has as messages is a
 * list of items there, of which a message may give several, and tools and
 * formats are flat. Pure, any thread.
 */
#include "chat_provider_openai_int.h"

#include <string.h>

/* The Responses API answers 400 to less. */
#define LEAST_OUTPUT_TOKENS 16

/* Responses says no to a longer id of a call. */
#define LONGEST_ID 64

int chat_provider_openai_body_least(int most)
{
    return most > 0 && most < LEAST_OUTPUT_TOKENS ? LEAST_OUTPUT_TOKENS : most;
}

/* ---- parts of a message ---- */

static int is_type(const chat_json_t *part, const char *want)
{
    const char *type = chat_json_string(chat_json_get(part, "type"));

    return type && strcmp(type, want) == 0;
}

/* A part with one text; NULL where that is none. */
static chat_json_t *make_text(const char *type, const char *name,
                              const chat_json_t *text, apr_pool_t *p)
{
    chat_json_t *made;

    if (!chat_json_string(text))
        return NULL;
    made = chat_json_object(p);
    chat_json_add_string(made, "type", type);
    chat_json_add_string(made, name, chat_json_string(text));
    return made;
}

static chat_json_t *make_image(const chat_json_t *part, apr_pool_t *p)
{
    const chat_json_t *image = chat_json_get(part, "image_url");
    chat_json_t *made = make_text(
        "input_image", "image_url",
        chat_json_string(image) ? image : chat_json_get(image, "url"), p);

    if (made)
        chat_json_add(made, "detail", chat_json_get(image, "detail"));
    return made;
}

static chat_json_t *make_file(const chat_json_t *part, apr_pool_t *p)
{
    static const char *const names[] = {"filename", "file_data", "file_id",
                                        "file_url"};
    const chat_json_t *file = chat_json_get(part, "file");
    chat_json_t *made = chat_json_object(p);
    apr_size_t i;

    chat_json_add_string(made, "type", "input_file");
    /* A name belongs to data: what is fetched has one of its own. */
    for (i = chat_json_get(file, "file_url") != NULL;
         i < sizeof(names) / sizeof(names[0]); i++)
        chat_json_add(made, names[i], chat_json_get(file, names[i]));
    return made;
}

/* NULL: it has no form there, as audio has none. */
static chat_json_t *make_part(const chat_json_t *part, chat_role_e role,
                              apr_pool_t *p)
{
    int said = role == CHAT_ROLE_ASSISTANT;

    if (is_type(part, "text"))
        return make_text(said ? "output_text" : "input_text", "text",
                         chat_json_get(part, "text"), p);
    if (said)
        return is_type(part, "refusal")
                   ? make_text("refusal", "refusal",
                               chat_json_get(part, "refusal"), p)
                   : NULL;
    if (is_type(part, "image_url"))
        return make_image(part, p);
    return is_type(part, "file") ? make_file(part, p) : NULL;
}

static chat_json_t *make_parts(const chat_message_t *m, apr_pool_t *p)
{
    chat_json_t *list = chat_json_array(p);
    int i;

    for (i = 0; i < chat_json_length(m->parts); i++) {
        chat_json_t *part = make_part(chat_json_at(m->parts, i), m->role, p);

        if (!part)
            return NULL;
        chat_json_push(list, part);
    }
    return list;
}

/* ---- items ---- */

/* NULL: a part of it has no form there. */
static apr_status_t add_content(chat_json_t *item, const char *name,
                                const chat_message_t *m, chat_err_t *err,
                                apr_pool_t *p)
{
    chat_json_t *parts;

    if (!m->parts) {
        chat_json_add_string(item, name, m->content ? m->content : "");
        return APR_SUCCESS;
    }
    parts = make_parts(m, p);
    if (!parts)
        return chat_provider_call_refuse(
            err, "This provider takes text, images and files in messages, "
                 "and of the assistant text alone.");
    chat_json_add(item, name, parts);
    return APR_SUCCESS;
}

static chat_json_t *make_call(const chat_tool_call_t *call, apr_pool_t *p)
{
    chat_json_t *item = chat_json_object(p);

    chat_json_add_string(item, "type", "function_call");
    chat_json_add_string(item, "call_id",
                         chat_provider_call_id(call->id, NULL, LONGEST_ID, p));
    chat_json_add_string(item, "name", call->name);
    chat_json_add_string(item, "arguments", call->arguments);
    return item;
}

static apr_status_t add_output(chat_json_t *list, const chat_message_t *m,
                               chat_err_t *err, apr_pool_t *p)
{
    chat_json_t *item = chat_json_object(p);

    chat_json_add_string(item, "type", "function_call_output");
    chat_json_add_string(
        item, "call_id",
        chat_provider_call_id(m->call_id, NULL, LONGEST_ID, p));
    chat_json_push(list, item);
    return add_content(item, "output", m, err, p);
}

/* An item of thoughts, as it came. */
static chat_json_t *make_thought(const chat_detail_t *w, apr_pool_t *p)
{
    chat_json_t *summary = chat_json_get(w->json, "summary");
    chat_json_t *item = chat_json_object(p);

    chat_json_add_string(item, "type", "reasoning");
    chat_json_add_string(item, "id", w->id);
    chat_json_add(item, "summary",
                  chat_json_kind(summary) == CHAT_JSON_ARRAY
                      ? summary
                      : chat_json_array(p));
    chat_json_add(item, "encrypted_content", chat_json_get(w->json, "data"));
    return item;
}

static apr_status_t add_said(chat_json_t *list, const chat_message_t *m,
                             chat_err_t *err, apr_pool_t *p)
{
    chat_json_t *item = chat_json_object(p);

    chat_json_add_string(item, "role", chat_provider_completions_role(m, 1));
    chat_json_push(list, item);
    return add_content(item, "content", m, err, p);
}

/* What the model said is as many items as it were, in their order. */
static apr_status_t add_message(chat_json_t *list, const chat_message_t *m,
                                chat_err_t *err, apr_pool_t *p)
{
    apr_status_t rv = APR_SUCCESS;
    chat_message_t piece = *m;
    chat_detail_e next;
    chat_detail_t w;

    if (m->role == CHAT_ROLE_TOOL)
        return add_output(list, m, err, p);
    chat_provider_detail_begin(&w, m, "openai");
    if (m->parts || ((!m->content || !*m->content) && !w.is_found &&
                     (m->content || !m->ncalls)))
        rv = add_said(list, m, err, p);
    while (rv == APR_SUCCESS &&
           (next = chat_provider_detail_next(&w, p)) != CHAT_DETAIL_END) {
        piece.content = w.text;
        if (next == CHAT_DETAIL_TEXT)
            rv = add_said(list, &piece, err, p);
        else if (next == CHAT_DETAIL_CALL)
            chat_json_push(list, make_call(w.call, p));
        else
            chat_json_push(list, make_thought(&w, p));
    }
    return rv;
}

static apr_status_t add_input(chat_json_t *body, const chat_turn_t *turn,
                              chat_err_t *err, apr_pool_t *p)
{
    chat_json_t *list = chat_json_array(p);
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < turn->nmessages && rv == APR_SUCCESS; i++)
        rv = add_message(list, &turn->messages[i], err, p);
    chat_json_add(body, "input", list);
    return rv;
}

/* What is not kept there can only come back with what it was: its thoughts are
 * wanted encrypted where a call of a tool may have to be gone on with. */
static void add_include(chat_json_t *body, const chat_turn_t *turn,
                        const chat_upstream_t *up, apr_pool_t *p)
{
    chat_json_t *list;

    if (up->store || !turn->ntools ||
        !chat_provider_completions_reasons(turn->model))
        return;
    list = chat_json_array(p);
    chat_json_push_string(list, "reasoning.encrypted_content");
    chat_json_add(body, "include", list);
}

/* ---- tools ---- */

/* Unsaid means strict here, and not so in Chat Completions; without parameters
 * it is an error. */
static chat_json_t *make_tool(const chat_tool_t *tool, apr_pool_t *p)
{
    chat_json_t *item = chat_json_object(p);

    chat_json_add_string(item, "type", "function");
    chat_json_add_string(item, "name", tool->name);
    chat_json_add_string(item, "description", tool->description);
    chat_json_add(item, "parameters", chat_provider_call_parameters(tool, p));
    chat_json_add_boolean(item, "strict", tool->strict == 1);
    return item;
}

static void add_tools(chat_json_t *body, const chat_turn_t *turn, apr_pool_t *p)
{
    static const char *const words[] = {
        [CHAT_CHOICE_AUTO] = "auto",
        [CHAT_CHOICE_NONE] = "none",
        [CHAT_CHOICE_REQUIRED] = "required",
        [CHAT_CHOICE_TOOL] = NULL,
    };
    chat_json_t *list, *choice;
    int i;

    if (!turn->ntools)
        return;
    list = chat_json_array(p);
    for (i = 0; i < turn->ntools; i++)
        chat_json_push(list, make_tool(&turn->tools[i], p));
    chat_json_add(body, "tools", list);
    chat_json_add_string(body, "tool_choice", words[turn->choice]);
    if (turn->choice == CHAT_CHOICE_TOOL) {
        choice = chat_json_object(p);
        chat_json_add_string(choice, "type", "function");
        chat_json_add_string(choice, "name", turn->choice_name);
        chat_json_add(body, "tool_choice", choice);
    }
    if (turn->parallel >= 0)
        chat_json_add_boolean(body, "parallel_tool_calls", turn->parallel);
}

/* ---- the rest ---- */

static void add_format(chat_json_t *body, const chat_turn_t *turn,
                       apr_pool_t *p)
{
    chat_json_t *verbosity = chat_json_get(turn->extra, "verbosity");
    chat_json_t *text = NULL, *format;

    if (verbosity) {
        text = chat_json_object(p);
        chat_json_add(text, "verbosity", verbosity);
        chat_json_add(body, "text", text);
    }
    if (!turn->schema && !turn->json)
        return;
    if (!text)
        text = chat_json_object(p);
    format = chat_json_object(p);
    chat_json_add_string(format, "type",
                         turn->schema ? "json_schema" : "json_object");
    if (turn->schema)
        chat_provider_completions_schema(format, turn);
    chat_json_add(text, "format", format);
    chat_json_add(body, "text", text);
}

static void add_effort(chat_json_t *body, const chat_turn_t *turn,
                       apr_pool_t *p)
{
    chat_json_t *reasoning;

    if (!turn->effort || chat_provider_completions_plain(turn->model))
        return;
    reasoning = chat_json_object(p);
    chat_json_add_string(reasoning, "effort", turn->effort);
    chat_json_add(body, "reasoning", reasoning);
}

static void add_limits(chat_json_t *body, const chat_turn_t *turn)
{
    int most = chat_provider_openai_body_least(turn->max_output_tokens);

    chat_provider_completions_sampling(body, turn);
    if (most > 0)
        chat_json_add_integer(body, "max_output_tokens", most);
}

apr_status_t chat_provider_openai_body(chat_json_t **pbody,
                                       const chat_turn_t *turn,
                                       const chat_upstream_t *up,
                                       chat_err_t *err, apr_pool_t *p)
{
    chat_json_t *body = *pbody = chat_json_object(p);
    chat_json_t *options = chat_json_object(p);
    apr_status_t rv;

    chat_json_add_string(body, "model", turn->model);
    chat_json_add_string(body, "instructions", turn->system);
    rv = add_input(body, turn, err, p);
    add_tools(body, turn, p);
    add_limits(body, turn);
    add_effort(body, turn, p);
    add_format(body, turn, p);
    chat_json_add_boolean(body, "stream", 1);
    chat_json_add_boolean(body, "store", up->store);
    add_include(body, turn, up, p);
    /* Padding against traffic analysis: TLS to the client is ours. */
    chat_json_add_boolean(options, "include_obfuscation", 0);
    chat_json_add(body, "stream_options", options);
    return rv;
}
