/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies, for APIs with forms of their own: what a message holds, and requests
 * in the provider's own words (turn->native). Pure, any thread.
 */
#ifndef CHAT_PROVIDER_CONTENT_H
#define CHAT_PROVIDER_CONTENT_H

#include "chat_json.h"
#include "chat_provider.h"
#include "chat_provider_event.h"

/* ---- chat_provider_content.c ---- */

/* The text of a part of type "text"; NULL: it is another. */
const char *chat_provider_content_text(const chat_json_t *part);

/* An image as OpenAI's parts have it. */
typedef struct chat_image_t {
    const char *url;  /* https://...; NULL: the image itself is in data */
    const char *type; /* its media type */
    const char *data; /* in base64 */
} chat_image_t;

/* 0: the part is none, or one that cannot be had. */
int chat_provider_content_image(chat_image_t *image, const chat_json_t *part,
                                apr_pool_t *p);

/* A PDF as OpenAI's parts have one, in the same way. */
int chat_provider_content_document(chat_image_t *file, const char **pname,
                                   const chat_json_t *part, apr_pool_t *p);

/* {"role","content"} */
chat_json_t *chat_provider_content_message(const char *role,
                                           const char *content, apr_pool_t *p);

/* The JSON object that text is, NULL when it is none. */
chat_json_t *chat_provider_content_object(const char *text, apr_pool_t *p);

/* The arguments of a call of a tool, which may be left out; NULL: they are no
 * object. */
chat_json_t *chat_provider_content_arguments(const chat_tool_call_t *call,
                                             apr_pool_t *p);

/* A whole answer that stands for an event, in w's pool; NULL: it is no JSON. */
chat_json_t *chat_provider_content_body(chat_watch_t *w);

/* ---- chat_provider_detail.c ---- */

/* What of a message comes next. */
typedef enum {
    CHAT_DETAIL_END,
    CHAT_DETAIL_TEXT,  /* text: a piece of its content */
    CHAT_DETAIL_CALL,  /* call */
    CHAT_DETAIL_ITSELF /* one of the details: json, type, id */
} chat_detail_e;

/* A message of the assistant, its content, calls and details in the order in
 * which they were said. */
typedef struct chat_detail_t {
    const char *text; /* in the pool of _next() */
    const chat_tool_call_t *call;
    const chat_json_t *json; /* all of the detail */
    const char *type;        /* "reasoning.text", ... */
    const char *id;          /* the provider's own, or a number */
    /* private */
    const chat_message_t *message;
    const char *owner;
    int at, is_found, is_given;  /* the detail that comes next */
    int after_text, after_calls; /* it stands behind so many characters, and
                                    calls */
    const char *rest;            /* of the content */
    int points, calls;           /* that came */
} chat_detail_t;

/* With the details that providers of that type (as in ChatProviderType) made;
 * all others are left out. */
void chat_provider_detail_begin(chat_detail_t *w, const chat_message_t *m,
                                const char *owner);
chat_detail_e chat_provider_detail_next(chat_detail_t *w, apr_pool_t *p);

/* Has it any of those? */
int chat_provider_detail_is_any(const chat_message_t *m, const char *owner);

/* Those that belong to no type: an upstream has the form itself. NULL: none. */
chat_json_t *chat_provider_detail_foreign(const chat_message_t *m,
                                          apr_pool_t *p);

/* Does any belong to one? Then it is known who said the message. */
int chat_provider_detail_is_owned(const chat_message_t *m);

/* ---- chat_provider_more.c: members that only some APIs have ---- */

/* The first of turn->extra that is not among known, whose names end with NULL,
 * and says something; NULL: there is none. */
const char *chat_provider_more_unknown(const chat_turn_t *turn,
                                       const char *const *known);

/* 400 that names it. */
apr_status_t chat_provider_more_refuse(chat_err_t *err, const char *name,
                                       apr_pool_t *p);

/* Those of turn->extra that the provider has, each under its own name: pairs of
 * the client's name and the provider's, which end with NULL. */
void chat_provider_more_add(chat_json_t *into, const chat_turn_t *turn,
                            const char *const (*names)[2]);

/* ---- chat_provider_native.c ---- */

/* Of a body with model and stream in it: these, and the body as turn->native.
 * APR_EINVAL: the model is no string, or a member asks for other models, or for
 * several answers. */
apr_status_t chat_provider_native_take(chat_turn_t *turn, chat_json_t *body,
                                       chat_err_t *err);

/* 404: of this API there is only that call, as message says. */
apr_status_t chat_provider_native_refuse_path(chat_err_t *err,
                                              const char *message);

/* An object with the same members but for one (or NULL), to set others in: the
 * original is needed for the next candidate. */
chat_json_t *chat_provider_native_copy(const chat_json_t *object,
                                       const char *except, apr_pool_t *p);

/* The first of those members, whose names end with NULL, that is there and is
 * not the number 1; or NULL. */
const char *chat_provider_native_several(const chat_json_t *object,
                                         const char *const *names);
/* Let that member say no more than most (0: whatever it likes). */
void chat_provider_native_cap(chat_json_t *object, const char *key, int most);

/* A count of tokens as turn->max_output_tokens has it. */
int chat_provider_native_most(const chat_json_t *v);

#endif
