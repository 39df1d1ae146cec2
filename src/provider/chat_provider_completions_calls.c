/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of tools in a stream of Chat Completions, which servers cut into chunks
 * in many ways: by index, by id or by name, in pieces or whole, once or twice,
 * with the name at last. Runs on the stream's driver. Pure.
 */
#include "chat_provider_event.h"

#include <string.h>

/* More than that waits for no name. */
#define MOST_WAITING (64 * 1024)

/* A piece of a call: each may be NULL. */
typedef struct piece_t {
    int at; /* its place */
    const char *id, *name, *arguments, *extra;
} piece_t;

static int is_blank(const char *text)
{
    return !text || !*text;
}

/* ---- what a piece says ---- */

/* Where it says so itself; servers that make one whole call a chunk may
 * leave it out, or say 0 of each: these differ by their ids. */
static int place_of(const chat_json_t *call, int position)
{
    apr_int64_t index = chat_json_integer(chat_json_get(call, "index"), -1);

    return index >= 0 && index <= APR_INT32_MAX ? (int)index : position;
}

static void read_piece(piece_t *piece, const chat_json_t *call,
                       const chat_json_t *function, int at, apr_pool_t *p)
{
    const chat_json_t *extra = chat_json_get(call, "extra_content");

    piece->at = at;
    piece->id = chat_json_string(chat_json_get(call, "id"));
    piece->name = chat_json_string(chat_json_get(function, "name"));
    piece->arguments =
        chat_provider_parse_object(chat_json_get(function, "arguments"), p);
    piece->extra = chat_json_kind(extra) == CHAT_JSON_OBJECT
                       ? chat_json_text(extra, NULL, p)
                       : NULL;
    /* Of a nothing that somebody made a text of. */
    if (piece->name && strcmp(piece->name, "null") == 0)
        piece->name = NULL;
}

/* ---- a call whose name is yet to come ---- */

static void wait_for_name(chat_parse_t *parse, const piece_t *piece)
{
    chat_waiting_t *w = parse->waiting;

    if (!w) {
        w = parse->waiting = apr_pcalloc(parse->kept, sizeof(*w));
        chat_buf_init(&w->id, parse->kept);
        chat_buf_init(&w->arguments, parse->kept);
    }
    w->is = 1;
    w->at = piece->at;
    if (!is_blank(piece->id) && !w->id.len)
        chat_buf_put(&w->id, piece->id, strlen(piece->id) + 1);
    if (piece->arguments)
        chat_buf_put(&w->arguments, piece->arguments, strlen(piece->arguments));
    if (w->id.len + w->arguments.len > MOST_WAITING)
        chat_provider_completions_calls_end(parse, NULL, NULL, NULL);
}

int chat_provider_completions_calls_end(chat_parse_t *parse, const char *id,
                                        const char *name, const char *extra)
{
    chat_waiting_t *w = parse->waiting;
    int index;

    if (!w || !w->is)
        return -1;
    w->is = 0;
    index = chat_provider_parse_call(parse, w->at, w->id.len ? w->id.data : id,
                                     name, extra);
    chat_provider_parse_arguments(parse, index, w->arguments.data,
                                  w->arguments.len);
    chat_buf_clear(&w->id);
    chat_buf_clear(&w->arguments);
    return index;
}

static int is_waiting(const chat_parse_t *parse, int at)
{
    return parse->waiting && parse->waiting->is && parse->waiting->at == at;
}

/* ---- handed on ---- */

/*
 * Some repeat id and name in every piece, others make up an id for each: only
 * both together, or a place that is new, are another call. Others again give
 * each call whole, all at one place and without an id: there, another name is
 * another call, and so is what follows arguments that are a whole value.
 */
static int begins_call(const chat_parse_t *parse, int index,
                       const piece_t *piece)
{
    const char *arguments = piece->arguments;

    if (index < 0)
        return 1;
    if (is_blank(piece->name))
        return 0;
    return !chat_provider_parse_is_call(parse, index, piece->id) ||
           (is_blank(piece->id) &&
            !chat_provider_parse_is_named(parse, index, piece->name)) ||
           (arguments && arguments[strspn(arguments, " \t\r\n")] == '{' &&
            chat_provider_parse_is_full(parse, index));
}

static void take_piece(chat_parse_t *parse, const piece_t *piece)
{
    int index = chat_provider_parse_find(parse, piece->at);

    if (is_waiting(parse, piece->at) && !is_blank(piece->name))
        index = chat_provider_completions_calls_end(parse, piece->id,
                                                    piece->name, piece->extra);
    else if ((parse->kept || parse->waiting) && is_blank(piece->name) &&
             (index < 0 || is_waiting(parse, piece->at))) {
        if (!is_waiting(parse, piece->at))
            chat_provider_completions_calls_end(parse, NULL, NULL, NULL);
        wait_for_name(parse, piece);
        return;
    }
    else if (chat_provider_parse_repeats(parse, piece->id, piece->arguments))
        return;
    else if (begins_call(parse, index, piece))
        index = chat_provider_parse_call(parse, piece->at, piece->id,
                                         piece->name, piece->extra);
    if (piece->arguments)
        chat_provider_parse_arguments(parse, index, piece->arguments,
                                      strlen(piece->arguments));
}

void chat_provider_completions_calls_take(chat_parse_t *parse, chat_watch_t *w,
                                          const chat_json_t *delta)
{
    const chat_json_t *calls = chat_json_get(delta, "tool_calls");
    const chat_json_t *function = chat_json_get(delta, "function_call");
    apr_pool_t *p = chat_provider_watch_pool(w);
    piece_t piece;
    int i;

    for (i = 0; i < chat_json_length(calls); i++) {
        const chat_json_t *call = chat_json_at(calls, i);

        if (chat_json_kind(call) != CHAT_JSON_OBJECT)
            continue;
        read_piece(&piece, call, chat_json_get(call, "function"),
                   place_of(call, i), p);
        take_piece(parse, &piece);
    }
    /* The form of old, of which there is one. */
    if (i == 0 && chat_json_kind(function) == CHAT_JSON_OBJECT) {
        read_piece(&piece, NULL, function, 0, p);
        take_piece(parse, &piece);
    }
}
