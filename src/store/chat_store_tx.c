/* SPDX-License-Identifier: Apache-2.0 */
/* See chat_store_tx.h. Above: each function of chat_store_chats.h; below:
 * chat_store_db.c and the link. */
#include "chat_store_tx.h"

#include <string.h>

#include <httpd.h>
#include <apr_strings.h>

#include "chat_metric.h"
#include "chat_store_vercel.h"

/* Seconds, when the database cannot be asked. */
#define RETRY_AFTER "5"

/* For those that are done one after the other after all. */
#define EACH_MAX apr_time_from_sec(3)

static apr_status_t note(chat_store_tx_t *tx, apr_status_t rv)
{
    tx->failed |= rv != APR_SUCCESS;
    return rv == APR_SUCCESS ? rv : APR_EGENERAL;
}

apr_status_t chat_store_tx_exec(chat_store_tx_t *tx, int *pcount,
                                chat_store_sql_e id, const char **args,
                                int nargs)
{
    int count = 0;
    apr_status_t rv =
        note(tx, chat_store_db_exec(tx->db, &count, id, args, nargs));

    tx->wrote |= count > 0;
    if (pcount && rv == APR_SUCCESS)
        *pcount = count;
    return rv;
}

apr_status_t chat_store_tx_select(chat_store_tx_t *tx, chat_store_rows_t *rows,
                                  chat_store_sql_e id, const char **args,
                                  int nargs)
{
    return note(tx, chat_store_db_select(tx->db, rows, id, args, nargs));
}

apr_status_t chat_store_tx_row(chat_store_tx_t *tx, chat_store_rows_t *rows,
                               chat_store_sql_e id, const char **args,
                               int nargs)
{
    apr_status_t rv = chat_store_tx_select(tx, rows, id, args, nargs);

    if (rv == APR_SUCCESS && chat_store_db_next(rows) != APR_SUCCESS)
        return APR_NOTFOUND;
    return rv;
}

const char *chat_store_tx_number(chat_store_tx_t *tx, apr_int64_t n)
{
    return apr_psprintf(tx->db->p, "%" APR_INT64_T_FMT, n);
}

const char *chat_store_tx_optional(chat_store_tx_t *tx, apr_int64_t n)
{
    return n < 0 ? NULL : chat_store_tx_number(tx, n);
}

/* ---- refusals ---- */

apr_status_t chat_store_tx_not_found(chat_err_t *err)
{
    return chat_err_set(err, APR_NOTFOUND, HTTP_NOT_FOUND, "not_found",
                        "There is nothing here.");
}

apr_status_t chat_store_tx_exists(chat_err_t *err)
{
    return chat_err_set(err, APR_EEXIST, HTTP_CONFLICT, "already_exists",
                        "This id is taken.");
}

apr_status_t chat_store_tx_busy(chat_err_t *err)
{
    return chat_err_set(err, APR_EBUSY, HTTP_CONFLICT, "conversation_busy",
                        "An answer is being written in this conversation.");
}

apr_status_t chat_store_tx_too_long(chat_err_t *err)
{
    return chat_err_set(err, APR_ENOSPC, HTTP_REQUEST_ENTITY_TOO_LARGE,
                        "conversation_too_long",
                        "This conversation is as long as one may be: begin "
                        "another.");
}

apr_status_t chat_store_tx_invalid(chat_err_t *err, const char *param,
                                   const char *message)
{
    err->param = param;
    return chat_err_set(err, APR_EINVAL, HTTP_BAD_REQUEST, "invalid_request",
                        message);
}

static apr_status_t unavailable(chat_err_t *err)
{
    chat_metric_add(CHAT_METRIC_STORE_ERRORS, NULL, 1);
    err->retry_after = RETRY_AFTER;
    return chat_err_set(err, APR_EGENERAL, HTTP_SERVICE_UNAVAILABLE,
                        "store_unavailable",
                        "What is stored cannot be reached right now.");
}

/* ---- the transaction ---- */

typedef struct chat_store_job_t {
    chat_store_use_e use;
    const char *what;
    chat_store_work_cb *once; /* or NULL */
    chat_store_work_cb *work;
    void *baton;
    int app; /* 1: in the tables of an app */
} job_t;

static apr_status_t transact(chat_store_tx_t *tx, const job_t *job)
{
    apr_status_t rv = note(tx, chat_store_db_begin(tx->db));

    if (rv == APR_SUCCESS)
        rv = job->work(tx, job->baton);
    if (rv == APR_SUCCESS)
        rv = note(tx, chat_store_db_commit(tx->db));
    if (rv != APR_SUCCESS)
        chat_store_db_rollback(tx->db);
    return rv;
}

static apr_status_t try_once(chat_store_tx_t *tx, const job_t *job)
{
    apr_status_t rv = APR_INCOMPLETE;

    tx->failed = 0;
    if (job->use != CHAT_STORE_WRITE)
        return job->work(tx, job->baton);
    if (job->once && !tx->db->sqlite && !tx->again)
        rv = job->once(tx, job->baton);
    return rv == APR_INCOMPLETE ? transact(tx, job) : rv;
}

/* Asked once more where that may help. */
static apr_status_t try_twice(chat_store_tx_t *tx, const job_t *job)
{
    apr_status_t rv = try_once(tx, job);

    if (tx->failed && chat_store_db_recover(tx->db)) {
        chat_store_link_log(tx->at, 0, job->what, tx->db->why);
        memset(tx->err, 0, sizeof(*tx->err));
        tx->again = 1;
        rv = try_once(tx, job);
    }
    if (tx->failed)
        chat_store_link_log(tx->at, 1, job->what, tx->db->why);
    return tx->failed ? unavailable(tx->err) : rv;
}

/* ---- many in one transaction ---- */

typedef struct member_t {
    chat_store_member_t in;
    const job_t *job;
    chat_store_tx_t tx;
    chat_store_limits_t limits;
    apr_status_t rv;
} member_t;

static member_t *next_of(const member_t *m)
{
    return (member_t *)m->in.next;
}

/* Who refuses has written nothing, or else all is undone. */
static int do_all(member_t *m, chat_store_db_t *db)
{
    for (; m; m = next_of(m)) {
        m->tx.db = db;
        m->rv = m->job->work(&m->tx, m->job->baton);
        if (m->tx.failed || (m->rv != APR_SUCCESS && m->tx.wrote))
            return 0;
    }
    return 1;
}

/* Somebody else may be writing to the file: then nobody can. */
static int begin_together(chat_store_db_t *db)
{
    return chat_store_db_begin(db) == APR_SUCCESS ||
           (chat_store_db_recover(db) &&
            chat_store_db_begin(db) == APR_SUCCESS);
}

/* 0: nothing is done, or it was, by a commit whose answer was lost. */
static int do_together(member_t *first, chat_store_db_t *db)
{
    member_t *m;

    if (do_all(first, db)) {
        if (chat_store_db_commit(db) == APR_SUCCESS)
            return 1;
        for (m = first; m; m = next_of(m))
            m->tx.again = 1;
    }
    chat_store_db_rollback(db);
    return 0;
}

static void refuse_all(member_t *m, const char *why)
{
    for (; m; m = next_of(m)) {
        chat_store_link_log(m->tx.at, 1, m->job->what, why);
        m->rv = unavailable(m->tx.err);
    }
}

/* One whose work cannot be done takes nobody with it; a file that nobody can
 * write to does. */
static void do_each(member_t *m, chat_store_db_t *db)
{
    apr_time_t until = apr_time_now() + EACH_MAX;

    for (; m && apr_time_now() < until; m = next_of(m)) {
        m->tx.db = db;
        m->tx.wrote = 0;
        memset(m->tx.err, 0, sizeof(*m->tx.err));
        m->rv = try_twice(&m->tx, m->job);
    }
    refuse_all(m, "the database has been busy for long");
}

static void lead(member_t *first)
{
    const chat_store_at_t *at = first->tx.at;
    chat_store_link_t link;
    const char *why;

    if (chat_store_link_open(&link, at, 1, &why) != APR_SUCCESS) {
        refuse_all(first, why);
        return;
    }
    if (first->in.next && !begin_together(&link.db)) {
        first->tx.failed = 1;
        refuse_all(first, link.db.why);
    }
    else if (!first->in.next || !do_together(first, &link.db))
        do_each(first, &link.db);
    chat_store_link_close(&link, at, !first->tx.failed);
}

static apr_status_t run_in_group(chat_store_group_t *group, member_t *m)
{
    chat_store_member_t *led = chat_store_group_join(group, &m->in);

    if (led) {
        lead((member_t *)led);
        chat_store_group_leave(group, led);
    }
    return m->rv;
}

/* ---- one piece of work ---- */

static apr_status_t run_alone(chat_store_tx_t *tx, const job_t *job)
{
    chat_store_link_t link;
    const char *why;
    apr_status_t rv;

    if (chat_store_link_open(&link, tx->at, job->use != CHAT_STORE_READ,
                             &why) != APR_SUCCESS) {
        chat_store_link_log(tx->at, 1, job->what, why);
        return unavailable(tx->err);
    }
    tx->db = &link.db;
    rv = try_twice(tx, job);
    chat_store_link_close(&link, tx->at, !tx->failed);
    return rv;
}

static apr_status_t run(const chat_store_at_t *at, const job_t *job,
                        chat_err_t *err)
{
    chat_store_group_t *group = job->once ? chat_store_link_group(at) : NULL;
    member_t m = {
        .job = job,
        .tx = {.at = at, .limits = &m.limits, .err = err, .p = at->p}};
    const char *why;

    if ((job->app ? chat_store_tables_app(&why, at)
                  : chat_store_tables(&why, at)) != APR_SUCCESS) {
        chat_store_link_log(at, 0, job->what, why);
        return unavailable(err);
    }
    chat_store_link_limits(&m.limits, at);
    return group ? run_in_group(group, &m) : run_alone(&m.tx, job);
}

apr_status_t chat_store_tx_run(const chat_store_at_t *at, chat_store_use_e use,
                               const char *what, chat_store_work_cb *work,
                               void *baton, chat_err_t *err)
{
    const job_t job = {.use = use, .what = what, .work = work, .baton = baton};

    return run(at, &job, err);
}

apr_status_t chat_store_tx_run_app(const chat_store_at_t *at,
                                   chat_store_use_e use, const char *what,
                                   chat_store_work_cb *work, void *baton,
                                   chat_err_t *err)
{
    const job_t job = {
        .use = use, .what = what, .work = work, .baton = baton, .app = 1};

    return run(at, &job, err);
}

apr_status_t chat_store_tx_run_once(const chat_store_at_t *at, const char *what,
                                    chat_store_work_cb *once,
                                    chat_store_work_cb *work, void *baton,
                                    chat_err_t *err)
{
    const job_t job = {.use = CHAT_STORE_WRITE,
                       .what = what,
                       .once = once,
                       .work = work,
                       .baton = baton};

    return run(at, &job, err);
}
