/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain data that walks through the house with a request. No behaviour, no
 * ownership rules beyond this: every pointer lives in the request's pool (or
 * in the configuration's) and nothing here is changed after the room that
 * filled it has returned.
 */
#ifndef CHAT_TYPES_H
#define CHAT_TYPES_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

struct chat_json_t;

#define CHAT_VERSION "0.1.0"

/* Who asks. */
typedef struct chat_user_t {
    const char *id;     /* stable id of the account; NULL for a guest */
    const char *role;   /* as the account says ("user,admin"), or NULL */
    const char *tier;   /* as the account says ("free"), or NULL */
    const char *scheme; /* the identity scheme that said yes */
} chat_user_t;

typedef enum {
    CHAT_ROLE_USER,
    CHAT_ROLE_ASSISTANT,
    CHAT_ROLE_SYSTEM
} chat_role_e;

typedef struct chat_message_t {
    chat_role_e role;
    const char *content; /* UTF-8, NUL-terminated, holds no NUL */
} chat_message_t;

/* A validated request, the same for every provider. */
typedef struct chat_turn_t {
    const char *request_id;
    const char *model;              /* the upstream's name; NULL: default */
    const char *system;             /* NULL: none */
    const chat_message_t *messages; /* nmessages of them, at least one */
    int nmessages;
    int has_temperature;
    double temperature;             /* 0..2, only with has_temperature */
    int max_output_tokens;          /* 0: not asked for */
    struct chat_json_t *schema;     /* NULL: text; else a JSON schema */
    int schema_strict;              /* 1, 0, or -1 when not said */
} chat_turn_t;

/* Token counts as the provider billed them; -1 where it did not say. */
typedef struct chat_usage_t {
    apr_int64_t input;
    apr_int64_t output;
} chat_usage_t;

/* The header that carries the key to an upstream (ChatProviderAuth). */
typedef enum {
    CHAT_KEY_USUAL,     /* the provider's own */
    CHAT_KEY_BEARER,    /* Authorization: Bearer */
    CHAT_KEY_API_KEY,   /* api-key: Azure's */
    CHAT_KEY_X_API_KEY, /* x-api-key: Anthropic's */
    CHAT_KEY_X_GOOG     /* x-goog-api-key: Gemini's */
} chat_key_e;

/* How long an upstream may take; 0 waits for ever. */
typedef struct chat_timeouts_t {
    apr_interval_time_t connect; /* name, TCP and TLS */
    apr_interval_time_t first;   /* request sent -> first byte of the body */
    apr_interval_time_t idle;    /* between two reads of the body */
    apr_interval_time_t total;   /* the whole call */
} chat_timeouts_t;

/* An HTTP call to an upstream, described: provider/ fills it, stream/ makes
 * it. The header lines hold the key, so none of this may be logged. */
typedef struct chat_call_t {
    const char *url;
    apr_array_header_t *headers; /* of const char *, "Name: value" */
    const char *body;            /* POSTed */
    apr_size_t body_len;
    chat_timeouts_t timeouts;
} chat_call_t;

#endif
