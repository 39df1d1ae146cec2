/* SPDX-License-Identifier: Apache-2.0 */
/* Reading requests, for the mock LLM. One thread. */
#include "mock_request.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BODY_MAX (64u * 1024 * 1024)

/* ---- the head ---- */

/* Value of a header, NUL-terminated in a buffer of the caller, or NULL. */
static const char *header(const mock_request_t *rq, const char *name,
                          char *value, size_t size)
{
    const char *at = rq->head.data;
    size_t n = strlen(name);

    while (at && *at) {
        const char *end = strstr(at, "\r\n");
        if (!end)
            break;
        if (!strncasecmp(at, name, n) && at[n] == ':') {
            at += n + 1;
            at += strspn(at, " \t");
            snprintf(value, size, "%.*s", (int)(end - at), at);
            return value;
        }
        at = end + 2;
    }
    return NULL;
}

static void set_text(buf_t *b, const char *text, size_t n)
{
    buf_clear(b);
    buf_put(b, text, n);
    *buf_room(b, 0) = '\0';
}

static int split_head(mock_request_t *rq, const char *text, size_t n)
{
    const char *eol = memmem(text, n, "\r\n", 2);
    char value[64];

    set_text(&rq->line, text, eol - text);
    set_text(&rq->head, eol + 2, n - (eol + 2 - text));
    if (!strchr(rq->line.data, ' '))
        return -1;
    rq->post = !strncmp(rq->line.data, "POST ", 5);
    rq->close = strstr(rq->line.data, " HTTP/1.0") != NULL;
    if (header(rq, "connection", value, sizeof(value)) &&
        !strcasecmp(value, "close"))
        rq->close = 1;
    rq->expects = header(rq, "expect", value, sizeof(value)) != NULL;
    return 0;
}

/* ---- the body: 1 whole (*pused bytes), 0 not yet, -1 bad ---- */

static int counted_body(mock_request_t *rq, const char *text, size_t n,
                        size_t want, size_t *pused)
{
    if (want > BODY_MAX)
        return -1;
    if (n < want)
        return 0;
    set_text(&rq->body, text, want);
    *pused = want;
    return 1;
}

static int chunked_body(mock_request_t *rq, const char *text, size_t n,
                        size_t *pused)
{
    const char *at = text, *end = text + n;

    buf_clear(&rq->body);
    for (;;) {
        const char *eol = memmem(at, end - at, "\r\n", 2);
        char *stop;
        size_t size;

        if (!eol)
            return 0;
        size = strtoul(at, &stop, 16);
        if (stop != eol || size > BODY_MAX)
            return -1;
        at = eol + 2;
        if ((size_t)(end - at) < size + 2)
            return 0;
        buf_put(&rq->body, at, size);
        at += size + 2;
        if (!size)
            break;
    }
    *buf_room(&rq->body, 0) = '\0';
    *pused = at - text;
    return 1;
}

static int read_body(mock_request_t *rq, const char *text, size_t n,
                     size_t *pused)
{
    char value[64];

    *pused = 0;
    if (header(rq, "transfer-encoding", value, sizeof(value)))
        return chunked_body(rq, text, n, pused);
    if (header(rq, "content-length", value, sizeof(value)))
        return counted_body(rq, text, n, strtoul(value, NULL, 10), pused);
    set_text(&rq->body, "", 0);
    return 1;
}

/* ---- what is asked for ---- */

/* The path without parameters and query. */
static void plain_path(const mock_request_t *rq, char *out, size_t size)
{
    const char *at = strchr(rq->line.data, ' ') + 1;
    size_t n = 0;

    while (*at && *at != ' ' && *at != '?' && n + 1 < size) {
        if (*at == ';')
            at += strcspn(at, "/? ");
        else
            out[n++] = *at++;
    }
    out[n] = '\0';
}

static int ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);

    return n >= m && !strcmp(text + n - m, end);
}

static int target_of(const mock_request_t *rq)
{
    static const struct {
        const char *end;
        int target;
    } known[] = {
        {"/responses", MOCK_TO_RESPONSES},
        {"/chat/completions", MOCK_TO_COMPLETIONS},
        {"/messages", MOCK_TO_MESSAGES},
        {":streamGenerateContent", MOCK_TO_GEMINI},
        {":generateContent", MOCK_TO_GEMINI},
        {"/models", MOCK_TO_MODELS},
        {"/_stats", MOCK_TO_STATS},
        {"/_reset", MOCK_TO_RESET},
        {"/_last", MOCK_TO_LAST},
        {"/_all", MOCK_TO_ALL},
        {"/_calls", MOCK_TO_CALLS},
        {"/_go", MOCK_TO_GO},
        {"/_trap", MOCK_TO_TRAP},
    };
    char path[1024];
    size_t i;

    plain_path(rq, path, sizeof(path));
    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (ends_with(path, known[i].end))
            return known[i].target;
    }
    return MOCK_TO_NOTHING;
}

static void look_at_query(mock_request_t *rq)
{
    int stream = strstr(rq->line.data, ":streamGenerateContent") != NULL;

    rq->sse = stream && strstr(rq->line.data, "alt=sse") != NULL;
    rq->array = stream && !rq->sse;
}

int mock_request_parse(mock_request_t *rq, buf_t *in)
{
    const char *text = buf_at(in), *end;
    size_t n = buf_left(in), head, used;
    int rc;

    end = n ? memmem(text, n, "\r\n\r\n", 4) : NULL;
    if (!end)
        return n > 1024 * 1024 ? -1 : 0;
    head = end + 4 - text;
    if (split_head(rq, text, head - 2))
        return -1;
    rc = read_body(rq, text + head, n - head, &used);
    if (rc != 1)
        return rc;
    rq->target = target_of(rq);
    look_at_query(rq);
    buf_take(in, head + used);
    return 1;
}

/* A query that belongs to the API. */
static int is_theirs(const char *query)
{
    return !strncmp(query, "alt=", 4) || !strncmp(query, "api-version=", 12);
}

int mock_request_params(mock_params_t *p, const mock_request_t *rq, char *why,
                        size_t why_size)
{
    const char *at = strchr(rq->line.data, ' ') + 1;

    while (*(at += strcspn(at, ";? ")) && *at != ' ') {
        size_t n = strcspn(++at, "/? ");
        if (!is_theirs(at) && mock_params_parse(p, at, n, why, why_size))
            return -1;
        at += n;
    }
    return mock_params_from_body(p, rq->body.data, rq->body.len, why, why_size);
}

/* ---- who asks what ---- */

void mock_request_key(const mock_request_t *rq, char *key, size_t size)
{
    static const char *const names[] = {"authorization", "x-api-key", "api-key",
                                        "x-goog-api-key"};
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!header(rq, names[i], key, size))
            continue;
        if (!strncasecmp(key, "Bearer ", 7))
            memmove(key, key + 7, strlen(key + 7) + 1);
        return;
    }
    *key = '\0';
}

void mock_request_path(const mock_request_t *rq, char *path, size_t size)
{
    const char *at = strchr(rq->line.data, ' ') + 1;

    snprintf(path, size, "%.*s", (int)strcspn(at, "? "), at);
}

static void json_headers(buf_t *out, const mock_request_t *rq)
{
    const char *at = rq->head.data, *end;
    const char *comma = "";

    while ((end = strstr(at, "\r\n")) && end > at) {
        char name[64];
        size_t n = strcspn(at, ":"), i;

        for (i = 0; i < n && i + 1 < sizeof(name); i++)
            name[i] = (char)tolower((unsigned char)at[i]);
        at += n + 1;
        at += strspn(at, " \t");
        buf_puts(out, comma);
        buf_json(out, name, i);
        buf_puts(out, ":");
        buf_json(out, at, end - at);
        comma = ",";
        at = end + 2;
    }
}

void mock_request_json(buf_t *out, const mock_request_t *rq)
{
    const char *line = rq->line.data ? rq->line.data : "";
    size_t method = strcspn(line, " ");
    const char *path = line + method + (line[method] == ' ');

    buf_puts(out, "{\"method\":");
    buf_json(out, line, method);
    buf_puts(out, ",\"path\":");
    buf_json(out, path, strcspn(path, " "));
    buf_puts(out, ",\"headers\":{");
    if (rq->head.data)
        json_headers(out, rq);
    buf_puts(out, "},\"body\":");
    buf_json(out, rq->body.data, rq->body.len);
    buf_puts(out, "}");
}

void mock_request_free(mock_request_t *rq)
{
    buf_free(&rq->line);
    buf_free(&rq->head);
    buf_free(&rq->body);
}
