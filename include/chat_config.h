/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the administrator wrote. Filled while the configuration is read,
 * merged as httpd merges, read-only afterwards: any thread may look.
 *
 * Every member is unset until a directive sets it; the getters at the bottom
 * give the default then. A pointer or array is unset when NULL, a number when
 * CHAT_UNSET.
 */
#ifndef CHAT_CONFIG_H
#define CHAT_CONFIG_H

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
    CHAT_RESUME_REDIS  /* in ChatRedis, for all servers that share it */
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

/* How the widget of ChatKit learns that a ChatLimit refused (ChatKitLimited).
 */
typedef enum {
    CHAT_WIDGET_EVENT, /* as an event of a stream */
    CHAT_WIDGET_STATUS /* as a 429 */
} chat_widget_limited_e;

/* How ChatRequestMessageLength counts (zod from 4.5 on; zod before). */
typedef enum { CHAT_COUNT_CODEPOINTS, CHAT_COUNT_UTF16 } chat_count_e;

/* Whose points a policy counts (ChatLimit NAME POINTS/WINDOW KEY). */
typedef enum {
    CHAT_LIMIT_BY_USER,    /* the account; a guest by its address */
    CHAT_LIMIT_BY_IP,      /* the client's address, as mod_remoteip has it */
    CHAT_LIMIT_BY_USER_IP, /* both together */
    CHAT_LIMIT_BY_EXPR     /* an httpd expression */
} chat_limit_by_e;

/* What a policy counts (unit=). */
typedef enum {
    CHAT_LIMIT_REQUESTS, /* one per request */
    CHAT_LIMIT_TOKENS,   /* reserved before, settled after */
    CHAT_LIMIT_STREAMS,  /* open at the same time; has no window */
    CHAT_LIMIT_COST      /* money, reserved and settled like tokens */
} chat_limit_unit_e;

/* What a policy does when Redis cannot answer (fail=). */
typedef enum {
    CHAT_LIMIT_FAIL_OPEN,   /* lets through */
    CHAT_LIMIT_FAIL_CLOSED, /* refuses with 503 */
    CHAT_LIMIT_FAIL_LOCAL   /* counts in this server's own table */
} chat_limit_fail_e;

/* One ChatLimit line. Complete when it is read: nothing is unset. */
typedef struct chat_limit_conf_t {
    const char *name;   /* [A-Za-z0-9_-]{1,32}; also in headers and logs */
    int off;            /* "ChatLimit NAME off": removes the outer one */
    apr_int64_t points; /* at most so many; of money 1e-10 USD */
    int window;         /* seconds, from the first use; 0: streams */
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
    const char *defined_at;       /* "file:line" */
} chat_model_conf_t;

/* One ChatModelAllow line. */
typedef struct chat_model_allow_t {
    const char *tier;          /* only for this tier, NULL: any */
    apr_array_header_t *names; /* const char *: with * and ? as in shells */
} chat_model_allow_t;

/* Of one provider (ChatProviderKey). */
#define CHAT_PROVIDER_KEYS_MAX 32

/* One <ChatProvider name> section. Complete after check_config: no member is
 * unset then. */
typedef struct chat_provider_conf_t {
    const char *name;         /* as in ChatUse */
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
    chat_timeouts_t timeouts;
    int breaker_failures; /* in a row that open the breaker, 0: never */
    apr_interval_time_t breaker_cooldown; /* then it is left alone */
    int slot;               /* in the shared memory of chat_upstream.h */
    const char *defined_at; /* "file:line", for messages */
} chat_provider_conf_t;

/*
 * ---- the two structures ----
 *
 * Each is made of one structure per feature. A feature's file,
 * src/config/chat_config_<feature>.c, has what its members are while nobody has
 * written them, how they merge, their defaults and their directives.
 */

/* What the directives of one server or virtual host say. */

typedef struct chat_server_provider_t {
    apr_hash_t *by_name; /* name -> chat_provider_conf_t: <ChatProvider>; NULL:
                            there is none */
} chat_server_provider_t;

typedef struct chat_server_model_t {
    apr_array_header_t *list; /* chat_model_conf_t *: ChatModel, in order, those
                                 of the main server first; NULL: none */
} chat_server_model_t;

typedef struct chat_server_auth_t {
    const char *session_sql; /* ChatAuthSession: the statement itself, NULL:
                                none */
    int session_cache;       /* ChatAuthCache: seconds a session may be
                                remembered, 0: none is */
    /* of the main server alone */
    const char *cache_store; /* ChatAuthCacheStore: socache provider, NULL:
                                the usual one */
    const char *cache_args;  /* argument of that store, or NULL */
} chat_server_auth_t;

/* The main server's alone, as all that follow. */
typedef struct chat_server_jwt_t {
    apr_array_header_t *sets; /* chat_jwks_conf_t *, or NULL */
} chat_server_jwt_t;

typedef struct chat_server_limit_t {
    apr_int64_t table; /* ChatLimitTable: bytes of shared memory */
    int keys_clear;    /* ChatLimitKeys: 1 shows them, 0 digests */
} chat_server_limit_t;

typedef struct chat_server_redis_t {
    const char *url;             /* ChatRedis, NULL: none; holds no secret */
    const char *user;            /* NULL: the default user */
    const char *ca;              /* file of CAs for rediss://, NULL: the
                                    system's */
    const char *password;        /* secret, NULL: none */
    apr_interval_time_t connect; /* deadline of connecting */
    apr_interval_time_t command; /* deadline of one answer */
} chat_server_redis_t;

typedef struct chat_server_stream_t {
    int max;     /* ChatStreamMax: open streams per child, 0: as many as the
                    file limit allows */
    int engines; /* ChatStreamEngines: engine threads per child */
} chat_server_stream_t;

typedef struct chat_server_resume_t {
    int kind;                /* ChatStreamResume: chat_resume_e */
    const char *directory;   /* of the spool, an absolute path; NULL: "chat" in
                                DefaultRuntimeDir */
    apr_interval_time_t age; /* a log is kept for so long when it has ended */
    apr_int64_t size;        /* of a log, in bytes */
} chat_server_resume_t;

typedef struct chat_server_context_t {
    const char *store; /* ChatContextStore: socache provider, NULL: the usual
                          one */
    const char *args;  /* argument of that store, or NULL */
} chat_server_context_t;

/* Of each server. */
typedef struct chat_server_store_t {
    int used;                    /* 1: some location has ChatStore chat, or
                                    ChatUsage */
    int vercel;                  /* 1: some location has ChatStore vercel */
    int migrate;                 /* ChatStoreMigrate: 1: at start */
    apr_interval_time_t deleted; /* ChatRetention: what was deleted is kept so
                                    long, 0: it goes at once */
    apr_interval_time_t idle;    /* what nobody touches is, 0: for ever */
} chat_server_store_t;

typedef struct chat_server_usage_t {
    apr_interval_time_t every; /* ChatUsage batch=: the shortest, 0: none */
} chat_server_usage_t;

/* Of each server. */
typedef struct chat_server_keys_t {
    struct chat_seal_keys_t *master; /* ChatKeySecret; NULL: none */
} chat_server_keys_t;

/* For src/config alone: what the check_config hook has to look up. */
typedef struct chat_server_check_t {
    apr_array_header_t *needs; /* of this server alone; never inherited */
} chat_server_check_t;

typedef struct chat_server_conf_t {
    chat_server_provider_t provider;
    chat_server_model_t model;
    chat_server_auth_t auth;
    chat_server_jwt_t jwt;
    chat_server_limit_t limit;
    chat_server_redis_t redis;
    chat_server_stream_t stream;
    chat_server_resume_t resume;
    chat_server_context_t context;
    chat_server_store_t store;
    chat_server_usage_t usage;
    chat_server_keys_t keys;
    chat_server_check_t check;
} chat_server_conf_t;

/* What the directives of one location or directory say. */

typedef struct chat_dir_route_t {
    int id;                  /* ChatRoute: chat_route_e */
    const char *location;    /* path of the <Location> that ChatRoute stands
                                in; NULL: it stands elsewhere */
    const char *defined_at;  /* "file:line" of ChatRoute, for messages */
    apr_array_header_t *use; /* ChatUse: const char *, names of providers */
} chat_dir_route_t;

typedef struct chat_dir_model_t {
    const char *default_name;  /* ChatModelDefault; NULL: the provider's */
    apr_array_header_t *allow; /* ChatModelAllow: chat_model_allow_t; empty:
                                  every model */
} chat_dir_model_t;

typedef struct chat_dir_retry_t {
    int attempts;                /* ChatRetry: calls of one upstream at most */
    apr_interval_time_t backoff; /* before the second, doubled then */
    apr_interval_time_t wait;    /* longest wait, also by Retry-After */
    int unsafe;                  /* 1: also what may have been accepted */
} chat_dir_retry_t;

typedef struct chat_dir_context_t {
    int messages;            /* ChatContext: of a session, 0: none is kept */
    apr_int64_t bytes;       /* of their text */
    apr_interval_time_t age; /* since the last message */
} chat_dir_context_t;

typedef struct chat_dir_title_t {
    const char *model; /* ChatTitleModel: name of a ChatModel that makes titles
                          of conversations; NULL: none does */
} chat_dir_title_t;
typedef struct chat_dir_store_t {
    int layout;                     /* ChatStore: chat_store_layout_e */
    int conversations;              /* ChatStoreLimit: of a user */
    int messages;                   /* of a conversation */
    apr_int64_t bytes;              /* of a conversation */
    int title;                      /* characters */
    int parts;                      /* of a message */
    int metadata;                   /* pairs of a conversation */
    int text;                       /* UTF-16 units of a text of an app's */
    apr_int64_t import;             /* of a file that is imported, bytes */
    int share_snapshot, share_live; /* ChatShare: which may be made */
} chat_dir_store_t;

/* When usage is told to the database (ChatUsage). */
typedef enum {
    CHAT_USAGE_OFF,
    CHAT_USAGE_ON,   /* with each answer */
    CHAT_USAGE_BATCH /* gathered, and now and then */
} chat_usage_e;

typedef struct chat_dir_usage_t {
    int mode; /* chat_usage_e */
} chat_dir_usage_t;

/* Whose keys a provider is asked with (ChatUserKeys). */
typedef enum {
    CHAT_KEYS_OFF,    /* those of <ChatProvider> */
    CHAT_KEYS_ALLOW,  /* a user's own, where he has one */
    CHAT_KEYS_REQUIRE /* a user's own alone */
} chat_keys_e;

typedef struct chat_dir_keys_t {
    int mode;                      /* chat_keys_e */
    apr_array_header_t *providers; /* const char *: of which ones keys may be
                                      stored; empty: all */
    int fallback; /* 1: where a user's key fails the house's is used */
    int baseurl;  /* 1: a key may be for another address, a public one */
} chat_dir_keys_t;

/* Which tier a price is for (ChatTierPrice). */
typedef struct chat_tier_price_t {
    const char *price; /* an id, "lookup:KEY" or "variant:ID" */
    const char *tier;
} chat_tier_price_t;

typedef struct chat_dir_tier_t {
    int database; /* ChatAuthTier: 1: what is paid for counts more than what
                     the session says */
    const char *basic; /* default=: of who has none by either */
    int webhook;       /* ChatWebhook: chat_webhook_e */
    int live;          /* 1: events of real payments count, 0: those of tests */
    apr_interval_time_t grace;   /* access behind the end of what was paid */
    apr_array_header_t *secrets; /* ChatWebhookSecret: const char *, any fits */
    apr_array_header_t *prices;  /* ChatTierPrice: chat_tier_price_t, from the
                                    least tier to the best */
} chat_dir_tier_t;

typedef struct chat_dir_vercel_t {
    int save;                   /* ChatStoreSave: chat_save_e */
    int unanswered;             /* ChatStoreUnanswered: chat_unanswered_e */
    apr_array_header_t *counts; /* ChatStoreCount: chat_store_count_t; empty:
                                   nothing is counted */
} chat_dir_vercel_t;

typedef struct chat_dir_health_t {
    const ap_expr_info_t *details; /* ChatHealthDetails: who sees them; NULL:
                                      clients on this machine */
} chat_dir_health_t;

typedef struct chat_dir_request_t {
    int native;            /* ChatRequestFormat: 1: the provider's own */
    apr_int64_t body;      /* ChatRequestBody, bytes */
    int depth;             /* ChatRequestDepth */
    int values;            /* ChatRequestValues */
    int messages;          /* ChatRequestMessages */
    int message_length;    /* ChatRequestMessageLength, characters */
    int answer_length;     /* ChatRequestAnswerLength, the same */
    int count;             /* ChatRequestCount: chat_count_e */
    int total_length;      /* ChatRequestTotalLength, UTF-16 units */
    int max_output_tokens; /* ChatRequestMaxOutputTokens */
} chat_dir_request_t;

typedef struct chat_dir_auth_t {
    apr_array_header_t *schemes; /* ChatAuth: int, chat_auth_e, in order; empty:
                                    nobody is let in */
    apr_array_header_t *secrets; /* ChatAuthSecret: const char *, any fits */
    apr_array_header_t *cookies; /* ChatAuthCookie: const char *, names */
    apr_array_header_t *origins; /* ChatOrigin: const char *, as browsers send
                                    them */
    int insecure; /* ChatAuthInsecure: 0: no credentials in the clear, but from
                     this machine */
    const char *namespace; /* ChatAuthNamespace: of the ids of all schemes,
                              holds no colon; "": each has its own */
    int bearer_unsigned;   /* ChatAuthBearer: 1: a bare session token is
                              accepted */
} chat_dir_auth_t;

/* A set of public keys (ChatAuthJWKS): of a file, as it was read; or of a URL,
 * where it is fetched from. */
typedef struct chat_jwks_conf_t {
    const char *url;   /* NULL: of a file */
    int slot;          /* of url, in src/auth/chat_auth_jwks.c */
    const char *path;  /* of the file */
    const char *where; /* "file:line" of the directive */
    const char *text;  /* of the file */
    apr_size_t len;
    struct chat_auth_jose_keys_t *keys; /* what auth/ makes of it */
} chat_jwks_conf_t;

typedef struct chat_dir_jwt_t {
    apr_array_header_t *secrets; /* ChatAuthJWTSecret: const char *, the first
                                    one signs */
    chat_jwks_conf_t *jwks;      /* ChatAuthJWKS; NULL: none */
    apr_array_header_t *issuers, *audiences, *required; /* ChatAuthJWT issuer=,
                                    audience=, require=: const char * */
    apr_interval_time_t leeway;   /* ChatAuthJWT leeway= */
    apr_interval_time_t expires;  /* ChatAuthJWT expires=: of tokens that are
                                     made here */
    const char *id, *role, *tier; /* ChatAuthClaim: names of claims */
} chat_dir_jwt_t;

typedef struct chat_dir_limit_t {
    apr_array_header_t *policies; /* ChatLimit: chat_limit_conf_t *, merged by
                                     name, outer ones first */
    apr_array_header_t *exempt;   /* ChatLimitExempt: chat_limit_exempt_t */
    const ap_expr_info_t *tier;   /* ChatLimitTier, a string expression; NULL:
                                     the user's tier, else its role, else
                                     "guest" */
} chat_dir_limit_t;

typedef struct chat_dir_stream_t {
    apr_interval_time_t heartbeat; /* ChatStreamHeartbeat, 0: none */
    int early_headers;             /* ChatStreamEarlyHeaders: 1: answer 200
                                      before the upstream does */
    apr_interval_time_t stall;     /* ChatStreamStallTimeout */
} chat_dir_stream_t;

typedef struct chat_dir_resume_t {
    int finish;                /* ChatStreamOnLeave: 1: an answer goes on when
                                  its client leaves */
    apr_interval_time_t alone; /* at most for so long, 0: as it may anyway */
} chat_dir_resume_t;

typedef struct chat_dir_widget_t {
    const char *tools; /* ChatKitTools: the text of the file, a JSON array of
                          tools that were looked at; NULL: none */
    int limited;       /* ChatKitLimited: chat_widget_limited_e */
} chat_dir_widget_t;

typedef struct chat_dir_mock_t {
    apr_interval_time_t pace; /* ChatMock pace= */
    int words;                /* ChatMock words= */
} chat_dir_mock_t;

typedef struct chat_dir_conf_t {
    chat_dir_route_t route;
    chat_dir_model_t model;
    chat_dir_retry_t retry;
    chat_dir_context_t context;
    chat_dir_title_t title;
    chat_dir_store_t store;
    chat_dir_usage_t usage;
    chat_dir_keys_t keys;
    chat_dir_tier_t tier;
    chat_dir_vercel_t vercel;
    chat_dir_health_t health;
    chat_dir_request_t request;
    chat_dir_auth_t auth;
    chat_dir_jwt_t jwt;
    chat_dir_limit_t limit;
    chat_dir_stream_t stream;
    chat_dir_resume_t resume;
    chat_dir_widget_t widget;
    chat_dir_mock_t mock;
} chat_dir_conf_t;

/* All directives, ended by a row without a name. Complete before main(), or
 * before dlopen() returns. */
extern command_rec chat_config_cmds[];

void *chat_config_dir_create(apr_pool_t *p, char *dir);
void *chat_config_dir_merge(apr_pool_t *p, void *base, void *add);
void *chat_config_server_create(apr_pool_t *p, server_rec *s);
void *chat_config_server_merge(apr_pool_t *p, void *base, void *add);

/* check_config hook: completes every provider and refuses what no single
 * directive could see (a ChatProvider without URL, ...). Also run by -t. */
int chat_config_check(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                      server_rec *s);

/* The merged configuration of a request with every default filled in: no
 * member is unset, arrays are never NULL. Where ChatUse is not written, use
 * names the provider of a passthrough route's name, and nothing for the others:
 * those may use every provider that a ChatModel names. Lives in r->pool. */
const chat_dir_conf_t *chat_config_dir(request_rec *r);
/* Never NULL; its members have their defaults once check_config has run. */
const chat_server_conf_t *chat_config_server(const server_rec *s);
/* The models of this server: chat_model_conf_t *, never NULL. One that stands
 * outside virtual hosts may name a provider that only some hosts have. */
const apr_array_header_t *chat_config_models(const server_rec *s);
/* The provider of that name for this server, or NULL. */
const chat_provider_conf_t *chat_config_provider(const server_rec *s,
                                                 const char *name);

/* What its type has: bits of chat_provider_caps_e. */
unsigned chat_config_provider_caps(const chat_provider_conf_t *conf);

/* Every provider of every server, numbered from 0 by its slot: how many there
 * are, and which one that is. Known once check_config has run. */
int chat_config_providers_count(void);
const chat_provider_conf_t *chat_config_provider_at(int slot);
/* 1 when some policy of the configuration files refuses without Redis. */
int chat_config_redis_needed(void);

/* 1 when ChatAuth lets in by sessions, as far as sections show. Known once
 * check_config has run. */
int chat_config_signs_in(void);

/* Does a directive of that name stand anywhere in the configuration files, also
 * one of another module? Start-up, once they are read. */
int chat_config_written(const char *name);
/* The same with that first argument. */
int chat_config_written_as(const char *name, const char *argument);

/* "openai" for CHAT_ROUTE_openai and so on. */
const char *chat_config_route_name(int route);
/* CHAT_ROUTE_PASSTHROUGH or 0. */
unsigned chat_config_route_flags(int route);
const char *chat_config_auth_name(int scheme);

/* The limits of a request's body (ChatRequestBody, Depth, Values). */
chat_json_limits_t chat_config_json_limits(const chat_dir_conf_t *conf);

#endif
