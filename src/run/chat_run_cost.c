/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens, before anybody has counted them. Any thread that owns the request.
 */
#include "chat_run_int.h"

#include <string.h>

/* About four bytes of text are a token; scripts of more bytes per character
 * have fewer characters per token, so that it holds there as well. */
#define BYTES_PER_TOKEN 4

/* What the frame of a message costs. */
#define TOKENS_PER_MESSAGE 4

/* An image or a file, by its order of magnitude; its bytes say nothing. */
#define TOKENS_PER_PART 1000

/* A smaller one is not worth telling from text. */
#define FILE_LEAST 256

static apr_size_t length(const char *text)
{
    return text ? strlen(text) : 0;
}

typedef struct weight_t {
    apr_size_t bytes;   /* of text */
    apr_int64_t tokens; /* of what is no text */
} weight_t;

/* Members that hold a file, and those that hold the object with it. Elsewhere
 * anybody could call his text so. */
static int is_file_member(const char *key, const char *in)
{
    static const char *const pairs[][2] = {
        {"url", "image_url"},   {"image_url", ""},       {"file_data", "file"},
        {"file_data", ""},      {"data", "input_audio"}, {"data", "source"},
        {"data", "inlineData"}, {"data", "inline_data"},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
        if (!strcmp(key, pairs[i][0]) &&
            (!*pairs[i][1] || !strcmp(in, pairs[i][1])))
            return 1;
    return 0;
}

/* A file that the client has uploaded, by what is known of it: text is read as
 * such. */
static apr_int64_t tokens_of_upload(const chat_json_t *part)
{
    const char *type = chat_json_string(chat_json_get(part, "mediaType"));
    const chat_json_t *size = chat_json_get(part, "size");

    if (type && !strncmp(type, "text/", 5) &&
        chat_json_kind(size) == CHAT_JSON_NUMBER)
        return (apr_int64_t)(chat_json_number(size) / BYTES_PER_TOKEN);
    return TOKENS_PER_PART;
}

/* What models read as text, wherever it stands: no file of it costs less. */
static int is_text_type(const char *type)
{
    return type && (!strncmp(type, "text/", 5) ||
                    !strncmp(type, "application/json", 16));
}

/* A file, as the providers write it down: base64 from its beginning to its end,
 * behind "data:TYPE;base64," or beside a member that names the type. */
static int is_file(const char *key, const char *in, const char *text,
                   const chat_json_t *object)
{
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/-_";
    const char *comma =
        strncmp(text, "data:", 5) == 0 ? strchr(text, ',') : NULL;
    const char *type = chat_json_string(chat_json_get(object, "media_type"));
    apr_size_t len;

    if (!is_file_member(key, in))
        return 0;
    if (!type)
        type = chat_json_string(chat_json_get(object, "mimeType"));
    if (!type)
        type = chat_json_string(chat_json_get(object, "mime_type"));
    if (comma) {
        type = text + 5;
        text = comma + 1;
    }
    len = strspn(text, base64);
    return !is_text_type(type) && len > FILE_LEAST &&
           !text[len + strspn(text + len, "=")];
}

/* What a model reads as text whatever is in it: what tools are and what they
 * were called with, and the form of the answer. */
static int holds_text_only(const char *key, const chat_json_t *v)
{
    static const char *const names[] = {
        "tools", "functions", "parameters",      "input_schema", "arguments",
        "args",  "response",  "response_format", "text"};
    apr_size_t i;

    for (i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (!strcmp(key, names[i]))
            return 1;
    /* Of a call; the items of a request are a list of that name. */
    return !strcmp(key, "input") && chat_json_kind(v) == CHAT_JSON_OBJECT;
}

/* All text that a model may have to read, at any depth. in is the member that
 * object, which v is a member of, stands in; files: there may be some. */
static void weigh(weight_t *sum, const chat_json_t *v, const char *key,
                  const char *in, const chat_json_t *object, int files)
{
    const char *text = chat_json_string(v), *name;
    int i;

    if (text && files && !strcmp(key, "uploadId"))
        sum->tokens += tokens_of_upload(object);
    else if (text && files && is_file(key, in, text, object))
        sum->tokens += TOKENS_PER_PART;
    else if (text)
        sum->bytes += strlen(text);
    files = files && !holds_text_only(key, v);
    for (i = 0; i < chat_json_length(v); i++)
        weigh(sum, chat_json_at(v, i), "", "", NULL, files);
    for (name = chat_json_next(v, NULL); name; name = chat_json_next(v, name)) {
        sum->bytes += strlen(name);
        weigh(sum, chat_json_get(v, name), name, key, v, files);
    }
}

static void weigh_all(weight_t *sum, const chat_json_t *v, int files)
{
    weigh(sum, v, "", "", NULL, files);
}

static void weigh_message(weight_t *sum, const chat_message_t *m)
{
    int i;

    sum->tokens += TOKENS_PER_MESSAGE;
    sum->bytes += length(m->content);
    weigh_all(sum, m->parts, 1);
    for (i = 0; i < m->ncalls; i++)
        sum->bytes += length(m->calls[i].name) + length(m->calls[i].arguments);
}

apr_int64_t chat_run_cost_input(const chat_turn_t *turn)
{
    weight_t sum = {.bytes = length(turn->system)};
    int i;

    weigh_all(&sum, turn->native, 1);
    for (i = 0; i < turn->nmessages; i++)
        weigh_message(&sum, &turn->messages[i]);
    for (i = 0; i < turn->ntools; i++) {
        sum.bytes +=
            length(turn->tools[i].name) + length(turn->tools[i].description);
        weigh_all(&sum, turn->tools[i].parameters, 0);
    }
    return sum.tokens + sum.bytes / BYTES_PER_TOKEN;
}

apr_int64_t chat_run_cost_message(const chat_message_t *message)
{
    weight_t sum = {0};

    weigh_message(&sum, message);
    return sum.tokens + sum.bytes / BYTES_PER_TOKEN;
}

apr_int64_t chat_run_cost_output(const chat_seen_t *seen)
{
    apr_int64_t by_text = seen->text / BYTES_PER_TOKEN;

    return by_text > seen->deltas ? by_text : seen->deltas;
}
