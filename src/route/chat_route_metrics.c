/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The metrics route: what Prometheus scrapes. Asks nobody who they are, as
 * scrapers have no account here: who may see it is said with Require. Request
 * thread.
 */
#include <http_protocol.h>

#include "chat_buf.h"
#include "chat_request.h"
#include "chat_route.h"
#include "chat_run.h"
#include "chat_telemetry.h"

int chat_route_metrics(chat_ctx_t *ctx)
{
    request_rec *r = ctx->r;
    chat_err_t err = {0};
    chat_buf_t *out;

    if (chat_request_check_get(r, &err) != APR_SUCCESS) {
        chat_run_error(ctx, &err);
        return OK;
    }
    out = apr_palloc(r->pool, sizeof(*out)); /* its bytes go with the pool */
    chat_buf_init(out, r->pool);
    ap_set_content_type(
        r, chat_telemetry_metrics(out, apr_table_get(r->headers_in, "Accept")));
    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    apr_table_mergen(r->headers_out, "Vary", "Accept");
    ap_set_content_length(r, out->len);
    ap_rwrite(out->data, (int)out->len, r);
    return OK;
}
