/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the limits' counters are, and how their keys are shown: ChatRedis,
 * ChatLimitTable, ChatLimitKeys. Config time.
 */
#include "chat_config_int.h"

#include <apr_strings.h>

#include "chat_log.h"

#define TABLE_MIN (64 * 1024)

static chat_server_conf_t *server_conf(cmd_parms *cmd)
{
    return ap_get_module_config(cmd->server->module_config, &chat_module);
}

/* Whether the address is one is found out by who connects; a password in it
 * would stand in the configuration for all to read. */
static const char *check_url(cmd_parms *cmd, const char *url)
{
    const char *host = strstr(url, "://");
    int known = !strncmp(url, "redis://", 8) || !strncmp(url, "rediss://", 9) ||
                !strncmp(url, "unix://", 7);

    if (!known || !host[3])
        return chat_config_refuse("ChatRedis", url,
                                  "redis://HOST:PORT/DB, rediss://HOST:PORT/DB "
                                  "or unix:///PATH?db=DB",
                                  cmd->pool);
    if (strchr(host, '@'))
        return "ChatRedis takes no user or password in its URL: write user= "
               "and password=env:NAME, file:PATH or \"exec:PATH ARGS\"";
    return NULL;
}

static const char *set_ca(cmd_parms *cmd, chat_server_conf_t *conf,
                          const char *value)
{
    const char *path = ap_server_root_relative(cmd->pool, value);
    apr_finfo_t info;

    if (!*value || !path ||
        apr_stat(&info, path, APR_FINFO_TYPE, cmd->temp_pool) != APR_SUCCESS ||
        info.filetype != APR_REG)
        return chat_config_refuse("ChatRedis ca", value,
                                  "a file with certificates of CAs, in PEM",
                                  cmd->pool);
    conf->redis_ca = path;
    return NULL;
}

static const char *set_option(cmd_parms *cmd, chat_server_conf_t *conf, int key,
                              const char *value)
{
    const apr_interval_time_t least = 1000, most = apr_time_from_sec(60);

    switch (key) {
    case 0:
        conf->redis_user = value;
        return NULL;
    case 1:
        return chat_config_secret(&conf->redis_password, cmd, value);
    case 2:
        return set_ca(cmd, conf, value);
    case 3:
        return chat_config_parse_time(&conf->redis_connect, "ChatRedis connect",
                                      value, least, most, 0, cmd->pool);
    default:
        return chat_config_parse_time(&conf->redis_command, "ChatRedis command",
                                      value, least, most, 0, cmd->pool);
    }
}

const char *chat_config_redis(cmd_parms *cmd, void *dir, int argc,
                              char *const argv[])
{
    static const char *const keys[] = {"user",    "password", "ca",
                                       "connect", "command",  NULL};
    chat_server_conf_t *conf = server_conf(cmd);
    const char *value, *why = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    unsigned seen = 0;
    int i, key;

    if (!why && argc < 1)
        why = "ChatRedis takes a URL";
    if (!why)
        why = check_url(cmd, argv[0]);
    for (i = 1; i < argc && !why; i++) {
        why = chat_config_parse_pair(&key, &value, &seen, "ChatRedis", argv[i],
                                     keys, cmd->pool);
        if (!why)
            why = set_option(cmd, conf, key, value);
    }
    if (!why && conf->redis_ca && strncmp(argv[0], "rediss://", 9) != 0)
        why = "ChatRedis: ca= belongs to rediss://";
    if (!why)
        conf->redis_url = argv[0];
    return why;
}

const char *chat_config_limit_table(cmd_parms *cmd, void *dir,
                                    const char *value)
{
    const char *why = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    return why ? why
               : chat_config_parse_bytes(&server_conf(cmd)->limit_table,
                                         "ChatLimitTable", value, TABLE_MIN,
                                         APR_INT64_C(1) << 30, cmd->pool);
}

const char *chat_config_limit_keys(cmd_parms *cmd, void *dir, const char *value)
{
    static const char *const names[] = {"hashed", "clear", NULL};
    const char *why = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    return why ? why
               : chat_config_parse_name(&server_conf(cmd)->limit_keys_clear,
                                        "ChatLimitKeys", value, names,
                                        cmd->pool);
}
