/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run: one chat, from the request to the end of its answer, for every route
 * that talks to an upstream. What other routes share with it is how an error is
 * told.
 */
#ifndef CHAT_RUN_H
#define CHAT_RUN_H

#include "chat_ctx.h"
#include "chat_dialect.h"
#include "chat_err.h"
#include "chat_json.h"
#include "chat_request.h"
#include "chat_store_chats.h"

/* The handler of those routes. [request thread] */
int chat_run_handler(chat_ctx_t *ctx);

/* What the path of a request says of the chat that it asks for. What it points
 * to lives as long as the request. */
typedef struct chat_run_question_t {
    const char *conversation; /* its id; the form is checked, no more */
    const char *regenerate; /* id of the message whose answer is made anew, its
                               form checked; NULL: the body has a new message */
    const char *stream;     /* the id that the stream shall have, a UUID nobody
                               has used; NULL: any */
    chat_json_t *body;      /* the body, if it was read already; NULL: it is
                               read here */

    /* [as complete of a stream] "stream": false was asked for, and the answer
     * is saved: say both messages, 201. Fails: nothing was said, and the answer
     * is told as the stream route tells it. NULL: it always is. */
    apr_status_t (*tell_whole)(chat_ctx_t *ctx, const char *conversation,
                               const char *question, const char *answer);

    /* What a route that has a form of its own says instead; NULL or 0: as the
     * stream route does it. told is handed to its functions, and lives as long
     * as the request. */
    const char *dialect; /* of the answer */
    const char *thread;  /* what the client calls the conversation; lives as
                            long as the request */
    apr_pool_t *pool;    /* of body and of what read() makes: destroyed once
                            nobody needs them */
    int create;          /* 1: the conversation may be a new one */
    void *told;

    /* [request thread] What is asked; *request is zeroed. Fails with a 4xx in
     * err. NULL: the body is read as that of the stream route. */
    apr_status_t (*read)(void *told, chat_request_t *request,
                         const chat_request_clamps_t *clamps, chat_err_t *err,
                         apr_pool_t *p);

    /* [request thread] The turn has begun, and is in the database: *frame is
     * what the dialect says around the answer, and lives as long as the
     * request. NULL: nothing. */
    void (*begun)(void *told, const chat_store_turn_t *turn,
                  chat_answer_frame_t *frame);

    /* [request thread, or as complete of a stream] There is no answer, and
     * nothing was sent: say so. kept 1: the question stays, and has a failed
     * answer. Fails: it is told in the form of the route. */
    apr_status_t (*tell_error)(void *told, chat_ctx_t *ctx, int kept,
                               const chat_err_t *err);
} chat_run_question_t;

/*
 * One turn of a conversation that is there, or may be new, in the dialect of
 * the stream route unless the question says another: method, media type, body,
 * identity and limits are looked at here, as chat_run_handler() does it. What a
 * handler returns; where that is OK, r->status is what was answered. [request
 * thread]
 */
int chat_run_conversation(chat_ctx_t *ctx, const chat_run_question_t *question);

/*
 * Ask the model of ChatTitleModel for a title of that conversation of the user
 * who was identified, and keep it. Waits for the model, 20 seconds at most.
 * [request thread]
 * APR_SUCCESS   *ptitle is its title now: a new one, or the user's own, which
 *               no model changes
 * otherwise     err is filled: 404 (no such conversation, or without a
 *               message), 400 unsupported (no ChatTitleModel here), 502, 503,
 * 504
 */
apr_status_t chat_run_title(const char **ptitle, chat_ctx_t *ctx,
                            const char *conversation, chat_err_t *err);

/*
 * Messages that come another way than as a question, and will be asked with
 * later, looked at by the lists of ChatModerationList that look at what is
 * asked. begin: NULL: there are none. look: parts, a JSON array's text, and
 * text are what is left of them, in the pool of begin; fails with 400
 * content_blocked or 503. end: counts it. [request thread]
 */
typedef struct chat_run_inspect_t chat_run_inspect_t;
chat_run_inspect_t *chat_run_inspect_begin(chat_ctx_t *ctx, apr_pool_t *p);
apr_status_t chat_run_inspect(chat_run_inspect_t *look, const char **pparts,
                              const char **ptext, chat_err_t *err);
void chat_run_inspect_end(chat_run_inspect_t *look);
/* The same of what stands above messages: the title and the system prompt of a
 * conversation, of which either may be NULL; and all of it at once, in p. */
apr_status_t chat_run_inspect_heading(chat_run_inspect_t *look,
                                      chat_conversation_t *c, chat_err_t *err);
apr_status_t chat_run_inspect_conversation(chat_ctx_t *ctx,
                                           chat_conversation_t *c,
                                           chat_err_t *err, apr_pool_t *p);

/* Whose conversations they are, as the store names the owner; NULL: a guest,
 * who has none. */
const char *chat_run_owner(const chat_user_t *user);

/* What a model of that name (the provider's) lacks there, beside what its
 * ChatModel says: chat_lacks_e. */
unsigned chat_run_lacks(const chat_provider_conf_t *conf, const char *model);

/* Answer with an error, in the form of the route. Only while nothing was sent;
 * whoever owns the request. */
void chat_run_error(const chat_ctx_t *ctx, const chat_err_t *err);

/* [any thread] A setting was changed by this process, which need not wait for
 * its turn to read it. */
void chat_run_settings_changed(void);

/* Start-up, called by mod_chat.c; child_init behind that of the store. */
apr_status_t chat_run_post_config(apr_pool_t *pconf, server_rec *s);
void chat_run_child_init(apr_pool_t *pchild, server_rec *s);
/* The same for what sends traces; before that of streams, which stop first. */
void chat_run_export_child_init(apr_pool_t *pchild, server_rec *s);

#endif
