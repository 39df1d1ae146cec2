/* SPDX-License-Identifier: Apache-2.0 */
/* What the routes have in common that only tell something. Request thread. */
#ifndef CHAT_GET_H
#define CHAT_GET_H

#include <httpd.h>

#include "chat_config.h"

/* What follows the location's path in the request's: "" or "/...". NULL where
 * the route does not stand in a <Location> of a plain path, so that nobody can
 * tell. */
const char *chat_get_rest(const request_rec *r, const chat_dir_conf_t *conf);

/* 1 when it is neither GET nor HEAD, and has been answered with a 405. */
int chat_get_refused(request_rec *r, const chat_dir_conf_t *conf);

#endif
