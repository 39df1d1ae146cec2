/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/limit/chat_limit_period.c. */
#include "../../src/limit/chat_limit_period.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HOUR 3600
#define UTC                                                                    \
    {                                                                          \
        0, 0                                                                   \
    }
#define LOCAL                                                                  \
    {                                                                          \
        1, 0                                                                   \
    }

/* now and ends in seconds since 1970; local is Berlin. */
static const struct {
    chat_limit_period_e what;
    chat_limit_zone_t zone;
    apr_int64_t now;
    const char *name;
    apr_int64_t ends;
} table[] = {
    /* 2026-11-29 01:00:00 */
    {CHAT_LIMIT_PERIOD_DAY, UTC, 1795914000, "2026-11-29", 1795996800},
    {CHAT_LIMIT_PERIOD_MONTH, UTC, 1795914000, "2026-11", 1796083200},
    /* The first and the last second of a month and of a year. */
    {CHAT_LIMIT_PERIOD_MONTH, UTC, 1796083199, "2026-11", 1796083200},
    {CHAT_LIMIT_PERIOD_MONTH, UTC, 1796083200, "2026-12", 1798761600},
    {CHAT_LIMIT_PERIOD_DAY, UTC, 1798761599, "2026-12-31", 1798761600},
    {CHAT_LIMIT_PERIOD_DAY, UTC, 1798761600, "2027-01-01", 1798848000},
    /* A leap day. */
    {CHAT_LIMIT_PERIOD_DAY, UTC, 1835395200, "2028-02-29", 1835481600},
    {CHAT_LIMIT_PERIOD_MONTH, UTC, 1835395200, "2028-02", 1835481600},
    /* Elsewhere it is another day, and may be another month. */
    {CHAT_LIMIT_PERIOD_DAY,
     {0, 14 * HOUR},
     1796050800,
     "2026-12-01",
     1796119200},
    {CHAT_LIMIT_PERIOD_MONTH,
     {0, 14 * HOUR},
     1796050800,
     "2026-12",
     1798711200},
    {CHAT_LIMIT_PERIOD_MONTH,
     {0, -14 * HOUR},
     1796083200,
     "2026-11",
     1796133600},
    {CHAT_LIMIT_PERIOD_DAY,
     {0, 5 * HOUR + 1800},
     1795977000,
     "2026-11-30",
     1796063400},
    /* Days of 23 and of 25 hours: 2026-03-29 and 2026-10-25. */
    {CHAT_LIMIT_PERIOD_DAY, LOCAL, 1774738800, "2026-03-29",
     1774738800 + 23 * HOUR},
    {CHAT_LIMIT_PERIOD_DAY, LOCAL, 1792879200, "2026-10-25",
     1792879200 + 25 * HOUR},
    {CHAT_LIMIT_PERIOD_MONTH, LOCAL, 1774738800, "2026-03", 1774994400},
};

START_TEST(a_period_is_of_its_zone)
{
    chat_limit_period_t period;

    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    tzset();
    chat_limit_period(&period, table[_i].what, &table[_i].zone,
                      apr_time_from_sec(table[_i].now) + 999999);
    ck_assert_str_eq(period.name, table[_i].name);
    ck_assert_int_eq(period.ends, apr_time_from_sec(table[_i].ends));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_limit_period");
    TCase *tc = tcase_create("periods");

    tcase_add_loop_test(tc, a_period_is_of_its_zone, 0,
                        sizeof(table) / sizeof(table[0]));
    suite_add_tcase(suite, tc);
    return suite;
}
