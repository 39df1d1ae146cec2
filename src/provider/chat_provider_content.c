/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a message may hold beyond plain text, read for APIs that have forms of
 * their own for it, and an answer that is one JSON text. Pure, any thread.
 */
#include "chat_provider_content.h"
#include "chat_provider_kit.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

/* What is read here was bounded as it came. */
#define MOST_VALUES 1000000
#define MOST_DEPTH 256

static chat_json_t *read_json(const char *text, apr_size_t len, apr_pool_t *p)
{
    const chat_json_limits_t limits = {
        .bytes = len,
        .depth = MOST_DEPTH,
        .values = MOST_VALUES,
    };
    chat_json_t *root;

    if (chat_json_parse(&root, text, len, &limits, p) != APR_SUCCESS)
        return NULL;
    return root;
}

static int is_type(const chat_json_t *part, const char *want)
{
    const char *type = chat_json_string(chat_json_get(part, "type"));

    return type && strcmp(type, want) == 0;
}

const char *chat_provider_content_text(const chat_json_t *part)
{
    return is_type(part, "text") ? chat_json_string(chat_json_get(part, "text"))
                                 : NULL;
}

/* Media types are told apart without regard to case, and everybody knows what
 * these are meant to be. */
static const char *usual_type(char *type)
{
    static const char *const names[][2] = {
        {"image/jpg", "image/jpeg"},
        {"image/pjpeg", "image/jpeg"},
        {"image/jfif", "image/jpeg"},
        {"image/x-png", "image/png"},
    };
    apr_size_t i;

    for (i = 0; type[i]; i++)
        type[i] |= type[i] >= 'A' && type[i] <= 'Z' ? 0x20 : 0;
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(type, names[i][0]) == 0)
            return names[i][1];
    }
    return type;
}

/* data:image/png;base64,... and parameters in between, which say nothing. */
static int read_data_url(chat_image_t *image, const char *url, apr_pool_t *p)
{
    static const char scheme[] = "data:", encoding[] = ";base64";
    const apr_size_t lead = sizeof(scheme) - 1, tail = sizeof(encoding) - 1;
    const char *comma, *type = url + lead;
    apr_size_t len;

    if (strncasecmp(url, scheme, lead) != 0)
        return 0;
    comma = strchr(type, ',');
    if (!comma || (apr_size_t)(comma - type) < tail || !comma[1] ||
        strncasecmp(comma - tail, encoding, tail) != 0)
        return 0;
    len = strcspn(type, ";");
    if (len == 0)
        return 0;
    image->type = usual_type(apr_pstrmemdup(p, type, len));
    image->data = comma + 1;
    return 1;
}

int chat_provider_content_image(chat_image_t *image, const chat_json_t *part,
                                apr_pool_t *p)
{
    static const char https[] = "https://";
    const chat_json_t *v = chat_json_get(part, "image_url");
    /* Mistral's form is the address alone. */
    const char *url =
        chat_json_string(chat_json_string(v) ? v : chat_json_get(v, "url"));

    memset(image, 0, sizeof(*image));
    if (!is_type(part, "image_url") || !url)
        return 0;
    if (strncmp(url, https, sizeof(https) - 1) == 0) {
        image->url = url;
        return 1;
    }
    return read_data_url(image, url, p);
}

int chat_provider_content_document(chat_image_t *file, const char **pname,
                                   const chat_json_t *part, apr_pool_t *p)
{
    const chat_json_t *v = chat_json_get(part, "file");
    const char *data = chat_json_string(chat_json_get(v, "file_data"));

    memset(file, 0, sizeof(*file));
    *pname = chat_json_string(chat_json_get(v, "filename"));
    file->url = chat_json_string(chat_json_get(v, "file_url"));
    if (!is_type(part, "file"))
        return 0;
    if (file->url)
        return 1;
    return data && read_data_url(file, data, p) &&
           !strcmp(file->type, "application/pdf");
}

chat_json_t *chat_provider_content_object(const char *text, apr_pool_t *p)
{
    chat_json_t *root = text ? read_json(text, strlen(text), p) : NULL;

    return chat_json_kind(root) == CHAT_JSON_OBJECT ? root : NULL;
}

chat_json_t *chat_provider_content_arguments(const chat_tool_call_t *call,
                                             apr_pool_t *p)
{
    if (!call->arguments || chat_provider_call_blank(call->arguments) ||
        strcmp(call->arguments, "null") == 0)
        return chat_json_object(p);
    return chat_provider_content_object(call->arguments, p);
}

chat_json_t *chat_provider_content_message(const char *role,
                                           const char *content, apr_pool_t *p)
{
    chat_json_t *message = chat_json_object(p);

    chat_json_add_string(message, "role", role);
    chat_json_add_string(message, "content", content);
    return message;
}

chat_json_t *chat_provider_content_body(chat_watch_t *w)
{
    return chat_provider_watch_json(w);
}
