/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request of one message: {"message", "model_id"?, "session_id"?}. null for
 * an optional member means that it is not there, members that we do not know
 * are ignored. Issues look as zod's do. Pure (APR and chat_json), any thread.
 *
 * The message goes on as it came. One that says nothing (only white space, as
 * Unicode has it) is refused, and so is one with control characters other than
 * tab, line feed and carriage return: they carry no meaning for a model, and
 * can forge lines in whatever shows the message.
 */
#include "chat_request.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "chat_request_int.h"

#define SESSION_MAX 128
#define SESSION_PATTERN "/^[A-Za-z0-9._-]{1,128}$/"

/* ---- characters ---- */

/* The bytes of the white space that text starts with, 0: none. */
static apr_size_t space(const char *text)
{
    static const char *const spaces[] = {
        "\t",           "\n",           "\v",
        "\f",           "\r",           " ",
        "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80",
        "\xe2\x80\x81", "\xe2\x80\x82", "\xe2\x80\x83",
        "\xe2\x80\x84", "\xe2\x80\x85", "\xe2\x80\x86",
        "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89",
        "\xe2\x80\x8a", "\xe2\x80\xa8", "\xe2\x80\xa9",
        "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80",
        "\xef\xbb\xbf",
    };
    apr_size_t i;

    for (i = 0; i < sizeof(spaces) / sizeof(*spaces); i++)
        if (strncmp(text, spaces[i], strlen(spaces[i])) == 0)
            return strlen(spaces[i]);
    return 0;
}

static int is_blank(const char *text)
{
    apr_size_t n;

    while ((n = space(text)) > 0)
        text += n;
    return *text == '\0';
}

/* C0 (but for three of them), DEL, C1. */
static int has_control(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;

    for (; *c; c++)
        if ((*c < ' ' && !strchr("\t\n\r", *c)) || *c == 0x7f ||
            (*c == 0xc2 && c[1] < 0xa0))
            return 1;
    return 0;
}

/* ---- members ---- */

/* An optional member; null is none. */
static const chat_json_t *get(const chat_json_t *body, const char *key)
{
    const chat_json_t *v = chat_json_get(body, key);

    return chat_json_kind(v) == CHAT_JSON_NULL ? NULL : v;
}

static apr_status_t refuse_more(const chat_json_t *body, chat_err_t *err)
{
    static const char *const more[] = {
        "tools",     "tool_choice",     "toolChoice",
        "functions", "response_format", "responseFormat",
    };
    apr_size_t i;

    for (i = 0; i < sizeof(more) / sizeof(*more); i++)
        if (get(body, more[i])) {
            err->param = more[i];
            return chat_err_set(err, APR_EINVAL, 400, "unsupported",
                                "This route takes a message alone: no tools "
                                "and no format of the answer.");
        }
    return APR_SUCCESS;
}

static void check_total(chat_request_zod_t *zod, const char *text, int max)
{
    apr_int64_t points, units;

    chat_request_count(text, &points, &units);
    if (units > max)
        chat_request_zod_custom(
            zod, "[\"message\"]",
            apr_psprintf(zod->p,
                         "Total content length must be at most %d "
                         "characters",
                         max));
}

static const char *check_message(chat_request_zod_t *zod, const chat_json_t *v,
                                 const chat_request_clamps_t *clamps)
{
    static const char path[] = "[\"message\"]";
    const char *text = chat_json_string(v);
    int max = clamps->message_length;

    chat_request_zod_is(zod, v, CHAT_JSON_STRING, "string", path);
    if (text && chat_request_length(text, clamps) <= max && is_blank(text))
        chat_request_zod_small(zod, "string", 1, 1, "string to have",
                               " characters", path);
    chat_request_zod_length(zod, v, clamps, 0, max, path);
    if (text && has_control(text))
        chat_request_zod_custom(
            zod, path,
            "Control characters other than tab, line feed and "
            "carriage return are not allowed");
    if (text)
        check_total(zod, text, clamps->total_length);
    return text;
}

apr_status_t chat_request_message(chat_turn_t *turn, const char **psession,
                                  chat_json_t *body,
                                  const chat_request_clamps_t *clamps,
                                  chat_err_t *err, apr_pool_t *p)
{
    chat_message_t *message = apr_pcalloc(p, sizeof(*message));
    const char *model = NULL, *session = NULL;
    apr_status_t rv;
    chat_request_zod_t zod;

    *psession = NULL;
    chat_request_zod_init(&zod, p);
    if (chat_request_zod_is(&zod, body, CHAT_JSON_OBJECT, "object", "[]")) {
        if ((rv = refuse_more(body, err)) != APR_SUCCESS)
            return rv;
        message->content =
            check_message(&zod, chat_json_get(body, "message"), clamps);
        model = chat_request_zod_optional(&zod, get(body, "model_id"),
                                          "[\"model_id\"]");
        if (get(body, "session_id"))
            session = chat_request_zod_word(&zod, get(body, "session_id"),
                                            SESSION_MAX, "._-", SESSION_PATTERN,
                                            "[\"session_id\"]");
    }
    if (zod.list->nelts)
        return chat_request_refuse(err, &zod);

    *turn = (chat_turn_t){.request_id = turn->request_id,
                          .model = model,
                          .messages = message,
                          .nmessages = 1,
                          .schema_strict = -1,
                          .parallel = -1};
    *psession = session;
    return APR_SUCCESS;
}
