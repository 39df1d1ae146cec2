/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the watch: chat_moderation_watch.c lets go on what may,
 * chat_moderation_watch_take.c moves it along, chat_moderation_watch_seek.c
 * looks for patterns, chat_moderation_watch_json.c reads the escapes of JSON.
 * Places in a form are counted from the beginning of the text.
 */
#ifndef CHAT_MODERATION_WATCH_H
#define CHAT_MODERATION_WATCH_H

#include "chat_buf.h"
#include "chat_moderation_int.h"

/* Bytes of a form that went on, and that a pattern may look back at. */
#define CHAT_MODERATION_BACK 256
/* Bytes that a pattern may hold. */
#define CHAT_MODERATION_AHEAD 2048

/* The text in one of its forms, as far as it is remembered. */
typedef struct chat_moderation_form_t {
    chat_buf_t text;
    apr_uint64_t origin; /* where that begins */
    int before;          /* 1: a letter stands before it */
    int begun;           /* 1: something does */
    int ends_word;       /* 1: a letter is the last of it */
} chat_moderation_form_t;

/* A segment that is held. */
typedef struct chat_moderation_piece_t {
    apr_uint32_t raw;                        /* bytes of it as it came */
    apr_uint16_t len[CHAT_MODERATION_VIEWS]; /* and in its forms */
    unsigned char cut;                       /* 1: it does not go on */
    unsigned char outside; /* 1: of JSON: not inside of a string */
} chat_moderation_piece_t;

/* The one that may still grow. */
typedef struct chat_moderation_pending_t {
    char text[CHAT_MODERATION_SEGMENT * 4 + 4]; /* without what is ignored */
    apr_size_t len;
    int count; /* characters of it */
    apr_size_t raw;
    int outside;
} chat_moderation_pending_t;

/* The words of one list in one form. */
typedef struct chat_moderation_track_t {
    const chat_moderation_words_t *words;
    int list, view, whole_words;
    apr_uint32_t state;
    int waits; /* 1: for what stands behind a word */
    int line;  /* of that */
    apr_uint64_t start, end;
} chat_moderation_track_t;

/* A pattern in one form. */
typedef struct chat_moderation_seeker_t {
    const chat_moderation_patterns_t *patterns;
    int pattern, list, view;
    int plain;         /* index of the same in the plain form */
    apr_uint64_t from; /* before that place nothing begins */
} chat_moderation_seeker_t;

/* Where a JSON text is. */
typedef struct chat_moderation_json_t {
    int in_string;
    int depth;        /* of arrays and objects */
    int value;        /* 1: one of them has ended, and lies in no other */
    int escape;       /* 0: none, 1: behind the backslash, 2..5: digits */
    apr_int32_t c;    /* of the digits so far */
    apr_size_t held;  /* bytes of the escape so far */
    apr_int32_t high; /* the first half of a pair, or 0 */
} chat_moderation_json_t;

struct chat_moderation_watch_t {
    apr_pool_t *p;
    unsigned flags; /* chat_moderation_flags_e */
    const chat_moderation_sink_t *sink;
    void *ctx;
    unsigned views; /* bits */
    int over;       /* 1: blocked */

    chat_buf_t raw; /* what is held, as it came */
    chat_buf_t out; /* what goes on when this piece has been looked at */
    int skips;      /* 1: what nothing begins in need not be held at all */
    chat_moderation_piece_t *segments;
    int nsegments, most;
    chat_moderation_pending_t pending;
    int bare;    /* marks of the last letter are none of it */
    int cutting; /* 1: what went on last was a replacement */
    chat_moderation_form_t forms[CHAT_MODERATION_VIEWS];
    chat_moderation_segment_t scratch;

    chat_moderation_track_t *tracks;
    int ntracks;
    chat_moderation_seeker_t *seekers;
    int nseekers;
    chat_moderation_search_t *searches;
    chat_moderation_json_t json;
};

/* ---- chat_moderation_watch_take.c ---- */

/* That line of a list was found in these segments. */
void chat_moderation_watch_found(chat_moderation_watch_t *watch, int list,
                                 int line, int first, int behind);
/* It could not be looked for. */
void chat_moderation_watch_failed(chat_moderation_watch_t *watch, int list,
                                  int line);
/* A character, raw bytes of the text. */
void chat_moderation_watch_put(chat_moderation_watch_t *watch, apr_int32_t c,
                               apr_size_t raw, int outside);
/* What waits for the next character is whole. */
void chat_moderation_watch_close(chat_moderation_watch_t *watch);
/* Nothing stands behind the last words. */
void chat_moderation_watch_close_words(chat_moderation_watch_t *watch);

/* ---- chat_moderation_watch_seek.c ---- */

void chat_moderation_watch_seek(chat_moderation_watch_t *watch, int ends);

/* ---- chat_moderation_watch_json.c ---- */

void chat_moderation_watch_json(chat_moderation_watch_t *watch, apr_int32_t c,
                                apr_size_t raw);
void chat_moderation_watch_json_end(chat_moderation_watch_t *watch);

#endif
