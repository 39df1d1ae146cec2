/* SPDX-License-Identifier: Apache-2.0 */
/* The route that finds a user's words in titles and messages. Request thread.
 */
#include <httpd.h>
#include <apr_strings.h>

#include "chat_route.h"
#include "chat_route_rest.h"
#include "chat_route_view.h"

#define PAGE 20
#define WORDS_MAX 400

static apr_status_t search(chat_route_rest_t *q)
{
    chat_buf_t *out = apr_palloc(q->p, sizeof(*out));
    chat_store_page_t page;
    apr_array_header_t *hits;
    const char *words;
    apr_status_t rv;
    int i;

    if ((rv = chat_route_rest_text(&words, q, "q", WORDS_MAX)) ||
        (rv = chat_route_rest_page(&page, q, PAGE, "after")))
        return rv;
    if (!words)
        return chat_err_set(&q->err, APR_EINVAL, HTTP_BAD_REQUEST,
                            "invalid_request",
                            "The parameter \"q\" must have the words that are "
                            "looked for.");
    rv = chat_store_search(&hits, &q->at, words, &page, &q->err);
    if (rv != APR_SUCCESS)
        return rv;
    chat_buf_init(out, q->p);
    chat_route_view_open(out);
    for (i = 0; i < hits->nelts; i++) {
        chat_route_view_comma(out, i);
        chat_route_view_hit(out, &APR_ARRAY_IDX(hits, i, chat_store_hit_t),
                            q->p);
    }
    chat_route_view_close(out, page.next);
    q->json = chat_route_view_text(out);
    return APR_SUCCESS;
}

static const chat_route_rest_row_t rows[] = {
    {M_GET, "", search, 0},
    {0, NULL, NULL, 0},
};

int chat_route_search(chat_ctx_t *ctx)
{
    return chat_route_rest_serve(ctx, rows);
}
