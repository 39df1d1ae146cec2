/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What was said before in a session (ChatContext), kept in one of httpd's
 * shared object caches (ChatContextStore) under a digest of whose session it
 * is. Called by run/. Neighbours: chat_store_context_entry.c for the bytes,
 * chat_store_cache.c for the cache. Request threads and workers of all
 * children at once; the start-up steps at the end.
 */
#include "chat_store.h"

#include <string.h>

#include <http_config.h>
#include <http_core.h>
#include <apr_strings.h>

#include "chat_config.h"
#include "chat_crypto.h"
#include "chat_ctx.h"
#include "chat_log.h"
#include "chat_scratch.h"
#include "chat_store_context_entry.h"
#include "chat_store_int.h"
#include "chat_types.h"

#define MUTEX_TYPE "chat-context"
#define CACHE_NAME "chat-context"

/* What is used where no ChatContextStore is written. shmcb cuts this into 32
 * parts, and one entry has to fit into one of them. */
#define DEFAULT_STORE "shmcb"
#define DEFAULT_ARGS "(16777216)"
#define USUAL_ENTRY 2048

/* What ChatContext allows at most, and some for the lengths: of an entry, and
 * of a message in it. */
#define ENTRY_MAX (1024 * 1024 + 64 * 1024)
#define ENTRY_FRAME 1024
#define MESSAGE_FRAME 16

/* Caches count whole seconds; the entry itself knows its end. */
#define LONGER apr_time_from_sec(1)

/* Set at start-up, read-only afterwards. No cache: no session is kept. */
static chat_store_cache_t *cache;
static const char *store, *why_none;

/* One look at one entry. The pool lasts for that. */
typedef struct entry_t {
    request_rec *r;
    apr_pool_t *pool;
    unsigned char key[CHAT_SHA256_LEN];
    unsigned char *data; /* of size bytes, in pool */
    apr_size_t size;     /* of what this location keeps at most */
    chat_store_bounds_t bounds;
    chat_store_history_t history;
} entry_t;

/*
 * The entry's name: a digest, so that no id lies in the cache. Other sites
 * have other users of the same id. Guests are apart from users, whatever
 * those are called.
 */
static apr_status_t make_key(entry_t *entry, const char *owner,
                             const char *session)
{
    const char *site = entry->r->server->server_hostname;
    const char *text =
        apr_psprintf(entry->pool, "%s\n%s%" APR_SIZE_T_FMT "\n%s%s",
                     site ? site : "", owner ? "user" : "guest",
                     owner ? strlen(owner) : 0, owner ? owner : "", session);

    return chat_crypto_sha256(entry->key, text, strlen(text));
}

static apr_status_t begin(entry_t *entry, request_rec *r, const char *owner,
                          const char *session)
{
    const chat_dir_conf_t *conf = chat_ctx(r)->dir;

    entry->r = r;
    entry->bounds.messages = conf->context.messages;
    entry->bounds.bytes = (apr_size_t)conf->context.bytes;
    entry->bounds.age = conf->context.age;

    entry->size = entry->bounds.bytes + ENTRY_FRAME +
                  (apr_size_t)entry->bounds.messages * MESSAGE_FRAME;
    entry->pool = chat_scratch_pool(r->pool);
    apr_pool_tag(entry->pool, "chat_store_context");
    chat_store_context_entry_none(&entry->history, entry->pool);
    entry->data = apr_palloc(entry->pool, entry->size);
    return make_key(entry, owner, session);
}

static void end(entry_t *entry)
{
    apr_pool_destroy(entry->pool);
}

static apr_status_t get(entry_t *entry, apr_size_t *plen)
{
    *plen = entry->size;
    return chat_store_cache_get(cache, entry->r->server, entry->key,
                                entry->data, plen, entry->pool);
}

/* The history as it is in the cache. A missing, a damaged and a foreign entry
 * are the same: nothing was said. One that is larger than what this location
 * keeps is of another one, or of an earlier configuration. Under the cache's
 * lock. */
static apr_status_t fetch(entry_t *entry)
{
    apr_size_t len;
    apr_status_t rv = get(entry, &len);

    if (APR_STATUS_IS_ENOSPC(rv) && entry->size < ENTRY_MAX) {
        entry->size = ENTRY_MAX;
        entry->data = apr_palloc(entry->pool, entry->size);
        rv = get(entry, &len);
    }
    if (APR_STATUS_IS_NOTFOUND(rv))
        return chat_store_cache_ping(cache, entry->r->server, entry->pool);
    if (rv != APR_SUCCESS && !APR_STATUS_IS_ENOSPC(rv))
        return rv;
    if (rv != APR_SUCCESS ||
        chat_store_context_entry_read(&entry->history, entry->key, entry->data,
                                      len, entry->pool) != APR_SUCCESS)
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, entry->r,
                      CHATNO(0210) "what is kept of the session cannot be "
                                   "read: it begins anew");
    return APR_SUCCESS;
}

/* Put the history back, as much of it as the cache takes. Under its lock. */
static apr_status_t keep(entry_t *entry)
{
    apr_time_t until = entry->history.last + entry->bounds.age + LONGER;
    const unsigned char *data;
    apr_size_t len;
    apr_status_t rv;

    do {
        rv = chat_store_context_entry_write(&data, &len, entry->key,
                                            &entry->history, entry->pool);
        if (rv == APR_SUCCESS)
            rv = chat_store_cache_put(cache, entry->r->server, entry->key,
                                      until, data, len, entry->pool);
    } while (APR_STATUS_IS_ENOSPC(rv) &&
             chat_store_context_entry_halve(&entry->history));
    return rv;
}

/* ---- reading ---- */

static apr_array_header_t *messages_of(const chat_store_history_t *history,
                                       apr_pool_t *p)
{
    int i, n = history->exchanges->nelts;
    apr_array_header_t *messages =
        apr_array_make(p, 2 * n + 1, sizeof(chat_message_t));

    for (i = 0; i < n; i++) {
        const chat_store_exchange_t *e =
            &APR_ARRAY_IDX(history->exchanges, i, chat_store_exchange_t);
        chat_message_t message = {.role = CHAT_ROLE_USER};

        message.content = apr_pstrmemdup(p, e->question, e->question_len);
        APR_ARRAY_PUSH(messages, chat_message_t) = message;
        message.role = CHAT_ROLE_ASSISTANT;
        message.content = apr_pstrmemdup(p, e->answer, e->answer_len);
        APR_ARRAY_PUSH(messages, chat_message_t) = message;
    }
    return messages;
}

static apr_status_t unavailable(chat_err_t *err, apr_status_t rv)
{
    return chat_err_set(err, rv, HTTP_SERVICE_UNAVAILABLE, "store_unavailable",
                        "What was said before cannot be read right now.");
}

apr_status_t chat_store_context_load(apr_array_header_t **pmessages,
                                     request_rec *r, const char *owner,
                                     const char *session, chat_err_t *err,
                                     apr_pool_t *p)
{
    entry_t entry;
    apr_status_t rv;

    *pmessages = apr_array_make(p, 1, sizeof(chat_message_t));
    if (chat_ctx(r)->dir->context.messages <= 0)
        return APR_SUCCESS;
    if (!cache) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      CHATNO(0211) "ChatContextStore: %s: sessions are refused",
                      why_none);
        return unavailable(err, APR_ENOTIMPL);
    }
    rv = begin(&entry, r, owner, session);
    if (rv == APR_SUCCESS)
        rv = chat_store_cache_lock(cache, CHAT_STORE_CACHE_ONCE);
    if (rv == APR_SUCCESS) {
        rv = fetch(&entry);
        chat_store_cache_unlock(cache, CHAT_STORE_CACHE_ONCE);
    }
    if (rv == APR_SUCCESS) {
        chat_store_context_entry_bound(&entry.history, &entry.bounds,
                                       apr_time_now());
        *pmessages = messages_of(&entry.history, p);
    }
    end(&entry);
    if (rv == APR_SUCCESS)
        return APR_SUCCESS;
    ap_log_rerror(
        APLOG_MARK, APLOG_ERR, CHAT_LOG_STATUS(rv), r,
        CHATNO(0212) "ChatContextStore: %s does not say what was said "
                     "before",
        store);
    return unavailable(err, rv);
}

/* ---- writing ---- */

static apr_status_t add(entry_t *entry, const chat_store_exchange_t *exchange)
{
    apr_status_t rv = fetch(entry);

    if (rv != APR_SUCCESS)
        return rv;
    if (!chat_store_context_entry_append(&entry->history, exchange,
                                         &entry->bounds, apr_time_now())) {
        ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, entry->r,
                      CHATNO(0213) "an exchange of %" APR_SIZE_T_FMT
                                   " bytes is not kept in its session: it is "
                                   "half empty, or more than ChatContext says",
                      exchange->question_len + exchange->answer_len);
        if (entry->history.exchanges->nelts == 0)
            return APR_SUCCESS;
    }
    return keep(entry);
}

void chat_store_context_add(request_rec *r, const char *owner,
                            const char *session, const char *question,
                            const char *answer, apr_size_t answer_len)
{
    const chat_store_exchange_t exchange = {question, answer, strlen(question),
                                            answer_len};
    entry_t entry;
    apr_status_t rv;

    if (!cache || chat_ctx(r)->dir->context.messages <= 0)
        return;
    rv = begin(&entry, r, owner, session);
    if (rv == APR_SUCCESS)
        rv = chat_store_cache_lock(cache, CHAT_STORE_CACHE_CHANGE);
    if (rv == APR_SUCCESS) {
        rv = add(&entry, &exchange);
        chat_store_cache_unlock(cache, CHAT_STORE_CACHE_CHANGE);
    }
    end(&entry);
    if (rv != APR_SUCCESS)
        ap_log_rerror(APLOG_MARK, APLOG_ERR, CHAT_LOG_STATUS(rv), r,
                      CHATNO(0214) "ChatContextStore: %s did not keep what was "
                                   "said",
                      store);
}

/* ---- start-up ---- */

static int pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    apr_status_t rv = chat_store_cache_register(MUTEX_TYPE, pconf);

    cache = NULL;
    if (rv == APR_SUCCESS)
        return OK;
    ap_log_perror(APLOG_MARK, APLOG_CRIT, rv, plog,
                  CHATNO(0215) "cannot register the mutex " MUTEX_TYPE);
    return HTTP_INTERNAL_SERVER_ERROR;
}

static chat_store_cache_conf_t conf_of(server_rec *s)
{
    const chat_server_context_t *context = &chat_config_server(s)->context;
    int named = context->store != NULL;

    return (chat_store_cache_conf_t){
        .store = named ? context->store : DEFAULT_STORE,
        .args = named ? context->args : DEFAULT_ARGS,
        .name = CACHE_NAME,
        .mutex = MUTEX_TYPE,
        .usual = USUAL_ENTRY,
        .keeps = apr_time_from_sec(3600),
        .changes = 1};
}

static apr_status_t refuse(apr_status_t rv, const char *why, server_rec *s)
{
    ap_log_error(APLOG_MARK, APLOG_CRIT | APLOG_STARTUP,
                 rv == APR_EINVAL ? 0 : rv, s,
                 CHATNO(0216) "ChatContextStore: %s", why);
    return rv;
}

apr_status_t chat_store_context_check_config(apr_pool_t *p, server_rec *s)
{
    const chat_store_cache_conf_t conf = conf_of(s);
    const char *why;
    apr_status_t rv;

    if (!chat_config_server(s)->context.store)
        return APR_SUCCESS;
    rv = chat_store_cache_check(&conf, &why, p);
    if (rv == APR_INCOMPLETE) {
        ap_log_error(APLOG_MARK, CHAT_LOG_ADVICE(APLOG_WARNING), 0, s,
                     CHATNO(0218) "ChatContextStore: %s", why);
        return APR_SUCCESS;
    }
    return rv == APR_SUCCESS ? rv : refuse(rv, why, s);
}

/* Who names a store wants it. Who does not may have no use for one: then it
 * is missed when there is a session to keep. */
static int post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                       server_rec *s)
{
    const chat_store_cache_conf_t conf = conf_of(s);
    apr_status_t rv;

    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG)
        return OK;
    store = conf.store;
    rv = chat_store_cache_open(&cache, &conf, &why_none, s, pconf);
    if (rv == APR_SUCCESS || !chat_config_server(s)->context.store)
        return OK;
    refuse(rv, why_none, s);
    return HTTP_INTERNAL_SERVER_ERROR;
}

/* Without its mutex the cache would be torn: then it is not used at all. */
static void child_init(apr_pool_t *pchild, server_rec *s)
{
    apr_status_t rv;

    if (!cache)
        return;
    rv = chat_store_cache_child_init(cache, pchild);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, CHAT_LOG_STATUS(rv), s,
                     CHATNO(0217) "the mutex " MUTEX_TYPE " cannot be used: "
                                  "sessions are refused");
        why_none = "the mutex " MUTEX_TYPE " cannot be used";
        cache = NULL;
    }
}

void chat_store_context_register_hooks(apr_pool_t *p)
{
    ap_hook_pre_config(pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(child_init, NULL, NULL, APR_HOOK_MIDDLE);
}
