/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk of a chat through the house, for every route that talks to an
 * upstream. Its files, in the order of the way:
 *
 *   chat_walk.c         who asks, what, of which model, whether they may; start
 *                       (where Redis has to say so, the stream asks: the gate)
 *   chat_walk_models.c  which models and upstreams could answer, in order
 *   chat_walk_tries.c   one call after another until one answers
 *   chat_walk_stream.c  what happens while it streams
 *   chat_walk_end.c     how it ended, and what the client is told
 *   chat_walk_tokens.c  tokens, before anybody has counted them
 *
 * Up to chat_stream_start() the request thread; admitted, head, data, silence
 * and again run on the stream's driver; complete on whoever owns the request
 * then.
 */
#ifndef CHAT_WALK_INT_H
#define CHAT_WALK_INT_H

#include "chat_buf.h"
#include "chat_config.h"
#include "chat_dialect.h"
#include "chat_facts.h"
#include "chat_handler_int.h"
#include "chat_limit.h"
#include "chat_provider.h"
#include "chat_stream.h"

/* One upstream that could answer, under the name it has for the model. */
typedef struct chat_candidate_t {
    const chat_model_conf_t *model; /* NULL: no ChatModel names it */
    const char *name;               /* as clients say it */
    const char *upstream;           /* ... and as the upstream does */
    const chat_provider_conf_t *conf;
    const chat_provider_t *provider;
    const char *resolve; /* of its host, once looked up */
} chat_candidate_t;

/* The call that is being made, and what came of it so far. */
typedef struct chat_try_t {
    const chat_candidate_t *candidate;
    chat_upstream_t upstream;
    int key;       /* index of upstream.key, -1: none is sent */
    int attempt;   /* of this candidate, from 1 */
    int trial;     /* as chat_upstream_may() said */
    int told;      /* the breaker knows how it ended */
    int streaming; /* it answers: with an event stream, or as asked */
    int status;    /* 0: it has not answered */
    const char *retry_after;
    char *refusal; /* the body of what is no answer, its beginning */
    apr_size_t refusal_len;
} chat_try_t;

typedef struct chat_walk_t {
    request_rec *r;
    const chat_dir_conf_t *conf;
    const chat_dialect_t *dialect; /* NULL: the upstream's own bytes */
    const chat_user_t *user;
    chat_facts_t facts;

    apr_pool_t *body;     /* what turn points into; NULL once nobody needs it */
    chat_turn_t turn;     /* as the client wants it */
    int whole;            /* 1: it wants one JSON text */
    int usage;            /* 1: ... and token counts (completions) */
    const char *session;  /* of the message route, or NULL */
    const char *question; /* ... and what to keep under it */

    chat_candidate_t *candidates; /* ncandidates of them, best first */
    int ncandidates;
    chat_try_t try;
    chat_call_t call;      /* of try */
    int built;             /* 1: anew, and it is still where the turn is */
    apr_pool_t *call_pool; /* of call; NULL once that is of no use any more */
    int taken;             /* the upstream has taken all of it */
    int passed;            /* ... and its answer is the client's */

    chat_sse_t *sse;
    chat_parse_t *parse; /* of a dialect; seen is its, then */
    chat_seen_t *seen;
    int events;             /* of the upstream's stream, this call */
    chat_voice_t *voice;    /* of a dialect; for this call */
    apr_pool_t *voice_pool; /* ... when it gathers */
    chat_buf_t out;  /* what the voice says; an answer that is gathered */
    chat_buf_t said; /* the text of the answer, with a session */

    chat_limit_ticket_t *ticket;
    const chat_gate_t *gate;  /* that still has to let it pass, or NULL */
    apr_int64_t input_tokens; /* estimate */
    apr_int64_t cut_after;    /* tokens of answer, then the budget is gone */
    int cut;                  /* ... and was */
    int sent;                 /* the client has got bytes, or at least may */
} chat_walk_t;

/* ---- chat_walk_models.c: request thread ---- */

/*
 * Fill candidates with all that may answer turn.model (or the default), first
 * the model itself at each of its providers, then what stands in for it.
 * Fails with 400 (no such model, none named), 403 (not for this user), 500
 * (nothing is configured).
 */
apr_status_t chat_walk_find(chat_walk_t *w, chat_err_t *err);

/* How the bytes of its streams look. */
const char *chat_walk_wire(const chat_candidate_t *c);

/*
 * What that model makes of the turn: parameters that it does not know are left
 * out, its limits kept. *pfit shares all strings with turn.
 * Fails with 400 where leaving out would change what was asked for.
 */
apr_status_t chat_walk_fit(chat_turn_t *fit, const chat_turn_t *turn,
                           const chat_model_conf_t *model,
                           apr_int64_t input_tokens, chat_err_t *err);

/* ---- chat_walk_tries.c ---- */

/* All that a provider may ask of its section. key NULL: no call is made. */
chat_upstream_t chat_walk_upstream(const chat_provider_conf_t *conf,
                                   const char *key);

/* Prepare the first call that can be made. Request thread. Fails when there is
 * none, with what kept the first candidate from it. */
apr_status_t chat_walk_first(chat_walk_t *w, chat_err_t *err);

/* The client has bytes of this answer: nobody will be asked any more. */
void chat_walk_passed(chat_walk_t *w);
/* [driver thread] chat_stream_cb_t.taken */
void chat_walk_taken(void *ctx);

/* It will not be made after all. */
void chat_walk_drop(chat_walk_t *w);

/* [driver thread] chat_stream_cb_t.again */
int chat_walk_again(void *ctx, const chat_end_t *end, const chat_call_t **pcall,
                    apr_interval_time_t *pwait);

/* The call is being answered. */
void chat_walk_hear(chat_walk_t *w);

/* The last call is over: the breaker must know. Once more does no harm. */
void chat_walk_tell(chat_walk_t *w, const chat_end_t *end);

/* ---- chat_walk_stream.c: the driver thread ---- */

void chat_walk_listen(chat_walk_t *w); /* before each call */
void chat_walk_head(void *ctx, int status, const apr_table_t *headers);
apr_status_t chat_walk_data(void *ctx, const char *data, apr_size_t len);
apr_status_t chat_walk_silence(void *ctx);
/* Which model it is that answers, for the header. */
void chat_walk_name(chat_walk_t *w);
/* Pass on what is in out. APR_SUCCESS, or the client is gone. */
apr_status_t chat_walk_say(chat_walk_t *w);

/* ---- chat_walk_end.c ---- */

/* An answer that was gathered unchanged is looked at once it is there: only
 * then seen tells how it ended. Once more does no harm. Any thread. */
void chat_walk_look(chat_walk_t *w);

/* [driver thread, or the request's] chat_stream_cb_t.admitted */
void chat_walk_admitted(void *ctx);

/* What the client is told when the upstream gave it no answer. */
void chat_walk_explain(chat_err_t *err, chat_walk_t *w, const chat_end_t *end);
int chat_walk_failed(void *ctx);
void chat_walk_complete(void *ctx, const chat_end_t *end);

/* ---- chat_walk_tokens.c ---- */

apr_int64_t chat_walk_input(const chat_turn_t *turn);
apr_int64_t chat_walk_output(const chat_seen_t *seen);
/* What the request cost: as billed, else as estimated, and nothing when the
 * provider never began, unless the client did not wait for that. */
apr_int64_t chat_walk_cost(const chat_walk_t *w, const chat_end_t *end);

#endif
