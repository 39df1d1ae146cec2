/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gemini: the messages of a turn, and its tools, in the parts of
 * generateContent. Pure, any thread.
 */
#include "chat_provider_event.h"
#include "chat_provider_gemini_int.h"

#include <string.h>

#include <apr_strings.h>

/*
 * Newer models want each call back with the signature of the thoughts that led
 * to it: this is what Google has for those of other models. It stands at the
 * first of several.
 */
#define NO_SIGNATURE "skip_thought_signature_validator"

static chat_json_t *add_part(chat_json_t *parts, const char *key,
                             chat_json_t *v, apr_pool_t *p)
{
    chat_json_t *part = chat_json_object(p);

    if (v)
        chat_json_add(part, key, v);
    chat_json_push(parts, part);
    return part;
}

/* One without a word in it is refused: leaving it out changes nothing. */
static chat_json_t *add_text(chat_json_t *parts, const char *text,
                             apr_pool_t *p)
{
    chat_json_t *part = NULL;

    if (!text || chat_provider_call_blank(text))
        return NULL;
    part = add_part(parts, NULL, NULL, p);
    chat_json_add_string(part, "text", text);
    return part;
}

static void add_image(chat_json_t *parts, const chat_image_t *image,
                      apr_pool_t *p)
{
    chat_json_t *data = chat_json_object(p);

    chat_json_add_string(data, "mimeType", image->type);
    chat_json_add_string(data, "data", image->data);
    add_part(parts, "inlineData", data, p);
}

static apr_status_t add_parts(chat_json_t *parts, const chat_json_t *given,
                              chat_err_t *err, apr_pool_t *p)
{
    int i;

    for (i = 0; i < chat_json_length(given); i++) {
        const chat_json_t *part = chat_json_at(given, i);
        const char *text = chat_provider_content_text(part), *name;
        chat_image_t image;

        if (text)
            add_text(parts, text, p);
        else if ((chat_provider_content_image(&image, part, p) ||
                  chat_provider_content_document(&image, &name, part, p)) &&
                 image.data)
            add_image(parts, &image, p);
        else
            return chat_provider_call_refuse(
                err,
                "This provider takes parts of the types text, image_url and "
                "file alone, the latter two with a data: URL in base64, "
                "of a file that of a PDF.");
    }
    return APR_SUCCESS;
}

/* Google gives its calls ids of late; one that was made here is none. */
static void add_id(chat_json_t *object, const char *id)
{
    if (!chat_provider_parse_is_made(id))
        chat_json_add_string(object, "id", id);
}

static chat_json_t *find_signature(const chat_tool_call_t *call)
{
    chat_json_t *v =
        chat_json_path(call->extra, "google", "thought_signature", NULL);

    return chat_json_string(v) ? v : NULL;
}

static int is_signed(const chat_message_t *m)
{
    int i;

    for (i = 0; i < m->ncalls; i++) {
        if (find_signature(&m->calls[i]))
            return 1;
    }
    return 0;
}

static apr_status_t add_call(chat_json_t *parts, const chat_detail_t *w,
                             chat_err_t *err, apr_pool_t *p)
{
    chat_json_t *args = chat_provider_content_arguments(w->call, p);
    chat_json_t *call = chat_json_object(p), *part;

    if (!args)
        return chat_provider_call_refuse(
            err, "This provider wants the arguments of a call of a tool "
                 "to be a JSON object.");
    add_id(call, w->call->id);
    chat_json_add_string(call, "name", w->call->name);
    chat_json_add(call, "args", args);
    part = add_part(parts, "functionCall", call, p);
    chat_json_add(part, "thoughtSignature", find_signature(w->call));
    if (w->call == w->message->calls && !is_signed(w->message))
        chat_json_add_string(part, "thoughtSignature", NO_SIGNATURE);
    return APR_SUCCESS;
}

/* At the text that it came with, or in a part of its own. */
static void add_signature(chat_json_t *parts, const chat_detail_t *w,
                          chat_json_t *part, apr_pool_t *p)
{
    chat_json_t *data = chat_json_get(w->json, "data");

    if (!chat_json_string(data))
        return;
    if (!part) {
        part = add_part(parts, NULL, NULL, p);
        chat_json_add_string(part, "text", "");
    }
    chat_json_add(part, "thoughtSignature", data);
}

/* What the model said, in its order. */
static apr_status_t add_said(chat_json_t *parts, const chat_message_t *m,
                             chat_err_t *err, apr_pool_t *p)
{
    apr_status_t rv = APR_SUCCESS;
    chat_json_t *text = NULL;
    chat_detail_e next;
    chat_detail_t w;

    chat_provider_detail_begin(&w, m, "gemini");
    while (rv == APR_SUCCESS &&
           (next = chat_provider_detail_next(&w, p)) != CHAT_DETAIL_END) {
        if (next == CHAT_DETAIL_TEXT) {
            text = add_text(parts, w.text, p);
            continue;
        }
        if (next == CHAT_DETAIL_CALL)
            rv = add_call(parts, &w, err, p);
        else
            add_signature(parts, &w, text, p);
        text = NULL;
    }
    return rv;
}

/* ---- what the tools gave ---- */

/* The name of the latest call with that id before the message of that number:
 * here an answer is told by it. */
static const char *find_name(const chat_turn_t *turn, int before)
{
    const char *id = turn->messages[before].call_id;
    int i;

    while (id && before-- > 0) {
        const chat_message_t *m = &turn->messages[before];

        for (i = 0; i < m->ncalls; i++) {
            if (m->calls[i].id && strcmp(m->calls[i].id, id) == 0)
                return m->calls[i].name;
        }
    }
    return NULL;
}

/* All its text; NULL when there is anything else in it. */
static const char *find_text(const chat_message_t *m, apr_pool_t *p)
{
    const char *all = m->content ? m->content : "";
    int i;

    for (i = 0; i < chat_json_length(m->parts); i++) {
        const char *text =
            chat_provider_content_text(chat_json_at(m->parts, i));

        if (!text)
            return NULL;
        all = apr_pstrcat(p, all, text, NULL);
    }
    return all;
}

/* It has to be an object. */
static chat_json_t *make_response(const char *text, apr_pool_t *p)
{
    chat_json_t *response = chat_provider_content_object(text, p);

    if (response)
        return response;
    response = chat_json_object(p);
    chat_json_add_string(response, "result", text);
    return response;
}

static apr_status_t add_result(chat_json_t *parts, const chat_turn_t *turn,
                               int at, chat_err_t *err, apr_pool_t *p)
{
    const char *name = find_name(turn, at);
    const char *text = find_text(&turn->messages[at], p);
    chat_json_t *response;

    if (!name)
        return chat_provider_call_refuse(
            err, "This provider wants before each message of a tool the one "
                 "of the assistant with the call that it answers.");
    if (!text)
        return chat_provider_call_refuse(
            err, "This provider takes nothing but text from a tool.");
    response = chat_json_object(p);
    add_id(response, turn->messages[at].call_id);
    chat_json_add_string(response, "name", name);
    chat_json_add(response, "response", make_response(text, p));
    add_part(parts, "functionResponse", response, p);
    return APR_SUCCESS;
}

/* ---- contents ---- */

static chat_json_t *add_content(chat_json_t *list, const char *role,
                                chat_json_t *parts, apr_pool_t *p)
{
    chat_json_t *content = chat_json_object(p);

    chat_json_add_string(content, "role", role);
    chat_json_add(content, "parts", parts);
    chat_json_push(list, content);
    return parts;
}

static apr_status_t add_message(chat_json_t *list, const chat_message_t *m,
                                chat_err_t *err, apr_pool_t *p)
{
    chat_json_t *parts = chat_json_array(p);
    apr_status_t rv;

    rv = add_parts(parts, m->parts, err, p);
    if (rv == APR_SUCCESS)
        rv = add_said(parts, m, err, p);
    if (rv == APR_SUCCESS && chat_json_length(parts) > 0)
        add_content(list, m->role == CHAT_ROLE_USER ? "user" : "model", parts,
                    p);
    return rv;
}

/* What the calls of one message gave must stand in one content. */
apr_status_t chat_provider_gemini_contents(chat_json_t *list,
                                           const chat_turn_t *turn,
                                           chat_err_t *err, apr_pool_t *p)
{
    chat_json_t *results = NULL;
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; rv == APR_SUCCESS && i < turn->nmessages; i++) {
        const chat_message_t *m = &turn->messages[i];

        if (m->role == CHAT_ROLE_SYSTEM)
            continue;
        if (m->role == CHAT_ROLE_TOOL) {
            if (!results)
                results = add_content(list, "user", chat_json_array(p), p);
            rv = add_result(results, turn, i, err, p);
        }
        else {
            results = NULL;
            rv = add_message(list, m, err, p);
        }
    }
    return rv;
}

/* ---- tools ---- */

static chat_json_t *make_functions(const chat_turn_t *turn, apr_pool_t *p)
{
    chat_json_t *list = chat_json_array(p);
    int i;

    for (i = 0; i < turn->ntools; i++) {
        const chat_tool_t *t = &turn->tools[i];
        chat_json_t *function = chat_json_object(p);

        chat_json_add_string(function, "name", t->name);
        chat_json_add_string(function, "description", t->description);
        chat_json_add(function, "parametersJsonSchema",
                      chat_provider_call_parameters(t, p));
        chat_json_push(list, function);
    }
    return list;
}

static void add_choice(chat_json_t *body, const chat_turn_t *turn,
                       apr_pool_t *p)
{
    static const char *const modes[] = {
        [CHAT_CHOICE_AUTO] = "AUTO",
        [CHAT_CHOICE_NONE] = "NONE",
        [CHAT_CHOICE_REQUIRED] = "ANY",
        [CHAT_CHOICE_TOOL] = "ANY",
    };
    chat_json_t *config, *calling;

    if (turn->choice == CHAT_CHOICE_UNSAID)
        return;
    calling = chat_json_object(p);
    chat_json_add_string(calling, "mode", modes[turn->choice]);
    if (turn->choice == CHAT_CHOICE_TOOL) {
        chat_json_t *names = chat_json_array(p);

        chat_json_push_string(names, turn->choice_name);
        chat_json_add(calling, "allowedFunctionNames", names);
    }
    config = chat_json_object(p);
    chat_json_add(config, "functionCallingConfig", calling);
    chat_json_add(body, "toolConfig", config);
}

void chat_provider_gemini_contents_tools(chat_json_t *body,
                                         const chat_turn_t *turn, apr_pool_t *p)
{
    chat_json_t *list, *tool;

    if (turn->ntools == 0)
        return;
    list = chat_json_array(p);
    tool = chat_json_object(p);
    chat_json_add(tool, "functionDeclarations", make_functions(turn, p));
    chat_json_push(list, tool);
    chat_json_add(body, "tools", list);
    add_choice(body, turn, p);
}
