/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns at the database: mod_dbd's drivers wait for a database that stands
 * still for as long as it does, and every worker would wait with them. So at
 * most a quarter of the workers asks at a time, of a child and of all children
 * together; when a look-up is late nobody begins another for a while, and then
 * one tries. The rules are in chat_store_places.c; here are their memory, lock,
 * clock and log. Request threads of all children at once; start-up at the end.
 *
 * The memory belongs to one reading of the configuration: children of the
 * generation before a restart keep theirs.
 */
#include "chat_store_int.h"

#include <errno.h>
#include <unistd.h>

#include <ap_mpm.h>
#include <http_log.h>
#include <apr_hash.h>
#include <apr_strings.h>

#include "chat_clock.h"
#include "chat_config.h"
#include "chat_log.h"
#include "chat_shared.h"
#include "chat_store.h"
#include "chat_store_places.h"

/* For a turn: a worker that waits is a worker less for others. */
#define WAIT_MOST (500 * 1000)
#define NAP_FIRST 1000
#define NAP_MOST (16 * 1000)

/* More look-ups at a time help no database. */
#define PLACES_MOST 512

/* Set in post_config, read-only afterwards; what they point to is shared. No
 * lock: no server has a database. */
static chat_shared_lock_t *lock;
static chat_store_places_t table;
static apr_hash_t *numbers; /* server_rec * -> int *: of its database */

static int db_of(request_rec *r)
{
    const server_rec *s = r->server;

    return *(const int *)apr_hash_get(numbers, &s, sizeof(s));
}

static void log_change(chat_circuit_change_e change, request_rec *r)
{
    if (change == CHAT_CIRCUIT_OPENS)
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      CHATNO(0206) "the database does not answer in time: it "
                                   "is left alone, and tried now and then");
    if (change == CHAT_CIRCUIT_CLOSES)
        ap_log_rerror(APLOG_MARK, APLOG_NOTICE, 0, r,
                      CHATNO(0207) "the database answers again");
}

static chat_store_take_e try_once(int *pplace, request_rec *r)
{
    chat_circuit_change_e change;
    chat_store_take_e took;

    chat_shared_lock(lock);
    took = chat_store_places_take(&table, db_of(r), getpid(), chat_clock_now(),
                                  pplace, &change);
    chat_shared_unlock(lock);
    log_change(change, r);
    return took;
}

static void give_up(request_rec *r)
{
    chat_circuit_change_e change;

    chat_shared_lock(lock);
    change = chat_store_places_vain(&table, db_of(r), chat_clock_now());
    chat_shared_unlock(lock);
    log_change(change, r);
}

apr_status_t chat_store_turn_take(int *pplace, const char **pwhy,
                                  request_rec *r)
{
    apr_int64_t until = chat_clock_now() + WAIT_MOST;
    apr_interval_time_t nap = NAP_FIRST;
    chat_store_take_e took;

    while ((took = try_once(pplace, r)) == CHAT_STORE_FULL &&
           chat_clock_now() < until) {
        apr_sleep(nap);
        nap = 2 * nap < NAP_MOST ? 2 * nap : NAP_MOST;
    }
    if (took == CHAT_STORE_TAKEN)
        return APR_SUCCESS;
    if (took == CHAT_STORE_SHUT) {
        *pwhy = "the database does not answer in time and is left alone";
        return APR_EAGAIN;
    }
    give_up(r);
    *pwhy = apr_psprintf(r->pool,
                         "as many as may (%d in a child, %d in all) have been "
                         "asking the database for %d ms",
                         table.per_child, table.n, WAIT_MOST / 1000);
    return APR_TIMEUP;
}

apr_status_t chat_store_turn_probe(int *pplace, int *pgood, request_rec *r)
{
    chat_circuit_change_e change;
    chat_store_take_e took;

    chat_shared_lock(lock);
    took = chat_store_places_probe(&table, db_of(r), getpid(), chat_clock_now(),
                                   pplace, pgood, &change);
    chat_shared_unlock(lock);
    log_change(change, r);
    return took == CHAT_STORE_TAKEN ? APR_SUCCESS : APR_EAGAIN;
}

void chat_store_turn_give(int place, int good, request_rec *r)
{
    chat_circuit_change_e change;

    chat_shared_lock(lock);
    change = chat_store_places_give(&table, place, good, chat_clock_now());
    chat_shared_unlock(lock);
    log_change(change, r);
}

/* ---- start-up ---- */

static int quarter(int workers)
{
    return workers > 4 ? workers / 4 : 1;
}

static void count_places(void)
{
    int children = 1, threads = 1;

    ap_mpm_query(AP_MPMQ_MAX_DAEMONS, &children);
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    threads = threads > 1 ? threads : 1;
    table.per_child = quarter(threads);
    table.n = PLACES_MOST;
    if (children < PLACES_MOST && quarter(children * threads) < PLACES_MOST)
        table.n = quarter(children * threads);
}

static void number_databases(apr_pool_t *pconf, server_rec *s)
{
    numbers = apr_hash_make(pconf);
    for (table.ndbs = 0; s; s = s->next) {
        if (chat_config_server(s)->session_sql) {
            const server_rec **key = apr_pmemdup(pconf, &s, sizeof(s));
            int *number = apr_pmemdup(pconf, &table.ndbs, sizeof(*number));

            apr_hash_set(numbers, key, sizeof(s), number);
            table.ndbs++;
        }
    }
}

static apr_status_t refuse(server_rec *s, apr_size_t size)
{
    ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                 CHATNO(0208) "no %" APR_SIZE_T_FMT " bytes of shared memory, "
                              "with a lock, for the look-ups of sessions",
                 size);
    return APR_ENOMEM;
}

apr_status_t chat_store_turn_post_config(apr_pool_t *pconf, server_rec *s)
{
    apr_size_t size;
    char *memory;

    lock = NULL;
    number_databases(pconf, s);
    if (!table.ndbs)
        return APR_SUCCESS;
    count_places();
    size = APR_ALIGN_DEFAULT(sizeof(*lock)) +
           (apr_size_t)table.ndbs * sizeof(*table.dbs) +
           (apr_size_t)table.n * sizeof(*table.places);
    memory = chat_shared_create(size, pconf);
    if (!memory)
        return refuse(s, size);
    lock = (chat_shared_lock_t *)memory;
    memory += APR_ALIGN_DEFAULT(sizeof(*lock));
    table.dbs = (chat_store_db_t *)memory;
    memory += (apr_size_t)table.ndbs * sizeof(*table.dbs);
    table.places = (chat_store_place_t *)memory;
    return chat_shared_lock_init(lock) ? APR_SUCCESS : refuse(s, size);
}
