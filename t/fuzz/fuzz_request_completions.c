/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON as a Chat Completions request: a turn that keeps every promise, or
 * one verdict that says what is wrong. */
#include "fuzz_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    chat_turn_t turn = {0};
    chat_err_t err = {0};
    int usage;
    chat_json_t *body;

    if (chat_json_parse(&body, (const char *)data, size, &limits, p) ==
        APR_SUCCESS) {
        if (chat_request_completions(&turn, &usage, body, &clamps, &err, p) ==
            APR_SUCCESS) {
            fuzz_turn(&turn);
            MUST(!turn.system);
            MUST(!turn.extra || chat_json_next(turn.extra, NULL) != NULL);
            MUST(!chat_json_get(turn.extra, "messages"));
            MUST(!usage || !turn.whole);
        }
        else {
            MUST(err.status == 400 && *err.code && *err.message);
            MUST(!usage && !turn.messages);
        }
    }
    apr_pool_destroy(p);
    return 0;
}
