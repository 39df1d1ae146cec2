/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads and items as ChatKit's widget sees them, made of conversations and
 * messages. A message is an item for each part that has one; those of tools
 * are the output of the call that they answer. Pure, any thread.
 */
#ifndef CHAT_ROUTE_CHATKIT_VIEW_H
#define CHAT_ROUTE_CHATKIT_VIEW_H

#include "chat_buf.h"
#include "chat_json.h"
#include "chat_store_chats.h"

typedef struct chat_route_chatkit_item_t {
    const char *id;
    int part;         /* of its message */
    const char *json; /* text */
} chat_route_chatkit_item_t;

/* How files are looked at. */
typedef struct chat_route_chatkit_look_t {
    /* Where that image is for a while; NULL: it is none, or not there. */
    const char *(*preview)(void *ctx, const char *id, apr_pool_t *p);
    void *ctx;
} chat_route_chatkit_look_t;

/* The items of m, in the order of its parts, are added to items
 * (chat_route_chatkit_item_t); next is the message that answers m on its
 * branch, or NULL; of look NULL attachments are left out. In p. */
void chat_route_chatkit_view_items(apr_array_header_t *items,
                                   const chat_store_message_t *m,
                                   const chat_store_message_t *next,
                                   const chat_route_chatkit_look_t *look,
                                   apr_pool_t *p);

/* A page of those, of which there may be more. */
void chat_route_chatkit_view_page(chat_buf_t *out,
                                  const apr_array_header_t *items, int more);

/* A thread; items NULL: without any. */
void chat_route_chatkit_view_thread(chat_buf_t *out,
                                    const chat_conversation_t *c,
                                    const apr_array_header_t *items, int more,
                                    apr_pool_t *p);

/* The call of a client's tool that m waits for: its id, or NULL. */
const char *chat_route_chatkit_view_call(const chat_store_message_t *m,
                                         apr_pool_t *p);

/* What the widget said in m, where that is more than its text: "input" of the
 * request, or NULL. */
chat_json_t *chat_route_chatkit_view_said(const chat_store_message_t *m,
                                          apr_pool_t *p);

#endif
