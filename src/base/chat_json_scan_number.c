/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scanner's part for numbers: their syntax, and which of them are integers
 * that can be held as such. Only for chat_json_scan.c.
 */
#include "chat_json_scan_int.h"

const byte_t *chat_json_scan_open_number(chat_json_scan_t *s, const byte_t *at)
{
    s->from = at;
    s->gathered.len = 0;
    s->negative = *at == '-';
    s->huge = 0;
    s->magnitude = s->negative ? 0 : *at - '0';
    s->state = s->negative ? AT_MINUS : *at == '0' ? AT_ZERO : AT_INTEGER;
    return at + 1;
}

static void add_digit(chat_json_scan_t *s, unsigned int digit)
{
    if (s->magnitude > (APR_UINT64_MAX - digit) / 10)
        s->huge = 1;
    else
        s->magnitude = s->magnitude * 10 + digit;
}

/* In 64 bits, and no -0. */
static int is_integer(const chat_json_scan_t *s)
{
    int too_low = s->negative && s->magnitude > (apr_uint64_t)1 << 63;
    int minus_zero = s->negative && s->magnitude == 0;

    return (s->state == AT_ZERO || s->state == AT_INTEGER) && !s->huge &&
           !too_low && !minus_zero;
}

/* As a double, what ECMAScript has; its digits show that it is one. */
static int build_double(chat_json_scan_t *s, const byte_t *at)
{
    int whole = s->state == AT_ZERO || s->state == AT_INTEGER;

    chat_json_scan_keep(s, at);
    chat_json_scan_put(s, whole ? ".0" : "", whole ? 3 : 1);
    return s->status == APR_SUCCESS &&
           chat_json_build_double(&s->build, s->gathered.text);
}

void chat_json_scan_number_done(chat_json_scan_t *s, const byte_t *at)
{
    int built = is_integer(s) ? chat_json_build_integer(&s->build, s->negative,
                                                        s->magnitude)
                              : build_double(s, at);

    chat_json_scan_value_done(s, built);
}

/* After "-", ".", "e" or the exponent's sign: a digit must come. */
static const byte_t *step_first_digit(chat_json_scan_t *s, const byte_t *at)
{
    if (s->state == AT_E && (*at == '+' || *at == '-')) {
        s->state = AT_E_SIGN;
        return at + 1;
    }
    if (!chat_json_scan_is_digit(*at))
        return chat_json_scan_unexpected(s, at);
    if (s->state == AT_MINUS) {
        s->magnitude = *at - '0';
        s->state = *at == '0' ? AT_ZERO : AT_INTEGER;
    }
    else
        s->state = s->state == AT_POINT ? AT_FRACTION : AT_EXPONENT;
    return at + 1;
}

static const byte_t *step_digits(chat_json_scan_t *s, const byte_t *at,
                                 const byte_t *end)
{
    while (at < end && chat_json_scan_is_digit(*at))
        add_digit(s, *at++ - '0');
    return at;
}

static const byte_t *step_integer(chat_json_scan_t *s, const byte_t *at,
                                  const byte_t *end)
{
    if (s->state == AT_INTEGER && chat_json_scan_is_digit(*at))
        return step_digits(s, at, end);
    if (*at == '.')
        s->state = AT_POINT;
    else if (*at == 'e' || *at == 'E')
        s->state = AT_E;
    else {
        chat_json_scan_number_done(s, at);
        return at;
    }
    return at + 1;
}

static const byte_t *step_fraction(chat_json_scan_t *s, const byte_t *at,
                                   const byte_t *end)
{
    while (at < end && chat_json_scan_is_digit(*at))
        at++;
    if (at == end)
        return at;
    if (s->state == AT_FRACTION && (*at == 'e' || *at == 'E')) {
        s->state = AT_E;
        return at + 1;
    }
    chat_json_scan_number_done(s, at);
    return at;
}

const byte_t *chat_json_scan_number(chat_json_scan_t *s, const byte_t *at,
                                    const byte_t *end)
{
    switch (s->state) {
    case AT_ZERO:
    case AT_INTEGER:
        return step_integer(s, at, end);
    case AT_FRACTION:
    case AT_EXPONENT:
        return step_fraction(s, at, end);
    default:
        return step_first_digit(s, at);
    }
}
