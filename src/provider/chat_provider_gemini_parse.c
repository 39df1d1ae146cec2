/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Gemini stream, taken apart: the parts of the first candidate become
 * deltas. A chunk with a piece of text and the bill so far, as nearly all are,
 * is read in passing; every other is parsed. Parts that are neither text nor
 * thought nor a call (images, code that Google ran, signatures) are passed
 * over; ends, errors and counts are seen as in _gemini_observe.c. Runs on the
 * stream's driver. Pure.
 */
#include "chat_provider_int.h"

#include <string.h>

/* ---- a piece of text, in passing ---- */

/* What was found. Of two equal names the last one holds, which for a text or a
 * count is so by itself; where there are more of the others it is parsed. */
typedef struct plain_t {
    const char *text;
    apr_size_t len;
    int thought;
    int lists, candidates, contents, part_lists, parts, bills;
    chat_gemini_bill_t bill;
} plain_t;

/* The first byte of the value that comes, NUL at the end. */
static char look_ahead(chat_scan_t *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t'))
        s->at++;
    return s->at < s->end ? *s->at : '\0';
}

/* Anything but a usual count of tokens is put off. */
static void scan_count(chat_scan_t *s, apr_int64_t *pcount)
{
    char first = look_ahead(s);
    const char *digit = s->at;
    apr_int64_t count = 0;

    chat_provider_scan_skip(s);
    if (first < '0' || first > '9' || s->at - digit > 9)
        s->off = 1;
    for (; !s->off && digit < s->at; digit++)
        count = count * 10 + (*digit - '0');
    *pcount = count;
}

static void scan_bill(chat_scan_t *s, plain_t *plain)
{
    chat_gemini_bill_t *bill = &plain->bill;
    const char *name;
    apr_size_t len;

    plain->bills++;
    chat_provider_scan_open(s, '{');
    while (chat_provider_scan_member(s, &name, &len)) {
        if (chat_provider_scan_is(name, len, "promptTokenCount"))
            scan_count(s, &bill->prompt);
        else if (chat_provider_scan_is(name, len, "cachedContentTokenCount"))
            scan_count(s, &bill->cached);
        else if (chat_provider_scan_is(name, len, "candidatesTokenCount"))
            scan_count(s, &bill->answer);
        else if (chat_provider_scan_is(name, len, "thoughtsTokenCount"))
            scan_count(s, &bill->thoughts);
        else
            chat_provider_scan_skip(s);
    }
}

static void scan_part(chat_scan_t *s, plain_t *plain)
{
    const char *name;
    apr_size_t len;

    plain->parts++;
    chat_provider_scan_open(s, '{');
    while (chat_provider_scan_member(s, &name, &len)) {
        if (chat_provider_scan_is(name, len, "text"))
            chat_provider_scan_text(s, &plain->text, &plain->len);
        else if (chat_provider_scan_is(name, len, "thought")) {
            plain->thought = look_ahead(s) == 't';
            chat_provider_scan_only(s, plain->thought ? "true" : "false");
        }
        else if (chat_provider_scan_is(name, len, "thoughtSignature"))
            chat_provider_scan_skip(s);
        else
            chat_provider_scan_only(s, "null");
    }
}

static void scan_content(chat_scan_t *s, plain_t *plain)
{
    const char *name;
    apr_size_t len;

    plain->contents++;
    chat_provider_scan_open(s, '{');
    while (chat_provider_scan_member(s, &name, &len)) {
        if (!chat_provider_scan_is(name, len, "parts")) {
            chat_provider_scan_skip(s);
            continue;
        }
        plain->part_lists++;
        chat_provider_scan_open(s, '[');
        while (chat_provider_scan_item(s))
            scan_part(s, plain);
    }
}

/* A candidate that goes on: one with a finishReason is parsed. */
static void scan_candidate(chat_scan_t *s, plain_t *plain)
{
    const char *name;
    apr_size_t len;

    plain->candidates++;
    chat_provider_scan_open(s, '{');
    while (chat_provider_scan_member(s, &name, &len)) {
        if (chat_provider_scan_is(name, len, "content"))
            scan_content(s, plain);
        else if (chat_provider_scan_is(name, len, "finishReason"))
            chat_provider_scan_only(s, "null");
        else
            chat_provider_scan_skip(s);
    }
}

static void scan_chunk(chat_scan_t *s, plain_t *plain)
{
    const char *name;
    apr_size_t len;

    chat_provider_scan_open(s, '{');
    while (chat_provider_scan_member(s, &name, &len)) {
        if (chat_provider_scan_is(name, len, "candidates")) {
            plain->lists++;
            chat_provider_scan_open(s, '[');
            while (chat_provider_scan_item(s))
                scan_candidate(s, plain);
        }
        else if (chat_provider_scan_is(name, len, "usageMetadata"))
            scan_bill(s, plain);
        else if (chat_provider_scan_is(name, len, "modelVersion") ||
                 chat_provider_scan_is(name, len, "responseId"))
            chat_provider_scan_skip(s);
        else
            chat_provider_scan_only(s, "null");
    }
}

/* 1: this was all. */
static int take_plain(chat_parse_t *parse, const chat_sse_event_t *event)
{
    plain_t plain = {.bill = {-1, -1, -1, -1}};
    chat_scan_t s;

    chat_provider_scan_init(&s, event->data, event->data_len);
    scan_chunk(&s, &plain);
    if (!chat_provider_scan_done(&s) || plain.lists > 1 ||
        plain.candidates > 1 || plain.contents > 1 || plain.part_lists > 1 ||
        plain.parts > 1 || plain.bills > 1)
        return 0;
    chat_provider_parse_text(
        parse, plain.thought ? CHAT_DELTA_REASONING : CHAT_DELTA_TEXT,
        plain.text, plain.len);
    chat_provider_gemini_bill(&parse->seen, &plain.bill);
    return 1;
}

/* ---- everything else ---- */

/* How an answer can end early; what is not here, and no failure, is an end
 * like any other. */
static const struct {
    const char *reason;
    chat_finish_e finish;
} finishes[] = {
    {"MAX_TOKENS", CHAT_FINISH_LENGTH},
    {"SAFETY", CHAT_FINISH_FILTER},
    {"RECITATION", CHAT_FINISH_FILTER},
    {"LANGUAGE", CHAT_FINISH_FILTER},
    {"BLOCKLIST", CHAT_FINISH_FILTER},
    {"PROHIBITED_CONTENT", CHAT_FINISH_FILTER},
    {"SPII", CHAT_FINISH_FILTER},
    {"OTHER", CHAT_FINISH_FILTER},
    {"IMAGE_SAFETY", CHAT_FINISH_FILTER},
    {"IMAGE_PROHIBITED_CONTENT", CHAT_FINISH_FILTER},
    {"IMAGE_RECITATION", CHAT_FINISH_FILTER},
    {"IMAGE_OTHER", CHAT_FINISH_FILTER},
};

/* A call comes whole, mostly without an id. */
static void take_call(chat_parse_t *parse, const chat_json_t *call,
                      apr_pool_t *p)
{
    const chat_json_t *args = chat_json_get(call, "args");
    int index = chat_provider_parse_call(
        parse, parse->ncalls, chat_json_string(chat_json_get(call, "id")),
        chat_json_string(chat_json_get(call, "name")));

    chat_provider_parse_rest(parse, index,
                             chat_json_kind(args) == CHAT_JSON_OBJECT
                                 ? chat_json_text(args, NULL, p)
                                 : "{}");
}

static void take_part(chat_parse_t *parse, const chat_json_t *part,
                      apr_pool_t *p)
{
    const chat_json_t *call = chat_json_get(part, "functionCall");
    const chat_json_t *text = chat_json_get(part, "text");
    int thought = chat_json_boolean(chat_json_get(part, "thought")) == 1;

    if (chat_json_kind(call) == CHAT_JSON_OBJECT)
        take_call(parse, call, p);
    else
        chat_provider_parse_string(
            parse, thought ? CHAT_DELTA_REASONING : CHAT_DELTA_TEXT, text);
}

/* ---- the end ---- */

static chat_finish_e find_finish(const chat_parse_t *parse, const char *reason)
{
    apr_size_t i;

    for (i = 0; i < sizeof(finishes) / sizeof(finishes[0]); i++) {
        if (strcmp(reason, finishes[i].reason) == 0)
            return finishes[i].finish;
    }
    /* There is no reason of its own for that here. */
    return parse->ncalls > 0 ? CHAT_FINISH_CALLS : CHAT_FINISH_STOP;
}

/* What is asked for is one candidate; a second one is none of ours. */
static void take_candidate(chat_parse_t *parse, const chat_json_t *candidate,
                           apr_pool_t *p)
{
    const chat_json_t *parts =
        chat_json_path(candidate, "content", "parts", NULL);
    const char *reason =
        chat_json_string(chat_json_get(candidate, "finishReason"));
    int i;

    for (i = 0; i < chat_json_length(parts); i++)
        take_part(parse, chat_json_at(parts, i), p);
    if (reason && *reason)
        parse->finish = find_finish(parse, reason);
}

static void take(chat_parse_t *parse, chat_watch_t *w, const chat_json_t *root)
{
    const chat_json_t *blocked =
        chat_json_path(root, "promptFeedback", "blockReason", NULL);

    if (chat_json_kind(root) != CHAT_JSON_OBJECT) {
        chat_provider_parse_fail(parse, "event_unreadable");
        return;
    }
    if (chat_json_string(blocked))
        parse->finish = CHAT_FINISH_FILTER;
    if (!chat_provider_watch_is_error(root))
        take_candidate(parse,
                       chat_json_at(chat_json_get(root, "candidates"), 0),
                       chat_provider_watch_pool(w));
    if (!parse->seen.failed)
        chat_provider_gemini_look(w, root);
}

/* Behind the end there may still be the bill. */
void chat_provider_gemini_parse(chat_parse_t *parse,
                                const chat_sse_event_t *event,
                                const chat_upstream_t *up, apr_pool_t *p)
{
    chat_watch_t w = {
        .seen = &parse->seen,
        .event = event,
        .up = up,
        .parent = p,
    };

    if (parse->seen.ended && !parse->seen.failed)
        chat_provider_gemini_count(&parse->seen, chat_provider_watch_json(&w));
    else if (!chat_provider_parse_over(parse, event) &&
             !take_plain(parse, event))
        take(parse, &w, chat_provider_watch_json(&w));
    chat_provider_watch_done(&w);
}
