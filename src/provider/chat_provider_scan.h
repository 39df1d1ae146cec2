/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON read in passing, for events that come once per token: no tree and no
 * memory. And the token counts of an answer, read so or parsed. Runs on the
 * stream's driver.
 */
#ifndef CHAT_PROVIDER_SCAN_H
#define CHAT_PROVIDER_SCAN_H

#include "chat_provider_event.h"

/* ---- chat_provider_scan.c ---- */

/*
 * JSON read in passing, for events that come once per token: no tree and no
 * memory. It accepts only what the parse accepts, with the same meaning, and
 * is easily put off (off is 1 then, and stays so): by what is wrong and by
 * what is unusual. What was put off has to be parsed. Not to be zeroed, for
 * its size; chat_provider_scan_init() does what is needed.
 */
typedef struct chat_scan_t {
    const char *at, *end; /* what is left */
    int off;
    int fresh;            /* inside a container, before its first value */
    int passing;          /* inside a text that nobody wants */
    int depth;            /* of chat_provider_scan_skip() */
    apr_size_t used;      /* of unescaped */
    char unescaped[1024]; /* texts that had escapes */
} chat_scan_t;

/* A text of an event: as long as the event and its scan are. */
typedef struct chat_piece_t {
    const char *text; /* or NULL */
    apr_size_t len;
} chat_piece_t;

/* The bytes of the UTF-8 character at, 0 when it is none. at < end. */
int chat_provider_scan_utf8(const char *at, const char *end);

void chat_provider_scan_init(chat_scan_t *s, const char *data, apr_size_t len);

/* For what only a caller can know to be unusual. */
void chat_provider_scan_put_off(chat_scan_t *s);

/* Into an object ('{') or an array ('['). */
void chat_provider_scan_open(chat_scan_t *s, char bracket);

/* To the next member of the object: its name. 0: the object is over. */
int chat_provider_scan_member(chat_scan_t *s, const char **pname,
                              apr_size_t *plen);

/* The first byte of the value, NUL at the end. */
char chat_provider_scan_peek(chat_scan_t *s);

/* Into the value, if it is an object. 0: past it, as it is none. */
int chat_provider_scan_object(chat_scan_t *s);

/* To the next item of the array. 0: the array is over. */
int chat_provider_scan_item(chat_scan_t *s);

/* The value is a string; it lives as long as s and the data. Or it is null,
 * and *ptext is NULL. */
void chat_provider_scan_text(chat_scan_t *s, const char **ptext,
                             apr_size_t *plen);

/* The same as one value. */
void chat_provider_scan_piece(chat_scan_t *s, chat_piece_t *piece);

/* The value is written exactly like that: "null", "0". */
void chat_provider_scan_only(chat_scan_t *s, const char *word);

/* The value is a count, or *pcount is -1. An unusual number puts it off. */
void chat_provider_scan_count(chat_scan_t *s, apr_int64_t *pcount);

/* Whatever the value is. */
void chat_provider_scan_skip(chat_scan_t *s);

/* Nothing has put it off, and nothing is left. */
int chat_provider_scan_done(chat_scan_t *s);

/* Is it this name? */
int chat_provider_scan_is(const char *name, apr_size_t len, const char *want);

/* ---- chat_provider_usage.c ---- */

/* Where a count of tokens stands in an answer's usage: a table of each API. */
typedef struct chat_usage_field_t {
    const char *object; /* in that member of it; NULL: in itself */
    const char *name;   /* NULL ends the table */
} chat_usage_field_t;

/* What an answer used: its counts, -1 where there is none. */
typedef struct chat_usage_counts_t {
    const chat_usage_field_t *fields;
    apr_int64_t n[CHAT_USAGE_FIELDS_MAX];
} chat_usage_counts_t;

void chat_provider_usage_clear(chat_usage_counts_t *usage);

/* Out of the usage, which the value is or has at the end of path: names of
 * members, then NULL. */
void chat_provider_usage_read(chat_usage_counts_t *usage,
                              const char *const *path, const chat_json_t *v);

/* The same, where the value is scanned. */
void chat_provider_usage_scan(chat_usage_counts_t *usage,
                              const char *const *path, chat_scan_t *s);

/* The same, where it is a whole event; what is no JSON has none. */
void chat_provider_usage_watch(chat_usage_counts_t *usage,
                               const char *const *path, chat_watch_t *w);

/* What this event says is added to what others said: the later count holds, but
 * a zero never takes the place of one that was there. Then usage has all that
 * is known. */
void chat_provider_usage_merge(chat_usage_counts_t *usage, chat_seen_t *seen);

/* The count of that index, if there is one, unless it is a zero in the place of
 * more. */
void chat_provider_usage_take(apr_int64_t *ptokens,
                              const chat_usage_counts_t *usage, int index);

/* 1: it tells any. */
int chat_provider_usage_is_any(const chat_usage_counts_t *usage);

/* The reason to finish that the scanner stands at, as
 * chat_provider_reason_find() has it. That of a failure needs the whole event:
 * scanning is put off. */
struct chat_reason_t;
int chat_provider_reason_scan(const struct chat_reason_t *table,
                              chat_scan_t *s);

#endif
