/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens, before anybody has counted them, and what a request cost. Any thread
 * that owns the request.
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

/* Bytes of a file, as the providers write them down: by the look of their
 * beginning, or anybody could call his text so. */
static int is_file(const char *key, const char *text)
{
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 "abcdefghijklmnopqrstuvwxyz0123456789+/=";
    const char *comma =
        strncmp(text, "data:", 5) == 0 ? strchr(text, ',') : NULL;

    if (comma)
        text = comma + 1;
    else if (strcmp(key, "data") != 0)
        return 0;
    return strlen(text) > FILE_LEAST && strspn(text, base64) > FILE_LEAST;
}

/* All text that a model may have to read, at any depth. */
static void weigh(weight_t *sum, const char *key, const chat_json_t *v)
{
    const char *text = chat_json_string(v), *name;
    int i;

    if (text && is_file(key, text))
        sum->tokens += TOKENS_PER_PART;
    else if (text)
        sum->bytes += strlen(text);
    for (i = 0; i < chat_json_length(v); i++)
        weigh(sum, "", chat_json_at(v, i));
    for (name = chat_json_next(v, NULL); name; name = chat_json_next(v, name)) {
        sum->bytes += strlen(name);
        weigh(sum, name, chat_json_get(v, name));
    }
}

static void weigh_message(weight_t *sum, const chat_message_t *m)
{
    int i;

    sum->tokens += TOKENS_PER_MESSAGE;
    sum->bytes += length(m->content);
    weigh(sum, "", m->parts);
    for (i = 0; i < m->ncalls; i++)
        sum->bytes += length(m->calls[i].name) + length(m->calls[i].arguments);
}

apr_int64_t chat_run_cost_input(const chat_turn_t *turn)
{
    weight_t sum = {.bytes = length(turn->system)};
    int i;

    weigh(&sum, "", turn->native);
    for (i = 0; i < turn->nmessages; i++)
        weigh_message(&sum, &turn->messages[i]);
    for (i = 0; i < turn->ntools; i++) {
        sum.bytes +=
            length(turn->tools[i].name) + length(turn->tools[i].description);
        weigh(&sum, "", turn->tools[i].parameters);
    }
    return sum.tokens + sum.bytes / BYTES_PER_TOKEN;
}

apr_int64_t chat_run_cost_output(const chat_seen_t *seen)
{
    apr_int64_t by_text = seen->text / BYTES_PER_TOKEN;

    return by_text > seen->deltas ? by_text : seen->deltas;
}

/* A provider may say any number: two of them must still have a sum. */
static apr_int64_t credible(apr_int64_t billed, apr_int64_t estimate)
{
    return billed >= 0 && billed <= APR_INT32_MAX ? billed : estimate;
}

/* The client left while its answer was being made. */
static int is_abandoned(const chat_run_t *run)
{
    return run->end.asked && !run->attempt.status &&
           (run->end.why == CHAT_END_GONE || run->end.why == CHAT_END_STALLED);
}

/* Else a budget would hold for those alone who wait. One that is made whole is
 * mostly finished, and billed, all the same. */
static apr_int64_t abandoned_cost(const chat_run_t *run)
{
    return run->input_tokens + (run->whole && !run->dialect
                                    ? run->request.turn.max_output_tokens
                                    : 0);
}

apr_int64_t chat_run_cost(const chat_run_t *run)
{
    const chat_usage_t *usage;

    if (!chat_run_is_answering(run))
        return is_abandoned(run) ? abandoned_cost(run) : 0;
    usage = &run->answer.seen->usage;
    return credible(usage->input, run->input_tokens) +
           credible(usage->output, chat_run_cost_output(run->answer.seen));
}
