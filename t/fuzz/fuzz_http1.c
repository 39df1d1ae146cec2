/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as an answer of HTTP/1.1: however they are cut, it is the same
 * answer with the same fields and body, and what is moved stays within what was
 * fed. */
#include "fuzz.h"

#include <string.h>

#include "chat_http1.h"

typedef struct seen_t {
    char *body;
    size_t len;
    unsigned fields;
    chat_http1_t http;
} seen_t;

static void on_status(void *ctx, int status)
{
    MUST(status >= 100 && status <= 999);
    ((seen_t *)ctx)->fields = 0;
}

static void on_field(void *ctx, const char *name, apr_size_t name_len,
                     const char *value, apr_size_t value_len)
{
    seen_t *seen = ctx;

    MUST(name_len > 0 && !memchr(name, ':', name_len));
    MUST(!memchr(value, '\n', value_len) && !memchr(value, '\r', value_len));
    seen->fields = seen->fields * 31 + name_len * 7 + value_len + 1;
}

static void read_pieces(seen_t *seen, const char *text, size_t len,
                        size_t piece)
{
    const chat_http1_cb_t cb = {on_status, on_field, seen};
    size_t at, n, got;
    char *body;

    chat_http1_begin(&seen->http, &cb);
    for (at = 0; at < len; at += piece) {
        char *copy;

        n = len - at < piece ? len - at : piece;
        copy = malloc(n);
        memcpy(copy, text + at, n);
        got = chat_http1_feed(&seen->http, copy, n, &body);
        MUST(got == 0 || (body >= copy && body + got <= copy + n));
        memcpy(seen->body + seen->len, body, got);
        seen->len += got;
        free(copy);
    }
    chat_http1_clear(&seen->http);
}

static void check(const seen_t *a, const seen_t *b)
{
    MUST(a->http.phase == b->http.phase);
    MUST(a->http.status == b->http.status);
    MUST(a->http.complete == b->http.complete);
    MUST(a->http.persistent == b->http.persistent);
    MUST(a->http.left == b->http.left);
    MUST(a->fields == b->fields);
    MUST(a->len == b->len && !memcmp(a->body, b->body, a->len));
    MUST((a->http.phase == CHAT_HTTP1_BAD) == (a->http.why != NULL));
    MUST(a->http.phase != CHAT_HTTP1_BAD || !a->http.persistent);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t pieces[] = {1, 2, 7};
    const char *text = (const char *)data;
    seen_t whole = {.body = malloc(size + 1)};
    size_t i;

    read_pieces(&whole, text, size, size + 1);
    for (i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
        seen_t cut = {.body = malloc(size + 1)};

        read_pieces(&cut, text, size, pieces[i]);
        check(&whole, &cut);
        free(cut.body);
    }
    free(whole.body);
    return 0;
}
