/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Idempotency-Key: a request that its client sends again, because it does not
 * know what became of the first, has the answer of the first. Kept are the
 * answers of what was done or refused; what failed on our side may be tried
 * again. Request thread.
 */
#include <string.h>

#include <httpd.h>
#include <apr_strings.h>

#include "chat_crypto.h"
#include "chat_reply.h"
#include "chat_route_rest_int.h"

#define KEY_MAX 255
#define ENVELOPE_DEPTH 256

typedef chat_route_rest_t rest_t;

static int is_key(const char *key)
{
    apr_size_t i;

    for (i = 0; key[i]; i++)
        if (key[i] < ' ' || key[i] > '~')
            return 0;
    return i >= 1 && i <= KEY_MAX;
}

/* Of what the body says: spaces between its members do not count. */
static const char *hash_of(const rest_t *q)
{
    const char *text = q->body ? chat_json_text(q->body, NULL, q->p) : "";
    unsigned char digest[CHAT_SHA256_LEN];
    char *hex = apr_palloc(q->p, 2 * sizeof(digest) + 1);

    if (chat_crypto_sha256(digest, text, strlen(text)) != APR_SUCCESS)
        return NULL;
    chat_crypto_hex(hex, digest, sizeof(digest));
    return hex;
}

/* ---- an answer as it is kept ---- */

static const char *pack(const rest_t *q)
{
    chat_json_t *envelope = chat_json_object(q->p);

    chat_json_add_string(envelope, "body", q->json);
    chat_json_add_string(envelope, "location", q->location);
    chat_json_add_integer(envelope, "revision", q->revision);
    return chat_json_text(envelope, NULL, q->p);
}

static void unpack(rest_t *q, const chat_store_repeat_t *repeat)
{
    const char *text = repeat->response ? repeat->response : "null";
    const chat_json_limits_t limits = {strlen(text), ENVELOPE_DEPTH, 8};
    chat_json_t *envelope;

    if (chat_json_parse(&envelope, text, limits.bytes, &limits, q->p) ==
        APR_SUCCESS) {
        q->json = chat_json_string(chat_json_get(envelope, "body"));
        q->location = chat_json_string(chat_json_get(envelope, "location"));
        q->revision =
            (int)chat_json_integer(chat_json_get(envelope, "revision"), 0);
    }
    q->status = repeat->status;
    apr_table_setn(q->r->err_headers_out, "Idempotency-Replayed", "true");
}

/* ---- once ---- */

static apr_status_t once(rest_t *q, chat_store_repeat_t *repeat,
                         chat_route_rest_fn *handler)
{
    apr_status_t rv = handler(q);
    chat_err_t ignored = {0};

    /* A run that was refused has told so, and may be asked for again. */
    if (rv == APR_SUCCESS && (!q->sent || q->json)) {
        repeat->status = q->status ? q->status
                         : q->json ? HTTP_OK
                                   : HTTP_NO_CONTENT;
        repeat->response = pack(q);
    }
    chat_store_repeat_end(repeat, &q->at, &ignored);
    return rv;
}

apr_status_t chat_route_rest_repeat(rest_t *q, chat_route_rest_fn *handler)
{
    const char *key = apr_table_get(q->r->headers_in, "Idempotency-Key");
    chat_store_repeat_t repeat = {
        .key = key, .method = q->r->method, .path = q->r->uri};
    apr_status_t rv;

    if (!key)
        return handler(q);
    if (!is_key(key))
        return chat_err_set(&q->err, APR_EINVAL, HTTP_BAD_REQUEST,
                            "invalid_request",
                            "Idempotency-Key must be 1 to 255 printable ASCII "
                            "characters.");
    repeat.body_hash = hash_of(q);
    if (!repeat.body_hash)
        return chat_err_set(&q->err, APR_EGENERAL, HTTP_INTERNAL_SERVER_ERROR,
                            "internal", "The request could not be read.");
    rv = chat_store_repeat_begin(&repeat, &q->at, &q->err);
    if (rv == APR_SUCCESS)
        return once(q, &repeat, handler);
    if (rv != APR_EEXIST || !repeat.status)
        return rv;
    q->err = (chat_err_t){0};
    unpack(q, &repeat);
    return APR_SUCCESS;
}
