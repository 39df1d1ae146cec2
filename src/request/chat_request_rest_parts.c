/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of a message, as clients correct and import them: of each type the
 * members that it has, each a string. What else a part has is left out. Issues
 * look as zod's do. Pure (APR and chat_json), any thread.
 */
#include "chat_request.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_request_int.h"

static const chat_request_clamps_t by_codepoints;

/* Of a discriminated union; a member that ends in "?" may be absent. */
static const struct {
    const char *type;
    const char *members[4];
} types[] = {
    {"text", {"text"}},
    {"reasoning", {"text"}},
    {"file", {"uploadId", "mediaType?", "name?"}},
    {"tool-call", {"callId", "name", "arguments"}},
    {"tool-result", {"callId", "content"}},
    {"context", {"text"}},
    {"chatkit", {"said"}},
};

#define TYPES (int)(sizeof(types) / sizeof(*types))

static const char *path_of(chat_request_zod_t *zod, int i, const char *key)
{
    return *key ? apr_psprintf(zod->p, "[\"parts\",%d,\"%s\"]", i, key)
                : apr_psprintf(zod->p, "[\"parts\",%d]", i);
}

static int type_of(chat_request_zod_t *zod, const chat_json_t *v, int i)
{
    const char *type = chat_json_string(chat_json_get(v, "type"));
    int k;

    for (k = 0; type && k < TYPES; k++) {
        if (!strcmp(type, types[k].type))
            return k;
    }
    zod->aborted = 1;
    chat_request_zod_issue(
        zod,
        "\"code\":\"invalid_union\",\"errors\":[],"
        "\"note\":\"No matching discriminator\",\"discriminator\":\"type\","
        "\"options\":[\"text\",\"reasoning\",\"file\",\"tool-call\","
        "\"tool-result\",\"context\",\"chatkit\"]",
        path_of(zod, i, "type"),
        "Invalid discriminator value. Expected 'text' | 'reasoning' | 'file' | "
        "'tool-call' | 'tool-result' | 'context' | 'chatkit'");
    return -1;
}

static chat_json_t *part_of(chat_request_zod_t *zod, const chat_json_t *v,
                            int i)
{
    chat_json_t *part;
    int type, k;

    if (!chat_request_zod_is(zod, v, CHAT_JSON_OBJECT, "object",
                             path_of(zod, i, "")))
        return NULL;
    type = type_of(zod, v, i);
    if (type < 0)
        return NULL;
    part = chat_json_object(zod->p);
    chat_json_add_string(part, "type", types[type].type);
    for (k = 0; types[type].members[k]; k++) {
        const char *key = types[type].members[k];
        apr_size_t len = strcspn(key, "?");
        int may_miss = key[len] == '?';
        chat_json_t *member;

        key = apr_pstrmemdup(zod->p, key, len);
        member = chat_json_get(v, key);
        if (!may_miss || member)
            chat_request_zod_is(zod, member, CHAT_JSON_STRING, "string",
                                path_of(zod, i, key));
        chat_json_add_string(part, key, chat_json_string(member));
    }
    return part;
}

static const char *is_text(const chat_json_t *part)
{
    const char *type = chat_json_string(chat_json_get(part, "type"));

    return type && !strcmp(type, "text")
               ? chat_json_string(chat_json_get(part, "text"))
               : NULL;
}

apr_status_t chat_request_rest_parts(const char **pparts, const char **ptext,
                                     const chat_json_t *body,
                                     const chat_request_bounds_t *bounds,
                                     chat_err_t *err, apr_pool_t *p)
{
    static const char path[] = "[\"parts\"]";
    const chat_json_t *list = chat_json_get(body, "parts");
    chat_json_t *parts = chat_json_array(p), *part;
    apr_array_header_t *texts = apr_array_make(p, 4, sizeof(const char *));
    chat_request_zod_t zod;
    const char *text;
    int i;

    chat_request_zod_init(&zod, p);
    if (chat_request_zod_is(&zod, body, CHAT_JSON_OBJECT, "object", "[]") &&
        chat_request_zod_is(&zod, list, CHAT_JSON_ARRAY, "array", path)) {
        for (i = 0; i < chat_json_length(list) && i < bounds->parts; i++) {
            part = part_of(&zod, chat_json_at(list, i), i);
            chat_json_push(parts, part);
            if ((text = is_text(part)) != NULL)
                APR_ARRAY_PUSH(texts, const char *) = text;
        }
        chat_request_zod_length(&zod, list, &by_codepoints, 0, bounds->parts,
                                path);
    }
    if (zod.list->nelts)
        return chat_request_refuse(err, &zod);
    *pparts = chat_json_text(parts, NULL, p);
    *ptext = apr_array_pstrcat(p, texts, 0);
    return APR_SUCCESS;
}
