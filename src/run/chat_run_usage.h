/* SPDX-License-Identifier: Apache-2.0 */
/* What a run has used, as the database has it. Whoever owns the request. */
#ifndef CHAT_RUN_USAGE_H
#define CHAT_RUN_USAGE_H

#include "chat_run_int.h"
#include "chat_store_usage.h"

/* A row for each bill, how many; in r->pool. */
int chat_run_usage_rows(chat_store_usage_t **prows, const chat_run_t *run);

#endif
