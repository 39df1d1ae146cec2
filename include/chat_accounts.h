/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of an account besides its conversations: keys of its own for
 * providers, and the tier that somebody pays for. Threads, results and times as
 * in chat_store_chats.h.
 */
#ifndef CHAT_ACCOUNTS_H
#define CHAT_ACCOUNTS_H

#include "chat_store_chats.h"

/* ---- keys: what is stored is sealed (chat_seal.h), never the key ---- */

typedef struct chat_store_key_t {
    const char *provider; /* name of its <ChatProvider> */
    const unsigned char *blob;
    apr_size_t blob_len;
    const char *key_id;   /* of the master key that it was sealed with */
    const char *last4;    /* "" where so much would be too much */
    const char *base_url; /* another than the provider's, or NULL */
    apr_int64_t created, updated;
    /* 0: never. checked: when its provider last said what it is worth; invalid:
     * it said that it is worth nothing. */
    apr_int64_t checked, last_used, invalid, expires;
} chat_store_key_t;

/* All of at->owner's: chat_store_key_t, by provider. */
apr_status_t chat_store_key_list(apr_array_header_t **prows,
                                 const chat_store_at_t *at, chat_err_t *err);

/* Instead of the one that there may be; *pcreated is 1 when there was none.
 * created and updated are results. */
apr_status_t chat_store_key_put(int *pcreated, chat_store_key_t *key,
                                const chat_store_at_t *at, chat_err_t *err);

/* provider NULL: all. Also when there is none. */
apr_status_t chat_store_key_remove(const chat_store_at_t *at,
                                   const char *provider, chat_err_t *err);

/* The following are about this key: nothing happens when another has taken its
 * place. What its provider says of it now: */
apr_status_t chat_store_key_mark(const chat_store_at_t *at,
                                 const chat_store_key_t *key, int invalid,
                                 chat_err_t *err);
/* It is used now. */
apr_status_t chat_store_key_used(const chat_store_at_t *at,
                                 const chat_store_key_t *key, chat_err_t *err);
/* The same, sealed anew. */
apr_status_t chat_store_key_reseal(const chat_store_at_t *at,
                                   const chat_store_key_t *key,
                                   const unsigned char *blob, apr_size_t len,
                                   const char *key_id, chat_err_t *err);

/* ---- files: where they are is told by chat_upload.h ---- */

typedef struct chat_store_upload_t {
    const char *id;    /* a UUID */
    const char *owner; /* result */
    int ready;         /* 1: the file is there; 0: it is waited for */
    const char *key;   /* of the object, or below the directory */
    const char *seal;  /* what URLs of this site are signed with: a secret */
    const char *filename, *media_type; /* as the client says them */
    apr_int64_t size;
    const char *sha256;           /* base64, or NULL: nobody said it */
    apr_int64_t width, height;    /* of an image, in pixels; else 0 */
    apr_int64_t created, expires; /* expires: it may be uploaded until then */
} chat_store_upload_t;

/* Of at->owner; NULL: whosever it is, for one who has its signature. */
apr_status_t chat_store_upload_get(chat_store_upload_t **pu,
                                   const chat_store_at_t *at, const char *id,
                                   chat_err_t *err);
/* A new one. APR_ENOSPC: 403 upload_quota, more than so many files or bytes
 * within a day, also of those that were deleted since. */
apr_status_t chat_store_upload_create(const chat_store_upload_t *u, int files,
                                      apr_int64_t bytes,
                                      const chat_store_at_t *at,
                                      chat_err_t *err);
/* The file is there; of u its id, width and height count. APR_NOTFOUND: nobody
 * waits for it any more. */
apr_status_t chat_store_upload_ready(const chat_store_upload_t *u,
                                     const chat_store_at_t *at,
                                     chat_err_t *err);
apr_status_t chat_store_upload_remove(const chat_store_at_t *at, const char *id,
                                      chat_err_t *err);
/* A conversation of this server, or a chat of an app, has these (const char *).
 * The other is NULL. Once more does no harm; those of others are left out. */
apr_status_t chat_store_upload_use(const apr_array_header_t *ids,
                                   const chat_store_at_t *at,
                                   const char *conversation, const char *chat,
                                   chat_err_t *err);
/* A chat of an app is gone, and files with it that nothing else has. */
apr_status_t chat_store_upload_leave(const chat_store_at_t *at,
                                     const char *chat, chat_err_t *err);

/* What was not uploaded so long after it could have been, and what no
 * conversation has had within so long, is to be deleted: some at a time. owner
 * is NULL, as of the following. What none has any more goes with
 * chat_store_purge(). */
apr_status_t chat_store_upload_expire(const chat_store_at_t *at,
                                      apr_int64_t put_ms, apr_int64_t unused_ms,
                                      chat_err_t *err);
/* chat_store_upload_t, id and key alone: whose files are still to be deleted,
 * some at a time. */
apr_status_t chat_store_upload_doomed(apr_array_header_t **prows,
                                      const chat_store_at_t *at,
                                      chat_err_t *err);
/* The file is gone; 0: it could not be deleted, and others come first now. */
apr_status_t chat_store_upload_gone(const chat_store_at_t *at, const char *id,
                                    int gone, chat_err_t *err);

/* ---- tiers ---- */

/* The tier of that user (the application's id). APR_NOTFOUND: nobody pays, or
 * not any more; err is not filled. */
apr_status_t chat_store_tier_find(const char **ptier, const chat_store_at_t *at,
                                  const char *user, chat_err_t *err);

/* What an event of a payment service says. Texts are NULL and times 0 where it
 * does not say. */
typedef struct chat_store_payment_t {
    const char *source; /* "stripe", "lemonsqueezy" */
    const char *event;  /* its id */
    const char *type;
    apr_int64_t at;   /* of the event; a later one counts more */
    const char *user; /* the application's id */
    const char *customer;
    /* A subscription; NULL: it only tells whose a customer is. */
    const char *subscription;
    const char *status; /* as the service says it */
    const char *before; /* the status that this event has ended, or NULL */
    const char *tier;   /* of its price; NULL: that of the last event */
    int rank;           /* of the tier: the best has the highest */
    int access;         /* 1: in this status there is access */
    int grace;          /* 1: for a while: a second such event does not make it
                           longer */
    apr_int64_t until;  /* then access ends in any case, 0: it does not */
} chat_store_payment_t;

typedef enum {
    CHAT_PAYMENT_APPLIED,   /* the user's tier is by this event */
    CHAT_PAYMENT_DUPLICATE, /* it was taken before: nothing was changed */
    CHAT_PAYMENT_OLDER,     /* a newer one was taken before */
    CHAT_PAYMENT_UNKNOWN,   /* nobody knows yet whose it is: it is kept */
    CHAT_PAYMENT_LINKED     /* it only told whose a customer is */
} chat_payment_e;

/* "applied" and so on, as in chat_webhook_event. */
const char *chat_store_tier_outcome(chat_payment_e outcome);

/* In one transaction: the event is taken, its subscription and the tier of
 * its user are by the newest event. basic is the tier of who has access to
 * nothing. *ptier is the user's tier then, or NULL. at->owner is NULL. */
apr_status_t chat_store_tier_apply(chat_payment_e *poutcome, const char **ptier,
                                   const chat_store_payment_t *payment,
                                   const char *basic, const chat_store_at_t *at,
                                   chat_err_t *err);

/* All that is known of what this user pays goes. */
apr_status_t chat_store_tier_forget(const chat_store_at_t *at, const char *user,
                                    chat_err_t *err);

#endif
