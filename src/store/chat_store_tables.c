/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Are the tables as this module knows them, and those of an app there? Asked
 * before anything else is, at most once a second for all threads of a process.
 * Neighbours: chat_store_tx.c and the routes above; chat_store_migrate.c and
 * the link below.
 */
#include "chat_store_tables.h"

#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>

#include "chat_clock.h"
#include "chat_config.h"
#include "chat_log.h"
#include "chat_store_int.h"
#include "chat_store_link.h"
#include "chat_store_migrate.h"
#include "chat_store_vercel.h"
#include "chat_store_writer.h"

/* How long an answer is good. */
#define GOOD (60 * 1000 * 1000)
#define BAD (1000 * 1000)

/* For somebody else's question, unless the database hangs. */
#define WAIT_MAX (5 * 1000 * 1000)
#define NAP 2000

/* One child after the other, at their start. */
#define START_MAX (10 * 1000 * 1000)

#define WHY_MAX 256

/* Whose tables. */
typedef enum { OWN, APP, WHOSE } whose_e;

/* Of one server. Under the lock. */
typedef struct state_t {
    int asking;        /* a thread does so */
    apr_int64_t until; /* the answer is good; 0: there is none */
    apr_status_t rv;
    char why[WHY_MAX];
} state_t;

/* Set in post_config, read-only afterwards. */
static apr_thread_mutex_t *lock;
static apr_hash_t *states[WHOSE]; /* server_rec * -> state_t * */

static state_t *state_of(const server_rec *s, whose_e whose)
{
    return states[whose] ? apr_hash_get(states[whose], &s, sizeof(s)) : NULL;
}

/* ---- one thread asks ---- */

static void tell(void *baton, const char *name)
{
    const chat_store_at_t *at = baton;

    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, at->s,
                 CHATNO(0222) "tables: applied %s", name);
}

static apr_status_t look(chat_store_migrate_t *m, chat_store_db_t *db,
                         const chat_store_at_t *at)
{
    apr_status_t rv = chat_store_migrate_check(m, db);

    if (rv != APR_SUCCESS && chat_store_db_recover(db))
        rv = chat_store_migrate_check(m, db);
    if (rv != APR_SUCCESS || !chat_config_server(at->s)->store.migrate ||
        (m->is != CHAT_STORE_TABLES_NONE && m->is != CHAT_STORE_TABLES_OLDER))
        return rv;
    rv = chat_store_migrate_up(m, db, tell, (void *)at);
    return rv == APR_EINVAL ? APR_SUCCESS : rv;
}

static apr_status_t ask_own(const char **pwhy, chat_store_db_t *db,
                            const chat_store_at_t *at)
{
    chat_store_migrate_t m = {0};
    apr_status_t rv = look(&m, db, at);

    *pwhy = apr_pstrdup(at->p, rv == APR_SUCCESS ? m.why : db->why);
    if (rv != APR_SUCCESS || m.is == CHAT_STORE_TABLES_OK)
        return rv;
    *pwhy = apr_pstrcat(at->p, *pwhy, ": see chat-migrate", NULL);
    return APR_EMISMATCH;
}

static apr_status_t find_missing(const char **pname, chat_store_db_t *db,
                                 apr_pool_t *p)
{
    chat_store_rows_t rows;
    apr_status_t rv =
        chat_store_db_select(db, &rows, CHAT_SQL_VERCEL_TABLES, NULL, 0);

    *pname = NULL;
    while (rv == APR_SUCCESS && chat_store_db_next(&rows) == APR_SUCCESS)
        *pname = chat_store_db_text(&rows, 0, p);
    return rv;
}

static apr_status_t ask_app(const char **pwhy, chat_store_db_t *db,
                            const chat_store_at_t *at)
{
    const char *name;
    apr_status_t rv;

    *pwhy = "vercel: the tables of the app are in PostgreSQL";
    if (db->sqlite)
        return APR_EMISMATCH;
    rv = find_missing(&name, db, at->p);
    if (rv != APR_SUCCESS && chat_store_db_recover(db))
        rv = find_missing(&name, db, at->p);
    *pwhy = apr_pstrdup(at->p, db->why);
    if (rv != APR_SUCCESS || !name)
        return rv;
    *pwhy = apr_psprintf(
        at->p, "this role finds no table %s: the app's migrations make it",
        name);
    return APR_EMISMATCH;
}

static apr_status_t ask(const char **pwhy, const chat_store_at_t *at,
                        whose_e whose)
{
    chat_store_link_t link;
    apr_status_t rv = chat_store_link_open(&link, at, 0, pwhy);

    if (rv != APR_SUCCESS)
        return rv;
    rv = whose == OWN ? ask_own(pwhy, &link.db, at)
                      : ask_app(pwhy, &link.db, at);
    chat_store_link_close(&link, at, rv == APR_SUCCESS || rv == APR_EMISMATCH);
    return rv;
}

/* An outage is nothing that they are: when they were right they still are, and
 * whoever asks for more will hear of it. */
static apr_status_t note(state_t *state, apr_status_t rv, const char *why,
                         const chat_store_at_t *at)
{
    int known = state->until && state->rv == APR_SUCCESS;
    int outage = rv != APR_SUCCESS && rv != APR_EMISMATCH;
    apr_int64_t good = rv == APR_SUCCESS ? GOOD : BAD;

    if (known && outage)
        rv = APR_SUCCESS;
    apr_thread_mutex_lock(lock);
    if (rv != APR_SUCCESS && (rv != state->rv || !state->until))
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, at->s,
                     CHATNO(0223) "ChatStore: %s", why);
    state->rv = rv;
    state->until = chat_clock_now() + good;
    apr_cpystrn(state->why, why ? why : "", sizeof(state->why));
    state->asking = 0;
    apr_thread_mutex_unlock(lock);
    return rv;
}

/* ---- and others hear it ---- */

typedef enum { KNOWN, MINE, WAIT } turn_e;

static turn_e take_turn(state_t *state, apr_status_t *prv, const char **pwhy,
                        const chat_store_at_t *at)
{
    turn_e turn = KNOWN;

    apr_thread_mutex_lock(lock);
    if (!state->until || state->until <= chat_clock_now()) {
        /* Who finds that it is being asked anew takes the old answer. */
        if (!state->asking)
            turn = MINE;
        else if (!state->until)
            turn = WAIT;
        state->asking |= turn == MINE;
    }
    *prv = state->rv;
    *pwhy = state->rv == APR_SUCCESS ? NULL : apr_pstrdup(at->p, state->why);
    apr_thread_mutex_unlock(lock);
    return turn;
}

static apr_status_t hear(const char **pwhy, const chat_store_at_t *at,
                         whose_e whose)
{
    apr_int64_t until = chat_clock_now() + WAIT_MAX;
    state_t *state = state_of(at->s, whose);
    apr_status_t rv;
    turn_e turn;

    *pwhy = "no location of this server has a ChatStore";
    if (!state)
        return APR_ENOTIMPL;
    while ((turn = take_turn(state, &rv, pwhy, at)) == WAIT &&
           chat_clock_now() < until && !chat_store_limiter_hangs(at))
        apr_sleep(NAP);
    if (turn == KNOWN)
        return rv;
    if (turn == WAIT) {
        *pwhy = "the database has not said yet which tables there are";
        return APR_TIMEUP;
    }
    rv = ask(pwhy, at, whose);
    return note(state, rv, *pwhy, at);
}

apr_status_t chat_store_tables(const char **pwhy, const chat_store_at_t *at)
{
    return hear(pwhy, at, OWN);
}

apr_status_t chat_store_tables_app(const char **pwhy, const chat_store_at_t *at)
{
    return hear(pwhy, at, APP);
}

/* ---- start-up ---- */

static void add_state(server_rec *s, whose_e whose, apr_pool_t *pconf)
{
    const server_rec **key = apr_pmemdup(pconf, &s, sizeof(s));

    apr_hash_set(states[whose], key, sizeof(s),
                 apr_pcalloc(pconf, sizeof(state_t)));
}

void chat_store_tables_post_config(apr_pool_t *pconf, server_rec *s)
{
    states[OWN] = apr_hash_make(pconf);
    states[APP] = apr_hash_make(pconf);
    apr_thread_mutex_create(&lock, APR_THREAD_MUTEX_DEFAULT, pconf);
    for (; s; s = s->next) {
        if (chat_config_server(s)->store.used)
            add_state(s, OWN, pconf);
        if (chat_config_server(s)->store.vercel)
            add_state(s, APP, pconf);
    }
}

void chat_store_tables_child_init(apr_pool_t *pchild, server_rec *s)
{
    chat_store_at_t at = {.p = pchild};
    const char *why;

    for (; s; s = s->next) {
        int locked;

        at.s = s;
        if (!state_of(s, OWN) || !chat_config_server(s)->store.migrate)
            continue;
        locked = chat_store_writer_lock(s, START_MAX);
        chat_store_tables(&why, &at);
        if (locked)
            chat_store_writer_unlock(s);
    }
}
