/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of the parser in chat_http1.h have of each other. */
#ifndef CHAT_HTTP1_BODY_H
#define CHAT_HTTP1_BODY_H

#include "chat_http1.h"

/* It is no answer, for that reason. */
void chat_http1_bad(chat_http1_t *h, const char *why);

/* As chat_http1_feed(), once the head is over. */
apr_size_t chat_http1_body(chat_http1_t *h, char *data, apr_size_t len,
                           char **pbody);

#endif
