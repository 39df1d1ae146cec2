/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be named, and when. Threads as in chat_run_title.h. */
#include "chat_run_title.h"

#include <http_log.h>
#include <apr_strings.h>

#include "chat_log.h"
#include "chat_model.h"
#include "chat_override.h"
#include "chat_run_ask.h"
#include "chat_run_later.h"
#include "chat_run_lists.h"
#include "chat_scratch.h"
#include "chat_store_vercel.h"

/* What a model is shown of each side. */
#define SHOWN_BYTES 2000

struct chat_run_title_job_t {
    server_rec *s;
    const chat_model_conf_t *model;
    const char *owner, *conversation, *question, *answer;
    const char *was; /* the title until now, in an app's tables; else NULL */
    apr_array_header_t *lists; /* of chat_run_lists_of_titles() */
    apr_pool_t *pool;          /* its own, once it waits */
};

/* ---- a job ---- */

/* Whole characters. */
static const char *beginning(const char *text, apr_pool_t *p)
{
    apr_size_t len = strlen(text);

    if (len > SHOWN_BYTES)
        for (len = SHOWN_BYTES;
             len && ((unsigned char)text[len] & 0xc0) == 0x80;)
            len--;
    return apr_pstrmemdup(p, text, len);
}

static const char *first_question(const apr_array_header_t *path)
{
    int i;

    for (i = 0; i < path->nelts; i++) {
        const chat_store_message_t *m =
            &APR_ARRAY_IDX(path, i, chat_store_message_t);

        if (m->role == CHAT_ROLE_USER && *m->text)
            return m->text;
    }
    return NULL;
}

static chat_run_title_job_t *prepare(const chat_run_t *run, const char *name,
                                     const char *question)
{
    chat_run_title_job_t *job = apr_pcalloc(run->r->pool, sizeof(*job));

    job->s = run->r->server;
    job->model = chat_model_find(chat_config_models(job->s), name);
    job->owner = run->kept->owner;
    job->conversation = run->kept->conversation;
    job->question = beginning(question, run->r->pool);
    job->lists = chat_run_lists_of_titles(run->conf, run->r->pool);
    return job->model && !chat_override_is_off(run->ctx, job->model->name)
               ? job
               : NULL;
}

chat_run_title_job_t *chat_run_title_prepare(const chat_run_t *run,
                                             const chat_store_turn_t *turn)
{
    const char *name = run->conf->title.model;
    const char *question;

    if (!name || !turn->wants_title || !(question = first_question(turn->path)))
        return NULL;
    return prepare(run, name, question);
}

chat_run_title_job_t *chat_run_title_of(const chat_run_t *run, const char *text,
                                        const char *title)
{
    const char *name = run->conf->title.model;
    chat_run_title_job_t *job = name && *text ? prepare(run, name, text) : NULL;

    if (!job)
        return NULL;
    job->owner = run->ctx->user->id;
    job->was = title;
    return job;
}

void chat_run_title_answer(chat_run_title_job_t *job, const char *text)
{
    job->answer = text;
}

/* ---- making one ---- */

static void log_title(server_rec *s, const chat_model_conf_t *model,
                      const chat_run_ask_t *ask)
{
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, s,
                 CHATNO(0836) "a title by model %s: %" APR_INT64_T_FMT
                              " input and %" APR_INT64_T_FMT " output tokens",
                 model->name, ask->usage.input, ask->usage.output);
}

static apr_status_t refuse_none(chat_err_t *err)
{
    return chat_err_set(err, APR_EGENERAL, HTTP_BAD_GATEWAY, "upstream_error",
                        "The model found no title.");
}

static apr_status_t make_title(const char **ptitle, server_rec *s,
                               const chat_model_conf_t *model,
                               const char *question, const char *answer,
                               int stop_fd, chat_err_t *err, apr_pool_t *p)
{
    chat_run_ask_t ask = {
        .s = s,
        .model = model,
        .stop_fd = stop_fd,
        .text = apr_pstrcat(
            p,
            "Give the conversation below a title of at most six words, in its "
            "language. Answer with the title alone: no quotation marks, no "
            "full stop.\n\n<question>\n",
            question, "\n</question>\n\n<answer>\n", answer, "\n</answer>",
            NULL),
    };
    apr_status_t rv = chat_run_ask(&ask, err, p);

    if (rv != APR_SUCCESS)
        return rv;
    log_title(s, model, &ask);
    *ptitle = chat_run_title_text(ask.answer, p);
    return *ptitle ? APR_SUCCESS : refuse_none(err);
}

static apr_status_t keep_title(const chat_run_title_job_t *job,
                               const char *title, chat_err_t *err)
{
    const chat_store_at_t at = {
        .s = job->s, .p = job->pool, .owner = job->owner};

    return job->was ? chat_store_vercel_name(&at, job->conversation, job->was,
                                             title, err)
                    : chat_store_conversation_name(&at, job->conversation,
                                                   title, err);
}

static void work(void *ctx, int stop_fd)
{
    const chat_run_title_job_t *job = ctx;
    chat_err_t err = {0};
    const char *title;
    apr_status_t rv = make_title(&title, job->s, job->model, job->question,
                                 job->answer, stop_fd, &err, job->pool);

    if (rv == APR_SUCCESS &&
        !chat_run_lists_allow_title(job->lists, title, job->pool))
        rv = refuse_none(&err);
    if (rv == APR_SUCCESS)
        rv = keep_title(job, title, &err);
    if (rv != APR_SUCCESS && rv != APR_NOTFOUND && rv != APR_EINTR)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, job->s,
                     CHATNO(0837) "no title by model %s for conversation %s: "
                                  "%s",
                     job->model->name, job->conversation, err.code);
}

void chat_run_title_later(const chat_run_title_job_t *job)
{
    chat_run_title_job_t *mine;
    apr_pool_t *p;

    apr_pool_create(&p, chat_scratch());
    mine = apr_pmemdup(p, job, sizeof(*job));
    mine->pool = p;
    mine->lists = apr_array_copy(p, job->lists);
    mine->owner = apr_pstrdup(p, job->owner);
    mine->conversation = apr_pstrdup(p, job->conversation);
    mine->question = apr_pstrdup(p, job->question);
    mine->was = job->was ? apr_pstrdup(p, job->was) : NULL;
    mine->answer = beginning(job->answer ? job->answer : "", p);
    chat_run_later(work, mine, p);
}

/* ---- on demand ---- */

static apr_status_t refuse_modelless(chat_err_t *err)
{
    return chat_err_set(err, APR_ENOTIMPL, HTTP_BAD_REQUEST, "unsupported",
                        "No model makes titles here.");
}

/* The newest answer of the path, and the first question of what is shown. */
static apr_status_t find_texts(const char **pquestion, const char **panswer,
                               const chat_store_at_t *at,
                               const char *conversation, chat_err_t *err)
{
    chat_store_page_t page = {.limit = 100};
    apr_array_header_t *rows;
    apr_status_t rv =
        chat_store_message_list(&rows, at, conversation, 0, &page, err);
    const char *text;
    int i;

    if (rv != APR_SUCCESS)
        return rv;
    text = first_question(rows);
    if (!text)
        return chat_err_set(err, APR_NOTFOUND, HTTP_NOT_FOUND, "not_found",
                            "There is nothing in this conversation.");
    *pquestion = beginning(text, at->p);
    *panswer = "";
    for (i = 0; i < rows->nelts; i++) {
        const chat_store_message_t *m =
            &APR_ARRAY_IDX(rows, i, chat_store_message_t);

        if (m->role == CHAT_ROLE_ASSISTANT)
            *panswer = beginning(m->text, at->p);
    }
    return APR_SUCCESS;
}

apr_status_t chat_run_title(const char **ptitle, chat_ctx_t *ctx,
                            const char *conversation, chat_err_t *err)
{
    const char *name = ctx->dir->title.model, *question = "", *answer = "";
    const chat_store_at_t at = {
        .s = ctx->r->server,
        .r = ctx->r,
        .p = ctx->r->pool,
        .owner = chat_run_owner(ctx->user),
    };
    const chat_model_conf_t *model =
        name ? chat_model_find(chat_config_models(at.s), name) : NULL;
    chat_conversation_t *c;
    apr_status_t rv = chat_store_conversation_get(&c, &at, conversation, err);

    if (rv != APR_SUCCESS)
        return rv;
    if (c->titled) {
        *ptitle = c->title;
        return APR_SUCCESS;
    }
    if (!model || chat_override_is_off(ctx, model->name))
        return refuse_modelless(err);
    rv = find_texts(&question, &answer, &at, conversation, err);
    if (rv == APR_SUCCESS)
        rv = make_title(ptitle, at.s, model, question, answer, -1, err, at.p);
    if (rv == APR_SUCCESS &&
        !chat_run_lists_allow_title(chat_run_lists_of_titles(ctx->dir, at.p),
                                    *ptitle, at.p))
        rv = refuse_none(err);
    return rv == APR_SUCCESS
               ? chat_store_conversation_name(&at, conversation, *ptitle, err)
               : rv;
}
