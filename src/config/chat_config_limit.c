/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ChatLimit and its like: policies as the administrator writes them, and how
 * they merge. Config time; for .htaccess a request's thread with its pools.
 */
#include "chat_config_int.h"

#include <http_core.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "chat_log.h"

#define NAME_MAX_LEN 32
/* As many as RateLimit can say (RFC 9651, 3.3.1). */
#define POINTS_MAX APR_INT64_C(999999999999999)
#define WINDOW_MAX (366 * 86400)

typedef enum {
    OPT_UNIT,
    OPT_TIER,
    OPT_MODEL,
    OPT_FAIL,
    OPT_SHADOW,
    OPT_CUT,
    OPT_RESERVE,
    OPT_COMPAT,
    OPT_PREFIX,
    OPT_IPV4,
    OPT_IPV6
} option_e;

static const char *const option_names[] = {
    "unit",    "tier",   "model",  "fail", "shadow", "cut",
    "reserve", "compat", "prefix", "ipv4", "ipv6",   NULL};

/* In the order of the enums in chat_config.h. */
static const char *const unit_names[] = {"requests", "tokens", "streams", NULL};
static const char *const fail_names[] = {"open", "closed", "local", NULL};
static const char *const by_names[] = {"user", "ip", "user+ip", NULL};

static const char *const compat_names[] = {"rate-limiter-flexible", NULL};

/* ---- the pieces of a policy ---- */

static const char *parse_policy_name(cmd_parms *cmd, const char *name)
{
    apr_size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789_-");

    if (len >= 1 && len <= NAME_MAX_LEN && !name[len])
        return NULL;
    return chat_config_refuse("ChatLimit", name,
                              "a name of 1 to 32 letters, digits, _ or -",
                              cmd->pool);
}

/* "10s", "5m", "1h", "1d": whole seconds, as every counter has them. */
static int parse_window(int *pwindow, const char *text)
{
    static const char units[] = "smhdw";
    static const int factor[] = {1, 60, 3600, 86400, 7 * 86400};
    apr_int64_t n;
    const char *unit;
    char *end;

    n = apr_strtoi64(text, &end, 10);
    unit = *end ? strchr(units, *end) : NULL;
    if (end == text || n < 1 || n > WINDOW_MAX || !apr_isdigit(*text) ||
        (*end && (!unit || end[1])))
        return 0;
    n *= unit ? factor[unit - units] : 1;
    *pwindow = (int)n;
    return n <= WINDOW_MAX;
}

static const char *parse_points(cmd_parms *cmd, chat_limit_conf_t *policy,
                                const char *text)
{
    char *end;

    policy->points = apr_strtoi64(text, &end, 10);
    if (end != text && apr_isdigit(*text) && policy->points <= POINTS_MAX &&
        (!*end || (*end == '/' && parse_window(&policy->window, end + 1))))
        return NULL;
    return chat_config_refuse("ChatLimit", text,
                              "POINTS/WINDOW as in 10/1m: a whole number, and "
                              "a time with s, m, h, d or w of at most 366 "
                              "days",
                              cmd->pool);
}

static const char *parse_key(cmd_parms *cmd, chat_limit_conf_t *policy,
                             const char *text)
{
    if (!strncmp(text, "expr=", 5)) {
        policy->by = CHAT_LIMIT_BY_EXPR;
        return chat_config_parse_expr(cmd, &policy->expr, text + 5, 1);
    }
    if (!chat_config_parse_name(&policy->by, "ChatLimit", text, by_names,
                                cmd->pool))
        return NULL;
    return chat_config_refuse("ChatLimit", text,
                              "the key user, ip, user+ip or expr=EXPRESSION",
                              cmd->pool);
}

/* Of a key that another application has in Redis, the server's own files alone
 * dispose: with prefix= and an expression it may be any. */
static const char *check_compat(cmd_parms *cmd)
{
    return ap_check_cmd_context(cmd, NOT_IN_HTACCESS)
               ? "ChatLimit: compat= and prefix= cannot be written in "
                 ".htaccess: write such a policy in the server's "
                 "configuration, in <Directory> or <Location>"
               : NULL;
}

static const char *parse_option(cmd_parms *cmd, chat_limit_conf_t *policy,
                                option_e option, const char *value)
{
    apr_pool_t *p = cmd->pool;
    const char *why;
    int only;

    switch (option) {
    case OPT_UNIT:
        return chat_config_parse_name(&policy->unit, "ChatLimit unit", value,
                                      unit_names, p);
    case OPT_TIER:
        return chat_config_parse_word(&policy->tier, "ChatLimit tier", value,
                                      p);
    case OPT_MODEL:
        return chat_config_parse_model(&policy->model, "ChatLimit model", value,
                                       p);
    case OPT_FAIL:
        return chat_config_parse_name(&policy->fail, "ChatLimit fail", value,
                                      fail_names, p);
    case OPT_SHADOW:
        return chat_config_parse_flag(&policy->shadow, "ChatLimit shadow",
                                      value, p);
    case OPT_CUT:
        return chat_config_parse_flag(&policy->cut, "ChatLimit cut", value, p);
    case OPT_RESERVE:
        return chat_config_parse_int(&policy->reserve, "ChatLimit reserve",
                                     value, 1, 10000000, p);
    case OPT_COMPAT:
        policy->compat = 1;
        why = check_compat(cmd);
        return why ? why
                   : chat_config_parse_name(&only, "ChatLimit compat", value,
                                            compat_names, p);
    case OPT_PREFIX:
        policy->prefix = value;
        return check_compat(cmd);
    case OPT_IPV4:
        return chat_config_parse_int(&policy->ipv4_bits, "ChatLimit ipv4",
                                     value, 8, 32, p);
    case OPT_IPV6:
        return chat_config_parse_int(&policy->ipv6_bits, "ChatLimit ipv6",
                                     value, 16, 128, p);
    }
    return NULL;
}

/* What the pieces say together. */
static const char *check_policy(const chat_limit_conf_t *policy, unsigned seen)
{
    int streams = policy->unit == CHAT_LIMIT_STREAMS;

    if (streams && policy->window)
        return "ChatLimit: unit=streams counts what is open now and has no "
               "window: write POINTS alone";
    if (!streams && !policy->window)
        return "ChatLimit needs a window, as in 10/1m";
    if (streams && policy->compat)
        return "ChatLimit: rate-limiter-flexible has no unit=streams";
    if (policy->unit != CHAT_LIMIT_TOKENS &&
        (seen & (1u << OPT_CUT | 1u << OPT_RESERVE)))
        return "ChatLimit: cut= and reserve= belong to unit=tokens";
    if (!policy->compat && (seen & 1u << OPT_PREFIX))
        return "ChatLimit: prefix= belongs to compat=rate-limiter-flexible";
    return NULL;
}

/* ---- ChatLimit ---- */

static const chat_limit_conf_t policy_defaults = {
    .ipv4_bits = 32,
    .ipv6_bits = 64,
    .fail = CHAT_LIMIT_FAIL_LOCAL,
    .reserve = 1000,
    .prefix = "rlflx",
};

static void add_policy(chat_dir_conf_t *dir, chat_limit_conf_t *policy,
                       apr_pool_t *p)
{
    int i;

    if (!dir->limits)
        dir->limits = apr_array_make(p, 4, sizeof(const chat_limit_conf_t *));
    for (i = 0; i < dir->limits->nelts; i++)
        if (!strcmp(APR_ARRAY_IDX(dir->limits, i, chat_limit_conf_t *)->name,
                    policy->name))
            break;
    if (i == dir->limits->nelts)
        apr_array_push(dir->limits);
    APR_ARRAY_IDX(dir->limits, i, chat_limit_conf_t *) = policy;
}

static const char *parse_policy(cmd_parms *cmd, chat_limit_conf_t *policy,
                                int argc, char *const argv[])
{
    const char *value, *why;
    unsigned seen = 0;
    int i, option;

    why = parse_points(cmd, policy, argv[1]);
    if (!why)
        why = parse_key(cmd, policy, argv[2]);
    for (i = 3; i < argc && !why; i++) {
        why = chat_config_parse_pair(&option, &value, &seen, "ChatLimit",
                                     argv[i], option_names, cmd->pool);
        if (!why)
            why = parse_option(cmd, policy, option, value);
    }
    return why ? why : check_policy(policy, seen);
}

const char *chat_config_limit(cmd_parms *cmd, void *dirv, int argc,
                              char *const argv[])
{
    const char *why = chat_config_check_args(cmd, argc);
    chat_limit_conf_t *policy;

    if (why)
        return why;
    policy = apr_pmemdup(cmd->pool, &policy_defaults, sizeof(policy_defaults));
    policy->name = argv[0];
    why = parse_policy_name(cmd, argv[0]);
    if (!why && argc == 2 && !strcmp(argv[1], "off"))
        policy->off = 1;
    else if (!why && argc < 3)
        why = apr_psprintf(cmd->pool, "ChatLimit %s: write %s", argv[0],
                           cmd->cmd->errmsg);
    else if (!why)
        why = parse_policy(cmd, policy, argc, argv);
    if (why)
        return why;
    add_policy(dirv, policy, cmd->pool);
    if (policy->fail == CHAT_LIMIT_FAIL_CLOSED && !policy->shadow)
        chat_config_need(cmd, CHAT_NEED_REDIS, policy->name);
    return NULL;
}

/* ---- merging ---- */

static const chat_limit_conf_t *find(const apr_array_header_t *list,
                                     const char *name)
{
    int i;

    for (i = 0; i < list->nelts; i++) {
        const chat_limit_conf_t *policy =
            APR_ARRAY_IDX(list, i, const chat_limit_conf_t *);

        if (!strcmp(policy->name, name))
            return policy;
    }
    return NULL;
}

apr_array_header_t *chat_config_limits_merge(apr_pool_t *p,
                                             const apr_array_header_t *base,
                                             const apr_array_header_t *add)
{
    apr_array_header_t *all;
    int i;

    if (!base || !add || !base->nelts || !add->nelts)
        return (apr_array_header_t *)(add && (add->nelts || !base) ? add
                                                                   : base);
    all = apr_array_copy(p, base);
    for (i = 0; i < all->nelts; i++) {
        const chat_limit_conf_t **policy =
            &APR_ARRAY_IDX(all, i, const chat_limit_conf_t *);
        const chat_limit_conf_t *inner = find(add, (*policy)->name);

        if (inner)
            *policy = inner;
    }
    for (i = 0; i < add->nelts; i++) {
        const chat_limit_conf_t *policy =
            APR_ARRAY_IDX(add, i, const chat_limit_conf_t *);

        if (!find(base, policy->name))
            APR_ARRAY_PUSH(all, const chat_limit_conf_t *) = policy;
    }
    return all;
}

apr_array_header_t *chat_config_limits_on(apr_pool_t *p,
                                          apr_array_header_t *limits)
{
    apr_array_header_t *on;
    int i, off = 0;

    for (i = 0; i < limits->nelts; i++)
        off += APR_ARRAY_IDX(limits, i, const chat_limit_conf_t *)->off;
    if (!off)
        return limits;
    on = apr_array_make(p, limits->nelts, sizeof(const chat_limit_conf_t *));
    for (i = 0; i < limits->nelts; i++) {
        const chat_limit_conf_t *policy =
            APR_ARRAY_IDX(limits, i, const chat_limit_conf_t *);

        if (!policy->off)
            APR_ARRAY_PUSH(on, const chat_limit_conf_t *) = policy;
    }
    return on;
}

/* ---- ChatLimitExempt, ChatLimitTier ---- */

static const char *parse_net(cmd_parms *cmd, apr_ipsubnet_t **pnet,
                             const char *value)
{
    char *text = apr_pstrdup(cmd->pool, value);
    char *bits = strchr(text, '/');

    if (bits)
        *bits++ = '\0';
    if (*text &&
        apr_ipsubnet_create(pnet, text, bits, cmd->pool) == APR_SUCCESS)
        return NULL;
    return chat_config_refuse("ChatLimitExempt net", value,
                              "an address or a network, as in 10.0.0.0/8",
                              cmd->pool);
}

static const char *parse_exempt(cmd_parms *cmd, chat_limit_exempt_t *exempt,
                                const char *arg)
{
    static const char *const keys[] = {"role", "user", "net", "expr", NULL};
    const char *value, *why;
    unsigned seen = 0;
    int key;

    why = chat_config_parse_pair(&key, &value, &seen, "ChatLimitExempt", arg,
                                 keys, cmd->pool);
    if (why || !*value)
        return why ? why
                   : chat_config_refuse("ChatLimitExempt", arg,
                                        "a value after the =", cmd->pool);
    switch (key) {
    case 0:
        exempt->role = value;
        return NULL;
    case 1:
        exempt->user = value;
        return NULL;
    case 2:
        return parse_net(cmd, &exempt->net, value);
    default:
        return chat_config_parse_expr(cmd, &exempt->expr, value, 0);
    }
}

const char *chat_config_limit_exempt(cmd_parms *cmd, void *dirv, int argc,
                                     char *const argv[])
{
    chat_dir_conf_t *dir = dirv;
    const char *why = chat_config_check_args(cmd, argc);
    int i;

    if (why)
        return why;
    if (!dir->exempt)
        dir->exempt =
            apr_array_make(cmd->pool, argc, sizeof(chat_limit_exempt_t));
    if (argc == 1 && !strcmp(argv[0], "none"))
        return NULL;
    for (i = 0; i < argc && !why; i++)
        why = parse_exempt(
            cmd,
            memset(apr_array_push(dir->exempt), 0, sizeof(chat_limit_exempt_t)),
            argv[i]);
    return why;
}

const char *chat_config_limit_tier(cmd_parms *cmd, void *dirv,
                                   const char *value)
{
    chat_dir_conf_t *dir = dirv;
    const char *why = ap_check_cmd_context(cmd, NOT_IN_LIMIT);

    return why ? why : chat_config_parse_expr(cmd, &dir->tier, value, 1);
}
