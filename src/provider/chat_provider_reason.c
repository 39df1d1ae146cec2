/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why an answer is over: each API has a table of its words, and all of them the
 * same rule for what is in none, see chat_seen_t. Runs on the stream's driver.
 * Pure.
 */
#include "chat_provider_event.h"
#include "chat_provider_scan.h"

#include <string.h>
#include <strings.h>

/* Gateways write words of others in capitals, and none as a text. */
static int is_word(const char *text, apr_size_t len, const char *word)
{
    return strlen(word) == len && strncasecmp(text, word, len) == 0;
}

int chat_provider_reason_find(const chat_reason_t *table, const char *text,
                              apr_size_t len)
{
    if (!text || len == 0 || is_word(text, len, "null"))
        return CHAT_REASON_NONE;
    for (; table->word; table++) {
        if (is_word(text, len, table->word))
            return table->finish;
    }
    return CHAT_FINISH_OTHER;
}

int chat_provider_reason_read(const chat_reason_t *table, const chat_json_t *v)
{
    const char *text = chat_json_string(v);

    return chat_provider_reason_find(table, text, text ? strlen(text) : 0);
}

void chat_provider_reason_take(chat_parse_t *parse, int reason)
{
    if (reason >= 0)
        parse->finish = reason;
    /* Also where the choice was forced, for which OpenAI says "stop". */
    if (parse->ncalls && parse->finish == CHAT_FINISH_STOP)
        parse->finish = CHAT_FINISH_CALLS;
}

void chat_provider_finish(chat_seen_t *seen)
{
    if (seen->reason)
        seen->ended = 1;
}

int chat_provider_reason_scan(const chat_reason_t *table, chat_scan_t *s)
{
    chat_piece_t word;
    int reason;

    chat_provider_scan_piece(s, &word);
    reason = chat_provider_reason_find(table, word.text, word.len);
    if (reason == CHAT_REASON_FAILURE)
        chat_provider_scan_put_off(s);
    return reason;
}
