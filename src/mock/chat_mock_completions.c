/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mock route as Chat Completions: chunks with the words, or with a call of
 * a tool. Each chunk is written by one function into the script's buffer. Runs
 * on whichever thread asks the script.
 */
#include "chat_mock_script_int.h"

static void put_completion(chat_mock_script_t *s, const char *object)
{
    chat_mock_script_put(
        s,
        "{\"id\":\"chatcmpl-%s\",\"object\":\"%s\",\"created\":"
        "%" APR_INT64_T_FMT ",\"model\":%s,\"service_tier\":\"default\","
        "\"system_fingerprint\":\"fp_mock\",\"choices\":[",
        s->id, object, s->created, s->model);
}

static void open_chunk(chat_mock_script_t *s)
{
    chat_mock_script_put(s, "data: ");
    put_completion(s, "chat.completion.chunk");
    chat_mock_script_put(s, "{\"index\":0,\"delta\":{");
}

static void close_chunk(chat_mock_script_t *s, const char *finish)
{
    chat_mock_script_put(s, "},\"logprobs\":null,\"finish_reason\":%s}]%s}\n\n",
                         finish, s->usage);
}

static void put_bill(chat_mock_script_t *s)
{
    chat_mock_script_put(
        s,
        "{\"prompt_tokens\":%" APR_INT64_T_FMT ",\"completion_tokens\":%d,"
        "\"total_tokens\":%" APR_INT64_T_FMT
        ",\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"
        "\"completion_tokens_details\":{\"reasoning_tokens\":0,"
        "\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"
        "\"rejected_prediction_tokens\":0}}",
        s->input, s->words, s->input + s->words);
}

static void role_chunk(chat_mock_script_t *s)
{
    open_chunk(s);
    chat_mock_script_put(
        s, "\"role\":\"assistant\",\"content\":%s,\"refusal\":null",
        s->call ? "null" : "\"\"");
    close_chunk(s, "null");
}

static void thought_chunk(chat_mock_script_t *s)
{
    open_chunk(s);
    chat_mock_script_put(s, "\"reasoning_content\":\"");
    chat_mock_script_thought(s);
    chat_mock_script_put(s, "\"");
    close_chunk(s, "null");
}

static void word_chunk(chat_mock_script_t *s)
{
    open_chunk(s);
    chat_mock_script_put(s, "\"content\":\"");
    chat_mock_script_word(s, s->word);
    chat_mock_script_put(s, "\"");
    close_chunk(s, "null");
}

static void call_chunk(chat_mock_script_t *s)
{
    open_chunk(s);
    chat_mock_script_put(
        s,
        "\"tool_calls\":[{\"index\":0,\"id\":\"call_%s\",\"type\":\"function\","
        "\"function\":{\"name\":%s,\"arguments\":\"\"}}]",
        s->id, s->call);
    close_chunk(s, "null");
}

static void arguments_chunk(chat_mock_script_t *s)
{
    open_chunk(s);
    chat_mock_script_put(
        s, "\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"");
    chat_mock_script_word(s, s->word);
    chat_mock_script_put(s, "\"}}]");
    close_chunk(s, "null");
}

static void last_chunk(chat_mock_script_t *s)
{
    open_chunk(s);
    close_chunk(s, s->call ? "\"tool_calls\"" : "\"stop\"");
}

static void usage_chunk(chat_mock_script_t *s)
{
    chat_mock_script_put(s, "data: ");
    put_completion(s, "chat.completion.chunk");
    chat_mock_script_put(s, "],\"usage\":");
    put_bill(s);
    chat_mock_script_put(s, "}\n\n");
}

static void done(chat_mock_script_t *s)
{
    chat_mock_script_put(s, "data: [DONE]\n\n");
}

static void put_message(chat_mock_script_t *s)
{
    if (s->call)
        chat_mock_script_put(
            s,
            "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":"
            "\"call_%s\",\"type\":\"function\",\"function\":{\"name\":%s,"
            "\"arguments\":\"",
            s->id, s->call);
    else
        chat_mock_script_put(s, "{\"role\":\"assistant\",\"content\":\"");
    chat_mock_script_text(s);
    if (s->thoughts.n) {
        chat_mock_script_put(s, "\",\"reasoning_content\":\"");
        chat_mock_script_thoughts(s);
    }
    chat_mock_script_put(s, "\"%s,\"refusal\":null,\"annotations\":[]}",
                         s->call ? "}}]" : "");
}

void chat_mock_completions_whole(chat_mock_script_t *s)
{
    put_completion(s, "chat.completion");
    chat_mock_script_put(s, "{\"index\":0,\"message\":");
    put_message(s);
    chat_mock_script_put(
        s, ",\"logprobs\":null,\"finish_reason\":\"%s\"}],\"usage\":",
        s->call ? "tool_calls" : "stop");
    put_bill(s);
    chat_mock_script_put(s, "}");
}

const chat_mock_step_t *chat_mock_completions_plan(const chat_mock_script_t *s)
{
    static const chat_mock_step_t said[] = {
        {role_chunk, CHAT_MOCK_ONCE}, {word_chunk, CHAT_MOCK_WORDS},
        {last_chunk, CHAT_MOCK_ONCE}, {usage_chunk, CHAT_MOCK_BILL},
        {done, CHAT_MOCK_ONCE},       {NULL}};
    static const chat_mock_step_t thought[] = {
        {role_chunk, CHAT_MOCK_ONCE},
        {thought_chunk, CHAT_MOCK_THOUGHTS},
        {word_chunk, CHAT_MOCK_WORDS},
        {last_chunk, CHAT_MOCK_ONCE},
        {usage_chunk, CHAT_MOCK_BILL},
        {done, CHAT_MOCK_ONCE},
        {NULL}};
    static const chat_mock_step_t called[] = {
        {role_chunk, CHAT_MOCK_ONCE},
        {call_chunk, CHAT_MOCK_ONCE},
        {arguments_chunk, CHAT_MOCK_WORDS},
        {last_chunk, CHAT_MOCK_ONCE},
        {usage_chunk, CHAT_MOCK_BILL},
        {done, CHAT_MOCK_ONCE},
        {NULL}};

    return s->call ? called : s->thoughts.n ? thought : said;
}
