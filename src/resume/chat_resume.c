/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logs of streams, whichever way they are kept: what is the same for all. See
 * chat_resume.h for the threads.
 */
#include "chat_resume_int.h"

#include <http_log.h>
#include <http_main.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "chat_config.h"
#include "chat_log.h"

const char chat_resume_gap[] =
    "event: error\n"
    "data: {\"type\":\"error\",\"code\":\"stream_gap\",\"message\":\"Part of "
    "this answer is missing here. Load the message instead.\"}\n\n";

/* NULL: it is off. */
static const chat_resume_way_t *way_of(const server_rec *s)
{
    static const chat_resume_way_t *const ways[] = {
        [CHAT_RESUME_OFF] = NULL,
        [CHAT_RESUME_SPOOL] = &chat_resume_spool,
        [CHAT_RESUME_REDIS] = &chat_resume_redis,
        [CHAT_RESUME_USUAL] = NULL,
    };

    return ways[chat_config_server(s)->resume.kind];
}

int chat_resume_enabled(const server_rec *s)
{
    return way_of(s) != NULL;
}

/* A name is part of a path, and of a key. */
static int is_uuid(const char *text)
{
    int i;

    for (i = 0; i < CHAT_RESUME_ID_LEN; i++) {
        int dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? text[i] != '-'
                 : !strchr("0123456789abcdef", text[i]) || !text[i])
            return 0;
    }
    return !text[i];
}

static apr_status_t unavailable(chat_err_t *err, apr_status_t rv)
{
    return chat_err_set(err, rv, HTTP_SERVICE_UNAVAILABLE, "resume_unavailable",
                        "Answers cannot be resumed right now.");
}

/* ---- the writer ---- */

apr_status_t chat_resume_create(chat_resume_writer_t **pw, request_rec *r,
                                const char *stream, const char *owner,
                                const char *route, chat_err_t *err)
{
    const chat_resume_way_t *way = way_of(r->server);
    chat_resume_writer_t *w = apr_pcalloc(r->pool, sizeof(*w));
    const char *why = "its name is no UUID in lower case";
    apr_status_t rv = APR_EINVAL;

    if (!way)
        return unavailable(err, APR_ENOTIMPL);
    w->way = way;
    w->r = r;
    w->stream = apr_pstrdup(r->pool, stream);
    w->most = chat_config_server(r->server)->resume.size;
    w->fd = -1;
    if (is_uuid(stream))
        rv = way->create(w, owner, route, &why);
    if (rv == APR_SUCCESS) {
        *pw = w;
        return APR_SUCCESS;
    }
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                  CHATNO(1205) "no log of the stream %s can be made: %s",
                  stream, why);
    return unavailable(err, rv);
}

void chat_resume_append(chat_resume_writer_t *w, apr_int64_t first,
                        apr_int64_t last, const char *frames, apr_size_t len)
{
    const char *why = "it has reached its size";

    if (w->broken)
        return;
    w->size += len;
    if (w->size <= w->most && w->way->append(w, first, last, frames, len, &why))
        return;
    w->broken = 1;
    w->way->give_up(w);
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, w->r,
                  CHATNO(1206) "the log of the stream %s cannot be written, so "
                               "that the stream cannot be resumed: %s",
                  w->stream, why);
}

void chat_resume_end(chat_resume_writer_t *w)
{
    w->way->end(w);
}

/* ---- whoever looks ---- */

apr_status_t chat_resume_find(chat_resume_log_t *log, server_rec *s,
                              const char *stream, apr_pool_t *p)
{
    const chat_resume_way_t *way = way_of(s);

    return way && is_uuid(stream) ? way->find(log, stream, p) : APR_NOTFOUND;
}

apr_status_t chat_resume_load(const char **pframes, apr_size_t *plen,
                              apr_int64_t *plast, int *pended, server_rec *s,
                              const char *stream, apr_pool_t *p)
{
    const chat_resume_way_t *way = way_of(s);

    return way && is_uuid(stream)
               ? way->load(pframes, plen, plast, pended, stream, p)
               : APR_NOTFOUND;
}

void chat_resume_remove(server_rec *s, const char *stream)
{
    if (way_of(s) && is_uuid(stream))
        way_of(s)->remove(stream);
}

apr_status_t chat_resume_orphans(apr_array_header_t **plogs, server_rec *s,
                                 apr_pool_t *p)
{
    *plogs = apr_array_make(p, 4, sizeof(chat_resume_log_t));
    return way_of(s) && way_of(s)->orphans ? way_of(s)->orphans(*plogs, p)
                                           : APR_SUCCESS;
}

void chat_resume_sweep(server_rec *s)
{
    if (way_of(s) && way_of(s)->sweep)
        way_of(s)->sweep(s);
}

apr_status_t chat_resume_follow(chat_stream_spec_t *spec, request_rec *r,
                                const char *stream, apr_int64_t after,
                                chat_err_t *err)
{
    const chat_resume_way_t *way = way_of(r->server);
    chat_feed_t *feed = apr_pcalloc(r->pool, sizeof(*feed));
    apr_status_t rv;

    if (!way || !is_uuid(stream))
        return APR_NOTFOUND;
    rv = way->follow(feed, r, stream, after);
    spec->feed = feed;
    if (rv == APR_SUCCESS || rv == APR_NOTFOUND || rv == APR_EOF)
        return rv;
    ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, r,
                  CHATNO(1207) "the log of the stream %s cannot be read",
                  stream);
    return unavailable(err, rv);
}

/* What runs in this process is reached in any case. */
apr_status_t chat_resume_stop(server_rec *s, const char *stream,
                              chat_err_t *err)
{
    const chat_resume_way_t *way = way_of(s);
    apr_status_t rv = APR_SUCCESS;

    if (!is_uuid(stream))
        return APR_SUCCESS;
    chat_stream_cancel(stream);
    if (way)
        rv = way->stop(stream);
    if (rv == APR_SUCCESS)
        return APR_SUCCESS;
    ap_log_error(APLOG_MARK, APLOG_ERR, rv, s,
                 CHATNO(1208) "the stream %s cannot be stopped in other "
                              "processes",
                 stream);
    return chat_err_set(err, rv, HTTP_SERVICE_UNAVAILABLE, "stop_unavailable",
                        "The answer cannot be stopped right now.");
}

/* ---- start-up ---- */

apr_status_t chat_resume_check_config(apr_pool_t *pconf, server_rec *s)
{
    return way_of(s) && way_of(s)->check_config
               ? way_of(s)->check_config(pconf, s)
               : APR_SUCCESS;
}

apr_status_t chat_resume_post_config(apr_pool_t *pconf, server_rec *s)
{
    return way_of(s) && way_of(s)->post_config
               ? way_of(s)->post_config(pconf, s)
               : APR_SUCCESS;
}

void chat_resume_child_init(apr_pool_t *pchild, server_rec *s)
{
    if (way_of(s))
        way_of(s)->child_init(pchild, s);
}
