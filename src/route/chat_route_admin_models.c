/* SPDX-License-Identifier: Apache-2.0 */
/* The models of the admin route: those of this virtual host, by their names.
 * What is set holds for all lines of a name. Request thread. */
#include "chat_route_admin_parts.h"

#include <string.h>

#include <httpd.h>
#include <apr_strings.h>

#include "chat_override.h"
#include "chat_price.h"
#include "chat_route_view.h"

#define MODEL "model:"

typedef chat_route_rest_t rest_t;

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

apr_status_t chat_route_admin_models_list(rest_t *q)
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

apr_status_t chat_route_admin_models_get(rest_t *q)
{
    apr_status_t rv = check_model(q);

    return rv == APR_SUCCESS
               ? chat_route_admin_setting_tell(q, MODEL, q->ids[0], show_model)
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
    const chat_json_t *old = chat_route_admin_setting_value(before, p);
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
    return chat_route_admin_setting_text(now, p);
}

/* A budget of money counts both, or neither. */
static int is_half_priced(const patch_t *patch, const char *value,
                          apr_pool_t *p)
{
    const chat_json_t *v = chat_route_admin_setting_value(value, p);
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
        return chat_route_admin_setting_refuse(
            err, "[\"priceOut\"]",
            "priceIn and priceOut are known both, or neither is", p);
    was = is_off(patch, before, p);
    is = is_off(patch, *pafter, p);
    change->audit.action = is == was ? "model.change"
                           : is      ? "model.disable"
                                     : "model.enable";
    return APR_SUCCESS;
}

apr_status_t chat_route_admin_models_patch(rest_t *q)
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
    return rv == APR_SUCCESS ? chat_route_admin_setting_change(q, &change) : rv;
}
