/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A run and its files, in the order in which a request passes them:
 *
 *   chat_run.c             the stages: who asks, what, of which model, whether
 *                          they may, the first call
 *   chat_run_candidates.c  which models and upstreams could answer, in order
 *   chat_run_attempts.c    one call after another until one answers
 *   chat_run_answer.c      what happens while an upstream answers
 *   chat_run_wait.c        bytes that have to wait
 *   chat_run_coalesce.c    small pieces that become one event
 *   chat_run_end.c         how it ended, and what the client is told
 *
 * and what these ask:
 *
 *   chat_run_state.c       the phases; how long the prompt is kept
 *   chat_run_failure.c     what a call that ended means (pure)
 *   chat_run_said.c        what of a provider's sentence may be logged (pure)
 *   chat_run_cost.c        tokens, where nobody has counted them
 *   chat_run_bill.c        what providers bill for it
 *   chat_run_refuse.c      errors in the form of the route
 *   chat_run_others.c      who else could be asked
 *   chat_run_tap.c         what else wants to know of an answer
 *   chat_run_trace.c       in which trace it stands
 *   chat_run_abuse.c       whether it is the same question, or hides something
 *   chat_run_texts.c       every text of it
 *   chat_run_own.c         keys of the user's own
 *   chat_run_kept.c        in which conversation an answer is kept
 *   chat_run_path.c        what was said there before
 *   chat_run_files*.c      files of users in it
 *   chat_run_vercel.c      the same, where the tables are an app's
 *
 * Up to chat_stream_start() the request thread; admitted, head, data, silence
 * and again run on the stream's driver; complete on whoever owns the request
 * then.
 */
#ifndef CHAT_RUN_INT_H
#define CHAT_RUN_INT_H

#include <apr_hash.h>

#include "chat_buf.h"
#include "chat_ctx.h"
#include "chat_dialect.h"
#include "chat_limit.h"
#include "chat_provider.h"
#include "chat_redact.h"
#include "chat_request.h"
#include "chat_run.h"
#include "chat_run_failure.h"
#include "chat_run_tap.h"
#include "chat_store_chats.h"
#include "chat_stream.h"
#include "chat_telemetry.h"
#include "chat_upstream.h"

/* How far a run is; only chat_run_move() changes it. */
typedef enum {
    CHAT_RUN_ASKED,     /* the request is read; no limit has said yes */
    CHAT_RUN_ADMITTED,  /* they have; no call has been made */
    CHAT_RUN_CALLING,   /* calls are made; none has been answered */
    CHAT_RUN_ANSWERING, /* one is; another one may still take its place */
    CHAT_RUN_STREAMING, /* the client has bytes of its answer: none may */
    CHAT_RUN_ENDING,    /* no call will follow */
    CHAT_RUN_DONE
} chat_run_phase_e;

/* One upstream that could answer, under the name it has for the model. */
typedef struct chat_candidate_t {
    const chat_model_conf_t *model; /* NULL: no ChatModel names it */
    const char *name;               /* as clients say it */
    const char *upstream;           /* as the upstream says it */
    const chat_provider_conf_t *conf;
    const chat_provider_t *provider;
    const char *resolve;        /* of its host, once looked up */
    struct chat_run_own_t *own; /* the key of the user that it is asked with;
                                   NULL: the house's */
} chat_candidate_t;

/* The call that is being made, and what came of it so far. */
typedef struct chat_attempt_t {
    const chat_candidate_t *candidate;
    const chat_candidate_t *fitted; /* whose model fit was made for, or NULL */
    chat_turn_t *fit;               /* the turn as that model takes it, in
                                       request_pool */
    chat_upstream_t upstream;
    int key;                 /* index of upstream.key, -1: none of the house's
                                is sent */
    int own_key;             /* 1: it is the user's, who pays for the call */
    int number;              /* of this candidate's, from 1 */
    chat_permit_e permit;    /* of the breaker; CHAT_PERMIT_NO: it knows what
                                became of the call */
    int status;              /* of the upstream, 0: it has not answered */
    const char *retry_after; /* of the upstream, or NULL */
    apr_table_t *headers;    /* of the upstream that pass; NULL: none */
    char *refusal;           /* the beginning of a body that is no answer, or
                                of which nobody knows yet */
    apr_size_t refusal_len;
    int is_refused; /* the first event of its stream was a failure */
    int counted;    /* 1: among the calls of the metrics */
} chat_attempt_t;

/* The HTTP call of the attempt, and the memory of it. */
typedef struct chat_run_call_t {
    chat_call_t http; /* in its pool; without one in request_pool, or gone */
    int taken;        /* the upstream has taken all of it */
} chat_run_call_t;

/* A text of which the encoder does not know yet (chat_run_coalesce.c). */
typedef struct chat_run_pending_t {
    chat_buf_t text; /* empty: there is none */
    chat_delta_e kind;
    int index;
    apr_int64_t told; /* chat_clock_now() when there was one last, 0: never */
} chat_run_pending_t;

/* What the upstream says, and what becomes of it. Of the last attempt, but for
 * sent. */
typedef struct chat_run_answer_t {
    chat_sse_t *sse;
    chat_parse_t *parse; /* of a dialect; seen is its, then */
    chat_seen_t *seen;
    int events;               /* of the upstream's stream */
    chat_encoder_t *encoder;  /* of a dialect */
    apr_pool_t *encoder_pool; /* of an encoder that gathers, or NULL */
    chat_buf_t out;     /* what the encoder wrote; or, where the upstream's
                           bytes are gathered, these */
    chat_buf_t waiting; /* bytes that pass, until a tap has looked at them */
    chat_run_pending_t pending; /* of a client that wants fewer events */
    apr_off_t gone;             /* bytes that no longer wait */
    apr_size_t torn;      /* of those that wait, of an event that is not over */
    chat_sse_t *shown;    /* of a kept run: reads them once they need not wait
                             any more; NULL: none has to */
    apr_hash_t *halves;   /* of characters that passed so far: place -> int;
                             NULL: none has */
    int flushed;          /* chat_run_flush_taps() was called */
    chat_redact_t redact; /* the provider's keys out of what is sent */
    const chat_cut_t *cut; /* why a tap has ended it, or NULL */
    int sent;              /* the client has got bytes, or at least may */
    apr_int64_t logged;    /* id of the last event that the taps know */
} chat_run_answer_t;

/* Where the answer is kept. Lives in r->pool. */
typedef struct chat_run_kept_t {
    const char *owner;
    const char *conversation, *question, *answer, *stream; /* ids; question is
                                    known once the turn has begun */
    int create;                /* 1: the conversation may be a new one */
    const char *regenerate;    /* of chat_run_question_t, or NULL */
    int begun;                 /* 1: the question is there */
    chat_answer_frame_t frame; /* in r->pool */
    int numbered;              /* 1: its stream can be resumed */
} chat_run_kept_t;

/* One call that a provider bills. */
typedef struct chat_bill_t {
    const char *model, *provider; /* as this server names them */
    int own_key;                  /* 1: its user pays the provider */
    chat_usage_t usage;           /* no count is unknown */
    apr_int64_t cost; /* 1e-10 USD, 0 where nobody has said the price */
} chat_bill_t;

typedef struct chat_run_t {
    chat_ctx_t *ctx;
    request_rec *r;                /* ctx->r */
    const chat_dir_conf_t *conf;   /* ctx->dir */
    const chat_dialect_t *form;    /* of the route; NULL: it has none */
    const chat_dialect_t *dialect; /* the same; NULL: the upstream's own bytes
                                      pass, as it has that form itself */
    chat_run_phase_e phase;
    chat_run_phase_e reached; /* the last one before ENDING */
    chat_record_t record;

    const chat_run_question_t *question; /* NULL: the path says nothing */
    chat_run_kept_t *kept;               /* NULL: nobody keeps it */
    struct chat_run_vercel_t *vercel;    /* of chat_run_vercel.h, where it is
                                            kept in an app's tables; or NULL */
    const char *code;            /* of the error that it ended with, or NULL */
    apr_interval_time_t reading; /* how long its body took to come */
    int usage_kept;              /* 1: what it used was saved with its answer */
    int refused; /* 1: no stream was started, or none was admitted */

    chat_request_t request;
    apr_pool_t *request_pool; /* what request points into; NULL once nobody
                                 needs it */
    int whole;                /* 1: the client wants one JSON text */

    int own_only; /* every candidate is asked with a key of the user's own */

    chat_candidate_t *candidates; /* ncandidates of them, best first */
    int ncandidates;

    struct chat_run_files_t *files; /* of chat_run_files.c: what the turn has of
                                       them, in request_pool; NULL: none */

    chat_limit_ticket_t *ticket;
    apr_int64_t input_tokens;    /* estimate */
    apr_array_header_t *bills;   /* chat_bill_t, NULL: none yet */
    int unbilled;                /* 1: what a call cost nobody knows */
    const char *limits;          /* how they stand by now, as chat_limit_told()
                                    has it; or NULL */
    const chat_notice_t *notice; /* of a limit that is near, once it is settled;
                                    or NULL */
    const chat_named_t *named;   /* the conversation at the end, for a client
                                    that wants to know; or NULL */

    chat_attempt_t attempt;
    chat_run_call_t call;
    chat_run_answer_t answer;
    chat_end_t end; /* of the last call, once the run is ENDING */

    struct chat_run_trace_t *trace;       /* NULL: it is not traced */
    struct chat_run_verdicts_t *verdicts; /* of chat_run_verdict.h, or NULL */

    void *tap_state[CHAT_TAP_COUNT];
    unsigned filter_taps, delta_taps, progress_taps; /* bits: those that have
                                                        one */
} chat_run_t;

/* Somebody who wants to know what is waited for is told so often. */
#define CHAT_RUN_STATUS_EVERY apr_time_from_sec(3)

/* ---- chat_run_state.c ---- */

/* To a later phase, or from ANSWERING back to CALLING. */
void chat_run_move(chat_run_t *run, chat_run_phase_e to);

/* 1 when what the upstream gives, or gave last, is the answer that was asked
 * for. */
int chat_run_is_answering(const chat_run_t *run);

/* 1 when the bytes of an app pass, in the form that its page reads. */
int chat_run_is_app(const chat_run_t *run);

/* A call that was built is about to be made; the one before is over. */
void chat_run_keep_call(chat_run_t *run);
/* [driver] chat_stream_cb_t.taken */
void chat_run_taken(void *ctx);

/* [driver] chat_stream_cb_t.ahead */
void chat_run_ahead(const void *ctx);

/* ---- chat_run_candidates.c: request thread ---- */

/*
 * Fill candidates with all that may answer turn.model (or the default), first
 * the model itself at each of its providers, then what stands in for it.
 * Fails with 400 (no such model, none named), 403 (not for this user), 500
 * (nothing is configured).
 */
apr_status_t chat_run_find(chat_run_t *run, chat_err_t *err);

/* All that a provider may know of its section; key NULL: none is sent. */
void chat_run_describe(chat_upstream_t *up, const chat_provider_conf_t *conf,
                       const char *key);

/* Make attempt.fit for that candidate, unless it is there. Fails as
 * chat_model_fit() does. */
apr_status_t chat_run_fit(chat_run_t *run, const chat_candidate_t *candidate,
                          chat_err_t *err);

/* ---- chat_run_own.c ---- */

/* A key of the user's own. */
typedef struct chat_run_own_t {
    const struct chat_store_key_t *key; /* sealed */
    char *secret;        /* once it is opened: in memory for secrets; or NULL */
    const char *url;     /* in place of the provider's, or NULL */
    const char *guarded; /* of url's host, as chat_call_t has it */
    int refused;         /* 1: its provider does not accept it */
} chat_run_own_t;

/* [request thread] Which of the candidates are asked with a key of the user's
 * own (ChatUserKeys), once they are found. Fails with 403 user_key_required,
 * 400 user_key_rejected, 503. */
apr_status_t chat_run_own_find(chat_run_t *run, chat_err_t *err);

/* [whoever owns the run] Open the key of the attempt's candidate. Fails with
 * 503 key_unavailable. */
apr_status_t chat_run_own_open(chat_run_t *run, chat_err_t *err);

/* No line of the call that was built has a key any more: it is not made. */
void chat_run_own_wipe(chat_run_t *run);
/* A line, in p; one with the attempt's own key in memory for secrets. */
const char *chat_run_own_line(chat_run_t *run, const char *line, apr_pool_t *p);

/* What the provider has said of it is not looked at with it in it. */
void chat_run_own_mask(const chat_run_t *run);

/* 1: the provider has not accepted the key of the attempt. It is noted. */
int chat_run_own_note(const chat_run_t *run, const chat_err_t *refusal);
/* [a thread that may wait] What was noted is stored. */
void chat_run_own_mark(const chat_run_t *run);
/* [whoever owns the run at its end] As chat_run_own_note(); err is about that
 * then, which its user has to know. */
int chat_run_own_refused(chat_run_t *run, chat_err_t *err);
/* [the same] Nothing of it is left. */
void chat_run_own_forget(chat_run_t *run);

/* ---- chat_run_kept.c: request thread ---- */

/* Is it kept, and where? Once it is read and known who asks. Fails with 401 for
 * a guest. */
apr_status_t chat_run_keep(chat_run_t *run, chat_err_t *err);

/* The conversation's own model, where the request names none. */
apr_status_t chat_run_keep_model(chat_run_t *run, chat_err_t *err);

/* ---- chat_run_path.c: request thread ---- */

/* The turn becomes what was said on that path, the newest of it that the model
 * can read, by whole turns. */
apr_status_t chat_run_path(chat_run_t *run, const chat_store_turn_t *turn,
                           chat_err_t *err);
/* What is private in messages of other providers than that one (by its name)
 * is taken out of the turn. */
void chat_run_path_address(chat_turn_t *turn, const char *provider,
                           apr_pool_t *p);

/* The turn has these messages (chat_message_t), as many of the newest as the
 * model can read. */
void chat_run_path_set(chat_run_t *run, const apr_array_header_t *said);

/* ---- chat_run_files.c ---- */

typedef struct chat_run_files_t chat_run_files_t;

/* [request thread] The files that are asked about are there, and the user's
 * own: parts have what is known of them. Fails with 400 upload_unknown, 503. */
apr_status_t chat_run_files_find(chat_run_t *run, chat_err_t *err);
/* [request thread] All that the turn has by now, as those take it who may be
 * asked: addresses are signed, and what has none is read. Fails with 400
 * unsupported, 413 upload_too_large, 503. */
apr_status_t chat_run_files_load(chat_run_t *run, chat_err_t *err);
/* The turn as the attempt's candidate takes it. Of what was read there are
 * marks in it. */
void chat_run_files_address(chat_turn_t *turn, const chat_run_t *run);
/* The body with what the marks stand for, in p. */
char *chat_run_files_body(apr_size_t *plen, const chat_run_t *run,
                          const char *body, apr_size_t len, apr_pool_t *p);

/* ---- chat_run_attempts.c ---- */

/* Prepare the first call that can be made. Request thread. Fails when there is
 * none, with what kept the first candidate from it. */
apr_status_t chat_run_first(chat_run_t *run, chat_err_t *err);

/* [driver] The call that was built, and not yet made, is about that in the
 * place of what the user says now. */
void chat_run_rebuild(chat_run_t *run, const char *text);

/* It will not be made after all. */
void chat_run_drop(chat_run_t *run);

/* It is made now: what came before it was this server's work. */
void chat_run_begin_call(chat_run_t *run);

/* [driver] chat_stream_cb_t.again */
int chat_run_again(void *ctx, const chat_end_t *end, const chat_call_t **pcall,
                   apr_interval_time_t *pwait);

/* The last call is over: the breaker must know. Once more does no harm. */
void chat_run_report(chat_run_t *run, const chat_end_t *end);

/* ---- chat_run_answer.c: the driver ---- */

void chat_run_listen(chat_run_t *run); /* before each call */
void chat_run_head(void *ctx, int status, const apr_table_t *headers);
apr_status_t chat_run_data(void *ctx, const char *data, apr_size_t len);
apr_status_t chat_run_silence(void *ctx);
apr_status_t chat_run_late(void *ctx); /* chat_stream_cb_t.later */
/* [driver] Another call follows the one that failed: a client that wants to
 * know is told. */
void chat_run_tell_again(chat_run_t *run, int same);

/* An answer that was gathered unchanged is looked at once it is there: only
 * then seen tells how it ended. Once more does no harm. Any thread. */
void chat_run_look(chat_run_t *run);

/* The call has ended: if that was well, an event without a blank line behind
 * it counts, and a reason to finish is an end. Once more does no harm. */
void chat_run_finish(chat_run_t *run, const chat_end_t *end);

/* Bytes that pass, and wait for their first event to be whole: it is, with the
 * end of the body. On whoever owns the request then. */
void chat_run_send_held(chat_run_t *run);

/* All that is known of the call that ended; *refusal is where result->refusal
 * is put, in r->pool. */
void chat_run_result(chat_result_t *result, chat_err_t *refusal,
                     const chat_run_t *run, const chat_end_t *end);

/* ---- chat_run_coalesce.c: a client that wants fewer events ---- */

/* A delta on its way to the encoder. */
void chat_run_coalesce(chat_run_t *run, const chat_delta_t *delta);
/* [in data()] What has waited long enough goes to the encoder; chat_run_late()
 * is called for what has not. */
void chat_run_coalesce_wait(chat_run_t *run);
/* All of it does. Once more does no harm. */
void chat_run_coalesce_flush(chat_run_t *run);

/* ---- chat_run_wait.c ---- */

/* The end of an app's stream waits: so many bytes more of it, too? */
int chat_run_keeps_back(const chat_run_t *run, apr_size_t len);
/* An answer that passes ends here, as its upstream would break off. APR_EOF. */
apr_status_t chat_run_cut_off(chat_run_t *run, const chat_cut_t *cut);
/* Bytes that were kept because they could have been a refusal wait with the
 * others. On whoever owns the request then. */
void chat_run_wait_held(chat_run_t *run);
/* [driver] Bytes that pass, where a tap looks at them first. */
apr_status_t chat_run_pass_filtered(chat_run_t *run, const char *data,
                                    apr_size_t len);
/* The call is over: what taps hold goes on, or shows that it must not. Nothing
 * is sent yet. Once more does no harm. On whoever owns the request then. */
void chat_run_flush_taps(chat_run_t *run);
/* The same, and bytes that have waited for it are sent. */
void chat_run_flush(chat_run_t *run);
/* [driver] What taps held may have gone on, or they have stopped it. As
 * chat_run_data(). */
apr_status_t chat_run_went_on(chat_run_t *run);

/* ---- chat_run_send.c ---- */

/* What is known of the answer; in p. */
chat_answer_t *chat_run_describe_answer(const chat_run_t *run, apr_pool_t *p);
/* To the client, behind the head of a stream if nothing was sent. */
apr_status_t chat_run_send_bytes(chat_run_t *run, const char *data,
                                 apr_size_t len);
/* Which model it is that answers, and what the dialect adds, as headers. */
void chat_run_answer_headers(chat_run_t *run);
/* Pass on what is in out, by way of the taps. APR_SUCCESS, or the client is
 * gone. */
apr_status_t chat_run_send_out(chat_run_t *run);
/* The same without a client. */
void chat_run_log_out(chat_run_t *run);

/* The last bytes of an answer that passed, which were held back for they could
 * have begun a key. */
void chat_run_send_rest(chat_run_t *run);
/* Take the keys of the provider that answers out of whole events. */
void chat_run_clean(chat_run_t *run, chat_buf_t *bytes);
/* text without the keys of the provider that answers; in r->pool. */
const char *chat_run_without_keys(chat_run_t *run, const char *text);
/* What was gathered, as it may be sent: NUL-terminated, as long as the run. */
const char *chat_run_gathered(chat_run_t *run);

/* ---- chat_run_end.c ---- */

int chat_run_failed(void *ctx);
void chat_run_complete(void *ctx, const chat_end_t *end);

/* ---- chat_run_refuse.c ---- */

/* No stream was started: log and answer; what the handler returns. An err
 * without a status means that httpd has answered already. */
int chat_run_refuse(chat_run_t *run, const chat_err_t *err);

/* 1 when what was asked stays in its conversation, whatever became of it: a
 * refusal undoes it, where the client may ask the same again. */
int chat_run_is_kept(const chat_run_t *run);

/* As chat_run_error(), or as the question has it. */
void chat_run_tell_error(chat_run_t *run, const chat_err_t *err);

/* The provider in whose own words clients of this location speak (the first
 * that is used, with ChatRequestFormat provider); NULL: in none's. */
const chat_provider_t *chat_run_spoken(request_rec *r,
                                       const chat_dir_conf_t *conf);

/* The status of that error where this location is. */
int chat_run_status(const chat_ctx_t *ctx, const chat_err_t *err);

/* ---- chat_run_others.c ---- */

/* [whoever owns the run] Where the failure is of a model or its provider, and
 * clients of this form are told so much: err->models. Once more does no
 * harm. */
void chat_run_name_others(const chat_run_t *run, chat_err_t *err);

/* ---- chat_run_cost.c ---- */

apr_int64_t chat_run_cost_input(const chat_turn_t *turn);
apr_int64_t chat_run_cost_message(const chat_message_t *message);
apr_int64_t chat_run_cost_output(const chat_seen_t *seen);

/* ---- chat_run_bill.c ---- */

/* Of a token there; unknown where no ChatModel tells of it. */
chat_price_t chat_run_price(const chat_candidate_t *candidate);
/* The most that a token costs at any candidate; unknown if it is at one. */
chat_price_t chat_run_dearest(const chat_run_t *run);

/* The call that was made last is over: if it is billed, that is put to bills.
 * As the provider says, else as estimated; nothing when it never began, unless
 * the client did not wait for that. Once for each call. 1: it is. */
int chat_run_bill(chat_run_t *run, const chat_result_t *result);
/* The tokens of the call that was billed last, and the money of all bills, or
 * -1: nobody knows. */
chat_limit_spent_t chat_run_spent(const chat_run_t *run);
/* 1 when the money that is reserved pays for one call more. */
int chat_run_can_pay(const chat_run_t *run);

#endif
