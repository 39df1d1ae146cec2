/* SPDX-License-Identifier: Apache-2.0 */
/* What follows when the call beside a run's stream is over. */
#ifndef CHAT_RUN_BESIDE_H
#define CHAT_RUN_BESIDE_H

#include "chat_stream.h"

/* [driver] chat_stream_cb_t.answered. */
apr_status_t chat_run_beside_answered(void *ctx, const chat_aside_end_t *end);

#endif
