/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only code that knows the MPM. It parks a connection: while an engine
 * writes to the client's socket, the MPM waits for an eventfd in its place.
 *
 *   handler            SUSPENDED
 *   process_connection our wrapper, outermost, turns that into ASYNC_WAITIO
 *                      and puts the eventfd into the connection's socket
 *   suspend_connection the stream passes to its engine
 *   ...                the engine streams, pings, and signals DONE
 *   process_connection the wrapper again: puts the client's fd back, completes
 *                      the request and hands the connection to the MPM as any
 *                      finished request does
 *
 * ASYNC_WAITIO and not SUSPENDED, because only it has a barrier: the MPM
 * touches the connection after suspend_connection, and a connection that was
 * finished in between would be freed under it.
 */
#include "chat_park_int.h"

#include "chat_engine_int.h"

#include <ap_mmn.h>
#include <http_config.h>
#include <http_log.h>

#include "chat_log.h"

/* Parking needs CONN_STATE_ASYNC_WAITIO and AP_MPMQ_CAN_WAITIO. */
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 137) && !defined(CHAT_NO_PARKING)

#include <http_connection.h>
#include <http_core.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mpm_common.h>
#include <scoreboard.h>
#include <apr_portable.h>
#include <util_filter.h>

#include <netinet/tcp.h>
#include <sys/socket.h>

/* Unsent bytes that the kernel holds for a client; its windows stay free. */
#define UNSENT_BYTES (32 * 1024)
/* A client that vanished without a word is noticed in about a minute. */
#define KEEPALIVE_IDLE 30
#define KEEPALIVE_INTERVAL 10
#define KEEPALIVE_PROBES 3
/* A short answer is over before its client is watched. */
#define WATCH_US apr_time_from_msec(20)

static int mpm_can_wait;

static chat_conn_t *get_conn(conn_rec *c)
{
    return ap_get_module_config(c->conn_config, &chat_module);
}

/* ---- may it be parked? ---- */

/* 1, or 0 when *pwhy forbids it. */
static int can_park(request_rec *r, const chat_engine_t *e, const char **pwhy)
{
    conn_rec *c = r->connection;

    if (c->master)
        *pwhy = "a stream of an HTTP/2 connection";
    else if (!mpm_can_wait || !c->cs)
        *pwhy = "this MPM cannot wait for I/O";
    else if (!e)
        *pwhy = "no engine is running";
    else if (!get_conn(c))
        *pwhy = "the connection did not pass pre_connection";
    else if (!get_conn(c)->awaited)
        *pwhy = "the child was stopping when the connection began";
    else if (r->main || r->prev)
        *pwhy = "a subrequest or an internal redirect";
    else
        return chat_park_filters_allow(r, pwhy);
    return 0;
}

/* ---- parking ---- */

static void set_option(int fd, int level, int name, int value)
{
    setsockopt(fd, level, name, &value, sizeof(value));
}

/* Once per connection. A refusal (a Unix socket, say) is no harm. */
static void tune_socket(int fd, apr_interval_time_t stall)
{
    set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_BYTES);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
    if (stall > 0)
        set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
                   (int)apr_time_as_msec(stall));
}

/* What an earlier, pipelined answer left in core's filter has to be on the
 * wire before an engine writes past it. May block, as any handler may. */
static apr_status_t flush_earlier(request_rec *r)
{
    conn_rec *c = r->connection;
    apr_bucket_brigade bb = {.p = r->pool, .bucket_alloc = c->bucket_alloc};
    apr_status_t rv;

    APR_RING_INIT(&bb.list, apr_bucket, link);
    APR_BRIGADE_INSERT_TAIL(&bb, apr_bucket_flush_create(c->bucket_alloc));
    rv = ap_pass_brigade(c->output_filters, &bb);
    apr_brigade_cleanup(&bb);
    return rv == APR_SUCCESS && c->aborted ? APR_ECONNABORTED : rv;
}

/* Get everything ready; the handler then returns SUSPENDED. Not APR_SUCCESS:
 * out of descriptors, or the client is gone. */
static apr_status_t park(chat_stream_t *s, chat_engine_t *e)
{
    chat_conn_t *cc = get_conn(s->c);
    apr_interval_time_t timeout = s->c->base_server->timeout;
    apr_os_sock_t fd;
    apr_status_t rv;

    rv = flush_earlier(s->r);
    if (rv == APR_SUCCESS)
        rv = apr_os_sock_get(&fd, ap_get_conn_socket(s->c));
    if (rv != APR_SUCCESS)
        return rv;
    s->park.fd = chat_engine_acquire_eventfd(e);
    if (s->park.fd < 0)
        return errno;
    s->client.fd = fd;
    s->park.engine = e;
    s->driver = &e->driver;
    if (!cc->tuned) {
        cc->tuned = 1;
        tune_socket(fd, s->spec.stall);
    }
    s->engine.ping_every =
        timeout > apr_time_from_sec(1) ? timeout / 2 : apr_time_from_msec(500);
    s->engine.older_at = s->started + WATCH_US;
    cc->stream = s;
    return APR_SUCCESS;
}

/* 1: admitted, or the engine will see to it. 0: refused. */
static int prepare(chat_stream_t *s, chat_engine_t *e)
{
    const chat_admission_t *admission = s->spec.admission;
    void *connection = admission ? chat_engine_connection(e, admission) : NULL;

    return connection ? chat_stream_admission_prepare(s, connection)
                      : chat_stream_admission_wait(s);
}

int chat_park_try(int *phandler, apr_status_t *prv, chat_stream_t *s,
                  chat_err_t *err)
{
    chat_engine_t *e = chat_engines_choose();
    const char *why;

    if (!can_park(s->r, e, &why)) {
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, s->r,
                      CHATNO(0504) "not parked: %s", why);
        return 0;
    }
    *prv = APR_SUCCESS;
    if (!prepare(s, e)) {
        *phandler = OK;
        chat_stream_complete(s);
        return 1;
    }
    *prv = park(s, e);
    if (*prv == APR_SUCCESS) {
        *phandler = SUSPENDED;
        return 1;
    }
    chat_counters_add(CHAT_COUNT_LIVE, -1);
    if (s->c->aborted) {
        chat_err_set(err, *prv, HTTP_REQUEST_TIME_OUT, "client_gone",
                     "The client left.");
        return 1;
    }
    ap_log_rerror(APLOG_MARK, APLOG_ERR, *prv, s->r,
                  CHATNO(0505) "a stream cannot be parked");
    err->retry_after = CHAT_BUSY_RETRY;
    chat_err_set(err, *prv, HTTP_SERVICE_UNAVAILABLE, "busy",
                 "Too many answers are being written right now.");
    return 1;
}

/* The two places where the connection's socket changes its descriptor. */
static void swap_in(const chat_stream_t *s)
{
    apr_socket_t *sock = ap_get_conn_socket(s->c);
    apr_os_sock_t fd = s->park.fd;

    apr_os_sock_put(&sock, &fd, s->c->pool);
}

static void swap_out(chat_stream_t *s)
{
    apr_socket_t *sock = ap_get_conn_socket(s->c);
    apr_os_sock_t fd = s->client.fd, now = -1;

    apr_os_sock_get(&now, sock);
    apr_os_sock_put(&sock, &fd, s->c->pool);
    if (now == s->park.fd) /* else a hard stop has closed it */
        chat_engine_release_eventfd(s->park.engine, s->park.fd);
    s->park.fd = -1;
}

static void wait_on(conn_rec *c)
{
    c->cs->state = CONN_STATE_ASYNC_WAITIO;
    c->cs->sense = CONN_SENSE_WANT_READ;
}

/* ---- taking it back ---- */

/* The request is ours again: end it as httpd ends any other. */
static void finish(chat_conn_t *cc, chat_stream_t *s)
{
    request_rec *r = s->r;
    conn_rec *c = s->c;

    swap_out(s);
    cc->streaming = 0;
    cc->stream = NULL;
    /* This worker's place on the scoreboard: the time that it works, too. */
    if (ap_extended_status)
        ap_time_process_request(c->sbh, START_PREQUEST);
    if (s->end.why == CHAT_END_GONE || s->end.why == CHAT_END_STALLED ||
        s->client.left) {
        c->aborted = 1;
        c->keepalive = AP_CONN_CLOSE;
        chat_netfilter_discard(s);
    }
    chat_netfilter_rest(cc, s);
    chat_netfilter_count(s);
    chat_stream_complete(s);
    if (!c->aborted)
        ap_finalize_request_protocol(r);
    ap_process_request_after_handler(r); /* logs, destroys r and s */
}

/* A stop has cut it, and its engine is joined. The connection may still outlive
 * all this: with httpd -X. */
static void abandon(chat_stream_t *s)
{
    chat_conn_t *cc = get_conn(s->c);

    cc->streaming = 0;
    cc->stream = NULL;
    s->driver = &chat_stream_undriven;
    chat_stream_cut(s, CHAT_END_SHUTDOWN, "the server stopped");
    s->c->aborted = 1;
    chat_netfilter_count(s);
    chat_stream_complete(s);
    /* No EOR bucket will come by: write the access log's line now. */
    ap_run_log_transaction(s->r);
}

/* Get the stream back from its engine, which may be writing at this moment. */
static void recall(chat_conn_t *cc, conn_rec *c)
{
    ap_log_cerror(APLOG_MARK, APLOG_DEBUG, 0, c,
                  CHATNO(0507) "the MPM closes a parked connection");
    chat_engine_recall(cc->stream->park.engine, cc->stream);
}

/* ---- hooks ---- */

/* The pool of a parked connection dies without pre_close_connection: a hard
 * stop has closed its descriptor before the MPM could wait for it. */
static apr_status_t connection_dies(void *baton)
{
    conn_rec *c = baton;
    chat_conn_t *cc = get_conn(c);
    chat_stream_t *s = cc->stream;

    if (!s || !cc->streaming)
        return APR_SUCCESS;
    recall(cc, c);
    cc->streaming = 0;
    cc->stream = NULL;
    swap_out(s);
    chat_netfilter_discard(s);
    c->aborted = 1;
    chat_netfilter_count(s);
    chat_stream_complete(s);
    ap_run_log_transaction(s->r);
    return APR_SUCCESS;
}

/*
 * A child that stops gracefully waits for the connections that it has counted,
 * and it counts one when a worker begins with it, just before pre_connection.
 * Those that were accepted but had to wait for a worker it may not wait for:
 * then nobody is left who would hear of a parked one, and it is cut. Stopping
 * is said before the count is looked at, so where it was not said yet, the
 * connection is counted.
 */
static int pre_connection(conn_rec *c, void *csd)
{
    chat_conn_t *cc;
    int state;

    if (c->master || !mpm_can_wait)
        return OK;
    cc = apr_pcalloc(c->pool, sizeof(*cc));
    cc->awaited = ap_mpm_query(AP_MPMQ_MPM_STATE, &state) == APR_SUCCESS &&
                  state != AP_MPMQ_STOPPING;
    ap_set_module_config(c->conn_config, &chat_module, cc);
    apr_pool_pre_cleanup_register(c->pool, c, connection_dies);
    chat_netfilter_add(c, cc);
    return OK;
}

static int process_connection(conn_rec *c)
{
    chat_conn_t *cc = get_conn(c);
    chat_stream_t *s;
    int rc;

    if (c->master || !cc || cc->inner)
        return DECLINED;
    s = cc->stream;
    if (s && cc->streaming) {
        if (chat_engine_returned(s->park.engine, s))
            finish(cc, s);
        else
            wait_on(c); /* a ping */
        return OK;
    }
    cc->inner = 1;
    rc = ap_run_process_connection(c);
    cc->inner = 0;
    s = cc->stream;
    if (s && c->cs && c->cs->state == CONN_STATE_SUSPENDED) {
        swap_in(s);
        wait_on(c);
    }
    return rc;
}

static void suspend_connection(conn_rec *c, request_rec *r)
{
    chat_conn_t *cc = get_conn(c);

    if (c->master || !cc || !cc->stream || cc->streaming)
        return;
    cc->streaming = 1;
    chat_stream_ids_add(cc->stream);
    chat_engine_add(cc->stream->park.engine, cc->stream);
}

/* The MPM closes a parked connection: its own time-out, or a stop. */
static int pre_close_connection(conn_rec *c)
{
    chat_conn_t *cc = get_conn(c);

    if (c->master || !cc || !cc->stream || !cc->streaming)
        return OK;
    recall(cc, c);
    finish(cc, cc->stream);
    return OK;
}

void chat_park_register_hooks(void)
{
    /* Outermost: it runs the others and sees the state that they leave. */
    ap_hook_process_connection(process_connection, NULL, NULL,
                               APR_HOOK_REALLY_FIRST);
    /* Last: nobody may touch the connection after the engine has it. */
    ap_hook_suspend_connection(suspend_connection, NULL, NULL,
                               APR_HOOK_REALLY_LAST);
    /* First: the client's fd is back before mod_ssl says good-bye on it. */
    ap_hook_pre_close_connection(pre_close_connection, NULL, NULL,
                                 APR_HOOK_REALLY_FIRST);
    ap_hook_pre_connection(pre_connection, NULL, NULL, APR_HOOK_MIDDLE);
    chat_netfilter_register();
}

void chat_park_child_init(apr_pool_t *pchild, server_rec *s)
{
    int async = 0, wait = 0;

    if (ap_mpm_query(AP_MPMQ_IS_ASYNC, &async) != APR_SUCCESS ||
        ap_mpm_query(AP_MPMQ_CAN_WAITIO, &wait) != APR_SUCCESS)
        async = 0;
    mpm_can_wait = async && wait;
    if (mpm_can_wait &&
        chat_engines_child_init(pchild, s, abandon) != APR_SUCCESS)
        ap_log_error(APLOG_MARK, APLOG_ERR, 0, s,
                     CHATNO(0506) "no engine could be started: streams will "
                                  "hold a worker each");
}

int chat_park_ready(void)
{
    return !mpm_can_wait || chat_engines_choose() != NULL;
}

#else

int chat_park_try(int *phandler, apr_status_t *prv, chat_stream_t *s,
                  chat_err_t *err)
{
    return 0;
}

void chat_park_register_hooks(void)
{
}

void chat_park_child_init(apr_pool_t *pchild, server_rec *s)
{
}

int chat_park_ready(void)
{
    return 1;
}

#endif
