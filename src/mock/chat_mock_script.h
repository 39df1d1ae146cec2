/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the mock route says: OpenAI's answers without a model, word by word,
 * as a source for stream/ (chat_script_t). Private to mock/. Knows JSON and
 * pools only; one script belongs to one request and to one thread at a time.
 */
#ifndef CHAT_MOCK_SCRIPT_H
#define CHAT_MOCK_SCRIPT_H

#include <apr_pools.h>
#include <apr_time.h>

#include "chat_err.h"
#include "chat_json.h"

typedef struct chat_mock_script_t chat_mock_script_t;

/*
 * Prepare the answer to body: a request of the Responses API or, with
 * completions, of Chat Completions. It will be words words long (at least
 * one), pace apart, and repeat what the user said, unless he asks for something
 * to be shown (chat_mock_try.h). id makes the ids of the
 * answer: letters, digits and "._-" only. Nothing of body is kept, all lives in
 * p.
 *
 * APR_EINVAL: OpenAI would have answered 400; err says why. APR_EGENERAL: the
 * user asked for a refusal; err has it.
 */
apr_status_t chat_mock_script_create(chat_mock_script_t **pscript,
                                     const chat_json_t *body, int completions,
                                     int words, apr_interval_time_t pace,
                                     const char *id, apr_time_t now,
                                     chat_err_t *err, apr_pool_t *p);

/* 1 when the client asked for a stream, else it wants the whole. */
int chat_mock_script_streams(const chat_mock_script_t *script);

/* The next event of the stream, as chat_script_t.next has it; ctx is the
 * script. Everything but words follows at once. */
apr_status_t chat_mock_script_next(void *ctx, const char **pdata,
                                   apr_size_t *plen,
                                   apr_interval_time_t *pdelay);

/* The answer as one JSON text, instead of the stream. NUL-terminated, lives
 * as long as the script. */
const char *chat_mock_script_whole(chat_mock_script_t *script);

/* err as OpenAI writes it: {"error":{message,type,param,code}}. */
const char *chat_mock_script_refusal(const chat_err_t *err, apr_pool_t *p);

#endif
