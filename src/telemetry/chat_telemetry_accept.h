/* SPDX-License-Identifier: Apache-2.0 */
/* In which of two formats a scraper wants metrics. Pure, any thread. */
#ifndef CHAT_TELEMETRY_ACCEPT_H
#define CHAT_TELEMETRY_ACCEPT_H

/* 1 when the value of Accept weighs OpenMetrics (1.0.0 or 0.0.1) higher than
 * Prometheus' own text (0.0.4), or names it first with the same weight; what is
 * named by a wildcard alone is not asked for. accept NULL: there is none. */
int chat_telemetry_accept_openmetrics(const char *accept);

#endif
