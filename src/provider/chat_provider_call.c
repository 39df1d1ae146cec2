/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every call to an upstream has: its URL, its header lines and its body
 * as text, and how a turn is put into the places that an API has for it. Pure,
 * any thread.
 */
#include "chat_provider_kit.h"

#include <string.h>

#include <apr_strings.h>

/* Fit for a header line: visible ASCII, so no line can be smuggled in. */
static int visible(const char *text)
{
    const unsigned char *c;

    for (c = (const unsigned char *)text; c && *c; c++) {
        if (*c <= 0x20 || *c >= 0x7f)
            return 0;
    }
    return 1;
}

/* The line must be the call's own: whoever wipes a key from lines writes to all
 * that hold it, and a short one may stand anywhere. */
static void add_line(chat_call_t *call, char *line)
{
    APR_ARRAY_PUSH(call->headers, char *) = line;
}

static void add_fixed(chat_call_t *call, const char *line, apr_pool_t *p)
{
    add_line(call, apr_pstrdup(p, line));
}

void chat_provider_call_header(chat_call_t *call, const char *name,
                               const char *value, apr_pool_t *p)
{
    add_line(call, apr_pstrcat(p, name, ": ", value, NULL));
}

static void add_key(chat_call_t *call, int auth, const char *key, apr_pool_t *p)
{
    static const char *const names[] = {
        [CHAT_KEY_API_KEY] = "api-key",
        [CHAT_KEY_X_API_KEY] = "x-api-key",
        [CHAT_KEY_X_GOOG] = "x-goog-api-key",
    };

    if (auth == CHAT_KEY_BEARER)
        /* In one piece: of a key there is no copy that nobody knows of. */
        add_line(call, apr_pstrcat(p, "Authorization: Bearer ", key, NULL));
    else
        chat_provider_call_header(call, names[auth], key, p);
}

static void add_headers(chat_call_t *call, int usual, const chat_turn_t *turn,
                        const chat_upstream_t *up, apr_pool_t *p)
{
    int auth = up->auth == CHAT_KEY_USUAL ? usual : up->auth;
    int whole = turn->native && turn->whole;

    call->headers = apr_array_make(p, 10, sizeof(const char *));
    if (up->key && *up->key)
        add_key(call, auth, up->key, p);
    add_fixed(call, "Content-Type: application/json", p);
    add_fixed(call,
              whole ? "Accept: application/json" : "Accept: text/event-stream",
              p);
    add_fixed(call, "Accept-Encoding: identity", p);
    add_fixed(call, "User-Agent: mod_chat/" CHAT_VERSION, p);
    if (turn->request_id && *turn->request_id)
        chat_provider_call_header(call, "X-Request-ID", turn->request_id, p);
    /* Without this curl waits up to a second for "100 Continue". */
    add_fixed(call, "Expect:", p);
}

apr_status_t chat_provider_call(chat_call_t *call, const char *path, int usual,
                                const chat_turn_t *turn,
                                const chat_upstream_t *up, chat_err_t *err,
                                apr_pool_t *p)
{
    if (!visible(up->key)) {
        err->cause = CHAT_CAUSE_AUTH;
        return chat_err_set(err, APR_EINVAL, 502, "upstream_auth",
                            "The provider's key holds a character that no "
                            "header may carry.");
    }
    if (!visible(turn->request_id))
        return chat_err_set(err, APR_EINVAL, 500, "request_id",
                            "The request's id holds a character that no "
                            "header may carry.");
    call->url = apr_pstrcat(p, up->url, path, NULL);
    call->timeouts = up->timeouts;
    add_headers(call, usual, turn, up, p);
    return APR_SUCCESS;
}

void chat_provider_call_body(chat_call_t *call, const chat_json_t *body,
                             apr_pool_t *p)
{
    call->body = chat_json_text(body, &call->body_len, p);
}

const char *chat_provider_call_system(const chat_turn_t *turn, apr_pool_t *p)
{
    apr_array_header_t *parts = apr_array_make(p, 2, sizeof(const char *));
    const char *separator = "";
    int i;

    for (i = -1; i < turn->nmessages; i++) {
        const char *text = turn->system;

        if (i >= 0)
            text = turn->messages[i].role == CHAT_ROLE_SYSTEM
                       ? turn->messages[i].content
                       : NULL;
        if (!text || chat_provider_call_blank(text))
            continue;
        APR_ARRAY_PUSH(parts, const char *) = separator;
        APR_ARRAY_PUSH(parts, const char *) = text;
        separator = "\n\n";
    }
    return parts->nelts ? apr_array_pstrcat(p, parts, '\0') : NULL;
}

/* ---- calls of tools ---- */

/* Sixteen digits and what stands before them. */
#define HASH_LENGTH 17

static int is_fit(char c, const char *more)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

    return c && (!more || strchr(plain, c) || strchr(more, c));
}

static int is_fit_id(const char *id, const char *more, apr_size_t longest)
{
    apr_size_t len = 0;

    while (is_fit(id[len], more))
        len++;
    return !id[len] && (!longest || len <= longest);
}

const char *chat_provider_call_id(const char *id, const char *more, int longest,
                                  apr_pool_t *p)
{
    apr_uint64_t hash = APR_UINT64_C(14695981039346656037);
    char *made, *to;
    const char *c;

    if (!id || is_fit_id(id, more, longest))
        return id;
    made = to = apr_palloc(p, strlen(id) + HASH_LENGTH + 1);
    for (c = id; *c; c++) {
        hash = (hash ^ (unsigned char)*c) * APR_UINT64_C(1099511628211);
        if (is_fit(*c, more) && (!longest || to - made < longest - HASH_LENGTH))
            *to++ = *c;
    }
    apr_snprintf(to, HASH_LENGTH + 1, "_%016" APR_UINT64_T_HEX_FMT, hash);
    return made;
}

/* Does it say of itself no more than an object's schema does? */
static int is_bare(const chat_json_t *schema)
{
    static const char *const names[] = {"properties", "required", "title",
                                        "additionalProperties", "description"};
    const char *key = NULL;
    apr_size_t i;

    while ((key = chat_json_next(schema, key)) != NULL) {
        for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            if (strcmp(key, names[i]) == 0)
                break;
        }
        if (i == sizeof(names) / sizeof(names[0]))
            return 0;
    }
    return 1;
}

chat_json_t *chat_provider_call_parameters(const chat_tool_t *tool,
                                           apr_pool_t *p)
{
    chat_json_t *given = tool->parameters, *schema;
    const char *type = chat_json_string(chat_json_get(given, "type"));
    const char *key = NULL;

    if (given && chat_json_kind(given) != CHAT_JSON_OBJECT)
        return given;
    if (type ? strcmp(type, "object") != 0 : !is_bare(given))
        return given;
    if (type && chat_json_get(given, "properties"))
        return given;
    schema = chat_json_object(p);
    chat_json_add_string(schema, "type", "object");
    while ((key = chat_json_next(given, key)) != NULL)
        chat_json_add(schema, key, chat_json_get(given, key));
    if (!chat_json_get(schema, "properties"))
        chat_json_add(schema, "properties", chat_json_object(p));
    return schema;
}

int chat_provider_call_blank(const char *text)
{
    return text[strspn(text, " \t\r\n\f\v")] == '\0';
}

apr_status_t chat_provider_call_refuse(chat_err_t *err, const char *message)
{
    return chat_err_set(err, APR_EINVAL, 400, "unsupported", message);
}
