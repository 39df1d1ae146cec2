/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tiers that somebody pays for: whether they count, who tells of payments, and
 * which price is for which tier: ChatAuthTier, ChatWebhook, ChatWebhookSecret,
 * ChatTierPrice. None stands in .htaccess: whoever could write them there would
 * give himself a tier. Config time.
 */
#include "chat_config_int.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_types.h"

#define DAY (24 * 3600 * APR_USEC_PER_SEC)

/* ---- members ---- */

static const chat_dir_tier_t dir_unset = {
    .database = CHAT_UNSET,
    .basic = NULL,
    .webhook = CHAT_UNSET,
    .live = CHAT_UNSET,
    .grace = CHAT_UNSET,
    .secrets = NULL,
    .prices = NULL,
};

static const chat_dir_tier_t dir_defaults = {
    .database = 0,
    .basic = "free",
    .webhook = CHAT_WEBHOOK_NONE,
    .live = 1,
    .grace = 7 * DAY,
    .secrets = CHAT_CONFIG_EMPTY(const char *),
    .prices = CHAT_CONFIG_EMPTY(chat_tier_price_t),
};

static void dir_merge(void *mv, const void *basev, const void *addv,
                      apr_pool_t *p)
{
    const chat_dir_tier_t *base = basev, *add = addv;
    chat_dir_tier_t *m = mv;

    m->database = (int)chat_config_pick(base->database, add->database);
    m->basic = chat_config_pick_ptr(base->basic, add->basic);
    m->webhook = (int)chat_config_pick(base->webhook, add->webhook);
    m->live = (int)chat_config_pick(base->live, add->live);
    m->grace = chat_config_pick(base->grace, add->grace);
    m->secrets = chat_config_pick_ptr(base->secrets, add->secrets);
    m->prices = chat_config_pick_ptr(base->prices, add->prices);
}

/* ---- ChatAuthTier session|database [default=NAME] ---- */

static const char *const places[] = {
    [0] = "session",
    [1] = "database",
    NULL,
};

static const chat_config_rule_t tier_options[] = {
    CHAT_CONFIG_OPTION("default", chat_dir_tier_t, basic,
                       .set = chat_config_value_string,
                       .parse = chat_config_parse_word),
    {NULL}};

static const char *check_place(cmd_parms *cmd, int argc)
{
    const char *why = chat_config_check_args(cmd, argc);

    return why ? why : ap_check_cmd_context(cmd, NOT_IN_HTACCESS);
}

static const char *set_tier(cmd_parms *cmd, void *dirv, int argc,
                            char *const argv[])
{
    chat_dir_tier_t *tier = &((chat_dir_conf_t *)dirv)->tier;
    const char *why = check_place(cmd, argc);
    unsigned seen = 0;

    if (!why)
        why = chat_config_parse_name(&tier->database, cmd->cmd->name, argv[0],
                                     places, cmd->pool);
    if (!why)
        why = chat_config_options(tier, tier_options, &seen, cmd, argc - 1,
                                  argv + 1);
    if (!why && tier->database)
        chat_config_server_of(cmd)->store.used = 1;
    return why;
}

/* ---- ChatWebhook SERVICE [live=on|off] [grace=TIME] ---- */

static const char *const services[] = {
    [CHAT_WEBHOOK_STRIPE] = "stripe",
    [CHAT_WEBHOOK_LEMONSQUEEZY] = "lemonsqueezy",
    NULL,
};

static const chat_config_rule_t webhook_options[] = {
    CHAT_CONFIG_OPTION("live", chat_dir_tier_t, live,
                       .set = chat_config_value_flag),
    CHAT_CONFIG_OPTION("grace", chat_dir_tier_t, grace,
                       .set = chat_config_store_days),
    {NULL}};

static const char *set_webhook(cmd_parms *cmd, void *dirv, int argc,
                               char *const argv[])
{
    chat_dir_tier_t *tier = &((chat_dir_conf_t *)dirv)->tier;
    const char *why = check_place(cmd, argc);
    unsigned seen = 0;

    if (!why)
        why = chat_config_parse_name(&tier->webhook, cmd->cmd->name, argv[0],
                                     services, cmd->pool);
    return why ? why
               : chat_config_options(tier, webhook_options, &seen, cmd,
                                     argc - 1, argv + 1);
}

/* ---- ChatWebhookSecret ---- */

static const char *add_secret(cmd_parms *cmd, void *dirv, const char *spec)
{
    chat_dir_tier_t *tier = &((chat_dir_conf_t *)dirv)->tier;
    const char *secret, *why = check_place(cmd, 1);

    if (!why)
        why = chat_config_secret(&secret, cmd, spec);
    if (why)
        return why;
    if (!tier->secrets)
        tier->secrets = apr_array_make(cmd->pool, 2, sizeof(const char *));
    APR_ARRAY_PUSH(tier->secrets, const char *) = secret;
    return NULL;
}

/* ---- ChatTierPrice PRICE TIER ---- */

static int is_price(const char *price)
{
    const char *colon = strchr(price, ':');

    if (!colon)
        return *price != '\0';
    return colon[1] &&
           (!strncmp(price, "lookup:", 7) || !strncmp(price, "variant:", 8));
}

static const char *add_price(cmd_parms *cmd, void *dirv, const char *price,
                             const char *name)
{
    chat_dir_tier_t *tier = &((chat_dir_conf_t *)dirv)->tier;
    chat_tier_price_t line = {.price = price};
    const char *why = check_place(cmd, 1);

    if (!why)
        why =
            chat_config_parse_word(&line.tier, cmd->cmd->name, name, cmd->pool);
    if (why)
        return why;
    if (!is_price(price))
        return chat_config_refuse(cmd->cmd->name, price,
                                  "the id of a price, lookup:KEY or variant:ID",
                                  cmd->pool);
    if (!tier->prices)
        tier->prices = apr_array_make(cmd->pool, 4, sizeof(line));
    APR_ARRAY_PUSH(tier->prices, chat_tier_price_t) = line;
    return NULL;
}

const chat_config_feature_t chat_config_tier_feature = {
    .cmds =
        {
            AP_INIT_TAKE_ARGV("ChatAuthTier", set_tier, NULL, CHAT_OR_DIRECTORY,
                              "session or database, [default=NAME]"),
            AP_INIT_TAKE_ARGV("ChatWebhook", set_webhook, NULL,
                              CHAT_OR_DIRECTORY,
                              "stripe or lemonsqueezy, [live=on|off] "
                              "[grace=TIME]"),
            AP_INIT_TAKE1("ChatWebhookSecret", add_secret, NULL,
                          CHAT_OR_DIRECTORY,
                          "env:NAME, file:PATH or \"exec:PATH ARGS\""),
            AP_INIT_TAKE2("ChatTierPrice", add_price, NULL, CHAT_OR_DIRECTORY,
                          "the id of a price, lookup:KEY or variant:ID, and "
                          "the name of a tier"),
        },
    .dir = CHAT_CONFIG_DIR(tier),
};
