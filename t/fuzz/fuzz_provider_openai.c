/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an upstream says, thrown at the openai provider. The first byte picks
 * the way in (a stream of either API, or a refusal), the second how the rest
 * is cut, or the status of the refusal.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_pools.h>

#include "chat_provider.h"
#include "chat_sse.h"

typedef struct watch_t {
    chat_seen_t seen;
    chat_upstream_t up;
    apr_pool_t *scratch;
} watch_t;

static void must(int fact)
{
    if (!fact)
        abort();
}

static void watch_event(void *ctx, const chat_sse_event_t *event)
{
    watch_t *w = ctx;
    chat_seen_t before = w->seen;

    chat_provider_get(0)->observe(&w->seen, event, &w->up, w->scratch);
    apr_pool_clear(w->scratch);
    must(w->seen.ended >= before.ended && w->seen.failed >= before.failed);
    must(w->seen.ended || !w->seen.failed);
}

/* What may be logged or shown, and nothing else. */
static void check_word(const char *word)
{
    must(strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                      "0123456789_.-") == strlen(word));
    must(!strstr(word, "canary"));
}

static void watch_stream(int completions, apr_size_t step, const char *data,
                         apr_size_t len, apr_pool_t *p)
{
    watch_t w = {.seen.usage = {-1, -1}};
    chat_sse_t *sse = chat_sse_create(watch_event, &w, p);
    apr_size_t at;

    w.up.key = "canary";
    w.up.completions = completions;
    apr_pool_create(&w.scratch, p);
    for (at = 0; at < len; at += step)
        chat_sse_feed(sse, data + at, len - at < step ? len - at : step);
    check_word(w.seen.error);
    must(w.seen.usage.input >= -1 && w.seen.usage.output >= -1);
}

static void read_refusal(int status, const char *data, apr_size_t len,
                         apr_pool_t *p)
{
    chat_err_t err = {0};
    const char *c;

    chat_provider_get(0)->refused(&err, status, data, len, p);
    must(err.status >= 400 && err.status <= 504);
    check_word(err.code);
    must(strlen(err.message) < 256);
    for (c = err.message; *c; c++)
        must(*c >= ' ' && *c <= '~' && !strchr("<>\"&", *c));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static apr_pool_t *root;
    apr_pool_t *p;
    const char *text;

    if (size < 2)
        return 0;
    if (!root) {
        apr_initialize();
        apr_pool_create(&root, NULL);
    }
    apr_pool_create(&p, root);
    text = (const char *)data + 2;
    if (data[0] % 3 == 2)
        read_refusal(data[1] ? 399 + data[1] : 429, text, size - 2, p);
    else
        watch_stream(data[0] % 3, 1 + data[1], text, size - 2, p);
    apr_pool_destroy(p);
    return 0;
}
