/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenAI's stream, watched while it passes: has it really ended, did it fail,
 * what was billed. Runs once per event on the driver's thread, so an event
 * that cannot matter is told by its first bytes or one search, and only one
 * that can is parsed. Pure.
 *
 * An inner quote of a JSON string is escaped, so the bytes "usage" with their
 * quotes are never found inside a text: a search misses nothing, and what it
 * finds by accident (a deeper member) the parse sorts out.
 */
#include "chat_provider_openai_int.h"

#include <string.h>

/* A terminal event repeats the whole answer and the client's schema. */
static const chat_json_limits_t limits = {
    .bytes = CHAT_SSE_EVENT_MAX,
    .depth = 256,
    .values = 200000,
};

#define LITERAL(text) text, sizeof(text) - 1

/* The last event of a Responses stream is exactly one of these. */
typedef struct terminal_t {
    const char *type;
    apr_size_t len;
    int failed;
} terminal_t;

static const terminal_t terminals[] = {
    {LITERAL("response.completed"), 0},
    {LITERAL("response.incomplete"), 0},
    {LITERAL("response.failed"), 1},
    {LITERAL("error"), 1},
};
static const terminal_t *const error_event = &terminals[3];

#define NTERMINALS (sizeof(terminals) / sizeof(terminals[0]))

static int same(const char *a, apr_size_t alen, const char *b, apr_size_t blen)
{
    return alen == blen && memcmp(a, b, alen) == 0;
}

static const terminal_t *find_terminal(const char *type, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < NTERMINALS; i++) {
        if (same(type, len, terminals[i].type, terminals[i].len))
            return &terminals[i];
    }
    return NULL;
}

/* A pool for as long as one event is looked at, made when it is needed: that
 * is hardly ever. */
typedef struct scratch_t {
    apr_pool_t *parent;
    apr_pool_t *pool;
} scratch_t;

static apr_pool_t *scratch_pool(scratch_t *scratch)
{
    if (!scratch->pool)
        apr_pool_create(&scratch->pool, scratch->parent);
    return scratch->pool;
}

/* The event's JSON, NULL when it is none. */
static chat_json_t *read_json(const chat_sse_event_t *event, scratch_t *scratch)
{
    chat_json_t *root;

    if (chat_json_parse(&root, event->data, event->data_len, &limits,
                        scratch_pool(scratch)) != APR_SUCCESS)
        return NULL;
    return root;
}

static int says(const chat_json_t *root, const char *key, const char *text)
{
    const char *value = chat_json_string(chat_json_get(root, key));

    return value && strcmp(value, text) == 0;
}

/* {"error":...} and, from some servers, {"object":"error"} or type alone. */
static int is_error(const chat_json_t *root)
{
    const chat_json_t *error = chat_json_get(root, "error");
    chat_json_kind_e kind = chat_json_kind(error);

    if (kind != CHAT_JSON_UNDEFINED && kind != CHAT_JSON_NULL &&
        chat_json_boolean(error) != 0)
        return 1;
    return says(root, "type", "error") || says(root, "object", "error");
}

/* The first failure is the one to tell of. */
static void fail(chat_seen_t *seen, const chat_json_t *root,
                 const chat_upstream_t *up, apr_pool_t *p)
{
    const chat_json_t *candidates[] = {
        chat_json_path(root, "response", "error", "code", NULL),
        chat_json_path(root, "error", "code", NULL),
        chat_json_get(root, "code"),
        chat_json_path(root, "error", "type", NULL),
    };
    const char *code = NULL;
    apr_size_t i;

    seen->ended = 1;
    seen->failed = 1;
    for (i = 0; !code && i < sizeof(candidates) / sizeof(candidates[0]); i++)
        code = chat_provider_openai_word(candidates[i], "", up->key, p);
    if (code && !*seen->error)
        strncpy(seen->error, code, sizeof(seen->error) - 1);
}

static void count(apr_int64_t *ptokens, const chat_json_t *v)
{
    apr_int64_t tokens = chat_json_integer(v, -1);

    if (tokens >= 0)
        *ptokens = tokens;
}

static int mentions(const chat_sse_event_t *event, const char *quoted,
                    apr_size_t len)
{
    return memmem(event->data, event->data_len, quoted, len) != NULL;
}

/*
 * The type of an event that came without its event: line. Nearly every server
 * writes it first; where it is not, only an event that names a terminal one
 * anywhere is worth a parse.
 */
static const terminal_t *find_unnamed(const chat_sse_event_t *event,
                                      scratch_t *scratch)
{
    static const char lead[] = "{\"type\":\"";
    const apr_size_t lead_len = sizeof(lead) - 1;
    const chat_json_t *root;
    const char *type, *end;

    if (event->data_len > lead_len &&
        memcmp(event->data, lead, lead_len) == 0) {
        type = event->data + lead_len;
        end = memchr(type, '"', event->data_len - lead_len);
        return end ? find_terminal(type, end - type) : NULL;
    }

    if (!mentions(event, LITERAL("\"response.completed\"")) &&
        !mentions(event, LITERAL("\"response.incomplete\"")) &&
        !mentions(event, LITERAL("\"response.failed\"")) &&
        !mentions(event, LITERAL("\"error\"")))
        return NULL;
    root = read_json(event, scratch);
    if (is_error(root))
        return error_event;
    type = chat_json_string(chat_json_get(root, "type"));
    return type ? find_terminal(type, strlen(type)) : NULL;
}

static int is_unnamed(const chat_sse_event_t *event)
{
    return event->type_len == 0 ||
           same(event->type, event->type_len, LITERAL("message"));
}

/*
 * Responses API: the event: line says everything until the end. A terminal
 * event whose JSON we refuse (too large, a lone surrogate in the answer) still
 * is the end; only its usage stays unknown.
 */
static void observe_responses(chat_seen_t *seen, const chat_sse_event_t *event,
                              const chat_upstream_t *up, scratch_t *scratch)
{
    const terminal_t *terminal =
        is_unnamed(event) ? find_unnamed(event, scratch)
                          : find_terminal(event->type, event->type_len);
    const chat_json_t *root, *usage;

    if (!terminal)
        return;
    root = read_json(event, scratch);
    usage = chat_json_path(root, "response", "usage", NULL);
    seen->ended = 1;
    if (terminal->failed)
        fail(seen, root, up, scratch_pool(scratch));
    count(&seen->usage.input, chat_json_get(usage, "input_tokens"));
    count(&seen->usage.output, chat_json_get(usage, "output_tokens"));
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n'))
        at++;
    return at;
}

/* Is there a member usage with an object? Most chunks say "usage":null. */
static int may_bill(const chat_sse_event_t *event)
{
    static const char name[] = "\"usage\"";
    const char *end = event->data + event->data_len;
    const char *at = event->data;

    while ((at = memmem(at, end - at, name, sizeof(name) - 1))) {
        at = skip_space(at + sizeof(name) - 1, end);
        if (at == end || *at != ':')
            continue;
        at = skip_space(at + 1, end);
        if (at < end && *at == '{')
            return 1;
    }
    return 0;
}

/*
 * Chat Completions: unnamed chunks, then "[DONE]". Only that is the end: a
 * finish_reason before it is not, since the usage is still to come and a
 * stream cut right there must not pass for whole.
 */
static void observe_completions(chat_seen_t *seen,
                                const chat_sse_event_t *event,
                                const chat_upstream_t *up, scratch_t *scratch)
{
    static const char done[] = "[DONE]";
    const chat_json_t *root, *usage;
    int named;

    if (event->data_len >= sizeof(done) - 1 &&
        memcmp(event->data, done, sizeof(done) - 1) == 0) {
        seen->ended = 1;
        return;
    }
    named = same(event->type, event->type_len, LITERAL("error"));
    if (!named && !may_bill(event) && !mentions(event, LITERAL("\"error\"")))
        return;

    root = read_json(event, scratch);
    if (named || is_error(root))
        fail(seen, root, up, scratch_pool(scratch));
    usage = chat_json_get(root, "usage");
    count(&seen->usage.input, chat_json_get(usage, "prompt_tokens"));
    count(&seen->usage.output, chat_json_get(usage, "completion_tokens"));
}

/* Deltas of the answer: "response.output_text.delta" and its like, or a chunk
 * with a choice. Their text is what stands between the quotes, escapes and
 * all: an estimate needs no more. */
static void measure(chat_seen_t *seen, const chat_sse_event_t *event,
                    const char *member, apr_size_t len)
{
    const char *end = event->data + event->data_len;
    const char *at = memmem(event->data, event->data_len, member, len);
    const char *text;

    if (!at)
        return;
    for (text = at += len; at < end && *at != '"'; at++)
        if (*at == '\\' && at + 1 < end)
            at++;
    if (at > text)
        seen->deltas++;
    seen->text += at - text;
}

void chat_provider_openai_observe(chat_seen_t *seen,
                                  const chat_sse_event_t *event,
                                  const chat_upstream_t *up, apr_pool_t *p)
{
    scratch_t scratch = {.parent = p};

    if (seen->measure && up->completions)
        measure(seen, event, LITERAL("\"content\":\""));
    else if (seen->measure)
        measure(seen, event, LITERAL("\"delta\":\""));
    if (up->completions)
        observe_completions(seen, event, up, &scratch);
    else
        observe_responses(seen, event, up, &scratch);
    if (scratch.pool)
        apr_pool_destroy(scratch.pool);
}
