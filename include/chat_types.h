/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plain data that walks through the house with a request. No behaviour, no
 * ownership rules beyond this: every pointer lives in the request's pool (or
 * in the configuration's) and nothing here is changed after the room that
 * filled it has returned.
 */
#ifndef CHAT_TYPES_H
#define CHAT_TYPES_H

#include <apr_network_io.h>
#include <apr_pools.h>
#include <apr_tables.h>
#include <apr_time.h>

struct chat_json_t;

#define CHAT_VERSION "0.1.0"

/* What an event stream says it is: every stream that is sent to a client. */
#define CHAT_EVENT_STREAM_TYPE "text/event-stream; charset=utf-8"

/* Who asks. */
typedef struct chat_user_t {
    const char *id; /* stable id of the account, any bytes but NUL; NULL for
                       a guest. Logs and keys escape and bound it */
    const char *subject; /* who that is: NAMESPACE ":" id. Ids of two schemes
                            may be equal, subjects never are; what is kept for
                            a user is kept under this. NULL for a guest */
    int home; /* 1: of the first scheme of ChatAuth, or its namespace: whom an
                 administrator means who writes the id alone */
    const char *role;   /* as the account says ("user,admin"), or NULL */
    const char *tier;   /* as the account says ("free"), or NULL */
    const char *scheme; /* the identity scheme that said yes */
} chat_user_t;

typedef enum {
    CHAT_ROLE_USER,
    CHAT_ROLE_ASSISTANT,
    CHAT_ROLE_SYSTEM, /* also OpenAI's "developer", see is_developer */
    CHAT_ROLE_TOOL    /* what a tool gave, for the model */
} chat_role_e;

/* A call of a tool that the model asked for. */
typedef struct chat_tool_call_t {
    const char *id; /* as its provider, or we, named it */
    const char *name;
    const char *arguments;     /* JSON text, as the model wrote it */
    struct chat_json_t *extra; /* an object, as its provider gave it; or NULL */
} chat_tool_call_t;

typedef struct chat_message_t {
    chat_role_e role;
    const char *content; /* UTF-8, NUL-terminated, holds no NUL; NULL: none
                            (the assistant only called tools), or parts */
    struct chat_json_t *parts;     /* instead of content: an array of OpenAI's
                                      parts ("text", "image_url", ...); or NULL */
    const chat_tool_call_t *calls; /* of the assistant; ncalls of them */
    int ncalls;
    const char *call_id; /* of CHAT_ROLE_TOOL: the call that is answered */
    struct chat_json_t *text_parts; /* beside content: the parts that it was
                                       made of, where they say more than text
                                       ("cache_control"); or NULL */
    const char *reasoning;      /* of the assistant: its thoughts, for those who
                                   want them back; or NULL */
    const char *reasoning_name; /* the member they came in; NULL: no matter */
    struct chat_json_t *details; /* of the assistant: an array of objects, what
                                    its provider said beside the text and
                                    wants back (signatures, encrypted thoughts),
                                    as it was given out: see
                                    chat_provider_detail.c; or NULL */
    const char *provider;        /* whose details and extras these are, by its
                                    name: they go to no other; NULL: the client
                                    gave them, and they say themselves */
    int is_developer;            /* CHAT_ROLE_SYSTEM, by its newer name */
} chat_message_t;

/* A function that the model may ask the client to call. */
typedef struct chat_tool_t {
    const char *name;                  /* [A-Za-z0-9_-]{1,64} */
    const char *description;           /* or NULL */
    struct chat_json_t *parameters;    /* JSON schema, or NULL: none */
    int strict;                        /* 1, 0, or -1 when not said */
    struct chat_json_t *cache_control; /* for who knows it; or NULL */
} chat_tool_t;

/* Whether the model must call one. */
typedef enum {
    CHAT_CHOICE_UNSAID,
    CHAT_CHOICE_AUTO,
    CHAT_CHOICE_NONE,
    CHAT_CHOICE_REQUIRED,
    CHAT_CHOICE_TOOL /* the one of that name */
} chat_choice_e;

/* A validated request, the same for every provider. */
typedef struct chat_turn_t {
    const char *request_id;
    const char *model;              /* the upstream's name; NULL: default */
    const char *system;             /* NULL: none */
    const chat_message_t *messages; /* nmessages of them, at least one */
    int nmessages;
    int has_temperature;
    double temperature; /* 0..2, only with has_temperature */
    int has_top_p;
    double top_p;            /* 0..1, only with has_top_p */
    const char *const *stop; /* nstop texts that end the answer */
    int nstop;
    const char *effort;         /* of reasoning: "low", ...; NULL */
    int max_output_tokens;      /* 0: not asked for */
    const char *most_name;      /* the member it came in; NULL: no matter */
    int json;                   /* 1: any JSON object; schema is NULL */
    struct chat_json_t *schema; /* NULL: text; else a JSON schema */
    const char *schema_name;    /* NULL: the client named it not */
    int schema_strict;          /* 1, 0, or -1 when not said */
    const chat_tool_t *tools;   /* ntools of them */
    int ntools;
    chat_choice_e choice;
    const char *choice_name;    /* of CHAT_CHOICE_TOOL */
    int parallel;               /* several calls at once: 1, 0, -1 unsaid */
    int whole;                  /* 1: the client wants one JSON text, no
                                   stream */
    struct chat_json_t *extra;  /* members of a Chat Completions request
                                   that we do not know, for an upstream
                                   that speaks it too; NULL: none */
    struct chat_json_t *native; /* the whole request in the provider's own
                                   words, or NULL; then only model,
                                   max_output_tokens and whole of the
                                   above are set, and override it */
    struct chat_json_t *app;    /* the same request as a chat application
                                   takes it, for an upstream that is one: see
                                   chat_request_ui_app(); or NULL */
} chat_turn_t;

/* Token counts as the provider billed them; -1 where it did not say. */
typedef struct chat_usage_t {
    apr_int64_t input;     /* with cached */
    apr_int64_t output;    /* with reasoning */
    apr_int64_t cached;    /* of input: read from the provider's cache */
    apr_int64_t reasoning; /* of output: thoughts */
} chat_usage_t;

/* A period of the calendar in which a limit counts. */
typedef enum {
    CHAT_LIMIT_PERIOD_NONE, /* the window begins with its first use */
    CHAT_LIMIT_PERIOD_DAY,
    CHAT_LIMIT_PERIOD_MONTH
} chat_limit_period_e;

/* Of which clock; zeros: UTC. */
typedef struct chat_limit_zone_t {
    int local;  /* 1: this machine's, with its summer time */
    int offset; /* else seconds east of Greenwich */
} chat_limit_zone_t;

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
    CHAT_LIMIT_COST,     /* money, reserved and settled like tokens */
    /* of ChatAbuse */
    CHAT_LIMIT_REPEATS,   /* the same question of the same user */
    CHAT_LIMIT_INVISIBLE, /* nothing: it looks at the characters of a text */
    CHAT_LIMIT_BLOCKS     /* what moderation has blocked; a full counter is a
                             ban */
} chat_limit_unit_e;

/* What a policy does when Redis cannot answer (fail=). */
typedef enum {
    CHAT_LIMIT_FAIL_OPEN,   /* lets through */
    CHAT_LIMIT_FAIL_CLOSED, /* refuses with 503 */
    CHAT_LIMIT_FAIL_LOCAL   /* counts in this server's own table */
} chat_limit_fail_e;

/* A limit that is nearly reached, for whoever has used it up. */
typedef struct chat_notice_t {
    const char *limit;            /* name of the ChatLimit */
    const char *unit;             /* "requests", "tokens", "usd" */
    const char *most, *remaining; /* as JSON numbers, money in dollars */
    apr_time_t reset;             /* when there is more again */
} chat_notice_t;

/* The header that carries the key to an upstream (ChatProviderAuth). */
typedef enum {
    CHAT_KEY_USUAL,     /* the provider's own */
    CHAT_KEY_BEARER,    /* Authorization: Bearer */
    CHAT_KEY_API_KEY,   /* api-key: Azure's */
    CHAT_KEY_X_API_KEY, /* x-api-key: Anthropic's */
    CHAT_KEY_X_GOOG     /* x-goog-api-key: Gemini's */
} chat_key_e;

/* What a model may be able to do. */
typedef enum {
#define CHAT_CAPABILITY(id, name) CHAT_CAPABILITY_##id,
#include "chat_capability_list.h"
#undef CHAT_CAPABILITY
    CHAT_CAPABILITY_COUNT
} chat_capability_e;

/* What it lacks, as bits. */
typedef enum {
#define CHAT_CAPABILITY(id, name) CHAT_LACKS_##id = 1 << CHAT_CAPABILITY_##id,
#include "chat_capability_list.h"
#undef CHAT_CAPABILITY
} chat_lacks_e;

/* What some types of providers have and others have not, as bits of the lines
 * of chat_provider_list.h. */
typedef enum {
    CHAT_PROVIDER_RESPONSES = 1 << 0, /* a Responses API: its usual one */
    CHAT_PROVIDER_VERSION = 1 << 1,   /* ChatProviderVersion is sent */
    CHAT_PROVIDER_RELAYED = 1 << 2,   /* its streams are those of a dialect:
                                         there they pass, and nobody else can
                                         read them */
    CHAT_PROVIDER_DOCUMENTS = 1 << 3, /* it reads PDF */
    CHAT_PROVIDER_FETCHES = 1 << 4, /* it fetches images from where they are */
    CHAT_PROVIDER_FETCHES_FILES = 1 << 5, /* and PDF */
    CHAT_PROVIDER_TRACED = 1 << 6,        /* it learns of traces, unless
                                             ChatProviderTrace says off */
    CHAT_PROVIDER_BAGGAGE = 1 << 7 /* and of the baggage that came along */
} chat_provider_caps_e;

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
    const char *resolve;         /* chat_stream_resolve() of its host */
    apr_array_header_t *headers; /* of const char *, "Name: value" */
    const char *body;            /* POSTed; NULL: it is a GET */
    apr_size_t body_len;
    const char *guarded; /* chat_stream_resolve_public(): a user has named the
                            host, so it is connected to there alone, and only
                            over https; NULL: an administrator has */
    int secret; /* 1: no copy of the header lines is left when the upstream has
                   got them */
    chat_timeouts_t timeouts;
    apr_pool_t *pool; /* for the head of its answer until that was told; NULL:
                         the request's */
} chat_call_t;

/* Whose events these are (ChatWebhook). */
typedef enum {
    CHAT_WEBHOOK_NONE = -1,
    CHAT_WEBHOOK_STRIPE,
    CHAT_WEBHOOK_LEMONSQUEEZY
} chat_webhook_e;

/* Where files of users are kept (ChatUploads). */
typedef enum {
    CHAT_UPLOAD_OFF,
    CHAT_UPLOAD_DIR, /* in a directory of this machine */
    CHAT_UPLOAD_S3   /* in an object store */
} chat_upload_kind_e;

/* One ChatUploads line. Complete when it is read. */
typedef struct chat_upload_conf_t {
    int kind;               /* chat_upload_kind_e */
    const char *directory;  /* CHAT_UPLOAD_DIR: an absolute path */
    const char *base;       /* CHAT_UPLOAD_S3: scheme://host[:port] for this
                               server, the bucket in it where that is usual */
    const char *host;       /* of base, for the resolver */
    apr_port_t port;        /* of base, default filled in */
    const char *public_url; /* the same for browsers and providers; of a
                               directory that of this site, NULL: as the request
                               has it */
    const char *path;       /* "/", the bucket where it is not in base, and the
                               prefix; ends with "/" */
    const char *region;
    int reach; /* 1: providers can fetch from public_url */
} chat_upload_conf_t;

/* What an object store is asked with (ChatUploadsKey). */
typedef struct chat_upload_key_t {
    const char *id;
    const char *secret;
    const char *token; /* of temporary credentials, or NULL */
} chat_upload_key_t;

/* A type of files that may be uploaded (ChatUploadsTypes). */
typedef struct chat_upload_type_t {
    const char *type; /* its media type, in lower case */
    apr_int64_t most; /* bytes of one */
} chat_upload_type_t;

/* Which tier a price is for (ChatTierPrice). */
typedef struct chat_tier_price_t {
    const char *price; /* an id, "lookup:KEY" or "variant:ID" */
    const char *tier;
} chat_tier_price_t;

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

/* What became of a request, for logs and numbers. */
typedef enum {
    CHAT_OUTCOME_COMPLETE,
    CHAT_OUTCOME_CANCELLED,
    CHAT_OUTCOME_UPSTREAM_ERROR,
    CHAT_OUTCOME_TRUNCATED,
    CHAT_OUTCOME_REFUSED,
    CHAT_OUTCOME_LIMITED,
    CHAT_OUTCOME_TIMEOUT
} chat_outcome_e;

/* What moderation made of a request or an answer: of several the last of these
 * counts. */
typedef enum {
    CHAT_MODERATION_NONE, /* nothing was to look at it */
    CHAT_MODERATION_PASS,
    CHAT_MODERATION_FLAG,    /* goes on, and is counted */
    CHAT_MODERATION_REPLACE, /* goes on without what was found */
    CHAT_MODERATION_ERROR,   /* could not be looked at */
    CHAT_MODERATION_BLOCK,
    CHAT_MODERATION_COUNT
} chat_moderation_e;

/* What a call says of its upstream, for the breaker. */
typedef enum {
    CHAT_VERDICT_OK,      /* it works: any answer that is not its own failure */
    CHAT_VERDICT_FAILED,  /* not reached, timed out, broke off, 5xx */
    CHAT_VERDICT_UNKNOWN, /* the client left before anything could be known */
    CHAT_VERDICT_BEGAN    /* a probe is being answered: others need not wait
                             until it is over */
} chat_verdict_e;

/* How a stream ended. */
typedef enum {
    CHAT_END_COMPLETE,  /* the source ended by itself; is it whole? the
                           caller knows the provider's terminal event */
    CHAT_END_STOPPED,   /* a callback asked for the end */
    CHAT_END_GONE,      /* the client left */
    CHAT_END_STALLED,   /* the client took nothing for the stall time */
    CHAT_END_CANCELLED, /* chat_stream_cancel() */
    CHAT_END_UNREACHED, /* no connection to the upstream */
    CHAT_END_BROKEN,    /* the upstream's connection failed */
    CHAT_END_TIMEOUT,   /* the upstream took too long */
    CHAT_END_REFUSED,   /* admission was refused: no call was made */
    CHAT_END_SHUTDOWN   /* the server stops: nothing more can be sent */
} chat_end_e;

typedef struct chat_end_t {
    chat_end_e why;
    const char *detail;        /* for the log, no secrets; may be NULL */
    int made;                  /* 1: the call was begun; 0: it was waited for,
                                  or admission was refused */
    int asked;                 /* 1: the upstream was connected to, so that it
                                  may have got the request (this call) */
    int left;                  /* 1: the client left before, and the stream went
                                  on without it */
    apr_interval_time_t first; /* start -> first data (this call), -1 */
    apr_interval_time_t total; /* start of the stream -> end */
    apr_off_t bytes;           /* data from the source (this call) */
} chat_end_t;

#endif
