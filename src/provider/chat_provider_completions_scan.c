/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A chunk of Chat Completions, read in passing: a piece of text, the reason to
 * finish, the bill, or nothing, as nearly all chunks are. Every other (a call,
 * a failure, what has an odd type) is put off, for _completions_observe.c and
 * _completions_parse.c to parse. Runs on the stream's driver. Pure.
 */
#include "chat_provider_int.h"

static void scan_delta(chat_scan_t *s, chat_chunk_t *chunk)
{
    const char *name;
    apr_size_t len;

    chunk->deltas++;
    chat_provider_scan_open(s, '{');
    while (chat_provider_scan_member(s, &name, &len)) {
        if (chat_provider_scan_is(name, len, "content"))
            chat_provider_scan_piece(s, &chunk->content);
        else if (chat_provider_scan_is(name, len, "reasoning_content"))
            chat_provider_scan_piece(s, &chunk->thought);
        else if (chat_provider_scan_is(name, len, "reasoning"))
            chat_provider_scan_piece(s, &chunk->other_thought);
        else if (chat_provider_scan_is(name, len, "refusal") ||
                 chat_provider_scan_is(name, len, "tool_calls"))
            chat_provider_scan_only(s, "null");
        else
            chat_provider_scan_skip(s);
    }
}

static void scan_reason(chat_scan_t *s, chat_piece_t *reason)
{
    chat_provider_scan_piece(s, reason);
    if (chat_provider_completions_failure(reason->text, reason->len))
        chat_provider_scan_put_off(s);
}

static void scan_choice(chat_scan_t *s, chat_chunk_t *chunk)
{
    const char *name;
    apr_size_t len;

    chunk->choices++;
    chat_provider_scan_open(s, '{');
    while (chat_provider_scan_member(s, &name, &len)) {
        if (chat_provider_scan_is(name, len, "delta"))
            scan_delta(s, chunk);
        else if (chat_provider_scan_is(name, len, "finish_reason"))
            scan_reason(s, &chunk->reason);
        else if (chat_provider_scan_is(name, len, "index"))
            chat_provider_scan_only(s, "0");
        else if (chat_provider_scan_is(name, len, "message"))
            chat_provider_scan_only(s, "null");
        else
            chat_provider_scan_skip(s);
    }
}

static void scan_choices(chat_scan_t *s, chat_chunk_t *chunk)
{
    chunk->lists++;
    chat_provider_scan_open(s, '[');
    while (chat_provider_scan_item(s))
        scan_choice(s, chunk);
}

/* "type" or "object", which may say that it is an error. */
static void scan_kind(chat_scan_t *s)
{
    chat_piece_t kind;

    chat_provider_scan_piece(s, &kind);
    if (chat_provider_scan_is(kind.text, kind.len, "error"))
        chat_provider_scan_put_off(s);
}

static void scan_chunk(chat_scan_t *s, chat_chunk_t *chunk)
{
    static const char *const here[] = {NULL};
    const char *name;
    apr_size_t len;

    chat_provider_scan_open(s, '{');
    while (chat_provider_scan_member(s, &name, &len)) {
        if (chat_provider_scan_is(name, len, "choices"))
            scan_choices(s, chunk);
        else if (chat_provider_scan_is(name, len, "usage"))
            chat_provider_bill_scan(&chunk->bill, here, s);
        else if (chat_provider_scan_is(name, len, "object") ||
                 chat_provider_scan_is(name, len, "type"))
            scan_kind(s);
        else if (chat_provider_scan_is(name, len, "error"))
            chat_provider_scan_only(s, "null");
        else
            chat_provider_scan_skip(s);
    }
}

/* Of two equal names the last one holds, which for a text or a bill is so by
 * itself; who sends more than one of the others is to be parsed. */
int chat_provider_completions_scan(chat_chunk_t *chunk,
                                   const chat_sse_event_t *event)
{
    static const chat_piece_t none = {NULL, 0};
    chat_scan_t *s = &chunk->scan;

    chunk->content = chunk->thought = chunk->other_thought = none;
    chunk->reason = none;
    chunk->lists = chunk->choices = chunk->deltas = 0;
    chunk->bill.counts = chat_provider_completions_counts;
    chat_provider_bill_clear(&chunk->bill);
    chat_provider_scan_init(s, event->data, event->data_len);
    scan_chunk(s, chunk);
    return chat_provider_scan_done(s) && chunk->lists <= 1 &&
           chunk->choices <= 1 && chunk->deltas <= 1;
}
