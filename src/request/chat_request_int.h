/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the readers of requests share: how texts are measured, and
 * (chat_request_zod_*) the kinds of zod's schemas with the issues that zod
 * would give. Pure (APR and chat_json), any thread. No issue holds anything
 * that the client sent.
 */
#ifndef CHAT_REQUEST_INT_H
#define CHAT_REQUEST_INT_H

#include <apr_hash.h>
#include <apr_pools.h>

#include "chat_request.h"

#define CHAT_REQUEST_TOOLS_MAX 128
#define CHAT_REQUEST_NAME_MAX 64     /* characters of a tool's name */
#define CHAT_REQUEST_CALL_ID_MAX 256 /* characters */

/* ---- texts ---- */

/* Its code points and its UTF-16 units. */
void chat_request_count(const char *text, apr_int64_t *points,
                        apr_int64_t *units);

/* As clamps->count_utf16 says. */
apr_int64_t chat_request_length(const char *text,
                                const chat_request_clamps_t *clamps);

/* The most characters that a text of that role may have. */
int chat_request_longest(const chat_request_clamps_t *clamps, chat_role_e role);

/* 1..max letters, digits, "_", "-" and the characters in more. */
int chat_request_is_word(const char *text, apr_size_t max, const char *more);

/* 1 when JavaScript's URL() takes it. */
int chat_request_is_url(const char *text, apr_pool_t *p);

/* ---- chat_request_ids.c ---- */

/* Let no two calls of the messages have one id, and what tools gave meet its
 * call nevertheless. */
void chat_request_ids(chat_message_t *messages, int n, apr_pool_t *p);

/* ---- issues ---- */

typedef struct chat_request_zod_t {
    apr_array_header_t *list; /* of const char *, one JSON object each */
    int aborted; /* one of them says that the value has the wrong shape */
    apr_pool_t *p;
} chat_request_zod_t;

void chat_request_zod_init(chat_request_zod_t *zod, apr_pool_t *p);

/* All of them, as a JSON array. */
const char *chat_request_zod_text(const chat_request_zod_t *zod);

/* facts are the members before the path; message is JSON inside quotes. */
void chat_request_zod_issue(chat_request_zod_t *zod, const char *facts,
                            const char *path, const char *message);
void chat_request_zod_custom(chat_request_zod_t *zod, const char *path,
                             const char *message);
void chat_request_zod_type(chat_request_zod_t *zod, const char *expected,
                           const chat_json_t *v, const char *path);

/* The value has the right shape, but its size or length is over max. */
void chat_request_zod_big(chat_request_zod_t *zod, const char *origin, int max,
                          const char *what, const char *unit, const char *path);
void chat_request_zod_small(chat_request_zod_t *zod, const char *origin,
                            int min, int inclusive, const char *what,
                            const char *unit, const char *path);

/* ---- kinds of schema: 1 when v is of it, else an issue says what is wrong */

int chat_request_zod_is(chat_request_zod_t *zod, const chat_json_t *v,
                        chat_json_kind_e kind, const char *expected,
                        const char *path);

/* z.literal(): one word and no other. */
int chat_request_zod_literal(chat_request_zod_t *zod, const chat_json_t *v,
                             const char *word, const char *path);

/* z.enum(): the index of the word in the list, which ends with NULL; -1 when
 * it is none of them. */
int chat_request_zod_enum(chat_request_zod_t *zod, const chat_json_t *v,
                          const char *const *words, const char *path);

/* z.string().optional() */
const char *chat_request_zod_optional(chat_request_zod_t *zod,
                                      const chat_json_t *v, const char *path);

/* z.string().regex(): chat_request_is_word(), written as pattern. */
const char *chat_request_zod_word(chat_request_zod_t *zod, const chat_json_t *v,
                                  apr_size_t max, const char *more,
                                  const char *pattern, const char *path);

/* z.string().regex() of a UUID as we write it. */
const char *chat_request_zod_id(chat_request_zod_t *zod, const chat_json_t *v,
                                const char *path);

/* z.number(), z.number().int() */
int chat_request_zod_number(chat_request_zod_t *zod, const chat_json_t *v,
                            const char *path);
int chat_request_zod_integer(chat_request_zod_t *zod, const chat_json_t *v,
                             const char *path);

/* .min(min).max(max) of strings and arrays; min is 0 or 1. */
void chat_request_zod_length(chat_request_zod_t *zod, const chat_json_t *v,
                             const chat_request_clamps_t *clamps, int min,
                             int max, const char *path);

/* ---- the schema of the chat routes ---- */

typedef struct chat_request_check_t {
    chat_request_zod_t zod;
    const chat_request_clamps_t *clamps;
    apr_int64_t total; /* UTF-16 units of all texts */
    apr_hash_t *calls; /* the ids that may be answered; NULL: no tools here */
    int news;          /* 1: the messages are what is new in a conversation */
    apr_pool_t *p;
} chat_request_check_t;

/* An empty turn, and a check with tools or without. */
void chat_request_check_init(chat_request_check_t *check, chat_turn_t *turn,
                             const chat_request_clamps_t *clamps, int tools,
                             apr_pool_t *p);
/* The members of the body; then all but the messages. */
void chat_request_check_body(chat_request_check_t *check, chat_turn_t *turn,
                             const chat_json_t *body);
void chat_request_check_rest(chat_request_check_t *check, chat_turn_t *turn,
                             const chat_json_t *body);
/* The sum of all texts, as an issue at path. */
void chat_request_check_total(chat_request_check_t *check, const char *path);

/* 400 with the issues of zod. */
apr_status_t chat_request_refuse(chat_err_t *err,
                                 const chat_request_zod_t *zod);

/* The path of a message's member; key is "" or ",\"content\"". */
const char *chat_request_message_path(const chat_request_check_t *check,
                                      int index, const char *key);

/* z.string().min(min).max() of a text that the model gets, of that role, at
 * chat_request_message_path(check, index, key); counts it. NULL when it is no
 * string. */
const char *chat_request_check_text(chat_request_check_t *check,
                                    const chat_json_t *v, chat_role_e role,
                                    int min, int index, const char *key);

/* What the schema with tools has more: the role (0 when it is none), the
 * content and the calls of a message, the answers to calls once all messages
 * are there, and members of the body. */
void chat_request_tools_message(chat_request_check_t *check,
                                chat_message_t *message, const chat_json_t *v,
                                int index);
void chat_request_tools_answers(chat_request_check_t *check,
                                const chat_turn_t *turn);
void chat_request_tools_body(chat_request_check_t *check, chat_turn_t *turn,
                             const chat_json_t *body);

/* ---- chat_request_conversation.c ---- */

/* The "parts" of a message of the user on the stream route, as they are kept:
 * texts, which count as contents do, and files that were uploaded. */
chat_json_t *chat_request_conversation_parts(chat_request_check_t *check,
                                             const chat_json_t *v, int message);

#endif
