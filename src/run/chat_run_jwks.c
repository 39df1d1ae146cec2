/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys that tokens are signed with, fetched before a request needs them.
 * Each child has a thread for it, of which one fetches a set for all; which,
 * and when, chat_auth.h says. It is no part of the maintenance of
 * conversations: a database that is away must keep nobody from signing in.
 */
#include "chat_run_jwks.h"

#include <http_log.h>
#include <http_main.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "chat_auth.h"
#include "chat_buf.h"
#include "chat_log.h"
#include "chat_thread.h"
#include "chat_stream.h"

#define LASTS apr_time_from_sec(5)

/* Of what a thread with nothing to do sleeps. */
#define SLEEP_MAX_MS 3600000

static pthread_t thread;
static int wake_fd = -1, stop_fd = -1; /* eventfds */
static int runs;                       /* atomic */
static apr_pool_t *pool;               /* the thread's, cleared each time */

/* ---- one fetch ---- */

/* In the pool, which frees the text. */
typedef struct document_t {
    chat_buf_t text;
    apr_int64_t age; /* seconds, -1: not said */
} document_t;

/* "Cache-Control: public, max-age=300" */
static void on_header(void *ctx, const char *line, apr_size_t len)
{
    static const char name[] = "cache-control:";
    document_t *doc = ctx;
    const char *age;
    char *value;

    if (len < sizeof(name) || ap_cstr_casecmpn(line, name, sizeof(name) - 1))
        return;
    value =
        apr_pstrmemdup(pool, line + sizeof(name) - 1, len - (sizeof(name) - 1));
    ap_str_tolower(value);
    age = strstr(value, "max-age=");
    if (age && apr_isdigit(age[8]))
        doc->age = apr_atoi64(age + 8);
    if (strstr(value, "no-store") || strstr(value, "no-cache"))
        doc->age = 0;
}

static apr_status_t on_data(void *ctx, const char *data, apr_size_t len)
{
    document_t *doc = ctx;

    if (doc->text.len + len > CHAT_AUTH_JWKS_MAX)
        return APR_ENOSPC;
    chat_buf_put(&doc->text, data, len);
    return APR_SUCCESS;
}

/* NULL, or why there is nothing. */
static const char *why_not(apr_status_t rv, int status)
{
    switch (rv) {
    case APR_SUCCESS:
        return status == HTTP_OK
                   ? NULL
                   : apr_psprintf(pool, "the answer is a %d", status);
    case APR_TIMEUP:
        return "there is no answer in time";
    case APR_ENOSPC:
        return apr_psprintf(pool, "the answer has more than %d bytes",
                            CHAT_AUTH_JWKS_MAX);
    default:
        return "the host cannot be reached, its certificate does not hold, or "
               "it ends its answer before it is whole";
    }
}

static void fetch(int i, const char *url)
{
    document_t *doc = apr_pcalloc(pool, sizeof(*doc));
    const char *accept = "Accept: application/jwk-set+json, application/json";
    chat_call_t call = {
        .url = url, .headers = apr_array_make(pool, 1, sizeof(const char *))};
    const chat_fetch_t spec = {.call = &call,
                               .timeout = LASTS,
                               .stop_fd = stop_fd,
                               .header = on_header,
                               .data = on_data,
                               .ctx = doc};
    const char *why;
    apr_status_t rv;
    int status;

    APR_ARRAY_PUSH(call.headers, const char *) = accept;
    doc->age = -1;
    chat_buf_init(&doc->text, pool);
    rv = chat_stream_fetch(&status, &spec);
    if (rv == APR_EINTR) /* another process fetches it when the lease is over */
        return;
    why = why_not(rv, status);
    if (why)
        chat_auth_jwks_failed(i, why, ap_server_conf);
    else
        chat_auth_jwks_fetched(i, doc->text.data, doc->text.len, doc->age,
                               ap_server_conf, pool);
}

/* ---- the thread ---- */

static int is_stopping(void)
{
    return !__atomic_load_n(&runs, __ATOMIC_ACQUIRE);
}

static void *work(void *unused)
{
    struct pollfd fds[] = {{.fd = wake_fd, .events = POLLIN},
                           {.fd = stop_fd, .events = POLLIN}};
    apr_interval_time_t wait;
    const char *url;
    uint64_t n;
    int i;

    while (!is_stopping()) {
        while (!is_stopping() && (url = chat_auth_jwks_due(&i, &wait)) != NULL)
            fetch(i, url);
        apr_pool_clear(pool);
        if (is_stopping())
            break;
        poll(fds, 2,
             wait < apr_time_from_msec(SLEEP_MAX_MS)
                 ? (int)apr_time_as_msec(wait) + 1
                 : SLEEP_MAX_MS);
        if (fds[0].revents && read(wake_fd, &n, sizeof(n)) < 0)
            n = 0; /* it was woken once more */
    }
    return NULL;
}

static void write_to(int fd)
{
    uint64_t one = 1;

    if (write(fd, &one, sizeof(one)) < 0)
        one = 0; /* it is readable already */
}

static void wake(void)
{
    write_to(wake_fd);
}

/* A pre_cleanup of pchild: what it uses is still there. */
static apr_status_t stop(void *unused)
{
    __atomic_store_n(&runs, 0, __ATOMIC_RELEASE);
    write_to(stop_fd);
    pthread_join(thread, NULL);
    return APR_SUCCESS;
}

static int start(apr_pool_t *pchild)
{
    pool = chat_thread_pool(pchild);
    wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!pool || wake_fd < 0 || stop_fd < 0)
        return 0;
    chat_auth_jwks_on_due(wake);
    __atomic_store_n(&runs, 1, __ATOMIC_RELEASE);
    if (!chat_thread_start(&thread, work, NULL))
        return 0;
    apr_pool_pre_cleanup_register(pchild, NULL, stop);
    return 1;
}

void chat_run_jwks_child_init(apr_pool_t *pchild, server_rec *s)
{
    if (chat_auth_jwks_count() && !start(pchild))
        ap_log_error(
            APLOG_MARK, APLOG_ERR, errno, s,
            CHATNO(0855) "no thread to fetch the keys of ChatAuthJWKS: "
                         "another process has to");
}
