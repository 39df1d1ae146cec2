/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A title that a model has made, looked at by lists of answers: one that has
 * something to be blocked, or replaced, is none. No run belongs to it, so that
 * it is counted and in no log of a request. A thread that may wait.
 */
#include "chat_run_lists.h"

#include <string.h>

typedef struct title_t {
    const apr_array_header_t *confs;
    apr_uint64_t told; /* bits: of which lists something was */
    int refused;
} title_t;

static const chat_moderation_conf_t *conf_at(const apr_array_header_t *confs,
                                             int i)
{
    return APR_ARRAY_IDX(confs, i, const chat_moderation_conf_t *);
}

static void count(const chat_moderation_conf_t *conf, chat_moderation_e action)
{
    chat_telemetry_moderation_count(conf->slot, 1, action);
    chat_telemetry_count_moderation(conf->name,
                                    chat_telemetry_moderation_name(action));
}

static void pass(void *ctx, const char *text, apr_size_t len)
{
}

static chat_moderation_e hit(void *ctx, const chat_moderation_hit_t *found)
{
    title_t *title = ctx;
    const chat_moderation_conf_t *conf = conf_at(title->confs, found->list);
    const apr_uint64_t bit = (apr_uint64_t)1 << found->list;
    chat_moderation_e action =
        found->error ? CHAT_MODERATION_ERROR : conf->action;

    if (!(title->told & bit))
        count(conf, action == CHAT_MODERATION_REPLACE ? CHAT_MODERATION_BLOCK
                                                      : action);
    title->told |= bit;
    title->refused |= found->error ? conf->fail == CHAT_MODERATION_FAIL_CLOSED
                                   : action != CHAT_MODERATION_FLAG;
    return CHAT_MODERATION_FLAG;
}

apr_array_header_t *chat_run_lists_of_titles(const chat_dir_conf_t *conf,
                                             apr_pool_t *p)
{
    const apr_array_header_t *all = conf->moderation.lists;
    apr_array_header_t *some =
        apr_array_make(p, all->nelts, sizeof(const chat_moderation_conf_t *));
    int i;

    for (i = 0; i < all->nelts; i++)
        if (conf_at(all, i)->in & CHAT_MODERATION_IN_OUTPUT)
            APR_ARRAY_PUSH(some, const chat_moderation_conf_t *) =
                conf_at(all, i);
    return some;
}

int chat_run_lists_allow_title(const apr_array_header_t *confs,
                               const char *text, apr_pool_t *p)
{
    static const chat_moderation_sink_t sink = {pass, hit};
    const chat_moderation_list_t **lists =
        apr_palloc(p, (confs->nelts + 1) * sizeof(*lists));
    title_t title = {.confs = confs};
    chat_moderation_watch_t *watch;
    int i;

    for (i = 0; i < confs->nelts; i++)
        lists[i] = conf_at(confs, i)->list;
    if (!confs->nelts)
        return 1;
    watch = chat_moderation_watch_create(
        lists, confs->nelts, CHAT_MODERATION_WHOLE, &sink, &title, p);
    chat_moderation_watch_feed(watch, text, strlen(text));
    chat_moderation_watch_end(watch);
    for (i = 0; i < confs->nelts; i++)
        if (!(title.told & (apr_uint64_t)1 << i))
            count(conf_at(confs, i), CHAT_MODERATION_PASS);
    return !title.refused;
}
