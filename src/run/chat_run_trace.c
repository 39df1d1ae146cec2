/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tap of traces: gathers questions and answers, with ChatTraceContent
 * alone, and hands all of a run over at its end. See chat_run_trace.h.
 */
#include "chat_run_trace.h"

/* Of the texts of a question, and of an answer. */
#define CONTENT_MAX (32 * 1024)

static const char *const roles[] = {
    [CHAT_ROLE_USER] = "user",
    [CHAT_ROLE_ASSISTANT] = "assistant",
    [CHAT_ROLE_SYSTEM] = "system",
    [CHAT_ROLE_TOOL] = "tool",
};

/* The newest messages that are text, as many as fit. */
static const char *describe_turn(const chat_turn_t *turn, apr_pool_t *p)
{
    chat_json_t *all = chat_json_array(p);
    apr_size_t bytes = 0;
    int i = turn->nmessages;

    while (i > 0 && bytes <= CONTENT_MAX)
        bytes +=
            turn->messages[--i].content ? strlen(turn->messages[i].content) : 0;
    for (i += bytes > CONTENT_MAX; i < turn->nmessages; i++) {
        const chat_message_t *message = &turn->messages[i];
        chat_json_t *one, *parts, *part;

        if (!message->content)
            continue;
        one = chat_json_object(p);
        parts = chat_json_array(p);
        part = chat_json_object(p);
        chat_json_add_string(part, "type", "text");
        chat_json_add_string(part, "content", message->content);
        chat_json_push(parts, part);
        chat_json_add_string(one, "role", roles[message->role]);
        chat_json_add(one, "parts", parts);
        chat_json_push(all, one);
    }
    return chat_json_text(all, NULL, p);
}

static int trace_wanted(const chat_run_t *run)
{
    return run->trace && run->trace->calls && run->conf->trace.content;
}

static apr_status_t trace_begin(void **pstate, chat_run_t *run, chat_err_t *err)
{
    chat_run_trace_t *trace = run->trace;

    trace->asked = describe_turn(&run->request.turn, run->r->pool);
    trace->answered = apr_palloc(run->r->pool, sizeof(*trace->answered));
    chat_buf_init(trace->answered, run->r->pool);
    *pstate = trace->answered;
    return APR_SUCCESS;
}

static void trace_restart(void *state)
{
    chat_buf_clear(state);
}

static void trace_delta(void *state, const chat_delta_t *delta)
{
    chat_buf_t *answered = state;

    if (delta->kind == CHAT_DELTA_TEXT &&
        answered->len + delta->len <= CONTENT_MAX)
        chat_buf_put(answered, delta->text, delta->len);
}

static void trace_end(chat_run_t *run, void *state)
{
    if (run->trace)
        chat_run_trace_export(run);
}

const chat_tap_t chat_run_trace = {
    .name = "trace",
    .wanted = trace_wanted,
    .begin = trace_begin,
    .restart = trace_restart,
    .delta = trace_delta,
    .end = trace_end,
};
