/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions for ChatKit: POST LOCATION/session gives a token to whoever is
 * signed in, POST LOCATION/refresh another one in exchange. The session of the
 * application decides both times; the old token only has to be of the same
 * user. Bodies are those that clients of this contract know. Request thread.
 */
#include <httpd.h>
#include <apr_strings.h>

#include <string.h>

#include "chat_auth.h"
#include "chat_json.h"
#include "chat_limit.h"
#include "chat_reply.h"
#include "chat_request.h"
#include "chat_route.h"
#include "chat_route_chatkit_error.h"

typedef struct session_t {
    chat_ctx_t *ctx;
    request_rec *r;
    int refresh; /* 1: an old token is exchanged */
    chat_json_t *body;
    const chat_user_t *user;
    const char *token;
    chat_err_t err;
} session_t;

/* ---- errors ---- */

static const char *body_of(const session_t *s)
{
    if (s->err.status == HTTP_UNAUTHORIZED)
        return s->refresh ? "{\"error\":\"Session expired\","
                            "\"code\":\"SESSION_EXPIRED\"}"
                          : "{\"error\":\"Authentication required\","
                            "\"code\":\"UNAUTHORIZED\"}";
    if (s->err.status >= HTTP_INTERNAL_SERVER_ERROR)
        return "{\"error\":\"Failed to create session\","
               "\"code\":\"SESSION_ERROR\"}";
    return chat_route_chatkit_error(&s->err, s->r->pool);
}

static int refuse(const session_t *s)
{
    if (s->r->eos_sent) /* httpd has answered while the body was read */
        return AP_FILTER_ERROR;
    chat_reply_error(s->r, &s->err, body_of(s));
    return OK;
}

/* ---- the request ---- */

static apr_status_t find_path(session_t *s)
{
    const char *rest = chat_request_rest(s->r, s->ctx->dir->route.location);

    s->refresh = rest && !strcmp(rest, "/refresh");
    if (s->refresh || (rest && !strcmp(rest, "/session")))
        return APR_SUCCESS;
    return chat_err_set(&s->err, APR_NOTFOUND, HTTP_NOT_FOUND, "not_found",
                        "There is nothing here.");
}

/* What a session is made for the cookie says: no body is needed. */
static apr_status_t check(session_t *s)
{
    if (s->r->method_number == M_POST && !s->refresh &&
        chat_request_is_absent(s->r))
        return APR_SUCCESS;
    return chat_request_check(s->r, &s->err);
}

static apr_status_t identify(session_t *s)
{
    return chat_auth_identify(&s->user, s->r, &s->err);
}

static apr_status_t ask_limits(session_t *s)
{
    const chat_limit_ask_t ask = {
        .user = s->user, .model = "", .requests_only = 1};
    chat_limit_ticket_t *ticket;
    apr_status_t rv = chat_limit_reserve(&ticket, s->r, &ask, &s->err);

    if (rv == APR_INCOMPLETE) {
        rv = APR_SUCCESS;
        if (chat_limit_admission.wait(ticket) != CHAT_ADMISSION_GRANTED) {
            s->err = *chat_limit_refusal(ticket);
            rv = APR_EGENERAL;
        }
    }
    chat_reply_headers(s->r, chat_limit_headers(ticket));
    chat_limit_settle(ticket, 0);
    return rv;
}

static apr_status_t read_body(session_t *s)
{
    const chat_json_limits_t limits = chat_config_json_limits(s->ctx->dir);

    if (chat_request_is_absent(s->r))
        return APR_SUCCESS;
    return chat_request_read(&s->body, s->r, &limits, &s->err, s->r->pool);
}

/* ---- the token ---- */

/* Pages say "token"; those that follow ChatKit's own samples
 * "currentClientSecret". */
static apr_status_t exchange(session_t *s)
{
    const char *old = chat_json_string(chat_json_get(s->body, "token"));

    if (!old)
        old = chat_json_string(chat_json_get(s->body, "currentClientSecret"));
    if (!old)
        return chat_err_set(&s->err, APR_EINVAL, HTTP_BAD_REQUEST,
                            "invalid_request",
                            "\"token\" must be the client secret that is "
                            "exchanged, a string.");
    return chat_auth_ticket_check(s->r, s->user, old, &s->err);
}

static apr_status_t make(session_t *s)
{
    apr_status_t rv = s->refresh ? exchange(s) : APR_SUCCESS;

    return rv == APR_SUCCESS
               ? chat_auth_ticket(&s->token, s->r, s->user, &s->err)
               : rv;
}

static int answer(const session_t *s)
{
    chat_json_t *json = chat_json_object(s->r->pool);

    chat_json_add_string(json, "client_secret", s->token);
    chat_reply_json(s->r, HTTP_OK, chat_json_text(json, NULL, s->r->pool));
    return OK;
}

int chat_route_chatkit_session(chat_ctx_t *ctx)
{
    session_t s = {.ctx = ctx, .r = ctx->r};

    if (find_path(&s) != APR_SUCCESS || check(&s) != APR_SUCCESS ||
        identify(&s) != APR_SUCCESS || ask_limits(&s) != APR_SUCCESS ||
        read_body(&s) != APR_SUCCESS || make(&s) != APR_SUCCESS)
        return refuse(&s);
    return answer(&s);
}
