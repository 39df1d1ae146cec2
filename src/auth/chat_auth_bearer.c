/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ChatAuth bearer: a better-auth token in Authorization, as its bearer plugin
 * hands it out, or where the SDKs of a provider put their key. A browser never
 * sends it by itself. Neighbours: chat_auth_token.c, chat_auth_session.c.
 * Request thread.
 */
#include "chat_auth_int.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "chat_auth_token.h"
#include "chat_ctx.h"
#include "chat_log.h"

#define WORD "Bearer"
#define WORD_LEN (sizeof(WORD) - 1)

/* Clients of some APIs say the same in a header of their own. */
static const char *key_header(request_rec *r)
{
    switch (chat_ctx(r)->dir->route.id) {
    case CHAT_ROUTE_anthropic:
        return apr_table_get(r->headers_in, "x-api-key");
    case CHAT_ROUTE_gemini:
        return apr_table_get(r->headers_in, "x-goog-api-key");
    default:
        return NULL;
    }
}

const char *chat_auth_bearer_credentials(request_rec *r)
{
    const char *header = apr_table_get(r->headers_in, "Authorization");

    /* A word that goes on is another one; whatever else follows is meant for
     * us, and if it is no token it is a bad one. */
    if (!header || ap_cstr_casecmpn(header, WORD, WORD_LEN) ||
        apr_isalnum(header[WORD_LEN]) || header[WORD_LEN] == '-')
        return key_header(r);
    header += WORD_LEN;
    while (*header == ' ')
        header++;
    return header;
}

static int claims(request_rec *r)
{
    return chat_auth_bearer_credentials(r) != NULL;
}

static void tell(request_rec *r, const char *value)
{
    int level;

    if (chat_auth_token_is_signed(value)) {
        level = chat_auth_tell_level(r, CHAT_AUTH_TELL_SIGNATURE_BEARER);
        ap_log_rerror(APLOG_MARK, level, 0, r,
                      CHATNO(0304) "the Bearer token is signed with none of "
                                   "the secrets of ChatAuthSecret");
        chat_auth_tell_signature(r, 0);
        return;
    }
    level = chat_auth_tell_level(r, CHAT_AUTH_TELL_UNSIGNED_BEARER);
    ap_log_rerror(APLOG_MARK, level, 0, r,
                  CHATNO(0326) "the Bearer token has no signature: send the "
                               "one of the header set-auth-token, or write "
                               "\"ChatAuthBearer unsigned\" to accept it");
}

static apr_status_t identify(const chat_user_t **puser, request_rec *r,
                             const chat_dir_conf_t *conf, chat_err_t *err)
{
    const char *value = chat_auth_bearer_credentials(r), *token;
    apr_status_t rv;

    if (!value)
        return APR_NOTFOUND;
    if (conf->auth.secrets->nelts == 0 && !conf->auth.bearer_unsigned)
        return chat_auth_no_secret(r, chat_auth_bearer.name, err);

    rv = chat_auth_token_bearer(&token, value, conf->auth.bearer_unsigned,
                                conf->auth.secrets, r->pool);
    if (rv == APR_EACCES) {
        tell(r, value);
        return APR_NOTFOUND;
    }
    if (rv != APR_SUCCESS)
        return chat_auth_no_crypto(r, rv, err);
    chat_auth_tell_signature(r, 1);
    return chat_auth_session_user(puser, r, token, chat_auth_bearer.name, err);
}

const chat_auth_scheme_t chat_auth_bearer = {
    .name = "bearer",
    .missing = "no Bearer token",
    .ids = "better-auth",
    .claims = claims,
    .identify = identify,
};
