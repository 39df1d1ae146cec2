/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A UI message stream, read: the assistant's message that a client of the AI
 * SDK has made of it, as that SDK's own reader (readUIMessageStream) makes it.
 * Fed with the bytes of the stream as they pass, cut anywhere. Pure: no httpd,
 * no log, no globals. One belongs to one thread at a time; feeding never blocks
 * and never fails.
 *
 * Where versions 5, 6 and 7 of the SDK differ it is version 6 that counts, with
 * what only 7 knows ("custom", "reasoning-file", "tool-approval-response").
 * Types that it does not know, at which the SDK would throw, are passed over;
 * what is broken otherwise ends the building as it does there: what came before
 * stays.
 */
#ifndef CHAT_UI_MESSAGE_H
#define CHAT_UI_MESSAGE_H

#include <apr_pools.h>

/* What of a message is kept at most: bytes of its texts and values, and parts.
 * What is more than that ends the building. */
#define CHAT_UI_MESSAGE_MAX (16 * 1024 * 1024)
#define CHAT_UI_MESSAGE_PARTS_MAX 1000

typedef struct chat_ui_message_t chat_ui_message_t;

/* What has been read so far. All texts live in the pool it was asked with. */
typedef struct chat_ui_message_told_t {
    const char *id;       /* of "start"; NULL: the client keeps its own */
    const char *parts;    /* JSON: an array, maybe empty */
    int nparts;           /* in it, but for those of "step-start" */
    const char *metadata; /* JSON, or NULL */
    const char *context;  /* JSON: the data of the last "data-usage", transient
                             or not; or NULL */
    const char *text;     /* all text parts, joined: a title or a search index
                             is made of it; "" when there is none */
    const char *finish_reason; /* of "finish", as it says; or NULL */
    const char *error;         /* text of the first "error"; or NULL */
    int finished;              /* 1: "finish" came */
    int aborted;               /* 1: "abort" came */
    int done;                  /* 1: "[DONE]" came */
    int broken;    /* 1: a chunk was no JSON, lacked what its type must
                      have, or spoke of a part that is not there */
    int overflows; /* 1: there was more than is kept */
} chat_ui_message_told_t;

/* All of it is freed with p. */
chat_ui_message_t *chat_ui_message_create(apr_pool_t *p);

void chat_ui_message_feed(chat_ui_message_t *m, const char *data,
                          apr_size_t len);

/* No more bytes will come. An event whose blank line is missing does not count,
 * as it does not for the client. */
void chat_ui_message_end(chat_ui_message_t *m);

/* May be asked at any time, and again. */
void chat_ui_message_tell(chat_ui_message_told_t *told,
                          const chat_ui_message_t *m, apr_pool_t *p);

#endif
