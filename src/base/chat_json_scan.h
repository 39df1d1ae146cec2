/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guard before json-c: decides, byte by byte, whether a text is JSON as
 * JSON.parse has it and within the limits, so that json-c only ever sees what
 * it builds correctly. Allocates nothing after its creation. Only for
 * chat_json.c and its tests.
 */
#ifndef CHAT_JSON_SCAN_H
#define CHAT_JSON_SCAN_H

#include "chat_json.h"

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
    int want_low;         /* a low surrogate has to follow */
    int tail_left;        /* continuation bytes still to come */
    unsigned char tail_min, tail_max; /* bounds of the next one */
    int negative;                     /* of the integer at hand */
    apr_uint64_t magnitude;           /* its digits so far, unless it is huge */
    int huge;
    int widen; /* it has just ended and json-c would change it */
} chat_json_scan_t;

void chat_json_scan_init(chat_json_scan_t *scan,
                         const chat_json_limits_t *limits, apr_pool_t *p);

/*
 * Take the next bytes; returns how many were understood. Stops early on an
 * error (see status) and, with *pwiden set, right after an integer that json-c
 * would change: one that needs more than 64 bits, or -0. Appending ".0" to it
 * makes json-c read it as a double, which is what ECMAScript does.
 */
apr_size_t chat_json_scan_feed(chat_json_scan_t *scan, const char *data,
                               apr_size_t len, int *pwiden);

/* The text has ended: is it whole? */
apr_status_t chat_json_scan_end(chat_json_scan_t *scan, int *pwiden);

/* Stop for good because json-c could not build what the guard let pass. */
apr_status_t chat_json_scan_fail(chat_json_scan_t *scan);

#endif
