/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The route of users' own keys: to store one, to hear which there are, never to
 * read one. From the body on a key is in memory for secrets alone. Request
 * thread.
 */
#include "chat_route_keys_check.h"

#include <stdlib.h>
#include <string.h>

#include <httpd.h>
#include <apr_strings.h>

#include "chat_accounts.h"
#include "chat_log.h"
#include "chat_request.h"
#include "chat_route.h"
#include "chat_route_view.h"
#include "chat_seal.h"

#define BODY_MAX 4096

typedef chat_route_rest_t rest_t;

/* What a client says of a key. */
typedef struct wish_t {
    char *key;
    const char *url; /* or NULL */
    apr_int64_t expires;
    int check;
} wish_t;

/* ---- for which providers ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Those of ChatUserKeys, else all that this server has. */
static const apr_array_header_t *names(const rest_t *q)
{
    const chat_dir_keys_t *keys = &q->ctx->dir->keys;
    apr_hash_t *all = q->ctx->server->provider.by_name;
    apr_array_header_t *list;
    apr_hash_index_t *hi;

    if (keys->mode == CHAT_KEYS_OFF || keys->providers->nelts)
        return keys->providers;
    list = apr_array_make(q->p, 8, sizeof(const char *));
    for (hi = all ? apr_hash_first(q->p, all) : NULL; hi;
         hi = apr_hash_next(hi))
        APR_ARRAY_PUSH(list, const char *) = apr_hash_this_key(hi);
    qsort(list->elts, (size_t)list->nelts, sizeof(const char *), by_text);
    return list;
}

static apr_status_t forbid(rest_t *q, const char *message)
{
    return chat_err_set(&q->err, APR_EACCES, HTTP_FORBIDDEN, "keys_forbidden",
                        message);
}

/* That of the path. */
static apr_status_t find_provider(const chat_provider_conf_t **pconf, rest_t *q)
{
    const apr_array_header_t *list = names(q);
    int i;

    if (q->ctx->dir->keys.mode == CHAT_KEYS_OFF)
        return forbid(q, "Keys of your own are not used here.");
    for (i = 0; i < list->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(list, i, const char *), q->ids[0]))
            continue;
        *pconf = chat_config_provider(q->r->server, q->ids[0]);
        if (*pconf)
            return APR_SUCCESS;
    }
    return chat_err_set(&q->err, APR_NOTFOUND, HTTP_NOT_FOUND, "not_found",
                        "There is no such provider here, or none for keys of "
                        "your own.");
}

/* ---- what is told ---- */

static const char *status_of(const chat_store_key_t *key)
{
    return key->invalid ? "invalid" : key->checked ? "ok" : "unchecked";
}

static void put_key(chat_buf_t *out, const chat_store_key_t *key, apr_pool_t *p)
{
    chat_buf_puts(out, "{");
    chat_route_view_string(out, "provider", key->provider);
    chat_route_view_string(out, "last4", *key->last4 ? key->last4 : NULL);
    chat_route_view_at(out, "createdAt", key->created, p);
    chat_route_view_at(out, "updatedAt", key->updated, p);
    chat_route_view_at(out, "lastUsedAt", key->last_used, p);
    chat_route_view_at(out, "expiresAt", key->expires, p);
    chat_route_view_string(out, "status", status_of(key));
    chat_route_view_string(out, "baseUrl", key->base_url);
    chat_buf_puts(out, "}");
}

static apr_status_t list(rest_t *q)
{
    const apr_array_header_t *providers = names(q);
    chat_buf_t *out = apr_palloc(q->p, sizeof(*out));
    apr_array_header_t *rows;
    int i;
    apr_status_t rv = chat_store_key_list(&rows, &q->at, &q->err);

    if (rv != APR_SUCCESS)
        return rv;
    chat_buf_init(out, q->p);
    chat_buf_puts(out, "{\"data\":[");
    for (i = 0; i < rows->nelts; i++) {
        chat_route_view_comma(out, i);
        put_key(out, &APR_ARRAY_IDX(rows, i, chat_store_key_t), q->p);
    }
    chat_buf_puts(out, "],\"providers\":[");
    for (i = 0; i < providers->nelts; i++) {
        chat_route_view_comma(out, i);
        chat_buf_quote(out, APR_ARRAY_IDX(providers, i, const char *));
    }
    chat_buf_puts(out, "]}");
    q->json = chat_route_view_text(out);
    return APR_SUCCESS;
}

/* ---- what is asked ---- */

static apr_status_t invalid(rest_t *q, const char *param, const char *message)
{
    q->err.param = param;
    return chat_err_set(&q->err, APR_EINVAL, HTTP_BAD_REQUEST,
                        "invalid_request", message);
}

static apr_status_t read_expiry(wish_t *wish, rest_t *q, const chat_json_t *v)
{
    const char *text = chat_json_string(v);

    if (!v || chat_json_kind(v) == CHAT_JSON_NULL)
        return APR_SUCCESS;
    wish->expires = text ? chat_request_rest_time(text) : -1;
    if (wish->expires <= chat_store_now())
        return invalid(q, "expiresAt",
                       "\"expiresAt\" is a time in the future, as "
                       "2027-11-28T12:34:56Z.");
    return APR_SUCCESS;
}

static apr_status_t read_url(wish_t *wish, rest_t *q, const chat_json_t *v)
{
    const char *host;

    if (!v || chat_json_kind(v) == CHAT_JSON_NULL)
        return APR_SUCCESS;
    if (!chat_json_string(v))
        return invalid(q, "baseUrl", "\"baseUrl\" is a string.");
    if (!q->ctx->dir->keys.baseurl)
        return forbid(q, "A base URL of your own is not used here.");
    return chat_request_key_url(&wish->url, &host, chat_json_string(v), &q->err,
                                q->p);
}

/* Where the key was, there are only "x" in body now. */
static apr_status_t read_members(wish_t *wish, rest_t *q, const char *body,
                                 apr_size_t len)
{
    static const chat_json_limits_t limits = {BODY_MAX, 8, 100};
    const chat_json_t *v;
    chat_json_t *root;
    apr_status_t rv;

    if (chat_json_parse(&root, body, len, &limits, q->p) != APR_SUCCESS)
        return chat_err_set(&q->err, APR_EINVAL, HTTP_BAD_REQUEST,
                            "invalid_json", "The body is not acceptable JSON.");
    if (!wish->key || !chat_json_string(chat_json_get(root, "key")))
        return invalid(q, "key", "\"key\" is the key, a string.");
    wish->check = 1;
    v = chat_json_get(root, "check");
    if (v && (wish->check = chat_json_boolean(v)) < 0)
        return invalid(q, "check", "\"check\" is true or false.");
    rv = read_expiry(wish, q, chat_json_get(root, "expiresAt"));
    return rv == APR_SUCCESS ? read_url(wish, q, chat_json_get(root, "baseUrl"))
                             : rv;
}

static apr_status_t read_wish(wish_t *wish, rest_t *q)
{
    apr_size_t len = BODY_MAX;
    apr_status_t rv = chat_request_check_type(q->r, &q->err);
    char *body;

    if (rv != APR_SUCCESS)
        return rv;
    body = chat_seal_alloc(BODY_MAX, q->p);
    if (!body)
        return chat_err_set(&q->err, APR_ENOMEM, HTTP_SERVICE_UNAVAILABLE,
                            "out_of_memory",
                            "There is no memory for this request right now.");
    rv = chat_request_read_raw(body, &len, q->r, 1, &q->err);
    if (rv == APR_SUCCESS)
        rv = chat_request_key_take(&wish->key, body, len, &q->err, q->p);
    if (rv == APR_SUCCESS)
        rv = read_members(wish, q, body, len);
    chat_seal_free(body, q->p);
    return rv;
}

/* ---- what it is worth ---- */

/* A key that its provider does not know is not kept. */
static apr_status_t check_new(chat_store_key_t *key, rest_t *q,
                              const chat_provider_conf_t *conf,
                              const wish_t *wish)
{
    chat_provider_check_e verdict;
    apr_status_t rv =
        chat_route_keys_check(&verdict, q, conf, wish->key, wish->url);

    if (rv != APR_SUCCESS)
        return rv;
    switch (verdict) {
    case CHAT_PROVIDER_CHECK_OK:
        key->checked = chat_store_now();
        return APR_SUCCESS;
    case CHAT_PROVIDER_CHECK_LIMITED:
        return APR_SUCCESS;
    case CHAT_PROVIDER_CHECK_INVALID:
        q->err.param = "key";
        return chat_err_set(&q->err, APR_EINVAL, HTTP_BAD_REQUEST,
                            "key_rejected",
                            "The provider does not accept this key.");
    case CHAT_PROVIDER_CHECK_UNKNOWN:
        break;
    }
    return chat_err_set(&q->err, APR_EGENERAL, HTTP_BAD_GATEWAY,
                        "upstream_error",
                        "The provider does not say what the key is worth: try "
                        "again, or store it with \"check\": false.");
}

static apr_status_t seal(chat_store_key_t *key, rest_t *q, const char *secret)
{
    const chat_seal_keys_t *master = q->ctx->server->keys.master;

    if (chat_seal_close(&key->blob, &key->blob_len, master, q->at.owner,
                        key->provider, secret, q->p) != APR_SUCCESS)
        return chat_err_set(&q->err, APR_EGENERAL, HTTP_SERVICE_UNAVAILABLE,
                            "key_unavailable",
                            "Keys cannot be sealed right now.");
    key->key_id = chat_seal_keys_newest(master, q->p);
    key->last4 = chat_request_key_last4(secret, q->p);
    return APR_SUCCESS;
}

static const char *const type_names[] = {
#define CHAT_PROVIDER(id, name, caps) [CHAT_PROVIDER_##id] = name,
#include "chat_provider_list.h"
#undef CHAT_PROVIDER
};

static apr_status_t keep(rest_t *q, const chat_provider_conf_t *conf,
                         const wish_t *wish)
{
    chat_store_key_t key = {.provider = conf->name,
                            .base_url = wish->url,
                            .expires = wish->expires};
    chat_buf_t *out = apr_palloc(q->p, sizeof(*out));
    int created = 0;
    apr_status_t rv = APR_SUCCESS;

    /* Somebody else's server may have keys of any form. */
    if (!wish->url)
        rv = chat_request_key_fits(wish->key, type_names[conf->type], &q->err,
                                   q->p);
    if (rv == APR_SUCCESS && wish->check)
        rv = check_new(&key, q, conf, wish);
    if (rv == APR_SUCCESS)
        rv = seal(&key, q, wish->key);
    if (rv == APR_SUCCESS)
        rv = chat_store_key_put(&created, &key, &q->at, &q->err);
    if (rv != APR_SUCCESS)
        return rv;
    chat_buf_init(out, q->p);
    put_key(out, &key, q->p);
    q->status = created ? HTTP_CREATED : HTTP_OK;
    q->json = chat_route_view_text(out);
    return APR_SUCCESS;
}

static apr_status_t put(rest_t *q)
{
    const chat_provider_conf_t *conf;
    wish_t wish = {0};
    apr_status_t rv = find_provider(&conf, q);

    if (rv == APR_SUCCESS)
        rv = read_wish(&wish, q);
    if (rv == APR_SUCCESS)
        rv = keep(q, conf, &wish);
    chat_seal_free(wish.key, q->p);
    return rv;
}

/* ---- one that is there ---- */

static apr_status_t find_row(const chat_store_key_t **pkey, rest_t *q)
{
    apr_array_header_t *rows;
    apr_status_t rv = chat_store_key_list(&rows, &q->at, &q->err);
    int i;

    for (i = 0; rv == APR_SUCCESS && i < rows->nelts; i++) {
        *pkey = &APR_ARRAY_IDX(rows, i, chat_store_key_t);
        if (!strcmp((*pkey)->provider, q->ids[0]) &&
            (!(*pkey)->expires || (*pkey)->expires > chat_store_now()))
            return APR_SUCCESS;
    }
    return rv != APR_SUCCESS
               ? rv
               : chat_err_set(&q->err, APR_NOTFOUND, HTTP_NOT_FOUND,
                              "not_found",
                              "You have no key for this provider.");
}

static apr_status_t open_row(char **psecret, rest_t *q,
                             const chat_store_key_t *key)
{
    apr_status_t rv =
        chat_seal_open(psecret, q->ctx->server->keys.master, q->at.owner,
                       key->provider, key->blob, key->blob_len, q->p);

    if (rv == APR_SUCCESS)
        return rv;
    ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, q->r,
                  CHATNO(0886) "a user's key for %s, sealed with %s, cannot be "
                               "opened: %s",
                  key->provider, key->key_id,
                  rv == APR_NOTFOUND ? "ChatKeySecret has no key with that id"
                                     : "it is not what was sealed for this "
                                       "user");
    return chat_err_set(&q->err, rv, HTTP_SERVICE_UNAVAILABLE,
                        "key_unavailable",
                        "Your own key cannot be used right now.");
}

static apr_status_t tell(rest_t *q, const chat_store_key_t *key,
                         chat_provider_check_e verdict)
{
    static const char *const texts[] = {
        [CHAT_PROVIDER_CHECK_OK] = "{\"status\":\"ok\"}",
        [CHAT_PROVIDER_CHECK_INVALID] =
            "{\"status\":\"invalid\",\"detail\":\"The provider does not accept "
            "this key.\"}",
        [CHAT_PROVIDER_CHECK_LIMITED] =
            "{\"status\":\"unknown\",\"detail\":\"The key may not list models, "
            "which says nothing of the rest.\"}",
        [CHAT_PROVIDER_CHECK_UNKNOWN] =
            "{\"status\":\"unknown\",\"detail\":\"The provider does not say "
            "what the key is worth.\"}",
    };

    q->json = texts[verdict];
    if (verdict != CHAT_PROVIDER_CHECK_OK &&
        verdict != CHAT_PROVIDER_CHECK_INVALID)
        return APR_SUCCESS;
    return chat_store_key_mark(&q->at, key,
                               verdict == CHAT_PROVIDER_CHECK_INVALID, &q->err);
}

static apr_status_t check(rest_t *q)
{
    chat_provider_check_e verdict;
    const chat_provider_conf_t *conf;
    const chat_store_key_t *key = NULL;
    char *secret = NULL;
    apr_status_t rv = find_provider(&conf, q);

    if (rv == APR_SUCCESS)
        rv = find_row(&key, q);
    /* One for an address of the user's own goes nowhere else. */
    if (rv == APR_SUCCESS && key->base_url && !q->ctx->dir->keys.baseurl)
        rv = forbid(q, "A key for a base URL cannot be checked here.");
    if (rv == APR_SUCCESS)
        rv = open_row(&secret, q, key);
    if (rv != APR_SUCCESS)
        return rv;
    rv = chat_route_keys_check(&verdict, q, conf, secret, key->base_url);
    chat_seal_free(secret, q->p);
    if (rv != APR_SUCCESS)
        verdict = CHAT_PROVIDER_CHECK_UNKNOWN;
    return tell(q, key, verdict);
}

static apr_status_t remove_one(rest_t *q)
{
    return chat_store_key_remove(&q->at, q->ids[0], &q->err);
}

static apr_status_t remove_all(rest_t *q)
{
    int all = 0;
    apr_status_t rv = chat_route_rest_flag(&all, q, "all");

    if (rv == APR_SUCCESS && !all)
        rv = invalid(q, "all", "To remove all keys, say so: all=true.");
    return rv == APR_SUCCESS ? chat_store_key_remove(&q->at, NULL, &q->err)
                             : rv;
}

/* What asks a third party counts for ChatLimit; the rest does not. */
static const chat_route_rest_row_t rows[] = {
    {M_GET, "", list, CHAT_ROUTE_REST_TABLES | CHAT_ROUTE_REST_UNLIMITED},
    {M_PUT, "/$", put, CHAT_ROUTE_REST_TABLES},
    {M_POST, "/$/check", check, CHAT_ROUTE_REST_TABLES},
    {M_DELETE, "/$", remove_one,
     CHAT_ROUTE_REST_TABLES | CHAT_ROUTE_REST_UNLIMITED},
    {M_DELETE, "", remove_all,
     CHAT_ROUTE_REST_TABLES | CHAT_ROUTE_REST_UNLIMITED},
    {0, NULL, NULL, 0},
};

int chat_route_keys(chat_ctx_t *ctx)
{
    return chat_route_rest_serve(ctx, rows);
}
