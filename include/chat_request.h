/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's request: brigade -> bytes -> JSON -> chat_turn_t, with every
 * clamp and its message. Refusals in the order a server can afford them:
 * method, media type, size, syntax, then the schema.
 */
#ifndef CHAT_REQUEST_H
#define CHAT_REQUEST_H

#include <apr_pools.h>

#include "chat_err.h"
#include "chat_json.h"
#include "chat_types.h"

struct request_rec;

/* ---- httpd: the method, the media type, the body. Request thread. ---- */

/* 405 unless POST (with Allow), 415 unless application/json in UTF-8 without
 * a Content-Encoding. */
apr_status_t chat_request_check(struct request_rec *r, chat_err_t *err);

/* 415 unless application/json in UTF-8 without a Content-Encoding. */
apr_status_t chat_request_check_type(const struct request_rec *r,
                                     chat_err_t *err);

/* 1 when the request has no body. */
int chat_request_is_absent(const struct request_rec *r);

/* 405 unless GET or HEAD (with Allow). */
apr_status_t chat_request_check_get(const struct request_rec *r,
                                    chat_err_t *err);

/* What stands behind the path of the location that the route is configured in:
 * "" or "/ID". location NULL, or of a pattern: NULL, nobody can tell. */
const char *chat_request_rest(const struct request_rec *r,
                              const char *location);

/*
 * Read the body from the input filters, parsing while it arrives. *pbody
 * lives in p.
 * Fails with 413 (too many bytes, declared or seen), 400 invalid_json (not
 * JSON, too deep, too many values), 408 or 400 when the client stopped
 * sending. AP_FILTER_ERROR: httpd has answered by itself, as err says
 * (LimitRequestBody on a chunked body, broken chunks); send nothing and return
 * AP_FILTER_ERROR from the handler. r->eos_sent is set then.
 */
apr_status_t chat_request_read(chat_json_t **pbody, struct request_rec *r,
                               const chat_json_limits_t *limits,
                               chat_err_t *err, apr_pool_t *p);

/* The same for a long list, of at most so many bytes. *prest is what
 * chat_json_items_end() gives. An element that was not taken is a 400
 * invalid_request. */
apr_status_t chat_request_read_items(chat_json_t **prest, struct request_rec *r,
                                     chat_json_items_t *items, apr_size_t limit,
                                     chat_err_t *err);

/* ---- pure: the schemas of the routes (APR and chat_json) ---- */

/* Where in a conversation the turn stands. */
typedef struct chat_request_place_t {
    const char *conversation; /* its id; NULL: none is named */
    int has_parent;           /* 1: parent was named */
    const char *parent;       /* id of a message; NULL: the root */
    const char *id;           /* of the client's message, or NULL */
    chat_json_t *parts;       /* of it, an array as it is kept; NULL: what the
                                 turn's messages have */
} chat_request_place_t;

/* A request of a client, read. What it points to lives as long as its body. */
typedef struct chat_request_t {
    chat_turn_t turn;
    chat_request_place_t place;
    int usage;           /* 1: the client wants token counts (completions) */
    const char *session; /* that it goes on with (message), or NULL */
} chat_request_t;

typedef struct chat_request_clamps_t {
    int messages;          /* at most so many */
    int message_length;    /* characters of one: of the user and the system */
    int answer_length;     /* of one that the assistant gave, or a tool; 0:
                              message_length */
    int count_utf16;       /* 1: as zod before 4.5 counts, else code points */
    int total_length;      /* UTF-16 units of all */
    int max_output_tokens; /* cap */
    int keeps;             /* 1: conversations are kept here */
} chat_request_clamps_t;

/* 1 when text is a UUID in lower-case hexadecimal. */
int chat_request_is_id(const char *text);

/*
 * Validate as zod 4.6 does. APR_SUCCESS: turn is filled (model NULL when the
 * client named none; request_id stays as it is); its strings and its schema
 * are borrowed from body. APR_EINVAL: turn is untouched, err is 400
 * invalid_request and err->issues the JSON array of zod's issue objects, in
 * zod's order.
 */
apr_status_t chat_request_validate(chat_turn_t *turn, chat_json_t *body,
                                   const chat_request_clamps_t *clamps,
                                   chat_err_t *err, apr_pool_t *p);

/*
 * The same schema with what the stream route has more: "tools" (name,
 * description?, parameters?), "toolChoice" ("auto", "none", "required" or
 * {"name"}), messages of the role "tool" with "toolCallId", and of the
 * assistant with "toolCalls" (id, name, arguments), whose content may be empty
 * then, and "responseFormat" may be "json". Results and arguments count as
 * contents do; a result may be empty, and answers a call that an earlier
 * message made. Verdicts on everything else stay zod's.
 */
apr_status_t chat_request_validate_tools(chat_turn_t *turn, chat_json_t *body,
                                         const chat_request_clamps_t *clamps,
                                         chat_err_t *err, apr_pool_t *p);

/*
 * That schema with "conversationId"?, "parentId"? (null is the root) and "id"?,
 * all of them UUIDs. With a conversation the messages are what is new in it:
 * one of the user, or those of the role "tool" that answer the calls of the
 * message before; the rest is known here. Where no conversation is kept it is a
 * 400 "unsupported" to name one.
 */
apr_status_t chat_request_validate_kept(chat_request_t *request,
                                        chat_json_t *body,
                                        const chat_request_clamps_t *clamps,
                                        chat_err_t *err, apr_pool_t *p);

/*
 * A turn of a conversation that the path names: {"id"?, "parentId"?, "content"
 * or "parts", ...}, the rest as on the stream route. Parts are texts
 * ({"type": "text", "text"}), or what tools gave ({"type": "tool-result",
 * "callId", "content"}), not both. regenerate 1: no message is in it.
 * place.conversation stays NULL.
 */
apr_status_t chat_request_conversation(chat_request_t *request,
                                       chat_json_t *body, int regenerate,
                                       const chat_request_clamps_t *clamps,
                                       chat_err_t *err, apr_pool_t *p);

/*
 * {"message", "model_id"?, "session_id"?}. *psession is NULL where none is
 * named. The turn has one message. What would need more (tools, a format) is
 * refused with 400 "unsupported", the rest as above: 400 invalid_request with
 * issues. A message of white space is too_small. null for an optional member
 * means that it is not there.
 */
apr_status_t chat_request_message(chat_turn_t *turn, const char **psession,
                                  chat_json_t *body,
                                  const chat_request_clamps_t *clamps,
                                  chat_err_t *err, apr_pool_t *p);

/* 400 "unsupported" where the body asks, in a member of some other API, for
 * what would change the answer and has no place here ("stop", "top_p", "n");
 * err->param names it. Others that are unknown are left out, as zod leaves them
 * out. */
apr_status_t chat_request_refuse_foreign(const chat_json_t *body,
                                         chat_err_t *err, apr_pool_t *p);

/*
 * OpenAI's Chat Completions request. *pusage is 1 when the client wants a chunk
 * with the token counts. Members that change nothing about the answer (user,
 * metadata, store, ...) are left out, what no upstream of ours could honour
 * (n > 1, audio, logprobs, the old "functions") is refused with 400
 * "unsupported"; members we do not know go to turn->extra.
 * err->param names the member that is wrong. A content may be "" (OpenAI takes
 * it), parts that are all text arrive joined, turn->system stays NULL.
 */
apr_status_t chat_request_completions(chat_turn_t *turn, int *pusage,
                                      chat_json_t *body,
                                      const chat_request_clamps_t *clamps,
                                      chat_err_t *err, apr_pool_t *p);

/* ---- pure: bodies of the routes of conversations ---- */

/* What these may have at most. */
typedef struct chat_request_bounds_t {
    int title;    /* characters */
    int metadata; /* pairs of a key and a text */
    int parts;    /* of a message */
} chat_request_bounds_t;

/* What a client says of a conversation. A member that is absent is not in said;
 * null is, and its text is NULL. */
typedef enum {
    CHAT_REQUEST_HAS_ID = 1 << 0,
    CHAT_REQUEST_HAS_TITLE = 1 << 1,
    CHAT_REQUEST_HAS_PINNED = 1 << 2,
    CHAT_REQUEST_HAS_ARCHIVED = 1 << 3,
    CHAT_REQUEST_HAS_MODEL = 1 << 4,
    CHAT_REQUEST_HAS_SYSTEM = 1 << 5,
    CHAT_REQUEST_HAS_METADATA = 1 << 6,
    CHAT_REQUEST_HAS_CURRENT = 1 << 7
} chat_request_has_e;

typedef struct chat_request_conversation_t {
    unsigned said; /* chat_request_has_e */
    const char *id;
    const char *title, *model, *system;
    const char *metadata; /* a JSON object's text */
    const char *current;
    int pinned, archived;
} chat_request_conversation_t;

/* All of these: APR_EINVAL, and err as chat_request_validate() has it. Strings
 * are borrowed from body or made in p. Members that are not known are ignored.
 */
apr_status_t chat_request_rest_conversation(chat_request_conversation_t *c,
                                            const chat_json_t *body,
                                            const chat_request_bounds_t *bounds,
                                            chat_err_t *err, apr_pool_t *p);

/* {"parts": [...]} of a message: *pparts is the JSON text of those members that
 * are known, *ptext all text parts, joined. */
apr_status_t chat_request_rest_parts(const char **pparts, const char **ptext,
                                     const chat_json_t *body,
                                     const chat_request_bounds_t *bounds,
                                     chat_err_t *err, apr_pool_t *p);

/* {"kind": "positive" | "negative" | null, "reason"?} */
apr_status_t chat_request_rest_feedback(const char **pkind,
                                        const char **preason,
                                        const chat_json_t *body,
                                        chat_err_t *err, apr_pool_t *p);

typedef struct chat_request_share_t {
    int live;
    const char *leaf;    /* or NULL */
    apr_int64_t expires; /* milliseconds since 1970, 0: never */
    int show_model;
} chat_request_share_t;

/* Each member may be absent; the defaults are a snapshot of the current leaf
 * for ever, with the model. now: in milliseconds. */
apr_status_t chat_request_rest_share(chat_request_share_t *share,
                                     const chat_json_t *body, apr_int64_t now,
                                     chat_err_t *err, apr_pool_t *p);

/* {"messageId"} */
apr_status_t chat_request_rest_message_id(const char **pid,
                                          const chat_json_t *body,
                                          chat_err_t *err, apr_pool_t *p);

/* "2026-11-28T12:34:56.789Z": milliseconds since 1970; -1 when it is no such
 * time. The fraction may be absent, or of any length. */
apr_int64_t chat_request_rest_time(const char *text);

#endif
