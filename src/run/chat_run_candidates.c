/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which models and upstreams could answer: the model that was asked for at each
 * provider that has it, in the order of ChatUse, then those that stand in for
 * it. A provider of which a ChatModel line tells has these models and no
 * others; one of which none tells takes any name. Request thread.
 */
#include "chat_run_int.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_log.h"
#include "chat_model.h"
#include "chat_override.h"

typedef struct search_t {
    chat_run_t *run;
    const apr_array_header_t *models; /* of this server */
    apr_array_header_t *found;        /* of chat_candidate_t */
    int forbidden; /* one would fit, but is not for this user */
    int off;       /* one would fit, but is switched off */
} search_t;

/* ---- candidates ---- */

static int is_known(const search_t *s, const chat_model_conf_t *model)
{
    int i;

    for (i = 0; model && i < s->found->nelts; i++) {
        if (APR_ARRAY_IDX(s->found, i, chat_candidate_t).model == model)
            return 1;
    }
    return 0;
}

static void add(search_t *s, const chat_model_conf_t *model, const char *name,
                const char *upstream, const chat_provider_conf_t *conf)
{
    chat_candidate_t *c;

    if (!conf || is_known(s, model))
        return;
    c = apr_array_push(s->found);
    memset(c, 0, sizeof(*c));
    c->model = model;
    c->name = name;
    c->upstream = upstream;
    c->conf = conf;
    c->provider = chat_provider_get(conf->type);
}

static void add_model(search_t *s, const chat_model_conf_t *model)
{
    chat_run_t *run = s->run;

    if (model->off) {
        s->off = 1;
        return;
    }
    if (!chat_model_allowed(run->conf, model, model->name,
                            chat_limit_tier(run->ctx))) {
        s->forbidden = 1;
        return;
    }
    add(s, model, model->name, model->upstream,
        chat_config_provider(run->r->server, model->provider));
}

/* ---- where to look ---- */

static const chat_model_conf_t *model_at(const search_t *s, int i)
{
    return APR_ARRAY_IDX(s->models, i, const chat_model_conf_t *);
}

static int is_provider(const chat_model_conf_t *model, const char *provider)
{
    return strcmp(model->provider, provider) == 0;
}

/* Does any line tell of this provider's models? */
static int has_models(const search_t *s, const char *provider)
{
    int i;

    for (i = 0; i < s->models->nelts; i++) {
        if (is_provider(model_at(s, i), provider))
            return 1;
    }
    return 0;
}

/* name NULL: the first of its models. */
static void look_at(search_t *s, const char *provider, const char *name)
{
    int i;

    for (i = 0; i < s->models->nelts; i++) {
        const chat_model_conf_t *model = model_at(s, i);

        if (!is_provider(model, provider))
            continue;
        if (name ? chat_model_named(model, name) : 1)
            add_model(s, model);
        if (!name)
            return;
    }
}

/* A provider of which nothing is told: what it is asked for is its affair. */
static void look_beyond(search_t *s, const char *provider, const char *name)
{
    chat_run_t *run = s->run;
    const chat_provider_conf_t *conf =
        chat_config_provider(run->r->server, provider);

    if (conf && !name)
        name = chat_provider_get(conf->type)->model;
    if (!conf || !name)
        return;
    if (chat_override_is_off(run->ctx, name))
        s->off = 1;
    else if (chat_model_allowed(run->conf, NULL, name,
                                chat_limit_tier(run->ctx)))
        add(s, NULL, name, name, conf);
    else
        s->forbidden = 1;
}

/* All providers of this location. */
static void look(search_t *s, const char *name, int beyond)
{
    const apr_array_header_t *use = s->run->conf->route.use;
    int i;

    for (i = 0; i < use->nelts; i++) {
        const char *provider = APR_ARRAY_IDX(use, i, const char *);

        if (has_models(s, provider))
            look_at(s, provider, name);
        else if (beyond)
            look_beyond(s, provider, name);
    }
    for (i = 0; use->nelts == 0 && i < s->models->nelts; i++) {
        const chat_model_conf_t *model = model_at(s, i);

        if (!name || chat_model_named(model, name))
            add_model(s, model);
        if (!name)
            return;
    }
}

/* Those that stand in for what was found, where this location has them. */
static void look_for_fallbacks(search_t *s)
{
    int i, k, direct = s->found->nelts;

    for (i = 0; i < direct; i++) {
        const chat_model_conf_t *model =
            APR_ARRAY_IDX(s->found, i, chat_candidate_t).model;

        for (k = 0; model && k < model->fallback->nelts; k++)
            look(s, APR_ARRAY_IDX(model->fallback, k, const char *), 0);
    }
}

/* How the bytes of its streams look. */
static const char *wire_of(const chat_provider_conf_t *conf)
{
    chat_upstream_t up;

    chat_run_describe(&up, conf, NULL);
    return chat_provider_get(conf->type)->wire_format(&up);
}

/* A request in a provider's own words is in those of the first that is used,
 * whoever has its model. */
static const char *wanted_wire(const search_t *s)
{
    const chat_run_t *run = s->run;

    if (run->request.turn.native)
        return wire_of(chat_config_provider(
            run->r->server,
            APR_ARRAY_IDX(run->conf->route.use, 0, const char *)));
    return wire_of(APR_ARRAY_IDX(s->found, 0, chat_candidate_t).conf);
}

/* The first is one whose streams are in the form of this route already. */
static int passes(const search_t *s)
{
    const chat_run_t *run = s->run;

    return run->dialect && run->dialect->wire &&
           strcmp(run->dialect->wire, wanted_wire(s)) == 0;
}

/* Where an answer is taken apart it must be one that can be. */
static int fits(const chat_run_t *run, const chat_provider_conf_t *conf,
                const char *want)
{
    if (run->dialect)
        return !(chat_config_provider_caps(conf) & CHAT_PROVIDER_RELAYED);
    return strcmp(wire_of(conf), want) == 0;
}

/* Bytes that pass unchanged must be of the kind that the first would send. */
static void keep_wire(search_t *s)
{
    chat_candidate_t *all = (chat_candidate_t *)s->found->elts;
    int i, kept = 0;
    const char *want;

    if (s->found->nelts == 0)
        return;
    want = wanted_wire(s);
    if (passes(s))
        s->run->dialect = NULL;
    for (i = 0; i < s->found->nelts; i++) {
        if (fits(s->run, all[i].conf, want))
            all[kept++] = all[i];
    }
    s->found->nelts = kept;
}

/* ---- all of it ---- */

void chat_run_describe(chat_upstream_t *up, const chat_provider_conf_t *conf,
                       const char *key)
{
    up->url = conf->url;
    up->key = key;
    up->auth = conf->auth;
    up->version = conf->version;
    up->completions = conf->api == CHAT_API_COMPLETIONS;
    up->pinned = conf->api_pinned;
    up->store = conf->store;
    up->timeouts = conf->timeouts;
}

unsigned chat_run_lacks(const chat_provider_conf_t *conf, const char *model)
{
    const chat_provider_t *provider = chat_provider_get(conf->type);
    chat_upstream_t up;

    chat_run_describe(&up, conf, NULL);
    return provider->lacks ? provider->lacks(&up, model) : 0;
}

/* What configtest cannot see: a .htaccess, or a location without a word of it.
 * NULL: nothing is missing. */
static const char *find_missing(const search_t *s)
{
    const chat_run_t *run = s->run;
    int i;

    for (i = 0; i < run->conf->route.use->nelts; i++) {
        const char *name = APR_ARRAY_IDX(run->conf->route.use, i, const char *);

        if (!chat_config_provider(run->r->server, name))
            return apr_pstrcat(run->r->pool, "no <ChatProvider> is named ",
                               name, NULL);
    }
    return i || s->models->nelts ? NULL : "no ChatUse and no ChatModel";
}

static apr_status_t refuse(const search_t *s, const char *name, chat_err_t *err)
{
    const chat_run_t *run = s->run;
    const char *missing = find_missing(s);

    if (missing) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, run->r, CHATNO(0802) "%s: %s",
                      run->r->uri, missing);
        return chat_err_set(err, APR_EGENERAL, HTTP_INTERNAL_SERVER_ERROR,
                            "misconfigured",
                            "This route is not set up completely.");
    }
    err->param = "model";
    if (s->off)
        return chat_err_set(err, APR_EACCES, HTTP_FORBIDDEN, "model_disabled",
                            "This model is switched off.");
    if (s->forbidden)
        return chat_err_set(err, APR_EACCES, HTTP_FORBIDDEN, "model_forbidden",
                            "This model is not for you.");
    if (!name)
        return chat_err_set(err, APR_EINVAL, HTTP_BAD_REQUEST, "model_required",
                            "Name a model: there is no default here.");
    return chat_err_set(err, APR_EINVAL, HTTP_BAD_REQUEST, "model_not_found",
                        "There is no model of that name here.");
}

apr_status_t chat_run_find(chat_run_t *run, chat_err_t *err)
{
    const chat_turn_t *turn = &run->request.turn;
    const char *name = turn->model && *turn->model
                           ? turn->model
                           : run->conf->model.default_name;
    search_t s = {
        .run = run,
        .models = chat_override_models(run->ctx),
        .found = apr_array_make(run->r->pool, 2, sizeof(chat_candidate_t)),
    };

    /* It may have to outlive the request's body. */
    if (name)
        run->record.model = name = apr_pstrdup(run->r->pool, name);
    look(&s, name, 1);
    look_for_fallbacks(&s);
    keep_wire(&s);
    if (s.found->nelts == 0)
        return refuse(&s, name, err);
    run->candidates = (chat_candidate_t *)s.found->elts;
    run->ncandidates = s.found->nelts;
    run->record.model = run->candidates[0].name;
    run->record.provider = run->candidates[0].conf->name;
    return APR_SUCCESS;
}

apr_status_t chat_run_fit(chat_run_t *run, const chat_candidate_t *candidate,
                          chat_err_t *err)
{
    chat_attempt_t *attempt = &run->attempt;
    apr_status_t rv;

    if (attempt->fitted == candidate)
        return APR_SUCCESS;
    if (!attempt->fit)
        attempt->fit = apr_palloc(run->request_pool, sizeof(*attempt->fit));
    rv = chat_model_fit(attempt->fit, &run->request.turn, candidate->model,
                        run->input_tokens, err);
    attempt->fitted = rv == APR_SUCCESS ? candidate : NULL;
    attempt->fit->model = candidate->upstream;
    chat_run_path_address(attempt->fit, candidate->conf->name,
                          run->request_pool);
    return rv;
}
