/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the author of a provider uses. A provider is a chat_provider_t in a file
 * chat_provider_<id>.c and a line in chat_provider_list.h. One that speaks Chat
 * Completions fills in a chat_provider_completions_t, leaves its streams to
 * CHAT_PROVIDER_COMPLETIONS and may change what is said (add_members) and what
 * an error means (map_error). One with an API of its own writes every function
 * of the contract, as chat_provider_anthropic.c does, with what is in
 * chat_provider_content.h (bodies) and chat_provider_event.h (streams). All of
 * it is pure, for any thread; what is returned lives in p, or in what was
 * given.
 */
#ifndef CHAT_PROVIDER_KIT_H
#define CHAT_PROVIDER_KIT_H

#include "chat_json.h"
#include "chat_provider.h"

#define CHAT_PROVIDER(id, name, caps)                                          \
    extern const chat_provider_t chat_provider_##id;
#include "chat_provider_list.h"
#undef CHAT_PROVIDER

/* ---- Chat Completions ---- */

/* In what those who speak Chat Completions differ. */
typedef struct chat_provider_completions_t {
    const char *most; /* the member for the most output tokens */
    int either_most;  /* 1: takes either name for that: the client's stays */
    int reasoning;    /* 1: wants the thoughts of its messages back */
    int details;      /* 1: and details of thoughts, extra contents of calls */
    int developer;    /* 1: knows the role "developer" */
    int longest_id;   /* bytes of the id of a call; 0: any */
    const char *required; /* the tool_choice that demands a call */
    int store;            /* 1: "store" is known, and said */
    int usage;            /* 1: tokens are told only to whom asks for them */
    int schema;           /* 1: takes a JSON schema, 0: promises JSON alone */
    const char *effort;   /* the member for turn->effort; NULL: it has
                             another form, see add_members */
    const char *const (*renamed)[2]; /* members of turn->extra: the client's
                                        name, the provider's; ends with NULL */
    /* Sets members of a body that is complete otherwise: chat_json_add() puts
     * one in or replaces it. Not called where the body is the client's own
     * (turn->native). NULL: there are none. */
    void (*add_members)(chat_json_t *body, const chat_turn_t *turn,
                        const chat_upstream_t *up, apr_pool_t *p);
} chat_provider_completions_t;

/* build_call() for such a provider: POST /chat/completions, Bearer key. */
apr_status_t chat_provider_completions_build_call(
    chat_call_t *call, const chat_turn_t *turn, const chat_upstream_t *up,
    const chat_provider_completions_t *kind, chat_err_t *err, apr_pool_t *p);

/* map_error() for OpenAI's {"error": {"code", "type", "param"}}. */
void chat_provider_completions_map_error(chat_err_t *err, int status,
                                         const char *body, apr_size_t len,
                                         apr_pool_t *p);

const char *chat_provider_completions_wire_format(const chat_upstream_t *up);
unsigned chat_provider_completions_lacks(const chat_upstream_t *up,
                                         const char *model);
apr_status_t chat_provider_completions_read_native(
    chat_turn_t *turn, chat_json_t *body, const char *path,
    const chat_upstream_t *up, chat_err_t *err, apr_pool_t *p);
void chat_provider_completions_observe_event(chat_seen_t *seen,
                                             const chat_sse_event_t *event,
                                             const chat_upstream_t *up,
                                             apr_pool_t *p);
void chat_provider_completions_parse_event(chat_parse_t *parse,
                                           const chat_sse_event_t *event,
                                           const chat_upstream_t *up,
                                           apr_pool_t *p);
void chat_provider_completions_observe_body(chat_seen_t *seen, const char *body,
                                            apr_size_t len,
                                            const chat_upstream_t *up,
                                            apr_pool_t *p);
const char *chat_provider_completions_make_cut_event(const chat_upstream_t *up,
                                                     const char *code,
                                                     const char *message,
                                                     apr_pool_t *p);

/* All members of the contract but build_call, map_error and model. */
#define CHAT_PROVIDER_COMPLETIONS                                              \
    .wire_format = chat_provider_completions_wire_format,                      \
    .lacks = chat_provider_completions_lacks,                                  \
    .read_native = chat_provider_completions_read_native,                      \
    .observe_event = chat_provider_completions_observe_event,                  \
    .parse_event = chat_provider_completions_parse_event,                      \
    .observe_body = chat_provider_completions_observe_body,                    \
    .make_cut_event = chat_provider_completions_make_cut_event

/* ---- the call ---- */

/* Fill call but for its body: path behind the base URL, the usual headers, the
 * key in the header usual (chat_key_e) unless the configuration names another.
 * APR_EINVAL: the key or the request's id would break a header line. */
apr_status_t chat_provider_call(chat_call_t *call, const char *path, int usual,
                                const chat_turn_t *turn,
                                const chat_upstream_t *up, chat_err_t *err,
                                apr_pool_t *p);
void chat_provider_call_header(chat_call_t *call, const char *name,
                               const char *value, apr_pool_t *p);
void chat_provider_call_body(chat_call_t *call, const chat_json_t *body,
                             apr_pool_t *p);
/* APR_EINVAL and 400 "unsupported": the upstream cannot do what was asked. */
apr_status_t chat_provider_call_refuse(chat_err_t *err, const char *message);
/* The turn's system and all its system messages with blank lines between, for
 * an API that has one place for them; NULL when there are none. */
const char *chat_provider_call_system(const chat_turn_t *turn, apr_pool_t *p);
/* The id of a call in no more than longest bytes (0: any number), of letters,
 * digits, "_" and "-" alone where more is "", and of the characters in more,
 * too; more NULL: of any. One that does not fit becomes another, the same each
 * time, so that calls and what the tools gave still meet; two that differ stay
 * two. NULL stays. */
const char *chat_provider_call_id(const char *id, const char *more, int longest,
                                  apr_pool_t *p);
/* The schema of the tool's parameters: that of an object, where it says no
 * more, and of an empty one, where it has none. */
chat_json_t *chat_provider_call_parameters(const chat_tool_t *tool,
                                           apr_pool_t *p);
/* Nothing but white space: some APIs refuse a message like that. */
int chat_provider_call_blank(const char *text);

/* ---- errors ---- */

/* The JSON of a refusal, NULL when it is none (too large, cut, HTML). */
chat_json_t *chat_provider_error_body(const char *body, apr_size_t len,
                                      apr_pool_t *p);
/* What an HTTP status means where nothing more is known. code and param: what
 * chat_provider_error_word() gave, to be repeated to the client, or NULL. */
void chat_provider_error_status(chat_err_t *err, int status, const char *code,
                                const char *param, apr_pool_t *p);
/* Of an error that came in a stream: seen's status, refusal and told. The first
 * counts. key (or NULL) is no word of it. */
void chat_provider_refusal_read(chat_seen_t *seen, const char *body,
                                apr_size_t len, const char *key, apr_pool_t *p);
/* The key is no good, or the account behind it, whatever the status says. */
void chat_provider_error_auth(chat_err_t *err);
void chat_provider_error_quota(chat_err_t *err);
/*
 * A word for programs ("rate_limit_exceeded", 429) that may be shown and
 * logged; NULL: v is none, is longer than CHAT_PROVIDER_WORD_MAX, has a
 * character outside [A-Za-z0-9_.-] and extra, or looks like a key, as secret
 * (or NULL) does.
 */
#define CHAT_PROVIDER_WORD_MAX CHAT_REFUSAL_WORD_MAX
const char *chat_provider_error_word(const chat_json_t *v, const char *extra,
                                     const char *secret, apr_pool_t *p);

#endif
