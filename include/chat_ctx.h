/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every module may know of a request, looked up once: the configuration as
 * it holds for it, who asks, in which tier. One for each request_rec, in its
 * request_config; an internal redirect has its own.
 *
 * Whoever owns the request. All of it lives in r->pool.
 */
#ifndef CHAT_CTX_H
#define CHAT_CTX_H

#include <httpd.h>

#include "chat_config.h"
#include "chat_types.h"

/* What auth/ found out, private to that module. */
struct chat_auth_outcome_t;
struct chat_auth_known_t;

typedef struct chat_ctx_t {
    request_rec *r;
    const chat_dir_conf_t *dir;       /* merged, with its defaults */
    const chat_server_conf_t *server; /* of the request's virtual host */
    const char *request_id;  /* X-Request-ID; NULL until the handler runs */
    const chat_user_t *user; /* NULL until chat_auth_identify() succeeded */
    const char *tier;        /* NULL until chat_limit_tier() was asked */
    int tier_failed;         /* 1: ChatLimitTier could not be evaluated then */
    const struct chat_auth_outcome_t *auth; /* NULL until auth/ was asked */
    struct chat_auth_known_t *profile; /* how the user is called, or NULL */
    int admitted; /* 1: a Require of ours has let this user in by name or role
                   */
    int settings_taken;               /* 1: settings is what it stays */
    struct chat_override_t *settings; /* of chat_override.h, private there */
    const apr_array_header_t *models; /* NULL until they were asked for */
} chat_ctx_t;

/* That of r, made at the first call. A configuration that httpd has merged
 * anew since then (a directory walk after a hook) is looked up again. */
chat_ctx_t *chat_ctx(request_rec *r);

/* The one that r has, or NULL: nobody has asked for it yet. */
const chat_ctx_t *chat_ctx_peek(const request_rec *r);

/* 1 when it is the user who is meant by NAMESPACE:ID, or by an ID without a
 * colon, which is one of the first scheme. */
int chat_ctx_is_user(const chat_user_t *user, const char *said);

/* 1 when the client, as mod_remoteip has it, is on this machine. */
int chat_ctx_is_local(request_rec *r);

#endif
