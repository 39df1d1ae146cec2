/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ChatKit's widget asks for: {"type", "params"} in all its kinds, and the
 * message of a user in it. Issues look as zod's do; unknown members are left
 * out. Pure (APR and chat_json), any thread.
 */
#ifndef CHAT_REQUEST_CHATKIT_H
#define CHAT_REQUEST_CHATKIT_H

#include "chat_request.h"

typedef enum {
    CHAT_CHATKIT_CREATE,    /* threads.create */
    CHAT_CHATKIT_ADD,       /* threads.add_user_message */
    CHAT_CHATKIT_OUTPUT,    /* threads.add_client_tool_output */
    CHAT_CHATKIT_INPUT,     /* threads.add_structured_input */
    CHAT_CHATKIT_RETRY,     /* threads.retry_after_item */
    CHAT_CHATKIT_ACTION,    /* threads.custom_action */
    CHAT_CHATKIT_SYNC,      /* threads.sync_custom_action */
    CHAT_CHATKIT_GET,       /* threads.get_by_id */
    CHAT_CHATKIT_LIST,      /* threads.list */
    CHAT_CHATKIT_UPDATE,    /* threads.update */
    CHAT_CHATKIT_DELETE,    /* threads.delete */
    CHAT_CHATKIT_ITEMS,     /* items.list */
    CHAT_CHATKIT_FEEDBACK,  /* items.feedback */
    CHAT_CHATKIT_ATTACH,    /* attachments.create */
    CHAT_CHATKIT_DETACH,    /* attachments.delete */
    CHAT_CHATKIT_TRANSCRIBE /* input.transcribe */
} chat_request_chatkit_e;

/* An id of ours: what it stands for. */
typedef struct chat_request_chatkit_id_t {
    const char *id; /* the UUID of the conversation or message; NULL: it is
                       none of ours, so nobody has it */
    int part;       /* of the message: the item is that part */
} chat_request_chatkit_id_t;

/* What the user says in a message. */
typedef struct chat_request_chatkit_message_t {
    const char *text;          /* what the model reads: tags are "@" and text */
    const char *context;       /* what it reads behind that; NULL: nothing */
    const chat_json_t *said;   /* the input as the widget had it */
    int plain;                 /* 1: one text alone, said tells no more */
    apr_array_header_t *files; /* const char *: ids of attachments, as they were
                                  sent */
    const char *model, *tool;  /* of inference_options, or NULL */
} chat_request_chatkit_message_t;

/* Members that the type has not are 0. Borrowed from the body, or in p. */
typedef struct chat_request_chatkit_t {
    chat_request_chatkit_e type;
    chat_request_chatkit_id_t thread, item;
    const char *item_id; /* as it was sent; NULL: none was */
    chat_request_chatkit_message_t message;
    const char *output; /* of a client's tool, as JSON */
    int limit;          /* 1..100 */
    int ascending;
    const char *after; /* as it was sent, or NULL */
    const char *title;
    const char *name, *media_type; /* of an attachment that is announced */
    apr_int64_t size;
    const char *attachment;    /* its id, as it was sent */
    apr_array_header_t *items; /* chat_request_chatkit_id_t */
    const char *kind;          /* of feedback: "positive" or "negative" */
} chat_request_chatkit_t;

/* APR_EINVAL, and err is a 400: invalid_request with issues. */
apr_status_t chat_request_chatkit(chat_request_chatkit_t *request,
                                  const chat_json_t *body,
                                  const chat_request_clamps_t *clamps,
                                  const chat_request_bounds_t *bounds,
                                  chat_err_t *err, apr_pool_t *p);

/* The "input" of a message again, as it was kept: 0 when it is none. */
int chat_request_chatkit_again(chat_request_chatkit_message_t *message,
                               const chat_json_t *input, apr_pool_t *p);

/*
 * The tools of ChatKitTools, a JSON array of {"name", "description"?,
 * "parameters"?}, become those of turn; tool is the one that the user chose, or
 * NULL. Fails with a 400 where there is none of that name, and with a 500 where
 * the text is none.
 */
apr_status_t chat_request_chatkit_tools(chat_turn_t *turn, const char *text,
                                        const char *tool, chat_err_t *err,
                                        apr_pool_t *p);

/* "thr_", "msg_", "wf_" or "tc_", 32 digits and, of a part that is not the
 * first, "_" and its number. */
chat_request_chatkit_id_t chat_request_chatkit_id(const char *text,
                                                  apr_pool_t *p);

#endif
