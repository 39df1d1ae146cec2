/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The body of POST /api/chat of Vercel's chat template, decided as its schema
 * decides it with zod 3: unknown members are stripped, lengths are UTF-16
 * units, null is never an absent member. Its answer to anything else is one
 * error without issues, so none are made. Pure (APR and chat_json), any thread.
 */
#include "chat_request.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "chat_request_int.h"

#define NAME_UNITS 100

/* ---- kinds ---- */

/* z.string().uuid(): NULL when it is none. In lower case, in p. */
static const char *read_uuid(const chat_json_t *v, apr_pool_t *p)
{
    const char *text = chat_json_string(v);
    char *lower, *c;

    if (!text)
        return NULL;
    lower = apr_pstrdup(p, text);
    for (c = lower; *c; c++)
        *c = apr_tolower(*c);
    return chat_request_is_id(lower) ? lower : NULL;
}

/* z.string().min(1).max(max) */
static const char *read_text(const chat_json_t *v, apr_int64_t max)
{
    const char *text = chat_json_string(v);
    apr_int64_t points, units;

    if (!text || !*text)
        return NULL;
    chat_request_count(text, &points, &units);
    return units <= max ? text : NULL;
}

/* z.enum() */
static const char *read_word(const chat_json_t *v, const char *const *words)
{
    const char *text = chat_json_string(v);

    for (; text && *words; words++)
        if (!strcmp(text, *words))
            return *words;
    return NULL;
}

/* ---- parts ---- */

/* {type: "text", text: 1..max} */
static chat_json_t *read_text_part(const chat_json_t *v, int max, apr_pool_t *p)
{
    static const char *const types[] = {"text", NULL};
    const char *type = read_word(chat_json_get(v, "type"), types);
    const char *text = read_text(chat_json_get(v, "text"), max);
    chat_json_t *part;

    if (!type || !text)
        return NULL;
    part = chat_json_object(p);
    chat_json_add_string(part, "type", type);
    chat_json_add_string(part, "text", text);
    return part;
}

/* {type: "file", mediaType, name: 1..100, url} */
static chat_json_t *read_file_part(const chat_json_t *v, apr_pool_t *p)
{
    static const char *const types[] = {"file", NULL};
    static const char *const media[] = {"image/jpeg", "image/png", NULL};
    const char *type = read_word(chat_json_get(v, "type"), types);
    const char *kind = read_word(chat_json_get(v, "mediaType"), media);
    const char *name = read_text(chat_json_get(v, "name"), NAME_UNITS);
    const char *url = chat_json_string(chat_json_get(v, "url"));
    chat_json_t *part;

    if (!type || !kind || !name || !url || !chat_request_is_url(url, p))
        return NULL;
    part = chat_json_object(p);
    chat_json_add_string(part, "type", type);
    chat_json_add_string(part, "mediaType", kind);
    chat_json_add_string(part, "name", name);
    chat_json_add_string(part, "url", url);
    return part;
}

/* An array, which may be empty. */
static chat_json_t *read_parts(const chat_json_t *v, int max, apr_pool_t *p)
{
    chat_json_t *parts = chat_json_array(p);
    int i;

    if (chat_json_kind(v) != CHAT_JSON_ARRAY)
        return NULL;
    for (i = 0; i < chat_json_length(v); i++) {
        const chat_json_t *each = chat_json_at(v, i);
        chat_json_t *part = read_text_part(each, max, p);

        if (!part)
            part = read_file_part(each, p);
        if (!part)
            return NULL;
        chat_json_push(parts, part);
    }
    return parts;
}

/* ---- the body ---- */

/* All text, as a title is made of it. */
static const char *join_texts(const chat_json_t *parts, apr_pool_t *p)
{
    apr_array_header_t *texts = apr_array_make(p, 4, sizeof(const char *));
    int i;

    for (i = 0; i < chat_json_length(parts); i++) {
        const char *text =
            chat_json_string(chat_json_get(chat_json_at(parts, i), "text"));

        if (text)
            APR_ARRAY_PUSH(texts, const char *) = text;
    }
    return apr_array_pstrcat(p, texts, 0);
}

/* {id: uuid, role: "user", parts} */
static int read_message(chat_request_vercel_t *asked, const chat_json_t *v,
                        int max, apr_pool_t *p)
{
    static const char *const roles[] = {"user", NULL};
    chat_json_t *parts = read_parts(chat_json_get(v, "parts"), max, p);

    asked->message = read_uuid(chat_json_get(v, "id"), p);
    if (!asked->message || !read_word(chat_json_get(v, "role"), roles) ||
        !parts)
        return 0;
    asked->parts = chat_json_text(parts, NULL, p);
    asked->text = join_texts(parts, p);
    asked->json = chat_json_object(p);
    chat_json_add_string(asked->json, "id", asked->message);
    chat_json_add_string(asked->json, "role", "user");
    chat_json_add(asked->json, "parts", parts);
    return asked->parts != NULL;
}

apr_status_t chat_request_vercel(chat_request_vercel_t *asked,
                                 const chat_json_t *body, int max,
                                 chat_err_t *err, apr_pool_t *p)
{
    static const char *const seen_by[] = {"public", "private", NULL};

    memset(asked, 0, sizeof(*asked));
    asked->chat = read_uuid(chat_json_get(body, "id"), p);
    asked->model = chat_json_string(chat_json_get(body, "selectedChatModel"));
    asked->visibility =
        read_word(chat_json_get(body, "selectedVisibilityType"), seen_by);
    if (asked->chat && asked->model && asked->visibility &&
        read_message(asked, chat_json_get(body, "message"), max, p))
        return APR_SUCCESS;
    return chat_err_set(err, APR_EINVAL, 400, "invalid_request",
                        "Request validation failed.");
}
