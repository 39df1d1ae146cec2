/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scanner (see chat_json_scan.h): a state machine over bytes, one small
 * function per state or two. Here is the structure of a text, and
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

void chat_json_scan_starve(chat_json_scan_t *s)
{
    chat_json_scan_refuse(s, NULL, "cannot be kept in memory");
}

/* ---- what is gathered ---- */

void chat_json_scan_put(chat_json_scan_t *s, const void *text, apr_size_t len)
{
    if (!chat_json_gather_put(&s->gathered, text, len))
        chat_json_scan_starve(s);
}

void chat_json_scan_keep(chat_json_scan_t *s, const byte_t *at)
{
    if (s->from && at > s->from)
        chat_json_scan_put(s, s->from, at - s->from);
    s->from = NULL;
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

void chat_json_scan_value_done(chat_json_scan_t *s, int built)
{
    s->state = s->depth ? AT_NEXT : AT_DONE;
    if (!built)
        chat_json_scan_starve(s);
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
    if (!(object ? chat_json_build_object(&s->build)
                 : chat_json_build_array(&s->build)))
        chat_json_scan_starve(s);
    return at + 1;
}

static const byte_t *close_container(chat_json_scan_t *s, const byte_t *at)
{
    if (*at != (in_object(s) ? '}' : ']'))
        return chat_json_scan_unexpected(s, at);
    s->depth--;
    chat_json_build_close(&s->build);
    chat_json_scan_value_done(s, 1);
    return at + 1;
}

static const byte_t *open_word(chat_json_scan_t *s, const byte_t *at,
                               const char *word)
{
    s->word = word;
    s->left = word + 1;
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
    /* Counted when it begins: no more than that are built. */
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
    if (*at != (unsigned char)*s->left)
        return chat_json_scan_unexpected(s, at);
    if (!*++s->left)
        chat_json_scan_value_done(
            s, *s->word == 'n'
                   ? chat_json_build_null(&s->build)
                   : chat_json_build_boolean(&s->build, *s->word == 't'));
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
    chat_json_gather_init(&scan->gathered);
    chat_json_build_init(&scan->build, limits->depth, p);
}

void chat_json_scan_free(chat_json_scan_t *scan)
{
    chat_json_gather_free(&scan->gathered);
    chat_json_build_free(&scan->build);
}

/* Positions count from 0, as those of JSON.parse do. */
static void tell_where(chat_json_scan_t *s)
{
    apr_size_t used = strlen(s->why);

    apr_snprintf(s->why + used, sizeof(s->why) - used,
                 " at byte %" APR_SIZE_T_FMT, s->seen);
}

static int is_gathering(const chat_json_scan_t *s)
{
    return s->state >= AT_FIRST_GATHERED;
}

apr_status_t chat_json_scan_feed(chat_json_scan_t *scan, const char *data,
                                 apr_size_t len)
{
    const byte_t *start = (const byte_t *)data;
    const byte_t *at = start;
    apr_size_t capacity = scan->limits.bytes - scan->seen;
    const byte_t *end = start + (len < capacity ? len : capacity);

    if (scan->status != APR_SUCCESS)
        return scan->status;
    scan->from = is_gathering(scan) ? start : NULL;
    while (at < end && scan->status == APR_SUCCESS)
        at = steps[scan->state](scan, at, end);
    if (is_gathering(scan) && scan->status == APR_SUCCESS)
        chat_json_scan_keep(scan, end);
    scan->seen += at - start;
    if (scan->status == APR_EINVAL)
        tell_where(scan);
    else if (scan->status == APR_SUCCESS && len > capacity)
        exceed(scan, at, "longer than %" APR_SIZE_T_FMT " bytes",
               scan->limits.bytes);
    return scan->status;
}

/* A number at the root ends where nothing more comes. */
apr_status_t chat_json_scan_end(chat_json_scan_t *scan)
{
    if (scan->status != APR_SUCCESS)
        return scan->status;
    switch (scan->depth ? AT_VALUE : scan->state) {
    case AT_ZERO:
    case AT_INTEGER:
    case AT_FRACTION:
    case AT_EXPONENT:
        chat_json_scan_number_done(scan, NULL);
        break;
    case AT_DONE:
        break;
    default:
        chat_json_scan_refuse(scan, NULL, "unexpected end");
        tell_where(scan);
    }
    /* The values may live for long; what they were gathered in need not. */
    chat_json_gather_free(&scan->gathered);
    chat_json_gather_free(&scan->build.key);
    return scan->status;
}
