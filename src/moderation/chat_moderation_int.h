/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside moderation/ only: how texts are compared, and the two kinds of lists.
 *
 * A text is taken apart into segments: a character and what may combine with
 * it. Each is normalised by itself, so that a text that comes in pieces is
 * normalised as if it came whole, and each knows how many bytes it was.
 */
#ifndef CHAT_MODERATION_INT_H
#define CHAT_MODERATION_INT_H

#include "chat_moderation.h"

/* The forms of a text that are looked at. */
typedef enum {
    CHAT_MODERATION_PLAIN,       /* NFKC_Casefold */
    CHAT_MODERATION_BARE,        /* without marks */
    CHAT_MODERATION_PLAIN_LATIN, /* the same two with lookalikes */
    CHAT_MODERATION_BARE_LATIN,
    CHAT_MODERATION_VIEWS
} chat_moderation_view_e;

/* ---- chat_moderation_text.c ---- */

/* What a character is to the one before it. */
typedef enum {
    CHAT_MODERATION_BEGINS,    /* a segment */
    CHAT_MODERATION_CONTINUES, /* combines with it, or could */
    CHAT_MODERATION_IGNORED    /* nobody sees it */
} chat_moderation_place_e;

chat_moderation_place_e chat_moderation_text_place(apr_int32_t c);

/* 1: one of those that are ignored, but not by Unicode's list of such. */
int chat_moderation_text_is_control(apr_int32_t c);

/* Characters of a segment: the next one begins another, as in UAX 15's
 * stream-safe form, for what sorts marks is quadratic. */
#define CHAT_MODERATION_SEGMENT 32
/* Bytes of it in any form: the longest character becomes 18. */
#define CHAT_MODERATION_SEGMENT_BYTES ((CHAT_MODERATION_SEGMENT + 18) * 4 * 4)

typedef struct chat_moderation_segment_t {
    apr_size_t len[CHAT_MODERATION_VIEWS];
    char text[CHAT_MODERATION_VIEWS][CHAT_MODERATION_SEGMENT_BYTES];
} chat_moderation_segment_t;

/* A segment in the forms of views (bits). *pbare: 1 if its marks are none of
 * the letter's, which is known of one that continues by the one before. */
void chat_moderation_text_segment(chat_moderation_segment_t *segment,
                                  unsigned views, int *pbare, const char *text,
                                  apr_size_t len);

/* A whole text in one form; in p, NUL-terminated. */
char *chat_moderation_text_form(apr_size_t *plen, chat_moderation_view_e view,
                                const char *text, apr_size_t len,
                                apr_pool_t *p);

/* The next character of UTF-8 that is valid, and its bytes. */
apr_int32_t chat_moderation_text_next(const char *text, apr_size_t len,
                                      apr_size_t *pused);
/* 1: valid. */
int chat_moderation_text_valid(const char *text, apr_size_t len);
/* Bytes of c that are put to out, which has room for 4. */
apr_size_t chat_moderation_text_put(char *out, apr_int32_t c);

/* 1: a letter, a digit or a mark. */
int chat_moderation_text_is_word(apr_int32_t c);
/* The same of the first and the last character. */
int chat_moderation_text_begins_word(const char *text, apr_size_t len);
int chat_moderation_text_ends_word(const char *text, apr_size_t len);

/* ---- chat_moderation_lookalike.c ---- */

/* The small Latin letter that c looks like, or c. */
apr_int32_t chat_moderation_lookalike(apr_int32_t c);

/* ---- chat_moderation_words.c: an Aho-Corasick automaton ---- */

typedef struct chat_moderation_entry_t {
    const char *text; /* in its form */
    apr_size_t len;   /* more than 0 */
    int line;
} chat_moderation_entry_t;

/* Bytes of an entry in its form. */
#define CHAT_MODERATION_ENTRY_MAX 1000

/*
 * States are numbered by breadth, so that the children of one are neighbours:
 * their bytes lie in a row, and where they begin is all that a state knows of
 * them. 15 bytes a state, 12 an entry.
 */
typedef struct chat_moderation_words_t {
    apr_uint32_t root[256]; /* children of the first, 0: none */
    apr_uint32_t *first;    /* [n + 1] its first child */
    apr_uint32_t *fail;     /* the longest end of it that is a beginning */
    apr_uint32_t *found;    /* the longest entry that it ends with, or 0 */
    apr_uint16_t *depth;    /* bytes of it */
    unsigned char *byte;    /* that leads to it */
    apr_uint32_t nstates;
    /* From 1. */
    apr_uint32_t *next; /* a shorter entry that this one ends with, or 0 */
    apr_uint32_t *line;
    apr_uint32_t *len; /* bytes */
    apr_uint32_t nentries;
} chat_moderation_words_t;

/* entries are sorted. In p. */
chat_moderation_words_t *
chat_moderation_words_create(chat_moderation_entry_t *entries, int n,
                             apr_pool_t *p);
apr_size_t chat_moderation_words_bytes(const chat_moderation_words_t *words);
apr_uint32_t chat_moderation_words_fail(const chat_moderation_words_t *words,
                                        apr_uint32_t state, unsigned char byte);

static inline apr_uint32_t
chat_moderation_words_step(const chat_moderation_words_t *words,
                           apr_uint32_t state, unsigned char byte)
{
    return state ? chat_moderation_words_fail(words, state, byte)
                 : words->root[byte];
}

/* ---- chat_moderation_patterns.c ---- */

typedef struct chat_moderation_patterns_t chat_moderation_patterns_t;

chat_moderation_patterns_t *chat_moderation_patterns_create(apr_pool_t *p);
/* NULL, or PCRE2's sentence. text is NUL-terminated. */
const char *chat_moderation_patterns_add(chat_moderation_patterns_t *patterns,
                                         const char *text, int line,
                                         apr_pool_t *p);
int chat_moderation_patterns_count(const chat_moderation_patterns_t *patterns);
int chat_moderation_patterns_line(const chat_moderation_patterns_t *patterns,
                                  int i);
apr_size_t
chat_moderation_patterns_bytes(const chat_moderation_patterns_t *patterns);

typedef enum {
    CHAT_MODERATION_NOT_FOUND,
    CHAT_MODERATION_FOUND,
    CHAT_MODERATION_BEGUN, /* what begins there could become one */
    CHAT_MODERATION_LIMIT  /* it takes too long */
} chat_moderation_found_e;

/* What one search after the other needs; in p. */
typedef struct chat_moderation_search_t chat_moderation_search_t;
chat_moderation_search_t *chat_moderation_search_create(apr_pool_t *p);

typedef struct chat_moderation_subject_t {
    const char *text;
    apr_size_t len, from;
    int begins; /* 1: the text begins here */
    int ends;   /* 1: and ends there */
} chat_moderation_subject_t;

/* Pattern i, from that place on: where it was found, or has begun. */
chat_moderation_found_e
chat_moderation_patterns_find(const chat_moderation_patterns_t *patterns, int i,
                              chat_moderation_search_t *search,
                              const chat_moderation_subject_t *subject,
                              apr_size_t *pstart, apr_size_t *pend);

/* ---- chat_moderation_list.c ---- */

struct chat_moderation_list_t {
    chat_moderation_options_t options;
    chat_moderation_words_t *words[CHAT_MODERATION_VIEWS]; /* NULL: none */
    chat_moderation_patterns_t *patterns;                  /* NULL: none */
    unsigned views; /* bits: those that are looked at */
    int entries;
};

#endif
