/* SPDX-License-Identifier: Apache-2.0 */
/* How the document of the route openapi says who may ask: ChatAuth in the words
 * of OpenAPI. Any thread. */
#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "chat_config.h"
#include "chat_route_openapi.h"

#define AUTHJS_COOKIE "authjs.session-token"
#define COOKIE_NOTE "Over https its name begins with __Secure-."

typedef struct security_t {
    chat_json_t *schemes; /* of the whole document */
    chat_json_t *list;    /* of the operation */
    apr_pool_t *p;
} security_t;

/* Names of components are of fewer characters than those of cookies. */
static const char *name_of(const char *text, apr_pool_t *p)
{
    char *name = apr_pstrdup(p, text), *c;

    for (c = name; *c; c++)
        if (!apr_isalnum(*c) && !strchr("._-", *c))
            *c = '_';
    return name;
}

/* One more that is enough. */
static void add(security_t *security, const char *name, chat_json_t *scheme)
{
    chat_json_t *one = chat_json_object(security->p);

    chat_json_add(one, name, chat_json_array(security->p));
    chat_json_push(security->list, one);
    if (!chat_json_get(security->schemes, name))
        chat_json_add(security->schemes, name, scheme);
}

static void add_key(security_t *security, const char *in, const char *name,
                    const char *note)
{
    chat_json_t *scheme = chat_json_object(security->p);

    chat_json_add_string(scheme, "type", "apiKey");
    chat_json_add_string(scheme, "in", in);
    chat_json_add_string(scheme, "name", name);
    chat_json_add_string(scheme, "description", note);
    add(security, name_of(name, security->p), scheme);
}

static void add_http(security_t *security, const char *name, const char *scheme,
                     const char *format, const char *note)
{
    chat_json_t *row = chat_json_object(security->p);

    chat_json_add_string(row, "type", "http");
    chat_json_add_string(row, "scheme", scheme);
    if (format)
        chat_json_add_string(row, "bearerFormat", format);
    chat_json_add_string(row, "description", note);
    add(security, name, row);
}

/* The last one is the name without __Secure-, where nobody has written
 * another. */
static void add_cookie(security_t *security, const chat_dir_conf_t *conf,
                       const char *usual)
{
    const apr_array_header_t *names = conf->auth.cookies;
    const char *last = APR_ARRAY_IDX(names, names->nelts - 1, const char *);
    int written = strcmp(last, "better-auth.session_token") != 0;

    add_key(security, "cookie", written || !usual ? last : usual,
            written ? "The session of the application." : COOKIE_NOTE);
}

static void add_scheme(security_t *security, const chat_dir_conf_t *conf,
                       int scheme)
{
    switch (scheme) {
    case CHAT_AUTH_bearer:
        add_http(security, "bearer", "bearer", NULL,
                 "The token of a session of the application.");
        break;
    case CHAT_AUTH_jwt:
        add_http(security, "jwt", "bearer", "JWT", "A token for this server.");
        break;
    case CHAT_AUTH_user:
        add_http(security, "user", "basic", NULL,
                 "Whom the server itself knows, by its AuthType.");
        break;
    case CHAT_AUTH_better_auth:
        add_cookie(security, conf, NULL);
        break;
    case CHAT_AUTH_authjs:
    case CHAT_AUTH_authjs_database:
        add_cookie(security, conf, AUTHJS_COOKIE);
        break;
    default:
        break;
    }
}

static int has_guests(const chat_dir_conf_t *conf)
{
    int i;

    for (i = 0; i < conf->auth.schemes->nelts; i++)
        if (APR_ARRAY_IDX(conf->auth.schemes, i, int) == CHAT_AUTH_guest)
            return 1;
    return !conf->auth.schemes->nelts;
}

chat_json_t *chat_route_openapi_security(chat_json_t *schemes, const char *auth,
                                         const chat_dir_conf_t *conf,
                                         apr_pool_t *p)
{
    security_t security = {schemes, chat_json_array(p), p};
    int i, guest = !strcmp(auth, "guest");

    if (!strcmp(auth, "signature"))
        add_key(&security, "header",
                conf->tier.webhook == CHAT_WEBHOOK_STRIPE ? "Stripe-Signature"
                                                          : "X-Signature",
                "Of the body, by a ChatWebhookSecret.");
    else if (guest || !strcmp(auth, "user"))
        for (i = 0; i < conf->auth.schemes->nelts; i++)
            add_scheme(&security, conf,
                       APR_ARRAY_IDX(conf->auth.schemes, i, int));
    if (guest && has_guests(conf))
        chat_json_push(security.list, chat_json_object(p));
    return security.list;
}
