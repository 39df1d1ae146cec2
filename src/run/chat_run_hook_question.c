/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who says what now, whatever form it was asked in; and when services are asked
 * about it. Request thread.
 */
#include "chat_run_hook_int.h"

#include <apr_strings.h>

#include "chat_crypto.h"

#define DEPTH 8

/* Its texts, in their order. */
static void collect(apr_array_header_t *texts, const chat_json_t *v, int depth)
{
    static const char *const members[] = {"text", "content", "parts",
                                          "input_text"};
    const char *text = chat_json_string(v);
    apr_size_t m;
    int i;

    if (text && *text) {
        APR_ARRAY_PUSH(texts, const char *) = text;
        return;
    }
    for (i = 0; depth && i < chat_json_length(v); i++)
        collect(texts, chat_json_at(v, i), depth - 1);
    for (m = 0; depth && m < sizeof(members) / sizeof(*members); m++)
        collect(texts, chat_json_get(v, members[m]), depth - 1);
}

static const char *joined(const apr_array_header_t *texts, apr_pool_t *p)
{
    return texts->nelts ? apr_array_pstrcat(p, texts, '\n') : NULL;
}

static const char *of_json(const chat_json_t *v, apr_pool_t *p)
{
    apr_array_header_t *texts = apr_array_make(p, 4, sizeof(const char *));

    collect(texts, v, DEPTH);
    return joined(texts, p);
}

static const char *of_turn(const chat_turn_t *turn, apr_pool_t *p)
{
    int i;

    for (i = turn->nmessages - 1; i >= 0; i--) {
        const chat_message_t *m = &turn->messages[i];

        if (m->role == CHAT_ROLE_USER)
            return m->content ? apr_pstrdup(p, m->content)
                              : of_json(m->parts, p);
    }
    return NULL;
}

const char *chat_run_hook_question(const chat_run_t *run, apr_pool_t *p)
{
    const chat_turn_t *turn = &run->request.turn;

    return turn->native ? of_json(chat_request_prompt(turn->native, NULL), p)
                        : of_turn(turn, p);
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

int chat_run_hook_may_change(const chat_run_t *run)
{
    return run->tap_state[CHAT_TAP_hook] && !run->kept &&
           run->request.turn.nmessages > 0 &&
           run->request.turn.messages[run->request.turn.nmessages - 1].role ==
               CHAT_ROLE_USER &&
           run->request.turn.messages[run->request.turn.nmessages - 1].content;
}
