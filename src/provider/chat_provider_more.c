/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Members of a Chat Completions request that only some APIs have (turn->extra):
 * nothing of them is dropped without a word, but for values that say what goes
 * without saying. Pure, any thread.
 */
#include "chat_provider_content.h"
#include "chat_provider_kit.h"

#include <string.h>

#include <apr_strings.h>

static int is_known(const char *name, const char *const *known)
{
    for (; *known; known++) {
        if (strcmp(name, *known) == 0)
            return 1;
    }
    return 0;
}

/* Many clients send a penalty of 0, or a bias of no word. */
static int says_nothing(const char *name, const chat_json_t *v)
{
    if (strcmp(name, "presence_penalty") == 0 ||
        strcmp(name, "frequency_penalty") == 0)
        return chat_json_number(v) == 0;
    return strcmp(name, "logit_bias") == 0 &&
           chat_json_kind(v) == CHAT_JSON_OBJECT && !chat_json_next(v, NULL);
}

const char *chat_provider_more_unknown(const chat_turn_t *turn,
                                       const char *const *known)
{
    const char *name = NULL;

    while ((name = chat_json_next(turn->extra, name)) != NULL) {
        if (!is_known(name, known) &&
            !says_nothing(name, chat_json_get(turn->extra, name)))
            return name;
    }
    return NULL;
}

apr_status_t chat_provider_more_refuse(chat_err_t *err, const char *name,
                                       apr_pool_t *p)
{
    err->param = apr_pstrndup(p, name, CHAT_PROVIDER_WORD_MAX);
    return chat_provider_call_refuse(
        err,
        apr_pstrcat(p, "Unsupported parameter: '", err->param,
                    "'. The API of this provider has no such member.", NULL));
}

void chat_provider_more_add(chat_json_t *into, const chat_turn_t *turn,
                            const char *const (*names)[2])
{
    for (; (*names)[0]; names++) {
        chat_json_t *v = chat_json_get(turn->extra, (*names)[0]);

        if (v)
            chat_json_add(into, (*names)[1], v);
    }
}
