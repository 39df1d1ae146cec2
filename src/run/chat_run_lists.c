/* SPDX-License-Identifier: Apache-2.0 */
/* Lists and what they find: see chat_run_lists.h. */
#include "chat_run_lists.h"

#include <apr_strings.h>

void chat_run_lists_init(chat_run_lists_t *lists, chat_run_t *run, int output)
{
    const apr_array_header_t *all = run->conf->moderation.lists;
    const int in =
        output ? CHAT_MODERATION_IN_OUTPUT : CHAT_MODERATION_IN_INPUT;
    int i;

    memset(lists, 0, sizeof(*lists));
    lists->run = run;
    lists->output = output;
    lists->lists = apr_palloc(run->r->pool, all->nelts * sizeof(*lists->lists));
    lists->confs = apr_palloc(run->r->pool, all->nelts * sizeof(*lists->confs));
    for (i = 0; i < all->nelts; i++) {
        const chat_moderation_conf_t *conf =
            APR_ARRAY_IDX(all, i, const chat_moderation_conf_t *);

        if (!(conf->in & in))
            continue;
        lists->confs[lists->n] = conf;
        lists->lists[lists->n++] = conf->list;
    }
}

/* A list that cannot look for something lets nothing in; an answer that is paid
 * for goes on. */
static int fails_closed(const chat_moderation_conf_t *conf, int output)
{
    return conf->fail == CHAT_MODERATION_FAIL_CLOSED ||
           (conf->fail == CHAT_MODERATION_FAIL_USUAL && !output);
}

/* What is found where nothing can be put in its place must not go on. */
static chat_moderation_e find_action(const chat_run_lists_t *lists,
                                     const chat_moderation_hit_t *hit)
{
    const chat_moderation_conf_t *conf = lists->confs[hit->list];

    if (hit->error)
        return fails_closed(conf, lists->output) ? CHAT_MODERATION_BLOCK
                                                 : CHAT_MODERATION_PASS;
    return conf->action == CHAT_MODERATION_REPLACE &&
                   (lists->rigid || hit->rigid)
               ? CHAT_MODERATION_BLOCK
               : conf->action;
}

static void describe(chat_run_verdict_t *verdict, const chat_run_lists_t *lists,
                     const chat_moderation_hit_t *hit, chat_moderation_e action)
{
    static const chat_run_verdict_t none = CHAT_RUN_VERDICT_NONE;
    const chat_moderation_conf_t *conf = lists->confs[hit->list];
    apr_pool_t *p = lists->run->r->pool;

    *verdict = none;
    verdict->action = hit->error ? CHAT_MODERATION_ERROR : action;
    verdict->output = lists->output;
    verdict->by = conf->name;
    verdict->slot = conf->slot;
    verdict->rule = apr_itoa(p, hit->line);
    verdict->category = conf->name;
    verdict->reason =
        apr_pstrcat(p, lists->output ? "The answer" : "The text",
                    " has something of the list ", conf->name, ".", NULL);
}

chat_moderation_e chat_run_lists_hit(chat_run_lists_t *lists,
                                     const chat_moderation_hit_t *hit)
{
    chat_moderation_e action = find_action(lists, hit);
    apr_uint64_t *told = hit->error ? &lists->failed : &lists->found;
    const apr_uint64_t bit = (apr_uint64_t)1 << hit->list;
    chat_run_verdict_t verdict;

    lists->stopped |= action == CHAT_MODERATION_BLOCK;
    if (lists->quiet)
        return action;
    if ((*told & bit) && action != CHAT_MODERATION_BLOCK)
        return action;
    *told |= bit;
    describe(&verdict, lists, hit, action);
    chat_run_verdict_note(lists->run, &verdict, hit->text, hit->len);
    if (action == CHAT_MODERATION_BLOCK)
        lists->verdict = verdict;
    return action;
}

void chat_run_lists_end(chat_run_lists_t *lists)
{
    int i;

    for (i = 0; i < lists->n; i++) {
        chat_run_verdict_t verdict = CHAT_RUN_VERDICT_NONE;

        if ((lists->found | lists->failed) & (apr_uint64_t)1 << i)
            continue;
        verdict.action = CHAT_MODERATION_PASS;
        verdict.output = lists->output;
        verdict.by = lists->confs[i]->name;
        verdict.slot = lists->confs[i]->slot;
        chat_run_verdict_note(lists->run, &verdict, NULL, 0);
    }
}
