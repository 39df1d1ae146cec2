/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream, watched while it passes: what the observers of all providers need.
 * They run once per event on the driver's thread, so an event that cannot
 * matter is told by its first bytes or one search, and only one that can is
 * parsed. Pure.
 *
 * An inner quote of a JSON string is escaped, so a name with its quotes is
 * never found inside a text: a search misses nothing, and what it finds by
 * accident (a deeper member) the parse sorts out.
 */
#include "chat_provider_event.h"
#include "chat_provider_kit.h"

#include <string.h>

/* A terminal event may repeat the whole answer and the client's schema. */
static const chat_json_limits_t limits = {
    .depth = 256,
    .values = 200000,
};

/* Members cost far more than what else there is: a megabyte of them stopped all
 * streams of the driver for an eighth of a second. No answer has so many. */
#define MEMBERS_MAX 16384
/* Of one with what stands around it: "":1, */
#define MEMBER_BYTES 5

/* As far as data is JSON. */
static int has_too_many_members(const char *data, apr_size_t len)
{
    const char *at = data, *end = data + len;
    int members = 0, in_text = 0;

    if (len <= (apr_size_t)MEMBERS_MAX * MEMBER_BYTES)
        return 0;
    for (; at < end && members <= MEMBERS_MAX; at++) {
        if (*at == '"')
            in_text = !in_text;
        else if (in_text)
            at += *at == '\\';
        else
            members += *at == ':';
    }
    return members > MEMBERS_MAX;
}

apr_pool_t *chat_provider_watch_pool(chat_watch_t *w)
{
    if (!w->pool)
        apr_pool_create(&w->pool, w->parent);
    return w->pool;
}

void chat_provider_watch_done(chat_watch_t *w)
{
    if (w->pool)
        apr_pool_destroy(w->pool);
    w->pool = NULL;
}

static chat_json_t *parse_json(const char *data, apr_size_t len, apr_pool_t *p)
{
    chat_json_limits_t fit = limits;
    chat_json_t *root;

    fit.bytes = len;
    if (has_too_many_members(data, len) ||
        chat_json_parse(&root, data, len, &fit, p) != APR_SUCCESS)
        return NULL;
    return root;
}

static chat_json_t *read_json(const chat_watch_t *w, int *prepaired,
                              apr_pool_t *p)
{
    const chat_sse_event_t *event = w->event;
    chat_json_t *root = parse_json(event->data, event->data_len, p);
    const char *fixed;
    apr_size_t len;

    if (root || !event->data_len)
        return root;
    fixed = chat_provider_half_repair(event->data, event->data_len,
                                      "\xef\xbf\xbd", &len, p);
    if (!fixed)
        return NULL;
    *prepaired = 1;
    return parse_json(fixed, len, p);
}

chat_json_t *chat_provider_watch_json(chat_watch_t *w)
{
    return read_json(w, &w->seen->repaired, chat_provider_watch_pool(w));
}

int chat_provider_is_whole(const chat_sse_event_t *event, apr_pool_t *p)
{
    static const char done[] = "[DONE]";
    const chat_watch_t w = {.event = event};
    apr_pool_t *pool;
    int is, unused;

    if (event->data_len == sizeof(done) - 1 &&
        memcmp(event->data, done, sizeof(done) - 1) == 0)
        return 1;
    apr_pool_create(&pool, p);
    is = read_json(&w, &unused, pool) != NULL;
    apr_pool_destroy(pool);
    return is;
}

/* ---- searching ---- */

/* Behind the next "name" from at on, NULL when there is none. */
static const char *find_name(const char *at, const char *end, const char *name)
{
    const apr_size_t len = strlen(name);

    for (; (at = memmem(at, end - at, name, len)); at++) {
        const char *next = at + len;

        /* The data never starts with a name: JSON has a bracket there. */
        if (at[-1] == '"' && next < end && *next == '"')
            return next + 1;
    }
    return NULL;
}

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && *at && strchr(" \t\r\n", *at))
        at++;
    return at;
}

/* The first byte of the value, when at is behind a member's name. */
static const char *find_value(const char *at, const char *end)
{
    at = skip_space(at, end);
    if (at == end || *at != ':')
        return NULL;
    at = skip_space(at + 1, end);
    return at < end ? at : NULL;
}

int chat_provider_watch_mentions(const chat_watch_t *w, const char *name)
{
    const char *data = w->event->data, *end = data + w->event->data_len;

    return data < end && find_name(data + 1, end, name) != NULL;
}

int chat_provider_watch_value(const chat_watch_t *w, const char *name,
                              char first)
{
    const char *at = w->event->data, *end = at + w->event->data_len;

    for (at += at < end; (at = find_name(at, end, name));) {
        const char *value = find_value(at, end);

        if (value && *value == first)
            return 1;
    }
    return 0;
}

/* ---- what kind of event it is ---- */

static int find_kind(const char *const *names, const char *type, apr_size_t len)
{
    int i;

    for (i = 0; names[i]; i++) {
        if (strlen(names[i]) == len && memcmp(names[i], type, len) == 0)
            return i;
    }
    return -1;
}

static int mentions_any(const chat_watch_t *w, const char *const *names)
{
    for (; *names; names++) {
        if (chat_provider_watch_mentions(w, *names))
            return 1;
    }
    return 0;
}

/*
 * The type of an event that came without its event: line, or with a name of the
 * server's own there ("message", "data"). Nearly every server
 * writes it first; where it is not, only an event that names one of ours
 * anywhere is worth a parse.
 */
static int unnamed_kind(chat_watch_t *w, const char *const *names)
{
    static const char lead[] = "{\"type\":\"";
    const apr_size_t lead_len = sizeof(lead) - 1;
    const chat_sse_event_t *event = w->event;
    const chat_json_t *root;
    const char *type, *end;

    if (event->data_len > lead_len &&
        memcmp(event->data, lead, lead_len) == 0) {
        type = event->data + lead_len;
        end = memchr(type, '"', event->data_len - lead_len);
        return end ? find_kind(names, type, end - type) : -1;
    }
    if (!mentions_any(w, names))
        return -1;
    root = chat_provider_watch_json(w);
    if (chat_provider_watch_is_error(root))
        return find_kind(names, "error", strlen("error"));
    type = chat_json_string(chat_json_get(root, "type"));
    return type ? find_kind(names, type, strlen(type)) : -1;
}

/* As APIs have them: "message_delta", "response.completed". */
static int is_name(const chat_sse_event_t *event)
{
    return memchr(event->type, '.', event->type_len) ||
           memchr(event->type, '_', event->type_len);
}

int chat_provider_watch_kind(chat_watch_t *w, const char *const *names)
{
    const chat_sse_event_t *event = w->event;
    int kind = find_kind(names, event->type, event->type_len);

    return kind < 0 && !is_name(event) ? unnamed_kind(w, names) : kind;
}

/* ---- what it says ---- */

static int says(const chat_json_t *root, const char *key, const char *text)
{
    const char *value = chat_json_string(chat_json_get(root, key));

    return value && strcmp(value, text) == 0;
}

/* Some have the member "error" in every chunk, with nothing in it. */
static int says_something(const chat_json_t *v)
{
    switch (chat_json_kind(v)) {
    case CHAT_JSON_UNDEFINED:
    case CHAT_JSON_NULL:
        return 0;
    case CHAT_JSON_BOOLEAN:
        return chat_json_boolean(v) == 1;
    case CHAT_JSON_STRING:
        return *chat_json_string(v) != '\0';
    case CHAT_JSON_ARRAY:
        return chat_json_length(v) > 0;
    case CHAT_JSON_OBJECT:
        return chat_json_next(v, NULL) != NULL;
    default:
        return chat_json_number(v) != 0;
    }
}

/* Where nothing is that an answer has: {"detail"}, {"message","code"} and what
 * else web frameworks and gateways answer with, whatever was asked for. */
static int is_flat_error(const chat_json_t *root)
{
    const chat_json_t *message = chat_json_get(root, "message");

    if (says_something(chat_json_get(root, "choices")) ||
        says_something(chat_json_get(root, "candidates")))
        return 0;
    return says_something(chat_json_get(root, "detail")) ||
           says_something(chat_json_get(root, "errors")) ||
           chat_json_boolean(chat_json_get(root, "success")) == 0 ||
           (chat_json_string(message) &&
            (says_something(chat_json_get(root, "code")) ||
             says_something(chat_json_get(root, "status"))));
}

int chat_provider_watch_is_error(const chat_json_t *root)
{
    const chat_json_t *choice = chat_json_at(chat_json_get(root, "choices"), 0);

    return says_something(chat_json_get(root, "error")) ||
           says_something(chat_json_get(choice, "error")) ||
           says_something(
               chat_json_path(root, "base_resp", "status_code", NULL)) ||
           says(root, "type", "error") || says(root, "object", "error") ||
           is_flat_error(root);
}

/* The first failure is the one that is reported. */
void chat_provider_watch_fail(chat_watch_t *w, const chat_json_t *const *codes,
                              apr_size_t ncodes)
{
    chat_seen_t *seen = w->seen;
    const char *code = NULL;
    apr_size_t i;

    seen->ended = 1;
    seen->failed = 1;
    chat_provider_refusal_read(seen, w->event->data, w->event->data_len,
                               w->up->key, chat_provider_watch_pool(w));
    for (i = 0; !code && i < ncodes; i++)
        code = chat_provider_error_word(codes[i], "", w->up->key,
                                        chat_provider_watch_pool(w));
    if (code && !*seen->error)
        strncpy(seen->error, code, sizeof(seen->error) - 1);
}

/* What stands between the quotes, escapes and all: an estimate needs no more.
 * text is the opening quote. */
static const char *measure_text(chat_seen_t *seen, const char *text,
                                const char *end)
{
    const char *at;

    for (at = text + 1; at < end && *at != '"'; at++) {
        if (*at == '\\' && at + 1 < end)
            at++;
    }
    if (at > text + 1)
        seen->deltas++;
    seen->text += at - (text + 1);
    return at;
}

void chat_provider_watch_measure(chat_watch_t *w, const char *const *names)
{
    const char *data = w->event->data, *end = data + w->event->data_len;

    if (!w->seen->measure)
        return;
    for (; *names; names++) {
        const char *at = data < end ? data + 1 : data;

        while ((at = find_name(at, end, *names))) {
            const char *value = find_value(at, end);

            if (value && *value == '"')
                at = measure_text(w->seen, value, end);
        }
    }
}
