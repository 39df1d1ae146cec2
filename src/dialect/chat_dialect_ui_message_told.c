/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams of the ui-message dialect, read again: what an event means as a
 * delta. Pure, any thread.
 */
#include "chat_dialect_ui_message_int.h"

#include <string.h>

#include <apr_strings.h>

static const char *const reasons[] = {
    [CHAT_FINISH_STOP] = "stop",        [CHAT_FINISH_LENGTH] = "length",
    [CHAT_FINISH_CALLS] = "tool-calls", [CHAT_FINISH_FILTER] = "content-filter",
    [CHAT_FINISH_OTHER] = "other",
};

#define REASONS (sizeof(reasons) / sizeof(*reasons))

const char *chat_dialect_ui_message_reason(chat_finish_e why)
{
    return why < REASONS ? reasons[why] : reasons[CHAT_FINISH_OTHER];
}

static const char *text_of(const chat_json_t *data, const char *member)
{
    return chat_json_string(chat_json_get(data, member));
}

/* ---- calls ---- */

static int find_call(const chat_told_t *told, const char *id)
{
    int i;

    for (i = 0; told->calls && id && i < told->calls->nelts; i++)
        if (strcmp(APR_ARRAY_IDX(told->calls, i, const char *), id) == 0)
            return i;
    return -1;
}

static void tell_call(chat_told_t *told, const chat_json_t *data)
{
    chat_delta_t delta = {
        .kind = CHAT_DELTA_TOOL,
        .id = text_of(data, "toolCallId"),
        .name = text_of(data, "toolName"),
    };

    if (!delta.id || !delta.name || find_call(told, delta.id) >= 0)
        return;
    if (!told->calls)
        told->calls = apr_array_make(told->p, 4, sizeof(const char *));
    delta.index = told->calls->nelts;
    APR_ARRAY_PUSH(told->calls, const char *) = apr_pstrdup(told->p, delta.id);
    told->on_delta(told->ctx, &delta);
}

static void tell_arguments(const chat_told_t *told, const chat_json_t *data)
{
    int index = find_call(told, text_of(data, "toolCallId"));

    if (index >= 0)
        chat_dialect_tell(told, CHAT_DELTA_ARGUMENTS, index,
                          text_of(data, "inputTextDelta"));
}

/* ---- the end ---- */

static void tell_usage(chat_told_t *told, const chat_json_t *data)
{
    const chat_json_t *usage = chat_json_get(data, "data");

    told->model = text_of(usage, "modelId");
    told->usage.input =
        chat_json_integer(chat_json_get(usage, "inputTokens"), -1);
    told->usage.output =
        chat_json_integer(chat_json_get(usage, "outputTokens"), -1);
}

static void tell_finish(chat_told_t *told, const chat_json_t *data)
{
    const char *reason = text_of(data, "finishReason");
    chat_finish_e i;

    told->finish_reason = chat_dialect_reason(CHAT_FINISH_OTHER);
    for (i = 0; reason && i < REASONS; i++)
        if (strcmp(reasons[i], reason) == 0)
            told->finish_reason = chat_dialect_reason(i);
}

/* ---- events ---- */

void chat_dialect_ui_message_told(chat_told_t *told,
                                  const chat_sse_event_t *event)
{
    const chat_json_t *data = chat_dialect_data(event, told->p);
    const char *type = text_of(data, "type");

    if (!type)
        return;
    if (!strcmp(type, "text-delta"))
        chat_dialect_tell(told, CHAT_DELTA_TEXT, 0, text_of(data, "delta"));
    else if (!strcmp(type, "reasoning-delta"))
        chat_dialect_tell(told, CHAT_DELTA_REASONING, 0,
                          text_of(data, "delta"));
    else if (!strcmp(type, "tool-input-start"))
        tell_call(told, data);
    else if (!strcmp(type, "tool-input-delta"))
        tell_arguments(told, data);
    else if (!strcmp(type, "data-usage"))
        tell_usage(told, data);
    else if (!strcmp(type, "finish"))
        tell_finish(told, data);
    else if (!strcmp(type, "abort"))
        told->finish_reason = CHAT_DIALECT_STOPPED;
    else if (!strcmp(type, "error"))
        told->error = "upstream_error";
}
