/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is traced, and where that goes: ChatTrace, ChatTraceContent,
 * ChatTraceExport, ChatTraceHeader, ChatTraceResource. None stands in
 * .htaccess: what is recorded of whom is for whoever runs the server. Config
 * time.
 */
#include "chat_config_int.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

/* ---- members ---- */

static const chat_dir_trace_t dir_unset = {
    .on = CHAT_UNSET,
    .accept = CHAT_UNSET,
    .nets = NULL,
    .ratio = CHAT_UNSET,
    .content = CHAT_UNSET,
};

static const chat_dir_trace_t dir_defaults = {
    .on = 0,
    .accept = CHAT_ACCEPT_NONE,
    .nets = CHAT_CONFIG_EMPTY(apr_ipsubnet_t *),
    .ratio = CHAT_RATIO_USUAL,
    .content = 0,
};

static void dir_merge(void *mv, const void *basev, const void *addv,
                      apr_pool_t *p)
{
    const chat_dir_trace_t *base = basev, *add = addv;
    chat_dir_trace_t *m = mv;

    m->on = (int)chat_config_pick(base->on, add->on);
    m->accept = (int)chat_config_pick(base->accept, add->accept);
    m->nets = chat_config_pick_ptr(base->nets, add->nets);
    m->ratio = (int)chat_config_pick(base->ratio, add->ratio);
    m->content = (int)chat_config_pick(base->content, add->content);
}

static const chat_server_trace_t server_unset = {
    .used = CHAT_UNSET,
    .url = NULL,
    .protocol = CHAT_UNSET,
    .timeout = CHAT_UNSET,
    .delay = CHAT_UNSET,
    .queue = CHAT_UNSET,
    .batch = CHAT_UNSET,
    .ca = NULL,
    .cert = NULL,
    .key = NULL,
    .headers = NULL,
    .resource = NULL,
};

/* Where nothing is written the environment counts before these, see
 * chat_config_trace_setup.c. */
static const chat_server_trace_t server_defaults = {
    .used = 0,
    .url = NULL,
    .protocol = CHAT_OTLP_JSON,
    .timeout = 10 * APR_USEC_PER_SEC,
    .delay = 5 * APR_USEC_PER_SEC,
    .queue = 2048,
    .batch = 512,
    .ca = NULL,
    .cert = NULL,
    .key = NULL,
    .headers = NULL,
    .resource = NULL,
};

static void server_merge(void *mv, const void *basev, const void *addv,
                         apr_pool_t *p)
{
    const chat_server_trace_t *base = basev, *add = addv;
    chat_server_trace_t *m = mv;

    m->used = (int)chat_config_pick(base->used, add->used);
    m->url = chat_config_pick_ptr(base->url, add->url);
    m->protocol = (int)chat_config_pick(base->protocol, add->protocol);
    m->timeout = chat_config_pick(base->timeout, add->timeout);
    m->delay = chat_config_pick(base->delay, add->delay);
    m->queue = (int)chat_config_pick(base->queue, add->queue);
    m->batch = (int)chat_config_pick(base->batch, add->batch);
    m->ca = chat_config_pick_ptr(base->ca, add->ca);
    m->cert = chat_config_pick_ptr(base->cert, add->cert);
    m->key = chat_config_pick_ptr(base->key, add->key);
    m->headers = chat_config_pick_ptr(base->headers, add->headers);
    m->resource = chat_config_pick_ptr(base->resource, add->resource);
}

/* ---- ChatTrace ---- */

static const char *add_net(apr_array_header_t *nets, const char *word,
                           apr_pool_t *p)
{
    char *text = apr_pstrdup(p, word), *bits = strchr(text, '/');

    if (bits)
        *bits++ = '\0';
    return *text && apr_ipsubnet_create(apr_array_push(nets), text, bits, p) ==
                        APR_SUCCESS
               ? NULL
               : word;
}

/* "none", "any", or networks with commas between them. */
static const char *set_accept(void *member, const chat_config_rule_t *rule,
                              cmd_parms *cmd, const char *what,
                              const char *value)
{
    chat_dir_trace_t *trace = member;
    char *words = apr_pstrdup(cmd->pool, value), *last, *word;
    const char *wrong = *value ? NULL : value;

    trace->nets = apr_array_make(cmd->pool, 2, sizeof(apr_ipsubnet_t *));
    trace->accept = CHAT_ACCEPT_NETS;
    if (!strcmp(value, "none"))
        trace->accept = CHAT_ACCEPT_NONE;
    if (!strcmp(value, "any"))
        trace->accept = CHAT_ACCEPT_ANY;
    if (trace->accept != CHAT_ACCEPT_NETS)
        return NULL;
    for (word = apr_strtok(words, ",", &last); word && !wrong;
         word = apr_strtok(NULL, ",", &last))
        wrong = add_net(trace->nets, word, cmd->pool);
    return wrong
               ? chat_config_refuse(what, value,
                                    "none, any, or networks of clients, as in "
                                    "10.0.0.0/8,::1",
                                    cmd->pool)
               : NULL;
}

const char *chat_config_trace_ratio(int *pratio, const char *what,
                                    const char *value, apr_pool_t *p)
{
    char *end = NULL;
    double part = strspn(value, "0123456789.") ? strtod(value, &end) : -1;

    if (part < 0 || part > 1 || *end)
        return chat_config_refuse(what, value,
                                  "a number from 0 to 1, as in "
                                  "0.01",
                                  p);
    *pratio = (int)(part * CHAT_RATIO_ALL + 0.5);
    return NULL;
}

static const char *set_ratio(void *member, const chat_config_rule_t *rule,
                             cmd_parms *cmd, const char *what,
                             const char *value)
{
    return chat_config_trace_ratio(member, what, value, cmd->pool);
}

static const chat_config_rule_t trace_options[] = {
    {.name = "accept", .set = set_accept, .offset = 0},
    CHAT_CONFIG_OPTION("ratio", chat_dir_trace_t, ratio, .set = set_ratio),
    {NULL}};

static const char *set_trace(cmd_parms *cmd, void *dirv, int argc,
                             char *const argv[])
{
    chat_dir_trace_t *trace = &((chat_dir_conf_t *)dirv)->trace;
    const char *why = chat_config_check_args(cmd, argc);
    unsigned seen = 0;

    if (!why)
        why = ap_check_cmd_context(cmd, NOT_IN_HTACCESS);
    if (!why)
        why = chat_config_parse_flag(&trace->on, cmd->cmd->name, argv[0],
                                     cmd->pool);
    if (!why && trace->on)
        chat_config_server_of(cmd)->trace.used = 1;
    return why ? why
               : chat_config_options(trace, trace_options, &seen, cmd, argc - 1,
                                     argv + 1);
}

/* ---- ChatTraceExport ---- */

const char *chat_config_trace_file(const char **ppath, const char *what,
                                   const char *value, apr_pool_t *p)
{
    apr_finfo_t info;

    *ppath = ap_server_root_relative(p, value);
    return *value && *ppath &&
                   apr_stat(&info, *ppath, APR_FINFO_TYPE, p) == APR_SUCCESS &&
                   info.filetype == APR_REG
               ? NULL
               : chat_config_refuse(what, value, "a file in PEM", p);
}

static const char *set_file(void *member, const chat_config_rule_t *rule,
                            cmd_parms *cmd, const char *what, const char *value)
{
    return chat_config_trace_file(member, what, value, cmd->pool);
}

/* At the index of chat_otlp_e. */
static const char *const protocols[] = {"http/json", "http/protobuf", NULL};

#define OPTION(name, member, ...)                                              \
    CHAT_CONFIG_OPTION(name, chat_server_trace_t, member, __VA_ARGS__)

static const chat_config_rule_t export_options[] = {
    OPTION("protocol", protocol, .set = chat_config_value_name,
           .names = protocols),
    OPTION("timeout", timeout, .set = chat_config_value_time, .min = 100 * 1000,
           .max = 60 * APR_USEC_PER_SEC),
    OPTION("delay", delay, .set = chat_config_value_time, .min = 10 * 1000,
           .max = 60 * APR_USEC_PER_SEC),
    OPTION("queue", queue, .set = chat_config_value_int, .min = 1,
           .max = 1000000),
    OPTION("batch", batch, .set = chat_config_value_int, .min = 1,
           .max = 10000),
    OPTION("ca", ca, .set = set_file),
    OPTION("cert", cert, .set = set_file),
    OPTION("key", key, .set = set_file),
    {NULL}};

static const char *set_url(const char **purl, cmd_parms *cmd, const char *value)
{
    chat_config_url_t url;
    const char *why;

    *purl = "";
    if (!strcasecmp(value, "off"))
        return NULL;
    why = chat_config_parse_url(&url, cmd->cmd->name, value,
                                "http://127.0.0.1:4318", cmd->pool);
    if (!why)
        *purl = apr_pstrcat(cmd->pool, url.base, url.path, NULL);
    return why;
}

static const char *set_export(cmd_parms *cmd, void *dir, int argc,
                              char *const argv[])
{
    chat_server_trace_t *trace = &chat_config_server_of(cmd)->trace;
    const char *why = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    unsigned seen = 0;

    if (!why)
        why = chat_config_check_args(cmd, argc);
    if (!why)
        why = set_url(&trace->url, cmd, argv[0]);
    if (!why)
        why = chat_config_options(trace, export_options, &seen, cmd, argc - 1,
                                  argv + 1);
    if (!why && !trace->cert != !trace->key)
        why = "ChatTraceExport: cert= and key= belong together";
    return why;
}

/* ---- what goes along ---- */

static int is_token(const char *text)
{
    const char *c = text;

    while (apr_isalnum(*c) || (*c && strchr("!#$%&'*+-.^_`|~", *c)))
        c++;
    return c > text && !*c;
}

static const char *add_header(cmd_parms *cmd, void *dir, const char *name,
                              const char *spec)
{
    chat_server_trace_t *trace = &chat_config_server_of(cmd)->trace;
    const char *value, *why = ap_check_cmd_context(cmd, GLOBAL_ONLY);

    if (!why && !is_token(name))
        why = chat_config_refuse(cmd->cmd->name, name,
                                 "the name of a header, as in Authorization",
                                 cmd->pool);
    if (!why)
        why = chat_config_secret(&value, cmd, spec);
    if (why)
        return why;
    if (strpbrk(value, "\r\n"))
        return apr_psprintf(cmd->pool, "%s %s: its secret has several lines",
                            cmd->cmd->name, name);
    if (!trace->headers)
        trace->headers = apr_array_make(cmd->pool, 2, sizeof(const char *));
    APR_ARRAY_PUSH(trace->headers, const char *) =
        apr_pstrcat(cmd->pool, name, ": ", value, NULL);
    return NULL;
}

static const char *add_resource(cmd_parms *cmd, void *dir, const char *arg)
{
    chat_server_trace_t *trace = &chat_config_server_of(cmd)->trace;
    const char *why = ap_check_cmd_context(cmd, GLOBAL_ONLY);
    const char *equals = strchr(arg, '=');

    if (why)
        return why;
    if (!equals || equals == arg || !equals[1])
        return chat_config_refuse(cmd->cmd->name, arg,
                                  "NAME=VALUE, as in service.name=chat",
                                  cmd->pool);
    if (!trace->resource)
        trace->resource = apr_array_make(cmd->pool, 4, sizeof(const char *));
    APR_ARRAY_PUSH(trace->resource, const char *) =
        apr_pstrmemdup(cmd->pool, arg, equals - arg);
    APR_ARRAY_PUSH(trace->resource, const char *) = equals + 1;
    return NULL;
}

const chat_config_feature_t chat_config_trace_feature = {
    .cmds =
        {
            AP_INIT_TAKE_ARGV("ChatTrace", set_trace, NULL, CHAT_OR_DIRECTORY,
                              "on or off, [accept=none|any|NET,...] "
                              "[ratio=PART]"),
            AP_INIT_TAKE1("ChatTraceContent", chat_config_set,
                          CHAT_CONFIG_IN_DIR(trace.content,
                                             .set = chat_config_value_flag),
                          CHAT_OR_DIRECTORY,
                          "on or off: spans hold questions and answers"),
            AP_INIT_TAKE_ARGV("ChatTraceExport", set_export, NULL,
                              CHAT_OR_SERVER,
                              "URL [protocol=http/json|http/protobuf] "
                              "[timeout=TIME] [delay=TIME] [queue=N] "
                              "[batch=N] [ca=FILE] [cert=FILE key=FILE], or "
                              "off"),
            AP_INIT_TAKE2("ChatTraceHeader", add_header, NULL, CHAT_OR_SERVER,
                          "NAME and env:NAME, file:PATH or \"exec:PATH ARGS\""),
            AP_INIT_ITERATE("ChatTraceResource", add_resource, NULL,
                            CHAT_OR_SERVER, "NAME=VALUE ..."),
        },
    .dir = CHAT_CONFIG_DIR(trace),
    .server = CHAT_CONFIG_SERVER(trace),
};
