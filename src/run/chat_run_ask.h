/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One question to a model, for the server itself: no client, no limits, one
 * call. A thread that may wait.
 */
#ifndef CHAT_RUN_ASK_H
#define CHAT_RUN_ASK_H

#include <httpd.h>

#include "chat_config.h"
#include "chat_err.h"
#include "chat_types.h"

typedef struct chat_run_ask_t {
    server_rec *s;
    const chat_model_conf_t *model;
    const char *text;
    int stop_fd; /* as of chat_fetch_t */

    const char *answer; /* result */
    chat_usage_t usage; /* result */
} chat_run_ask_t;

/* 20 seconds at most. Fails with 502, 503 or 504. */
apr_status_t chat_run_ask(chat_run_ask_t *ask, chat_err_t *err, apr_pool_t *p);

#endif
