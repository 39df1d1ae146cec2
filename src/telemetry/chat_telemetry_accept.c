/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads Accept as scrapers send it: media ranges with a version and a weight.
 * What is no media range is none that we have. Pure, any thread.
 */
#include "chat_telemetry_accept.h"

#include <string.h>
#include <strings.h>

#define OPENMETRICS "application/openmetrics-text"
#define TEXT "text/plain"
#define BLANKS " \t"

/* A piece of the header. */
typedef struct span_t {
    const char *text;
    size_t len;
} span_t;

/* Up to the next one of those characters, without blanks around it; *pat moves
 * to that. In quotes nothing ends it. */
static span_t take(const char **pat, const char *ends)
{
    span_t span;
    const char *at = *pat;
    int quoted = 0;

    at += strspn(at, BLANKS);
    span.text = at;
    for (; *at && (quoted || !strchr(ends, *at)); at++) {
        if (quoted && *at == '\\' && at[1])
            at++;
        else if (*at == '"')
            quoted = !quoted;
    }
    *pat = at;
    while (at > span.text && strchr(BLANKS, at[-1]))
        at--;
    span.len = at - span.text;
    return span;
}

static int is(const span_t *span, const char *word)
{
    return span->len == strlen(word) &&
           !strncasecmp(span->text, word, span->len);
}

/* A weight in thousandths: "0.5", "1", "1.000"; -1 when it is none. */
static int read_weight(const span_t *value)
{
    static const int worth[] = {1000, 0, 100, 10, 1};
    int weight = 0;
    size_t i;

    if (!value->len || value->len > sizeof(worth) / sizeof(worth[0]))
        return -1;
    for (i = 0; i < value->len; i++) {
        char c = value->text[i];

        if (i == 1 ? c != '.' : c < '0' || c > '9')
            return -1;
        if (i != 1)
            weight += (c - '0') * worth[i];
    }
    return weight > 1000 ? -1 : weight;
}

static int is_version(const span_t *value, const char *version)
{
    span_t bare = *value;

    if (bare.len > 1 && bare.text[0] == '"') {
        bare.text++;
        bare.len -= 2;
    }
    return is(&bare, version);
}

typedef struct range_t {
    int openmetrics, text; /* which one it is */
    int weight;
} range_t;

static void read_parameter(range_t *range, const char **pat)
{
    span_t name = take(pat, "=;,"), value = {"", 0};

    if (**pat == '=') {
        ++*pat;
        value = take(pat, ";,");
    }
    if (is(&name, "q"))
        range->weight = read_weight(&value);
    if (!is(&name, "version"))
        return;
    range->openmetrics &=
        is_version(&value, "1.0.0") || is_version(&value, "0.0.1");
    range->text &= is_version(&value, "0.0.4");
}

static void read_range(range_t *range, const char **pat)
{
    span_t type = take(pat, ";,");

    range->openmetrics = is(&type, OPENMETRICS);
    range->text = is(&type, TEXT);
    range->weight = 1000;
    while (**pat == ';') {
        ++*pat;
        read_parameter(range, pat);
    }
}

int chat_telemetry_accept_openmetrics(const char *accept)
{
    int openmetrics = 0, text = 0, is_first = 0;

    while (accept && *accept) {
        range_t range;

        read_range(&range, &accept);
        if (range.openmetrics && range.weight > openmetrics) {
            openmetrics = range.weight;
            is_first = !text;
        }
        if (range.text && range.weight > text)
            text = range.weight;
        accept += *accept == ',';
    }
    return openmetrics &&
           (openmetrics > text || (openmetrics == text && is_first));
}
