/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of the assistant in the AI SDK's form: each step of one
 * ("step-start" begins it) is a message of the turn, followed by what its tools
 * gave. A call that nobody has answered is none: no provider takes it. Pure
 * (APR and chat_json), any thread.
 */
#include <string.h>

#include <apr_strings.h>

#include "chat_request_ui_int.h"

/* What the SDK says to the model where the user has said no. */
#define DENIED "Tool call execution denied."

/* A step being read. */
typedef struct step_t {
    apr_array_header_t *texts, *thoughts; /* const char * */
    apr_array_header_t *calls;            /* chat_tool_call_t */
    apr_array_header_t *results;          /* chat_message_t */
    chat_json_t *details;                 /* or NULL */
} step_t;

static step_t *begin(apr_pool_t *p)
{
    step_t *step = apr_pcalloc(p, sizeof(*step));

    step->texts = apr_array_make(p, 2, sizeof(const char *));
    step->thoughts = apr_array_make(p, 2, sizeof(const char *));
    step->calls = apr_array_make(p, 2, sizeof(chat_tool_call_t));
    step->results = apr_array_make(p, 2, sizeof(chat_message_t));
    return step;
}

static const char *member(const chat_json_t *v, const char *name)
{
    const char *text = chat_json_string(chat_json_get(v, name));

    return text ? text : "";
}

/* What we have given out with a part. */
static chat_json_t *own(const chat_json_t *part, const char *metadata,
                        const char *name)
{
    return chat_json_get(
        chat_json_path(part, metadata, CHAT_REQUEST_UI_OWN, NULL), name);
}

/* ---- thoughts ---- */

static void add_thought(chat_request_ui_t *ui, step_t *step,
                        const chat_json_t *v, int part)
{
    chat_json_t *details = own(v, "providerMetadata", "details");
    const char *text = chat_request_ui_text(
        ui, chat_json_get(v, "text"), CHAT_ROLE_ASSISTANT, part, ",\"text\"");
    int i;

    if (*text)
        APR_ARRAY_PUSH(step->thoughts, const char *) = text;
    for (i = 0; i < chat_json_length(details); i++) {
        chat_json_t *detail = chat_json_at(details, i);

        if (chat_json_kind(detail) != CHAT_JSON_OBJECT)
            continue;
        if (!step->details)
            step->details = chat_json_array(ui->check->p);
        chat_json_push(step->details, detail);
    }
}

/* ---- tools ---- */

/* "tool-NAME", or the "toolName" of a "dynamic-tool"; NULL: it is no tool. */
static const char *tool_name(const chat_json_t *part)
{
    const char *type = member(part, "type");

    if (strcmp(type, "dynamic-tool") == 0)
        return member(part, "toolName");
    return strncmp(type, "tool-", 5) == 0 ? type + 5 : NULL;
}

/* A value of any kind as the model gets it: a text is itself. */
static const char *text_of(chat_request_ui_t *ui, const chat_json_t *v)
{
    const char *text = chat_json_string(v);

    if (!text)
        text = chat_json_text(v ? v : chat_json_null(), NULL, ui->check->p);
    return text ? text : "";
}

/* What was given for it; NULL: nothing was. */
static const char *find_result(chat_request_ui_t *ui, const chat_json_t *v)
{
    const char *state = member(v, "state");
    const chat_json_t *approval = chat_json_get(v, "approval");
    const char *reason = member(approval, "reason");

    if (strcmp(state, "output-available") == 0)
        return text_of(ui, chat_json_get(v, "output"));
    if (strcmp(state, "output-error") == 0)
        return member(v, "errorText");
    if (strcmp(state, "output-denied") == 0 ||
        (strcmp(state, "approval-responded") == 0 &&
         chat_json_boolean(chat_json_get(approval, "approved")) == 0))
        return *reason ? reason : DENIED;
    return NULL;
}

/* JSON, or where the model wrote none what it did write. */
static const char *find_arguments(chat_request_ui_t *ui, const chat_json_t *v)
{
    const chat_json_t *input = chat_json_get(v, "input");
    const chat_json_t *raw = chat_json_get(v, "rawInput");
    const char *text = input ? chat_json_text(input, NULL, ui->check->p)
                       : raw ? text_of(ui, raw)
                             : NULL;

    return text ? text : "{}";
}

/* Too long a text that was made of a value is one nevertheless. */
static void count(chat_request_ui_t *ui, const char *text, int part,
                  const char *key)
{
    chat_request_check_t *check = ui->check;
    int max = chat_request_longest(check->clamps, CHAT_ROLE_TOOL);
    apr_int64_t points, units;

    chat_request_count(text, &points, &units);
    check->total += units;
    if ((check->clamps->count_utf16 ? units : points) > max)
        chat_request_zod_big(&check->zod, "string", max, "string to have",
                             " characters",
                             chat_request_ui_path(ui, part, key));
}

static int check_names(chat_request_ui_t *ui, const char *name,
                       const chat_json_t *id, int part)
{
    chat_request_zod_t *zod = &ui->check->zod;
    const char *path = chat_request_ui_path(ui, part, ",\"toolCallId\"");
    int before = zod->list->nelts;

    if (!chat_request_is_word(name, CHAT_REQUEST_NAME_MAX, "_-"))
        chat_request_zod_custom(
            zod, chat_request_ui_path(ui, part, ",\"type\""),
            "The name of a tool is 1 to 64 letters, digits, _ and -");
    chat_request_zod_is(zod, id, CHAT_JSON_STRING, "string", path);
    chat_request_zod_length(zod, id, ui->check->clamps, 1,
                            CHAT_REQUEST_CALL_ID_MAX, path);
    return zod->list->nelts == before;
}

static void add_tool(chat_request_ui_t *ui, step_t *step, const char *name,
                     const chat_json_t *v, int part)
{
    const chat_json_t *id = chat_json_get(v, "toolCallId");
    chat_json_t *extra = own(v, "callProviderMetadata", "extra");
    chat_message_t result = {.role = CHAT_ROLE_TOOL};
    chat_tool_call_t call = {.name = name};

    if (!check_names(ui, name, id, part) ||
        chat_json_boolean(chat_json_get(v, "providerExecuted")) == 1 ||
        (result.content = find_result(ui, v)) == NULL)
        return;
    result.call_id = call.id = chat_json_string(id);
    call.arguments = find_arguments(ui, v);
    if (chat_json_kind(extra) == CHAT_JSON_OBJECT)
        call.extra = extra;
    count(ui, call.arguments, part, ",\"input\"");
    count(ui, result.content, part, ",\"output\"");
    APR_ARRAY_PUSH(step->calls, chat_tool_call_t) = call;
    APR_ARRAY_PUSH(step->results, chat_message_t) = result;
}

/* ---- steps ---- */

static const char *join(const apr_array_header_t *texts, apr_pool_t *p)
{
    return texts->nelts ? apr_array_pstrcat(p, texts, 0) : NULL;
}

static void end(chat_request_ui_t *ui, const step_t *step)
{
    apr_pool_t *p = ui->check->p;
    const chat_message_t message = {
        .role = CHAT_ROLE_ASSISTANT,
        .content = join(step->texts, p),
        .reasoning = join(step->thoughts, p),
        .details = step->details,
        .calls = (const chat_tool_call_t *)step->calls->elts,
        .ncalls = step->calls->nelts,
    };

    if (!message.ncalls && !(message.content && *message.content))
        return;
    APR_ARRAY_PUSH(ui->said, chat_message_t) = message;
    apr_array_cat(ui->said, step->results);
}

static void add_part(chat_request_ui_t *ui, step_t *step, const chat_json_t *v,
                     int part)
{
    const char *name = tool_name(v);

    if (chat_request_ui_is(v, "text"))
        APR_ARRAY_PUSH(step->texts, const char *) =
            chat_request_ui_text(ui, chat_json_get(v, "text"),
                                 CHAT_ROLE_ASSISTANT, part, ",\"text\"");
    else if (chat_request_ui_is(v, "reasoning"))
        add_thought(ui, step, v, part);
    else if (name)
        add_tool(ui, step, name, v, part);
}

void chat_request_ui_answer(chat_request_ui_t *ui, const chat_json_t *parts)
{
    step_t *step = begin(ui->check->p);
    int i;

    for (i = 0; i < chat_json_length(parts); i++) {
        const chat_json_t *part = chat_json_at(parts, i);

        if (!chat_request_ui_is(part, "step-start")) {
            add_part(ui, step, part, i);
            continue;
        }
        end(ui, step);
        step = begin(ui->check->p);
    }
    end(ui, step);
}
