/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The streams of ChatKit: a question in a thread, the same again, and what a
 * tool of the page gave, each of which is a run; and actions, which nobody here
 * takes. Request thread; how an answer failed is told by whoever owns the
 * request.
 */
#include <string.h>

#include <httpd.h>
#include <apr_strings.h>

#include "chat_dialect_chatkit.h"
#include "chat_limit.h"
#include "chat_reply.h"
#include "chat_route_chatkit_parts.h"
#include "chat_route_chatkit_view.h"
#include "chat_run.h"

/* The newest messages, among which the question is that a tool helps with. */
#define NEWEST 20

typedef chat_route_chatkit_t kit_t;

/* What outlives the request that was read. */
typedef struct ask_t {
    kit_t *kit;
    chat_request_chatkit_e type;
    const char *call;   /* of the tool that is answered; in kit->pool */
    const char *parent; /* message of the call; likewise */
    chat_answer_frame_t frame;
} ask_t;

/* ---- what is asked ---- */

/* Beside the text, what only the model reads, and what only the widget. */
static chat_json_t *parts_of(const chat_request_chatkit_message_t *message,
                             apr_pool_t *p)
{
    static const char *const members[] = {"content", "quoted_text",
                                          "inference_options", NULL};
    chat_json_t *parts = chat_json_array(p), *part = chat_json_object(p), *said;
    int i;

    chat_json_add_string(part, "type", "text");
    chat_json_add_string(part, "text", message->text);
    chat_json_push(parts, part);
    for (i = 0; i < message->files->nelts; i++) {
        part = chat_json_object(p);
        chat_json_add_string(part, "type", "file");
        chat_json_add_string(part, "uploadId",
                             APR_ARRAY_IDX(message->files, i, const char *));
        chat_json_push(parts, part);
    }
    if (message->context) {
        part = chat_json_object(p);
        chat_json_add_string(part, "type", "context");
        chat_json_add_string(part, "text", message->context);
        chat_json_push(parts, part);
    }
    if (message->plain)
        return parts;
    said = chat_json_object(p);
    for (i = 0; members[i]; i++)
        chat_json_add(said, members[i],
                      chat_json_get(message->said, members[i]));
    chat_json_add(said, "attachments", chat_json_array(p));
    part = chat_json_object(p);
    chat_json_add_string(part, "type", "chatkit");
    chat_json_add_string(part, "said", chat_json_text(said, NULL, p));
    chat_json_push(parts, part);
    return parts;
}

static void read_question(const kit_t *kit, chat_request_t *request,
                          apr_pool_t *p)
{
    chat_message_t *said = apr_pcalloc(p, sizeof(*said));

    said->role = CHAT_ROLE_USER;
    said->content = kit->request.message.text;
    request->turn.messages = said;
    request->turn.nmessages = 1;
    request->place.parts = parts_of(&kit->request.message, p);
    if (kit->request.message.files->nelts) {
        said->content = NULL;
        said->parts = request->place.parts;
    }
}

static void read_output(const ask_t *ask, chat_request_t *request,
                        apr_pool_t *p)
{
    chat_message_t *said = apr_pcalloc(p, sizeof(*said));

    said->role = CHAT_ROLE_TOOL;
    said->call_id = ask->call;
    said->content = ask->kit->request.output;
    request->turn.messages = said;
    request->turn.nmessages = 1;
    request->place.has_parent = 1;
    request->place.parent = ask->parent;
}

/* Of a question that is asked again the database knows the words. */
static void read_again(chat_request_t *request)
{
    static const chat_message_t nothing = {.role = CHAT_ROLE_USER,
                                           .content = ""};

    request->turn.messages = &nothing;
    request->turn.nmessages = 1;
}

/* As a request of the stream route that says no more than this. */
static apr_status_t on_read(void *told, chat_request_t *request,
                            const chat_request_clamps_t *clamps,
                            chat_err_t *err, apr_pool_t *p)
{
    const ask_t *ask = told;
    const chat_request_chatkit_message_t *message = &ask->kit->request.message;

    request->turn.schema_strict = -1;
    request->turn.model = message->model;
    if (ask->type == CHAT_CHATKIT_OUTPUT)
        read_output(ask, request, p);
    else if (ask->type == CHAT_CHATKIT_RETRY)
        read_again(request);
    else
        read_question(ask->kit, request, p);
    return chat_request_chatkit_tools(&request->turn,
                                      ask->kit->q.ctx->dir->widget.tools,
                                      message->tool, err, p);
}

/* ---- what stands around the answer ---- */

static void put_event(chat_buf_t *out, const char *type, const char *member)
{
    chat_buf_puts(out, CHAT_DIALECT_CHATKIT_EVENT "{\"type\":\"");
    chat_buf_puts(out, type);
    chat_buf_puts(out, "\",\"");
    chat_buf_puts(out, member);
    chat_buf_puts(out, "\":");
}

static void put_end(chat_buf_t *out)
{
    chat_buf_puts(out, "}" CHAT_DIALECT_CHATKIT_END);
}

static void put_thread(chat_buf_t *out, const char *type,
                       const chat_conversation_t *c, apr_pool_t *p)
{
    put_event(out, type, "thread");
    chat_route_chatkit_view_thread(out, c, NULL, 0, p);
    put_end(out);
}

static void put_question(chat_buf_t *out, const chat_store_turn_t *turn,
                         kit_t *kit)
{
    apr_pool_t *p = kit->q.p;
    const chat_route_chatkit_look_t look = chat_route_chatkit_file_look(kit);
    apr_array_header_t *items =
        apr_array_make(p, 1, sizeof(chat_route_chatkit_item_t));

    chat_route_chatkit_view_items(
        items,
        &APR_ARRAY_IDX(turn->path, turn->path->nelts - 1, chat_store_message_t),
        NULL, &look, p);
    if (!items->nelts)
        return;
    put_event(out, "thread.item.done", "item");
    chat_buf_puts(out, APR_ARRAY_IDX(items, 0, chat_route_chatkit_item_t).json);
    put_end(out);
}

static chat_buf_t *new_text(apr_pool_t *p)
{
    chat_buf_t *out = apr_palloc(p, sizeof(*out));

    chat_buf_init(out, p);
    return out;
}

static const char *text_of(const chat_buf_t *out, apr_pool_t *p)
{
    return out->len ? apr_pstrmemdup(p, out->data, out->len) : NULL;
}

static void on_begun(void *told, const chat_store_turn_t *turn,
                     chat_answer_frame_t *frame)
{
    ask_t *ask = told;
    apr_pool_t *p = ask->kit->q.p;
    chat_conversation_t c = {.id = turn->conversation, .created = turn->made};
    chat_buf_t *out = new_text(p);

    if (turn->created)
        put_thread(out, "thread.created", &c, p);
    if (ask->type == CHAT_CHATKIT_CREATE || ask->type == CHAT_CHATKIT_ADD)
        put_question(out, turn, ask->kit);
    frame->opening = text_of(out, p);
    chat_buf_clear(out);
    c.title = turn->titled;
    if (turn->named)
        put_thread(out, "thread.updated", &c, p);
    frame->closing = text_of(out, p);
    frame->created = turn->answered;
    ask->frame = *frame;
}

/* ---- when there is no answer ---- */

static void tell_events(kit_t *kit, const chat_buf_t *out)
{
    chat_reply_stream_head(kit->q.r);
    if (out->len)
        chat_reply_stream_write(kit->q.r, out->data, out->len);
    kit->q.sent = 1;
    kit->q.rc = OK;
}

/* What became of a question that is kept the widget learns where it waits for
 * the answer; of a limit, as ChatKitLimited says. All else is a status. */
static apr_status_t on_error(void *told, chat_ctx_t *ctx, int kept,
                             const chat_err_t *err)
{
    const ask_t *ask = told;
    int limited = err->status == HTTP_TOO_MANY_REQUESTS;
    chat_buf_t *out;

    if (!kept && (!limited || ctx->dir->widget.limited == CHAT_WIDGET_STATUS))
        return APR_ENOTIMPL;
    out = new_text(ctx->r->pool);
    if (kept && ask->frame.opening)
        chat_buf_puts(out, ask->frame.opening);
    if (kept)
        chat_dialect_chatkit_options(out);
    chat_dialect_chatkit_error(out, limited ? err->message : NULL, kept);
    if (kept && ask->frame.closing)
        chat_buf_puts(out, ask->frame.closing);
    tell_events(ask->kit, out);
    return APR_SUCCESS;
}

/* ---- runs ---- */

static apr_status_t run(ask_t *ask, const char *conversation,
                        const char *regenerate)
{
    kit_t *kit = ask->kit;
    const chat_run_question_t question = {
        .conversation = conversation,
        .regenerate = regenerate,
        .dialect = "chatkit",
        .create = ask->type == CHAT_CHATKIT_CREATE,
        .told = ask,
        .pool = kit->pool,
        .read = on_read,
        .begun = on_begun,
        .tell_error = on_error,
    };

    kit->q.rc = chat_run_conversation(kit->q.ctx, &question);
    kit->q.sent = 1;
    return APR_SUCCESS;
}

static ask_t *new_ask(kit_t *kit)
{
    ask_t *ask = apr_pcalloc(kit->q.p, sizeof(*ask));

    ask->kit = kit;
    ask->type = kit->request.type;
    return ask;
}

apr_status_t chat_route_chatkit_ask(kit_t *kit)
{
    apr_status_t rv = chat_route_chatkit_file_ready(kit);

    if (rv != APR_SUCCESS)
        return rv;
    return run(new_ask(kit),
               kit->request.type == CHAT_CHATKIT_CREATE
                   ? chat_store_new_id(kit->q.p)
                   : apr_pstrdup(kit->q.p, kit->request.thread.id),
               NULL);
}

/* The model and the tool that were chosen for that question. */
static void choose_again(kit_t *kit, const chat_store_message_t *question)
{
    chat_request_chatkit_message_t message;
    chat_json_t *said = chat_route_chatkit_view_said(question, kit->pool);

    if (said && chat_request_chatkit_again(&message, said, kit->pool)) {
        kit->request.message.model = message.model;
        kit->request.message.tool = message.tool;
    }
}

/* An item that is not there leaves nothing to do, as ChatKit's own server has
 * it. */
static apr_status_t tell_empty(kit_t *kit)
{
    tell_events(kit, new_text(kit->q.p));
    return APR_SUCCESS;
}

apr_status_t chat_route_chatkit_ask_retry(kit_t *kit)
{
    const chat_request_chatkit_t *request = &kit->request;
    chat_conversation_t *c;
    chat_store_message_t *m;
    apr_status_t rv = chat_store_conversation_get(
        &c, &kit->q.at, request->thread.id, &kit->q.err);

    if (rv != APR_SUCCESS)
        return rv;
    if (!request->item.id)
        return tell_empty(kit);
    rv = chat_store_message_get(&m, &kit->q.at, request->thread.id,
                                request->item.id, &kit->q.err);
    if (rv == APR_NOTFOUND)
        return tell_empty(kit);
    if (rv != APR_SUCCESS)
        return rv;
    if (m->role != CHAT_ROLE_USER)
        return chat_err_set(&kit->q.err, APR_EINVAL, HTTP_BAD_REQUEST,
                            "invalid_request",
                            "Only a message of the user can be asked again.");
    choose_again(kit, m);
    return run(new_ask(kit), c->id, m->id);
}

/* The call that the thread waits for, and the question it is about. */
static apr_status_t find_call(ask_t *ask, chat_store_at_t *at)
{
    kit_t *kit = ask->kit;
    const chat_store_message_t *m;
    apr_array_header_t *rows;
    int i;
    apr_status_t rv = chat_store_message_walk(&rows, at, kit->request.thread.id,
                                              NULL, 0, NEWEST, &kit->q.err);

    if (rv != APR_SUCCESS)
        return rv;
    m = (const chat_store_message_t *)rows->elts;
    ask->call = rows->nelts ? chat_route_chatkit_view_call(m, kit->pool) : NULL;
    if (!ask->call)
        return chat_err_set(&kit->q.err, APR_EINVAL, HTTP_BAD_REQUEST,
                            "invalid_request",
                            "The thread waits for no tool of the page.");
    ask->parent = m->id;
    for (i = 0; i < rows->nelts && m[i].role != CHAT_ROLE_USER; i++)
        ;
    if (i < rows->nelts)
        choose_again(kit, &m[i]);
    kit->request.message.tool = NULL;
    return APR_SUCCESS;
}

apr_status_t chat_route_chatkit_ask_output(kit_t *kit)
{
    ask_t *ask = new_ask(kit);
    chat_store_at_t at = kit->q.at;
    apr_status_t rv;

    at.p = kit->pool;
    rv = find_call(ask, &at);
    return rv == APR_SUCCESS
               ? run(ask, apr_pstrdup(kit->q.p, kit->request.thread.id), NULL)
               : rv;
}

/* ---- actions ---- */

/* Nothing here has an action, and no item is a widget: what ChatKit's own
 * server says then. */
apr_status_t chat_route_chatkit_ask_action(kit_t *kit)
{
    const chat_request_chatkit_t *request = &kit->request;
    chat_store_message_t *m;
    chat_conversation_t *c;
    chat_buf_t *out;
    apr_status_t rv = chat_store_conversation_get(
        &c, &kit->q.at, request->thread.id, &kit->q.err);

    if (rv == APR_SUCCESS && request->item_id)
        rv = request->item.id
                 ? chat_store_message_get(&m, &kit->q.at, request->thread.id,
                                          request->item.id, &kit->q.err)
                 : chat_route_chatkit_nobodys(kit);
    if (rv != APR_SUCCESS)
        return rv;
    out = new_text(kit->q.p);
    if (!request->item_id)
        chat_dialect_chatkit_options(out);
    chat_dialect_chatkit_error(out, NULL, !request->item_id);
    tell_events(kit, out);
    return APR_SUCCESS;
}
