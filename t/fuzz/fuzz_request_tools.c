/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON as a request with tools: a turn that keeps every promise, or issues
 * that are JSON. */
#include "fuzz_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    chat_turn_t turn = {0};
    chat_err_t err = {0};
    chat_json_t *body;

    if (chat_json_parse(&body, (const char *)data, size, &limits, p) ==
        APR_SUCCESS) {
        if (chat_request_validate_tools(&turn, body, &clamps, &err, p) ==
            APR_SUCCESS)
            fuzz_turn(&turn);
        else
            fuzz_issues(&err, p);
    }
    apr_pool_destroy(p);
    return 0;
}
