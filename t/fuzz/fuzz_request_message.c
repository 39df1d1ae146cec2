/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON as a request of one message: a turn of one that says something, or
 * a refusal. */
#include "fuzz_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    chat_turn_t turn = {0};
    chat_err_t err = {0};
    const char *session;
    chat_json_t *body;

    if (chat_json_parse(&body, (const char *)data, size, &limits, p) ==
        APR_SUCCESS) {
        if (chat_request_message(&turn, &session, body, &clamps, &err, p) ==
            APR_SUCCESS) {
            fuzz_turn(&turn);
            MUST(turn.nmessages == 1);
            MUST(turn.messages[0]
                     .content[strspn(turn.messages[0].content, " \t\r\n")] !=
                 '\0');
            MUST(!session || strlen(session) - 1 < 128);
        }
        else if (strcmp(err.code, "unsupported") == 0)
            MUST(err.param && !err.issues);
        else
            fuzz_issues(&err, p);
    }
    apr_pool_destroy(p);
    return 0;
}
