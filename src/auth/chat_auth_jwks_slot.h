/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a set of keys is fetched, and by whom: the state of one that all
 * processes share. Times are microseconds of chat_clock_now(), of which now is
 * one. Whoever calls has the lock. Pure: any thread.
 */
#ifndef CHAT_AUTH_JWKS_SLOT_H
#define CHAT_AUTH_JWKS_SLOT_H

#include <apr.h>

/* Between two fetches, whatever the answer says of its age; and where it says
 * nothing. */
#define CHAT_AUTH_JWKS_FLOOR ((apr_int64_t)60 * 1000000)
#define CHAT_AUTH_JWKS_CEILING ((apr_int64_t)86400 * 1000000)
#define CHAT_AUTH_JWKS_USUAL ((apr_int64_t)600 * 1000000)

/* After one that failed. */
#define CHAT_AUTH_JWKS_AGAIN ((apr_int64_t)15 * 1000000)

/* Between two that are made because a token names a key that is not there. */
#define CHAT_AUTH_JWKS_GAP ((apr_int64_t)10 * 1000000)

/* For so long one process fetches it, and no other one does. More than a fetch
 * takes. */
#define CHAT_AUTH_JWKS_LEASE ((apr_int64_t)8 * 1000000)

/* All zero: it has never been fetched, and is due. */
typedef struct chat_auth_jwks_slot_t {
    apr_uint32_t version; /* of the document, 0: there is none; atomic, who only
                             reads it needs no lock */
    int failed;           /* the last fetch did */
    apr_int64_t due;
    apr_int64_t leased; /* until then */
    apr_int64_t asked;  /* when an unknown key last made it due */
} chat_auth_jwks_slot_t;

/* The document is another one now. */
void chat_auth_jwks_slot_turn(chat_auth_jwks_slot_t *slot);

/* 1: the caller fetches it now. 0: *pwait is how long nobody has to look. */
int chat_auth_jwks_slot_take(chat_auth_jwks_slot_t *slot, apr_int64_t now,
                             apr_int64_t *pwait);

/* It is there, and is to be kept for age seconds; -1: that was not said. */
void chat_auth_jwks_slot_fetched(chat_auth_jwks_slot_t *slot, apr_int64_t now,
                                 apr_int64_t age);

/* It is not. 1: the one before was fetched. */
int chat_auth_jwks_slot_failed(chat_auth_jwks_slot_t *slot, apr_int64_t now);

/* 1 while a fetch has been asked for, or is made. */
int chat_auth_jwks_slot_is_pending(const chat_auth_jwks_slot_t *slot,
                                   apr_int64_t now);

/* A token names a key that is not there: 1 when the set is fetched for that. */
int chat_auth_jwks_slot_ask(chat_auth_jwks_slot_t *slot, apr_int64_t now);

#endif
