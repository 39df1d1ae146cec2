/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what a request asks for, in each API's words. Pure. */
#include "mock_ask.h"

#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The value under those keys, one inside the other; NULL: none. */
static json_object *at(json_object *v, ...)
{
    const char *key;
    va_list keys;

    va_start(keys, v);
    while ((key = va_arg(keys, const char *))) {
        json_object *next = NULL;

        if (json_object_is_type(v, json_type_object))
            json_object_object_get_ex(v, key, &next);
        v = next;
    }
    va_end(keys);
    return v;
}

static int is(json_object *v, const char *text)
{
    return json_object_is_type(v, json_type_string) &&
           !strcmp(json_object_get_string(v), text);
}

static int length(json_object *v)
{
    return json_object_is_type(v, json_type_array)
               ? (int)json_object_array_length(v)
               : 0;
}

/* ---- tools ---- */

static void add_tool(mock_text_t *t, json_object *tool)
{
    json_object *name = at(tool, "name", NULL);

    if (!name)
        name = at(tool, "function", "name", NULL);
    if (json_object_is_type(name, json_type_string) && t->ntools < MOCK_TOOLS)
        snprintf(t->tools[t->ntools++], sizeof(t->tools[0]), "%s",
                 json_object_get_string(name));
}

static void add_tools(mock_text_t *t, json_object *tools)
{
    int i, k;

    for (i = 0; i < length(tools); i++) {
        json_object *tool = json_object_array_get_idx(tools, i);
        json_object *inner = at(tool, "functionDeclarations", NULL);

        if (!inner)
            inner = at(tool, "function_declarations", NULL);
        for (k = 0; k < length(inner); k++)
            add_tool(t, json_object_array_get_idx(inner, k));
        if (!inner)
            add_tool(t, tool);
    }
}

/* Among the parts of a message of Anthropic's or Gemini's. */
static int holds_result(json_object *parts)
{
    int i;

    for (i = 0; i < length(parts); i++) {
        json_object *part = json_object_array_get_idx(parts, i);

        if (is(at(part, "type", NULL), "tool_result") ||
            at(part, "functionResponse", NULL) ||
            at(part, "function_response", NULL))
            return 1;
    }
    return 0;
}

static int ends_with_result(json_object *root)
{
    static const char *const names[] = {"messages", "input", "contents"};
    json_object *last = NULL;
    size_t i;

    for (i = 0; i < 3; i++) {
        json_object *all = at(root, names[i], NULL);

        if (length(all))
            last = json_object_array_get_idx(all, length(all) - 1);
    }
    return is(at(last, "role", NULL), "tool") ||
           is(at(last, "type", NULL), "function_call_output") ||
           holds_result(at(last, "content", NULL)) ||
           holds_result(at(last, "parts", NULL));
}

static int forbids_tools(json_object *root)
{
    return is(at(root, "tool_choice", NULL), "none") ||
           is(at(root, "toolChoice", NULL), "none") ||
           is(at(root, "tool_choice", "type", NULL), "none") ||
           is(at(root, "toolConfig", "functionCallingConfig", "mode", NULL),
              "NONE");
}

/* ---- JSON ---- */

static int is_json(json_object *type)
{
    return is(type, "json_schema") || is(type, "json_object") ||
           is(type, "application/json");
}

/* The last is the form of the clients of our own routes. */
static int asks_json(json_object *root)
{
    return is_json(at(root, "text", "format", "type", NULL)) ||
           is_json(at(root, "response_format", "type", NULL)) ||
           is_json(at(root, "output_config", "format", "type", NULL)) ||
           is_json(at(root, "generationConfig", "responseMimeType", NULL)) ||
           is_json(at(root, "responseFormat", "type", NULL));
}

void mock_ask_body(mock_text_t *t, json_object *root)
{
    if (t->p.json < 0)
        t->p.json = asks_json(root);
    add_tools(t, at(root, "tools", NULL));
    if (forbids_tools(root) || ends_with_result(root))
        t->p.tools = 0;
}

/* ---- everything ---- */

/* Usage comes where it is asked for, and always from who sends it anyhow. */
static int leaves_usage_out(const mock_text_t *t, json_object *root)
{
    return t->api == MOCK_API_COMPLETIONS && t->p.ask &&
           t->p.as != MOCK_AS_OPENROUTER &&
           !json_object_get_boolean(
               at(root, "stream_options", "include_usage", NULL));
}

static int ends_as(const char *text, size_t n, const char *end, size_t m)
{
    return m && n >= m && !memcmp(text + n - m, end, m);
}

static int is_bad(const char *key, const char *ends)
{
    size_t n;

    for (;; ends += n + 1) {
        n = strcspn(ends, ",");
        if (ends_as(key, strlen(key), ends, n))
            return 1;
        if (!ends[n])
            return 0;
    }
}

/* Gemini says 400 of a key that it does not know. */
static void refuse_key(mock_text_t *t)
{
    t->refused = t->p.badcode == 401;
    t->p.status = t->api == MOCK_API_GEMINI && t->refused ? 400 : t->p.badcode;
    t->p.fault = MOCK_FAULT_none;
    t->p.times = 0;
}

int mock_ask(mock_text_t *t, int *pstream, const mock_request_t *rq, char *why,
             size_t why_size)
{
    json_object *root;
    char key[256];

    if (mock_request_params(&t->p, rq, why, why_size))
        return -1;
    root = json_tokener_parse(rq->body.data);
    mock_ask_body(t, root);
    *pstream = t->api == MOCK_API_GEMINI
                   ? rq->sse
                   : json_object_get_boolean(at(root, "stream", NULL));
    if (*pstream && leaves_usage_out(t, root))
        t->p.usage = 0;
    json_object_put(root);
    mock_request_key(rq, key, sizeof(key));
    if (is_bad(key, t->p.badkey))
        refuse_key(t);
    return 0;
}
