/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON as what a client of the AI SDK sends: a turn that keeps every
 * promise, or issues that are JSON. Steps of an answer are messages, too. */
#include "fuzz_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    chat_request_t request = {0};
    chat_err_t err = {0};
    chat_json_t *body;
    int i;

    if (chat_json_parse(&body, (const char *)data, size, &limits, p) ==
        APR_SUCCESS) {
        if (chat_request_ui(&request, body, &clamps, &err, p) == APR_SUCCESS) {
            MUST(request.turn.nmessages >= 1);
            for (i = 0; i < request.turn.nmessages; i++)
                fuzz_message(&request.turn.messages[i]);
            MUST(chat_json_kind(request.turn.app) == CHAT_JSON_OBJECT);
            request.turn.nmessages = 1;
            fuzz_turn(&request.turn);
        }
        else
            fuzz_issues(&err, p);
    }
    apr_pool_destroy(p);
    return 0;
}
