/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What waits to be sent to a collector of OpenTelemetry: spans and records of
 * logs, written by whoever has them, in a queue of each child that has an end.
 * Nobody waits for the collector: what finds no room is dropped, and counted.
 */
#ifndef CHAT_EXPORT_H
#define CHAT_EXPORT_H

#include <httpd.h>

#include "chat_otlp.h"

/* [any thread that may wait a few instructions] n spans or records, as
 * chat_otlp.h writes them. */
void chat_export_put(chat_otlp_signal_e signal, const char *bytes,
                     apr_size_t len, int n);

/* [the thread that sends] All that one request may have, or what there is; how
 * many spans these are, 0: none. In p. */
int chat_export_take(chat_otlp_signal_e signal, const char **pbytes,
                     apr_size_t *plen, apr_pool_t *p);

/* [the same] What became of n of them. */
typedef enum {
    CHAT_EXPORT_SENT,
    CHAT_EXPORT_DROPPED, /* nobody could take them, or wanted to */
    CHAT_EXPORT_RETRIED, /* a request is made again; counts requests */
    CHAT_EXPORT_COUNTERS
} chat_export_fate_e;

void chat_export_count(chat_export_fate_e fate, int n);

/* [before there are threads] From now on what is put is kept: wake() is called
 * when a request is full. */
void chat_export_open(void (*wake)(void));
/* [the thread that sends] What still waits is dropped, and what comes. */
void chat_export_close(void);

/* Since the server was started, summed over its children. */
typedef struct chat_export_stats_t {
    apr_uint64_t sent, dropped, retried;
} chat_export_stats_t;

/* 0: nothing is exported. */
int chat_export_stats(chat_export_stats_t *stats);

/* Start-up, called by mod_chat.c. */
apr_status_t chat_export_post_config(apr_pool_t *pconf, server_rec *s);

#endif
