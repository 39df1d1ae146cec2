/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked, looked at by lists: every text that a model would read. Where
 * something is replaced, what is kept and what is sent have the same.
 */
#include "chat_run_lists.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_run_texts.h"

typedef struct scan_t {
    chat_run_lists_t *lists;
    apr_pool_t *p;
    chat_moderation_watch_t *plain, *json;
    chat_buf_t *out;
    int changed;
} scan_t;

static void pass(void *ctx, const char *text, apr_size_t len)
{
    scan_t *scan = ctx;

    chat_buf_put(scan->out, text, len);
}

static chat_moderation_e hit(void *ctx, const chat_moderation_hit_t *found)
{
    scan_t *scan = ctx;
    chat_moderation_e action = chat_run_lists_hit(scan->lists, found);

    scan->changed |= action == CHAT_MODERATION_REPLACE;
    return action;
}

static const chat_moderation_sink_t sink = {pass, hit};

/* The text, or what is left of it. */
static const char *look(void *ctx, const char *text, int json, int rigid)
{
    scan_t *scan = ctx;
    chat_moderation_watch_t *watch = json ? scan->json : scan->plain;

    if (scan->lists->stopped)
        return text;
    scan->changed = 0;
    scan->lists->rigid = rigid;
    chat_buf_clear(scan->out);
    chat_moderation_watch_feed(watch, text, strlen(text));
    chat_moderation_watch_end(watch);
    return scan->changed
               ? apr_pstrmemdup(scan->p, scan->out->data, scan->out->len)
               : text;
}

apr_status_t chat_run_lists_input(chat_run_lists_t *lists, chat_err_t *err)
{
    chat_run_t *run = lists->run;
    apr_pool_t *p = run->request_pool;
    scan_t scan = {.lists = lists, .p = p};
    const chat_run_texts_t texts = {look, &scan};

    scan.out = apr_palloc(p, sizeof(*scan.out));
    chat_buf_init(scan.out, p);
    scan.plain = chat_moderation_watch_create(
        lists->lists, lists->n, CHAT_MODERATION_WHOLE, &sink, &scan, p);
    scan.json = chat_moderation_watch_create(
        lists->lists, lists->n, CHAT_MODERATION_WHOLE | CHAT_MODERATION_JSON,
        &sink, &scan, p);
    chat_run_texts(run, &texts);
    chat_run_lists_end(lists);
    return lists->stopped ? chat_run_verdict_refuse(err, run, &lists->verdict)
                          : APR_SUCCESS;
}
