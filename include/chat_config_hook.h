/* SPDX-License-Identifier: Apache-2.0 */
/* ChatModerationURL as the administrator wrote it: a part of chat_config.h that
 * sees no httpd. */
#ifndef CHAT_CONFIG_HOOK_H
#define CHAT_CONFIG_HOOK_H

#include <apr_network_io.h>
#include <apr_tables.h>
#include <apr_time.h>

/* In which form a service of moderation is asked (ChatModerationURL). */
typedef enum {
    CHAT_HOOK_GENERIC,    /* that of docs/moderation-services.md */
    CHAT_HOOK_OPENAI,     /* OpenAI's moderations */
    CHAT_HOOK_LLAMA_GUARD /* a chat completion by a Llama Guard */
} chat_hook_format_e;

/* What it is asked about, as bits (in=). */
typedef enum { CHAT_HOOK_INPUT = 1, CHAT_HOOK_OUTPUT = 2 } chat_hook_in_e;

/* A category whose score counts from there (thresholds=); "*": every other. */
typedef struct chat_hook_threshold_t {
    const char *category;
    double least;
} chat_hook_threshold_t;

/* One ChatModerationURL line. Complete when it is read, but for slot. */
typedef struct chat_hook_conf_t {
    const char *name; /* [A-Za-z0-9_-]{1,32} */
    int off;          /* 1: removes the outer one */
    const char *url, *host;
    apr_port_t port;
    const char *key;   /* secret, NULL: none is sent */
    const char *model; /* NULL: the service's own */
    int format;        /* chat_hook_format_e */
    int in;            /* bits of chat_hook_in_e */
    int fail;          /* 1: what cannot be looked at is refused, 0: it goes on;
                          CHAT_UNSET: a question is refused, an answer goes on */
    int beside;        /* 1: the provider is asked at the same time */
    int chase;         /* 1: an answer is shown while it is looked at */
    int flag;          /* 1: what is found goes on, and is counted */
    apr_int64_t window;             /* bytes of an answer that are looked at */
    apr_array_header_t *thresholds; /* chat_hook_threshold_t; NULL: the service
                                       says what is too much */
    apr_interval_time_t timeout;    /* of a call */
    apr_interval_time_t cache; /* a verdict is remembered for so long, 0: it is
                                  not */
    int counted;               /* of chat_config_moderation_slot() */
    int slot; /* in the shared memory of chat_run_hook_state.c; set once the
                 configuration is read */
} chat_hook_conf_t;

#endif
