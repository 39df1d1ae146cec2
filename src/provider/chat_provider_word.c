/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which words of an upstream's answer may be shown or logged. An upstream is
 * not an enemy, but what it says may quote keys, accounts and prompts, and it
 * may be somebody else's proxy. Pure, any thread.
 */
#include "chat_provider_int.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

/* How keys, tokens and accounts begin. */
static const char *const secrets[] = {"sk-",   "org-", "proj_",
                                      "proj-", "eyJ",  "AIza"};

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

static int looks_secret(const char *word)
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

const char *chat_provider_word(const chat_json_t *v, const char *extra,
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
    if (len == 0 || len > CHAT_PROVIDER_WORD || !is_plain(word, extra) ||
        looks_secret(word))
        return NULL;
    if (secret && *secret && strstr(word, secret))
        return NULL;
    return word;
}
