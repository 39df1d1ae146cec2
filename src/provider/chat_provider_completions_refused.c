/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenAI's error object, as OpenAI and those who speak like it send it in
 * place of a stream: where its machine words stand. Pure.
 */
#include "chat_provider_int.h"

#include <string.h>

static int is_word(const chat_json_t *v, const char *word)
{
    const char *text = chat_json_string(v);

    return text && strcmp(text, word) == 0;
}

/* The error of the body, NULL when there is none. vLLM of old sends it bare. */
static const chat_json_t *find_error(const chat_json_t *root)
{
    if (is_word(chat_json_get(root, "object"), "error"))
        return root;
    return chat_json_get(root, "error");
}

static int is_quota(const chat_json_t *error)
{
    return is_word(chat_json_get(error, "code"), "insufficient_quota") ||
           is_word(chat_json_get(error, "type"), "insufficient_quota");
}

/* A model that this account may not use is the question's fault, as one that
 * does not exist is: OpenAI says 403 to the one and 404 to the other. */
static int is_model(const chat_json_t *error)
{
    return is_word(chat_json_get(error, "code"), "model_not_found");
}

void chat_provider_completions_refused(chat_err_t *err, int status,
                                       const char *body, apr_size_t len,
                                       apr_pool_t *p)
{
    const chat_json_t *error =
        find_error(chat_provider_refused_body(body, len, p));

    if (status == 429 && is_quota(error)) {
        chat_provider_refused_quota(err);
        return;
    }
    if (status == 403 && is_model(error))
        status = 404;
    chat_provider_refused(
        err, status,
        chat_provider_word(chat_json_get(error, "code"), "", NULL, p),
        chat_provider_word(chat_json_get(error, "param"), "[]", NULL, p), p);
}
