/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The message of a user of ChatKit: texts, tags of things that the page knows,
 * what is quoted, and the model and the tool that were chosen for it; and the
 * tools there are. Pure, any thread.
 */
#include <string.h>

#include <apr_strings.h>

#include "chat_request_chatkit_int.h"

#define CONTENT_MAX 64

typedef chat_request_chatkit_read_t read_t;

/* What the model is told beside the text, as ChatKit's own server has it. */
#define QUOTED "The user is referring to this in particular: \n"
#define TAGGED "The user mentions, as JSON:"

/* ---- content ---- */

typedef struct content_t {
    read_t *read;
    apr_array_header_t *texts; /* of const char * */
    apr_array_header_t *tags;  /* the same: each as a line of JSON */
} content_t;

static const char *path_of(const read_t *read, int index, const char *key)
{
    return apr_psprintf(read->zod.p, "[\"params\",\"input\",\"content\",%d%s]",
                        index, key);
}

static const char *text_of(content_t *c, const chat_json_t *v, int index,
                           const char *name)
{
    const chat_json_t *text = chat_json_get(v, name);

    chat_request_zod_is(
        &c->read->zod, text, CHAT_JSON_STRING, "string",
        path_of(c->read, index,
                apr_pstrcat(c->read->zod.p, ",\"", name, "\"", NULL)));
    return chat_json_string(text) ? chat_json_string(text) : "";
}

static void add_tag(content_t *c, const char *id, const char *text,
                    chat_json_t *data)
{
    apr_pool_t *p = c->read->zod.p;
    chat_json_t *tag = chat_json_object(p);
    const char *line;

    chat_json_add_string(tag, "id", id);
    chat_json_add_string(tag, "name", text);
    chat_json_add(tag, "data", data);
    line = chat_json_text(tag, NULL, p);
    if (line)
        APR_ARRAY_PUSH(c->tags, const char *) = line;
}

/* "group" may be null, as what is absent is to pydantic. */
static void check_tag(content_t *c, const chat_json_t *v, int index)
{
    const char *id = text_of(c, v, index, "id");
    const char *text = text_of(c, v, index, "text");
    chat_json_t *data = chat_json_get(v, "data");
    const chat_json_t *group = chat_json_get(v, "group");
    const chat_json_t *interactive = chat_json_get(v, "interactive");
    chat_request_zod_t *zod = &c->read->zod;

    chat_request_zod_is(zod, data, CHAT_JSON_OBJECT, "record",
                        path_of(c->read, index, ",\"data\""));
    if (group && chat_json_kind(group) != CHAT_JSON_NULL)
        chat_request_zod_is(zod, group, CHAT_JSON_STRING, "string",
                            path_of(c->read, index, ",\"group\""));
    if (interactive)
        chat_request_zod_is(zod, interactive, CHAT_JSON_BOOLEAN, "boolean",
                            path_of(c->read, index, ",\"interactive\""));
    APR_ARRAY_PUSH(c->texts, const char *) =
        apr_pstrcat(zod->p, "@", text, NULL);
    add_tag(c, id, text, data);
}

static void check_part(content_t *c, const chat_json_t *v, int index)
{
    static const char *const types[] = {"input_text", "input_tag", NULL};
    int type;

    if (!chat_request_zod_is(&c->read->zod, v, CHAT_JSON_OBJECT, "object",
                             path_of(c->read, index, "")))
        return;
    type = chat_request_zod_enum(&c->read->zod, chat_json_get(v, "type"), types,
                                 path_of(c->read, index, ",\"type\""));
    if (type == 0)
        APR_ARRAY_PUSH(c->texts, const char *) = text_of(c, v, index, "text");
    else if (type == 1)
        check_tag(c, v, index);
}

/* Of all that the user wrote together; where the rest is wrong nobody knows. */
static void check_length(read_t *read, const char *text)
{
    static const char path[] = "[\"params\",\"input\",\"content\"]";
    int most = read->clamps->message_length;

    if (read->zod.aborted)
        return;
    if (!*text && !read->attachments)
        chat_request_zod_small(&read->zod, "string", 1, 1, "string to have",
                               " characters", path);
    else if (chat_request_length(text, read->clamps) > most)
        chat_request_zod_big(&read->zod, "string", most, "string to have",
                             " characters", path);
}

static void check_content(content_t *c, const chat_json_t *v)
{
    static const char path[] = "[\"params\",\"input\",\"content\"]";
    chat_request_zod_t *zod = &c->read->zod;
    chat_request_chatkit_message_t *message = &c->read->request->message;
    int i, n = chat_json_length(v);

    chat_request_zod_is(zod, v, CHAT_JSON_ARRAY, "array", path);
    chat_request_zod_length(zod, v, c->read->clamps,
                            c->read->attachments ? 0 : 1, CONTENT_MAX, path);
    for (i = 0; i < n && n <= CONTENT_MAX; i++)
        check_part(c, chat_json_at(v, i), i);
    message->text = apr_array_pstrcat(zod->p, c->texts, 0);
    message->plain = n == 1 && !c->tags->nelts;
    check_length(c->read, message->text);
}

/* ---- the rest of it ---- */

static const char *quote_of(read_t *read, const chat_json_t *v)
{
    static const char path[] = "[\"params\",\"input\",\"quoted_text\"]";

    if (!v || chat_json_kind(v) == CHAT_JSON_NULL)
        return NULL;
    chat_request_zod_is(&read->zod, v, CHAT_JSON_STRING, "string", path);
    chat_request_zod_length(&read->zod, v, read->clamps, 0,
                            read->clamps->message_length, path);
    return chat_json_string(v);
}

static void check_attachments(read_t *read, const chat_json_t *v)
{
    static const char path[] = "[\"params\",\"input\",\"attachments\"]";
    apr_array_header_t *files =
        apr_array_make(read->zod.p, 2, sizeof(const char *));
    int i;

    chat_request_zod_is(&read->zod, v, CHAT_JSON_ARRAY, "array", path);
    chat_request_zod_length(&read->zod, v, read->clamps, 0, CONTENT_MAX, path);
    for (i = 0; i < read->attachments && i < CONTENT_MAX; i++) {
        const chat_json_t *id = chat_json_at(v, i);

        chat_request_zod_is(
            &read->zod, id, CHAT_JSON_STRING, "string",
            apr_psprintf(read->zod.p,
                         "[\"params\",\"input\",\"attachments\",%d]", i));
        APR_ARRAY_PUSH(files, const char *) =
            chat_json_string(id) ? chat_json_string(id) : "";
    }
    read->request->message.files = files;
}

#define OPTIONS "[\"params\",\"input\",\"inference_options\""

static void check_options(read_t *read, const chat_json_t *v)
{
    chat_request_chatkit_message_t *message = &read->request->message;
    const chat_json_t *model = chat_json_get(v, "model");
    const chat_json_t *tool = chat_json_get(v, "tool_choice");

    if (!chat_request_zod_is(&read->zod, v, CHAT_JSON_OBJECT, "object",
                             OPTIONS "]"))
        return;
    if (model && chat_json_kind(model) != CHAT_JSON_NULL) {
        chat_request_zod_is(&read->zod, model, CHAT_JSON_STRING, "string",
                            OPTIONS ",\"model\"]");
        message->model = chat_json_string(model);
    }
    if (tool && chat_json_kind(tool) != CHAT_JSON_NULL) {
        if (chat_request_zod_is(&read->zod, tool, CHAT_JSON_OBJECT, "object",
                                OPTIONS ",\"tool_choice\"]"))
            chat_request_zod_is(&read->zod, chat_json_get(tool, "id"),
                                CHAT_JSON_STRING, "string",
                                OPTIONS ",\"tool_choice\",\"id\"]");
        message->tool = chat_json_string(chat_json_get(tool, "id"));
    }
}

/* What the model reads behind the text. */
static const char *context_of(const content_t *c, const char *quote)
{
    apr_pool_t *p = c->read->zod.p;
    const char *tags =
        c->tags->nelts ? apr_pstrcat(p, TAGGED "\n",
                                     apr_array_pstrcat(p, c->tags, '\n'), NULL)
                       : NULL;

    if (!quote || !*quote)
        return tags;
    return apr_pstrcat(p, QUOTED, quote, tags ? "\n\n" : "", tags ? tags : "",
                       NULL);
}

void chat_request_chatkit_message_read(read_t *read, const chat_json_t *input)
{
    chat_request_chatkit_message_t *message = &read->request->message;
    content_t c = {.read = read};
    const char *quote;

    if (!chat_request_zod_is(&read->zod, input, CHAT_JSON_OBJECT, "object",
                             "[\"params\",\"input\"]"))
        return;
    c.texts = apr_array_make(read->zod.p, 4, sizeof(const char *));
    c.tags = apr_array_make(read->zod.p, 4, sizeof(const char *));
    message->said = input;
    read->attachments = chat_json_length(chat_json_get(input, "attachments"));
    check_content(&c, chat_json_get(input, "content"));
    check_attachments(read, chat_json_get(input, "attachments"));
    quote = quote_of(read, chat_json_get(input, "quoted_text"));
    check_options(read, chat_json_get(input, "inference_options"));
    message->context = context_of(&c, quote);
    message->plain &= !quote && !message->model && !message->tool;
}

/* Whatever may be asked now: it was asked then. */
int chat_request_chatkit_again(chat_request_chatkit_message_t *message,
                               const chat_json_t *input, apr_pool_t *p)
{
    static const chat_request_clamps_t clamps = {
        .message_length = APR_INT32_MAX,
        .total_length = APR_INT32_MAX,
    };
    chat_request_chatkit_t request = {0};
    read_t read = {.request = &request, .clamps = &clamps};

    chat_request_zod_init(&read.zod, p);
    chat_request_chatkit_message_read(&read, input);
    *message = request.message;
    return !read.zod.list->nelts;
}

/* ---- tools ---- */

static const chat_json_limits_t tools_limits = {1024 * 1024, 64, 100000};

static int read_tool(chat_tool_t *tool, const chat_json_t *v)
{
    tool->name = chat_json_string(chat_json_get(v, "name"));
    tool->description = chat_json_string(chat_json_get(v, "description"));
    tool->parameters = chat_json_get(v, "parameters");
    tool->strict = -1;
    return tool->name != NULL;
}

static apr_status_t choose(chat_turn_t *turn, const char *tool, chat_err_t *err)
{
    int i;

    for (i = 0; tool && i < turn->ntools; i++)
        if (!strcmp(turn->tools[i].name, tool)) {
            turn->choice = CHAT_CHOICE_TOOL;
            turn->choice_name = turn->tools[i].name;
            return APR_SUCCESS;
        }
    if (!tool)
        return APR_SUCCESS;
    err->param = "tool_choice";
    return chat_err_set(err, APR_EINVAL, 400, "invalid_request",
                        "There is no tool of that id here.");
}

apr_status_t chat_request_chatkit_tools(chat_turn_t *turn, const char *text,
                                        const char *tool, chat_err_t *err,
                                        apr_pool_t *p)
{
    chat_json_t *list = NULL;
    chat_tool_t *tools;
    int i, n;

    if (text && chat_json_parse(&list, text, strlen(text), &tools_limits, p) !=
                    APR_SUCCESS)
        return chat_err_set(err, APR_EGENERAL, 500, "internal",
                            "The tools cannot be read.");
    n = chat_json_length(list);
    tools = apr_pcalloc(p, n * sizeof(*tools));
    for (i = 0; i < n; i++)
        if (!read_tool(&tools[i], chat_json_at(list, i)))
            return chat_err_set(err, APR_EGENERAL, 500, "internal",
                                "The tools cannot be read.");
    turn->tools = tools;
    turn->ntools = n;
    turn->parallel = n ? 0 : -1;
    return choose(turn, tool, err);
}
