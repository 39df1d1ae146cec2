/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin route: what can be changed while the server runs, by whom a Require
 * chat-role or chat-user of the location has let in, and nobody else. Request
 * thread.
 */
#include "chat_route_admin_parts.h"

#include <httpd.h>
#include <http_log.h>

#include "chat_log.h"
#include "chat_route.h"

#define TABLES CHAT_ROUTE_REST_TABLES
#define WRITES (CHAT_ROUTE_REST_TABLES | CHAT_ROUTE_REST_BODY)

static const chat_route_rest_row_t rows[] = {
    {M_GET, "/models", chat_route_admin_models_list, TABLES},
    {M_GET, "/models/~", chat_route_admin_models_get, TABLES},
    {M_PATCH, "/models/~", chat_route_admin_models_patch, WRITES},
    {M_GET, "/limits", chat_route_admin_limits_list, TABLES},
    {M_GET, "/limits/$", chat_route_admin_limits_get, TABLES},
    {M_PUT, "/limits/$", chat_route_admin_limits_put, WRITES},
    {M_DELETE, "/limits/$", chat_route_admin_limits_remove, TABLES},
    {M_GET, "/users", chat_route_admin_users_list, TABLES},
    {M_GET, "/users/$", chat_route_admin_users_get, TABLES},
    {M_PUT, "/users/$/tier", chat_route_admin_users_tier, WRITES},
    {M_PUT, "/users/$/block", chat_route_admin_users_block, WRITES},
    {M_GET, "/streams", chat_route_admin_streams_list, TABLES},
    {M_DELETE, "/streams/*", chat_route_admin_streams_stop, TABLES},
    {M_GET, "/audit", chat_route_admin_streams_audit, TABLES},
    {0, NULL, NULL, 0},
};

/* Without one of those Requires whoever has signed in would be an
 * administrator. */
static int is_open(const chat_ctx_t *ctx, chat_err_t *err)
{
    if (!chat_config_admin_home(ctx->r->server)) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, ctx->r,
                      CHATNO(0806) "%s has ChatRoute admin, but there is no "
                                   "ChatAdmin on in this virtual host",
                      ctx->r->uri);
        chat_err_set(err, APR_EGENERAL, HTTP_INTERNAL_SERVER_ERROR,
                     "misconfigured", "This route is not set up completely.");
        return 0;
    }
    if (ctx->admitted)
        return 1;
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, ctx->r,
                  CHATNO(0807) "%s serves administrators: write \"AuthType "
                               "Chat\" and \"Require chat-role admin\" there, "
                               "for without a Require chat-role or chat-user "
                               "nobody is one",
                  ctx->r->uri);
    chat_err_set(err, APR_EACCES, HTTP_FORBIDDEN, "admin_required",
                 "This is for administrators.");
    return 0;
}

int chat_route_admin(chat_ctx_t *ctx)
{
    chat_route_rest_t q;

    chat_route_rest_begin(&q, ctx);
    return is_open(ctx, &q.err) ? chat_route_rest_serve(ctx, rows)
                                : chat_route_rest_end(&q, APR_EACCES);
}
