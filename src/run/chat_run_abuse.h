/* SPDX-License-Identifier: Apache-2.0 */
/* What policies of ChatAbuse look at. Request thread. */
#ifndef CHAT_RUN_ABUSE_H
#define CHAT_RUN_ABUSE_H

#include "chat_run_int.h"

/* chat_limit_ask_t.prompt, in r->pool. */
const char *chat_run_abuse_prompt(const chat_run_t *run);

/* chat_limit_spent_t.blocked, once it is known how the run ends. */
int chat_run_abuse_blocked(const chat_run_t *run);

#endif
