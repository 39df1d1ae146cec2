/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The route ui-message where chats are in the tables of an app (ChatStore
 * vercel), as Vercel's chat template has it: POST asks, DELETE ?id= deletes a
 * chat, and GET /ID/stream follows the answer that is written in one. Request
 * thread.
 */
#include <string.h>

#include <httpd.h>
#include <apr_strings.h>

#include "chat_auth.h"
#include "chat_json.h"
#include "chat_reply.h"
#include "chat_request.h"
#include "chat_resume.h"
#include "chat_route_parts.h"
#include "chat_run.h"
#include "chat_accounts.h"
#include "chat_store_vercel.h"
#include "chat_upload.h"

#define STREAM "/stream"

/* An answer that ended so long ago its page may have missed. Milliseconds. */
#define RECENT (15 * 1000)

typedef chat_route_rest_t rest_t;

static const chat_json_limits_t kept_limits = {64 * 1024 * 1024, 100, 1000000};

/* ---- who ---- */

static apr_status_t identify(rest_t *q)
{
    const chat_user_t *user;
    apr_status_t rv = chat_auth_identify(&user, q->r, &q->err);

    if (rv != APR_SUCCESS)
        return rv;
    q->at.owner = user->id;
    if (!user->id || !chat_request_is_id(user->id))
        return chat_err_set(&q->err, APR_EACCES, HTTP_UNAUTHORIZED,
                            "unauthorized", "Sign in required.");
    return APR_SUCCESS;
}

static const char *as_id(const char *text, apr_pool_t *p)
{
    char *id = apr_pstrdup(p, text);

    ap_str_tolower(id);
    return chat_request_is_id(id) ? id : NULL;
}

static apr_status_t refuse_id(rest_t *q)
{
    return chat_err_set(&q->err, APR_EINVAL, HTTP_BAD_REQUEST, "invalid_id",
                        "The id of a chat is a UUID.");
}

/* ---- rows as the app shows them ---- */

static void add_json(chat_json_t *o, const char *key, const char *text,
                     apr_pool_t *p)
{
    chat_json_t *v = NULL;

    if (text &&
        chat_json_parse(&v, text, strlen(text), &kept_limits, p) == APR_SUCCESS)
        chat_json_add(o, key, v);
    else
        chat_json_add_null(o, key);
}

static const char *show_chat(const chat_vercel_chat_t *chat, apr_pool_t *p)
{
    chat_json_t *o = chat_json_object(p);

    chat_json_add_string(o, "id", chat->id);
    chat_json_add_string(o, "createdAt", chat->created);
    chat_json_add_string(o, "title", chat->title);
    chat_json_add_string(o, "userId", chat->user);
    chat_json_add_string(o, "visibility", chat->visibility);
    if (chat->has_context)
        add_json(o, "lastContext", chat->context, p);
    return chat_json_text(o, NULL, p);
}

static const char *show_message(const chat_vercel_message_t *m, apr_pool_t *p)
{
    chat_json_t *o = chat_json_object(p);

    chat_json_add_string(o, "id", m->id);
    chat_json_add_string(o, "chatId", m->chat);
    chat_json_add_string(o, "role", m->role);
    add_json(o, "parts", m->parts, p);
    add_json(o, "attachments", m->attachments, p);
    chat_json_add_string(o, "createdAt", m->created);
    return chat_json_text(o, NULL, p);
}

/* ---- deleting ---- */

/* They are in tables of this module's own: where these cannot be reached the
 * files stay, and nothing shows them. */
static void leave_files(const rest_t *q, const char *chat)
{
    chat_store_at_t at = q->at;
    chat_err_t err = {0};

    at.owner = chat_run_owner(q->ctx->user);
    if (at.owner && chat_upload_conf(q->r->server))
        chat_store_upload_leave(&at, chat, &err);
}

/* An answer that is still written in it ends. */
static apr_status_t delete_chat(rest_t *q)
{
    const char *text = NULL, *id, *stream;
    chat_vercel_chat_t *chat;
    chat_err_t err = {0};
    apr_status_t rv = chat_route_rest_text(&text, q, "id", CHAT_STORE_ID_LEN);

    if (rv != APR_SUCCESS)
        return rv;
    id = text ? as_id(text, q->p) : NULL;
    if (!id)
        return refuse_id(q);
    if ((rv = identify(q)) != APR_SUCCESS ||
        (rv = chat_route_rest_ask_limits(q)) != APR_SUCCESS ||
        (rv = chat_store_vercel_delete(&chat, &stream, &q->at, id, &q->err)) !=
            APR_SUCCESS)
        return rv;
    if (stream)
        chat_resume_stop(q->r->server, stream, &err);
    leave_files(q, id);
    chat_reply_json(q->r, HTTP_OK, show_chat(chat, q->p));
    return APR_SUCCESS;
}

/* ---- following ---- */

/* The answer is over: its page may have missed the row. */
static apr_status_t tell_last(rest_t *q, const chat_vercel_message_t *m)
{
    const char *row;
    chat_json_t *event;

    chat_reply_stream_head(q->r);
    apr_table_setn(q->r->headers_out, "X-Vercel-AI-UI-Message-Stream", "v1");
    if (!m || strcmp(m->role, "assistant") || m->age > RECENT)
        return APR_SUCCESS;
    row = show_message(m, q->p);
    event = chat_json_object(q->p);
    chat_json_add_string(event, "type", "data-appendMessage");
    chat_json_add_string(event, "data", row);
    chat_json_add_boolean(event, "transient", 1);
    row = apr_pstrcat(q->p, "data: ", chat_json_text(event, NULL, q->p),
                      "\n\ndata: [DONE]\n\n", NULL);
    return chat_reply_stream_write(q->r, row, strlen(row));
}

static apr_status_t check_visible(rest_t *q, const char *id)
{
    chat_vercel_chat_t *chat;
    apr_status_t rv = chat_store_vercel_get(&chat, &q->at, id, &q->err);

    if (rv != APR_SUCCESS)
        return rv;
    if (!strcmp(chat->visibility, "private") && strcmp(chat->user, q->at.owner))
        return chat_err_set(&q->err, APR_EACCES, HTTP_FORBIDDEN, "forbidden",
                            "This chat is another user's.");
    return APR_SUCCESS;
}

static int is_running(const rest_t *q, const char *stream)
{
    chat_resume_log_t log;

    return chat_resume_find(&log, q->r->server, stream, q->p) == APR_SUCCESS &&
           !log.ended;
}

static apr_status_t follow(rest_t *q, const char *id)
{
    chat_stream_spec_t *spec = apr_pcalloc(q->p, sizeof(*spec));
    chat_vercel_message_t *last;
    const char *stream;
    apr_status_t rv;

    if (!chat_resume_enabled(q->r->server)) {
        q->r->status = HTTP_NO_CONTENT;
        return APR_SUCCESS;
    }
    if (!id)
        return refuse_id(q);
    if ((rv = identify(q)) != APR_SUCCESS ||
        (rv = check_visible(q, id)) != APR_SUCCESS ||
        (rv = chat_store_vercel_last(&stream, &last, &q->at, id, &q->err)) !=
            APR_SUCCESS)
        return rv;
    if (!stream)
        return chat_err_set(&q->err, APR_NOTFOUND, HTTP_NOT_FOUND, "no_stream",
                            "Nothing was ever answered in this chat.");
    if (q->r->header_only || !is_running(q, stream))
        return tell_last(q, last);
    rv = chat_resume_follow(spec, q->r, stream, 0, &q->err);
    if (rv == APR_EOF || rv == APR_NOTFOUND)
        return tell_last(q, last);
    apr_table_setn(q->r->headers_out, "X-Vercel-AI-UI-Message-Stream", "v1");
    return rv == APR_SUCCESS ? chat_route_follow(q, spec) : rv;
}

/* ---- the route ---- */

/* The id of "/ID/stream"; *pis: it has that form. */
static const char *find_chat(int *pis, const char *rest, apr_pool_t *p)
{
    apr_size_t len = strlen(rest), tail = sizeof(STREAM) - 1;

    *pis = len > tail && !strcmp(rest + len - tail, STREAM) &&
           !memchr(rest + 1, '/', len - tail - 1);
    return *pis ? as_id(apr_pstrmemdup(p, rest + 1, len - tail - 1), p) : NULL;
}

static apr_status_t refuse_method(rest_t *q, const char *allowed)
{
    q->err.allow = allowed;
    return chat_err_set(
        &q->err, APR_ENOTIMPL, HTTP_METHOD_NOT_ALLOWED, "method_not_allowed",
        apr_pstrcat(q->p, "Accepted here: ", allowed, ".", NULL));
}

static apr_status_t serve(rest_t *q, const char *rest)
{
    const char *id;
    int is_stream;

    if (!*rest)
        return q->r->method_number == M_DELETE
                   ? delete_chat(q)
                   : refuse_method(q, "POST, DELETE");
    id = find_chat(&is_stream, rest, q->p);
    if (is_stream)
        return q->r->method_number == M_GET ? follow(q, id)
                                            : refuse_method(q, "GET, HEAD");
    return chat_err_set(&q->err, APR_NOTFOUND, HTTP_NOT_FOUND, "not_found",
                        "There is nothing here.");
}

int chat_route_vercel(chat_ctx_t *ctx)
{
    request_rec *r = ctx->r;
    const char *rest = chat_request_rest(r, ctx->dir->route.location);
    rest_t q = {.ctx = ctx, .r = r, .p = r->pool, .rc = OK};

    if (!rest)
        rest = "";
    if (!*rest && r->method_number == M_POST)
        return chat_run_handler(ctx);
    q.at.s = r->server;
    q.at.r = r;
    q.at.p = r->pool;
    if (serve(&q, rest) != APR_SUCCESS && q.err.status)
        chat_run_error(ctx, &q.err);
    return q.rc;
}
