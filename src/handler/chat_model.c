/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of who may use which model. Neighbours: the walk, which asks for
 * one, and the route that lists them. Any thread.
 */
#include "chat_model.h"

#include <string.h>

#include <apr_fnmatch.h>

static int lists(const apr_array_header_t *names, const char *name)
{
    int i;

    for (i = 0; i < names->nelts; i++) {
        if (!strcmp(APR_ARRAY_IDX(names, i, const char *), name))
            return 1;
    }
    return 0;
}

int chat_model_named(const chat_model_conf_t *model, const char *name)
{
    return !strcmp(model->name, name) || lists(model->aliases, name);
}

const chat_model_conf_t *chat_model_find(const apr_array_header_t *models,
                                         const char *name)
{
    int i;

    for (i = 0; i < models->nelts; i++) {
        const chat_model_conf_t *model =
            APR_ARRAY_IDX(models, i, const chat_model_conf_t *);

        if (chat_model_named(model, name))
            return model;
    }
    return NULL;
}

/* Is name one of "user,admin"? */
static int is_of_tier(const char *tier, const char *name)
{
    apr_size_t len = strlen(name), word;

    for (; *tier; tier += word) {
        tier += strspn(tier, ", ");
        word = strcspn(tier, ", ");
        if (word == len && !memcmp(tier, name, len))
            return 1;
    }
    return 0;
}

/* The tiers of ChatModel; none: everybody's. */
static int fits_tiers(const apr_array_header_t *tiers, const char *tier)
{
    int i;

    for (i = 0; i < tiers->nelts; i++) {
        if (is_of_tier(tier, APR_ARRAY_IDX(tiers, i, const char *)))
            return 1;
    }
    return tiers->nelts == 0;
}

static int matches(const chat_model_allow_t *allow, const char *name)
{
    int i;

    for (i = 0; i < allow->names->nelts; i++) {
        if (!apr_fnmatch(APR_ARRAY_IDX(allow->names, i, const char *), name, 0))
            return 1;
    }
    return 0;
}

/* One line that lets it through will do; no line at all: every model. */
static int is_let_through(const apr_array_header_t *allow, const char *name,
                          const char *tier)
{
    int i;

    for (i = 0; i < allow->nelts; i++) {
        const chat_model_allow_t *line =
            &APR_ARRAY_IDX(allow, i, const chat_model_allow_t);

        if ((!line->tier || is_of_tier(tier, line->tier)) &&
            matches(line, name))
            return 1;
    }
    return allow->nelts == 0;
}

int chat_model_allowed(const chat_dir_conf_t *conf,
                       const chat_model_conf_t *model, const char *name,
                       const char *tier)
{
    return (!model || fits_tiers(model->tiers, tier)) &&
           is_let_through(conf->allow, name, tier);
}

int chat_model_used(const chat_dir_conf_t *conf, const char *provider)
{
    return conf->use->nelts == 0 || lists(conf->use, provider);
}
