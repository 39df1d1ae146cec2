/* SPDX-License-Identifier: Apache-2.0 */
/* Every text of a request that a model would read: see chat_run_texts.h. */
#include "chat_run_texts.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_run_vercel.h"

typedef struct scan_t {
    const chat_run_texts_t *texts;
    apr_pool_t *p;
    int rigid;
    int free;    /* 1: of the writer's own making */
    int changed; /* 1: some text is another now */
} scan_t;

/* The text, or what is left of it. */
static const char *look(scan_t *scan, const char *text, int json)
{
    const char *left;

    if (!text || !*text)
        return text;
    left = scan->texts->look(scan->texts->ctx, text, json, scan->rigid);
    scan->changed |= left != text;
    return left;
}

/* The same where nothing can be put in its place. */
static void look_only(scan_t *scan, const char *text)
{
    int rigid = scan->rigid;

    scan->rigid = 1;
    look(scan, text, 0);
    scan->rigid = rigid;
}

/* ---- JSON ---- */

static void walk(scan_t *scan, chat_json_t *v);

static void look_at_member(scan_t *scan, chat_json_t *object, const char *key,
                           const char *text)
{
    const char *left;

    if (!scan->free && !chat_request_text_is_one(object, key, text))
        return;
    left = look(scan, text, !strcmp(key, "arguments"));
    if (left != text)
        chat_json_add_string(object, key, left);
}

static void walk_object(scan_t *scan, chat_json_t *object)
{
    const char *key = NULL;
    int within = scan->free;

    while ((key = chat_json_next(object, key))) {
        const char *text = chat_json_string(chat_json_get(object, key));

        if (within)
            look_only(scan, key);
        if (text) {
            look_at_member(scan, object, key, text);
            continue;
        }
        scan->free = within || chat_request_text_is_free(object, key);
        walk(scan, chat_json_get(object, key));
        scan->free = within;
    }
}

static void walk(scan_t *scan, chat_json_t *v)
{
    int i;

    if (chat_json_kind(v) == CHAT_JSON_OBJECT)
        walk_object(scan, v);
    for (i = 0; i < chat_json_length(v); i++) {
        chat_json_t *one = chat_json_at(v, i);
        const char *text = chat_json_string(one);

        if (text)
            look_only(scan, text);
        else
            walk(scan, one);
    }
}

static void walk_only(scan_t *scan, chat_json_t *v)
{
    int rigid = scan->rigid;

    scan->rigid = 1;
    walk(scan, v);
    scan->rigid = rigid;
}

/* The same of what is of the writer's own making. */
static void walk_free(scan_t *scan, chat_json_t *v)
{
    scan->free = 1;
    walk_only(scan, v);
    scan->free = 0;
}

/* ---- a request ---- */

static void look_at_calls(scan_t *scan, chat_message_t *message)
{
    chat_tool_call_t *calls;
    int i;

    if (!message->ncalls)
        return;
    calls =
        apr_pmemdup(scan->p, message->calls, message->ncalls * sizeof(*calls));
    for (i = 0; i < message->ncalls; i++) {
        look_only(scan, calls[i].name);
        calls[i].arguments = look(scan, calls[i].arguments, 1);
    }
    message->calls = calls;
}

static void look_at_messages(scan_t *scan, chat_turn_t *turn)
{
    chat_message_t *messages = apr_pmemdup(
        scan->p, turn->messages, turn->nmessages * sizeof(*turn->messages));
    int i;

    for (i = 0; i < turn->nmessages; i++) {
        chat_message_t *message = &messages[i];

        message->content = look(scan, message->content, 0);
        message->reasoning = look(scan, message->reasoning, 0);
        walk(scan, message->parts);
        walk(scan, message->text_parts);
        walk_only(scan, message->details);
        look_at_calls(scan, message);
    }
    turn->messages = messages;
}

static void look_at_tools(scan_t *scan, const chat_turn_t *turn)
{
    int i;

    for (i = 0; i < turn->ntools; i++) {
        look_only(scan, turn->tools[i].name);
        look_only(scan, turn->tools[i].description);
        walk_free(scan, turn->tools[i].parameters);
    }
    for (i = 0; i < turn->nstop; i++)
        look_only(scan, turn->stop[i]);
    walk_free(scan, turn->schema);
    walk_only(scan, turn->extra);
}

/* The message as an app's tables have it. */
static void look_at_asked(scan_t *scan, chat_request_vercel_t *asked)
{
    scan->changed = 0;
    walk(scan, asked->json);
    asked->text = look(scan, asked->text, 0);
    if (scan->changed)
        asked->parts =
            chat_json_text(chat_json_get(asked->json, "parts"), NULL, scan->p);
}

static void look_at_request(scan_t *scan, chat_run_t *run)
{
    chat_turn_t *turn = &run->request.turn;

    turn->system = look(scan, turn->system, 0);
    if (turn->nmessages)
        look_at_messages(scan, turn);
    look_at_tools(scan, turn);
    walk(scan, run->request.place.parts);
    walk(scan, turn->app);
    walk_only(scan, turn->native);
    if (run->vercel)
        look_at_asked(scan, &run->vercel->asked);
}

int chat_run_texts_in(chat_json_t *v, const chat_run_texts_t *texts)
{
    scan_t scan = {.texts = texts};

    walk(&scan, v);
    return scan.changed;
}

void chat_run_texts(chat_run_t *run, const chat_run_texts_t *texts)
{
    scan_t scan = {.texts = texts, .p = run->request_pool};

    look_at_request(&scan, run);
    run->attempt.fitted = NULL; /* the turn may have changed */
}
