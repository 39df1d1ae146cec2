/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard before json-c (see chat_json_scan.h): a state machine over bytes,
 * one small function per state or two. Here is the structure of a text, and
 * the text as a whole. Called by chat_json.c alone, on whichever thread that
 * is.
 */
#include "chat_json_scan.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_json_scan_int.h"

/* ---- refusals ---- */

/* Each returns the byte that it is about, see tell_where(). */
const byte_t *chat_json_scan_refuse(chat_json_scan_t *s, const byte_t *at,
                                    const char *what)
{
    s->status = APR_EINVAL;
    apr_cpystrn(s->why, what, sizeof(s->why));
    return at;
}

const byte_t *chat_json_scan_unexpected(chat_json_scan_t *s, const byte_t *at)
{
    return chat_json_scan_refuse(s, at, "unexpected character");
}

static const byte_t *exceed(chat_json_scan_t *s, const byte_t *at,
                            const char *format, apr_size_t limit)
{
    s->status = APR_ENOSPC;
    apr_snprintf(s->why, sizeof(s->why), format, limit);
    return at;
}

/* ---- what json-c sees ---- */

void chat_json_scan_put(chat_json_scan_t *s, const void *text, apr_size_t len)
{
    memcpy(s->out->text + s->out->len, text, len);
    s->out->len += len;
}

/* ---- values ---- */

static int is_space(byte_t c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static const byte_t *skip(const byte_t *at, const byte_t *end)
{
    while (at < end && is_space(*at))
        at++;
    return at;
}

static int in_object(const chat_json_scan_t *s)
{
    int level = s->depth - 1;

    return s->kinds[level / 8] >> (level % 8) & 1;
}

void chat_json_scan_value_done(chat_json_scan_t *s)
{
    s->state = s->depth ? AT_NEXT : AT_DONE;
}

static const byte_t *open_container(chat_json_scan_t *s, const byte_t *at)
{
    int object = *at == '{';
    int level = s->depth;

    if (level >= s->limits.depth)
        return exceed(s, at, "nesting deeper than %" APR_SIZE_T_FMT,
                      s->limits.depth);
    s->kinds[level / 8] &= ~(1 << (level % 8));
    s->kinds[level / 8] |= object << (level % 8);
    s->depth++;
    s->state = object ? AT_FIRST_KEY : AT_FIRST;
    return at + 1;
}

static const byte_t *close_container(chat_json_scan_t *s, const byte_t *at)
{
    if (*at != (in_object(s) ? '}' : ']'))
        return chat_json_scan_unexpected(s, at);
    s->depth--;
    chat_json_scan_value_done(s);
    return at + 1;
}

static const byte_t *open_word(chat_json_scan_t *s, const byte_t *at,
                               const char *word)
{
    s->word = word + 1;
    s->state = AT_WORD;
    return at + 1;
}

static const byte_t *open_value(chat_json_scan_t *s, const byte_t *at)
{
    switch (*at) {
    case '{':
    case '[':
        return open_container(s, at);
    case '"':
        return chat_json_scan_open_string(s, at, 0);
    case 't':
        return open_word(s, at, "true");
    case 'f':
        return open_word(s, at, "false");
    case 'n':
        return open_word(s, at, "null");
    default:
        return *at == '-' || chat_json_scan_is_digit(*at)
                   ? chat_json_scan_open_number(s, at)
                   : chat_json_scan_unexpected(s, at);
    }
}

static const byte_t *step_value(chat_json_scan_t *s, const byte_t *at,
                                const byte_t *end)
{
    at = skip(at, end);
    if (at == end)
        return at;
    if (s->state == AT_FIRST && *at == ']')
        return close_container(s, at);
    at = open_value(s, at);
    /* Counted when it begins: what is one too many is never built. */
    if (s->status == APR_SUCCESS && ++s->values > s->limits.values)
        exceed(s, at, "more than %" APR_SIZE_T_FMT " values", s->limits.values);
    return at;
}

static const byte_t *step_key(chat_json_scan_t *s, const byte_t *at,
                              const byte_t *end)
{
    at = skip(at, end);
    if (at == end)
        return at;
    if (s->state == AT_FIRST_KEY && *at == '}')
        return close_container(s, at);
    return *at == '"' ? chat_json_scan_open_string(s, at, 1)
                      : chat_json_scan_unexpected(s, at);
}

static const byte_t *step_colon(chat_json_scan_t *s, const byte_t *at,
                                const byte_t *end)
{
    at = skip(at, end);
    if (at == end)
        return at;
    if (*at != ':')
        return chat_json_scan_unexpected(s, at);
    s->state = AT_VALUE;
    return at + 1;
}

static const byte_t *step_next(chat_json_scan_t *s, const byte_t *at,
                               const byte_t *end)
{
    at = skip(at, end);
    if (at == end)
        return at;
    if (*at != ',')
        return close_container(s, at);
    s->state = in_object(s) ? AT_KEY : AT_VALUE;
    return at + 1;
}

static const byte_t *step_done(chat_json_scan_t *s, const byte_t *at,
                               const byte_t *end)
{
    at = skip(at, end);
    return at == end ? at : chat_json_scan_unexpected(s, at);
}

static const byte_t *step_word(chat_json_scan_t *s, const byte_t *at,
                               const byte_t *end)
{
    if (*at != (unsigned char)*s->word)
        return chat_json_scan_unexpected(s, at);
    if (!*++s->word)
        chat_json_scan_value_done(s);
    return at + 1;
}

static chat_json_step_fn *const steps[] = {
    [AT_VALUE] = step_value,
    [AT_FIRST] = step_value,
    [AT_FIRST_KEY] = step_key,
    [AT_KEY] = step_key,
    [AT_COLON] = step_colon,
    [AT_NEXT] = step_next,
    [AT_DONE] = step_done,
    [AT_STRING] = chat_json_scan_string,
    [AT_TAIL] = chat_json_scan_string,
    [AT_WORD] = step_word,
    [AT_MINUS] = chat_json_scan_number,
    [AT_ZERO] = chat_json_scan_number,
    [AT_INTEGER] = chat_json_scan_number,
    [AT_POINT] = chat_json_scan_number,
    [AT_FRACTION] = chat_json_scan_number,
    [AT_E] = chat_json_scan_number,
    [AT_E_SIGN] = chat_json_scan_number,
    [AT_EXPONENT] = chat_json_scan_number,
    [AT_BACKSLASH] = chat_json_scan_string,
    [AT_ESCAPE] = chat_json_scan_string,
    [AT_HEX] = chat_json_scan_string,
    [AT_LOW] = chat_json_scan_string,
    [AT_LOW_U] = chat_json_scan_string,
};

/* ---- the text ---- */

void chat_json_scan_init(chat_json_scan_t *scan,
                         const chat_json_limits_t *limits, apr_pool_t *p)
{
    memset(scan, 0, sizeof(*scan));
    scan->limits = *limits;
    scan->kinds = apr_pcalloc(p, limits->depth / 8 + 1);
    scan->state = AT_VALUE;
}

/* Positions count from 0, as those of JSON.parse do. */
static void tell_where(chat_json_scan_t *s)
{
    apr_size_t used = strlen(s->why);

    apr_snprintf(s->why + used, sizeof(s->why) - used,
                 " at byte %" APR_SIZE_T_FMT, s->seen);
}

static const byte_t *step(chat_json_scan_t *s, const byte_t *at,
                          const byte_t *end)
{
    int copied = s->state < AT_FIRST_NOT_COPIED;
    const byte_t *after = steps[s->state](s, at, end);

    if (copied)
        chat_json_scan_put(s, at, after - at);
    return after;
}

apr_status_t chat_json_scan_feed(chat_json_scan_t *scan, const char *data,
                                 apr_size_t len, chat_json_out_t *out)
{
    const byte_t *start = (const byte_t *)data;
    const byte_t *at = start;
    apr_size_t room = scan->limits.bytes - scan->seen;
    const byte_t *end = start + (len < room ? len : room);

    out->len = 0;
    scan->out = out;
    while (at < end && scan->status == APR_SUCCESS)
        at = step(scan, at, end);
    scan->seen += at - start;
    if (scan->status == APR_EINVAL)
        tell_where(scan);
    else if (scan->status == APR_SUCCESS && len > room)
        exceed(scan, at, "longer than %" APR_SIZE_T_FMT " bytes",
               scan->limits.bytes);
    return scan->status;
}

apr_status_t chat_json_scan_end(chat_json_scan_t *scan, chat_json_out_t *out)
{
    out->len = 0;
    scan->out = out;
    if (scan->status != APR_SUCCESS)
        return scan->status;
    switch (scan->depth ? AT_VALUE : scan->state) {
    case AT_ZERO:
    case AT_INTEGER:
        chat_json_scan_integer_done(scan);
        break;
    case AT_FRACTION:
    case AT_EXPONENT:
    case AT_DONE:
        break;
    default:
        chat_json_scan_refuse(scan, NULL, "unexpected end");
        tell_where(scan);
        return scan->status;
    }
    /* A number or a word at the root ends where something else begins. */
    chat_json_scan_put(scan, " ", 1);
    scan->state = AT_DONE;
    return APR_SUCCESS;
}

apr_status_t chat_json_scan_fail(chat_json_scan_t *scan)
{
    chat_json_scan_refuse(scan, NULL, "cannot be kept in memory");
    return scan->status;
}
