/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Conversations, their messages, and the streams that write these, in the
 * database of mod_dbd: the tables of conf/sql/. A conversation is a tree of
 * messages with a current leaf. Each function is one short transaction, or one
 * statement, around which a connection is opened and closed; the owner is a
 * part of every statement, so what is somebody else's is not there.
 *
 * All functions: a thread that may wait. Never an engine.
 *
 * Results, unless a function says more:
 *   APR_SUCCESS   done
 *   APR_NOTFOUND  no such thing, or not this owner's: err is a 404 not_found
 *   APR_EGENERAL  the database could not say: err is a 503 store_unavailable,
 *                 and the log says why, without any parameter
 * Every other failure fills err, too: its status and code are the answer.
 *
 * Times are milliseconds since 1970, UTC. Ids are UUIDs, lower-case, checked by
 * chat_store_is_id() before any of this is called. Texts are UTF-8 without NUL.
 */
#ifndef CHAT_STORE_CHATS_H
#define CHAT_STORE_CHATS_H

#include <apr_errno.h>
#include <apr_pools.h>
#include <apr_tables.h>

#include "chat_err.h"
#include "chat_types.h"

struct request_rec;
struct server_rec;

#define CHAT_STORE_ID_LEN 36

/* Who asks, and where the results are put. */
typedef struct chat_store_at_t {
    struct server_rec *s;  /* whose database */
    struct request_rec *r; /* for the log; NULL: a thread of the server's own */
    apr_pool_t *p;         /* results, and what err says, live in it */
    int quiet;         /* 1: that the database fails is nothing new, and said to
                          who debugs alone */
    const char *owner; /* the user's subject; NULL: whoever it is (only where
                          a function says that it may be) */
} chat_store_at_t;

/* 1 when text is a UUID in lower-case hexadecimal. */
int chat_store_is_id(const char *text);
/* A new UUIDv7, by the clock of this machine. */
const char *chat_store_new_id(apr_pool_t *p);
/* Now, in milliseconds since 1970. */
apr_int64_t chat_store_now(void);

/* ---- conversations ---- */

typedef struct chat_conversation_t {
    const char *id;
    const char *title; /* NULL: none yet */
    const char *model;
    const char *system;
    const char *metadata; /* a JSON object's text */
    const char *current;  /* id of the leaf that is shown; NULL: no message */
    const char *stream;   /* id of the stream that runs in it, or NULL */
    const char *stream_message; /* id of the message that it writes */
    int pinned, archived;
    int titled; /* 1: by the user; no model may change it */
    int messages;
    int revision; /* counts changes of what a client sets, not new messages */
    apr_int64_t created, updated, last_message;
} chat_conversation_t;

/* What is to change: bits of chat_conversation_set_e say which members. */
typedef enum {
    CHAT_SET_TITLE = 1 << 0,
    CHAT_SET_PINNED = 1 << 1,
    CHAT_SET_ARCHIVED = 1 << 2,
    CHAT_SET_MODEL = 1 << 3,
    CHAT_SET_SYSTEM = 1 << 4,
    CHAT_SET_METADATA = 1 << 5,
    CHAT_SET_CURRENT = 1 << 6
} chat_conversation_set_e;

/* A page: rows after a cursor, at most limit; next is the cursor of the page
 * behind it, NULL where there is none. A cursor is opaque to all above the
 * store; one of another list or form is a 400 invalid_request. */
typedef struct chat_store_page_t {
    int limit;         /* 1..100 */
    const char *after; /* or NULL: from the start */
    const char *next;  /* result */
} chat_store_page_t;

typedef struct chat_conversation_filter_t {
    int archived;         /* 0 or 1 */
    int pinned;           /* 1: only those; 0: all */
    int oldest;           /* 1: those first; then contains is NULL */
    const char *contains; /* how words of the title begin, or NULL */
} chat_conversation_filter_t;

/* *prows: chat_conversation_t, newest last message first, unless the filter
 * says otherwise. */
apr_status_t
chat_store_conversation_list(apr_array_header_t **prows,
                             const chat_store_at_t *at,
                             const chat_conversation_filter_t *filter,
                             chat_store_page_t *page, chat_err_t *err);

/* What has become of somebody's conversations. */
typedef struct chat_store_changes_t {
    apr_array_header_t *changed; /* chat_conversation_t, in no order: new, or
                                    different, or with other messages */
    apr_array_header_t *deleted; /* const char *: ids */
    int reset; /* 1: both are empty, for it is too long ago, or too much: who
                  keeps a list has to read it anew */
    const char *cursor; /* what was said now, and what comes next */
} chat_store_changes_t;

/* Since a cursor of it (NULL: reset). What changed about that time is told
 * twice. Fails with 400 for what is no cursor, and 503. Request thread. */
apr_status_t chat_store_changes_since(chat_store_changes_t *changes,
                                      const chat_store_at_t *at,
                                      const char *since, chat_err_t *err);

/* c->id is set by the caller; times and revision are results. APR_EEXIST: 409
 * already_exists (an id of somebody else's as well). APR_ENOSPC: 409, the user
 * has as many as ChatStoreLimit says. */
apr_status_t chat_store_conversation_create(chat_conversation_t *c,
                                            const chat_store_at_t *at,
                                            chat_err_t *err);

apr_status_t chat_store_conversation_get(chat_conversation_t **pc,
                                         const chat_store_at_t *at,
                                         const char *id, chat_err_t *err);

/* Its model alone, or NULL: every question asks for it that names none. */
apr_status_t chat_store_conversation_model(const char **pmodel,
                                           const chat_store_at_t *at,
                                           const char *id, chat_err_t *err);

/* Members of c that set names; *pc is how it is then. revision > 0: only if it
 * is that; else APR_EMISMATCH, 412 precondition_failed, and *pc is how it is.
 * The current message must be one of this conversation (400). */
apr_status_t chat_store_conversation_update(
    chat_conversation_t **pc, const chat_store_at_t *at, const char *id,
    const chat_conversation_t *c, unsigned set, int revision, chat_err_t *err);

/* Hidden, or with ChatRetention deleted=0 gone; its running streams' ids are
 * put into *pstreams (const char *), for whoever stops them. Once more is
 * APR_SUCCESS. revision as above. */
apr_status_t chat_store_conversation_delete(apr_array_header_t **pstreams,
                                            const chat_store_at_t *at,
                                            const char *id, int revision,
                                            chat_err_t *err);
/* All of them; archived 1: only archived ones. */
apr_status_t chat_store_conversation_delete_all(int *pdeleted,
                                                apr_array_header_t **pstreams,
                                                const chat_store_at_t *at,
                                                int archived, chat_err_t *err);
apr_status_t chat_store_conversation_restore(chat_conversation_t **pc,
                                             const chat_store_at_t *at,
                                             const char *id, chat_err_t *err);

/* A copy of the path from the root to that message, with new ids. */
apr_status_t chat_store_conversation_fork(chat_conversation_t **pc,
                                          const chat_store_at_t *at,
                                          const char *id, const char *message,
                                          chat_err_t *err);

/* A title that no user gave; changes nothing where one did. */
apr_status_t chat_store_conversation_name(const chat_store_at_t *at,
                                          const char *id, const char *title,
                                          chat_err_t *err);

/* ---- messages ---- */

typedef enum {
    CHAT_MESSAGE_COMPLETE,
    CHAT_MESSAGE_STREAMING,
    CHAT_MESSAGE_PARTIAL,   /* the provider or the server broke off */
    CHAT_MESSAGE_CANCELLED, /* the user did */
    CHAT_MESSAGE_FAILED     /* there is no answer; error says why */
} chat_message_status_e;

/* As it is stored. */
typedef struct chat_store_message_t {
    const char *id, *conversation, *parent; /* parent NULL: a root */
    chat_role_e role;
    chat_message_status_e status;
    const char *parts; /* a JSON array's text; see below for what is private */
    const char *text;  /* what search finds: all text parts, joined */
    const char *model, *provider, *finish_reason, *error_code; /* or NULL */
    apr_int64_t input_tokens, output_tokens;                   /* or -1 */
    apr_int64_t cost;                       /* 1e-10 USD, or -1 */
    const char *feedback, *feedback_reason; /* "positive", "negative", NULL */
    int siblings, sibling;                  /* how many, which, from 1 */
    apr_int64_t created, updated;
} chat_store_message_t;

/* What the provider of an answer wants back and nobody else may see: the type
 * of a part whose member "json" is the text of a detail, and the member of a
 * call that is the text of its extra object. */
#define CHAT_STORE_PART_PRIVATE "private"
#define CHAT_STORE_PART_EXTRA "extra"

const char *chat_store_status_name(chat_message_status_e status);

/* The newest limit of the path to the current leaf, oldest first; next leads to
 * the ones before. all 1: of all branches, by their age. */
apr_status_t chat_store_message_list(apr_array_header_t **prows,
                                     const chat_store_at_t *at,
                                     const char *conversation, int all,
                                     chat_store_page_t *page, chat_err_t *err);
/* At most limit (1..) of the path to the current leaf, without siblings,
 * beginning with the message from: up to the root, newest first; or with down 1
 * to the leaf, oldest first. from NULL: the leaf, or the root. Nothing where
 * from is not there, or with down 1 on another branch. */
apr_status_t chat_store_message_walk(apr_array_header_t **prows,
                                     const chat_store_at_t *at,
                                     const char *conversation, const char *from,
                                     int down, int limit, chat_err_t *err);
apr_status_t chat_store_message_get(chat_store_message_t **pm,
                                    const chat_store_at_t *at,
                                    const char *conversation, const char *id,
                                    chat_err_t *err);
/* Other parts for an answer that is over. 409 conversation_busy while it runs,
 * 400 for a message of the user. */
apr_status_t chat_store_message_correct(chat_store_message_t **pm,
                                        const chat_store_at_t *at,
                                        const char *conversation,
                                        const char *id, const char *parts,
                                        const char *text, chat_err_t *err);
/* With all below it; the current leaf moves to the newest leaf of the nearest
 * ancestor that is left. */
apr_status_t chat_store_message_delete(apr_array_header_t **pstreams,
                                       const chat_store_at_t *at,
                                       const char *conversation, const char *id,
                                       chat_err_t *err);
/* kind NULL: none any more. */
apr_status_t chat_store_message_feedback(const chat_store_at_t *at,
                                         const char *conversation,
                                         const char *id, const char *kind,
                                         const char *reason, chat_err_t *err);

/* ---- a turn: a question, and the answer that is streamed ---- */

typedef struct chat_store_turn_t {
    /* Set by the caller. */
    const char *conversation; /* its id */
    int create; /* 1: made where it is nobody's yet, with model and system */
    int has_parent;           /* 1: parent counts; 0: the current leaf */
    const char *parent;       /* NULL: the question is a new root */
    const char *regenerate;   /* the message whose answer is made anew: one of
                                 the user, or an answer, whose sibling is made.
                                 Then there is no question. NULL: there is */
    const char *question;     /* id of the client's message */
    chat_role_e role;         /* of it: CHAT_ROLE_USER; or CHAT_ROLE_TOOL, what
                                 tools gave, whose parent is an answer */
    const char *parts, *text; /* of it */
    const char *title;        /* for a conversation that has none; NULL: none */
    const char *model, *system;
    const char *answer;   /* id of the assistant's message */
    const char *stream;   /* id of the stream */
    const char *instance; /* whose process writes it */

    /* Results. */
    int created;                 /* the conversation is new */
    apr_int64_t made;            /* when it was */
    const char *titled;          /* its title now */
    int named;                   /* 1: this turn gave it */
    int wants_title;             /* no user and no model gave it */
    apr_int64_t asked, answered; /* when what is to be answered, and the answer,
                                    were made */
    const char *context_system;  /* the conversation's, or NULL */
    const char *before;          /* the leaf that was current; for undo */
    apr_int64_t bytes;           /* that it has added; for undo */
    apr_array_header_t *path;    /* chat_store_message_t, root first, down to
                                    what is to be answered */
} chat_store_turn_t;

/*
 * In one transaction: the conversation if it is new, the question (complete),
 * the answer (streaming, no parts) and the stream (running). APR_EEXIST: 409
 * already_exists, an id is taken; where it is this owner's question, err->param
 * is the id of the stream that answered it. APR_EBUSY: 409 conversation_busy,
 * a stream runs. APR_EINVAL: 400, the parent is not of this conversation, or
 * cannot have this child. APR_ENOSPC: 413 conversation_too_long, or 409 as
 * chat_store_conversation_create() has it. APR_EACCES: 409
 * conversation_archived.
 */
apr_status_t chat_store_turn_begin(chat_store_turn_t *turn,
                                   const chat_store_at_t *at, chat_err_t *err);

struct chat_store_usage_t;

typedef struct chat_store_ending_t {
    const char *answer, *stream;  /* ids */
    chat_message_status_e status; /* anything but STREAMING */
    const char *parts, *text;
    const char *model, *provider, *finish_reason, *error_code;
    apr_int64_t input_tokens, output_tokens, cost; /* or -1 */
    apr_int64_t last_event;           /* id of the last event of the stream */
    struct chat_store_usage_t *usage; /* of chat_store_usage.h, nusage of them:
                                         what is added with it */
    int nusage;
} chat_store_ending_t;

/*
 * The answer as it is, the stream's end, the conversation's times and current
 * leaf (if that is still where it was), in one transaction. Who comes second
 * changes nothing: APR_SUCCESS, and *pwritten is 0. owner may be NULL.
 * APR_NOTFOUND: it was deleted meanwhile.
 */
apr_status_t chat_store_turn_end(int *pwritten, const chat_store_ending_t *end,
                                 const chat_store_at_t *at, chat_err_t *err);

/* The turn never began: its rows are taken away again, as if it had not been
 * asked for. Of turn its ids count, created, before and bytes. */
apr_status_t chat_store_turn_undo(const chat_store_turn_t *turn,
                                  const chat_store_at_t *at, chat_err_t *err);

/* ---- streams ---- */

typedef struct chat_store_stream_t {
    const char *id, *conversation, *message, *owner, *instance;
    const char *status; /* running, complete, cancelled, failed, lost */
    apr_int64_t last_event, started, heartbeat;
} chat_store_stream_t;

apr_status_t chat_store_stream_get(chat_store_stream_t **ps,
                                   const chat_store_at_t *at, const char *id,
                                   chat_err_t *err);
/* All streams of an instance are alive. owner is NULL. */
apr_status_t chat_store_stream_heartbeat(const chat_store_at_t *at,
                                         const char *instance, chat_err_t *err);
/* Streams that run though nobody said so since before (ms), at most limit: no
 * other server gets them within a minute. They stay those of their instance, so
 * that one which is not ended then is found again. *prows:
 * chat_store_stream_t. owner is NULL. */
apr_status_t chat_store_stream_adopt(apr_array_header_t **prows,
                                     const chat_store_at_t *at,
                                     apr_int64_t before, int limit,
                                     chat_err_t *err);
/* The same for all streams of an instance that is known to be gone. */
apr_status_t chat_store_stream_inherit(apr_array_header_t **prows,
                                       const chat_store_at_t *at,
                                       const char *instance, chat_err_t *err);

/* ---- search ---- */

typedef struct chat_store_hit_t {
    const char *conversation, *message; /* message NULL: the title */
    const char *title;
    const char *snippet;        /* some text around the words */
    apr_array_header_t *ranges; /* int pairs: where the words stand in it, in
                                   UTF-16 units: start, end */
    apr_int64_t created;
} chat_store_hit_t;

/* Words of new messages go into SQLite's index of words: before a search, and
 * every few seconds, in small steps. PostgreSQL does so by itself. owner NULL:
 * only where this process has used the database. */
apr_status_t chat_store_index(const chat_store_at_t *at, chat_err_t *err);

/* How far chat_store_merge() is; all 0: at the beginning. */
typedef struct chat_store_merge_t {
    int index; /* of which of SQLite's indexes of words */
    int begun; /* 1: its parts are being put together */
    int over;  /* 1: nothing is left to do */
} chat_store_merge_t;

/* A few short steps towards SQLite's indexes of words being one part each,
 * which a search is quick in: where there are many parts, and they are not
 * small. To be called until m->over, one process at a time. Fails: it is over,
 * too. */
apr_status_t chat_store_merge(chat_store_merge_t *m, const chat_store_at_t *at,
                              chat_err_t *err);

/* All words of q, each as the user wrote it: none of it is an operator. A q
 * without any word finds nothing. Newest first. */
apr_status_t chat_store_search(apr_array_header_t **phits,
                               const chat_store_at_t *at, const char *q,
                               chat_store_page_t *page, chat_err_t *err);

/* ---- shares ---- */

typedef struct chat_store_share_t {
    const char *id; /* 128 random bits, base64url */
    const char *conversation;
    int live;             /* 0: a snapshot */
    const char *leaf;     /* of the branch that is shared */
    const char *title;    /* when it was shared */
    const char *snapshot; /* JSON text of the messages; NULL: live */
    int show_model;
    apr_int64_t created, expires; /* expires 0: never */
} chat_store_share_t;

/* id and created are results; leaf NULL: the current one; title NULL: the
 * conversation's. 400 for a leaf of another conversation. */
apr_status_t chat_store_share_create(chat_store_share_t *share,
                                     const chat_store_at_t *at,
                                     chat_err_t *err);
/* Those that are not revoked, newest first, without their snapshots. */
apr_status_t chat_store_share_list(apr_array_header_t **prows,
                                   const chat_store_at_t *at,
                                   const char *conversation, chat_err_t *err);
apr_status_t chat_store_share_revoke(const chat_store_at_t *at,
                                     const char *conversation, const char *id,
                                     chat_err_t *err);
apr_status_t chat_store_share_revoke_all(int *prevoked,
                                         const chat_store_at_t *at,
                                         chat_err_t *err);
/* Whoever has the id; at->owner is NULL, and *powner is whose it is. APR_EOF:
 * 410 gone, it was revoked or has expired. */
apr_status_t chat_store_share_get(chat_store_share_t **ps, const char **powner,
                                  const chat_store_at_t *at, const char *id,
                                  chat_err_t *err);

/* ---- all of a user's, and what comes from elsewhere ---- */

/* A conversation with all its messages, parents before children, times as
 * given. Ids are new ones, made by the caller. APR_ENOSPC as for create and
 * for a turn. */
apr_status_t chat_store_import(const chat_conversation_t *c,
                               const apr_array_header_t *messages,
                               const chat_store_at_t *at, chat_err_t *err);

/* Everything that is stored of this user goes, at once and for good, but for
 * usage rows, which lose the user's name. */
apr_status_t chat_store_forget(int *pconversations,
                               apr_array_header_t **pstreams,
                               const chat_store_at_t *at, chat_err_t *err);

/* ---- requests that may be repeated (Idempotency-Key) ---- */

typedef struct chat_store_repeat_t {
    const char *key, *method, *path;
    const char *body_hash; /* hexadecimal SHA-256 of the body */
    int status;            /* result of the first, 0: it still runs */
    const char *response;  /* its body */
} chat_store_repeat_t;

/* APR_SUCCESS: it is the first one. APR_EEXIST: status and response are set;
 * status 0: 409 idempotency_in_progress. APR_EINVAL: 422 idempotency_mismatch.
 */
apr_status_t chat_store_repeat_begin(chat_store_repeat_t *repeat,
                                     const chat_store_at_t *at,
                                     chat_err_t *err);
/* status 0: it did not happen, and may be tried again. */
apr_status_t chat_store_repeat_end(const chat_store_repeat_t *repeat,
                                   const chat_store_at_t *at, chat_err_t *err);

/* ---- what is done now and then, by one process of all ---- */

/* Purge what was deleted longer ago than ChatRetention says, conversations
 * that nobody touched, repeats older than a day. In small steps. */
apr_status_t chat_store_purge(const chat_store_at_t *at, chat_err_t *err);

/* ---- the tables themselves ---- */

/* APR_SUCCESS: they are as this module knows them. APR_ENOTIMPL: no location of
 * this server has a ChatStore. Otherwise *pwhy is a
 * sentence: none, older, newer, or the database cannot be asked. Every function
 * above asks this first. Asked at most
 * once a second for all; what was true stays true for a minute. */
apr_status_t chat_store_tables(const char **pwhy, const chat_store_at_t *at);

#endif
