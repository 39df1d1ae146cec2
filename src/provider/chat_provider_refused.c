/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer that is no stream, in words fit for the client. The provider's own
 * sentence stays here: it may name the organisation, a masked key or parts of
 * the prompt. Only machine words pass, and only after a look. Where they stand
 * is each provider's matter; what a status means is the same for all. Pure.
 */
#include "chat_provider_int.h"

#include <apr_strings.h>

/* Error bodies are small; a cut or monstrous one is read as none. */
static const chat_json_limits_t limits = {
    .bytes = 64 * 1024,
    .depth = 32,
    .values = 4096,
};

chat_json_t *chat_provider_refused_body(const char *body, apr_size_t len,
                                        apr_pool_t *p)
{
    chat_json_t *root;

    if (chat_json_parse(&root, body, len, &limits, p) != APR_SUCCESS)
        return NULL;
    return root;
}

/* Our sentence about their no. */
static const char *explain(const char *code, const char *param, apr_pool_t *p)
{
    return apr_pstrcat(p, "The provider refused the request", code ? ": " : "",
                       code ? code : "", param ? " (parameter " : "",
                       param ? param : "", param ? ")." : ".", NULL);
}

/* The user is signed in; it is we who are not. */
void chat_provider_refused_auth(chat_err_t *err)
{
    chat_err_set(err, APR_EGENERAL, 502, "upstream_auth",
                 "The provider did not accept this server.");
}

/* Waiting does not help and the client cannot pay, so this is neither its 429
 * nor a 503, which would take a Retry-After along: as with the key, somebody
 * has to look after the account. */
void chat_provider_refused_quota(chat_err_t *err)
{
    chat_err_set(err, APR_EGENERAL, 502, "upstream_quota",
                 "The provider's quota is used up.");
}

void chat_provider_refused(chat_err_t *err, int status, const char *code,
                           const char *param, apr_pool_t *p)
{
    switch (status) {
    case 400:
    case 404:
    case 409:
    case 413:
    case 422:
        chat_err_set(err, APR_EGENERAL, 400, "upstream_rejected",
                     explain(code, param, p));
        break;
    case 401:
    case 403:
        chat_provider_refused_auth(err);
        break;
    case 402:
        chat_provider_refused_quota(err);
        break;
    case 429:
        chat_err_set(err, APR_EGENERAL, 429, "upstream_rate_limited",
                     "The provider is limiting requests. Try again later.");
        break;
    case 408:
    case 504:
        chat_err_set(err, APR_EGENERAL, 504, "upstream_timeout",
                     "The provider took too long.");
        break;
    case 503:
    case 529:
        chat_err_set(err, APR_EGENERAL, 503, "upstream_overloaded",
                     "The provider is overloaded. Try again later.");
        break;
    default:
        /* Also a redirect, and a 200 that is no event stream. */
        chat_err_set(err, APR_EGENERAL, 502, "upstream_error",
                     "The provider failed.");
    }
}
