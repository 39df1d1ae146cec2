/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The messages of a conversation: to read, to correct, to rate and to delete;
 * and what asks for another answer, which is a run. Request thread.
 */
#include <string.h>

#include <httpd.h>
#include <apr_strings.h>

#include "chat_reply.h"
#include "chat_request.h"
#include "chat_route_parts.h"
#include "chat_route_view.h"
#include "chat_run.h"

#define PAGE 50
#define PAGE_MAX 100

typedef chat_route_rest_t rest_t;

/* ---- reading ---- */

static apr_status_t tell(rest_t *q, const chat_store_message_t *m)
{
    chat_buf_t *out = apr_palloc(q->p, sizeof(*out));

    chat_buf_init(out, q->p);
    chat_route_view_message(out, m, q->p);
    q->json = chat_route_view_text(out);
    return APR_SUCCESS;
}

apr_status_t chat_route_messages_list(rest_t *q)
{
    static const char *const branches[] = {"current", "all", NULL};
    chat_buf_t *out = apr_palloc(q->p, sizeof(*out));
    chat_store_page_t page;
    apr_array_header_t *rows;
    int all = 0, i;
    apr_status_t rv;

    if ((rv = chat_route_rest_word(&all, q, "branch", branches)) ||
        (rv = chat_route_rest_page(&page, q, PAGE, "before")) ||
        (rv = chat_store_message_list(&rows, &q->at, q->ids[0], all, &page,
                                      &q->err)))
        return rv;
    chat_buf_init(out, q->p);
    chat_route_view_open(out);
    for (i = 0; i < rows->nelts; i++) {
        chat_route_view_comma(out, i);
        chat_route_view_message(
            out, &APR_ARRAY_IDX(rows, i, chat_store_message_t), q->p);
    }
    chat_route_view_close(out, page.next);
    q->json = chat_route_view_text(out);
    return APR_SUCCESS;
}

apr_status_t chat_route_messages_get(rest_t *q)
{
    chat_store_message_t *m;
    apr_status_t rv =
        chat_store_message_get(&m, &q->at, q->ids[0], q->ids[1], &q->err);

    return rv == APR_SUCCESS ? tell(q, m) : rv;
}

/* The pages come newest first, and each of them ascending. */
apr_status_t chat_route_messages_all(apr_array_header_t **prows,
                                     const chat_store_at_t *at,
                                     const char *conversation, chat_err_t *err)
{
    chat_store_page_t page = {.limit = PAGE_MAX};
    apr_array_header_t *rows;
    apr_status_t rv;

    *prows = apr_array_make(at->p, 0, sizeof(chat_store_message_t));
    do {
        page.next = NULL;
        rv = chat_store_message_list(&rows, at, conversation, 1, &page, err);
        if (rv != APR_SUCCESS)
            return rv;
        apr_array_cat(rows, *prows);
        *prows = rows;
        page.after = page.next;
    } while (page.next);
    return APR_SUCCESS;
}

/* ---- changing ---- */

static apr_status_t look(rest_t *q, const char **pparts, const char **ptext)
{
    chat_run_inspect_t *one = chat_run_inspect_begin(q->ctx, q->p);
    apr_status_t rv = APR_SUCCESS;

    if (one) {
        rv = chat_run_inspect(one, pparts, ptext, &q->err);
        chat_run_inspect_end(one);
    }
    return rv;
}

apr_status_t chat_route_messages_correct(rest_t *q)
{
    const chat_request_bounds_t bounds = chat_route_rest_bounds(q);
    chat_store_message_t *m;
    const char *parts, *text;
    apr_status_t rv =
        chat_request_rest_parts(&parts, &text, q->body, &bounds, &q->err, q->p);

    if (rv == APR_SUCCESS)
        rv = look(q, &parts, &text);
    if (rv == APR_SUCCESS)
        rv = chat_store_message_correct(&m, &q->at, q->ids[0], q->ids[1], parts,
                                        text, &q->err);
    return rv == APR_SUCCESS ? tell(q, m) : rv;
}

apr_status_t chat_route_messages_delete(rest_t *q)
{
    apr_array_header_t *streams;
    apr_status_t rv = chat_store_message_delete(&streams, &q->at, q->ids[0],
                                                q->ids[1], &q->err);

    if (rv == APR_SUCCESS)
        chat_route_rest_stop(q, streams);
    return rv;
}

apr_status_t chat_route_messages_rate(rest_t *q)
{
    const char *kind, *reason;
    apr_status_t rv =
        chat_request_rest_feedback(&kind, &reason, q->body, &q->err, q->p);

    if (rv == APR_SUCCESS)
        rv = chat_store_message_feedback(&q->at, q->ids[0], q->ids[1], kind,
                                         reason, &q->err);
    return rv;
}

/* ---- asking ---- */

/* What a client is told that asks once more with the same key: the answer is on
 * its way, or was, and can be followed there. */
static const char *told_again(const rest_t *q, const char *stream)
{
    chat_json_t *told = chat_json_object(q->p);

    chat_json_add_string(told, "code", "already_exists");
    chat_json_add_string(told, "message",
                         "This was asked already: follow its stream.");
    chat_json_add_string(told, "requestId", q->ctx->request_id);
    chat_json_add_string(told, "streamId", stream);
    return chat_json_text(told, NULL, q->p);
}

/* Both messages as a page of them. Not where the database is away, which has
 * the answer later. */
static apr_status_t tell_whole(chat_ctx_t *ctx, const char *conversation,
                               const char *question, const char *answer)
{
    const chat_store_at_t at = {
        .s = ctx->r->server,
        .r = ctx->r,
        .p = ctx->r->pool,
        .owner = chat_run_owner(ctx->user),
    };
    chat_store_message_t *asked, *said;
    chat_err_t err = {0};
    chat_buf_t *out = apr_palloc(at.p, sizeof(*out));
    apr_status_t rv =
        chat_store_message_get(&asked, &at, conversation, question, &err);

    if (rv == APR_SUCCESS)
        rv = chat_store_message_get(&said, &at, conversation, answer, &err);
    if (rv != APR_SUCCESS)
        return rv;
    chat_buf_init(out, at.p);
    chat_route_view_open(out);
    chat_route_view_message(out, asked, at.p);
    chat_route_view_comma(out, 1);
    chat_route_view_message(out, said, at.p);
    chat_route_view_close(out, NULL);
    chat_reply_json(ctx->r, HTTP_CREATED, chat_route_view_text(out));
    return APR_SUCCESS;
}

/* The run answers by itself, now or later. */
apr_status_t chat_route_messages_ask(rest_t *q)
{
    chat_run_question_t *question = apr_palloc(q->p, sizeof(*question));

    *question = (chat_run_question_t){
        .conversation = q->ids[0],
        .regenerate = q->ids[1],
        .stream = chat_store_new_id(q->p),
        .body = q->body,
        .tell_whole = tell_whole,
    };
    q->rc = chat_run_conversation(q->ctx, question);
    q->sent = 1;
    if (q->rc == SUSPENDED || (q->rc == OK && q->r->status < 300)) {
        q->status = HTTP_CONFLICT;
        q->json = told_again(q, question->stream);
    }
    return APR_SUCCESS;
}
