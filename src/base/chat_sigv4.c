/* SPDX-License-Identifier: Apache-2.0 */
/* Signed URLs of an object store. See chat_sigv4.h. */
#include "chat_sigv4.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "chat_buf.h"
#include "chat_crypto.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define SERVICE "s3"
#define LAST "aws4_request"
/* The bytes of the object are not signed: whoever makes the URL has not got
 * them. */
#define PAYLOAD "UNSIGNED-PAYLOAD"

#define HEX_LEN (2 * CHAT_SHA256_LEN + 1)

/* ---- text ---- */

const char *chat_sigv4_encode(const char *text, const char *keep, apr_pool_t *p)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "abcdefghijklmnopqrstuvwxyz0123456789-._~";
    static const char digits[] = "0123456789ABCDEF";
    char *out = apr_palloc(p, 3 * strlen(text) + 1), *to = out;

    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (strchr(plain, *text) || strchr(keep, *text)) {
            *to++ = *text;
            continue;
        }
        *to++ = '%';
        *to++ = digits[c >> 4];
        *to++ = digits[c & 15];
    }
    *to = '\0';
    return out;
}

/* Without blanks around it, and of several in a row one. */
static const char *trim(const char *value, apr_pool_t *p)
{
    char *out = apr_palloc(p, strlen(value) + 1), *to = out;

    for (value += strspn(value, " \t"); *value; value++) {
        int blank = *value == ' ' || *value == '\t';

        if (!blank)
            *to++ = *value;
        else if (value[1] && !strchr(" \t", value[1]))
            *to++ = ' ';
    }
    *to = '\0';
    return out;
}

static int by_name(const void *a, const void *b)
{
    const chat_sigv4_pair_t *x = a, *y = b;
    int order = strcmp(x->name, y->name);

    return order ? order : strcmp(x->value, y->value);
}

static void sort(apr_array_header_t *pairs)
{
    qsort(pairs->elts, (size_t)pairs->nelts, sizeof(chat_sigv4_pair_t),
          by_name);
}

static const chat_sigv4_pair_t *pair_at(const apr_array_header_t *pairs, int i)
{
    return &APR_ARRAY_IDX(pairs, i, chat_sigv4_pair_t);
}

static void add(apr_array_header_t *pairs, const char *name, const char *value)
{
    const chat_sigv4_pair_t pair = {name, value};

    APR_ARRAY_PUSH(pairs, chat_sigv4_pair_t) = pair;
}

/* ---- the key of a day ---- */

static apr_status_t derive(unsigned char key[CHAT_SHA256_LEN],
                           const chat_sigv4_key_t *from, const char *day,
                           apr_pool_t *p)
{
    char *first = apr_pstrcat(p, "AWS4", from->secret, NULL);
    const char *const steps[] = {from->region, SERVICE, LAST};
    apr_status_t rv =
        chat_crypto_hmac(key, first, strlen(first), day, strlen(day));
    apr_size_t i;

    chat_crypto_wipe(first, strlen(first));
    for (i = 0; rv == APR_SUCCESS && i < sizeof(steps) / sizeof(*steps); i++) {
        unsigned char next[CHAT_SHA256_LEN];

        rv = chat_crypto_hmac(next, (const char *)key, CHAT_SHA256_LEN,
                              steps[i], strlen(steps[i]));
        memcpy(key, next, sizeof(next));
        chat_crypto_wipe(next, sizeof(next));
    }
    return rv;
}

apr_status_t chat_sigv4_sign(const char **psignature,
                             const chat_sigv4_key_t *key, const char *day,
                             const char *text, apr_pool_t *p)
{
    unsigned char secret[CHAT_SHA256_LEN], mac[CHAT_SHA256_LEN];
    char *hex = apr_palloc(p, HEX_LEN);
    apr_status_t rv = derive(secret, key, day, p);

    if (rv == APR_SUCCESS)
        rv = chat_crypto_hmac(mac, (const char *)secret, sizeof(secret), text,
                              strlen(text));
    chat_crypto_wipe(secret, sizeof(secret));
    if (rv == APR_SUCCESS)
        chat_crypto_hex(hex, mac, sizeof(mac));
    *psignature = hex;
    return rv;
}

/* ---- what is signed ---- */

/* Of one URL. */
typedef struct url_t {
    const chat_sigv4_key_t *key;
    const chat_sigv4_request_t *request;
    char date[sizeof("20260102T030405Z")];
    char day[sizeof("20260102")];
    const char *scope, *path, *names;
    apr_array_header_t *headers, *query; /* sorted; the query encoded */
    apr_pool_t *p;
} url_t;

static void set_time(url_t *u, apr_time_t now)
{
    apr_time_exp_t t;

    apr_time_exp_gmt(&t, now);
    apr_snprintf(u->date, sizeof(u->date), "%04d%02d%02dT%02d%02d%02dZ",
                 t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min,
                 t.tm_sec);
    apr_cpystrn(u->day, u->date, sizeof(u->day));
    u->scope = apr_pstrcat(u->p, u->day, "/", u->key->region,
                           "/" SERVICE "/" LAST, NULL);
}

static void set_headers(url_t *u, const char *host)
{
    const chat_sigv4_request_t *request = u->request;
    const char *names = NULL;
    int i;

    u->headers =
        apr_array_make(u->p, request->nheaders + 1, sizeof(chat_sigv4_pair_t));
    add(u->headers, "host", host);
    for (i = 0; i < request->nheaders; i++)
        add(u->headers, request->headers[i].name,
            trim(request->headers[i].value, u->p));
    sort(u->headers);
    for (i = 0; i < u->headers->nelts; i++)
        names = apr_pstrcat(u->p, names ? names : "", names ? ";" : "",
                            pair_at(u->headers, i)->name, NULL);
    u->names = names;
}

static void add_query(url_t *u, const char *name, const char *value)
{
    add(u->query, chat_sigv4_encode(name, "", u->p),
        chat_sigv4_encode(value, "", u->p));
}

static void set_query(url_t *u)
{
    const chat_sigv4_request_t *request = u->request;
    int i;

    u->query =
        apr_array_make(u->p, request->nquery + 6, sizeof(chat_sigv4_pair_t));
    add_query(u, "X-Amz-Algorithm", ALGORITHM);
    add_query(u, "X-Amz-Credential",
              apr_pstrcat(u->p, u->key->id, "/", u->scope, NULL));
    add_query(u, "X-Amz-Date", u->date);
    add_query(u, "X-Amz-Expires", apr_itoa(u->p, request->expires));
    add_query(u, "X-Amz-SignedHeaders", u->names);
    if (u->key->token)
        add_query(u, "X-Amz-Security-Token", u->key->token);
    for (i = 0; i < request->nquery; i++)
        add_query(u, request->query[i].name, request->query[i].value);
    sort(u->query);
}

static void put_query(chat_buf_t *out, const url_t *u)
{
    int i;

    for (i = 0; i < u->query->nelts; i++) {
        chat_buf_puts(out, i ? "&" : "");
        chat_buf_puts(out, pair_at(u->query, i)->name);
        chat_buf_puts(out, "=");
        chat_buf_puts(out, pair_at(u->query, i)->value);
    }
}

static const char *text_of(chat_buf_t *out)
{
    chat_buf_put(out, "", 1);
    return out->data;
}

static const char *make_canonical(const url_t *u)
{
    chat_buf_t *out = apr_palloc(u->p, sizeof(*out));
    int i;

    chat_buf_init(out, u->p);
    chat_buf_puts(out, u->request->method);
    chat_buf_puts(out, "\n");
    chat_buf_puts(out, u->path);
    chat_buf_puts(out, "\n");
    put_query(out, u);
    chat_buf_puts(out, "\n");
    for (i = 0; i < u->headers->nelts; i++) {
        chat_buf_puts(out, pair_at(u->headers, i)->name);
        chat_buf_puts(out, ":");
        chat_buf_puts(out, pair_at(u->headers, i)->value);
        chat_buf_puts(out, "\n");
    }
    chat_buf_puts(out, "\n");
    chat_buf_puts(out, u->names);
    chat_buf_puts(out, "\n" PAYLOAD);
    return text_of(out);
}

static const char *make_url(const url_t *u, const char *signature)
{
    chat_buf_t *out = apr_palloc(u->p, sizeof(*out));

    chat_buf_init(out, u->p);
    chat_buf_puts(out, u->request->base);
    chat_buf_puts(out, u->path);
    chat_buf_puts(out, "?");
    put_query(out, u);
    chat_buf_puts(out, "&X-Amz-Signature=");
    chat_buf_puts(out, signature);
    return text_of(out);
}

apr_status_t chat_sigv4_url(chat_sigv4_signed_t *out,
                            const chat_sigv4_key_t *key,
                            const chat_sigv4_request_t *request, apr_time_t now,
                            apr_pool_t *p)
{
    url_t u = {.key = key, .request = request, .p = p};
    const char *host = strstr(request->base, "://");
    unsigned char sum[CHAT_SHA256_LEN];
    char hex[HEX_LEN];
    apr_status_t rv;

    if (!host || !host[3] || request->expires < 1 ||
        request->expires > CHAT_SIGV4_EXPIRES_MAX)
        return APR_EINVAL;
    set_time(&u, now);
    u.path = chat_sigv4_encode(request->path, "/", p);
    set_headers(&u, host + 3);
    set_query(&u);
    out->canonical = make_canonical(&u);
    rv = chat_crypto_sha256(sum, out->canonical, strlen(out->canonical));
    if (rv != APR_SUCCESS)
        return rv;
    chat_crypto_hex(hex, sum, sizeof(sum));
    out->to_sign =
        apr_pstrcat(p, ALGORITHM "\n", u.date, "\n", u.scope, "\n", hex, NULL);
    rv = chat_sigv4_sign(&out->signature, key, u.day, out->to_sign, p);
    if (rv == APR_SUCCESS)
        out->url = make_url(&u, out->signature);
    return rv;
}
