/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The route that takes a file of conversations: our own, or ChatGPT's. It is
 * read to its end, a conversation at a time, before the first of them is kept:
 * a file that is not what it says changes nothing. Request thread.
 */
#include <httpd.h>
#include <apr_strings.h>

#include "chat_request.h"
#include "chat_route.h"
#include "chat_route_format.h"
#include "chat_route_rest.h"
#include "chat_route_view.h"
#include "chat_run.h"
#include "chat_scratch.h"

#define DEPTH 100
#define VALUES 200000 /* of one conversation */

typedef chat_route_rest_t rest_t;

/* ---- reading ---- */

static apr_status_t refuse(rest_t *q, const char *message)
{
    return chat_err_set(&q->err, APR_EINVAL, HTTP_BAD_REQUEST,
                        "invalid_request", message);
}

/* Around the conversations. */
static apr_status_t check_rest(rest_t *q, const chat_json_t *rest)
{
    const chat_json_t *version = chat_json_get(rest, "version");

    if (chat_json_kind(rest) != CHAT_JSON_ARRAY &&
        chat_json_kind(chat_json_get(rest, "conversations")) != CHAT_JSON_ARRAY)
        return refuse(q, "The body is neither an array of conversations nor an "
                         "object with the array \"conversations\".");
    if (version && chat_json_integer(version, 0) != 1)
        return refuse(q, "The file is of another version: this server reads "
                         "version 1.");
    return APR_SUCCESS;
}

static apr_status_t read_file(rest_t *q, chat_route_import_t *import)
{
    const chat_dir_store_t *store = &q->ctx->dir->store;
    const apr_size_t bytes = store->import;
    const chat_json_limits_t limits = {bytes, DEPTH, VALUES};
    chat_json_items_t *items;
    chat_json_t *rest;
    apr_status_t rv;

    import->now = chat_store_now();
    import->bounds = chat_route_rest_bounds(q);
    import->messages_max = store->messages;
    import->bytes_max = store->bytes;
    import->list = apr_array_make(import->p, 16, sizeof(chat_route_imported_t));
    items = chat_json_items_create("conversations", &limits,
                                   chat_route_format_take, import, import->p);
    rv = chat_request_check_type(q->r, &q->err);
    if (rv == APR_SUCCESS)
        rv = chat_request_read_items(&rest, q->r, items, bytes, &q->err);
    return rv == APR_SUCCESS ? check_rest(q, rest) : rv;
}

/* Every title, system prompt and message of all conversations: a file with
 * something on a list is not taken. */
static apr_status_t look(rest_t *q, const chat_route_import_t *import)
{
    chat_run_inspect_t *one = chat_run_inspect_begin(q->ctx, import->p);
    apr_status_t rv = APR_SUCCESS;
    int i, k;

    for (i = 0; one && rv == APR_SUCCESS && i < import->list->nelts; i++) {
        chat_route_imported_t *c =
            &APR_ARRAY_IDX(import->list, i, chat_route_imported_t);

        rv = chat_run_inspect_heading(one, &c->c, &q->err);
        for (k = 0; rv == APR_SUCCESS && k < c->messages->nelts; k++) {
            chat_store_message_t *m =
                &APR_ARRAY_IDX(c->messages, k, chat_store_message_t);

            rv = chat_run_inspect(one, &m->parts, &m->text, &q->err);
        }
    }
    if (one)
        chat_run_inspect_end(one);
    return rv;
}

/* ---- keeping ---- */

/* A refusal in the middle says how far it was. */
static apr_status_t keep_all(rest_t *q, const chat_route_import_t *import)
{
    chat_store_at_t at = q->at;
    apr_status_t rv = APR_SUCCESS;
    int i;

    apr_pool_create(&at.p, q->p);
    for (i = 0; i < import->list->nelts; i++) {
        const chat_route_imported_t *one =
            &APR_ARRAY_IDX(import->list, i, chat_route_imported_t);

        rv = chat_store_import(&one->c, one->messages, &at, &q->err);
        if (rv != APR_SUCCESS)
            break;
        apr_pool_clear(at.p);
    }
    if (rv != APR_SUCCESS)
        q->more = apr_psprintf(q->p, ",\"imported\":%d", i);
    return rv;
}

static void tell(rest_t *q, const chat_route_import_t *import, int imported)
{
    chat_buf_t *out = apr_palloc(q->p, sizeof(*out));

    chat_buf_init(out, q->p);
    chat_buf_puts(out, "{");
    chat_route_view_integer(out, "conversations", import->list->nelts);
    chat_route_view_integer(out, "messages", import->messages);
    chat_route_view_integer(out, "leftOut", import->left_out);
    chat_route_view_integer(out, "placeholders", import->placeholders);
    chat_route_view_integer(out, "repaired", import->repaired);
    chat_route_view_integer(out, "imported", imported);
    chat_buf_puts(out, "}");
    q->json = chat_route_view_text(out);
}

static apr_status_t import(rest_t *q)
{
    chat_route_import_t import = {.p = chat_scratch_pool(q->p)};
    int check = 0;
    apr_status_t rv = chat_route_rest_flag(&check, q, "check");

    if (rv == APR_SUCCESS)
        rv = read_file(q, &import);
    if (rv == APR_SUCCESS)
        rv = look(q, &import);
    if (rv == APR_SUCCESS && !check)
        rv = keep_all(q, &import);
    if (rv == APR_SUCCESS)
        tell(q, &import, check ? 0 : import.list->nelts);
    else if (q->err.message)
        q->err.message = apr_pstrdup(q->p, q->err.message);
    return rv;
}

static const chat_route_rest_row_t rows[] = {
    {M_POST, "", import, 0},
    {0, NULL, NULL, 0},
};

int chat_route_import(chat_ctx_t *ctx)
{
    return chat_route_rest_serve(ctx, rows);
}
