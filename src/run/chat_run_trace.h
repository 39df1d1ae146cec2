/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trace of a run: which one it is, what is told of it to the upstream, and
 * when its parts began and ended. A run that is not traced has none; one that
 * is not recorded has only what goes on to the upstream. Whoever owns the run;
 * chat_run_trace_call() and chat_run_trace_called() on the driver, too.
 */
#ifndef CHAT_RUN_TRACE_H
#define CHAT_RUN_TRACE_H

#include "chat_otlp.h"
#include "chat_run_int.h"

/* Parts of a run that are spans of their own, beside the calls. */
typedef enum {
    CHAT_STAGE_IDENTITY, /* who asks */
    CHAT_STAGE_LIMIT,    /* may they */
    CHAT_STAGE_STORE,    /* what was said before is read, the question saved */
    CHAT_STAGE_SAVE,     /* the answer is */
    CHAT_STAGES
} chat_run_stage_e;

/* One call of an upstream. */
typedef struct chat_run_called_t {
    unsigned char span[CHAT_SPAN_ID_LEN];
    const chat_candidate_t *candidate;
    apr_time_t start, end;     /* end 0: it was not made, or is not over */
    apr_interval_time_t first; /* -1: there was no answer */
    int status;                /* of the upstream, 0: none */
    const char *upstream_id;   /* or NULL */
    const char *code;          /* why it failed; NULL: it did not */
    chat_usage_t usage;
    const char *finish; /* or NULL */
} chat_run_called_t;

/* One call of a service of moderation. */
typedef struct chat_run_looked_t {
    const chat_hook_conf_t *hook;
    int output; /* 0: at what is asked, 1: at the answer */
    apr_time_t start, end;
    chat_moderation_e action;
    const char *category; /* or NULL */
} chat_run_looked_t;

/* Lives in r->pool. */
typedef struct chat_run_trace_t {
    chat_trace_context_t self;              /* of the request's span */
    int is_part;                            /* 1: parent counts */
    unsigned char parent[CHAT_SPAN_ID_LEN]; /* of the client */
    const chat_trace_context_t *link;       /* a trace that was not
                                               accepted, or NULL */
    const char *state, *baggage;            /* that go on, or NULL */
    struct {
        apr_time_t start, end;
    } stages[CHAT_STAGES];
    apr_array_header_t *calls; /* chat_run_called_t; NULL: not recorded */
    apr_array_header_t *looks; /* chat_run_looked_t; NULL: none */
    apr_time_t over;           /* when the last one was; 0: it is not */
    const char *asked;         /* with ChatTraceContent: JSON, or NULL */
    chat_buf_t *answered;      /* the same: text, or NULL */
} chat_run_trace_t;

/* [request thread] A run begins. */
void chat_run_trace_begin(chat_run_t *run);

/* A part begins, or has ended; nothing where it is not recorded. */
void chat_run_trace_enter(chat_run_t *run, chat_run_stage_e stage);
void chat_run_trace_leave(chat_run_t *run, chat_run_stage_e stage);

/* The call that was built is about to be made: the upstream may learn of the
 * trace. */
void chat_run_trace_call(chat_run_t *run);
/* It has waited for something else, and begins now. */
void chat_run_trace_begins(chat_run_t *run);
/* The limits have been waited for: it begins now. */
void chat_run_trace_admitted(chat_run_t *run);
/* It is over: why it failed, or NULL. */
void chat_run_trace_called(chat_run_t *run, const chat_attempt_t *attempt,
                           const chat_end_t *end, const char *code);

/* [driver] A service of moderation was asked. */
void chat_run_trace_looked(chat_run_t *run, const chat_run_looked_t *looked);

/* No call will follow, and the answer is yet to be saved. */
void chat_run_trace_over(chat_run_t *run);

/* [as end() of a tap] Its spans, and what an operator has to know of it, are
 * handed to chat_export.h. */
void chat_run_trace_export(chat_run_t *run);

#endif
