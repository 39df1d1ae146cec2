/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The route of conversations: the table of all that lies below it, and the
 * conversations themselves. Messages and shares have files of their own.
 * Request thread.
 */
#include "chat_route_parts.h"

#include <string.h>

#include <httpd.h>
#include <apr_strings.h>

#include "chat_request.h"
#include "chat_route.h"
#include "chat_route_view.h"
#include "chat_run.h"

#define PAGE 20
#define WORDS_MAX 200
#define SINCE_MAX 256

typedef chat_route_rest_t rest_t;

/* ---- how one is told ---- */

static const char *text_of(const rest_t *q, const chat_conversation_t *c)
{
    chat_buf_t *out = apr_palloc(q->p, sizeof(*out));

    chat_buf_init(out, q->p);
    chat_route_view_conversation(out, c, q->p);
    return chat_route_view_text(out);
}

static apr_status_t tell(rest_t *q, const chat_conversation_t *c)
{
    q->json = text_of(q, c);
    q->revision = c->revision;
    return APR_SUCCESS;
}

static apr_status_t tell_new(rest_t *q, const chat_conversation_t *c)
{
    q->status = HTTP_CREATED;
    q->location = apr_pstrcat(q->p, "/", c->id, NULL);
    return tell(q, c);
}

/* ---- which revision is meant ---- */

/* 412: it is another one now, and this is how it is. */
static apr_status_t refuse_stale(rest_t *q, const chat_conversation_t *c)
{
    q->more = apr_pstrcat(q->p, ",\"current\":", text_of(q, c), NULL);
    q->revision = c->revision;
    return chat_err_set(&q->err, APR_EMISMATCH, HTTP_PRECONDITION_FAILED,
                        "precondition_failed",
                        "The conversation was changed meanwhile.");
}

/* *prevision is what the change is good for, 0: whatever it is. */
static apr_status_t find_revision(int *prevision, rest_t *q)
{
    chat_conversation_t *c;
    apr_status_t rv;

    *prevision = 0;
    if (!chat_route_rest_has_match(q))
        return APR_SUCCESS;
    rv = chat_store_conversation_get(&c, &q->at, q->ids[0], &q->err);
    if (rv != APR_SUCCESS)
        return rv;
    if (!chat_route_rest_matches(q, c->revision))
        return refuse_stale(q, c);
    *prevision = c->revision;
    return APR_SUCCESS;
}

/* ---- all of them ---- */

static apr_status_t list(rest_t *q)
{
    chat_conversation_filter_t filter = {0};
    chat_store_page_t page;
    apr_array_header_t *rows;
    chat_buf_t *out = apr_palloc(q->p, sizeof(*out));
    apr_status_t rv;
    int i;

    if ((rv = chat_route_rest_flag(&filter.archived, q, "archived")) ||
        (rv = chat_route_rest_flag(&filter.pinned, q, "pinned")) ||
        (rv = chat_route_rest_text(&filter.contains, q, "q", WORDS_MAX)) ||
        (rv = chat_route_rest_page(&page, q, PAGE, "after")) ||
        (rv = chat_store_conversation_list(&rows, &q->at, &filter, &page,
                                           &q->err)))
        return rv;
    chat_buf_init(out, q->p);
    chat_route_view_open(out);
    for (i = 0; i < rows->nelts; i++) {
        chat_route_view_comma(out, i);
        chat_route_view_conversation(
            out, &APR_ARRAY_IDX(rows, i, chat_conversation_t), q->p);
    }
    chat_route_view_close(out, page.next);
    q->json = chat_route_view_text(out);
    return APR_SUCCESS;
}

static apr_status_t changes(rest_t *q)
{
    chat_store_changes_t found;
    const char *since;
    chat_buf_t *out = apr_palloc(q->p, sizeof(*out));
    apr_status_t rv;
    int i;

    if ((rv = chat_route_rest_text(&since, q, "since", SINCE_MAX)) ||
        (rv = chat_store_changes_since(&found, &q->at, since, &q->err)))
        return rv;
    chat_buf_init(out, q->p);
    chat_buf_puts(out, "{\"changed\":[");
    for (i = 0; i < found.changed->nelts; i++) {
        chat_route_view_comma(out, i);
        chat_route_view_conversation(
            out, &APR_ARRAY_IDX(found.changed, i, chat_conversation_t), q->p);
    }
    chat_buf_puts(out, "],\"deleted\":[");
    for (i = 0; i < found.deleted->nelts; i++) {
        chat_route_view_comma(out, i);
        chat_buf_quote(out, APR_ARRAY_IDX(found.deleted, i, const char *));
    }
    chat_buf_puts(out, "]");
    chat_route_view_boolean(out, "reset", found.reset);
    chat_route_view_string(out, "cursor", found.cursor);
    chat_buf_puts(out, "}");
    q->json = chat_route_view_text(out);
    return APR_SUCCESS;
}

static apr_status_t delete_all(rest_t *q)
{
    apr_array_header_t *streams;
    int archived = 0, deleted;
    apr_status_t rv;

    if ((rv = chat_route_rest_confirmed(q)) ||
        (rv = chat_route_rest_flag(&archived, q, "archived")) ||
        (rv = chat_store_conversation_delete_all(&deleted, &streams, &q->at,
                                                 archived, &q->err)))
        return rv;
    chat_route_rest_stop(q, streams);
    q->json = apr_psprintf(q->p, "{\"deleted\":%d}", deleted);
    return APR_SUCCESS;
}

/* ---- one ---- */

/* Both sides have names of their own for what a client may set. */
static unsigned set_of(chat_conversation_t *c,
                       const chat_request_conversation_t *asked)
{
    static const unsigned bits[][2] = {
        {CHAT_REQUEST_HAS_TITLE, CHAT_SET_TITLE},
        {CHAT_REQUEST_HAS_PINNED, CHAT_SET_PINNED},
        {CHAT_REQUEST_HAS_ARCHIVED, CHAT_SET_ARCHIVED},
        {CHAT_REQUEST_HAS_MODEL, CHAT_SET_MODEL},
        {CHAT_REQUEST_HAS_SYSTEM, CHAT_SET_SYSTEM},
        {CHAT_REQUEST_HAS_METADATA, CHAT_SET_METADATA},
        {CHAT_REQUEST_HAS_CURRENT, CHAT_SET_CURRENT},
    };
    unsigned set = 0;
    apr_size_t i;

    for (i = 0; i < sizeof(bits) / sizeof(*bits); i++)
        if (asked->said & bits[i][0])
            set |= bits[i][1];
    *c = (chat_conversation_t){
        .title = asked->title,
        .model = asked->model,
        .system = asked->system,
        .metadata = asked->metadata ? asked->metadata : "{}",
        .current = asked->current,
        .pinned = asked->pinned,
        .archived = asked->archived,
        .titled = asked->title != NULL,
    };
    return set;
}

static apr_status_t create(rest_t *q)
{
    const chat_request_bounds_t bounds = chat_route_rest_bounds(q);
    chat_request_conversation_t asked;
    chat_conversation_t c, *found;
    apr_status_t rv = APR_SUCCESS;

    memset(&asked, 0, sizeof(asked));
    if (q->body)
        rv = chat_request_rest_conversation(&asked, q->body, &bounds, &q->err,
                                            q->p);
    if (rv != APR_SUCCESS)
        return rv;
    set_of(&c, &asked);
    rv = chat_run_inspect_conversation(q->ctx, &c, &q->err, q->p);
    if (rv != APR_SUCCESS)
        return rv;
    c.current = NULL;
    c.id = asked.id ? asked.id : chat_store_new_id(q->p);
    rv = chat_store_conversation_create(&c, &q->at, &q->err);
    if (rv == APR_EEXIST)
        q->more = apr_pstrcat(q->p, ",\"id\":\"", c.id, "\"", NULL);
    if (rv == APR_SUCCESS)
        rv = chat_store_conversation_get(&found, &q->at, c.id, &q->err);
    return rv == APR_SUCCESS ? tell_new(q, found) : rv;
}

static apr_status_t get(rest_t *q)
{
    chat_conversation_t *c;
    apr_status_t rv =
        chat_store_conversation_get(&c, &q->at, q->ids[0], &q->err);

    if (rv != APR_SUCCESS)
        return rv;
    if (!chat_route_rest_unchanged(q, c->revision))
        return tell(q, c);
    q->status = HTTP_NOT_MODIFIED;
    q->revision = c->revision;
    return APR_SUCCESS;
}

static apr_status_t patch(rest_t *q)
{
    const chat_request_bounds_t bounds = chat_route_rest_bounds(q);
    chat_request_conversation_t asked;
    chat_conversation_t c, *now;
    unsigned set;
    int revision;
    apr_status_t rv =
        chat_request_rest_conversation(&asked, q->body, &bounds, &q->err, q->p);

    if (rv == APR_SUCCESS)
        rv = find_revision(&revision, q);
    if (rv != APR_SUCCESS)
        return rv;
    set = set_of(&c, &asked);
    rv = chat_run_inspect_conversation(q->ctx, &c, &q->err, q->p);
    if (rv != APR_SUCCESS)
        return rv;
    rv = set ? chat_store_conversation_update(&now, &q->at, q->ids[0], &c, set,
                                              revision, &q->err)
             : chat_store_conversation_get(&now, &q->at, q->ids[0], &q->err);
    if (rv == APR_EMISMATCH)
        return refuse_stale(q, now);
    return rv == APR_SUCCESS ? tell(q, now) : rv;
}

static apr_status_t delete (rest_t *q)
{
    apr_array_header_t *streams;
    chat_conversation_t *now;
    int revision;
    apr_status_t rv = find_revision(&revision, q);

    if (rv == APR_SUCCESS)
        rv = chat_store_conversation_delete(&streams, &q->at, q->ids[0],
                                            revision, &q->err);
    if (rv == APR_EMISMATCH &&
        chat_store_conversation_get(&now, &q->at, q->ids[0], &q->err) ==
            APR_SUCCESS)
        return refuse_stale(q, now);
    if (rv == APR_SUCCESS)
        chat_route_rest_stop(q, streams);
    return rv;
}

static apr_status_t restore(rest_t *q)
{
    chat_conversation_t *c;
    apr_status_t rv =
        chat_store_conversation_restore(&c, &q->at, q->ids[0], &q->err);

    return rv == APR_SUCCESS ? tell(q, c) : rv;
}

static apr_status_t copy(rest_t *q)
{
    chat_conversation_t *c;
    const char *message;
    apr_status_t rv =
        chat_request_rest_message_id(&message, q->body, &q->err, q->p);

    if (rv == APR_SUCCESS)
        rv = chat_store_conversation_fork(&c, &q->at, q->ids[0], message,
                                          &q->err);
    return rv == APR_SUCCESS ? tell_new(q, c) : rv;
}

static apr_status_t name(rest_t *q)
{
    chat_buf_t *out = apr_palloc(q->p, sizeof(*out));
    const char *title;
    apr_status_t rv = chat_run_title(&title, q->ctx, q->ids[0], &q->err);

    if (rv != APR_SUCCESS)
        return rv;
    chat_buf_init(out, q->p);
    chat_buf_puts(out, "{");
    chat_route_view_string(out, "title", title);
    chat_buf_puts(out, "}");
    q->json = chat_route_view_text(out);
    return APR_SUCCESS;
}

/* ---- the table ---- */

#define BODY CHAT_ROUTE_REST_BODY
#define EMPTY (CHAT_ROUTE_REST_BODY | CHAT_ROUTE_REST_EMPTY)
#define REPEAT CHAT_ROUTE_REST_REPEAT
#define RUN (CHAT_ROUTE_REST_RUN | CHAT_ROUTE_REST_REPEAT)

static const chat_route_rest_row_t rows[] = {
    {M_GET, "", list, 0},
    {M_POST, "", create, EMPTY | REPEAT},
    {M_DELETE, "", delete_all, 0},
    {M_GET, "/changes", changes, CHAT_ROUTE_REST_UNLIMITED},
    {M_GET, "/*", get, 0},
    {M_PATCH, "/*", patch, BODY},
    {M_DELETE, "/*", delete, 0},
    {M_POST, "/*/restore", restore, 0},
    {M_POST, "/*/fork", copy, BODY | REPEAT},
    {M_POST, "/*/title", name, 0},
    {M_GET, "/*/export", chat_route_export_one, 0},
    {M_GET, "/*/messages", chat_route_messages_list, 0},
    {M_POST, "/*/messages", chat_route_messages_ask, RUN},
    {M_GET, "/*/messages/*", chat_route_messages_get, 0},
    {M_PATCH, "/*/messages/*", chat_route_messages_correct, BODY},
    {M_DELETE, "/*/messages/*", chat_route_messages_delete, 0},
    {M_POST, "/*/messages/*/regenerate", chat_route_messages_ask, RUN},
    {M_PUT, "/*/messages/*/feedback", chat_route_messages_rate, BODY},
    {M_GET, "/*/shares", chat_route_shares_list, 0},
    {M_POST, "/*/shares", chat_route_shares_create, EMPTY | REPEAT},
    {M_DELETE, "/*/shares/@", chat_route_shares_revoke, 0},
    {0, NULL, NULL, 0},
};

int chat_route_conversations(chat_ctx_t *ctx)
{
    return chat_route_rest_serve(ctx, rows);
}
