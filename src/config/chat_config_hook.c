/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ChatModerationURL: services that are asked what they make of a question and
 * of its answer. None stands in .htaccess: it has a secret, and an address that
 * this server calls. Config time.
 */
#include "chat_config_int.h"

#include <stdlib.h>
#include <string.h>

#include <http_core.h>
#include <apr_lib.h>
#include <apr_strings.h>

#define NAME_MAX_LEN 32
#define NAME_CHARS                                                             \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
#define CATEGORY_CHARS NAME_CHARS "/.*"

/* ---- members ---- */

static const chat_dir_hook_t dir_unset = {
    .list = NULL,
};

static const chat_dir_hook_t dir_defaults = {
    .list = CHAT_CONFIG_EMPTY(chat_hook_conf_t *),
};

/* A service of the inner scope replaces the outer one of its name. */
static apr_array_header_t *merge_hooks(apr_pool_t *p,
                                       const apr_array_header_t *base,
                                       const apr_array_header_t *add)
{
    apr_array_header_t *all;
    int i, j;

    if (!base || !add)
        return chat_config_pick_ptr(base, add);
    all = apr_array_copy(p, base);
    for (i = 0; i < add->nelts; i++) {
        chat_hook_conf_t *inner = APR_ARRAY_IDX(add, i, chat_hook_conf_t *);

        for (j = 0; j < all->nelts; j++)
            if (!strcmp(APR_ARRAY_IDX(all, j, chat_hook_conf_t *)->name,
                        inner->name))
                break;
        if (j == all->nelts)
            apr_array_push(all);
        APR_ARRAY_IDX(all, j, chat_hook_conf_t *) = inner;
    }
    return all;
}

static void dir_merge(void *mv, const void *basev, const void *addv,
                      apr_pool_t *p)
{
    const chat_dir_hook_t *base = basev, *add = addv;
    chat_dir_hook_t *m = mv;

    m->list = merge_hooks(p, base->list, add->list);
}

static const chat_server_hook_t server_unset = {
    .all = NULL,
};

static const chat_server_hook_t server_defaults = {
    .all = NULL,
};

static void server_merge(void *mv, const void *basev, const void *addv,
                         apr_pool_t *p)
{
    const chat_server_hook_t *base = basev, *add = addv;
    chat_server_hook_t *m = mv;

    m->all = chat_config_pick_ptr(base->all, add->all);
}

/* Those that are off have done their work in merging. */
static void complete(chat_dir_conf_t *conf, apr_pool_t *p)
{
    const apr_array_header_t *all = conf->hook.list;
    apr_array_header_t *on =
        apr_array_make(p, all->nelts, sizeof(chat_hook_conf_t *));
    int i;

    for (i = 0; i < all->nelts; i++)
        if (!APR_ARRAY_IDX(all, i, chat_hook_conf_t *)->off)
            APR_ARRAY_PUSH(on, chat_hook_conf_t *) =
                APR_ARRAY_IDX(all, i, chat_hook_conf_t *);
    conf->hook.list = on;
}

/* ---- options ---- */

static const char *const format_names[] = {
    [CHAT_HOOK_GENERIC] = "generic",
    [CHAT_HOOK_OPENAI] = "openai",
    [CHAT_HOOK_LLAMA_GUARD] = "llama-guard",
    [3] = NULL,
};

static const char *const fail_names[] = {
    [0] = "open", [1] = "closed", [2] = NULL};
static const char *const run_names[] = {
    [0] = "before", [1] = "beside", [2] = NULL};
static const char *const mode_names[] = {
    [0] = "hold", [1] = "chase", [2] = NULL};
static const char *const action_names[] = {
    [0] = "block", [1] = "flag", [2] = NULL};

static const char *set_key(void *member, const chat_config_rule_t *rule,
                           cmd_parms *cmd, const char *what, const char *value)
{
    return chat_config_secret(member, cmd, value);
}

static const char *set_in(void *member, const chat_config_rule_t *rule,
                          cmd_parms *cmd, const char *what, const char *value)
{
    int *in = member;

    *in = !strcmp(value, "input")    ? CHAT_HOOK_INPUT
          : !strcmp(value, "output") ? CHAT_HOOK_OUTPUT
          : !strcmp(value, "input,output") || !strcmp(value, "output,input")
              ? CHAT_HOOK_INPUT | CHAT_HOOK_OUTPUT
              : 0;
    return *in ? NULL
               : chat_config_refuse(what, value,
                                    "input, output or input,output", cmd->pool);
}

static const char *add_threshold(apr_array_header_t *list, const char *text,
                                 const char *what, apr_pool_t *p)
{
    const char *colon = strrchr(text, ':');
    chat_hook_threshold_t *t;
    char *end;

    if (colon && colon > text && apr_isdigit(colon[1])) {
        t = apr_array_push(list);
        t->category = apr_pstrmemdup(p, text, colon - text);
        t->least = strtod(colon + 1, &end);
        if (!*end && t->least <= 1 &&
            !t->category[strspn(t->category, CATEGORY_CHARS)])
            return NULL;
    }
    return chat_config_refuse(what, text,
                              "CATEGORY:SCORE as in violence:0.8, a score of 0 "
                              "to 1, and * for every other category",
                              p);
}

static const char *set_thresholds(void *member, const chat_config_rule_t *rule,
                                  cmd_parms *cmd, const char *what,
                                  const char *value)
{
    apr_array_header_t *list =
        apr_array_make(cmd->pool, 4, sizeof(chat_hook_threshold_t));
    char *state, *text = apr_pstrdup(cmd->pool, value);
    const char *why = NULL;
    char *one = apr_strtok(text, ",", &state);

    if (!one)
        return add_threshold(list, value, what, cmd->pool);
    for (; one && !why; one = apr_strtok(NULL, ",", &state))
        why = add_threshold(list, one, what, cmd->pool);
    *(apr_array_header_t **)member = list;
    return why;
}

#define OPTION(key, member, ...)                                               \
    CHAT_CONFIG_OPTION(key, chat_hook_conf_t, member, __VA_ARGS__)

static const chat_config_rule_t options[] = {
    OPTION("format", format, .set = chat_config_value_name,
           .names = format_names),
    OPTION("key", key, .set = set_key),
    OPTION("model", model, .set = chat_config_value_string,
           .parse = chat_config_parse_model),
    OPTION("in", in, .set = set_in),
    OPTION("fail", fail, .set = chat_config_value_name, .names = fail_names),
    OPTION("run", beside, .set = chat_config_value_name, .names = run_names),
    OPTION("output-mode", chase, .set = chat_config_value_name,
           .names = mode_names),
    OPTION("output-window", window, .set = chat_config_value_bytes, .min = 128,
           .max = 65536),
    OPTION("action", flag, .set = chat_config_value_name,
           .names = action_names),
    OPTION("thresholds", thresholds, .set = set_thresholds),
    OPTION("timeout", timeout, .set = chat_config_value_time, .min = 10 * 1000,
           .max = 60 * APR_USEC_PER_SEC),
    OPTION("cache", cache, .set = chat_config_value_time,
           .min = APR_USEC_PER_SEC, .max = 86400 * APR_USEC_PER_SEC, .off = 1),
    {NULL}};

static int seen_one(unsigned seen, const char *name)
{
    return chat_config_option_seen(options, seen, name);
}

/* What the pieces say together. */
static const char *check(chat_hook_conf_t *hook, unsigned seen, apr_pool_t *p)
{
    if (hook->format != CHAT_HOOK_OPENAI && hook->thresholds)
        return "ChatModerationURL: thresholds= belongs to format=openai, which "
               "has scores";
    if (hook->format == CHAT_HOOK_GENERIC &&
        (hook->model || seen_one(seen, "action")))
        return "ChatModerationURL: model= and action= belong to format=openai "
               "and format=llama-guard: a generic service says itself what is "
               "to be done";
    if (hook->format == CHAT_HOOK_LLAMA_GUARD && !hook->model)
        return "ChatModerationURL: format=llama-guard needs the name of the "
               "model, as in model=llama-guard3";
    if (!(hook->in & CHAT_HOOK_INPUT) && seen_one(seen, "run"))
        return "ChatModerationURL: run= belongs to in=input";
    if (!(hook->in & CHAT_HOOK_OUTPUT) &&
        (seen_one(seen, "output-mode") || seen_one(seen, "output-window")))
        return "ChatModerationURL: output-mode= and output-window= belong to "
               "in=output";
    return NULL;
}

/* ---- ChatModerationURL ---- */

static const chat_hook_conf_t defaults = {
    .format = CHAT_HOOK_GENERIC,
    .in = CHAT_HOOK_INPUT,
    .fail = CHAT_UNSET,
    .window = 1024,
    .timeout = 2 * APR_USEC_PER_SEC,
    .cache = 60 * APR_USEC_PER_SEC,
    .slot = CHAT_UNSET,
};

static const char *parse_name(cmd_parms *cmd, const char *name)
{
    apr_size_t len = strspn(name, NAME_CHARS);

    if (len >= 1 && len <= NAME_MAX_LEN && !name[len])
        return NULL;
    return chat_config_refuse("ChatModerationURL", name,
                              "a name of 1 to 32 letters, digits, _ or -",
                              cmd->pool);
}

static const char *parse_service(cmd_parms *cmd, chat_hook_conf_t *hook,
                                 int argc, char *const argv[])
{
    chat_config_url_t url;
    unsigned seen = 0;
    const char *why = chat_config_parse_url(
        &url, "ChatModerationURL", argv[1],
        "https://api.openai.com/v1/moderations", cmd->pool);

    if (!why && !url.tls && !chat_config_url_is_local(url.host))
        why = chat_config_refuse("ChatModerationURL", argv[1],
                                 "https://, or a host of this machine",
                                 cmd->pool);
    if (!why)
        why =
            chat_config_options(hook, options, &seen, cmd, argc - 2, argv + 2);
    if (why)
        return why;
    hook->url = apr_pstrcat(cmd->pool, url.base, url.path, NULL);
    hook->host = url.host;
    hook->port = url.port;
    hook->counted = chat_config_moderation_slot(hook->name, cmd->pool);
    if (hook->counted < 0)
        return "ChatModerationURL: there are more than " APR_STRINGIFY(
            CHAT_MODERATION_SLOTS) " names";
    return check(hook, seen, cmd->pool);
}

static void add(chat_dir_hook_t *dir, chat_hook_conf_t *hook, cmd_parms *cmd)
{
    chat_server_hook_t *server = &chat_config_server_of(cmd)->hook;

    if (!server->all)
        server->all = apr_array_make(cmd->pool, 2, sizeof(hook));
    APR_ARRAY_PUSH(server->all, chat_hook_conf_t *) = hook;
    if (!dir->list)
        dir->list = apr_array_make(cmd->pool, 2, sizeof(hook));
    APR_ARRAY_PUSH(dir->list, chat_hook_conf_t *) = hook;
}

static const char *set_hook(cmd_parms *cmd, void *dirv, int argc,
                            char *const argv[])
{
    chat_dir_hook_t *dir = &((chat_dir_conf_t *)dirv)->hook;
    const char *why = chat_config_check_args(cmd, argc);
    chat_hook_conf_t *hook;
    int i;

    if (!why)
        why = ap_check_cmd_context(cmd, NOT_IN_HTACCESS);
    if (!why)
        why = parse_name(cmd, argv[0]);
    if (why)
        return why;
    for (i = 0; dir->list && i < dir->list->nelts; i++)
        if (!strcmp(APR_ARRAY_IDX(dir->list, i, chat_hook_conf_t *)->name,
                    argv[0]))
            return chat_config_refuse(cmd->cmd->name, argv[0], "each name once",
                                      cmd->pool);
    hook = apr_pmemdup(cmd->pool, &defaults, sizeof(defaults));
    hook->name = argv[0];
    if (argc == 2 && !strcmp(argv[1], "off"))
        hook->off = 1;
    else if (argc < 2)
        why = apr_psprintf(cmd->pool, "ChatModerationURL %s: write %s", argv[0],
                           cmd->cmd->errmsg);
    else
        why = parse_service(cmd, hook, argc, argv);
    if (!why)
        add(dir, hook, cmd);
    return why;
}

const chat_config_feature_t chat_config_hook_feature = {
    .cmds =
        {
            AP_INIT_TAKE_ARGV("ChatModerationURL", set_hook, NULL,
                              CHAT_OR_DIRECTORY,
                              "NAME URL [OPTION=VALUE ...], or NAME off"),
        },
    .dir = CHAT_CONFIG_DIR(hook),
    .server = CHAT_CONFIG_SERVER(hook),
    .complete = complete,
};
