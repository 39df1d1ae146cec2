/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin route: what can be changed while the server runs, by whom a Require
 * chat-role or chat-user of the location has let in, and nobody else. Its
 * models are here; limits, users and streams in the files beside it. Request
 * thread.
 */
#include "chat_route_admin.h"

#include <string.h>

#include <httpd.h>
#include <http_log.h>
#include <apr_strings.h>

#include "chat_log.h"
#include "chat_model.h"
#include "chat_override.h"
#include "chat_price.h"
#include "chat_route.h"
#include "chat_route_view.h"
#include "chat_run.h"

#define MODEL "model:"

typedef chat_route_rest_t rest_t;

/* ---- settings ---- */

chat_json_t *chat_route_admin_value(const char *text, apr_pool_t *p)
{
    static const chat_json_limits_t limits = {64 * 1024, 8, 4096};
    chat_json_t *root;

    return text && chat_json_parse(&root, text, strlen(text), &limits, p) ==
                       APR_SUCCESS
               ? root
               : NULL;
}

const char *chat_route_admin_text(const chat_json_t *object, apr_pool_t *p)
{
    return chat_json_next(object, NULL) ? chat_json_text(object, NULL, p)
                                        : NULL;
}

apr_status_t chat_route_admin_refuse(chat_err_t *err, const char *path,
                                     const char *message, apr_pool_t *p)
{
    err->issues = apr_pstrcat(p, "[{\"code\":\"custom\",\"message\":\"",
                              message, "\",\"path\":", path, "}]", NULL);
    return chat_err_set(err, APR_EINVAL, HTTP_BAD_REQUEST, "invalid_request",
                        "The request is not valid.");
}

chat_store_audit_t chat_route_admin_audit(const rest_t *q, const char *action,
                                          const char *target)
{
    return (chat_store_audit_t){.actor = q->at.owner,
                                .action = action,
                                .target = target,
                                .request_id = q->ctx->request_id,
                                .address = q->r->useragent_ip};
}

static const char *shown(rest_t *q, const char *what,
                         const chat_store_setting_t *s,
                         chat_route_admin_show_fn *show)
{
    chat_buf_t *out = apr_palloc(q->p, sizeof(*out));

    chat_buf_init(out, q->p);
    show(out, q, what, s);
    return chat_route_view_text(out);
}

apr_status_t chat_route_admin_tell(rest_t *q, const char *kind,
                                   const char *what,
                                   chat_route_admin_show_fn *show)
{
    chat_store_setting_t s = {.name = apr_pstrcat(q->p, kind, what, NULL)};
    apr_status_t rv = chat_store_setting_get(&s, &q->at, &q->err);

    if (rv != APR_SUCCESS)
        return rv;
    q->revision = s.revision;
    q->json = shown(q, what, &s, show);
    return APR_SUCCESS;
}

/* 412, with how it is. */
static apr_status_t refuse_stale(rest_t *q, const chat_store_setting_t *s,
                                 const chat_route_admin_change_t *change)
{
    q->revision = s->revision;
    q->more = apr_pstrcat(
        q->p, ",\"current\":", shown(q, change->what, s, change->show), NULL);
    return chat_err_set(&q->err, APR_EMISMATCH, HTTP_PRECONDITION_FAILED,
                        "precondition_failed",
                        "The setting was changed meanwhile.");
}

apr_status_t chat_route_admin_change(rest_t *q,
                                     const chat_route_admin_change_t *change)
{
    chat_store_change_t c = {
        .is.name = apr_pstrcat(q->p, change->kind, change->what, NULL),
        .to = change->to,
        .ctx = change->ctx,
        .stops = change->stops,
        .audit = chat_route_admin_audit(q, NULL, change->what)};
    apr_status_t rv = APR_SUCCESS;

    if (chat_route_rest_has_match(q)) {
        rv = chat_store_setting_get(&c.is, &q->at, &q->err);
        if (rv == APR_SUCCESS && !chat_route_rest_matches(q, c.is.revision))
            return refuse_stale(q, &c.is, change);
        c.revision = c.is.revision;
    }
    if (rv == APR_SUCCESS)
        rv = chat_store_setting_change(&c, &q->at, &q->err);
    if (rv == APR_EMISMATCH)
        return refuse_stale(q, &c.is, change);
    if (rv != APR_SUCCESS)
        return rv;
    chat_run_settings_changed();
    q->revision = c.is.revision;
    q->json = shown(q, change->what, &c.is, change->show);
    return APR_SUCCESS;
}

/* ---- models ---- */

static const chat_model_conf_t *model_at(const apr_array_header_t *models,
                                         int i)
{
    return APR_ARRAY_IDX(models, i, const chat_model_conf_t *);
}

/* The first line of exactly that name. */
static const chat_model_conf_t *find_model(const rest_t *q, const char *name)
{
    const apr_array_header_t *models = chat_config_models(q->r->server);
    int i;

    for (i = 0; i < models->nelts; i++)
        if (!strcmp(model_at(models, i)->name, name))
            return model_at(models, i);
    return NULL;
}

static void put_words(chat_buf_t *out, const char *name,
                      const apr_array_header_t *words)
{
    int i;

    if (!words || !words->nelts) {
        chat_route_view_json(out, name, NULL);
        return;
    }
    chat_route_view_json(out, name, "[");
    for (i = 0; i < words->nelts; i++) {
        chat_route_view_comma(out, i);
        chat_buf_quote(out, APR_ARRAY_IDX(words, i, const char *));
    }
    chat_buf_puts(out, "]");
}

/* Millionths of a dollar for a million tokens, as dollars. */
static void put_prices(chat_buf_t *out, const chat_price_t *price,
                       apr_pool_t *p)
{
    const apr_int64_t all[] = {price->in, price->out, price->cached,
                               price->thought};
    int i;

    for (i = 0; i < CHAT_OVERRIDE_PRICES; i++) {
        char *text = apr_palloc(p, CHAT_PRICE_TEXT_MAX);

        chat_route_view_json(
            out, chat_override_price_names[i],
            all[i] < 0 ? NULL
                       : chat_price_short(
                             text, all[i] * (CHAT_PRICE_PARTS / 1000000)));
    }
}

static void put_providers(chat_buf_t *out, const rest_t *q, const char *name)
{
    const apr_array_header_t *models = chat_config_models(q->r->server);
    int i, n = 0;

    chat_route_view_json(out, "providers", "[");
    for (i = 0; i < models->nelts; i++) {
        if (strcmp(model_at(models, i)->name, name))
            continue;
        chat_route_view_comma(out, n++);
        chat_buf_quote(out, model_at(models, i)->provider);
    }
    chat_buf_puts(out, "]");
}

static void show_model(chat_buf_t *out, rest_t *q, const char *name,
                       const chat_store_setting_t *s)
{
    const chat_model_conf_t *model = find_model(q, name);
    const chat_model_conf_t *now =
        chat_override_read_model(model, s->value, q->p);

    chat_buf_puts(out, "{");
    chat_route_view_string(out, "name", name);
    chat_route_view_string(out, "label", model->label);
    put_providers(out, q, name);
    chat_route_view_boolean(out, "enabled", !now->off);
    put_words(out, "tier", now->narrowed ? now->narrowed : model->tiers);
    put_prices(out, &now->price, q->p);
    chat_route_view_json(out, "configured", "{");
    put_words(out, "tier", model->tiers);
    put_prices(out, &model->price, q->p);
    chat_buf_puts(out, "}");
    chat_route_view_integer(out, "revision", s->revision);
    chat_buf_puts(out, "}");
}

static chat_store_setting_t setting_of(const apr_array_header_t *all,
                                       const char *name)
{
    int i;

    for (i = 0; i < all->nelts; i++)
        if (!strcmp(APR_ARRAY_IDX(all, i, chat_store_setting_t).name, name))
            return APR_ARRAY_IDX(all, i, chat_store_setting_t);
    return (chat_store_setting_t){name, NULL, CHAT_STORE_SETTING_FIRST};
}

static apr_status_t list_models(rest_t *q)
{
    const apr_array_header_t *models = chat_config_models(q->r->server);
    chat_buf_t *out = apr_palloc(q->p, sizeof(*out));
    apr_array_header_t *all;
    int i, n = 0, none = 0;
    apr_status_t rv = chat_store_setting_list(&all, &none, &q->at, &q->err);

    if (rv != APR_SUCCESS)
        return rv;
    chat_buf_init(out, q->p);
    chat_route_view_open(out);
    for (i = 0; i < models->nelts; i++) {
        const char *name = model_at(models, i)->name;
        chat_store_setting_t s =
            setting_of(all, apr_pstrcat(q->p, MODEL, name, NULL));

        if (find_model(q, name) != model_at(models, i))
            continue;
        chat_route_view_comma(out, n++);
        show_model(out, q, name, &s);
    }
    chat_route_view_close(out, NULL);
    q->json = chat_route_view_text(out);
    return APR_SUCCESS;
}

static apr_status_t check_model(rest_t *q)
{
    return find_model(q, q->ids[0])
               ? APR_SUCCESS
               : chat_err_set(&q->err, APR_NOTFOUND, HTTP_NOT_FOUND,
                              "not_found",
                              "This server has no model of that name.");
}

static apr_status_t get_model(rest_t *q)
{
    apr_status_t rv = check_model(q);

    return rv == APR_SUCCESS
               ? chat_route_admin_tell(q, MODEL, q->ids[0], show_model)
               : rv;
}

/* ---- changes of a model ---- */

typedef struct patch_t {
    chat_request_admin_model_t set;
    const chat_model_conf_t *model;
} patch_t;

/* What is set now, then what the body says of it. */
static void keep(chat_json_t *to, const char *key, int said, chat_json_t *set,
                 const chat_json_t *before)
{
    chat_json_add(to, key, said ? set : chat_json_get(before, key));
}

static chat_json_t *integer(apr_int64_t n, apr_pool_t *p)
{
    chat_json_t *array = chat_json_array(p);

    if (n < 0)
        return NULL;
    chat_json_push_integer(array, n);
    return chat_json_at(array, 0);
}

static const char *merge(const patch_t *patch, const char *before,
                         apr_pool_t *p)
{
    const chat_json_t *old = chat_route_admin_value(before, p);
    chat_json_t *now = chat_json_object(p);
    unsigned said = patch->set.said;
    int i, off = said & CHAT_REQUEST_ADMIN_ENABLED
                     ? patch->set.enabled == 0
                     : chat_json_boolean(chat_json_get(old, "enabled")) == 0;

    if (off)
        chat_json_add_boolean(now, "enabled", 0);
    keep(now, "tier", said & CHAT_REQUEST_ADMIN_TIER, patch->set.tier, old);
    for (i = 0; i < CHAT_OVERRIDE_PRICES; i++)
        keep(now, chat_override_price_names[i],
             said & (CHAT_REQUEST_ADMIN_PRICE << i),
             integer(patch->set.price[i], p), old);
    return chat_route_admin_text(now, p);
}

/* A budget of money counts both, or neither. */
static int is_half_priced(const patch_t *patch, const char *value,
                          apr_pool_t *p)
{
    const chat_json_t *v = chat_route_admin_value(value, p);
    apr_int64_t in =
        chat_json_integer(chat_json_get(v, "priceIn"), patch->model->price.in);
    apr_int64_t out = chat_json_integer(chat_json_get(v, "priceOut"),
                                        patch->model->price.out);

    return (in < 0) != (out < 0);
}

static int is_off(const patch_t *patch, const char *value, apr_pool_t *p)
{
    return chat_override_read_model(patch->model, value, p)->off;
}

static apr_status_t to_model(chat_store_change_t *change, const char *before,
                             const char **pafter, chat_err_t *err,
                             apr_pool_t *p)
{
    const patch_t *patch = change->ctx;
    int was, is;

    *pafter = merge(patch, before, p);
    if (is_half_priced(patch, *pafter, p))
        return chat_route_admin_refuse(
            err, "[\"priceOut\"]",
            "priceIn and priceOut are known both, or neither is", p);
    was = is_off(patch, before, p);
    is = is_off(patch, *pafter, p);
    change->audit.action = is == was ? "model.change"
                           : is      ? "model.disable"
                                     : "model.enable";
    return APR_SUCCESS;
}

static apr_status_t change_model(rest_t *q)
{
    patch_t patch = {.model = find_model(q, q->ids[0])};
    const chat_route_admin_change_t change = {.kind = MODEL,
                                              .what = q->ids[0],
                                              .show = show_model,
                                              .to = to_model,
                                              .ctx = &patch};
    apr_status_t rv = check_model(q);

    if (rv == APR_SUCCESS)
        rv = chat_request_admin_model(&patch.set, q->body, &q->err, q->p);
    return rv == APR_SUCCESS ? chat_route_admin_change(q, &change) : rv;
}

/* ---- all of it ---- */

#define TABLES CHAT_ROUTE_REST_TABLES
#define WRITES (CHAT_ROUTE_REST_TABLES | CHAT_ROUTE_REST_BODY)

static const chat_route_rest_row_t rows[] = {
    {M_GET, "/models", list_models, TABLES},
    {M_GET, "/models/~", get_model, TABLES},
    {M_PATCH, "/models/~", change_model, WRITES},
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
