/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What directives name or make: routes, provider types, schemes, and the
 * entries of lists, such as models, providers and limits. A part of
 * chat_config.h, which says who fills it: read-only once the configuration is
 * read, any thread.
 */
#ifndef CHAT_CONFIG_ENTRIES_H
#define CHAT_CONFIG_ENTRIES_H

#include <httpd.h>
#include <http_config.h>
#include <ap_expr.h>
#include <apr_hash.h>
#include <apr_network_io.h>

#include "chat_json.h"
#include "chat_price.h"
#include "chat_types.h"

#define CHAT_UNSET (-1)

typedef enum {
    CHAT_ROUTE_NONE = CHAT_UNSET,
#define CHAT_ROUTE(id, name, handler, flags) CHAT_ROUTE_##id,
#include "chat_route_list.h"
#undef CHAT_ROUTE
    CHAT_ROUTE_COUNT
} chat_route_e;

/* Flags of a route: its bytes are those of the provider type it is named after,
 * which pass unchanged. */
#define CHAT_ROUTE_PASSTHROUGH 1u

typedef enum {
#define CHAT_PROVIDER(id, name, caps) CHAT_PROVIDER_##id,
#include "chat_provider_list.h"
#undef CHAT_PROVIDER
    CHAT_PROVIDER_COUNT
} chat_provider_e;

typedef enum {
#define CHAT_AUTH(id, name) CHAT_AUTH_##id,
#include "chat_auth_list.h"
#undef CHAT_AUTH
    CHAT_AUTH_COUNT
} chat_auth_e;

/* How an upstream's API is spoken, where it has several (ChatProviderAPI). */
typedef enum { CHAT_API_RESPONSES, CHAT_API_COMPLETIONS } chat_api_e;

/* Where the log of a stream is kept (ChatStreamResume). */
typedef enum {
    CHAT_RESUME_OFF,   /* nowhere: no stream can be resumed */
    CHAT_RESUME_SPOOL, /* in a file, for the processes of this server */
    CHAT_RESUME_REDIS, /* in ChatRedis, for all servers that share it */
    CHAT_RESUME_USUAL  /* nobody says: in a file where conversations are kept.
                          Only until all servers are read */
} chat_resume_e;
/* Whose tables hold conversations (ChatStore). */
typedef enum {
    CHAT_STORE_OFF,
    CHAT_STORE_CHAT,  /* this module's */
    CHAT_STORE_VERCEL /* those of an app that began as Vercel's chat template */
} chat_store_layout_e;

/* Who saves an answer in the tables of an app (ChatStoreSave). */
typedef enum {
    CHAT_SAVE_USUAL, /* the app where that answers, else this server */
    CHAT_SAVE_APP,
    CHAT_SAVE_APACHE
} chat_save_e;

/* What becomes of a question that nobody answered (ChatStoreUnanswered). */
typedef enum { CHAT_UNANSWERED_KEEP, CHAT_UNANSWERED_REMOVE } chat_unanswered_e;

/* One ChatStoreCount line. */
typedef struct chat_store_count_t {
    int most; /* so many messages of a user, and one more, are let in */
    apr_interval_time_t window;
    const char *tier; /* only for this tier, NULL: any */
} chat_store_count_t;

/* When usage is told to the database (ChatUsage). */
typedef enum {
    CHAT_USAGE_OFF,
    CHAT_USAGE_ON,   /* with each answer */
    CHAT_USAGE_BATCH /* gathered, and now and then */
} chat_usage_e;

/* Whose keys a provider is asked with (ChatUserKeys). */
typedef enum {
    CHAT_KEYS_OFF,    /* those of <ChatProvider> */
    CHAT_KEYS_ALLOW,  /* a user's own, where he has one */
    CHAT_KEYS_REQUIRE /* a user's own alone */
} chat_keys_e;

/* How a line of ChatLog is written (format=). */
typedef enum { CHAT_LOG_JSON, CHAT_LOG_ECS } chat_log_format_e;

/* How the widget of ChatKit learns that a ChatLimit refused (ChatKitLimited).
 */
typedef enum {
    CHAT_WIDGET_EVENT, /* as an event of a stream */
    CHAT_WIDGET_STATUS /* as a 429 */
} chat_widget_limited_e;

/* How ChatRequestMessageLength counts (zod from 4.5 on; zod before). */
typedef enum { CHAT_COUNT_CODEPOINTS, CHAT_COUNT_UTF16 } chat_count_e;

/* One ChatLimit line. Complete when it is read: nothing is unset. */
typedef struct chat_limit_conf_t {
    const char *name;   /* [A-Za-z0-9_-]{1,32}; also in headers and logs */
    int off;            /* "ChatLimit NAME off": removes the outer one */
    apr_int64_t points; /* at most so many; of money 1e-10 USD; of
                           CHAT_LIMIT_INVISIBLE percent of the characters */
    int window;         /* seconds, from the first use; 0: there is none */
    int period;         /* chat_limit_period_e; if there is one, window is how
                           long it mostly is */
    chat_limit_zone_t zone;     /* of the period */
    int by;                     /* chat_limit_by_e */
    const ap_expr_info_t *expr; /* CHAT_LIMIT_BY_EXPR: a string expression */
    int unit;                   /* chat_limit_unit_e */
    const char *tier;           /* only for this tier, NULL: any */
    const char *model;          /* only for this model, NULL: any */
    int ipv4_bits;              /* of the address that count, 32 */
    int ipv6_bits;              /* 64 */
    int fail;                   /* chat_limit_fail_e */
    int shadow;                 /* 1: counts, never refuses */
    int cut;            /* 1: ends a running stream whose budget is gone */
    int warn;           /* percent: who has used so many is told, 0: nobody */
    int reserve;        /* tokens, when the request names no maximum */
    int compat;         /* 1: rate-limiter-flexible's keys */
    const char *prefix; /* keyPrefix of these (its default: "rlflx") */
    int ban;            /* CHAT_LIMIT_BLOCKS: seconds of a ban */
    int strip;          /* CHAT_LIMIT_INVISIBLE: 1: taken out, 0: refused */
} chat_limit_conf_t;

/* One condition of ChatLimitExempt; any that holds exempts. */
typedef struct chat_limit_exempt_t {
    const char *role;           /* one of the user's roles, or NULL */
    const char *user;           /* NAMESPACE:ID or ID, or NULL */
    apr_ipsubnet_t *net;        /* the client's network, or NULL */
    const ap_expr_info_t *expr; /* a boolean expression, or NULL */
} chat_limit_exempt_t;

/* "temperature" and so on, in the order of chat_capability_e; NULL ends it. */
extern const char *const chat_config_capability_names[];

/* One ChatModel line. Complete when it is read. The same name may have several
 * lines, each with another provider. */
typedef struct chat_model_conf_t {
    const char *name;             /* as clients say it */
    const char *provider;         /* of <ChatProvider> */
    const char *upstream;         /* the name there */
    const char *label;            /* for people */
    apr_int64_t released;         /* seconds since 1970, 0: unknown */
    int context;                  /* tokens, 0: unknown */
    int max_output;               /* tokens, 0: unknown */
    chat_price_t price;           /* price-in= and its like */
    apr_array_header_t *tiers;    /* const char *: who may; empty: all */
    apr_array_header_t *aliases;  /* const char *: other names of it */
    apr_array_header_t *fallback; /* const char *: names of models to ask when
                                     this one fails */
    unsigned without;             /* chat_lacks_e: what it cannot do */
    int refuse;                   /* params=refuse: 400 where a parameter would
                                     have to be left out */
    int off;                      /* 1: an administrator has switched it off */
    apr_array_header_t *narrowed; /* const char *: he lets these tiers alone of
                                     those above; NULL: all */
    const char *defined_at;       /* "file:line" */
} chat_model_conf_t;

/* One ChatModelAllow line. */
typedef struct chat_model_allow_t {
    const char *tier;          /* only for this tier, NULL: any */
    apr_array_header_t *names; /* const char *: with * and ? as in shells */
} chat_model_allow_t;

/* Of one provider (ChatProviderKey). */
#define CHAT_PROVIDER_KEYS_MAX 32

/* Whose trace a request is part of (ChatTrace accept=). */
typedef enum {
    CHAT_ACCEPT_NONE, /* its own */
    CHAT_ACCEPT_NETS, /* that of its header, of clients in some networks */
    CHAT_ACCEPT_ANY
} chat_accept_e;

/* ChatTrace ratio= is not written: the environment counts, else all are
 * recorded. */
#define CHAT_RATIO_USUAL (-2)

/* All of them. */
#define CHAT_RATIO_ALL 1000000

/* One <ChatProvider name> section. Complete after check_config: no member is
 * unset then. */
typedef struct chat_provider_conf_t {
    const char *name;         /* as in ChatUse */
    const char *label;        /* for people; NULL: none was written */
    int type;                 /* chat_provider_e */
    int api;                  /* chat_api_e */
    int api_pinned;           /* 1: ChatProviderAPI says it */
    const char *url;          /* base, without a trailing slash */
    const char *host;         /* of url, for the resolver */
    apr_port_t port;          /* of url, default filled in */
    apr_array_header_t *keys; /* const char *: secrets, any fits; empty: none
                                 is sent */
    int signs;                /* 1: each is the secret of tokens that are made
                                 for each call, and sent in its place */
    int auth;                 /* chat_key_e: the header that carries it */
    const char *version;      /* of the API; NULL: the type's usual one */
    int store;                /* 1: the provider may keep the answer */
    int trace;                /* 1: it learns of which trace a call is */
    chat_timeouts_t timeouts;
    int breaker_failures; /* in a row that open the breaker, 0: never */
    apr_interval_time_t breaker_cooldown; /* then it is left alone */
    int slot;               /* in the shared memory of chat_upstream.h */
    const char *defined_at; /* "file:line", for messages */
} chat_provider_conf_t;

#endif
