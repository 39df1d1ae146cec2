/* SPDX-License-Identifier: Apache-2.0 */
/* See chat_run_prompt.h. */
#include "chat_run_prompt.h"

#include <apr_strings.h>

int chat_run_prompt_find(const chat_turn_t *turn, int *pbehind)
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

/* Nothing but what says how to answer follows. */
static int ends_with(const chat_turn_t *turn, int behind)
{
    int i = behind;

    while (i < turn->nmessages && turn->messages[i].role == CHAT_ROLE_SYSTEM)
        i++;
    return behind > 0 && i == turn->nmessages;
}

/* Its texts as they are, and what it has besides as values. */
static void take_turn(chat_run_prompt_t *question, const chat_turn_t *turn,
                      apr_pool_t *p)
{
    apr_array_header_t *texts = apr_array_make(p, 4, sizeof(const char *));
    apr_array_header_t *all = apr_array_make(p, 2, sizeof(const chat_json_t *));
    int behind, i = chat_run_prompt_find(turn, &behind);

    question->ends = ends_with(turn, behind);
    for (; i < behind; i++) {
        const chat_message_t *m = &turn->messages[i];

        if (m->role == CHAT_ROLE_USER && m->content)
            APR_ARRAY_PUSH(texts, const char *) = m->content;
        else if (m->role == CHAT_ROLE_USER && m->parts)
            APR_ARRAY_PUSH(all, const chat_json_t *) = m->parts;
    }
    if (all->nelts)
        APR_ARRAY_PUSH(texts, const char *) =
            chat_request_prompt_text(all, &question->others, p);
    if (texts->nelts)
        question->text = apr_array_pstrcat(p, texts, '\n');
}

void chat_run_prompt(chat_run_prompt_t *question, const chat_run_t *run,
                     apr_pool_t *p)
{
    const chat_turn_t *turn = &run->request.turn;
    const apr_array_header_t *all;

    question->text = NULL;
    question->others = "";
    question->ends = 0;
    if (!turn->native) {
        take_turn(question, turn, p);
        return;
    }
    all = chat_request_prompts(turn->native, &question->ends, p);
    if (all->nelts)
        question->text = chat_request_prompt_text(all, &question->others, p);
}
