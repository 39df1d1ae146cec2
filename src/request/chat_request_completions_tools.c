/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tools of a Chat Completions request, which of them must be called, and
 * the form of the answer. Pure, any thread.
 */
#include <string.h>

#include <apr_strings.h>

#include "chat_request_completions_int.h"

#define ONLY_FUNCTIONS "Only tools of the type 'function' are."

/* An object with a type of that list. */
static apr_status_t take_type(chat_request_completions_t *c, int *ptype,
                              const chat_json_t *v, const char *const *types,
                              const char *supported, const char *param)
{
    apr_status_t rv =
        chat_request_completions_is(c, v, CHAT_JSON_OBJECT, "an object", param);

    return rv != APR_SUCCESS
               ? rv
               : chat_request_completions_word(
                     c, ptype, chat_json_get(v, "type"), types, supported,
                     chat_request_completions_at(c, param, "type"));
}

/* An optional JSON schema. */
static apr_status_t take_schema(chat_request_completions_t *c,
                                chat_json_t **pschema, chat_json_t *v,
                                const char *param)
{
    if (!chat_request_completions_has(v))
        return APR_SUCCESS;
    *pschema = v;
    return chat_request_completions_is(c, v, CHAT_JSON_OBJECT, "an object",
                                       param);
}

/* ---- tools ---- */

static apr_status_t take_function(chat_request_completions_t *c,
                                  chat_tool_t *tool, const chat_json_t *v,
                                  const char *param)
{
    apr_status_t rv;

    tool->strict = -1;
    if ((rv = chat_request_completions_is(c, v, CHAT_JSON_OBJECT, "an object",
                                          param)) != APR_SUCCESS ||
        (rv = chat_request_completions_name(
             c, &tool->name, chat_json_get(v, "name"),
             chat_request_completions_at(c, param, "name"))) != APR_SUCCESS ||
        (rv = chat_request_completions_optional(
             c, &tool->description, chat_json_get(v, "description"),
             chat_request_completions_at(c, param, "description"))) !=
            APR_SUCCESS ||
        (rv = take_schema(c, &tool->parameters, chat_json_get(v, "parameters"),
                          chat_request_completions_at(
                              c, param, "parameters"))) != APR_SUCCESS)
        return rv;
    return chat_request_completions_boolean(
        c, &tool->strict, chat_json_get(v, "strict"),
        chat_request_completions_at(c, param, "strict"));
}

static apr_status_t take_tool(chat_request_completions_t *c, chat_tool_t *tool,
                              const chat_json_t *v, const char *param)
{
    static const char *const types[] = {"function", "custom", NULL};
    apr_status_t rv;
    chat_json_t *cache = chat_json_get(v, "cache_control");
    int type = 0;

    if ((rv = take_type(c, &type, v, types, "'function'", param)) !=
        APR_SUCCESS)
        return rv;
    if (type)
        return chat_request_completions_unsupported(
            c, chat_request_completions_at(c, param, "type"), ONLY_FUNCTIONS);
    if (chat_json_kind(cache) != CHAT_JSON_OBJECT)
        cache = chat_json_path(v, "function", "cache_control", NULL);
    if (chat_json_kind(cache) == CHAT_JSON_OBJECT)
        tool->cache_control = cache;
    return take_function(c, tool, chat_json_get(v, "function"),
                         chat_request_completions_at(c, param, "function"));
}

static const chat_tool_t *find_tool(const chat_tool_t *tools, int n,
                                    const char *name)
{
    int i;

    for (i = 0; i < n; i++)
        if (strcmp(tools[i].name, name) == 0)
            return &tools[i];
    return NULL;
}

apr_status_t chat_request_completions_tools(chat_request_completions_t *c,
                                            chat_json_t *v, const char *param)
{
    apr_status_t rv = chat_request_completions_array(
        c, v, 0, CHAT_REQUEST_TOOLS_MAX, "objects", param);
    int i, n = chat_json_length(v);
    chat_tool_t *tools;

    if (rv != APR_SUCCESS)
        return rv;
    tools = apr_pcalloc(c->p, n * sizeof(*tools));
    for (i = 0; i < n; i++) {
        const char *at = chat_request_completions_index(c, param, i);

        rv = take_tool(c, &tools[i], chat_json_at(v, i), at);
        if (rv != APR_SUCCESS)
            return rv;
        if (find_tool(tools, i, tools[i].name))
            return chat_request_completions_refuse(
                c, "invalid_value", at,
                "Invalid '%s': a tool before this one has the same name.", at);
    }
    c->turn->tools = tools;
    c->turn->ntools = n;
    return APR_SUCCESS;
}

/* ---- which of them ---- */

static apr_status_t take_choice_object(chat_request_completions_t *c,
                                       const chat_json_t *v, const char *param)
{
    static const char *const types[] = {"function", "custom", "allowed_tools",
                                        NULL};
    const char *at = chat_request_completions_at(c, param, "function");
    const chat_json_t *function = chat_json_get(v, "function");
    apr_status_t rv;
    int type = 0;

    if ((rv = take_type(c, &type, v, types, "'function'", param)) !=
        APR_SUCCESS)
        return rv;
    if (type)
        return chat_request_completions_unsupported(
            c, chat_request_completions_at(c, param, "type"), ONLY_FUNCTIONS);
    if ((rv = chat_request_completions_is(c, function, CHAT_JSON_OBJECT,
                                          "an object", at)) != APR_SUCCESS)
        return rv;
    c->turn->choice = CHAT_CHOICE_TOOL;
    return chat_request_completions_name(
        c, &c->turn->choice_name, chat_json_get(function, "name"),
        chat_request_completions_at(c, at, "name"));
}

apr_status_t chat_request_completions_choice(chat_request_completions_t *c,
                                             chat_json_t *v, const char *param)
{
    static const char *const words[] = {"auto", "none", "required", NULL};
    apr_status_t rv;
    int choice = 0;

    if (chat_json_kind(v) == CHAT_JSON_OBJECT)
        return take_choice_object(c, v, param);
    if (chat_json_kind(v) != CHAT_JSON_STRING)
        return chat_request_completions_mistyped(
            c, v, "one of a string or object", param);
    rv = chat_request_completions_word(c, &choice, v, words,
                                       "'none', 'auto', and 'required'", param);
    c->turn->choice = CHAT_CHOICE_AUTO + choice;
    return rv;
}

/* Without tools there is nothing to choose: what does not matter then is left
 * out, as some providers refuse it. */
apr_status_t chat_request_completions_possible(chat_request_completions_t *c)
{
    chat_turn_t *turn = c->turn;

    if (turn->ntools == 0) {
        if (turn->choice == CHAT_CHOICE_REQUIRED ||
            turn->choice == CHAT_CHOICE_TOOL)
            return chat_request_completions_refuse(
                c, "invalid_value", "tool_choice",
                "Invalid value for 'tool_choice': 'tool_choice' is only "
                "allowed when 'tools' are specified.");
        turn->choice = CHAT_CHOICE_UNSAID;
        turn->parallel = -1;
    }
    if (turn->choice == CHAT_CHOICE_TOOL &&
        !find_tool(turn->tools, turn->ntools, turn->choice_name))
        return chat_request_completions_refuse(
            c, "invalid_value", "tool_choice",
            "Invalid value for 'tool_choice': no tool of that name is in "
            "'tools'.");
    return APR_SUCCESS;
}

/* ---- the form of the answer ---- */

static apr_status_t take_json_schema(chat_request_completions_t *c,
                                     const chat_json_t *v, const char *param)
{
    const char *at = chat_request_completions_at(c, param, "schema");
    apr_status_t rv;

    if ((rv = chat_request_completions_is(c, v, CHAT_JSON_OBJECT, "an object",
                                          param)) != APR_SUCCESS ||
        (rv = chat_request_completions_name(
             c, &c->turn->schema_name, chat_json_get(v, "name"),
             chat_request_completions_at(c, param, "name"))) != APR_SUCCESS ||
        (rv = chat_request_completions_is(c, chat_json_get(v, "schema"),
                                          CHAT_JSON_OBJECT, "an object", at)) !=
            APR_SUCCESS)
        return rv;
    c->turn->schema = chat_json_get(v, "schema");
    return chat_request_completions_boolean(
        c, &c->turn->schema_strict, chat_json_get(v, "strict"),
        chat_request_completions_at(c, param, "strict"));
}

apr_status_t chat_request_completions_format(chat_request_completions_t *c,
                                             chat_json_t *v, const char *param)
{
    static const char *const types[] = {"text", "json_object", "json_schema",
                                        NULL};
    apr_status_t rv;
    int type = 0;

    if ((rv = take_type(c, &type, v, types,
                        "'json_object', 'json_schema', and 'text'", param)) !=
        APR_SUCCESS)
        return rv;
    c->turn->json = type == 1;
    return type == 2 ? take_json_schema(
                           c, chat_json_get(v, "json_schema"),
                           chat_request_completions_at(c, param, "json_schema"))
                     : APR_SUCCESS;
}
