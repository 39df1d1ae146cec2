/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chat Completions, and what OpenAI's Responses API has of it. Pure, any
 * thread.
 */
#ifndef CHAT_PROVIDER_COMPLETIONS_INT_H
#define CHAT_PROVIDER_COMPLETIONS_INT_H

#include "chat_provider_content.h"
#include "chat_provider_kit.h"

/* ---- chat_provider_completions.c ---- */

/* OpenAI's reasoning models answer 400 to any temperature. */
int chat_provider_completions_reasons(const char *model);

/* Those of OpenAI's that are known not to reason answer 400 to any effort. */
int chat_provider_completions_plain(const char *model);

/* path of an OpenAI-like API, with Azure's api-version where configured. */
const char *chat_provider_completions_path(const char *path,
                                           const chat_upstream_t *up,
                                           apr_pool_t *p);

/* name, schema and, only when the client said, strict. */
void chat_provider_completions_schema(chat_json_t *into,
                                      const chat_turn_t *turn);

/* temperature and top_p, for models that take them. */
void chat_provider_completions_sampling(chat_json_t *body,
                                        const chat_turn_t *turn);

/* Ask for token counts; what else stream_options says stays. */
void chat_provider_completions_usage(chat_json_t *body, apr_pool_t *p);

/* ---- chat_provider_completions_messages.c ---- */

/* The message's role; developer: that one is known there. */
const char *chat_provider_completions_role(const chat_message_t *m,
                                           int developer);

/* All messages, the system's first unless it is NULL. */
chat_json_t *
chat_provider_completions_messages(const chat_turn_t *turn, const char *system,
                                   const chat_provider_completions_t *kind,
                                   apr_pool_t *p);

/* tools, and what goes with them. */
void chat_provider_completions_tools(chat_json_t *body, const chat_turn_t *turn,
                                     const chat_provider_completions_t *kind,
                                     apr_pool_t *p);

/* ---- chat_provider_completions_native.c ---- */

/* Set in a body of the client's: the model, stream and, where the API keeps
 * answers unless told otherwise (store), that. */
void chat_provider_completions_say(chat_json_t *body, const chat_turn_t *turn,
                                   const chat_upstream_t *up, int store);

/* The body of turn->native. */
chat_json_t *chat_provider_completions_native(
    const chat_turn_t *turn, const chat_upstream_t *up,
    const chat_provider_completions_t *kind, apr_pool_t *p);

/* Is it a member that reasoning models refuse, beside temperature and top_p? */
int chat_provider_completions_left_out(const char *name);

#endif
