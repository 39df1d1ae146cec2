/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The users of the admin route: who they are is what other tables say, for this
 * module has none of its own. An id is NAMESPACE:ID, or without a colon one of
 * the first scheme of ChatAuth. Request thread.
 */
#include "chat_route_admin_parts.h"

#include <string.h>

#include <httpd.h>
#include <apr_strings.h>

#include "chat_accounts.h"
#include "chat_auth.h"
#include "chat_override.h"
#include "chat_price.h"
#include "chat_route_view.h"
#include "chat_store_usage.h"

#define USER "user:"
#define ID_MAX 1024
#define QUERY_MAX 256
#define STREAMS_MAX 100
#define USAGE_DAYS 30

typedef chat_route_rest_t rest_t;

/* ---- whose id is in the path ---- */

/* The segment of the path as the client has sent it, so many from the end;
 * NULL: there is none. */
static char *raw_segment(const rest_t *q, int from_end)
{
    char *path = apr_pstrdup(q->p, q->r->unparsed_uri), *slash;

    path[strcspn(path, "?#")] = '\0';
    while ((slash = strrchr(path, '/')) != NULL && from_end-- > 0)
        *slash = '\0';
    return slash ? slash + 1 : NULL;
}

/* httpd leaves an encoded slash as it is ("AllowEncodedSlashes NoDecode"), and
 * then cannot tell it from one that was encoded twice. */
static const char *id_of(const rest_t *q, int from_end)
{
    char *raw = raw_segment(q, from_end), *kept;

    if (!raw)
        return q->ids[0];
    kept = apr_pstrdup(q->p, raw);
    if (ap_unescape_url_keep2f(kept, 0) != OK || strcmp(kept, q->ids[0]))
        return q->ids[0]; /* something has rewritten the path */
    return ap_unescape_url_keep2f(raw, 1) == OK ? raw : q->ids[0];
}

static const char *home_of(const rest_t *q)
{
    return apr_pstrcat(q->p, chat_auth_home(q->ctx->dir), ":", NULL);
}

static apr_status_t find_user(const char **puser, rest_t *q, int from_end)
{
    const char *id = id_of(q, from_end);

    *puser = strchr(id, ':') ? id : apr_pstrcat(q->p, home_of(q), id, NULL);
    if (strlen(*puser) <= ID_MAX && chat_route_rest_is_text(*puser, q->p))
        return APR_SUCCESS;
    return chat_err_set(&q->err, APR_EINVAL, HTTP_BAD_REQUEST, "invalid_id",
                        "The id of a user is at most 1024 bytes of UTF-8.");
}

/* ---- what is told ---- */

static void put_tier(chat_buf_t *out, const char *tier, const char *source,
                     apr_int64_t until, apr_pool_t *p)
{
    if (!tier) {
        chat_route_view_json(out, "tier", NULL);
        return;
    }
    chat_route_view_json(out, "tier", "{");
    chat_route_view_string(out, "name", tier);
    chat_route_view_string(out, "source", source);
    chat_route_view_at(out, "until", until, p);
    chat_buf_puts(out, "}");
}

static void put_block(chat_buf_t *out, const chat_override_user_t *user,
                      apr_pool_t *p)
{
    if (!user->blocked) {
        chat_route_view_json(out, "block", NULL);
        return;
    }
    chat_route_view_json(out, "block", "{");
    chat_route_view_string(out, "reason", user->blocked);
    chat_route_view_at(out, "until", user->block_until, p);
    chat_buf_puts(out, "}");
}

/* What is over is not told. */
static void read_set(chat_override_user_t *user, const char *value,
                     apr_pool_t *p)
{
    apr_int64_t now = chat_store_now();

    chat_override_read_user(user, value, p);
    if (user->tier_until && user->tier_until <= now)
        user->tier = NULL;
    if (user->block_until && user->block_until <= now)
        user->blocked = NULL;
}

/* Those of every view of a user; paid: the tier that is paid for. */
static void put_set(chat_buf_t *out, const rest_t *q, const char *id,
                    const chat_store_setting_t *s, const char *paid)
{
    chat_override_user_t set;

    read_set(&set, s->value, q->p);
    chat_route_view_string(out, "id", id);
    if (set.tier)
        put_tier(out, set.tier, "admin", set.tier_until, q->p);
    else
        put_tier(out, paid, "payment", 0, q->p);
    put_block(out, &set, q->p);
    chat_route_view_integer(out, "revision", s->revision);
}

static void show(chat_buf_t *out, rest_t *q, const char *id,
                 const chat_store_setting_t *s)
{
    chat_buf_puts(out, "{");
    put_set(out, q, id, s, NULL);
    chat_buf_puts(out, "}");
}

apr_status_t chat_route_admin_users_list(rest_t *q)
{
    chat_buf_t *out = apr_palloc(q->p, sizeof(*out));
    chat_store_page_t page;
    apr_array_header_t *users;
    const char *part = NULL;
    int i;
    apr_status_t rv = chat_route_rest_page(&page, q, 50, "after");

    if (rv == APR_SUCCESS)
        rv = chat_route_rest_text(&part, q, "q", QUERY_MAX);
    if (rv == APR_SUCCESS)
        rv = chat_store_admin_users(&users, &q->at, part ? part : "",
                                    home_of(q), &page, &q->err);
    if (rv != APR_SUCCESS)
        return rv;
    chat_buf_init(out, q->p);
    chat_route_view_open(out);
    for (i = 0; i < users->nelts; i++) {
        const chat_store_user_t *user =
            &APR_ARRAY_IDX(users, i, chat_store_user_t);

        chat_route_view_comma(out, i);
        show(out, q, user->id, &user->setting);
    }
    chat_route_view_close(out, page.next);
    q->json = chat_route_view_text(out);
    return APR_SUCCESS;
}

/* ---- one ---- */

/* Of the last 30 days. */
static void put_usage(chat_buf_t *out, const apr_array_header_t *rows,
                      const char *from, const char *to, apr_pool_t *p)
{
    chat_store_usage_t sum = {0};
    int i;

    for (i = 0; i < rows->nelts; i++) {
        const chat_store_usage_t *u =
            &APR_ARRAY_IDX(rows, i, chat_store_usage_t);

        sum.requests += u->requests;
        sum.input_tokens += u->input_tokens;
        sum.output_tokens += u->output_tokens;
        sum.cached_tokens += u->cached_tokens;
        sum.cost += u->cost;
    }
    chat_route_view_json(out, "usage", "{");
    chat_route_view_string(out, "from", from);
    chat_route_view_string(out, "to", to);
    chat_route_view_integer(out, "requests", sum.requests);
    chat_route_view_integer(out, "inputTokens", sum.input_tokens);
    chat_route_view_integer(out, "outputTokens", sum.output_tokens);
    chat_route_view_integer(out, "cachedTokens", sum.cached_tokens);
    chat_route_view_json(
        out, "costUsd",
        chat_price_text(apr_palloc(p, CHAT_PRICE_TEXT_MAX), sum.cost));
    chat_buf_puts(out, "}");
}

static void put_streams(chat_buf_t *out, const apr_array_header_t *streams,
                        apr_pool_t *p)
{
    int i;

    chat_route_view_json(out, "streams", "[");
    for (i = 0; i < streams->nelts; i++) {
        chat_route_view_comma(out, i);
        chat_route_admin_streams_put(
            out, &APR_ARRAY_IDX(streams, i, chat_store_stream_t), p);
    }
    chat_buf_puts(out, "]");
}

/* NULL: nobody pays for this one, whom payment services know by the id. */
static apr_status_t find_paid(const char **ptier, rest_t *q, const char *user)
{
    const char *home = home_of(q);
    apr_status_t rv;

    *ptier = NULL;
    if (strncmp(user, home, strlen(home)))
        return APR_SUCCESS;
    rv = chat_store_tier_find(ptier, &q->at, user + strlen(home), &q->err);
    return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
}

apr_status_t chat_route_admin_users_get(rest_t *q)
{
    const apr_time_t now = apr_time_now();
    char from[CHAT_STORE_USAGE_DAY], to[CHAT_STORE_USAGE_DAY];
    chat_buf_t *out = apr_palloc(q->p, sizeof(*out));
    chat_store_page_t page = {.limit = STREAMS_MAX};
    apr_array_header_t *usage, *streams;
    chat_store_setting_t s = {0};
    chat_store_at_t at = q->at;
    const char *user, *paid;
    apr_status_t rv = find_user(&user, q, 0);

    if (rv != APR_SUCCESS)
        return rv;
    at.owner = user;
    s.name = apr_pstrcat(q->p, USER, user, NULL);
    chat_store_usage_day(from, now - apr_time_from_sec(86400 * USAGE_DAYS));
    chat_store_usage_day(to, now);
    rv = chat_store_setting_get(&s, &q->at, &q->err);
    if (rv == APR_SUCCESS)
        rv = find_paid(&paid, q, user);
    if (rv == APR_SUCCESS)
        rv = chat_store_usage_list(&usage, &at, from, to, &q->err);
    if (rv == APR_SUCCESS)
        rv = chat_store_admin_streams(&streams, &q->at, user, &page, &q->err);
    if (rv != APR_SUCCESS)
        return rv;
    chat_buf_init(out, q->p);
    chat_buf_puts(out, "{");
    put_set(out, q, user, &s, paid);
    put_usage(out, usage, from, to, q->p);
    put_streams(out, streams, q->p);
    chat_buf_puts(out, "}");
    q->revision = s.revision;
    q->json = chat_route_view_text(out);
    return APR_SUCCESS;
}

/* ---- changes ---- */

/* A word and until when, in the place of what a user has there. */
typedef struct set_t {
    const char *word_key, *until_key; /* in the setting */
    const char *word;                 /* NULL: none any more */
    apr_int64_t until;
    const char *set, *cleared; /* actions */
} set_t;

static apr_status_t to_user(chat_store_change_t *change, const char *before,
                            const char **pafter, chat_err_t *err, apr_pool_t *p)
{
    static const char *const keys[] = {"tier", "tierUntil", "blocked",
                                       "blockUntil"};
    const set_t *set = change->ctx;
    const chat_json_t *old = chat_route_admin_setting_value(before, p);
    chat_json_t *now = chat_json_object(p);
    apr_size_t i;

    for (i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        if (strcmp(keys[i], set->word_key) && strcmp(keys[i], set->until_key))
            chat_json_add(now, keys[i], chat_json_get(old, keys[i]));
    if (set->word) {
        chat_json_add_string(now, set->word_key, set->word);
        if (set->until)
            chat_json_add_integer(now, set->until_key, set->until);
    }
    change->audit.action = set->word ? set->set : set->cleared;
    *pafter = chat_route_admin_setting_text(now, p);
    return APR_SUCCESS;
}

static apr_status_t change(rest_t *q, const char *user, set_t *set, int stops)
{
    const chat_route_admin_change_t c = {.kind = USER,
                                         .what = user,
                                         .show = show,
                                         .to = to_user,
                                         .ctx = set,
                                         .stops = stops ? user : NULL};

    return chat_route_admin_setting_change(q, &c);
}

apr_status_t chat_route_admin_users_tier(rest_t *q)
{
    set_t set = {.word_key = "tier",
                 .until_key = "tierUntil",
                 .set = "user.tier",
                 .cleared = "user.untier"};
    const char *user;
    apr_status_t rv = find_user(&user, q, 1);

    if (rv == APR_SUCCESS)
        rv = chat_request_admin_tier(&set.word, &set.until, q->body,
                                     chat_store_now(), &q->err, q->p);
    return rv == APR_SUCCESS ? change(q, user, &set, 0) : rv;
}

/* Who is blocked is stopped, too. An administrator who blocked himself could
 * not undo it. */
apr_status_t chat_route_admin_users_block(rest_t *q)
{
    set_t set = {.word_key = "blocked",
                 .until_key = "blockUntil",
                 .set = "user.block",
                 .cleared = "user.unblock"};
    const char *user;
    apr_status_t rv = find_user(&user, q, 1);

    if (rv == APR_SUCCESS)
        rv = chat_request_admin_block(&set.word, &set.until, q->body,
                                      chat_store_now(), &q->err, q->p);
    if (rv == APR_SUCCESS && set.word && !strcmp(user, q->at.owner))
        return chat_route_admin_setting_refuse(
            &q->err, "[]", "Nobody may block the account that asks", q->p);
    return rv == APR_SUCCESS ? change(q, user, &set, set.word != NULL) : rv;
}
