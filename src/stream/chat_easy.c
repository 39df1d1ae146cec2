/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Easy handles at work, in a multi handle of their driver's: what is the same
 * for all that libcurl does here, which is to connect. Driver's thread.
 */
#include "chat_xfer_int.h"

#define CONNECT_BYTES 1024L

static void set_connection(CURL *h, const chat_call_t *call)
{
    apr_interval_time_t connect = call->timeouts.connect;

    curl_easy_setopt(h, CURLOPT_URL, call->url);
    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(h, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
    /* A proxy of any kind gives us the upstream itself. */
    curl_easy_setopt(h, CURLOPT_HTTPPROXYTUNNEL, 1L);
    curl_easy_setopt(h, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    chat_trust_set(h);
    /* While it connects it has a buffer of that size. */
    curl_easy_setopt(h, CURLOPT_BUFFERSIZE, CONNECT_BYTES);
    if (connect > 0)
        curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS,
                         (long)apr_time_as_msec(connect));
#if LIBCURL_VERSION_NUM >= 0x075700
    /* Should curl have to look up a name after all: do not wait for that
     * thread when the client leaves. */
    curl_easy_setopt(h, CURLOPT_QUICK_EXIT, 1L);
#endif
}

int chat_easy_open(chat_easy_t *easy, chat_curl_t *c, const chat_call_t *call)
{
    easy->hosts = easy->guard = NULL;
    easy->handle = chat_curl_acquire(c);
    if (!easy->handle)
        return 0;
    easy->multi = chat_multi_acquire(c);
    if (!easy->multi) {
        chat_curl_release(c, easy->handle);
        easy->handle = NULL;
        return 0;
    }
    set_connection(easy->handle, call);
    curl_easy_setopt(easy->handle, CURLOPT_PRIVATE, easy);
    if (call->resolve)
        easy->hosts = curl_slist_append(NULL, call->resolve);
    curl_easy_setopt(easy->handle, CURLOPT_RESOLVE, easy->hosts);
    easy->guard = chat_stream_guard_set(easy->handle, call);
    return 1;
}

int chat_easy_run(chat_easy_t *easy)
{
    return curl_multi_add_handle(easy->multi->handle, easy->handle) == CURLM_OK;
}

void chat_easy_close(chat_easy_t *easy)
{
    if (!easy->handle)
        return;
    curl_multi_remove_handle(easy->multi->handle, easy->handle);
    chat_curl_release(easy->multi->curl, easy->handle);
    easy->handle = NULL;
    chat_multi_release(easy->multi);
    curl_slist_free_all(easy->hosts);
    curl_slist_free_all(easy->guard);
}
