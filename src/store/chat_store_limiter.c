/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limiter of look-ups: mod_dbd's drivers wait for a database that hangs for
 * as long as it does, and every worker would wait with them. So at most a
 * quarter of the workers have a look-up at a time, of a child and of all
 * children together; when one is late no other begins for a while, and then one
 * probes. The rules are in chat_store_slots.c; memory, lock, clock and log are
 * here. Request threads of all children at once; start-up at the end.
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
#include "chat_store_slots.h"

#define NAP_FIRST 1000
#define NAP_MAX (16 * 1000)

/* More look-ups at a time help no database. */
#define SLOTS_MAX 512

/* Set in post_config, read-only afterwards; what they point to is shared. No
 * lock: no server has a database. */
static chat_shared_lock_t *lock;
static chat_store_slots_t table;
static apr_hash_t *numbers; /* server_rec * -> int *: of its database */

static int db_of(const chat_store_at_t *at)
{
    const server_rec *s = at->s;

    return *(const int *)apr_hash_get(numbers, &s, sizeof(s));
}

static void log_change(chat_circuit_change_e change, const chat_store_at_t *at)
{
    if (change == CHAT_CIRCUIT_OPENS)
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, at->s,
                     CHATNO(0206) "the database does not answer in time: it "
                                  "is left alone, and tried now and then");
    if (change == CHAT_CIRCUIT_CLOSES)
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, at->s,
                     CHATNO(0207) "the database answers again");
}

static chat_store_slot_e try_once(int *pslot, const chat_store_at_t *at)
{
    chat_circuit_change_e change;
    chat_store_slot_e result;

    chat_shared_lock(lock);
    result = chat_store_slots_acquire(&table, db_of(at), getpid(),
                                      chat_clock_now(), pslot, &change);
    chat_shared_unlock(lock);
    log_change(change, at);
    return result;
}

static void count_timeout(const chat_store_at_t *at)
{
    chat_circuit_change_e change;

    chat_shared_lock(lock);
    change = chat_store_slots_timeout(&table, db_of(at), chat_clock_now());
    chat_shared_unlock(lock);
    log_change(change, at);
}

int chat_store_limiter_hangs(const chat_store_at_t *at)
{
    chat_circuit_change_e change;
    int hangs;

    chat_shared_lock(lock);
    hangs = chat_store_slots_hang(&table, db_of(at), chat_clock_now(), &change);
    chat_shared_unlock(lock);
    log_change(change, at);
    return hangs;
}

apr_status_t chat_store_limiter_acquire(int *pslot, const char **pwhy,
                                        const chat_store_at_t *at,
                                        apr_interval_time_t wait)
{
    apr_int64_t until = chat_clock_now() + wait;
    apr_interval_time_t nap = NAP_FIRST;
    chat_store_slot_e result;

    while ((result = try_once(pslot, at)) == CHAT_STORE_SLOT_NONE_FREE &&
           chat_clock_now() < until) {
        apr_sleep(nap);
        nap = 2 * nap < NAP_MAX ? 2 * nap : NAP_MAX;
    }
    if (result == CHAT_STORE_SLOT_ACQUIRED)
        return APR_SUCCESS;
    if (result == CHAT_STORE_SLOT_DB_DOWN) {
        *pwhy = "the database does not answer in time and is left alone";
        return APR_EAGAIN;
    }
    count_timeout(at);
    *pwhy = apr_psprintf(at->p,
                         "as many as may (%d in a child, %d in all) have been "
                         "asking the database for %d ms",
                         table.per_child, table.n, (int)(wait / 1000));
    return APR_TIMEUP;
}

apr_status_t chat_store_limiter_probe(int *pslot, int *panswers,
                                      const chat_store_at_t *at)
{
    chat_circuit_change_e change;
    chat_store_slot_e result;

    chat_shared_lock(lock);
    result = chat_store_slots_probe(&table, db_of(at), getpid(),
                                    chat_clock_now(), pslot, panswers, &change);
    chat_shared_unlock(lock);
    log_change(change, at);
    return result == CHAT_STORE_SLOT_ACQUIRED ? APR_SUCCESS : APR_EAGAIN;
}

void chat_store_limiter_release(int slot, int answers,
                                const chat_store_at_t *at)
{
    chat_circuit_change_e change;

    chat_shared_lock(lock);
    change = chat_store_slots_release(&table, slot, answers, chat_clock_now());
    chat_shared_unlock(lock);
    log_change(change, at);
}

int chat_store_limiter_has(const server_rec *s)
{
    return lock && apr_hash_get(numbers, &s, sizeof(s)) != NULL;
}

int chat_store_limiter_tell(const chat_store_at_t *at, const char *why)
{
    apr_ssize_t len = APR_HASH_KEY_STRING;
    unsigned digest = why ? apr_hashfunc_default(why, &len) | 1 : 0;
    unsigned *told = &table.dbs[db_of(at)].told;
    int news;

    chat_shared_lock(lock);
    news = *told != digest;
    *told = digest;
    chat_shared_unlock(lock);
    return news;
}

/* ---- start-up ---- */

static int quarter(int workers)
{
    return workers > 4 ? workers / 4 : 1;
}

static void count_slots(void)
{
    int children = 1, threads = 1;

    ap_mpm_query(AP_MPMQ_MAX_DAEMONS, &children);
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    threads = threads > 1 ? threads : 1;
    table.per_child = quarter(threads);
    table.n = SLOTS_MAX;
    if (children < SLOTS_MAX && quarter(children * threads) < SLOTS_MAX)
        table.n = quarter(children * threads);
}

static void number_databases(apr_pool_t *pconf, server_rec *s)
{
    numbers = apr_hash_make(pconf);
    for (table.ndbs = 0; s; s = s->next) {
        if (chat_config_server(s)->auth.session_sql ||
            chat_config_server(s)->store.used ||
            chat_config_server(s)->store.vercel) {
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

apr_status_t chat_store_limiter_post_config(apr_pool_t *pconf, server_rec *s)
{
    apr_size_t size;
    char *memory;

    lock = NULL;
    number_databases(pconf, s);
    if (!table.ndbs)
        return APR_SUCCESS;
    count_slots();
    size = APR_ALIGN_DEFAULT(sizeof(*lock)) +
           (apr_size_t)table.ndbs * sizeof(*table.dbs) +
           (apr_size_t)table.n * sizeof(*table.slots);
    memory = chat_shared_create(size, pconf);
    if (!memory)
        return refuse(s, size);
    lock = (chat_shared_lock_t *)memory;
    memory += APR_ALIGN_DEFAULT(sizeof(*lock));
    table.dbs = (chat_store_db_t *)memory;
    memory += (apr_size_t)table.ndbs * sizeof(*table.dbs);
    table.slots = (chat_store_slot_t *)memory;
    return chat_shared_lock_init(lock) ? APR_SUCCESS : refuse(s, size);
}
