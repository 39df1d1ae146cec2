/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of words and patterns, and a watch that looks for them in a text that
 * comes piece by piece: what could be the beginning of something on a list is
 * held until it is known whether it is. Pure: APR, utf8proc, PCRE2; no httpd,
 * no log, no globals.
 *
 * Texts are compared in their NFKC_Casefold form, without combining marks on
 * Latin, Greek and Cyrillic letters, and where a list wants that with letters
 * that look like Latin ones taken for these.
 */
#ifndef CHAT_MODERATION_H
#define CHAT_MODERATION_H

#include <apr_pools.h>

#include "chat_types.h"

/* So many lines a list may have. */
#define CHAT_MODERATION_WORDS_MAX 100000
#define CHAT_MODERATION_PATTERNS_MAX 200

/* What stands in the place of what was found. */
#define CHAT_MODERATION_REPLACEMENT "[removed]"

/* ---- lists ---- */

typedef enum {
    CHAT_MODERATION_WORD, /* neither letter, digit nor mark beside it */
    CHAT_MODERATION_SUBSTRING,
    CHAT_MODERATION_REGEX
} chat_moderation_match_e;

typedef struct chat_moderation_options_t {
    int match;      /* chat_moderation_match_e */
    int marks;      /* 1: words are found with combining marks strewn in, too */
    int lookalikes; /* 1: and with letters that look like theirs */
} chat_moderation_options_t;

/* Read-only once it is compiled: any thread. */
typedef struct chat_moderation_list_t chat_moderation_list_t;

/*
 * A list of a text, one entry a line; empty lines and those that begin with #
 * are none. It lives in p. NULL, or a sentence that begins with a colon and the
 * number of the line, and has nothing of its text: ":17: it is not UTF-8".
 */
const char *chat_moderation_compile(chat_moderation_list_t **plist,
                                    const char *text, apr_size_t len,
                                    const chat_moderation_options_t *options,
                                    apr_pool_t *p);

/* Entries, and bytes of memory. */
int chat_moderation_entries(const chat_moderation_list_t *list);
apr_size_t chat_moderation_bytes(const chat_moderation_list_t *list);

/* ---- a text by itself: UTF-8, any thread ---- */

/* As it is compared, with one space where there is white space and none at its
 * ends. In p, NUL-terminated. */
const char *chat_moderation_plain(const char *text, apr_size_t len,
                                  apr_pool_t *p);

/* What nobody sees in it: characters that Unicode says are ignored, but for
 * those that stand where scripts and emoji need them. */
typedef struct chat_moderation_invisible_t {
    apr_size_t characters; /* in all */
    apr_size_t invisible;  /* of them */
    int hides; /* 1: some are there to hide a text: tags that are no flag, or
                  very many in a row */
} chat_moderation_invisible_t;

/* So few in a text are let through, as they come with what is pasted. */
#define CHAT_MODERATION_INVISIBLE_FEW 8

void chat_moderation_invisible(chat_moderation_invisible_t *found,
                               const char *text, apr_size_t len);

/* The text without these; in p, NUL-terminated. */
const char *chat_moderation_visible(const char *text, apr_size_t len,
                                    apr_pool_t *p);

/* ---- a watch ---- */

/* Something was found, or could not be looked for. */
typedef struct chat_moderation_hit_t {
    int list;  /* index */
    int line;  /* of its file */
    int error; /* 1: a pattern has reached its limits, and was not looked for */
    int rigid; /* 1: it is not inside of one string of a JSON text, so that
                  nothing else can stand in its place */
    const char *text; /* what is held, with it in it */
    apr_size_t len;
} chat_moderation_hit_t;

typedef struct chat_moderation_sink_t {
    /* A piece that goes on. */
    void (*pass)(void *ctx, const char *text, apr_size_t len);
    /* PASS or FLAG: it goes on. REPLACE: all but that. BLOCK: nothing goes on
     * any more. */
    chat_moderation_e (*hit)(void *ctx, const chat_moderation_hit_t *hit);
} chat_moderation_sink_t;

typedef enum {
    CHAT_MODERATION_JSON = 1 << 0, /* it is a JSON text: its strings are looked
                                      at as they read */
    CHAT_MODERATION_WHOLE = 1 << 1 /* nothing goes on before the end */
} chat_moderation_flags_e;

/* Of one text, one thread at a time. */
typedef struct chat_moderation_watch_t chat_moderation_watch_t;

/* For nlists lists, which outlive it as sink does. It lives in p. */
chat_moderation_watch_t *chat_moderation_watch_create(
    const chat_moderation_list_t *const *lists, int nlists, unsigned flags,
    const chat_moderation_sink_t *sink, void *ctx, apr_pool_t *p);

/* The next piece: UTF-8, whole characters. */
void chat_moderation_watch_feed(chat_moderation_watch_t *watch,
                                const char *text, apr_size_t len);

/* The text has ended: what is held goes on. Another may follow. */
void chat_moderation_watch_end(chat_moderation_watch_t *watch);

/* 1: of JSON: the value that began is whole. */
int chat_moderation_watch_is_value(const chat_moderation_watch_t *watch);

/* 1: what is held could be the beginning of something on a list. */
int chat_moderation_watch_holds(const chat_moderation_watch_t *watch);

#endif
