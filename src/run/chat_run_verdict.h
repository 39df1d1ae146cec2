/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What moderation decides of a run, whoever decides it: a list, or a service
 * that is asked. Here a verdict is counted, told to the log and to
 * ChatModerationAudit, and made the client's answer. Whoever owns the run; on
 * the driver none of these blocks.
 *
 * A tap of moderation refuses what is asked by what its begin() returns
 * (chat_run_verdict_refuse()), and ends an answer by what its progress()
 * returns (chat_run_verdict_cut(), once chat_run_verdict_stop() was called).
 */
#ifndef CHAT_RUN_VERDICT_H
#define CHAT_RUN_VERDICT_H

#include "chat_run_int.h"

/* What it points to lives as long as the run. */
typedef struct chat_run_verdict_t {
    chat_moderation_e action;    /* PASS and more */
    int output;                  /* 0: of what is asked, 1: of the answer */
    const char *by;              /* name of the list or the service */
    int slot;                    /* chat_config_moderation_slot() of it */
    const char *rule;            /* which line of the list; or NULL */
    const char *category;        /* or NULL */
    const char *reason;          /* a sentence for people, or NULL */
    double score;                /* 0..1; -1: there is none */
    apr_interval_time_t latency; /* of the service; -1: none was asked */
} chat_run_verdict_t;

#define CHAT_RUN_VERDICT_NONE                                                  \
    {                                                                          \
        .score = -1, .latency = -1                                             \
    }

/* Count it; the worst of the run is logged. text is what was found and what is
 * around it, for ChatModerationAudit alone; NULL: not known. */
void chat_run_verdict_note(chat_run_t *run, const chat_run_verdict_t *verdict,
                           const char *text, apr_size_t len);

/* What is asked is refused: 400 content_blocked, or of CHAT_MODERATION_ERROR
 * 503 moderation_unavailable. Returns no success. */
apr_status_t chat_run_verdict_refuse(chat_err_t *err, const chat_run_t *run,
                                     const chat_run_verdict_t *verdict);

/* The answer ends here, for the same reasons. */
void chat_run_verdict_stop(chat_run_t *run, const chat_run_verdict_t *verdict);
/* What progress() of a tap of moderation returns: NULL, nobody has stopped it.
 */
const chat_cut_t *chat_run_verdict_cut(const chat_run_t *run);

/* 1: of this answer nothing is kept (ChatModerationStoreBlocked). */
int chat_run_verdict_empties(const chat_run_t *run);

/* [post_config] Memory of the counters, and the files of ChatModerationAudit.
 * Logs what it cannot. */
apr_status_t chat_run_verdict_post_config(apr_pool_t *pconf, server_rec *s);
/* [a thread that may wait] What waits for ChatModerationAudit is written. */
void chat_run_verdict_end(chat_run_t *run);

#endif
