/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chunk of Gemini's, read in passing: a piece of text or thought, an end that
 * is no failure, and the bill so far, as nearly all chunks are. Every other (a
 * question that was blocked, several candidates) is put off, for
 * _gemini_observe.c and _gemini_parse.c to parse; the latter also wants no call
 * in it. Runs on the stream's driver. Pure.
 */
#include "chat_provider_int.h"

static void scan_part(chat_scan_t *s, chat_gemini_chunk_t *chunk)
{
    const char *name;
    apr_size_t len;

    chunk->parts++;
    chat_provider_scan_open(s, '{');
    while (chat_provider_scan_member(s, &name, &len)) {
        if (chat_provider_scan_is(name, len, "text"))
            chat_provider_scan_piece(s, &chunk->text);
        else if (chat_provider_scan_is(name, len, "thought")) {
            chunk->thought = chat_provider_scan_peek(s) == 't';
            chat_provider_scan_only(s, chunk->thought ? "true" : "false");
        }
        else {
            chunk->calls += chat_provider_scan_is(name, len, "functionCall");
            chat_provider_scan_skip(s);
        }
    }
}

static void scan_content(chat_scan_t *s, chat_gemini_chunk_t *chunk)
{
    const char *name;
    apr_size_t len;

    chunk->contents++;
    chat_provider_scan_open(s, '{');
    while (chat_provider_scan_member(s, &name, &len)) {
        if (!chat_provider_scan_is(name, len, "parts")) {
            chat_provider_scan_skip(s);
            continue;
        }
        chunk->part_lists++;
        chat_provider_scan_open(s, '[');
        while (chat_provider_scan_item(s))
            scan_part(s, chunk);
    }
}

static void scan_reason(chat_scan_t *s, chat_piece_t *reason)
{
    chat_provider_scan_piece(s, reason);
    if (chat_provider_gemini_failure(reason->text, reason->len))
        chat_provider_scan_put_off(s);
}

static void scan_candidate(chat_scan_t *s, chat_gemini_chunk_t *chunk)
{
    const char *name;
    apr_size_t len;

    chunk->candidates++;
    chat_provider_scan_open(s, '{');
    while (chat_provider_scan_member(s, &name, &len)) {
        if (chat_provider_scan_is(name, len, "content"))
            scan_content(s, chunk);
        else if (chat_provider_scan_is(name, len, "finishReason"))
            scan_reason(s, &chunk->reason);
        else
            chat_provider_scan_skip(s);
    }
}

/* Members that say something else; the others are there for the curious. */
static int matters(const char *name, apr_size_t len)
{
    return chat_provider_scan_is(name, len, "promptFeedback") ||
           chat_provider_scan_is(name, len, "error") ||
           chat_provider_scan_is(name, len, "type") ||
           chat_provider_scan_is(name, len, "object");
}

static void scan_chunk(chat_scan_t *s, chat_gemini_chunk_t *chunk)
{
    static const char *const here[] = {NULL};
    const char *name;
    apr_size_t len;

    chat_provider_scan_open(s, '{');
    while (chat_provider_scan_member(s, &name, &len)) {
        if (chat_provider_scan_is(name, len, "candidates")) {
            chunk->lists++;
            chat_provider_scan_open(s, '[');
            while (chat_provider_scan_item(s))
                scan_candidate(s, chunk);
        }
        else if (chat_provider_scan_is(name, len, "usageMetadata"))
            chat_provider_bill_scan(&chunk->bill, here, s);
        else if (matters(name, len))
            chat_provider_scan_only(s, "null");
        else
            chat_provider_scan_skip(s);
    }
}

/* Of two equal names the last one holds, which for a text or the bill is so by
 * itself; where there are more of the others it is parsed. */
int chat_provider_gemini_scan(chat_gemini_chunk_t *chunk,
                              const chat_sse_event_t *event)
{
    static const chat_piece_t none = {NULL, 0};
    chat_scan_t *s = &chunk->scan;

    chunk->text = chunk->reason = none;
    chunk->thought = 0;
    chunk->lists = chunk->candidates = chunk->contents = 0;
    chunk->part_lists = chunk->parts = chunk->calls = 0;
    chunk->bill.counts = chat_provider_gemini_counts;
    chat_provider_bill_clear(&chunk->bill);
    chat_provider_scan_init(s, event->data, event->data_len);
    scan_chunk(s, chunk);
    return chat_provider_scan_done(s) && chunk->lists <= 1 &&
           chunk->candidates <= 1;
}
