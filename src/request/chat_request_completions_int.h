/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the chat_request_completions*.c files share: the state of one reading,
 * and the verdicts in OpenAI's words. The first thing that is wrong ends the
 * reading, as it does there. Pure (APR and chat_json), any thread. No verdict
 * holds anything that the client sent.
 */
#ifndef CHAT_REQUEST_COMPLETIONS_INT_H
#define CHAT_REQUEST_COMPLETIONS_INT_H

#include <apr_hash.h>

#include "chat_request_int.h"

typedef struct chat_request_completions_t {
    chat_turn_t *turn; /* that is being filled */
    int usage;         /* stream_options.include_usage */
    const chat_request_clamps_t *clamps;
    apr_int64_t total; /* UTF-16 units of all texts */
    int longest;       /* characters of one, of whoever speaks */
    apr_hash_t *calls; /* the ids that a tool may answer */
    chat_err_t *err;
    apr_pool_t *p;
} chat_request_completions_t;

/* ---- verdicts: APR_EINVAL, err filled; format is for apr_psprintf() ---- */

apr_status_t
chat_request_completions_refuse(chat_request_completions_t *c, const char *code,
                                const char *param, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A value of the wrong kind, or none at all; expected is "an array of objects"
 * or the like. */
apr_status_t chat_request_completions_mistyped(chat_request_completions_t *c,
                                               const chat_json_t *v,
                                               const char *expected,
                                               const char *param);

/* We cannot do that; what is a sentence. */
apr_status_t chat_request_completions_unsupported(chat_request_completions_t *c,
                                                  const char *param,
                                                  const char *what);

apr_status_t chat_request_completions_empty(chat_request_completions_t *c,
                                            const char *param);

/* ---- values. APR_SUCCESS, or the verdict ---- */

/* Is it there? null is as good as nothing. */
int chat_request_completions_has(const chat_json_t *v);

/* param's member of that name. */
const char *chat_request_completions_at(chat_request_completions_t *c,
                                        const char *param, const char *name);
const char *chat_request_completions_index(chat_request_completions_t *c,
                                           const char *param, int index);

/* v must be of that kind. */
apr_status_t chat_request_completions_is(chat_request_completions_t *c,
                                         const chat_json_t *v,
                                         chat_json_kind_e kind,
                                         const char *expected,
                                         const char *param);

/* *ptext is NULL when v is not there. */
apr_status_t chat_request_completions_optional(chat_request_completions_t *c,
                                               const char **ptext,
                                               const chat_json_t *v,
                                               const char *param);

/* *pyes stays as it is when v is not there. */
apr_status_t chat_request_completions_boolean(chat_request_completions_t *c,
                                              int *pyes, const chat_json_t *v,
                                              const char *param);

/* An array of min..max values; what says of which: "objects". */
apr_status_t chat_request_completions_array(chat_request_completions_t *c,
                                            const chat_json_t *v, int min,
                                            int max, const char *what,
                                            const char *param);

/* The index of the word in the list (NULL at its end, supported says it to
 * people), or the verdict. */
apr_status_t chat_request_completions_word(chat_request_completions_t *c,
                                           int *pindex, const chat_json_t *v,
                                           const char *const *words,
                                           const char *supported,
                                           const char *param);

/* The name of a tool or a format. */
apr_status_t chat_request_completions_name(chat_request_completions_t *c,
                                           const char **pname,
                                           const chat_json_t *v,
                                           const char *param);

/* At most as long as a text of whoever speaks may be. */
apr_status_t chat_request_completions_short(chat_request_completions_t *c,
                                            const char *text,
                                            const char *param);

/* A short text that the model gets: counts it. */
apr_status_t chat_request_completions_text(chat_request_completions_t *c,
                                           const char **ptext,
                                           const chat_json_t *v,
                                           const char *param);

/* ---- members of the request, each called when it is there ---- */

apr_status_t chat_request_completions_messages(chat_request_completions_t *c,
                                               chat_json_t *v,
                                               const char *param);
apr_status_t chat_request_completions_tools(chat_request_completions_t *c,
                                            chat_json_t *v, const char *param);
apr_status_t chat_request_completions_choice(chat_request_completions_t *c,
                                             chat_json_t *v, const char *param);
apr_status_t chat_request_completions_format(chat_request_completions_t *c,
                                             chat_json_t *v, const char *param);

/* What can only be seen when all of them were read. */
apr_status_t chat_request_completions_possible(chat_request_completions_t *c);

#endif
