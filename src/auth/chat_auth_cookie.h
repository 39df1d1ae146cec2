/* SPDX-License-Identifier: Apache-2.0 */
/* Session cookies of a request, for the schemes that read one. Private to
 * auth/. Request thread. */
#ifndef CHAT_AUTH_COOKIE_H
#define CHAT_AUTH_COOKIE_H

#include <httpd.h>

/* All Cookie fields in one, as HTTP/2 may send several (RFC 9113, 8.2.3). NULL:
 * there is none. */
const char *chat_auth_cookie_header(request_rec *r);

/*
 * 1 when a cookie of that name may count. On https the applications' own
 * cookies have the prefix __Secure-. A sibling subdomain can plant a cookie
 * without it, so that name counts there only if the administrator wrote it
 * down. What is refused is told in the log.
 */
int chat_auth_cookie_welcome(request_rec *r, const char *name);

/* 1 when ChatAuthCookie is written for this request, so that its names count
 * and not those that a scheme usually has. */
int chat_auth_cookie_written(request_rec *r);

#endif
