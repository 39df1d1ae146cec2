/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ChatKit's requests: which kind it is, and its params. The message of a user
 * is in chat_request_chatkit_message.c. Pure, any thread.
 */
#include "chat_request_chatkit.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_request_chatkit_int.h"

#define PAGE 20
#define PAGE_MAX 100
#define ITEMS_MAX 100

typedef chat_request_chatkit_read_t read_t;

/* ---- ids ---- */

static const char *const prefixes[] = {"thr_", "msg_", "wf_", "tc_"};

#define DIGITS 32

/* The digits of a UUID, without what stands between them. */
static const char *uuid_of(const char *digits, apr_pool_t *p)
{
    if (strspn(digits, "0123456789abcdef") < DIGITS)
        return NULL;
    return apr_psprintf(p, "%.8s-%.4s-%.4s-%.4s-%.12s", digits, digits + 8,
                        digits + 12, digits + 16, digits + 20);
}

/* What follows the digits: nothing, or "_" and a number as we write it. */
static int part_of(const char *rest)
{
    apr_size_t len;

    if (!*rest)
        return 0;
    len = strspn(++rest, "0123456789");
    return rest[-1] == '_' && len && len <= 4 && !rest[len] && *rest != '0'
               ? (int)apr_atoi64(rest)
               : -1;
}

chat_request_chatkit_id_t chat_request_chatkit_id(const char *text,
                                                  apr_pool_t *p)
{
    chat_request_chatkit_id_t id = {0};
    apr_size_t i;

    for (i = 0; text && i < sizeof(prefixes) / sizeof(*prefixes); i++) {
        apr_size_t len = strlen(prefixes[i]);

        if (strncmp(text, prefixes[i], len))
            continue;
        id.id = uuid_of(text + len, p);
        id.part = id.id ? part_of(text + len + DIGITS) : 0;
        if (id.part < 0)
            id.id = NULL;
    }
    return id;
}

/* ---- kinds of params ---- */

static const char *path_of(const read_t *read, const char *name)
{
    return apr_psprintf(read->zod.p, "[\"params\",\"%s\"]", name);
}

static const chat_json_t *param(const read_t *read, const char *name)
{
    return chat_json_get(read->params, name);
}

static const char *string_of(read_t *read, const char *name)
{
    const chat_json_t *v = param(read, name);

    chat_request_zod_is(&read->zod, v, CHAT_JSON_STRING, "string",
                        path_of(read, name));
    return chat_json_string(v);
}

static int is_absent(const chat_json_t *v)
{
    return !v || chat_json_kind(v) == CHAT_JSON_NULL;
}

static void read_thread(read_t *read)
{
    read->request->thread =
        chat_request_chatkit_id(string_of(read, "thread_id"), read->zod.p);
}

static void read_item(read_t *read)
{
    read->request->item_id = string_of(read, "item_id");
    read->request->item =
        chat_request_chatkit_id(read->request->item_id, read->zod.p);
}

/* ---- pages ---- */

static void read_limit(read_t *read)
{
    const chat_json_t *v = param(read, "limit");
    apr_int64_t limit;

    read->request->limit = PAGE;
    if (is_absent(v) ||
        !chat_request_zod_integer(&read->zod, v, path_of(read, "limit")))
        return;
    limit = chat_json_integer(v, PAGE_MAX);
    if (limit < 0)
        chat_request_zod_custom(&read->zod, path_of(read, "limit"),
                                "Must not be negative");
    if (limit > 0)
        read->request->limit = limit < PAGE_MAX ? (int)limit : PAGE_MAX;
}

static void read_page(read_t *read)
{
    static const char *const orders[] = {"asc", "desc", NULL};
    const chat_json_t *order = param(read, "order");
    const chat_json_t *after = param(read, "after");

    read_limit(read);
    if (order)
        read->request->ascending =
            chat_request_zod_enum(&read->zod, order, orders,
                                  path_of(read, "order")) == 0;
    if (!is_absent(after))
        read->request->after = string_of(read, "after");
}

/* ---- one kind after the other ---- */

static void read_create(read_t *read)
{
    chat_request_chatkit_message_read(read, param(read, "input"));
}

static void read_add(read_t *read)
{
    read_thread(read);
    read_create(read);
}

static void read_output(read_t *read)
{
    const chat_json_t *result = param(read, "result");
    int most = chat_request_longest(read->clamps, CHAT_ROLE_TOOL);

    read_thread(read);
    if (!result) {
        chat_request_zod_type(&read->zod, "nonoptional", NULL,
                              path_of(read, "result"));
        return;
    }
    read->request->output = chat_json_text(result, NULL, read->zod.p);
    if (!read->request->output ||
        chat_request_length(read->request->output, read->clamps) > most)
        chat_request_zod_big(&read->zod, "string", most, "string to have",
                             " characters", path_of(read, "result"));
}

static void read_input(read_t *read)
{
    static const char *const states[] = {"answered", "skipped", NULL};
    const chat_json_t *input = param(read, "input");
    const chat_json_t *status = chat_json_get(input, "status");
    const chat_json_t *answers = chat_json_get(input, "answers");

    read_thread(read);
    read_item(read);
    if (!chat_request_zod_is(&read->zod, input, CHAT_JSON_OBJECT, "object",
                             path_of(read, "input")))
        return;
    if (status)
        chat_request_zod_enum(&read->zod, status, states,
                              "[\"params\",\"input\",\"status\"]");
    if (answers)
        chat_request_zod_is(&read->zod, answers, CHAT_JSON_OBJECT, "record",
                            "[\"params\",\"input\",\"answers\"]");
}

static void read_retry(read_t *read)
{
    read_thread(read);
    read_item(read);
}

static void read_action(read_t *read)
{
    const chat_json_t *action = param(read, "action");

    read_thread(read);
    if (!is_absent(param(read, "item_id")))
        read_item(read);
    if (chat_request_zod_is(&read->zod, action, CHAT_JSON_OBJECT, "object",
                            path_of(read, "action")))
        chat_request_zod_is(&read->zod, chat_json_get(action, "type"),
                            CHAT_JSON_STRING, "string",
                            "[\"params\",\"action\",\"type\"]");
}

static void read_update(read_t *read)
{
    static const chat_request_clamps_t by_codepoints;

    read_thread(read);
    read->request->title = string_of(read, "title");
    chat_request_zod_length(&read->zod, param(read, "title"), &by_codepoints, 1,
                            read->bounds->title, path_of(read, "title"));
}

static void read_items(read_t *read)
{
    read_thread(read);
    read_page(read);
}

static void read_feedback(read_t *read)
{
    static const char *const kinds[] = {"positive", "negative", NULL};
    static const chat_request_clamps_t by_codepoints;
    const chat_json_t *ids = param(read, "item_ids");
    int i, kind, n = chat_json_length(ids);

    read_thread(read);
    read->request->items =
        apr_array_make(read->zod.p, 4, sizeof(chat_request_chatkit_id_t));
    chat_request_zod_is(&read->zod, ids, CHAT_JSON_ARRAY, "array",
                        path_of(read, "item_ids"));
    chat_request_zod_length(&read->zod, ids, &by_codepoints, 0, ITEMS_MAX,
                            path_of(read, "item_ids"));
    for (i = 0; i < n && n <= ITEMS_MAX; i++) {
        const chat_json_t *id = chat_json_at(ids, i);

        chat_request_zod_is(
            &read->zod, id, CHAT_JSON_STRING, "string",
            apr_psprintf(read->zod.p, "[\"params\",\"item_ids\",%d]", i));
        APR_ARRAY_PUSH(read->request->items, chat_request_chatkit_id_t) =
            chat_request_chatkit_id(chat_json_string(id), read->zod.p);
    }
    kind = chat_request_zod_enum(&read->zod, param(read, "kind"), kinds,
                                 path_of(read, "kind"));
    read->request->kind = kind < 0 ? NULL : kinds[kind];
}

static void read_attach(read_t *read)
{
    const chat_json_t *size = param(read, "size");

    read->request->name = string_of(read, "name");
    if (chat_request_zod_integer(&read->zod, size, path_of(read, "size")))
        read->request->size = (apr_int64_t)chat_json_number(size);
    read->request->media_type = string_of(read, "mime_type");
}

static void read_detach(read_t *read)
{
    read->request->attachment = string_of(read, "attachment_id");
}

static void read_transcribe(read_t *read)
{
    string_of(read, "audio_base64");
    string_of(read, "mime_type");
}

/* In the order of chat_request_chatkit_e. */
static const char *const types[] = {"threads.create",
                                    "threads.add_user_message",
                                    "threads.add_client_tool_output",
                                    "threads.add_structured_input",
                                    "threads.retry_after_item",
                                    "threads.custom_action",
                                    "threads.sync_custom_action",
                                    "threads.get_by_id",
                                    "threads.list",
                                    "threads.update",
                                    "threads.delete",
                                    "items.list",
                                    "items.feedback",
                                    "attachments.create",
                                    "attachments.delete",
                                    "input.transcribe",
                                    NULL};

static void (*const readers[])(read_t *read) = {
    [CHAT_CHATKIT_CREATE] = read_create,
    [CHAT_CHATKIT_ADD] = read_add,
    [CHAT_CHATKIT_OUTPUT] = read_output,
    [CHAT_CHATKIT_INPUT] = read_input,
    [CHAT_CHATKIT_RETRY] = read_retry,
    [CHAT_CHATKIT_ACTION] = read_action,
    [CHAT_CHATKIT_SYNC] = read_action,
    [CHAT_CHATKIT_GET] = read_thread,
    [CHAT_CHATKIT_LIST] = read_page,
    [CHAT_CHATKIT_UPDATE] = read_update,
    [CHAT_CHATKIT_DELETE] = read_thread,
    [CHAT_CHATKIT_ITEMS] = read_items,
    [CHAT_CHATKIT_FEEDBACK] = read_feedback,
    [CHAT_CHATKIT_ATTACH] = read_attach,
    [CHAT_CHATKIT_DETACH] = read_detach,
    [CHAT_CHATKIT_TRANSCRIBE] = read_transcribe,
};

static void read_body(read_t *read, const chat_json_t *body)
{
    const chat_json_t *metadata = chat_json_get(body, "metadata");
    int type = chat_request_zod_enum(&read->zod, chat_json_get(body, "type"),
                                     types, "[\"type\"]");

    if (metadata)
        chat_request_zod_is(&read->zod, metadata, CHAT_JSON_OBJECT, "record",
                            "[\"metadata\"]");
    if (type < 0 ||
        !chat_request_zod_is(&read->zod, read->params, CHAT_JSON_OBJECT,
                             "object", "[\"params\"]"))
        return;
    read->request->type = (chat_request_chatkit_e)type;
    readers[type](read);
}

apr_status_t chat_request_chatkit(chat_request_chatkit_t *request,
                                  const chat_json_t *body,
                                  const chat_request_clamps_t *clamps,
                                  const chat_request_bounds_t *bounds,
                                  chat_err_t *err, apr_pool_t *p)
{
    read_t read = {.request = request,
                   .params = chat_json_get(body, "params"),
                   .clamps = clamps,
                   .bounds = bounds};

    memset(request, 0, sizeof(*request));
    chat_request_zod_init(&read.zod, p);
    if (chat_request_zod_is(&read.zod, body, CHAT_JSON_OBJECT, "object", "[]"))
        read_body(&read, body);
    if (read.zod.list->nelts)
        return chat_request_refuse(err, &read.zod);
    return APR_SUCCESS;
}
