/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The route of who asks: who that is and what holds for them here, all that is
 * stored of them, and its end. Request thread.
 */
#include <string.h>

#include <httpd.h>
#include <apr_strings.h>

#include "chat_accounts.h"
#include "chat_auth.h"
#include "chat_limit.h"
#include "chat_route.h"
#include "chat_route_parts.h"
#include "chat_route_states.h"
#include "chat_route_view.h"

typedef chat_route_rest_t rest_t;

/* ---- what holds here ---- */

/* What a client needs to know before it sends something. */
static void put_clamps(chat_buf_t *out, const chat_dir_conf_t *conf)
{
    const chat_dir_request_t *request = &conf->request;
    const chat_dir_store_t *store = &conf->store;

    chat_route_view_json(out, "clamps", "{");
    chat_route_view_integer(out, "body", request->body);
    chat_route_view_integer(out, "requestMessages", request->messages);
    chat_route_view_integer(out, "messageLength", request->message_length);
    chat_route_view_integer(out, "answerLength", request->answer_length);
    chat_route_view_integer(out, "totalLength", request->total_length);
    chat_route_view_integer(out, "maxOutputTokens", request->max_output_tokens);
    chat_route_view_integer(out, "conversations", store->conversations);
    chat_route_view_integer(out, "messages", store->messages);
    chat_route_view_integer(out, "bytes", store->bytes);
    chat_route_view_integer(out, "title", store->title);
    chat_route_view_integer(out, "parts", store->parts);
    chat_route_view_integer(out, "metadata", store->metadata);
    chat_buf_puts(out, "}");
}

static int may_upload(const chat_server_upload_t *upload,
                      const chat_user_t *user)
{
    return user->id && upload->store && upload->location;
}

/* Of the location itself: the others are expected to be written alike; files
 * are the server's. */
static void put_features(chat_buf_t *out, const chat_dir_conf_t *conf,
                         const chat_server_upload_t *upload,
                         const chat_user_t *user)
{
    int stored = conf->store.layout == CHAT_STORE_CHAT && user->id;

    chat_route_view_json(out, "features", "{");
    chat_route_view_boolean(out, "conversations", stored);
    chat_route_view_boolean(out, "changes", stored);
    chat_route_view_boolean(
        out, "shares",
        stored && (conf->store.share_snapshot || conf->store.share_live));
    chat_route_view_boolean(out, "keys",
                            user->id && conf->keys.mode != CHAT_KEYS_OFF);
    chat_route_view_boolean(out, "usage",
                            user->id && conf->usage.mode != CHAT_USAGE_OFF);
    chat_route_view_boolean(out, "uploads", may_upload(upload, user));
    chat_buf_puts(out, "}");
}

/* Of a URL without a path; NULL: that of this site. */
static const char *origin_of(const chat_upload_conf_t *store, apr_pool_t *p)
{
    const char *host =
        store->public_url ? strstr(store->public_url, "://") : NULL;

    return host ? apr_pstrndup(p, store->public_url,
                               host + 3 + strcspn(host + 3, "/") -
                                   store->public_url)
                : NULL;
}

/* Where files go to, and which: what is refused later need not be sent. */
static void put_uploads(chat_buf_t *out, rest_t *q)
{
    const chat_server_upload_t *upload = &q->ctx->server->upload;
    const apr_array_header_t *types = q->ctx->dir->upload.types;
    int i;

    if (!may_upload(upload, q->ctx->user)) {
        chat_route_view_json(out, "uploads", NULL);
        return;
    }
    chat_route_view_json(out, "uploads", "{");
    chat_route_view_string(out, "origin", origin_of(upload->store, q->p));
    chat_route_view_json(out, "types", "[");
    for (i = 0; i < types->nelts; i++) {
        const chat_upload_type_t *type =
            &APR_ARRAY_IDX(types, i, chat_upload_type_t);

        chat_route_view_comma(out, i);
        chat_buf_puts(out, "{");
        chat_route_view_string(out, "mediaType", type->type);
        chat_route_view_integer(out, "maxBytes", type->most);
        chat_buf_puts(out, "}");
    }
    chat_buf_puts(out, "]}");
}

/* Of a guest nothing is known. */
static void put_profile(chat_buf_t *out, request_rec *r,
                        const chat_user_t *user)
{
    chat_auth_profile_t profile = {NULL};

    if (user->id)
        chat_auth_profile(&profile, r);
    chat_route_view_string(out, "name", profile.name);
    chat_route_view_string(out, "email", profile.email);
    chat_route_view_string(out, "image", profile.image);
}

static void put_suggestions(chat_buf_t *out, const apr_array_header_t *texts)
{
    int i;

    chat_route_view_json(out, "suggestions", "[");
    for (i = 0; texts && i < texts->nelts; i++) {
        chat_route_view_comma(out, i);
        chat_buf_quote(out, APR_ARRAY_IDX(texts, i, const char *));
    }
    chat_buf_puts(out, "]");
}

static void put_page(chat_buf_t *out, const chat_dir_page_t *page)
{
    chat_route_view_string(out, "signInUrl", page->sign_in);
    chat_route_view_string(out, "signOutUrl", page->sign_out);
    chat_route_view_json(out, "brand", "{");
    chat_route_view_string(out, "name", page->name);
    chat_route_view_string(out, "accent", page->accent);
    chat_route_view_string(out, "logo", page->logo);
    chat_route_view_string(out, "termsUrl", page->terms);
    chat_route_view_string(out, "privacyUrl", page->privacy);
    chat_buf_puts(out, "}");
    put_suggestions(out, page->suggest);
}

/* A page can begin without knowing them, and says so. */
static void put_limits(chat_buf_t *out, rest_t *q)
{
    apr_array_header_t *states;
    chat_err_t err = {0};

    if (chat_limit_states(&states, q->ctx, &err) != APR_SUCCESS) {
        chat_route_view_json(out, "limits", NULL);
        return;
    }
    chat_route_view_json(out, "limits", "");
    chat_route_states_put(out, states, q->p);
}

static apr_status_t get(rest_t *q)
{
    const chat_dir_conf_t *conf = q->ctx->dir;
    const chat_user_t *user = q->ctx->user;
    chat_buf_t *out = apr_palloc(q->p, sizeof(*out));

    chat_buf_init(out, q->p);
    chat_buf_puts(out, "{");
    chat_route_view_string(out, "id", user->id);
    put_profile(out, q->r, user);
    chat_route_view_string(out, "role", user->role);
    chat_route_view_string(out, "tier", chat_limit_tier(q->ctx));
    chat_route_view_boolean(out, "guest", !user->id);
    put_limits(out, q);
    put_clamps(out, conf);
    put_features(out, conf, &q->ctx->server->upload, user);
    put_uploads(out, q);
    chat_route_view_string(out, "onLeave",
                           conf->resume.finish ? "finish" : "stop");
    put_page(out, &conf->page);
    chat_route_view_string(out, "version", CHAT_VERSION);
    chat_buf_puts(out, "}");
    q->json = chat_route_view_text(out);
    return APR_SUCCESS;
}

/* ---- what is stored ---- */

static apr_status_t export(rest_t *q)
{
    return chat_route_export_all(q, 1);
}

static apr_status_t forget(rest_t *q)
{
    apr_array_header_t *streams;
    int conversations;
    apr_status_t rv = chat_route_rest_confirmed(q);

    if (rv == APR_SUCCESS)
        rv = chat_store_forget(&conversations, &streams, &q->at, &q->err);
    if (rv == APR_SUCCESS && q->ctx->user->home)
        rv = chat_store_tier_forget(&q->at, q->ctx->user->id, &q->err);
    if (rv != APR_SUCCESS)
        return rv;
    chat_route_rest_stop(q, streams);
    q->json = apr_psprintf(q->p, "{\"deleted\":%d}", conversations);
    return APR_SUCCESS;
}

static const chat_route_rest_row_t rows[] = {
    {M_GET, "", get,
     CHAT_ROUTE_REST_ANYBODY | CHAT_ROUTE_REST_NO_TABLES |
         CHAT_ROUTE_REST_UNLIMITED},
    {M_DELETE, "", forget, 0},
    {M_GET, "/export", export, 0},
    {0, NULL, NULL, 0},
};

int chat_route_me(chat_ctx_t *ctx)
{
    return chat_route_rest_serve(ctx, rows);
}
