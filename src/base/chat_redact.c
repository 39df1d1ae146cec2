/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets out of a stream. In nearly every piece there is none, nor the
 * beginning of one at its end: then it is handed on as it is. Pure.
 */
#include "chat_redact.h"

#include <string.h>

#include <apr_lib.h>

#define MASK "***"

#define SHORTEST 16
#define SHORTEST_WITH_DIGIT 8

/* So much of one may be shown where a stream breaks off. */
#define HARMLESS 7

/* ---- secrets ---- */

static int is_secret(const char *text, apr_size_t len)
{
    return len >= SHORTEST ||
           (len >= SHORTEST_WITH_DIGIT && strcspn(text, "0123456789") < len);
}

/* What answers have most of, in falling order; all else is rarer. */
static const char frequent[] =
    "e taonisrlhdc\"u,pmfgybvwk0123456789:.{}[]_-xjqzTASICWHMEBPD";

static apr_size_t rarity(char c)
{
    const char *at = c ? strchr(frequent, c) : NULL;

    return at ? (apr_size_t)(at - frequent) : sizeof(frequent);
}

static apr_size_t find_rarest(const char *text, apr_size_t len)
{
    apr_size_t i, rarest = 0;

    for (i = 1; i < len; i++)
        if (rarity(text[i]) > rarity(text[rarest]))
            rarest = i;
    return rarest;
}

void chat_redact_reset(chat_redact_t *redact, const apr_array_header_t *secrets)
{
    chat_redact_secret_t *list;
    int i;

    redact->held = NULL;
    redact->held_len = 0;
    redact->nsecrets = 0;
    if (secrets->nelts == 0)
        return;
    list = apr_palloc(redact->p, secrets->nelts * sizeof(*list));
    for (i = 0; i < secrets->nelts; i++) {
        const char *text = APR_ARRAY_IDX(secrets, i, const char *);
        apr_size_t len = strlen(text);

        if (is_secret(text, len))
            list[redact->nsecrets++] =
                (chat_redact_secret_t){text, len, find_rarest(text, len)};
    }
    redact->secrets = list;
}

void chat_redact_init(chat_redact_t *redact, apr_pool_t *p)
{
    memset(redact, 0, sizeof(*redact));
    redact->p = p;
    chat_buf_init(&redact->joined, p);
}

/* ---- where they are ---- */

/* memchr() takes a tenth of what memmem() does, and its byte is seldom there.
 */
static const char *find_one(const chat_redact_secret_t *s, const char *data,
                            apr_size_t len)
{
    const char *at, *end;

    if (len < s->len)
        return NULL;
    at = data + s->rare;
    end = at + len - s->len + 1;
    for (; at < end && (at = memchr(at, s->text[s->rare], end - at)); at++)
        if (!memcmp(at - s->rare, s->text, s->len))
            return at - s->rare;
    return NULL;
}

/* The first of them in the bytes; NULL: there is none. */
static const char *find(const chat_redact_t *redact, const char *data,
                        apr_size_t len, apr_size_t *plen)
{
    const char *first = NULL;
    int i;

    for (i = 0; i < redact->nsecrets; i++) {
        const chat_redact_secret_t *s = &redact->secrets[i];
        const char *at = find_one(s, data, len);

        if (at && (!first || at < first)) {
            first = at;
            *plen = s->len;
        }
    }
    return first;
}

int chat_redact_finds(const chat_redact_t *redact, const char *data,
                      apr_size_t len)
{
    apr_size_t unused;

    return find(redact, data, len, &unused) != NULL;
}

/* How many bytes at the end are the beginning of that secret. */
static apr_size_t count_begun(const chat_redact_secret_t *s, const char *data,
                              apr_size_t len)
{
    apr_size_t n = len < s->len - 1 ? len : s->len - 1;

    /* Most pieces end with a line, and no key holds the end of one. */
    if (len == 0 || !memchr(s->text, data[len - 1], s->len))
        return 0;
    while (n > 0 && memcmp(data + len - n, s->text, n) != 0)
        n--;
    return n;
}

/* Hold the longest of them; the bytes that need not be held. */
static apr_size_t hold(chat_redact_t *redact, const char *data, apr_size_t len)
{
    int i;

    redact->held_len = 0;
    for (i = 0; i < redact->nsecrets; i++) {
        apr_size_t n = count_begun(&redact->secrets[i], data, len);

        if (n > redact->held_len) {
            redact->held = redact->secrets[i].text;
            redact->held_len = n;
        }
    }
    return len - redact->held_len;
}

/* ---- what passes ---- */

static apr_status_t pass(chat_redact_t *redact, const char *data,
                         apr_size_t len, chat_redact_put *put, void *ctx)
{
    apr_status_t rv = APR_SUCCESS;
    apr_size_t secret = 0;
    const char *at;

    while (rv == APR_SUCCESS && (at = find(redact, data, len, &secret))) {
        if (at > data)
            rv = put(ctx, data, at - data);
        if (rv == APR_SUCCESS)
            rv = put(ctx, MASK, sizeof(MASK) - 1);
        len -= at + secret - data;
        data = at + secret;
    }
    len = hold(redact, data, len);
    return rv == APR_SUCCESS && len > 0 ? put(ctx, data, len) : rv;
}

apr_status_t chat_redact_feed(chat_redact_t *redact, const char *data,
                              apr_size_t len, chat_redact_put *put, void *ctx)
{
    if (redact->nsecrets == 0)
        return put(ctx, data, len);
    if (redact->held_len == 0)
        return pass(redact, data, len, put, ctx);
    chat_buf_clear(&redact->joined);
    chat_buf_put(&redact->joined, redact->held, redact->held_len);
    chat_buf_put(&redact->joined, data, len);
    return pass(redact, redact->joined.data, redact->joined.len, put, ctx);
}

apr_status_t chat_redact_end(chat_redact_t *redact, chat_redact_put *put,
                             void *ctx)
{
    apr_size_t len = redact->held_len;

    redact->held_len = 0;
    if (len == 0)
        return APR_SUCCESS;
    return len > HARMLESS ? put(ctx, MASK, sizeof(MASK) - 1)
                          : put(ctx, redact->held, len);
}
