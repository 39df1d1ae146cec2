/* SPDX-License-Identifier: Apache-2.0 */
/* As chat_config_advice.c, of moderation: what cannot be done where bytes pass
 * unchanged. Main thread, when a configuration is checked. */
#include "chat_config_sections.h"

#include <http_log.h>

#include "chat_log.h"

/* Which directions of a location have texts that nobody can change. */
static int passes(const chat_dir_conf_t *conf)
{
    if (!(chat_config_route_flags(conf->route.id) & CHAT_ROUTE_PASSTHROUGH))
        return 0;
    return CHAT_MODERATION_IN_OUTPUT |
           (conf->request.native ? CHAT_MODERATION_IN_INPUT : 0);
}

int chat_config_advice_moderation_replace(const chat_view_t *v, int say)
{
    const apr_array_header_t *all = v->conf->moderation.lists;
    int i;

    for (i = 0; i < all->nelts; i++) {
        const chat_moderation_conf_t *list =
            APR_ARRAY_IDX(all, i, const chat_moderation_conf_t *);

        if (list->off || list->action != CHAT_MODERATION_REPLACE ||
            !(list->in & passes(v->conf)))
            continue;
        if (say)
            ap_log_error(APLOG_MARK, CHAT_LOG_ADVICE(APLOG_WARNING), 0, v->s,
                         CHATNO(0162) "ChatModerationList \"%s\" in %s has "
                                      "action=replace, and %s there pass "
                                      "unchanged: they are blocked; write "
                                      "action=block in that location",
                         list->name, v->name,
                         v->conf->request.native ? "requests and answers"
                                                 : "answers");
        return 1;
    }
    return 0;
}
