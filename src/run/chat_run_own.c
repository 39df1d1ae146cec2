/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of users' own (ChatUserKeys): which candidates are asked with one, and
 * where that key is while they are. It is opened for a call into memory for
 * secrets, and so is the one line of the call that has it; all of that is
 * overwritten when the run is over. See chat_run_int.h.
 */
#include "chat_run_int.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_accounts.h"
#include "chat_log.h"
#include "chat_seal.h"

/* A key's last use is noted no more often, in ms. */
#define USED_EVERY 60000

typedef chat_store_key_t sealed_t;

static chat_store_at_t at_of(const chat_run_t *run)
{
    return (chat_store_at_t){.s = run->r->server,
                             .r = run->r,
                             .p = run->r->pool,
                             .owner = chat_run_owner(run->ctx->user)};
}

static const chat_seal_keys_t *master(const chat_run_t *run)
{
    return chat_config_server(run->r->server)->keys.master;
}

/* ---- which key ---- */

/* Of a provider whose name is not written nobody's key is used. */
static int is_for(const chat_dir_keys_t *conf, const char *provider)
{
    return conf->providers->nelts == 0 ||
           ap_array_str_contains(conf->providers, provider);
}

/* One for an address of the user's own goes nowhere else. */
static const sealed_t *find(const chat_dir_keys_t *conf,
                            const apr_array_header_t *keys,
                            const char *provider)
{
    int i;

    for (i = 0; i < keys->nelts; i++) {
        const sealed_t *key = &APR_ARRAY_IDX(keys, i, sealed_t);

        if (!strcmp(key->provider, provider) &&
            (!key->base_url || conf->baseurl) &&
            (!key->expires || key->expires > chat_store_now()))
            return key;
    }
    return NULL;
}

/* Sealed with an older master key: with the newest, now that it is used. The
 * database may be away for that: it is done the next time, then. */
static void renew(const chat_run_t *run, sealed_t *key)
{
    const chat_store_at_t at = at_of(run);
    const char *newest = chat_seal_keys_newest(master(run), run->r->pool);
    const unsigned char *blob;
    chat_err_t ignored;
    apr_size_t len;
    char *secret;

    if (!strcmp(key->key_id, newest) ||
        chat_seal_open(&secret, master(run), at.owner, key->provider, key->blob,
                       key->blob_len, at.p) != APR_SUCCESS)
        return;
    if (chat_seal_close(&blob, &len, master(run), at.owner, key->provider,
                        secret, at.p) == APR_SUCCESS &&
        chat_store_key_reseal(&at, key, blob, len, newest, &ignored) ==
            APR_SUCCESS) {
        key->blob = blob;
        key->blob_len = len;
        key->key_id = newest;
    }
    chat_seal_free(secret, at.p);
}

static void note_use(const chat_run_t *run, const sealed_t *key)
{
    const chat_store_at_t at = at_of(run);
    chat_err_t ignored;

    if (chat_store_now() - key->last_used >= USED_EVERY)
        chat_store_key_used(&at, key, &ignored);
}

/* An address of the user's own, looked up by a thread that may wait for it. */
static apr_status_t make(chat_run_own_t **pown, chat_run_t *run,
                         const sealed_t *key, chat_err_t *err)
{
    chat_run_own_t *own = apr_pcalloc(run->r->pool, sizeof(*own));
    const char *host;

    own->key = key;
    *pown = own;
    if (!key->base_url)
        return APR_SUCCESS;
    if (chat_request_key_url(&own->url, &host, key->base_url, err,
                             run->r->pool) != APR_SUCCESS)
        return APR_EINVAL;
    return chat_stream_resolve_public(&own->guarded, run->r, host, err);
}

static apr_status_t refuse_rejected(const char *provider, chat_err_t *err,
                                    apr_pool_t *p)
{
    return chat_err_set(err, APR_EINVAL, HTTP_BAD_REQUEST, "user_key_rejected",
                        apr_psprintf(p,
                                     "Your own key for %s is not accepted "
                                     "there: store one that is, or remove it.",
                                     provider));
}

static apr_status_t refuse_missing(const char *provider, chat_err_t *err,
                                   apr_pool_t *p)
{
    return chat_err_set(err, APR_EACCES, HTTP_FORBIDDEN, "user_key_required",
                        apr_psprintf(p,
                                     "A key of your own for %s is needed here: "
                                     "store one first.",
                                     provider));
}

/* The candidate with the user's key, if there is one, and as it was where the
 * house's may be used. *pwhy is of the first that cannot be asked. */
static void add(apr_array_header_t *to, chat_run_t *run,
                const apr_array_header_t *keys, const chat_candidate_t *c,
                chat_err_t *why)
{
    const chat_dir_keys_t *conf = &run->conf->keys;
    const char *name = c->conf->name;
    const sealed_t *key = is_for(conf, name) ? find(conf, keys, name) : NULL;
    chat_err_t err = {0};
    chat_candidate_t own = *c;

    if (key && key->invalid)
        refuse_rejected(name, &err, run->r->pool);
    else if (key && make(&own.own, run, key, &err) == APR_SUCCESS)
        APR_ARRAY_PUSH(to, chat_candidate_t) = own;
    if (!key && conf->mode == CHAT_KEYS_REQUIRE)
        refuse_missing(name, &err, run->r->pool);
    if (key ? conf->fallback : conf->mode == CHAT_KEYS_ALLOW)
        APR_ARRAY_PUSH(to, chat_candidate_t) = *c;
    else if (err.status && !why->status)
        *why = err;
}

/* What begins with the user's key goes on with it: the house does not pay for
 * what has failed at the user's provider, unless it says so. */
static void keep_own(apr_array_header_t *list)
{
    chat_candidate_t *all = (chat_candidate_t *)list->elts;
    int i, kept = 0;

    for (i = 0; i < list->nelts; i++)
        if (all[i].own)
            all[kept++] = all[i];
    list->nelts = kept;
}

static apr_status_t load(apr_array_header_t **pkeys, chat_run_t *run,
                         chat_err_t *err)
{
    const chat_store_at_t at = at_of(run);

    if (at.owner)
        return chat_store_key_list(pkeys, &at, err);
    *pkeys = apr_array_make(run->r->pool, 1, sizeof(sealed_t));
    return APR_SUCCESS;
}

/* Why candidates cannot be asked. */
typedef struct why_t {
    chat_err_t first, spare;
} why_t;

static void choose(apr_array_header_t *list, chat_run_t *run,
                   const apr_array_header_t *keys, why_t *why)
{
    int i;

    for (i = 0; i < run->ncandidates; i++)
        add(list, run, keys, &run->candidates[i],
            i ? &why->spare : &why->first);
    if (!run->conf->keys.fallback && list->nelts &&
        APR_ARRAY_IDX(list, 0, chat_candidate_t).own)
        keep_own(list);
}

static void use(chat_run_t *run, const apr_array_header_t *list)
{
    int i;

    run->candidates = (chat_candidate_t *)list->elts;
    run->ncandidates = list->nelts;
    run->own_only = 1;
    for (i = 0; i < list->nelts; i++) {
        const chat_run_own_t *own = run->candidates[i].own;

        run->own_only &= own != NULL;
        if (!own)
            continue;
        renew(run, (sealed_t *)own->key);
        if (i == 0)
            note_use(run, own->key);
    }
    run->record.model = run->candidates[0].name;
    run->record.provider = run->candidates[0].conf->name;
}

apr_status_t chat_run_own_find(chat_run_t *run, chat_err_t *err)
{
    apr_array_header_t *keys, *list;
    why_t why = {.first = {0}};
    apr_status_t rv;

    if (run->conf->keys.mode == CHAT_KEYS_OFF)
        return APR_SUCCESS;
    rv = load(&keys, run, err);
    if (rv != APR_SUCCESS)
        return rv;
    list = apr_array_make(run->r->pool, 2 * run->ncandidates,
                          sizeof(chat_candidate_t));
    choose(list, run, keys, &why);
    /* What the first one lacks nobody else makes good with other money. */
    if (list->nelts == 0 ||
        (why.first.status && !APR_ARRAY_IDX(list, 0, chat_candidate_t).own)) {
        *err = why.first.status ? why.first : why.spare;
        return APR_EGENERAL;
    }
    use(run, list);
    return APR_SUCCESS;
}

/* ---- open, for a call ---- */

/* Once for each master key that is missing, in this child. */
static void tell_unopened(const chat_run_t *run, const sealed_t *key,
                          apr_status_t rv)
{
    static char told[CHAT_SEAL_ID_SIZE];
    int known = rv == APR_NOTFOUND && !strcmp(told, key->key_id);

    if (rv == APR_NOTFOUND)
        apr_cpystrn(told, key->key_id, sizeof(told));
    ap_log_rerror(APLOG_MARK, known ? APLOG_DEBUG : APLOG_ERR, 0, run->r,
                  CHATNO(0885) "a user's key for %s cannot be opened: %s %s",
                  key->provider,
                  rv == APR_NOTFOUND ? "ChatKeySecret has no key with the id"
                  : rv == APR_ENOMEM ? "there is no memory to do so, for key"
                                     : "it is not what was sealed for this "
                                       "user, with key",
                  key->key_id);
}

apr_status_t chat_run_own_open(chat_run_t *run, chat_err_t *err)
{
    chat_run_own_t *own = run->attempt.candidate->own;
    const sealed_t *key = own->key;
    apr_status_t rv;

    if (own->secret)
        return APR_SUCCESS;
    rv = chat_seal_open(&own->secret, master(run),
                        chat_run_owner(run->ctx->user), key->provider,
                        key->blob, key->blob_len, run->r->pool);
    if (rv == APR_SUCCESS)
        return rv;
    tell_unopened(run, key, rv);
    return chat_err_set(err, rv, HTTP_SERVICE_UNAVAILABLE, "key_unavailable",
                        "Your own key cannot be used right now.");
}

/* ---- lines of a call ---- */

static int has_secret(const chat_run_t *run, const char *line)
{
    const chat_candidate_t *c = run->attempt.candidate;

    return c && c->own && c->own->secret && strstr(line, c->own->secret);
}

const char *chat_run_own_line(chat_run_t *run, const char *line, apr_pool_t *p)
{
    const char *copy =
        has_secret(run, line) ? chat_seal_copy(line, p) : apr_pstrdup(p, line);

    return copy ? copy : "";
}

void chat_run_own_wipe(chat_run_t *run)
{
    const apr_array_header_t *lines = run->call.http.headers;
    int i;

    for (i = 0; lines && i < lines->nelts; i++) {
        char *line = APR_ARRAY_IDX(lines, i, char *);

        if (has_secret(run, line))
            chat_seal_wipe(line, strlen(line));
    }
}

/* ---- the end ---- */

void chat_run_own_mask(const chat_run_t *run)
{
    const chat_attempt_t *attempt = &run->attempt;
    const chat_run_own_t *own = attempt->candidate->own;

    if (own && own->secret && attempt->refusal)
        chat_seal_mask(attempt->refusal, attempt->refusal_len, own->secret);
}

/* A 403 may be about what was asked. */
int chat_run_own_note(const chat_run_t *run, const chat_err_t *refusal)
{
    chat_run_own_t *own = run->attempt.candidate->own;

    if (!own || refusal->cause != CHAT_CAUSE_AUTH)
        return 0;
    own->refused |= run->attempt.status != HTTP_FORBIDDEN;
    return 1;
}

void chat_run_own_mark(const chat_run_t *run)
{
    const chat_store_at_t at = at_of(run);
    chat_err_t ignored;
    int i;

    for (i = 0; i < run->ncandidates; i++) {
        const chat_run_own_t *own = run->candidates[i].own;

        if (own && own->refused)
            chat_store_key_mark(&at, own->key, 1, &ignored);
    }
}

int chat_run_own_refused(chat_run_t *run, chat_err_t *err)
{
    const chat_candidate_t *c = run->attempt.candidate;

    if (!chat_run_own_note(run, err))
        return 0;
    memset(err, 0, sizeof(*err));
    refuse_rejected(c->conf->name, err, run->r->pool);
    return 1;
}

void chat_run_own_forget(chat_run_t *run)
{
    static const apr_array_header_t none;
    chat_attempt_t *attempt = &run->attempt;
    int i, any = 0;

    for (i = 0; i < run->ncandidates; i++)
        any |= run->candidates[i].own && run->candidates[i].own->secret;
    if (!any)
        return;
    chat_run_own_wipe(run);
    /* It may be what was not accepted, word for word. */
    if (attempt->refusal)
        chat_seal_wipe(attempt->refusal, attempt->refusal_len);
    attempt->refusal_len = 0;
    attempt->upstream.key = NULL;
    chat_redact_reset(&run->answer.redact, &none);
    for (i = 0; i < run->ncandidates; i++) {
        if (!run->candidates[i].own)
            continue;
        chat_seal_free(run->candidates[i].own->secret, run->r->pool);
        run->candidates[i].own->secret = NULL;
    }
}
