/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The usage route: what a user has used and what it cost, by day, model and
 * provider, and what the limits have left; as JSON, or as CSV. Request thread.
 */
#include <string.h>

#include <httpd.h>
#include <http_protocol.h>
#include <apr_lib.h>
#include <apr_strings.h>

#include "chat_crypto.h"
#include "chat_limit.h"
#include "chat_price.h"
#include "chat_reply.h"
#include "chat_route.h"
#include "chat_route_rest.h"
#include "chat_route_states.h"
#include "chat_route_view.h"
#include "chat_store_usage.h"

#define DAYS_MAX 366
#define DAY_USEC (86400 * APR_USEC_PER_SEC)
#define GROUPS_MAX 40

typedef chat_route_rest_t rest_t;

/* What a row tells apart. */
typedef enum {
    BY_DAY = 1 << 0,
    BY_MODEL = 1 << 1,
    BY_PROVIDER = 1 << 2,
    BY_KEY = 1 << 3
} by_e;

static const struct {
    const char *name;
    unsigned by;
} groups[] = {{"day", BY_DAY},
              {"model", BY_MODEL},
              {"provider", BY_PROVIDER},
              {"ownKey", BY_KEY}};

typedef struct question_t {
    char from[CHAT_STORE_USAGE_DAY], to[CHAT_STORE_USAGE_DAY];
    unsigned by;
    int csv;
} question_t;

/* ---- what is asked ---- */

static apr_status_t refuse(rest_t *q, const char *message)
{
    return chat_err_set(&q->err, APR_EINVAL, HTTP_BAD_REQUEST,
                        "invalid_request", message);
}

/* "2026-02-29" is none. 0: text is no day. */
static int parse_day(apr_time_t *pat, const char *text)
{
    static const char form[] = "dddd-dd-dd";
    char again[CHAT_STORE_USAGE_DAY];
    apr_time_exp_t tm = {0};
    int i;

    for (i = 0; form[i]; i++)
        if (form[i] == 'd' ? !apr_isdigit(text[i]) : text[i] != '-')
            return 0;
    tm.tm_year = atoi(text) - 1900;
    tm.tm_mon = atoi(text + 5) - 1;
    tm.tm_mday = atoi(text + 8);
    if (text[i] || tm.tm_mon < 0 || tm.tm_mon > 11 ||
        apr_time_exp_gmt_get(pat, &tm) != APR_SUCCESS)
        return 0;
    chat_store_usage_day(again, *pat);
    return !strcmp(again, text);
}

/* The month that is now, unless they say something else. */
static apr_status_t read_days(question_t *ask, rest_t *q)
{
    apr_time_t from, to = apr_time_now();
    const char *first, *last;
    apr_status_t rv = chat_route_rest_text(&first, q, "from", 40);

    if (rv == APR_SUCCESS)
        rv = chat_route_rest_text(&last, q, "to", 40);
    if (rv != APR_SUCCESS)
        return rv;
    if (last && !parse_day(&to, last))
        return refuse(q, "The parameter \"to\" must be a day as in "
                         "2026-11-28.");
    chat_store_usage_day(ask->to, to);
    memcpy(ask->from, ask->to, sizeof(ask->from));
    memcpy(ask->from + 8, "01", 2);
    if (first && !parse_day(&from, first))
        return refuse(q, "The parameter \"from\" must be a day as in "
                         "2026-11-01.");
    if (!first)
        parse_day(&from, ask->from);
    chat_store_usage_day(ask->from, from);
    if (strcmp(ask->from, ask->to) > 0)
        return refuse(q, "The parameter \"from\" must not be behind \"to\".");
    if (to - from >= DAYS_MAX * DAY_USEC)
        return refuse(q, "The parameters \"from\" and \"to\" must be at most "
                         "366 days.");
    return APR_SUCCESS;
}

static unsigned find_group(const char *name)
{
    apr_size_t i;

    for (i = 0; i < sizeof(groups) / sizeof(*groups); i++)
        if (!strcmp(groups[i].name, name))
            return groups[i].by;
    return 0;
}

static apr_status_t read_groups(question_t *ask, rest_t *q)
{
    const char *text;
    char *word, *last;
    apr_status_t rv = chat_route_rest_text(&text, q, "groupBy", GROUPS_MAX);

    ask->by = BY_DAY | BY_MODEL | BY_PROVIDER | BY_KEY;
    if (rv != APR_SUCCESS || !text)
        return rv;
    ask->by = 0;
    for (word = apr_strtok(apr_pstrdup(q->p, text), ",", &last); word;
         word = apr_strtok(NULL, ",", &last)) {
        unsigned by = find_group(word);

        if (!by)
            return refuse(q, "The parameter \"groupBy\" must be words of day, "
                             "model, provider and ownKey, with commas "
                             "between.");
        ask->by |= by;
    }
    return APR_SUCCESS;
}

static apr_status_t read_question(question_t *ask, rest_t *q)
{
    static const char *const formats[] = {"json", "csv", NULL};
    apr_status_t rv = read_days(ask, q);

    ask->csv = 0;
    if (rv == APR_SUCCESS)
        rv = read_groups(ask, q);
    return rv == APR_SUCCESS
               ? chat_route_rest_word(&ask->csv, q, "format", formats)
               : rv;
}

/* ---- rows ---- */

static void add(chat_store_usage_t *sum, const chat_store_usage_t *u)
{
    sum->requests += u->requests;
    sum->input_tokens += u->input_tokens;
    sum->output_tokens += u->output_tokens;
    sum->cached_tokens += u->cached_tokens;
    sum->cost += u->cost;
}

/* Without what is not told apart. */
static chat_store_usage_t mask(const chat_store_usage_t *u, unsigned by)
{
    chat_store_usage_t m = *u;

    if (!(by & BY_DAY))
        *m.day = '\0';
    if (!(by & BY_MODEL))
        m.model = "";
    if (!(by & BY_PROVIDER))
        m.provider = "";
    if (!(by & BY_KEY))
        m.own_key = 0;
    return m;
}

static int by_row(const void *a, const void *b)
{
    return chat_store_usage_compare(a, b);
}

/* Those that are alike become one. */
static apr_array_header_t *gather(const apr_array_header_t *all, unsigned by,
                                  apr_pool_t *p)
{
    apr_array_header_t *rows =
        apr_array_make(p, all->nelts, sizeof(chat_store_usage_t));
    apr_array_header_t *masked =
        apr_array_make(p, all->nelts, sizeof(chat_store_usage_t));
    chat_store_usage_t *last = NULL;
    int i;

    for (i = 0; i < all->nelts; i++)
        APR_ARRAY_PUSH(masked, chat_store_usage_t) =
            mask(&APR_ARRAY_IDX(all, i, chat_store_usage_t), by);
    qsort(masked->elts, masked->nelts, sizeof(chat_store_usage_t), by_row);
    for (i = 0; i < masked->nelts; i++) {
        const chat_store_usage_t *u =
            &APR_ARRAY_IDX(masked, i, chat_store_usage_t);

        if (last && !chat_store_usage_compare(last, u)) {
            add(last, u);
            continue;
        }
        last = apr_array_push(rows);
        *last = *u;
    }
    return rows;
}

static const char *dollars(apr_int64_t cost, apr_pool_t *p)
{
    return chat_price_text(apr_palloc(p, CHAT_PRICE_TEXT_MAX), cost);
}

/* ---- JSON ---- */

static void put_counts(chat_buf_t *out, const chat_store_usage_t *u,
                       apr_pool_t *p)
{
    chat_route_view_integer(out, "requests", u->requests);
    chat_route_view_integer(out, "inputTokens", u->input_tokens);
    chat_route_view_integer(out, "outputTokens", u->output_tokens);
    chat_route_view_integer(out, "cachedTokens", u->cached_tokens);
    chat_route_view_json(out, "costUsd", dollars(u->cost, p));
}

static void put_row(chat_buf_t *out, const chat_store_usage_t *u, unsigned by,
                    apr_pool_t *p)
{
    chat_buf_puts(out, "{");
    if (by & BY_DAY)
        chat_route_view_string(out, "day", u->day);
    if (by & BY_MODEL)
        chat_route_view_string(out, "model", u->model);
    if (by & BY_PROVIDER)
        chat_route_view_string(out, "provider", u->provider);
    if (by & BY_KEY)
        chat_route_view_boolean(out, "ownKey", u->own_key);
    put_counts(out, u, p);
    chat_buf_puts(out, "}");
}

static const char *as_json(const apr_array_header_t *rows,
                           const chat_store_usage_t *totals,
                           const apr_array_header_t *limits, unsigned by,
                           apr_pool_t *p)
{
    chat_buf_t *out = apr_palloc(p, sizeof(*out));
    int i;

    chat_buf_init(out, p);
    chat_buf_puts(out, "{\"data\":[");
    for (i = 0; i < rows->nelts; i++) {
        chat_route_view_comma(out, i);
        put_row(out, &APR_ARRAY_IDX(rows, i, chat_store_usage_t), by, p);
    }
    chat_buf_puts(out, "],\"totals\":{");
    put_counts(out, totals, p);
    chat_buf_puts(out, "},\"limits\":");
    chat_route_states_put(out, limits, p);
    chat_buf_puts(out, "}");
    return chat_route_view_text(out);
}

/* ---- CSV (RFC 4180) ---- */

/* A model may be called anything: what a spreadsheet would compute is text. */
static void put_text(chat_buf_t *out, const char *text)
{
    chat_buf_puts(out, "\"");
    if (*text && strchr("=+-@\t\r", *text))
        chat_buf_puts(out, "'");
    for (; *text; text++)
        chat_buf_put(out, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    chat_buf_puts(out, "\"");
}

static void put_heads(chat_buf_t *out, unsigned by)
{
    apr_size_t i;

    for (i = 0; i < sizeof(groups) / sizeof(*groups); i++) {
        if (!(by & groups[i].by))
            continue;
        chat_buf_puts(out, groups[i].name);
        chat_buf_puts(out, ",");
    }
    chat_buf_puts(out, "requests,inputTokens,outputTokens,cachedTokens,"
                       "costUsd\r\n");
}

static void put_line(chat_buf_t *out, const chat_store_usage_t *u, unsigned by,
                     apr_pool_t *p)
{
    const apr_int64_t counts[] = {u->requests, u->input_tokens,
                                  u->output_tokens, u->cached_tokens};
    apr_size_t i;

    if (by & BY_DAY)
        chat_buf_puts(out, apr_pstrcat(p, u->day, ",", NULL));
    if (by & BY_MODEL) {
        put_text(out, u->model);
        chat_buf_puts(out, ",");
    }
    if (by & BY_PROVIDER) {
        put_text(out, u->provider);
        chat_buf_puts(out, ",");
    }
    if (by & BY_KEY)
        chat_buf_puts(out, u->own_key ? "true," : "false,");
    for (i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
        chat_buf_integer(out, counts[i]);
        chat_buf_puts(out, ",");
    }
    chat_buf_puts(out, dollars(u->cost, p));
    chat_buf_puts(out, "\r\n");
}

static const char *as_csv(const apr_array_header_t *rows, unsigned by,
                          apr_pool_t *p)
{
    chat_buf_t *out = apr_palloc(p, sizeof(*out));
    int i;

    chat_buf_init(out, p);
    put_heads(out, by);
    for (i = 0; i < rows->nelts; i++)
        put_line(out, &APR_ARRAY_IDX(rows, i, chat_store_usage_t), by, p);
    return chat_route_view_text(out);
}

/* ---- the answer ---- */

/* The same question later: is it still the same answer? */
static apr_status_t tag(rest_t *q, const char *body)
{
    unsigned char sum[CHAT_SHA256_LEN];
    char *text = apr_palloc(q->p, 2 * 16 + 3);
    apr_status_t rv = chat_crypto_sha256(sum, body, strlen(body));

    if (rv != APR_SUCCESS)
        return rv;
    *text = '"';
    chat_crypto_hex(text + 1, sum, 16);
    strcpy(text + 33, "\"");
    apr_table_setn(q->r->headers_out, "ETag", text);
    return APR_SUCCESS;
}

static apr_status_t answer(rest_t *q, const question_t *ask, const char *body)
{
    request_rec *r = q->r;

    apr_table_setn(r->headers_out, "Cache-Control", "no-store");
    q->sent = 1;
    q->rc = tag(q, body) == APR_SUCCESS ? ap_meets_conditions(r) : OK;
    if (q->rc != OK)
        return APR_SUCCESS;
    if (!ask->csv) {
        chat_reply_json(r, HTTP_OK, body);
        return APR_SUCCESS;
    }
    apr_table_setn(r->headers_out, "Content-Disposition",
                   apr_psprintf(q->p,
                                "attachment; filename=\"usage-%s-%s.csv\"",
                                ask->from, ask->to));
    ap_set_content_type(r, "text/csv; charset=utf-8");
    ap_set_content_length(r, (apr_off_t)strlen(body));
    ap_rputs(body, r);
    return APR_SUCCESS;
}

static apr_status_t get(rest_t *q)
{
    apr_array_header_t *all, *rows, *limits = NULL;
    chat_store_usage_t totals = {0};
    question_t ask;
    apr_status_t rv = read_question(&ask, q);
    int i;

    if (rv == APR_SUCCESS)
        rv = chat_store_usage_list(&all, &q->at, ask.from, ask.to, &q->err);
    if (rv == APR_SUCCESS && !ask.csv)
        rv = chat_limit_states(&limits, q->ctx, &q->err);
    if (rv != APR_SUCCESS)
        return rv;
    rows = gather(all, ask.by, q->p);
    for (i = 0; i < all->nelts; i++)
        add(&totals, &APR_ARRAY_IDX(all, i, chat_store_usage_t));
    return answer(q, &ask,
                  ask.csv ? as_csv(rows, ask.by, q->p)
                          : as_json(rows, &totals, limits, ask.by, q->p));
}

static const chat_route_rest_row_t table[] = {
    {M_GET, "", get, CHAT_ROUTE_REST_TABLES},
    {0, NULL, NULL, 0},
};

int chat_route_usage(chat_ctx_t *ctx)
{
    return chat_route_rest_serve(ctx, table);
}
