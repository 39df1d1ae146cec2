/* SPDX-License-Identifier: Apache-2.0 */
/* The headers of a trace: three lines, traceparent, tracestate, baggage. What
 * is read is what is sent, and what is sent is read as the same. */
#include "fuzz.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_trace_context.h"

static void check_parent(const char *text)
{
    chat_trace_context_t context, again;
    char sent[CHAT_TRACEPARENT_SIZE];

    if (!chat_trace_context_parse(&context, text))
        return;
    chat_trace_context_format(sent, &context);
    MUST(strlen(sent) == CHAT_TRACEPARENT_SIZE - 1);
    MUST(!memcmp(sent, "00-", 3) && strstr(text, "-") != NULL);
    MUST(chat_trace_context_parse(&again, sent));
    MUST(!memcmp(again.trace, context.trace, sizeof(again.trace)) &&
         !memcmp(again.span, context.span, sizeof(again.span)) &&
         again.flags == context.flags);
    MUST(!chat_trace_context_is_in(&context, 0) &&
         chat_trace_context_is_in(&context, 1));
}

static void check_state(const char *text, apr_pool_t *p)
{
    const char *state = chat_trace_context_state(text, p);

    if (!state)
        return;
    MUST(*state && strlen(state) <= 512 && !strpbrk(state, "\r\n\t"));
    MUST(!strcmp(chat_trace_context_state(state, p), state));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    char *text = apr_pstrmemdup(p, (const char *)data, size), *rest = text;
    const char *lines[3] = {"", "", ""};
    int i;

    for (i = 0; i < 3 && rest; i++) {
        lines[i] = rest;
        rest = strchr(rest, '\n');
        if (rest)
            *rest++ = '\0';
    }
    check_parent(lines[0]);
    check_state(lines[1], p);
    if (chat_trace_context_is_baggage(lines[2]))
        MUST(!strpbrk(lines[2], "\r\n"));
    apr_pool_destroy(p);
    return 0;
}
