/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a call that ended means: whether another one may help, what the breaker
 * learns of it, what the client is told. One rule for all providers. Pure:
 * values in, values out; links alone into its unit test.
 */
#ifndef CHAT_RUN_FAILURE_H
#define CHAT_RUN_FAILURE_H

#include "chat_err.h"
#include "chat_provider.h"
#include "chat_types.h"

/* All that is known of a call when it has ended. */
typedef struct chat_result_t {
    const chat_end_t *end;     /* as the stream saw it */
    const chat_seen_t *seen;   /* what the provider said in its answer */
    int status;                /* of the upstream, 0: none came */
    int answering;             /* that was the answer that had been asked for */
    int sent;                  /* the client has bytes, or may have */
    int whole;                 /* the client wants one JSON text */
    int unread;                /* that JSON is the upstream's and has not been
                                  looked at: seen says nothing yet */
    apr_interval_time_t total; /* the upstream's total time-out, 0: none */
    const chat_err_t *refusal; /* what a body that is no answer means, where the
                                  upstream's status came */
} chat_result_t;

/* What may help. */
typedef enum {
    CHAT_REMEDY_NONE,    /* an answer, or one that others would give as well */
    CHAT_REMEDY_SAME,    /* the same again, after a while */
    CHAT_REMEDY_KEY,     /* another key */
    CHAT_REMEDY_ANOTHER, /* only another upstream */
    CHAT_REMEDY_ACCEPTED /* as SAME, but this one may have been accepted */
} chat_remedy_e;

chat_remedy_e chat_run_failure_remedy(const chat_result_t *result);

chat_verdict_e chat_run_failure_verdict(const chat_result_t *result);

/* What became of the call, in a word for the metrics; NULL: it was never made.
 */
const char *chat_run_failure_word(const chat_result_t *result);

/* What it is in the log, of an answer that no tap has cut. *pdetail is set
 * where there is a better reason than that of the stream. */
chat_outcome_e chat_run_failure_outcome(const chat_result_t *result,
                                        const char **pdetail);

/* What the client is told where the upstream gave no answer. */
void chat_run_failure_no_answer(chat_err_t *err, const chat_result_t *result);
/* What the client is told where the upstream had begun an answer. */
void chat_run_failure_broken(chat_err_t *err, const chat_result_t *result);

/* The time that the value of a Retry-After asks for, from now on; -1 when it
 * says none. */
apr_interval_time_t chat_run_failure_retry_after(const char *value,
                                                 apr_time_t now);

/*
 * The pause before the call that follows number (from 1): base, doubled each
 * time up to most, and a quarter more or less by noise, a random byte, so that
 * those who failed together do not come back together.
 */
apr_interval_time_t chat_run_failure_backoff(apr_interval_time_t base,
                                             apr_interval_time_t most,
                                             int number, unsigned char noise);

#endif
