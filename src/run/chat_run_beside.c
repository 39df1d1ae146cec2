/* SPDX-License-Identifier: Apache-2.0 */
/* See chat_run_beside.h. */
#include "chat_run_beside.h"

#include "chat_run_hook.h"

apr_status_t chat_run_beside_answered(void *ctx, const chat_aside_end_t *end)
{
    chat_run_t *run = ctx;
    const char *question;

    chat_run_hook_heard(run, end);
    question = chat_run_hook_replaced(run);
    if (question)
        chat_run_rebuild(run, question);
    return chat_run_went_on(run);
}
