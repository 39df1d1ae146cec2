/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How streams start: the place that each needs, the driver that it gets. And
 * how the server starts and stops with them.
 */
#include "chat_park_int.h"
#include "chat_stream_int.h"
#include "chat_xfer_int.h"

#include <http_config.h>
#include <http_log.h>
#include <mpm_common.h>

#include <sys/resource.h>

#include "chat_clock.h"
#include "chat_config.h"
#include "chat_log.h"

/* Open files for everything but streams: logs, listeners, libraries, the
 * requests that are being read. */
#define FILES_KEPT 256
/* ChatStreamMax when nothing is written and there are files enough. */
#define PLACES_MAX 10000

/* ---- one stream ---- */

static chat_stream_t *stream_create(request_rec *r,
                                    const chat_stream_spec_t *spec)
{
    chat_stream_t *s = apr_pcalloc(r->pool, sizeof(*s));

    s->r = r;
    s->c = r->connection;
    s->driver = &chat_stream_undriven;
    s->source = spec->call     ? &chat_source_xfer
                : spec->script ? &chat_source_script
                               : &chat_source_feed;
    s->spec = *spec;
    s->aside.ops = &chat_aside_ops;
    s->call.spec = spec->call;
    s->client.fd = s->park.fd = s->engine.heap = -1;
    s->end.first = -1;
    s->started = s->call.at = chat_clock_now();
    s->client.write_at = s->client.progress_at = s->started;
    return s;
}

apr_status_t chat_stream_resolve(const char **presolve, request_rec *r,
                                 const char *host, apr_port_t port,
                                 apr_interval_time_t timeout, chat_err_t *err)
{
    const char *why;
    apr_status_t rv =
        chat_resolver_line(presolve, host, port, timeout, &why, r->pool);

    if (rv == APR_SUCCESS)
        return APR_SUCCESS;
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                  CHATNO(0502) "upstream host %s: %s", host, why);
    chat_counters_add(CHAT_COUNT_STARTED, 1); /* as every end has a start */
    chat_counters_add(CHAT_COUNT_UPSTREAM, 1);
    return chat_err_set(err, rv, HTTP_BAD_GATEWAY, "upstream_unreachable",
                        "The provider cannot be reached right now.");
}

apr_status_t chat_stream_resolved(const char **presolve, request_rec *r,
                                  const char *host, apr_port_t port)
{
    return chat_resolver_known(presolve, host, port, r->pool);
}

/* Streams that this child may have open at once. */
static int places;

static apr_status_t admit(request_rec *r, chat_err_t *err)
{
    if (chat_counters_admit(places))
        return APR_SUCCESS;
    chat_counters_add(CHAT_COUNT_REFUSED, 1);
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r,
                  CHATNO(0503) "all places for streams are taken");
    err->retry_after = CHAT_BUSY_RETRY;
    return chat_err_set(err, APR_EAGAIN, HTTP_SERVICE_UNAVAILABLE, "busy",
                        "Too many answers are being written right now.");
}

apr_status_t chat_stream_start(int *phandler, request_rec *r,
                               const chat_stream_spec_t *spec, chat_err_t *err)
{
    chat_stream_t *s = stream_create(r, spec);
    apr_status_t rv = admit(r, err);

    if (rv != APR_SUCCESS)
        return rv;
    if (spec->finish)
        chat_leave_add(s);
    if (chat_park_try(phandler, &rv, s, err))
        return rv;
    *phandler = OK;
    if (chat_stream_admission_wait(s))
        chat_blocking_run(s);
    else
        chat_stream_complete(s);
    return APR_SUCCESS;
}

int chat_stream_ready(void)
{
    return chat_park_ready() && !chat_stream_stopping() &&
           chat_counters_has_place(places);
}

void chat_stream_stats(chat_stream_stats_t *stats)
{
    apr_int64_t sum[CHAT_COUNT_MAX];

    chat_counters_sum(sum);
    stats->live = sum[CHAT_COUNT_LIVE];
    stats->queued = sum[CHAT_COUNT_QUEUED];
    stats->parked = sum[CHAT_COUNT_PARKED];
    stats->fds = sum[CHAT_COUNT_FDS];
    stats->started = sum[CHAT_COUNT_STARTED];
    stats->done = sum[CHAT_COUNT_DONE];
    stats->cancelled = sum[CHAT_COUNT_CANCELLED];
    stats->stalled = sum[CHAT_COUNT_STALLED];
    stats->upstream_errors = sum[CHAT_COUNT_UPSTREAM];
    stats->timeouts = sum[CHAT_COUNT_TIMEOUT];
    stats->shutdown = sum[CHAT_COUNT_SHUTDOWN];
    stats->refused = sum[CHAT_COUNT_REFUSED];
    stats->filtered = sum[CHAT_COUNT_FILTERED];
    stats->bytes = sum[CHAT_COUNT_BYTES];
}

/* ---- the server ---- */

static void child_stopping(apr_pool_t *pchild, int graceful)
{
    if (!graceful)
        chat_stream_stop();
}

void chat_stream_register_hooks(apr_pool_t *p)
{
    ap_hook_child_stopping(child_stopping, NULL, NULL, APR_HOOK_MIDDLE);
    chat_counters_register_hooks();
    chat_park_register_hooks();
    chat_leave_register();
}

apr_status_t chat_stream_post_config(apr_pool_t *pconf, server_rec *s)
{
    const server_rec *host;
    int keys = 0;

    for (host = s; host; host = host->next)
        keys |= chat_config_server(host)->keys.master != NULL;
    chat_memory_init(keys, s, pconf);
    chat_trust_global(pconf);
    return chat_counters_post_config(s);
}

/* Besides, curl wants two for so many connections to upstreams. */
static int fit_in(rlim_t files, int each)
{
    return files * CHAT_MULTI_LINKS_MAX / (each * CHAT_MULTI_LINKS_MAX + 2);
}

/* A stream takes three descriptors: client, upstream, eventfd; and one more for
 * the file that it is logged in. Running out of them makes the MPM retire the
 * child, so we have to say no before that. */
static void count_places(server_rec *s)
{
    int wanted = chat_config_server(s)->stream.max, fit;
    int each = chat_config_server(s)->resume.kind == CHAT_RESUME_SPOOL ? 4 : 3;
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur > 1000000)
        files.rlim_cur = 1000000;
    fit = files.rlim_cur > FILES_KEPT
              ? fit_in(files.rlim_cur - FILES_KEPT, each)
              : 1;
    places = wanted ? wanted : fit < PLACES_MAX ? fit : PLACES_MAX;
    if (wanted > fit)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     CHATNO(0508) "ChatStreamMax %d needs about %d open files, "
                                  "the limit is %ld: %d streams will fit",
                     wanted,
                     each * wanted + 2 * wanted / CHAT_MULTI_LINKS_MAX +
                         FILES_KEPT,
                     (long)files.rlim_cur, fit);
}

void chat_stream_child_init(apr_pool_t *pchild, server_rec *s)
{
    count_places(s);
    chat_counters_child_init(s);
    chat_park_child_init(pchild, s);
}
