/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the providers have in common: the head of a call (_call.c), one event
 * of a stream looked at (_watch.c), what was found in it handed on (_parse.c),
 * the frequent ones read in passing (_scan.c), what the answer cost
 * (_bill.c), a refusal put into our words (_refused.c), the words that may be
 * repeated (_word.c), and Chat Completions, which half of them speak
 * (_completions*.c). Private to this room, pure, any thread.
 */
#ifndef CHAT_PROVIDER_INT_H
#define CHAT_PROVIDER_INT_H

#include "chat_json.h"
#include "chat_provider.h"

/* ---- chat_provider_call.c ---- */

/*
 * Fill call but for its body. path is put behind the base URL; usual is the
 * provider's own header for the key (chat_key_e), for where none is configured.
 * APR_EINVAL: the key or the request's id would break a header line.
 */
apr_status_t chat_provider_call(chat_call_t *call, const char *path, int usual,
                                const chat_turn_t *turn,
                                const chat_upstream_t *up, chat_err_t *err,
                                apr_pool_t *p);

void chat_provider_call_header(chat_call_t *call, const char *name,
                               const char *value, apr_pool_t *p);

void chat_provider_call_body(chat_call_t *call, const chat_json_t *body,
                             apr_pool_t *p);

/* OpenAI's reasoning models answer 400 to any temperature. */
int chat_provider_call_reasons(const char *model);

/* ... and those of OpenAI's that are known not to reason, to any effort. */
int chat_provider_call_plain(const char *model);

/* The turn's system and all its system messages with blank lines between, for
 * an API that has one place for them; NULL when there are none. */
const char *chat_provider_call_system(const chat_turn_t *turn, apr_pool_t *p);

/* Nothing but white space: some APIs refuse a message like that. */
int chat_provider_call_blank(const char *text);

/* 400 "unsupported": the upstream cannot do what was asked. */
apr_status_t chat_provider_call_refuse(chat_err_t *err, const char *message);

/* ---- chat_provider_watch.c ---- */

/* One event being looked at. */
typedef struct chat_watch_t {
    chat_seen_t *seen;
    const chat_sse_event_t *event;
    const chat_upstream_t *up;
    apr_pool_t *parent;
    apr_pool_t *pool; /* NULL until needed, which it hardly ever is */
} chat_watch_t;

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

/* ... as a member with an object? Most chunks say "usage":null. */
int chat_provider_watch_object(const chat_watch_t *w, const char *name);

/* {"error":...} and, from some servers, {"object":"error"} or type alone. */
int chat_provider_watch_is_error(const chat_json_t *root);

/* The stream has failed: take the first of codes that may be repeated. */
void chat_provider_watch_fail(chat_watch_t *w, const chat_json_t *const *codes,
                              apr_size_t ncodes);

/* Where the caller counts: pieces of the answer are the texts of these
 * members; names ends with NULL. */
void chat_provider_watch_measure(chat_watch_t *w, const char *const *names);

/* ---- chat_provider_parse.c ---- */

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

/* ... out of a value, if it is a string. */
void chat_provider_parse_string(chat_parse_t *parse, chat_delta_e kind,
                                const chat_json_t *v);

/* A call begins. at: where the provider has it (its block, item, ...); id may
 * be NULL or "", then it gets one. Its index, or -1: too many, which fails. */
int chat_provider_parse_call(chat_parse_t *parse, int at, const char *id,
                             const char *name);

/* The index of the latest call that began there, or -1. */
int chat_provider_parse_find(const chat_parse_t *parse, int at);

/* Is the call of that index the one of that id? No id means any. */
int chat_provider_parse_is_call(const chat_parse_t *parse, int index,
                                const char *id);

/* A piece of the arguments of the call of that index (-1: of none). */
void chat_provider_parse_arguments(chat_parse_t *parse, int index,
                                   const char *text, apr_size_t len);

/* ... what of all the arguments has not been handed on. */
void chat_provider_parse_rest(chat_parse_t *parse, int index,
                              const char *arguments);

/* ---- chat_provider_scan.c ---- */

/*
 * JSON read in passing, for events that come once per token: no tree and no
 * memory. It accepts only what the parse accepts, with the same meaning, and
 * is easily put off (off is 1 then, and stays so): by what is wrong and by
 * what is unusual. What was put off has to be parsed. Not to be zeroed, for
 * its size; chat_provider_scan_init() does what is needed.
 */
typedef struct chat_scan_t {
    const char *at, *end; /* what is left */
    int off;
    int fresh;       /* inside a container, before its first value */
    int passing;     /* inside a text that nobody wants */
    int depth;       /* of chat_provider_scan_skip() */
    apr_size_t used; /* of room */
    char room[1024]; /* for texts that had escapes */
} chat_scan_t;

/* A text of an event: as long as the event and its scan are. */
typedef struct chat_piece_t {
    const char *text; /* or NULL */
    apr_size_t len;
} chat_piece_t;

void chat_provider_scan_init(chat_scan_t *s, const char *data, apr_size_t len);

/* For what only a caller can know to be unusual. */
void chat_provider_scan_put_off(chat_scan_t *s);

/* Into an object ('{') or an array ('['). */
void chat_provider_scan_open(chat_scan_t *s, char bracket);

/* To the next member of the object: its name. 0: the object is over. */
int chat_provider_scan_member(chat_scan_t *s, const char **pname,
                              apr_size_t *plen);

/* The first byte of the value, NUL at the end. */
char chat_provider_scan_peek(chat_scan_t *s);

/* Into the value, if it is an object. 0: past it, as it is none. */
int chat_provider_scan_object(chat_scan_t *s);

/* To the next item of the array. 0: the array is over. */
int chat_provider_scan_item(chat_scan_t *s);

/* The value is a string; it lives as long as s and the data. Or it is null,
 * and *ptext is NULL. */
void chat_provider_scan_text(chat_scan_t *s, const char **ptext,
                             apr_size_t *plen);

/* ... as one. */
void chat_provider_scan_piece(chat_scan_t *s, chat_piece_t *piece);

/* The value is written exactly like that: "null", "0". */
void chat_provider_scan_only(chat_scan_t *s, const char *word);

/* The value is a count, or *pcount is -1. An unusual number puts it off. */
void chat_provider_scan_count(chat_scan_t *s, apr_int64_t *pcount);

/* Whatever the value is. */
void chat_provider_scan_skip(chat_scan_t *s);

/* Nothing has put it off, and nothing is left. */
int chat_provider_scan_done(chat_scan_t *s);

/* Is it this name? */
int chat_provider_scan_is(const char *name, apr_size_t len, const char *want);

/* ---- chat_provider_bill.c ---- */

/* Where a count of tokens stands in an answer's usage. */
typedef struct chat_count_t {
    const char *object; /* in that member of it; NULL: in itself */
    const char *name;   /* NULL ends the table */
} chat_count_t;

#define CHAT_COUNTS_MAX 6

/* What an answer cost: its counts, -1 where there is none. */
typedef struct chat_bill_t {
    const chat_count_t *counts;
    apr_int64_t n[CHAT_COUNTS_MAX];
} chat_bill_t;

void chat_provider_bill_clear(chat_bill_t *bill);

/* Out of the usage, which the value is or has at the end of path: names of
 * members, then NULL. */
void chat_provider_bill_read(chat_bill_t *bill, const char *const *path,
                             const chat_json_t *v);
/* ... in passing. */
void chat_provider_bill_scan(chat_bill_t *bill, const char *const *path,
                             chat_scan_t *s);
/* ... of an event; what is no JSON has none. */
void chat_provider_bill_watch(chat_bill_t *bill, const char *const *path,
                              chat_watch_t *w);

/* The count of that index, if there is one. */
void chat_provider_bill_take(apr_int64_t *ptokens, const chat_bill_t *bill,
                             int index);

/* ---- chat_provider_content.c ---- */

/* The text of a part that is one; NULL: it is another. */
const char *chat_provider_content_text(const chat_json_t *part);

/* An image as OpenAI's parts have it. */
typedef struct chat_image_t {
    const char *url;  /* https://...; NULL: */
    const char *type; /* its media type */
    const char *data; /* and itself, in base64 */
} chat_image_t;

/* 0: the part is none, or one that cannot be had. */
int chat_provider_content_image(chat_image_t *image, const chat_json_t *part,
                                apr_pool_t *p);

/* The JSON object that text is, NULL when it is none. */
chat_json_t *chat_provider_content_object(const char *text, apr_pool_t *p);

/* ... for the arguments of a call, which may be left out. */
chat_json_t *chat_provider_content_arguments(const chat_tool_call_t *call,
                                             apr_pool_t *p);

/* A whole answer that stands for an event; NULL: it is no JSON. */
chat_json_t *chat_provider_content_whole(chat_watch_t *w);

/* An object with the same members but for one (or NULL), to set others in: the
 * original is needed for the next candidate. */
chat_json_t *chat_provider_content_copy(const chat_json_t *object,
                                        const char *except, apr_pool_t *p);

/* Let that member say no more than most (0: whatever it likes). */
void chat_provider_content_cap(chat_json_t *object, const char *key, int most);

/* A count of tokens as turn->max_output_tokens has it. */
int chat_provider_content_most(const chat_json_t *v);

/* ---- chat_provider_refused.c ---- */

/* The body of a refusal, NULL when it is no JSON. */
chat_json_t *chat_provider_refused_body(const char *body, apr_size_t len,
                                        apr_pool_t *p);

/* What a status means where nothing more is known. code and param: words to
 * be repeated, or NULL. */
void chat_provider_refused(chat_err_t *err, int status, const char *code,
                           const char *param, apr_pool_t *p);

/* It is not the client's fault, whatever the status says: the key is no good,
 * or the account behind it is. */
void chat_provider_refused_auth(chat_err_t *err);
void chat_provider_refused_quota(chat_err_t *err);

/* ---- chat_provider_word.c ---- */

/* Longest machine word taken from an upstream, without the NUL. */
#define CHAT_PROVIDER_WORD 63

/*
 * A word for programs ("rate_limit_exceeded", also the number 429) out of an
 * upstream's answer; NULL when v is none or must not be shown: a character
 * outside [A-Za-z0-9_.-] and extra, too long, or the look of a key or an
 * account. secret, if any, is never part of it.
 */
const char *chat_provider_word(const chat_json_t *v, const char *extra,
                               const char *secret, apr_pool_t *p);

/* ---- chat_provider_completions*.c ---- */

/* How to say how much to reason. */
typedef enum {
    CHAT_EFFORT_WORD,  /* reasoning_effort */
    CHAT_EFFORT_OBJECT /* reasoning: {effort} */
} chat_effort_e;

/* In what the speakers of Chat Completions differ. */
typedef struct chat_completions_t {
    const char *most; /* the name of the member for maxOutputTokens */
    int store;        /* 1: "store" is said, 0: unknown there */
    int usage;        /* 1: tokens are told only to whom asks for them */
    int schema;       /* 1: takes a JSON schema, 0: promises JSON alone */
    chat_effort_e effort;
    const char *required; /* the tool_choice that demands a call */
} chat_completions_t;

apr_status_t chat_provider_completions(chat_call_t *call,
                                       const chat_turn_t *turn,
                                       const chat_upstream_t *up,
                                       const chat_completions_t *kind,
                                       chat_err_t *err, apr_pool_t *p);

void chat_provider_completions_observe(chat_seen_t *seen,
                                       const chat_sse_event_t *event,
                                       const chat_upstream_t *up,
                                       apr_pool_t *p);

void chat_provider_completions_parse(chat_parse_t *parse,
                                     const chat_sse_event_t *event,
                                     const chat_upstream_t *up, apr_pool_t *p);

int chat_provider_completions_is_done(const chat_sse_event_t *event);

/* The error and the token counts of a chunk; root NULL: it is no JSON. 1: it
 * was an error. */
int chat_provider_completions_look(chat_watch_t *w, const chat_json_t *root);

/* Is that reason to finish (or NULL) a failure? */
int chat_provider_completions_failure(const char *reason, apr_size_t len);

/* A chunk that is no failure. Not to be zeroed, as its scan. */
typedef struct chat_chunk_t {
    chat_piece_t content, thought, other_thought, reason;
    chat_bill_t bill;
    int lists, choices, deltas; /* how many were met */
    chat_scan_t scan;
} chat_chunk_t;

/* 1: that is all of the event. 0: it has to be parsed. */
int chat_provider_completions_scan(chat_chunk_t *chunk,
                                   const chat_sse_event_t *event);

extern const chat_count_t chat_provider_completions_counts[];

void chat_provider_completions_count(chat_seen_t *seen,
                                     const chat_bill_t *bill);

const char *chat_provider_completions_cut(const chat_upstream_t *up,
                                          const char *code, const char *message,
                                          apr_pool_t *p);

/* Also of the Responses API: OpenAI's error object. */
void chat_provider_completions_refused(chat_err_t *err, int status,
                                       const char *body, apr_size_t len,
                                       apr_pool_t *p);

/* path of an OpenAI-like API, with Azure's api-version where configured. */
const char *chat_provider_completions_path(const char *path,
                                           const chat_upstream_t *up,
                                           apr_pool_t *p);

const char *chat_provider_completions_role(chat_role_e role);

/* {"role","content"} */
chat_json_t *chat_provider_completions_message(const char *role,
                                               const char *content,
                                               apr_pool_t *p);

/* All messages, the system's first unless it is NULL. */
chat_json_t *chat_provider_completions_messages(const chat_turn_t *turn,
                                                const char *system,
                                                apr_pool_t *p);

/* tools, and what goes with them. */
void chat_provider_completions_tools(chat_json_t *body, const chat_turn_t *turn,
                                     const chat_completions_t *kind,
                                     apr_pool_t *p);

/* name, schema and, only when the client said, strict. */
void chat_provider_completions_schema(chat_json_t *into,
                                      const chat_turn_t *turn);

/* temperature and top_p, for models that take them. */
void chat_provider_completions_sampling(chat_json_t *body,
                                        const chat_turn_t *turn);

/* Ask for token counts; what else stream_options says stays. */
void chat_provider_completions_usage(chat_json_t *body, apr_pool_t *p);

chat_wire_e chat_provider_completions_wire(const chat_upstream_t *up);

/* Is it that path of the API, with or without "/v1", or none at all? */
int chat_provider_completions_is_path(const char *path, const char *want);

apr_status_t chat_provider_completions_adopt(chat_turn_t *turn,
                                             chat_json_t *body,
                                             const char *path,
                                             const chat_upstream_t *up,
                                             chat_err_t *err, apr_pool_t *p);

/* Of a request in an API of OpenAI's: model, stream, and all of it. */
apr_status_t chat_provider_completions_take(chat_turn_t *turn,
                                            chat_json_t *body, chat_err_t *err);

/* ... our say in it. store: the API keeps answers unless told otherwise. */
void chat_provider_completions_say(chat_json_t *body, const chat_turn_t *turn,
                                   const chat_upstream_t *up, int store);

/* The body of turn->own. */
chat_json_t *chat_provider_completions_own(const chat_turn_t *turn,
                                           const chat_upstream_t *up,
                                           const chat_completions_t *kind,
                                           apr_pool_t *p);

/* The JSON of a whole answer, NULL when it is none. */
chat_json_t *chat_provider_completions_body(const char *body, apr_size_t len,
                                            apr_pool_t *p);

void chat_provider_completions_whole(chat_seen_t *seen, const char *body,
                                     apr_size_t len, const chat_upstream_t *up,
                                     apr_pool_t *p);

/* Where the caller counts: chat_provider_watch_measure(). */
void chat_provider_completions_measure(chat_watch_t *w);

/* ---- chat_provider_openai_*.c ---- */

void chat_provider_openai_observe(chat_seen_t *seen,
                                  const chat_sse_event_t *event,
                                  const chat_upstream_t *up, apr_pool_t *p);

void chat_provider_openai_parse(chat_parse_t *parse,
                                const chat_sse_event_t *event,
                                const chat_upstream_t *up, apr_pool_t *p);

/* One of the four events that end a Responses stream; root NULL: it is no
 * JSON. */
void chat_provider_openai_end(chat_watch_t *w, const chat_json_t *root,
                              int failed);

/* ... or of one that tells of no failure, in passing. */
void chat_provider_openai_close(chat_watch_t *w);

void chat_provider_openai_count(chat_seen_t *seen, const chat_json_t *usage);

apr_status_t chat_provider_openai_adopt(chat_turn_t *turn, chat_json_t *body,
                                        const char *path,
                                        const chat_upstream_t *up,
                                        chat_err_t *err, apr_pool_t *p);

/* Bodies of a Responses request: of a turn, and of turn->own. */
apr_status_t chat_provider_openai_body(chat_json_t **pbody,
                                       const chat_turn_t *turn,
                                       const chat_upstream_t *up,
                                       chat_err_t *err, apr_pool_t *p);
chat_json_t *chat_provider_openai_own(const chat_turn_t *turn,
                                      const chat_upstream_t *up, apr_pool_t *p);

/* So many output tokens as the Responses API takes; 0 stays. */
int chat_provider_openai_least(int most);

void chat_provider_openai_whole(chat_seen_t *seen, const char *body,
                                apr_size_t len, const chat_upstream_t *up,
                                apr_pool_t *p);

/* ---- chat_provider_anthropic_*.c ---- */

void chat_provider_anthropic_observe(chat_seen_t *seen,
                                     const chat_sse_event_t *event,
                                     const chat_upstream_t *up, apr_pool_t *p);
/* ... but for its measures. */
void chat_provider_anthropic_look(chat_watch_t *w);
void chat_provider_anthropic_whole(chat_seen_t *seen, const char *body,
                                   apr_size_t len, const chat_upstream_t *up,
                                   apr_pool_t *p);
void chat_provider_anthropic_parse(chat_parse_t *parse,
                                   const chat_sse_event_t *event,
                                   const chat_upstream_t *up, apr_pool_t *p);
/* The turn's messages but for the system's. APR_EINVAL: err says what of them
 * cannot be said there. */
apr_status_t chat_provider_anthropic_messages(chat_json_t *list,
                                              const chat_turn_t *turn,
                                              chat_err_t *err, apr_pool_t *p);
/* A schema in the subset that binds there. */
chat_json_t *chat_provider_anthropic_schema(chat_json_t *schema, apr_pool_t *p);
/* Tools, and whether to use them. */
void chat_provider_anthropic_tools(chat_json_t *body, const chat_turn_t *turn,
                                   apr_pool_t *p);

/* ---- chat_provider_gemini_*.c ---- */

void chat_provider_gemini_observe(chat_seen_t *seen,
                                  const chat_sse_event_t *event,
                                  const chat_upstream_t *up, apr_pool_t *p);
/* ... of a chunk that was parsed: errors, the end and the counts, or these
 * alone. */
void chat_provider_gemini_look(chat_watch_t *w, const chat_json_t *root);
void chat_provider_gemini_count(chat_seen_t *seen, const chat_json_t *root);

/* Is that finishReason (or NULL) a failure of the model's? */
int chat_provider_gemini_failure(const char *reason, apr_size_t len);

/* A chunk that is no failure. Not to be zeroed, as its scan. */
typedef struct chat_gemini_chunk_t {
    chat_piece_t text, reason;
    int thought; /* 1: the text is one */
    chat_bill_t bill;
    int lists, candidates, contents, part_lists, parts; /* that were met */
    int calls;
    chat_scan_t scan;
} chat_gemini_chunk_t;

/* 1: that is all of the event, but for calls and, of several texts, the last
 * alone is there. 0: it has to be parsed. */
int chat_provider_gemini_scan(chat_gemini_chunk_t *chunk,
                              const chat_sse_event_t *event);

extern const chat_count_t chat_provider_gemini_counts[];

/* The end and the bill of such a chunk. */
void chat_provider_gemini_close(chat_seen_t *seen,
                                const chat_gemini_chunk_t *chunk);

void chat_provider_gemini_whole(chat_seen_t *seen, const char *body,
                                apr_size_t len, const chat_upstream_t *up,
                                apr_pool_t *p);
void chat_provider_gemini_parse(chat_parse_t *parse,
                                const chat_sse_event_t *event,
                                const chat_upstream_t *up, apr_pool_t *p);
/* As for Anthropic. */
apr_status_t chat_provider_gemini_contents(chat_json_t *list,
                                           const chat_turn_t *turn,
                                           chat_err_t *err, apr_pool_t *p);
void chat_provider_gemini_tools(chat_json_t *body, const chat_turn_t *turn,
                                apr_pool_t *p);

#define CHAT_PROVIDER(id, name) extern const chat_provider_t chat_provider_##id;
#include "chat_provider_list.h"
#undef CHAT_PROVIDER

#endif
