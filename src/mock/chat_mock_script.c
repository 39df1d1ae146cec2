/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mock route's source: reads the request and plays its plan, the events of
 * an API in order (chat_mock_responses.c, chat_mock_completions.c), each
 * written into the script's only buffer. The event with a word repeats until
 * all words are said (chat_mock_text.c), or what was asked to be shown
 * (chat_mock_try.c).
 */
#include "chat_mock_script_int.h"
#include "chat_mock_request.h"
#include "chat_mock_try.h"

#include <stdarg.h>
#include <string.h>

#include <apr_strings.h>

/* Longest model name, as JSON text, that the mock takes on. */
#define LONGEST_MODEL 256

/* Bytes of each piece of JSON, at least. */
#define PIECE 12

/* The largest event without its text, model and ids. */
#define EVENT_OVERHEAD 1024

/* Writing ------------------------------------------------------------- */

void chat_mock_script_put(chat_mock_script_t *s, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    s->len += apr_vsnprintf(s->buf + s->len, s->size - s->len, format, args);
    va_end(args);
}

void chat_mock_script_word(chat_mock_script_t *s, int word)
{
    if (s->pieces)
        chat_mock_script_put(s, "%s", s->pieces[word]);
    else
        chat_mock_script_put(s, "%s%s", word ? " " : "",
                             chat_mock_text_word(s, word));
}

void chat_mock_script_text(chat_mock_script_t *s)
{
    int i;

    for (i = 0; i < s->words; i++)
        chat_mock_script_word(s, i);
}

void chat_mock_script_thought(chat_mock_script_t *s)
{
    chat_mock_script_put(s, "%s", s->thoughts.piece[s->thoughts.next]);
}

void chat_mock_script_thoughts(chat_mock_script_t *s)
{
    int i;

    for (i = 0; i < s->thoughts.n; i++)
        chat_mock_script_put(s, "%s", s->thoughts.piece[i]);
}

static apr_size_t measure_text(const chat_mock_script_t *s)
{
    apr_size_t len = 0;
    int i;

    for (i = 0; i < s->thoughts.n; i++)
        len += strlen(s->thoughts.piece[i]);

    for (i = 0; i < s->words; i++)
        len += s->pieces ? strlen(s->pieces[i])
                         : 1 + strlen(chat_mock_text_word(s, i));
    return len;
}

/* Is there another of what this step says? */
static int goes_on(chat_mock_script_t *s, const chat_mock_step_t *step)
{
    if (step->repeats == CHAT_MOCK_WORDS)
        return ++s->word < s->words;
    return step->repeats == CHAT_MOCK_THOUGHTS &&
           ++s->thoughts.next < s->thoughts.n;
}

apr_status_t chat_mock_script_next(void *ctx, const char **pdata,
                                   apr_size_t *plen,
                                   apr_interval_time_t *pdelay)
{
    chat_mock_script_t *s = ctx;
    const chat_mock_step_t *step = s->plan;

    if (step->repeats == CHAT_MOCK_BILL && !*s->usage)
        step = ++s->plan;
    *pdata = s->buf;
    *plen = 0;
    *pdelay = 0;
    if (!step->write || (s->breaks && s->word >= s->breaks))
        return APR_EOF;

    s->len = 0;
    step->write(s);
    *plen = s->len;
    if (goes_on(s, step)) {
        *pdelay = s->pace;
        return APR_SUCCESS;
    }
    s->plan++;
    if (s->plan->repeats > CHAT_MOCK_BILL) {
        *pdelay = s->wait;
        s->wait = 0;
    }
    return APR_SUCCESS;
}

const char *chat_mock_script_whole(chat_mock_script_t *s)
{
    s->len = 0;
    if (s->completions)
        chat_mock_completions_whole(s);
    else
        chat_mock_responses_whole(s);
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
    s->plan = s->completions ? chat_mock_completions_plan(s)
                             : chat_mock_responses_plan(s);
}

/* Cut into pieces of a few characters, each escaped. */
static chat_mock_pieces_t cut(const char *text, apr_pool_t *p)
{
    apr_size_t len = strlen(text), from = 0;
    const char **pieces = apr_palloc(p, (len / PIECE + 1) * sizeof(*pieces));
    chat_mock_pieces_t made = {pieces, 0, 0};

    while (from < len) {
        apr_size_t to = from + PIECE < len ? from + PIECE : len;
        char *quoted;

        while (to < len && (text[to] & 0xc0) == 0x80)
            to++;
        quoted = apr_pstrdup(
            p, chat_json_quote(apr_pstrmemdup(p, text + from, to - from), p));
        quoted[strlen(quoted) - 1] = '\0';
        pieces[made.n++] = quoted + 1;
        from = to;
    }
    return made;
}

/* What there is to say: a text that is given, or plain words. */
static void say(chat_mock_script_t *s, const char *text,
                const chat_json_t *messages, apr_pool_t *p)
{
    chat_mock_pieces_t pieces;

    if (!text) {
        chat_mock_text_compose(s, messages, p);
        return;
    }
    pieces = cut(text, p);
    s->pieces = pieces.piece;
    s->words = pieces.n;
}

static apr_status_t show(chat_mock_script_t *s, const chat_mock_try_t *wanted,
                         chat_err_t *err, apr_pool_t *p)
{
    if (wanted->status) {
        err->retry_after = wanted->retry_after;
        return chat_err_set(err, APR_EGENERAL, wanted->status, wanted->code,
                            wanted->message);
    }
    if (wanted->thought)
        s->thoughts = cut(wanted->thought, p);
    if (wanted->call)
        s->call = chat_json_quote(wanted->call, p);
    if (wanted->words)
        s->words = wanted->words;
    if (wanted->pace)
        s->pace = wanted->pace;
    s->wait = wanted->wait;
    s->breaks = wanted->breaks;
    return APR_SUCCESS;
}

static apr_status_t grant(chat_mock_script_t *s, const chat_json_t *body,
                          const chat_json_t *messages, chat_err_t *err,
                          apr_pool_t *p)
{
    const chat_mock_try_t *wanted;
    chat_mock_request_t asked;
    apr_status_t rv = APR_SUCCESS;

    chat_mock_request_read(&asked, body, messages, p);
    if (asked.call)
        s->call = chat_json_quote(asked.call, p);
    wanted = chat_mock_try_find(asked.said);
    if (wanted)
        rv = show(s, wanted, err, p);
    say(s, wanted ? wanted->text : asked.json, messages, p);
    return rv;
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
    if ((rv = grant(s, body, messages, err, p)) != APR_SUCCESS)
        return rv;
    choose_plan(s, body);
    s->size = EVENT_OVERHEAD + strlen(s->model) + 3 * strlen(id) +
              (s->call ? strlen(s->call) : 0) + measure_text(s);
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
