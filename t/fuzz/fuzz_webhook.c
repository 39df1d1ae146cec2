/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events of payment services and a user's key: the header up to the first line
 * end, then the body. Whatever it is, nothing but a verdict comes of it; a key
 * that is taken is in the body no more.
 */
#include "fuzz.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_request.h"
#include "chat_seal.h"

static void read_event(int kind, const char *header, const char *body,
                       apr_size_t len, apr_pool_t *p)
{
    apr_array_header_t *secrets = apr_array_make(p, 1, sizeof(const char *));
    chat_request_webhook_t event;
    chat_err_t err = {0};
    const char *why;
    apr_status_t rv;

    APR_ARRAY_PUSH(secrets, const char *) = "whsec_fuzz";
    rv = chat_request_webhook_signed(&why, kind, header, body, len, secrets,
                                     1795886000, p);
    MUST(rv == APR_SUCCESS || (rv == APR_EACCES && why));
    rv = chat_request_webhook_read(&event, kind, body, len, 1000, &err, p);
    MUST(rv == APR_SUCCESS || err.status == 400);
    MUST(rv != APR_SUCCESS || !event.counts || !event.subscription ||
         (event.status && event.id && event.at >= 0));
}

/* The same JSON, or the same that is none, with and without the key in it; and
 * the key is what JSON has there. */
static void take_key(const char *body, apr_size_t len, apr_pool_t *p)
{
    static const chat_json_limits_t limits = {1 << 20, 64, 100000};
    char *copy = apr_pstrmemdup(p, body, len), *key;
    chat_json_t *before, *after;
    chat_err_t err = {0};
    const char *said;
    apr_status_t rv;

    if (chat_request_key_take(&key, copy, len, &err, p) != APR_SUCCESS || !key)
        return;
    MUST(*key && strlen(key) <= 1024);
    rv = chat_json_parse(&before, body, len, &limits, p);
    MUST((chat_json_parse(&after, copy, len, &limits, p) == APR_SUCCESS) ==
         (rv == APR_SUCCESS));
    if (rv != APR_SUCCESS || memchr(body, '\\', len))
        return;
    said = chat_json_string(chat_json_get(before, "key"));
    if (chat_json_kind(before) == CHAT_JSON_OBJECT)
        MUST(said && strstr(said, key));
    chat_seal_free(key, p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data, *end = memchr(data, '\n', size);
    apr_size_t head = end ? (apr_size_t)(end - text) : size;
    apr_size_t body = end ? head + 1 : size;
    const char *url, *host;
    chat_err_t err = {0};
    apr_pool_t *p = fuzz_pool();
    char *header = apr_pstrmemdup(p, text, head);

    read_event(CHAT_WEBHOOK_STRIPE, header, text + body, size - body, p);
    read_event(CHAT_WEBHOOK_LEMONSQUEEZY, header, text + body, size - body, p);
    take_key(text + body, size - body, p);
    chat_request_key_url(&url, &host, header, &err, p);
    apr_pool_destroy(p);
    return 0;
}
