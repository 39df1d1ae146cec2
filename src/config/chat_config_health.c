/* SPDX-License-Identifier: Apache-2.0 */
/*
 * To whom the health route shows details: ChatHealthDetails. Config time; for
 * .htaccess a request's thread with its pools.
 */
#include "chat_config_int.h"

static const chat_dir_health_t dir_unset = {
    .details = NULL,
};

static const chat_dir_health_t dir_defaults = {
    .details = NULL,
};

static void dir_merge(void *mv, const void *basev, const void *addv,
                      apr_pool_t *p)
{
    const chat_dir_health_t *base = basev, *add = addv;
    chat_dir_health_t *m = mv;

    m->details = chat_config_pick_ptr(base->details, add->details);
}

static const char *set_details(cmd_parms *cmd, void *dirv, const char *value)
{
    chat_dir_conf_t *dir = dirv;
    const char *why = chat_config_check_dir(cmd);

    return why ? why
               : chat_config_parse_expr(cmd, &dir->health.details, value, 0);
}

const chat_config_feature_t chat_config_health_feature = {
    .cmds =
        {
            AP_INIT_TAKE1("ChatHealthDetails", set_details, NULL,
                          CHAT_OR_AUTHCFG,
                          "an expression: who sees what is ready"),
        },
    .dir = CHAT_CONFIG_DIR(health),
};
