/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer that is no stream, in words fit for the client. The provider's own
 * sentence stays here: it may name the organisation, a masked key or parts of
 * the prompt. Only machine words pass, and only after a look. Where they stand
 * is each provider's matter; what a status means is the same for all. Pure.
 */
#include "chat_provider_kit.h"
#include "chat_provider_mask.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

/* ---- words that may be shown or logged ---- */

/* How keys, tokens and accounts begin. */
static const char *const secrets[] = {
    "sk-",  "org-", "proj_", "proj-", "eyJ",   "AIza", "AQ.",   "xai-",
    "gsk_", "hf_",  "AKIA",  "ya29.", "pplx-", "ghp_", "nvapi-"};

/* So long a run of letters and digits, with both, is no word of a program. */
#define LONGEST_MIXED_RUN 15

static int starts_secret(const char *at)
{
    apr_size_t i;

    for (i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++) {
        if (strncmp(at, secrets[i], strlen(secrets[i])) == 0)
            return 1;
    }
    return 0;
}

int chat_provider_error_looks_secret(const char *word)
{
    int letters = 0, digits = 0;
    const char *c;

    for (c = word; *c; c++) {
        if (letters + digits == 0 && starts_secret(c))
            return 1;
        if (apr_isdigit(*c))
            digits++;
        else if (apr_isalpha(*c))
            letters++;
        else
            letters = digits = 0;
        if (letters && digits && letters + digits > LONGEST_MIXED_RUN)
            return 1;
    }
    return 0;
}

/* Spelled out: isalnum() would ask the locale. */
static int is_plain(const char *word, const char *extra)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                "0123456789_.-";
    const char *c;

    for (c = word; *c; c++) {
        if (!strchr(plain, *c) && !strchr(extra, *c))
            return 0;
    }
    return 1;
}

const char *chat_provider_error_word(const chat_json_t *v, const char *extra,
                                     const char *secret, apr_pool_t *p)
{
    const char *word = chat_json_string(v);
    apr_int64_t number = chat_json_integer(v, -1);
    apr_size_t len;

    /* Some compatible servers send the status as a number. */
    if (!word && number >= 0)
        word = apr_psprintf(p, "%" APR_INT64_T_FMT, number);
    if (!word)
        return NULL;
    len = strlen(word);
    if (len == 0 || len > CHAT_PROVIDER_WORD_MAX || !is_plain(word, extra) ||
        chat_provider_error_looks_secret(word))
        return NULL;
    if (secret && *secret && strstr(word, secret))
        return NULL;
    return word;
}

/* ---- what a status means ---- */

/* Error bodies are small; a cut or monstrous one is read as none. */
static const chat_json_limits_t limits = {
    .bytes = 64 * 1024,
    .depth = 32,
    .values = 4096,
};

chat_json_t *chat_provider_error_body(const char *body, apr_size_t len,
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
void chat_provider_error_auth(chat_err_t *err)
{
    err->cause = CHAT_CAUSE_AUTH;
    chat_err_set(err, APR_EGENERAL, 502, "upstream_auth",
                 "The provider did not accept this server.");
}

/* Waiting does not help and the client cannot pay, so this is neither its 429
 * nor a 503, which would take a Retry-After along: as with the key, somebody
 * has to look after the account. */
void chat_provider_error_quota(chat_err_t *err)
{
    err->cause = CHAT_CAUSE_QUOTA;
    chat_err_set(err, APR_EGENERAL, 502, "upstream_quota",
                 "The provider's quota is used up.");
}

void chat_provider_error_status(chat_err_t *err, int status, const char *code,
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
        chat_provider_error_auth(err);
        break;
    case 402:
        chat_provider_error_quota(err);
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
