/* SPDX-License-Identifier: Apache-2.0 */
/* Where a line for each chat goes: ChatLog. Config time. */
#include "chat_config_int.h"

#include <string.h>

#include <apr_strings.h>

static const chat_server_log_t server_unset = {
    .target = NULL,
    .format = CHAT_UNSET,
};

static const chat_server_log_t server_defaults = {
    .target = NULL,
    .format = CHAT_LOG_JSON,
};

/* A line has both. */
static void server_merge(void *mv, const void *basev, const void *addv,
                         apr_pool_t *p)
{
    const chat_server_log_t *base = basev, *add = addv;
    chat_server_log_t *m = mv;

    m->target = chat_config_pick_ptr(base->target, add->target);
    m->format = (int)chat_config_pick(base->format, add->format);
}

static const char *const formats[] = {
    [CHAT_LOG_JSON] = "json",
    [CHAT_LOG_ECS] = "ecs",
    NULL,
};

static const chat_config_rule_t options[] = {
    CHAT_CONFIG_OPTION("format", chat_server_log_t, format,
                       .set = chat_config_value_name, .names = formats),
    {0},
};

static const char *set_log(cmd_parms *cmd, void *dir, int argc,
                           char *const argv[])
{
    chat_server_log_t *log = &chat_config_server_of(cmd)->log;
    unsigned seen = 0;
    const char *target = argc ? argv[0] : "";

    if (!*target || !strcmp(target, "|") || argc > 2)
        return apr_pstrcat(cmd->pool, cmd->cmd->name,
                           " takes a file or \"|COMMAND\", and format=json or "
                           "format=ecs behind it",
                           NULL);
    log->format = CHAT_LOG_JSON;
    log->target = *target == '|' ? apr_pstrdup(cmd->pool, target)
                                 : ap_server_root_relative(cmd->pool, target);
    if (!log->target)
        return chat_config_refuse(cmd->cmd->name, target, "the path of a file",
                                  cmd->pool);
    return chat_config_options(log, options, &seen, cmd, argc - 1, argv + 1);
}

const chat_config_feature_t chat_config_log_feature = {
    .cmds =
        {
            AP_INIT_TAKE_ARGV("ChatLog", set_log, NULL, CHAT_OR_SERVER,
                              "a file or |COMMAND that gets a line of JSON for "
                              "each chat, format=json or format=ecs"),
        },
    .server = CHAT_CONFIG_SERVER(log),
};
