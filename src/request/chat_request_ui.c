/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The AI SDK's messages (UIMessage of its versions 5 to 7) as those of a turn,
 * as its own convertToModelMessages() makes them; those of the assistant are in
 * chat_request_ui_answer.c. Issues look as zod's do. Pure (APR and chat_json),
 * any thread.
 */
#include <string.h>

#include <apr_strings.h>

#include "chat_request_ui_int.h"

/* Of one message. An answer has several for each step. */
#define PARTS_MAX 1000

#define MEDIA_TYPE_MAX 128

/* ---- where ---- */

static const char *message_path(const chat_request_ui_t *ui, const char *key)
{
    return ui->index < 0
               ? apr_psprintf(ui->check->p, "[\"%s\"%s]", ui->member, key)
               : apr_psprintf(ui->check->p, "[\"%s\",%d%s]", ui->member,
                              ui->index, key);
}

const char *chat_request_ui_path(const chat_request_ui_t *ui, int part,
                                 const char *key)
{
    return message_path(
        ui, apr_psprintf(ui->check->p, ",\"parts\",%d%s", part, key));
}

/* ---- values ---- */

const char *chat_request_ui_text(chat_request_ui_t *ui, const chat_json_t *v,
                                 chat_role_e role, int part, const char *key)
{
    chat_request_check_t *check = ui->check;
    const char *text = chat_json_string(v), *path;
    int max = chat_request_longest(check->clamps, role);
    apr_int64_t points = 0, units = 0;

    if (text)
        chat_request_count(text, &points, &units);
    check->total += units;
    if (text && (check->clamps->count_utf16 ? units : points) <= max)
        return text;
    path = chat_request_ui_path(ui, part, key);
    chat_request_zod_is(&check->zod, v, CHAT_JSON_STRING, "string", path);
    chat_request_zod_length(&check->zod, v, check->clamps, 0, max, path);
    return text ? text : "";
}

int chat_request_ui_is(const chat_json_t *part, const char *type)
{
    const char *is = chat_json_string(chat_json_get(part, "type"));

    return is && strcmp(is, type) == 0;
}

/* ---- files ---- */

static int begins(const char *text, const char *with)
{
    return strncasecmp(text, with, strlen(with)) == 0;
}

static chat_json_t *make_part(const char *type, const char *member,
                              chat_json_t **pvalue, apr_pool_t *p)
{
    chat_json_t *part = chat_json_object(p);

    *pvalue = chat_json_object(p);
    chat_json_add_string(part, "type", type);
    chat_json_add(part, member, *pvalue);
    return part;
}

/* OpenAI's parts: images by address or themselves, other files themselves. */
static chat_json_t *make_file(chat_request_ui_t *ui, const char *type,
                              const char *url, const char *name)
{
    apr_pool_t *p = ui->check->p;
    chat_json_t *part, *value;

    if (begins(type, "image/")) {
        part = make_part("image_url", "image_url", &value, p);
        chat_json_add_string(value, "url", url);
        return part;
    }
    part = make_part("file", "file", &value, p);
    chat_json_add_string(value, "filename", name ? name : "file");
    chat_json_add_string(value, "file_data", url);
    return part;
}

/* The id of a file that was uploaded here, of its lasting URL; or NULL. Whoever
 * writes one of another site with the same path means the same file, or none:
 * whose it is, is asked. */
static const char *upload_of(const chat_request_ui_t *ui, const char *url)
{
    static const char end[] = "/content";
    const char *path = strstr(url, "://"), *base = ui->check->clamps->uploads;
    const char *id;

    path = path ? strchr(path + 3, '/') : NULL;
    if (!path || !base || strncmp(path, base, strlen(base)) ||
        path[strlen(base)] != '/')
        return NULL;
    path += strlen(base) + 1;
    id = apr_pstrmemdup(ui->check->p, path, strcspn(path, "/"));
    return chat_request_is_id(id) && !strcmp(path + strlen(id), end) ? id
                                                                     : NULL;
}

static chat_json_t *make_upload(chat_request_ui_t *ui, const char *id)
{
    chat_json_t *part = chat_json_object(ui->check->p);

    chat_json_add_string(part, "type", "file");
    chat_json_add_string(part, "uploadId", id);
    return part;
}

static void check_file(chat_request_ui_t *ui, chat_json_t *kept,
                       const chat_json_t *v, int part)
{
    chat_request_zod_t *zod = &ui->check->zod;
    const chat_json_t *type = chat_json_get(v, "mediaType");
    const chat_json_t *url = chat_json_get(v, "url");
    const char *name = chat_json_string(chat_json_get(v, "filename"));
    const char *path = chat_request_ui_path(ui, part, ",\"url\""), *id;

    if (!name) /* the chat template's word for it */
        name = chat_json_string(chat_json_get(v, "name"));
    chat_request_zod_is(zod, type, CHAT_JSON_STRING, "string",
                        chat_request_ui_path(ui, part, ",\"mediaType\""));
    chat_request_zod_length(zod, type, ui->check->clamps, 1, MEDIA_TYPE_MAX,
                            chat_request_ui_path(ui, part, ",\"mediaType\""));
    if (!chat_request_zod_is(zod, url, CHAT_JSON_STRING, "string", path) ||
        !chat_json_string(type))
        return;
    id = upload_of(ui, chat_json_string(url));
    if (id) {
        chat_json_push(kept, make_upload(ui, id));
        return;
    }
    if (!begins(chat_json_string(url), "data:") &&
        (!begins(chat_json_string(type), "image/") ||
         (!begins(chat_json_string(url), "https:") &&
          !begins(chat_json_string(url), "http:"))))
        chat_request_zod_custom(zod, path,
                                "A file is given by a data: URL, an image by "
                                "a data:, https: or http: URL");
    chat_json_push(kept, make_file(ui, chat_json_string(type),
                                   chat_json_string(url), name));
}

/* ---- what the user says ---- */

static void check_text(chat_request_ui_t *ui, chat_message_t *message,
                       chat_json_t *kept, const chat_json_t *v, int part)
{
    const char *text = chat_request_ui_text(ui, chat_json_get(v, "text"),
                                            ui->role, part, ",\"text\"");
    chat_json_t *made = chat_json_object(ui->check->p);

    message->content =
        message->content
            ? apr_pstrcat(ui->check->p, message->content, text, NULL)
            : text;
    chat_json_add_string(made, "type", "text");
    chat_json_add_string(made, "text", text);
    chat_json_push(kept, made);
}

/* Of the user or the system: texts, joined unless files are among them. */
static void add_words(chat_request_ui_t *ui, const chat_json_t *parts)
{
    chat_message_t message = {.role = ui->role};
    chat_json_t *kept = chat_json_array(ui->check->p);
    int i, files = 0;

    for (i = 0; i < chat_json_length(parts); i++) {
        const chat_json_t *part = chat_json_at(parts, i);

        if (chat_request_ui_is(part, "text"))
            check_text(ui, &message, kept, part, i);
        else if (chat_request_ui_is(part, "file") &&
                 ui->role == CHAT_ROLE_USER) {
            check_file(ui, kept, part, i);
            files++;
        }
    }
    if (files) {
        message.parts = kept;
        message.content = NULL;
    }
    if (files || (message.content && *message.content))
        APR_ARRAY_PUSH(ui->said, chat_message_t) = message;
}

/* ---- messages ---- */

static int check_parts(chat_request_ui_t *ui, const chat_json_t *parts)
{
    chat_request_zod_t *zod = &ui->check->zod;
    const char *path = message_path(ui, ",\"parts\"");
    int i, before = zod->list->nelts;

    if (!chat_request_zod_is(zod, parts, CHAT_JSON_ARRAY, "array", path))
        return 0;
    chat_request_zod_length(zod, parts, ui->check->clamps, 0, PARTS_MAX, path);
    for (i = 0; zod->list->nelts == before && i < chat_json_length(parts); i++)
        if (chat_request_zod_is(zod, chat_json_at(parts, i), CHAT_JSON_OBJECT,
                                "object", chat_request_ui_path(ui, i, "")))
            chat_request_zod_is(zod,
                                chat_json_get(chat_json_at(parts, i), "type"),
                                CHAT_JSON_STRING, "string",
                                chat_request_ui_path(ui, i, ",\"type\""));
    return zod->list->nelts == before;
}

static void check_message(chat_request_ui_t *ui, const chat_json_t *v)
{
    static const char *const roles[] = {
        [CHAT_ROLE_USER] = "user",
        [CHAT_ROLE_ASSISTANT] = "assistant",
        [CHAT_ROLE_SYSTEM] = "system",
        NULL,
    };
    chat_request_zod_t *zod = &ui->check->zod;
    const chat_json_t *parts = chat_json_get(v, "parts");
    int role;

    if (!chat_request_zod_is(zod, v, CHAT_JSON_OBJECT, "object",
                             message_path(ui, "")))
        return;
    role = chat_request_zod_enum(zod, chat_json_get(v, "role"), roles,
                                 message_path(ui, ",\"role\""));
    if (!check_parts(ui, parts) || role < 0)
        return;
    ui->role = role;
    if (role == CHAT_ROLE_ASSISTANT)
        chat_request_ui_answer(ui, parts);
    else
        add_words(ui, parts);
}

/* What was read becomes the turn's. */
static void finish(chat_request_ui_t *ui, chat_turn_t *turn)
{
    chat_request_check_t *check = ui->check;
    chat_message_t *messages = (chat_message_t *)ui->said->elts;
    const char *path = apr_psprintf(check->p, "[\"%s\"]", ui->member);

    if (check->zod.list->nelts)
        return;
    chat_request_check_total(check, path);
    if (!ui->said->nelts)
        chat_request_zod_custom(&check->zod, path,
                                "There is no text in it, nor a file");
    chat_request_ids(messages, ui->said->nelts, check->p);
    turn->messages = messages;
    turn->nmessages = ui->said->nelts;
}

static void check_messages(chat_request_check_t *check, chat_turn_t *turn,
                           const chat_json_t *v)
{
    static const char path[] = "[\"messages\"]";
    chat_request_ui_t ui = {
        .check = check,
        .said = apr_array_make(check->p, 16, sizeof(chat_message_t)),
        .member = "messages",
    };
    int i, max = check->clamps->messages;

    chat_request_zod_is(&check->zod, v, CHAT_JSON_ARRAY, "array", path);
    for (i = 0; chat_json_length(v) <= max && i < chat_json_length(v); i++) {
        ui.index = i;
        check_message(&ui, chat_json_at(v, i));
    }
    chat_request_zod_length(&check->zod, v, check->clamps, 1, max, path);
    finish(&ui, turn);
}

static void check_one(chat_request_check_t *check, chat_turn_t *turn,
                      const chat_json_t *v)
{
    chat_request_ui_t ui = {
        .check = check,
        .said = apr_array_make(check->p, 1, sizeof(chat_message_t)),
        .member = "message",
        .index = -1,
    };

    check_message(&ui, v);
    finish(&ui, turn);
}

apr_status_t chat_request_ui_messages(chat_turn_t *turn,
                                      const chat_json_t *messages,
                                      const chat_request_clamps_t *clamps,
                                      chat_err_t *err, apr_pool_t *p)
{
    chat_request_check_t check;
    chat_turn_t found;

    chat_request_check_init(&check, &found, clamps, 1, p);
    check_messages(&check, &found, messages);
    if (check.zod.list->nelts)
        return chat_request_refuse(err, &check.zod);
    turn->messages = found.messages;
    turn->nmessages = found.nmessages;
    return APR_SUCCESS;
}

/* ---- what an application is told ---- */

chat_json_t *chat_request_ui_app(const char *id, chat_json_t *message,
                                 const char *visibility, chat_json_t *existing,
                                 apr_pool_t *p)
{
    chat_json_t *app = chat_json_object(p);

    if (id)
        chat_json_add_string(app, "id", id);
    chat_json_add(app, "message", message);
    if (visibility)
        chat_json_add_string(app, "selectedVisibilityType", visibility);
    chat_json_add(app, "existingMessages",
                  existing ? existing : chat_json_array(p));
    return app;
}

/* A message of the client's as a row of its table, but for the time. */
static chat_json_t *make_row(const char *chat, const chat_json_t *message,
                             apr_pool_t *p)
{
    chat_json_t *row = chat_json_object(p);
    chat_json_t *id = chat_json_get(message, "id");

    if (id)
        chat_json_add(row, "id", id);
    if (chat)
        chat_json_add_string(row, "chatId", chat);
    chat_json_add(row, "role", chat_json_get(message, "role"));
    chat_json_add(row, "parts", chat_json_get(message, "parts"));
    chat_json_add(row, "attachments", chat_json_array(p));
    return row;
}

/* Where nobody keeps them, the client's own word is what was said before. */
static chat_json_t *make_app(const chat_json_t *body, apr_pool_t *p)
{
    const char *id = chat_json_string(chat_json_get(body, "id"));
    chat_json_t *list = chat_json_get(body, "messages");
    chat_json_t *message = chat_json_get(body, "message");
    chat_json_t *existing = chat_json_array(p);
    int i, n = chat_json_length(list);

    for (i = 0; i < n - 1; i++)
        chat_json_push(existing, make_row(id, chat_json_at(list, i), p));
    return chat_request_ui_app(
        id, n ? chat_json_at(list, n - 1) : message,
        chat_json_string(chat_json_get(body, "selectedVisibilityType")),
        existing, p);
}

/* ---- the body ---- */

static void check_body(chat_request_check_t *check, chat_turn_t *turn,
                       const chat_json_t *body)
{
    const chat_json_t *messages = chat_json_get(body, "messages");
    const chat_json_t *message = chat_json_get(body, "message");
    const char *model;

    if (!chat_request_zod_is(&check->zod, body, CHAT_JSON_OBJECT, "object",
                             "[]"))
        return;
    if (messages || !message)
        check_messages(check, turn, messages);
    else
        check_one(check, turn, message);
    chat_request_zod_optional(&check->zod, chat_json_get(body, "id"),
                              "[\"id\"]");
    chat_request_zod_optional(&check->zod,
                              chat_json_get(body, "selectedVisibilityType"),
                              "[\"selectedVisibilityType\"]");
    chat_request_check_rest(check, turn, body);
    model = chat_request_zod_optional(&check->zod,
                                      chat_json_get(body, "selectedChatModel"),
                                      "[\"selectedChatModel\"]");
    if (model)
        turn->model = model;
}

apr_status_t chat_request_ui(chat_request_t *request, chat_json_t *body,
                             const chat_request_clamps_t *clamps,
                             chat_err_t *err, apr_pool_t *p)
{
    chat_request_check_t check;
    chat_turn_t turn;

    chat_request_check_init(&check, &turn, clamps, 1, p);
    check_body(&check, &turn, body);
    if (check.zod.list->nelts)
        return chat_request_refuse(err, &check.zod);
    turn.request_id = request->turn.request_id;
    turn.app = make_app(body, p);
    request->turn = turn;
    return APR_SUCCESS;
}
