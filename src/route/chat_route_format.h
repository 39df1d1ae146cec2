/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of conversations: how one is written, and how it is read again. Pure
 * (APR, chat_json and chat_buf), any thread.
 */
#ifndef CHAT_ROUTE_FORMAT_H
#define CHAT_ROUTE_FORMAT_H

#include <apr_tables.h>

#include "chat_buf.h"
#include "chat_json.h"
#include "chat_request.h"
#include "chat_store_chats.h"

/* ---- branches ---- */

/* The branch that ends at leaf, root first: const chat_store_message_t *, in
 * rows. NULL when there is no such message. */
apr_array_header_t *chat_route_format_path(const apr_array_header_t *rows,
                                           const char *leaf, apr_pool_t *p);

/* ---- writing ---- */

typedef enum {
    CHAT_ROUTE_MARKDOWN, /* the current branch, for people */
    CHAT_ROUTE_JSON,     /* all that is kept */
    CHAT_ROUTE_CHATGPT   /* conversations.json of an export of ChatGPT */
} chat_route_format_e;

/* "markdown", "json", "chatgpt"; NULL ends them. */
extern const char *const chat_route_format_names[];

/* One conversation. rows: all its messages, chat_store_message_t, parents
 * before children. more: members that the object has besides (json), begun
 * with a comma, or NULL. p is for what is made on the way. */
void chat_route_format_write(chat_buf_t *out, chat_route_format_e format,
                             const chat_conversation_t *c,
                             const apr_array_header_t *rows, const char *more,
                             apr_pool_t *p);

/* What stands before all of them, between two and behind. exported: now; more:
 * members of the object that json has, begun with a comma, or NULL. */
void chat_route_format_open(chat_buf_t *out, chat_route_format_e format,
                            apr_int64_t exported, const char *more,
                            apr_pool_t *p);
void chat_route_format_between(chat_buf_t *out, chat_route_format_e format);
void chat_route_format_close(chat_buf_t *out, chat_route_format_e format);

/* The value of Content-Disposition for a file of that title. */
const char *chat_route_format_disposition(const char *title,
                                          chat_route_format_e format,
                                          apr_pool_t *p);

/* ---- reading ---- */

/* What a file has. conversation.id and the ids of messages are new ones. */
typedef struct chat_route_imported_t {
    chat_conversation_t c;
    apr_array_header_t *messages; /* chat_store_message_t, parents first */
} chat_route_imported_t;

typedef struct chat_route_import_t {
    apr_pool_t *p;   /* of all results */
    apr_int64_t now; /* for what has no time */
    chat_request_bounds_t bounds;
    int messages_max;         /* of a conversation */
    apr_int64_t bytes_max;    /* of its texts */
    apr_array_header_t *list; /* chat_route_imported_t */
    int messages;             /* of all */
    int left_out;             /* that are not shown there either */
    int placeholders;         /* parts of which only a word is kept */
    int repaired;             /* messages whose parent is missing */
} chat_route_import_t;

/* chat_json_item_fn; ctx is a chat_route_import_t. One object of a list of json
 * or chatgpt. */
const char *chat_route_format_take(void *ctx, const chat_json_t *item,
                                   apr_pool_t *p);

/* A node of a tree, for both formats. */
typedef struct chat_route_node_t {
    const char *key;         /* its name in the file */
    const char *parent;      /* that of its parent, or NULL */
    chat_store_message_t *m; /* NULL: it is left out, its children are not */
} chat_route_node_t;

/*
 * Hang each message on its nearest ancestor that is a message, and put them
 * into one->messages, parents first and else as they came. *pcurrent is the key
 * of the message that is shown, and becomes its new id. NULL, or a sentence:
 * a parent is missing (unless repaired is set, which counts those that become
 * roots), there is a circle, a key twice.
 */
const char *chat_route_format_order(chat_route_imported_t *one,
                                    const chat_route_node_t *nodes, int n,
                                    const char *current, int *repaired,
                                    apr_pool_t *p);

/* Of one item each; see chat_route_format_take(). */
const char *chat_route_format_read_json(chat_route_import_t *import,
                                        chat_route_imported_t *one,
                                        const chat_json_t *item, apr_pool_t *p);
const char *chat_route_format_read_chatgpt(chat_route_import_t *import,
                                           chat_route_imported_t *one,
                                           const chat_json_t *item,
                                           apr_pool_t *p);

/* A new id for something from a file, in import->p. */
const char *chat_route_format_id(chat_route_import_t *import);

/* Add a message; its parts become its text. */
chat_store_message_t *chat_route_format_message(chat_route_import_t *import,
                                                chat_role_e role);

#endif
