/* SPDX-License-Identifier: Apache-2.0 */
/*
 * <ChatProvider NAME> and the directives in it. While httpd walks the section,
 * the provider is found by the name in the section's own line, so nothing has
 * to be kept between two directives. Main thread, config time.
 */
#include "chat_config_int.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_uri.h>

#include "chat_log.h"

#define SECTION "<ChatProvider"

#define VERSION_MAX 32
#define LABEL_MAX 100
#define VERSION_CHARS                                                          \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

/* What a type is called, and what it has, see chat_provider_list.h. */
static const char *const type_names[] = {
#define CHAT_PROVIDER(id, name, caps) [CHAT_PROVIDER_##id] = name,
#include "chat_provider_list.h"
#undef CHAT_PROVIDER
    [CHAT_PROVIDER_COUNT] = NULL};

static const unsigned caps_of[] = {
#define CHAT_PROVIDER(id, name, caps) [CHAT_PROVIDER_##id] = caps,
#include "chat_provider_list.h"
#undef CHAT_PROVIDER
};

/* ---- members ---- */

static const chat_server_provider_t server_unset = {
    .by_name = NULL,
};

static const chat_server_provider_t server_defaults = {
    .by_name = NULL,
};

/*
 * A virtual host has the main server's providers and its own. A section of the
 * same name replaces the whole provider: were members inherited, a host that
 * only changes the URL would send the main server's key there.
 */
static void server_merge(void *mv, const void *basev, const void *addv,
                         apr_pool_t *p)
{
    const chat_server_provider_t *base = basev, *add = addv;
    chat_server_provider_t *m = mv;

    m->by_name = base->by_name && add->by_name
                     ? apr_hash_overlay(p, add->by_name, base->by_name)
                     : chat_config_pick_ptr(base->by_name, add->by_name);
}

static chat_provider_conf_t *find(const chat_server_conf_t *conf,
                                  const char *name)
{
    return conf->provider.by_name
               ? apr_hash_get(conf->provider.by_name, name, APR_HASH_KEY_STRING)
               : NULL;
}

const char *chat_config_provider_type(const chat_provider_conf_t *conf)
{
    return type_names[conf->type];
}

unsigned chat_config_provider_caps(const chat_provider_conf_t *conf)
{
    return caps_of[conf->type];
}

const chat_provider_conf_t *chat_config_provider(const server_rec *s,
                                                 const char *name)
{
    return find(chat_config_server(s), name);
}

/* ---- the section ---- */

/* NAME of "<ChatProvider NAME>"; args is what follows the first word. */
static const char *section_name(const char **pname, const char *args,
                                apr_pool_t *p)
{
    const char *end = ap_strrchr_c(args, '>');
    const char *rest;

    if (!end)
        return SECTION "> directive missing closing '>'";
    rest = apr_pstrmemdup(p, args, end - args);
    *pname = ap_getword_conf(p, &rest);
    if (!**pname || *rest)
        return SECTION "> takes one name, as in <ChatProvider openai>";
    return chat_config_parse_word(pname, SECTION ">", *pname, p);
}

/* The directives of a section are those of this file, but for its own. */
static const char *const *section_directives(apr_pool_t *p)
{
    const command_rec *cmds = chat_config_provider_feature.cmds;
    apr_array_header_t *names =
        apr_array_make(p, CHAT_CONFIG_CMDS_MAX + 1, sizeof(const char *));
    int i;

    for (i = 0; i < CHAT_CONFIG_CMDS_MAX && cmds[i].name; i++) {
        if (*cmds[i].name != '<')
            APR_ARRAY_PUSH(names, const char *) = cmds[i].name;
    }
    APR_ARRAY_PUSH(names, const char *) = NULL;
    return (const char *const *)names->elts;
}

static int belongs(const char *name, const char *const *names)
{
    for (; *names; names++) {
        if (strcasecmp(*names, name) == 0)
            return 1;
    }
    return 0;
}

/* Anything else would take effect outside, where nobody would look for it. */
static const char *check_children(cmd_parms *cmd, const char *name)
{
    const ap_directive_t *child = cmd->directive->first_child;
    const char *const *names = section_directives(cmd->temp_pool);

    for (; child; child = child->next) {
        if (!belongs(child->directive, names)) {
            cmd->err_directive = child;
            return apr_psprintf(cmd->pool,
                                "%s cannot stand in <ChatProvider %s>: "
                                "accepted there is %s",
                                child->directive, name,
                                chat_config_listed(names, cmd->temp_pool));
        }
    }
    return NULL;
}

static chat_provider_conf_t *create(cmd_parms *cmd, const char *name)
{
    chat_provider_conf_t *conf = apr_pcalloc(cmd->pool, sizeof(*conf));

    conf->name = name;
    conf->type = CHAT_UNSET;
    conf->api = CHAT_UNSET;
    conf->store = CHAT_UNSET;
    conf->trace = CHAT_UNSET;
    conf->signs = CHAT_UNSET;
    conf->breaker_failures = CHAT_UNSET;
    conf->breaker_cooldown = CHAT_UNSET;
    conf->slot = CHAT_UNSET;
    conf->timeouts.connect = CHAT_UNSET;
    conf->timeouts.first = CHAT_UNSET;
    conf->timeouts.idle = CHAT_UNSET;
    conf->timeouts.total = CHAT_UNSET;
    conf->defined_at = chat_config_where(cmd);
    return conf;
}

static void fill(apr_interval_time_t *pvalue, apr_interval_time_t value)
{
    if (*pvalue == CHAT_UNSET)
        *pvalue = value;
}

/* It is written there what only types with that bit have. */
static const char *refuse_type(cmd_parms *cmd, const chat_provider_conf_t *conf,
                               const char *what, unsigned cap)
{
    apr_array_header_t *names =
        apr_array_make(cmd->temp_pool, 8, sizeof(const char *));
    int i;

    for (i = 0; type_names[i]; i++) {
        if (caps_of[i] & cap)
            APR_ARRAY_PUSH(names, const char *) = type_names[i];
    }
    APR_ARRAY_PUSH(names, const char *) = NULL;
    return apr_psprintf(
        cmd->pool,
        "<ChatProvider %s> has %s, which only a provider of "
        "the type %s knows",
        conf->name, what,
        chat_config_listed((const char *const *)names->elts, cmd->temp_pool));
}

/* What belongs to some types only. */
static const char *complete_api(cmd_parms *cmd, chat_provider_conf_t *conf)
{
    int responses = (caps_of[conf->type] & CHAT_PROVIDER_RESPONSES) != 0;

    if (conf->api == CHAT_API_RESPONSES && !responses)
        return refuse_type(cmd, conf, "\"ChatProviderAPI responses\"",
                           CHAT_PROVIDER_RESPONSES);
    if (conf->version && !(caps_of[conf->type] & CHAT_PROVIDER_VERSION))
        return refuse_type(cmd, conf, "a ChatProviderVersion",
                           CHAT_PROVIDER_VERSION);
    conf->api_pinned = conf->api != CHAT_UNSET;
    if (!conf->api_pinned)
        conf->api = responses ? CHAT_API_RESPONSES : CHAT_API_COMPLETIONS;
    if (conf->trace == CHAT_UNSET)
        conf->trace = (caps_of[conf->type] & CHAT_PROVIDER_TRACED) != 0;
    return NULL;
}

/* The section is read: every member gets a value, or a sentence why not. */
static const char *complete(cmd_parms *cmd, chat_provider_conf_t *conf)
{
    const char *why;

    if (conf->type == CHAT_UNSET &&
        chat_config_parse_name(&conf->type, SECTION, conf->name, type_names,
                               cmd->pool) != NULL) {
        return apr_psprintf(
            cmd->pool,
            "<ChatProvider %s> needs a ChatProviderType, for \"%s\" is none: "
            "write %s",
            conf->name, conf->name, chat_config_listed(type_names, cmd->pool));
    }
    if (!conf->url) {
        return apr_psprintf(cmd->pool,
                            "<ChatProvider %s> needs a ChatProviderURL, as in "
                            "ChatProviderURL https://api.openai.com/v1",
                            conf->name);
    }
    why = complete_api(cmd, conf);
    if (why)
        return why;
    if (conf->signs == CHAT_UNSET)
        conf->signs = 0;
    if (conf->signs && !(caps_of[conf->type] & CHAT_PROVIDER_RELAYED))
        return refuse_type(cmd, conf, "\"ChatProviderKey jwt:\"",
                           CHAT_PROVIDER_RELAYED);
    if (conf->store == CHAT_UNSET)
        conf->store = 0;
    if (!conf->keys)
        conf->keys = apr_array_make(cmd->pool, 0, sizeof(const char *));
    if (conf->breaker_failures == CHAT_UNSET)
        conf->breaker_failures = 5;
    fill(&conf->breaker_cooldown, apr_time_from_sec(30));
    fill(&conf->timeouts.connect, apr_time_from_sec(5));
    fill(&conf->timeouts.first, apr_time_from_sec(60));
    fill(&conf->timeouts.idle, apr_time_from_sec(60));
    fill(&conf->timeouts.total, apr_time_from_sec(600));
    return NULL;
}

static const char *set_section(cmd_parms *cmd, void *dir, const char *arg)
{
    chat_server_conf_t *server = chat_config_server_of(cmd);
    chat_provider_conf_t *conf;
    const char *name, *why;

    if ((why = ap_check_cmd_context(cmd, NOT_IN_DIR_CONTEXT)) != NULL ||
        (why = section_name(&name, arg, cmd->pool)) != NULL ||
        (why = check_children(cmd, name)) != NULL)
        return why;
    conf = find(server, name);
    if (conf) {
        return apr_psprintf(cmd->pool,
                            "<ChatProvider %s> is already defined at %s: give "
                            "it another name, or add to that section",
                            name, conf->defined_at);
    }
    conf = create(cmd, name);
    if (!server->provider.by_name)
        server->provider.by_name = apr_hash_make(cmd->pool);
    apr_hash_set(server->provider.by_name, name, APR_HASH_KEY_STRING, conf);
    why = ap_walk_config(cmd->directive->first_child, cmd, cmd->context);
    return why ? why : complete(cmd, conf);
}

/* ---- the directives in it ---- */

/* The provider whose section this directive stands in. */
static const char *current(chat_provider_conf_t **pconf, cmd_parms *cmd)
{
    const ap_directive_t *parent = cmd->directive->parent;
    const char *name;

    if (!parent || strcasecmp(parent->directive, SECTION) != 0) {
        return apr_psprintf(cmd->pool,
                            "%s belongs in a <ChatProvider NAME> section",
                            cmd->cmd->name);
    }
    section_name(&name, parent->args, cmd->temp_pool);
    *pconf = find(chat_config_server_of(cmd), name);
    return NULL;
}

/* A directive with a rule for a member of the provider. */
static const char *set_member(cmd_parms *cmd, void *dir, const char *value)
{
    chat_provider_conf_t *conf;
    const char *why = current(&conf, cmd);

    return why ? why
               : chat_config_apply(conf, cmd->info, cmd, cmd->cmd->name, value);
}

static const char *value_auth(void *member, const chat_config_rule_t *rule,
                              cmd_parms *cmd, const char *what,
                              const char *value)
{
    static const struct {
        const char *name;
        chat_key_e key;
    } keys[] = {{"bearer", CHAT_KEY_BEARER},
                {"api-key", CHAT_KEY_API_KEY},
                {"x-api-key", CHAT_KEY_X_API_KEY},
                {"x-goog-api-key", CHAT_KEY_X_GOOG}};
    /* The names alone, in the same order, for the sentence. */
    const char *names[sizeof(keys) / sizeof(keys[0]) + 1] = {NULL};
    int *pkey = member;
    const char *why;
    apr_size_t i;

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        names[i] = keys[i].name;
    why = chat_config_parse_name(pkey, what, value, names, cmd->pool);
    if (!why)
        *pkey = keys[*pkey].key;
    return why;
}

/* It goes into a header or a query as it is. */
static const char *parse_version(const char **pout, const char *what,
                                 const char *value, apr_pool_t *p)
{
    apr_size_t len = strlen(value);

    *pout = value;
    if (len > 0 && len <= VERSION_MAX && strspn(value, VERSION_CHARS) == len)
        return NULL;
    return chat_config_refuse(what, value,
                              "a version of 1 to 32 letters, digits, dots, "
                              "hyphens and underscores, as in 2023-06-01",
                              p);
}

static const char *parse_label(const char **pout, const char *what,
                               const char *value, apr_pool_t *p)
{
    const unsigned char *c = (const unsigned char *)value;

    while (*c >= ' ' && *c != 0x7f)
        c++;
    *pout = value;
    return *value && !*c && strlen(value) <= LABEL_MAX
               ? NULL
               : apr_psprintf(p, "%s must be 1 to %d bytes of text", what,
                              LABEL_MAX);
}

static const char *set_key(cmd_parms *cmd, void *dir, const char *value)
{
    chat_provider_conf_t *conf;
    const char *why = current(&conf, cmd);

    return why ? why : chat_config_provider_key(conf, cmd, value);
}

#define TIMEOUT(name)                                                          \
    CHAT_CONFIG_OPTION(#name, chat_provider_conf_t, timeouts.name,             \
                       .set = chat_config_value_time, .min = 1000,             \
                       .max = 24 * 3600 * APR_USEC_PER_SEC, .off = 1)

static const chat_config_rule_t timeouts[] = {
    TIMEOUT(connect), TIMEOUT(first), TIMEOUT(idle), TIMEOUT(total), {NULL}};

static const char *set_timeout(cmd_parms *cmd, void *dir, int argc,
                               char *const argv[])
{
    chat_provider_conf_t *conf;
    const char *why = current(&conf, cmd);
    unsigned seen = 0;

    if (!why && argc == 0)
        why = chat_config_refuse(cmd->cmd->name, "",
                                 "one or more of connect=TIME first=TIME "
                                 "idle=TIME total=TIME",
                                 cmd->pool);
    return why ? why
               : chat_config_options(conf, timeouts, &seen, cmd, argc, argv);
}

static const chat_config_rule_t breaker_options[] = {
    CHAT_CONFIG_OPTION("cooldown", chat_provider_conf_t, breaker_cooldown,
                       .set = chat_config_value_time, .min = 100 * 1000,
                       .max = 3600 * APR_USEC_PER_SEC),
    {NULL}};

/* FAILURES [cooldown=TIME], or off. */
static const char *set_breaker(cmd_parms *cmd, void *dir, int argc,
                               char *const argv[])
{
    chat_provider_conf_t *conf;
    const char *why = current(&conf, cmd);
    unsigned seen = 0;

    if (!why && (argc < 1 || argc > 2))
        why = apr_psprintf(cmd->pool, "%s takes %s", cmd->cmd->name,
                           cmd->cmd->errmsg);
    if (why)
        return why;
    if (argc == 1 && strcasecmp(argv[0], "off") == 0) {
        conf->breaker_failures = 0;
        return NULL;
    }
    why = chat_config_parse_int(&conf->breaker_failures, cmd->cmd->name,
                                argv[0], 1, 1000, cmd->pool);
    return why ? why
               : chat_config_options(conf, breaker_options, &seen, cmd,
                                     argc - 1, argv + 1);
}

/* ---- ChatProviderURL ---- */

/* The path of one method of an API, at which a base URL ends by mistake; NULL:
 * it does not. */
static const char *method_at_end(const char *path)
{
    static const char *const methods[] = {"/chat/completions",
                                          "/completions",
                                          "/responses",
                                          "/messages",
                                          "/embeddings",
                                          ":generateContent",
                                          ":streamGenerateContent",
                                          NULL};
    apr_size_t len = strlen(path);
    int i;

    for (i = 0; methods[i]; i++) {
        apr_size_t n = strlen(methods[i]);

        if (len >= n && !strcasecmp(path + len - n, methods[i]))
            return methods[i];
    }
    return NULL;
}

/* Brought into the one form the rest relies on: lower-case scheme and host, no
 * slash at the end. */
static const char *set_url(cmd_parms *cmd, void *dir, const char *value)
{
    chat_provider_conf_t *conf;
    chat_config_url_t url;
    const char *why = current(&conf, cmd);
    char *path;
    apr_size_t len;

    if (!why)
        why = chat_config_parse_url(&url, cmd->cmd->name, value,
                                    "https://api.openai.com/v1", cmd->pool);
    if (why)
        return why;
    conf->port = url.port;
    path = apr_pstrdup(cmd->pool, url.path);
    for (len = strlen(path); len > 0 && path[len - 1] == '/'; len--)
        path[len - 1] = '\0';
    why = method_at_end(path);
    if (why)
        return apr_psprintf(cmd->pool,
                            "%s does not accept \"%.100s\": write the base "
                            "URL, as in https://api.openai.com/v1; mod_chat "
                            "appends %s itself",
                            cmd->cmd->name, value, why);
    conf->url = apr_pstrcat(cmd->pool, url.base, path, NULL);
    conf->host = url.host;
    return NULL;
}

/* ---- directives ---- */

static const char *const api_names[] = {[CHAT_API_RESPONSES] = "responses",
                                        [CHAT_API_COMPLETIONS] =
                                            "chat-completions",
                                        [2] = NULL};

#define MEMBER(member, ...)                                                    \
    CHAT_CONFIG_RULE(chat_provider_conf_t, member, __VA_ARGS__)

const chat_config_feature_t chat_config_provider_feature = {
    .cmds =
        {
            AP_INIT_RAW_ARGS("<ChatProvider", set_section, NULL, CHAT_OR_SERVER,
                             "a name: how to reach an upstream"),
            AP_INIT_TAKE1("ChatProviderType", set_member,
                          MEMBER(type, .set = chat_config_value_name,
                                 .names = type_names),
                          CHAT_OR_SERVER, "the kind of upstream"),
            AP_INIT_TAKE1("ChatProviderLabel", set_member,
                          MEMBER(label, .set = chat_config_value_string,
                                 .parse = parse_label),
                          CHAT_OR_SERVER,
                          "the name of the provider for people"),
            AP_INIT_TAKE1("ChatProviderURL", set_url, NULL, CHAT_OR_SERVER,
                          "the base URL of the upstream"),
            AP_INIT_TAKE1("ChatProviderKey", set_key, NULL, CHAT_OR_SERVER,
                          "env:NAME, file:PATH or \"exec:PATH ARGS\""),
            AP_INIT_TAKE1("ChatProviderAuth", set_member,
                          MEMBER(auth, .set = value_auth), CHAT_OR_SERVER,
                          "bearer, api-key, x-api-key or x-goog-api-key: the "
                          "header of the key"),
            AP_INIT_TAKE1("ChatProviderVersion", set_member,
                          MEMBER(version, .set = chat_config_value_string,
                                 .parse = parse_version),
                          CHAT_OR_SERVER, "the version of the upstream's API"),
            AP_INIT_TAKE1(
                "ChatProviderAPI", set_member,
                MEMBER(api, .set = chat_config_value_name, .names = api_names),
                CHAT_OR_SERVER, "responses or chat-completions"),
            AP_INIT_TAKE1("ChatProviderStore", set_member,
                          MEMBER(store, .set = chat_config_value_flag),
                          CHAT_OR_SERVER,
                          "on or off: may the provider keep answers"),
            AP_INIT_TAKE1("ChatProviderTrace", set_member,
                          MEMBER(trace, .set = chat_config_value_flag),
                          CHAT_OR_SERVER,
                          "on or off: does the provider learn of traces"),
            AP_INIT_TAKE_ARGV("ChatProviderTimeout", set_timeout, NULL,
                              CHAT_OR_SERVER,
                              "connect=TIME first=TIME idle=TIME total=TIME"),
            AP_INIT_TAKE_ARGV("ChatProviderBreaker", set_breaker, NULL,
                              CHAT_OR_SERVER,
                              "FAILURES [cooldown=TIME], or "
                              "off"),
        },
    .server = CHAT_CONFIG_SERVER(provider),
};
