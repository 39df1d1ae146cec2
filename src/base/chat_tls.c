/* SPDX-License-Identifier: Apache-2.0 */
/* See chat_tls.h. Any thread, each connection in one. */
#include "chat_tls.h"

#include <limits.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#define NAME "OpenSSL/"

/* A library may bring another OpenSSL, of which a structure may be another. */
static int is_ours(const char *made_with)
{
    return made_with && !strncmp(made_with, NAME, sizeof(NAME) - 1) &&
           !strcmp(made_with + sizeof(NAME) - 1,
                   OpenSSL_version(OPENSSL_VERSION_STRING));
}

apr_status_t chat_tls_adopt(SSL *ssl, int fd, const char *made_with)
{
    BIO *bio = is_ours(made_with) ? BIO_new_socket(fd, BIO_NOCLOSE) : NULL;

    if (!bio)
        return is_ours(made_with) ? APR_ENOMEM : APR_ENOTIMPL;
    SSL_set_bio(ssl, bio, bio);
    /* Else a record is read in two halves. */
    SSL_set_read_ahead(ssl, 1);
    SSL_set_msg_callback(ssl, NULL);
    SSL_CTX_sess_set_new_cb(SSL_get_SSL_CTX(ssl), NULL);
    return APR_SUCCESS;
}

apr_status_t chat_tls_recv(SSL *ssl, char *data, apr_size_t len, apr_size_t *pn)
{
    int n;

    ERR_clear_error();
    n = SSL_read(ssl, data, len < INT_MAX ? (int)len : INT_MAX);
    *pn = n > 0 ? n : 0;
    if (n > 0)
        return APR_SUCCESS;
    switch (SSL_get_error(ssl, n)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return APR_EAGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return APR_EOF;
    default:
        ERR_clear_error();
        return APR_EGENERAL;
    }
}

int chat_tls_has_more(const SSL *ssl)
{
    return SSL_has_pending(ssl);
}
