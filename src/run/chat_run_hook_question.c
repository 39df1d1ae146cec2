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

static const char *of_native(const chat_json_t *body, apr_pool_t *p)
{
    apr_array_header_t *texts = apr_array_make(p, 4, sizeof(const char *));
    const apr_array_header_t *all = chat_request_prompts(body, p);
    int i;

    for (i = 0; i < all->nelts; i++)
        collect(texts, APR_ARRAY_IDX(all, i, const chat_json_t *), DEPTH);
    return joined(texts, p);
}

/* The messages of the user since the last answer: the first of them and the one
 * behind the last. */
static int find_question(const chat_turn_t *turn, int *pbehind)
{
    int last = turn->nmessages, first;

    while (last > 0 && turn->messages[last - 1].role != CHAT_ROLE_USER)
        last--;
    *pbehind = last;
    for (first = last; first > 0; first--)
        if (turn->messages[first - 1].role == CHAT_ROLE_ASSISTANT)
            break;
    return first;
}

static const char *of_turn(const chat_turn_t *turn, apr_pool_t *p)
{
    apr_array_header_t *texts = apr_array_make(p, 4, sizeof(const char *));
    int behind, i = find_question(turn, &behind);

    for (; i < behind; i++) {
        const chat_message_t *m = &turn->messages[i];

        if (m->role == CHAT_ROLE_USER && m->content)
            APR_ARRAY_PUSH(texts, const char *) = m->content;
        else if (m->role == CHAT_ROLE_USER)
            collect(texts, m->parts, DEPTH);
    }
    return joined(texts, p);
}

const char *chat_run_hook_question(const chat_run_t *run, apr_pool_t *p)
{
    const chat_turn_t *turn = &run->request.turn;

    return turn->native ? of_native(turn->native, p) : of_turn(turn, p);
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
    int behind, i, first = find_question(turn, &behind), n = 0;

    if (!run->tap_state[CHAT_TAP_hook] || run->kept || behind == 0 ||
        behind != turn->nmessages || !turn->messages[behind - 1].content)
        return 0;
    for (i = first; i < behind; i++)
        n += turn->messages[i].role == CHAT_ROLE_USER;
    return n == 1;
}
