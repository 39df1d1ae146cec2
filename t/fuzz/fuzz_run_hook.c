/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a service of moderation answers, in every form and for as many texts as
 * the first byte says; and the body as deltas of an answer, cut where its bytes
 * say. An answer is a verdict or an error, and no text is lost between windows.
 */
#include "fuzz.h"

#include <string.h>

#include <apr_strings.h>

#include "../../src/run/chat_run_hook_format.h"
#include "../../src/run/chat_run_hook_pieces.h"
#include "chat_buf.h"

static void check_name(const char *name)
{
    for (; name && *name; name++)
        MUST((unsigned char)*name > ' ' && *name != '"' && *name < 127);
}

static void read_answer(int format, int thresholds, int ntexts,
                        const char *text, apr_size_t len, apr_pool_t *p)
{
    apr_array_header_t *list =
        apr_array_make(p, 1, sizeof(chat_hook_threshold_t));
    const chat_hook_conf_t hook = {
        .format = format, .model = "m", .thresholds = thresholds ? list : NULL};
    chat_hook_threshold_t *t = apr_array_push(list);
    chat_run_hook_answer_t answer;
    const char *why;
    int i;

    t->category = "*";
    t->least = 0.5;
    why = chat_run_hook_format_read(&answer, &hook, 200, text, len, ntexts, p);
    if (why)
        return;
    MUST(answer.action >= CHAT_MODERATION_PASS &&
         answer.action < CHAT_MODERATION_COUNT &&
         answer.action != CHAT_MODERATION_ERROR);
    MUST(answer.score <= 1);
    check_name(answer.category);
    for (i = 0; answer.action == CHAT_MODERATION_REPLACE && i < ntexts; i++)
        MUST(answer.texts[i]);
}

static void take(void *ctx, const chat_delta_t *delta)
{
    chat_buf_put(ctx, delta->text, delta->len);
}

/* One text, in windows that end anywhere. */
static void cut(const char *text, apr_size_t len, apr_pool_t *p)
{
    chat_run_hook_pieces_t *pieces = chat_run_hook_pieces_create(0, p);
    chat_buf_t *all = apr_palloc(p, sizeof(*all));
    apr_size_t at, n;

    chat_buf_init(all, p);
    for (at = 0; at < len; at += n) {
        const unsigned char size = text[at];
        const apr_size_t most = size % 97 + 1;
        chat_delta_t delta = {.kind = CHAT_DELTA_TEXT, .text = text + at};

        n = delta.len = most < len - at ? most : len - at;
        chat_run_hook_pieces_add(pieces, &delta);
        if (size & 0x80) {
            chat_run_hook_pieces_t *next =
                chat_run_hook_pieces_split(pieces, p);

            chat_run_hook_pieces_each(pieces, NULL, take, all);
            chat_run_hook_pieces_destroy(pieces);
            pieces = next;
        }
    }
    chat_run_hook_pieces_each(pieces, NULL, take, all);
    MUST(all->len == len && (len == 0 || !memcmp(all->data, text, len)));
    chat_run_hook_pieces_destroy(pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int formats[] = {CHAT_HOOK_GENERIC, CHAT_HOOK_OPENAI,
                                  CHAT_HOOK_LLAMA_GUARD};
    apr_pool_t *p;
    const char *text;
    apr_size_t i;

    if (!size)
        return 0;
    p = fuzz_pool();
    text = apr_pstrmemdup(p, (const char *)data + 1, size - 1);
    for (i = 0; i < sizeof(formats) / sizeof(*formats); i++)
        read_answer(formats[i], data[0] & 0x40, data[0] % 4, text, size - 1, p);
    cut(text, size - 1, p);
    apr_pool_destroy(p);
    return 0;
}
