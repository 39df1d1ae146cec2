/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that belong to a conversation which is kept: what is new in it, and
 * where that stands. Issues look as zod's do. Pure (APR and chat_json), any
 * thread.
 */
#include "chat_request.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_request_int.h"

#define PARTS_MAX 64

/* ---- ids ---- */

int chat_request_is_id(const char *text)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    apr_size_t i;

    for (i = 0; i < sizeof(form) - 1; i++)
        if (form[i] == '-' ? text[i] != '-'
                           : !text[i] || !strchr("0123456789abcdef", text[i]))
            return 0;
    return text[i] == '\0';
}

/* {"id"?, "parentId"?}: UUIDs, but a parent may be null. */
static void check_place(chat_request_zod_t *zod, chat_request_place_t *place,
                        const chat_json_t *body)
{
    const chat_json_t *id = chat_json_get(body, "id");
    const chat_json_t *parent = chat_json_get(body, "parentId");

    if (id)
        place->id = chat_request_zod_id(zod, id, "[\"id\"]");
    place->has_parent = parent != NULL;
    if (parent && chat_json_kind(parent) != CHAT_JSON_NULL)
        place->parent = chat_request_zod_id(zod, parent, "[\"parentId\"]");
}

/* ---- the stream route ---- */

/* What came before is known: the client's word for it counts nothing. */
static void check_news(chat_request_check_t *check, const chat_turn_t *turn)
{
    int i, tools = 0;

    for (i = 0; i < turn->nmessages; i++)
        tools += turn->messages[i].role == CHAT_ROLE_TOOL;
    if (tools == turn->nmessages ||
        (turn->nmessages == 1 && turn->messages[0].role == CHAT_ROLE_USER))
        return;
    chat_request_zod_custom(&check->zod, "[\"messages\"]",
                            "With conversationId there is one message of the "
                            "user, or what tools gave");
}

static apr_status_t refuse_unkept(chat_err_t *err)
{
    err->param = "conversationId";
    return chat_err_set(err, APR_EINVAL, 400, "unsupported",
                        "No conversation is kept here.");
}

apr_status_t chat_request_validate_kept(chat_request_t *request,
                                        chat_json_t *body,
                                        const chat_request_clamps_t *clamps,
                                        chat_err_t *err, apr_pool_t *p)
{
    const chat_json_t *id = chat_json_get(body, "conversationId");
    chat_request_place_t place = {0};
    chat_request_check_t check;
    chat_turn_t turn;

    if (!id)
        return chat_request_validate_tools(&request->turn, body, clamps, err,
                                           p);
    if (!clamps->keeps)
        return refuse_unkept(err);
    chat_request_check_init(&check, &turn, clamps, 1, p);
    check.news = 1;
    chat_request_check_body(&check, &turn, body);
    if (!check.zod.aborted)
        check_news(&check, &turn);
    place.conversation =
        chat_request_zod_id(&check.zod, id, "[\"conversationId\"]");
    check_place(&check.zod, &place, body);
    if (check.zod.list->nelts)
        return chat_request_refuse(err, &check.zod);
    place.parts = turn.messages[0].parts;
    turn.request_id = request->turn.request_id;
    request->turn = turn;
    request->place = place;
    return APR_SUCCESS;
}

/* ---- a message of parts ---- */

typedef struct parts_t {
    chat_request_check_t *check;
    chat_message_t *messages; /* those of tools; the first is the user's, too */
    int nresults;
    const char *text; /* of all parts, joined */
    int ntexts, nfiles;
    chat_json_t *kept;
    const char *prefix; /* of paths; NULL: none */
} parts_t;

static const char *part_path(const parts_t *parts, int index, const char *key)
{
    return apr_psprintf(parts->check->p, "[%s\"parts\",%d%s]",
                        parts->prefix ? parts->prefix : "", index, key);
}

/* z.string().min(min).max(), counted. */
static const char *check_text(chat_request_check_t *check, const chat_json_t *v,
                              int min, const char *path)
{
    const char *text = chat_json_string(v);
    apr_int64_t points = 0, units = 0;

    if (text)
        chat_request_count(text, &points, &units);
    check->total += units;
    chat_request_zod_is(&check->zod, v, CHAT_JSON_STRING, "string", path);
    chat_request_zod_length(&check->zod, v, check->clamps, min,
                            check->clamps->message_length, path);
    return text ? text : "";
}

static chat_json_t *keep_part(parts_t *parts, const char *type)
{
    chat_json_t *part = chat_json_object(parts->check->p);

    chat_json_add_string(part, "type", type);
    chat_json_push(parts->kept, part);
    return part;
}

static void check_text_part(parts_t *parts, const chat_json_t *v, int index)
{
    const char *text = check_text(parts->check, chat_json_get(v, "text"), 1,
                                  part_path(parts, index, ",\"text\""));

    parts->text = parts->ntexts++
                      ? apr_pstrcat(parts->check->p, parts->text, text, NULL)
                      : text;
    chat_json_add_string(keep_part(parts, "text"), "text", text);
}

static void check_result_part(parts_t *parts, const chat_json_t *v, int index)
{
    chat_request_check_t *check = parts->check;
    chat_message_t *message = &parts->messages[parts->nresults++];
    const char *path = part_path(parts, index, ",\"callId\"");
    const chat_json_t *id = chat_json_get(v, "callId");
    chat_json_t *part = keep_part(parts, "tool-result");

    message->role = CHAT_ROLE_TOOL;
    chat_request_zod_is(&check->zod, id, CHAT_JSON_STRING, "string", path);
    chat_request_zod_length(&check->zod, id, check->clamps, 1,
                            CHAT_REQUEST_CALL_ID_MAX, path);
    message->call_id = chat_json_string(id);
    message->content = check_text(check, chat_json_get(v, "content"), 0,
                                  part_path(parts, index, ",\"content\""));
    chat_json_add_string(part, "callId", message->call_id);
    chat_json_add_string(part, "content", message->content);
}

static void check_file_part(parts_t *parts, const chat_json_t *v, int index)
{
    const char *id =
        chat_request_zod_id(&parts->check->zod, chat_json_get(v, "uploadId"),
                            part_path(parts, index, ",\"uploadId\""));

    parts->nfiles++;
    chat_json_add_string(keep_part(parts, "file"), "uploadId", id);
}

static void check_part(parts_t *parts, const chat_json_t *v, int index)
{
    static const char *const types[] = {"text", "tool-result", "file", NULL};
    chat_request_zod_t *zod = &parts->check->zod;
    int type;

    if (!chat_request_zod_is(zod, v, CHAT_JSON_OBJECT, "object",
                             part_path(parts, index, "")))
        return;
    type = chat_request_zod_enum(zod, chat_json_get(v, "type"), types,
                                 part_path(parts, index, ",\"type\""));
    if (type == 0)
        check_text_part(parts, v, index);
    else if (type == 1)
        check_result_part(parts, v, index);
    else if (type == 2)
        check_file_part(parts, v, index);
}

static void check_said_part(parts_t *parts, const chat_json_t *v, int index)
{
    static const char *const types[] = {"text", "file", NULL};
    chat_request_zod_t *zod = &parts->check->zod;
    int type;

    if (!chat_request_zod_is(zod, v, CHAT_JSON_OBJECT, "object",
                             part_path(parts, index, "")))
        return;
    type = chat_request_zod_enum(zod, chat_json_get(v, "type"), types,
                                 part_path(parts, index, ",\"type\""));
    if (type == 0)
        check_text_part(parts, v, index);
    else if (type == 1)
        check_file_part(parts, v, index);
}

/* Of the stream route: the same parts, of a message of the user. */
chat_json_t *chat_request_conversation_parts(chat_request_check_t *check,
                                             const chat_json_t *v, int message)
{
    parts_t parts = {.check = check,
                     .prefix =
                         apr_psprintf(check->p, "\"messages\",%d,", message),
                     .kept = chat_json_array(check->p)};
    const char *path = apr_psprintf(check->p, "[%s\"parts\"]", parts.prefix);
    int i, n = chat_json_length(v);

    chat_request_zod_is(&check->zod, v, CHAT_JSON_ARRAY, "array", path);
    for (i = 0; n <= PARTS_MAX && i < n; i++)
        check_said_part(&parts, chat_json_at(v, i), i);
    chat_request_zod_length(&check->zod, v, check->clamps, 1, PARTS_MAX, path);
    return parts.kept;
}

static void check_parts(parts_t *parts, const chat_json_t *v)
{
    chat_request_check_t *check = parts->check;
    int i, n = chat_json_length(v);

    chat_request_zod_is(&check->zod, v, CHAT_JSON_ARRAY, "array",
                        "[\"parts\"]");
    for (i = 0; n <= PARTS_MAX && i < n; i++)
        check_part(parts, chat_json_at(v, i), i);
    chat_request_zod_length(&check->zod, v, check->clamps, 1, PARTS_MAX,
                            "[\"parts\"]");
    if ((parts->ntexts || parts->nfiles) && parts->nresults)
        chat_request_zod_custom(&check->zod, "[\"parts\"]",
                                "Texts and what tools gave are messages of "
                                "their own");
}

/* "content" is one part of text. */
static void check_content(parts_t *parts, const chat_json_t *body)
{
    const chat_json_t *content = chat_json_get(body, "content");

    if (chat_json_get(body, "parts")) {
        if (content)
            chat_request_zod_custom(&parts->check->zod, "[\"content\"]",
                                    "There is content, or there are parts");
        check_parts(parts, chat_json_get(body, "parts"));
        return;
    }
    parts->text = check_text(parts->check, content, 1, "[\"content\"]");
    chat_json_add_string(keep_part(parts, "text"), "text", parts->text);
}

static void check_message(chat_request_check_t *check, chat_turn_t *turn,
                          chat_request_place_t *place, const chat_json_t *body)
{
    parts_t parts = {
        .check = check,
        .messages = apr_pcalloc(check->p, PARTS_MAX * sizeof(*parts.messages)),
        .kept = chat_json_array(check->p),
    };

    check_content(&parts, body);
    if (!check->zod.aborted)
        chat_request_check_total(check, "[]");
    if (!parts.nresults)
        parts.messages[0].content = parts.text ? parts.text : "";
    if (parts.nfiles) {
        parts.messages[0].content = NULL;
        parts.messages[0].parts = parts.kept;
    }
    turn->messages = parts.messages;
    turn->nmessages = parts.nresults ? parts.nresults : 1;
    place->parts = parts.kept;
}

apr_status_t chat_request_conversation(chat_request_t *request,
                                       chat_json_t *body, int regenerate,
                                       const chat_request_clamps_t *clamps,
                                       chat_err_t *err, apr_pool_t *p)
{
    chat_request_place_t place = {0};
    chat_request_check_t check;
    chat_turn_t turn;

    chat_request_check_init(&check, &turn, clamps, 1, p);
    if (chat_request_zod_is(&check.zod, body, CHAT_JSON_OBJECT, "object",
                            "[]")) {
        if (!regenerate) {
            check_place(&check.zod, &place, body);
            check_message(&check, &turn, &place, body);
        }
        chat_request_check_rest(&check, &turn, body);
    }
    if (check.zod.list->nelts)
        return chat_request_refuse(err, &check.zod);
    turn.request_id = request->turn.request_id;
    turn.whole = chat_json_boolean(chat_json_get(body, "stream")) == 0;
    request->turn = turn;
    request->place = place;
    return APR_SUCCESS;
}
