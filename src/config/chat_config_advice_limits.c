/* SPDX-License-Identifier: Apache-2.0 */
/* As chat_config_advice.c, of limits: who may see them, and what they count in.
 * Main thread, when a configuration is checked. */
#include "chat_config_sections.h"

#include <http_log.h>

#include "chat_log.h"

int chat_config_advice_limits_guard(const chat_view_t *v, int say)
{
    if (!v->section->conf || v->section->conf->route.id != CHAT_ROUTE_limits ||
        chat_config_advice_places_guard(v))
        return 0;
    if (say)
        ap_log_error(APLOG_MARK, CHAT_LOG_ADVICE(APLOG_WARNING), 0, v->s,
                     CHATNO(0123) "ChatRoute \"limits\" at %s: no Require "
                                  "guards it, so everybody may see who asks "
                                  "most: write \"Require local\" there, or "
                                  "who is meant",
                     v->section->conf->route.defined_at);
    return 1;
}

/* Two that would count the same request twice in one key. */
static int share_keys(const chat_limit_conf_t *a, const chat_limit_conf_t *b)
{
    return a->compat && b->compat && !a->off && !b->off && a->by == b->by &&
           a->by != CHAT_LIMIT_BY_EXPR && !strcmp(a->prefix, b->prefix) &&
           !(a->tier && b->tier && strcmp(a->tier, b->tier)) &&
           !(a->model && b->model && strcmp(a->model, b->model));
}

int chat_config_advice_limits_keys(const chat_view_t *v, int say)
{
    const apr_array_header_t *all = v->conf->limit.policies;
    int i, j;

    for (i = 0; i < all->nelts; i++) {
        const chat_limit_conf_t *a = APR_ARRAY_IDX(all, i, chat_limit_conf_t *);

        for (j = i + 1; j < all->nelts; j++) {
            const chat_limit_conf_t *b =
                APR_ARRAY_IDX(all, j, chat_limit_conf_t *);

            if (!share_keys(a, b))
                continue;
            if (say)
                ap_log_error(APLOG_MARK, CHAT_LOG_ADVICE(APLOG_WARNING), 0,
                             v->s,
                             CHATNO(0121) "ChatLimit \"%s\" and \"%s\" in %s "
                                          "count in the same keys, for both "
                                          "have prefix=%s: each request costs "
                                          "twice; give one another prefix",
                             a->name, b->name, v->name, a->prefix);
            return 1;
        }
    }
    return 0;
}
