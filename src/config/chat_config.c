/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two structures of the configuration: how they start (unset), how they
 * merge, and what they are where nobody wrote anything. The directives that
 * fill them are in chat_config_cmds.c. Config time, but for the getters, which
 * any thread may call: they only read.
 */
#include "chat_config_int.h"

#include <http_log.h>
#include <apr_strings.h>

#include "chat_log.h"

static const chat_dir_conf_t dir_unset = {
    .route = CHAT_ROUTE_NONE,
    .use = NULL,
    .location = NULL,
    .model_default = NULL,
    .allow = NULL,
    .request_native = CHAT_UNSET,
    .retry_attempts = CHAT_UNSET,
    .retry_backoff = CHAT_UNSET,
    .retry_wait = CHAT_UNSET,
    .retry_unsafe = CHAT_UNSET,
    .context_messages = CHAT_UNSET,
    .context_bytes = CHAT_UNSET,
    .context_age = CHAT_UNSET,
    .health = NULL,
    .auth = NULL,
    .secrets = NULL,
    .cookies = NULL,
    .origins = NULL,
    .bearer_unsigned = CHAT_UNSET,
    .body = CHAT_UNSET,
    .depth = CHAT_UNSET,
    .values = CHAT_UNSET,
    .messages = CHAT_UNSET,
    .message_length = CHAT_UNSET,
    .message_count = CHAT_UNSET,
    .total_length = CHAT_UNSET,
    .max_output_tokens = CHAT_UNSET,
    .limits = NULL,
    .exempt = NULL,
    .tier = NULL,
    .heartbeat = CHAT_UNSET,
    .early_headers = CHAT_UNSET,
    .stall = CHAT_UNSET,
    .mock_pace = CHAT_UNSET,
    .mock_words = CHAT_UNSET,
};

static const char *const cookie_names[] = {"__Secure-better-auth.session_token",
                                           "better-auth.session_token"};

/* Arrays that are only read, so that they need no pool. */
static const apr_array_header_t nothing = {.elt_size = sizeof(const char *)};
static const apr_array_header_t no_limits = {
    .elt_size = sizeof(const chat_limit_conf_t *)};
static const apr_array_header_t no_exempt = {.elt_size =
                                                 sizeof(chat_limit_exempt_t)};
static const apr_array_header_t no_allow = {.elt_size =
                                                sizeof(chat_model_allow_t)};
static const apr_array_header_t no_models = {
    .elt_size = sizeof(const chat_model_conf_t *)};
static const apr_array_header_t default_cookies = {
    .elt_size = sizeof(const char *),
    .nelts = 2,
    .nalloc = 2,
    .elts = (char *)cookie_names};

/* The defaults of everything that stands in a directory context, once. */
static const chat_dir_conf_t dir_defaults = {
    .route = CHAT_ROUTE_NONE,
    .use = (apr_array_header_t *)&nothing,
    .location = NULL,
    .model_default = NULL,
    .allow = (apr_array_header_t *)&no_allow,
    .request_native = 0,
    .retry_attempts = 1,
    .retry_backoff = 500 * 1000,
    .retry_wait = 10 * APR_USEC_PER_SEC,
    .retry_unsafe = 0,
    .context_messages = 20,
    .context_bytes = 32 * 1024,
    .context_age = 3600 * APR_USEC_PER_SEC,
    .health = NULL,
    .auth = (apr_array_header_t *)&nothing,
    .secrets = (apr_array_header_t *)&nothing,
    .cookies = (apr_array_header_t *)&default_cookies,
    .origins = (apr_array_header_t *)&nothing,
    .bearer_unsigned = 0,
    .body = 1024 * 1024,
    .depth = 64,
    .values = 10000,
    .messages = 30,
    .message_length = 4000,
    .message_count = CHAT_COUNT_CODEPOINTS,
    .total_length = 40000,
    .max_output_tokens = 16384,
    .limits = (apr_array_header_t *)&no_limits,
    .exempt = (apr_array_header_t *)&no_exempt,
    .tier = NULL,
    .heartbeat = 0,
    .early_headers = 0,
    .stall = 60 * APR_USEC_PER_SEC,
    .mock_pace = 50 * 1000,
    .mock_words = 40,
};

static const chat_server_conf_t server_unset = {
    .providers = NULL,
    .models = NULL,
    .session_sql = NULL,
    .session_cache = CHAT_UNSET,
    .stream_max = CHAT_UNSET,
    .stream_engines = CHAT_UNSET,
    .cache_store = NULL,
    .cache_args = NULL,
    .context_store = NULL,
    .context_args = NULL,
    .redis_url = NULL,
    .redis_user = NULL,
    .redis_ca = NULL,
    .redis_password = NULL,
    .redis_connect = CHAT_UNSET,
    .redis_command = CHAT_UNSET,
    .limit_table = CHAT_UNSET,
    .limit_keys_clear = CHAT_UNSET,
    .needs = NULL,
};

void *chat_config_dir_create(apr_pool_t *p, char *dir)
{
    return apr_pmemdup(p, &dir_unset, sizeof(dir_unset));
}

static apr_int64_t pick(apr_int64_t base, apr_int64_t add)
{
    return add == CHAT_UNSET ? base : add;
}

static void *pick_ptr(const void *base, const void *add)
{
    return (void *)(add ? add : base);
}

/* The inner scope wins, one directive at a time; an array wins as a whole. */
void *chat_config_dir_merge(apr_pool_t *p, void *basev, void *addv)
{
    const chat_dir_conf_t *base = basev, *add = addv;
    chat_dir_conf_t *m = apr_pcalloc(p, sizeof(*m));

    m->route = pick(base->route, add->route);
    m->location = add->route == CHAT_UNSET ? base->location : add->location;
    m->use = pick_ptr(base->use, add->use);
    m->model_default = pick_ptr(base->model_default, add->model_default);
    m->allow = pick_ptr(base->allow, add->allow);
    m->request_native = pick(base->request_native, add->request_native);
    m->retry_attempts = pick(base->retry_attempts, add->retry_attempts);
    m->retry_backoff = pick(base->retry_backoff, add->retry_backoff);
    m->retry_wait = pick(base->retry_wait, add->retry_wait);
    m->retry_unsafe = pick(base->retry_unsafe, add->retry_unsafe);
    m->context_messages = pick(base->context_messages, add->context_messages);
    m->context_bytes = pick(base->context_bytes, add->context_bytes);
    m->context_age = pick(base->context_age, add->context_age);
    m->health = pick_ptr(base->health, add->health);
    m->auth = pick_ptr(base->auth, add->auth);
    m->secrets = pick_ptr(base->secrets, add->secrets);
    m->cookies = pick_ptr(base->cookies, add->cookies);
    m->origins = pick_ptr(base->origins, add->origins);
    m->bearer_unsigned = pick(base->bearer_unsigned, add->bearer_unsigned);
    m->body = pick(base->body, add->body);
    m->depth = pick(base->depth, add->depth);
    m->values = pick(base->values, add->values);
    m->messages = pick(base->messages, add->messages);
    m->message_length = pick(base->message_length, add->message_length);
    m->message_count = pick(base->message_count, add->message_count);
    m->total_length = pick(base->total_length, add->total_length);
    m->max_output_tokens =
        pick(base->max_output_tokens, add->max_output_tokens);
    m->limits = chat_config_limits_merge(p, base->limits, add->limits);
    m->exempt = pick_ptr(base->exempt, add->exempt);
    m->tier = pick_ptr(base->tier, add->tier);
    m->heartbeat = pick(base->heartbeat, add->heartbeat);
    m->early_headers = pick(base->early_headers, add->early_headers);
    m->stall = pick(base->stall, add->stall);
    m->mock_pace = pick(base->mock_pace, add->mock_pace);
    m->mock_words = pick(base->mock_words, add->mock_words);
    return m;
}

void *chat_config_server_create(apr_pool_t *p, server_rec *s)
{
    chat_server_conf_t *conf =
        apr_pmemdup(p, &server_unset, sizeof(server_unset));

    conf->providers = apr_hash_make(p);
    return conf;
}

static apr_array_header_t *join(apr_pool_t *p, const apr_array_header_t *base,
                                const apr_array_header_t *add)
{
    return base && add ? apr_array_append(p, base, add) : pick_ptr(base, add);
}

/*
 * A virtual host has the main server's providers and its own. A section of the
 * same name replaces the whole provider: were members inherited, a host that
 * only changes the URL would send the main server's key there.
 */
void *chat_config_server_merge(apr_pool_t *p, void *basev, void *addv)
{
    const chat_server_conf_t *base = basev, *add = addv;
    chat_server_conf_t *m = apr_pcalloc(p, sizeof(*m));

    m->providers = apr_hash_overlay(p, add->providers, base->providers);
    m->models = join(p, base->models, add->models);
    m->session_sql = pick_ptr(base->session_sql, add->session_sql);
    m->session_cache = pick(base->session_cache, add->session_cache);
    m->stream_max = pick(base->stream_max, add->stream_max);
    m->stream_engines = pick(base->stream_engines, add->stream_engines);
    m->cache_store = pick_ptr(base->cache_store, add->cache_store);
    m->cache_args = add->cache_store ? add->cache_args : base->cache_args;
    m->context_store = pick_ptr(base->context_store, add->context_store);
    m->context_args =
        add->context_store ? add->context_args : base->context_args;
    m->redis_url = pick_ptr(base->redis_url, add->redis_url);
    m->redis_user = pick_ptr(base->redis_user, add->redis_user);
    m->redis_ca = pick_ptr(base->redis_ca, add->redis_ca);
    m->redis_password = pick_ptr(base->redis_password, add->redis_password);
    m->redis_connect = pick(base->redis_connect, add->redis_connect);
    m->redis_command = pick(base->redis_command, add->redis_command);
    m->limit_table = pick(base->limit_table, add->limit_table);
    m->limit_keys_clear = pick(base->limit_keys_clear, add->limit_keys_clear);
    m->needs = add->needs;
    return m;
}

void chat_config_server_defaults(chat_server_conf_t *conf)
{
    conf->session_cache = pick(0, conf->session_cache);
    conf->stream_max = pick(0, conf->stream_max);
    conf->stream_engines = pick(1, conf->stream_engines);
    conf->redis_connect = pick(200 * 1000, conf->redis_connect);
    conf->redis_command = pick(100 * 1000, conf->redis_command);
    conf->limit_table = pick(4 * 1024 * 1024, conf->limit_table);
    conf->limit_keys_clear = pick(0, conf->limit_keys_clear);
}

const chat_dir_conf_t *chat_config_dir(request_rec *r)
{
    void *conf = ap_get_module_config(r->per_dir_config, &chat_module);
    chat_dir_conf_t *full =
        chat_config_dir_merge(r->pool, (void *)&dir_defaults, conf);

    if (full->use->nelts == 0 &&
        chat_config_route_flags(full->route) & CHAT_ROUTE_PASSTHROUGH) {
        full->use = apr_array_make(r->pool, 1, sizeof(const char *));
        APR_ARRAY_PUSH(full->use, const char *) =
            chat_config_route_name(full->route);
    }
    full->limits = chat_config_limits_on(r->pool, full->limits);
    return full;
}

const chat_server_conf_t *chat_config_server(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &chat_module);
}

const apr_array_header_t *chat_config_models(const server_rec *s)
{
    const apr_array_header_t *models = chat_config_server(s)->models;

    return models ? models : &no_models;
}

const chat_provider_conf_t *chat_config_provider(const server_rec *s,
                                                 const char *name)
{
    return apr_hash_get(chat_config_server(s)->providers, name,
                        APR_HASH_KEY_STRING);
}

const char *chat_config_route_name(int route)
{
    return chat_config_route_names[route];
}

unsigned chat_config_route_flags(int route)
{
    static const unsigned flags_of[] = {
#define CHAT_ROUTE(id, name, handler, flags) flags,
#include "chat_route_list.h"
#undef CHAT_ROUTE
    };

    return route == CHAT_ROUTE_NONE ? 0 : flags_of[route];
}

const char *chat_config_auth_name(int scheme)
{
    return chat_config_auth_names[scheme];
}

chat_json_limits_t chat_config_json_limits(const chat_dir_conf_t *conf)
{
    chat_json_limits_t limits = {
        .bytes = conf->body,
        .depth = conf->depth,
        .values = conf->values,
    };

    return limits;
}
