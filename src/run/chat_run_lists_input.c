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

static void open_scan(scan_t *scan, chat_run_lists_t *lists, apr_pool_t *p)
{
    memset(scan, 0, sizeof(*scan));
    scan->lists = lists;
    scan->p = p;
    scan->out = apr_palloc(p, sizeof(*scan->out));
    chat_buf_init(scan->out, p);
    scan->plain = chat_moderation_watch_create(
        lists->lists, lists->n, CHAT_MODERATION_WHOLE, &sink, scan, p);
    scan->json = chat_moderation_watch_create(
        lists->lists, lists->n, CHAT_MODERATION_WHOLE | CHAT_MODERATION_JSON,
        &sink, scan, p);
}

apr_status_t chat_run_lists_input(chat_run_lists_t *lists, chat_err_t *err)
{
    chat_run_t *run = lists->run;
    scan_t scan;
    const chat_run_texts_t texts = {look, &scan};

    open_scan(&scan, lists, run->request_pool);
    chat_run_texts(run, &texts);
    chat_run_lists_end(lists);
    return lists->stopped ? chat_run_verdict_refuse(err, run, &lists->verdict)
                          : APR_SUCCESS;
}

apr_status_t chat_run_lists_file(chat_run_t *run, const char *text,
                                 apr_size_t len, int told, chat_err_t *err)
{
    chat_run_lists_t lists;
    scan_t scan;
    apr_pool_t *p;

    chat_run_lists_init(&lists, run, 0);
    if (!lists.n)
        return APR_SUCCESS;
    lists.rigid = 1;
    lists.quiet = !told;
    apr_pool_create(&p, run->request_pool);
    open_scan(&scan, &lists, p);
    chat_moderation_watch_feed(scan.plain, text, len);
    chat_moderation_watch_end(scan.plain);
    apr_pool_destroy(p);
    if (!lists.stopped)
        return APR_SUCCESS;
    return told ? chat_run_verdict_refuse(err, run, &lists.verdict)
                : APR_EACCES;
}

/* ---- what does not come as a question ---- */

struct chat_run_inspect_t {
    chat_run_t *run; /* of which verdicts know who asks, and where */
    chat_run_lists_t lists;
    scan_t scan;
};

chat_run_inspect_t *chat_run_inspect_begin(chat_ctx_t *ctx, apr_pool_t *p)
{
    chat_run_inspect_t *one = apr_pcalloc(p, sizeof(*one));

    one->run = apr_pcalloc(p, sizeof(*one->run));
    one->run->ctx = ctx;
    one->run->r = ctx->r;
    one->run->conf = ctx->dir;
    one->run->request_pool = p;
    one->run->record.user = ctx->user->id;
    chat_run_lists_init(&one->lists, one->run, 0);
    if (!one->lists.n)
        return NULL;
    open_scan(&one->scan, &one->lists, p);
    return one;
}

apr_status_t chat_run_inspect(chat_run_inspect_t *one, const char **pparts,
                              const char **ptext, chat_err_t *err)
{
    static const chat_json_limits_t limits = {CHAT_DIALECT_WHOLE_MAX, 100,
                                              1000000};
    const chat_run_texts_t texts = {look, &one->scan};
    chat_json_t *v;

    if (chat_json_parse(&v, *pparts, strlen(*pparts), &limits, one->scan.p) !=
        APR_SUCCESS)
        return chat_err_set(err, APR_EGENERAL, HTTP_INTERNAL_SERVER_ERROR,
                            "internal", "This server could not do it.");
    if (chat_run_texts_in(v, &texts)) {
        *pparts = chat_json_text(v, NULL, one->scan.p);
        *ptext = look(&one->scan, *ptext, 0, 0);
    }
    return one->lists.stopped
               ? chat_run_verdict_refuse(err, one->run, &one->lists.verdict)
               : APR_SUCCESS;
}

apr_status_t chat_run_inspect_heading(chat_run_inspect_t *one,
                                      chat_conversation_t *c, chat_err_t *err)
{
    if (c->title)
        c->title = look(&one->scan, c->title, 0, 0);
    if (c->system)
        c->system = look(&one->scan, c->system, 0, 0);
    return one->lists.stopped
               ? chat_run_verdict_refuse(err, one->run, &one->lists.verdict)
               : APR_SUCCESS;
}

apr_status_t chat_run_inspect_conversation(chat_ctx_t *ctx,
                                           chat_conversation_t *c,
                                           chat_err_t *err, apr_pool_t *p)
{
    chat_run_inspect_t *one =
        c->title || c->system ? chat_run_inspect_begin(ctx, p) : NULL;
    apr_status_t rv;

    if (!one)
        return APR_SUCCESS;
    rv = chat_run_inspect_heading(one, c, err);
    chat_run_inspect_end(one);
    return rv;
}

void chat_run_inspect_end(chat_run_inspect_t *one)
{
    chat_run_lists_end(&one->lists);
    chat_run_verdict_end(one->run);
}
