/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signatures of payment services' events. They are of the body as it came,
 * so that they are checked before anybody looks into it. Pure, any thread.
 * What an event says is in chat_request_webhook_stripe.c and
 * chat_request_webhook_lemon.c.
 */
#include "chat_request_webhook.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "chat_crypto.h"

#define HEX_LEN (2 * CHAT_SHA256_LEN)

/* Of a Stripe-Signature. */
#define HEADER_MAX 1024
#define ITEMS_MAX 16
#define TIME_DIGITS_MAX 12
/* Seconds; one of the future is as good, as Stripe's libraries have it: only
 * who has the secret can make it. */
#define AGE_MAX 300

/* An event has some hundred values. */
static const chat_json_limits_t limits = {CHAT_REQUEST_WEBHOOK_MAX, 64, 20000};

static apr_status_t refuse(const char **pwhy, const char *why)
{
    *pwhy = why;
    return APR_EACCES;
}

/* ---- one that fits ---- */

/* The texts of signatures, HEX_LEN lower-case digits each. All are compared
 * with all secrets, so that the time does not tell which one fits. */
static apr_status_t find_fit(int *pfits, const apr_array_header_t *texts,
                             const char *data, apr_size_t len,
                             const apr_array_header_t *secrets)
{
    unsigned char mac[CHAT_SHA256_LEN];
    char expected[HEX_LEN + 1];
    int i, k;

    *pfits = 0;
    for (i = 0; i < secrets->nelts; i++) {
        const char *secret = APR_ARRAY_IDX(secrets, i, const char *);
        apr_status_t rv =
            chat_crypto_hmac(mac, secret, strlen(secret), data, len);

        if (rv != APR_SUCCESS)
            return APR_EGENERAL;
        chat_crypto_hex(expected, mac, sizeof(mac));
        for (k = 0; k < texts->nelts; k++)
            *pfits |= chat_crypto_equal(APR_ARRAY_IDX(texts, k, const char *),
                                        expected, HEX_LEN);
    }
    return APR_SUCCESS;
}

/* ---- Stripe ---- */

typedef struct parts_t {
    const char *time; /* its digits, NUL-terminated */
    int times;
    apr_array_header_t *texts;
} parts_t;

/* As a server writes it: digits, no sign, no zero in front. */
static int is_time(const char *text)
{
    apr_size_t len = strspn(text, "0123456789");

    return len > 0 && len <= TIME_DIGITS_MAX && !text[len] && *text != '0';
}

/* "v0" and what else there may be do not count. */
static void read_item(parts_t *parts, char *item)
{
    char *value = strchr(item, '=');

    if (!value)
        return;
    *value++ = '\0';
    if (!strcmp(item, "t")) {
        parts->times++;
        parts->time = value;
    }
    else if (!strcmp(item, "v1") && strlen(value) == HEX_LEN) {
        APR_ARRAY_PUSH(parts->texts, const char *) = value;
    }
}

static const char *read_header(parts_t *parts, const char *header,
                               apr_pool_t *p)
{
    char *rest, *item;
    int n = 0;

    if (!header || !*header)
        return "there is no Stripe-Signature";
    if (strlen(header) > HEADER_MAX)
        return "Stripe-Signature is longer than 1 KiB";
    for (rest = apr_pstrdup(p, header); rest; n++) {
        item = rest;
        rest = strchr(rest, ',');
        if (rest)
            *rest++ = '\0';
        read_item(parts, item);
    }
    if (n > ITEMS_MAX)
        return "Stripe-Signature has more than 16 items";
    if (parts->times != 1 || !is_time(parts->time))
        return "Stripe-Signature has not one time, in seconds";
    return parts->texts->nelts ? NULL : "Stripe-Signature has no v1";
}

static apr_status_t check_stripe(const char **pwhy, const char *header,
                                 const char *body, apr_size_t len,
                                 const apr_array_header_t *secrets,
                                 apr_int64_t now, apr_pool_t *p)
{
    parts_t parts = {.texts = apr_array_make(p, 2, sizeof(const char *))};
    const char *why = read_header(&parts, header, p);
    apr_size_t head;
    apr_int64_t age;
    apr_status_t rv;
    char *all;
    int fits;

    if (why)
        return refuse(pwhy, why);
    head = strlen(parts.time) + 1;
    all = apr_palloc(p, head + len);
    memcpy(all, parts.time, head - 1);
    all[head - 1] = '.';
    memcpy(all + head, body, len);
    rv = find_fit(&fits, parts.texts, all, head + len, secrets);
    if (rv != APR_SUCCESS)
        return rv;
    if (!fits)
        return refuse(pwhy, "no v1 of Stripe-Signature is that of this body "
                            "by a ChatWebhookSecret");
    age = now - apr_atoi64(parts.time);
    if (age > AGE_MAX)
        return refuse(pwhy, apr_psprintf(p,
                                         "the signature is %" APR_INT64_T_FMT
                                         " seconds old, by this clock",
                                         age));
    return APR_SUCCESS;
}

/* ---- Lemon Squeezy ---- */

static apr_status_t check_lemon(const char **pwhy, const char *header,
                                const char *body, apr_size_t len,
                                const apr_array_header_t *secrets,
                                apr_pool_t *p)
{
    apr_array_header_t *texts = apr_array_make(p, 1, sizeof(const char *));
    apr_status_t rv;
    char *text, *c;
    int fits;

    if (!header || strlen(header) != HEX_LEN ||
        strspn(header, "0123456789abcdefABCDEF") != HEX_LEN)
        return refuse(pwhy, "X-Signature is not 64 hexadecimal digits");
    text = apr_pstrdup(p, header);
    for (c = text; *c; c++)
        *c = (char)apr_tolower(*c);
    APR_ARRAY_PUSH(texts, const char *) = text;
    rv = find_fit(&fits, texts, body, len, secrets);
    if (rv != APR_SUCCESS || fits)
        return rv;
    return refuse(
        pwhy, "X-Signature is not that of this body by a ChatWebhookSecret");
}

const char *chat_request_webhook_header(int kind)
{
    return kind == CHAT_WEBHOOK_STRIPE ? "Stripe-Signature" : "X-Signature";
}

apr_status_t chat_request_webhook_signed(const char **pwhy, int kind,
                                         const char *header, const char *body,
                                         apr_size_t len,
                                         const apr_array_header_t *secrets,
                                         apr_int64_t now, apr_pool_t *p)
{
    *pwhy = NULL;
    return kind == CHAT_WEBHOOK_STRIPE
               ? check_stripe(pwhy, header, body, len, secrets, now, p)
               : check_lemon(pwhy, header, body, len, secrets, p);
}

/* ---- what both say ---- */

const char *chat_request_webhook_text(const chat_json_t *v, apr_pool_t *p)
{
    const char *text = chat_json_string(v);
    apr_int64_t n;

    if (!text && chat_json_kind(v) == CHAT_JSON_NUMBER) {
        n = chat_json_integer(v, -1);
        text = n < 0 ? NULL : apr_psprintf(p, "%" APR_INT64_T_FMT, n);
    }
    return text && *text && strlen(text) <= CHAT_REQUEST_WEBHOOK_TEXT_MAX
               ? text
               : NULL;
}

apr_status_t chat_request_webhook_invalid(chat_err_t *err, const char *message)
{
    return chat_err_set(err, APR_EINVAL, 400, "invalid_event", message);
}

apr_status_t chat_request_webhook_read(chat_request_webhook_t *event, int kind,
                                       const char *body, apr_size_t len,
                                       apr_int64_t grace, chat_err_t *err,
                                       apr_pool_t *p)
{
    chat_json_t *root;

    memset(event, 0, sizeof(*event));
    event->test = -1;
    event->prices = apr_array_make(p, 4, sizeof(const char *));
    if (chat_json_parse(&root, body, len, &limits, p) != APR_SUCCESS ||
        chat_json_kind(root) != CHAT_JSON_OBJECT)
        return chat_request_webhook_invalid(
            err, "What is signed is no JSON object.");
    if (kind == CHAT_WEBHOOK_STRIPE)
        return chat_request_webhook_stripe(event, root, grace, err, p);
    return chat_request_webhook_lemon(event, root, body, len, grace, err, p);
}
