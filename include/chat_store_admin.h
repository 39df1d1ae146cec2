/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What administrators set at run time, and the record of who did so. Threads,
 * results and times as in chat_store_chats.h; at->owner is not looked at.
 *
 * All settings have one revision that grows with each change, and each has the
 * one that it was changed with; one that nobody has set has the first, 1. A
 * change, and its row of the record, are one transaction.
 */
#ifndef CHAT_STORE_ADMIN_H
#define CHAT_STORE_ADMIN_H

#include "chat_store_chats.h"

/* The revision of what nobody has set. */
#define CHAT_STORE_SETTING_FIRST 1

typedef struct chat_store_setting_t {
    const char *name;  /* "model:NAME", "limit:NAME", "user:SUBJECT", or of a
                          stream that is to end "stop:ID" */
    const char *value; /* a JSON object's text; NULL: nobody has set it */
    int revision;
} chat_store_setting_t;

/* All of them, chat_store_setting_t, if the revision of all is another than
 * *prevision, which is that then. *prows is NULL where it is the same. */
apr_status_t chat_store_setting_list(apr_array_header_t **prows, int *prevision,
                                     const chat_store_at_t *at,
                                     chat_err_t *err);

/* s->name is set by the caller. */
apr_status_t chat_store_setting_get(chat_store_setting_t *s,
                                    const chat_store_at_t *at, chat_err_t *err);

/* A row of the record. */
typedef struct chat_store_audit_t {
    const char *id;
    apr_int64_t at;
    const char *actor;          /* a subject */
    const char *action;         /* "model.disable" */
    const char *target;         /* what the action was done to, by its name */
    const char *before, *after; /* JSON objects' texts, or NULL */
    const char *request_id, *address;
} chat_store_audit_t;

typedef struct chat_store_change_t chat_store_change_t;

/* What becomes of a setting: *pafter, in p, from before (NULL: nobody has set
 * it); NULL: it is taken away. May set change->audit.action and change->stops.
 * Fails: err says why, and nothing is changed. May be called twice. */
typedef apr_status_t chat_store_setting_fn(chat_store_change_t *change,
                                           const char *before,
                                           const char **pafter, chat_err_t *err,
                                           apr_pool_t *p);

struct chat_store_change_t {
    chat_store_setting_t is;   /* its name; then how it is, also with 412 */
    int revision;              /* > 0: only if it is that */
    chat_store_setting_fn *to; /* and what it is handed: */
    void *ctx;
    chat_store_audit_t audit; /* actor, target, request_id, address */
    const char *stops;        /* the user whose streams are to end, or NULL */
};

/* Where the new value is the old one nothing happens, and nothing is recorded.
 * APR_EMISMATCH: 412 precondition_failed. */
apr_status_t chat_store_setting_change(chat_store_change_t *change,
                                       const chat_store_at_t *at,
                                       chat_err_t *err);

/* A stream that runs, whoever's it is, is to end: every process of every server
 * hears of it with the settings. audit as above, with its action. */
apr_status_t chat_store_setting_stop(const char *stream,
                                     const chat_store_audit_t *audit,
                                     const chat_store_at_t *at,
                                     chat_err_t *err);

/* chat_store_audit_t, the newest first. */
apr_status_t chat_store_admin_audit(apr_array_header_t **prows,
                                    const chat_store_at_t *at,
                                    chat_store_page_t *page, chat_err_t *err);

/* chat_store_stream_t that run, of that user or (NULL) of all, the newest
 * first. */
apr_status_t chat_store_admin_streams(apr_array_header_t **prows,
                                      const chat_store_at_t *at,
                                      const char *user, chat_store_page_t *page,
                                      chat_err_t *err);

/* Who has used anything, pays, or was set something: subjects, in the order of
 * the database. */
typedef struct chat_store_user_t {
    const char *id;
    chat_store_setting_t setting; /* "user:ID" */
} chat_store_user_t;

/* chat_store_user_t whose ids have q ("": any) in them. home is the namespace
 * of those who pay, with its colon. */
apr_status_t chat_store_admin_users(apr_array_header_t **prows,
                                    const chat_store_at_t *at, const char *q,
                                    const char *home, chat_store_page_t *page,
                                    chat_err_t *err);

#endif
