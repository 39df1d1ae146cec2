/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as clients of ChatKit's simple contract know them. Any thread. */
#ifndef CHAT_ROUTE_CHATKIT_ERROR_H
#define CHAT_ROUTE_CHATKIT_ERROR_H

#include <apr_pools.h>

#include "chat_err.h"

/* {"error": message, "code": code in capitals}; of a 429 with the words of that
 * contract. */
const char *chat_route_chatkit_error(const chat_err_t *err, apr_pool_t *p);

#endif
