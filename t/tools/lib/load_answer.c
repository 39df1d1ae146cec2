/* SPDX-License-Identifier: Apache-2.0 */
/* Checking an answer byte by byte. Pure. */
#include "load_answer.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_MAX 65536

enum { FRAME_CHUNKED, FRAME_COUNTED, FRAME_CLOSE, FRAME_BROKEN };

void load_answer_begin(load_answer_t *a, const load_opts_t *o,
                       load_totals_t *totals, int64_t seed, int64_t sent)
{
    buf_t head = a->head, want = a->want;
    load_said_t said = a->said;

    memset(a, 0, sizeof(*a));
    a->head = head;
    a->want = want;
    a->said = said;
    load_said_clear(&a->said);
    buf_clear(&a->head);
    buf_clear(&a->want);
    a->o = o;
    a->totals = totals;
    a->sent = sent;
    load_opts_request(NULL, &a->text, o, seed);
}

void load_answer_wrong(load_answer_t *a, const char *what)
{
    if (a->phase == ANSWER_WRONG)
        return;
    a->phase = ANSWER_WRONG;
    snprintf(a->why, sizeof(a->why),
             "seed %lld: %s (status %d, event %d of "
             "%d, body byte %lld)",
             (long long)a->text.p.seed, what, a->status, a->k,
             mock_text_events(&a->text), (long long)a->body_bytes);
}

/* ---- the head ---- */

/* The value of a header in the lower-cased head, or NULL. */
static const char *header(const load_answer_t *a, const char *name)
{
    char line[80];
    const char *at;

    snprintf(line, sizeof(line), "\r\n%s:", name);
    at = strcasestr(a->head.data, line);
    if (!at)
        return NULL;
    at += strlen(line);
    return at + strspn(at, " \t");
}

static int has_line(const load_answer_t *a, const char *want)
{
    size_t n = strlen(want);
    const char *at = a->head.data;

    while ((at = strstr(at, "\r\n"))) {
        at += 2;
        if (!strncasecmp(at, want, n) && at[n] == '\r')
            return 1;
    }
    return 0;
}

static void check_lines(load_answer_t *a)
{
    size_t at = 0;
    char what[160];

    while (at < a->o->must.len) {
        const char *want = a->o->must.data + at;
        if (!has_line(a, want)) {
            snprintf(what, sizeof(what), "no header line \"%s\"", want);
            load_answer_wrong(a, what);
        }
        at += strlen(want) + 1;
    }
}

static void take_head(load_answer_t *a)
{
    const char *type = header(a, "content-type");
    const char *coding = header(a, "transfer-encoding");
    const char *length = header(a, "content-length");
    const char *connection = header(a, "connection");

    a->phase = ANSWER_BODY;
    a->close = connection && !strncasecmp(connection, "close", 5);
    a->frame = FRAME_CLOSE;
    if (coding && !strncasecmp(coding, "chunked\r", 8))
        a->frame = FRAME_CHUNKED;
    else if (length) {
        a->frame = FRAME_COUNTED;
        a->left = strtoul(length, NULL, 10);
        if (!a->left)
            a->phase = ANSWER_ENDED;
    }
    if (coding && length)
        load_answer_wrong(a, "both Transfer-Encoding and Content-Length");
    if (a->status != a->o->status && a->status != a->o->also)
        load_answer_wrong(a, "another status was expected");
    else if (a->status == 200 &&
             (!type || strncasecmp(type, "text/event-stream", 17)))
        load_answer_wrong(a, "Content-Type is not text/event-stream");
    else if (a->status == a->o->status)
        check_lines(a);
}

static size_t feed_head(load_answer_t *a, const char *in, size_t n)
{
    size_t before = a->head.len, scan = before > 3 ? before - 3 : 0;
    const char *end;
    size_t size;

    buf_put(&a->head, in, n);
    *buf_room(&a->head, 0) = '\0';
    end = memmem(a->head.data + scan, a->head.len - scan, "\r\n\r\n", 4);
    if (!end) {
        if (a->head.len > HEAD_MAX)
            load_answer_wrong(a, "the head does not end");
        return n;
    }
    size = end + 4 - a->head.data;
    a->head.data[size - 2] = '\0';
    a->head.len = size - 2;
    if (sscanf(a->head.data, "HTTP/1.%*1[01] %3d", &a->status) != 1)
        load_answer_wrong(a, "no status line");
    else if (a->status < 200)
        buf_clear(&a->head);
    else
        take_head(a);
    return size - before;
}

/* ---- the body ---- */

static void event_done(load_answer_t *a, int64_t now)
{
    load_totals_t *t = a->totals;

    a->k++;
    t->events++;
    if (a->last) {
        hist_add(&t->gap, now - a->last);
        hist_add(&t->over, now - a->last - a->text.p.pace * NS_PER_MS);
    }
    a->last = now;
    if (a->ts_at >= 0)
        hist_add(&t->latency, now - a->ts);
    buf_clear(&a->want);
    a->got = 0;
}

static void want_event(load_answer_t *a)
{
    int i;

    a->ts = 0;
    for (i = 0; !a->k && i < a->text.p.lead; i++)
        mock_text_lead(&a->want, &a->text, i);
    i = (int)a->want.len;
    a->ts_at = mock_text_event(&a->want, &a->text, a->k, 0);
    a->ts_at = a->text.p.ts && a->ts_at >= 0 ? a->ts_at + i : -1;
}

/* Inside the timestamp any digit is right. How many bytes were taken. */
static size_t match_ts(load_answer_t *a, const char *in, size_t n)
{
    size_t used = 0, end = a->ts_at + MOCK_TS_DIGITS;

    while (used < n && a->got < end && isdigit((unsigned char)in[used])) {
        a->ts = a->ts * 10 + (in[used++] - '0');
        a->got++;
    }
    if (!used)
        load_answer_wrong(a, "no timestamp where one belongs");
    return used;
}

static size_t match(load_answer_t *a, const char *in, size_t n)
{
    size_t end = buf_left(&a->want);

    if (a->ts_at >= 0 && a->got < (size_t)a->ts_at)
        end = a->ts_at;
    else if (a->ts_at >= 0 && a->got < (size_t)a->ts_at + MOCK_TS_DIGITS)
        return match_ts(a, in, n);
    if (n > end - a->got)
        n = end - a->got;
    if (memcmp(buf_at(&a->want) + a->got, in, n)) {
        load_answer_wrong(a, "the text differs");
        return 0;
    }
    a->got += n;
    return n;
}

/* Inside a foreign comment, up to the empty line after it. */
static int skip_comment(load_answer_t *a, char in)
{
    if (!a->comment && a->got == 0 && in == ':' && *buf_at(&a->want) != ':' &&
        a->o->comments)
        a->comment = 1;
    else if (a->comment && in == '\n' && a->comment++ == 2) {
        a->comment = 0;
        a->totals->comments++;
        return 1;
    }
    else if (a->comment && in != '\n')
        a->comment = 1;
    return a->comment;
}

/* Only a stream that was cut may go on: with a part of one more event. */
static int all_here(const load_answer_t *a)
{
    int events = mock_text_events(&a->text);

    return a->k > events || (a->k == events && mock_text_terminated(&a->text));
}

static void compare(load_answer_t *a, const char *in, size_t n, int64_t now)
{
    while (n && a->phase == ANSWER_BODY) {
        size_t used = 1;

        if (all_here(a)) {
            load_answer_wrong(a, "more than the mock sent");
            return;
        }
        if (!buf_left(&a->want))
            want_event(a);
        if (!skip_comment(a, *in)) {
            used = match(a, in, n);
            if (a->got == buf_left(&a->want))
                event_done(a, now);
        }
        in += used;
        n -= used;
        a->body_bytes += used;
    }
}

static void take_body(load_answer_t *a, const char *in, size_t n, int64_t now)
{
    if (!a->body_bytes && n)
        hist_add(&a->totals->first, now - a->sent);
    a->totals->bytes += n;
    if (a->status == 200 && a->o->dialect)
        load_said_feed(a, in, n, now);
    else if (a->status == 200)
        compare(a, in, n, now);
    else
        a->body_bytes += n;
}

static size_t feed_chunked(load_answer_t *a, const char *in, size_t n,
                           int64_t now)
{
    const char *data;
    size_t len, used;

    switch (chunked_next(&a->chunked, in, n, &used, &data, &len)) {
    case CHUNKED_DATA:
        take_body(a, data, len, now);
        break;
    case CHUNKED_END:
        a->phase = ANSWER_ENDED;
        break;
    case CHUNKED_BAD:
        load_answer_wrong(a, "bad chunk");
        break;
    case CHUNKED_MORE:
        break;
    }
    return used;
}

static size_t feed_body(load_answer_t *a, const char *in, size_t n, int64_t now)
{
    if (a->frame == FRAME_CHUNKED)
        return feed_chunked(a, in, n, now);
    if (a->frame == FRAME_COUNTED && n > a->left)
        n = a->left;
    take_body(a, in, n, now);
    if (a->frame == FRAME_COUNTED && !(a->left -= n) && a->phase == ANSWER_BODY)
        a->phase = ANSWER_ENDED;
    return n;
}

size_t load_answer_feed(load_answer_t *a, const char *in, size_t n, int64_t now)
{
    size_t used = 0;

    while (used < n && a->phase < ANSWER_ENDED)
        used += a->phase == ANSWER_HEAD
                    ? feed_head(a, in + used, n - used)
                    : feed_body(a, in + used, n - used, now);
    return used;
}

/* ---- the end ---- */

/* All came that had to, so that it may break off now. */
static int may_break(const load_answer_t *a)
{
    if (a->o->end == LOAD_END_ANY)
        return 1;
    if (a->o->dialect && a->o->end == LOAD_END_FAILED)
        return a->said.end == SAID_FAILED;
    if (a->o->dialect)
        return a->said.end == SAID_OPEN && a->k >= load_said_expected(a);
    return a->k >= mock_text_events(&a->text);
}

void load_answer_eof(load_answer_t *a, int reset)
{
    int broken_is_right = a->o->end != LOAD_END_CLEAN;
    int all = may_break(a);

    if (a->phase == ANSWER_BODY && a->frame == FRAME_CLOSE && !reset &&
        a->o->end != LOAD_END_BROKEN)
        a->phase = ANSWER_ENDED;
    else if (a->phase == ANSWER_BODY && broken_is_right && all) {
        a->phase = ANSWER_ENDED;
        a->frame = FRAME_BROKEN;
    }
    else if (a->phase < ANSWER_ENDED)
        load_answer_wrong(a, reset ? "connection reset"
                                   : "connection closed too soon");
    a->close = 1;
}

int load_answer_right(load_answer_t *a)
{
    if (a->phase != ANSWER_ENDED)
        return 0;
    if (a->status != 200 || a->o->end == LOAD_END_ANY)
        return 1;
    if (a->frame == FRAME_BROKEN && a->o->end != LOAD_END_FAILED)
        return 1;
    if (a->o->end == LOAD_END_BROKEN)
        load_answer_wrong(a, "ended properly, should have been broken off");
    else if (a->o->dialect)
        load_said_check(a);
    else if (a->k != mock_text_events(&a->text) || a->got || a->comment)
        load_answer_wrong(a, "ended properly, but is not whole");
    return a->phase == ANSWER_ENDED;
}

void load_answer_free(load_answer_t *a)
{
    buf_free(&a->head);
    buf_free(&a->want);
    load_said_free(&a->said);
}
