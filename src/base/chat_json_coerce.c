/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Number(v) of ECMAScript for JSON values. Validators written in JavaScript
 * compare before they know what they have got; to give the same answer as
 * they do, request/ needs the same conversion. Any thread.
 */
#include "chat_json.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <apr_lib.h>

#include "chat_json_int.h"

/* White space and line ends of ECMAScript past ASCII, in UTF-8. */
static const char *const wide_spaces[] = {
    "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80", "\xe2\x80\x81",
    "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84", "\xe2\x80\x85",
    "\xe2\x80\x86", "\xe2\x80\x87", "\xe2\x80\x88", "\xe2\x80\x89",
    "\xe2\x80\x8a", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf",
    "\xe2\x81\x9f", "\xe3\x80\x80", "\xef\xbb\xbf",
};

/* Bytes of the white space that text begins with, 0 for none. */
static apr_size_t space_at(const char *text)
{
    apr_size_t i;

    if (*text && strchr(" \t\n\v\f\r", *text))
        return 1;
    for (i = 0; i < sizeof(wide_spaces) / sizeof(*wide_spaces); i++)
        if (strncmp(text, wide_spaces[i], strlen(wide_spaces[i])) == 0)
            return strlen(wide_spaces[i]);
    return 0;
}

static int only_space(const char *text)
{
    apr_size_t n;

    while ((n = space_at(text)) != 0)
        text += n;
    return !*text;
}

static const char *skip_digits(const char *text)
{
    while (apr_isdigit(*text))
        text++;
    return text;
}

/* The end of a decimal literal ("+1", ".5", "5.", "007e1"), or NULL. */
static const char *end_of_decimal(const char *text)
{
    const char *start, *exponent;
    int digits;

    text += *text == '+' || *text == '-';
    start = text;
    text = skip_digits(text);
    digits = text > start;
    if (*text == '.') {
        start = ++text;
        text = skip_digits(text);
        digits |= text > start;
    }
    if (!digits)
        return NULL;
    if (*text != 'e' && *text != 'E')
        return text;
    exponent = text + 1;
    exponent += *exponent == '+' || *exponent == '-';
    return apr_isdigit(*exponent) ? skip_digits(exponent) : NULL;
}

double chat_json_decimal(const char *text)
{
    /* All of it costs nothing: it is not made, but there already. */
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    double n = strtod_l(text, NULL, c);

    freelocale(c);
    return n;
}

/* "0x1f", "0o17", "0b1": no sign, at least one digit. */
static double prefixed(const char *text, int base)
{
    double n = 0;
    const char *digit = text + 2;

    for (; apr_isalnum(*digit); digit++) {
        int value =
            apr_isdigit(*digit) ? *digit - '0' : apr_tolower(*digit) - 'a' + 10;

        if (value >= base)
            return NAN;
        n = n * base + value;
    }
    return digit > text + 2 && only_space(digit) ? n : NAN;
}

static double infinity(const char *text)
{
    int sign = *text == '-' ? -1 : 1;

    text += *text == '+' || *text == '-';
    return strncmp(text, "Infinity", 8) == 0 && only_space(text + 8)
               ? sign * INFINITY
               : NAN;
}

static double coerce_string(const char *text)
{
    const char *end;
    apr_size_t n;

    while ((n = space_at(text)) != 0)
        text += n;
    if (!*text)
        return 0;
    if (*text == '0' && text[1] && strchr("xXoObB", text[1]))
        return prefixed(text, strchr("xX", text[1])   ? 16
                              : strchr("oO", text[1]) ? 8
                                                      : 2);
    end = end_of_decimal(text);
    if (!end)
        return infinity(text);
    return only_space(end) ? chat_json_decimal(text) : NAN;
}

/* An array is the text of its members first: "" for none or null, that of
 * the only one, or several with commas, which is no number. */
static double coerce_array(const chat_json_t *v)
{
    const chat_json_t *only = chat_json_at(v, 0);

    if (chat_json_length(v) > 1 || chat_json_kind(only) == CHAT_JSON_BOOLEAN)
        return NAN;
    return only ? chat_json_coerce(only) : 0;
}

double chat_json_coerce(const chat_json_t *v)
{
    switch (chat_json_kind(v)) {
    case CHAT_JSON_NULL:
        return 0;
    case CHAT_JSON_BOOLEAN:
        return chat_json_boolean(v);
    case CHAT_JSON_NUMBER:
        return chat_json_number(v);
    case CHAT_JSON_STRING:
        return coerce_string(chat_json_string(v));
    case CHAT_JSON_ARRAY:
        return coerce_array(v);
    default:
        return NAN;
    }
}
