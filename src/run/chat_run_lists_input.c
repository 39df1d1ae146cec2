/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is asked, looked at by lists: every text that a model would read. Where
 * something is replaced, what is kept and what is sent have the same.
 */
#include "chat_run_lists.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_run_vercel.h"

/* A shorter text may be one, whatever letters it is made of. */
#define DATA_LEN 256

typedef struct scan_t {
    chat_run_lists_t *lists;
    apr_pool_t *p;
    chat_moderation_watch_t *plain, *json;
    chat_buf_t *out;
    int changed;
} scan_t;

static void pass(void *ctx, const char *text, apr_size_t len)
{
    scan_t *scan = ctx;

    chat_buf_put(scan->out, text, len);
}

static chat_moderation_e hit(void *ctx, const chat_moderation_hit_t *found)
{
    scan_t *scan = ctx;
    chat_moderation_e action = chat_run_lists_hit(scan->lists, found);

    scan->changed |= action == CHAT_MODERATION_REPLACE;
    return action;
}

static const chat_moderation_sink_t sink = {pass, hit};

/* The text, or what is left of it. */
static const char *look(scan_t *scan, const char *text, int json)
{
    chat_moderation_watch_t *watch = json ? scan->json : scan->plain;

    if (!text || !*text || scan->lists->stopped)
        return text;
    scan->changed = 0;
    chat_buf_clear(scan->out);
    chat_moderation_watch_feed(watch, text, strlen(text));
    chat_moderation_watch_end(watch);
    return scan->changed
               ? apr_pstrmemdup(scan->p, scan->out->data, scan->out->len)
               : text;
}

/* The same where nothing can be put in its place. */
static void look_only(scan_t *scan, const char *text)
{
    int rigid = scan->lists->rigid;

    scan->lists->rigid = 1;
    look(scan, text, 0);
    scan->lists->rigid = rigid;
}

/* ---- JSON ---- */

static int is_name(const char *key)
{
    static const char *const names[] = {"id",
                                        "type",
                                        "role",
                                        "model",
                                        "object",
                                        "callId",
                                        "mediaType",
                                        "media_type",
                                        "mimeType",
                                        "signature",
                                        "toolCallId",
                                        "thoughtSignature",
                                        "encrypted_content"};
    apr_size_t i;

    for (i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (!strcmp(names[i], key))
            return 1;
    return 0;
}

/* Long, and of the letters of base64 alone: a file. */
static int is_data(const char *text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789+/-_=";
    apr_size_t len;

    if (!strncmp(text, "data:", 5)) {
        const char *comma = strchr(text, ',');

        text = comma ? comma + 1 : text;
    }
    len = strspn(text, letters);
    return len >= DATA_LEN && !text[len];
}

int chat_run_lists_is_text(const char *key, const char *text)
{
    return !(key && is_name(key)) && !is_data(text);
}

static void walk(scan_t *scan, chat_json_t *v);

static void walk_object(scan_t *scan, chat_json_t *object)
{
    const char *key = NULL;

    while ((key = chat_json_next(object, key))) {
        chat_json_t *v = chat_json_get(object, key);
        const char *text = chat_json_string(v), *left;

        if (!text) {
            walk(scan, v);
            continue;
        }
        if (!chat_run_lists_is_text(key, text))
            continue;
        left = look(scan, text, !strcmp(key, "arguments"));
        if (left != text)
            chat_json_add_string(object, key, left);
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

        if (!text)
            walk(scan, one);
        else if (chat_run_lists_is_text(NULL, text))
            look_only(scan, text);
    }
}

static void walk_only(scan_t *scan, chat_json_t *v)
{
    int rigid = scan->lists->rigid;

    scan->lists->rigid = 1;
    walk(scan, v);
    scan->lists->rigid = rigid;
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
    for (i = 0; i < message->ncalls; i++)
        calls[i].arguments = look(scan, calls[i].arguments, 1);
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
        look_only(scan, turn->tools[i].description);
        walk_only(scan, turn->tools[i].parameters);
    }
    for (i = 0; i < turn->nstop; i++)
        look_only(scan, turn->stop[i]);
    walk_only(scan, turn->schema);
    walk_only(scan, turn->extra);
}

/* The message as an app's tables have it. */
static void look_at_asked(scan_t *scan, chat_request_vercel_t *asked)
{
    apr_uint64_t before = scan->lists->found;

    walk(scan, asked->json);
    asked->text = look(scan, asked->text, 0);
    if (scan->lists->found != before)
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

apr_status_t chat_run_lists_input(chat_run_lists_t *lists, chat_err_t *err)
{
    chat_run_t *run = lists->run;
    apr_pool_t *p = run->request_pool;
    scan_t scan = {.lists = lists, .p = p};

    scan.out = apr_palloc(p, sizeof(*scan.out));
    chat_buf_init(scan.out, p);
    scan.plain = chat_moderation_watch_create(
        lists->lists, lists->n, CHAT_MODERATION_WHOLE, &sink, &scan, p);
    scan.json = chat_moderation_watch_create(
        lists->lists, lists->n, CHAT_MODERATION_WHOLE | CHAT_MODERATION_JSON,
        &sink, &scan, p);
    look_at_request(&scan, run);
    chat_run_lists_end(lists);
    run->attempt.fitted = NULL; /* the turn may have changed */
    return lists->stopped ? chat_run_verdict_refuse(err, run, &lists->verdict)
                          : APR_SUCCESS;
}
