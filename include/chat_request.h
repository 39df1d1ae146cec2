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

/* ---- pure: the schemas of the routes (APR and chat_json) ---- */

/* A request of a client, read. What it points to lives as long as its body. */
typedef struct chat_request_t {
    chat_turn_t turn;
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
} chat_request_clamps_t;

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

#endif
