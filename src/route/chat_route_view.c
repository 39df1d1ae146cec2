/* SPDX-License-Identifier: Apache-2.0 */
/* Conversations and messages as clients see them. Pure, any thread. */
#include "chat_route_view.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_time.h>

#include "chat_json.h"
#include "chat_price.h"

/* ---- members ---- */

const char *chat_route_view_time(apr_int64_t ms, apr_pool_t *p)
{
    apr_time_exp_t e;

    apr_time_exp_gmt(&e, apr_time_from_msec(ms));
    return apr_psprintf(p, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                        e.tm_year + 1900, e.tm_mon + 1, e.tm_mday, e.tm_hour,
                        e.tm_min, e.tm_sec, (int)(ms % 1000));
}

static void put_name(chat_buf_t *out, const char *name)
{
    if (out->len && out->data[out->len - 1] != '{')
        chat_buf_puts(out, ",");
    chat_buf_quote(out, name);
    chat_buf_puts(out, ":");
}

void chat_route_view_json(chat_buf_t *out, const char *name, const char *json)
{
    put_name(out, name);
    chat_buf_puts(out, json ? json : "null");
}

void chat_route_view_string(chat_buf_t *out, const char *name, const char *text)
{
    if (!text) {
        chat_route_view_json(out, name, NULL);
        return;
    }
    put_name(out, name);
    chat_buf_quote(out, text);
}

void chat_route_view_integer(chat_buf_t *out, const char *name, apr_int64_t n)
{
    put_name(out, name);
    chat_buf_integer(out, n);
}

void chat_route_view_boolean(chat_buf_t *out, const char *name, int yes)
{
    chat_route_view_json(out, name, yes ? "true" : "false");
}

void chat_route_view_at(chat_buf_t *out, const char *name, apr_int64_t ms,
                        apr_pool_t *p)
{
    chat_route_view_string(out, name, ms ? chat_route_view_time(ms, p) : NULL);
}

/* ---- a conversation ---- */

static void put_stream(chat_buf_t *out, const chat_conversation_t *c)
{
    if (!c->stream) {
        chat_route_view_json(out, "stream", NULL);
        return;
    }
    chat_route_view_json(out, "stream", "{");
    chat_route_view_string(out, "id", c->stream);
    chat_route_view_string(out, "messageId", c->stream_message);
    chat_buf_puts(out, "}");
}

void chat_route_view_kept(chat_buf_t *out, const chat_conversation_t *c,
                          apr_pool_t *p)
{
    chat_route_view_string(out, "id", c->id);
    chat_route_view_string(out, "title", c->title);
    chat_route_view_string(out, "model", c->model);
    chat_route_view_string(out, "system", c->system);
    chat_route_view_boolean(out, "pinned", c->pinned);
    chat_route_view_boolean(out, "archived", c->archived);
    chat_route_view_integer(out, "messageCount", c->messages);
    chat_route_view_string(out, "currentMessageId", c->current);
    chat_route_view_json(out, "metadata", c->metadata ? c->metadata : "{}");
    chat_route_view_at(out, "createdAt", c->created, p);
    chat_route_view_at(out, "updatedAt", c->updated, p);
    chat_route_view_at(out, "lastMessageAt", c->last_message, p);
}

void chat_route_view_conversation(chat_buf_t *out, const chat_conversation_t *c,
                                  apr_pool_t *p)
{
    chat_buf_puts(out, "{");
    chat_route_view_kept(out, c, p);
    put_stream(out, c);
    chat_route_view_integer(out, "revision", c->revision);
    chat_buf_puts(out, "}");
}

/* ---- a message ---- */

const char *const chat_route_view_roles[] = {
    [CHAT_ROLE_USER] = "user",
    [CHAT_ROLE_ASSISTANT] = "assistant",
    [CHAT_ROLE_SYSTEM] = "system",
    [CHAT_ROLE_TOOL] = "tool",
    NULL,
};

const char *const chat_route_view_statuses[] = {
    [CHAT_MESSAGE_COMPLETE] = "complete",
    [CHAT_MESSAGE_STREAMING] = "streaming",
    [CHAT_MESSAGE_PARTIAL] = "partial",
    [CHAT_MESSAGE_CANCELLED] = "cancelled",
    [CHAT_MESSAGE_FAILED] = "failed",
    NULL,
};

/* USD, exactly: 1e-10 of it is what is counted. */
static const char *dollars(apr_int64_t cost, apr_pool_t *p)
{
    return chat_price_short(apr_palloc(p, CHAT_PRICE_TEXT_MAX), cost);
}

static void put_count(chat_buf_t *out, const char *name, apr_int64_t n)
{
    if (n < 0)
        chat_route_view_json(out, name, NULL);
    else
        chat_route_view_integer(out, name, n);
}

static void put_usage(chat_buf_t *out, const chat_store_message_t *m,
                      apr_pool_t *p)
{
    if (m->input_tokens < 0 && m->output_tokens < 0 && m->cost < 0) {
        chat_route_view_json(out, "usage", NULL);
        return;
    }
    chat_route_view_json(out, "usage", "{");
    put_count(out, "inputTokens", m->input_tokens);
    put_count(out, "outputTokens", m->output_tokens);
    chat_route_view_json(out, "costUsd",
                         m->cost < 0 ? NULL : dollars(m->cost, p));
    chat_buf_puts(out, "}");
}

static void put_error(chat_buf_t *out, const chat_store_message_t *m)
{
    if (!m->error_code) {
        chat_route_view_json(out, "error", NULL);
        return;
    }
    chat_route_view_json(out, "error", "{");
    chat_route_view_string(out, "code", m->error_code);
    chat_route_view_string(out, "message", "The answer was not finished.");
    chat_buf_puts(out, "}");
}

static void put_feedback(chat_buf_t *out, const chat_store_message_t *m)
{
    if (!m->feedback) {
        chat_route_view_json(out, "feedback", NULL);
        return;
    }
    chat_route_view_json(out, "feedback", "{");
    chat_route_view_string(out, "kind", m->feedback);
    chat_route_view_string(out, "reason", m->feedback_reason);
    chat_buf_puts(out, "}");
}

/* A call without what its provider wants back. */
static chat_json_t *show_part(const chat_json_t *part, apr_pool_t *p)
{
    chat_json_t *shown = chat_json_object(p);
    const char *key = NULL;

    while ((key = chat_json_next(part, key)) != NULL)
        if (strcmp(key, CHAT_STORE_PART_EXTRA) != 0)
            chat_json_add(shown, key, chat_json_get(part, key));
    return shown;
}

static int is_private(const chat_json_t *part)
{
    const char *type = chat_json_string(chat_json_get(part, "type"));

    return type && !strcmp(type, CHAT_STORE_PART_PRIVATE);
}

/* Most have nothing private, and no text of somebody has a word in quotes that
 * are not escaped. */
static const char *show_parts(const char *parts, apr_pool_t *p)
{
    const chat_json_limits_t limits = {parts ? strlen(parts) : 0, 64, 1000000};
    chat_json_t *list, *shown = chat_json_array(p);
    int i;

    if (!parts || (!strstr(parts, "\"" CHAT_STORE_PART_PRIVATE "\"") &&
                   !strstr(parts, "\"" CHAT_STORE_PART_EXTRA "\"")))
        return parts ? parts : "[]";
    if (chat_json_parse(&list, parts, limits.bytes, &limits, p) != APR_SUCCESS)
        return "[]";
    for (i = 0; i < chat_json_length(list); i++)
        if (!is_private(chat_json_at(list, i)))
            chat_json_push(shown, show_part(chat_json_at(list, i), p));
    return chat_json_text(shown, NULL, p);
}

void chat_route_view_message(chat_buf_t *out, const chat_store_message_t *m,
                             apr_pool_t *p)
{
    chat_buf_puts(out, "{");
    chat_route_view_string(out, "id", m->id);
    chat_route_view_string(out, "conversationId", m->conversation);
    chat_route_view_string(out, "parentId", m->parent);
    chat_route_view_string(out, "role", chat_route_view_roles[m->role]);
    chat_route_view_string(out, "status", chat_route_view_statuses[m->status]);
    chat_route_view_json(out, "parts", show_parts(m->parts, p));
    chat_route_view_string(out, "model", m->model);
    chat_route_view_string(out, "provider", m->provider);
    chat_route_view_string(out, "finishReason", m->finish_reason);
    put_usage(out, m, p);
    put_error(out, m);
    put_feedback(out, m);
    chat_route_view_integer(out, "siblings", m->siblings);
    chat_route_view_integer(out, "siblingIndex", m->sibling);
    chat_route_view_at(out, "createdAt", m->created, p);
    chat_route_view_at(out, "updatedAt", m->updated, p);
    chat_buf_puts(out, "}");
}

/* ---- a share, a hit ---- */

void chat_route_view_share(chat_buf_t *out, const chat_store_share_t *share,
                           const char *url, apr_pool_t *p)
{
    chat_buf_puts(out, "{");
    chat_route_view_string(out, "id", share->id);
    chat_route_view_string(out, "url", url);
    chat_route_view_string(out, "mode", share->live ? "live" : "snapshot");
    chat_route_view_string(out, "leafMessageId", share->leaf);
    chat_route_view_boolean(out, "showModel", share->show_model);
    chat_route_view_at(out, "createdAt", share->created, p);
    chat_route_view_at(out, "expiresAt", share->expires, p);
    chat_buf_puts(out, "}");
}

static void put_ranges(chat_buf_t *out, const apr_array_header_t *ranges)
{
    int i;

    chat_route_view_json(out, "ranges", "[");
    for (i = 0; ranges && i + 1 < ranges->nelts; i += 2) {
        chat_buf_puts(out, i ? ",[" : "[");
        chat_buf_integer(out, APR_ARRAY_IDX(ranges, i, int));
        chat_buf_puts(out, ",");
        chat_buf_integer(out, APR_ARRAY_IDX(ranges, i + 1, int));
        chat_buf_puts(out, "]");
    }
    chat_buf_puts(out, "]");
}

void chat_route_view_hit(chat_buf_t *out, const chat_store_hit_t *hit,
                         apr_pool_t *p)
{
    chat_buf_puts(out, "{");
    chat_route_view_string(out, "conversationId", hit->conversation);
    chat_route_view_string(out, "messageId", hit->message);
    chat_route_view_string(out, "title", hit->title);
    chat_route_view_string(out, "snippet", hit->snippet);
    put_ranges(out, hit->ranges);
    chat_route_view_at(out, "createdAt", hit->created, p);
    chat_buf_puts(out, "}");
}

/* ---- a page ---- */

void chat_route_view_open(chat_buf_t *out)
{
    chat_buf_puts(out, "{\"data\":[");
}

void chat_route_view_close(chat_buf_t *out, const char *next)
{
    chat_buf_puts(out, "]");
    chat_route_view_string(out, "nextCursor", next);
    chat_buf_puts(out, "}");
}

void chat_route_view_comma(chat_buf_t *out, int i)
{
    if (i)
        chat_buf_puts(out, ",");
}

const char *chat_route_view_text(chat_buf_t *out)
{
    chat_buf_put(out, "", 1);
    return out->data;
}
