/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much in how long, as ChatLimit has it: points and windows, money, periods
 * of the calendar. Config time; for .htaccess a request's thread with its
 * pools.
 */
#include "chat_config_int.h"

#include <stdio.h>
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

/* As many as RateLimit can say (RFC 9651, 3.3.1). */
#define POINTS_MAX APR_INT64_C(999999999999999)
#define WINDOW_MAX (366 * 86400)
#define DAY 86400
#define MONTH (31 * DAY)

/* Who has used so many percent of a policy of money is told. */
#define WARN_COST 80

/* "10s", "5m", "1h", "1d": whole seconds, as every counter has them; "1mo" is
 * one of the calendar. */
static int parse_window(chat_limit_conf_t *policy, const char *text)
{
    static const char units[] = "smhdw";
    static const int factor[] = {1, 60, 3600, 86400, 7 * 86400};
    apr_int64_t n;
    const char *unit;
    char *end;

    if (!strcmp(text, "1mo")) {
        policy->period = CHAT_LIMIT_PERIOD_MONTH;
        policy->window = MONTH;
        return 1;
    }
    n = apr_strtoi64(text, &end, 10);
    unit = *end ? strchr(units, *end) : NULL;
    if (end == text || n < 1 || n > WINDOW_MAX || !apr_isdigit(*text) ||
        (*end && (!unit || end[1])))
        return 0;
    n *= unit ? factor[unit - units] : 1;
    policy->window = (int)n;
    return n <= WINDOW_MAX;
}

static const char *parse_money(cmd_parms *cmd, chat_limit_conf_t *policy,
                               const char *text)
{
    apr_size_t len = strcspn(text, "/");

    policy->points = chat_price_parse(text, len, 10);
    policy->warn = WARN_COST;
    if (policy->points >= 0 && policy->points <= CHAT_PRICE_MOST &&
        (!text[len] || parse_window(policy, text + len + 1)))
        return NULL;
    return chat_config_refuse("ChatLimit", text,
                              "DOLLARS/WINDOW as in 5.00/1mo: 0 to 900000, and "
                              "a time with s, m, h, d or w of at most 366 "
                              "days, or 1mo",
                              cmd->pool);
}

static const char *parse_points(cmd_parms *cmd, chat_limit_conf_t *policy,
                                const char *text)
{
    char *end;

    policy->points = apr_strtoi64(text, &end, 10);
    if (end != text && apr_isdigit(*text) && policy->points <= POINTS_MAX &&
        (!*end || (*end == '/' && parse_window(policy, end + 1))))
        return NULL;
    return chat_config_refuse(cmd->cmd->name, text,
                              "POINTS/WINDOW as in 10/1m: a whole number, and "
                              "a time with s, m, h, d or w of at most 366 "
                              "days",
                              cmd->pool);
}

const char *chat_config_limit_points(cmd_parms *cmd, chat_limit_conf_t *policy,
                                     const char *text, int money)
{
    return money ? parse_money(cmd, policy, text)
                 : parse_points(cmd, policy, text);
}

const char *chat_config_limit_points_zone(void *member,
                                          const chat_config_rule_t *rule,
                                          cmd_parms *cmd, const char *what,
                                          const char *value)
{
    chat_limit_zone_t *zone = member;
    int hours, minutes, end = 0;

    zone->local = !strcmp(value, "local");
    if (zone->local || !strcmp(value, "utc"))
        return NULL;
    if (strlen(value) == 6 && strchr("+-", *value) &&
        strspn(value + 1, "0123456789:") == 5 &&
        sscanf(value + 1, "%2d:%2d%n", &hours, &minutes, &end) == 2 &&
        end == 5 && hours <= 14 && minutes < 60) {
        zone->offset = (hours * 60 + minutes) * (*value == '-' ? -60 : 60);
        return NULL;
    }
    return chat_config_refuse(what, value, "utc, local, or hours as in +05:30",
                              cmd->pool);
}

const char *chat_config_limit_points_period(chat_limit_conf_t *policy, int zone)
{
    if (!zone)
        return NULL;
    if (!policy->period && policy->window != DAY)
        return "ChatLimit: zone= belongs to the windows 1mo and 1d";
    if (!policy->period)
        policy->period = CHAT_LIMIT_PERIOD_DAY;
    return NULL;
}
