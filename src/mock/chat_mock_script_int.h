/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside the mock route's source: the script, and what writes the events of
 * one API each. Request thread, then the engine's.
 */
#ifndef CHAT_MOCK_SCRIPT_INT_H
#define CHAT_MOCK_SCRIPT_INT_H

#include "chat_mock_script.h"

/* One event of a plan; the last row has no write. */
typedef struct chat_mock_step_t {
    void (*write)(chat_mock_script_t *s);
    enum {
        CHAT_MOCK_ONCE,
        CHAT_MOCK_BILL,    /* once, where token counts are asked for */
        CHAT_MOCK_WORDS,   /* once for each word, the pace apart */
        CHAT_MOCK_THOUGHTS /* the same of what is thought aloud */
    } repeats;
} chat_mock_step_t;

/* What is said or thought, in the order in which it comes. */
typedef struct chat_mock_pieces_t {
    const char *const *piece; /* as they stand in a JSON string; NULL: none */
    int n;
    int next;
} chat_mock_pieces_t;

struct chat_mock_script_t {
    int completions;
    int stream;
    int words; /* of the text; else its pieces */
    apr_interval_time_t pace;
    const char *id;
    const char *model;         /* as a JSON string */
    const char *call;          /* name of a tool as a JSON string; NULL: text */
    const char *const *pieces; /* of arguments or of a text that is given,
                                  escaped; NULL: plain words */
    chat_mock_pieces_t thoughts;
    apr_interval_time_t wait; /* before the first word or thought */
    int breaks;               /* words after which it is cut off, or 0 */
    const char **echo;        /* the first words, escaped */
    int nechoed;
    int told; /* words of whole sentences after them; a closing is the rest */
    apr_int64_t created; /* seconds */
    apr_int64_t input;   /* tokens, estimated */
    const char *usage;   /* what chunks before the usage chunk say of it; "":
                            nobody asked for one */
    const chat_mock_step_t *plan; /* the next event */
    int word;                     /* the next word */
    int sequence;                 /* the next sequence_number */
    char *buf;
    apr_size_t len;
    apr_size_t size;
};

void chat_mock_script_put(chat_mock_script_t *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A word, and all of them, as they stand in a JSON string. */
void chat_mock_script_word(chat_mock_script_t *s, int word);
void chat_mock_script_text(chat_mock_script_t *s);
/* The next thought, and all of them, likewise. */
void chat_mock_script_thought(chat_mock_script_t *s);
void chat_mock_script_thoughts(chat_mock_script_t *s);

/* chat_mock_text.c: the plain words. Compose sets echo and told for messages,
 * the request's; what it makes lives in p. A word needs no escaping. */
void chat_mock_text_compose(chat_mock_script_t *s, const chat_json_t *messages,
                            apr_pool_t *p);
const char *chat_mock_text_word(const chat_mock_script_t *s, int word);

/* Per API: the events of a stream, and the answer without one. */
const chat_mock_step_t *chat_mock_responses_plan(const chat_mock_script_t *s);
void chat_mock_responses_whole(chat_mock_script_t *s);
const chat_mock_step_t *chat_mock_completions_plan(const chat_mock_script_t *s);
void chat_mock_completions_whole(chat_mock_script_t *s);

#endif
