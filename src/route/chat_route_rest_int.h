/* SPDX-License-Identifier: Apache-2.0 */
/* What the chat_route_rest*.c files share. */
#ifndef CHAT_ROUTE_REST_INT_H
#define CHAT_ROUTE_REST_INT_H

#include "chat_route_rest.h"

/* The handler, once for each Idempotency-Key; without one, as it is. */
apr_status_t chat_route_rest_repeat(chat_route_rest_t *q,
                                    chat_route_rest_fn *handler);

#endif
