/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz targets of requests share: the clamps, and what holds for any
 * turn and for any refusal. */
#ifndef FUZZ_REQUEST_H
#define FUZZ_REQUEST_H

#include "fuzz.h"

#include <string.h>

#include "chat_request.h"

static const chat_json_limits_t limits = {65536, 64, 10000};
static const chat_request_clamps_t clamps = {
    .messages = 4,
    .message_length = 8,
    .total_length = 16,
    .max_output_tokens = 1000,
};

static inline void fuzz_message(const chat_message_t *message)
{
    int i;

    MUST(message->role <= CHAT_ROLE_TOOL);
    MUST(message->content || message->parts || message->ncalls);
    MUST(!message->content || !message->parts);
    if (message->parts)
        MUST(chat_json_length(message->parts) > 0);
    MUST(!message->ncalls || message->role == CHAT_ROLE_ASSISTANT);
    for (i = 0; i < message->ncalls; i++) {
        MUST(message->calls[i].id[0] != '\0');
        MUST(strlen(message->calls[i].name) - 1 < 64);
        MUST(message->calls[i].arguments);
    }
    MUST(!message->call_id == (message->role != CHAT_ROLE_TOOL));
}

static inline void fuzz_tools(const chat_turn_t *turn)
{
    int i, named = 0;

    MUST(turn->ntools >= 0 && turn->ntools <= 128);
    for (i = 0; i < turn->ntools; i++) {
        const chat_tool_t *tool = &turn->tools[i];

        MUST(strlen(tool->name) - 1 < 64);
        MUST(strspn(tool->name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
                                "uvwxyz0123456789_-") == strlen(tool->name));
        MUST(!tool->parameters ||
             chat_json_kind(tool->parameters) == CHAT_JSON_OBJECT);
        MUST(tool->strict >= -1 && tool->strict <= 1);
        named += turn->choice_name && !strcmp(turn->choice_name, tool->name);
    }
    MUST(named == (turn->choice == CHAT_CHOICE_TOOL));
    MUST(turn->ntools || turn->choice == CHAT_CHOICE_UNSAID);
}

static inline void fuzz_turn(const chat_turn_t *turn)
{
    int i;

    MUST(turn->nmessages >= 1 && turn->nmessages <= clamps.messages);
    for (i = 0; i < turn->nmessages; i++)
        fuzz_message(&turn->messages[i]);
    fuzz_tools(turn);
    if (turn->has_temperature)
        MUST(turn->temperature >= 0 && turn->temperature <= 2);
    if (turn->has_top_p)
        MUST(turn->top_p >= 0 && turn->top_p <= 1);
    for (i = 0; i < turn->nstop; i++)
        MUST(turn->stop[i][0] != '\0');
    MUST(turn->nstop <= 4);
    MUST(turn->max_output_tokens >= 0 &&
         turn->max_output_tokens <= clamps.max_output_tokens);
    if (turn->schema)
        MUST(chat_json_kind(turn->schema) == CHAT_JSON_OBJECT && !turn->json);
    MUST(turn->schema_strict >= -1 && turn->schema_strict <= 1);
    MUST(turn->parallel >= -1 && turn->parallel <= 1);
    MUST(!turn->native);
}

static inline void fuzz_issues(const chat_err_t *err, apr_pool_t *p)
{
    chat_json_t *issues;
    int i;

    MUST(err->status == 400);
    MUST(chat_json_parse(&issues, err->issues, strlen(err->issues), &limits,
                         p) == APR_SUCCESS);
    MUST(chat_json_length(issues) > 0);
    for (i = 0; i < chat_json_length(issues); i++) {
        const chat_json_t *issue = chat_json_at(issues, i);

        MUST(chat_json_string(chat_json_get(issue, "code")));
        MUST(chat_json_string(chat_json_get(issue, "message")));
        MUST(chat_json_kind(chat_json_get(issue, "path")) == CHAT_JSON_ARRAY);
    }
}

#endif
