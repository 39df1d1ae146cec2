/* SPDX-License-Identifier: Apache-2.0 */
/* A user's key, shown to its provider. See chat_route_keys_check.h. */
#include "chat_route_keys_check.h"

#include <string.h>

#include <httpd.h>
#include <apr_strings.h>

#include "chat_request.h"
#include "chat_run.h"
#include "chat_seal.h"
#include "chat_stream.h"

#define LASTS apr_time_from_sec(5)
/* Of its answer no more is read. */
#define ANSWER_MAX 8192

typedef struct answer_t {
    char data[ANSWER_MAX];
    apr_size_t len;
} answer_t;

static apr_status_t on_data(void *ctx, const char *data, apr_size_t len)
{
    answer_t *answer = ctx;
    apr_size_t left = ANSWER_MAX - answer->len;

    if (len > left)
        len = left;
    memcpy(answer->data + answer->len, data, len);
    answer->len += len;
    return APR_SUCCESS;
}

static apr_status_t build(chat_call_t *call, chat_route_rest_t *q,
                          const chat_provider_conf_t *conf, const char *key,
                          const char *url)
{
    chat_upstream_t up = {.url = url ? url : conf->url,
                          .key = key,
                          .auth = conf->auth,
                          .version = conf->version,
                          .timeouts = conf->timeouts};
    const char *host;
    apr_status_t rv = chat_provider_check_build(
        call, chat_provider_get(conf->type), &up, &q->err, q->p);

    call->secret = 1;
    if (rv != APR_SUCCESS)
        return rv;
    if (!url)
        return chat_stream_resolve(&call->resolve, q->r, conf->host, conf->port,
                                   LASTS, &q->err);
    rv = chat_request_key_url(&url, &host, url, &q->err, q->p);
    return rv == APR_SUCCESS
               ? chat_stream_resolve_public(&call->guarded, q->r, host, &q->err)
               : rv;
}

/* The lines of the call, and what the provider may have said of the key. */
static void wipe(const chat_call_t *call, const char *key, answer_t *answer)
{
    int i;

    for (i = 0; call->headers && i < call->headers->nelts; i++) {
        char *line = APR_ARRAY_IDX(call->headers, i, char *);

        if (strstr(line, key))
            chat_seal_wipe(line, strlen(line));
    }
    chat_seal_wipe(answer, sizeof(*answer));
}

static apr_status_t fail(chat_route_rest_t *q, apr_status_t rv)
{
    if (rv == APR_TIMEUP)
        return chat_err_set(&q->err, rv, HTTP_GATEWAY_TIME_OUT,
                            "upstream_timeout",
                            "The provider did not answer in time, so the key "
                            "could not be checked.");
    return chat_err_set(&q->err, rv, HTTP_BAD_GATEWAY, "upstream_unreachable",
                        "The provider cannot be reached right now, so the key "
                        "could not be checked.");
}

apr_status_t chat_route_keys_check(chat_provider_check_e *pverdict,
                                   chat_route_rest_t *q,
                                   const chat_provider_conf_t *conf,
                                   const char *key, const char *url)
{
    answer_t answer = {.len = 0};
    chat_call_t call = {0};
    const chat_fetch_t fetch = {.call = &call,
                                .timeout = LASTS,
                                .stop_fd = -1,
                                .data = on_data,
                                .ctx = &answer};
    int status = 0;
    apr_status_t rv = build(&call, q, conf, key, url);

    *pverdict = CHAT_PROVIDER_CHECK_UNKNOWN;
    if (rv == APR_SUCCESS) {
        rv = chat_stream_fetch(&status, &fetch);
        chat_seal_mask(answer.data, answer.len, key);
        if (rv == APR_SUCCESS)
            *pverdict = chat_provider_check_verdict(
                chat_provider_get(conf->type), status, answer.data, answer.len,
                q->p);
        else
            rv = fail(q, rv);
    }
    wipe(&call, key, &answer);
    return rv;
}
