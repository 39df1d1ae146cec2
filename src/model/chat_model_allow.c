/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may use which model: by its tier=, and by the ChatModelAllow of the
 * location. Any thread.
 */
#include "chat_model.h"

#include <apr_fnmatch.h>

#include "chat_words.h"

/* The tiers of ChatModel; none: everybody's. */
static int fits_tiers(const apr_array_header_t *tiers, const char *tier)
{
    int i;

    for (i = 0; i < tiers->nelts; i++) {
        if (chat_words_has(tier, APR_ARRAY_IDX(tiers, i, const char *)))
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

        if ((!line->tier || chat_words_has(tier, line->tier)) &&
            matches(line, name))
            return 1;
    }
    return allow->nelts == 0;
}

int chat_model_allowed(const chat_dir_conf_t *conf,
                       const chat_model_conf_t *model, const char *name,
                       const char *tier)
{
    return (!model ||
            (!model->off && fits_tiers(model->tiers, tier) &&
             (!model->narrowed || fits_tiers(model->narrowed, tier)))) &&
           is_let_through(conf->model.allow, name, tier);
}
