/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's request: brigade -> bytes -> JSON -> chat_turn_t, with every
 * clamp and its message. Refusals in the order a server can afford them:
 * method, media type, size, syntax, then the schema.
 */
#ifndef CHAT_REQUEST_H
#define CHAT_REQUEST_H

#include <apr_pools.h>

#include "chat_err.h"
#include "chat_json.h"
#include "chat_types.h"

struct request_rec;

/* ---- httpd: the method, the media type, the body. Request thread. ---- */

/* 405 unless POST (with Allow), 415 unless application/json in UTF-8 without
 * a Content-Encoding. */
apr_status_t chat_request_check(struct request_rec *r, chat_err_t *err);

/* 415 unless application/json in UTF-8 without a Content-Encoding. */
apr_status_t chat_request_check_type(const struct request_rec *r,
                                     chat_err_t *err);

/* 1 when the request has no body. */
int chat_request_is_absent(const struct request_rec *r);

/* 405 unless GET or HEAD (with Allow). */
apr_status_t chat_request_check_get(const struct request_rec *r,
                                    chat_err_t *err);

/* What stands behind the path of the location that the route is configured in:
 * "" or "/ID". location NULL, or of a pattern: NULL, nobody can tell. */
const char *chat_request_rest(const struct request_rec *r,
                              const char *location);

/*
 * Read the body from the input filters, parsing while it arrives. *pbody
 * lives in p.
 * Fails with 413 (too many bytes, declared or seen), 400 invalid_json (not
 * JSON, too deep, too many values), 408 or 400 when the client stopped
 * sending. AP_FILTER_ERROR: httpd has answered by itself, as err says
 * (LimitRequestBody on a chunked body, broken chunks); send nothing and return
 * AP_FILTER_ERROR from the handler. r->eos_sent is set then.
 */
apr_status_t chat_request_read(chat_json_t **pbody, struct request_rec *r,
                               const chat_json_limits_t *limits,
                               chat_err_t *err, apr_pool_t *p);

/*
 * The body as it is, for what is signed or secret. *plen is the room in data,
 * then what is in it; 413 past that. wipe 1: of the buffers that it came in
 * nothing is left. Otherwise as chat_request_read().
 */
apr_status_t chat_request_read_raw(char *data, apr_size_t *plen,
                                   struct request_rec *r, int wipe,
                                   chat_err_t *err);

/* 415 where the body comes with a Content-Encoding. */
apr_status_t chat_request_check_plain(const struct request_rec *r,
                                      chat_err_t *err);

/* The same for a long list, of at most so many bytes. *prest is what
 * chat_json_items_end() gives. An element that was not taken is a 400
 * invalid_request. */
apr_status_t chat_request_read_items(chat_json_t **prest, struct request_rec *r,
                                     chat_json_items_t *items, apr_size_t limit,
                                     chat_err_t *err);

/* ---- pure: the schemas of the routes (APR and chat_json) ---- */

/* Where in a conversation the turn stands. */
typedef struct chat_request_place_t {
    const char *conversation; /* its id; NULL: none is named */
    int has_parent;           /* 1: parent was named */
    const char *parent;       /* id of a message; NULL: the root */
    const char *id;           /* of the client's message, or NULL */
    chat_json_t *parts;       /* of it, an array as it is kept; NULL: what the
                                 turn's messages have */
} chat_request_place_t;

/* What becomes of an answer that is left: as ChatStreamOnLeave says, or as the
 * request does. */
typedef enum {
    CHAT_LEAVE_USUAL,
    CHAT_LEAVE_FINISH,
    CHAT_LEAVE_STOP
} chat_leave_e;

/* A request of a client, read. What it points to lives as long as its body. */
typedef struct chat_request_t {
    chat_turn_t turn;
    chat_request_place_t place;
    int usage;           /* 1: the client wants token counts (completions) */
    const char *session; /* that it goes on with (message), or NULL */
    chat_leave_e leave;
    int status;   /* 1: the client wants to know what is waited for */
    int named;    /* 1: and what its conversation is called by then */
    int coalesce; /* pieces of text that come within so many ms are to be one
                     event; 0: each is one */
} chat_request_t;

typedef struct chat_request_clamps_t {
    int messages;          /* at most so many */
    int message_length;    /* characters of one: of the user and the system */
    int answer_length;     /* of one that the assistant gave, or a tool; 0:
                              message_length */
    int count_utf16;       /* 1: as zod before 4.5 counts, else code points */
    int total_length;      /* UTF-16 units of all */
    int max_output_tokens; /* cap */
    int keeps;             /* 1: conversations are kept here */
    const char *uploads;   /* path of users' files, where there are any: a URL
                              below it is one of them; or NULL */
} chat_request_clamps_t;

/* What a request of the stream route, or of a conversation, may say of how it
 * is answered: "onLeave" ("finish" or "stop"), "events" (an array of "status"
 * and "conversation") and "coalesce" (0 to 1000), the last in its query as well
 * (NULL: it has none), where the body does not. Fails with a 400: it says
 * something else, or there is nothing to be kept (kept 0) for a client that has
 * left. */
apr_status_t chat_request_wishes(chat_request_t *request,
                                 const chat_json_t *body, const char *query,
                                 int kept, chat_err_t *err, apr_pool_t *p);

/* 1 when text is a UUID in lower-case hexadecimal. */
int chat_request_is_id(const char *text);

/*
 * Validate as zod 4.6 does. APR_SUCCESS: turn is filled (model NULL when the
 * client named none; request_id stays as it is); its strings and its schema
 * are borrowed from body. APR_EINVAL: turn is untouched, err is 400
 * invalid_request and err->issues the JSON array of zod's issue objects, in
 * zod's order.
 */
apr_status_t chat_request_validate(chat_turn_t *turn, chat_json_t *body,
                                   const chat_request_clamps_t *clamps,
                                   chat_err_t *err, apr_pool_t *p);

/*
 * The same schema with what the stream route has more: "tools" (name,
 * description?, parameters?), "toolChoice" ("auto", "none", "required" or
 * {"name"}), messages of the role "tool" with "toolCallId", and of the
 * assistant with "toolCalls" (id, name, arguments), whose content may be empty
 * then, and "responseFormat" may be "json". Results and arguments count as
 * contents do; a result may be empty, and answers a call that an earlier
 * message made. Verdicts on everything else stay zod's.
 */
apr_status_t chat_request_validate_tools(chat_turn_t *turn, chat_json_t *body,
                                         const chat_request_clamps_t *clamps,
                                         chat_err_t *err, apr_pool_t *p);

/*
 * That schema with "conversationId"?, "parentId"? (null is the root) and "id"?,
 * all of them UUIDs. With a conversation the messages are what is new in it:
 * one of the user, or those of the role "tool" that answer the calls of the
 * message before; the rest is known here. Where no conversation is kept it is a
 * 400 "unsupported" to name one.
 */
apr_status_t chat_request_validate_kept(chat_request_t *request,
                                        chat_json_t *body,
                                        const chat_request_clamps_t *clamps,
                                        chat_err_t *err, apr_pool_t *p);

/*
 * A turn of a conversation that the path names: {"id"?, "parentId"?, "content"
 * or "parts", ...}, the rest as on the stream route. Parts are texts
 * ({"type": "text", "text"}), or what tools gave ({"type": "tool-result",
 * "callId", "content"}), not both. regenerate 1: no message is in it.
 * place.conversation stays NULL.
 */
apr_status_t chat_request_conversation(chat_request_t *request,
                                       chat_json_t *body, int regenerate,
                                       const chat_request_clamps_t *clamps,
                                       chat_err_t *err, apr_pool_t *p);

/*
 * {"message", "model_id"?, "session_id"?}. *psession is NULL where none is
 * named. The turn has one message. What would need more (tools, a format) is
 * refused with 400 "unsupported", the rest as above: 400 invalid_request with
 * issues. A message of white space is too_small. null for an optional member
 * means that it is not there.
 */
apr_status_t chat_request_message(chat_turn_t *turn, const char **psession,
                                  chat_json_t *body,
                                  const chat_request_clamps_t *clamps,
                                  chat_err_t *err, apr_pool_t *p);

/* 400 "unsupported" where the body asks, in a member of some other API, for
 * what would change the answer and has no place here ("stop", "top_p", "n");
 * err->param names it. Others that are unknown are left out, as zod leaves them
 * out. */
apr_status_t chat_request_refuse_foreign(const chat_json_t *body,
                                         chat_err_t *err, apr_pool_t *p);

/*
 * OpenAI's Chat Completions request. *pusage is 1 when the client wants a chunk
 * with the token counts. Members that change nothing about the answer (user,
 * metadata, store, ...) are left out, what no upstream of ours could honour
 * (n > 1, audio, logprobs, the old "functions") is refused with 400
 * "unsupported"; members we do not know go to turn->extra.
 * err->param names the member that is wrong. A content may be "" (OpenAI takes
 * it), parts that are all text arrive joined, turn->system stays NULL.
 */
apr_status_t chat_request_completions(chat_turn_t *turn, int *pusage,
                                      chat_json_t *body,
                                      const chat_request_clamps_t *clamps,
                                      chat_err_t *err, apr_pool_t *p);

/* ---- pure: a form with a file (multipart/form-data) ---- */

/* The bytes of the body that follow, *plen at most; 0: there are no more. */
typedef apr_status_t chat_request_form_get_fn(void *ctx, char *data,
                                              apr_size_t *plen,
                                              chat_err_t *err);

typedef struct chat_request_form_t chat_request_form_t;

/* As the client says it; texts are UTF-8. */
typedef struct chat_request_form_file_t {
    const char *filename, *media_type;
} chat_request_form_file_t;

/* Up to the bytes of the first file of the name "file"; what stands before it
 * is left out. APR_EINVAL: 400 invalid_request. Other failures are those of
 * get. */
apr_status_t chat_request_form_open(chat_request_form_t **pform,
                                    const char *content_type,
                                    chat_request_form_get_fn *get, void *ctx,
                                    chat_err_t *err, apr_pool_t *p);
const chat_request_form_file_t *
chat_request_form_file(const chat_request_form_t *form);
/* Its bytes that follow, *plen at most; 0: that was all. */
apr_status_t chat_request_form_read(chat_request_form_t *form, char *data,
                                    apr_size_t *plen, chat_err_t *err);

/* ---- pure: a user's key ---- */

/*
 * The text of the member "key" of a JSON object, without blanks around it,
 * taken out of its body: *pkey is in memory for secrets (chat_seal.h), and "x"
 * stand in its place in body. NULL: there is no such text. APR_EINVAL, 400
 * key_format: it is not 1 to 1,024 visible characters. APR_ENOMEM, 503.
 */
apr_status_t chat_request_key_take(char **pkey, char *body, apr_size_t len,
                                   chat_err_t *err, apr_pool_t *p);

/* 400 key_format where a key by its beginning belongs to another provider than
 * that type (as in ChatProviderType), or is not for asking models. */
apr_status_t chat_request_key_fits(const char *key, const char *type,
                                   chat_err_t *err, apr_pool_t *p);

/* What may be shown of it: its last four characters, or "". */
const char *chat_request_key_last4(const char *key, apr_pool_t *p);

/*
 * An address of a user's own for an API: https, port 443, a name and no number,
 * at most 255 characters, without user, query and fragment. *phost is the name.
 * APR_EINVAL: 400 invalid_request.
 */
apr_status_t chat_request_key_url(const char **purl, const char **phost,
                                  const char *url, chat_err_t *err,
                                  apr_pool_t *p);

/* ---- pure: events of payment services ---- */

/* What is signed at most, in bytes. */
#define CHAT_REQUEST_WEBHOOK_MAX (256 * 1024)

/* The header that has the signature. */
const char *chat_request_webhook_header(int kind);

/*
 * Is body signed with one of the secrets? header may be NULL, now is in
 * seconds since 1970. APR_EACCES: it is not, and *pwhy says why, without
 * anything of the header. APR_EGENERAL: libcrypto cannot say.
 */
apr_status_t chat_request_webhook_signed(const char **pwhy, int kind,
                                         const char *header, const char *body,
                                         apr_size_t len,
                                         const apr_array_header_t *secrets,
                                         apr_int64_t now, apr_pool_t *p);

/* What an event says. Texts are NULL and times 0 where it does not say; times
 * are milliseconds since 1970. */
typedef struct chat_request_webhook_t {
    const char *id, *type;
    apr_int64_t at;   /* of the event. Of one second, what makes a
                         subscription comes first, its end last */
    int test;         /* 1: no money is paid, 0: it is, -1: it does not say */
    int foreign;      /* 1: of another account than one's own */
    int counts;       /* 1: it is about who pays; 0: nobody here asks */
    const char *user; /* the application's id of who pays */
    const char *customer;
    const char *subscription; /* NULL: it only tells whose a customer is */
    const char *status, *before;
    apr_array_header_t *prices; /* const char *: by the names that ChatTierPrice
                                   has for them */
    int access, grace;          /* as of chat_store_payment_t */
    apr_int64_t until;
} chat_request_webhook_t;

/* grace: for so many milliseconds there is access behind the end of what was
 * paid, and while a payment fails. APR_EINVAL: it is no event; err is a 400. */
apr_status_t chat_request_webhook_read(chat_request_webhook_t *event, int kind,
                                       const char *body, apr_size_t len,
                                       apr_int64_t grace, chat_err_t *err,
                                       apr_pool_t *p);

/* ---- pure: the body of POST /api/chat of Vercel's chat template ---- */

typedef struct chat_request_vercel_t {
    const char *chat;       /* its id, in lower case */
    const char *message;    /* id of the message, in lower case */
    const char *parts;      /* of it: JSON, of the members that are known */
    const char *text;       /* all that is text in them */
    chat_json_t *json;      /* {"id", "role", "parts"} */
    const char *model;      /* selectedChatModel */
    const char *visibility; /* "public" or "private" */
} chat_request_vercel_t;

/* APR_EINVAL where the template's own schema (zod 3) refuses it: err is 400
 * invalid_request. max: UTF-16 units of a text. Strings are borrowed from body
 * or made in p. */
apr_status_t chat_request_vercel(chat_request_vercel_t *asked,
                                 const chat_json_t *body, int max,
                                 chat_err_t *err, apr_pool_t *p);

/* ---- pure: messages of the AI SDK (versions 5 to 7) ---- */

/* What of {"mod_chat": {...}} in a part's providerMetadata comes back: the
 * details of an answer, and what a provider wants back with a call. */
#define CHAT_REQUEST_UI_OWN "mod_chat"

/*
 * {"messages": [...]} or {"message"}, "id"?, "selectedChatModel" or "model"?,
 * "selectedVisibilityType"?, and of the stream route's members "system",
 * "temperature", "maxOutputTokens", "responseFormat", "tools", "toolChoice".
 * "trigger" and "messageId" change nothing: the messages are what is to be
 * answered. turn.app is what an application is told, see below. Fails with 400
 * invalid_request and zod's issues.
 */
apr_status_t chat_request_ui(chat_request_t *request, chat_json_t *body,
                             const chat_request_clamps_t *clamps,
                             chat_err_t *err, apr_pool_t *p);

/*
 * The messages of a turn, of an array of UIMessages ({"role", "parts"}): those
 * of one chat, the oldest first, whoever has kept them. Texts are joined; files
 * become OpenAI's parts; of the assistant each step is a message of its own,
 * with the calls in it that were answered (a result, an error, a denial), each
 * followed by what was given for them; thoughts come back as such. What the
 * provider ran itself, data-* and other parts are left out, as are messages of
 * which nothing is left. All of it is borrowed from messages or made in p.
 * Sets messages and nmessages of turn alone. Fails as above, also where no
 * message is left; the paths begin with "messages".
 */
apr_status_t chat_request_ui_messages(chat_turn_t *turn,
                                      const chat_json_t *messages,
                                      const chat_request_clamps_t *clamps,
                                      chat_err_t *err, apr_pool_t *p);

/* What POST /api/chat/stream of an application is told, but for the model,
 * which the provider adds: turn.app. existing is an array of messages as their
 * table has them ({"id", "chatId", "role", "parts", "attachments",
 * "createdAt"}); NULL for any: it is not there, existing is []. What is given
 * is shared, not copied. */
chat_json_t *chat_request_ui_app(const char *id, chat_json_t *message,
                                 const char *visibility, chat_json_t *existing,
                                 apr_pool_t *p);

/* ---- pure: bodies of the routes of conversations ---- */

/* What these may have at most. */
typedef struct chat_request_bounds_t {
    int title;    /* characters */
    int metadata; /* pairs of a key and a text */
    int parts;    /* of a message */
} chat_request_bounds_t;

/* What a client says of a conversation. A member that is absent is not in said;
 * null is, and its text is NULL. */
typedef enum {
    CHAT_REQUEST_HAS_ID = 1 << 0,
    CHAT_REQUEST_HAS_TITLE = 1 << 1,
    CHAT_REQUEST_HAS_PINNED = 1 << 2,
    CHAT_REQUEST_HAS_ARCHIVED = 1 << 3,
    CHAT_REQUEST_HAS_MODEL = 1 << 4,
    CHAT_REQUEST_HAS_SYSTEM = 1 << 5,
    CHAT_REQUEST_HAS_METADATA = 1 << 6,
    CHAT_REQUEST_HAS_CURRENT = 1 << 7
} chat_request_has_e;

typedef struct chat_request_conversation_t {
    unsigned said; /* chat_request_has_e */
    const char *id;
    const char *title, *model, *system;
    const char *metadata; /* a JSON object's text */
    const char *current;
    int pinned, archived;
} chat_request_conversation_t;

/* All of these: APR_EINVAL, and err as chat_request_validate() has it. Strings
 * are borrowed from body or made in p. Members that are not known are ignored.
 */
apr_status_t chat_request_rest_conversation(chat_request_conversation_t *c,
                                            const chat_json_t *body,
                                            const chat_request_bounds_t *bounds,
                                            chat_err_t *err, apr_pool_t *p);

/* {"parts": [...]} of a message: *pparts is the JSON text of those members that
 * are known, *ptext all text parts, joined. */
apr_status_t chat_request_rest_parts(const char **pparts, const char **ptext,
                                     const chat_json_t *body,
                                     const chat_request_bounds_t *bounds,
                                     chat_err_t *err, apr_pool_t *p);

/* {"kind": "positive" | "negative" | null, "reason"?} */
apr_status_t chat_request_rest_feedback(const char **pkind,
                                        const char **preason,
                                        const chat_json_t *body,
                                        chat_err_t *err, apr_pool_t *p);

typedef struct chat_request_share_t {
    int live;
    const char *leaf;    /* or NULL */
    apr_int64_t expires; /* milliseconds since 1970, 0: never */
    int show_model;
} chat_request_share_t;

/* Each member may be absent; the defaults are a snapshot of the current leaf
 * for ever, with the model. now: in milliseconds. */
apr_status_t chat_request_rest_share(chat_request_share_t *share,
                                     const chat_json_t *body, apr_int64_t now,
                                     chat_err_t *err, apr_pool_t *p);

/* {"messageId"} */
apr_status_t chat_request_rest_message_id(const char **pid,
                                          const chat_json_t *body,
                                          chat_err_t *err, apr_pool_t *p);

/* "2026-11-28T12:34:56.789Z": milliseconds since 1970; -1 when it is no such
 * time. The fraction may be absent, or of any length. */
apr_int64_t chat_request_rest_time(const char *text);

/* ---- what an administrator sets ---- */

/* Members that a body has: bits. */
#define CHAT_REQUEST_ADMIN_ENABLED (1u << 0)
#define CHAT_REQUEST_ADMIN_TIER (1u << 1)
#define CHAT_REQUEST_ADMIN_PRICE (1u << 2) /* and so on, of four prices */

typedef struct chat_request_admin_model_t {
    unsigned said;
    int enabled;          /* -1: null, as the configuration has it */
    chat_json_t *tier;    /* an array of words, borrowed; NULL: null */
    apr_int64_t price[4]; /* in, out, cached, reasoning: as in
                             chat_price_t; -1: null */
} chat_request_admin_model_t;

/* {"enabled"?,"tier"?,"priceIn"?,"priceOut"?,"priceCached"?,"priceReasoning"?},
 * each of which may be null; dollars for a million tokens. No other member is
 * accepted, here and below. 400 with issues otherwise. */
apr_status_t chat_request_admin_model(chat_request_admin_model_t *model,
                                      const chat_json_t *body, chat_err_t *err,
                                      apr_pool_t *p);

/* {"limit"}: 0 to most, a whole number unless money is 1. */
apr_status_t chat_request_admin_limit(double *plimit, const chat_json_t *body,
                                      int money, double most, chat_err_t *err,
                                      apr_pool_t *p);

/* {"tier","until"?}: *ptier is NULL for null, *puntil ms since 1970, 0: for
 * ever. now: an earlier time is refused. */
apr_status_t chat_request_admin_tier(const char **ptier, apr_int64_t *puntil,
                                     const chat_json_t *body, apr_int64_t now,
                                     chat_err_t *err, apr_pool_t *p);

/* {"reason","until"?}: the same with a code. */
apr_status_t chat_request_admin_block(const char **preason, apr_int64_t *puntil,
                                      const chat_json_t *body, apr_int64_t now,
                                      chat_err_t *err, apr_pool_t *p);

/* ---- chat_request_text.c: which strings are texts; pure ---- */

/* A text that is no code, id or data in itself, at that member of an object;
 * key NULL: it stands in an array. */
int chat_request_text_is_one(const chat_json_t *object, const char *key,
                             const char *text);
/* 1: what that member of an object holds is of its writer's own making,
 * whatever its members are called: what a tool was given, or has given, or what
 * that may be. All of it is read, the names as well. */
int chat_request_text_is_free(const chat_json_t *object, const char *key);

/* ---- chat_request_prompt.c: what the user says, in any form; pure ---- */

/*
 * All that a user says since the last answer, in every member in which a route
 * or a provider may look for it: JSON strings, objects and arrays of parts
 * (const chat_json_t *), in p. *pends, if it is not NULL: 1 when the request
 * ends with it, 0 when something of the model or of a tool follows.
 */
apr_array_header_t *chat_request_prompts(const chat_json_t *body, int *pends,
                                         apr_pool_t *p);

/* The texts of such values, with line feeds between; in p. others, if it is not
 * NULL, has the parts that are no text, as JSON. */
const char *chat_request_prompt_text(const apr_array_header_t *prompts,
                                     const char **pothers, apr_pool_t *p);

#endif
