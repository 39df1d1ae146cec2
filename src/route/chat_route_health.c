/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The health route. LOCATION: the process answers, nobody else is asked.
 * LOCATION/ready: could a chat be served now? Asks the database, its tables,
 * Redis and the engine, and tells those whom ChatHealthDetails names what they
 * said. Asks nobody who they are. Request thread.
 */
#include <string.h>

#include "chat_limit.h"
#include "chat_log.h"
#include "chat_reply.h"
#include "chat_request.h"
#include "chat_route.h"
#include "chat_run.h"
#include "chat_store.h"
#include "chat_store_chats.h"
#include "chat_store_vercel.h"
#include "chat_stream.h"

/* Seconds: those who ask before send no request that would be served. */
#define RETRY_AFTER "5"

#define READY "/ready"

typedef struct state_t {
    const char *database, *tables, *redis, *engine;
    int ready;
} state_t;

static const char *word(apr_status_t rv)
{
    if (rv == APR_ENOTIMPL)
        return "none";
    return rv == APR_SUCCESS ? "ok" : "down";
}

/* Our own, and those of an app. */
static apr_status_t find_tables(const chat_store_at_t *at)
{
    const char *why;
    apr_status_t own = chat_store_tables(&why, at), app;

    if (own != APR_SUCCESS && own != APR_ENOTIMPL)
        return own;
    app = chat_store_tables_app(&why, at);
    return app == APR_ENOTIMPL ? own : app;
}

/* Without Redis policies count in a table of our own, or let through, and the
 * server is as useful as before: unless one of them wants it otherwise. */
static void look(state_t *state, request_rec *r)
{
    const chat_store_at_t at = {.s = r->server, .r = r, .p = r->pool};
    apr_status_t database = chat_store_ping(r), redis = chat_limit_ping(r);
    int engine = chat_stream_ready();

    state->database = word(database);
    state->tables = word(find_tables(&at));
    state->redis = word(redis);
    state->engine = engine ? "ok" : "down";
    state->ready =
        engine && strcmp(state->database, "down") != 0 &&
        strcmp(state->tables, "down") != 0 &&
        (strcmp(state->redis, "down") != 0 || !chat_config_redis_needed());
}

/* ---- who sees more ---- */

static int may_see(request_rec *r, const chat_dir_conf_t *conf)
{
    const char *err = NULL;
    int yes;

    if (!conf->health.details)
        return chat_ctx_is_local(r);
    yes = ap_expr_exec(r, conf->health.details, &err) > 0 && !err;
    if (err)
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      CHATNO(0810) "ChatHealthDetails cannot be evaluated: %s",
                      err);
    return yes;
}

/* ---- the answers ---- */

static int answer(request_rec *r, int status, chat_json_t *root)
{
    chat_reply_json(r, status, chat_json_text(root, NULL, r->pool));
    return OK;
}

static int tell_alive(request_rec *r)
{
    chat_json_t *root = chat_json_object(r->pool);

    chat_json_add_string(root, "status", "ok");
    return answer(r, HTTP_OK, root);
}

static int tell_ready(request_rec *r, const chat_dir_conf_t *conf)
{
    chat_json_t *root = chat_json_object(r->pool), *details;
    state_t state;

    look(&state, r);
    chat_json_add_string(root, "status", state.ready ? "ready" : "unready");
    if (may_see(r, conf)) {
        details = chat_json_object(r->pool);
        chat_json_add_string(details, "database", state.database);
        chat_json_add_string(details, "tables", state.tables);
        chat_json_add_string(details, "redis", state.redis);
        chat_json_add_string(details, "engine", state.engine);
        chat_json_add(root, "details", details);
    }
    if (!state.ready)
        apr_table_setn(r->err_headers_out, "Retry-After", RETRY_AFTER);
    return answer(r, state.ready ? HTTP_OK : HTTP_SERVICE_UNAVAILABLE, root);
}

int chat_route_health(chat_ctx_t *ctx)
{
    request_rec *r = ctx->r;
    const char *rest = chat_request_rest(r, ctx->dir->route.location);
    apr_size_t len = strlen(r->uri), tail = sizeof(READY) - 1;
    chat_err_t err = {0};

    if (chat_request_check_get(r, &err) != APR_SUCCESS) {
        chat_run_error(ctx, &err);
        return OK;
    }
    /* Without a plain <Location> its end alone says what is asked for. */
    if (!rest)
        rest = len >= tail && !strcmp(r->uri + len - tail, READY) ? READY : "";
    if (!*rest)
        return tell_alive(r);
    if (!strcmp(rest, READY))
        return tell_ready(r, ctx->dir);
    chat_err_set(&err, APR_NOTFOUND, HTTP_NOT_FOUND, "not_found",
                 "There is nothing here.");
    chat_run_error(ctx, &err);
    return OK;
}
