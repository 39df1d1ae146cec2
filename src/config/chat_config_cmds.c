/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of directives, in the order of docs/directives.md, and the setters
 * that store what the parsers made of a value. Main thread at start-up; for
 * .htaccess the thread of a request, so nothing here keeps state.
 */
#include "chat_config_int.h"

#include <ap_provider.h>
#include <ap_socache.h>
#include <http_log.h>
#include <apr_fnmatch.h>
#include <apr_strings.h>

#include "chat_log.h"

/* httpd hands over at most so many arguments and forgets the rest. */
#define ARGS_MAX 63

static chat_server_conf_t *server_conf(cmd_parms *cmd)
{
    return ap_get_module_config(cmd->server->module_config, &chat_module);
}

/* In <Limit GET> a directive would still hold for every method, whatever the
 * reader thinks: so none of ours stands there. */
static const char *check_dir(cmd_parms *cmd)
{
    return ap_check_cmd_context(cmd, NOT_IN_LIMIT);
}

const char *chat_config_check_args(cmd_parms *cmd, int argc)
{
    if (argc >= 1 && argc <= ARGS_MAX)
        return check_dir(cmd);
    return apr_psprintf(cmd->pool, "%s takes 1 to %d arguments: %s",
                        cmd->cmd->name, ARGS_MAX, cmd->cmd->errmsg);
}

const char *chat_config_parse_expr(cmd_parms *cmd, const ap_expr_info_t **pexpr,
                                   const char *text, int string)
{
    unsigned int flags = string ? AP_EXPR_FLAG_STRING_RESULT : 0;
    const char *err = NULL;

    if (ap_check_cmd_context(cmd, NOT_IN_HTACCESS) != NULL)
        flags |= AP_EXPR_FLAG_RESTRICTED;
    *pexpr = ap_expr_parse_cmd(cmd, text, flags, &err, NULL);
    return err ? apr_psprintf(cmd->pool, "%s: \"%.100s\" is no expression: %s",
                              cmd->cmd->name, text, err)
               : NULL;
}

const char *chat_config_parse_store(const char **pname, const char **pargs,
                                    cmd_parms *cmd, const char *value)
{
    const char *colon = strchr(value, ':');

    *pname = colon ? apr_pstrmemdup(cmd->pool, value, colon - value) : value;
    *pargs = colon && colon[1] ? colon + 1 : NULL;
    if (ap_lookup_provider(AP_SOCACHE_PROVIDER_GROUP, *pname,
                           AP_SOCACHE_PROVIDER_VERSION))
        return NULL;
    return chat_config_refuse(
        cmd->cmd->name, value,
        "NAME or NAME:ARGUMENT of a cache whose module is loaded, as in "
        "shmcb:/run/apache2/chat(512000) with mod_socache_shmcb",
        cmd->pool);
}

/* ---- kinds of values, each with a rule in the table ---- */

typedef struct int_rule_t {
    apr_size_t offset; /* of the int in its structure */
    int min, max;
} int_rule_t;

static const char *set_int(cmd_parms *cmd, void *conf, const char *value)
{
    const int_rule_t *rule = cmd->info;

    return chat_config_parse_int((int *)((char *)conf + rule->offset),
                                 cmd->cmd->name, value, rule->min, rule->max,
                                 cmd->pool);
}

static const char *set_dir_int(cmd_parms *cmd, void *dir, const char *value)
{
    const char *why = check_dir(cmd);

    return why ? why : set_int(cmd, dir, value);
}

/* One number for the whole server process. */
static const char *set_main_int(cmd_parms *cmd, void *dir, const char *value)
{
    const char *why = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    return why ? why : set_int(cmd, server_conf(cmd), value);
}

typedef struct time_rule_t {
    apr_size_t offset; /* of the apr_interval_time_t in chat_dir_conf_t */
    apr_interval_time_t min, max;
    int off; /* the word "off" stands for 0 */
} time_rule_t;

static const char *set_dir_time(cmd_parms *cmd, void *dir, const char *value)
{
    const time_rule_t *rule = cmd->info;
    const char *why = check_dir(cmd);

    if (why)
        return why;
    return chat_config_parse_time(
        (apr_interval_time_t *)((char *)dir + rule->offset), cmd->cmd->name,
        value, rule->min, rule->max, rule->off, cmd->pool);
}

typedef struct name_rule_t {
    apr_size_t offset; /* of the int in chat_dir_conf_t */
    const char *const *names;
} name_rule_t;

static const char *set_dir_name(cmd_parms *cmd, void *dir, const char *value)
{
    const name_rule_t *rule = cmd->info;
    const char *why = check_dir(cmd);

    if (why)
        return why;
    return chat_config_parse_name((int *)((char *)dir + rule->offset),
                                  cmd->cmd->name, value, rule->names,
                                  cmd->pool);
}

typedef struct list_rule_t {
    apr_size_t offset; /* of the array in chat_dir_conf_t */
    chat_config_string_cb *parse;
} list_rule_t;

static int contains(const apr_array_header_t *list, const char *value)
{
    int i;

    for (i = 0; i < list->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(list, i, const char *), value) == 0)
            return 1;
    }
    return 0;
}

/* One line is the whole list: a second one in the same scope replaces it. */
static const char *set_dir_list(cmd_parms *cmd, void *dir, int argc,
                                char *const argv[])
{
    const list_rule_t *rule = cmd->info;
    apr_array_header_t **plist = (void *)((char *)dir + rule->offset);
    apr_array_header_t *list;
    const char *value, *why = chat_config_check_args(cmd, argc);
    int i;

    if (why)
        return why;
    list = apr_array_make(cmd->pool, argc, sizeof(const char *));
    for (i = 0; i < argc; i++) {
        why = rule->parse(&value, cmd->cmd->name, argv[i], cmd->pool);
        if (why)
            return why;
        if (contains(list, value))
            return chat_config_refuse(cmd->cmd->name, argv[i], "each name once",
                                      cmd->pool);
        APR_ARRAY_PUSH(list, const char *) = value;
    }
    *plist = list;
    return NULL;
}

/* ---- directives that need a word of their own ---- */

/* The path of the <Location> that the directive stands in; NULL when it is
 * none, or a pattern. */
static const char *location(cmd_parms *cmd)
{
    const ap_directive_t *parent = cmd->directive->parent;

    if (!parent || strcasecmp(parent->directive, "<Location") != 0 ||
        *parent->args == '~' || *cmd->path != '/' ||
        apr_fnmatch_test(cmd->path))
        return NULL;
    return cmd->path;
}

/* Which routes must know who asks? The mock stands in for a provider, and those
 * know no users; limits are an administrator's, who has Require; models are
 * shown to everybody where nobody is asked, and health always. */
static int has_users(int route)
{
    return route != CHAT_ROUTE_mock && route != CHAT_ROUTE_limits &&
           route != CHAT_ROUTE_models && route != CHAT_ROUTE_health;
}

static const char *set_route(cmd_parms *cmd, void *dirv, const char *value)
{
    chat_dir_conf_t *dir = dirv;
    const char *why = check_dir(cmd);

    if (!why)
        why = chat_config_parse_name(&dir->route, cmd->cmd->name, value,
                                     chat_config_route_names, cmd->pool);
    if (why)
        return why;
    dir->location = location(cmd);
    if (has_users(dir->route))
        chat_config_need(cmd, CHAT_NEED_AUTH, value);
    return NULL;
}

static const char *set_use(cmd_parms *cmd, void *dirv, int argc,
                           char *const argv[])
{
    chat_dir_conf_t *dir = dirv;
    const char *why = set_dir_list(cmd, dirv, argc, argv);
    int i;

    for (i = 0; !why && i < dir->use->nelts; i++) {
        chat_config_need(cmd, CHAT_NEED_PROVIDER,
                         APR_ARRAY_IDX(dir->use, i, const char *));
    }
    return why;
}

static const char *set_model(cmd_parms *cmd, void *dirv, const char *value)
{
    chat_dir_conf_t *dir = dirv;
    const char *why = check_dir(cmd);

    if (why)
        return why;
    return chat_config_parse_model(&dir->model_default, cmd->cmd->name, value,
                                   cmd->pool);
}

static const char *set_body(cmd_parms *cmd, void *dirv, const char *value)
{
    chat_dir_conf_t *dir = dirv;
    const char *why = check_dir(cmd);

    if (why)
        return why;
    return chat_config_parse_bytes(&dir->body, cmd->cmd->name, value, 1,
                                   APR_INT64_C(1) << 30, cmd->pool);
}

static const char *set_early(cmd_parms *cmd, void *dirv, const char *value)
{
    chat_dir_conf_t *dir = dirv;
    const char *why = check_dir(cmd);

    if (why)
        return why;
    return chat_config_parse_flag(&dir->early_headers, cmd->cmd->name, value,
                                  cmd->pool);
}

static const char *set_mock(cmd_parms *cmd, void *dirv, int argc,
                            char *const argv[])
{
    static const char *const keys[] = {"pace", "words", NULL};
    chat_dir_conf_t *dir = dirv;
    const char *value, *why = chat_config_check_args(cmd, argc);
    unsigned seen = 0;
    int i, key;

    for (i = 0; i < argc && !why; i++) {
        why = chat_config_parse_pair(&key, &value, &seen, cmd->cmd->name,
                                     argv[i], keys, cmd->pool);
        if (why)
            break;
        if (key == 0)
            why =
                chat_config_parse_time(&dir->mock_pace, "ChatMock pace", value,
                                       0, apr_time_from_sec(60), 0, cmd->pool);
        else
            why = chat_config_parse_int(&dir->mock_words, "ChatMock words",
                                        value, 1, 100000, cmd->pool);
    }
    return why;
}

/* ---- the table ---- */

/* The classes of AllowOverride. The first two need RSRC_CONF added, without
 * which httpd would not take them outside directory sections. */
#define CLAMP (OR_LIMIT | RSRC_CONF)
#define IDENTITY (OR_AUTHCFG | RSRC_CONF)
#define CONTENT OR_FILEINFO
#define SECRET (ACCESS_CONF | RSRC_CONF)
#define SERVER RSRC_CONF

#define DIR(member) APR_OFFSETOF(chat_dir_conf_t, member)

static const int_rule_t stream_max = {
    APR_OFFSETOF(chat_server_conf_t, stream_max), 0, 1000000};
static const int_rule_t stream_engines = {
    APR_OFFSETOF(chat_server_conf_t, stream_engines), 1, 64};

static const list_rule_t use = {DIR(use), chat_config_parse_word};
static const list_rule_t cookies = {DIR(cookies), chat_config_parse_cookie};
static const list_rule_t origins = {DIR(origins), chat_config_parse_origin};

static const char *const bearer_names[] = {"signed", "unsigned", NULL};
static const name_rule_t bearer = {DIR(bearer_unsigned), bearer_names};
static const char *const count_names[] = {"codepoints", "utf16", NULL};
static const char *const format_names[] = {"chat", "provider", NULL};
static const name_rule_t request_native = {DIR(request_native), format_names};
static const name_rule_t message_count = {DIR(message_count), count_names};

static const int_rule_t depth = {DIR(depth), 1, 1000};
static const int_rule_t values = {DIR(values), 1, 10000000};
static const int_rule_t messages = {DIR(messages), 1, 10000};
static const int_rule_t message_length = {DIR(message_length), 1, 10000000};
static const int_rule_t total_length = {DIR(total_length), 1, 100000000};
static const int_rule_t output_tokens = {DIR(max_output_tokens), 1, 10000000};

static const time_rule_t heartbeat = {DIR(heartbeat), 100 * 1000,
                                      apr_time_from_sec(3600), 1};
static const time_rule_t stall = {DIR(stall), 100 * 1000,
                                  apr_time_from_sec(3600), 0};

#define RULE(rule) ((void *)&(rule))

const command_rec chat_config_cmds[] = {
    AP_INIT_RAW_ARGS("<ChatProvider", chat_config_provider_section, NULL,
                     SERVER, "a name: how to reach an upstream"),
    AP_INIT_TAKE1("ChatProviderType", chat_config_provider_type, NULL, SERVER,
                  "the kind of upstream"),
    AP_INIT_TAKE1("ChatProviderURL", chat_config_provider_url, NULL, SERVER,
                  "the base URL of the upstream"),
    AP_INIT_TAKE1("ChatProviderKey", chat_config_provider_key, NULL, SERVER,
                  "env:NAME, file:PATH or \"exec:PATH ARGS\""),
    AP_INIT_TAKE1("ChatProviderAuth", chat_config_provider_auth, NULL, SERVER,
                  "bearer, api-key, x-api-key or x-goog-api-key: the header "
                  "of the key"),
    AP_INIT_TAKE1("ChatProviderVersion", chat_config_provider_version, NULL,
                  SERVER, "the version of the upstream's API"),
    AP_INIT_TAKE1("ChatProviderAPI", chat_config_provider_api, NULL, SERVER,
                  "responses or chat-completions"),
    AP_INIT_TAKE1("ChatProviderStore", chat_config_provider_store, NULL, SERVER,
                  "on or off: may the provider keep answers"),
    AP_INIT_TAKE_ARGV("ChatProviderTimeout", chat_config_provider_timeout, NULL,
                      SERVER, "connect=TIME first=TIME idle=TIME total=TIME"),
    AP_INIT_TAKE_ARGV("ChatProviderBreaker", chat_config_provider_breaker, NULL,
                      SERVER, "FAILURES [cooldown=TIME], or off"),

    AP_INIT_TAKE_ARGV("ChatModel", chat_config_model, NULL, SERVER,
                      "NAME PROVIDER [OPTION=VALUE ...]"),

    AP_INIT_TAKE1("ChatRoute", set_route, NULL, CONTENT,
                  "which contract this location speaks"),
    AP_INIT_TAKE_ARGV("ChatUse", set_use, RULE(use), CONTENT,
                      "names of providers, in the order of preference"),
    AP_INIT_TAKE1("ChatModelDefault", set_model, NULL, CONTENT,
                  "the model when the client names none"),
    AP_INIT_TAKE_ARGV("ChatModelAllow", chat_config_model_allow, NULL, CLAMP,
                      "[tier=NAME] PATTERN...: the models that may be used"),
    AP_INIT_TAKE_ARGV("ChatRetry", chat_config_retry, NULL, CONTENT,
                      "ATTEMPTS [backoff=TIME] [wait=TIME] [unsafe=on|off]"),
    AP_INIT_TAKE_ARGV("ChatContext", chat_config_context, NULL, CONTENT,
                      "MESSAGES [bytes=BYTES] [age=TIME], or off"),
    AP_INIT_TAKE1("ChatContextStore", chat_config_context_store, NULL, SERVER,
                  "where sessions' messages are kept, as in shmcb:PATH(SIZE)"),
    AP_INIT_TAKE1("ChatHealthDetails", chat_config_health, NULL, IDENTITY,
                  "an expression: who sees what is ready"),

    AP_INIT_TAKE1("ChatRequestFormat", set_dir_name, RULE(request_native),
                  CLAMP, "chat, or provider for the provider's own"),

    AP_INIT_TAKE1("ChatRequestBody", set_body, NULL, CLAMP,
                  "the most bytes of a request's body"),
    AP_INIT_TAKE1("ChatRequestDepth", set_dir_int, RULE(depth), CLAMP,
                  "the most arrays and objects inside each other"),
    AP_INIT_TAKE1("ChatRequestValues", set_dir_int, RULE(values), CLAMP,
                  "the most JSON values of a request"),
    AP_INIT_TAKE1("ChatRequestMessages", set_dir_int, RULE(messages), CLAMP,
                  "the most messages of a request"),
    AP_INIT_TAKE1("ChatRequestMessageLength", set_dir_int, RULE(message_length),
                  CLAMP, "the most characters of one message"),
    AP_INIT_TAKE1("ChatRequestCount", set_dir_name, RULE(message_count), CLAMP,
                  "codepoints or utf16: how a message's length is counted"),
    AP_INIT_TAKE1("ChatRequestTotalLength", set_dir_int, RULE(total_length),
                  CLAMP, "the most characters of all messages"),
    AP_INIT_TAKE1("ChatRequestMaxOutputTokens", set_dir_int,
                  RULE(output_tokens), CLAMP,
                  "the most output tokens a client may ask for"),

    AP_INIT_TAKE_ARGV("ChatAuth", chat_config_auth, NULL, IDENTITY,
                      "identity schemes in the order of trying, or none"),
    AP_INIT_TAKE_ARGV("ChatAuthSecret", chat_config_auth_secret, NULL, SECRET,
                      "env:NAME, file:PATH or \"exec:PATH ARGS\""),
    AP_INIT_TAKE_ARGV("ChatAuthCookie", set_dir_list, RULE(cookies), IDENTITY,
                      "names of the session cookie"),
    AP_INIT_TAKE_ARGV("ChatAuthOrigin", set_dir_list, RULE(origins), IDENTITY,
                      "other origins whose pages may use the cookie"),
    AP_INIT_TAKE1("ChatAuthBearer", set_dir_name, RULE(bearer), IDENTITY,
                  "signed or unsigned"),
    AP_INIT_TAKE12("ChatAuthSession", chat_config_auth_session, NULL, SERVER,
                   "LAYOUT [admin], or sql \"SELECT ...\""),
    AP_INIT_TAKE1("ChatAuthCache", chat_config_auth_cache, NULL, SERVER,
                  "how long a session may be remembered, or off"),
    AP_INIT_TAKE1("ChatAuthCacheStore", chat_config_auth_store, NULL, SERVER,
                  "where sessions are remembered, as in shmcb:PATH(SIZE)"),

    AP_INIT_TAKE_ARGV("ChatLimit", chat_config_limit, NULL, CLAMP,
                      "NAME POINTS/WINDOW KEY [OPTION=VALUE ...], or NAME off"),
    AP_INIT_TAKE_ARGV("ChatLimitExempt", chat_config_limit_exempt, NULL, CLAMP,
                      "role=, user=, net= or expr=: whom no limit holds"),
    AP_INIT_TAKE1("ChatLimitTier", chat_config_limit_tier, NULL, CLAMP,
                  "an expression that gives the tier of a request"),
    AP_INIT_TAKE1("ChatLimitTable", chat_config_limit_table, NULL, SERVER,
                  "bytes of shared memory for counters without Redis"),
    AP_INIT_TAKE1("ChatLimitKeys", chat_config_limit_keys, NULL, SERVER,
                  "hashed or clear: how users and addresses are shown"),
    AP_INIT_TAKE_ARGV("ChatRedis", chat_config_redis, NULL, SERVER,
                      "URL [user=NAME] [password=SECRET] [ca=FILE] "
                      "[connect=TIME] [command=TIME]"),

    AP_INIT_TAKE1("ChatStreamMax", set_main_int, RULE(stream_max), SERVER,
                  "open streams per child process, 0 for what files allow"),
    AP_INIT_TAKE1("ChatStreamEngines", set_main_int, RULE(stream_engines),
                  SERVER, "engine threads per child process"),
    AP_INIT_TAKE1("ChatStreamHeartbeat", set_dir_time, RULE(heartbeat), CONTENT,
                  "a comment after so much silence, or off"),
    AP_INIT_TAKE1("ChatStreamEarlyHeaders", set_early, NULL, CONTENT,
                  "on or off: answer before the upstream does"),
    AP_INIT_TAKE1("ChatStreamStallTimeout", set_dir_time, RULE(stall), CONTENT,
                  "how long a client may take nothing"),

    AP_INIT_TAKE_ARGV("ChatMock", set_mock, NULL, CONTENT,
                      "pace=TIME words=N of the mock route"),
    {NULL}};
