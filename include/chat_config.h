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

#include "chat_config_admin.h"
#include "chat_config_entries.h"
#include "chat_config_hook.h"
#include "chat_config_moderation.h"
#include "chat_json.h"
#include "chat_otlp.h"
#include "chat_price.h"
#include "chat_types.h"

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
    int chats;                   /* 1: some location has ChatStore chat */
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
typedef struct chat_server_hook_t {
    apr_array_header_t *all; /* chat_hook_conf_t *: of all its locations; NULL:
                                there is none */
} chat_server_hook_t;

/* Of each server. */
typedef struct chat_server_keys_t {
    struct chat_seal_keys_t *master; /* ChatKeySecret; NULL: none */
} chat_server_keys_t;

/* Of each server. */
typedef struct chat_server_upload_t {
    const chat_upload_conf_t *store; /* ChatUploads; NULL: off */
    const chat_upload_key_t *key;    /* ChatUploadsKey; NULL: none */
    const char *location; /* of the first ChatRoute uploads; NULL: there is
                             none */
    apr_interval_time_t put, get, read; /* ChatUploadsTime: how long URLs last:
                                           to upload, to look, for a provider */
    apr_interval_time_t unused; /* a file that no conversation has is kept so
                                   long */
} chat_server_upload_t;

/* The main server's alone, but for used. */
typedef struct chat_server_trace_t {
    int used;                     /* 1: some location has ChatTrace on */
    const char *url;              /* ChatTraceExport: its base; "": off */
    int protocol;                 /* protocol=: chat_otlp_e */
    apr_interval_time_t timeout;  /* of one request */
    apr_interval_time_t delay;    /* between two */
    int queue, batch;             /* spans that wait; of one request */
    const char *ca, *cert, *key;  /* files in PEM; NULL: the system's, none */
    apr_array_header_t *headers;  /* ChatTraceHeader: const char *, lines */
    apr_array_header_t *resource; /* ChatTraceResource: const char *, each
                                     name with its value behind it */
} chat_server_trace_t;

typedef struct chat_server_admin_t {
    server_rec *home; /* of the ChatAdmin that counts; NULL: there is none */
    int on;           /* 0: ChatAdmin off */
    int limits;       /* chat_admin_limits_e */
    apr_array_header_t *policies; /* const chat_limit_conf_t *: each ChatLimit
                                     of the files that is not off */
} chat_server_admin_t;

/* For src/config alone: what the check_config hook has to look up. */
typedef struct chat_server_check_t {
    apr_array_header_t *needs; /* of this server alone; never inherited */
} chat_server_check_t;

/* Of each server. */
typedef struct chat_server_log_t {
    const char *target; /* ChatLog: an absolute path, or a command behind its
                           '|'; NULL: nowhere */
    int format;         /* chat_log_format_e */
} chat_server_log_t;

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
    chat_server_upload_t upload;
    chat_server_trace_t trace;
    chat_server_log_t log;
    chat_server_admin_t admin;
    chat_server_hook_t hook;
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

typedef struct chat_dir_usage_t {
    int mode; /* chat_usage_e */
} chat_dir_usage_t;

typedef struct chat_dir_keys_t {
    int mode;                      /* chat_keys_e */
    apr_array_header_t *providers; /* const char *: of which ones keys may be
                                      stored; empty: all */
    int fallback; /* 1: where a user's key fails the house's is used */
    int baseurl;  /* 1: a key may be for another address, a public one */
} chat_dir_keys_t;

typedef struct chat_dir_upload_t {
    apr_array_header_t *types; /* ChatUploadsTypes: chat_upload_type_t */
    int files;                 /* ChatUploadsLimit: of a user in a day */
    apr_int64_t bytes;         /* of them together */
    apr_int64_t inline_bytes;  /* of files that go to a provider themselves, in
                                  one request */
    apr_int64_t memory;        /* that these have, of all requests of a child */
    int pixels;                /* of a side of an image */
} chat_dir_upload_t;

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

typedef struct chat_dir_trace_t {
    int on;                   /* ChatTrace */
    int accept;               /* accept=: chat_accept_e */
    apr_array_header_t *nets; /* of it: apr_ipsubnet_t * */
    int ratio;                /* of traces that begin here, those recorded, of
                                 CHAT_RATIO_ALL; or CHAT_RATIO_USUAL */
    int content; /* ChatTraceContent: 1: spans hold questions and answers */
} chat_dir_trace_t;

typedef struct chat_dir_request_t {
    int native;            /* ChatRequestFormat: 1: the provider's own */
    int note;              /* ChatRequestNote: 1: others see the prompt */
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

typedef struct chat_dir_hook_t {
    apr_array_header_t *list; /* ChatModerationURL: chat_hook_conf_t *, merged
                                 by name, outer ones first */
} chat_dir_hook_t;

typedef struct chat_dir_moderation_t {
    apr_array_header_t *lists; /* ChatModerationList: chat_moderation_conf_t *,
                                  merged by name, outer ones first */
    int tell;                  /* ChatModerationTell: chat_moderation_tell_e */
    chat_moderation_audit_t *audit; /* ChatModerationAudit; NULL: none */
    int store_blocked; /* ChatModerationStoreBlocked: 1: an answer that was
                          blocked is kept as far as it went */
} chat_dir_moderation_t;

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

/* ChatPage: what a chat page shows of its site; NULL: nothing was written.
 * Links are paths or http(s) URLs. */
typedef struct chat_dir_page_t {
    const char *name;    /* of the site, UTF-8 */
    const char *accent;  /* "#rrggbb" */
    const char *logo;    /* a link, as the others */
    const char *sign_in; /* where somebody signs in */
    const char *sign_out;
    const char *terms;
    const char *privacy;
    apr_array_header_t *suggest; /* ChatPageSuggest: const char *, or NULL */
} chat_dir_page_t;

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
    chat_dir_upload_t upload;
    chat_dir_tier_t tier;
    chat_dir_vercel_t vercel;
    chat_dir_health_t health;
    chat_dir_request_t request;
    chat_dir_auth_t auth;
    chat_dir_jwt_t jwt;
    chat_dir_limit_t limit;
    chat_dir_hook_t hook;
    chat_dir_moderation_t moderation;
    chat_dir_stream_t stream;
    chat_dir_resume_t resume;
    chat_dir_widget_t widget;
    chat_dir_page_t page;
    chat_dir_trace_t trace;
    chat_dir_mock_t mock;
    const struct chat_dir_conf_t *full; /* the same with its defaults; NULL: it
                                           was made for a request */
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
 * those may use every provider that a ChatModel names. Lives as long as r. */
const chat_dir_conf_t *chat_config_dir(request_rec *r);
/* Never NULL; its members have their defaults once check_config has run. */
const chat_server_conf_t *chat_config_server(const server_rec *s);
/* The models of this server: chat_model_conf_t *, never NULL. One that stands
 * outside virtual hosts may name a provider that only some hosts have. */
const apr_array_header_t *chat_config_models(const server_rec *s);
/* The provider of that name for this server, or NULL. */
const chat_provider_conf_t *chat_config_provider(const server_rec *s,
                                                 const char *name);

/* Its type, as ChatProviderType has it. */
const char *chat_config_provider_type(const chat_provider_conf_t *conf);

/* What its type has: bits of chat_provider_caps_e. */
unsigned chat_config_provider_caps(const chat_provider_conf_t *conf);

/* Every provider of every server, numbered from 0 by its slot: how many there
 * are, and which one that is. Known once check_config has run. */
int chat_config_providers_count(void);
const chat_provider_conf_t *chat_config_provider_at(int slot);
/* Where traces go and which of them: directives, and what the environment says
 * where none is written. */
typedef struct chat_trace_setup_t {
    const char *traces, *logs; /* URLs; NULL: these are not sent */
    int protocol;              /* chat_otlp_e */
    apr_interval_time_t timeout, delay;
    int queue, batch;
    const char *ca, *cert, *key;        /* or NULL */
    const apr_array_header_t *headers;  /* const char *, lines */
    const apr_array_header_t *resource; /* const char *, name and value */
    int parent;  /* 1: an accepted trace is recorded if it says so */
    int ratio;   /* of CHAT_RATIO_ALL */
    int context; /* 1: traceparent and tracestate are read and sent */
    int baggage; /* 1: so is baggage */
} chat_trace_setup_t;

/* NULL: nothing is traced. Known once check_config has run. */
const chat_trace_setup_t *chat_config_trace(void);

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
