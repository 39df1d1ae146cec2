/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions remembered for a few seconds (ChatAuthCache), in any of httpd's
 * shared object caches (ChatAuthCacheStore), so that not every request asks
 * the database. Called by chat_auth_session.c. Request threads of all
 * children at once, under one mutex where the cache needs it; the start-up
 * steps at the end.
 *
 * The time of ChatAuthCache is a promise: a session that was revoked is good
 * for no longer than that. So an entry carries its own end, whatever the cache
 * makes of the time it is given. What is not a session is never remembered.
 */
#include "chat_auth_int.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_crypto.h"
#include "chat_log.h"

#define MUTEX_TYPE "chat-session-cache"
#define CACHE_NAME "chat-session"
#define DEFAULT_STORE "shmcb"

/* A longer entry (an enormous user id) is not remembered. */
#define ENTRY_MAX 1024
#define ENTRY_MAGIC 0x63733032 /* another layout needs another number */

typedef struct entry_t {
    apr_uint32_t magic;
    apr_uint32_t banned;
    apr_uint32_t id_len;   /* with the NUL */
    apr_uint32_t role_len; /* with the NUL; 0: no role */
    apr_uint32_t tier_len; /* with the NUL; 0: no tier */
    apr_time_t until;
    apr_time_t expires;
    /* id, role and tier follow */
} entry_t;

/* Set at start-up, read-only afterwards. NULL: nothing is remembered. */
static chat_store_cache_t *cache;
static const char *store;

/*
 * The entry's name: a digest, so that no token lies in shared memory. The
 * same statement means another database in another virtual host.
 */
static apr_status_t make_key(unsigned char key[CHAT_SHA256_LEN], request_rec *r,
                             const char *token)
{
    const server_rec *s = r->server;
    const char *text =
        apr_pstrcat(r->pool, s->defn_name ? s->defn_name : "", ":",
                    apr_off_t_toa(r->pool, s->defn_line_number), "\n",
                    s->server_hostname ? s->server_hostname : "", ":",
                    apr_off_t_toa(r->pool, s->port), "\n",
                    chat_config_server(s)->auth.session_sql, "\n", token, NULL);

    return chat_crypto_sha256(key, text, strlen(text));
}

static int is_on(const request_rec *r)
{
    const chat_server_conf_t *conf = chat_config_server(r->server);

    return cache && conf->auth.session_cache > 0 && conf->auth.session_sql;
}

/* The next text of an entry, NULL for none. */
static const char *next_text(const unsigned char **data, apr_uint32_t len,
                             apr_pool_t *p)
{
    const char *text = (const char *)*data;

    *data += len;
    return len ? apr_pstrmemdup(p, text, len - 1) : NULL;
}

/* Each text ends where it says: the byte there is its NUL. */
static int is_whole(const entry_t *e, const unsigned char *texts)
{
    const unsigned char *role = texts + e->id_len, *tier = role + e->role_len;

    return role[-1] == '\0' && (!e->role_len || tier[-1] == '\0') &&
           (!e->tier_len || tier[e->tier_len - 1] == '\0');
}

/* The bytes of an entry come from outside this process: trust no length. */
static chat_session_t *unpack(const unsigned char *data, apr_size_t len,
                              apr_pool_t *p)
{
    chat_session_t *session;
    entry_t e;

    if (len < sizeof(e))
        return NULL;
    memcpy(&e, data, sizeof(e));
    data += sizeof(e);
    if (e.magic != ENTRY_MAGIC || e.id_len < 2 || e.id_len > ENTRY_MAX ||
        e.role_len > ENTRY_MAX || e.tier_len > ENTRY_MAX ||
        len != sizeof(e) + e.id_len + e.role_len + e.tier_len ||
        !is_whole(&e, data) || e.until <= apr_time_now())
        return NULL;

    session = apr_pcalloc(p, sizeof(*session));
    session->user_id = next_text(&data, e.id_len, p);
    session->role = next_text(&data, e.role_len, p);
    session->tier = next_text(&data, e.tier_len, p);
    session->expires = e.expires;
    session->banned = e.banned != 0;
    return session;
}

static apr_uint32_t text_len(const char *text)
{
    size_t len = text ? strlen(text) + 1 : 0;

    return len > ENTRY_MAX ? ENTRY_MAX + 1 : (apr_uint32_t)len;
}

/* The number of bytes in data, or 0 when they would be too many. */
static unsigned int pack(unsigned char data[ENTRY_MAX],
                         const chat_session_t *session, apr_time_t until)
{
    unsigned char *at = data + sizeof(entry_t);
    entry_t e;

    memset(&e, 0, sizeof(e));
    e.magic = ENTRY_MAGIC;
    e.banned = session->banned != 0;
    e.id_len = text_len(session->user_id);
    e.role_len = text_len(session->role);
    e.tier_len = text_len(session->tier);
    e.until = until;
    e.expires = session->expires;
    if (sizeof(e) + e.id_len + e.role_len + e.tier_len > ENTRY_MAX)
        return 0;
    memcpy(data, &e, sizeof(e));
    memcpy(at, session->user_id, e.id_len);
    at += e.id_len;
    if (e.role_len)
        memcpy(at, session->role, e.role_len);
    at += e.role_len;
    if (e.tier_len)
        memcpy(at, session->tier, e.tier_len);
    at += e.tier_len;
    return (unsigned int)(at - data);
}

chat_session_t *chat_auth_cache_get(request_rec *r, const char *token)
{
    unsigned char key[CHAT_SHA256_LEN], data[ENTRY_MAX];
    apr_size_t len = sizeof(data);
    chat_session_t *session = NULL;
    apr_status_t rv;

    if (!is_on(r) || make_key(key, r, token) != APR_SUCCESS)
        return NULL;

    rv = chat_store_cache_lock(cache, CHAT_STORE_CACHE_ONCE);
    if (rv == APR_SUCCESS) {
        rv = chat_store_cache_get(cache, r->server, key, data, &len, r->pool);
        chat_store_cache_unlock(cache, CHAT_STORE_CACHE_ONCE);
    }
    if (rv == APR_SUCCESS)
        session = unpack(data, len, r->pool);
    else if (!APR_STATUS_IS_NOTFOUND(rv))
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, CHAT_LOG_STATUS(rv), r,
                      CHATNO(0308) "the session cache %s does not answer: the "
                                   "database is asked",
                      store);
    ap_log_rerror(APLOG_MARK, APLOG_DEBUG, 0, r,
                  CHATNO(0309) "session cache: %s", session ? "hit" : "miss");
    return session;
}

void chat_auth_cache_put(request_rec *r, const char *token,
                         const chat_session_t *session)
{
    unsigned char key[CHAT_SHA256_LEN], data[ENTRY_MAX];
    apr_time_t until;
    unsigned int len;
    apr_status_t rv;

    if (!is_on(r) || make_key(key, r, token) != APR_SUCCESS)
        return;
    until =
        apr_time_now() +
        apr_time_from_sec(chat_config_server(r->server)->auth.session_cache);
    if (until > session->expires)
        until = session->expires;
    len = pack(data, session, until);
    if (len == 0)
        return;

    rv = chat_store_cache_lock(cache, CHAT_STORE_CACHE_ONCE);
    if (rv == APR_SUCCESS) {
        rv = chat_store_cache_put(cache, r->server, key, until, data, len,
                                  r->pool);
        chat_store_cache_unlock(cache, CHAT_STORE_CACHE_ONCE);
    }
    if (rv != APR_SUCCESS)
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, CHAT_LOG_STATUS(rv), r,
                      CHATNO(0310) "the session cache %s did not take a "
                                   "session",
                      store);
}

/* ---- start-up ---- */

int chat_auth_cache_pre_config(apr_pool_t *pconf, apr_pool_t *plog)
{
    apr_status_t rv = chat_store_cache_register(MUTEX_TYPE, pconf);

    cache = NULL;
    if (rv == APR_SUCCESS)
        return OK;
    ap_log_perror(APLOG_MARK, APLOG_CRIT, rv, plog,
                  CHATNO(0311) "cannot register the mutex " MUTEX_TYPE);
    return HTTP_INTERNAL_SERVER_ERROR;
}

static int is_wanted(server_rec *s)
{
    for (; s; s = s->next) {
        if (chat_config_server(s)->auth.session_cache > 0)
            return 1;
    }
    return 0;
}

static chat_store_cache_conf_t conf_of(server_rec *s)
{
    const chat_server_auth_t *auth = &chat_config_server(s)->auth;

    return (chat_store_cache_conf_t){
        .store = auth->cache_store ? auth->cache_store : DEFAULT_STORE,
        .args = auth->cache_args,
        .name = CACHE_NAME,
        .mutex = MUTEX_TYPE,
        .usual = sizeof(entry_t) + 40,
        .keeps = apr_time_from_sec(30)};
}

static apr_status_t refuse(apr_status_t rv, const char *why, server_rec *s)
{
    const chat_store_cache_conf_t conf = conf_of(s);

    if (rv == APR_ENOTIMPL)
        ap_log_error(APLOG_MARK, APLOG_CRIT | APLOG_STARTUP, 0, s,
                     CHATNO(0314) "ChatAuthCache needs mod_socache_%s: load "
                                  "it, or name another store in "
                                  "ChatAuthCacheStore",
                     conf.store);
    else
        ap_log_error(APLOG_MARK, APLOG_CRIT | APLOG_STARTUP,
                     rv == APR_EINVAL ? 0 : rv, s,
                     CHATNO(0312) "ChatAuthCacheStore: %s", why);
    return rv;
}

apr_status_t chat_auth_cache_check_config(apr_pool_t *p, server_rec *s)
{
    const chat_store_cache_conf_t conf = conf_of(s);
    const char *why;
    apr_status_t rv;

    if (!is_wanted(s))
        return APR_SUCCESS;
    rv = chat_store_cache_check(&conf, &why, p);
    if (rv == APR_INCOMPLETE) {
        ap_log_error(APLOG_MARK, CHAT_LOG_ADVICE(APLOG_WARNING), 0, s,
                     CHATNO(0316) "ChatAuthCacheStore: %s", why);
        return APR_SUCCESS;
    }
    return rv == APR_SUCCESS ? rv : refuse(rv, why, s);
}

apr_status_t chat_auth_cache_post_config(apr_pool_t *pconf, server_rec *s)
{
    const chat_store_cache_conf_t conf = conf_of(s);
    const char *why;
    apr_status_t rv;

    if (!is_wanted(s))
        return APR_SUCCESS;
    store = conf.store;
    rv = chat_store_cache_open(&cache, &conf, &why, s, pconf);
    return rv == APR_SUCCESS ? rv : refuse(rv, why, s);
}

/* Without its mutex the cache would be torn: then it is not used at all. */
void chat_auth_cache_child_init(apr_pool_t *pchild, server_rec *s)
{
    apr_status_t rv;

    if (!cache)
        return;
    rv = chat_store_cache_child_init(cache, pchild);
    if (rv != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_ERR, CHAT_LOG_STATUS(rv), s,
                     CHATNO(0315) "the mutex " MUTEX_TYPE " cannot be used: "
                                  "sessions are not remembered");
        cache = NULL;
    }
}
