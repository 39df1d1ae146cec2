/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OpenTelemetry protocol: spans of traces and records of logs as one HTTP
 * request carries them, in JSON or as protobuf. Pure: values in, bytes out.
 * Texts may hold anything: what is no UTF-8 is replaced.
 */
#ifndef CHAT_OTLP_H
#define CHAT_OTLP_H

#include <apr_tables.h>
#include <apr_time.h>

#include "chat_buf.h"
#include "chat_trace_context.h"

typedef enum { CHAT_OTLP_JSON, CHAT_OTLP_PROTOBUF } chat_otlp_e;

/* What a request is made of. */
typedef enum {
    CHAT_OTLP_TRACES,
    CHAT_OTLP_LOGS,
    CHAT_OTLP_SIGNALS
} chat_otlp_signal_e;

typedef enum {
    CHAT_OTLP_TEXT,
    CHAT_OTLP_TEXTS, /* an array with this one text */
    CHAT_OTLP_INTEGER,
    CHAT_OTLP_MILLIONTHS, /* a decimal fraction, in units of 1e-6 */
    CHAT_OTLP_FLAG
} chat_otlp_kind_e;

typedef struct chat_otlp_attribute_t {
    const char *name;
    chat_otlp_kind_e kind;
    const char *text;
    apr_int64_t number;
} chat_otlp_attribute_t;

/* Of a span, by their numbers in the protocol. */
#define CHAT_OTLP_INTERNAL 1
#define CHAT_OTLP_SERVER 2
#define CHAT_OTLP_CLIENT 3

#define CHAT_OTLP_UNSET 0
#define CHAT_OTLP_ERROR 2

typedef struct chat_otlp_span_t {
    chat_trace_context_t self;
    const unsigned char *parent; /* CHAT_SPAN_ID_LEN bytes, NULL: the root */
    int is_remote;               /* 1: the parent is of another process */
    const chat_trace_context_t *link; /* a trace that it is no part of, or
                                         NULL */
    const char *name;
    int kind;
    apr_time_t start, end;
    const chat_otlp_attribute_t *attributes;
    int nattributes;
    const char *event; /* that there was one, or NULL */
    apr_time_t event_at;
    int status;
} chat_otlp_span_t;

#define CHAT_OTLP_WARN 13
#define CHAT_OTLP_ERR 17

typedef struct chat_otlp_log_t {
    apr_time_t at;
    int severity;      /* CHAT_OTLP_WARN or CHAT_OTLP_ERR */
    const char *body;  /* a sentence */
    const char *event; /* its stable name */
    const chat_otlp_attribute_t *attributes;
    int nattributes;
    const chat_trace_context_t *context; /* that it belongs to, or NULL */
} chat_otlp_log_t;

/* Write one behind others of its kind. Each is whole in itself: they may be put
 * together in any order. */
void chat_otlp_span(chat_buf_t *out, const chat_otlp_span_t *span,
                    chat_otlp_e protocol);
void chat_otlp_log(chat_buf_t *out, const chat_otlp_log_t *log,
                   chat_otlp_e protocol);

/* A request of such spans, or records. resource: const char *, each name with
 * its value behind it; version: of this software. */
void chat_otlp_request(chat_buf_t *out, chat_otlp_signal_e signal,
                       const apr_array_header_t *resource, const char *version,
                       const char *items, apr_size_t len, chat_otlp_e protocol);

#endif
