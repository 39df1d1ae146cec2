/* SPDX-License-Identifier: Apache-2.0 */
/*
 * To read a connection by TLS that another library has made with OpenSSL. The
 * thread that reads the connection.
 */
#ifndef CHAT_TLS_H
#define CHAT_TLS_H

#include <apr_errno.h>

struct ssl_st;

/* From now on it is read and written at its socket fd, which is not closed with
 * it, and tells nothing to whom has made it. made_with: that library's OpenSSL,
 * as "OpenSSL/3.0.17"; that has to be ours. APR_SUCCESS, or nothing was done:
 * APR_ENOTIMPL, APR_ENOMEM. */
apr_status_t chat_tls_adopt(struct ssl_st *ssl, int fd, const char *made_with);

/* APR_SUCCESS with *pn > 0, APR_EAGAIN, APR_EOF: the peer has ended it, or
 * APR_EGENERAL: it is broken. Else *pn is 0. */
apr_status_t chat_tls_recv(struct ssl_st *ssl, char *data, apr_size_t len,
                           apr_size_t *pn);

/* 1: something was read from the socket that chat_tls_recv() has not given yet,
 * though it may be no data. */
int chat_tls_has_more(const struct ssl_st *ssl);

#endif
