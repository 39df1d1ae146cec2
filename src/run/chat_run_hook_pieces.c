/* SPDX-License-Identifier: Apache-2.0 */
/* See chat_run_hook_pieces.h. */
#include "chat_run_hook_pieces.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_buf.h"

typedef struct piece_t {
    chat_delta_t delta; /* of a text its kind and index */
    chat_buf_t text;
} piece_t;

struct chat_run_hook_pieces_t {
    apr_pool_t *p;
    apr_array_header_t *list; /* piece_t * */
    apr_size_t bytes;
};

static int is_text(const chat_delta_t *delta)
{
    return delta->kind != CHAT_DELTA_TOOL && delta->kind != CHAT_DELTA_DETAIL;
}

chat_run_hook_pieces_t *chat_run_hook_pieces_create(apr_pool_t *parent)
{
    chat_run_hook_pieces_t *pieces;
    apr_pool_t *p;

    apr_pool_create(&p, parent);
    pieces = apr_pcalloc(p, sizeof(*pieces));
    pieces->p = p;
    pieces->list = apr_array_make(p, 8, sizeof(piece_t *));
    return pieces;
}

void chat_run_hook_pieces_destroy(chat_run_hook_pieces_t *pieces)
{
    if (pieces)
        apr_pool_destroy(pieces->p);
}

static const char *copy(const char *text, apr_pool_t *p)
{
    return text ? apr_pstrdup(p, text) : NULL;
}

static piece_t *push(chat_run_hook_pieces_t *pieces, const chat_delta_t *delta)
{
    piece_t *piece = apr_pcalloc(pieces->p, sizeof(*piece));

    piece->delta = *delta;
    piece->delta.id = copy(delta->id, pieces->p);
    piece->delta.name = copy(delta->name, pieces->p);
    piece->delta.extra = copy(delta->extra, pieces->p);
    chat_buf_init(&piece->text, pieces->p);
    APR_ARRAY_PUSH(pieces->list, piece_t *) = piece;
    return piece;
}

void chat_run_hook_pieces_add(chat_run_hook_pieces_t *pieces,
                              const chat_delta_t *delta)
{
    int n = pieces->list->nelts;
    piece_t *last = n ? APR_ARRAY_IDX(pieces->list, n - 1, piece_t *) : NULL;

    if (!last || !is_text(delta) || last->delta.kind != delta->kind ||
        last->delta.index != delta->index)
        last = push(pieces, delta);
    if (delta->text)
        chat_buf_put(&last->text, delta->text, delta->len);
    if (is_text(delta))
        pieces->bytes += delta->len;
}

apr_size_t chat_run_hook_pieces_text(const chat_run_hook_pieces_t *pieces)
{
    return pieces->bytes;
}

static const char *role_of(chat_delta_e kind)
{
    return kind == CHAT_DELTA_REASONING   ? "reasoning"
           : kind == CHAT_DELTA_ARGUMENTS ? "tool"
                                          : "assistant";
}

int chat_run_hook_pieces_texts(const chat_run_hook_text_t **ptexts,
                               chat_run_hook_pieces_t *pieces)
{
    int i, n = 0;
    chat_run_hook_text_t *texts =
        apr_palloc(pieces->p, (pieces->list->nelts + 1) * sizeof(*texts));

    for (i = 0; i < pieces->list->nelts; i++) {
        piece_t *piece = APR_ARRAY_IDX(pieces->list, i, piece_t *);

        if (!is_text(&piece->delta))
            continue;
        chat_buf_put(&piece->text, "", 1);
        piece->text.len--;
        texts[n].role = role_of(piece->delta.kind);
        texts[n++].content = piece->text.data;
    }
    *ptexts = texts;
    return n;
}

void chat_run_hook_pieces_each(const chat_run_hook_pieces_t *pieces,
                               const char *const *texts, chat_delta_cb *take,
                               void *ctx)
{
    int i, n = 0;

    for (i = 0; i < pieces->list->nelts; i++) {
        const piece_t *piece = APR_ARRAY_IDX(pieces->list, i, piece_t *);
        chat_delta_t delta = piece->delta;

        delta.text = piece->text.data;
        delta.len = piece->text.len;
        if (texts && is_text(&delta)) {
            delta.text = texts[n++];
            delta.len = strlen(delta.text);
        }
        if (delta.len || !is_text(&delta))
            take(ctx, &delta);
    }
}
