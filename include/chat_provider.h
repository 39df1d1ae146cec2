/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How to speak to one kind of upstream: the contract of a provider. Pure: bytes
 * in, values out; no httpd, no curl, no logging, no globals. Links alone into
 * tests and fuzzers. A new one is a file src/provider/chat_provider_<id>.c and
 * a line in chat_provider_list.h; src/provider/chat_provider_kit.h is what it
 * is made of.
 */
#ifndef CHAT_PROVIDER_H
#define CHAT_PROVIDER_H

#include <apr_pools.h>

#include "chat_buf.h"
#include "chat_delta.h"
#include "chat_err.h"
#include "chat_json.h"
#include "chat_sse.h"
#include "chat_types.h"

/* More calls of tools in one answer are an error of the provider's. */
#define CHAT_TOOL_CALLS_MAX 128

/* Counts of tokens that one API tells. */
#define CHAT_USAGE_FIELDS_MAX 9

/* What a provider needs to know of its <ChatProvider> section. */
typedef struct chat_upstream_t {
    const char *url;     /* base, no trailing slash */
    const char *key;     /* secret, NULL: none */
    int auth;            /* chat_key_e: the header that carries it */
    const char *version; /* of the API, where it is said; NULL: usual */
    int completions;     /* 1: Chat Completions, else the Responses API */
    int pinned;          /* 1: the administrator has chosen that */
    int store;           /* 1: the provider may keep the answer */
    chat_timeouts_t timeouts;
} chat_upstream_t;

/*
 * How an answer ends: one rule for all providers, whether its bytes pass, are
 * taken apart or come whole.
 *
 * - reason: the provider said why the answer is over (a finish_reason, a
 *   stop_reason, a finishReason, a blockReason). More may follow: parts behind
 *   it are the answer as well, and the last reason counts. A transfer that
 *   ends well makes an end of it, see chat_provider_finish(); a connection
 *   that is cut never does.
 * - ended: the terminal event came ("[DONE]", message_stop, a response that is
 *   completed or incomplete), where the API has one. That is an end whatever
 *   becomes of the connection, with a reason or without.
 * - failed: an error came, or a reason that is a failure ("abort", "error").
 *   Nothing behind it counts.
 * - A reason that no table has is CHAT_FINISH_OTHER, never CHAT_FINISH_STOP:
 *   nobody can say that the model had said all.
 * - None of these: the answer was cut.
 */
typedef struct chat_seen_t {
    int reason;          /* a reason to finish came */
    int ended;           /* the provider's own terminal event came */
    int failed;          /* an error event came: not a success */
    char error[64];      /* the error's code, [A-Za-z0-9_.-] only, or "" */
    int status;          /* that the error would have had as an answer of its
                            own; 0: it does not say */
    chat_err_t refusal;  /* what that means, as of map_error(); its strings are
                            static */
    chat_refusal_t told; /* what the error says of itself */
    chat_usage_t usage;  /* -1 until the provider says */
    apr_int64_t counts[CHAT_USAGE_FIELDS_MAX]; /* the provider's own, of which
                                                  usage is made: each 1 more
                                                  than it is, 0 until said */
    int skimmed;        /* texts are left out of the event at hand */
    int repaired;       /* the event at hand has halves of characters in it, see
                           chat_provider_half.c */
    int measure;        /* set by the caller: count the answer, too */
    apr_int64_t deltas; /* pieces of the answer, with measure */
    apr_int64_t text;   /* bytes of those pieces, as JSON has them */
} chat_seen_t;

/* How far a JSON value is that comes in pieces. */
typedef struct chat_nesting_t {
    unsigned short depth;    /* of open arrays and objects */
    unsigned begun : 1;      /* its first byte came */
    unsigned is_object : 1;  /* that was a brace */
    unsigned in_string : 1;  /* inside a text */
    unsigned is_escaped : 1; /* the next character stands behind a
                                   backslash */
} chat_nesting_t;

/* A call of a tool whose name is yet to come. */
typedef struct chat_waiting_t {
    int is, at;               /* is it; where the provider has it */
    chat_buf_t id, arguments; /* so far; the id with its NUL */
} chat_waiting_t;

/* A stream that is taken apart: one per call, zeroed but for what the caller
 * sets (on_delta, ctx, seen.usage, salt, kept) before it begins. */
typedef struct chat_parse_t {
    chat_seen_t seen;     /* as observe_event() keeps it */
    chat_finish_e finish; /* once seen.ended or seen.reason, unless failed */
    chat_delta_cb *on_delta;
    void *ctx;
    /* the provider's own */
    int ncalls;                       /* calls of tools that have begun */
    int call_at[CHAT_TOOL_CALLS_MAX]; /* where the provider has each: its
                                         block, item or index */
    unsigned int call_id[CHAT_TOOL_CALLS_MAX];   /* a hash of the id it gave */
    apr_size_t call_len[CHAT_TOOL_CALLS_MAX];    /* bytes of arguments so far */
    unsigned int call_said[CHAT_TOOL_CALLS_MAX]; /* a hash of those arguments */
    unsigned int call_name[CHAT_TOOL_CALLS_MAX]; /* a hash of its name */
    chat_nesting_t call_json[CHAT_TOOL_CALLS_MAX]; /* of those arguments */
    chat_waiting_t *waiting; /* a call without a name so far; NULL: none was */
    apr_uint64_t salt; /* set by the caller: what makes the ids of calls that
                          came without one differ from those of other answers */
    apr_pool_t *kept;  /* set by the caller: of what is kept from one event to
                          the next; NULL: nothing may be */
    apr_pool_t *detail_pool;    /* of the two that follow */
    struct chat_json_t *detail; /* that is not over yet, or NULL */
    chat_buf_t *detail_text;    /* of its text */
    int ndetails;               /* that have begun */
    apr_int64_t points;         /* characters of the answer's text */
    int half; /* the first unit of a pair whose second one may come, or 0 */
    int half_kind, half_index; /* of the delta that it was in */
    int said_item;             /* the same of the item at hand */
    int said; /* kinds of deltas that were handed on: 1 << chat_delta_e */
} chat_parse_t;

typedef struct chat_provider_t {
    /* Its name among OpenTelemetry's (gen_ai.provider.name); NULL: each is
     * called as its <ChatProvider>. */
    const char *semconv;

    const char *model; /* where neither the client nor the administrator
                          names one; NULL: somebody must */

    /*
     * How the bytes of its streams look, configured like that: a word such as
     * "chat-completions". Providers of the same word can stand in for each
     * other where their bytes pass unchanged.
     */
    const char *(*wire_format)(const chat_upstream_t *up);

    /* Its API refuses to make fewer tokens of an answer, so that build_call()
     * asks for so many. NULL: any number. */
    int (*least_output)(const chat_upstream_t *up);

    /*
     * The client's request is in this provider's own words (ChatRequestFormat
     * provider): take from it what concerns this server, see turn->native.
     * path is what stands behind the location, or the request's whole where
     * nobody can tell; one that ends with a call of the API ("/v1/messages")
     * must mean this one. turn is zeroed; its strings are borrowed from body
     * and path or made in p. APR_EINVAL: not a request of this API; err says
     * what is wrong with it.
     */
    apr_status_t (*read_native)(chat_turn_t *turn, chat_json_t *body,
                                const char *path, const chat_upstream_t *up,
                                chat_err_t *err, apr_pool_t *p);

    /* Where the provider has several APIs and the administrator has not chosen:
     * the one that can carry this turn, for this call. NULL: there is one. */
    void (*choose_api)(chat_upstream_t *up, const chat_turn_t *turn);

    /* What that model lacks there (chat_lacks_e), as far as its name and the
     * API tell; NULL: nothing. */
    unsigned (*lacks)(const chat_upstream_t *up, const char *model);

    /* Describe the HTTP call for this turn. turn->model is set. call is
     * zeroed; its strings live in p. Unless turn->native and turn->whole,
     * the answer is asked for as a stream.
     * APR_EINVAL: the upstream cannot do what was asked; err says what. */
    apr_status_t (*build_call)(chat_call_t *call, const chat_turn_t *turn,
                               const chat_upstream_t *up, chat_err_t *err,
                               apr_pool_t *p);

    /* Look at one event of a stream that passes unchanged. Streams are long:
     * what is made in p to do so is freed again before this returns. */
    void (*observe_event)(chat_seen_t *seen, const chat_sse_event_t *event,
                          const chat_upstream_t *up, apr_pool_t *p);

    /* Take one event of a stream apart: calls on_delta for what is in it, in
     * order, and keeps seen and finish. After an error, or the end, nothing
     * comes any more but token counts. p as for observe_event(). */
    void (*parse_event)(chat_parse_t *parse, const chat_sse_event_t *event,
                        const chat_upstream_t *up, apr_pool_t *p);

    /* Look at a whole answer that passes unchanged (turn->whole): seen as
     * after the last event of a stream. */
    void (*observe_body)(chat_seen_t *seen, const char *body, apr_size_t len,
                         const chat_upstream_t *up, apr_pool_t *p);

    /* An event of this API that tells the client that its budget ended the
     * answer: a string of p, with its empty line. */
    const char *(*make_cut_event)(const chat_upstream_t *up, const char *code,
                                  const char *message, apr_pool_t *p);

    /*
     * An answer that is no stream: turn the upstream's status and (bounded,
     * maybe cut) body into what the client may know, and err->cause. Never
     * shows the key, the organisation or the provider's free text.
     */
    void (*map_error)(chat_err_t *err, int status, const char *body,
                      apr_size_t len, apr_pool_t *p);

    /* Describe a GET that costs nothing and that the provider answers whose key
     * is good alone. NULL: "/models", with the key as a Bearer token. */
    apr_status_t (*build_check)(chat_call_t *call, const chat_upstream_t *up,
                                chat_err_t *err, apr_pool_t *p);

    /* Where clients speak this API (ChatRequestFormat provider): an error of
     * ours as the body of one of its own, in p; id is the request's. NULL: it
     * is OpenAI's form. */
    const char *(*refusal)(const chat_err_t *err, const char *id,
                           apr_pool_t *p);
    const char *const *headers; /* of its answers that pass where the bytes do,
                                   beside our own: names, "x-*" for all that
                                   begin so, then NULL. NULL: none */
    const char *id_header; /* in which its answers have the request's id, beside
                              X-Request-ID; NULL: in none */
} chat_provider_t;

/* The transfer has ended well: a reason that was said is an end. */
void chat_provider_finish(chat_seen_t *seen);

/* Of an event that the body ended without a blank line (event->last): is its
 * data whole, a JSON text or "[DONE]"? Half of one is no event. */
int chat_provider_is_whole(const chat_sse_event_t *event, apr_pool_t *p);

/* JSON with halves of characters in it, made readable, for who reads it before
 * its bytes pass: nul stands for U+0000. In p; NULL: there are none. */
const char *chat_provider_half_repair(const char *data, apr_size_t len,
                                      const char *nul, apr_size_t *plen,
                                      apr_pool_t *p);

/* A text of such JSON, or one that follows in the same place, with whole
 * characters alone, in p. *phalf: what waits for its other half, 0: nothing. */
const char *chat_provider_half_text(int *phalf, const char *text,
                                    apr_pool_t *p);

/* The status that a refusal would have had which came in a 200; 0: body does
 * not say, or is none. */
int chat_provider_refusal_status(const char *body, apr_size_t len,
                                 apr_pool_t *p);

/*
 * What an upstream says that refuses, in a body that is no answer or in an
 * event, whoever's form it has; key (or NULL) is the one that it was sent.
 */
void chat_provider_told(chat_refusal_t *told, int status, const char *body,
                        apr_size_t len, const char *key, apr_pool_t *p);

/* The same name for the same thing, whatever a provider calls it: err, as
 * map_error() gave it, becomes model_not_found, context_length_exceeded or,
 * where a 404 is not about a model, upstream_not_found; its strings are static
 * then. told is what its client may know, unless the key or the account is to
 * blame. */
void chat_provider_told_name(chat_err_t *err, const chat_refusal_t *told);

/* What its provider says of a key. */
typedef enum {
    CHAT_PROVIDER_CHECK_OK,
    CHAT_PROVIDER_CHECK_INVALID,
    CHAT_PROVIDER_CHECK_LIMITED, /* it may not do this, and perhaps the rest */
    CHAT_PROVIDER_CHECK_UNKNOWN  /* nothing */
} chat_provider_check_e;

/* For build_check(): a GET of path, with the key in the header usual unless the
 * administrator names another. */
apr_status_t chat_provider_check_call(chat_call_t *call, const char *path,
                                      int usual, const chat_upstream_t *up,
                                      chat_err_t *err, apr_pool_t *p);

/* The call of build_check(), and what its answer says. */
apr_status_t chat_provider_check_build(chat_call_t *call,
                                       const chat_provider_t *provider,
                                       const chat_upstream_t *up,
                                       chat_err_t *err, apr_pool_t *p);
chat_provider_check_e
chat_provider_check_verdict(const chat_provider_t *provider, int status,
                            const char *body, apr_size_t len, apr_pool_t *p);

/* May a client that asked for path mean this call of an API ("/messages")? A
 * location is named as the administrator likes, but another call of an API is
 * another one. */
int chat_provider_native_is_path(const char *path, const char *want);

/* The built-in of that index (chat_provider_e). Never NULL. */
const chat_provider_t *chat_provider_get(int type);

#endif
