/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a UI message stream, in one piece and byte by byte: the same
 * message, which is JSON. */
#include "fuzz.h"

#include <string.h>

#include "chat_json.h"
#include "chat_ui_message.h"

static const chat_json_limits_t limits = {1 << 26, 200, 10000000};

static void must_be_json(const char *text, chat_json_kind_e kind, apr_pool_t *p)
{
    chat_json_t *v;

    MUST(chat_json_parse(&v, text, strlen(text), &limits, p) == APR_SUCCESS);
    MUST(!kind || chat_json_kind(v) == kind);
}

static chat_ui_message_told_t read_all(const uint8_t *data, size_t size,
                                       size_t piece, apr_pool_t *p)
{
    chat_ui_message_t *m = chat_ui_message_create(p);
    chat_ui_message_told_t told;

    for (; size; data += piece, size -= piece) {
        if (piece > size)
            piece = size;
        chat_ui_message_feed(m, (const char *)data, piece);
    }
    chat_ui_message_end(m);
    chat_ui_message_tell(&told, m, p);
    return told;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    chat_ui_message_told_t told = read_all(data, size, size, p);
    chat_ui_message_told_t again = read_all(data, size, 1, p);

    MUST(strcmp(told.parts, again.parts) == 0);
    MUST(told.broken == again.broken && told.done == again.done);
    MUST(strlen(told.text) <= size);
    MUST(told.nparts <= CHAT_UI_MESSAGE_PARTS_MAX);
    must_be_json(told.parts, CHAT_JSON_ARRAY, p);
    if (told.metadata)
        must_be_json(told.metadata, 0, p);
    if (told.context)
        must_be_json(told.context, 0, p);
    apr_pool_destroy(p);
    return 0;
}
