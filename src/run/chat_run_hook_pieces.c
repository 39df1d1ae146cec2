/* SPDX-License-Identifier: Apache-2.0 */
/* See chat_run_hook_pieces.h. */
#include "chat_run_hook_pieces.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_buf.h"

typedef struct piece_t {
    chat_delta_t delta; /* of a text its kind and index */
    chat_buf_t text;
    apr_size_t lead; /* bytes of it that a split has put there */
    apr_size_t next; /* bytes of it that belong to what follows, too */
} piece_t;

/* Texts of loose pieces are looked for among so many. */
#define LOOK_BACK 64

struct chat_run_hook_pieces_t {
    apr_pool_t *p;
    apr_array_header_t *list; /* piece_t * */
    apr_size_t bytes;         /* but for leads */
    int loose, texts;
};

static int is_text(const chat_delta_t *delta)
{
    return delta->kind != CHAT_DELTA_TOOL && delta->kind != CHAT_DELTA_DETAIL;
}

chat_run_hook_pieces_t *chat_run_hook_pieces_create(int loose,
                                                    apr_pool_t *parent)
{
    chat_run_hook_pieces_t *pieces;
    apr_pool_t *p;

    apr_pool_create(&p, parent);
    pieces = apr_pcalloc(p, sizeof(*pieces));
    pieces->p = p;
    pieces->loose = loose;
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
    pieces->texts |= is_text(delta);
    return piece;
}

/* The piece whose text goes on there; NULL: a new one begins. */
static piece_t *find(const chat_run_hook_pieces_t *pieces,
                     const chat_delta_t *delta)
{
    int i, n = pieces->list->nelts;
    int least = n - (pieces->loose ? LOOK_BACK : 1);

    for (i = n - 1; i >= 0 && i >= least && is_text(delta); i--) {
        piece_t *piece = APR_ARRAY_IDX(pieces->list, i, piece_t *);

        if (piece->delta.kind == delta->kind &&
            piece->delta.index == delta->index)
            return piece;
    }
    return NULL;
}

void chat_run_hook_pieces_add(chat_run_hook_pieces_t *pieces,
                              const chat_delta_t *delta)
{
    piece_t *piece = find(pieces, delta);

    if (!piece)
        piece = push(pieces, delta);
    if (delta->text)
        chat_buf_put(&piece->text, delta->text, delta->len);
    if (is_text(delta))
        pieces->bytes += delta->len;
}

apr_size_t chat_run_hook_pieces_bytes(const chat_run_hook_pieces_t *pieces)
{
    return pieces->bytes;
}

int chat_run_hook_pieces_has_text(const chat_run_hook_pieces_t *pieces)
{
    return pieces->texts;
}

/* ---- where one ends and the next begins ---- */

/* The end of a text, from a character on. */
static void overlap(chat_run_hook_pieces_t *next, piece_t *piece)
{
    apr_size_t len = piece->text.len;
    apr_size_t at = len > CHAT_RUN_HOOK_PIECES_OVERLAP
                        ? len - CHAT_RUN_HOOK_PIECES_OVERLAP
                        : 0;
    piece_t *lead;

    while (at > 0 && ((unsigned char)piece->text.data[at] & 0xc0) == 0x80)
        at--;
    if (at == len)
        return;
    lead = push(next, &piece->delta);
    chat_buf_put(&lead->text, piece->text.data + at, len - at);
    lead->lead = piece->next = len - at;
}

chat_run_hook_pieces_t *
chat_run_hook_pieces_split(chat_run_hook_pieces_t *pieces, apr_pool_t *p)
{
    chat_run_hook_pieces_t *next =
        chat_run_hook_pieces_create(pieces->loose, p);
    int n = pieces->list->nelts;
    int i = pieces->loose || n == 0 ? 0 : n - 1;

    for (; i < n; i++) {
        piece_t *piece = APR_ARRAY_IDX(pieces->list, i, piece_t *);

        if (is_text(&piece->delta))
            overlap(next, piece);
    }
    return next;
}

apr_size_t chat_run_hook_pieces_overlap(const chat_run_hook_pieces_t *pieces)
{
    int i;

    for (i = pieces->list->nelts - 1; i >= 0; i--) {
        const piece_t *piece = APR_ARRAY_IDX(pieces->list, i, piece_t *);

        if (is_text(&piece->delta))
            return piece->next;
    }
    return 0;
}

void chat_run_hook_pieces_drop_lead(chat_run_hook_pieces_t *pieces)
{
    int i;

    for (i = 0; i < pieces->list->nelts; i++) {
        piece_t *piece = APR_ARRAY_IDX(pieces->list, i, piece_t *);
        chat_buf_t *text = &piece->text;

        if (!piece->lead)
            continue;
        text->len -= piece->lead;
        memmove(text->data, text->data + piece->lead, text->len);
        piece->lead = 0;
    }
    pieces->texts = pieces->bytes > 0;
}

/* ---- what is told, and what goes on ---- */

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
        delta.len = piece->text.len - piece->next;
        if (texts && is_text(&delta)) {
            delta.text = texts[n++];
            delta.len = strlen(delta.text);
        }
        if (delta.len || !is_text(&delta))
            take(ctx, &delta);
    }
}
