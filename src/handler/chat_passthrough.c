/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk of a passthrough route: who asks, what they want, the provider's
 * call, and then its bytes, unchanged, while an observer looks at them for
 * usage and for the true end. The only file that knows the order.
 *
 * Up to chat_stream_start() the request thread; head, data and silence run on
 * the stream's driver; complete on whoever owns the request then.
 */
#include <ctype.h>

#include <apr_strings.h>

#include "chat_auth.h"
#include "chat_handler_int.h"
#include "chat_limit.h"
#include "chat_log.h"
#include "chat_provider.h"
#include "chat_reply.h"
#include "chat_request.h"
#include "chat_sse.h"
#include "chat_stream.h"

/* What is read of an answer that is no stream, to learn what went wrong. */
#define REFUSAL_MAX 8192

#define COMMENT ": ping\n\n"

typedef struct walk_t {
    request_rec *r;
    const chat_dir_conf_t *conf;
    const chat_user_t *user;
    const chat_provider_conf_t *pconf;
    const chat_provider_t *provider;
    chat_upstream_t upstream;
    apr_pool_t *body; /* what turn points into, until call is built */
    chat_turn_t turn;
    chat_call_t call;
    chat_facts_t facts;
    chat_sse_t *sse;
    chat_seen_t seen;
    chat_limit_ticket_t *ticket;
    apr_int64_t input_tokens; /* estimate */
    apr_int64_t cut_after;    /* tokens of answer, then the budget is gone */
    int cut;                  /* ... and was */
    int streaming;            /* the upstream answered with an event stream */
    int sent;                 /* the client has got bytes, or at least may */
    int upstream_status;
    const char *retry_after;
    char *refusal; /* REFUSAL_MAX, made when needed */
    apr_size_t refusal_len;
} walk_t;

/* ---- tokens, before anybody has counted them ---- */

/* About four bytes of text are a token; scripts of more bytes per character
 * have fewer characters per token, so that it holds there as well. */
#define BYTES_PER_TOKEN 4

static apr_int64_t estimate_input(const chat_turn_t *turn)
{
    apr_size_t bytes = turn->system ? strlen(turn->system) : 0;
    int i;

    for (i = 0; i < turn->nmessages; i++)
        bytes +=
            turn->messages[i].content ? strlen(turn->messages[i].content) : 0;
    return bytes / BYTES_PER_TOKEN + 4 * turn->nmessages;
}

static apr_int64_t estimate_output(const chat_seen_t *seen)
{
    apr_int64_t by_text = seen->text / BYTES_PER_TOKEN;

    return by_text > seen->deltas ? by_text : seen->deltas;
}

/* A provider may say any number: two of them must still have a sum. */
static apr_int64_t credible(apr_int64_t billed, apr_int64_t estimate)
{
    return billed >= 0 && billed <= APR_INT32_MAX ? billed : estimate;
}

/* What the request cost: as billed, else as estimated, and nothing when the
 * provider never began. */
static apr_int64_t tokens_used(const walk_t *w)
{
    const chat_usage_t *usage = &w->seen.usage;

    if (!w->streaming)
        return 0;
    return credible(usage->input, w->input_tokens) +
           credible(usage->output, estimate_output(&w->seen));
}

/* ---- while it streams ---- */

static void on_event(void *ctx, const chat_sse_event_t *event)
{
    walk_t *w = ctx;

    w->provider->observe(&w->seen, event, &w->upstream, w->r->pool);
}

/* Encoded bytes we could not watch, and the client would not know of it. */
static int is_event_stream(const apr_table_t *headers)
{
    static const char want[] = "text/event-stream";
    const char *type = apr_table_get(headers, "content-type");
    const char *encoding = apr_table_get(headers, "content-encoding");
    apr_size_t len = sizeof(want) - 1;

    return type && !strncasecmp(type, want, len) &&
           (!type[len] || type[len] == ';' ||
            isspace((unsigned char)type[len])) &&
           (!encoding || !strcasecmp(encoding, "identity"));
}

/* Retry-After as RFC 9110 has it, and nothing else that a header could hold. */
static const char *safe_retry_after(const walk_t *w, const char *value)
{
    static const char fit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                              "abcdefghijklmnopqrstuvwxyz0123456789,: ";

    if (!value || strlen(value) > 40 || strspn(value, fit) != strlen(value))
        return NULL;
    return apr_pstrdup(w->r->pool, value);
}

/* The id by which the provider knows the call: each has a name of its own. */
static const char *find_id(const walk_t *w, const apr_table_t *headers)
{
    static const char *const names[] = {"x-request-id", "request-id",
                                        "x-generation-id", "apim-request-id"};
    const char *id = NULL;
    apr_size_t i;

    for (i = 0; !id && i < sizeof(names) / sizeof(*names); i++)
        id = apr_table_get(headers, names[i]);
    return id ? apr_pstrdup(w->r->pool, id) : NULL;
}

static void on_head(void *ctx, int status, const apr_table_t *headers)
{
    walk_t *w = ctx;

    w->upstream_status = w->facts.upstream_status = status;
    w->facts.upstream_id = find_id(w, headers);
    w->retry_after = safe_retry_after(w, apr_table_get(headers, "retry-after"));
    w->streaming = status == HTTP_OK && is_event_stream(headers);
}

static apr_status_t send_bytes(walk_t *w, const char *data, apr_size_t len)
{
    if (!w->sent) {
        chat_reply_stream_head(w->r);
        w->sent = 1;
    }
    return chat_reply_stream_write(w->r, data, len);
}

static apr_status_t keep_refusal(walk_t *w, const char *data, apr_size_t len)
{
    apr_size_t room = REFUSAL_MAX - w->refusal_len;

    if (!w->refusal)
        w->refusal = apr_palloc(w->r->pool, REFUSAL_MAX);
    if (len > room)
        len = room;
    memcpy(w->refusal + w->refusal_len, data, len);
    w->refusal_len += len;
    return w->refusal_len < REFUSAL_MAX ? APR_SUCCESS : APR_EOF;
}

static int is_spent(const walk_t *w)
{
    return w->cut_after < APR_INT64_MAX && !w->seen.ended &&
           estimate_output(&w->seen) >= w->cut_after &&
           chat_sse_between(w->sse);
}

static apr_status_t cut(walk_t *w)
{
    const char *event =
        w->provider->cut(&w->upstream, "budget_exhausted",
                         "The token budget ended this answer.", w->r->pool);

    w->cut = 1;
    send_bytes(w, event, strlen(event));
    return APR_EOF;
}

static apr_status_t on_data(void *ctx, const char *data, apr_size_t len)
{
    walk_t *w = ctx;
    apr_status_t rv;

    if (!w->streaming)
        return keep_refusal(w, data, len);
    chat_sse_feed(w->sse, data, len);
    rv = send_bytes(w, data, len);
    return rv == APR_SUCCESS && is_spent(w) ? cut(w) : rv;
}

/* Before the upstream has answered nothing can be said: its status decides
 * ours, unless ChatStreamEarlyHeaders settles that. */
static apr_status_t on_silence(void *ctx)
{
    walk_t *w = ctx;

    if (!(w->streaming || w->conf->early_headers) || !chat_sse_between(w->sse))
        return APR_SUCCESS;
    return send_bytes(w, COMMENT, sizeof(COMMENT) - 1);
}

/* ---- how it ended ---- */

/* What the client is told when the upstream gave it no stream. */
static void explain(chat_err_t *err, walk_t *w, const chat_end_t *end)
{
    memset(err, 0, sizeof(*err));
    if (end->why == CHAT_END_TIMEOUT) {
        chat_err_set(err, APR_TIMEUP, HTTP_GATEWAY_TIME_OUT, "upstream_timeout",
                     "The provider did not answer in time.");
        return;
    }
    if (!w->upstream_status) {
        chat_err_set(err, APR_EGENERAL, HTTP_BAD_GATEWAY,
                     "upstream_unreachable",
                     "The provider cannot be reached right now.");
        return;
    }
    w->provider->refused(err, w->upstream_status, w->refusal, w->refusal_len,
                         w->r->pool);
    if (w->retry_after && (err->status == HTTP_TOO_MANY_REQUESTS ||
                           err->status == HTTP_SERVICE_UNAVAILABLE))
        err->retry_after = w->retry_after;
}

/*
 * The outcome of an answer that began as a stream. What the provider said last
 * counts, whoever closed first: clients leave once they have seen the end or
 * an error, and a provider may keep its connection open after it.
 */
static chat_outcome_e judge_stream(walk_t *w, const chat_end_t *end)
{
    chat_err_t err;

    if (w->cut) {
        w->facts.detail = "the token budget ended the answer";
        return CHAT_OUTCOME_LIMITED;
    }
    if (w->seen.failed) {
        w->facts.detail = w->seen.error[0] ? w->seen.error
                                           : "the provider sent an error event";
        return CHAT_OUTCOME_UPSTREAM_ERROR;
    }
    if (end->why == CHAT_END_STALLED || end->why == CHAT_END_SHUTDOWN)
        return CHAT_OUTCOME_CANCELLED;
    if (w->seen.ended)
        return CHAT_OUTCOME_COMPLETE;
    if (end->why == CHAT_END_GONE)
        return CHAT_OUTCOME_CANCELLED;
    if (end->why == CHAT_END_TIMEOUT)
        return CHAT_OUTCOME_TIMEOUT;
    if (!w->streaming) {
        explain(&err, w, end);
        w->facts.detail = err.code;
        return CHAT_OUTCOME_UPSTREAM_ERROR;
    }
    if (!w->facts.detail)
        w->facts.detail = "the stream ended without its terminal event";
    return CHAT_OUTCOME_TRUNCATED;
}

static void settle_stream(walk_t *w, const chat_end_t *end)
{
    w->facts.status = w->r->status;
    w->facts.usage = w->seen.usage;
    w->facts.outcome = judge_stream(w, end);
    chat_facts_tell(w->r, &w->facts);
    if (w->facts.outcome != CHAT_OUTCOME_COMPLETE &&
        end->why != CHAT_END_SHUTDOWN)
        chat_reply_break(w->r);
}

static void settle_refusal(walk_t *w, const chat_end_t *end)
{
    chat_err_t err;

    explain(&err, w, end);
    w->facts.status = err.status;
    w->facts.outcome = err.status == HTTP_GATEWAY_TIME_OUT
                           ? CHAT_OUTCOME_TIMEOUT
                           : CHAT_OUTCOME_UPSTREAM_ERROR;
    if (!w->facts.detail)
        w->facts.detail = err.code;
    chat_facts_tell(w->r, &w->facts);
    chat_reply_error(w->r, &err);
}

/* The client left before it got anything: 499 is what others log. */
static void settle_nothing(walk_t *w)
{
    w->facts.status = 499;
    w->r->status = 499;
    w->facts.outcome = CHAT_OUTCOME_CANCELLED;
    chat_facts_tell(w->r, &w->facts);
}

static void on_complete(void *ctx, const chat_end_t *end)
{
    walk_t *w = ctx;

    w->facts.ttft = w->streaming ? end->first : -1;
    w->facts.duration = apr_time_now() - w->r->request_time;
    w->facts.detail = end->detail;
    chat_limit_settle(w->ticket, tokens_used(w));
    if (w->sent)
        settle_stream(w, end);
    else if (w->r->connection->aborted)
        settle_nothing(w);
    else
        settle_refusal(w, end);
    chat_sse_reset(w->sse);
}

static int on_failed(void *ctx)
{
    const walk_t *w = ctx;

    return !w->cut && (!w->streaming || w->seen.failed || !w->seen.ended);
}

static const chat_stream_cb_t callbacks = {
    .head = on_head,
    .data = on_data,
    .silence = on_silence,
    .failed = on_failed,
    .complete = on_complete,
};

/* ---- up to there ---- */

static apr_status_t ask_who(walk_t *w, chat_err_t *err)
{
    apr_status_t rv = chat_auth_identify(&w->user, w->r, err);

    if (rv == APR_SUCCESS)
        w->facts.user = w->user->id;
    return rv;
}

static apr_status_t ask_what(walk_t *w, chat_err_t *err)
{
    const chat_request_clamps_t clamps = {
        .messages = w->conf->messages,
        .message_length = w->conf->message_length,
        .count_utf16 = w->conf->message_count == CHAT_COUNT_UTF16,
        .total_length = w->conf->total_length,
        .max_output_tokens = w->conf->max_output_tokens,
    };
    const chat_json_limits_t limits = chat_handler_limits(w->conf);
    chat_json_t *body;
    apr_status_t rv;

    apr_pool_create(&w->body, w->r->pool);
    rv = chat_request_read(&body, w->r, &limits, err, w->body);
    if (rv == APR_SUCCESS)
        rv = chat_request_validate(&w->turn, body, &clamps, err, w->body);
    if (rv != APR_SUCCESS)
        return rv;
    w->turn.request_id = w->facts.request_id;
    if (!w->turn.model || !*w->turn.model)
        w->turn.model = w->conf->model_default;
    w->facts.model = w->turn.model = apr_pstrdup(w->r->pool, w->turn.model);
    return APR_SUCCESS;
}

static apr_status_t choose_provider(walk_t *w, chat_err_t *err)
{
    const char *name = w->conf->use->nelts
                           ? APR_ARRAY_IDX(w->conf->use, 0, const char *)
                           : NULL;

    w->pconf = name ? chat_config_provider(w->r->server, name) : NULL;
    if (!w->pconf) {
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, w->r, CHATNO(0802) "%s: %s%s",
                      w->r->uri,
                      name ? "no <ChatProvider> is named " : "no ChatUse",
                      name ? name : "");
        return chat_err_set(err, APR_EGENERAL, HTTP_INTERNAL_SERVER_ERROR,
                            "misconfigured",
                            "This route is not set up completely.");
    }
    w->provider = chat_provider_get(w->pconf->type);
    w->upstream.url = w->pconf->url;
    w->upstream.key =
        w->pconf->keys ? APR_ARRAY_IDX(w->pconf->keys, 0, const char *) : NULL;
    w->upstream.auth = w->pconf->auth;
    w->upstream.version = w->pconf->version;
    w->upstream.completions = w->pconf->api == CHAT_API_COMPLETIONS;
    w->upstream.store = w->pconf->store;
    w->upstream.timeouts = w->pconf->timeouts;
    w->facts.provider = w->pconf->name;
    return APR_SUCCESS;
}

/* Neither the client nor the administrator has named one: the provider may. */
static apr_status_t choose_model(walk_t *w, chat_err_t *err)
{
    if (!w->turn.model)
        w->facts.model = w->turn.model = w->provider->model;
    if (w->turn.model)
        return APR_SUCCESS;
    return chat_err_set(err, APR_EINVAL, HTTP_BAD_REQUEST, "model_required",
                        "Name a model: there is no default here.");
}

static apr_interval_time_t longest(const chat_timeouts_t *t)
{
    /* A stream without a total time-out still ends within a day. */
    return t->total > 0 ? t->total + apr_time_from_sec(60)
                        : apr_time_from_sec(86400);
}

static apr_status_t ask_whether(walk_t *w, chat_err_t *err)
{
    chat_limit_ask_t ask = {
        .user = w->user,
        .model = w->turn.model,
        .max_tokens = w->turn.max_output_tokens,
        .lasts = longest(&w->pconf->timeouts),
    };
    apr_status_t rv;

    w->input_tokens = ask.input_tokens = estimate_input(&w->turn);
    rv = chat_limit_take(&w->ticket, w->r, &ask, err);
    chat_reply_headers(w->r, chat_limit_headers(w->ticket));
    w->cut_after = chat_limit_cut_after(w->ticket);
    /* Or a budget could be overdrawn by what nobody reserved. */
    if (!w->turn.max_output_tokens &&
        chat_limit_reserved(w->ticket) <= w->conf->max_output_tokens)
        w->turn.max_output_tokens = (int)chat_limit_reserved(w->ticket);
    w->seen.measure = chat_limit_counts_tokens(w->ticket);
    return rv;
}

static apr_status_t start(walk_t *w, int *prc, chat_err_t *err)
{
    chat_stream_spec_t spec = {
        .call = &w->call,
        .cb = &callbacks,
        .ctx = w,
        .heartbeat = w->conf->heartbeat,
        .early = w->conf->early_headers,
        .stall = w->conf->stall,
    };
    apr_status_t rv;

    rv = w->provider->build(&w->call, &w->turn, &w->upstream, err, w->r->pool);
    /* The call has it all: an open stream need not hold the prompt twice. */
    apr_pool_destroy(w->body);
    w->body = NULL;
    if (rv == APR_SUCCESS)
        rv = chat_stream_resolve(&w->call.resolve, w->r, w->pconf->host,
                                 w->pconf->port, w->call.timeouts.connect, err);
    if (rv != APR_SUCCESS)
        return rv;
    w->sse = chat_sse_create(on_event, w, w->r->pool);
    w->seen.usage.input = w->seen.usage.output = -1;
    return chat_stream_start(prc, w->r, &spec, err);
}

int chat_passthrough(request_rec *r, const chat_dir_conf_t *conf)
{
    walk_t *w = apr_pcalloc(r->pool, sizeof(*w));
    chat_err_t err = {0};
    int rc = OK;

    w->r = r;
    w->conf = conf;
    chat_handler_facts_init(&w->facts, r);
    if (chat_request_check(r, &err) != APR_SUCCESS ||
        ask_who(w, &err) != APR_SUCCESS || ask_what(w, &err) != APR_SUCCESS ||
        choose_provider(w, &err) != APR_SUCCESS ||
        choose_model(w, &err) != APR_SUCCESS ||
        ask_whether(w, &err) != APR_SUCCESS ||
        start(w, &rc, &err) != APR_SUCCESS) {
        chat_limit_settle(w->ticket, 0);
        return chat_handler_refuse(r, &w->facts, &err);
    }
    return rc;
}
