/* SPDX-License-Identifier: Apache-2.0 */
/* See chat_telemetry_line.h. Names are those of OpenTelemetry, or of ECS. */
#include "chat_telemetry_line.h"

#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#define SERVICE "mod_chat"
#define ECS_VERSION "8.11.0"

/* So many bytes of a line has what a client, a user's account or a provider
 * could make long; with all other members it fits. */
#define PATH_BYTES 768
#define TEXT_BYTES 300
#define ID_BYTES 128
#define WORD_BYTES 64

typedef struct line_t {
    char *text;
    apr_size_t len;
} line_t;

/* There is room: see the test that fills every member. */
static void put(line_t *line, const char *text, apr_size_t len)
{
    if (len > CHAT_TELEMETRY_LINE_MAX - 2 - line->len)
        return;
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static void puts_(line_t *line, const char *text)
{
    put(line, text, strlen(text));
}

/* ---- texts ---- */

/* How long the character at s is; 0: there is none in UTF-8. */
static int char_len(const unsigned char *s)
{
    int i, len = s[0] < 0x80                    ? 1
                 : s[0] >= 0xc2 && s[0] <= 0xdf ? 2
                 : (s[0] & 0xf0) == 0xe0        ? 3
                 : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4
                                                : 0;

    for (i = 1; i < len; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return len;
}

/* One character as JSON has it, in out; how many bytes of the text it was. */
static int escape(char out[8], const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    int len = char_len(s);

    if (!len) {
        strcpy(out, "\xef\xbf\xbd");
        return 1;
    }
    if (*s == '"' || *s == '\\')
        apr_snprintf(out, 8, "\\%c", *s);
    else if (*s < 0x20 || *s == 0x7f)
        apr_snprintf(out, 8, "\\u%04x", *s);
    else {
        memcpy(out, s, len);
        out[len] = '\0';
    }
    return len;
}

/* How many of the next bytes, and no more than max, JSON has as they are: a
 * line is mostly these. */
static apr_size_t count_plain(const char *text, apr_size_t max)
{
    apr_size_t n = 0;

    while (n < max && text[n] >= 0x20 && text[n] < 0x7f && text[n] != '"' &&
           text[n] != '\\')
        n++;
    return n;
}

/* max bytes of it at most. */
static void put_quoted(line_t *line, const char *text, apr_size_t max)
{
    char out[8];

    puts_(line, "\"");
    for (;;) {
        apr_size_t plain = count_plain(text, max), used;
        int len;

        put(line, text, plain);
        text += plain;
        max -= plain;
        if (!*text)
            break;
        len = escape(out, text);
        used = strlen(out);
        if (used > max)
            break;
        put(line, out, used);
        text += len;
        max -= used;
    }
    puts_(line, "\"");
}

/* ---- members ---- */

static void name_member(line_t *line, const char *name)
{
    puts_(line, line->len > 1 ? ",\"" : "\"");
    puts_(line, name);
    puts_(line, "\":");
}

static void text(line_t *line, const char *name, const char *value,
                 apr_size_t max)
{
    if (!value)
        return;
    name_member(line, name);
    put_quoted(line, value, max);
}

/* At least so many digits of it. */
static void put_digits(line_t *line, apr_int64_t value, int least)
{
    char digits[24], *at = digits + sizeof(digits);

    do {
        *--at = (char)('0' + value % 10);
        value /= 10;
    } while (--least > 0 || value);
    put(line, at, (apr_size_t)(digits + sizeof(digits) - at));
}

static void number(line_t *line, const char *name, apr_int64_t value)
{
    if (value < 0)
        return;
    name_member(line, name);
    put_digits(line, value, 1);
}

static void milliseconds(line_t *line, const char *name,
                         apr_interval_time_t time)
{
    number(line, name, time < 0 ? -1 : (time + 500) / 1000);
}

/* Whole units of 1e-10 dollars, so no digit is lost. */
static void dollars(line_t *line, const char *name, apr_int64_t cost)
{
    const apr_int64_t dollar = APR_INT64_C(10000000000);

    if (cost < 0)
        return;
    name_member(line, name);
    put_digits(line, cost / dollar, 1);
    puts_(line, ".");
    put_digits(line, cost % dollar, 10);
}

static void put_field(line_t *line, int value, int digits, const char *next)
{
    put_digits(line, value, digits);
    puts_(line, next);
}

static void timestamp(line_t *line, const char *name, apr_time_t at)
{
    apr_time_exp_t x;

    apr_time_exp_gmt(&x, at);
    name_member(line, name);
    puts_(line, "\"");
    put_field(line, x.tm_year + 1900, 4, "-");
    put_field(line, x.tm_mon + 1, 2, "-");
    put_field(line, x.tm_mday, 2, "T");
    put_field(line, x.tm_hour, 2, ":");
    put_field(line, x.tm_min, 2, ":");
    put_field(line, x.tm_sec, 2, ".");
    put_field(line, x.tm_usec / 1000, 3, "Z\"");
}

/* ---- the two forms ---- */

static void begin_json(line_t *line, const chat_telemetry_line_t *f)
{
    timestamp(line, "timestamp", f->at);
    text(line, "severity_text", f->failed ? "ERROR" : "INFO", WORD_BYTES);
    text(line, "trace_id", f->trace_id, WORD_BYTES);
    text(line, "span_id", f->span_id, WORD_BYTES);
    if (f->trace_id)
        text(line, "trace_flags", f->sampled ? "01" : "00", WORD_BYTES);
    text(line, "error.type", f->code, WORD_BYTES);
}

static void begin_ecs(line_t *line, const chat_telemetry_line_t *f)
{
    timestamp(line, "@timestamp", f->at);
    text(line, "log.level", f->failed ? "error" : "info", WORD_BYTES);
    text(line, "message", f->outcome, WORD_BYTES);
    text(line, "ecs.version", ECS_VERSION, WORD_BYTES);
    text(line, "trace.id", f->trace_id, WORD_BYTES);
    text(line, "span.id", f->span_id, WORD_BYTES);
    text(line, "error.code", f->code, WORD_BYTES);
    text(line, "client.ip", f->client, WORD_BYTES);
    number(line, "event.duration", f->duration < 0 ? -1 : f->duration * 1000);
}

static void put_request(line_t *line, const chat_telemetry_line_t *f)
{
    text(line, "service.name", SERVICE, WORD_BYTES);
    text(line, "http.request.method", f->method, WORD_BYTES);
    text(line, "url.path", f->path, PATH_BYTES);
    number(line, "http.response.status_code", f->status);
    text(line, "client.address", f->client, WORD_BYTES);
    text(line, "user.id", f->user, TEXT_BYTES);
    text(line, "gen_ai.provider.name", f->system, WORD_BYTES);
    text(line, "gen_ai.request.model", f->model, TEXT_BYTES);
    text(line, "gen_ai.response.model", f->upstream_model, TEXT_BYTES);
    number(line, "gen_ai.usage.input_tokens", f->input);
    number(line, "gen_ai.usage.output_tokens", f->output);
}

static void put_own(line_t *line, const chat_telemetry_line_t *f)
{
    text(line, "chat.request_id", f->request_id, ID_BYTES);
    text(line, "chat.route", f->route, WORD_BYTES);
    text(line, "chat.provider", f->provider, WORD_BYTES);
    text(line, "chat.outcome", f->outcome, WORD_BYTES);
    milliseconds(line, "chat.ttft_ms", f->ttft);
    milliseconds(line, "chat.duration_ms", f->duration);
    dollars(line, "chat.cost_usd", f->cost);
    text(line, "chat.limit", f->limit, WORD_BYTES);
    number(line, "chat.upstream_status", f->upstream_status);
    text(line, "chat.upstream_request_id", f->upstream_id, ID_BYTES);
    if (f->own_key)
        text(line, "chat.key", "user", WORD_BYTES);
    text(line, "chat.moderation.verdict", f->verdict, WORD_BYTES);
    text(line, "chat.moderation.phase", f->verdict_phase, WORD_BYTES);
    text(line, "chat.moderation.by", f->verdict_by, WORD_BYTES);
    text(line, "chat.moderation.category", f->verdict_category, WORD_BYTES);
    milliseconds(line, "chat.moderation.duration_ms", f->verdict_latency);
}

apr_size_t chat_telemetry_line(char out[CHAT_TELEMETRY_LINE_MAX],
                               const chat_telemetry_line_t *facts, int ecs)
{
    line_t line = {.text = out};

    puts_(&line, "{");
    if (ecs)
        begin_ecs(&line, facts);
    else
        begin_json(&line, facts);
    put_request(&line, facts);
    put_own(&line, facts);
    line.text[line.len++] = '}';
    line.text[line.len++] = '\n';
    return line.len;
}
