/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the route of conversations have of each other: handlers of
 * its table, and what is told of a conversation in more than one place; and
 * those of the routes of a chat. Request thread.
 */
#ifndef CHAT_ROUTE_PARTS_H
#define CHAT_ROUTE_PARTS_H

#include "chat_buf.h"
#include "chat_route_rest.h"
#include "chat_stream.h"

/* Below /ID/messages. */
apr_status_t chat_route_messages_list(chat_route_rest_t *q);
apr_status_t chat_route_messages_ask(chat_route_rest_t *q);
apr_status_t chat_route_messages_get(chat_route_rest_t *q);
apr_status_t chat_route_messages_correct(chat_route_rest_t *q);
apr_status_t chat_route_messages_delete(chat_route_rest_t *q);
apr_status_t chat_route_messages_rate(chat_route_rest_t *q);

/* All of a conversation, chat_store_message_t, a hundred at a time from the
 * store, parents before children. */
apr_status_t chat_route_messages_all(apr_array_header_t **prows,
                                     const chat_store_at_t *at,
                                     const char *conversation, chat_err_t *err);

/* Below /ID/shares. */
apr_status_t chat_route_shares_list(chat_route_rest_t *q);
apr_status_t chat_route_shares_create(chat_route_rest_t *q);
apr_status_t chat_route_shares_revoke(chat_route_rest_t *q);

/*
 * What a share shows of a conversation, as a JSON array: the branch that ends
 * at leaf, or the current one (NULL), of it what the user and the assistant
 * said to each other as text, and nothing else. 404 when there is no such leaf.
 */
apr_status_t chat_route_shares_messages(const char **pjson,
                                        const chat_store_at_t *at,
                                        const chat_conversation_t *c,
                                        const char *leaf, int show_model,
                                        chat_err_t *err);

/* The route ui-message with the tables of an app. */
int chat_route_vercel(chat_ctx_t *ctx);

/* To a client that follows a stream which has begun: q->rc and q->sent. */
apr_status_t chat_route_follow(chat_route_rest_t *q, chat_stream_spec_t *spec);

/* /ID/export */
apr_status_t chat_route_export_one(chat_route_rest_t *q);
/* All conversations of the user; me 1: with all else that is stored. */
apr_status_t chat_route_export_all(chat_route_rest_t *q, int me);

#endif
