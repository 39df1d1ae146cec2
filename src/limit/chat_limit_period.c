/* SPDX-License-Identifier: Apache-2.0 */
/* Days and months. See chat_limit_period.h. Pure, any thread. */
#include "chat_limit_period.h"

#include <string.h>
#include <time.h>

/* The clock on the wall. */
static void read_clock(struct tm *tm, const chat_limit_zone_t *zone,
                       apr_time_t now)
{
    time_t at = (time_t)apr_time_sec(now);

    if (zone->local) {
        localtime_r(&at, tm);
        return;
    }
    at += zone->offset;
    gmtime_r(&at, tm);
}

/* Midnight, or what follows it where the clocks are put forward then. */
static apr_time_t begins(struct tm *tm, const chat_limit_zone_t *zone)
{
    tm->tm_hour = tm->tm_min = tm->tm_sec = 0;
    tm->tm_isdst = -1;
    return apr_time_from_sec(
        (apr_time_t)(zone->local ? mktime(tm) : timegm(tm) - zone->offset));
}

void chat_limit_period(chat_limit_period_t *period, chat_limit_period_e what,
                       const chat_limit_zone_t *zone, apr_time_t now)
{
    struct tm tm;

    read_clock(&tm, zone, now);
    strftime(period->name, sizeof(period->name),
             what == CHAT_LIMIT_PERIOD_DAY ? "%Y-%m-%d" : "%Y-%m", &tm);
    if (what == CHAT_LIMIT_PERIOD_DAY) {
        tm.tm_mday++;
    }
    else {
        tm.tm_mday = 1;
        tm.tm_mon++;
    }
    period->ends = begins(&tm, zone);
}
