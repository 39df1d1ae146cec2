/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to chat_auth_jose*.c: what they share of jansson's JSON. Any thread.
 */
#ifndef CHAT_AUTH_JOSE_INT_H
#define CHAT_AUTH_JOSE_INT_H

#include <jansson.h>

#include "chat_auth_jose.h"

typedef struct chat_auth_jose_key_t {
    const char *kid; /* or NULL */
    const char *alg; /* the one that it is for */
    json_t *jwk;
} chat_auth_jose_key_t;

struct chat_auth_jose_keys_t {
    chat_auth_jose_key_t *key;
    int n;
};

/* json, which is freed with p. NULL stays NULL. */
json_t *chat_auth_jose_own(json_t *json, apr_pool_t *p);

/* An object without members of one name, freed with p; NULL: it is none. */
json_t *chat_auth_jose_object(const char *text, apr_size_t len, apr_pool_t *p);

/* 1 when it has a member of that name, null as well. */
int chat_auth_jose_has(json_t *object, const char *name);

/* The string of that name, borrowed; NULL: there is none. */
const char *chat_auth_jose_text(json_t *object, const char *name);

/* What the claims say, as the rules have it: NULL and *claims in p, or why they
 * cannot be taken. */
const char *chat_auth_jose_check(chat_auth_jose_claims_t *claims,
                                 json_t *object,
                                 const chat_auth_jose_rules_t *rules,
                                 apr_pool_t *p);

#endif
