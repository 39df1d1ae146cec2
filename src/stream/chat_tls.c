/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS with upstreams, once libcurl has made the connection, shaken hands and
 * checked who is there: its bytes come and go by the socket itself. Then
 * libcurl need not look a connection up whenever it is read, and a record takes
 * one read instead of two, for its head and the rest. Driver's thread.
 */
#include "chat_xfer_int.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

/* libcurl closes it: with our socket, so that the other side hears of it. */
chat_tls_t *chat_tls_take(CURL *easy, int fd)
{
    struct curl_tlssessioninfo *info = NULL;
    SSL *ssl;

    if (curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &info) != CURLE_OK ||
        !info || info->backend != CURLSSLBACKEND_OPENSSL || !info->internals)
        return NULL;
    ssl = info->internals;
    if (!SSL_set_fd(ssl, fd))
        return NULL;
    SSL_set_read_ahead(ssl, 1);
    SSL_set_mode(ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
                          SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return ssl;
}

static CURLcode result_of(SSL *ssl, int n, apr_size_t *pn, CURLcode broken)
{
    *pn = n > 0 ? n : 0;
    if (n > 0)
        return CURLE_OK;
    switch (SSL_get_error(ssl, n)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return CURLE_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return CURLE_OK;
    default:
        return broken;
    }
}

CURLcode chat_tls_recv(chat_tls_t *ssl, char *data, apr_size_t len,
                       apr_size_t *pn)
{
    ERR_clear_error();
    return result_of(ssl, SSL_read(ssl, data, (int)len), pn, CURLE_RECV_ERROR);
}

CURLcode chat_tls_send(chat_tls_t *ssl, const char *data, apr_size_t len,
                       apr_size_t *pn)
{
    ERR_clear_error();
    return result_of(ssl, SSL_write(ssl, data, (int)len), pn, CURLE_SEND_ERROR);
}

int chat_tls_holds(const chat_tls_t *ssl)
{
    return SSL_has_pending(ssl);
}
