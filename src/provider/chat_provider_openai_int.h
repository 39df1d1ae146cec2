/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenAI's Responses API; the streams of both its APIs, as up->completions
 * says. Pure.
 */
#ifndef CHAT_PROVIDER_OPENAI_INT_H
#define CHAT_PROVIDER_OPENAI_INT_H

#include "chat_provider_completions_int.h"

/* ---- chat_provider_openai_body.c ---- */

/* The body of a Responses request. APR_EINVAL: err says what of the turn has no
 * form there. */
apr_status_t chat_provider_openai_body(chat_json_t **pbody,
                                       const chat_turn_t *turn,
                                       const chat_upstream_t *up,
                                       chat_err_t *err, apr_pool_t *p);

/* So many output tokens as the Responses API takes; 0 stays. */
int chat_provider_openai_body_least(int most);

/* ---- chat_provider_openai_events.c: of the contract ---- */

void chat_provider_openai_observe_event(chat_seen_t *seen,
                                        const chat_sse_event_t *event,
                                        const chat_upstream_t *up,
                                        apr_pool_t *p);
void chat_provider_openai_parse_event(chat_parse_t *parse,
                                      const chat_sse_event_t *event,
                                      const chat_upstream_t *up, apr_pool_t *p);
void chat_provider_openai_observe_body(chat_seen_t *seen, const char *body,
                                       apr_size_t len,
                                       const chat_upstream_t *up,
                                       apr_pool_t *p);

#endif
