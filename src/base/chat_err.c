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
