/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How Redis is reached, which has the limits' counters: ChatRedis. Config time,
 * main thread.
 */
#include "chat_config_int.h"

static const chat_server_redis_t server_unset = {
    .url = NULL,
    .user = NULL,
    .ca = NULL,
    .password = NULL,
    .connect = CHAT_UNSET,
    .command = CHAT_UNSET,
};

static const chat_server_redis_t server_defaults = {
    .url = NULL,
    .user = NULL,
    .ca = NULL,
    .password = NULL,
    .connect = 200 * 1000,
    .command = 100 * 1000,
};

static void server_merge(void *mv, const void *basev, const void *addv,
                         apr_pool_t *p)
{
    const chat_server_redis_t *base = basev, *add = addv;
    chat_server_redis_t *m = mv;

    m->url = chat_config_pick_ptr(base->url, add->url);
    m->user = chat_config_pick_ptr(base->user, add->user);
    m->ca = chat_config_pick_ptr(base->ca, add->ca);
    m->password = chat_config_pick_ptr(base->password, add->password);
    m->connect = chat_config_pick(base->connect, add->connect);
    m->command = chat_config_pick(base->command, add->command);
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

/* ---- options ---- */

static const char *set_user(void *member, const chat_config_rule_t *rule,
                            cmd_parms *cmd, const char *what, const char *value)
{
    *(const char **)member = value;
    return NULL;
}

static const char *set_password(void *member, const chat_config_rule_t *rule,
                                cmd_parms *cmd, const char *what,
                                const char *value)
{
    return chat_config_secret(member, cmd, value);
}

static const char *set_ca(void *member, const chat_config_rule_t *rule,
                          cmd_parms *cmd, const char *what, const char *value)
{
    const char *path = ap_server_root_relative(cmd->pool, value);
    apr_finfo_t info;

    if (!*value || !path ||
        apr_stat(&info, path, APR_FINFO_TYPE, cmd->temp_pool) != APR_SUCCESS ||
        info.filetype != APR_REG)
        return chat_config_refuse(
            what, value, "a file with certificates of CAs, in PEM", cmd->pool);
    *(const char **)member = path;
    return NULL;
}

#define OPTION(key, member, ...)                                               \
    CHAT_CONFIG_OPTION(key, chat_server_redis_t, member, __VA_ARGS__)
#define WAIT_MIN 1000
#define WAIT_MAX (60 * APR_USEC_PER_SEC)

static const chat_config_rule_t options[] = {
    OPTION("user", user, .set = set_user),
    OPTION("password", password, .set = set_password),
    OPTION("ca", ca, .set = set_ca),
    OPTION("connect", connect, .set = chat_config_value_time, .min = WAIT_MIN,
           .max = WAIT_MAX),
    OPTION("command", command, .set = chat_config_value_time, .min = WAIT_MIN,
           .max = WAIT_MAX),
    {NULL}};

static const char *set_redis(cmd_parms *cmd, void *dir, int argc,
                             char *const argv[])
{
    chat_server_redis_t *redis = &chat_config_server_of(cmd)->redis;
    const char *why = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    unsigned seen = 0;

    if (!why && argc < 1)
        why = "ChatRedis takes a URL";
    if (!why)
        why = check_url(cmd, argv[0]);
    if (!why)
        why =
            chat_config_options(redis, options, &seen, cmd, argc - 1, argv + 1);
    if (!why && redis->ca && strncmp(argv[0], "rediss://", 9) != 0)
        why = "ChatRedis: ca= belongs to rediss://";
    if (!why)
        redis->url = argv[0];
    return why;
}

const chat_config_feature_t chat_config_redis_feature = {
    .cmds =
        {
            AP_INIT_TAKE_ARGV("ChatRedis", set_redis, NULL, CHAT_OR_SERVER,
                              "URL [user=NAME] [password=SECRET] [ca=FILE] "
                              "[connect=TIME] [command=TIME]"),
        },
    .server = CHAT_CONFIG_SERVER(redis),
};
