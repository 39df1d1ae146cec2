/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread of each child that sends what chat_export.h has to a collector. It
 * is the last to stop, behind the streams, whose spans it still sends; and it
 * has a few seconds for that, whatever the collector does. What cannot be sent
 * now is tried again a few times, and dropped then.
 */
#include <httpd.h>
#include <http_log.h>
#include <http_main.h>
#include <apr_lib.h>
#include <apr_network_io.h>
#include <apr_strings.h>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "chat_config.h"
#include "chat_crypto.h"
#include "chat_export.h"
#include "chat_log.h"
#include "chat_run.h"
#include "chat_run_export_told.h"
#include "chat_run_export_watch.h"
#include "chat_run_failure.h"
#include "chat_thread.h"
#include "chat_stream.h"

/* What a child that ends still may take. */
#define FLUSH_SECONDS 2

#define ATTEMPTS_MAX 5
#define BACKOFF apr_time_from_msec(500)
#define BACKOFF_MAX apr_time_from_sec(30)

/* More of an answer is not read; it may have 4 MiB, for nothing. */
#define ANSWER_MAX (64 * 1024)

static pthread_t thread;
static int wake_fd = -1;     /* an eventfd: a request is full, or stop */
static int deadline_fd = -1; /* a timerfd: the time to stop in is over */
static int runs;             /* atomic */
static apr_pool_t *pool;     /* the thread's, cleared each time */
static apr_array_header_t *resource; /* of this process */
static int fails; /* 1: the last request was not taken, and that is logged */

/* ---- one request ---- */

typedef struct answer_t {
    char text[ANSWER_MAX];
    apr_size_t len;
    const char *retry_after; /* or NULL */
} answer_t;

static apr_status_t on_data(void *ctx, const char *data, apr_size_t len)
{
    answer_t *answer = ctx;

    if (len > ANSWER_MAX - answer->len)
        len = ANSWER_MAX - answer->len;
    memcpy(answer->text + answer->len, data, len);
    answer->len += len;
    return APR_SUCCESS;
}

static void on_header(void *ctx, const char *line, apr_size_t len)
{
    static const char name[] = "retry-after:";
    answer_t *answer = ctx;
    char *value;

    if (len < sizeof(name) || ap_cstr_casecmpn(line, name, sizeof(name) - 1))
        return;
    len -= sizeof(name) - 1;
    value = apr_pstrmemdup(pool, line + sizeof(name) - 1, len);
    while (len && apr_isspace(value[len - 1]))
        value[--len] = '\0';
    answer->retry_after = value + strspn(value, " \t");
}

static apr_interval_time_t asked_for(const answer_t *answer)
{
    return answer->retry_after ? chat_run_failure_retry_after(
                                     answer->retry_after, apr_time_now())
                               : -1;
}

static apr_array_header_t *make_headers(const chat_trace_setup_t *setup)
{
    apr_array_header_t *lines =
        apr_array_copy(pool, (apr_array_header_t *)setup->headers);

    APR_ARRAY_PUSH(lines, const char *) =
        setup->protocol == CHAT_OTLP_PROTOBUF
            ? "Content-Type: application/x-protobuf"
            : "Content-Type: application/json";
    APR_ARRAY_PUSH(lines, const char *) =
        "User-Agent: OTel-OTLP-Exporter-mod_chat/" CHAT_VERSION;
    APR_ARRAY_PUSH(lines, const char *) = "Expect:";
    return lines;
}

/* The status, or 0 where there is no answer. */
static int post(answer_t *answer, const char *url, const chat_buf_t *body)
{
    const chat_trace_setup_t *setup = chat_config_trace();
    const chat_call_t call = {.url = url,
                              .headers = make_headers(setup),
                              .body = body->data,
                              .body_len = body->len,
                              .secret = setup->headers->nelts > 0};
    const chat_fetch_t spec = {.call = &call,
                               .timeout = setup->timeout,
                               .stop_fd = deadline_fd,
                               .ca = setup->ca,
                               .cert = setup->cert,
                               .key = setup->key,
                               .header = on_header,
                               .data = on_data,
                               .ctx = answer};
    int status;

    answer->len = 0;
    answer->retry_after = NULL;
    return chat_stream_fetch(&status, &spec) == APR_SUCCESS ? status : 0;
}

/* ---- what becomes of it ---- */

static int is_stopping(void)
{
    return !__atomic_load_n(&runs, __ATOMIC_ACQUIRE);
}

static void note(const char *url, int status, int n, int taken)
{
    if (taken == !fails)
        return;
    fails = !taken;
    if (taken)
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, ap_server_conf,
                     CHATNO(0816) "%s takes traces again", url);
    else
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
            CHATNO(0815) "%s does not take traces (%s): %d spans or "
                         "records are dropped, and so are those to "
                         "come until it does",
            url, status ? apr_psprintf(pool, "status %d", status) : "no answer",
            n);
}

/* It was taken; but was all of it? */
static void look_at(const answer_t *answer, const char *url, int n)
{
    apr_int64_t rejected = chat_run_export_told(
        answer->text, answer->len, chat_config_trace()->protocol, pool);

    if (rejected > n)
        rejected = n;
    if (rejected > 0)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, ap_server_conf,
                     CHATNO(0817) "%s has rejected %d of %d spans or records",
                     url, (int)rejected, n);
    chat_export_count(CHAT_EXPORT_SENT, n - (int)rejected);
    chat_export_count(CHAT_EXPORT_DROPPED, (int)rejected);
    note(url, HTTP_OK, n, 1);
}

/* Those of the protocol, and no answer. */
static int may_come(int status)
{
    return status == 0 || status == HTTP_TOO_MANY_REQUESTS ||
           status == HTTP_BAD_GATEWAY || status == HTTP_SERVICE_UNAVAILABLE ||
           status == HTTP_GATEWAY_TIME_OUT;
}

/* What woke it is known then. */
static void read_wake(void)
{
    uint64_t n;

    if (read(wake_fd, &n, sizeof(n)) < 0)
        n = 0; /* nothing has */
}

/* Until then, or the child ends. */
static void pause_for(apr_interval_time_t wait)
{
    struct pollfd fd = {.fd = wake_fd, .events = POLLIN};
    apr_time_t until = apr_time_now() + wait;

    while (!is_stopping() && (wait = until - apr_time_now()) > 0) {
        poll(&fd, 1, (int)apr_time_as_msec(wait) + 1);
        read_wake();
    }
}

static apr_interval_time_t backoff(const answer_t *answer, int attempt)
{
    apr_interval_time_t asked = asked_for(answer), wait;
    unsigned char noise = 0;

    chat_crypto_id(&noise, sizeof(noise));
    wait = chat_run_failure_backoff(BACKOFF, BACKOFF_MAX, attempt, noise);
    if (asked > wait)
        wait = asked;
    return wait < BACKOFF_MAX ? wait : BACKOFF_MAX;
}

static void deliver(const char *url, const chat_buf_t *body, int n)
{
    answer_t *answer = apr_palloc(pool, sizeof(*answer));
    int attempt, status = 0;

    for (attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
        status = post(answer, url, body);
        if (status >= 200 && status < 300) {
            look_at(answer, url, n);
            return;
        }
        if (!may_come(status) || attempt == ATTEMPTS_MAX || is_stopping())
            break;
        chat_export_count(CHAT_EXPORT_RETRIED, 1);
        pause_for(backoff(answer, attempt));
    }
    chat_export_count(CHAT_EXPORT_DROPPED, n);
    note(url, status, n, 0);
}

/* ---- the thread ---- */

static void send_all(chat_otlp_signal_e signal, const char *url)
{
    const char *items;
    apr_size_t len;
    chat_buf_t body;
    int n;

    while (url && (n = chat_export_take(signal, &items, &len, pool)) > 0) {
        chat_buf_init(&body, pool);
        chat_otlp_request(&body, signal, resource, CHAT_VERSION, items, len,
                          chat_config_trace()->protocol);
        deliver(url, &body, n);
        apr_pool_clear(pool);
    }
}

static void *work(void *unused)
{
    const chat_trace_setup_t *setup = chat_config_trace();
    struct pollfd fd = {.fd = wake_fd, .events = POLLIN};
    int stopping;

    do {
        if (!is_stopping())
            poll(&fd, 1, (int)apr_time_as_msec(setup->delay));
        read_wake();
        stopping = is_stopping();
        chat_run_export_watch(pool);
        send_all(CHAT_OTLP_TRACES, setup->traces);
        send_all(CHAT_OTLP_LOGS, setup->logs);
    } while (!stopping);
    chat_export_close();
    return NULL;
}

static void wake(void)
{
    uint64_t one = 1;

    if (write(wake_fd, &one, sizeof(one)) < 0)
        one = 0; /* it is readable already */
}

/* A pre_cleanup of pchild: what it uses is still there. */
static apr_status_t stop(void *unused)
{
    const struct itimerspec deadline = {.it_value.tv_sec = FLUSH_SECONDS};

    timerfd_settime(deadline_fd, 0, &deadline, NULL);
    __atomic_store_n(&runs, 0, __ATOMIC_RELEASE);
    wake();
    pthread_join(thread, NULL);
    chat_run_export_watch_stop();
    return APR_SUCCESS;
}

/* That of the server, and which process it is. */
static void make_resource(apr_pool_t *pchild)
{
    char host[APRMAXHOSTLEN + 1] = "localhost";
    int i;

    resource = apr_array_copy(
        pchild, (apr_array_header_t *)chat_config_trace()->resource);
    for (i = 0; i < resource->nelts; i += 2)
        if (!strcmp(APR_ARRAY_IDX(resource, i, const char *),
                    "service.instance.id"))
            return;
    apr_gethostname(host, sizeof(host), pchild);
    APR_ARRAY_PUSH(resource, const char *) = "service.instance.id";
    APR_ARRAY_PUSH(resource, const char *) =
        apr_psprintf(pchild, "%s:%" APR_PID_T_FMT, host, getpid());
}

static int start(apr_pool_t *pchild)
{
    pool = chat_thread_pool(pchild);
    wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    deadline_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (!pool || wake_fd < 0 || deadline_fd < 0)
        return 0;
    make_resource(pchild);
    chat_export_open(wake);
    chat_run_export_watch_start();
    __atomic_store_n(&runs, 1, __ATOMIC_RELEASE);
    if (!chat_thread_start(&thread, work, NULL)) {
        chat_export_close();
        return 0;
    }
    apr_pool_pre_cleanup_register(pchild, NULL, stop);
    return 1;
}

void chat_run_export_child_init(apr_pool_t *pchild, server_rec *s)
{
    const chat_trace_setup_t *setup = chat_config_trace();

    if (setup && (setup->traces || setup->logs) && !start(pchild))
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                     CHATNO(0818) "no thread to send traces: those of this "
                                  "process are dropped");
}
