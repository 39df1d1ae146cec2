/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the mock route answers: ChatMock. Config time; for .htaccess a request's
 * thread with its pools.
 */
#include "chat_config_int.h"

static const chat_dir_mock_t dir_unset = {
    .pace = CHAT_UNSET,
    .words = CHAT_UNSET,
};

static const chat_dir_mock_t dir_defaults = {
    .pace = 50 * 1000,
    .words = 40,
};

static void dir_merge(void *mv, const void *basev, const void *addv,
                      apr_pool_t *p)
{
    const chat_dir_mock_t *base = basev, *add = addv;
    chat_dir_mock_t *m = mv;

    m->pace = chat_config_pick(base->pace, add->pace);
    m->words = chat_config_pick(base->words, add->words);
}

#define OPTION(key, member, ...)                                               \
    CHAT_CONFIG_OPTION(key, chat_dir_mock_t, member, __VA_ARGS__)

static const chat_config_rule_t options[] = {
    OPTION("pace", pace, .set = chat_config_value_time, .min = 0,
           .max = 60 * APR_USEC_PER_SEC),
    OPTION("words", words, .set = chat_config_value_int, .min = 1,
           .max = 100000),
    {NULL}};

static const char *set_mock(cmd_parms *cmd, void *dirv, int argc,
                            char *const argv[])
{
    chat_dir_conf_t *dir = dirv;
    const char *why = chat_config_check_args(cmd, argc);
    unsigned seen = 0;

    return why ? why
               : chat_config_options(&dir->mock, options, &seen, cmd, argc,
                                     argv);
}

const chat_config_feature_t chat_config_mock_feature = {
    .cmds =
        {
            AP_INIT_TAKE_ARGV("ChatMock", set_mock, NULL, CHAT_OR_FILEINFO,
                              "pace=TIME words=N of the mock route"),
        },
    .dir = CHAT_CONFIG_DIR(mock),
};
