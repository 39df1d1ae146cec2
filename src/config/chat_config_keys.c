/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether users may bring keys of their own, for which providers, and what
 * these are sealed with: ChatUserKeys, ChatKeySecret. Config time.
 */
#include "chat_config_int.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_seal.h"

/* ---- members ---- */

static const chat_dir_keys_t dir_unset = {
    .mode = CHAT_UNSET,
    .providers = NULL,
    .fallback = CHAT_UNSET,
    .baseurl = CHAT_UNSET,
};

static const chat_dir_keys_t dir_defaults = {
    .mode = CHAT_KEYS_OFF,
    .providers = CHAT_CONFIG_EMPTY(const char *),
    .fallback = 0,
    .baseurl = 0,
};

static void dir_merge(void *mv, const void *basev, const void *addv,
                      apr_pool_t *p)
{
    const chat_dir_keys_t *base = basev, *add = addv;
    chat_dir_keys_t *m = mv;

    m->mode = (int)chat_config_pick(base->mode, add->mode);
    m->providers = chat_config_pick_ptr(base->providers, add->providers);
    m->fallback = (int)chat_config_pick(base->fallback, add->fallback);
    m->baseurl = (int)chat_config_pick(base->baseurl, add->baseurl);
}

static const chat_server_keys_t server_unset = {
    .master = NULL,
};

static const chat_server_keys_t server_defaults = {
    .master = NULL,
};

static void server_merge(void *mv, const void *basev, const void *addv,
                         apr_pool_t *p)
{
    const chat_server_keys_t *base = basev, *add = addv;
    chat_server_keys_t *m = mv;

    m->master = chat_config_pick_ptr(base->master, add->master);
}

/* ---- ChatUserKeys ---- */

static const char *const modes[] = {
    [CHAT_KEYS_OFF] = "off",
    [CHAT_KEYS_ALLOW] = "allow",
    [CHAT_KEYS_REQUIRE] = "require",
    NULL,
};

static const char *const addresses[] = {
    [0] = "off",
    [1] = "public",
    NULL,
};

static const chat_config_rule_t options[] = {
    CHAT_CONFIG_OPTION("fallback", chat_dir_keys_t, fallback,
                       .set = chat_config_value_flag),
    CHAT_CONFIG_OPTION("baseurl", chat_dir_keys_t, baseurl,
                       .set = chat_config_value_name, .names = addresses),
    {NULL}};

static const char *add_provider(chat_dir_keys_t *keys, cmd_parms *cmd,
                                const char *name)
{
    const char *why, *word;

    why = chat_config_parse_word(&word, cmd->cmd->name, name, cmd->pool);
    if (why)
        return why;
    APR_ARRAY_PUSH(keys->providers, const char *) = word;
    chat_config_need(cmd, CHAT_NEED_PROVIDER, word);
    return NULL;
}

/* One line says all of it: what it leaves out is as the default is. */
static const char *set_user_keys(cmd_parms *cmd, void *dirv, int argc,
                                 char *const argv[])
{
    chat_dir_keys_t *keys = &((chat_dir_conf_t *)dirv)->keys;
    const char *why = chat_config_check_args(cmd, argc);
    unsigned seen = 0;
    int i;

    if (!why)
        why = ap_check_cmd_context(cmd, NOT_IN_HTACCESS);
    if (!why)
        why = chat_config_parse_name(&keys->mode, cmd->cmd->name, argv[0],
                                     modes, cmd->pool);
    if (why)
        return why;
    keys->providers = apr_array_make(cmd->pool, argc, sizeof(const char *));
    keys->fallback = keys->baseurl = 0;
    for (i = 1; !why && i < argc; i++)
        why = strchr(argv[i], '=')
                  ? chat_config_options(keys, options, &seen, cmd, 1, argv + i)
                  : add_provider(keys, cmd, argv[i]);
    if (why || keys->mode == CHAT_KEYS_OFF)
        return why;
    if (keys->mode == CHAT_KEYS_REQUIRE && keys->fallback)
        return "ChatUserKeys: require asks nobody with the house's key, so "
               "fallback=on cannot stand beside it: write allow";
    chat_config_server_of(cmd)->store.used = 1;
    chat_config_need(cmd, CHAT_NEED_SECRET, argv[0]);
    return NULL;
}

/* ---- ChatKeySecret ---- */

static const char *keep(void *out, const char *text, apr_size_t len,
                        cmd_parms *cmd)
{
    const char *why = chat_seal_keys_parse(out, text, len, cmd->pool);

    return why ? apr_psprintf(cmd->pool, "%s: %s", cmd->cmd->name, why) : NULL;
}

static const char *set_secret(cmd_parms *cmd, void *dir, const char *spec)
{
    const char *why = ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT);

    return why ? why
               : chat_config_secret_lines(
                     cmd, spec, keep, &chat_config_server_of(cmd)->keys.master);
}

const chat_config_feature_t chat_config_keys_feature = {
    .cmds =
        {
            AP_INIT_TAKE_ARGV("ChatUserKeys", set_user_keys, NULL,
                              CHAT_OR_DIRECTORY,
                              "off, allow or require, names of providers, "
                              "[fallback=on|off] [baseurl=off|public]"),
            AP_INIT_TAKE1("ChatKeySecret", set_secret, NULL, CHAT_OR_SERVER,
                          "env:NAME, file:PATH or \"exec:PATH ARGS\": what "
                          "users' keys are sealed with"),
        },
    .dir = CHAT_CONFIG_DIR(keys),
    .server = CHAT_CONFIG_SERVER(keys),
};
