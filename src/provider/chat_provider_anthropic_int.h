/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anthropic's Messages API. Pure.
 */
#ifndef CHAT_PROVIDER_ANTHROPIC_INT_H
#define CHAT_PROVIDER_ANTHROPIC_INT_H

#include "chat_provider_content.h"
#include "chat_provider_kit.h"

/* ---- chat_provider_anthropic_messages.c ---- */

/* The turn's messages but for the system's. APR_EINVAL: err says what of them
 * cannot be said there. */
apr_status_t chat_provider_anthropic_messages(chat_json_t *list,
                                              const chat_turn_t *turn,
                                              chat_err_t *err, apr_pool_t *p);

/* The system's texts as blocks, the last one system, where a part of them says
 * more than text; NULL where none does. */
chat_json_t *chat_provider_anthropic_system(const chat_turn_t *turn,
                                            const char *system, apr_pool_t *p);

/* Tools, and whether to use them. */
void chat_provider_anthropic_messages_tools(chat_json_t *body,
                                            const chat_turn_t *turn,
                                            apr_pool_t *p);

/* ---- chat_provider_anthropic_schema.c ---- */

/* A schema in the subset that binds there. */
chat_json_t *chat_provider_anthropic_schema(chat_json_t *schema, apr_pool_t *p);

/* ---- chat_provider_anthropic_events.c: of the contract ---- */

void chat_provider_anthropic_observe_event(chat_seen_t *seen,
                                           const chat_sse_event_t *event,
                                           const chat_upstream_t *up,
                                           apr_pool_t *p);
void chat_provider_anthropic_parse_event(chat_parse_t *parse,
                                         const chat_sse_event_t *event,
                                         const chat_upstream_t *up,
                                         apr_pool_t *p);
void chat_provider_anthropic_observe_body(chat_seen_t *seen, const char *body,
                                          apr_size_t len,
                                          const chat_upstream_t *up,
                                          apr_pool_t *p);

#endif
