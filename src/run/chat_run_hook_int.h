/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the tap of services share: what it keeps of a run. Whoever
 * owns the run.
 */
#ifndef CHAT_RUN_HOOK_INT_H
#define CHAT_RUN_HOOK_INT_H

#include "chat_run_hook.h"
#include "chat_run_hook_pieces.h"
#include "chat_run_hook_state.h"

/* What stands before a piece is told with it. */
#define CHAT_RUN_HOOK_BEFORE 256

/* What services are asked about at a time, one after another: the question, or
 * pieces of the answer. */
typedef struct chat_run_hook_job_t {
    apr_pool_t *p; /* NULL: there is none */
    chat_run_hook_query_t query;
    int next;                     /* index of the service that is asked now */
    const chat_hook_conf_t *hook; /* that one */
    int keyed;
    chat_run_hook_key_t key;
    chat_call_t call;
    int ready;                /* the call is to be made */
    int stale;                /* its answer is of no use any more */
    apr_int64_t asked_at;     /* monotonic us; 0: it is not being asked */
    apr_time_t start;         /* the same, for its span */
    const char *const *texts; /* in the place of those that were asked about */
    chat_run_hook_pieces_t *pieces; /* of an answer, NULL: the question */
    apr_off_t reached; /* of bytes that pass: may be seen once it is over */
} chat_run_hook_job_t;

typedef struct chat_run_hook_tap_t {
    chat_run_t *run;
    const apr_array_header_t *hooks;
    const char **resolve; /* of each service's host */
    int *away;            /* 1: it has no address */
    chat_run_hook_about_t about;
    int asks;             /* 1: a service looks at questions */
    const char *question; /* NULL: nothing is asked */
    const char *replaced; /* what stands in its place; NULL: nothing */
    int pending;          /* the question is being asked about */
    int looks, shows;     /* at answers; and shows them meanwhile */
    apr_int64_t window;
    chat_run_hook_job_t job;
    chat_run_hook_pieces_t *gathered;
    char before[CHAT_RUN_HOOK_BEFORE + 1]; /* what was looked at last ends so */
    int windows;
    int ended;  /* the call is: what there is is all */
    int mute;   /* so is the stream: nobody can be asked */
    int spoilt; /* something was replaced, which details would repeat */
    /* Of bytes that pass: so far all that is said has been gathered; had been
     * when the last window began; and may be seen. */
    apr_off_t reached, before_last, judged;
} chat_run_hook_tap_t;

/* ---- chat_run_hook_job.c ---- */

/* 1: the run is stopped by a verdict. */
int chat_run_hook_stopped(const chat_run_hook_tap_t *s);

void chat_run_hook_job_start(chat_run_hook_tap_t *s,
                             chat_run_hook_phase_e phase);
/* On to the next service that looks at such. 1: it is to be asked by a call; 0:
 * all have been asked, and the job is over. */
int chat_run_hook_job_next(chat_run_hook_tap_t *s);
/* What a service has said counts; then comes the next. */
void chat_run_hook_job_hear(chat_run_hook_tap_t *s,
                            const chat_aside_end_t *end);
/* Nobody waits for the call any more. */
void chat_run_hook_job_leave(chat_run_hook_tap_t *s);
/* The service has not answered, and will not; then comes the next. */
void chat_run_hook_job_fail(chat_run_hook_tap_t *s);

#endif
