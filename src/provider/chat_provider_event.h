/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the events of a stream: what is in one (chat_provider_watch_*), and
 * handing on what it says as deltas (chat_provider_parse_*), so that the rules
 * of chat_delta.h are kept in one place. Once per event, on the driver's
 * thread.
 */
#ifndef CHAT_PROVIDER_EVENT_H
#define CHAT_PROVIDER_EVENT_H

#include "chat_json.h"
#include "chat_provider.h"

/* ---- chat_provider_reason.c ---- */

/* What a reason to finish means, where it is no chat_finish_e. */
enum { CHAT_REASON_NONE = -2, CHAT_REASON_FAILURE = -1 };

/* A word of an API for why an answer is over: finish is a chat_finish_e or
 * CHAT_REASON_FAILURE. A table ends with word NULL. */
typedef struct chat_reason_t {
    const char *word;
    int finish;
} chat_reason_t;

/* What it means; CHAT_REASON_NONE: it is null or empty. */
int chat_provider_reason_find(const chat_reason_t *table, const char *text,
                              apr_size_t len);
int chat_provider_reason_read(const chat_reason_t *table, const chat_json_t *v);

/* The answer ends so, unless reason is negative. What stops with calls waits
 * for them. */
void chat_provider_reason_take(chat_parse_t *parse, int reason);

/* ---- chat_provider_watch.c ---- */

/* One event being looked at. Zeroed but for the first four. */
typedef struct chat_watch_t {
    chat_seen_t *seen;
    const chat_sse_event_t *event;
    const chat_upstream_t *up;
    apr_pool_t *parent;
    apr_pool_t *pool; /* NULL until needed, which it hardly ever is */
} chat_watch_t;

/* For what is made while looking at it; chat_provider_watch_done() frees it. */
apr_pool_t *chat_provider_watch_pool(chat_watch_t *w);
void chat_provider_watch_done(chat_watch_t *w);

/* The event's JSON, NULL when it is none. */
chat_json_t *chat_provider_watch_json(chat_watch_t *w);

/*
 * Which of names the event is, -1 for none: by its event: line, else by the
 * member "type" of its data. names ends with NULL and holds "error", which an
 * object with an error in it is, too.
 */
int chat_provider_watch_kind(chat_watch_t *w, const char *const *names);

/* Does the name stand in the data, in quotes? */
int chat_provider_watch_mentions(const chat_watch_t *w, const char *name);

/* Does it stand there as a member whose value begins with that byte: '{' or
 * '"'? Most chunks say "usage":null. */
int chat_provider_watch_value(const chat_watch_t *w, const char *name,
                              char first);

/* {"error":...}, also in a choice, and, from some servers, {"object":"error"}
 * or type alone, {"detail":...} and others that are flat. */
int chat_provider_watch_is_error(const chat_json_t *root);

/* The stream has failed: take the first of codes that may be repeated. */
void chat_provider_watch_fail(chat_watch_t *w, const chat_json_t *const *codes,
                              apr_size_t ncodes);

/* Where the caller counts: pieces of the answer are the texts of these
 * members; names ends with NULL. */
void chat_provider_watch_measure(chat_watch_t *w, const char *const *names);

/* ---- chat_provider_detail.c ---- */

/* A detail begins, of that type of OpenRouter's ("reasoning.text") and format,
 * for the providers of the type owner; what was open is closed. id: the
 * provider's own, or NULL. */
void chat_provider_detail_open(chat_parse_t *parse, const char *owner,
                               const char *type, const char *format,
                               const char *id);

/* Of the one that is open, if any is: a piece of its text; a member; is it
 * there? */
void chat_provider_detail_text(chat_parse_t *parse, const char *text,
                               apr_size_t len);
void chat_provider_detail_add(chat_parse_t *parse, const char *key,
                              chat_json_t *v);
int chat_provider_detail_has(const chat_parse_t *parse, const char *key);

/* Hand it on; or do not. */
void chat_provider_detail_close(chat_parse_t *parse);
void chat_provider_detail_drop(chat_parse_t *parse);

/* A piece of one that the upstream itself has in that form. */
void chat_provider_detail_take(chat_parse_t *parse, const chat_json_t *piece);

/* ---- chat_provider_half.c ---- */

/* Hand on a text that may have such halves, or that another one waits for. */
void chat_provider_half_join(chat_parse_t *parse, const chat_delta_t *delta);

/* The other half of what waits will not come. */
void chat_provider_half_flush(chat_parse_t *parse);

/* ---- chat_provider_parse.c ---- */

/* What is over with this event: call it behind each. */
void chat_provider_parse_close(chat_parse_t *parse);

/* Hand on a delta as it is. */
void chat_provider_parse_pass(chat_parse_t *parse, const chat_delta_t *delta);

/* Nothing is to be taken from this event: the answer is over, or the event is
 * too large, which fails it. */
int chat_provider_parse_over(chat_parse_t *parse,
                             const chat_sse_event_t *event);

/* The answer has failed, by a code of ours. One of the provider's is the
 * business of chat_provider_watch_fail(). */
void chat_provider_parse_fail(chat_parse_t *parse, const char *code);

/* Hand on a piece of TEXT, REASONING or REFUSAL, if there is any. */
void chat_provider_parse_text(chat_parse_t *parse, chat_delta_e kind,
                              const char *text, apr_size_t len);

/* The same out of a JSON value, if it is a string. */
void chat_provider_parse_string(chat_parse_t *parse, chat_delta_e kind,
                                const chat_json_t *v);

/* A call of a tool begins. at: where the provider has it (its block, item,
 * ...); id may be NULL or "", then it gets one; extra: what the provider wants
 * back with it, or NULL. Its index, or -1: too many, which fails. */
int chat_provider_parse_call(chat_parse_t *parse, int at, const char *id,
                             const char *name, const char *extra);

/* Is it an id that such a call got? */
#define CHAT_PROVIDER_MADE_ID 32 /* bytes, with its NUL */
int chat_provider_parse_is_made(const char *id);

/* The index of the latest call that began there, or -1. */
int chat_provider_parse_find(const chat_parse_t *parse, int at);

/* Is the call of that index the one of that id, or name? None means any. */
int chat_provider_parse_is_call(const chat_parse_t *parse, int index,
                                const char *id);
int chat_provider_parse_is_named(const chat_parse_t *parse, int index,
                                 const char *name);

/* Are the arguments of the call of that index a whole object by now? */
int chat_provider_parse_is_full(const chat_parse_t *parse, int index);

/* A piece of the arguments of the call of that index (-1: of none). */
void chat_provider_parse_arguments(chat_parse_t *parse, int index,
                                   const char *text, apr_size_t len);

/* Arguments as a text, which not everybody makes of them: NULL, it is neither
 * that nor an object. */
const char *chat_provider_parse_object(const chat_json_t *v, apr_pool_t *p);

/* Was a call of that id told of before, with these very arguments? */
int chat_provider_parse_repeats(const chat_parse_t *parse, const char *id,
                                const char *arguments);

/* What of all its arguments has not been handed on yet. Arguments that are
 * whole by now have no rest, and those that go on from others than were handed
 * on have none that fits. */
void chat_provider_parse_rest(chat_parse_t *parse, int index,
                              const char *arguments);

/* ---- chat_provider_completions_calls.c ---- */

/* The calls of a delta, or of a message. */
void chat_provider_completions_calls_take(chat_parse_t *parse, chat_watch_t *w,
                                          const chat_json_t *delta);

/* The call that waits for its name, if one does, has this one (NULL: none will
 * come), and this id where it came without. Returns its index, or -1. */
int chat_provider_completions_calls_end(chat_parse_t *parse, const char *id,
                                        const char *name, const char *extra);

#endif
