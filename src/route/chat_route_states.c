/* SPDX-License-Identifier: Apache-2.0 */
#include "chat_route_states.h"

#include <string.h>

#include "chat_limit.h"
#include "chat_price.h"
#include "chat_route_view.h"

static int is_money(const chat_limit_state_t *state)
{
    return !strcmp(state->unit, "usd");
}

static void put_amount(chat_buf_t *out, const char *name,
                       const chat_limit_state_t *state, apr_int64_t n,
                       apr_pool_t *p)
{
    if (is_money(state))
        chat_route_view_json(
            out, name, chat_price_text(apr_palloc(p, CHAT_PRICE_TEXT_MAX), n));
    else
        chat_route_view_integer(out, name, n);
}

static void put_state(chat_buf_t *out, const chat_limit_state_t *state,
                      apr_pool_t *p)
{
    chat_buf_puts(out, "{");
    chat_route_view_string(out, "name", state->name);
    chat_route_view_string(out, "unit", state->unit);
    if (state->model)
        chat_route_view_string(out, "model", state->model);
    put_amount(out, "limit", state, state->points, p);
    put_amount(out, "remaining", state, state->remaining, p);
    /* In whole seconds, so that the same is said the same way. */
    chat_route_view_at(out, "resetAt",
                       apr_time_sec(state->reset + APR_USEC_PER_SEC / 2) * 1000,
                       p);
    chat_buf_puts(out, "}");
}

void chat_route_states_put(chat_buf_t *out, const apr_array_header_t *states,
                           apr_pool_t *p)
{
    int i;

    chat_buf_puts(out, "[");
    for (i = 0; i < states->nelts; i++) {
        chat_route_view_comma(out, i);
        put_state(out, &APR_ARRAY_IDX(states, i, chat_limit_state_t), p);
    }
    chat_buf_puts(out, "]");
}
