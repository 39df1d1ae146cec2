/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pages of other origins (ChatOrigin): what a browser has to be told before it
 * lets them see an answer (WHATWG Fetch, "CORS protocol"). Set before anybody
 * is asked who he is, and where it survives errors: else a page learns of a
 * 401 or 429 no more than that it failed. Request thread.
 */
#include "chat_auth.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "chat_auth_int.h"
#include "chat_log.h"

/* Of routes, limits and httpd: what a page may read beside the few headers that
 * it always may. */
#define EXPOSED                                                                \
    "X-Request-ID, X-Chat-Model, Retry-After, RateLimit, RateLimit-Policy, "   \
    "X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, ETag, "      \
    "Location, Content-Disposition, Idempotency-Replayed"

#define ALLOWED "GET, HEAD, POST, PUT, PATCH, DELETE"

/* Seconds; browsers remember it no longer. */
#define REMEMBERED "7200"

/* Names of headers, with commas between them. */
static int is_names(const char *text)
{
    for (; *text; text++)
        if (!apr_isalnum(*text) && !strchr("!#$%&'*+-.^_`|~, \t", *text))
            return 0;
    return 1;
}

static int is_preflight(const request_rec *r)
{
    return r->method_number == M_OPTIONS &&
           apr_table_get(r->headers_in, "Access-Control-Request-Method");
}

/* Whatever a listed origin wants to send, it may: SDKs have headers of their
 * own. */
static int answer_preflight(request_rec *r)
{
    const char *wanted =
        apr_table_get(r->headers_in, "Access-Control-Request-Headers");
    apr_table_t *out = r->err_headers_out;

    apr_table_setn(out, "Access-Control-Allow-Methods", ALLOWED);
    if (wanted && is_names(wanted))
        apr_table_setn(out, "Access-Control-Allow-Headers", wanted);
    apr_table_setn(out, "Access-Control-Max-Age", REMEMBERED);
    apr_table_mergen(out, "Vary",
                     "Access-Control-Request-Method, "
                     "Access-Control-Request-Headers");
    return HTTP_NO_CONTENT;
}

int chat_auth_cors(request_rec *r)
{
    /* As it is written, for this is asked for every request of httpd. */
    const chat_dir_conf_t *written =
        ap_get_module_config(r->per_dir_config, &chat_module);
    const char *origin;

    if (!written->auth.origins || written->route.id == CHAT_ROUTE_NONE)
        return DECLINED;
    apr_table_mergen(r->err_headers_out, "Vary", "Origin");
    origin = apr_table_get(r->headers_in, "Origin");
    if (!origin || !chat_auth_origin_listed(written, origin))
        return DECLINED;
    apr_table_setn(r->err_headers_out, "Access-Control-Allow-Origin", origin);
    apr_table_setn(r->err_headers_out, "Access-Control-Allow-Credentials",
                   "true");
    if (is_preflight(r))
        return answer_preflight(r);
    apr_table_setn(r->err_headers_out, "Access-Control-Expose-Headers",
                   EXPOSED);
    return DECLINED;
}
