/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the log of a stream: what is read of it is whole, whichever
 * dialect it is taken for. */
#include "fuzz.h"

#include <string.h>

#include "chat_dialect.h"

static chat_told_t told, ui; /* that of ui-message counts its calls */

static void on_delta(void *ctx, const chat_delta_t *delta)
{
    if (delta->kind == CHAT_DELTA_TOOL)
        MUST(delta->id && delta->name && !delta->len);
    else
        MUST(delta->len > 0 && strlen(delta->text) == delta->len);
}

static void on_event(void *ctx, const chat_sse_event_t *event)
{
    chat_dialect_get("stream")->decode(&told, event);
    chat_dialect_get("message")->decode(&told, event);
    chat_dialect_get("ui-message")->decode(&ui, event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    chat_sse_t *sse = chat_sse_create(on_event, NULL, p);

    told =
        (chat_told_t){.on_delta = on_delta, .p = p, .usage = {-1, -1, -1, -1}};
    ui = told;
    chat_sse_feed(sse, (const char *)data, size);
    MUST(!told.finish_reason || strlen(told.finish_reason) <= size);
    MUST(!ui.calls || ui.calls->nelts <= (int)size);
    MUST(!told.error || strlen(told.error) <= size);
    apr_pool_destroy(p);
    return 0;
}
