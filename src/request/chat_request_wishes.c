/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request says of how it is answered, beside what it asks. Issues look
 * as zod's do. Pure (APR and chat_json), any thread.
 */
#include "chat_request.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "chat_request_int.h"

/* A page that is told less often than once in a second does not stream. In ms.
 */
#define COALESCE_MAX 1000
#define COALESCE_PATH "[\"coalesce\"]"

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

static void check_coalesce(chat_request_zod_t *zod, chat_request_t *request,
                           const chat_json_t *v)
{
    double n = chat_json_number(v);

    if (!chat_request_zod_integer(zod, v, COALESCE_PATH))
        return;
    if (n < 0)
        chat_request_zod_small(zod, "number", 0, 1, "number to be", "",
                               COALESCE_PATH);
    else if (n > COALESCE_MAX)
        chat_request_zod_big(zod, "number", COALESCE_MAX, "number to be", "",
                             COALESCE_PATH);
    else
        request->coalesce = (int)n;
}

/* The member of a query; of several the last one counts. */
static void check_query(chat_request_zod_t *zod, chat_request_t *request,
                        const char *query)
{
    static const char name[] = "coalesce=";
    const char *word, *next;

    for (word = query; word; word = next) {
        next = strchr(word, '&');
        next = next ? next + 1 : NULL;
        if (strncmp(word, name, sizeof(name) - 1))
            continue;
        word += sizeof(name) - 1;
        if (strspn(word, "0123456789") == strcspn(word, "&") &&
            strcspn(word, "&") - 1 < 4 && atoi(word) <= COALESCE_MAX)
            request->coalesce = atoi(word);
        else
            chat_request_zod_custom(zod, COALESCE_PATH,
                                    "Invalid input: expected milliseconds "
                                    "from 0 to 1000 in the query");
    }
}

apr_status_t chat_request_wishes(chat_request_t *request,
                                 const chat_json_t *body, const char *query,
                                 int kept, chat_err_t *err, apr_pool_t *p)
{
    const chat_json_t *coalesce = chat_json_get(body, "coalesce");
    chat_request_zod_t zod;

    chat_request_zod_init(&zod, p);
    check_leave(&zod, request, chat_json_get(body, "onLeave"));
    check_events(&zod, request, chat_json_get(body, "events"));
    if (coalesce)
        check_coalesce(&zod, request, coalesce);
    else if (query)
        check_query(&zod, request, query);
    if (zod.list->nelts)
        return chat_request_refuse(err, &zod);
    if (request->leave != CHAT_LEAVE_FINISH || kept)
        return APR_SUCCESS;
    err->param = "onLeave";
    return chat_err_set(err, APR_EINVAL, 400, "unsupported",
                        "onLeave \"finish\" needs a conversationId: nobody "
                        "could read the rest of an answer that is not kept.");
}
