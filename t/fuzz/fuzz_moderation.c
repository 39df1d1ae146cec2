/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of words and patterns, whatever is in them, and texts that come in
 * pieces: how a text is cut changes nothing, what nothing is found in goes on
 * unchanged, and what is taken out as invisible is gone. */
#include "fuzz.h"

#include <string.h>

#include "../../src/moderation/chat_moderation_int.h"
#include "chat_buf.h"

/* A pattern holds 2,000 bytes, and looks back at 256, of a text in pieces. */
#define PATTERN_TEXT 200

typedef struct heard_t {
    chat_buf_t out;
    chat_moderation_e action;
    int hits, errors, stopped;
} heard_t;

static void pass(void *ctx, const char *text, apr_size_t len)
{
    heard_t *heard = ctx;

    MUST(!heard->stopped);
    chat_buf_put(&heard->out, text, len);
}

static chat_moderation_e hit(void *ctx, const chat_moderation_hit_t *found)
{
    heard_t *heard = ctx;

    MUST(found->list == 0 && found->line > 0);
    if (found->error) {
        heard->errors++;
        return CHAT_MODERATION_PASS;
    }
    heard->hits++;
    heard->stopped = heard->action == CHAT_MODERATION_BLOCK;
    return heard->action;
}

static const chat_moderation_sink_t sink = {pass, hit};

/* Whole characters. */
static size_t next_piece(const char *text, size_t len, size_t want)
{
    if (want >= len)
        return len;
    while (want < len && (text[want] & 0xc0) == 0x80)
        want++;
    return want;
}

static void hear(heard_t *heard, const chat_moderation_list_t *list,
                 unsigned flags, const char *text, size_t len, size_t piece,
                 apr_pool_t *p)
{
    chat_moderation_watch_t *watch =
        chat_moderation_watch_create(&list, 1, flags, &sink, heard, p);
    size_t n;

    chat_buf_init(&heard->out, p);
    for (; len && !heard->stopped; text += n, len -= n) {
        n = next_piece(text, len, piece ? piece : len);
        chat_moderation_watch_feed(watch, text, n);
    }
    if (heard->stopped)
        return;
    chat_moderation_watch_end(watch);
    MUST(heard->stopped || !chat_moderation_watch_holds(watch));
}

static int is_same(const heard_t *a, const heard_t *b)
{
    return a->out.len == b->out.len && a->stopped == b->stopped &&
           (a->out.len == 0 ||
            memcmp(a->out.data, b->out.data, a->out.len) == 0);
}

static void watch(const chat_moderation_list_t *list, const uint8_t *head,
                  const char *text, size_t len, apr_pool_t *p)
{
    static const chat_moderation_e actions[] = {
        CHAT_MODERATION_PASS, CHAT_MODERATION_FLAG, CHAT_MODERATION_REPLACE,
        CHAT_MODERATION_BLOCK};
    unsigned flags = (head[1] & 1 ? CHAT_MODERATION_JSON : 0) |
                     (head[1] & 2 ? CHAT_MODERATION_WHOLE : 0);
    heard_t *whole = apr_pcalloc(p, sizeof(*whole));
    heard_t *cut = apr_pcalloc(p, sizeof(*cut));

    whole->action = cut->action = actions[head[1] >> 2 & 3];
    hear(whole, list, flags, text, len, 0, p);
    hear(cut, list, flags, text, len, 1 + (head[1] >> 4), p);
    if (whole->action <= CHAT_MODERATION_FLAG || !whole->hits)
        MUST(whole->out.len == len &&
             (!len || memcmp(whole->out.data, text, len) == 0));
    if (whole->stopped)
        MUST(whole->out.len < len &&
             (!whole->out.len ||
              memcmp(whole->out.data, text, whole->out.len) == 0));
    if (!whole->errors && !cut->errors && !whole->stopped &&
        (list->options.match != CHAT_MODERATION_REGEX || len < PATTERN_TEXT))
        MUST(is_same(whole, cut));
}

static void strip(const char *text, size_t len, apr_pool_t *p)
{
    chat_moderation_invisible_t before, after;
    const char *left = chat_moderation_visible(text, len, p);

    chat_moderation_invisible(&before, text, len);
    chat_moderation_invisible(&after, left, strlen(left));
    MUST(after.invisible == 0 && !after.hides);
    MUST(after.characters + before.invisible == before.characters);
    chat_moderation_plain(text, len, p);
}

/* Two bytes of options, a list, a NUL, a text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *end = size > 2 ? memchr(data + 2, '\0', size - 2) : NULL;
    const chat_moderation_options_t options = {
        .match = size ? *data % 3 : 0,
        .marks = size && (*data & 4),
        .lookalikes = size && (*data & 8),
    };
    chat_moderation_list_t *list;
    const char *why, *text;
    apr_pool_t *p;
    size_t len;

    if (!end)
        return 0;
    p = fuzz_pool();
    text = (const char *)end + 1;
    len = size - (text - (const char *)data);
    why = chat_moderation_compile(&list, (const char *)data + 2, end - data - 2,
                                  &options, p);
    MUST(!why || *why == ':');
    if (chat_moderation_text_valid(text, len) && !memchr(text, '\0', len)) {
        strip(text, len, p);
        if (!why)
            watch(list, data, text, len, p);
    }
    apr_pool_destroy(p);
    return 0;
}
