/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may ask: the schemes, the secrets that sign sessions, and how and for how
 * long a session is found: ChatAuth and the others of that beginning. Config
 * time; what may stand in .htaccess also on a request's thread, with its pools.
 */
#include "chat_config_int.h"

#include <http_log.h>
#include <apr_strings.h>

#include "chat_log.h"

static const char *const names[] = {
#define CHAT_AUTH(id, name) [CHAT_AUTH_##id] = name,
#include "chat_auth_list.h"
#undef CHAT_AUTH
    [CHAT_AUTH_COUNT] = "none", [CHAT_AUTH_COUNT + 1] = NULL};

const char *chat_config_auth_name(int scheme)
{
    return names[scheme];
}

/* ---- members ---- */

static const char *const usual_cookies[] = {
    "__Secure-better-auth.session_token", "better-auth.session_token"};

static const apr_array_header_t default_cookies = {
    .elt_size = sizeof(const char *),
    .nelts = 2,
    .nalloc = 2,
    .elts = (char *)usual_cookies};

static const chat_dir_auth_t dir_unset = {
    .schemes = NULL,
    .secrets = NULL,
    .cookies = NULL,
    .origins = NULL,
    .insecure = CHAT_UNSET,
    .namespace = NULL,
    .bearer_unsigned = CHAT_UNSET,
};

static const chat_dir_auth_t dir_defaults = {
    .schemes = CHAT_CONFIG_EMPTY(int),
    .secrets = CHAT_CONFIG_EMPTY(const char *),
    .cookies = (apr_array_header_t *)&default_cookies,
    .origins = CHAT_CONFIG_EMPTY(const char *),
    .insecure = 1,
    .namespace = "",
    .bearer_unsigned = 0,
};

static void dir_merge(void *mv, const void *basev, const void *addv,
                      apr_pool_t *p)
{
    const chat_dir_auth_t *base = basev, *add = addv;
    chat_dir_auth_t *m = mv;

    m->schemes = chat_config_pick_ptr(base->schemes, add->schemes);
    m->secrets = chat_config_pick_ptr(base->secrets, add->secrets);
    m->cookies = chat_config_pick_ptr(base->cookies, add->cookies);
    m->origins = chat_config_pick_ptr(base->origins, add->origins);
    m->insecure = chat_config_pick(base->insecure, add->insecure);
    m->namespace = chat_config_pick_ptr(base->namespace, add->namespace);
    m->bearer_unsigned =
        chat_config_pick(base->bearer_unsigned, add->bearer_unsigned);
}

static const chat_server_auth_t server_unset = {
    .session_sql = NULL,
    .session_cache = CHAT_UNSET,
    .cache_store = NULL,
    .cache_args = NULL,
};

static const chat_server_auth_t server_defaults = {
    .session_sql = NULL,
    .session_cache = 0,
    .cache_store = NULL,
    .cache_args = NULL,
};

static void server_merge(void *mv, const void *basev, const void *addv,
                         apr_pool_t *p)
{
    const chat_server_auth_t *base = basev, *add = addv;
    chat_server_auth_t *m = mv;

    m->session_sql = chat_config_pick_ptr(base->session_sql, add->session_sql);
    m->session_cache =
        chat_config_pick(base->session_cache, add->session_cache);
    m->cache_store = chat_config_pick_ptr(base->cache_store, add->cache_store);
    m->cache_args = add->cache_store ? add->cache_args : base->cache_args;
}

/* ---- ChatAuth, ChatAuthSecret ---- */

/* Add one scheme, or say why it cannot stand there. */
static const char *add_scheme(apr_array_header_t *list, cmd_parms *cmd,
                              const char *value)
{
    int i, scheme;
    const char *why = chat_config_parse_name(&scheme, cmd->cmd->name, value,
                                             names, cmd->pool);

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
    if (scheme == CHAT_AUTH_better_auth || scheme == CHAT_AUTH_bearer ||
        scheme == CHAT_AUTH_authjs_database)
        chat_config_need(cmd, CHAT_NEED_SESSION, value);
    return NULL;
}

static const char *set_auth(cmd_parms *cmd, void *dirv, int argc,
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
    if (!why)
        dir->auth.schemes = list;
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
const char *chat_config_auth_secrets(cmd_parms *cmd, void *dir, int argc,
                                     char *const argv[])
{
    const chat_config_rule_t *rule = cmd->info;
    apr_array_header_t **list = (void *)((char *)dir + rule->offset);
    const char *secret, *why = chat_config_check_args(cmd, argc);
    int i;

    if (!why)
        why = ap_check_cmd_context(cmd, NOT_IN_HTACCESS);
    if (why)
        return why;
    if (!*list)
        *list = apr_array_make(cmd->pool, argc, sizeof(const char *));
    for (i = 0; i < argc; i++) {
        why = chat_config_secret(&secret, cmd, argv[i]);
        if (why)
            return why;
        check_strength(cmd, secret);
        APR_ARRAY_PUSH(*list, const char *) = secret;
    }
    return NULL;
}

/* Not in .htaccess either: whoever could make up users there, with a password
 * file of his own, would make them those of another scheme. */
static const char *set_namespace(cmd_parms *cmd, void *dirv, const char *value)
{
    chat_dir_conf_t *dir = dirv;
    const char *why = chat_config_check_dir(cmd);

    if (!why)
        why = ap_check_cmd_context(cmd, NOT_IN_HTACCESS);
    return why ? why
               : chat_config_parse_word(&dir->auth.namespace, cmd->cmd->name,
                                        value, cmd->pool);
}

/* Nor this one: whether somebody reads along on the way is no matter of the one
 * whose directory it is. */
static const char *set_insecure(cmd_parms *cmd, void *dirv, const char *value)
{
    chat_dir_conf_t *dir = dirv;
    const char *why = chat_config_check_dir(cmd);

    if (!why)
        why = ap_check_cmd_context(cmd, NOT_IN_HTACCESS);
    return why ? why
               : chat_config_parse_flag(&dir->auth.insecure, cmd->cmd->name,
                                        value, cmd->pool);
}

/* ---- sessions ---- */

static const char *set_session_sql(chat_server_auth_t *conf, cmd_parms *cmd,
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
static const char *set_session(cmd_parms *cmd, void *dir, const char *layout,
                               const char *more)
{
    chat_server_auth_t *conf = &chat_config_server_of(cmd)->auth;
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

static const char *set_cache(cmd_parms *cmd, void *dir, const char *value)
{
    apr_interval_time_t time;
    const char *why = ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT);

    if (!why)
        why = chat_config_parse_time(&time, cmd->cmd->name, value,
                                     apr_time_from_sec(1),
                                     apr_time_from_sec(3600), 1, cmd->pool);
    if (!why)
        chat_config_server_of(cmd)->auth.session_cache =
            (int)apr_time_sec(time);
    return why;
}

static const char *set_store(cmd_parms *cmd, void *dir, const char *value)
{
    chat_server_auth_t *conf = &chat_config_server_of(cmd)->auth;
    const char *why = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    return why ? why
               : chat_config_parse_store(&conf->cache_store, &conf->cache_args,
                                         cmd, value);
}

/* ---- directives ---- */

static const char *const bearer_names[] = {
    [0] = "signed", [1] = "unsigned", [2] = NULL};

#define LIST(member, parser) CHAT_CONFIG_IN_DIR(auth.member, .parse = parser)

const chat_config_feature_t chat_config_auth_feature = {
    .cmds =
        {
            AP_INIT_TAKE_ARGV("ChatAuth", set_auth, NULL, CHAT_OR_AUTHCFG,
                              "identity schemes in the order of trying, or "
                              "none"),
            AP_INIT_TAKE_ARGV("ChatAuthSecret", chat_config_auth_secrets,
                              CHAT_CONFIG_IN_DIR(auth.secrets),
                              CHAT_OR_DIRECTORY,
                              "env:NAME, file:PATH or \"exec:PATH ARGS\""),
            AP_INIT_TAKE_ARGV("ChatAuthCookie", chat_config_set_list,
                              LIST(cookies, chat_config_parse_cookie),
                              CHAT_OR_AUTHCFG, "names of the session cookie"),
            AP_INIT_TAKE_ARGV("ChatOrigin", chat_config_set_list,
                              LIST(origins, chat_config_parse_origin),
                              CHAT_OR_AUTHCFG,
                              "other origins whose pages may ask"),
            AP_INIT_TAKE1("ChatAuthInsecure", set_insecure, NULL,
                          CHAT_OR_DIRECTORY,
                          "whether credentials may come over plain http"),
            AP_INIT_TAKE1("ChatAuthBearer", chat_config_set,
                          CHAT_CONFIG_IN_DIR(auth.bearer_unsigned,
                                             .set = chat_config_value_name,
                                             .names = bearer_names),
                          CHAT_OR_AUTHCFG, "signed or unsigned"),
            AP_INIT_TAKE1("ChatAuthNamespace", set_namespace, NULL,
                          CHAT_OR_DIRECTORY,
                          "whose ids users have here, whatever the scheme"),
            AP_INIT_TAKE12("ChatAuthSession", set_session, NULL, CHAT_OR_SERVER,
                           "LAYOUT [admin], or sql \"SELECT ...\""),
            AP_INIT_TAKE1("ChatAuthCache", set_cache, NULL, CHAT_OR_SERVER,
                          "how long a session may be remembered, or off"),
            AP_INIT_TAKE1("ChatAuthCacheStore", set_store, NULL, CHAT_OR_SERVER,
                          "where sessions are remembered, as in "
                          "shmcb:PATH(SIZE)"),
        },
    .dir = CHAT_CONFIG_DIR(auth),
    .server = CHAT_CONFIG_SERVER(auth),
};
