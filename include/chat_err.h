/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client may be told about a failure. Rooms fill it, only reply/ turns
 * it into an HTTP answer. Distinguish *no* (401, 403, 404), *not now* (502,
 * 503, 504) and *too much* (413, 429): an outage is never a no.
 */
#ifndef CHAT_ERR_H
#define CHAT_ERR_H

#include <apr_errno.h>

/* Why an upstream refused, where that decides what is tried next: words of the
 * answer are for the client alone. */
typedef enum {
    CHAT_CAUSE_NONE,  /* nothing but what the status says */
    CHAT_CAUSE_AUTH,  /* the server's key, not the client's question */
    CHAT_CAUSE_QUOTA, /* the account behind the key has no money left */
    CHAT_CAUSE_BUDGET /* the client's own token budget ended the answer */
} chat_cause_e;

/* Longest word for programs, and longest sentence, of an upstream. */
#define CHAT_REFUSAL_WORD_MAX 63
#define CHAT_REFUSAL_TEXT_MAX 300

/* What an upstream said when it refused, masked: no key, account or address of
 * mail is in it. "" where it did not say. */
typedef struct chat_refusal_t {
    int status; /* its own, or what it would have been */
    char code[CHAT_REFUSAL_WORD_MAX + 1];
    char type[CHAT_REFUSAL_WORD_MAX + 1];
    char param[CHAT_REFUSAL_WORD_MAX + 1];
    char text[CHAT_REFUSAL_TEXT_MAX + 1];
} chat_refusal_t;

typedef struct chat_err_t {
    int status;          /* HTTP status, 0 while nothing went wrong */
    const char *code;    /* stable word for programs: "unauthorized" */
    const char *message; /* a sentence for people, safe to show */
    const char *issues;  /* JSON array of validation issues, or NULL */
    const char *param;   /* the member of the request that is wrong, or NULL */
    const char *stream;  /* id of the one that answers this already, or NULL */
    const char *sign_in; /* where somebody who is nobody yet may sign in, or
                            NULL */
    const char *limit;   /* JSON of the ChatLimit that refused, as one of
                            chat_limit_told(), or NULL */
    const char *models;  /* JSON array: names of others that the same may be
                            asked of, or NULL */
    const char *retry_after; /* value for Retry-After, or NULL */
    const char *allow;       /* value for Allow, or NULL */
    const char *category;    /* of moderation: what was found, or NULL */
    const char *reason;      /* the same in a sentence, or NULL */
    chat_cause_e cause;
    const chat_refusal_t *upstream; /* what the client may know of an
                                       upstream's refusal, or NULL */
} chat_err_t;

/* Fill err and return rv, so that a failing function can end in one line.
 * code and message must outlive the request. rv must not be APR_SUCCESS. */
apr_status_t chat_err_set(chat_err_t *err, apr_status_t rv, int status,
                          const char *code, const char *message);

/* Whose matter it is: "user", "model", "provider" or "server". */
const char *chat_err_scope(const chat_err_t *err);

/* 1: the same request may succeed later as it is. */
int chat_err_is_retryable(const chat_err_t *err);

/* The sentence of an upstream that may be shown; NULL: there is none, or the
 * failure is its own, and what it says of that is for its administrator. */
const char *chat_err_told(const chat_err_t *err);

#endif
