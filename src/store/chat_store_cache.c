/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One of httpd's shared object caches (mod_socache_*) with the mutex that it
 * needs. Neighbours: chat_store_context.c here, the session cache of auth/.
 * Start-up steps, then the threads of all children at once.
 */
#include "chat_store.h"

#include <string.h>

#include <ap_provider.h>
#include <ap_socache.h>
#include <util_mutex.h>
#include <apr_global_mutex.h>
#include <apr_network_io.h>
#include <apr_strings.h>

#include "chat_crypto.h"

/* Read-only after the start. */
struct chat_store_cache_t {
    const ap_socache_provider_t *provider;
    ap_socache_instance_t *instance;
    server_rec *s;
    apr_global_mutex_t *mutex; /* NULL: none is needed */
    int safe;                  /* the provider has a lock of its own */
};

/* What is put to see whether the cache is there. No digest of a session. */
static const unsigned char ping_key[CHAT_SHA256_LEN] = "ping";

#define PING_KEEPS apr_time_from_sec(60)

apr_status_t chat_store_cache_register(const char *mutex, apr_pool_t *pconf)
{
    return ap_mutex_register(pconf, mutex, NULL, APR_LOCK_DEFAULT, 0);
}

/* ---- at start-up ---- */

static const ap_socache_provider_t *
find_provider(const chat_store_cache_conf_t *conf, const char **pwhy,
              apr_pool_t *p)
{
    const ap_socache_provider_t *provider = ap_lookup_provider(
        AP_SOCACHE_PROVIDER_GROUP, conf->store, AP_SOCACHE_PROVIDER_VERSION);

    if (!provider)
        *pwhy = apr_psprintf(p, "%s needs mod_socache_%s, which is not loaded",
                             conf->store, conf->store);
    return provider;
}

/* Of the two that take a path and, in brackets, a size: the folder has to be
 * there, or NULL. */
static const char *missing_folder(const char *args, apr_pool_t *p)
{
    const char *path = apr_pstrmemdup(p, args, strcspn(args, "("));
    apr_finfo_t info;

    path = ap_runtime_dir_relative(p, path);
    path = path ? ap_make_dirstr_parent(p, path) : NULL;
    return path && apr_stat(&info, path, APR_FINFO_TYPE, p) != APR_SUCCESS
               ? path
               : NULL;
}

/* "host:port,host:port", as memcache and redis have it. */
static int are_servers(const char *args, apr_pool_t *p)
{
    char *rest = apr_pstrdup(p, args), *last, *word, *host, *scope;
    apr_port_t port;
    int n = 0;

    for (word = apr_strtok(rest, ",", &last); word;
         word = apr_strtok(NULL, ",", &last), n++) {
        if (apr_parse_addr_port(&host, &scope, &port, word, p) != APR_SUCCESS ||
            !host || scope || (*word != '[' && strchr(host, ':')))
            return 0;
    }
    return n > 0;
}

apr_status_t chat_store_cache_check(const chat_store_cache_conf_t *conf,
                                    const char **pwhy, apr_pool_t *p)
{
    const char *args = conf->args ? conf->args : "", *why;
    int in_memory = !strcmp(conf->store, "shmcb");
    ap_socache_instance_t *instance;
    const ap_socache_provider_t *provider = find_provider(conf, pwhy, p);

    if (!provider)
        return APR_ENOTIMPL;
    why = provider->create(&instance, conf->args, p, p);
    if (!why && *args && (in_memory || !strcmp(conf->store, "dbm"))) {
        why = missing_folder(args, p);
        if (why)
            why = apr_pstrcat(p, "there is no folder ", why, NULL);
        in_memory = in_memory && why; /* the file is a name only */
    }
    else if (!why &&
             (!strcmp(conf->store, "redis") ||
              !strcmp(conf->store, "memcache")) &&
             !are_servers(args, p))
        why = "write HOST:PORT, or several with commas between them";
    else
        in_memory = 0;
    if (!why)
        return APR_SUCCESS;
    *pwhy = apr_psprintf(p, "%s refuses \"%s\": %s", conf->store, args, why);
    return in_memory ? APR_INCOMPLETE : APR_EINVAL;
}

static apr_status_t destroy(void *data)
{
    chat_store_cache_t *cache = data;

    cache->provider->destroy(cache->instance, cache->s);
    return APR_SUCCESS;
}

/* The cache itself, as the provider makes it. */
static apr_status_t open_instance(chat_store_cache_t *cache,
                                  const chat_store_cache_conf_t *conf,
                                  const char **pwhy, apr_pool_t *pconf)
{
    const ap_socache_provider_t *provider = cache->provider;
    const char *args = conf->args ? conf->args : "", *why;
    struct ap_socache_hints hints = {.avg_id_len = CHAT_SHA256_LEN,
                                     .avg_obj_size = conf->usual,
                                     .expiry_interval = conf->keeps};
    apr_status_t rv;

    why = provider->create(&cache->instance, conf->args, pconf, pconf);
    if (why) {
        *pwhy = apr_psprintf(pconf, "%s refuses \"%s\": %s", conf->store, args,
                             why);
        return APR_EINVAL;
    }
    rv = provider->init(cache->instance, conf->name, &hints, cache->s, pconf);
    if (rv != APR_SUCCESS) {
        *pwhy = apr_psprintf(pconf, "%s cannot be opened with \"%s\"",
                             conf->store, args);
        return rv;
    }
    apr_pool_cleanup_register(pconf, cache, destroy, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

apr_status_t chat_store_cache_open(chat_store_cache_t **pcache,
                                   const chat_store_cache_conf_t *conf,
                                   const char **pwhy, server_rec *s,
                                   apr_pool_t *pconf)
{
    chat_store_cache_t *cache = apr_pcalloc(pconf, sizeof(*cache));
    apr_status_t rv;

    *pcache = NULL;
    cache->s = s;
    cache->provider = find_provider(conf, pwhy, pconf);
    if (!cache->provider)
        return APR_ENOTIMPL;
    cache->safe = !(cache->provider->flags & AP_SOCACHE_FLAG_NOTMPSAFE);
    if (!cache->safe || conf->changes) {
        rv = ap_global_mutex_create(&cache->mutex, NULL, conf->mutex, NULL, s,
                                    pconf, 0);
        if (rv != APR_SUCCESS) {
            *pwhy = apr_psprintf(pconf, "%s has no mutex %s", conf->store,
                                 conf->mutex);
            return rv;
        }
    }
    rv = open_instance(cache, conf, pwhy, pconf);
    if (rv == APR_SUCCESS)
        *pcache = cache;
    return rv;
}

apr_status_t chat_store_cache_child_init(chat_store_cache_t *cache,
                                         apr_pool_t *pchild)
{
    if (!cache->mutex)
        return APR_SUCCESS;
    return apr_global_mutex_child_init(
        &cache->mutex, apr_global_mutex_lockfile(cache->mutex), pchild);
}

static int needs_lock(const chat_store_cache_t *cache,
                      chat_store_cache_use_e use)
{
    return !cache->safe || use == CHAT_STORE_CACHE_CHANGE;
}

apr_status_t chat_store_cache_lock(chat_store_cache_t *cache,
                                   chat_store_cache_use_e use)
{
    return needs_lock(cache, use) ? apr_global_mutex_lock(cache->mutex)
                                  : APR_SUCCESS;
}

void chat_store_cache_unlock(chat_store_cache_t *cache,
                             chat_store_cache_use_e use)
{
    if (needs_lock(cache, use))
        apr_global_mutex_unlock(cache->mutex);
}

apr_status_t chat_store_cache_get(chat_store_cache_t *cache, server_rec *s,
                                  const unsigned char *key, unsigned char *data,
                                  apr_size_t *plen, apr_pool_t *p)
{
    unsigned int len = (unsigned int)*plen;
    apr_status_t rv = cache->provider->retrieve(cache->instance, s, key,
                                                CHAT_SHA256_LEN, data, &len, p);

    *plen = len;
    /* mod_socache_dbm says APR_EGENERAL where others say APR_NOTFOUND; from
     * those it is an answer that is none. */
    if (rv == APR_EGENERAL && !cache->safe)
        return APR_NOTFOUND;
    return APR_STATUS_IS_ENOMEM(rv) ? APR_ENOSPC : rv;
}

apr_status_t chat_store_cache_put(chat_store_cache_t *cache, server_rec *s,
                                  const unsigned char *key, apr_time_t until,
                                  const unsigned char *data, apr_size_t len,
                                  apr_pool_t *p)
{
    /* No provider changes what it is given to store. */
    return cache->provider->store(cache->instance, s, key, CHAT_SHA256_LEN,
                                  until, (unsigned char *)data,
                                  (unsigned int)len, p);
}

/* Shared memory and files are never away; a server is asked to take
 * something, because only then it has to answer. */
apr_status_t chat_store_cache_ping(chat_store_cache_t *cache, server_rec *s,
                                   apr_pool_t *p)
{
    static const unsigned char nothing = 0;

    if (!cache->safe)
        return APR_SUCCESS;
    return chat_store_cache_put(cache, s, ping_key, apr_time_now() + PING_KEEPS,
                                &nothing, sizeof(nothing), p);
}
