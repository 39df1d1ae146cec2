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
#include <apr_hash.h>
#include <apr_optional.h>

#include "chat_types.h"

#define CHAT_UNSET (-1)

typedef enum {
    CHAT_ROUTE_NONE = CHAT_UNSET,
#define CHAT_ROUTE(id, name) CHAT_ROUTE_##id,
#include "chat_route_list.h"
#undef CHAT_ROUTE
    CHAT_ROUTE_COUNT
} chat_route_e;

typedef enum {
#define CHAT_PROVIDER(id, name) CHAT_PROVIDER_##id,
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

/* How ChatRequestMessageLength counts (zod from 4.5 on; zod before). */
typedef enum { CHAT_COUNT_CODEPOINTS, CHAT_COUNT_UTF16 } chat_count_e;

/* One <ChatProvider name> section. Complete after check_config: no member is
 * unset then. */
typedef struct chat_provider_conf_t {
    const char *name;          /* as in ChatUse */
    int type;                  /* chat_provider_e */
    int api;                   /* chat_api_e */
    const char *url;           /* base, without a trailing slash */
    const char *host;          /* of url, for the resolver */
    apr_port_t port;           /* of url, default filled in */
    const char *key;           /* secret; NULL: none is sent */
    int store;                 /* 1: the provider may keep the answer */
    chat_timeouts_t timeouts;
    const char *defined_at;    /* "file:line", for messages */
} chat_provider_conf_t;

typedef struct chat_server_conf_t {
    apr_hash_t *providers;     /* name -> chat_provider_conf_t */
    const char *session_sql;   /* ChatAuthSession: the statement itself */
    int session_cache;         /* seconds a session may be remembered, 0 off */
    /* main server only */
    int stream_max;            /* open streams per child */
    int stream_engines;        /* engine threads per child */
    const char *cache_store;   /* ChatAuthCacheStore: socache provider */
    const char *cache_args;    /* ... and its argument, or NULL */
    /* config/ only: what check_config has to look up, of this server alone */
    apr_array_header_t *needs;
} chat_server_conf_t;

typedef struct chat_dir_conf_t {
    int route;                 /* chat_route_e */
    apr_array_header_t *use;   /* const char *: provider names */
    const char *model_default; /* ChatModelDefault */

    apr_array_header_t *auth;    /* int chat_auth_e, in order; empty: none */
    apr_array_header_t *secrets; /* const char *: ChatAuthSecret, any fits */
    apr_array_header_t *cookies; /* const char *: ChatAuthCookie names */
    apr_array_header_t *origins; /* const char *: ChatAuthOrigin */
    int bearer_unsigned;         /* 1: a bare session token is accepted */

    apr_int64_t body;          /* bytes, ChatRequestBody */
    int depth;                 /* ChatRequestDepth */
    int values;                /* ChatRequestValues */
    int messages;              /* ChatRequestMessages */
    int message_length;        /* ChatRequestMessageLength, characters */
    int message_count;         /* chat_count_e, ChatRequestCount */
    int total_length;          /* ChatRequestTotalLength, UTF-16 units */
    int max_output_tokens;     /* ChatRequestMaxOutputTokens */

    apr_interval_time_t heartbeat; /* ChatStreamHeartbeat, 0 off */
    int early_headers;             /* 1: answer 200 before the upstream does */
    apr_interval_time_t stall;     /* ChatStreamStallTimeout */

    apr_interval_time_t mock_pace; /* ChatMock pace= */
    int mock_words;                /* ChatMock words= */
} chat_dir_conf_t;

extern const command_rec chat_config_cmds[];

void *chat_config_dir_create(apr_pool_t *p, char *dir);
void *chat_config_dir_merge(apr_pool_t *p, void *base, void *add);
void *chat_config_server_create(apr_pool_t *p, server_rec *s);
void *chat_config_server_merge(apr_pool_t *p, void *base, void *add);

/* check_config hook: completes every provider and refuses what no single
 * directive could see (a ChatProvider without URL, ...). Also run by -t. */
int chat_config_check(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                      server_rec *s);

/* The merged configuration of a request with every default filled in: no
 * member is unset, arrays are never NULL, use names the route's own provider
 * where ChatUse is not written. Lives in r->pool. */
const chat_dir_conf_t *chat_config_dir(request_rec *r);
/* Never NULL; session_cache, stream_max and stream_engines have their
 * defaults (stream_max 0: as many as the file limit allows). */
const chat_server_conf_t *chat_config_server(const server_rec *s);
/* The provider of that name for this server, or NULL. */
const chat_provider_conf_t *chat_config_provider(const server_rec *s,
                                                 const char *name);

/*
 * store/ stands above config/, so ChatAuthSession asks it for the statement of
 * a layout through these; mod_chat.c registers them with its hooks. They do
 * what chat_store.h says.
 */
APR_DECLARE_OPTIONAL_FN(const char *, chat_store_session_layout,
                        (const char *name, int admin));
APR_DECLARE_OPTIONAL_FN(const char *, chat_store_session_layouts, (void));

/* "openai" for CHAT_ROUTE_openai and so on. */
const char *chat_config_route_name(int route);
const char *chat_config_auth_name(int scheme);

#endif
