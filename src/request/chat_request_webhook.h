/* SPDX-License-Identifier: Apache-2.0 */
/* What the chat_request_webhook*.c files share. Pure. */
#ifndef CHAT_REQUEST_WEBHOOK_H
#define CHAT_REQUEST_WEBHOOK_H

#include "chat_request.h"

/* Ids are shorter by far. */
#define CHAT_REQUEST_WEBHOOK_TEXT_MAX 255

/* What a signed body says. */
apr_status_t chat_request_webhook_stripe(chat_request_webhook_t *event,
                                         const chat_json_t *root,
                                         apr_int64_t grace, chat_err_t *err,
                                         apr_pool_t *p);
apr_status_t chat_request_webhook_lemon(chat_request_webhook_t *event,
                                        const chat_json_t *root,
                                        const char *body, apr_size_t len,
                                        apr_int64_t grace, chat_err_t *err,
                                        apr_pool_t *p);

/* A text, or a whole number as one; NULL: it is neither, empty or too long. */
const char *chat_request_webhook_text(const chat_json_t *v, apr_pool_t *p);

/* 400 invalid_event. */
apr_status_t chat_request_webhook_invalid(chat_err_t *err, const char *message);

#endif
