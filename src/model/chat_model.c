/* SPDX-License-Identifier: Apache-2.0 */
/* Which ChatModel line a name means. Any thread. */
#include "chat_model.h"

#include <string.h>

int chat_model_named(const chat_model_conf_t *model, const char *name)
{
    return !strcmp(model->name, name) ||
           ap_array_str_contains(model->aliases, name);
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

int chat_model_used(const chat_dir_conf_t *conf, const char *provider)
{
    return conf->route.use->nelts == 0 ||
           ap_array_str_contains(conf->route.use, provider);
}
