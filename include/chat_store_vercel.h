/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chats in the tables of an application that began as Vercel's chat template:
 * "Chat", "Message_v2", "Vote_v2" and "Stream" of PostgreSQL, which are the
 * application's, and which it reads and writes, too. Nothing here changes them;
 * what is written is what the template's own queries write. A chat is a list of
 * messages in the order of their times.
 *
 * As in chat_store_chats.h: each function is one short transaction or one
 * statement, on a thread that may wait, and all but APR_SUCCESS fill err.
 *   APR_NOTFOUND  no such thing: 404 not_found
 *   APR_EGENERAL  the database could not say: 503 store_unavailable
 * at->owner is the id of a row of "User". Ids are UUIDs in lower case. Times
 * are as JavaScript writes them, "2026-11-28T12:34:56.789Z".
 */
#ifndef CHAT_STORE_VERCEL_H
#define CHAT_STORE_VERCEL_H

#include <apr_tables.h>
#include <apr_time.h>

#include "chat_err.h"
#include "chat_store_chats.h"

typedef struct chat_vercel_chat_t {
    const char *id, *created, *title, *user, *visibility;
    const char *context; /* lastContext as JSON; NULL: none */
    int has_context;     /* 1: there is such a column */
} chat_vercel_chat_t;

typedef struct chat_vercel_message_t {
    const char *id, *chat, *role;
    const char *parts, *attachments; /* JSON, as it is kept */
    const char *created;
    apr_int64_t age; /* milliseconds */
} chat_vercel_message_t;

/* ---- a turn ---- */

typedef struct chat_vercel_turn_t {
    /* Set by the caller. */
    const char *chat;            /* its id */
    const char *title;           /* for a new one */
    const char *visibility;      /* the same */
    const char *message, *parts; /* the question: its id, its JSON */
    const char *stream;          /* id of the stream that answers */
    int most;                    /* messages of this user within window; one
                                    more than that is let in; -1: any number */
    apr_interval_time_t window;
    int messages; /* of what was said before: the newest so
                     many, and no more than bytes */
    apr_int64_t bytes;

    /* Results. */
    int created;                 /* the chat is new */
    apr_array_header_t *history; /* chat_vercel_message_t, oldest first */
} chat_vercel_turn_t;

/*
 * In one transaction: how much has this user asked? The chat, made if it is
 * new; what was said in it; the question; the stream. Of several that begin one
 * chat at a time one makes it, and the others find it.
 *   APR_ENOSPC  429 rate_limited: too many messages
 *   APR_EACCES  403 forbidden: somebody else's chat
 *   APR_EEXIST  409 already_exists: the message's id is taken
 *   APR_EINVAL  400 no_such_user: there is no row of the user's
 */
apr_status_t chat_store_vercel_begin(chat_vercel_turn_t *turn,
                                     const chat_store_at_t *at,
                                     chat_err_t *err);

typedef struct chat_vercel_ending_t {
    const char *chat;
    const char *message, *parts; /* the answer; parts NULL: there is none */
    const char *context;         /* lastContext, JSON; NULL: it stays */
} chat_vercel_ending_t;

/* The answer as a message of the assistant, and what it took. Once more changes
 * nothing. APR_NOTFOUND: the chat was deleted meanwhile. owner may be NULL. */
apr_status_t chat_store_vercel_end(const chat_vercel_ending_t *ending,
                                   const chat_store_at_t *at, chat_err_t *err);

/* Question and stream go, and a chat of which nothing is left. Of turn its ids
 * and created count. */
apr_status_t chat_store_vercel_undo(const chat_vercel_turn_t *turn,
                                    const chat_store_at_t *at, chat_err_t *err);

/* Another title, unless somebody has changed the one that was. */
apr_status_t chat_store_vercel_name(const chat_store_at_t *at, const char *chat,
                                    const char *was, const char *title,
                                    chat_err_t *err);

/* ---- chats ---- */

/* Whoever's it is. */
apr_status_t chat_store_vercel_get(chat_vercel_chat_t **pchat,
                                   const chat_store_at_t *at, const char *id,
                                   chat_err_t *err);

/* With all that belongs to it; *pchat is how it was. APR_EACCES: 403 forbidden,
 * it is somebody else's, or nobody's. */
apr_status_t chat_store_vercel_delete(chat_vercel_chat_t **pchat,
                                      const char **pstream,
                                      const chat_store_at_t *at, const char *id,
                                      chat_err_t *err);

/* What happened last in a chat: *pstream is the id of its last stream, *pm its
 * last message; NULL: there is none. */
apr_status_t chat_store_vercel_last(const char **pstream,
                                    chat_vercel_message_t **pm,
                                    const chat_store_at_t *at, const char *chat,
                                    chat_err_t *err);

/* ---- the tables ---- */

/* APR_SUCCESS: they are there. APR_ENOTIMPL: no location of this server has
 * ChatStore vercel. Otherwise *pwhy is a sentence. */
apr_status_t chat_store_tables_app(const char **pwhy,
                                   const chat_store_at_t *at);

#endif
