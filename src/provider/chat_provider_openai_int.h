/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the openai provider: _openai.c builds the call, _observe.c
 * watches the stream, _refused.c explains an answer that is no stream, _word.c
 * decides what may be repeated. Private to this room, pure, any thread.
 */
#ifndef CHAT_PROVIDER_OPENAI_INT_H
#define CHAT_PROVIDER_OPENAI_INT_H

#include "chat_json.h"
#include "chat_provider.h"

extern const chat_provider_t chat_provider_openai;

void chat_provider_openai_observe(chat_seen_t *seen,
                                  const chat_sse_event_t *event,
                                  const chat_upstream_t *up, apr_pool_t *p);

void chat_provider_openai_refused(chat_err_t *err, int status, const char *body,
                                  apr_size_t len, apr_pool_t *p);

/* Longest machine word taken from an upstream, without the NUL. */
#define CHAT_PROVIDER_OPENAI_WORD 63

/*
 * A word for programs ("rate_limit_exceeded", also the number 429) out of an
 * upstream's answer; NULL when v is none or must not be shown: a character
 * outside [A-Za-z0-9_.-] and extra, too long, or the look of a key or an
 * account. secret, if any, is never part of it.
 */
const char *chat_provider_openai_word(const chat_json_t *v, const char *extra,
                                      const char *secret, apr_pool_t *p);

#endif
