/* SPDX-License-Identifier: Apache-2.0 */
/* Periods of the calendar, in which a limit counts that does not begin with its
 * first use: a day or a month of some zone. Pure, any thread. */
#ifndef CHAT_LIMIT_PERIOD_H
#define CHAT_LIMIT_PERIOD_H

#include "chat_types.h"

typedef struct chat_limit_period_t {
    char name[12];   /* "2026-11-29" or "2026-11" */
    apr_time_t ends; /* when the next one begins */
} chat_limit_period_t;

/* The one that now is in; what is not NONE. */
void chat_limit_period(chat_limit_period_t *period, chat_limit_period_e what,
                       const chat_limit_zone_t *zone, apr_time_t now);

#endif
