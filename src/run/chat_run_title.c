/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be named, and when. Threads as in chat_run_title.h. */
#include "chat_run_title.h"

#include <http_log.h>
#include <apr_strings.h>

#include <pthread.h>

#include "chat_log.h"
#include "chat_model.h"
#include "chat_run_ask.h"
#include "chat_run_maintenance.h"
#include "chat_scratch.h"

/* What a model is shown of each side. */
#define SHOWN_BYTES 2000

/* That wait, of one process. One more has the title that it had. */
#define JOBS_MAX 64

struct chat_run_title_job_t {
    server_rec *s;
    const chat_model_conf_t *model;
    const char *owner, *conversation, *question, *answer;
    apr_pool_t *pool; /* its own, once it waits */
    chat_run_title_job_t *next;
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

chat_run_title_job_t *chat_run_title_prepare(const chat_run_t *run,
                                             const chat_store_turn_t *turn)
{
    const char *name = run->conf->title.model;
    const char *question;
    chat_run_title_job_t *job;

    if (!name || !turn->wants_title || !(question = first_question(turn->path)))
        return NULL;
    job = apr_pcalloc(run->r->pool, sizeof(*job));
    job->s = run->r->server;
    job->model = chat_model_find(chat_config_models(job->s), name);
    job->owner = run->kept->owner;
    job->conversation = run->kept->conversation;
    job->question = beginning(question, run->r->pool);
    return job->model ? job : NULL;
}

void chat_run_title_answer(chat_run_title_job_t *job, const char *text)
{
    job->answer = text;
}

/* ---- the jobs that wait ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static chat_run_title_job_t *first, **last = &first;
static int njobs;

static chat_run_title_job_t *copy(const chat_run_title_job_t *job)
{
    chat_run_title_job_t *mine;
    apr_pool_t *p;

    apr_pool_create(&p, chat_scratch());
    mine = apr_pmemdup(p, job, sizeof(*job));
    mine->pool = p;
    mine->owner = apr_pstrdup(p, job->owner);
    mine->conversation = apr_pstrdup(p, job->conversation);
    mine->question = apr_pstrdup(p, job->question);
    mine->answer = beginning(job->answer ? job->answer : "", p);
    mine->next = NULL;
    return mine;
}

void chat_run_title_later(const chat_run_title_job_t *job)
{
    chat_run_title_job_t *mine = copy(job);
    int taken;

    pthread_mutex_lock(&lock);
    taken = njobs < JOBS_MAX && chat_run_maintenance_runs();
    if (taken) {
        *last = mine;
        last = &mine->next;
        njobs++;
    }
    pthread_mutex_unlock(&lock);
    if (taken)
        chat_run_maintenance_wake();
    else
        apr_pool_destroy(mine->pool);
}

static chat_run_title_job_t *take(void)
{
    chat_run_title_job_t *job;

    pthread_mutex_lock(&lock);
    job = first;
    if (job) {
        first = job->next;
        njobs--;
    }
    if (!first)
        last = &first;
    pthread_mutex_unlock(&lock);
    return job;
}

/* ---- making one ---- */

static void log_title(server_rec *s, const chat_model_conf_t *model,
                      const chat_run_ask_t *ask)
{
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, s,
                 CHATNO(0812) "a title by model %s: %" APR_INT64_T_FMT
                              " input and %" APR_INT64_T_FMT " output tokens",
                 model->name, ask->usage.input, ask->usage.output);
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
    return *ptitle
               ? APR_SUCCESS
               : chat_err_set(err, APR_EGENERAL, HTTP_BAD_GATEWAY,
                              "upstream_error", "The model found no title.");
}

int chat_run_title_work(int stop_fd)
{
    chat_run_title_job_t *job = take();
    chat_err_t err = {0};
    const char *title;
    apr_status_t rv;

    if (!job)
        return 0;
    const chat_store_at_t at = {
        .s = job->s, .p = job->pool, .owner = job->owner};
    rv = make_title(&title, job->s, job->model, job->question, job->answer,
                    stop_fd, &err, job->pool);
    if (rv == APR_SUCCESS)
        rv = chat_store_conversation_name(&at, job->conversation, title, &err);
    if (rv != APR_SUCCESS && rv != APR_NOTFOUND && rv != APR_EINTR)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, job->s,
                     CHATNO(0813) "no title by model %s for conversation %s: "
                                  "%s",
                     job->model->name, job->conversation, err.code);
    apr_pool_destroy(job->pool);
    return 1;
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
    if (!model)
        return refuse_modelless(err);
    rv = find_texts(&question, &answer, &at, conversation, err);
    if (rv == APR_SUCCESS)
        rv = make_title(ptitle, at.s, model, question, answer, -1, err, at.p);
    return rv == APR_SUCCESS
               ? chat_store_conversation_name(&at, conversation, *ptitle, err)
               : rv;
}
