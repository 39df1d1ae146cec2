/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers whose bytes pass unchanged, as the taps that look at them have them:
 * the strings of their events, whoever wrote these. What is said in pieces
 * stands at the same place of each event: by the keys that lead to it, and by
 * the numbers that tell one answer, or one part of it, from another.
 */
#include "chat_run_lists.h"

#include <string.h>

#include "chat_run_texts.h"
#include "chat_scratch.h"

static const chat_json_limits_t limits = {CHAT_DIALECT_WHOLE_MAX, 64, 1000000};

typedef struct place_t {
    chat_run_t *run;
    apr_uint32_t hash;
    int free; /* 1: of the writer's own making: see chat_run_texts.h */
} place_t;

static apr_uint32_t add(apr_uint32_t hash, const char *text)
{
    while (*text)
        hash = (hash ^ (unsigned char)*text++) * 16777619u;
    return (hash ^ '/') * 16777619u;
}

/* The numbers by which parts are told apart. */
static apr_uint32_t add_numbers(apr_uint32_t hash, const chat_json_t *object)
{
    static const char *const names[] = {"index", "output_index",
                                        "content_index", "summary_index"};
    apr_size_t i;

    for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
        apr_int64_t n = chat_json_integer(chat_json_get(object, names[i]), -1);

        hash = (hash ^ (apr_uint32_t)(n + 1)) * 16777619u;
    }
    return hash;
}

/* Arguments of a call are JSON themselves. */
static int is_arguments(const char *key)
{
    return !strcmp(key, "arguments") || !strcmp(key, "partial_json") ||
           !strcmp(key, "inputTextDelta");
}

static void tell(const place_t *place, const char *key, const char *text)
{
    const chat_delta_t delta = {
        .kind = is_arguments(key) ? CHAT_DELTA_ARGUMENTS : CHAT_DELTA_TEXT,
        .text = text,
        .len = strlen(text),
        .index = (int)(add(place->hash, key) & APR_INT32_MAX),
    };

    if (delta.len && (place->free || chat_run_texts_is_one(key, text)))
        chat_run_tap_filter(place->run, &delta);
}

/* What cannot be read may be shown all the same. */
static void tell_raw(chat_run_t *run, const char *text, apr_size_t len)
{
    const chat_delta_t delta = {
        .kind = CHAT_DELTA_ARGUMENTS,
        .text = text,
        .len = len,
    };

    chat_run_tap_filter(run, &delta);
}

static void walk(const place_t *place, const chat_json_t *v);

static void walk_object(const place_t *inner, const chat_json_t *object)
{
    const char *key = NULL;

    while ((key = chat_json_next(object, key))) {
        const chat_json_t *one = chat_json_get(object, key);
        const char *text = chat_json_string(one);
        const place_t at = {inner->run, add(inner->hash, key),
                            inner->free || chat_run_texts_is_free(object, key)};

        if (inner->free)
            tell(inner, "{}", key);
        if (text)
            tell(inner, key, text);
        else
            walk(&at, one);
    }
}

static void walk(const place_t *place, const chat_json_t *v)
{
    const place_t inner = {place->run, add_numbers(place->hash, v),
                           place->free};
    int i;

    if (chat_json_kind(v) == CHAT_JSON_OBJECT)
        walk_object(&inner, v);
    for (i = 0; i < chat_json_length(v); i++) {
        const chat_json_t *one = chat_json_at(v, i);
        const char *text = chat_json_string(one);

        if (text)
            tell(&inner, "[]", text);
        else
            walk(&inner, one);
    }
}

void chat_run_lists_wire(chat_run_t *run, const char *json, apr_size_t len)
{
    const place_t top = {run, 2166136261u, 0};
    apr_pool_t *p = chat_scratch_pool(run->r->pool);
    chat_json_t *v;

    if (chat_json_parse(&v, json, len, &limits, p) == APR_SUCCESS)
        walk(&top, v);
    else if (len)
        tell_raw(run, json, len);
    apr_pool_destroy(p);
}
