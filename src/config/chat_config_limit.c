/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ChatLimit and the others of that beginning: policies as the administrator
 * writes them, and how they merge, those of ChatAbuse too. Config time; for
 * .htaccess a request's thread with its pools.
 */
#include "chat_config_int.h"

#include <http_core.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "chat_log.h"

#define NAME_MAX_LEN 32
static const char *const unit_names[] = {[CHAT_LIMIT_REQUESTS] = "requests",
                                         [CHAT_LIMIT_TOKENS] = "tokens",
                                         [CHAT_LIMIT_STREAMS] = "streams",
                                         [CHAT_LIMIT_COST] = "cost",
                                         [4] = NULL};
const char *const chat_config_limit_fail_names[] = {
    [CHAT_LIMIT_FAIL_OPEN] = "open",
    [CHAT_LIMIT_FAIL_CLOSED] = "closed",
    [CHAT_LIMIT_FAIL_LOCAL] = "local",
    [3] = NULL};
/* An expression has no name of its own. */
static const char *const by_names[] = {[CHAT_LIMIT_BY_USER] = "user",
                                       [CHAT_LIMIT_BY_IP] = "ip",
                                       [CHAT_LIMIT_BY_USER_IP] = "user+ip",
                                       [CHAT_LIMIT_BY_EXPR] = NULL};

/* ---- the pieces of a policy ---- */

const char *chat_config_limit_name(cmd_parms *cmd, const char *name)
{
    apr_size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789_-");

    if (len >= 1 && len <= NAME_MAX_LEN && !name[len])
        return NULL;
    return chat_config_refuse(cmd->cmd->name, name,
                              "a name of 1 to 32 letters, digits, _ or -",
                              cmd->pool);
}

/* 1: the policy is one of money, which has points of its own. */
static int is_cost(int argc, char *const argv[])
{
    int i;

    for (i = 0; i < argc; i++)
        if (!strcmp(argv[i], "unit=cost"))
            return 1;
    return 0;
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

static const char *set_compat(void *member, const chat_config_rule_t *rule,
                              cmd_parms *cmd, const char *what,
                              const char *value)
{
    static const char *const names[] = {"rate-limiter-flexible", NULL};
    const char *why = check_compat(cmd);
    int only;

    *(int *)member = 1;
    return why ? why
               : chat_config_parse_name(&only, what, value, names, cmd->pool);
}

static const char *set_prefix(void *member, const chat_config_rule_t *rule,
                              cmd_parms *cmd, const char *what,
                              const char *value)
{
    *(const char **)member = value;
    return check_compat(cmd);
}

#define OPTION(key, member, ...)                                               \
    CHAT_CONFIG_OPTION(key, chat_limit_conf_t, member, __VA_ARGS__)

static const chat_config_rule_t options[] = {
    OPTION("unit", unit, .set = chat_config_value_name, .names = unit_names),
    OPTION("tier", tier, .set = chat_config_value_string,
           .parse = chat_config_parse_word),
    OPTION("model", model, .set = chat_config_value_string,
           .parse = chat_config_parse_model),
    OPTION("fail", fail, .set = chat_config_value_name,
           .names = chat_config_limit_fail_names),
    OPTION("shadow", shadow, .set = chat_config_value_flag),
    OPTION("cut", cut, .set = chat_config_value_flag),
    OPTION("warn", warn, .set = chat_config_value_int, .min = 0, .max = 99),
    OPTION("zone", zone, .set = chat_config_limit_points_zone),
    OPTION("reserve", reserve, .set = chat_config_value_int, .min = 1,
           .max = 10000000),
    OPTION("compat", compat, .set = set_compat),
    OPTION("prefix", prefix, .set = set_prefix),
    OPTION("ipv4", ipv4_bits, .set = chat_config_value_int, .min = 8,
           .max = 32),
    OPTION("ipv6", ipv6_bits, .set = chat_config_value_int, .min = 16,
           .max = 128),
    {NULL}};

static int seen_one(unsigned seen, const char *name)
{
    return chat_config_option_seen(options, seen, name);
}

/* What the pieces say together. */
static const char *check_policy(chat_limit_conf_t *policy, unsigned seen)
{
    int streams = policy->unit == CHAT_LIMIT_STREAMS;
    int reserves =
        policy->unit == CHAT_LIMIT_TOKENS || policy->unit == CHAT_LIMIT_COST;

    if (streams && policy->window)
        return "ChatLimit: unit=streams counts what is open now and has no "
               "window: write POINTS alone";
    if (!streams && !policy->window)
        return "ChatLimit needs a window, as in 10/1m";
    if (streams && policy->compat)
        return "ChatLimit: rate-limiter-flexible has no unit=streams";
    if (!reserves && (seen_one(seen, "cut") || seen_one(seen, "reserve")))
        return "ChatLimit: cut= and reserve= belong to unit=tokens and "
               "unit=cost";
    if (streams && seen_one(seen, "warn"))
        return "ChatLimit: warn= belongs to policies with a window";
    if (!policy->compat && seen_one(seen, "prefix"))
        return "ChatLimit: prefix= belongs to compat=rate-limiter-flexible";
    return chat_config_limit_points_period(policy, seen_one(seen, "zone"));
}

/* ---- ChatLimit ---- */

const chat_limit_conf_t chat_config_limit_defaults = {
    .ipv4_bits = 32,
    .ipv6_bits = 64,
    .fail = CHAT_LIMIT_FAIL_LOCAL,
    .reserve = 1000,
    .prefix = "rlflx",
};

static void put(chat_dir_limit_t *limit, chat_limit_conf_t *policy,
                apr_pool_t *p)
{
    int i;

    if (!limit->policies)
        limit->policies =
            apr_array_make(p, 4, sizeof(const chat_limit_conf_t *));
    for (i = 0; i < limit->policies->nelts; i++)
        if (!strcmp(
                APR_ARRAY_IDX(limit->policies, i, chat_limit_conf_t *)->name,
                policy->name))
            break;
    if (i == limit->policies->nelts)
        apr_array_push(limit->policies);
    APR_ARRAY_IDX(limit->policies, i, chat_limit_conf_t *) = policy;
}

void chat_config_limit_add(cmd_parms *cmd, chat_dir_limit_t *limit,
                           chat_limit_conf_t *policy)
{
    put(limit, policy, cmd->pool);
    if (!policy->off)
        chat_config_admin_policy(cmd, policy);
    if (policy->fail == CHAT_LIMIT_FAIL_CLOSED && !policy->shadow)
        chat_config_need(cmd, CHAT_NEED_REDIS, policy->name);
}

static const char *parse_policy(cmd_parms *cmd, chat_limit_conf_t *policy,
                                int argc, char *const argv[])
{
    const char *why = chat_config_limit_points(cmd, policy, argv[1],
                                               is_cost(argc - 3, argv + 3));
    unsigned seen = 0;

    if (!why)
        why = parse_key(cmd, policy, argv[2]);
    if (!why)
        why = chat_config_options(policy, options, &seen, cmd, argc - 3,
                                  argv + 3);
    return why ? why : check_policy(policy, seen);
}

static const char *set_limit(cmd_parms *cmd, void *dirv, int argc,
                             char *const argv[])
{
    const char *why = chat_config_check_args(cmd, argc);
    chat_limit_conf_t *policy;

    if (why)
        return why;
    policy = apr_pmemdup(cmd->pool, &chat_config_limit_defaults,
                         sizeof(chat_config_limit_defaults));
    policy->name = argv[0];
    why = chat_config_limit_name(cmd, argv[0]);
    if (!why && argc == 2 && !strcmp(argv[1], "off"))
        policy->off = 1;
    else if (!why && argc < 3)
        why = apr_psprintf(cmd->pool, "ChatLimit %s: write %s", argv[0],
                           cmd->cmd->errmsg);
    else if (!why)
        why = parse_policy(cmd, policy, argc, argv);
    if (why)
        return why;
    chat_config_limit_add(cmd, &((chat_dir_conf_t *)dirv)->limit, policy);
    return NULL;
}

/* ---- members ---- */

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

/* Policies of the inner scope replace those of the outer of the same name. */
static apr_array_header_t *merge_policies(apr_pool_t *p,
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

static const chat_dir_limit_t dir_unset = {
    .policies = NULL,
    .exempt = NULL,
    .tier = NULL,
};

static const chat_dir_limit_t dir_defaults = {
    .policies = CHAT_CONFIG_EMPTY(const chat_limit_conf_t *),
    .exempt = CHAT_CONFIG_EMPTY(chat_limit_exempt_t),
    .tier = NULL,
};

static void dir_merge(void *mv, const void *basev, const void *addv,
                      apr_pool_t *p)
{
    const chat_dir_limit_t *base = basev, *add = addv;
    chat_dir_limit_t *m = mv;

    m->policies = merge_policies(p, base->policies, add->policies);
    m->exempt = chat_config_pick_ptr(base->exempt, add->exempt);
    m->tier = chat_config_pick_ptr(base->tier, add->tier);
}

static const chat_server_limit_t server_unset = {
    .table = CHAT_UNSET,
    .keys_clear = CHAT_UNSET,
};

static const chat_server_limit_t server_defaults = {
    .table = 4 * 1024 * 1024,
    .keys_clear = 0,
};

static void server_merge(void *mv, const void *basev, const void *addv,
                         apr_pool_t *p)
{
    const chat_server_limit_t *base = basev, *add = addv;
    chat_server_limit_t *m = mv;

    m->table = chat_config_pick(base->table, add->table);
    m->keys_clear = chat_config_pick(base->keys_clear, add->keys_clear);
}

/* Those that are off have done their work in merging. */
static void complete(chat_dir_conf_t *conf, apr_pool_t *p)
{
    const apr_array_header_t *all = conf->limit.policies;
    apr_array_header_t *on;
    int i, off = 0;

    for (i = 0; i < all->nelts; i++)
        off += APR_ARRAY_IDX(all, i, const chat_limit_conf_t *)->off;
    if (!off)
        return;
    on = apr_array_make(p, all->nelts, sizeof(const chat_limit_conf_t *));
    for (i = 0; i < all->nelts; i++) {
        const chat_limit_conf_t *policy =
            APR_ARRAY_IDX(all, i, const chat_limit_conf_t *);

        if (!policy->off)
            APR_ARRAY_PUSH(on, const chat_limit_conf_t *) = policy;
    }
    conf->limit.policies = on;
}

/* ---- ChatLimitExempt, ChatLimitTier ---- */

static const char *set_text(void *member, const chat_config_rule_t *rule,
                            cmd_parms *cmd, const char *what, const char *value)
{
    *(const char **)member = value;
    return NULL;
}

static const char *set_net(void *member, const chat_config_rule_t *rule,
                           cmd_parms *cmd, const char *what, const char *value)
{
    char *text = apr_pstrdup(cmd->pool, value);
    char *bits = strchr(text, '/');

    if (bits)
        *bits++ = '\0';
    if (*text &&
        apr_ipsubnet_create(member, text, bits, cmd->pool) == APR_SUCCESS)
        return NULL;
    return chat_config_refuse(
        what, value, "an address or a network, as in 10.0.0.0/8", cmd->pool);
}

static const char *set_expr(void *member, const chat_config_rule_t *rule,
                            cmd_parms *cmd, const char *what, const char *value)
{
    return chat_config_parse_expr(cmd, member, value, 0);
}

#define CONDITION(key, member, ...)                                            \
    CHAT_CONFIG_OPTION(key, chat_limit_exempt_t, member, __VA_ARGS__)

static const chat_config_rule_t conditions[] = {
    CONDITION("role", role, .set = set_text),
    CONDITION("user", user, .set = set_text),
    CONDITION("net", net, .set = set_net),
    CONDITION("expr", expr, .set = set_expr),
    {NULL}};

/* Conditions that hold together would be one too many to explain: each stands
 * alone, and the same key may come again. */
static const char *add_exempt(cmd_parms *cmd, apr_array_header_t *list,
                              char *const arg[])
{
    const char *equals = strchr(arg[0], '=');
    unsigned seen = 0;

    if (equals && !equals[1])
        return chat_config_refuse(cmd->cmd->name, arg[0],
                                  "a value after the =", cmd->pool);
    return chat_config_options(
        memset(apr_array_push(list), 0, sizeof(chat_limit_exempt_t)),
        conditions, &seen, cmd, 1, arg);
}

static const char *set_exempt(cmd_parms *cmd, void *dirv, int argc,
                              char *const argv[])
{
    chat_dir_limit_t *limit = &((chat_dir_conf_t *)dirv)->limit;
    const char *why = chat_config_check_args(cmd, argc);
    int i;

    if (why)
        return why;
    if (!limit->exempt)
        limit->exempt =
            apr_array_make(cmd->pool, argc, sizeof(chat_limit_exempt_t));
    if (argc == 1 && !strcmp(argv[0], "none"))
        return NULL;
    for (i = 0; i < argc && !why; i++)
        why = add_exempt(cmd, limit->exempt, argv + i);
    return why;
}

static const char *set_tier(cmd_parms *cmd, void *dirv, const char *value)
{
    chat_dir_conf_t *dir = dirv;
    const char *why = chat_config_check_dir(cmd);

    return why ? why : chat_config_parse_expr(cmd, &dir->limit.tier, value, 1);
}

/* ---- directives ---- */

static const char *const key_names[] = {
    [0] = "hashed", [1] = "clear", [2] = NULL};

const chat_config_feature_t chat_config_limit_feature = {
    .cmds =
        {
            AP_INIT_TAKE_ARGV("ChatLimit", set_limit, NULL, CHAT_OR_LIMIT,
                              "NAME POINTS/WINDOW KEY [OPTION=VALUE ...], or "
                              "NAME off"),
            AP_INIT_TAKE_ARGV("ChatAbuse", chat_config_abuse, NULL,
                              CHAT_OR_LIMIT,
                              "[NAME] repeats=, invisible= or blocks= "
                              "[OPTION=VALUE ...], or NAME off"),
            AP_INIT_TAKE_ARGV("ChatLimitExempt", set_exempt, NULL,
                              CHAT_OR_LIMIT,
                              "role=, user=, net= or expr=: whom no limit "
                              "holds"),
            AP_INIT_TAKE1("ChatLimitTier", set_tier, NULL, CHAT_OR_LIMIT,
                          "an expression that gives the tier of a request"),
            AP_INIT_TAKE1("ChatLimitTable", chat_config_set,
                          CHAT_CONFIG_IN_MAIN(limit.table,
                                              .set = chat_config_value_bytes,
                                              .min = 64 * 1024, .max = 1 << 30),
                          CHAT_OR_SERVER,
                          "bytes of shared memory for counters without Redis"),
            AP_INIT_TAKE1("ChatLimitKeys", chat_config_set,
                          CHAT_CONFIG_IN_MAIN(limit.keys_clear,
                                              .set = chat_config_value_name,
                                              .names = key_names),
                          CHAT_OR_SERVER,
                          "hashed or clear: how users and addresses are shown"),
        },
    .dir = CHAT_CONFIG_DIR(limit),
    .server = CHAT_CONFIG_SERVER(limit),
    .complete = complete,
};
