/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scanner: decides, byte by byte, whether a text is JSON as JSON.parse has
 * it and within the limits, and has what it finds built (chat_json_build.h). A
 * text or number that comes in one piece without escapes is not copied on the
 * way. Only for chat_json.c.
 */
#ifndef CHAT_JSON_SCAN_H
#define CHAT_JSON_SCAN_H

#include "chat_json.h"
#include "chat_json_build.h"

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
    const char *word;     /* true, false or null */
    const char *left;     /* the part of that text that is still to come */
    int hex_left;         /* digits of a \u escape still to come */
    unsigned int unit;    /* the UTF-16 unit they make */
    unsigned int high;    /* the high surrogate before it, 0 for none */
    int tail_left;        /* continuation bytes still to come */
    unsigned char tail_min, tail_max; /* bounds of the next one */
    int negative;                     /* of the integer at hand */
    apr_uint64_t magnitude;           /* its digits, unless it is huge */
    int huge;
    /* Of the text or number at hand: where, in the piece at hand, begins what
     * has not been gathered; NULL inside an escape. */
    const unsigned char *from;
    chat_json_gather_t gathered; /* what came before it */
    chat_json_build_t build;
} chat_json_scan_t;

void chat_json_scan_init(chat_json_scan_t *scan,
                         const chat_json_limits_t *limits, apr_pool_t *p);

/* All that it holds, and what it has built. */
void chat_json_scan_free(chat_json_scan_t *scan);

/* Take the next bytes. */
apr_status_t chat_json_scan_feed(chat_json_scan_t *scan, const char *data,
                                 apr_size_t len);

/* The text has ended: is it whole? Then its root has been built. */
apr_status_t chat_json_scan_end(chat_json_scan_t *scan);

#endif
