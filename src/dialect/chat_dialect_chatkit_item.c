/* SPDX-License-Identifier: Apache-2.0 */
/* The shapes of ChatKit. See chat_dialect_chatkit.h. Pure, any thread. */
#include "chat_dialect_chatkit.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "chat_dialect_int.h"

/* ---- ids and times ---- */

static const struct {
    const char *prefix, *type;
} kinds[] = {
    [CHAT_DIALECT_CHATKIT_USER] = {"msg_", "user_message"},
    [CHAT_DIALECT_CHATKIT_TEXT] = {"msg_", "assistant_message"},
    [CHAT_DIALECT_CHATKIT_WORKFLOW] = {"wf_", "workflow"},
    [CHAT_DIALECT_CHATKIT_CALL] = {"tc_", "client_tool_call"},
};

/* A UUID without what stands between its digits. */
static const char *digits(const char *prefix, const char *uuid, apr_pool_t *p)
{
    return apr_psprintf(p, "%s%.8s%.4s%.4s%.4s%.12s", prefix, uuid, uuid + 9,
                        uuid + 14, uuid + 19, uuid + 24);
}

const char *chat_dialect_chatkit_thread(const char *conversation, apr_pool_t *p)
{
    return digits("thr_", conversation, p);
}

const char *chat_dialect_chatkit_id(const chat_dialect_chatkit_item_t *item,
                                    chat_dialect_chatkit_kind_e kind,
                                    apr_pool_t *p)
{
    const char *id = digits(kinds[kind].prefix, item->message, p);

    return item->part ? apr_psprintf(p, "%s_%d", id, item->part) : id;
}

const char *chat_dialect_chatkit_time(apr_int64_t ms, apr_pool_t *p)
{
    apr_time_exp_t e;

    apr_time_exp_gmt(&e, apr_time_from_msec(ms));
    return apr_psprintf(p, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                        e.tm_year + 1900, e.tm_mon + 1, e.tm_mday, e.tm_hour,
                        e.tm_min, e.tm_sec, (int)(ms % 1000));
}

/* ---- items ---- */

void chat_dialect_chatkit_open(chat_buf_t *out,
                               const chat_dialect_chatkit_item_t *item,
                               chat_dialect_chatkit_kind_e kind, apr_pool_t *p)
{
    CHAT_PUT(out, "{");
    chat_dialect_string(out, "id", chat_dialect_chatkit_id(item, kind, p));
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "thread_id", item->thread);
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "created_at", item->created);
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "type", kinds[kind].type);
}

void chat_dialect_chatkit_text(chat_buf_t *out,
                               const chat_dialect_chatkit_item_t *item,
                               const char *text, apr_size_t len, apr_pool_t *p)
{
    chat_dialect_chatkit_open(out, item, CHAT_DIALECT_CHATKIT_TEXT, p);
    CHAT_PUT(out, ",\"content\":[{\"annotations\":[],\"text\":\"");
    chat_buf_put(out, text, len);
    CHAT_PUT(out, "\",\"type\":\"output_text\"}]}");
}

void chat_dialect_chatkit_thought(chat_buf_t *out,
                                  const chat_dialect_chatkit_item_t *item,
                                  const char *text, apr_size_t len,
                                  apr_pool_t *p)
{
    chat_dialect_chatkit_open(out, item, CHAT_DIALECT_CHATKIT_WORKFLOW, p);
    CHAT_PUT(out, ",\"workflow\":{\"type\":\"reasoning\",\"tasks\":["
                  "{\"status_indicator\":\"none\",\"type\":\"thought\","
                  "\"content\":\"");
    chat_buf_put(out, text, len);
    CHAT_PUT(out, "\"}],\"expanded\":false}}");
}

/* What the model wrote need not be what it should. */
static const char *object_of(const char *text, apr_size_t len, apr_pool_t *p)
{
    static const chat_json_limits_t limits = {CHAT_DIALECT_WHOLE_MAX, 64,
                                              100000};
    chat_json_t *v = NULL;

    if (chat_json_parse(&v, text, len, &limits, p) != APR_SUCCESS ||
        chat_json_kind(v) != CHAT_JSON_OBJECT)
        return "{}";
    text = chat_json_text(v, NULL, p);
    return text ? text : "{}";
}

void chat_dialect_chatkit_call(chat_buf_t *out,
                               const chat_dialect_chatkit_item_t *item,
                               const char *id, const char *name,
                               const char *arguments, apr_size_t len,
                               const char *output, apr_pool_t *p)
{
    chat_dialect_chatkit_open(out, item, CHAT_DIALECT_CHATKIT_CALL, p);
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "status", output ? "completed" : "pending");
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "call_id", id);
    CHAT_PUT(out, ",");
    chat_dialect_string(out, "name", name);
    CHAT_PUT(out, ",\"arguments\":");
    chat_buf_puts(out, object_of(arguments, len, p));
    if (output && strcmp(output, "null") != 0) {
        CHAT_PUT(out, ",\"output\":");
        chat_buf_puts(out, output);
    }
    CHAT_PUT(out, "}");
}

/* ---- events ---- */

void chat_dialect_chatkit_options(chat_buf_t *out)
{
    CHAT_PUT(
        out, CHAT_DIALECT_CHATKIT_EVENT
        "{\"type\":\"stream_options\","
        "\"stream_options\":{\"allow_cancel\":true}}" CHAT_DIALECT_CHATKIT_END);
}

void chat_dialect_chatkit_error(chat_buf_t *out, const char *message,
                                int may_retry)
{
    CHAT_PUT(out, CHAT_DIALECT_CHATKIT_EVENT "{\"type\":\"error\",\"code\":");
    chat_buf_puts(out, message ? "\"custom\"," : "\"stream.error\",");
    if (message) {
        chat_dialect_string(out, "message", message);
        CHAT_PUT(out, ",");
    }
    CHAT_PUT(out, "\"allow_retry\":");
    chat_buf_puts(out, may_retry ? "true" : "false");
    CHAT_PUT(out, "}" CHAT_DIALECT_CHATKIT_END);
}
