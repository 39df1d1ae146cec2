/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread of each child for what no request does: it says that the streams of
 * its process run, writes what waits for the database, looks after answers
 * whose process is gone, does what is left for later, and has what is old taken
 * away. What one process does for all is done by the one that has the lock of
 * the spool directory. There is no thread where no location has ChatStore.
 *
 * Nothing of it is urgent: a database that is away is asked again a little
 * later, and each time for little.
 */
#include "chat_run_int.h"

#include <http_log.h>
#include <http_main.h>

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "chat_clock.h"
#include "chat_config.h"
#include "chat_log.h"
#include "chat_resume.h"
#include "chat_run_export_watch.h"
#include "chat_run_instance.h"
#include "chat_run_jwks.h"
#include "chat_run_later.h"
#include "chat_run_reap.h"
#include "chat_run_recover.h"
#include "chat_run_settings.h"
#include "chat_run_spooled.h"
#include "chat_thread.h"
#include "chat_run_unsaved.h"
#include "chat_run_hook_state.h"
#include "chat_run_verdict.h"
#include "chat_upload.h"

#define TICK_MS 500

/* How often, in microseconds of chat_clock_now(). */
#define HEARTBEAT ((apr_int64_t)10 * 1000000)
#define INDEX ((apr_int64_t)2 * 1000000)
#define REPLAY ((apr_int64_t)1 * 1000000)
#define STALE ((apr_int64_t)10 * 1000000)
#define PURGE ((apr_int64_t)600 * 1000000)
#define SWEEP ((apr_int64_t)60 * 1000000)
#define REAP ((apr_int64_t)1 * 1000000)
#define EXPIRE ((apr_int64_t)5 * 1000000)
#define MERGE ((apr_int64_t)600 * 1000000)

/* Where the database has been away others could not say that they run: for so
 * long nobody is believed to be gone. */
#define STEADY ((apr_int64_t)90 * 1000000)

static pthread_t thread;
static int work_fd = -1; /* of chat_run_later.h */
static int stop_fd = -1; /* an eventfd */
static int runs;         /* atomic */
static apr_pool_t *pool; /* the thread's, cleared each time */

/* When each is due next. */
static struct {
    apr_int64_t heartbeat, usage, index, replay, stale, purge, sweep, reap,
        expire, merge;
} due;

/* Whose indexes of words are being put together; s NULL: nobody's. */
static struct {
    server_rec *s;
    chat_store_merge_t how_far;
} merging;

static int is_stopping(void)
{
    return !__atomic_load_n(&runs, __ATOMIC_ACQUIRE);
}

static int is_due(apr_int64_t *when, apr_int64_t now, apr_int64_t every)
{
    if (now < *when)
        return 0;
    *when = now + every;
    return 1;
}

static int is_used(const server_rec *s)
{
    return chat_config_server(s)->store.used;
}

/* ---- what each process does ---- */

/* 0: nothing is gathered. */
static apr_interval_time_t shortest_batch(void)
{
    apr_interval_time_t least = 0;
    const server_rec *s;

    for (s = ap_server_conf; s; s = s->next) {
        apr_interval_time_t every = chat_config_server(s)->usage.every;

        if (every && (!least || every < least))
            least = every;
    }
    return least;
}

static void say_alive(apr_int64_t now)
{
    server_rec *s;

    if (!chat_run_instance_running() || !is_due(&due.heartbeat, now, HEARTBEAT))
        return;
    for (s = ap_server_conf; s; s = s->next) {
        const chat_store_at_t at = {.s = s, .p = pool};
        chat_err_t err = {0};

        if (is_used(s))
            chat_store_stream_heartbeat(&at, chat_run_instance(), &err);
    }
}

/* What this process has gathered for all servers. */
static void close_usage(apr_int64_t now)
{
    const apr_interval_time_t every = shortest_batch();

    if (every && is_due(&due.usage, now, every))
        chat_run_spooled_close(pool);
}

/* A search that had to do all of it would take long. */
static void index_words(apr_int64_t now)
{
    server_rec *s;

    if (!is_due(&due.index, now, INDEX))
        return;
    for (s = ap_server_conf; s && !is_stopping(); s = s->next) {
        const chat_store_at_t at = {.s = s, .p = pool};
        chat_err_t err = {0};

        if (is_used(s))
            chat_store_index(&at, &err);
    }
}

/* ---- what one does ---- */

/* Each server that keeps conversations. 0: one of them could not be asked. */
static int recover_gone(const char *instance)
{
    server_rec *s;
    int fine = 1;

    for (s = ap_server_conf; s && fine; s = s->next)
        if (is_used(s))
            fine = chat_run_recover_gone(s, instance, pool);
    return fine;
}

/* What waits comes first: it is more than a log holds. */
static void look_after(apr_int64_t now)
{
    apr_array_header_t *gone;
    int i;

    if (!is_due(&due.replay, now, REPLAY))
        return;
    if (!chat_run_unsaved_replay(pool)) {
        due.stale = now + STEADY;
        return;
    }
    chat_run_spooled_replay(pool);
    gone = chat_run_instance_gone(pool);
    for (i = 0; i < gone->nelts && !is_stopping(); i++) {
        const char *instance = APR_ARRAY_IDX(gone, i, const char *);

        chat_run_spooled_inherit(instance, pool);
        if (!recover_gone(instance)) {
            due.stale = now + STEADY;
            return;
        }
        chat_run_instance_forget(instance, pool);
    }
}

static void look_for_stale(apr_int64_t now)
{
    server_rec *s;

    if (!is_due(&due.stale, now, STALE))
        return;
    for (s = ap_server_conf; s; s = s->next)
        if (is_used(s) && !chat_run_recover_stale(s, pool))
            due.stale = now + STEADY;
}

/* A place that cannot be reached is left alone for a while. */
static void reap_files(apr_int64_t now)
{
    server_rec *s;
    int expire;

    if (!is_due(&due.reap, now, REAP))
        return;
    expire = is_due(&due.expire, now, EXPIRE);
    for (s = ap_server_conf; s && !is_stopping(); s = s->next)
        if (chat_upload_conf(s) && !chat_run_reap(s, expire, pool))
            due.reap = now + SWEEP;
}

static void clean_up(apr_int64_t now)
{
    server_rec *s;

    if (is_due(&due.sweep, now, SWEEP))
        chat_resume_sweep(ap_server_conf);
    if (!is_due(&due.purge, now, PURGE))
        return;
    for (s = ap_server_conf; s && !is_stopping(); s = s->next) {
        const chat_store_at_t at = {.s = s, .p = pool};
        chat_err_t err = {0};

        if (is_used(s))
            chat_store_purge(&at, &err);
    }
}

/* One server after the other, and a little of it each time. */
static void merge_words(apr_int64_t now)
{
    const chat_store_at_t at = {.s = merging.s, .p = pool, .quiet = 1};
    chat_err_t err = {0};

    if (!merging.s) {
        if (is_due(&due.merge, now, MERGE))
            merging.s = ap_server_conf;
        return;
    }
    if (is_used(merging.s))
        chat_store_merge(&merging.how_far, &at, &err);
    if (is_used(merging.s) && !merging.how_far.over)
        return;
    merging.s = merging.s->next;
    memset(&merging.how_far, 0, sizeof(merging.how_far));
}

/* ---- the thread ---- */

static void work(void)
{
    apr_int64_t now = chat_clock_now();

    say_alive(now);
    close_usage(now);
    index_words(now);
    if (chat_run_instance_leads()) {
        look_after(now);
        look_for_stale(now);
        reap_files(now);
        clean_up(now);
        merge_words(now);
    }
    apr_pool_clear(pool);
}

/* Where nothing was gathered there is nothing to tell. What others cannot be
 * told now they are when a server runs again. */
static void end_usage(void)
{
    if (!shortest_batch())
        return;
    chat_run_spooled_close(pool);
    if (chat_run_instance_leads())
        chat_run_spooled_replay(pool);
    apr_pool_clear(pool);
}

static void *maintain(void *unused)
{
    struct pollfd fds[] = {{.fd = work_fd, .events = POLLIN},
                           {.fd = stop_fd, .events = POLLIN}};
    int more = 0;

    while (!is_stopping()) {
        work();
        if (!is_stopping())
            more = chat_run_later_work(stop_fd);
        poll(fds, 2, more ? 0 : TICK_MS);
    }
    end_usage();
    return NULL;
}

/* A pre_cleanup of pchild: what it uses is still there. */
static apr_status_t stop(void *unused)
{
    uint64_t one = 1;

    __atomic_store_n(&runs, 0, __ATOMIC_RELEASE);
    if (write(stop_fd, &one, sizeof(one)) < 0)
        one = 0;
    pthread_join(thread, NULL);
    chat_run_later_close();
    chat_run_instance_stop(shortest_batch() != 0);
    return APR_SUCCESS;
}

static int start(void)
{
    __atomic_store_n(&runs, 1, __ATOMIC_RELEASE);
    if (chat_thread_start(&thread, maintain, NULL))
        return 1;
    __atomic_store_n(&runs, 0, __ATOMIC_RELEASE);
    return 0;
}

static int is_used_anywhere(const server_rec *s)
{
    for (; s; s = s->next)
        if (is_used(s) || chat_config_server(s)->store.vercel)
            return 1;
    return 0;
}

/* The thread has a pool with an allocator of its own, and so shares nothing. */
apr_status_t chat_run_post_config(apr_pool_t *pconf, server_rec *s)
{
    apr_status_t rv = chat_run_export_watch_post_config(s);

    if (rv == APR_SUCCESS)
        rv = chat_run_verdict_post_config(pconf, s);
    if (rv == APR_SUCCESS)
        rv = chat_run_hook_state_post_config(pconf, s);
    return rv == APR_SUCCESS && is_used_anywhere(s)
               ? chat_run_unsaved_post_config(pconf, s)
               : rv;
}

static void start_maintenance(apr_pool_t *pchild, server_rec *s)
{
    if (!is_used_anywhere(s))
        return;
    chat_run_instance_start(s, pchild);
    due.purge = chat_clock_now() + PURGE / 10;
    due.stale = chat_clock_now() + STALE;
    due.merge = chat_clock_now() + MERGE / 120;
    pool = chat_thread_pool(pchild);
    if (pool) {
        work_fd = chat_run_later_open();
        stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (work_fd >= 0 && stop_fd >= 0 && start()) {
            apr_pool_pre_cleanup_register(pchild, NULL, stop);
            return;
        }
    }
    ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                 CHATNO(0838) "no thread to look after conversations: another "
                              "process has to");
}

void chat_run_child_init(apr_pool_t *pchild, server_rec *s)
{
    start_maintenance(pchild, s);
    chat_run_jwks_child_init(pchild, s);
    chat_run_settings_child_init(pchild, s);
}
