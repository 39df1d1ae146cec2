/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads what tools and which JSON a request to the mock route is about, in the
 * words of both of OpenAI's APIs, and makes up values for a schema. Request
 * thread.
 */
#include "chat_mock_request.h"

#include <string.h>

#include <apr_strings.h>

/* Objects and arrays of an example, one in another. */
#define DEEPEST 32

static int is(const chat_json_t *v, const char *text)
{
    const char *said = chat_json_string(v);

    return said && !strcmp(said, text);
}

/* Values for a schema ------------------------------------------------- */

static chat_json_t *text_of(const char *text, apr_pool_t *p)
{
    chat_json_t *box = chat_json_array(p);

    chat_json_push_string(box, text);
    return chat_json_at(box, 0);
}

static chat_json_t *number(const chat_json_t *schema, apr_pool_t *p)
{
    chat_json_t *least = chat_json_get(schema, "minimum");
    chat_json_t *box = chat_json_array(p);

    if (chat_json_kind(least) == CHAT_JSON_NUMBER)
        return least;
    chat_json_push_integer(box, 1);
    return chat_json_at(box, 0);
}

static chat_json_t *truth(apr_pool_t *p)
{
    chat_json_t *box = chat_json_object(p);

    chat_json_add_boolean(box, "yes", 1);
    return chat_json_get(box, "yes");
}

static chat_json_t *example(const chat_json_t *schema, int depth,
                            apr_pool_t *p);

static chat_json_t *object(const chat_json_t *schema, int depth, apr_pool_t *p)
{
    const chat_json_t *properties = chat_json_get(schema, "properties");
    chat_json_t *made = chat_json_object(p);
    const char *key = NULL;

    while ((key = chat_json_next(properties, key)))
        chat_json_add(made, key,
                      example(chat_json_get(properties, key), depth + 1, p));
    return made;
}

static chat_json_t *array(const chat_json_t *schema, int depth, apr_pool_t *p)
{
    const chat_json_t *items = chat_json_get(schema, "items");
    chat_json_t *made = chat_json_array(p);

    if (items)
        chat_json_push(made, example(items, depth + 1, p));
    return made;
}

/* The first of several ways to be right. */
static const chat_json_t *first_way(const chat_json_t *schema)
{
    const chat_json_t *ways = chat_json_get(schema, "anyOf");

    if (!ways)
        ways = chat_json_get(schema, "oneOf");
    return chat_json_at(ways, 0);
}

static chat_json_t *of_type(const char *type, const chat_json_t *schema,
                            int depth, apr_pool_t *p)
{
    if (type && !strcmp(type, "string"))
        return text_of("mock", p);
    if (type && (!strcmp(type, "integer") || !strcmp(type, "number")))
        return number(schema, p);
    if (type && !strcmp(type, "boolean"))
        return truth(p);
    if (type && !strcmp(type, "array"))
        return array(schema, depth, p);
    if (type && !strcmp(type, "null"))
        return chat_json_null();
    return object(schema, depth, p);
}

static chat_json_t *example(const chat_json_t *schema, int depth, apr_pool_t *p)
{
    chat_json_t *type = chat_json_get(schema, "type");
    chat_json_t *given = chat_json_get(schema, "const");

    if (!given)
        given = chat_json_at(chat_json_get(schema, "enum"), 0);
    if (given)
        return given;
    if (depth > DEEPEST)
        return chat_json_null();
    if (first_way(schema))
        return example(first_way(schema), depth + 1, p);
    if (chat_json_kind(type) == CHAT_JSON_ARRAY)
        type = chat_json_at(type, 0);
    return of_type(chat_json_string(type), schema, depth, p);
}

/* Tools --------------------------------------------------------------- */

/* Chat Completions have them one deeper. */
static const chat_json_t *inside(const chat_json_t *tool)
{
    const chat_json_t *function = chat_json_get(tool, "function");

    return function ? function : tool;
}

static const char *name_of(const chat_json_t *tool)
{
    const char *name = chat_json_string(chat_json_get(inside(tool), "name"));

    return name && *name && strlen(name) <= 64 ? name : NULL;
}

/* Does that text, or one of those parts, have the word in it? */
static int mentions(const chat_json_t *content, const char *word)
{
    const char *text = chat_json_string(content);
    int i;

    if (text)
        return strstr(text, word) != NULL;
    for (i = 0; i < chat_json_length(content); i++) {
        text =
            chat_json_string(chat_json_get(chat_json_at(content, i), "text"));
        if (text && strstr(text, word))
            return 1;
    }
    return 0;
}

static const chat_json_t *last_message(const chat_json_t *messages)
{
    int n = chat_json_length(messages);

    return n ? chat_json_at(messages, n - 1) : messages;
}

static const chat_json_t *content_of(const chat_json_t *message)
{
    return chat_json_string(message) ? message
                                     : chat_json_get(message, "content");
}

/* Is this the tool that the request has in mind? */
static int is_wanted(const chat_json_t *tool, const chat_json_t *choice,
                     const chat_json_t *last)
{
    const char *name = name_of(tool);

    if (!name || is(choice, "none"))
        return 0;
    if (chat_json_kind(choice) == CHAT_JSON_OBJECT)
        return is(chat_json_get(inside(choice), "name"), name);
    return is(choice, "required") || mentions(content_of(last), name);
}

static const chat_json_t *wanted_tool(const chat_json_t *body,
                                      const chat_json_t *last)
{
    const chat_json_t *tools = chat_json_get(body, "tools");
    const chat_json_t *choice = chat_json_get(body, "tool_choice");
    int i;

    if (is(chat_json_get(last, "role"), "tool") ||
        is(chat_json_get(last, "type"), "function_call_output"))
        return NULL;
    for (i = 0; i < chat_json_length(tools); i++) {
        if (is_wanted(chat_json_at(tools, i), choice, last))
            return chat_json_at(tools, i);
    }
    return NULL;
}

/* JSON ---------------------------------------------------------------- */

static const char *json_answer(const chat_json_t *body, apr_pool_t *p)
{
    const chat_json_t *format = chat_json_path(body, "text", "format", NULL);
    const chat_json_t *schema;
    chat_json_t *answer;

    if (!format)
        format = chat_json_get(body, "response_format");
    if (is(chat_json_get(format, "type"), "json_object")) {
        answer = chat_json_object(p);
        chat_json_add_string(answer, "answer", "Hello, I am a mock.");
        return chat_json_text(answer, NULL, p);
    }
    if (!is(chat_json_get(format, "type"), "json_schema"))
        return NULL;
    schema = chat_json_path(format, "json_schema", "schema", NULL);
    if (!schema)
        schema = chat_json_get(format, "schema");
    return chat_json_text(example(schema, 0, p), NULL, p);
}

/* The last message, where it is the user's. */
static const char *said(const chat_json_t *messages)
{
    const chat_json_t *last = last_message(messages);
    const chat_json_t *content = content_of(last);
    const char *text = chat_json_string(content);
    int i;

    if (!chat_json_string(last) && !is(chat_json_get(last, "role"), "user"))
        return NULL;
    for (i = 0; !text && i < chat_json_length(content); i++)
        text =
            chat_json_string(chat_json_get(chat_json_at(content, i), "text"));
    return text;
}

void chat_mock_request_read(chat_mock_request_t *asked, const chat_json_t *body,
                            const chat_json_t *messages, apr_pool_t *p)
{
    const chat_json_t *tool = wanted_tool(body, last_message(messages));

    asked->call = tool ? apr_pstrdup(p, name_of(tool)) : NULL;
    asked->json =
        tool ? chat_json_text(
                   example(chat_json_get(inside(tool), "parameters"), 0, p),
                   NULL, p)
             : json_answer(body, p);
    asked->said = asked->json ? NULL : said(messages);
}
