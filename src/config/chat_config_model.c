/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ChatModel and ChatModelAllow, and what the models of a server are to each
 * other: names that exist, names that mean one thing. Config time; for
 * .htaccess (ChatModelAllow) a request's thread with its pools.
 */
#include "chat_config_int.h"

#include <http_log.h>
#include <apr_strings.h>

#include "chat_json.h"
#include "chat_log.h"

#define LABEL_MAX 100
#define TOKENS_MAX 100000000

typedef enum {
    OPT_UPSTREAM,
    OPT_LABEL,
    OPT_CONTEXT,
    OPT_MAX_OUTPUT,
    OPT_PRICE_IN,
    OPT_PRICE_OUT,
    OPT_TIER,
    OPT_ALIAS,
    OPT_FALLBACK,
    OPT_WITHOUT,
    OPT_PARAMS
} option_e;

static const char *const option_names[] = {
    "upstream", "label", "context",  "max-output", "price-in", "price-out",
    "tier",     "alias", "fallback", "without",    "params",   NULL};

const char *const chat_config_capability_names[] = {
#define CHAT_CAPABILITY(id, name) name,
#include "chat_capability_list.h"
#undef CHAT_CAPABILITY
    NULL};

static const char *const params_names[] = {"drop", "refuse", NULL};

/* ---- the pieces of ChatModel ---- */

/* It is shown as JSON: what cannot be read as such is no text. */
static const char *parse_label(const char **plabel, const char *value,
                               apr_pool_t *p)
{
    const chat_json_limits_t limits = {8 * LABEL_MAX, 1, 1};
    apr_size_t len = strlen(value), i;
    const char *text = chat_json_quote(value, p);
    chat_json_t *read;
    int fine =
        len > 0 && len <= LABEL_MAX &&
        chat_json_parse(&read, text, strlen(text), &limits, p) == APR_SUCCESS;

    for (i = 0; i < len && fine; i++)
        fine = (unsigned char)value[i] >= ' ' && value[i] != 0x7f;
    *plabel = value;
    return fine ? NULL
                : chat_config_refuse("ChatModel label", value,
                                     "1 to 100 bytes of UTF-8 on one line, as "
                                     "in \"label=GPT-4o mini\"",
                                     p);
}

/* "a,b" of one kind of names. */
static const char *parse_list(apr_array_header_t *list, const char *what,
                              const char *value, chat_config_string_cb *parse,
                              apr_pool_t *p)
{
    const char *why = NULL, *rest = value;

    do {
        const char *comma = strchr(rest, ',');
        const char *word = comma ? apr_pstrmemdup(p, rest, comma - rest) : rest;

        why = parse(apr_array_push(list), what, word, p);
        rest = comma ? comma + 1 : NULL;
    } while (rest && !why);
    return why;
}

static const char *parse_without(unsigned *pwithout, const char *value,
                                 apr_pool_t *p)
{
    const char *why = NULL, *rest = value;
    int bit = 0;

    do {
        const char *comma = strchr(rest, ',');
        const char *word = comma ? apr_pstrmemdup(p, rest, comma - rest) : rest;

        why = chat_config_parse_name(&bit, "ChatModel without", word,
                                     chat_config_capability_names, p);
        *pwithout |= 1u << bit;
        rest = comma ? comma + 1 : NULL;
    } while (rest && !why);
    return why;
}

static const char *parse_option(chat_model_conf_t *model, option_e option,
                                const char *value, apr_pool_t *p)
{
    switch (option) {
    case OPT_UPSTREAM:
        return chat_config_parse_model(&model->upstream, "ChatModel upstream",
                                       value, p);
    case OPT_LABEL:
        return parse_label(&model->label, value, p);
    case OPT_CONTEXT:
        return chat_config_parse_count(&model->context, "ChatModel context",
                                       value, 1, TOKENS_MAX, p);
    case OPT_MAX_OUTPUT:
        return chat_config_parse_count(&model->max_output,
                                       "ChatModel max-output", value, 1,
                                       TOKENS_MAX, p);
    case OPT_PRICE_IN:
        return chat_config_parse_price(&model->price_in, "ChatModel price-in",
                                       value, p);
    case OPT_PRICE_OUT:
        return chat_config_parse_price(&model->price_out, "ChatModel price-out",
                                       value, p);
    case OPT_TIER:
        return parse_list(model->tiers, "ChatModel tier", value,
                          chat_config_parse_word, p);
    case OPT_ALIAS:
        return parse_list(model->aliases, "ChatModel alias", value,
                          chat_config_parse_model, p);
    case OPT_FALLBACK:
        return parse_list(model->fallback, "ChatModel fallback", value,
                          chat_config_parse_model, p);
    case OPT_WITHOUT:
        return parse_without(&model->without, value, p);
    case OPT_PARAMS:
        return chat_config_parse_name(&model->refuse, "ChatModel params", value,
                                      params_names, p);
    }
    return NULL;
}

/* ---- ChatModel ---- */

static chat_model_conf_t *create(cmd_parms *cmd)
{
    chat_model_conf_t *model = apr_pcalloc(cmd->pool, sizeof(*model));

    model->price_in = model->price_out = -1;
    model->tiers = apr_array_make(cmd->pool, 1, sizeof(const char *));
    model->aliases = apr_array_make(cmd->pool, 1, sizeof(const char *));
    model->fallback = apr_array_make(cmd->pool, 1, sizeof(const char *));
    model->defined_at = chat_config_where(cmd);
    return model;
}

static const char *parse(cmd_parms *cmd, chat_model_conf_t *model, int argc,
                         char *const argv[])
{
    const char *value, *why;
    unsigned seen = 0;
    int i, option;

    why =
        chat_config_parse_model(&model->name, "ChatModel", argv[0], cmd->pool);
    if (!why)
        why = chat_config_parse_word(&model->provider, "ChatModel", argv[1],
                                     cmd->pool);
    model->upstream = model->label = model->name;
    for (i = 2; i < argc && !why; i++) {
        why = chat_config_parse_pair(&option, &value, &seen, "ChatModel",
                                     argv[i], option_names, cmd->pool);
        if (!why)
            why = parse_option(model, option, value, cmd->pool);
    }
    return why;
}

const char *chat_config_model(cmd_parms *cmd, void *dir, int argc,
                              char *const argv[])
{
    chat_server_conf_t *conf =
        ap_get_module_config(cmd->server->module_config, &chat_module);
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
    if (!conf->models)
        conf->models =
            apr_array_make(cmd->pool, 8, sizeof(const chat_model_conf_t *));
    APR_ARRAY_PUSH(conf->models, const chat_model_conf_t *) = model;
    chat_config_need(cmd, CHAT_NEED_MODEL, model->provider);
    return NULL;
}

/* ---- ChatModelAllow ---- */

const char *chat_config_model_allow(cmd_parms *cmd, void *dirv, int argc,
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
    if (!dir->allow)
        dir->allow = apr_array_make(cmd->pool, 2, sizeof(allow));
    APR_ARRAY_PUSH(dir->allow, chat_model_allow_t) = allow;
    return NULL;
}

/* ---- all of a server's together ---- */

static const chat_model_conf_t *at(const apr_array_header_t *models, int i)
{
    return APR_ARRAY_IDX(models, i, const chat_model_conf_t *);
}

static int lists(const apr_array_header_t *names, const char *name)
{
    int i;

    for (i = 0; i < names->nelts; i++) {
        if (!strcmp(APR_ARRAY_IDX(names, i, const char *), name))
            return 1;
    }
    return 0;
}

/* A line for a name or an alias, by which another model is not meant. */
static const chat_model_conf_t *other(const apr_array_header_t *models,
                                      const char *name, const char *but)
{
    int i;

    for (i = 0; i < models->nelts; i++) {
        const chat_model_conf_t *model = at(models, i);

        if (strcmp(model->name, but) != 0 &&
            (!strcmp(model->name, name) || lists(model->aliases, name)))
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
    const apr_array_header_t *models = conf->models;
    int i, inherited = 0, faults = 0;

    if (conf != main_conf && main_conf->models)
        inherited = main_conf->models->nelts;
    if (!models || models->nelts == inherited)
        return 0;
    for (i = 0; i < models->nelts; i++)
        faults += check_aliases(s, models, at(models, i));
    for (i = inherited; i < models->nelts; i++) {
        faults += check_fallback(s, models, at(models, i)) +
                  check_twice(s, models, i);
    }
    return faults;
}
