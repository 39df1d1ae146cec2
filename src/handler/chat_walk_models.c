/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which models and upstreams could answer: the model that was asked for at each
 * provider that has it, in the order of ChatUse, then those that stand in for
 * it. A provider of which a ChatModel line tells has these models and no
 * others; one of which none tells takes any name. Request thread.
 */
#include "chat_walk_int.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_log.h"
#include "chat_model.h"

typedef struct search_t {
    chat_walk_t *w;
    const apr_array_header_t *models; /* of this server */
    apr_array_header_t *found;        /* of chat_candidate_t */
    int forbidden; /* one would fit, but is not for this user */
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
    chat_walk_t *w = s->w;

    if (!chat_model_allowed(w->conf, model, model->name,
                            chat_limit_tier(w->r, w->user))) {
        s->forbidden = 1;
        return;
    }
    add(s, model, model->name, model->upstream,
        chat_config_provider(w->r->server, model->provider));
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
    chat_walk_t *w = s->w;
    const chat_provider_conf_t *conf =
        chat_config_provider(w->r->server, provider);

    if (conf && !name)
        name = chat_provider_get(conf->type)->model;
    if (!conf || !name)
        return;
    if (chat_model_allowed(w->conf, NULL, name, chat_limit_tier(w->r, w->user)))
        add(s, NULL, name, name, conf);
    else
        s->forbidden = 1;
}

/* All providers of this location. */
static void look(search_t *s, const char *name, int beyond)
{
    const apr_array_header_t *use = s->w->conf->use;
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

/* A request in a provider's own words is in those of the first that is used,
 * whoever has its model. */
static const char *wanted_wire(const search_t *s)
{
    const chat_walk_t *w = s->w;
    chat_candidate_t first = APR_ARRAY_IDX(s->found, 0, chat_candidate_t);

    if (w->turn.native) {
        first.conf = chat_config_provider(
            w->r->server, APR_ARRAY_IDX(w->conf->use, 0, const char *));
        first.provider = chat_provider_get(first.conf->type);
    }
    return chat_walk_wire(&first);
}

/* Bytes that pass unchanged must be of the kind that the first would send. */
static void keep_wire(search_t *s)
{
    chat_candidate_t *all = (chat_candidate_t *)s->found->elts;
    int i, kept = 0;
    const char *want;

    if (s->w->dialect || s->found->nelts == 0)
        return;
    want = wanted_wire(s);
    for (i = 0; i < s->found->nelts; i++) {
        if (strcmp(chat_walk_wire(&all[i]), want) == 0)
            all[kept++] = all[i];
    }
    s->found->nelts = kept;
}

/* ---- all of it ---- */

const char *chat_walk_wire(const chat_candidate_t *c)
{
    const chat_upstream_t up = chat_walk_upstream(c->conf, NULL);

    return c->provider->wire_format(&up);
}

/* What configtest cannot see: a .htaccess, or a location without a word of it.
 * NULL: nothing is missing. */
static const char *find_missing(const search_t *s)
{
    const chat_walk_t *w = s->w;
    int i;

    for (i = 0; i < w->conf->use->nelts; i++) {
        const char *name = APR_ARRAY_IDX(w->conf->use, i, const char *);

        if (!chat_config_provider(w->r->server, name))
            return apr_pstrcat(w->r->pool, "no <ChatProvider> is named ", name,
                               NULL);
    }
    return i || s->models->nelts ? NULL : "no ChatUse and no ChatModel";
}

static apr_status_t refuse(const search_t *s, const char *name, chat_err_t *err)
{
    const chat_walk_t *w = s->w;
    const char *missing = find_missing(s);

    if (missing) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, w->r, CHATNO(0802) "%s: %s",
                      w->r->uri, missing);
        return chat_err_set(err, APR_EGENERAL, HTTP_INTERNAL_SERVER_ERROR,
                            "misconfigured",
                            "This route is not set up completely.");
    }
    err->param = "model";
    if (s->forbidden)
        return chat_err_set(err, APR_EACCES, HTTP_FORBIDDEN, "model_forbidden",
                            "This model is not for you.");
    if (!name)
        return chat_err_set(err, APR_EINVAL, HTTP_BAD_REQUEST, "model_required",
                            "Name a model: there is no default here.");
    return chat_err_set(err, APR_EINVAL, HTTP_BAD_REQUEST, "model_not_found",
                        "There is no model of that name here.");
}

apr_status_t chat_walk_find(chat_walk_t *w, chat_err_t *err)
{
    const char *name = w->turn.model && *w->turn.model ? w->turn.model
                                                       : w->conf->model_default;
    search_t s = {
        .w = w,
        .models = chat_config_models(w->r->server),
        .found = apr_array_make(w->r->pool, 2, sizeof(chat_candidate_t)),
    };

    /* It may have to outlive the request's body. */
    if (name)
        w->facts.model = name = apr_pstrdup(w->r->pool, name);
    look(&s, name, 1);
    look_for_fallbacks(&s);
    keep_wire(&s);
    if (s.found->nelts == 0)
        return refuse(&s, name, err);
    w->candidates = (chat_candidate_t *)s.found->elts;
    w->ncandidates = s.found->nelts;
    w->facts.model = w->candidates[0].name;
    w->facts.provider = w->candidates[0].conf->name;
    return APR_SUCCESS;
}

/* ---- what a model makes of a turn ---- */

static const struct {
    unsigned can;
    const char *param, *message;
} cannot[] = {
    {CHAT_CAN_SYSTEM, "messages", "This model takes no system messages."},
    {CHAT_CAN_TOOLS, "tools", "This model cannot use tools."},
    {CHAT_CAN_JSON, "response_format", "This model cannot promise JSON."},
    {CHAT_CAN_SCHEMA, "response_format",
     "This model cannot answer by a JSON schema."},
    {CHAT_CAN_PARTS, "messages", "This model takes nothing but text."},
    {CHAT_CAN_TEMPERATURE, "temperature", "This model knows no temperature."},
    {CHAT_CAN_TOP_P, "top_p", "This model knows no top_p."},
    {CHAT_CAN_STOP, "stop", "This model knows no stop texts."},
    {CHAT_CAN_EFFORT, "reasoning_effort", "This model knows no effort."},
};

/* What may be left out: it changes how an answer is found, not what it is. */
#define SAMPLING (CHAT_CAN_TEMPERATURE | CHAT_CAN_TOP_P | CHAT_CAN_EFFORT)

static unsigned wanted_of(const chat_turn_t *turn)
{
    unsigned wanted = (turn->system ? CHAT_CAN_SYSTEM : 0) |
                      (turn->ntools ? CHAT_CAN_TOOLS : 0) |
                      (turn->json ? CHAT_CAN_JSON : 0) |
                      (turn->schema ? CHAT_CAN_SCHEMA : 0) |
                      (turn->has_temperature ? CHAT_CAN_TEMPERATURE : 0) |
                      (turn->has_top_p ? CHAT_CAN_TOP_P : 0) |
                      (turn->nstop ? CHAT_CAN_STOP : 0) |
                      (turn->effort ? CHAT_CAN_EFFORT : 0);
    int i;

    for (i = 0; i < turn->nmessages; i++) {
        const chat_message_t *m = &turn->messages[i];

        wanted |= (m->role == CHAT_ROLE_SYSTEM ? CHAT_CAN_SYSTEM : 0) |
                  (m->parts ? CHAT_CAN_PARTS : 0) |
                  (m->ncalls || m->role == CHAT_ROLE_TOOL ? CHAT_CAN_TOOLS : 0);
    }
    return wanted;
}

static apr_status_t refuse_first(unsigned lacks, chat_err_t *err)
{
    apr_size_t i;

    for (i = 0; i + 1 < sizeof(cannot) / sizeof(*cannot); i++) {
        if (lacks & cannot[i].can)
            break;
    }
    err->param = cannot[i].param;
    return chat_err_set(err, APR_EINVAL, HTTP_BAD_REQUEST, "unsupported",
                        cannot[i].message);
}

apr_status_t chat_walk_fit(chat_turn_t *fit, const chat_turn_t *turn,
                           const chat_model_conf_t *model,
                           apr_int64_t input_tokens, chat_err_t *err)
{
    unsigned lacks, most;

    *fit = *turn;
    if (!model)
        return APR_SUCCESS;
    lacks = model->without & wanted_of(turn);
    if (lacks & (model->refuse ? ~0u : ~(unsigned)SAMPLING))
        return refuse_first(model->refuse ? lacks : lacks & ~SAMPLING, err);
    if (model->context && input_tokens > model->context) {
        err->param = "messages";
        return chat_err_set(err, APR_EINVAL, HTTP_BAD_REQUEST,
                            "context_length_exceeded",
                            "This is more than the model can read.");
    }
    if (lacks & CHAT_CAN_TEMPERATURE)
        fit->has_temperature = 0;
    if (lacks & CHAT_CAN_TOP_P)
        fit->has_top_p = 0;
    if (lacks & CHAT_CAN_EFFORT)
        fit->effort = NULL;
    most = model->max_output;
    if (most && (unsigned)fit->max_output_tokens > most)
        fit->max_output_tokens = most;
    return APR_SUCCESS;
}
