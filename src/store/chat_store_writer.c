/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See chat_store_writer.h. Above: chat_store_link.c, chat_store_tables.c. The
 * memory belongs to one reading of the configuration: children of the
 * generation before a restart keep theirs. Who dies as the writer leaves the
 * lock to the next; SQLite takes back what he had begun.
 */
#include "chat_store_writer.h"

#include <errno.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "chat_clock.h"
#include "chat_config.h"
#include "chat_log.h"
#include "chat_shared.h"

#define NAP_FIRST 500
#define NAP_MAX (8 * 1000)

typedef struct writer_t {
    chat_shared_lock_t *lock;
    int is; /* chat_store_writer_e; atomic, of this process */
    chat_store_group_t *group; /* of this process */
} writer_t;

/* Set in post_config, read-only afterwards: server_rec * -> writer_t *. */
static apr_hash_t *writers;

static writer_t *writer_of(const server_rec *s)
{
    return apr_hash_get(writers, &s, sizeof(s));
}

chat_store_writer_e chat_store_writer_is(const server_rec *s)
{
    const writer_t *writer = writer_of(s);

    return writer ? __atomic_load_n(&writer->is, __ATOMIC_RELAXED)
                  : CHAT_STORE_WRITER_UNKNOWN;
}

void chat_store_writer_note(const server_rec *s, int sqlite)
{
    writer_t *writer = writer_of(s);

    if (writer)
        __atomic_store_n(&writer->is,
                         sqlite ? CHAT_STORE_WRITER_ONE
                                : CHAT_STORE_WRITER_MANY,
                         __ATOMIC_RELAXED);
}

chat_store_group_t *chat_store_writer_group(const server_rec *s)
{
    return writer_of(s)->group;
}

int chat_store_writer_lock(const server_rec *s, apr_interval_time_t wait)
{
    chat_shared_lock_t *lock = writer_of(s)->lock;
    apr_int64_t until = chat_clock_now() + wait;
    apr_interval_time_t nap = NAP_FIRST;

    while (!chat_shared_trylock(lock, NULL)) {
        if (chat_clock_now() >= until)
            return 0;
        apr_sleep(nap);
        nap = 2 * nap < NAP_MAX ? 2 * nap : NAP_MAX;
    }
    return 1;
}

void chat_store_writer_unlock(const server_rec *s)
{
    chat_shared_unlock(writer_of(s)->lock);
}

/* ---- start-up ---- */

static apr_status_t add(server_rec *s, apr_pool_t *pconf)
{
    const server_rec **key = apr_pmemdup(pconf, &s, sizeof(s));
    writer_t *writer = apr_pcalloc(pconf, sizeof(*writer));

    writer->lock = chat_shared_create(sizeof(*writer->lock), pconf);
    writer->group = chat_store_group_create(pconf);
    if (!writer->group || !writer->lock ||
        !chat_shared_lock_init(writer->lock)) {
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                     CHATNO(0224) "ChatStore: no shared memory for a lock");
        return APR_ENOMEM;
    }
    apr_hash_set(writers, key, sizeof(s), writer);
    return APR_SUCCESS;
}

apr_status_t chat_store_writer_post_config(apr_pool_t *pconf, server_rec *s)
{
    apr_status_t rv = APR_SUCCESS;

    writers = apr_hash_make(pconf);
    for (; s && rv == APR_SUCCESS; s = s->next) {
        if (chat_config_server(s)->store.used)
            rv = add(s, pconf);
    }
    return rv;
}
