/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run: one chat, from the request to the end of its answer, for every route
 * that talks to an upstream. What other routes share with it is how an error is
 * told.
 */
#ifndef CHAT_RUN_H
#define CHAT_RUN_H

#include "chat_ctx.h"
#include "chat_err.h"

/* The handler of those routes. [request thread] */
int chat_run_handler(chat_ctx_t *ctx);

/* What a model of that name (the provider's) lacks there, beside what its
 * ChatModel says: chat_lacks_e. */
unsigned chat_run_lacks(const chat_provider_conf_t *conf, const char *model);

/* Answer with an error, in the form of the route. Only while nothing was sent;
 * whoever owns the request. */
void chat_run_error(const chat_ctx_t *ctx, const chat_err_t *err);

#endif
