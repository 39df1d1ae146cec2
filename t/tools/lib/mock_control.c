/* SPDX-License-Identifier: Apache-2.0 */
/* What the mock LLM tells of itself. One thread. */
#include "mock_control.h"

static mock_request_t *past_at(mock_past_t *past, int64_t i)
{
    return &past->requests[i % MOCK_PAST];
}

void mock_past_add(mock_past_t *past, mock_request_t *rq)
{
    mock_request_t *slot = past_at(past, past->count), again = *slot;

    if (past->count) {
        buf_t *body = &past_at(past, past->count - 1)->body;

        if (body->len > MOCK_PAST_BODY)
            buf_free(body);
    }
    *slot = *rq;
    *rq = again;
    past->count++;
}

void mock_past_free(mock_past_t *past)
{
    int i;

    for (i = 0; i < MOCK_PAST; i++)
        mock_request_free(&past->requests[i]);
}

static void last_json(buf_t *out, mock_past_t *past)
{
    static const mock_request_t none;

    mock_request_json(out,
                      past->count ? past_at(past, past->count - 1) : &none);
}

/* The oldest first. */
static void all_json(buf_t *out, mock_past_t *past)
{
    int64_t from = past->count > MOCK_PAST ? past->count - MOCK_PAST : 0, i;

    buf_puts(out, "[");
    for (i = from; i < past->count; i++) {
        buf_puts(out, i > from ? "," : "");
        mock_request_json(out, past_at(past, i));
    }
    buf_puts(out, "]");
}

int mock_control(buf_t *body, int target, mock_stats_t *stats,
                 mock_past_t *past)
{
    switch (target) {
    case MOCK_TO_MODELS:
        buf_puts(body, "{\"object\":\"list\",\"data\":[{\"id\":\"mock-1\","
                       "\"object\":\"model\",\"created\":1700000000,"
                       "\"owned_by\":\"mock\"}]}");
        return 200;
    case MOCK_TO_STATS:
        mock_stats_json(body, stats);
        return 200;
    case MOCK_TO_CALLS:
        mock_stats_calls_json(body, stats);
        return 200;
    case MOCK_TO_GO:
        buf_puts(body, "{}");
        return 200;
    case MOCK_TO_RESET:
        mock_stats_reset(stats);
        past->count = 0;
        buf_puts(body, "{}");
        return 200;
    case MOCK_TO_LAST:
        last_json(body, past);
        return 200;
    case MOCK_TO_ALL:
        all_json(body, past);
        return 200;
    default:
        stats->trapped += target == MOCK_TO_TRAP;
        return 404;
    }
}
