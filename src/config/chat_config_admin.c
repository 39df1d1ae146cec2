/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Administration at run time: ChatAdmin. The settings are in the database of
 * the server whose ChatAdmin it is, also for the virtual hosts that inherit it.
 * Config time.
 */
#include "chat_config_int.h"

#include <string.h>

/* ---- members ---- */

static const chat_server_admin_t server_unset = {
    .home = NULL,
    .on = CHAT_UNSET,
    .limits = CHAT_UNSET,
    .policies = NULL,
};

static const chat_server_admin_t server_defaults = {
    .home = NULL,
    .on = 0,
    .limits = CHAT_ADMIN_LOWER,
    .policies = CHAT_CONFIG_EMPTY(const chat_limit_conf_t *),
};

static void server_merge(void *mv, const void *basev, const void *addv,
                         apr_pool_t *p)
{
    const chat_server_admin_t *base = basev, *add = addv;
    chat_server_admin_t *m = mv;

    m->home = chat_config_pick_ptr(base->home, add->home);
    m->on = (int)chat_config_pick(base->on, add->on);
    m->limits = (int)chat_config_pick(base->limits, add->limits);
    m->policies = base->policies && add->policies
                      ? apr_array_append(p, base->policies, add->policies)
                      : chat_config_pick_ptr(base->policies, add->policies);
}

server_rec *chat_config_admin_home(const server_rec *s)
{
    const chat_server_admin_t *admin = &chat_config_server(s)->admin;

    return admin->on > 0 ? admin->home : NULL;
}

void chat_config_admin_policy(cmd_parms *cmd, const chat_limit_conf_t *policy)
{
    chat_server_admin_t *admin;

    /* A request reads .htaccess: the server's structures are not its own. */
    if (ap_check_cmd_context(cmd, NOT_IN_HTACCESS) != NULL)
        return;
    admin = &chat_config_server_of(cmd)->admin;
    if (!admin->policies)
        admin->policies =
            apr_array_make(cmd->pool, 8, sizeof(const chat_limit_conf_t *));
    APR_ARRAY_PUSH(admin->policies, const chat_limit_conf_t *) = policy;
}

/* ---- ChatAdmin on|off [limits=lower|any] ---- */

static const char *const limits_names[] = {
    [CHAT_ADMIN_LOWER] = "lower",
    [CHAT_ADMIN_ANY] = "any",
    NULL,
};

static const chat_config_rule_t options[] = {
    CHAT_CONFIG_OPTION("limits", chat_server_admin_t, limits,
                       .set = chat_config_value_name, .names = limits_names),
    {NULL}};

/* Options alone switch it on. */
static const char *set_admin(cmd_parms *cmd, void *dir, int argc,
                             char *const argv[])
{
    chat_server_conf_t *server = chat_config_server_of(cmd);
    const char *why = ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT);
    unsigned seen = 0;
    int first;

    if (!why)
        why = chat_config_check_args(cmd, argc);
    if (why)
        return why;
    first = !strchr(argv[0], '=');
    server->admin.on = 1;
    if (first)
        why = chat_config_parse_flag(&server->admin.on, cmd->cmd->name, argv[0],
                                     cmd->pool);
    if (!why)
        why = chat_config_options(&server->admin, options, &seen, cmd,
                                  argc - first, argv + first);
    if (why || !server->admin.on)
        return why;
    server->admin.home = cmd->server;
    server->store.used = 1;
    return NULL;
}

const chat_config_feature_t chat_config_admin_feature = {
    .cmds =
        {
            AP_INIT_TAKE_ARGV("ChatAdmin", set_admin, NULL, CHAT_OR_SERVER,
                              "on or off, [limits=lower|any]: settings of the "
                              "database count"),
        },
    .server = CHAT_CONFIG_SERVER(admin),
};
