/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ui_message: the message that a UI message stream makes, for comparing with
 * the AI SDK's. Reads a stream a line, as "SEED BASE64", feeds it in pieces
 * that the seed decides (0: in one), and prints a line of JSON for each:
 *   {"id":...,"parts":[...],"metadata":...,"context":...,"text":"...",
 *    "finishReason":...,"error":...,"flags":"FADBO"}
 * without the members that are not there. The flags are the first letters of
 * finished, aborted, done, broken and overflows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_base64.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "chat_json.h"
#include "chat_ui_message.h"

/* Bytes of the longest piece. */
#define PIECE_MAX 40

static void print_text(const char *name, const char *text, apr_pool_t *p)
{
    if (text)
        printf(",\"%s\":%s", name, chat_json_quote(text, p));
}

static void print_json(const char *name, const char *json)
{
    if (json)
        printf(",\"%s\":%s", name, json);
}

static void print_message(const chat_ui_message_t *m, apr_pool_t *p)
{
    chat_ui_message_told_t told;

    chat_ui_message_tell(&told, m, p);
    printf("{\"parts\":%s", told.parts);
    print_text("id", told.id, p);
    print_json("metadata", told.metadata);
    print_json("context", told.context);
    print_text("text", told.text, p);
    print_text("finishReason", told.finish_reason, p);
    print_text("error", told.error, p);
    printf(",\"flags\":\"%s%s%s%s%s\"}\n", told.finished ? "F" : "",
           told.aborted ? "A" : "", told.done ? "D" : "",
           told.broken ? "B" : "", told.overflows ? "O" : "");
}

/* Each piece is bytes of its own, so that nobody reads behind it. */
static void feed_piece(chat_ui_message_t *m, const char *data, size_t len)
{
    char *copy = malloc(len);

    memcpy(copy, data, len);
    chat_ui_message_feed(m, copy, len);
    free(copy);
}

static void feed(chat_ui_message_t *m, const char *data, size_t len,
                 unsigned seed)
{
    int whole = seed == 0;
    size_t piece;

    for (; len; data += piece, len -= piece) {
        seed = seed * 1103515245 + 12345;
        piece = whole ? len : 1 + (seed >> 16) % PIECE_MAX;
        if (piece > len)
            piece = len;
        feed_piece(m, data, piece);
    }
}

static void show(char *line, apr_pool_t *p)
{
    chat_ui_message_t *m = chat_ui_message_create(p);
    char *base64;
    unsigned seed = strtoul(line, &base64, 10);
    char *bytes;

    while (*base64 == ' ')
        base64++;
    bytes = apr_palloc(p, apr_base64_decode_len(base64) + 1);
    feed(m, bytes, apr_base64_decode(bytes, base64), seed);
    chat_ui_message_end(m);
    print_message(m, p);
}

int main(void)
{
    apr_pool_t *pool, *p;
    char *line = NULL;
    size_t size = 0;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    while (getline(&line, &size, stdin) > 0) {
        apr_pool_create(&p, pool);
        show(line, p);
        apr_pool_destroy(p);
    }
    free(line);
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}
