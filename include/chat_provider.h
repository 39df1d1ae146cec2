/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How to speak to one kind of upstream. Pure: bytes in, values out; no
 * httpd, no curl, no logging, no globals. Links alone into tests and fuzzers.
 */
#ifndef CHAT_PROVIDER_H
#define CHAT_PROVIDER_H

#include <apr_pools.h>

#include "chat_err.h"
#include "chat_sse.h"
#include "chat_types.h"

/* What a provider needs to know of its <ChatProvider> section. */
typedef struct chat_upstream_t {
    const char *url;         /* base, no trailing slash */
    const char *key;         /* secret, NULL: none */
    int auth;                /* chat_key_e: the header that carries it */
    const char *version;     /* of the API, where it is said; NULL: usual */
    int completions;         /* 1: Chat Completions, else the Responses API */
    int store;               /* 1: the provider may keep the answer */
    chat_timeouts_t timeouts;
} chat_upstream_t;

/* What the observer of a passing stream has learnt so far. */
typedef struct chat_seen_t {
    int ended;               /* the provider's own terminal event came */
    int failed;              /* ... or an error event: not a success */
    char error[64];          /* its code, [A-Za-z0-9_.-] only, or "" */
    chat_usage_t usage;      /* -1 until the provider says */
    int measure;             /* set by the caller: count the answer, too */
    apr_int64_t deltas;      /* pieces of the answer, with measure */
    apr_int64_t text;        /* ... and their bytes, as JSON has them */
} chat_seen_t;

typedef struct chat_provider_t {
    const char *name;        /* as in ChatProviderType */
    const char *model;       /* where neither the client nor the administrator
                                names one; NULL: somebody must */

    /* Describe the HTTP call for this turn. turn->model is set. call is
     * zeroed; its strings live in p.
     * APR_EINVAL: the upstream cannot do what was asked; err says what. */
    apr_status_t (*build)(chat_call_t *call, const chat_turn_t *turn,
                          const chat_upstream_t *up, chat_err_t *err,
                          apr_pool_t *p);

    /* Look at one event of a stream that passes unchanged. Streams are long:
     * what is made in p to do so is freed again before this returns. */
    void (*observe)(chat_seen_t *seen, const chat_sse_event_t *event,
                    const chat_upstream_t *up, apr_pool_t *p);

    /* An event that tells the client that its budget ended the answer, in the
     * words of this API. */
    const char *(*cut)(const chat_upstream_t *up, const char *code,
                       const char *message, apr_pool_t *p);

    /*
     * An answer that is no stream: turn the upstream's status and (bounded,
     * maybe cut) body into what the client may know. Never shows the key,
     * the organisation or the provider's free text.
     */
    void (*refused)(chat_err_t *err, int status, const char *body,
                    apr_size_t len, apr_pool_t *p);
} chat_provider_t;

/* The built-in of that index (chat_provider_e). Never NULL. */
const chat_provider_t *chat_provider_get(int type);

#endif
