/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mock route's source. A plan lists the events of an API in order, each
 * written by one function into the script's only buffer; the event with a word
 * repeats until all words are said. The words are plain text that JSON need
 * not escape.
 */
#include "chat_mock_script.h"

#include <stdarg.h>
#include <string.h>

#include <apr_strings.h>

/* Longest model name, as JSON text, that the mock takes on. */
#define LONGEST_MODEL 256

/* The largest event without its text, model and ids. */
#define EVENT_OVERHEAD 1024

typedef void (*step_t)(chat_mock_script_t *s);

struct chat_mock_script_t {
    int completions;
    int stream;
    int words;
    apr_interval_time_t pace;
    const char *id;
    const char *model;   /* as a JSON string */
    apr_int64_t created; /* seconds */
    apr_int64_t input;   /* tokens, estimated */
    const char *usage;   /* what chunks before the usage chunk say of it */
    const step_t *plan;  /* the next event */
    int word;            /* the next word */
    int sequence;        /* the next sequence_number */
    char *buf;
    apr_size_t len;
    apr_size_t size;
};

static const char *const text[] = {
    "Hello,",  "I",       "am",     "a",    "mock:",  "no",     "model",
    "was",     "asked",   "and",    "no",   "token",  "was",    "paid",
    "for.",    "These",   "words",  "are",  "always", "the",    "same,",
    "and",     "they",    "reach",  "you",  "one",    "by",     "one,",
    "the",     "way",     "a",      "real", "answer", "would.", "What",
    "lies",    "between", "us",     "is",   "no",     "mock:",  "the",
    "server,", "the",     "gate",   "at",   "its",    "door",   "and",
    "the",     "stream",  "itself", "—",    "voilà.",
};

#define NTEXT ((int)(sizeof(text) / sizeof(text[0])))

/* Writing ------------------------------------------------------------- */

static void put(chat_mock_script_t *s, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put(chat_mock_script_t *s, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    s->len += apr_vsnprintf(s->buf + s->len, s->size - s->len, format, args);
    va_end(args);
}

static void put_word(chat_mock_script_t *s, int word)
{
    put(s, "%s%s", word ? " " : "", text[word % NTEXT]);
}

static void put_text(chat_mock_script_t *s)
{
    int i;

    for (i = 0; i < s->words; i++)
        put_word(s, i);
}

static apr_size_t measure_text(int words)
{
    apr_size_t len = 0;
    int i;

    for (i = 0; i < words; i++)
        len += 1 + strlen(text[i % NTEXT]);
    return len;
}

/* Responses API ------------------------------------------------------- */

static void open_event(chat_mock_script_t *s, const char *type)
{
    put(s,
        "event: %s\n"
        "data: {\"type\":\"%s\",\"sequence_number\":%d",
        type, type, s->sequence++);
}

static void close_event(chat_mock_script_t *s)
{
    put(s, "}\n\n");
}

/* An output_text part; said: with its text. */
static void put_part(chat_mock_script_t *s, int said)
{
    put(s, "{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],"
           "\"text\":\"");
    if (said)
        put_text(s);
    put(s, "\"}");
}

/* The message that is the answer; said: complete. */
static void put_item(chat_mock_script_t *s, int said)
{
    put(s,
        "{\"id\":\"msg_%s\",\"type\":\"message\",\"status\":\"%s\","
        "\"content\":[",
        s->id, said ? "completed" : "in_progress");
    if (said)
        put_part(s, 1);
    put(s, "],\"role\":\"assistant\"}");
}

static void put_response(chat_mock_script_t *s, int said)
{
    put(s,
        "{\"id\":\"resp_%s\",\"object\":\"response\",\"created_at\":"
        "%" APR_INT64_T_FMT ",\"status\":\"%s\",\"background\":false,"
        "\"error\":null,\"incomplete_details\":null,\"instructions\":null,"
        "\"max_output_tokens\":null,\"model\":%s,\"output\":[",
        s->id, s->created, said ? "completed" : "in_progress", s->model);
    if (said)
        put_item(s, 1);
    put(s, "],\"parallel_tool_calls\":true,\"previous_response_id\":null,"
           "\"reasoning\":{\"effort\":null,\"summary\":null},\"store\":false,"
           "\"temperature\":1.0,\"text\":{\"format\":{\"type\":\"text\"}},"
           "\"tool_choice\":\"auto\",\"tools\":[],\"top_p\":1.0,"
           "\"truncation\":\"disabled\",\"usage\":");
    if (said)
        put(s,
            "{\"input_tokens\":%" APR_INT64_T_FMT
            ",\"input_tokens_details\":{\"cached_tokens\":0},"
            "\"output_tokens\":%d,"
            "\"output_tokens_details\":{\"reasoning_tokens\":0},"
            "\"total_tokens\":%" APR_INT64_T_FMT "}",
            s->input, s->words, s->input + s->words);
    else
        put(s, "null");
    put(s, ",\"user\":null,\"metadata\":{}}");
}

static void put_place(chat_mock_script_t *s)
{
    put(s, ",\"item_id\":\"msg_%s\",\"output_index\":0,\"content_index\":0",
        s->id);
}

static void created(chat_mock_script_t *s)
{
    open_event(s, "response.created");
    put(s, ",\"response\":");
    put_response(s, 0);
    close_event(s);
}

static void in_progress(chat_mock_script_t *s)
{
    open_event(s, "response.in_progress");
    put(s, ",\"response\":");
    put_response(s, 0);
    close_event(s);
}

static void item_added(chat_mock_script_t *s)
{
    open_event(s, "response.output_item.added");
    put(s, ",\"output_index\":0,\"item\":");
    put_item(s, 0);
    close_event(s);
}

static void part_added(chat_mock_script_t *s)
{
    open_event(s, "response.content_part.added");
    put_place(s);
    put(s, ",\"part\":");
    put_part(s, 0);
    close_event(s);
}

static void delta(chat_mock_script_t *s)
{
    open_event(s, "response.output_text.delta");
    put_place(s);
    put(s, ",\"delta\":\"");
    put_word(s, s->word);
    put(s, "\",\"logprobs\":[]");
    close_event(s);
}

static void text_done(chat_mock_script_t *s)
{
    open_event(s, "response.output_text.done");
    put_place(s);
    put(s, ",\"text\":\"");
    put_text(s);
    put(s, "\",\"logprobs\":[]");
    close_event(s);
}

static void part_done(chat_mock_script_t *s)
{
    open_event(s, "response.content_part.done");
    put_place(s);
    put(s, ",\"part\":");
    put_part(s, 1);
    close_event(s);
}

static void item_done(chat_mock_script_t *s)
{
    open_event(s, "response.output_item.done");
    put(s, ",\"output_index\":0,\"item\":");
    put_item(s, 1);
    close_event(s);
}

static void completed(chat_mock_script_t *s)
{
    open_event(s, "response.completed");
    put(s, ",\"response\":");
    put_response(s, 1);
    close_event(s);
}

/* Chat Completions ---------------------------------------------------- */

static void put_completion(chat_mock_script_t *s, const char *object)
{
    put(s,
        "{\"id\":\"chatcmpl-%s\",\"object\":\"%s\",\"created\":"
        "%" APR_INT64_T_FMT ",\"model\":%s,\"service_tier\":\"default\","
        "\"system_fingerprint\":\"fp_mock\",\"choices\":[",
        s->id, object, s->created, s->model);
}

static void open_chunk(chat_mock_script_t *s)
{
    put(s, "data: ");
    put_completion(s, "chat.completion.chunk");
    put(s, "{\"index\":0,\"delta\":{");
}

static void close_chunk(chat_mock_script_t *s, const char *finish)
{
    put(s, "},\"logprobs\":null,\"finish_reason\":%s}]%s}\n\n", finish,
        s->usage);
}

static void put_bill(chat_mock_script_t *s)
{
    put(s,
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
    put(s, "\"role\":\"assistant\",\"content\":\"\",\"refusal\":null");
    close_chunk(s, "null");
}

static void word_chunk(chat_mock_script_t *s)
{
    open_chunk(s);
    put(s, "\"content\":\"");
    put_word(s, s->word);
    put(s, "\"");
    close_chunk(s, "null");
}

static void last_chunk(chat_mock_script_t *s)
{
    open_chunk(s);
    close_chunk(s, "\"stop\"");
}

static void usage_chunk(chat_mock_script_t *s)
{
    put(s, "data: ");
    put_completion(s, "chat.completion.chunk");
    put(s, "],\"usage\":");
    put_bill(s);
    put(s, "}\n\n");
}

static void done(chat_mock_script_t *s)
{
    put(s, "data: [DONE]\n\n");
}

static void put_whole_completion(chat_mock_script_t *s)
{
    put_completion(s, "chat.completion");
    put(s, "{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"");
    put_text(s);
    put(s, "\",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,"
           "\"finish_reason\":\"stop\"}],\"usage\":");
    put_bill(s);
    put(s, "}");
}

/* The plans ----------------------------------------------------------- */

static const step_t responses_plan[] = {
    created,   in_progress, item_added, part_added, delta,
    text_done, part_done,   item_done,  completed,  NULL,
};
static const step_t completions_plan[] = {
    role_chunk, word_chunk, last_chunk, done, NULL,
};
static const step_t billed_plan[] = {
    role_chunk, word_chunk, last_chunk, usage_chunk, done, NULL,
};

apr_status_t chat_mock_script_next(void *ctx, const char **pdata,
                                   apr_size_t *plen,
                                   apr_interval_time_t *pdelay)
{
    chat_mock_script_t *s = ctx;
    step_t step = *s->plan;

    *pdata = s->buf;
    *plen = 0;
    *pdelay = 0;
    if (!step)
        return APR_EOF;

    s->len = 0;
    step(s);
    *plen = s->len;
    if ((step == delta || step == word_chunk) && ++s->word < s->words)
        *pdelay = s->pace;
    else
        s->plan++;
    return APR_SUCCESS;
}

const char *chat_mock_script_whole(chat_mock_script_t *s)
{
    s->len = 0;
    if (s->completions)
        put_whole_completion(s);
    else
        put_response(s, 1);
    return s->buf;
}

int chat_mock_script_streams(const chat_mock_script_t *s)
{
    return s->stream;
}

/* Reading the request ------------------------------------------------- */

/* Characters of a content: a string, or parts with a text each. */
static apr_int64_t measure(const chat_json_t *content)
{
    const char *said = chat_json_string(content);
    apr_int64_t chars = 0;
    int i;

    if (said)
        return (apr_int64_t)strlen(said);
    for (i = 0; i < chat_json_length(content); i++) {
        said =
            chat_json_string(chat_json_get(chat_json_at(content, i), "text"));
        if (said)
            chars += (apr_int64_t)strlen(said);
    }
    return chars;
}

/* Tokens of what was said to the model: four bytes make one. */
static apr_int64_t estimate(const chat_json_t *messages,
                            const chat_json_t *instructions)
{
    apr_int64_t chars = measure(instructions);
    int i;

    if (chat_json_kind(messages) == CHAT_JSON_STRING)
        chars += measure(messages);
    for (i = 0; i < chat_json_length(messages); i++)
        chars += measure(chat_json_get(chat_json_at(messages, i), "content"));
    return (chars + 3) / 4;
}

static apr_status_t refuse(chat_err_t *err, const char *code,
                           const char *message)
{
    return chat_err_set(err, APR_EINVAL, 400, code, message);
}

static apr_status_t check_model(const chat_json_t *body, chat_err_t *err)
{
    const chat_json_t *model = chat_json_get(body, "model");
    const char *name = chat_json_string(model);

    if (!model)
        return refuse(err, "missing_required_parameter",
                      "Missing required parameter: 'model'.");
    if (!name || !*name || strlen(name) > LONGEST_MODEL)
        return refuse(err, "invalid_type",
                      "Invalid 'model': expected a string of 1 to 256 bytes.");
    return APR_SUCCESS;
}

static apr_status_t check_messages(const chat_json_t *messages, int completions,
                                   chat_err_t *err)
{
    chat_json_kind_e kind = chat_json_kind(messages);

    if (kind == CHAT_JSON_UNDEFINED)
        return refuse(err, "missing_required_parameter",
                      completions ? "Missing required parameter: 'messages'."
                                  : "Missing required parameter: 'input'.");
    if (chat_json_length(messages) > 0 ||
        (kind == CHAT_JSON_STRING && !completions))
        return APR_SUCCESS;
    return refuse(err, "invalid_type",
                  completions
                      ? "Invalid 'messages': expected an array that is not "
                        "empty."
                      : "Invalid 'input': expected a string or an array that "
                        "is not empty.");
}

static apr_status_t check_stream(const chat_json_t *body, chat_err_t *err)
{
    const chat_json_t *stream = chat_json_get(body, "stream");
    chat_json_kind_e kind = chat_json_kind(stream);

    if (kind == CHAT_JSON_UNDEFINED || kind == CHAT_JSON_NULL ||
        kind == CHAT_JSON_BOOLEAN)
        return APR_SUCCESS;
    return refuse(err, "invalid_type", "Invalid 'stream': expected a boolean.");
}

static apr_status_t check(const chat_json_t *body, const chat_json_t *messages,
                          int completions, chat_err_t *err)
{
    apr_status_t rv;

    if (chat_json_kind(body) != CHAT_JSON_OBJECT)
        return refuse(err, "invalid_type",
                      "Invalid request: expected a JSON object.");
    if ((rv = check_model(body, err)) != APR_SUCCESS ||
        (rv = check_messages(messages, completions, err)) != APR_SUCCESS)
        return rv;
    return check_stream(body, err);
}

static void choose_plan(chat_mock_script_t *s, const chat_json_t *body)
{
    int billed = chat_json_boolean(chat_json_path(body, "stream_options",
                                                  "include_usage", NULL)) == 1;

    s->usage = billed ? ",\"usage\":null" : "";
    if (!s->completions)
        s->plan = responses_plan;
    else
        s->plan = billed ? billed_plan : completions_plan;
}

apr_status_t chat_mock_script_create(chat_mock_script_t **pscript,
                                     const chat_json_t *body, int completions,
                                     int words, apr_interval_time_t pace,
                                     const char *id, apr_time_t now,
                                     chat_err_t *err, apr_pool_t *p)
{
    const chat_json_t *messages =
        chat_json_get(body, completions ? "messages" : "input");
    chat_mock_script_t *s;
    apr_status_t rv;

    *pscript = NULL;
    if ((rv = check(body, messages, completions, err)) != APR_SUCCESS)
        return rv;

    s = apr_pcalloc(p, sizeof(*s));
    s->completions = completions;
    s->stream = chat_json_boolean(chat_json_get(body, "stream")) == 1;
    s->words = words;
    s->pace = pace;
    s->id = apr_pstrdup(p, id);
    s->model =
        chat_json_quote(chat_json_string(chat_json_get(body, "model")), p);
    s->created = apr_time_sec(now);
    s->input = estimate(messages, chat_json_get(body, "instructions"));
    choose_plan(s, body);
    s->size = EVENT_OVERHEAD + strlen(s->model) + 2 * strlen(id) +
              measure_text(words);
    s->buf = apr_palloc(p, s->size);
    *pscript = s;
    return APR_SUCCESS;
}

const char *chat_mock_script_refusal(const chat_err_t *err, apr_pool_t *p)
{
    chat_json_t *root = chat_json_object(p);
    chat_json_t *error = chat_json_object(p);

    chat_json_add_string(error, "message", err->message);
    chat_json_add_string(error, "type",
                         err->status < 500 ? "invalid_request_error"
                                           : "server_error");
    chat_json_add_null(error, "param");
    chat_json_add_string(error, "code", err->code);
    chat_json_add(root, "error", error);
    return chat_json_text(root, NULL, p);
}
