/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an upstream says, thrown at a provider. The first byte picks the way in
 * (a stream, of either API where there are two, or a refusal), the second how
 * the rest is cut, or the status of the refusal.
 */
#ifndef FUZZ_PROVIDER_H
#define FUZZ_PROVIDER_H

#include "fuzz.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_json.h"
#include "chat_provider.h"
#include "chat_sse.h"

#define CHAT_PROVIDER(id, name, caps)                                          \
    extern const chat_provider_t chat_provider_##id;
#include "chat_provider_list.h"
#undef CHAT_PROVIDER

typedef struct fuzz_watch_t {
    chat_seen_t seen;
    chat_parse_t parse;
    int over; /* parse has nothing more to say */
    const chat_provider_t *provider;
    chat_upstream_t up;
    apr_pool_t *scratch;
} fuzz_watch_t;

/* The rules of chat_delta.h. */
static inline void fuzz_hear(void *ctx, const chat_delta_t *delta)
{
    fuzz_watch_t *w = ctx;
    chat_json_t *root;
    chat_json_limits_t limits = {1 << 24, 1, 1};
    const char *quoted;

    MUST(!w->over && !w->parse.seen.failed);
    if (delta->kind == CHAT_DELTA_TOOL) {
        MUST(delta->index == w->parse.ncalls - 1 && delta->name);
        MUST(delta->id && *delta->id);
        return;
    }
    MUST(delta->len > 0 && !memchr(delta->text, 0, delta->len));
    quoted = chat_json_quote(
        apr_pstrmemdup(w->scratch, delta->text, delta->len), w->scratch);
    MUST(chat_json_parse(&root, quoted, strlen(quoted), &limits, w->scratch) ==
         APR_SUCCESS);
    if (delta->kind == CHAT_DELTA_ARGUMENTS)
        MUST(delta->index >= 0 && delta->index < w->parse.ncalls);
}

static inline void fuzz_watch_event(void *ctx, const chat_sse_event_t *event)
{
    fuzz_watch_t *w = ctx;
    chat_seen_t before = w->seen;

    if (event->last && !chat_provider_is_whole(event, w->scratch))
        return;

    w->provider->observe_event(&w->seen, event, &w->up, w->scratch);
    w->provider->parse_event(&w->parse, event, &w->up, w->scratch);
    if (w->parse.seen.ended)
        w->over = 1;
    MUST(w->parse.seen.ended || !w->parse.seen.failed);
    apr_pool_clear(w->scratch);
    MUST(w->seen.ended >= before.ended && w->seen.failed >= before.failed);
    MUST(w->seen.ended || !w->seen.failed);
}

/* What may be logged or shown, and nothing else. */
static inline void fuzz_check_word(const char *word)
{
    MUST(strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                      "0123456789_.-") == strlen(word));
    MUST(!strstr(word, "canary"));
}

static inline void fuzz_watch_stream(const chat_provider_t *provider,
                                     int completions, apr_size_t step,
                                     const char *data, apr_size_t len,
                                     apr_pool_t *p)
{
    fuzz_watch_t w = {.seen = {.usage = {-1, -1, -1, -1}, .measure = 1}};
    chat_sse_t *sse = chat_sse_create(fuzz_watch_event, &w, p);
    apr_size_t at;

    w.parse.seen = w.seen;
    w.parse.on_delta = fuzz_hear;
    w.parse.ctx = &w;
    w.parse.kept = p;
    w.provider = provider;
    w.up.key = "canary";
    w.up.completions = completions;
    apr_pool_create(&w.scratch, p);
    for (at = 0; at < len; at += step)
        chat_sse_feed(sse, data + at, len - at < step ? len - at : step);
    chat_sse_finish(sse);
    chat_provider_finish(&w.seen);
    chat_provider_finish(&w.parse.seen);
    fuzz_check_word(w.seen.error);
    fuzz_check_word(w.parse.seen.error);
    MUST(w.seen.deltas >= 0 && w.seen.text <= (apr_int64_t)len);
    MUST(w.seen.usage.input >= -1 && w.seen.usage.output >= -1);
}

/* Words are words, and the sentence has an end and no key. */
static inline void fuzz_check_told(chat_err_t *err, int status,
                                   const char *data, apr_size_t len,
                                   apr_pool_t *p)
{
    chat_refusal_t told;
    const char *c;

    chat_provider_told(&told, status, data, len, "canary", p);
    MUST(strlen(told.code) <= CHAT_REFUSAL_WORD_MAX);
    MUST(strlen(told.text) <= CHAT_REFUSAL_TEXT_MAX);
    MUST(!strstr(told.text, "canary") && !strstr(told.code, "canary"));
    for (c = told.text; *c; c++)
        MUST((unsigned char)*c >= ' ' && *c != 0x7f);
    chat_provider_told_name(err, &told);
    MUST(err->status >= 400 && err->status <= 504);
}

static inline void fuzz_read_refusal(const chat_provider_t *provider,
                                     int status, const char *data,
                                     apr_size_t len, apr_pool_t *p)
{
    chat_err_t err = {0};
    const char *c;

    provider->map_error(&err, status, data, len, p);
    MUST(err.status >= 400 && err.status <= 504);
    fuzz_check_word(err.code);
    MUST(strlen(err.message) < 256);
    for (c = err.message; *c; c++)
        MUST(*c >= ' ' && *c <= '~' && !strchr("<>\"&", *c));
    fuzz_check_told(&err, status, data, len, p);
}

static inline int fuzz_provider(const chat_provider_t *provider,
                                const uint8_t *data, size_t size)
{
    apr_pool_t *p;
    const char *text;

    if (size < 2)
        return 0;
    p = fuzz_pool();
    text = (const char *)data + 2;
    if (data[0] % 3 == 2)
        fuzz_read_refusal(provider, data[1] ? 399 + data[1] : 429, text,
                          size - 2, p);
    else
        fuzz_watch_stream(provider, data[0] % 3, 1 + data[1], text, size - 2,
                          p);
    apr_pool_destroy(p);
    return 0;
}

#endif
