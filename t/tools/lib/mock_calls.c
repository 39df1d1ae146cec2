/* SPDX-License-Identifier: Apache-2.0 */
/* What the mock says in every API: calls of tools, and how much it counts as.
 * Pure. */
#include "mock_formats.h"

#include <stdlib.h>

int64_t mock_created(const mock_text_t *t)
{
    return INT64_C(1700000000) + t->p.seed % 1000000;
}

int mock_input(const mock_text_t *t)
{
    return 10 + (int)(t->p.seed % 100);
}

int mock_output(const mock_text_t *t)
{
    return mock_text_said(t) + t->p.reason + t->p.tools * t->p.pieces;
}

int mock_within(int *pk, int n)
{
    if (*pk < n)
        return 1;
    *pk -= n;
    return 0;
}

/* Those of the request in turn. */
const char *mock_call_name(const mock_text_t *t, int i)
{
    return t->ntools ? t->tools[i % t->ntools] : "lookup";
}

void mock_call_arguments(buf_t *out, const mock_text_t *t, int i)
{
    buf_printf(out, "{\"q\":\"s%lldt%d ", (long long)t->p.seed, i);
    if (t->p.utf8)
        buf_puts(out, "\\\"\\\\\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 ");
    mock_filler(buf_room(out, t->p.size), t->p.size, MOCK_SEED(t) + i);
    out->len += t->p.size;
    buf_printf(out, "\",\"n\":%d}", i);
}

/* Where a piece begins: never inside a character. */
static size_t start_of(const mock_text_t *t, const buf_t *all, int piece)
{
    size_t at = all->len * piece / t->p.pieces;

    while (at < all->len && (all->data[at] & 0xc0) == 0x80)
        at++;
    return at;
}

void mock_call_piece(buf_t *out, const mock_text_t *t, int i, int piece)
{
    buf_t all = {0};
    size_t from, to;

    mock_call_arguments(&all, t, i);
    from = start_of(t, &all, piece);
    to = start_of(t, &all, piece + 1);
    buf_json(out, all.data + from, to - from);
    buf_free(&all);
}

void mock_call_quoted(buf_t *out, const mock_text_t *t, int i)
{
    buf_t all = {0};

    mock_call_arguments(&all, t, i);
    buf_json(out, all.data, all.len);
    buf_free(&all);
}
