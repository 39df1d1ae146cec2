/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which other models of the location the user may ask, where one or its
 * provider could not: a page offers them. Whoever owns the run; what an
 * administrator has set, and the tier, are known since candidates were sought.
 */
#include "chat_run_int.h"

#include <string.h>

#include "chat_model.h"
#include "chat_override.h"

/* More are no help to anybody. */
#define NAMED_MAX 20

static int was_asked(const chat_run_t *run, const char *name)
{
    int i;

    for (i = 0; i < run->ncandidates; i++)
        if (!strcmp(run->candidates[i].name, name))
            return 1;
    return 0;
}

static int has_failed(const chat_run_t *run, const char *provider)
{
    int i;

    for (i = 0; i < run->ncandidates; i++)
        if (!strcmp(run->candidates[i].conf->name, provider))
            return 1;
    return 0;
}

static int is_open(const chat_run_t *run, const chat_model_conf_t *model)
{
    return !model->off && chat_model_used(run->conf, model->provider) &&
           chat_config_provider(run->r->server, model->provider) &&
           chat_model_allowed(run->conf, model, model->name,
                              chat_limit_tier(run->ctx)) &&
           !was_asked(run, model->name);
}

static void list(apr_array_header_t *names, const chat_run_t *run, int failed)
{
    const apr_array_header_t *models = chat_override_models(run->ctx);
    int i;

    for (i = 0; i < models->nelts && names->nelts < NAMED_MAX; i++) {
        const chat_model_conf_t *model =
            APR_ARRAY_IDX(models, i, const chat_model_conf_t *);

        if (has_failed(run, model->provider) == failed && is_open(run, model) &&
            !ap_array_str_contains(names, model->name))
            APR_ARRAY_PUSH(names, const char *) = model->name;
    }
}

static int is_wanted(const chat_run_t *run, const chat_err_t *err)
{
    const char *scope = err->code ? chat_err_scope(err) : "";

    return run->form && run->form->status && run->ctx->user &&
           (!strcmp(scope, "model") || !strcmp(scope, "provider"));
}

void chat_run_name_others(const chat_run_t *run, chat_err_t *err)
{
    apr_pool_t *p = run->r->pool;
    apr_array_header_t *names;
    chat_buf_t *out;
    int i;

    if (!is_wanted(run, err))
        return;
    names = apr_array_make(p, 4, sizeof(const char *));
    /* Those of providers that have not failed come first. */
    list(names, run, 0);
    list(names, run, 1);
    if (!names->nelts)
        return;
    out = apr_palloc(p, sizeof(*out));
    chat_buf_init(out, p);
    for (i = 0; i < names->nelts; i++) {
        chat_buf_puts(out, i ? "," : "[");
        chat_buf_quote(out, APR_ARRAY_IDX(names, i, const char *));
    }
    chat_buf_put(out, "]", sizeof("]"));
    err->models = out->data;
}
