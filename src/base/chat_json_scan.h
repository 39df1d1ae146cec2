/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard before json-c: decides, byte by byte, whether a text is JSON as
 * JSON.parse has it and within the limits, and hands on the same text in a
 * form that every json-c reads correctly. Allocates nothing after its
 * creation. Only for chat_json.c.
 */
#ifndef CHAT_JSON_SCAN_H
#define CHAT_JSON_SCAN_H

#include "chat_json.h"

/* Most bytes that are taken at once, and the room that they may need. */
#define CHAT_JSON_SLICE 2048
#define CHAT_JSON_OUT (2 * CHAT_JSON_SLICE + 16)

typedef struct chat_json_out_t {
    char text[CHAT_JSON_OUT];
    apr_size_t len;
} chat_json_out_t;

typedef struct chat_json_scan_t {
    chat_json_limits_t limits;
    apr_status_t status; /* APR_SUCCESS, or why it stopped, for good */
    char why[64];        /* the same as a sentence */
    apr_size_t seen;     /* bytes before the piece at hand */
    int state;
    int depth;
    int values;
    unsigned char *kinds; /* a bit per depth: 1 object, 0 array */
    int in_key;           /* the string at hand is a member's name */
    const char *word;     /* what is left of true, false or null */
    int hex_left;         /* digits of a \u escape still to come */
    unsigned int unit;    /* the UTF-16 unit they make */
    unsigned int high;    /* the high surrogate before it, 0 for none */
    int tail_left;        /* continuation bytes still to come */
    unsigned char tail_min, tail_max; /* bounds of the next one */
    int negative;                     /* of the integer at hand */
    apr_uint64_t magnitude;           /* its digits, unless it is huge */
    int huge;
    chat_json_out_t *out; /* during a call */
} chat_json_scan_t;

void chat_json_scan_init(chat_json_scan_t *scan,
                         const chat_json_limits_t *limits, apr_pool_t *p);

/*
 * Take the next bytes, at most CHAT_JSON_SLICE, and write to out (which is
 * emptied first) what json-c is to see of them. That is the same text, except
 * that
 *   - an integer that json-c would change, because it needs more than 64 bits
 *     or is -0, gets ".0" at its end: as a double it is what ECMAScript has;
 *   - what is escaped as \uXXXX comes as UTF-8 (json-c up to 0.18 takes some
 *     pairs of surrogates for lone ones), but for ASCII.
 */
apr_status_t chat_json_scan_feed(chat_json_scan_t *scan, const char *data,
                                 apr_size_t len, chat_json_out_t *out);

/* The text has ended: is it whole? */
apr_status_t chat_json_scan_end(chat_json_scan_t *scan, chat_json_out_t *out);

/* Stop for good because json-c could not build what the guard let pass. */
apr_status_t chat_json_scan_fail(chat_json_scan_t *scan);

#endif
