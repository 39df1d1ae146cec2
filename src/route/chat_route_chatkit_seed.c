/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The simple form of the ChatKit route: one message of a thread, answered as a
 * stream. With ChatStore a thread is a conversation; without, a session of
 * ChatContext, if there is one. See chat_route_chatkit_seed.h.
 */
#include "chat_route_chatkit_seed.h"

#include <string.h>

#include <httpd.h>
#include <apr_strings.h>

#include "chat_reply.h"
#include "chat_request.h"
#include "chat_route_chatkit_error.h"
#include "chat_run.h"
#include "chat_store_chats.h"

typedef struct seed_t {
    chat_json_t *body;
    const char *thread; /* its id; in r->pool, or NULL: it is none */
    int kept;           /* 1: thread is a conversation */
} seed_t;

/* ---- the request ---- */

static apr_status_t refuse(chat_err_t *err, const char *message)
{
    return chat_err_set(err, APR_EINVAL, HTTP_BAD_REQUEST, "invalid_request",
                        message);
}

/* The rules of a message alone are those of the message route. */
static apr_status_t read_message(chat_request_t *request, const char *content,
                                 const chat_request_clamps_t *clamps,
                                 chat_err_t *err, apr_pool_t *p)
{
    chat_json_t *plain = chat_json_object(p);
    apr_status_t rv;

    chat_json_add_string(plain, "message", content);
    rv = chat_request_message(&request->turn, &request->session, plain, clamps,
                              err, p);
    if (rv != APR_SUCCESS)
        err->message = apr_psprintf(
            p,
            "\"message.content\" must be 1 to %d characters of text, without "
            "control characters.",
            clamps->message_length);
    return rv;
}

static apr_status_t on_read(void *told, chat_request_t *request,
                            const chat_request_clamps_t *clamps,
                            chat_err_t *err, apr_pool_t *p)
{
    const seed_t *seed = told;
    const chat_json_t *message = chat_json_get(seed->body, "message");
    const char *role = chat_json_string(chat_json_get(message, "role"));
    const char *content = chat_json_string(chat_json_get(message, "content"));
    apr_status_t rv;

    if (!seed->thread)
        return refuse(err, "\"thread_id\" must be 1 to 128 letters, digits, "
                           "\".\", \"_\" or \"-\".");
    if (!role || strcmp(role, "user"))
        return refuse(err, "\"message.role\" must be \"user\".");
    if (!content)
        return refuse(err, "\"message.content\" must be a string.");
    rv = read_message(request, content, clamps, err, p);
    if (rv == APR_SUCCESS && !seed->kept)
        request->session = seed->thread;
    return rv;
}

/* NULL: what is there can be no id. */
static const char *thread_of(const chat_json_t *body, apr_pool_t *p)
{
    static const char fit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "abcdefghijklmnopqrstuvwxyz0123456789._-";
    const chat_json_t *value = chat_json_get(body, "thread_id");
    const char *id = chat_json_string(value);
    apr_size_t len = id ? strlen(id) : 0;

    if (!value || chat_json_kind(value) == CHAT_JSON_NULL)
        return chat_store_new_id(p);
    return len >= 1 && len <= 128 && strspn(id, fit) == len ? apr_pstrdup(p, id)
                                                            : NULL;
}

/* ---- errors ---- */

/* One word for all that is not the client's fault; 503 is told apart, for it
 * passes. */
static apr_status_t on_error(void *told, chat_ctx_t *ctx, int kept,
                             const chat_err_t *err)
{
    chat_err_t shown = *err;
    const char *body;

    if (err->status == HTTP_UNAUTHORIZED)
        body = "{\"error\":\"Invalid client secret\"}";
    else if (err->status >= HTTP_INTERNAL_SERVER_ERROR)
        body = "{\"error\":\"Chat service unavailable\"}";
    else
        body = chat_route_chatkit_error(err, ctx->r->pool);
    if (err->status == HTTP_BAD_GATEWAY || err->status == HTTP_GATEWAY_TIME_OUT)
        shown.status = HTTP_INTERNAL_SERVER_ERROR;
    chat_reply_error(ctx->r, &shown, body);
    return APR_SUCCESS;
}

int chat_route_chatkit_seed(chat_ctx_t *ctx, chat_json_t *body,
                            apr_pool_t *pool)
{
    seed_t *seed = apr_pcalloc(ctx->r->pool, sizeof(*seed));
    chat_run_question_t question = {.dialect = "chatkit-seed",
                                    .body = body,
                                    .pool = pool,
                                    .create = 1,
                                    .told = seed,
                                    .read = on_read,
                                    .tell_error = on_error};

    seed->body = body;
    seed->thread = thread_of(body, ctx->r->pool);
    seed->kept = ctx->dir->store.layout != CHAT_STORE_OFF && seed->thread &&
                 chat_request_is_id(seed->thread);
    question.thread = seed->thread;
    if (seed->kept)
        question.conversation = seed->thread;
    return chat_run_conversation(ctx, &question);
}
