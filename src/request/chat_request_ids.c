/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids of calls. Some servers count from the start in each answer ("call_0"), or
 * give several calls one id, and others refuse a conversation with an id twice:
 * the second call of an id gets another one, the same in every request that
 * holds it. What a tool gave belongs to the call of that id that came last, and
 * of several in one message to the first that nothing was given for. Pure (APR
 * alone), any thread.
 */
#include <apr_strings.h>

#include "chat_request_int.h"

/* The calls of one id. */
typedef struct calls_t {
    int message;               /* the last that has any */
    apr_array_header_t *names; /* const char *: what they are called, in it */
    int answered;              /* of those */
    int number;                /* of them in all */
} calls_t;

typedef struct ids_t {
    apr_hash_t *taken; /* every id that there is */
    apr_hash_t *calls; /* calls_t by the id that the client says */
    apr_pool_t *p;
} ids_t;

static const char *make_name(ids_t *ids, calls_t *calls, const char *id)
{
    const char *name;

    if (calls->number == 1)
        return id;
    name = apr_psprintf(ids->p, "%s_%d", id, calls->number);
    while (apr_hash_get(ids->taken, name, APR_HASH_KEY_STRING))
        name = apr_psprintf(ids->p, "%s_%d", id, ++calls->number);
    apr_hash_set(ids->taken, name, APR_HASH_KEY_STRING, name);
    return name;
}

static const char *add_call(ids_t *ids, const char *id, int message)
{
    calls_t *calls = apr_hash_get(ids->calls, id, APR_HASH_KEY_STRING);
    const char *name;

    if (!calls) {
        calls = apr_pcalloc(ids->p, sizeof(*calls));
        calls->message = -1;
        apr_hash_set(ids->calls, id, APR_HASH_KEY_STRING, calls);
    }
    if (calls->message != message) {
        calls->message = message;
        calls->names = apr_array_make(ids->p, 1, sizeof(const char *));
        calls->answered = 0;
    }
    calls->number++;
    name = make_name(ids, calls, id);
    APR_ARRAY_PUSH(calls->names, const char *) = name;
    return name;
}

static void name_calls(ids_t *ids, chat_message_t *m, int message)
{
    chat_tool_call_t *calls =
        apr_pmemdup(ids->p, m->calls, m->ncalls * sizeof(*calls));
    int i;

    for (i = 0; i < m->ncalls; i++)
        calls[i].id = add_call(ids, calls[i].id, message);
    m->calls = calls;
}

static void name_answer(ids_t *ids, chat_message_t *m)
{
    calls_t *calls = apr_hash_get(ids->calls, m->call_id, APR_HASH_KEY_STRING);
    int last;

    if (!calls)
        return;
    last = calls->names->nelts - 1;
    m->call_id = APR_ARRAY_IDX(calls->names,
                               calls->answered < last ? calls->answered : last,
                               const char *);
    calls->answered++;
}

/* Nearly always no id is there twice. */
static int collect(ids_t *ids, const chat_message_t *messages, int n)
{
    int i, k, twice = 0;

    for (i = 0; i < n; i++) {
        for (k = 0; k < messages[i].ncalls; k++) {
            const char *id = messages[i].calls[k].id;

            twice |= apr_hash_get(ids->taken, id, APR_HASH_KEY_STRING) != NULL;
            apr_hash_set(ids->taken, id, APR_HASH_KEY_STRING, id);
        }
    }
    return twice;
}

void chat_request_ids(chat_message_t *messages, int n, apr_pool_t *p)
{
    ids_t ids = {apr_hash_make(p), apr_hash_make(p), p};
    int i;

    if (!collect(&ids, messages, n))
        return;
    for (i = 0; i < n; i++) {
        if (messages[i].ncalls)
            name_calls(&ids, &messages[i], i);
        if (messages[i].call_id)
            name_answer(&ids, &messages[i]);
    }
}
