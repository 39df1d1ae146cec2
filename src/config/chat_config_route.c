/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a location serves, and through which providers: ChatRoute, ChatUse.
 * Config time; for .htaccess a request's thread with its pools.
 */
#include "chat_config_int.h"

#include <apr_fnmatch.h>
#include <apr_strings.h>

static const char *const names[] = {
#define CHAT_ROUTE(id, name, handler, flags) [CHAT_ROUTE_##id] = name,
#include "chat_route_list.h"
#undef CHAT_ROUTE
    [CHAT_ROUTE_COUNT] = NULL};

static const unsigned flags_of[] = {
#define CHAT_ROUTE(id, name, handler, flags) [CHAT_ROUTE_##id] = flags,
#include "chat_route_list.h"
#undef CHAT_ROUTE
};

const char *chat_config_route_name(int route)
{
    return names[route];
}

unsigned chat_config_route_flags(int route)
{
    return route == CHAT_ROUTE_NONE ? 0 : flags_of[route];
}

int chat_config_route_has_users(int route)
{
    return route != CHAT_ROUTE_NONE && route != CHAT_ROUTE_mock &&
           route != CHAT_ROUTE_limits && route != CHAT_ROUTE_models &&
           route != CHAT_ROUTE_health && route != CHAT_ROUTE_metrics &&
           route != CHAT_ROUTE_openapi &&
           route != CHAT_ROUTE_shared && route != CHAT_ROUTE_webhook;
}

/* ---- members ---- */

static const chat_dir_route_t dir_unset = {
    .id = CHAT_ROUTE_NONE,
    .location = NULL,
    .defined_at = NULL,
    .use = NULL,
};

static const chat_dir_route_t dir_defaults = {
    .id = CHAT_ROUTE_NONE,
    .location = NULL,
    .defined_at = NULL,
    .use = CHAT_CONFIG_EMPTY(const char *),
};

static void dir_merge(void *mv, const void *basev, const void *addv,
                      apr_pool_t *p)
{
    const chat_dir_route_t *base = basev, *add = addv;
    chat_dir_route_t *m = mv;

    m->id = chat_config_pick(base->id, add->id);
    m->location = add->id == CHAT_ROUTE_NONE ? base->location : add->location;
    m->defined_at =
        add->id == CHAT_ROUTE_NONE ? base->defined_at : add->defined_at;
    m->use = chat_config_pick_ptr(base->use, add->use);
}

/* A passthrough route is named after the provider that it uses. */
static void complete(chat_dir_conf_t *conf, apr_pool_t *p)
{
    if (conf->route.use->nelts > 0 ||
        !(chat_config_route_flags(conf->route.id) & CHAT_ROUTE_PASSTHROUGH))
        return;
    conf->route.use = apr_array_make(p, 1, sizeof(const char *));
    APR_ARRAY_PUSH(conf->route.use, const char *) =
        chat_config_route_name(conf->route.id);
}

/* ---- directives ---- */

/* The path of the <Location> that the directive stands in; NULL when it is
 * none, or a pattern. */
static const char *location(cmd_parms *cmd)
{
    const ap_directive_t *parent = cmd->directive->parent;

    if (!parent || strcasecmp(parent->directive, "<Location") != 0 ||
        *parent->args == '~' || *cmd->path != '/' ||
        apr_fnmatch_test(cmd->path))
        return NULL;
    return cmd->path;
}

/* Which routes are told apart by what stands behind their location? */
static int has_paths(int route)
{
    return route == CHAT_ROUTE_conversations || route == CHAT_ROUTE_search ||
           route == CHAT_ROUTE_shared || route == CHAT_ROUTE_export ||
           route == CHAT_ROUTE_import || route == CHAT_ROUTE_me ||
           route == CHAT_ROUTE_keys || route == CHAT_ROUTE_admin ||
           route == CHAT_ROUTE_uploads || route == CHAT_ROUTE_chatkit_session;
}

static const char *set_route(cmd_parms *cmd, void *dirv, const char *value)
{
    chat_dir_conf_t *dir = dirv;
    chat_server_conf_t *server = chat_config_server_of(cmd);
    const char *why = chat_config_check_dir(cmd);

    if (!why)
        why = chat_config_parse_name(&dir->route.id, cmd->cmd->name, value,
                                     names, cmd->pool);
    if (why)
        return why;
    dir->route.location = location(cmd);
    if (has_paths(dir->route.id) && !dir->route.location)
        return apr_psprintf(cmd->pool,
                            "ChatRoute %s must stand in a <Location> with a "
                            "plain path: what it serves lies below that",
                            value);
    dir->route.defined_at = chat_config_where(cmd);
    chat_config_need(cmd, CHAT_HAVE_ROUTE, value);
    if (dir->route.id == CHAT_ROUTE_uploads && !server->upload.location)
        server->upload.location = dir->route.location;
    if (dir->route.id == CHAT_ROUTE_admin)
        chat_config_need(cmd, CHAT_NEED_ADMIN, value);
    if (dir->route.id == CHAT_ROUTE_uploads ||
        dir->route.id == CHAT_ROUTE_keys || dir->route.id == CHAT_ROUTE_webhook)
        server->store.used = 1;
    return NULL;
}

static const char *set_use(cmd_parms *cmd, void *dirv, int argc,
                           char *const argv[])
{
    chat_dir_conf_t *dir = dirv;
    const char *why = chat_config_set_list(cmd, dirv, argc, argv);
    int i;

    for (i = 0; !why && i < dir->route.use->nelts; i++) {
        chat_config_need(cmd, CHAT_NEED_PROVIDER,
                         APR_ARRAY_IDX(dir->route.use, i, const char *));
    }
    return why;
}

const chat_config_feature_t chat_config_route_feature = {
    .cmds =
        {
            AP_INIT_TAKE1("ChatRoute", set_route, NULL, CHAT_OR_FILEINFO,
                          "which contract this location speaks"),
            AP_INIT_TAKE_ARGV(
                "ChatUse", set_use,
                CHAT_CONFIG_IN_DIR(route.use, .parse = chat_config_parse_word),
                CHAT_OR_FILEINFO,
                "names of providers, in the order of preference"),
        },
    .dir = CHAT_CONFIG_DIR(route),
    .complete = complete,
};
