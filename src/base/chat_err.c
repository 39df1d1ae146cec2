/* SPDX-License-Identifier: Apache-2.0 */
/* Filling a chat_err_t. Any thread. */
#include "chat_err.h"

apr_status_t chat_err_set(chat_err_t *err, apr_status_t rv, int status,
                          const char *code, const char *message)
{
    err->status = status;
    err->code = code;
    err->message = message;
    return rv;
}

const char *chat_err_told(const chat_err_t *err)
{
    const chat_refusal_t *upstream = err->upstream;

    return upstream && *upstream->text && err->status < 500 ? upstream->text
                                                            : NULL;
}
