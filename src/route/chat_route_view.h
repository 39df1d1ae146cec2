/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversations and messages as clients see them: JSON, written into a buffer.
 * Pure, any thread.
 */
#ifndef CHAT_ROUTE_VIEW_H
#define CHAT_ROUTE_VIEW_H

#include "chat_buf.h"
#include "chat_store_chats.h"

/* Of chat_role_e and chat_message_status_e; NULL ends them. */
extern const char *const chat_route_view_roles[];
extern const char *const chat_route_view_statuses[];

/* "2026-11-28T12:34:56.789Z" */
const char *chat_route_view_time(apr_int64_t ms, apr_pool_t *p);

/* A member of an object: ,"name": and its value, without the comma after "{".
 * NULL, and a time of 0, is null. */
void chat_route_view_string(chat_buf_t *out, const char *name,
                            const char *text);
void chat_route_view_integer(chat_buf_t *out, const char *name, apr_int64_t n);
void chat_route_view_boolean(chat_buf_t *out, const char *name, int yes);
void chat_route_view_at(chat_buf_t *out, const char *name, apr_int64_t ms,
                        apr_pool_t *p);
/* json as it is; NULL is null. */
void chat_route_view_json(chat_buf_t *out, const char *name, const char *json);

/* Those of a conversation that are good for more than the moment. */
void chat_route_view_kept(chat_buf_t *out, const chat_conversation_t *c,
                          apr_pool_t *p);

/* Objects. p is for what is made on the way. */
void chat_route_view_conversation(chat_buf_t *out, const chat_conversation_t *c,
                                  apr_pool_t *p);
void chat_route_view_message(chat_buf_t *out, const chat_store_message_t *m,
                             apr_pool_t *p);
void chat_route_view_share(chat_buf_t *out, const chat_store_share_t *share,
                           const char *url, apr_pool_t *p);
void chat_route_view_hit(chat_buf_t *out, const chat_store_hit_t *hit,
                         apr_pool_t *p);

/*
 * {"data":[...],"nextCursor":...}: open, the objects with a comma between them,
 * close.
 */
void chat_route_view_open(chat_buf_t *out);
void chat_route_view_close(chat_buf_t *out, const char *next);
/* The comma before all but the first. */
void chat_route_view_comma(chat_buf_t *out, int i);

/* What was written, with a NUL; lives as long as the buffer. */
const char *chat_route_view_text(chat_buf_t *out);

#endif
