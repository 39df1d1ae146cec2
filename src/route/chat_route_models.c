/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The models route: what this user may ask for, in a list that OpenAI's clients
 * read and that has what a page with a choice of models needs. LOCATION/ID is
 * one of them. Shows nothing of how a provider is reached, nor what a model is
 * called there. Request thread.
 */
#include <string.h>

#include "chat_auth.h"
#include "chat_dialect.h"
#include "chat_limit.h"
#include "chat_model.h"
#include "chat_override.h"
#include "chat_reply.h"
#include "chat_request.h"
#include "chat_route.h"
#include "chat_run.h"

typedef struct shown_t {
    chat_ctx_t *ctx;
    request_rec *r;
    const chat_dir_conf_t *conf;
    const apr_array_header_t *models; /* of this server */
    const char *tier;                 /* of the user */
    int locked;                       /* 1: with what other tiers may use */
} shown_t;

/* ---- who sees what ---- */

/* Where nobody is asked who they are, everybody sees what a guest would. */
static int find_user(shown_t *shown, chat_err_t *err)
{
    static const chat_user_t guest = {.scheme = "guest"};
    const chat_user_t *user;

    if (shown->conf->auth.schemes->nelts == 0)
        shown->ctx->user = &guest;
    else if (chat_auth_identify(&user, shown->r, err) != APR_SUCCESS)
        return 0;
    shown->tier = chat_limit_tier(shown->ctx);
    return 1;
}

static const chat_model_conf_t *at(const shown_t *shown, int i)
{
    return APR_ARRAY_IDX(shown->models, i, const chat_model_conf_t *);
}

static int is_open(const shown_t *shown, const chat_model_conf_t *model)
{
    return chat_model_allowed(shown->conf, model, model->name, shown->tier);
}

/* What ChatModelAllow hides is nobody's business; that a model is for another
 * tier may be shown. */
static int is_shown(const shown_t *shown, const chat_model_conf_t *model)
{
    return !model->off && chat_model_used(shown->conf, model->provider) &&
           chat_config_provider(shown->r->server, model->provider) &&
           (is_open(shown, model) ||
            (shown->locked &&
             chat_model_allowed(shown->conf, NULL, model->name, shown->tier)));
}

/* The place of the first line after i that is shown and of that name; -1. */
static int next_line(const shown_t *shown, const char *name, int i)
{
    while (++i < shown->models->nelts) {
        if (!strcmp(at(shown, i)->name, name) && is_shown(shown, at(shown, i)))
            return i;
    }
    return -1;
}

/* Models with several lines have one entry, that of the first. */
static int is_first(const shown_t *shown, int i)
{
    return next_line(shown, at(shown, i)->name, -1) == i;
}

/* ---- one model ---- */

static void add_count(chat_json_t *row, const char *key, int tokens)
{
    if (tokens > 0)
        chat_json_add_integer(row, key, tokens);
    else
        chat_json_add_null(row, key);
}

static void add_price(chat_json_t *row, const char *key, apr_int64_t price)
{
    if (price >= 0)
        chat_json_add_number(row, key, (double)price / 1e6);
    else
        chat_json_add_null(row, key);
}

static chat_json_t *price_of(const chat_model_conf_t *model, apr_pool_t *p)
{
    chat_json_t *price = chat_json_object(p);

    add_price(price, "inputPerMillion", model->price.in);
    add_price(price, "outputPerMillion", model->price.out);
    if (model->price.cached >= 0)
        add_price(price, "cachedInputPerMillion", model->price.cached);
    if (model->price.thought >= 0)
        add_price(price, "reasoningPerMillion", model->price.thought);
    chat_json_add_string(price, "currency", "USD");
    return price;
}

static chat_json_t *words(const apr_array_header_t *list, apr_pool_t *p)
{
    chat_json_t *array = chat_json_array(p);
    int i;

    for (i = 0; i < list->nelts; i++)
        chat_json_push_string(array, APR_ARRAY_IDX(list, i, const char *));
    return array;
}

/* As its line says, and what its provider could not send it. */
static chat_json_t *capabilities_of(const shown_t *shown,
                                    const chat_model_conf_t *model)
{
    chat_json_t *array = chat_json_array(shown->r->pool);
    unsigned lacks =
        model->without |
        chat_run_lacks(chat_config_provider(shown->r->server, model->provider),
                       model->upstream);
    int i;

    for (i = 0; i < CHAT_CAPABILITY_COUNT; i++) {
        if (!(lacks & 1u << i))
            chat_json_push_string(array, chat_config_capability_names[i]);
    }
    return array;
}

static chat_json_t *providers_of(const shown_t *shown, int i)
{
    const char *name = at(shown, i)->name;
    chat_json_t *array = chat_json_array(shown->r->pool);

    for (; i >= 0; i = next_line(shown, name, i))
        chat_json_push_string(array, at(shown, i)->provider);
    return array;
}

/* May the user ask for it, and why not? */
static void add_access(chat_json_t *row, const shown_t *shown, int i)
{
    const chat_model_conf_t *model = at(shown, i);
    const char *wanted = shown->conf->model.default_name;
    const chat_model_conf_t *standard =
        wanted ? chat_model_find(shown->models, wanted) : NULL;
    chat_json_t *reason;
    int open = 0, k;

    for (k = i; k >= 0 && !open; k = next_line(shown, model->name, k))
        open = is_open(shown, at(shown, k));
    chat_json_add_boolean(row, "default",
                          standard && !strcmp(standard->name, model->name));
    chat_json_add_boolean(row, "available", open);
    if (open)
        return;
    reason = chat_json_object(shown->r->pool);
    chat_json_add_string(reason, "code", "tier");
    chat_json_add(reason, "tiers", words(model->tiers, shown->r->pool));
    chat_json_add(row, "reason", reason);
}

/* As people call it: where it is named as its type is, the name of the house
 * behind that. */
static const char *label_of(const shown_t *shown, const char *name)
{
    static const char *const houses[][2] = {
        {"openai", "OpenAI"},         {"anthropic", "Anthropic"},
        {"gemini", "Google"},         {"mistral", "Mistral"},
        {"openrouter", "OpenRouter"}, {"deepseek", "DeepSeek"}};
    const chat_provider_conf_t *conf =
        chat_config_provider(shown->r->server, name);
    apr_size_t i;

    if (conf && conf->label)
        return conf->label;
    for (i = 0; i < sizeof(houses) / sizeof(*houses); i++)
        if (!strcmp(houses[i][0], name))
            return houses[i][1];
    return name;
}

/* "created" is OpenAI's and must be a number, so a day that nobody knows is 0:
 * all servers of a site should say the same. */
static chat_json_t *entry(const shown_t *shown, int i)
{
    const chat_model_conf_t *model = at(shown, i);
    apr_pool_t *p = shown->r->pool;
    chat_json_t *row = chat_json_object(p);

    chat_json_add_string(row, "id", model->name);
    chat_json_add_string(row, "object", "model");
    chat_json_add_integer(row, "created", model->released);
    chat_json_add_string(row, "owned_by", model->provider);
    chat_json_add_string(row, "label", model->label);
    chat_json_add_string(row, "provider", model->provider);
    chat_json_add_string(row, "providerLabel",
                         label_of(shown, model->provider));
    chat_json_add(row, "providers", providers_of(shown, i));
    add_count(row, "contextTokens", model->context);
    add_count(row, "maxOutputTokens", model->max_output);
    chat_json_add(row, "price", price_of(model, p));
    chat_json_add(row, "tiers", words(model->tiers, p));
    chat_json_add(row, "aliases", words(model->aliases, p));
    chat_json_add(row, "capabilities", capabilities_of(shown, model));
    add_access(row, shown, i);
    return row;
}

/* ---- all of them ---- */

static chat_json_t *data(const shown_t *shown)
{
    chat_json_t *array = chat_json_array(shown->r->pool);
    int i;

    for (i = 0; i < shown->models->nelts; i++) {
        if (is_first(shown, i))
            chat_json_push(array, entry(shown, i));
    }
    return array;
}

/* Does no line before i name its provider, of those that are shown? */
static int is_new_provider(const shown_t *shown, int i)
{
    int k;

    for (k = 0; k < i; k++) {
        if (!strcmp(at(shown, k)->provider, at(shown, i)->provider) &&
            is_shown(shown, at(shown, k)))
            return 0;
    }
    return 1;
}

static chat_json_t *group(const shown_t *shown, int i)
{
    const char *provider = at(shown, i)->provider;
    chat_json_t *row = chat_json_object(shown->r->pool);
    chat_json_t *names = chat_json_array(shown->r->pool);

    for (; i < shown->models->nelts; i++) {
        if (!strcmp(at(shown, i)->provider, provider) &&
            is_shown(shown, at(shown, i)))
            chat_json_push_string(names, at(shown, i)->name);
    }
    chat_json_add_string(row, "id", provider);
    chat_json_add_string(row, "label", label_of(shown, provider));
    chat_json_add(row, "models", names);
    return row;
}

static chat_json_t *groups(const shown_t *shown)
{
    chat_json_t *array = chat_json_array(shown->r->pool);
    int i;

    for (i = 0; i < shown->models->nelts; i++) {
        if (is_shown(shown, at(shown, i)) && is_new_provider(shown, i))
            chat_json_push(array, group(shown, i));
    }
    return array;
}

/* ---- the answers ---- */

static int answer(request_rec *r, chat_json_t *root)
{
    chat_reply_json(r, HTTP_OK, chat_json_text(root, NULL, r->pool));
    return OK;
}

static int tell_all(const shown_t *shown)
{
    chat_json_t *root = chat_json_object(shown->r->pool);

    chat_json_add_string(root, "object", "list");
    chat_json_add(root, "data", data(shown));
    chat_json_add(root, "providers", groups(shown));
    return answer(shown->r, root);
}

/* What somebody may not use is not there for them. Only OpenAI's clients ask
 * for one, and so are told in OpenAI's words. */
static int tell_one(const shown_t *shown, const char *id)
{
    const chat_model_conf_t *model = chat_model_find(shown->models, id);
    int i = model ? next_line(shown, model->name, -1) : -1;
    chat_err_t err = {0};

    if (i >= 0)
        return answer(shown->r, entry(shown, i));
    chat_err_set(&err, APR_NOTFOUND, HTTP_NOT_FOUND, "model_not_found",
                 "There is no model of that name here.");
    chat_reply_error(
        shown->r, &err,
        chat_dialect_get("completions")
            ->refusal(&err, chat_reply_request_id(shown->r), shown->r->pool));
    return OK;
}

int chat_route_models(chat_ctx_t *ctx)
{
    request_rec *r = ctx->r;
    shown_t shown = {
        .ctx = ctx,
        .r = r,
        .conf = ctx->dir,
        .models = chat_override_models(ctx),
        .locked = r->args && !strcmp(r->args, "locked=1"),
    };
    const char *rest = chat_request_rest(r, ctx->dir->route.location);
    chat_err_t err = {0};

    if (chat_request_check_get(r, &err) != APR_SUCCESS ||
        !find_user(&shown, &err)) {
        chat_run_error(ctx, &err);
        return OK;
    }
    return rest && *rest ? tell_one(&shown, rest + 1) : tell_all(&shown);
}
