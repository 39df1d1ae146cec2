/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of the processes that live. One that is killed, or crashes, is still
 * in it, and whoever takes it out tells of it. Main thread at start; the thread
 * that sends.
 */
#include "chat_run_export_watch.h"

#include <http_log.h>

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "chat_config.h"
#include "chat_export.h"
#include "chat_limit.h"
#include "chat_log.h"
#include "chat_shared.h"

/* More are not watched. */
#define CHILDREN_MAX 1024
#define POLICIES_MAX 64

typedef struct table_t {
    apr_uint64_t degraded;    /* that was told of; atomic, as the following */
    pid_t pids[CHILDREN_MAX]; /* 0: free */
} table_t;

static table_t *table; /* shared; NULL: nothing is exported */

static int swap(pid_t *at, pid_t from, pid_t to)
{
    return __atomic_compare_exchange_n(at, &from, to, 0, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

apr_status_t chat_run_export_watch_post_config(server_rec *s)
{
    const chat_trace_setup_t *setup = chat_config_trace();
    int is_new;

    table = NULL;
    if (!setup || !setup->logs)
        return APR_SUCCESS;
    table =
        chat_shared_retain(&is_new, "mod_chat_export_watch_1", sizeof(*table));
    if (table)
        return APR_SUCCESS;
    ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                 CHATNO(0819) "no %lu bytes of shared memory to watch "
                              "processes in",
                 (unsigned long)sizeof(*table));
    return errno;
}

void chat_run_export_watch_start(void)
{
    int i;

    for (i = 0; table && i < CHILDREN_MAX; i++)
        if (swap(&table->pids[i], 0, getpid()))
            return;
}

void chat_run_export_watch_stop(void)
{
    int i;

    for (i = 0; table && i < CHILDREN_MAX; i++)
        swap(&table->pids[i], getpid(), 0);
}

static void tell(const char *event, const char *body,
                 const chat_otlp_attribute_t *attribute, int severity,
                 apr_pool_t *p)
{
    const chat_otlp_log_t log = {
        .at = apr_time_now(),
        .severity = severity,
        .event = event,
        .body = body,
        .attributes = attribute,
        .nattributes = 1,
    };
    chat_buf_t out;

    chat_buf_init(&out, p);
    chat_otlp_log(&out, &log, chat_config_trace()->protocol);
    chat_export_put(CHAT_OTLP_LOGS, out.data, out.len, 1);
    apr_pool_clear(p);
}

static void look_for_dead(apr_pool_t *p)
{
    int i;

    for (i = 0; i < CHILDREN_MAX; i++) {
        pid_t pid = __atomic_load_n(&table->pids[i], __ATOMIC_ACQUIRE);
        const chat_otlp_attribute_t attribute = {
            .name = "process.pid", .kind = CHAT_OTLP_INTEGER, .number = pid};

        if (pid && kill(pid, 0) < 0 && errno == ESRCH &&
            swap(&table->pids[i], pid, 0))
            tell("chat.child.died", "A child process of httpd has died.",
                 &attribute, CHAT_OTLP_ERR, p);
    }
}

/* Of all children, since the server was started. */
static apr_uint64_t count_degraded(void)
{
    chat_limit_stats_t rows[POLICIES_MAX];
    int i, n = chat_limit_stats(rows, POLICIES_MAX);
    apr_uint64_t sum = 0;

    for (i = 0; i < n; i++)
        sum += rows[i].degraded;
    return sum;
}

static void look_at_limits(apr_pool_t *p)
{
    apr_uint64_t now = count_degraded();
    apr_uint64_t before =
        __atomic_exchange_n(&table->degraded, now, __ATOMIC_ACQ_REL);
    const chat_otlp_attribute_t attribute = {.name = "chat.requests",
                                             .kind = CHAT_OTLP_INTEGER,
                                             .number =
                                                 (apr_int64_t)(now - before)};

    if (now > before)
        tell("chat.limit.degraded",
             "Limits were applied without the store that counts for them.",
             &attribute, CHAT_OTLP_WARN, p);
}

void chat_run_export_watch(apr_pool_t *p)
{
    if (!table)
        return;
    look_for_dead(p);
    look_at_limits(p);
}
