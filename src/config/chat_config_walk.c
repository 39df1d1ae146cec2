/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a location goes about its work: how often an upstream is asked again,
 * what is remembered of a session, who is told of its health. Config time; for
 * .htaccess a request's thread with its pools.
 */
#include "chat_config_int.h"

#include <apr_strings.h>

#include "chat_log.h"

static chat_server_conf_t *server_conf(cmd_parms *cmd)
{
    return ap_get_module_config(cmd->server->module_config, &chat_module);
}

/* ---- ChatRetry ---- */

static const char *set_retry(cmd_parms *cmd, chat_dir_conf_t *dir, int key,
                             const char *value)
{
    switch (key) {
    case 0:
        return chat_config_parse_time(&dir->retry_backoff, "ChatRetry backoff",
                                      value, 1000, apr_time_from_sec(60), 0,
                                      cmd->pool);
    case 1:
        return chat_config_parse_time(&dir->retry_wait, "ChatRetry wait", value,
                                      0, apr_time_from_sec(300), 0, cmd->pool);
    default:
        return chat_config_parse_flag(&dir->retry_unsafe, "ChatRetry unsafe",
                                      value, cmd->pool);
    }
}

const char *chat_config_retry(cmd_parms *cmd, void *dirv, int argc,
                              char *const argv[])
{
    static const char *const keys[] = {"backoff", "wait", "unsafe", NULL};
    chat_dir_conf_t *dir = dirv;
    const char *value, *why = chat_config_check_args(cmd, argc);
    unsigned seen = 0;
    int i, key;

    if (!why)
        why = chat_config_parse_int(&dir->retry_attempts, cmd->cmd->name,
                                    argv[0], 1, 10, cmd->pool);
    for (i = 1; i < argc && !why; i++) {
        why = chat_config_parse_pair(&key, &value, &seen, cmd->cmd->name,
                                     argv[i], keys, cmd->pool);
        if (!why)
            why = set_retry(cmd, dir, key, value);
    }
    return why;
}

/* ---- ChatContext, ChatContextStore ---- */

/* MESSAGES [bytes=BYTES] [age=TIME], or off. */
const char *chat_config_context(cmd_parms *cmd, void *dirv, int argc,
                                char *const argv[])
{
    static const char *const keys[] = {"bytes", "age", NULL};
    chat_dir_conf_t *dir = dirv;
    const char *value, *why = chat_config_check_args(cmd, argc);
    unsigned seen = 0;
    int i, key;

    if (!why && argc == 1 && strcasecmp(argv[0], "off") == 0) {
        dir->context_messages = 0;
        return NULL;
    }
    if (!why)
        why = chat_config_parse_int(&dir->context_messages, cmd->cmd->name,
                                    argv[0], 1, 1000, cmd->pool);
    for (i = 1; i < argc && !why; i++) {
        why = chat_config_parse_pair(&key, &value, &seen, cmd->cmd->name,
                                     argv[i], keys, cmd->pool);
        if (!why && key == 0)
            why = chat_config_parse_bytes(&dir->context_bytes,
                                          "ChatContext bytes", value, 256,
                                          1024 * 1024, cmd->pool);
        else if (!why)
            why = chat_config_parse_time(&dir->context_age, "ChatContext age",
                                         value, apr_time_from_sec(1),
                                         apr_time_from_sec(720 * 3600), 0,
                                         cmd->pool);
    }
    return why;
}

const char *chat_config_context_store(cmd_parms *cmd, void *dir,
                                      const char *value)
{
    chat_server_conf_t *conf = server_conf(cmd);
    const char *why = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    return why ? why
               : chat_config_parse_store(&conf->context_store,
                                         &conf->context_args, cmd, value);
}

/* ---- ChatHealthDetails ---- */

const char *chat_config_health(cmd_parms *cmd, void *dirv, const char *value)
{
    chat_dir_conf_t *dir = dirv;
    const char *why = ap_check_cmd_context(cmd, NOT_IN_LIMIT);

    return why ? why : chat_config_parse_expr(cmd, &dir->health, value, 0);
}
