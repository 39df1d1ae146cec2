/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON as what the chat template's page sends: what is kept of it is one
 * that is taken again, the same. */
#include "fuzz_request.h"

static apr_status_t take(chat_request_vercel_t *asked, const char *text,
                         size_t len, apr_pool_t *p)
{
    chat_err_t err = {0};
    chat_json_t *body;

    if (chat_json_parse(&body, text, len, &limits, p) != APR_SUCCESS)
        return APR_EGENERAL;
    return chat_request_vercel(asked, body, 20, &err, p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    chat_request_vercel_t asked, again;
    chat_json_t *body;
    const char *text;

    if (take(&asked, (const char *)data, size, p) == APR_SUCCESS) {
        MUST(chat_request_is_id(asked.chat) &&
             chat_request_is_id(asked.message));
        body = chat_json_object(p);
        chat_json_add_string(body, "id", asked.chat);
        chat_json_add(body, "message", asked.json);
        chat_json_add_string(body, "selectedChatModel", asked.model);
        chat_json_add_string(body, "selectedVisibilityType", asked.visibility);
        text = chat_json_text(body, NULL, p);
        if (strlen(text) <= limits.bytes) {
            MUST(take(&again, text, strlen(text), p) == APR_SUCCESS);
            MUST(!strcmp(asked.parts, again.parts));
            MUST(!strcmp(asked.text, again.text));
        }
    }
    apr_pool_destroy(p);
    return 0;
}
