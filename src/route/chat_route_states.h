/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the limits of a user stand, as clients see it. Pure, any thread.
 */
#ifndef CHAT_ROUTE_STATES_H
#define CHAT_ROUTE_STATES_H

#include <apr_tables.h>

#include "chat_buf.h"

/* A JSON array of states, chat_limit_state_t of chat_limit_states(): "name",
 * "unit", "model" of one that holds for a model alone, "limit", "remaining",
 * "resetAt". p is for what is made on the way. */
void chat_route_states_put(chat_buf_t *out, const apr_array_header_t *states,
                           apr_pool_t *p);

#endif
