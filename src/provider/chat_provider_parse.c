/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream, taken apart: how the parsers of all providers hand on what they
 * found, so that the rules of chat_delta.h are kept in one place. Runs on the
 * stream's driver, once per event. Pure.
 */
#include "chat_provider_event.h"

#include <string.h>

#include <apr_strings.h>

int chat_provider_parse_over(chat_parse_t *parse, const chat_sse_event_t *event)
{
    parse->seen.repaired = 0;
    parse->seen.skimmed = event->skimmed;
    if (parse->seen.ended || parse->seen.failed)
        return 1;
    if (event->oversized)
        chat_provider_parse_fail(parse, "event_too_large");
    return parse->seen.failed;
}

void chat_provider_parse_fail(chat_parse_t *parse, const char *code)
{
    chat_seen_t *seen = &parse->seen;

    seen->ended = 1;
    seen->failed = 1;
    if (!*seen->error)
        apr_cpystrn(seen->error, code, sizeof(seen->error));
}

void chat_provider_parse_close(chat_parse_t *parse)
{
    if (!parse->seen.reason && !parse->seen.ended)
        return;
    if (parse->half)
        chat_provider_half_flush(parse);
    chat_provider_detail_close(parse);
}

/* ---- arguments, as they were handed on ---- */

static const unsigned int no_hash = 2166136261u;

static unsigned int hash_on(unsigned int hash, const char *text, apr_size_t len)
{
    apr_size_t i;

    for (i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)text[i]) * 16777619u;
    return hash;
}

/* Two ids of one answer that share it would have to be made to do so. */
static unsigned int hash_of(const char *id)
{
    return hash_on(no_hash, id, id ? strlen(id) : 0);
}

/* Nothing is wrong with a value that is not closed as it was opened: what
 * counts is where it is over. */
static void nest(chat_nesting_t *n, char c)
{
    if (n->in_string) {
        if (!n->is_escaped && c == '"')
            n->in_string = 0;
        n->is_escaped = !n->is_escaped && c == '\\';
        return;
    }
    if (strchr(" \t\r\n", c))
        return;
    if (!n->begun)
        n->is_object = c == '{';
    n->begun = 1;
    n->in_string = c == '"';
    if (c == '{' || c == '[')
        n->depth += n->depth < APR_UINT16_MAX;
    else if (c == '}' || c == ']')
        n->depth -= n->depth > 0;
}

static void note_arguments(chat_parse_t *parse, const chat_delta_t *delta)
{
    int index = delta->index;
    apr_size_t i;

    parse->call_len[index] += delta->len;
    parse->call_said[index] =
        hash_on(parse->call_said[index], delta->text, delta->len);
    for (i = 0; i < delta->len; i++)
        nest(&parse->call_json[index], delta->text[i]);
}

/* ---- handed on ---- */

/* The first byte of a character, or of what is none. */
static int is_first(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

static apr_int64_t count_points(const char *text, apr_size_t len)
{
    apr_int64_t n = 0;
    apr_size_t i;

    for (i = 0; i < len; i++)
        n += is_first(text[i]);
    return n;
}

static int is_passed(const char *text, apr_size_t len)
{
    return text && memmem(text, len, CHAT_SSE_PASSED,
                          sizeof(CHAT_SSE_PASSED) - 1) != NULL;
}

/* Is any of it what was too long to be kept? */
static int lacks(const chat_delta_t *delta)
{
    return is_passed(delta->text, delta->len) ||
           (delta->kind == CHAT_DELTA_TOOL &&
            (is_passed(delta->id, strlen(delta->id)) ||
             is_passed(delta->name, strlen(delta->name)) ||
             is_passed(delta->extra, delta->extra ? strlen(delta->extra) : 0)));
}

void chat_provider_parse_pass(chat_parse_t *parse, const chat_delta_t *delta)
{
    if (parse->seen.skimmed && lacks(delta)) {
        /* It can do without a detail. */
        if (delta->kind != CHAT_DELTA_DETAIL)
            chat_provider_parse_fail(parse, "event_too_large");
        return;
    }
    if (delta->kind == CHAT_DELTA_TEXT)
        parse->points += count_points(delta->text, delta->len);
    if (delta->kind == CHAT_DELTA_ARGUMENTS)
        note_arguments(parse, delta);
    if (parse->seen.measure && delta->len && delta->kind != CHAT_DELTA_DETAIL) {
        parse->seen.deltas++;
        parse->seen.text += delta->len;
    }
    parse->said |= 1 << delta->kind;
    parse->said_item |= 1 << delta->kind;
    parse->on_delta(parse->ctx, delta);
}

static void hand_on(chat_parse_t *parse, const chat_delta_t *delta)
{
    if (delta->len && (parse->seen.repaired || parse->half))
        chat_provider_half_join(parse, delta);
    else
        chat_provider_parse_pass(parse, delta);
}

void chat_provider_parse_text(chat_parse_t *parse, chat_delta_e kind,
                              const char *text, apr_size_t len)
{
    chat_delta_t delta = {.kind = kind, .text = text, .len = len};

    if (len && !parse->seen.failed)
        hand_on(parse, &delta);
}

void chat_provider_parse_string(chat_parse_t *parse, chat_delta_e kind,
                                const chat_json_t *v)
{
    const char *text = chat_json_string(v);

    if (text)
        chat_provider_parse_text(parse, kind, text, strlen(text));
}

/* ---- calls of tools ---- */

int chat_provider_parse_call(chat_parse_t *parse, int at, const char *id,
                             const char *name, const char *extra)
{
    int index = parse->ncalls;
    char made[CHAT_PROVIDER_MADE_ID];
    chat_delta_t delta = {
        .kind = CHAT_DELTA_TOOL,
        .text = "",
        .index = index,
        .id = id,
        .name = name ? name : "",
        .extra = extra,
    };

    if (parse->seen.failed)
        return -1;
    if (index == CHAT_TOOL_CALLS_MAX) {
        chat_provider_parse_fail(parse, "too_many_calls");
        return -1;
    }
    if (!id || !*id) {
        apr_snprintf(made, sizeof(made), "call_%016" APR_UINT64_T_HEX_FMT "_%d",
                     parse->salt, index);
        delta.id = made;
    }
    parse->ncalls++;
    parse->call_at[index] = at;
    parse->call_id[index] = hash_of(id);
    parse->call_name[index] = hash_of(name);
    memset(&parse->call_json[index], 0, sizeof(parse->call_json[index]));
    parse->call_len[index] = 0;
    parse->call_said[index] = no_hash;
    hand_on(parse, &delta);
    return index;
}

int chat_provider_parse_is_made(const char *id)
{
    static const char lead[] = "call_", digits[] = "0123456789abcdef";
    const apr_size_t len = sizeof(lead) - 1;

    return id && strncmp(id, lead, len) == 0 &&
           strspn(id + len, digits) == 16 && id[len + 16] == '_';
}

int chat_provider_parse_find(const chat_parse_t *parse, int at)
{
    int index = parse->ncalls;

    while (index-- > 0) {
        if (parse->call_at[index] == at)
            break;
    }
    return index;
}

int chat_provider_parse_is_call(const chat_parse_t *parse, int index,
                                const char *id)
{
    return !id || !*id || parse->call_id[index] == hash_of(id);
}

int chat_provider_parse_is_named(const chat_parse_t *parse, int index,
                                 const char *name)
{
    return !name || !*name || parse->call_name[index] == hash_of(name);
}

int chat_provider_parse_is_full(const chat_parse_t *parse, int index)
{
    const chat_nesting_t *n = &parse->call_json[index];

    return n->is_object && !n->in_string && n->depth == 0;
}

void chat_provider_parse_arguments(chat_parse_t *parse, int index,
                                   const char *text, apr_size_t len)
{
    chat_delta_t delta = {
        .kind = CHAT_DELTA_ARGUMENTS,
        .text = text,
        .len = len,
        .index = index,
    };

    if (len && index >= 0 && !parse->seen.failed)
        hand_on(parse, &delta);
}

/* Half a character that waits is in the whole as well. */
static void forget_half(chat_parse_t *parse, int index)
{
    if (parse->half_kind == CHAT_DELTA_ARGUMENTS && parse->half_index == index)
        parse->half = 0;
}

void chat_provider_parse_rest(chat_parse_t *parse, int index,
                              const char *arguments)
{
    apr_size_t len = arguments ? strlen(arguments) : 0, said;

    if (index < 0 || chat_provider_parse_is_full(parse, index))
        return;
    said = parse->call_len[index];
    if (len <= said || !is_first(arguments[said]) ||
        hash_on(no_hash, arguments, said) != parse->call_said[index])
        return;
    forget_half(parse, index);
    chat_provider_parse_arguments(parse, index, arguments + said, len - said);
}

const char *chat_provider_parse_object(const chat_json_t *v, apr_pool_t *p)
{
    return chat_json_kind(v) == CHAT_JSON_OBJECT ? chat_json_text(v, NULL, p)
                                                 : chat_json_string(v);
}

int chat_provider_parse_repeats(const chat_parse_t *parse, const char *id,
                                const char *arguments)
{
    int i;

    if (!id || !*id || !arguments || !*arguments)
        return 0;
    for (i = 0; i < parse->ncalls; i++) {
        if (parse->call_id[i] == hash_of(id) &&
            parse->call_len[i] == strlen(arguments) &&
            parse->call_said[i] ==
                hash_on(no_hash, arguments, strlen(arguments)) &&
            chat_provider_parse_is_full(parse, i))
            return 1;
    }
    return 0;
}
