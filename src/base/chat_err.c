/* SPDX-License-Identifier: Apache-2.0 */
/* Filling a chat_err_t, and what follows from its code. Any thread. */
#include "chat_err.h"

#include <string.h>

apr_status_t chat_err_set(chat_err_t *err, apr_status_t rv, int status,
                          const char *code, const char *message)
{
    err->status = status;
    err->code = code;
    err->message = message;
    return rv;
}

static int begins(const char *code, const char *with)
{
    return !strncmp(code, with, strlen(with));
}

const char *chat_err_scope(const chat_err_t *err)
{
    if (begins(err->code, "upstream_"))
        return "provider";
    if (begins(err->code, "model_") ||
        !strcmp(err->code, "context_length_exceeded"))
        return "model";
    return err->status >= 500 ? "server" : "user";
}

/* What has to change first: the configuration, an account, the question. */
static const char *const lasting[] = {
    "misconfigured", "answer_too_large", "budget_exhausted",
    "upstream_auth", "upstream_quota",   "upstream_not_found",
};

int chat_err_is_retryable(const chat_err_t *err)
{
    apr_size_t i;

    if (err->cause != CHAT_CAUSE_NONE)
        return 0;
    for (i = 0; i < sizeof(lasting) / sizeof(*lasting); i++)
        if (!strcmp(err->code, lasting[i]))
            return 0;
    return err->status == 429 || err->status > 500 ||
           !strcmp(err->code, "conversation_busy") ||
           !strcmp(err->code, "idempotency_in_progress");
}

const char *chat_err_told(const chat_err_t *err)
{
    const chat_refusal_t *upstream = err->upstream;

    return upstream && *upstream->text && err->status < 500 ? upstream->text
                                                            : NULL;
}
