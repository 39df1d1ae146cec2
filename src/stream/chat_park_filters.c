/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May an engine write through the output filters of a request? Not when one of
 * them may block it, or hold events back. Called by chat_park.c, in the
 * handler, on the request's thread.
 *
 * What a filter does to this answer counts, not what it is called. There are
 * filters that never harm; some that act once, when an answer begins, and on
 * nothing of its body: those act here, on a thread that may wait; and
 * mod_filter's, which ask for the type of the answer before they do anything.
 */
#include "chat_park_int.h"

#include <http_log.h>
#include <http_protocol.h>
#include <apr_buckets.h>
#include <apr_hash.h>
#include <apr_strings.h>

#include "chat_ctx.h"
#include "chat_log.h"
#include "chat_types.h"

/* It makes records of TLS, one of each bucket, and passes them on at once. */
#define TLS_FILTER "ssl/tls filter"

/* They never block and hold nothing back at a FLUSH. mod_expires writes into
 * tables of the request, and leaves. */
static const char *const harmless[] = {
    "byterange",
    "content_length",
    "http_header",
    "http_outerror",
    "fixup_headers_out",
    "fixup_headers_err_out",
    "chunk",
    "deflate",
    "brotli_compress",
    "mod_expires",
    "reqtimeout",
    "logio_ttfb_out",
    "ssl/tls coalescing filter",
    TLS_FILTER,
    "chat_net",
    "chat_leave",
    "core",
    NULL,
};

/* Of those, what they do to a body that is chunked: nothing. Others that were
 * there have left when the head was sent. */
static const char *const idle[] = {
    "content_length",
    "http_outerror",
    "chunk",
    "reqtimeout",
    "chat_net",
    "chat_leave",
    "core",
    "ssl/tls coalescing filter",
    NULL,
};

/* They act at the first brigade, whatever is in it, and leave: mod_session
 * saves a session where there is one, in a database perhaps; mod_cache forgets
 * what it has of a URL that is posted to. */
static const char *const at_start[] = {
    "mod_session_out",
    "cache_invalidate",
    NULL,
};

/* AddOutputFilterByType FILTER: mod_filter's own filter in its place. */
#define BY_TYPE "bytype:"
#define BY_TYPE_LEN (sizeof(BY_TYPE) - 1)

/* Locations and filters that were told of, as digests; a full table tells no
 * more. */
#define TOLD_MAX 64
static unsigned told[TOLD_MAX];

static int is_among(const char *const *names, const char *name)
{
    const char first = *name | 0x20; /* in lower case */

    for (; *names; names++)
        if (**names == first && !strcasecmp(*names, name))
            return 1;
    return 0;
}

/* ---- to run one filter alone ---- */

/* What it passes on ends here. */
typedef struct sink_t {
    const ap_filter_t *probe;
    void *ctx; /* of the probe, when it passed on */
    int passed;
} sink_t;

static apr_status_t swallow(ap_filter_t *f, apr_bucket_brigade *bb)
{
    sink_t *sink = f->ctx;

    sink->passed = 1;
    sink->ctx = sink->probe->ctx;
    return APR_SUCCESS;
}

/* Run a filter on nothing. A copy, which is in no chain: it may take itself out
 * of the chain, and what it passes on reaches nobody. */
static void run_alone(const ap_filter_t *f, sink_t *sink, request_rec *r)
{
    ap_filter_rec_t *rec = apr_pcalloc(r->pool, sizeof(*rec));
    ap_filter_t *probe = apr_pmemdup(r->pool, f, sizeof(*f));
    ap_filter_t *end = apr_pmemdup(r->pool, f, sizeof(*f));

    rec->name = "chat_sink";
    rec->filter_func.out_func = swallow;
    end->frec = rec;
    end->ctx = sink;
    end->next = NULL;
    probe->next = end;
    sink->probe = probe;
    sink->passed = 0;
    probe->frec->filter_func.out_func(
        probe, apr_brigade_create(r->pool, r->connection->bucket_alloc));
}

/*
 * Will mod_filter leave this answer alone? It knows the type of the answer, and
 * the types that it was told. When none fits it passes on what it got, with its
 * own context; else the filter that it stands for has one of its own meanwhile.
 */
static int is_of_another_type(const ap_filter_t *f, request_rec *r)
{
    const char *type = r->content_type;
    sink_t sink;

    if (strncasecmp(f->frec->name, BY_TYPE, BY_TYPE_LEN) != 0 ||
        !f->frec->providers)
        return 0;
    r->content_type = CHAT_EVENT_STREAM_TYPE;
    run_alone(f, &sink, r);
    r->content_type = type;
    return sink.passed && sink.ctx == f->ctx;
}

static int is_harmless(const ap_filter_t *f, request_rec *r)
{
    const char *name = f->frec->name;

    if (!strncasecmp(name, BY_TYPE, BY_TYPE_LEN))
        name += BY_TYPE_LEN;
    return is_among(harmless, name) || is_of_another_type(f, r);
}

/* ---- to tell ---- */

/* 1 for the first. */
static int is_news(const char *where, const char *filter, request_rec *r)
{
    const char *text = apr_pstrcat(r->pool, where, " ", filter, NULL);
    apr_ssize_t len = APR_HASH_KEY_STRING;
    unsigned digest = apr_hashfunc_default(text, &len) | 1, none;
    int i;

    for (i = 0; i < TOLD_MAX; i++) {
        none = 0;
        if (__atomic_compare_exchange_n(&told[i], &none, digest, 0,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            return 1;
        if (none == digest)
            return 0;
    }
    return 0;
}

static void tell(request_rec *r, const char *filter)
{
    const char *where = chat_ctx(r)->dir->route.defined_at;

    chat_counters_add(CHAT_COUNT_FILTERED, 1);
    if (!is_news(where ? where : r->uri, filter, r))
        return;
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                  CHATNO(0514) "streams of the ChatRoute at %s hold a thread "
                               "each, for the output filter %s may block or "
                               "hold events back: take it out of this "
                               "location, or text/event-stream out of its "
                               "types",
                  where ? where : r->uri, filter);
}

int chat_park_filters_allow(request_rec *r, const char **pwhy)
{
    ap_filter_t *f, *next;
    sink_t sink;

    for (f = r->output_filters; f; f = f->next) {
        if (!is_among(at_start, f->frec->name) && !is_harmless(f, r)) {
            *pwhy = f->frec->name;
            tell(r, *pwhy);
            return 0;
        }
    }
    for (f = r->output_filters; f; f = next) {
        next = f->next;
        if (is_among(at_start, f->frec->name)) {
            run_alone(f, &sink, r);
            ap_remove_output_filter(f);
        }
    }
    return 1;
}

int chat_park_filters_pass(const request_rec *r, ap_filter_t **ptls)
{
    ap_filter_t *f;

    *ptls = NULL;
    for (f = r->output_filters; f; f = f->next) {
        if (!strcasecmp(f->frec->name, TLS_FILTER))
            *ptls = f;
        else if (!is_among(idle, f->frec->name))
            return 0;
    }
    return r->chunked;
}
