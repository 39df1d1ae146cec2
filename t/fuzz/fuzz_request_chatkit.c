/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON as a request of ChatKit: one that has what its kind needs, or a
 * refusal; and as a message that was kept. */
#include "fuzz_request.h"

#include "chat_request_chatkit.h"

static const chat_request_bounds_t bounds = {.title = 8};

static void check_id(const chat_request_chatkit_id_t *id)
{
    MUST(!id->id || chat_request_is_id(id->id));
    MUST(id->part >= 0 && id->part <= 9999);
}

static void check_message(const chat_request_chatkit_message_t *message,
                          apr_pool_t *p)
{
    chat_request_chatkit_message_t again;

    MUST(message->text && *message->text && message->said);
    MUST(!message->plain || (!message->context && !message->model));
    MUST(chat_request_chatkit_again(&again, message->said, p));
    MUST(!strcmp(again.text, message->text));
}

static void check(const chat_request_chatkit_t *request, apr_pool_t *p)
{
    int i;

    check_id(&request->thread);
    check_id(&request->item);
    MUST(!request->limit || (request->limit > 0 && request->limit <= 100));
    if (request->type <= CHAT_CHATKIT_ADD)
        check_message(&request->message, p);
    MUST(request->type != CHAT_CHATKIT_OUTPUT || request->output);
    MUST(request->type != CHAT_CHATKIT_UPDATE || request->title);
    if (request->type != CHAT_CHATKIT_FEEDBACK)
        return;
    MUST(request->kind && request->items->nelts <= 100);
    for (i = 0; i < request->items->nelts; i++)
        check_id(&APR_ARRAY_IDX(request->items, i, chat_request_chatkit_id_t));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    chat_request_chatkit_message_t message;
    chat_request_chatkit_t request;
    chat_err_t err = {0};
    chat_json_t *body;

    if (chat_json_parse(&body, (const char *)data, size, &limits, p) ==
        APR_SUCCESS) {
        chat_request_chatkit_again(&message, body, p);
        if (chat_request_chatkit(&request, body, &clamps, &bounds, &err, p) ==
            APR_SUCCESS)
            check(&request, p);
        else if (strcmp(err.code, "unsupported") != 0)
            fuzz_issues(&err, p);
    }
    apr_pool_destroy(p);
    return 0;
}
