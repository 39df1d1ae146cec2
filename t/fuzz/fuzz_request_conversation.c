/* SPDX-License-Identifier: Apache-2.0 */
/* Any JSON as a turn of a conversation, by the path and by the body, and as
 * what an administrator sets: one that has its message, or a refusal. */
#include "fuzz_request.h"

#include <string.h>

static const chat_request_clamps_t kept = {
    .messages = 4,
    .message_length = 8,
    .total_length = 16,
    .max_output_tokens = 1000,
    .keeps = 1,
};

static void check_place(const chat_request_place_t *place)
{
    MUST(!place->id || chat_request_is_id(place->id));
    MUST(!place->parent ||
         (place->has_parent && chat_request_is_id(place->parent)));
}

static void check_news(const chat_turn_t *turn)
{
    int i;

    MUST(turn->nmessages >= 1);
    for (i = 0; i < turn->nmessages; i++)
        MUST(turn->messages[i].content &&
             (turn->messages[i].role == CHAT_ROLE_TOOL ||
              (turn->messages[i].role == CHAT_ROLE_USER &&
               turn->nmessages == 1)));
}

static void by_path(chat_json_t *body, int regenerate, apr_pool_t *p)
{
    chat_request_t request = {0};
    chat_err_t err = {0};

    if (chat_request_conversation(&request, body, regenerate, &kept, &err, p) !=
        APR_SUCCESS) {
        fuzz_issues(&err, p);
        return;
    }
    fuzz_tools(&request.turn);
    check_place(&request.place);
    MUST(!request.place.conversation);
    if (regenerate)
        MUST(!request.turn.nmessages && !request.place.parts);
    else {
        MUST(chat_json_length(request.place.parts) > 0);
        check_news(&request.turn);
    }
}

static void by_body(chat_json_t *body, apr_pool_t *p)
{
    chat_request_t request = {0};
    chat_err_t err = {0};

    if (chat_request_validate_kept(&request, body, &kept, &err, p) !=
        APR_SUCCESS) {
        fuzz_issues(&err, p);
        return;
    }
    check_place(&request.place);
    if (!request.place.conversation)
        return;
    MUST(chat_request_is_id(request.place.conversation));
    check_news(&request.turn);
}

/* The same JSON as what an administrator sets. */
static void as_admin(const chat_json_t *body, apr_pool_t *p)
{
    chat_request_admin_model_t model;
    chat_err_t err = {0};
    const char *word;
    apr_int64_t until;
    double limit = -1;
    int i;

    if (chat_request_admin_model(&model, body, &err, p) != APR_SUCCESS)
        fuzz_issues(&err, p);
    for (i = 0; !err.status && i < 4; i++)
        MUST(model.price[i] >= -1 && model.price[i] <= 999999000000);
    memset(&err, 0, sizeof(err));
    if (chat_request_admin_limit(&limit, body, 1, 900000, &err, p) !=
        APR_SUCCESS)
        fuzz_issues(&err, p);
    else
        MUST(limit >= 0 && limit <= 900000);
    memset(&err, 0, sizeof(err));
    if (chat_request_admin_tier(&word, &until, body, 0, &err, p) != APR_SUCCESS)
        fuzz_issues(&err, p);
    memset(&err, 0, sizeof(err));
    if (chat_request_admin_block(&word, &until, body, 0, &err, p) !=
        APR_SUCCESS)
        fuzz_issues(&err, p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    chat_json_t *body;

    if (chat_json_parse(&body, (const char *)data, size, &limits, p) ==
        APR_SUCCESS) {
        by_path(body, 0, p);
        by_path(body, 1, p);
        by_body(body, p);
        as_admin(body, p);
    }
    apr_pool_destroy(p);
    return 0;
}
