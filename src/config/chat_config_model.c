/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ChatModel, ChatModelDefault, ChatModelAllow; and what the models of a server
 * are to each other: names that exist, names that mean one thing. Config time;
 * for .htaccess (the last two) a request's thread with its pools.
 */
#include "chat_config_int.h"

#include <http_log.h>
#include <apr_strings.h>

#include "chat_json.h"
#include "chat_log.h"

#define LABEL_MAX 100
#define TOKENS_MAX 100000000

const char *const chat_config_capability_names[] = {
#define CHAT_CAPABILITY(id, name) [CHAT_CAPABILITY_##id] = name,
#include "chat_capability_list.h"
#undef CHAT_CAPABILITY
    [CHAT_CAPABILITY_COUNT] = NULL};

/* ---- members ---- */

static const chat_dir_model_t dir_unset = {
    .default_name = NULL,
    .allow = NULL,
};

static const chat_dir_model_t dir_defaults = {
    .default_name = NULL,
    .allow = CHAT_CONFIG_EMPTY(chat_model_allow_t),
};

static void dir_merge(void *mv, const void *basev, const void *addv,
                      apr_pool_t *p)
{
    const chat_dir_model_t *base = basev, *add = addv;
    chat_dir_model_t *m = mv;

    m->default_name =
        chat_config_pick_ptr(base->default_name, add->default_name);
    m->allow = chat_config_pick_ptr(base->allow, add->allow);
}

static const chat_server_model_t server_unset = {
    .list = NULL,
};

static const chat_server_model_t server_defaults = {
    .list = CHAT_CONFIG_EMPTY(const chat_model_conf_t *),
};

/* A virtual host has the main server's models and its own. */
static void server_merge(void *mv, const void *basev, const void *addv,
                         apr_pool_t *p)
{
    const chat_server_model_t *base = basev, *add = addv;
    chat_server_model_t *m = mv;

    m->list = base->list && add->list
                  ? apr_array_append(p, base->list, add->list)
                  : chat_config_pick_ptr(base->list, add->list);
}

const apr_array_header_t *chat_config_models(const server_rec *s)
{
    return chat_config_server(s)->model.list;
}

/* ---- the pieces of ChatModel ---- */

/* It is shown as JSON: what cannot be read as such is no text. */
static const char *set_label(void *member, const chat_config_rule_t *rule,
                             cmd_parms *cmd, const char *what,
                             const char *value)
{
    const chat_json_limits_t limits = {8 * LABEL_MAX, 1, 1};
    apr_size_t len = strlen(value), i;
    const char *text = chat_json_quote(value, cmd->pool);
    chat_json_t *read;
    int fine = len > 0 && len <= LABEL_MAX &&
               chat_json_parse(&read, text, strlen(text), &limits, cmd->pool) ==
                   APR_SUCCESS;

    for (i = 0; i < len && fine; i++)
        fine = (unsigned char)value[i] >= ' ' && value[i] != 0x7f;
    *(const char **)member = value;
    return fine ? NULL
                : chat_config_refuse(what, value,
                                     "1 to 100 bytes of UTF-8 on one line, as "
                                     "in \"label=GPT-4o mini\"",
                                     cmd->pool);
}

static const char *set_without(void *member, const chat_config_rule_t *rule,
                               cmd_parms *cmd, const char *what,
                               const char *value)
{
    unsigned *without = member;
    const char *why = NULL, *rest = value;
    int bit = 0;

    do {
        const char *comma = strchr(rest, ',');
        const char *word =
            comma ? apr_pstrmemdup(cmd->pool, rest, comma - rest) : rest;

        why = chat_config_parse_name(&bit, what, word,
                                     chat_config_capability_names, cmd->pool);
        *without |= 1u << bit;
        rest = comma ? comma + 1 : NULL;
    } while (rest && !why);
    return why;
}

static const char *const params_names[] = {
    [0] = "drop", [1] = "refuse", [2] = NULL};

#define OPTION(key, member, ...)                                               \
    CHAT_CONFIG_OPTION(key, chat_model_conf_t, member, __VA_ARGS__)

static const chat_config_rule_t options[] = {
    OPTION("upstream", upstream, .set = chat_config_value_string,
           .parse = chat_config_parse_model),
    OPTION("label", label, .set = set_label),
    OPTION("context", context, .set = chat_config_value_count, .min = 1,
           .max = TOKENS_MAX),
    OPTION("max-output", max_output, .set = chat_config_value_count, .min = 1,
           .max = TOKENS_MAX),
    OPTION("price-in", price.in, .set = chat_config_value_price),
    OPTION("price-out", price.out, .set = chat_config_value_price),
    OPTION("price-cached", price.cached, .set = chat_config_value_price),
    OPTION("price-reasoning", price.thought, .set = chat_config_value_price),
    OPTION("tier", tiers, .set = chat_config_value_strings,
           .parse = chat_config_parse_word),
    OPTION("alias", aliases, .set = chat_config_value_strings,
           .parse = chat_config_parse_model),
    OPTION("fallback", fallback, .set = chat_config_value_strings,
           .parse = chat_config_parse_model),
    OPTION("without", without, .set = set_without),
    OPTION("params", refuse, .set = chat_config_value_name,
           .names = params_names),
    {NULL}};

/* ---- ChatModel ---- */

static chat_model_conf_t *create(cmd_parms *cmd)
{
    chat_model_conf_t *model = apr_pcalloc(cmd->pool, sizeof(*model));

    model->price = (chat_price_t)CHAT_PRICE_UNKNOWN;
    model->tiers = apr_array_make(cmd->pool, 1, sizeof(const char *));
    model->aliases = apr_array_make(cmd->pool, 1, sizeof(const char *));
    model->fallback = apr_array_make(cmd->pool, 1, sizeof(const char *));
    model->defined_at = chat_config_where(cmd);
    return model;
}

static const char *parse(cmd_parms *cmd, chat_model_conf_t *model, int argc,
                         char *const argv[])
{
    unsigned seen = 0;
    const char *why =
        chat_config_parse_model(&model->name, "ChatModel", argv[0], cmd->pool);

    if (!why)
        why = chat_config_parse_word(&model->provider, "ChatModel", argv[1],
                                     cmd->pool);
    model->upstream = model->label = model->name;
    if (!why)
        why =
            chat_config_options(model, options, &seen, cmd, argc - 2, argv + 2);
    return why;
}

static const char *set_model(cmd_parms *cmd, void *dir, int argc,
                             char *const argv[])
{
    chat_server_model_t *models = &chat_config_server_of(cmd)->model;
    const char *why = ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT);
    chat_model_conf_t *model;

    if (why)
        return why;
    if (argc < 2)
        return apr_psprintf(cmd->pool, "ChatModel takes %s", cmd->cmd->errmsg);
    model = create(cmd);
    why = parse(cmd, model, argc, argv);
    if (why)
        return why;
    if (!models->list)
        models->list =
            apr_array_make(cmd->pool, 8, sizeof(const chat_model_conf_t *));
    APR_ARRAY_PUSH(models->list, const chat_model_conf_t *) = model;
    chat_config_need(cmd, CHAT_NEED_MODEL, model->provider);
    return NULL;
}

/* ---- ChatModelAllow ---- */

static const char *set_allow(cmd_parms *cmd, void *dirv, int argc,
                             char *const argv[])
{
    chat_dir_conf_t *dir = dirv;
    const char *why = chat_config_check_args(cmd, argc);
    chat_model_allow_t allow = {NULL, NULL};
    int i = 0;

    if (!why && strncmp(argv[0], "tier=", 5) == 0)
        why = chat_config_parse_word(&allow.tier, "ChatModelAllow tier",
                                     argv[i++] + 5, cmd->pool);
    if (!why && i == argc)
        why = apr_psprintf(cmd->pool, "%s takes %s", cmd->cmd->name,
                           cmd->cmd->errmsg);
    allow.names = apr_array_make(cmd->pool, argc, sizeof(const char *));
    for (; i < argc && !why; i++)
        why = chat_config_parse_pattern(apr_array_push(allow.names),
                                        cmd->cmd->name, argv[i], cmd->pool);
    if (why)
        return why;
    if (!dir->model.allow)
        dir->model.allow = apr_array_make(cmd->pool, 2, sizeof(allow));
    APR_ARRAY_PUSH(dir->model.allow, chat_model_allow_t) = allow;
    return NULL;
}

/* ---- all of a server's together ---- */

static const chat_model_conf_t *at(const apr_array_header_t *models, int i)
{
    return APR_ARRAY_IDX(models, i, const chat_model_conf_t *);
}

/* A line for a name or an alias, by which another model is not meant. */
static const chat_model_conf_t *other(const apr_array_header_t *models,
                                      const char *name, const char *but)
{
    int i;

    for (i = 0; i < models->nelts; i++) {
        const chat_model_conf_t *model = at(models, i);

        if (strcmp(model->name, but) != 0 &&
            (!strcmp(model->name, name) ||
             ap_array_str_contains(model->aliases, name)))
            return model;
    }
    return NULL;
}

static int check_fallback(server_rec *s, const apr_array_header_t *models,
                          const chat_model_conf_t *model)
{
    int i, faults = 0;

    for (i = 0; i < model->fallback->nelts; i++) {
        const char *name = APR_ARRAY_IDX(model->fallback, i, const char *);

        if (other(models, name, model->name))
            continue;
        ap_log_error(APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, s,
                     CHATNO(0105) "ChatModel %s at %s has fallback=%s, which "
                                  "is no other model of this server",
                     model->name, model->defined_at, name);
        faults++;
    }
    return faults;
}

static int check_aliases(server_rec *s, const apr_array_header_t *models,
                         const chat_model_conf_t *model)
{
    int i, faults = 0;

    for (i = 0; i < model->aliases->nelts; i++) {
        const char *name = APR_ARRAY_IDX(model->aliases, i, const char *);
        const chat_model_conf_t *same = other(models, name, model->name);

        if (!same)
            continue;
        ap_log_error(APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, s,
                     CHATNO(0106) "ChatModel %s at %s has alias=%s, which "
                                  "stands for the model %s at %s",
                     model->name, model->defined_at, name, same->name,
                     same->defined_at);
        faults++;
    }
    return faults;
}

static int check_twice(server_rec *s, const apr_array_header_t *models, int n)
{
    const chat_model_conf_t *model = at(models, n);
    int i;

    for (i = 0; i < n; i++) {
        const chat_model_conf_t *first = at(models, i);

        if (strcmp(model->name, first->name) != 0 ||
            strcmp(model->provider, first->provider) != 0)
            continue;
        ap_log_error(APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, s,
                     CHATNO(0107) "ChatModel %s at %s has the provider %s, as "
                                  "it already has at %s: write one of them",
                     model->name, model->defined_at, model->provider,
                     first->defined_at);
        return 1;
    }
    return 0;
}

/* An inherited alias may be what a host calls a model of its own. */
int chat_config_model_check(server_rec *s, const chat_server_conf_t *conf,
                            const chat_server_conf_t *main_conf)
{
    const apr_array_header_t *models = conf->model.list;
    int i, inherited = 0, faults = 0;

    if (conf != main_conf)
        inherited = main_conf->model.list->nelts;
    if (models->nelts == inherited)
        return 0;
    for (i = 0; i < models->nelts; i++)
        faults += check_aliases(s, models, at(models, i));
    for (i = inherited; i < models->nelts; i++) {
        faults += check_fallback(s, models, at(models, i)) +
                  check_twice(s, models, i);
    }
    return faults;
}

/* ---- directives ---- */

const chat_config_feature_t chat_config_model_feature = {
    .cmds =
        {
            AP_INIT_TAKE_ARGV("ChatModel", set_model, NULL, CHAT_OR_SERVER,
                              "NAME PROVIDER [OPTION=VALUE ...]"),
            AP_INIT_TAKE1("ChatModelDefault", chat_config_set,
                          CHAT_CONFIG_IN_DIR(model.default_name,
                                             .set = chat_config_value_string,
                                             .parse = chat_config_parse_model),
                          CHAT_OR_FILEINFO,
                          "the model when the client names none"),
            AP_INIT_TAKE_ARGV("ChatModelAllow", set_allow, NULL, CHAT_OR_LIMIT,
                              "[tier=NAME] PATTERN...: the models that may be "
                              "used"),
        },
    .dir = CHAT_CONFIG_DIR(model),
    .server = CHAT_CONFIG_SERVER(model),
};
