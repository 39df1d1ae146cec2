/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which routes a server has, and where: its plain <Location>s with a ChatRoute
 * and "SetHandler chat". Found on the main thread, when a configuration has
 * been checked; read-only afterwards.
 */
#include "chat_config_mounts.h"
#include "chat_config_sections.h"

#include <apr_strings.h>

static apr_hash_t *mounts; /* const server_rec * to an array of chat_mount_t */

static int is_mounted(const apr_array_header_t *list, const char *path)
{
    int i;

    for (i = 0; i < list->nelts; i++)
        if (!strcmp(APR_ARRAY_IDX(list, i, chat_mount_t).path, path))
            return 1;
    return 0;
}

/* A section that says neither what is served nor that we do it is a part of
 * what stands around it. */
static int begins(const chat_section_t *section)
{
    return section->kind == CHAT_SECTION_LOCATION &&
           (section->handler == CHAT_HANDLER_CHAT ||
            (section->conf && section->conf->route.id != CHAT_ROUTE_NONE));
}

static apr_array_header_t *find(server_rec *s, apr_pool_t *p)
{
    const apr_array_header_t *sections = chat_config_sections(s, p);
    apr_array_header_t *list = apr_array_make(p, 16, sizeof(chat_mount_t));
    int i;

    for (i = 0; i < sections->nelts; i++) {
        const chat_section_t *section =
            &APR_ARRAY_IDX(sections, i, chat_section_t);
        const chat_view_t *view;

        if (!begins(section) || is_mounted(list, section->core->d))
            continue;
        view = chat_config_sections_view(s, sections, section, p);
        if (view->handler == CHAT_HANDLER_CHAT &&
            view->conf->route.id != CHAT_ROUTE_NONE)
            APR_ARRAY_PUSH(list, chat_mount_t) =
                (chat_mount_t){section->core->d, view->conf};
    }
    return list;
}

void chat_config_mounts_find(server_rec *main_server, apr_pool_t *pconf)
{
    server_rec *s;

    mounts = apr_hash_make(pconf);
    for (s = main_server; s; s = s->next)
        apr_hash_set(mounts, apr_pmemdup(pconf, &s, sizeof(s)), sizeof(s),
                     find(s, pconf));
}

const apr_array_header_t *chat_config_mounts(const server_rec *s)
{
    return apr_hash_get(mounts, &s, sizeof(s));
}
