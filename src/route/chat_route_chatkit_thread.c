/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The documents of ChatKit: threads, which are conversations, and their items,
 * which are parts of the messages along the current branch. Request thread.
 */
#include <string.h>

#include <httpd.h>
#include <apr_strings.h>

#include "chat_route_chatkit_parts.h"
#include "chat_route_chatkit_view.h"
#include "chat_run.h"

#define PAGE 20

/* Messages that are read at once; most are one item. */
#define STEP 32

typedef chat_route_chatkit_t kit_t;

/* ---- items, a page of them ---- */

typedef struct walk_t {
    const chat_store_at_t *at;
    chat_route_chatkit_look_t look;
    const char *conversation;
    chat_request_chatkit_id_t after; /* id NULL: from the beginning */
    int down, limit;
    apr_array_header_t *items; /* one more than limit, if there are */
} walk_t;

static int is_full(const walk_t *w)
{
    return w->items->nelts > w->limit;
}

static const chat_store_message_t *row_at(const apr_array_header_t *rows, int i)
{
    return i >= 0 && i < rows->nelts
               ? &APR_ARRAY_IDX(rows, i, chat_store_message_t)
               : NULL;
}

/* Of the message that the page begins in only what is behind the item. */
static int is_behind(const walk_t *w, const chat_store_message_t *m, int part)
{
    if (!w->after.id || strcmp(m->id, w->after.id) != 0)
        return 1;
    return w->down ? part > w->after.part : part < w->after.part;
}

static void add(walk_t *w, const chat_store_message_t *m,
                const chat_store_message_t *next)
{
    apr_array_header_t *items =
        apr_array_make(w->at->p, 2, sizeof(chat_route_chatkit_item_t));
    int i;

    chat_route_chatkit_view_items(items, m, next, &w->look, w->at->p);
    for (i = 0; i < items->nelts && !is_full(w); i++) {
        const chat_route_chatkit_item_t *item =
            &APR_ARRAY_IDX(items, w->down ? i : items->nelts - 1 - i,
                           chat_route_chatkit_item_t);

        if (is_behind(w, m, item->part))
            APR_ARRAY_PUSH(w->items, chat_route_chatkit_item_t) = *item;
    }
}

/*
 * The rows of one step but the last, which is the first of the next step where
 * there may be one: what answers a message is beside it. *pfirst is the row to
 * begin with.
 */
static void add_rows(walk_t *w, const apr_array_header_t *rows, int *pfirst)
{
    int i, whole = rows->nelts < STEP;
    int n = w->down && !whole ? rows->nelts - 1 : rows->nelts;

    for (i = *pfirst; i < n && !is_full(w); i++)
        add(w, row_at(rows, i), row_at(rows, w->down ? i + 1 : i - 1));
    *pfirst = w->down ? 0 : 1;
}

static apr_status_t walk(walk_t *w, chat_err_t *err)
{
    const char *from = w->after.id;
    apr_array_header_t *rows;
    int first = 0;
    apr_status_t rv;

    w->items = apr_array_make(w->at->p, w->limit + 1,
                              sizeof(chat_route_chatkit_item_t));
    do {
        rv = chat_store_message_walk(&rows, w->at, w->conversation, from,
                                     w->down, STEP, err);
        if (rv != APR_SUCCESS)
            return rv;
        add_rows(w, rows, &first);
        if (rows->nelts)
            from = row_at(rows, rows->nelts - 1)->id;
    } while (rows->nelts == STEP && !is_full(w));
    return APR_SUCCESS;
}

/* *pmore: 1 when there are more than the page has. */
static apr_status_t find_items(apr_array_header_t **pitems, int *pmore,
                               kit_t *kit, walk_t *w, chat_err_t *err)
{
    apr_status_t rv;

    w->at = &kit->q.at;
    w->look = chat_route_chatkit_file_look(kit);
    w->conversation = kit->request.thread.id;
    rv = walk(w, err);
    *pitems = w->items;
    *pmore = rv == APR_SUCCESS && is_full(w);
    if (*pmore)
        w->items->nelts--;
    return rv;
}

/* ---- how it is told ---- */

static chat_buf_t *new_text(kit_t *kit)
{
    chat_buf_t *out = apr_palloc(kit->q.p, sizeof(*out));

    chat_buf_init(out, kit->q.p);
    return out;
}

static apr_status_t tell(kit_t *kit, chat_buf_t *out)
{
    chat_buf_put(out, "", 1);
    kit->q.json = out->data;
    return APR_SUCCESS;
}

static apr_status_t tell_nothing(kit_t *kit)
{
    kit->q.json = "{}";
    return APR_SUCCESS;
}

static apr_status_t tell_thread(kit_t *kit, const chat_conversation_t *c,
                                const apr_array_header_t *items, int more)
{
    chat_buf_t *out = new_text(kit);

    chat_route_chatkit_view_thread(out, c, items, more, kit->q.p);
    return tell(kit, out);
}

/* ---- threads ---- */

apr_status_t chat_route_chatkit_thread_get(kit_t *kit)
{
    walk_t w = {.down = 1, .limit = PAGE};
    apr_array_header_t *items;
    chat_conversation_t *c;
    int more = 0;
    apr_status_t rv = chat_store_conversation_get(
        &c, &kit->q.at, kit->request.thread.id, &kit->q.err);

    if (rv == APR_SUCCESS)
        rv = find_items(&items, &more, kit, &w, &kit->q.err);
    return rv == APR_SUCCESS ? tell_thread(kit, c, items, more) : rv;
}

apr_status_t chat_route_chatkit_thread_list(kit_t *kit)
{
    const chat_conversation_filter_t filter = {.oldest =
                                                   kit->request.ascending};
    chat_store_page_t page = {
        .limit = kit->request.limit,
        .after = kit->request.after,
    };
    chat_buf_t *out = new_text(kit);
    apr_array_header_t *rows;
    int i;
    apr_status_t rv = chat_store_conversation_list(&rows, &kit->q.at, &filter,
                                                   &page, &kit->q.err);

    if (rv != APR_SUCCESS)
        return rv;
    chat_buf_puts(out, "{\"data\":[");
    for (i = 0; i < rows->nelts; i++) {
        chat_buf_puts(out, i ? "," : "");
        chat_route_chatkit_view_thread(
            out, &APR_ARRAY_IDX(rows, i, chat_conversation_t), NULL, 0,
            kit->q.p);
    }
    chat_buf_puts(out,
                  page.next ? "],\"has_more\":true" : "],\"has_more\":false");
    if (page.next) {
        chat_buf_puts(out, ",\"after\":");
        chat_buf_quote(out, page.next);
    }
    chat_buf_puts(out, "}");
    return tell(kit, out);
}

apr_status_t chat_route_chatkit_thread_update(kit_t *kit)
{
    chat_conversation_t set = {.title = kit->request.title, .titled = 1}, *c;
    apr_status_t rv =
        chat_run_inspect_conversation(kit->q.ctx, &set, &kit->q.err, kit->q.p);

    if (rv == APR_SUCCESS)
        rv = chat_store_conversation_update(&c, &kit->q.at,
                                            kit->request.thread.id, &set,
                                            CHAT_SET_TITLE, 0, &kit->q.err);
    return rv == APR_SUCCESS ? tell_thread(kit, c, NULL, 0) : rv;
}

apr_status_t chat_route_chatkit_thread_delete(kit_t *kit)
{
    apr_array_header_t *streams;
    apr_status_t rv = chat_store_conversation_delete(
        &streams, &kit->q.at, kit->request.thread.id, 0, &kit->q.err);

    if (rv != APR_SUCCESS)
        return rv;
    chat_route_rest_stop(&kit->q, streams);
    return tell_nothing(kit);
}

/* ---- items ---- */

apr_status_t chat_route_chatkit_thread_items(kit_t *kit)
{
    const chat_request_chatkit_t *request = &kit->request;
    walk_t w = {.down = request->ascending, .limit = request->limit};
    chat_buf_t *out = new_text(kit);
    apr_array_header_t *items;
    int more = 0;
    apr_status_t rv;

    if (request->after) {
        w.after = chat_request_chatkit_id(request->after, kit->q.p);
        if (!w.after.id)
            return chat_route_chatkit_nobodys(kit);
    }
    rv = find_items(&items, &more, kit, &w, &kit->q.err);
    if (rv != APR_SUCCESS)
        return rv;
    chat_route_chatkit_view_page(out, items, more);
    return tell(kit, out);
}

/* Once for each message, however many of its items are named; all are there
 * before the first is judged. */
static apr_status_t judge(kit_t *kit, int only_look)
{
    const apr_array_header_t *ids = kit->request.items;
    const char *conversation = kit->request.thread.id, *last = "";
    chat_store_message_t *m;
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; rv == APR_SUCCESS && i < ids->nelts; i++) {
        const char *id = APR_ARRAY_IDX(ids, i, chat_request_chatkit_id_t).id;

        if (!id)
            return chat_route_chatkit_nobodys(kit);
        if (!strcmp(id, last))
            continue;
        last = id;
        rv = only_look ? chat_store_message_get(&m, &kit->q.at, conversation,
                                                id, &kit->q.err)
                       : chat_store_message_feedback(&kit->q.at, conversation,
                                                     id, kit->request.kind,
                                                     NULL, &kit->q.err);
        if (rv == APR_SUCCESS && only_look && m->role != CHAT_ROLE_ASSISTANT)
            return chat_err_set(&kit->q.err, APR_EINVAL, HTTP_BAD_REQUEST,
                                "invalid_request",
                                "Only an answer can be judged.");
    }
    return rv;
}

apr_status_t chat_route_chatkit_thread_feedback(kit_t *kit)
{
    chat_conversation_t *c;
    apr_status_t rv = chat_store_conversation_get(
        &c, &kit->q.at, kit->request.thread.id, &kit->q.err);

    if (rv == APR_SUCCESS)
        rv = judge(kit, 1);
    if (rv == APR_SUCCESS)
        rv = judge(kit, 0);
    return rv == APR_SUCCESS ? tell_nothing(kit) : rv;
}
