/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who says what now, for services; and when these are asked about it. Request
 * thread.
 */
#include "chat_run_hook_int.h"

#include <apr_strings.h>

#include "chat_crypto.h"
#include "chat_run_prompt.h"

const char *chat_run_hook_question(const chat_run_t *run, apr_pool_t *p)
{
    chat_run_prompt_t question;

    chat_run_prompt(&question, run, p);
    return question.text;
}

const char *chat_run_hook_user(const chat_run_t *run, apr_pool_t *p)
{
    const char *subject = run->ctx->user->subject;
    unsigned char digest[CHAT_SHA256_LEN];
    char *text = apr_palloc(p, 2 * CHAT_SHA256_LEN + 1);

    if (!subject ||
        chat_crypto_sha256(digest, subject, strlen(subject)) != APR_SUCCESS)
        return NULL;
    chat_crypto_hex(text, digest, CHAT_SHA256_LEN);
    return text;
}

/* ---- when ---- */

int chat_run_hook_is_first(const chat_run_t *run)
{
    const chat_run_hook_tap_t *s = run->tap_state[CHAT_TAP_hook];
    int i;

    for (i = 0; s && i < s->hooks->nelts; i++) {
        const chat_hook_conf_t *hook =
            APR_ARRAY_IDX(s->hooks, i, chat_hook_conf_t *);

        if ((hook->in & CHAT_HOOK_INPUT) && !hook->beside)
            return 1;
    }
    return 0;
}

/* One message is all that was asked about. */
int chat_run_hook_may_change(const chat_run_t *run)
{
    const chat_turn_t *turn = &run->request.turn;
    int behind, i, first = chat_run_prompt_find(turn, &behind), n = 0;

    if (!run->tap_state[CHAT_TAP_hook] || run->kept || behind == 0 ||
        behind != turn->nmessages || !turn->messages[behind - 1].content)
        return 0;
    for (i = first; i < behind; i++)
        n += turn->messages[i].role == CHAT_ROLE_USER;
    return n == 1;
}
