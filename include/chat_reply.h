/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes to the client: headers, error bodies, stream bytes, and the three
 * ways an answer ends. Only this room, run/ and route/ turn a status into HTTP.
 */
#ifndef CHAT_REPLY_H
#define CHAT_REPLY_H

#include <httpd.h>

#include "chat_err.h"

/* The request's id: the client's X-Request-ID when it is 1..128 of
 * [A-Za-z0-9._-], else a new UUIDv7. Set on the response (error or not) the
 * first time; the same for the life of r. */
const char *chat_reply_request_id(request_rec *r);

/* More headers for the answer, whatever it will be: names and values. */
void chat_reply_headers(request_rec *r, const apr_table_t *headers);

/* One more, for an answer that is no error. name and value outlive r. */
void chat_reply_header(request_rec *r, const char *name, const char *value);

/* Headers of an event stream; turns compression off. Nothing is sent yet. */
void chat_reply_stream_head(request_rec *r);

/* Behind the above: another name for an event stream; type outlives r. */
void chat_reply_stream_type(request_rec *r, const char *type);

/* Pass bytes on and flush them. APR_SUCCESS, or the client is gone. Any
 * thread that owns r. */
apr_status_t chat_reply_stream_write(request_rec *r, const char *data,
                                     apr_size_t len);

/* A whole JSON answer. json NULL: there was no memory to make it, a 503. */
void chat_reply_json(request_rec *r, int status, const char *json);

/* An error with its headers; json is its body. Only while nothing was sent. */
void chat_reply_error(request_rec *r, const chat_err_t *err, const char *json);

/* The answer cannot be finished: the client must see it is cut. No final
 * chunk on HTTP/1.1, RST_STREAM on HTTP/2. */
void chat_reply_break(request_rec *r);

#endif
