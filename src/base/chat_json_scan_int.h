/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the scanner share: the states, and the little that every
 * step needs. chat_json_scan.c has the structure of a text,
 * chat_json_scan_string.c strings and chat_json_scan_number.c numbers.
 */
#ifndef CHAT_JSON_SCAN_INT_H
#define CHAT_JSON_SCAN_INT_H

#include "chat_json_scan.h"

typedef unsigned char byte_t;

enum {
    AT_VALUE,     /* a value must come */
    AT_FIRST,     /* after '[': a value or ']' */
    AT_FIRST_KEY, /* after '{': a name or '}' */
    AT_KEY,       /* a name must come */
    AT_COLON,
    AT_NEXT, /* after a value: ',' or the closing bracket */
    AT_DONE, /* after the root: nothing but white space */
    AT_WORD,
    AT_ESCAPE, /* after the backslash */
    AT_HEX,
    AT_LOW,   /* after a high surrogate: '\\' */
    AT_LOW_U, /* and 'u' */
    /* from here on a text or number is gathered, see chat_json_scan_t.from */
    AT_STRING,
    AT_TAIL, /* inside a UTF-8 sequence */
    AT_MINUS,
    AT_ZERO,
    AT_INTEGER,
    AT_POINT,
    AT_FRACTION,
    AT_E,
    AT_E_SIGN,
    AT_EXPONENT,
    AT_FIRST_GATHERED = AT_STRING
};

/* A step takes what it can of the bytes from at (at least one is there) and
 * returns where it stopped; it always takes a byte, changes the state, or
 * fails. */
typedef const byte_t *chat_json_step_fn(chat_json_scan_t *s, const byte_t *at,
                                        const byte_t *end);

/* Fail because of the byte at, which is returned. */
const byte_t *chat_json_scan_refuse(chat_json_scan_t *s, const byte_t *at,
                                    const char *what);
const byte_t *chat_json_scan_unexpected(chat_json_scan_t *s, const byte_t *at);

/* Gather a text. */
void chat_json_scan_put(chat_json_scan_t *s, const void *text, apr_size_t len);

/* Gather what has arrived of the text or number at hand, up to at. */
void chat_json_scan_keep(chat_json_scan_t *s, const byte_t *at);

/* A value, of whatever kind, is complete; built: or there was no memory. */
void chat_json_scan_value_done(chat_json_scan_t *s, int built);

/* There was no memory. */
void chat_json_scan_starve(chat_json_scan_t *s);

static inline int chat_json_scan_is_digit(byte_t c)
{
    return c >= '0' && c <= '9';
}

/* The quote, or the first character of a number, is at: enter the state. */
const byte_t *chat_json_scan_open_string(chat_json_scan_t *s, const byte_t *at,
                                         int in_key);
const byte_t *chat_json_scan_open_number(chat_json_scan_t *s, const byte_t *at);

/* The steps of those states. */
chat_json_step_fn chat_json_scan_string;
chat_json_step_fn chat_json_scan_number;

/* The number at hand ends before at. */
void chat_json_scan_number_done(chat_json_scan_t *s, const byte_t *at);

#endif
