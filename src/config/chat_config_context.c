/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered of a session, and where: ChatContext, ChatContextStore.
 * Config time; for .htaccess a request's thread with its pools.
 */
#include "chat_config_int.h"

static const chat_dir_context_t dir_unset = {
    .messages = CHAT_UNSET,
    .bytes = CHAT_UNSET,
    .age = CHAT_UNSET,
};

static const chat_dir_context_t dir_defaults = {
    .messages = 20,
    .bytes = 32 * 1024,
    .age = 3600 * APR_USEC_PER_SEC,
};

static void dir_merge(void *mv, const void *basev, const void *addv,
                      apr_pool_t *p)
{
    const chat_dir_context_t *base = basev, *add = addv;
    chat_dir_context_t *m = mv;

    m->messages = chat_config_pick(base->messages, add->messages);
    m->bytes = chat_config_pick(base->bytes, add->bytes);
    m->age = chat_config_pick(base->age, add->age);
}

static const chat_server_context_t server_unset = {
    .store = NULL,
    .args = NULL,
};

static const chat_server_context_t server_defaults = {
    .store = NULL,
    .args = NULL,
};

static void server_merge(void *mv, const void *basev, const void *addv,
                         apr_pool_t *p)
{
    const chat_server_context_t *base = basev, *add = addv;
    chat_server_context_t *m = mv;

    m->store = chat_config_pick_ptr(base->store, add->store);
    m->args = add->store ? add->args : base->args;
}

#define OPTION(key, member, ...)                                               \
    CHAT_CONFIG_OPTION(key, chat_dir_context_t, member, __VA_ARGS__)

static const chat_config_rule_t options[] = {
    OPTION("bytes", bytes, .set = chat_config_value_bytes, .min = 256,
           .max = 1024 * 1024),
    OPTION("age", age, .set = chat_config_value_time, .min = APR_USEC_PER_SEC,
           .max = 720 * 3600 * APR_USEC_PER_SEC),
    {NULL}};

/* MESSAGES [bytes=BYTES] [age=TIME], or off. */
static const char *set_context(cmd_parms *cmd, void *dirv, int argc,
                               char *const argv[])
{
    chat_dir_context_t *context = &((chat_dir_conf_t *)dirv)->context;
    const char *why = chat_config_check_args(cmd, argc);
    unsigned seen = 0;

    if (!why && argc == 1 && strcasecmp(argv[0], "off") == 0) {
        context->messages = 0;
        return NULL;
    }
    if (!why)
        why = chat_config_parse_int(&context->messages, cmd->cmd->name, argv[0],
                                    1, 1000, cmd->pool);
    if (why)
        return why;
    return chat_config_options(context, options, &seen, cmd, argc - 1,
                               argv + 1);
}

static const char *set_store(cmd_parms *cmd, void *dir, const char *value)
{
    chat_server_context_t *context = &chat_config_server_of(cmd)->context;
    const char *why = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    return why ? why
               : chat_config_parse_store(&context->store, &context->args, cmd,
                                         value);
}

const chat_config_feature_t chat_config_context_feature = {
    .cmds =
        {
            AP_INIT_TAKE_ARGV("ChatContext", set_context, NULL,
                              CHAT_OR_FILEINFO,
                              "MESSAGES [bytes=BYTES] [age=TIME], or off"),
            AP_INIT_TAKE1("ChatContextStore", set_store, NULL, CHAT_OR_SERVER,
                          "where sessions' messages are kept, as in "
                          "shmcb:PATH(SIZE)"),
        },
    .dir = CHAT_CONFIG_DIR(context),
    .server = CHAT_CONFIG_SERVER(context),
};
