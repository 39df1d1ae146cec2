/* SPDX-License-Identifier: Apache-2.0 */
/* What its provider says of a key. Request thread. */
#ifndef CHAT_ROUTE_KEYS_CHECK_H
#define CHAT_ROUTE_KEYS_CHECK_H

#include "chat_config.h"
#include "chat_provider.h"
#include "chat_route_rest.h"

/*
 * What the provider says of a key, by a call that costs nothing. url NULL: at
 * the provider's own address. Fails with 502 upstream_unreachable, 504
 * upstream_timeout in q->err.
 */
apr_status_t chat_route_keys_check(chat_provider_check_e *pverdict,
                                   chat_route_rest_t *q,
                                   const chat_provider_conf_t *conf,
                                   const char *key, const char *url);

#endif
