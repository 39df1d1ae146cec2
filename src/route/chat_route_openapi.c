/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The openapi route: what this server serves, as OpenAPI 3.1. It is made when
 * the server starts, of the configuration files alone: what it says is the same
 * for everybody. Request thread, but for chat_route_openapi_post_config().
 */
#include "chat_route_openapi.h"

#include <string.h>

#include <http_protocol.h>
#include <apr_strings.h>

#include "chat_config_mounts.h"
#include "chat_crypto.h"
#include "chat_reply.h"
#include "chat_request.h"
#include "chat_route.h"
#include "chat_run.h"

#define TAG_BYTES 16

typedef struct made_t {
    const char *text;
    const char *tag; /* of its bytes */
} made_t;

static apr_hash_t *made; /* const server_rec * to made_t */

static const char *tag_of(const char *text, apr_pool_t *p)
{
    unsigned char sum[CHAT_SHA256_LEN];
    char hex[2 * TAG_BYTES + 1];

    if (chat_crypto_sha256(sum, text, strlen(text)) != APR_SUCCESS)
        return NULL;
    chat_crypto_hex(hex, sum, TAG_BYTES);
    return apr_psprintf(p, "\"%.*s\"", 2 * TAG_BYTES, hex);
}

static int serves_document(const server_rec *s)
{
    const apr_array_header_t *mounts = chat_config_mounts(s);
    int i;

    for (i = 0; i < mounts->nelts; i++)
        if (APR_ARRAY_IDX(mounts, i, chat_mount_t).conf->route.id ==
            CHAT_ROUTE_openapi)
            return 1;
    return 0;
}

apr_status_t chat_route_openapi_post_config(apr_pool_t *pconf, server_rec *s)
{
    apr_pool_t *scratch;

    made = apr_hash_make(pconf);
    apr_pool_create(&scratch, pconf);
    for (; s; s = s->next) {
        const char *text;
        made_t *one;

        if (!serves_document(s))
            continue;
        text = chat_route_openapi_document(s, scratch);
        if (!text)
            return APR_ENOMEM;
        one = apr_palloc(pconf, sizeof(*one));
        one->text = apr_pstrdup(pconf, text);
        one->tag = tag_of(text, pconf);
        apr_hash_set(made, apr_pmemdup(pconf, &s, sizeof(s)), sizeof(s), one);
    }
    apr_pool_destroy(scratch);
    return APR_SUCCESS;
}

static apr_status_t check(const made_t **pone, const chat_ctx_t *ctx,
                          chat_err_t *err)
{
    const char *rest = chat_request_rest(ctx->r, ctx->dir->route.location);

    *pone = apr_hash_get(made, &ctx->r->server, sizeof(server_rec *));
    if (*pone && (!rest || !*rest))
        return chat_request_check_get(ctx->r, err);
    return chat_err_set(err, APR_NOTFOUND, HTTP_NOT_FOUND, "not_found",
                        "There is nothing here.");
}

int chat_route_openapi(chat_ctx_t *ctx)
{
    request_rec *r = ctx->r;
    const made_t *one;
    chat_err_t err = {0};
    int rc;

    if (check(&one, ctx, &err) != APR_SUCCESS) {
        chat_run_error(ctx, &err);
        return OK;
    }
    if (one->tag)
        apr_table_setn(r->headers_out, "ETag", one->tag);
    rc = ap_meets_conditions(r);
    if (rc == OK)
        chat_reply_json(r, HTTP_OK, one->text);
    return rc;
}
