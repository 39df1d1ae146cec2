/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anthropic: a JSON schema in the subset that its structured answers take.
 * Every object says that it is closed, and what is not in the subset (bounds,
 * patterns, defaults) goes into the description, as Anthropic's own libraries
 * do it: what is answered then still fits the shape, and most likely the rest.
 * Pure, any thread.
 */
#include "chat_provider_anthropic_int.h"

#include <string.h>

#include <apr_strings.h>

static int is_one_of(const char *key, const char *const *names)
{
    for (; *names; names++) {
        if (strcmp(key, *names) == 0)
            return 1;
    }
    return 0;
}

static chat_json_t *translate_members(const chat_json_t *members, apr_pool_t *p)
{
    chat_json_t *object = chat_json_object(p);
    const char *key;

    for (key = chat_json_next(members, NULL); key;
         key = chat_json_next(members, key))
        chat_json_add(
            object, key,
            chat_provider_anthropic_schema(chat_json_get(members, key), p));
    return object;
}

static chat_json_t *translate_items(const chat_json_t *items, apr_pool_t *p)
{
    chat_json_t *array = chat_json_array(p);
    int i;

    for (i = 0; i < chat_json_length(items); i++)
        chat_json_push(
            array, chat_provider_anthropic_schema(chat_json_at(items, i), p));
    return array;
}

/* Those that stand for themselves. */
static int is_plain(const char *key, const chat_json_t *v)
{
    static const char *const keys[] = {
        "type", "enum", "const", "required", "description", "title", NULL};
    static const char *const formats[] = {
        "date-time", "time", "date", "duration", "email", "hostname",
        "uri",       "ipv4", "ipv6", "uuid",     NULL};
    const char *text = chat_json_string(v);
    apr_int64_t number = chat_json_integer(v, -1);

    if (strcmp(key, "format") == 0)
        return text && is_one_of(text, formats);
    if (strcmp(key, "minItems") == 0)
        return number == 0 || number == 1;
    return is_one_of(key, keys);
}

/* One keyword, into the schema or among the rest. */
static void translate_word(chat_json_t *into, chat_json_t *rest,
                           const char *key, chat_json_t *v, apr_pool_t *p)
{
    static const char *const maps[] = {"properties", "$defs", "definitions",
                                       NULL};
    static const char *const lists[] = {"anyOf", "oneOf", "allOf", NULL};
    static const char *const dropped[] = {"$schema", "additionalProperties",
                                          NULL};

    if (is_one_of(key, maps))
        chat_json_add(into, key, translate_members(v, p));
    else if (is_one_of(key, lists))
        chat_json_add(into, strcmp(key, "oneOf") ? key : "anyOf",
                      translate_items(v, p));
    else if (strcmp(key, "items") == 0 && chat_json_kind(v) == CHAT_JSON_OBJECT)
        chat_json_add(into, key, chat_provider_anthropic_schema(v, p));
    else if (is_plain(key, v))
        chat_json_add(into, key, v);
    else if (!is_one_of(key, dropped))
        chat_json_add(rest, key, v);
}

static int is_object(const chat_json_t *schema)
{
    const chat_json_t *type = chat_json_get(schema, "type");
    const char *text = chat_json_string(type);
    int i, found = text && strcmp(text, "object") == 0;

    for (i = 0; !found && i < chat_json_length(type); i++) {
        text = chat_json_string(chat_json_at(type, i));
        found = text && strcmp(text, "object") == 0;
    }
    return found || chat_json_get(schema, "properties");
}

/* Beside a reference nothing may stand but what it refers to. */
static chat_json_t *translate_reference(const chat_json_t *schema,
                                        apr_pool_t *p)
{
    static const char *const maps[] = {"$defs", "definitions"};
    chat_json_t *into = chat_json_object(p);
    int i;

    chat_json_add(into, "$ref", chat_json_get(schema, "$ref"));
    for (i = 0; i < 2; i++) {
        if (chat_json_get(schema, maps[i]))
            chat_json_add(into, maps[i],
                          translate_members(chat_json_get(schema, maps[i]), p));
    }
    return into;
}

static void describe(chat_json_t *into, chat_json_t *rest, apr_pool_t *p)
{
    const char *said = chat_json_string(chat_json_get(into, "description"));
    const char *text = chat_json_text(rest, NULL, p);

    if (!text) /* then the call has none either */
        chat_json_add(into, "description", rest);
    else if (chat_json_next(rest, NULL))
        chat_json_add_string(
            into, "description",
            apr_pstrcat(p, said ? said : "", said ? "\n\n" : "", text, NULL));
}

/* No deeper than the text it came in was let be. */
chat_json_t *chat_provider_anthropic_schema(chat_json_t *schema, apr_pool_t *p)
{
    chat_json_t *into, *rest;
    const char *key;

    if (chat_json_kind(schema) != CHAT_JSON_OBJECT)
        return schema;
    if (chat_json_get(schema, "$ref"))
        return translate_reference(schema, p);
    into = chat_json_object(p);
    rest = chat_json_object(p);
    for (key = chat_json_next(schema, NULL); key;
         key = chat_json_next(schema, key))
        translate_word(into, rest, key, chat_json_get(schema, key), p);
    if (is_object(schema))
        chat_json_add_boolean(into, "additionalProperties", 0);
    describe(into, rest, p);
    return into;
}
