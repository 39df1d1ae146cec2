/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request says of how it is answered, beside what it asks. Issues look
 * as zod's do. Pure (APR and chat_json), any thread.
 */
#include "chat_request.h"

#include <apr_strings.h>

#include "chat_request_int.h"

static void check_leave(chat_request_zod_t *zod, chat_request_t *request,
                        const chat_json_t *v)
{
    static const char *const words[] = {"finish", "stop", NULL};
    int word;

    if (!v)
        return;
    word = chat_request_zod_enum(zod, v, words, "[\"onLeave\"]");
    request->leave = word ? CHAT_LEAVE_STOP : CHAT_LEAVE_FINISH;
}

static void check_events(chat_request_zod_t *zod, chat_request_t *request,
                         const chat_json_t *v)
{
    static const char *const words[] = {"status", "conversation", NULL};
    int i;

    if (!v ||
        !chat_request_zod_is(zod, v, CHAT_JSON_ARRAY, "array", "[\"events\"]"))
        return;
    for (i = 0; i < chat_json_length(v); i++) {
        int word =
            chat_request_zod_enum(zod, chat_json_at(v, i), words,
                                  apr_psprintf(zod->p, "[\"events\",%d]", i));

        request->status |= word == 0;
        request->named |= word == 1;
    }
}

apr_status_t chat_request_wishes(chat_request_t *request,
                                 const chat_json_t *body, int kept,
                                 chat_err_t *err, apr_pool_t *p)
{
    chat_request_zod_t zod;

    chat_request_zod_init(&zod, p);
    check_leave(&zod, request, chat_json_get(body, "onLeave"));
    check_events(&zod, request, chat_json_get(body, "events"));
    if (zod.list->nelts)
        return chat_request_refuse(err, &zod);
    if (request->leave != CHAT_LEAVE_FINISH || kept)
        return APR_SUCCESS;
    err->param = "onLeave";
    return chat_err_set(err, APR_EINVAL, 400, "unsupported",
                        "onLeave \"finish\" needs a conversationId: nobody "
                        "could read the rest of an answer that is not kept.");
}
