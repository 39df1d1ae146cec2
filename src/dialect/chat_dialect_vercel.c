/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors as Vercel's chat template tells them to its page: a code of a type and
 * a surface, a sentence, and the status of the type. Pure, any thread.
 */
#include "chat_dialect.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_json.h"

typedef struct told_t {
    const char *code, *message;
    int status;
} told_t;

#define ANY "Something went wrong. Please try again later."

static const told_t invalid = {
    "bad_request:api",
    "The request couldn't be processed. Please check your input and try "
    "again.",
    400};
static const told_t unknown = {
    "unauthorized:chat",
    "You need to sign in to view this chat. Please sign in and try again.",
    401};
static const told_t foreign = {
    "forbidden:chat",
    "This chat belongs to another user. Please check the chat ID and try "
    "again.",
    403};
static const told_t missing = {
    "not_found:chat",
    "The requested chat was not found. Please check the chat ID and try again.",
    404};
static const told_t no_stream = {"not_found:stream", ANY, 404};
static const told_t limited = {
    "rate_limit:chat",
    "You have exceeded your maximum number of messages for the day. Please try "
    "again later.",
    429};
static const told_t offline = {
    "offline:chat",
    "We're having trouble sending your message. Please check your internet "
    "connection and try again.",
    503};
/* What is wrong with the database is for the log alone. */
static const told_t database = {"", ANY, 400};

/* By our own word, where its status says too little. */
static const struct {
    const char *code;
    const told_t *told;
} words[] = {
    {"no_such_user", &database},   {"already_exists", &database},
    {"no_stream", &no_stream},     {"model_forbidden", &invalid},
    {"model_not_found", &invalid}, {"model_required", &invalid},
};

/* An app's own errors, which it tells as its page knows them. Whom it does not
 * know is this server. */
static const told_t *const own[] = {&invalid,   &foreign, &missing,
                                    &no_stream, &limited, &offline};

static const told_t *find_own(const char *code)
{
    apr_size_t i;

    for (i = 0; i < sizeof(own) / sizeof(*own); i++)
        if (!strcmp(own[i]->code, code))
            return own[i];
    return NULL;
}

static const told_t *find_word(const char *code)
{
    apr_size_t i;

    for (i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (!strcmp(words[i].code, code))
            return words[i].told;
    return find_own(code);
}

/* What goes wrong behind this server is no fault of who asks. */
static const told_t *find_status(const chat_err_t *err)
{
    if (!strncmp(err->code, "upstream_", 9))
        return &offline;
    switch (err->status) {
    case 401:
        return &unknown;
    case 403:
        return &foreign;
    case 404:
        return &missing;
    case 429:
        return &limited;
    default:
        return err->status < 500 ? &invalid : &offline;
    }
}

static const told_t *find(const chat_err_t *err)
{
    const told_t *told = err->upstream && *err->upstream->code
                             ? find_own(err->upstream->code)
                             : NULL;

    if (!told)
        told = find_word(err->code);
    return told ? told : find_status(err);
}

/* A method, a type or a size is refused before the template would see it. */
int chat_dialect_vercel_status(const chat_err_t *err)
{
    return err->status == 405 || err->status == 413 || err->status == 415
               ? err->status
               : find(err)->status;
}

const char *chat_dialect_vercel_refusal(const chat_err_t *err, const char *id,
                                        apr_pool_t *p)
{
    const told_t *told = find(err);

    return apr_pstrcat(p, "{\"code\":", chat_json_quote(told->code, p),
                       ",\"message\":", chat_json_quote(told->message, p), "}",
                       NULL);
}
