/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How often an upstream is asked again: ChatRetry. Config time; for .htaccess a
 * request's thread with its pools.
 */
#include "chat_config_int.h"

static const chat_dir_retry_t dir_unset = {
    .attempts = CHAT_UNSET,
    .backoff = CHAT_UNSET,
    .wait = CHAT_UNSET,
    .unsafe = CHAT_UNSET,
};

static const chat_dir_retry_t dir_defaults = {
    .attempts = 1,
    .backoff = 500 * 1000,
    .wait = 10 * APR_USEC_PER_SEC,
    .unsafe = 0,
};

static void dir_merge(void *mv, const void *basev, const void *addv,
                      apr_pool_t *p)
{
    const chat_dir_retry_t *base = basev, *add = addv;
    chat_dir_retry_t *m = mv;

    m->attempts = chat_config_pick(base->attempts, add->attempts);
    m->backoff = chat_config_pick(base->backoff, add->backoff);
    m->wait = chat_config_pick(base->wait, add->wait);
    m->unsafe = chat_config_pick(base->unsafe, add->unsafe);
}

#define OPTION(key, member, ...)                                               \
    CHAT_CONFIG_OPTION(key, chat_dir_retry_t, member, __VA_ARGS__)

static const chat_config_rule_t options[] = {
    OPTION("backoff", backoff, .set = chat_config_value_time, .min = 1000,
           .max = 60 * APR_USEC_PER_SEC),
    OPTION("wait", wait, .set = chat_config_value_time, .min = 0,
           .max = 300 * APR_USEC_PER_SEC),
    OPTION("unsafe", unsafe, .set = chat_config_value_flag),
    {NULL}};

static const char *set_retry(cmd_parms *cmd, void *dirv, int argc,
                             char *const argv[])
{
    chat_dir_retry_t *retry = &((chat_dir_conf_t *)dirv)->retry;
    const char *why = chat_config_check_args(cmd, argc);
    unsigned seen = 0;

    if (!why)
        why = chat_config_parse_int(&retry->attempts, cmd->cmd->name, argv[0],
                                    1, 10, cmd->pool);
    if (why)
        return why;
    return chat_config_options(retry, options, &seen, cmd, argc - 1, argv + 1);
}

const chat_config_feature_t chat_config_retry_feature = {
    .cmds =
        {
            AP_INIT_TAKE_ARGV(
                "ChatRetry", set_retry, NULL, CHAT_OR_FILEINFO,
                "ATTEMPTS [backoff=TIME] [wait=TIME] [unsafe=on|off]"),
        },
    .dir = CHAT_CONFIG_DIR(retry),
};
