/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON as a request: it is accepted with a turn that keeps every promise
 * of chat_types.h, or refused with issues that are JSON. */
#include "fuzz.h"

#include <string.h>

#include "chat_request.h"

static const chat_json_limits_t limits = {65536, 64, 10000};
static const chat_request_clamps_t clamps = {
    .messages = 4,
    .message_length = 8,
    .total_length = 16,
    .max_output_tokens = 1000,
};

static void check_turn(const chat_turn_t *turn)
{
    int i;

    MUST(turn->nmessages >= 1 && turn->nmessages <= clamps.messages);
    for (i = 0; i < turn->nmessages; i++) {
        MUST(turn->messages[i].role <= CHAT_ROLE_SYSTEM);
        MUST(turn->messages[i].content[0] != '\0');
    }
    if (turn->has_temperature)
        MUST(turn->temperature >= 0 && turn->temperature <= 2);
    MUST(turn->max_output_tokens >= 0 &&
         turn->max_output_tokens <= clamps.max_output_tokens);
    if (turn->schema)
        MUST(chat_json_kind(turn->schema) == CHAT_JSON_OBJECT);
    MUST(turn->schema_strict >= -1 && turn->schema_strict <= 1);
}

static void check_issues(const chat_err_t *err, apr_pool_t *p)
{
    chat_json_t *issues;
    int i;

    MUST(err->status == 400);
    MUST(chat_json_parse(&issues, err->issues, strlen(err->issues), &limits,
                         p) == APR_SUCCESS);
    MUST(chat_json_length(issues) > 0);
    for (i = 0; i < chat_json_length(issues); i++) {
        const chat_json_t *issue = chat_json_at(issues, i);

        MUST(chat_json_string(chat_json_get(issue, "code")));
        MUST(chat_json_string(chat_json_get(issue, "message")));
        MUST(chat_json_kind(chat_json_get(issue, "path")) == CHAT_JSON_ARRAY);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    chat_turn_t turn = {0};
    chat_err_t err = {0};
    chat_json_t *body;

    if (chat_json_parse(&body, (const char *)data, size, &limits, p) ==
        APR_SUCCESS) {
        if (chat_request_validate(&turn, body, &clamps, &err, p) == APR_SUCCESS)
            check_turn(&turn);
        else
            check_issues(&err, p);
    }
    apr_pool_destroy(p);
    return 0;
}
