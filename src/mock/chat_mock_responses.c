/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mock route as OpenAI's Responses API: one item, the message or a call of
 * a tool, and before it what was thought aloud. Each event is written by one
 * function into the script's buffer. Runs on whichever thread asks the script.
 */
#include "chat_mock_script_int.h"

static void open_event(chat_mock_script_t *s, const char *type)
{
    chat_mock_script_put(s,
                         "event: %s\n"
                         "data: {\"type\":\"%s\",\"sequence_number\":%d",
                         type, type, s->sequence++);
}

static void close_event(chat_mock_script_t *s)
{
    chat_mock_script_put(s, "}\n\n");
}

/* An output_text part; said: with its text. */
static void put_part(chat_mock_script_t *s, int said)
{
    chat_mock_script_put(
        s, "{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],"
           "\"text\":\"");
    if (said)
        chat_mock_script_text(s);
    chat_mock_script_put(s, "\"}");
}

static void put_call(chat_mock_script_t *s, int said)
{
    chat_mock_script_put(
        s,
        "{\"id\":\"fc_%s\",\"type\":\"function_call\",\"status\":\"%s\","
        "\"arguments\":\"",
        s->id, said ? "completed" : "in_progress");
    if (said)
        chat_mock_script_text(s);
    chat_mock_script_put(s, "\",\"call_id\":\"call_%s\",\"name\":%s}", s->id,
                         s->call);
}

/* Thoughts are an item of their own, the first. */
static void put_thoughts(chat_mock_script_t *s, int said)
{
    chat_mock_script_put(
        s, "{\"id\":\"rs_%s\",\"type\":\"reasoning\",\"summary\":[", s->id);
    if (said) {
        chat_mock_script_put(s, "{\"type\":\"summary_text\",\"text\":\"");
        chat_mock_script_thoughts(s);
        chat_mock_script_put(s, "\"}");
    }
    chat_mock_script_put(s, "]}");
}

/* Where the item of the answer itself stands. */
static int place(const chat_mock_script_t *s)
{
    return s->thoughts.n ? 1 : 0;
}

/* What the answer consists of; said: complete. */
static void put_item(chat_mock_script_t *s, int said)
{
    if (s->call) {
        put_call(s, said);
        return;
    }
    chat_mock_script_put(
        s,
        "{\"id\":\"msg_%s\",\"type\":\"message\",\"status\":\"%s\","
        "\"content\":[",
        s->id, said ? "completed" : "in_progress");
    if (said)
        put_part(s, 1);
    chat_mock_script_put(s, "],\"role\":\"assistant\"}");
}

static void put_response(chat_mock_script_t *s, int said)
{
    chat_mock_script_put(
        s,
        "{\"id\":\"resp_%s\",\"object\":\"response\",\"created_at\":"
        "%" APR_INT64_T_FMT ",\"status\":\"%s\",\"background\":false,"
        "\"error\":null,\"incomplete_details\":null,\"instructions\":null,"
        "\"max_output_tokens\":null,\"model\":%s,\"output\":[",
        s->id, s->created, said ? "completed" : "in_progress", s->model);
    if (said && s->thoughts.n) {
        put_thoughts(s, 1);
        chat_mock_script_put(s, ",");
    }
    if (said)
        put_item(s, 1);
    chat_mock_script_put(
        s, "],\"parallel_tool_calls\":true,\"previous_response_id\":null,"
           "\"reasoning\":{\"effort\":null,\"summary\":null},\"store\":false,"
           "\"temperature\":1.0,\"text\":{\"format\":{\"type\":\"text\"}},"
           "\"tool_choice\":\"auto\",\"tools\":[],\"top_p\":1.0,"
           "\"truncation\":\"disabled\",\"usage\":");
    if (said)
        chat_mock_script_put(
            s,
            "{\"input_tokens\":%" APR_INT64_T_FMT
            ",\"input_tokens_details\":{\"cached_tokens\":0},"
            "\"output_tokens\":%d,"
            "\"output_tokens_details\":{\"reasoning_tokens\":0},"
            "\"total_tokens\":%" APR_INT64_T_FMT "}",
            s->input, s->words, s->input + s->words);
    else
        chat_mock_script_put(s, "null");
    chat_mock_script_put(s, ",\"user\":null,\"metadata\":{}}");
}

static void put_place(chat_mock_script_t *s)
{
    chat_mock_script_put(
        s, ",\"item_id\":\"msg_%s\",\"output_index\":%d,\"content_index\":0",
        s->id, place(s));
}

static void created(chat_mock_script_t *s)
{
    open_event(s, "response.created");
    chat_mock_script_put(s, ",\"response\":");
    put_response(s, 0);
    close_event(s);
}

static void in_progress(chat_mock_script_t *s)
{
    open_event(s, "response.in_progress");
    chat_mock_script_put(s, ",\"response\":");
    put_response(s, 0);
    close_event(s);
}

static void item_added(chat_mock_script_t *s)
{
    open_event(s, "response.output_item.added");
    chat_mock_script_put(s, ",\"output_index\":%d,\"item\":", place(s));
    put_item(s, 0);
    close_event(s);
}

static void part_added(chat_mock_script_t *s)
{
    open_event(s, "response.content_part.added");
    put_place(s);
    chat_mock_script_put(s, ",\"part\":");
    put_part(s, 0);
    close_event(s);
}

static void delta(chat_mock_script_t *s)
{
    open_event(s, "response.output_text.delta");
    put_place(s);
    chat_mock_script_put(s, ",\"delta\":\"");
    chat_mock_script_word(s, s->word);
    chat_mock_script_put(s, "\",\"logprobs\":[]");
    close_event(s);
}

static void text_done(chat_mock_script_t *s)
{
    open_event(s, "response.output_text.done");
    put_place(s);
    chat_mock_script_put(s, ",\"text\":\"");
    chat_mock_script_text(s);
    chat_mock_script_put(s, "\",\"logprobs\":[]");
    close_event(s);
}

static void part_done(chat_mock_script_t *s)
{
    open_event(s, "response.content_part.done");
    put_place(s);
    chat_mock_script_put(s, ",\"part\":");
    put_part(s, 1);
    close_event(s);
}

static void item_done(chat_mock_script_t *s)
{
    open_event(s, "response.output_item.done");
    chat_mock_script_put(s, ",\"output_index\":%d,\"item\":", place(s));
    put_item(s, 1);
    close_event(s);
}

static void thoughts_added(chat_mock_script_t *s)
{
    open_event(s, "response.output_item.added");
    chat_mock_script_put(s, ",\"output_index\":0,\"item\":");
    put_thoughts(s, 0);
    close_event(s);
}

static void thought(chat_mock_script_t *s)
{
    open_event(s, "response.reasoning_summary_text.delta");
    chat_mock_script_put(s,
                         ",\"item_id\":\"rs_%s\",\"output_index\":0,"
                         "\"summary_index\":0,\"delta\":\"",
                         s->id);
    chat_mock_script_thought(s);
    chat_mock_script_put(s, "\"");
    close_event(s);
}

static void thoughts_done(chat_mock_script_t *s)
{
    open_event(s, "response.output_item.done");
    chat_mock_script_put(s, ",\"output_index\":0,\"item\":");
    put_thoughts(s, 1);
    close_event(s);
}

/* The arguments of a call, and all of them. */
static void arguments(chat_mock_script_t *s)
{
    open_event(s, "response.function_call_arguments.delta");
    chat_mock_script_put(
        s, ",\"item_id\":\"fc_%s\",\"output_index\":0,\"delta\":\"", s->id);
    chat_mock_script_word(s, s->word);
    chat_mock_script_put(s, "\"");
    close_event(s);
}

static void arguments_done(chat_mock_script_t *s)
{
    open_event(s, "response.function_call_arguments.done");
    chat_mock_script_put(s,
                         ",\"item_id\":\"fc_%s\",\"output_index\":0,\"name\":%"
                         "s,\"arguments\":\"",
                         s->id, s->call);
    chat_mock_script_text(s);
    chat_mock_script_put(s, "\"");
    close_event(s);
}

static void completed(chat_mock_script_t *s)
{
    open_event(s, "response.completed");
    chat_mock_script_put(s, ",\"response\":");
    put_response(s, 1);
    close_event(s);
}

const chat_mock_step_t *chat_mock_responses_plan(const chat_mock_script_t *s)
{
    static const chat_mock_step_t said[] = {
        {created, CHAT_MOCK_ONCE},    {in_progress, CHAT_MOCK_ONCE},
        {item_added, CHAT_MOCK_ONCE}, {part_added, CHAT_MOCK_ONCE},
        {delta, CHAT_MOCK_WORDS},     {text_done, CHAT_MOCK_ONCE},
        {part_done, CHAT_MOCK_ONCE},  {item_done, CHAT_MOCK_ONCE},
        {completed, CHAT_MOCK_ONCE},  {NULL},
    };
    static const chat_mock_step_t called[] = {
        {created, CHAT_MOCK_ONCE},        {in_progress, CHAT_MOCK_ONCE},
        {item_added, CHAT_MOCK_ONCE},     {arguments, CHAT_MOCK_WORDS},
        {arguments_done, CHAT_MOCK_ONCE}, {item_done, CHAT_MOCK_ONCE},
        {completed, CHAT_MOCK_ONCE},      {NULL},
    };
    static const chat_mock_step_t thoughtful[] = {
        {created, CHAT_MOCK_ONCE},
        {in_progress, CHAT_MOCK_ONCE},
        {thoughts_added, CHAT_MOCK_ONCE},
        {thought, CHAT_MOCK_THOUGHTS},
        {thoughts_done, CHAT_MOCK_ONCE},
        {item_added, CHAT_MOCK_ONCE},
        {part_added, CHAT_MOCK_ONCE},
        {delta, CHAT_MOCK_WORDS},
        {text_done, CHAT_MOCK_ONCE},
        {part_done, CHAT_MOCK_ONCE},
        {item_done, CHAT_MOCK_ONCE},
        {completed, CHAT_MOCK_ONCE},
        {NULL},
    };

    return s->call ? called : s->thoughts.n ? thoughtful : said;
}

void chat_mock_responses_whole(chat_mock_script_t *s)
{
    put_response(s, 1);
}
