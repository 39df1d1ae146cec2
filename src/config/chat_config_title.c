/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Titles of conversations: ChatTitleModel. Config time; for .htaccess a
 * request's thread with its pools.
 */
#include "chat_config_int.h"

/* "off" inside ends what holds outside. */
static const char none[] = "";

static const chat_dir_title_t dir_unset = {
    .model = NULL,
};

static const chat_dir_title_t dir_defaults = {
    .model = NULL,
};

static void dir_merge(void *mv, const void *basev, const void *addv,
                      apr_pool_t *p)
{
    const chat_dir_title_t *base = basev, *add = addv;
    chat_dir_title_t *m = mv;

    m->model = chat_config_pick_ptr(base->model, add->model);
}

static const char *set_model(cmd_parms *cmd, void *dirv, const char *value)
{
    chat_dir_title_t *title = &((chat_dir_conf_t *)dirv)->title;
    const char *why = chat_config_check_dir(cmd);

    if (why)
        return why;
    if (!strcasecmp(value, "off")) {
        title->model = none;
        return NULL;
    }
    title->model = value;
    chat_config_need(cmd, CHAT_NEED_TITLE, value);
    return NULL;
}

static void complete(chat_dir_conf_t *conf, apr_pool_t *p)
{
    if (conf->title.model == none)
        conf->title.model = NULL;
}

const chat_config_feature_t chat_config_title_feature = {
    .cmds =
        {
            AP_INIT_TAKE1("ChatTitleModel", set_model, NULL, CHAT_OR_FILEINFO,
                          "the ChatModel that makes titles, or off"),
        },
    .dir = CHAT_CONFIG_DIR(title),
    .complete = complete,
};
