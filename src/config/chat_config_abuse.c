/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ChatAbuse: policies of ChatLimit that look at what is sent. Config time; for
 * .htaccess a request's thread with its pools.
 */
#include "chat_config_int.h"

#include <string.h>

#include <http_core.h>
#include <apr_strings.h>

/* While its line is read. */
typedef struct line_t {
    chat_limit_conf_t policy;
    const char *then;
} line_t;

static const char *set_counted(void *member, chat_limit_unit_e unit,
                               cmd_parms *cmd, const char *what,
                               const char *value)
{
    chat_limit_conf_t *policy = member;
    const char *why = chat_config_limit_points(cmd, policy, value, 0);

    policy->unit = unit;
    if (!why && (!policy->window || policy->period || !policy->points))
        why = chat_config_refuse(what, value,
                                 "NUMBER/WINDOW as in 10/1h, from 1 on, with "
                                 "s, m, h, d or w",
                                 cmd->pool);
    return why;
}

static const char *set_repeats(void *member, const chat_config_rule_t *rule,
                               cmd_parms *cmd, const char *what,
                               const char *value)
{
    return set_counted(member, CHAT_LIMIT_REPEATS, cmd, what, value);
}

static const char *set_blocks(void *member, const chat_config_rule_t *rule,
                              cmd_parms *cmd, const char *what,
                              const char *value)
{
    return set_counted(member, CHAT_LIMIT_BLOCKS, cmd, what, value);
}

static const char *set_invisible(void *member, const chat_config_rule_t *rule,
                                 cmd_parms *cmd, const char *what,
                                 const char *value)
{
    chat_limit_conf_t *policy = member;
    char *end;

    policy->unit = CHAT_LIMIT_INVISIBLE;
    policy->points = apr_strtoi64(value, &end, 10);
    if (end != value && strchr("0123456789", *value) && !strcmp(end, "%") &&
        policy->points <= 100)
        return NULL;
    return chat_config_refuse(what, value, "PERCENT% from 0% to 100%",
                              cmd->pool);
}

static const char *set_text(void *member, const chat_config_rule_t *rule,
                            cmd_parms *cmd, const char *what, const char *value)
{
    *(const char **)member = value;
    return NULL;
}

#define OPTION(key, member, ...)                                               \
    CHAT_CONFIG_OPTION(key, line_t, member, __VA_ARGS__)

static const chat_config_rule_t options[] = {
    OPTION("repeats", policy, .set = set_repeats),
    OPTION("invisible", policy, .set = set_invisible),
    OPTION("blocks", policy, .set = set_blocks),
    OPTION("then", then, .set = set_text),
    OPTION("tier", policy.tier, .set = chat_config_value_string,
           .parse = chat_config_parse_word),
    OPTION("model", policy.model, .set = chat_config_value_string,
           .parse = chat_config_parse_model),
    OPTION("fail", policy.fail, .set = chat_config_value_name,
           .names = chat_config_limit_fail_names),
    OPTION("shadow", policy.shadow, .set = chat_config_value_flag),
    OPTION("ipv4", policy.ipv4_bits, .set = chat_config_value_int, .min = 8,
           .max = 32),
    OPTION("ipv6", policy.ipv6_bits, .set = chat_config_value_int, .min = 16,
           .max = 128),
    {NULL}};

static int seen_one(unsigned seen, const char *name)
{
    return chat_config_option_seen(options, seen, name);
}

/* ---- then= ---- */

/* A time as a window has it. */
static const char *parse_ban(line_t *line, cmd_parms *cmd)
{
    chat_limit_conf_t like = {0};

    if (!line->then || strncmp(line->then, "ban:", 4) != 0)
        return "ChatAbuse: blocks= needs then=ban:TIME, as in then=ban:2h";
    if (chat_config_limit_points(
            cmd, &like, apr_pstrcat(cmd->temp_pool, "1/", line->then + 4, NULL),
            0) ||
        like.period)
        return chat_config_refuse("ChatAbuse then", line->then,
                                  "ban: and a time of at most 366 days, as in "
                                  "ban:2h",
                                  cmd->pool);
    line->policy.ban = like.window;
    return NULL;
}

static const char *parse_then(line_t *line, cmd_parms *cmd)
{
    static const char *const names[] = {"refuse", "strip", NULL};

    switch (line->policy.unit) {
    case CHAT_LIMIT_BLOCKS:
        return parse_ban(line, cmd);
    case CHAT_LIMIT_INVISIBLE:
        return line->then ? chat_config_parse_name(&line->policy.strip,
                                                   "ChatAbuse then", line->then,
                                                   names, cmd->pool)
                          : NULL;
    default:
        return line->then ? "ChatAbuse: then= belongs to blocks= and "
                            "invisible=: a repeated question is refused"
                          : NULL;
    }
}

/* ---- a line ---- */

static const char *parse(line_t *line, cmd_parms *cmd, int argc,
                         char *const argv[])
{
    static const char *const kinds[] = {"repeats", "invisible", "blocks"};
    unsigned seen = 0;
    int i, n = 0;
    const char *why =
        chat_config_options(line, options, &seen, cmd, argc, argv);

    for (i = 0; i < 3; i++)
        if (seen_one(seen, kinds[i])) {
            n++;
            if (!line->policy.name)
                line->policy.name = kinds[i];
        }
    if (why)
        return why;
    if (n != 1)
        return "ChatAbuse: write one of repeats=NUMBER/WINDOW, "
               "invisible=PERCENT% and blocks=NUMBER/WINDOW";
    if (line->policy.unit == CHAT_LIMIT_INVISIBLE && seen_one(seen, "fail"))
        return "ChatAbuse: fail= belongs to repeats= and blocks=: invisible= "
               "counts nothing";
    return parse_then(line, cmd);
}

const char *chat_config_abuse(cmd_parms *cmd, void *dirv, int argc,
                              char *const argv[])
{
    line_t line = {.policy = chat_config_limit_defaults};
    const char *why = chat_config_check_args(cmd, argc);
    int named = argc && !strchr(argv[0], '=');

    if (!why && named) {
        line.policy.name = argv[0];
        why = chat_config_limit_name(cmd, argv[0]);
    }
    if (!why && named && argc == 2 && !strcmp(argv[1], "off"))
        line.policy.off = 1;
    else if (!why)
        why = parse(&line, cmd, argc - named, argv + named);
    if (why)
        return why;
    chat_config_limit_add(
        cmd, &((chat_dir_conf_t *)dirv)->limit,
        apr_pmemdup(cmd->pool, &line.policy, sizeof(line.policy)));
    return NULL;
}
