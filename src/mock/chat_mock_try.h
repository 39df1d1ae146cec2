/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a user may ask the mock route to show: a question that says "try: WORD"
 * is answered as that word has it, so that a page or a client can be seen with
 * all that real models do to it. docs/page.md lists the words. Private to
 * mock/. Pure.
 */
#ifndef CHAT_MOCK_TRY_H
#define CHAT_MOCK_TRY_H

#include <apr_time.h>

typedef struct chat_mock_try_t {
    const char *word;
    const char *thought; /* what is thought aloud before, or NULL */
    const char *call;    /* the tool that is called, or NULL */
    const char *text;    /* of the answer, or the arguments of the call;
                            NULL: plain words */
    int words;           /* how many of those; 0: as ChatMock says */
    int breaks;          /* words after which the connection is cut, or 0 */
    apr_interval_time_t wait; /* before the first of them */
    apr_interval_time_t pace; /* between two; 0: as ChatMock says */
    int status;               /* of a refusal; 0: there is none */
    const char *code, *message, *retry_after; /* of it */
} chat_mock_try_t;

/* What that question asks for; NULL: nothing of this. said may be NULL. */
const chat_mock_try_t *chat_mock_try_find(const char *said);

#endif
