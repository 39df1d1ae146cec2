/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A key that a user brings: taken out of the body before that is parsed, so
 * that it lies in no memory but one for secrets; by its beginning, for whom it
 * is. Pure, any thread.
 */
#include "chat_request.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

#include "chat_seal.h"

#define KEY_MAX 1024
#define URL_MAX_LEN 255

/* Of a shorter one four characters would be too much. */
#define SHOWN_OF 12
#define SHOWN 4

/* ---- the text of a member ---- */

/* A text between two quotes; end is behind the second one. */
typedef struct text_t {
    char *from, *to;
} text_t;

/* at is behind a quote. NULL: it never ends. */
static char *text_end(char *at, const char *end)
{
    for (; at < end && *at != '"'; at++)
        if (*at == '\\')
            at++;
    return at < end ? at : NULL;
}

static char *skip_space(char *at, const char *end)
{
    while (at < end && strchr(" \t\r\n", *at) && *at)
        at++;
    return at;
}

static int is_key(const text_t *name)
{
    return name->to - name->from == 3 && !memcmp(name->from, "key", 3);
}

/* Behind the name of a member: the text that is its value, if that is one. */
static int find_value(text_t *value, char *at, const char *end)
{
    at = skip_space(at, end);
    if (at == end || *at != ':')
        return 0;
    at = skip_space(at + 1, end);
    if (at == end || *at != '"')
        return 0;
    value->from = at + 1;
    value->to = text_end(at + 1, end);
    return value->to != NULL;
}

/* The last member of that name, as JSON has it; those before are overwritten,
 * too. What is no JSON the parser will find. */
static int find_key(text_t *key, char *body, const char *end)
{
    char *at = body;
    int depth = 0, found = 0;

    while (at < end) {
        text_t text = {at + 1, NULL}, value;

        depth += *at == '{' || *at == '[';
        depth -= *at == '}' || *at == ']';
        if (*at++ != '"')
            continue;
        text.to = text_end(at, end);
        if (!text.to)
            return found;
        at = text.to + 1;
        if (depth != 1 || !is_key(&text) || !find_value(&value, at, end))
            continue;
        if (found)
            memset(key->from, 'x', (apr_size_t)(key->to - key->from));
        *key = value;
        found = 1;
        at = value.to + 1;
    }
    return found;
}

static int is_printable(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text > '~')
            return 0;
    return 1;
}

static apr_status_t refuse(chat_err_t *err, const char *message)
{
    err->param = "key";
    return chat_err_set(err, APR_EINVAL, 400, "key_format", message);
}

/* No key has a character that JSON must escape; a slash some do escape. */
static void unescape(char *text)
{
    char *to = text;

    for (; *text; text++)
        if (text[0] != '\\' || text[1] != '/')
            *to++ = *text;
    chat_seal_wipe(to, (apr_size_t)(text - to));
}

apr_status_t chat_request_key_take(char **pkey, char *body, apr_size_t len,
                                   chat_err_t *err, apr_pool_t *p)
{
    text_t found = {NULL, NULL};
    apr_size_t n;
    char *key;

    *pkey = NULL;
    if (!find_key(&found, body, body + len))
        return APR_SUCCESS;
    while (found.from < found.to && strchr(" \t", *found.from))
        found.from++;
    while (found.to > found.from && strchr(" \t", found.to[-1]))
        found.to--;
    n = (apr_size_t)(found.to - found.from);
    key = chat_seal_alloc(n + 1, p);
    if (!key)
        return chat_err_set(err, APR_ENOMEM, 503, "out_of_memory",
                            "There is no memory for this request right now.");
    memcpy(key, found.from, n);
    memset(found.from, 'x', n);
    unescape(key);
    if (!*key || strlen(key) > KEY_MAX || !is_printable(key) ||
        strchr(key, '\\') || strchr(key, '"'))
        return refuse(err, "A key is 1 to 1024 visible ASCII characters "
                           "without blanks.");
    *pkey = key;
    return APR_SUCCESS;
}

/* ---- for whom it is ---- */

/* Longer beginnings first. owner NULL: for nobody's models. */
static const struct {
    const char *prefix, *owner, *what;
} prefixes[] = {
    {"sk-ant-oat", NULL, "an OAuth token of Anthropic's"},
    {"sk-ant-admin", NULL, "an administrator's key of Anthropic's"},
    {"sk-ant-", "anthropic", "Anthropic's"},
    {"sk-or-", "openrouter", "OpenRouter's"},
    {"sk-admin-", NULL, "an administrator's key of OpenAI's"},
    {"sk-proj-", "openai", "OpenAI's"},
    {"sk-svcacct-", "openai", "OpenAI's"},
    {"AIza", "gemini", "Google's"},
    {"AQ.", "gemini", "Google's"},
};

/* Types of providers whose keys are known by their beginnings, and for whom
 * those of others are none. */
static int is_particular(const char *type)
{
    static const char *const types[] = {"openai",     "anthropic", "gemini",
                                        "openrouter", "deepseek",  "mistral"};
    apr_size_t i;

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (!strcmp(type, types[i]))
            return 1;
    return 0;
}

apr_status_t chat_request_key_fits(const char *key, const char *type,
                                   chat_err_t *err, apr_pool_t *p)
{
    apr_size_t i;

    for (i = 0;
         is_particular(type) && i < sizeof(prefixes) / sizeof(prefixes[0]);
         i++) {
        if (strncmp(key, prefixes[i].prefix, strlen(prefixes[i].prefix)))
            continue;
        if (prefixes[i].owner && !strcmp(prefixes[i].owner, type))
            return APR_SUCCESS;
        return refuse(err,
                      apr_psprintf(p,
                                   "This looks like %s%s (it begins with "
                                   "%s): here belongs one for the models "
                                   "of %s.",
                                   prefixes[i].owner ? "a key of " : "",
                                   prefixes[i].what, prefixes[i].prefix, type));
    }
    return APR_SUCCESS;
}

const char *chat_request_key_last4(const char *key, apr_pool_t *p)
{
    apr_size_t len = strlen(key);

    return len < SHOWN_OF ? "" : apr_pstrdup(p, key + len - SHOWN);
}

/* ---- for which address ---- */

static apr_status_t refuse_url(chat_err_t *err, const char *message)
{
    err->param = "baseUrl";
    return chat_err_set(err, APR_EINVAL, 400, "invalid_request", message);
}

/* Letters, digits, hyphens and dots, with a dot in it, and the last label
 * begins with a letter: so it is no address in any spelling. */
static int is_name(const char *host)
{
    const char *last = strrchr(host, '.');
    const char *c;

    if (!last || *host == '.' || *host == '-' || !apr_isalpha(last[1]))
        return 0;
    for (c = host; *c; c++) {
        if (!apr_isalnum(*c) && *c != '-' && *c != '.')
            return 0;
        if (*c == '.' && c[1] == '.')
            return 0;
    }
    return 1;
}

static void lower(char *text)
{
    for (; *text; text++)
        *text = (char)apr_tolower(*text);
}

/* Of the path no more is let in than APIs have. */
static int is_path(const char *path)
{
    return !*path ||
           (*path == '/' &&
            !path[strspn(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopq"
                               "rstuvwxyz0123456789-._~/")] &&
            !strstr(path, ".."));
}

apr_status_t chat_request_key_url(const char **purl, const char **phost,
                                  const char *url, chat_err_t *err,
                                  apr_pool_t *p)
{
    const char *host, *path;
    apr_size_t len = strlen(url);
    char *name;

    if (len > URL_MAX_LEN || strncmp(url, "https://", 8))
        return refuse_url(err, "A base URL begins with https:// and has at "
                               "most 255 characters.");
    host = url + 8;
    path = host + strcspn(host, "/");
    name = apr_pstrmemdup(p, host, (apr_size_t)(path - host));
    if (strlen(name) > 4 && !strcmp(name + strlen(name) - 4, ":443"))
        name[strlen(name) - 4] = '\0';
    if (!is_name(name) || !is_path(path))
        return refuse_url(err, "A base URL is https://NAME/PATH: a name and "
                               "no address, no other port than 443, no user, "
                               "query or fragment.");
    lower(name);
    len = strlen(path);
    while (len && path[len - 1] == '/')
        len--;
    *phost = name;
    *purl =
        apr_pstrcat(p, "https://", name, apr_pstrmemdup(p, path, len), NULL);
    return APR_SUCCESS;
}
