/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers whose bytes pass unchanged, as the taps that look at them have them:
 * the strings of their events, whoever wrote these. What is said in pieces
 * stands at the same place of each event: by the keys that lead to it, and by
 * the numbers that tell one answer, or one part of it, from another.
 */
#include "chat_run_lists.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_request.h"
#include "chat_scratch.h"

static const chat_json_limits_t limits = {CHAT_DIALECT_WHOLE_MAX, 64, 1000000};

typedef struct place_t {
    chat_run_t *run;
    apr_uint32_t hash;
    int free;      /* 1: of the writer's own making: see chat_request.h */
    int repaired;  /* 1: there were halves of characters in its JSON */
    apr_pool_t *p; /* of the event */
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
static int is_arguments(const chat_json_t *object, const char *key)
{
    const char *type = chat_json_string(chat_json_get(object, "type"));

    if (!strcmp(key, "delta"))
        return type && strstr(type, "arguments") != NULL;
    return !strcmp(key, "arguments") || !strcmp(key, "partial_json") ||
           !strcmp(key, "inputTextDelta");
}

/* The text with the half that the one before it in its place has ended with,
 * and without one that it ends with itself. Hardly any has such. */
static const char *join(const place_t *place, int index, const char *text)
{
    apr_hash_t **phalves = &place->run->answer.halves;
    apr_pool_t *pool = place->run->r->pool;
    int *half = *phalves ? apr_hash_get(*phalves, &index, sizeof(index)) : NULL;
    int *key;

    if (!half && !place->repaired)
        return text;
    if (!*phalves)
        *phalves = apr_hash_make(pool);
    if (!half) {
        half = apr_pcalloc(pool, sizeof(*half));
        key = apr_pmemdup(pool, &index, sizeof(index));
        apr_hash_set(*phalves, key, sizeof(*key), half);
    }
    return chat_provider_half_text(half, text, place->p);
}

static void tell(const place_t *place, const chat_json_t *object,
                 const char *key, const char *text)
{
    chat_delta_t delta = {
        .kind =
            is_arguments(object, key) ? CHAT_DELTA_ARGUMENTS : CHAT_DELTA_TEXT,
        .index = (int)(add(place->hash, key) & APR_INT32_MAX),
    };

    if (!place->free && !chat_request_text_is_one(object, key, text))
        return;
    delta.text = join(place, delta.index, text);
    delta.len = strlen(delta.text);
    if (delta.len)
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
        place_t at = *inner;

        at.hash = add(inner->hash, key);
        at.free |= chat_request_text_is_free(object, key);
        if (inner->free)
            tell(inner, NULL, "{}", key);
        if (text)
            tell(inner, object, key, text);
        else
            walk(&at, one);
    }
}

static void walk(const place_t *place, const chat_json_t *v)
{
    place_t inner = *place;
    int i;

    inner.hash = add_numbers(place->hash, v);
    if (chat_json_kind(v) == CHAT_JSON_OBJECT)
        walk_object(&inner, v);
    for (i = 0; i < chat_json_length(v); i++) {
        const chat_json_t *one = chat_json_at(v, i);
        const char *text = chat_json_string(one);

        if (text)
            tell(&inner, NULL, "[]", text);
        else
            walk(&inner, one);
    }
}

/* Clients read halves of characters, and U+0000, which is seen by nobody. */
static chat_json_t *read_json(place_t *top, const char *json, apr_size_t len)
{
    chat_json_t *v;

    if (chat_json_parse(&v, json, len, &limits, top->p) == APR_SUCCESS)
        return v;
    json = chat_provider_half_repair(json, len, "\\u0001", &len, top->p);
    if (!json || chat_json_parse(&v, json, len, &limits, top->p) != APR_SUCCESS)
        return NULL;
    top->repaired = 1;
    return v;
}

void chat_run_lists_wire(chat_run_t *run, const char *json, apr_size_t len)
{
    place_t top = {.run = run, .hash = 2166136261u};
    const chat_json_t *v;

    top.p = chat_scratch_pool(run->r->pool);
    v = read_json(&top, json, len);
    if (v)
        walk(&top, v);
    else if (len)
        tell_raw(run, json, len);
    apr_pool_destroy(top.p);
}
