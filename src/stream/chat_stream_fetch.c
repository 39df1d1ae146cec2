/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call that nobody's client waits for: made by the thread that asks, with a
 * connection of its own, and ended at once when that thread has to stop. See
 * chat_stream.h.
 */
#include "chat_xfer_int.h"

#include "chat_clock.h"

#include <string.h>

/* Nothing wakes it for as long. */
#define LOOK_MS 500

typedef struct fetch_t {
    const chat_fetch_t *spec;
    CURL *easy;
    struct curl_slist *headers, *hosts, *guard;
    int too_long;
} fetch_t;

static size_t on_data(char *data, size_t size, size_t n, void *baton)
{
    fetch_t *f = baton;
    size_t len = size * n;

    if (f->spec->data(f->spec->ctx, data, len) == APR_SUCCESS)
        return len;
    f->too_long = 1;
    return len ? 0 : 1; /* anything but len ends the transfer */
}

static size_t on_header(char *line, size_t size, size_t n, void *baton)
{
    const fetch_t *f = baton;

    f->spec->header(f->spec->ctx, line, size * n);
    return size * n;
}

static size_t on_put(char *data, size_t size, size_t n, void *baton)
{
    const fetch_t *f = baton;

    return f->spec->put(f->spec->ctx, data, size * n);
}

static void set_method(fetch_t *f)
{
    const chat_fetch_t *spec = f->spec;

    if (!spec->method)
        return;
    if (spec->put) {
        curl_easy_setopt(f->easy, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(f->easy, CURLOPT_READFUNCTION, on_put);
        curl_easy_setopt(f->easy, CURLOPT_READDATA, f);
        curl_easy_setopt(f->easy, CURLOPT_INFILESIZE_LARGE,
                         (curl_off_t)spec->put_len);
        return;
    }
    if (!strcmp(spec->method, "HEAD"))
        curl_easy_setopt(f->easy, CURLOPT_NOBODY, 1L);
    else
        curl_easy_setopt(f->easy, CURLOPT_CUSTOMREQUEST, spec->method);
}

static void set_body(CURL *h, const chat_call_t *call)
{
    if (!call->body)
        return;
    curl_easy_setopt(h, CURLOPT_POST, 1L);
    curl_easy_setopt(h, CURLOPT_POSTFIELDS, call->body);
    curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE,
                     (curl_off_t)call->body_len);
}

static void set_certificates(CURL *h, const chat_fetch_t *spec)
{
    if (spec->ca)
        curl_easy_setopt(h, CURLOPT_CAINFO, spec->ca);
    else
        chat_trust_set(h);
    if (!spec->cert)
        return;
    curl_easy_setopt(h, CURLOPT_SSLCERT, spec->cert);
    curl_easy_setopt(h, CURLOPT_SSLKEY, spec->key);
}

static void set_options(fetch_t *f)
{
    const chat_call_t *call = f->spec->call;
    CURL *h = f->easy;
    int i;

    for (i = 0; i < call->headers->nelts; i++)
        f->headers = curl_slist_append(f->headers,
                                       APR_ARRAY_IDX(call->headers, i, char *));
    if (call->resolve)
        f->hosts = curl_slist_append(NULL, call->resolve);
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(h, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
    curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    set_certificates(h, f->spec);
    curl_easy_setopt(h, CURLOPT_RESOLVE, f->hosts);
    curl_easy_setopt(h, CURLOPT_URL, call->url);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, f->headers);
    set_body(h, call);
    set_method(f);
    if (f->spec->header) {
        curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(h, CURLOPT_HEADERDATA, f);
    }
    curl_easy_setopt(h, CURLOPT_TIMEOUT_MS,
                     (long)apr_time_as_msec(f->spec->timeout));
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, f);
    f->guard = chat_stream_guard_set(h, call);
}

/* Until it has ended, or the thread has to. */
static CURLcode drive(CURLM *multi, const fetch_t *f)
{
    struct curl_waitfd stop = {.fd = f->spec->stop_fd,
                               .events = CURL_WAIT_POLLIN};
    CURLMsg *msg;
    int running = 1, left;

    while (running && !stop.revents) {
        if (curl_multi_perform(multi, &running) != CURLM_OK)
            return CURLE_FAILED_INIT;
        if (running)
            curl_multi_poll(multi, &stop, f->spec->stop_fd >= 0, LOOK_MS, NULL);
    }
    msg = curl_multi_info_read(multi, &left);
    return msg ? msg->data.result : CURLE_ABORTED_BY_CALLBACK;
}

static apr_status_t result_of(CURLcode rc, int too_long)
{
    switch (rc) {
    case CURLE_OK:
        return APR_SUCCESS;
    case CURLE_ABORTED_BY_CALLBACK:
        return APR_EINTR;
    case CURLE_OPERATION_TIMEDOUT:
        return APR_TIMEUP;
    default:
        return too_long ? APR_ENOSPC : APR_EGENERAL;
    }
}

apr_status_t chat_stream_fetch(int *pstatus, const chat_fetch_t *spec)
{
    fetch_t f = {.spec = spec, .easy = curl_easy_init()};
    CURLM *multi = curl_multi_init();
    CURLcode rc = CURLE_OUT_OF_MEMORY;
    long status = 0;

    if (f.easy && multi) {
        set_options(&f);
        if (curl_multi_add_handle(multi, f.easy) == CURLM_OK) {
            rc = drive(multi, &f);
            curl_easy_getinfo(f.easy, CURLINFO_RESPONSE_CODE, &status);
            curl_multi_remove_handle(multi, f.easy);
        }
    }
    if (f.easy)
        curl_easy_cleanup(f.easy);
    if (multi)
        curl_multi_cleanup(multi);
    if (spec->call->secret)
        chat_stream_guard_wipe(f.headers);
    curl_slist_free_all(f.headers);
    curl_slist_free_all(f.guard);
    curl_slist_free_all(f.hosts);
    *pstatus = (int)status;
    return result_of(rc, f.too_long);
}
