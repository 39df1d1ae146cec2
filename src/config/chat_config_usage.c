/* SPDX-License-Identifier: Apache-2.0 */
/* Is it kept what users use, and how soon: ChatUsage. Config time. */
#include "chat_config_int.h"

#include <string.h>

static const chat_dir_usage_t dir_unset = {
    .mode = CHAT_UNSET,
};

static const chat_dir_usage_t dir_defaults = {
    .mode = CHAT_USAGE_OFF,
};

static void dir_merge(void *mv, const void *basev, const void *addv,
                      apr_pool_t *p)
{
    const chat_dir_usage_t *base = basev, *add = addv;
    chat_dir_usage_t *m = mv;

    m->mode = (int)chat_config_pick(base->mode, add->mode);
}

static const chat_server_usage_t server_unset = {
    .every = CHAT_UNSET,
};

static const chat_server_usage_t server_defaults = {
    .every = 0,
};

static void server_merge(void *mv, const void *basev, const void *addv,
                         apr_pool_t *p)
{
    const chat_server_usage_t *base = basev, *add = addv;
    chat_server_usage_t *m = mv;

    m->every = chat_config_pick(base->every, add->every);
}

#define BATCH "batch="
#define EVERY_MIN apr_time_from_sec(1)
#define EVERY_MAX apr_time_from_sec(3600)

static const char *const modes[] = {
    [CHAT_USAGE_OFF] = "off",
    [CHAT_USAGE_ON] = "on",
    NULL,
};

/* A process has one batch: of several times the shortest counts. */
static const char *set_batch(cmd_parms *cmd, int *mode, const char *value)
{
    chat_server_usage_t *usage = &chat_config_server_of(cmd)->usage;
    apr_interval_time_t every;
    const char *why = chat_config_parse_time(
        &every, "ChatUsage batch", value, EVERY_MIN, EVERY_MAX, 0, cmd->pool);

    *mode = CHAT_USAGE_BATCH;
    if (!why && (usage->every == CHAT_UNSET || every < usage->every))
        usage->every = every;
    return why;
}

static const char *set_usage(cmd_parms *cmd, void *dirv, const char *value)
{
    int *mode = &((chat_dir_conf_t *)dirv)->usage.mode;
    const char *why = chat_config_check_dir(cmd);

    if (!why && !strncmp(value, BATCH, sizeof(BATCH) - 1))
        why = set_batch(cmd, mode, value + sizeof(BATCH) - 1);
    else if (!why && chat_config_parse_name(mode, cmd->cmd->name, value, modes,
                                            cmd->pool))
        why = chat_config_refuse(cmd->cmd->name, value,
                                 "off, on, or batch=TIME as in batch=10s",
                                 cmd->pool);
    if (!why && *mode != CHAT_USAGE_OFF)
        chat_config_server_of(cmd)->store.used = 1;
    return why;
}

const chat_config_feature_t chat_config_usage_feature = {
    .cmds =
        {
            AP_INIT_TAKE1("ChatUsage", set_usage, NULL, CHAT_OR_DIRECTORY,
                          "off, on or batch=TIME: keep what users use in the "
                          "database"),
        },
    .dir = CHAT_CONFIG_DIR(usage),
    .server = CHAT_CONFIG_SERVER(usage),
};
