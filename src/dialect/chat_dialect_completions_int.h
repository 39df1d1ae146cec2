/* SPDX-License-Identifier: Apache-2.0 */
/* How the completions dialect says that something went wrong. */
#ifndef CHAT_DIALECT_COMPLETIONS_INT_H
#define CHAT_DIALECT_COMPLETIONS_INT_H

#include "chat_dialect_int.h"

/* {"error":{"message","type","param","code"}}; issues are not looked at. */
const char *chat_dialect_completions_error(const chat_err_t *err,
                                           apr_pool_t *p);

/* The same as the body of an answer, with the first issue, if there is one,
 * for message and param. id is not in it: it is in a header, as OpenAI's. */
const char *chat_dialect_completions_refusal(const chat_err_t *err,
                                             const char *id, apr_pool_t *p);

#endif
