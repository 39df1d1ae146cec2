/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets of keys from a URL. The document is in memory that all processes share:
 * one of them fetches it, a new one has it at once. Each process makes keys of
 * it when a request needs them for the first time. Who fetches is run/, by the
 * functions of chat_auth.h; who uses them is chat_auth_jwt.c, by those of
 * chat_auth_jwks.h.
 */
#include "chat_auth_jwks.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <http_log.h>
#include <apr_strings.h>

#include "chat_auth.h"
#include "chat_auth_jwks_slot.h"
#include "chat_clock.h"
#include "chat_log.h"
#include "chat_scratch.h"
#include "chat_shared.h"

/* How long a request waits for keys, and how often it looks. */
#define WAIT ((apr_int64_t)1000000)
#define LOOK apr_time_from_msec(10)

/* In shared memory. */
typedef struct entry_t {
    chat_shared_lock_t lock;
    chat_auth_jwks_slot_t slot; /* with the lock; version without it, too */
    apr_size_t len;
    char text[CHAT_AUTH_JWKS_MAX];
} entry_t;

/* What a process has made of one version. */
typedef struct snapshot_t {
    apr_pool_t *pool; /* this and the keys */
    chat_auth_jose_keys_t *keys;
    apr_uint32_t version;
    int holders; /* with the lock of the process */
} snapshot_t;

/* Set before there are threads. */
static entry_t *entries;
static apr_array_header_t *urls; /* const char *, as many as entries */
static snapshot_t **now_used;    /* as many, with the following lock */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void (*wake)(void);

/* Another process died with the lock: the document may be half of one, and is
 * fetched again. */
static void enter(entry_t *e)
{
    if (chat_shared_lock(&e->lock)) {
        e->len = 0;
        e->slot.due = e->slot.leased = 0;
        chat_auth_jwks_slot_turn(&e->slot);
    }
}

static void leave(entry_t *e)
{
    chat_shared_unlock(&e->lock);
}

static apr_uint32_t version_of(const entry_t *e)
{
    return __atomic_load_n(&e->slot.version, __ATOMIC_ACQUIRE);
}

/* ---- those who use them ---- */

/* With the lock of the process. */
static void drop(snapshot_t *s)
{
    if (s && --s->holders == 0)
        apr_pool_destroy(s->pool);
}

/* What is there now; keys is NULL when there is no document. */
static snapshot_t *read_entry(entry_t *e)
{
    apr_pool_t *p;
    snapshot_t *s;
    const char *why;
    char *text;
    apr_size_t len;

    apr_pool_create(&p, chat_scratch());
    s = apr_pcalloc(p, sizeof(*s));
    s->pool = p;
    s->holders = 1;
    enter(e);
    s->version = e->slot.version;
    len = e->len;
    text = apr_pstrmemdup(p, e->text, len);
    leave(e);
    if (len && chat_auth_jose_keys(&s->keys, text, len, &why, p) != APR_SUCCESS)
        s->keys = NULL;
    return s;
}

void chat_auth_jwks_hold(chat_auth_jwks_t *keys, const chat_jwks_conf_t *jwks)
{
    entry_t *e = &entries[jwks->slot];
    snapshot_t *s;

    pthread_mutex_lock(&lock);
    s = now_used[jwks->slot];
    if (!s || s->version != version_of(e)) {
        drop(s);
        s = now_used[jwks->slot] = read_entry(e);
    }
    s->holders++;
    pthread_mutex_unlock(&lock);
    keys->keys = s->keys;
    keys->version = s->version;
    keys->held = s;
}

void chat_auth_jwks_release(chat_auth_jwks_t *keys,
                            const chat_jwks_conf_t *jwks)
{
    pthread_mutex_lock(&lock);
    drop(keys->held);
    pthread_mutex_unlock(&lock);
}

/* 1 while an answer is to come. */
static int ask(entry_t *e)
{
    apr_int64_t now = chat_clock_now();
    int pending, asked = 0;

    enter(e);
    pending = chat_auth_jwks_slot_is_pending(&e->slot, now);
    if (!pending)
        pending = asked = chat_auth_jwks_slot_ask(&e->slot, now);
    leave(e);
    if (asked && wake)
        wake();
    return pending;
}

static apr_status_t outcome_of(entry_t *e)
{
    apr_status_t rv;

    enter(e);
    rv = e->slot.failed ||
                 chat_auth_jwks_slot_is_pending(&e->slot, chat_clock_now())
             ? APR_EAGAIN
             : APR_NOTFOUND;
    leave(e);
    return rv;
}

static int is_pending(entry_t *e)
{
    int pending;

    enter(e);
    pending = chat_auth_jwks_slot_is_pending(&e->slot, chat_clock_now());
    leave(e);
    return pending;
}

apr_status_t chat_auth_jwks_renew(const chat_jwks_conf_t *jwks,
                                  apr_uint32_t version)
{
    entry_t *e = &entries[jwks->slot];
    apr_int64_t until = chat_clock_now() + WAIT;

    if (version_of(e) == version && ask(e))
        while (version_of(e) == version && is_pending(e) &&
               chat_clock_now() < until)
            apr_sleep(LOOK);
    return version_of(e) != version ? APR_SUCCESS : outcome_of(e);
}

/* ---- those who fetch them ---- */

int chat_auth_jwks_count(void)
{
    return urls ? urls->nelts : 0;
}

void chat_auth_jwks_on_due(void (*notify)(void))
{
    wake = notify;
}

const char *chat_auth_jwks_due(int *pi, apr_interval_time_t *pwait)
{
    apr_int64_t wait = 0;
    int i;

    *pwait = CHAT_AUTH_JWKS_CEILING;
    for (i = 0; i < urls->nelts; i++) {
        int mine;

        enter(&entries[i]);
        mine =
            chat_auth_jwks_slot_take(&entries[i].slot, chat_clock_now(), &wait);
        leave(&entries[i]);
        *pi = i;
        if (mine)
            return APR_ARRAY_IDX(urls, i, const char *);
        if (wait < *pwait)
            *pwait = wait;
    }
    return NULL;
}

static void publish(int i, const char *text, apr_size_t len, apr_int64_t age,
                    server_rec *s)
{
    entry_t *e = &entries[i];
    int back;

    enter(e);
    back = !e->slot.version || e->slot.failed;
    memcpy(e->text, text, len);
    e->len = len;
    chat_auth_jwks_slot_fetched(&e->slot, chat_clock_now(), age);
    leave(e);
    ap_log_error(APLOG_MARK, back ? APLOG_INFO : APLOG_DEBUG, 0, s,
                 CHATNO(0347) "the keys of %s have been fetched",
                 APR_ARRAY_IDX(urls, i, const char *));
}

void chat_auth_jwks_failed(int i, const char *why, server_rec *s)
{
    entry_t *e = &entries[i];
    int first, have;

    enter(e);
    first = chat_auth_jwks_slot_failed(&e->slot, chat_clock_now());
    have = e->len > 0;
    leave(e);
    ap_log_error(APLOG_MARK, first ? APLOG_WARNING : APLOG_DEBUG, 0, s,
                 CHATNO(0346) "the keys of %s cannot be fetched: %s; %s",
                 APR_ARRAY_IDX(urls, i, const char *), why,
                 have ? "those from before are used on"
                      : "nobody can be let in by them until they are there");
}

void chat_auth_jwks_fetched(int i, const char *text, apr_size_t len,
                            apr_int64_t age, server_rec *s, apr_pool_t *p)
{
    chat_auth_jose_keys_t *keys;
    const char *why = "it is too long";

    if (len <= CHAT_AUTH_JWKS_MAX &&
        chat_auth_jose_keys(&keys, text, len, &why, p) == APR_SUCCESS)
        publish(i, text, len, age, s);
    else
        chat_auth_jwks_failed(
            i, apr_pstrcat(p, "what came is no JWK set: ", why, NULL), s);
}

/* ---- start-up ---- */

/* Two locations with one URL have one set. */
static int slot_of(const char *url)
{
    int i;

    for (i = 0; i < urls->nelts; i++)
        if (!strcmp(APR_ARRAY_IDX(urls, i, const char *), url))
            return i;
    APR_ARRAY_PUSH(urls, const char *) = url;
    return i;
}

static void number(server_rec *s)
{
    int i;

    for (; s; s = s->next) {
        const apr_array_header_t *sets = chat_config_server(s)->jwt.sets;

        for (i = 0; sets && i < sets->nelts; i++) {
            chat_jwks_conf_t *jwks = APR_ARRAY_IDX(sets, i, chat_jwks_conf_t *);

            if (jwks->url)
                jwks->slot = slot_of(jwks->url);
        }
    }
}

apr_status_t chat_auth_jwks_post_config(apr_pool_t *pconf, server_rec *s)
{
    int i;

    urls = apr_array_make(pconf, 2, sizeof(const char *));
    number(s);
    if (!urls->nelts)
        return APR_SUCCESS;
    now_used = apr_pcalloc(pconf, urls->nelts * sizeof(*now_used));
    entries = chat_shared_create(urls->nelts * sizeof(*entries), pconf);
    for (i = 0; entries && i < urls->nelts; i++)
        if (!chat_shared_lock_init(&entries[i].lock))
            entries = NULL;
    if (entries)
        return APR_SUCCESS;
    ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                 CHATNO(0348) "there is no shared memory for the keys of "
                              "ChatAuthJWKS");
    return APR_EGENERAL;
}
