/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may ask: the schemes, the secrets that sign sessions, and how and for how
 * long a session is found. Config time; ChatAuth for .htaccess also on a
 * request's thread, with its pools.
 */
#include "chat_config_int.h"

#include <http_log.h>
#include <apr_strings.h>

#include "chat_log.h"

static chat_server_conf_t *server_conf(cmd_parms *cmd)
{
    return ap_get_module_config(cmd->server->module_config, &chat_module);
}

/* ---- ChatAuth, ChatAuthSecret ---- */

/* Add one scheme, or say why it cannot stand there. */
static const char *add_scheme(apr_array_header_t *list, cmd_parms *cmd,
                              const char *value)
{
    int i, scheme;
    const char *why = chat_config_parse_name(&scheme, cmd->cmd->name, value,
                                             chat_config_auth_names, cmd->pool);

    if (why)
        return why;
    if (scheme == CHAT_AUTH_COUNT)
        return chat_config_refuse(cmd->cmd->name, value,
                                  "none alone, or else the schemes", cmd->pool);
    for (i = 0; i < list->nelts; i++) {
        int other = APR_ARRAY_IDX(list, i, int);

        if (other == scheme)
            return chat_config_refuse(cmd->cmd->name, value, "each scheme once",
                                      cmd->pool);
        if (other == CHAT_AUTH_guest)
            return chat_config_refuse(cmd->cmd->name, value,
                                      "guest last, since it lets in whoever "
                                      "comes so far",
                                      cmd->pool);
    }
    APR_ARRAY_PUSH(list, int) = scheme;
    if (scheme == CHAT_AUTH_better_auth || scheme == CHAT_AUTH_bearer)
        chat_config_need(cmd, CHAT_NEED_SESSION, value);
    return NULL;
}

const char *chat_config_auth(cmd_parms *cmd, void *dirv, int argc,
                             char *const argv[])
{
    chat_dir_conf_t *dir = dirv;
    apr_array_header_t *list;
    const char *why = chat_config_check_args(cmd, argc);
    int i;

    if (why)
        return why;
    list = apr_array_make(cmd->pool, argc, sizeof(int));
    if (argc > 1 || strcmp(argv[0], "none") != 0) {
        for (i = 0; i < argc && !why; i++)
            why = add_scheme(list, cmd, argv[i]);
    }
    if (!why) {
        dir->auth = list;
        chat_config_need(cmd, CHAT_HAVE_AUTH, NULL);
    }
    return why;
}

/* What better-auth itself warns of. */
static void check_strength(cmd_parms *cmd, const char *secret)
{
    if (strlen(secret) >= 32)
        return;
    ap_log_error(APLOG_MARK, APLOG_WARNING, 0, cmd->server,
                 CHATNO(0111) "%s at %s: a secret of fewer than 32 characters "
                              "can be guessed from one cookie",
                 cmd->cmd->name, chat_config_where(cmd));
}

/* Not in .htaccess, also not by AllowOverrideList, which would pass it: reading
 * files and running programs as root is for the server's own files. */
const char *chat_config_auth_secret(cmd_parms *cmd, void *dirv, int argc,
                                    char *const argv[])
{
    chat_dir_conf_t *dir = dirv;
    const char *secret, *why = chat_config_check_args(cmd, argc);
    int i;

    if (!why)
        why = ap_check_cmd_context(cmd, NOT_IN_HTACCESS);
    if (why)
        return why;
    if (!dir->secrets)
        dir->secrets = apr_array_make(cmd->pool, argc, sizeof(const char *));
    for (i = 0; i < argc; i++) {
        why = chat_config_secret(&secret, cmd, argv[i]);
        if (why)
            return why;
        check_strength(cmd, secret);
        APR_ARRAY_PUSH(dir->secrets, const char *) = secret;
    }
    return NULL;
}

/* ---- sessions ---- */

static const char *set_session_sql(chat_server_conf_t *conf, cmd_parms *cmd,
                                   const char *sql)
{
    const char *what =
        apr_pstrcat(cmd->temp_pool, cmd->cmd->name, " sql", NULL);

    if (!sql)
        return chat_config_refuse(cmd->cmd->name, "sql",
                                  "the statement after it, in quotes",
                                  cmd->pool);
    return chat_config_parse_sql(&conf->session_sql, what, sql, cmd->pool);
}

/* ChatAuthSession LAYOUT [admin] | sql "SELECT ..." */
const char *chat_config_auth_session(cmd_parms *cmd, void *dir,
                                     const char *layout, const char *more)
{
    chat_server_conf_t *conf = server_conf(cmd);
    const char *why = ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT);

    if (why)
        return why;
    if (strcmp(layout, "sql") == 0)
        return set_session_sql(conf, cmd, more);
    if (more && strcmp(more, "admin") != 0)
        return chat_config_refuse(cmd->cmd->name, more,
                                  "nothing or the word admin after a layout",
                                  cmd->pool);
    conf->session_sql = chat_config_layout(layout, more != NULL);
    if (conf->session_sql)
        return NULL;
    return chat_config_refuse(
        cmd->cmd->name, layout,
        apr_psprintf(cmd->pool,
                     "a layout (%s), with the word admin after it where that "
                     "plugin is used, or sql \"SELECT ...\"",
                     chat_config_layout_names()),
        cmd->pool);
}

const char *chat_config_auth_cache(cmd_parms *cmd, void *dir, const char *value)
{
    apr_interval_time_t time;
    const char *why = ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT);

    if (!why)
        why = chat_config_parse_time(&time, cmd->cmd->name, value,
                                     apr_time_from_sec(1),
                                     apr_time_from_sec(3600), 1, cmd->pool);
    if (!why)
        server_conf(cmd)->session_cache = (int)apr_time_sec(time);
    return why;
}

const char *chat_config_auth_store(cmd_parms *cmd, void *dir, const char *value)
{
    chat_server_conf_t *conf = server_conf(cmd);
    const char *why = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    return why ? why
               : chat_config_parse_store(&conf->cache_store, &conf->cache_args,
                                         cmd, value);
}
