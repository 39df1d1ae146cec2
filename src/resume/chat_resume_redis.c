/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logs in Redis, for all servers that share it: what a request, or another
 * thread that may wait, asks for. Keys have times to live, so there is nothing
 * to sweep, and nothing is left behind.
 */
#include "chat_resume_redis.h"

#include <apr_strings.h>

#include "chat_buf.h"
#include "chat_config.h"

#define STOP_SECONDS "60"
/* Entries of one reply. */
#define PAGE "64"

/* ---- replies ---- */

static int is_text(const redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_STRING;
}

/* A reply of which nothing matters but that it came. */
static apr_status_t tell(int argc, const char **argv, const char **pwhy)
{
    redisReply *reply = chat_resume_redis_link_ask(argc, argv, pwhy);

    if (!reply)
        return APR_EGENERAL;
    freeReplyObject(reply);
    return APR_SUCCESS;
}

/* The entry at that index of a reply to XRANGE: its id and its field, and the
 * value. 0: it is none. */
static int read_entry(const char **pid, const redisReply **pfields,
                      const redisReply *reply, apr_size_t i)
{
    const redisReply *entry;

    if (reply->type != REDIS_REPLY_ARRAY || i >= reply->elements)
        return 0;
    entry = reply->element[i];
    if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 ||
        !is_text(entry->element[0]) ||
        entry->element[1]->type != REDIS_REPLY_ARRAY ||
        entry->element[1]->elements != 2 ||
        !is_text(entry->element[1]->element[0]) ||
        !is_text(entry->element[1]->element[1]))
        return 0;
    *pid = entry->element[0]->str;
    *pfields = entry->element[1];
    return 1;
}

/* ---- the first line ---- */

static apr_status_t find_line(const char **pinstance, chat_resume_line_t *line,
                              const char *stream, apr_pool_t *p)
{
    char key[CHAT_RESUME_REDIS_KEY_MAX];
    const char *argv[] = {"GET", key}, *why, *text, *space;
    apr_status_t rv = APR_NOTFOUND;
    redisReply *reply;

    chat_resume_redis_link_key(key, stream, "log");
    reply = chat_resume_redis_link_ask(2, argv, &why);
    if (!reply)
        return APR_EGENERAL;
    if (is_text(reply)) {
        text = apr_pstrdup(p, reply->str);
        space = strchr(text, ' ');
        if (space) {
            *pinstance = apr_pstrmemdup(p, text, space - text);
            rv = chat_resume_frames_parse_line(line, space + 1,
                                               strlen(space + 1), p);
        }
        if (rv != APR_SUCCESS)
            rv = APR_NOTFOUND;
    }
    freeReplyObject(reply);
    return rv;
}

/* What the last entries are: ended or broken, and the last id, 0 none. */
static apr_status_t find_end(int *pended, int *pbroken, apr_int64_t *plast,
                             const char *stream)
{
    char key[CHAT_RESUME_REDIS_KEY_MAX];
    const char *argv[] = {"XREVRANGE", key, "+", "-", "COUNT", "2"}, *why, *id;
    const redisReply *fields;
    redisReply *reply;
    apr_size_t i;

    *pended = *pbroken = 0;
    *plast = 0;
    chat_resume_redis_link_key(key, stream, "events");
    reply = chat_resume_redis_link_ask(6, argv, &why);
    if (!reply)
        return APR_EGENERAL;
    for (i = 0; !*plast && read_entry(&id, &fields, reply, i); i++) {
        if (*id == '0')
            *plast = apr_atoi64(id + 2);
        else if (!strcmp(fields->element[0]->str, "end"))
            *pended = 1;
        else
            *pbroken = 1;
    }
    freeReplyObject(reply);
    return APR_SUCCESS;
}

/* ---- writing ---- */

static apr_status_t close_log(void *baton)
{
    chat_resume_writer_t *w = baton;

    chat_resume_redis_write_close(w->log, 0);
    return APR_SUCCESS;
}

/* 1: the key was not there. */
static int take_name(const chat_resume_writer_t *w, const char *line,
                     const char **pwhy)
{
    char key[CHAT_RESUME_REDIS_KEY_MAX], age[24];
    const char *value = apr_pstrcat(
        w->r->pool, chat_resume_redis_link_instance(), " ", line, NULL);
    const char *argv[] = {"SET", key, value, "NX", "EX", age};
    redisReply *reply;
    int taken;

    chat_resume_redis_link_key(key, w->stream, "log");
    apr_snprintf(age, sizeof(age), "%" APR_INT64_T_FMT,
                 apr_time_sec(chat_config_server(w->r->server)->resume.age));
    reply = chat_resume_redis_link_ask(6, argv, pwhy);
    if (!reply)
        return 0;
    taken = reply->type == REDIS_REPLY_STATUS;
    *pwhy = "there is one of that name";
    freeReplyObject(reply);
    return taken;
}

static apr_status_t create(chat_resume_writer_t *w, const char *owner,
                           const char *route, const char **pwhy)
{
    const chat_resume_line_t line = {.state = CHAT_RESUME_OPEN,
                                     .created = apr_time_now(),
                                     .owner = owner,
                                     .route = route};
    const char *text = chat_resume_frames_make_line(&line, w->r->pool);

    *pwhy = "its owner has too long a name";
    if (!text || !take_name(w, text, pwhy))
        return APR_EGENERAL;
    *pwhy = "out of memory";
    w->log = chat_resume_redis_write_open(w->stream);
    if (!w->log)
        return APR_ENOMEM;
    apr_pool_cleanup_register(w->r->pool, w, close_log, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

static int append(chat_resume_writer_t *w, apr_int64_t first, apr_int64_t last,
                  const char *frames, apr_size_t len, const char **pwhy)
{
    return chat_resume_redis_write_append(w->log, last, frames, len, pwhy);
}

static void give_up(chat_resume_writer_t *w)
{
    chat_resume_redis_write_break(w->log);
}

static void end(chat_resume_writer_t *w)
{
    apr_pool_cleanup_kill(w->r->pool, w, close_log);
    chat_resume_redis_write_close(w->log, 1);
}

/* ---- looking ---- */

static apr_status_t find(chat_resume_log_t *log, const char *stream,
                         apr_pool_t *p)
{
    chat_resume_line_t line;
    const char *instance;
    apr_int64_t last;
    apr_status_t rv = find_line(&instance, &line, stream, p);

    if (rv == APR_SUCCESS)
        rv = find_end(&log->ended, &log->broken, &last, stream);
    if (rv != APR_SUCCESS)
        return rv;
    log->stream = stream;
    log->owner = line.owner;
    log->route = line.route;
    log->created = line.created;
    return APR_SUCCESS;
}

/* 1: there may be more pages. */
static int add_page(chat_buf_t *out, apr_int64_t *plast, int *pended,
                    const redisReply *reply)
{
    const redisReply *fields;
    const char *id;
    apr_size_t i;

    for (i = 0; read_entry(&id, &fields, reply, i); i++) {
        if (*id != '0') {
            *pended = !strcmp(fields->element[0]->str, "end");
            return 0;
        }
        *plast = apr_atoi64(id + 2);
        chat_buf_put(out, fields->element[1]->str, fields->element[1]->len);
    }
    return i > 0;
}

static apr_status_t load(const char **pframes, apr_size_t *plen,
                         apr_int64_t *plast, int *pended, const char *stream,
                         apr_pool_t *p)
{
    char key[CHAT_RESUME_REDIS_KEY_MAX], from[32] = "-";
    const char *argv[] = {"XRANGE", key, from, "+", "COUNT", PAGE};
    const char *instance, *why;
    chat_buf_t *out = apr_pcalloc(p, sizeof(*out));
    chat_resume_line_t line;
    redisReply *reply;
    apr_status_t rv = find_line(&instance, &line, stream, p);
    int more = 1;

    *plast = 0;
    *pended = 0;
    chat_buf_init(out, p);
    chat_resume_redis_link_key(key, stream, "events");
    while (rv == APR_SUCCESS && more) {
        reply = chat_resume_redis_link_ask(6, argv, &why);
        if (!reply)
            return APR_EGENERAL;
        more = add_page(out, plast, pended, reply);
        freeReplyObject(reply);
        apr_snprintf(from, sizeof(from), "0-%" APR_INT64_T_FMT, *plast + 1);
    }
    *pframes = out->data ? out->data : "";
    *plen = out->len;
    return rv;
}

static void remove_log(const char *stream)
{
    char events[CHAT_RESUME_REDIS_KEY_MAX], line[CHAT_RESUME_REDIS_KEY_MAX];
    const char *argv[] = {"DEL", events, line}, *why;

    chat_resume_redis_link_key(events, stream, "events");
    chat_resume_redis_link_key(line, stream, "log");
    tell(3, argv, &why);
}

static apr_status_t follow(chat_feed_t *feed, request_rec *r,
                           const char *stream, apr_int64_t after)
{
    chat_resume_line_t line;
    const char *instance = NULL;
    int ended, broken;
    apr_int64_t last;
    apr_status_t rv = find_line(&instance, &line, stream, r->pool);

    if (rv == APR_SUCCESS)
        rv = find_end(&ended, &broken, &last, stream);
    if (rv != APR_SUCCESS)
        return rv;
    if (ended && last <= after)
        return APR_EOF;
    return chat_resume_redis_read_feed(feed, r, stream, instance, after, last)
               ? APR_SUCCESS
               : APR_ENOMEM;
}

/* ---- stopping ---- */

/* The key is for who does not hear the message. */
static apr_status_t stop(const char *stream)
{
    char key[CHAT_RESUME_REDIS_KEY_MAX];
    const char *set[] = {"SET", key, "1", "EX", STOP_SECONDS, "NX"};
    const char *publish[] = {"PUBLISH", CHAT_RESUME_REDIS_STOPS, stream}, *why;
    apr_status_t rv;

    chat_resume_redis_link_key(key, stream, "stop");
    rv = tell(6, set, &why);
    return rv == APR_SUCCESS ? tell(3, publish, &why) : rv;
}

/* ---- start-up ---- */

static const chat_resume_redis_user_t *const users[] = {
    &chat_resume_redis_writers, &chat_resume_redis_readers, NULL};

static void child_init(apr_pool_t *pchild, server_rec *s)
{
    chat_resume_redis_link_child_init(pchild, s, users);
}

const chat_resume_way_t chat_resume_redis = {
    .create = create,
    .append = append,
    .give_up = give_up,
    .end = end,
    .find = find,
    .load = load,
    .remove = remove_log,
    .follow = follow,
    .stop = stop,
    .child_init = child_init,
};
