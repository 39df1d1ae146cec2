/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of the configuration set by rules: the kinds of values, directives
 * with one value or a list, options KEY=VALUE; and the values that httpd itself
 * has to look at. Main thread at start-up; for .htaccess the thread of a
 * request, so nothing here keeps state.
 */
#include "chat_config_int.h"

#include <ap_provider.h>
#include <ap_socache.h>
#include <http_log.h>
#include <apr_strings.h>

#include "chat_log.h"

/* httpd hands over at most so many arguments and forgets the rest. */
#define ARGS_MAX 63

/* ---- kinds of values ---- */

const char *chat_config_value_int(void *member, const chat_config_rule_t *rule,
                                  cmd_parms *cmd, const char *what,
                                  const char *value)
{
    return chat_config_parse_int(member, what, value, (int)rule->min,
                                 (int)rule->max, cmd->pool);
}

const char *chat_config_value_count(void *member,
                                    const chat_config_rule_t *rule,
                                    cmd_parms *cmd, const char *what,
                                    const char *value)
{
    return chat_config_parse_count(member, what, value, (int)rule->min,
                                   (int)rule->max, cmd->pool);
}

const char *chat_config_value_bytes(void *member,
                                    const chat_config_rule_t *rule,
                                    cmd_parms *cmd, const char *what,
                                    const char *value)
{
    return chat_config_parse_bytes(member, what, value, rule->min, rule->max,
                                   cmd->pool);
}

const char *chat_config_value_time(void *member, const chat_config_rule_t *rule,
                                   cmd_parms *cmd, const char *what,
                                   const char *value)
{
    return chat_config_parse_time(member, what, value, rule->min, rule->max,
                                  rule->off, cmd->pool);
}

const char *chat_config_value_price(void *member,
                                    const chat_config_rule_t *rule,
                                    cmd_parms *cmd, const char *what,
                                    const char *value)
{
    return chat_config_parse_price(member, what, value, cmd->pool);
}

const char *chat_config_value_flag(void *member, const chat_config_rule_t *rule,
                                   cmd_parms *cmd, const char *what,
                                   const char *value)
{
    return chat_config_parse_flag(member, what, value, cmd->pool);
}

const char *chat_config_value_name(void *member, const chat_config_rule_t *rule,
                                   cmd_parms *cmd, const char *what,
                                   const char *value)
{
    return chat_config_parse_name(member, what, value, rule->names, cmd->pool);
}

const char *chat_config_value_string(void *member,
                                     const chat_config_rule_t *rule,
                                     cmd_parms *cmd, const char *what,
                                     const char *value)
{
    return rule->parse(member, what, value, cmd->pool);
}

const char *chat_config_value_strings(void *member,
                                      const chat_config_rule_t *rule,
                                      cmd_parms *cmd, const char *what,
                                      const char *value)
{
    apr_array_header_t **plist = member;
    const char *why = NULL, *rest = value;

    if (!*plist)
        *plist = apr_array_make(cmd->pool, 1, sizeof(const char *));
    do {
        const char *comma = strchr(rest, ',');
        const char *word =
            comma ? apr_pstrmemdup(cmd->pool, rest, comma - rest) : rest;

        why = rule->parse(apr_array_push(*plist), what, word, cmd->pool);
        rest = comma ? comma + 1 : NULL;
    } while (rest && !why);
    return why;
}

const char *chat_config_apply(void *conf, const chat_config_rule_t *rule,
                              cmd_parms *cmd, const char *what,
                              const char *value)
{
    return rule->set((char *)conf + rule->offset, rule, cmd, what, value);
}

/* ---- directives with a rule ---- */

const char *chat_config_check_dir(cmd_parms *cmd)
{
    return ap_check_cmd_context(cmd, NOT_IN_LIMIT);
}

const char *chat_config_check_args(cmd_parms *cmd, int argc)
{
    if (argc >= 1 && argc <= ARGS_MAX)
        return chat_config_check_dir(cmd);
    return apr_psprintf(cmd->pool, "%s takes 1 to %d arguments: %s",
                        cmd->cmd->name, ARGS_MAX, cmd->cmd->errmsg);
}

const char *chat_config_set(cmd_parms *cmd, void *dir, const char *value)
{
    const chat_config_rule_t *rule = cmd->info;
    const char *why = rule->main ? ap_check_cmd_context(cmd, GLOBAL_ONLY)
                                 : chat_config_check_dir(cmd);

    if (why)
        return why;
    return chat_config_apply(rule->main ? chat_config_server_of(cmd) : dir,
                             rule, cmd, cmd->cmd->name, value);
}

const char *chat_config_set_list(cmd_parms *cmd, void *dir, int argc,
                                 char *const argv[])
{
    const chat_config_rule_t *rule = cmd->info;
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
        if (ap_array_str_contains(list, value))
            return chat_config_refuse(cmd->cmd->name, argv[i], "each name once",
                                      cmd->pool);
        APR_ARRAY_PUSH(list, const char *) = value;
    }
    *plist = list;
    return NULL;
}

/* ---- options ---- */

/* The one of that name, which need not end with it; or NULL. */
static const chat_config_rule_t *find(const chat_config_rule_t *options,
                                      const char *name, apr_size_t len)
{
    for (; options->name; options++) {
        if (strncmp(options->name, name, len) == 0 && !options->name[len])
            return options;
    }
    return NULL;
}

static const char *refuse_option(const chat_config_rule_t *options,
                                 cmd_parms *cmd, const char *arg)
{
    apr_array_header_t *keys =
        apr_array_make(cmd->temp_pool, 16, sizeof(const char *));

    for (; options->name; options++)
        APR_ARRAY_PUSH(keys, const char *) = options->name;
    APR_ARRAY_PUSH(keys, const char *) = NULL;
    return chat_config_refuse(
        cmd->cmd->name, arg,
        apr_psprintf(cmd->temp_pool, "KEY=VALUE with the keys %s",
                     chat_config_listed((const char *const *)keys->elts,
                                        cmd->temp_pool)),
        cmd->pool);
}

const char *chat_config_options(void *conf, const chat_config_rule_t *options,
                                unsigned *pseen, cmd_parms *cmd, int argc,
                                char *const argv[])
{
    const char *why = NULL;
    int i;

    for (i = 0; i < argc && !why; i++) {
        const char *equals = strchr(argv[i], '=');
        const chat_config_rule_t *option =
            equals ? find(options, argv[i], equals - argv[i]) : NULL;
        unsigned bit = option ? 1u << (option - options) : 0;

        if (!option)
            return refuse_option(options, cmd, argv[i]);
        if (*pseen & bit)
            return apr_psprintf(cmd->pool, "%s has %s= twice: write it once",
                                cmd->cmd->name, option->name);
        *pseen |= bit;
        why = chat_config_apply(conf, option, cmd,
                                apr_pstrcat(cmd->temp_pool, cmd->cmd->name, " ",
                                            option->name, NULL),
                                equals + 1);
    }
    return why;
}

int chat_config_option_seen(const chat_config_rule_t *options, unsigned seen,
                            const char *name)
{
    const chat_config_rule_t *option = find(options, name, strlen(name));

    return option && (seen & 1u << (option - options)) != 0;
}

/* ---- values that httpd has to look at ---- */

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
