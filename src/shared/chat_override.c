/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings as this process knows them, see chat_override.h. A copy is made by
 * one thread and is not changed any more; it goes when its home has a newer one
 * and the last request that uses it has ended. What a value means is in
 * chat_override_value.c.
 */
#include "chat_override.h"

#include <string.h>

#include <apr_allocator.h>
#include <apr_hash.h>
#include <apr_strings.h>

#include <pthread.h>

#include "chat_clock.h"

typedef struct chat_override_t {
    apr_pool_t *pool; /* its own */
    apr_hash_t *by_name;
    int revision;
    int uses; /* under the lock: requests, and 1 as long as it is the newest */
} chat_override_t;

typedef struct home_t {
    server_rec *s;
    chat_override_t *newest; /* written under the lock; NULL: none is known */
    apr_int64_t confirmed;   /* atomic: chat_clock_now() then, 0: never */
} home_t;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static home_t *homes; /* nhomes of them */
static int nhomes;

/* ---- copies ---- */

static void release(chat_override_t *copy)
{
    int uses;

    pthread_mutex_lock(&lock);
    uses = --copy->uses;
    pthread_mutex_unlock(&lock);
    if (!uses)
        apr_pool_destroy(copy->pool);
}

static apr_status_t release_it(void *copy)
{
    release(copy);
    return APR_SUCCESS;
}

static home_t *home_of(const server_rec *s)
{
    const server_rec *home = chat_config_admin_home(s);
    int i;

    for (i = 0; home && i < nhomes; i++)
        if (homes[i].s == home)
            return &homes[i];
    return NULL;
}

/* The copy of a request, NULL: nothing is set. */
static chat_override_t *copy_of(chat_ctx_t *ctx)
{
    home_t *home;

    if (ctx->settings_taken)
        return ctx->settings;
    ctx->settings_taken = 1;
    home = home_of(ctx->r->server);
    if (!home || !__atomic_load_n(&home->newest, __ATOMIC_ACQUIRE))
        return NULL;
    pthread_mutex_lock(&lock);
    ctx->settings = home->newest;
    ctx->settings->uses++;
    pthread_mutex_unlock(&lock);
    apr_pool_cleanup_register(ctx->r->pool, ctx->settings, release_it,
                              apr_pool_cleanup_null);
    return ctx->settings;
}

static const char *value_of(chat_ctx_t *ctx, const char *kind, const char *name)
{
    const chat_override_t *copy = copy_of(ctx);

    return copy && apr_hash_count(copy->by_name)
               ? apr_hash_get(copy->by_name,
                              apr_pstrcat(ctx->r->pool, kind, name, NULL),
                              APR_HASH_KEY_STRING)
               : NULL;
}

/* ---- what a request asks ---- */

/* The array of the configuration, unless something is set of one of them. */
static const apr_array_header_t *merge_models(chat_ctx_t *ctx)
{
    const apr_array_header_t *all = chat_config_models(ctx->r->server);
    apr_array_header_t *merged = NULL;
    int i;

    for (i = 0; copy_of(ctx) && i < all->nelts; i++) {
        const chat_model_conf_t *model =
            APR_ARRAY_IDX(all, i, const chat_model_conf_t *);
        const char *value = value_of(ctx, "model:", model->name);

        if (!value)
            continue;
        if (!merged)
            merged = apr_array_copy(ctx->r->pool, all);
        APR_ARRAY_IDX(merged, i, const chat_model_conf_t *) =
            chat_override_read_model(model, value, ctx->r->pool);
    }
    return merged ? merged : all;
}

const apr_array_header_t *chat_override_models(chat_ctx_t *ctx)
{
    if (!ctx->models)
        ctx->models = merge_models(ctx);
    return ctx->models;
}

int chat_override_is_off(chat_ctx_t *ctx, const char *model)
{
    const char *value = value_of(ctx, "model:", model);
    static const chat_model_conf_t any;

    return value && chat_override_read_model(&any, value, ctx->r->pool)->off;
}

const chat_limit_conf_t *chat_override_limit(chat_ctx_t *ctx,
                                             const chat_limit_conf_t *policy)
{
    const char *value = value_of(ctx, "limit:", policy->name);
    double limit = value ? chat_override_read_limit(value, ctx->r->pool) : -1;
    chat_limit_conf_t *now;

    if (limit < 0)
        return policy;
    now = apr_pmemdup(ctx->r->pool, policy, sizeof(*policy));
    now->points =
        chat_override_points(policy, limit, ctx->server->admin.limits);
    return now;
}

void chat_override_user(chat_override_user_t *user, chat_ctx_t *ctx,
                        const char *subject)
{
    apr_int64_t now = apr_time_as_msec(apr_time_now());

    chat_override_read_user(user, value_of(ctx, "user:", subject),
                            ctx->r->pool);
    if (user->tier_until && user->tier_until <= now)
        user->tier = NULL;
    if (user->block_until && user->block_until <= now)
        user->blocked = NULL;
}

/* ---- who reads the database ---- */

apr_status_t chat_override_post_config(apr_pool_t *pconf, server_rec *s)
{
    apr_array_header_t *list = apr_array_make(pconf, 1, sizeof(home_t));

    for (; s; s = s->next) {
        if (chat_config_admin_home(s) == s)
            ((home_t *)apr_array_push(list))->s = s;
    }
    homes = (home_t *)list->elts;
    nhomes = list->nelts;
    return APR_SUCCESS;
}

int chat_override_homes(void)
{
    return nhomes;
}

server_rec *chat_override_home(int i)
{
    return homes[i].s;
}

int chat_override_revision(int i)
{
    int revision;

    pthread_mutex_lock(&lock);
    revision = homes[i].newest ? homes[i].newest->revision : 0;
    pthread_mutex_unlock(&lock);
    return revision;
}

static chat_override_t *make(int revision, const apr_array_header_t *rows)
{
    apr_allocator_t *allocator;
    apr_pool_t *pool;
    chat_override_t *copy;
    int i;

    if (apr_allocator_create(&allocator) != APR_SUCCESS ||
        apr_pool_create_ex(&pool, NULL, NULL, allocator) != APR_SUCCESS)
        return NULL;
    apr_allocator_owner_set(allocator, pool);
    copy = apr_pcalloc(pool, sizeof(*copy));
    copy->pool = pool;
    copy->by_name = apr_hash_make(pool);
    copy->revision = revision;
    copy->uses = 1;
    for (i = 0; i < rows->nelts; i++) {
        const chat_override_row_t *row =
            &APR_ARRAY_IDX(rows, i, chat_override_row_t);

        apr_hash_set(copy->by_name, apr_pstrdup(pool, row->name),
                     APR_HASH_KEY_STRING, apr_pstrdup(pool, row->value));
    }
    return copy;
}

void chat_override_take(int i, int revision, const apr_array_header_t *rows)
{
    chat_override_t *copy = make(revision, rows), *old;

    if (!copy)
        return; /* asked again, as the revision is still another */
    pthread_mutex_lock(&lock);
    old = homes[i].newest;
    __atomic_store_n(&homes[i].newest, copy, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&lock);
    if (old)
        release(old);
}

void chat_override_confirm(int i)
{
    __atomic_store_n(&homes[i].confirmed, chat_clock_now(), __ATOMIC_RELAXED);
}

int chat_override_age(apr_interval_time_t *page, int i)
{
    apr_int64_t at = __atomic_load_n(&homes[i].confirmed, __ATOMIC_RELAXED);

    *page = at ? chat_clock_now() - at : -1;
    return chat_override_revision(i);
}
