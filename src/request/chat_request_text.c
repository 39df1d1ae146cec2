/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which strings of a JSON value are texts that somebody reads, whoever's form
 * it has. Pure.
 */
#include "chat_request.h"

#include <string.h>

/* A shorter text may be one, whatever letters it is made of. */
#define DATA_LEN 256

static int is_one_of(const char *const *names, const char *key)
{
    for (; *names; names++)
        if (!strcmp(*names, key))
            return 1;
    return 0;
}

/* What ids, types, names of models and signatures are made of: a text that has
 * anything else is none, whatever it is called. */
static int is_name(const char *key, const char *text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz"
                                  "0123456789+/-_=.:~#@";
    static const char *const names[] = {"id",
                                        "type",
                                        "role",
                                        "model",
                                        "object",
                                        "callId",
                                        "call_id",
                                        "tool_call_id",
                                        "tool_use_id",
                                        "item_id",
                                        "file_id",
                                        "uploadId",
                                        "response_id",
                                        "obfuscation",
                                        "mediaType",
                                        "media_type",
                                        "mimeType",
                                        "signature",
                                        "toolCallId",
                                        "thoughtSignature",
                                        "encrypted_content",
                                        NULL};

    return is_one_of(names, key) && !text[strspn(text, letters)];
}

/* A document of Anthropic's that is a text itself. */
static int is_plain(const chat_json_t *object)
{
    const char *type = chat_json_string(chat_json_get(object, "type"));

    return type && !strcmp(type, "text");
}

/* Long, and of the letters of base64 alone, where a file may be: a text without
 * spaces would look the same. */
static int is_data(const chat_json_t *object, const char *key, const char *text)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789+/-_=";
    static const char *const names[] = {"data",
                                        "url",
                                        "uri",
                                        "image",
                                        "audio",
                                        "result",
                                        "fileUri",
                                        "file_uri",
                                        "file_url",
                                        "file_data",
                                        "b64_json",
                                        "fileData",
                                        "partial_image_b64",
                                        "image_url",
                                        NULL};
    apr_size_t len;

    if (!is_one_of(names, key) || is_plain(object))
        return 0;
    if (!strncmp(text, "data:", 5)) {
        const char *comma = strstr(text, ";base64,");

        text = comma ? comma + sizeof(";base64,") - 1 : text;
    }
    len = strspn(text, letters);
    return len >= DATA_LEN && !text[len];
}

int chat_request_text_is_one(const chat_json_t *object, const char *key,
                             const char *text)
{
    return !(key && (is_name(key, text) || is_data(object, key, text)));
}

int chat_request_text_is_free(const chat_json_t *object, const char *key)
{
    static const char *const always[] = {
        "args",       "functionResponse", "function_response",
        "parameters", "input_schema",     "rawInput",
        NULL};
    static const char *const of_calls[] = {"output", "result", NULL};
    const chat_json_t *v = chat_json_get(object, key);

    if (is_one_of(always, key))
        return 1;
    if (!strcmp(key, "input"))
        return chat_json_kind(v) == CHAT_JSON_OBJECT;
    return is_one_of(of_calls, key) && (chat_json_get(object, "toolCallId") ||
                                        chat_json_get(object, "callId"));
}
