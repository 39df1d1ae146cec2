/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON as a request: it is accepted with a turn that keeps every promise
 * of chat_types.h, or refused with issues that are JSON. */
#include "fuzz_request.h"

/* What is said in it, whatever form it has, is a text. */
static void look_for_prompts(const chat_json_t *body, apr_pool_t *p)
{
    const char *others;
    int ends;
    const apr_array_header_t *all = chat_request_prompts(body, &ends, p);

    MUST(chat_request_prompt_text(all, &others, p) && others);
    MUST(!ends || all->nelts > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    chat_turn_t turn = {0};
    chat_err_t err = {0};
    chat_json_t *body;

    if (chat_json_parse(&body, (const char *)data, size, &limits, p) ==
        APR_SUCCESS) {
        look_for_prompts(body, p);
        if (chat_request_validate(&turn, body, &clamps, &err, p) ==
            APR_SUCCESS) {
            fuzz_turn(&turn);
            MUST(!turn.ntools && !turn.json && turn.messages[0].content[0]);
        }
        else
            fuzz_issues(&err, p);
    }
    apr_pool_destroy(p);
    return 0;
}
