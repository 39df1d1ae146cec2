/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server-Sent Events, read by the WHATWG algorithm from pieces cut anywhere.
 * Every streamed byte passes here, so what lies whole in a piece is only
 * pointed at; it is copied when a piece ends first (to the three buffers
 * below) or when an event has several data lines. Any one thread at a time.
 */
#include "chat_sse.h"
#include "chat_sse_skim.h"

#include <stdlib.h>
#include <string.h>

/* Longest line that is kept: BOM, "event", colon, space and the longest value
 * that is passed on. Of a longer one only the head is kept, to know its field:
 * its value is too long whatever the field, but for data, which is skimmed as
 * it comes. */
#define LINE_KEPT (CHAT_SSE_EVENT_MAX + 10)
#define LINE_HEAD 16

/* A buffer that grew past this is not kept for the next event. */
#define BUFFER_KEPT (16 * 1024)

typedef struct buffer_t {
    char *at;
    apr_size_t len;
    apr_size_t size;
} buffer_t;

/* A value of the event at hand: in the piece or line while both stay, else in
 * its buffer. */
typedef struct value_t {
    const char *at;
    apr_size_t len;
    buffer_t copy;
} value_t;

struct chat_sse_t {
    chat_sse_event_cb *cb;
    void *ctx;

    buffer_t line;       /* a line that no piece holds whole */
    apr_size_t line_len; /* its real length, see LINE_KEPT */
    int started;         /* the first line, which may have a BOM, is over */
    int after_cr; /* an LF that comes now belongs to the last line's end */

    value_t type;
    value_t data;
    int has_data;
    int oversized;
    int long_line; /* the line at hand is longer than LINE_KEPT */
    int long_data; /* ... and data, which goes to the event's as it comes */
    chat_sse_skim_t skim;
    int pending;     /* a field was read since the last blank line */
    apr_size_t tail; /* bytes of the last piece behind its last event */
};

/* ---- buffers ---- */

static void release(buffer_t *buffer)
{
    free(buffer->at);
    memset(buffer, 0, sizeof(*buffer));
}

static void append(buffer_t *buffer, const char *data, apr_size_t len)
{
    if (len > buffer->size - buffer->len) {
        apr_size_t size = buffer->size ? buffer->size : 256;

        while (len > size - buffer->len)
            size *= 2;
        buffer->at = realloc(buffer->at, size);
        if (!buffer->at)
            abort(); /* as httpd does when a pool cannot grow */
        buffer->size = size;
    }
    memcpy(buffer->at + buffer->len, data, len);
    buffer->len += len;
}

static void clear(buffer_t *buffer)
{
    if (buffer->size > BUFFER_KEPT)
        release(buffer);
    buffer->len = 0;
}

/* ---- the value of a field ---- */

static void value_clear(value_t *value)
{
    clear(&value->copy);
    value->at = NULL;
    value->len = 0;
}

/* Copy what is only pointed at. */
static void value_keep(value_t *value)
{
    if (!value->len || value->at == value->copy.at)
        return;
    value->copy.len = 0;
    append(&value->copy, value->at, value->len);
    value->at = value->copy.at;
}

static void value_append(value_t *value, const char *data, apr_size_t len)
{
    value_keep(value);
    append(&value->copy, "\n", 1);
    append(&value->copy, data, len);
    value->at = value->copy.at;
    value->len = value->copy.len;
}

/* ---- events ---- */

static void forget_event(chat_sse_t *sse)
{
    value_clear(&sse->type);
    value_clear(&sse->data);
    sse->has_data = 0;
    sse->oversized = 0;
    sse->pending = 0;
    memset(&sse->skim, 0, sizeof(sse->skim));
}

static void dispatch(chat_sse_t *sse, int last)
{
    chat_sse_event_t event = {
        .type = sse->type.len ? sse->type.at : "",
        .type_len = sse->type.len,
        .data = sse->data.len ? sse->data.at : "",
        .data_len = sse->data.len,
        .skimmed = sse->skim.is_on,
        .oversized = sse->oversized,
        .last = last,
    };

    if (sse->has_data)
        sse->cb(sse->ctx, &event);
    forget_event(sse);
}

/* ---- fields and lines ---- */

/* Neither looks at a value that is too long: there may be only its head. */
static void exceed(chat_sse_t *sse)
{
    value_clear(&sse->data);
    sse->skim.is_on = 0;
    sse->oversized = 1;
}

/* More of the data, of which no more is kept than may be. */
static void skim(chat_sse_t *sse, const char *at, apr_size_t len)
{
    buffer_t *kept = &sse->data.copy;
    apr_size_t n;

    for (; len && !sse->oversized; at += n, len -= n) {
        if (sse->skim.passing) {
            n = chat_sse_skim_pass(&sse->skim, at, len);
            if (!sse->skim.passing)
                append(kept, "\"", 1);
            continue;
        }
        if (kept->len == CHAT_SSE_EVENT_MAX &&
            !chat_sse_skim_compact(&sse->skim, kept->at, &kept->len,
                                   CHAT_SSE_EVENT_MAX)) {
            exceed(sse);
            return;
        }
        n = sse->skim.passing ? 0 : CHAT_SSE_EVENT_MAX - kept->len;
        n = n < len ? n : len;
        append(kept, at, n);
    }
    sse->data.at = kept->at;
    sse->data.len = kept->len;
}

/* Behind the lines that it has. */
static void skim_line(chat_sse_t *sse, int first, const char *at,
                      apr_size_t len)
{
    value_keep(&sse->data);
    if (first)
        sse->data.copy.len = 0;
    else
        skim(sse, "\n", 1);
    skim(sse, at, len);
}

static void take_data(chat_sse_t *sse, const char *at, apr_size_t len)
{
    int first = !sse->has_data;
    apr_size_t total = first ? len : sse->data.len + 1 + len;

    sse->has_data = 1;
    if (sse->oversized || sse->long_data)
        return;
    if (total > CHAT_SSE_EVENT_MAX || sse->skim.is_on)
        skim_line(sse, first, at, len);
    else if (first) {
        sse->data.at = at;
        sse->data.len = len;
    }
    else
        value_append(&sse->data, at, len);
}

static void take_type(chat_sse_t *sse, const char *at, apr_size_t len)
{
    if (len > CHAT_SSE_EVENT_MAX) {
        exceed(sse);
        len = 0;
    }
    sse->type.at = at;
    sse->type.len = len;
}

/* Where the value begins if the line is this field, else 0. */
static inline apr_size_t value_start(const char *line, apr_size_t len,
                                     const char *field, apr_size_t field_len)
{
    if (len < field_len || memcmp(line, field, field_len) != 0)
        return 0;
    if (len == field_len)
        return field_len;
    if (line[field_len] != ':')
        return 0;
    return field_len + 1 + (len > field_len + 1 && line[field_len + 1] == ' ');
}

static void take_field(chat_sse_t *sse, const char *line, apr_size_t len)
{
    apr_size_t start;

    sse->pending = 1;
    if ((start = value_start(line, len, "data", 4)) != 0)
        take_data(sse, line + start, len - start);
    else if ((start = value_start(line, len, "event", 5)) != 0)
        take_type(sse, line + start, len - start);
}

/* Of the first line alone. */
static apr_size_t bom_length(const chat_sse_t *sse, const char *line,
                             apr_size_t len)
{
    return !sse->started && len >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0
               ? 3
               : 0;
}

static void take_line(chat_sse_t *sse, const char *line, apr_size_t len)
{
    apr_size_t bom = bom_length(sse, line, len);

    line += bom;
    len -= bom;
    sse->started = 1;
    if (!len)
        dispatch(sse, 0);
    else if (*line != ':')
        take_field(sse, line, len);
}

/* ---- pieces ---- */

/* The line is longer than any that is kept: what there is of its value goes to
 * the event, and the head stays. */
static void begin_long(chat_sse_t *sse)
{
    apr_size_t bom = bom_length(sse, sse->line.at, sse->line.len), start;
    char head[LINE_HEAD];

    sse->long_line = 1;
    start = value_start(sse->line.at + bom, sse->line.len - bom, "data", 4);
    sse->long_data = start > 0;
    if (sse->long_data)
        skim_line(sse, !sse->has_data, sse->line.at + bom + start,
                  sse->line.len - bom - start);
    memcpy(head, sse->line.at, LINE_HEAD);
    release(&sse->line);
    append(&sse->line, head, LINE_HEAD);
}

/* Keep the start of a line until the rest comes. */
static void hold(chat_sse_t *sse, const char *at, apr_size_t len)
{
    apr_size_t more = len;

    sse->line_len += len;
    if (sse->line_len > LINE_KEPT)
        more = sse->line.len < LINE_HEAD ? LINE_HEAD - sse->line.len : 0;
    if (more)
        append(&sse->line, at, more);
    if (sse->line_len <= LINE_KEPT)
        return;
    if (!sse->long_line)
        begin_long(sse);
    if (sse->long_data)
        skim(sse, at + more, len - more);
}

static void end_line(chat_sse_t *sse, const char *at, apr_size_t len)
{
    if (!sse->line_len) {
        take_line(sse, at, len);
        return;
    }
    hold(sse, at, len);
    take_line(sse, sse->line.at, sse->line_len);
    sse->line_len = 0;
    sse->long_line = sse->long_data = 0;
}

/* The next LF and CR, each looked for once: a piece of nothing but CRs must
 * not be searched for an LF at every line. */
typedef struct ends_t {
    const char *lf;
    const char *cr;
} ends_t;

static const char *find(const char *known, char c, const char *at,
                        const char *end)
{
    if (known && known >= at)
        return known;
    known = memchr(at, c, end - at);
    return known ? known : end;
}

static const char *find_end(ends_t *ends, const char *at, const char *end)
{
    ends->lf = find(ends->lf, '\n', at, end);
    ends->cr = find(ends->cr, '\r', at, end);
    return ends->lf < ends->cr ? ends->lf : ends->cr;
}

/* An LF right after a CR is the same line end. */
static const char *skip_lf(chat_sse_t *sse, const char *at, const char *end)
{
    if (!sse->after_cr || at == end)
        return at;
    sse->after_cr = 0;
    return *at == '\n' ? at + 1 : at;
}

/* The piece is about to go: copy what is only pointed at. This comes before
 * the held line is dropped, which may be pointed at as well. */
static void keep(chat_sse_t *sse)
{
    value_keep(&sse->type);
    value_keep(&sse->data);
    clear(&sse->line);
}

void chat_sse_feed(chat_sse_t *sse, const char *data, apr_size_t len)
{
    const char *end = data + len;
    const char *at = skip_lf(sse, data, end);
    const char *start = at;
    const char *over = chat_sse_between(sse) ? at : NULL;
    ends_t ends = {NULL, NULL};
    const char *eol;

    while (at < end && (eol = find_end(&ends, at, end)) < end) {
        end_line(sse, at, eol - at);
        sse->after_cr = *eol == '\r';
        at = skip_lf(sse, eol + 1, end);
        if (chat_sse_between(sse))
            over = at;
    }
    if (at > start)
        keep(sse);
    if (at < end)
        hold(sse, at, end - at);
    sse->tail = over ? (apr_size_t)(end - over) : len;
}

apr_size_t chat_sse_tail(const chat_sse_t *sse)
{
    return sse->tail;
}

void chat_sse_finish(chat_sse_t *sse)
{
    apr_size_t len = sse->line_len;

    sse->line_len = 0;
    if (len && value_start(sse->line.at, sse->line.len, "data", 4) == 0)
        forget_event(sse);
    else {
        if (len)
            take_line(sse, sse->line.at, len);
        dispatch(sse, 1);
    }
    sse->long_line = sse->long_data = 0;
    clear(&sse->line);
}

/* ---- the parser ---- */

static void release_all(chat_sse_t *sse)
{
    release(&sse->line);
    release(&sse->type.copy);
    release(&sse->data.copy);
}

static apr_status_t destroy(void *sse)
{
    release_all(sse);
    return APR_SUCCESS;
}

chat_sse_t *chat_sse_create(chat_sse_event_cb *cb, void *ctx, apr_pool_t *p)
{
    chat_sse_t *sse = apr_pcalloc(p, sizeof(*sse));

    sse->cb = cb;
    sse->ctx = ctx;
    apr_pool_cleanup_register(p, sse, destroy, apr_pool_cleanup_null);
    return sse;
}

/* Not after a lone CR: its LF may still come, and what is put between the two
 * would end up inside a line end. */
int chat_sse_between(const chat_sse_t *sse)
{
    return !sse->line_len && !sse->pending && !sse->after_cr;
}

void chat_sse_reset(chat_sse_t *sse)
{
    chat_sse_event_cb *cb = sse->cb;
    void *ctx = sse->ctx;

    release_all(sse);
    memset(sse, 0, sizeof(*sse));
    sse->cb = cb;
    sse->ctx = ctx;
}
