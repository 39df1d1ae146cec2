/* SPDX-License-Identifier: Apache-2.0 */
/* The mock's stream: its text, where it ends, and its events as the wire has
 * them. What stands in an event: mock_formats.h. Pure. */
#include "mock_formats.h"

#include <stdio.h>
#include <string.h>

/* ---- the text ---- */

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

void mock_filler(char *at, size_t n, uint64_t start)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789";
    uint64_t x = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        if (i % 10 == 0)
            x = mix(start + i);
        at[i] = letters[x & 63];
        x >>= 6;
    }
}

/* Escapes, a two-, a three- and a four-byte character; as JSON text. In a text
 * that is JSON itself only what needs no escape there. */
static size_t sprinkle(buf_t *out, const mock_text_t *t, size_t left,
                       uint64_t x)
{
    static const char *const odd[] = {
        "\\\"",    "\\\\",     "\\n",          "<\\/b>",
        "\\u00e9", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    size_t taken = 0;

    while (left - taken >= 8 && taken < 64) {
        const char *piece = odd[t->p.json > 0 ? 4 + (x & 3) : x & 7];
        buf_puts(out, piece);
        taken += strlen(piece);
        x = mix(x);
    }
    return taken;
}

/* Its name, a timestamp, and filler up to size. */
static long put_delta(buf_t *out, const mock_text_t *t, int i, int64_t ts)
{
    uint64_t x = mix((uint64_t)t->p.seed * 1000003u + i);
    size_t left = t->p.size;
    long ts_at = -1;
    char name[48];
    size_t n;

    n = snprintf(name, sizeof(name), "s%lldd%d ", (long long)t->p.seed, i);
    n = n < left ? n : left;
    buf_put(out, name, n);
    left -= n;
    if (t->p.ts) {
        ts_at = out->len;
        buf_printf(out, "%0*lld ", MOCK_TS_DIGITS, (long long)ts);
    }
    if (t->p.utf8)
        left -= sprinkle(out, t, left, x);
    mock_filler(buf_room(out, left), left, x);
    out->len += left;
    return ts_at;
}

/* {"answer":["delta 0", "delta 1", ...]}, where the text is JSON. */
long mock_text_delta(buf_t *out, const mock_text_t *t, int i, int64_t ts)
{
    long ts_at;

    if (t->p.json > 0)
        buf_puts(out, i ? ",\\\"" : "{\\\"answer\\\":[\\\"");
    ts_at = put_delta(out, t, i, ts);
    if (t->p.json > 0)
        buf_puts(out, i + 1 < mock_text_said(t) ? "\\\"" : "\\\"]}");
    return ts_at;
}

void mock_text_all(buf_t *out, const mock_text_t *t)
{
    int i;

    for (i = 0; i < mock_text_said(t) && !t->p.lean; i++)
        mock_text_delta(out, t, i, 0);
}

int mock_text_said(const mock_text_t *t)
{
    if (t->p.tools && !t->p.both)
        return 0;
    return t->p.json > 0 && !t->p.n ? 1 : t->p.n;
}

/* ---- where it ends ---- */

static const mock_format_t *format_of(const mock_text_t *t)
{
    static const mock_format_t *const formats[] = {
        [MOCK_API_RESPONSES] = &mock_responses,
        [MOCK_API_COMPLETIONS] = &mock_completions,
        [MOCK_API_MESSAGES] = &mock_messages,
        [MOCK_API_GEMINI] = &mock_gemini,
    };
    return formats[t->api];
}

static int error_event(const mock_text_t *t)
{
    return t->p.fault >= MOCK_FAULT_error_flat &&
           t->p.fault <= MOCK_FAULT_incomplete;
}

int mock_text_cut_short(const mock_text_t *t)
{
    switch (t->p.fault) {
    case MOCK_FAULT_hang:
    case MOCK_FAULT_rst:
    case MOCK_FAULT_close:
    case MOCK_FAULT_cut:
    case MOCK_FAULT_noend:
    case MOCK_FAULT_badchunk:
        return 1;
    default:
        return 0;
    }
}

int mock_text_events(const mock_text_t *t)
{
    int count = format_of(t)->count(t);
    int after = t->p.after < count ? t->p.after : count;

    if (error_event(t))
        return after + 1;
    return mock_text_cut_short(t) ? after : count;
}

int mock_text_terminated(const mock_text_t *t)
{
    return !mock_text_cut_short(t) || t->p.after >= format_of(t)->count(t);
}

/* An event with text is one that has a place for a timestamp. */
int mock_text_said_before(const mock_text_t *t)
{
    mock_text_t stamped = *t;
    buf_t json = {0};
    int total = mock_text_events(t) - error_event(t), said = 0, k;

    stamped.p.ts = 1;
    for (k = 0; k < total; k++) {
        long ts_at = -1;

        format_of(t)->put(&json, &stamped, k, 0, &ts_at);
        said += ts_at >= 0;
        buf_clear(&json);
    }
    buf_free(&json);
    return said;
}

/* ---- the event on the wire ---- */

static const char *eol_of(const mock_text_t *t)
{
    static const char *const eols[] = {"\n", "\r\n", "\r"};

    /* As that service has them, also where nobody asks. */
    if (t->api == MOCK_API_GEMINI && t->p.eol == MOCK_EOL_LF)
        return "\r\n";
    return eols[t->p.eol];
}

static long put_event(buf_t *out, const mock_text_t *t, int k, int64_t ts)
{
    const mock_format_t *format = format_of(t);
    const char *eol = eol_of(t), *name;
    buf_t json = {0};
    long ts_at = -1;

    if (error_event(t) && k == mock_text_events(t) - 1)
        name = format->fail(&json, t, k);
    else
        name = format->put(&json, t, k, ts, &ts_at);
    if (name)
        buf_printf(out, "event: %s%s", name, eol);
    buf_puts(out, "data: ");
    if (ts_at >= 0)
        ts_at += out->len;
    buf_put(out, json.data, json.len);
    buf_printf(out, "%s%s", eol, eol);
    buf_free(&json);
    return ts_at;
}

/* As the services that do so say it. */
static void put_comment(buf_t *out, const mock_text_t *t, int k)
{
    const char *eol = eol_of(t);

    if (t->p.as == MOCK_AS_OPENROUTER)
        buf_printf(out, ": OPENROUTER PROCESSING%s%s", eol, eol);
    else if (t->p.as == MOCK_AS_DEEPSEEK)
        buf_printf(out, ": keep-alive%s%s", eol, eol);
    else
        buf_printf(out, ": mock %d%s%s", k, eol, eol);
}

void mock_text_lead(buf_t *out, const mock_text_t *t, int i)
{
    if (!i && t->p.bom)
        buf_puts(out, "\xef\xbb\xbf");
    put_comment(out, t, i);
}

long mock_text_event(buf_t *out, const mock_text_t *t, int k, int64_t ts)
{
    size_t start;
    long ts_at;

    buf_room(out, 0); /* an emptied buffer starts over */
    start = out->len;
    if (k == 0 && t->p.bom && !t->p.lead)
        buf_puts(out, "\xef\xbb\xbf");
    if (t->p.comments)
        put_comment(out, t, k);
    ts_at = put_event(out, t, k, ts);
    return ts_at < 0 ? -1 : ts_at - (long)start;
}

void mock_text_whole(buf_t *out, const mock_text_t *t)
{
    format_of(t)->whole(out, t);
}
