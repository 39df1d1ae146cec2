/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The corridor: finds the route of a location, and what the routes share.
 * Request thread.
 */
#include "chat_handler.h"

#include "chat_dialect.h"
#include "chat_handler_int.h"
#include "chat_log.h"
#include "chat_reply.h"

static chat_route_fn *const routes[CHAT_ROUTE_COUNT] = {
    [CHAT_ROUTE_openai] = chat_walk,   [CHAT_ROUTE_anthropic] = chat_walk,
    [CHAT_ROUTE_gemini] = chat_walk,   [CHAT_ROUTE_openrouter] = chat_walk,
    [CHAT_ROUTE_deepseek] = chat_walk, [CHAT_ROUTE_stream] = chat_walk,
    [CHAT_ROUTE_message] = chat_walk,  [CHAT_ROUTE_completions] = chat_walk,
    [CHAT_ROUTE_models] = chat_models, [CHAT_ROUTE_health] = chat_health,
    [CHAT_ROUTE_mock] = chat_mock,     [CHAT_ROUTE_limits] = chat_limits,
};

/* ---- memory ---- */

/*
 * Where requests and events are parsed. A connection keeps for itself what was
 * freed of its memory, and it may stay open for long: thousands of streams
 * would each keep the room of a prompt that nobody needs. So that room is
 * shared, also by the threads: subpools of this one may be made by any.
 */
static apr_pool_t *scratch;

/* Bytes of it that are kept for the next requests. */
#define SCRATCH_FREE (4 * 1024 * 1024)

/* Nobody's subpool: with httpd -X requests outlive pchild. */
void chat_handler_child_init(void)
{
    apr_allocator_t *allocator;
    apr_thread_mutex_t *mutex;

    apr_allocator_create(&allocator);
    apr_allocator_max_free_set(allocator, SCRATCH_FREE);
    apr_pool_create_unmanaged_ex(&scratch, NULL, allocator);
    apr_allocator_owner_set(allocator, scratch);
    apr_thread_mutex_create(&mutex, APR_THREAD_MUTEX_DEFAULT, scratch);
    apr_allocator_mutex_set(allocator, mutex);
}

apr_pool_t *chat_handler_scratch(void)
{
    return scratch;
}

/* ---- the corridor ---- */

int chat_handler(request_rec *r)
{
    const chat_dir_conf_t *conf;

    if (!r->handler || strcmp(r->handler, "chat"))
        return DECLINED;
    conf = chat_config_dir(r);
    if (conf->route == CHAT_ROUTE_NONE) {
        ap_log_rerror(
            APLOG_MARK, APLOG_ERR, 0, r,
            CHATNO(0801) "%s has \"SetHandler chat\" but no ChatRoute", r->uri);
        return HTTP_NOT_FOUND;
    }
    return routes[conf->route](r, conf);
}

void chat_handler_facts_init(chat_facts_t *facts, request_rec *r)
{
    memset(facts, 0, sizeof(*facts));
    facts->request_id = chat_reply_request_id(r);
    facts->ttft = -1;
    facts->usage.input = facts->usage.output = -1;
    facts->outcome = CHAT_OUTCOME_REFUSED;
}

/* A 5xx that our own side caused is no refusal of the client. */
static chat_outcome_e outcome_of(const chat_err_t *err)
{
    switch (err->status) {
    case HTTP_BAD_GATEWAY:
        return CHAT_OUTCOME_UPSTREAM_ERROR;
    case HTTP_GATEWAY_TIME_OUT:
        return CHAT_OUTCOME_TIMEOUT;
    case HTTP_TOO_MANY_REQUESTS:
        return CHAT_OUTCOME_LIMITED;
    default:
        return CHAT_OUTCOME_REFUSED;
    }
}

/* Our own words, wherever nobody has others. The SDKs of providers look for
 * what is wrong in an object "error", as OpenAI has it. */
static const chat_dialect_t *find_words(const chat_dir_conf_t *conf)
{
    const chat_dialect_t *dialect =
        chat_dialect_get(chat_config_route_name(conf->route));

    if (dialect)
        return dialect;
    return chat_dialect_get(
        conf->request_native && routes[conf->route] == chat_walk ? "completions"
                                                                 : "stream");
}

void chat_handler_error(request_rec *r, const chat_dir_conf_t *conf,
                        const chat_err_t *err)
{
    chat_reply_error(
        r, err,
        find_words(conf)->refusal(err, chat_reply_request_id(r), r->pool));
}

int chat_handler_refuse(request_rec *r, const chat_dir_conf_t *conf,
                        chat_facts_t *facts, const chat_err_t *err)
{
    facts->status = err->status;
    facts->duration = apr_time_now() - r->request_time;
    facts->outcome = outcome_of(err);
    facts->detail = err->code;
    chat_facts_tell(r, facts);
    if (r->eos_sent) /* httpd has answered while the body was read */
        return AP_FILTER_ERROR;
    chat_handler_error(r, conf, err);
    return OK;
}

chat_json_limits_t chat_handler_limits(const chat_dir_conf_t *conf)
{
    chat_json_limits_t limits = {
        .bytes = conf->body,
        .depth = conf->depth,
        .values = conf->values,
    };

    return limits;
}
