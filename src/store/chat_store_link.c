/* SPDX-License-Identifier: Apache-2.0 */
/* See chat_store_link.h. Above: chat_store_tx.c, chat_store_tables.c; below:
 * the slots of look-ups, mod_dbd. */
#include "chat_store_link.h"

#include <apr_strings.h>

#include "chat_clock.h"
#include "chat_config.h"
#include "chat_ctx.h"
#include "chat_log.h"
#include "chat_scratch.h"
#include "chat_store_int.h"
#include "chat_store_writer.h"

/* For a slot. What waits is there to be kept, and a server that has just been
 * started makes its connections one after the other. A database that hangs is
 * waited for no longer than it takes to see that. */
#define SLOT_MAX (5 * 1000 * 1000)

/* For the writer before, whose log goes into the file now and then, and to the
 * disk. Nobody has a slot meanwhile: the database does not hang. */
#define WRITER_MAX (3 * 1000 * 1000)

/* For a file that is locked when it is opened: by the last process of another
 * generation that closes it, or by whoever repairs its log. */
#define LOCKED_MAX (3 * 1000 * 1000)
#define LOCKED_NAP (5 * 1000)

/* Whoever waits to write keeps no connection meanwhile: the one that has just
 * written has its pages in memory still, and is free again. */
static int be_writer(chat_store_link_t *link, const chat_store_at_t *at,
                     const char **pwhy)
{
    link->writer = chat_store_writer_lock(at->s, WRITER_MAX);
    if (!link->writer)
        *pwhy = "others have been writing for long";
    return link->writer;
}

static apr_status_t use(chat_store_link_t *link, const ap_dbd_t *dbd)
{
    apr_int64_t until = chat_clock_now() + LOCKED_MAX;
    apr_status_t rv;

    while ((rv = chat_store_db_use(&link->db, dbd->driver, dbd->handle,
                                   dbd->pool, link->p)) == APR_EGENERAL &&
           chat_store_db_is_locked(&link->db) && chat_clock_now() < until)
        apr_sleep(LOCKED_NAP);
    return rv;
}

static apr_status_t attach(chat_store_link_t *link, const chat_store_at_t *at,
                           const char **pwhy)
{
    ap_dbd_t *dbd = chat_store_query_connect(link->p, at->s, pwhy);
    apr_status_t rv;

    if (!dbd)
        return APR_EGENERAL;
    link->dbd = dbd;
    rv = use(link, dbd);
    /* It may have been idle while the database restarted. */
    if (rv == APR_EGENERAL && chat_store_db_recover(&link->db))
        rv = APR_SUCCESS;
    *pwhy = link->db.why;
    if (rv == APR_SUCCESS)
        chat_store_writer_note(at->s, link->db.sqlite);
    return rv;
}

/* Of the first connection nobody knows yet what it leads to. */
static apr_status_t attach_writer(chat_store_link_t *link,
                                  const chat_store_at_t *at, const char **pwhy)
{
    apr_status_t rv = attach(link, at, pwhy);

    if (rv == APR_SUCCESS && link->db.sqlite && !link->writer &&
        !be_writer(link, at, pwhy))
        return APR_TIMEUP;
    return rv;
}

apr_status_t chat_store_link_open(chat_store_link_t *link,
                                  const chat_store_at_t *at, int writes,
                                  const char **pwhy)
{
    apr_status_t rv;

    *pwhy = "no location of this server has ChatStore chat";
    if (!chat_store_limiter_has(at->s))
        return APR_ENOTIMPL;
    link->dbd = NULL;
    link->writer = 0;
    if (writes && chat_store_link_is(at, 1) && !be_writer(link, at, pwhy))
        return APR_TIMEUP;
    rv = chat_store_limiter_acquire(&link->slot, pwhy, at, SLOT_MAX);
    if (rv != APR_SUCCESS) {
        if (link->writer)
            chat_store_writer_unlock(at->s);
        return rv;
    }
    link->p = chat_scratch_pool(at->p);
    apr_pool_tag(link->p, "chat_store_link");
    rv = writes ? attach_writer(link, at, pwhy) : attach(link, at, pwhy);
    if (rv == APR_SUCCESS)
        return rv;
    *pwhy = apr_pstrdup(at->p, *pwhy);
    chat_store_link_close(link, at, rv == APR_TIMEUP);
    return rv;
}

void chat_store_link_close(chat_store_link_t *link, const chat_store_at_t *at,
                           int answered)
{
    if (link->dbd)
        chat_store_query_disconnect(at->s, link->dbd);
    if (link->writer)
        chat_store_writer_unlock(at->s);
    apr_pool_destroy(link->p);
    chat_store_limiter_release(link->slot, answered, at);
}

int chat_store_link_is(const chat_store_at_t *at, int sqlite)
{
    return chat_store_writer_is(at->s) ==
           (sqlite ? CHAT_STORE_WRITER_ONE : CHAT_STORE_WRITER_MANY);
}

chat_store_group_t *chat_store_link_group(const chat_store_at_t *at)
{
    return chat_store_link_is(at, 1) ? chat_store_writer_group(at->s) : NULL;
}

void chat_store_link_limits(chat_store_limits_t *limits,
                            const chat_store_at_t *at)
{
    const chat_server_store_t *server = &chat_config_server(at->s)->store;

    limits->conversations = limits->messages = APR_INT32_MAX;
    limits->bytes = APR_INT64_MAX;
    if (at->r) {
        const chat_dir_store_t *dir = &chat_ctx(at->r)->dir->store;

        limits->conversations = dir->conversations;
        limits->messages = dir->messages;
        limits->bytes = dir->bytes;
    }
    limits->deleted_ms = apr_time_as_msec(server->deleted);
    limits->idle_ms = apr_time_as_msec(server->idle);
}

void chat_store_link_log(const chat_store_at_t *at, int error, const char *what,
                         const char *why)
{
    int level = at->quiet ? APLOG_DEBUG : error ? APLOG_ERR : APLOG_INFO;

    if (at->r)
        ap_log_rerror(APLOG_MARK, level, 0, at->r, CHATNO(0227) "cannot %s: %s",
                      what, why);
    else
        ap_log_error(APLOG_MARK, level, 0, at->s, CHATNO(0221) "cannot %s: %s",
                     what, why);
}
