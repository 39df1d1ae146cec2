/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of a request, in three ways: each once, by
 * chat_telemetry_write(). Whatever thread owns the request. */
#ifndef CHAT_TELEMETRY_INT_H
#define CHAT_TELEMETRY_INT_H

#include "chat_telemetry.h"

/* By chat_outcome_e, as CHAT_OUTCOME has them. */
extern const char *const chat_telemetry_outcomes[];

/* chat_telemetry_count.c: among the numbers of ChatRoute metrics. */
void chat_telemetry_count(request_rec *r, const chat_record_t *f);

/* chat_telemetry_count.c: the route that r asks, "none" where none is known. */
const char *chat_telemetry_route(const request_rec *r);

/* chat_telemetry_log.c: the line of ChatLog, if there is one. Never waits. */
void chat_telemetry_log(request_rec *r, const chat_record_t *f);

/* 1 when an operator must look at it. */
int chat_telemetry_is_failure(const chat_record_t *f);

#endif
