/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tap of ChatUsage: what was billed goes to the database, or to a file that
 * waits for it. An answer that is kept takes it along (chat_run_persist.c), and
 * then there is nothing to do here. Threads as in chat_run_tap.h.
 */
#include "chat_run_usage.h"

#include <apr_strings.h>

#include "chat_crypto.h"
#include "chat_run_spooled.h"

/* A longer name is no key of a table. Where no ChatModel tells of a model its
 * name is the client's. */
#define NAME_BYTES 256

static const char *short_name(const char *name, apr_pool_t *p)
{
    apr_size_t len = strlen(name);

    if (len <= NAME_BYTES)
        return name;
    len = NAME_BYTES;
    while (len > 0 && (name[len] & 0xc0) == 0x80)
        len--;
    return apr_pstrmemdup(p, name, len);
}

static void fill(chat_store_usage_t *row, const chat_bill_t *bill,
                 const chat_run_t *run)
{
    const char *owner = chat_run_owner(run->ctx->user);

    row->owner = owner ? owner : CHAT_STORE_USAGE_GUEST;
    chat_store_usage_day(row->day, apr_time_now());
    row->model = short_name(bill->model, run->r->pool);
    row->provider = bill->provider;
    row->own_key = bill->own_key;
    row->requests = 1;
    row->input_tokens = bill->usage.input;
    row->output_tokens = bill->usage.output;
    row->cached_tokens = bill->usage.cached;
    row->cost = bill->cost;
}

int chat_run_usage_rows(chat_store_usage_t **prows, const chat_run_t *run)
{
    int i, n = run->bills ? run->bills->nelts : 0;

    *prows = NULL;
    if (run->conf->usage.mode == CHAT_USAGE_OFF || !n)
        return 0;
    *prows = apr_pcalloc(run->r->pool, n * sizeof(**prows));
    for (i = 0; i < n; i++)
        fill(&(*prows)[i], &APR_ARRAY_IDX(run->bills, i, chat_bill_t), run);
    return n;
}

/* At once; what the database may have taken all the same, with an answer that
 * it keeps or by itself, has the same id when it is told again. */
static void add_now(chat_run_t *run, chat_store_usage_t *rows, int n)
{
    const chat_store_at_t at = {
        .s = run->r->server, .r = run->r, .p = run->r->pool};
    chat_err_t err = {0};
    char id[37];
    int added;

    if (run->kept && run->kept->answer)
        apr_cpystrn(id, run->kept->answer, sizeof(id));
    else
        chat_crypto_uuid7(id, apr_time_now());
    if (chat_store_usage_add(&added, rows, n, id, &at, &err) != APR_SUCCESS)
        chat_run_spooled_keep(run->r->server, rows, n, id, run->r->pool);
}

static void usage_end(chat_run_t *run, void *ctx)
{
    chat_store_usage_t *rows;
    int n;

    if (run->usage_kept)
        return;
    n = chat_run_usage_rows(&rows, run);
    if (n && run->conf->usage.mode == CHAT_USAGE_BATCH && !run->kept)
        chat_run_spooled_gather(run->r->server, rows, n, run->r->pool);
    else if (n)
        add_now(run, rows, n);
}

const chat_tap_t chat_run_usage = {
    .name = "usage",
    .end = usage_end,
};
