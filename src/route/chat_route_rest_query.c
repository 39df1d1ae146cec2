/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request says beside its path and body: members of the query, and
 * preconditions. Request thread.
 */
#include <string.h>

#include <httpd.h>
#include <apr_strings.h>

#include "chat_route_rest.h"

#define CURSOR_MAX 256

typedef chat_route_rest_t rest_t;

/* ---- the query ---- */

static apr_status_t refuse(rest_t *q, const char *name, const char *expected)
{
    return chat_err_set(&q->err, APR_EINVAL, HTTP_BAD_REQUEST,
                        "invalid_request",
                        apr_pstrcat(q->p, "The parameter \"", name,
                                    "\" must be ", expected, ".", NULL));
}

/* Its text is UTF-8 and without NUL, as in a JSON string. */
int chat_route_rest_is_text(const char *text, apr_pool_t *p)
{
    const char *json = chat_json_quote(text, p);
    const chat_json_limits_t limits = {strlen(json), 1, 1};
    chat_json_t *v;

    return chat_json_parse(&v, json, limits.bytes, &limits, p) == APR_SUCCESS;
}

/* *pvalue is NULL when it is absent. Twice the same is once too often. */
static apr_status_t find(const char **pvalue, rest_t *q, const char *name)
{
    const char *args = q->r->args ? q->r->args : "";
    apr_size_t len = strlen(name);

    *pvalue = NULL;
    while (*args) {
        char *pair = ap_getword(q->p, &args, '&');

        if (strncmp(pair, name, len) || (pair[len] && pair[len] != '='))
            continue;
        pair += len + (pair[len] == '=');
        if (*pvalue || ap_unescape_urlencoded(pair) != OK ||
            !chat_route_rest_is_text(pair, q->p))
            return refuse(q, name, "given once, in UTF-8 and URL-encoded");
        *pvalue = pair;
    }
    return APR_SUCCESS;
}

apr_status_t chat_route_rest_text(const char **ptext, rest_t *q,
                                  const char *name, int max)
{
    apr_status_t rv = find(ptext, q, name);

    if (rv == APR_SUCCESS && *ptext && strlen(*ptext) > (apr_size_t)max)
        rv = refuse(q, name, apr_psprintf(q->p, "at most %d bytes long", max));
    return rv;
}

apr_status_t chat_route_rest_number(apr_int64_t *pn, rest_t *q,
                                    const char *name, apr_int64_t min,
                                    apr_int64_t max)
{
    const char *text;
    char *end;
    apr_int64_t n;
    apr_status_t rv = find(&text, q, name);

    if (rv != APR_SUCCESS || !text)
        return rv;
    n = apr_strtoi64(text, &end, 10);
    if (strspn(text, "0123456789") != strlen(text) || !*text ||
        strlen(text) > 18 || n < min || n > max)
        return refuse(q, name,
                      apr_psprintf(q->p,
                                   "a whole number from %" APR_INT64_T_FMT
                                   " to %" APR_INT64_T_FMT,
                                   min, max));
    *pn = n;
    return APR_SUCCESS;
}

apr_status_t chat_route_rest_word(int *pi, rest_t *q, const char *name,
                                  const char *const *words)
{
    const char *text, *all = words[0];
    apr_status_t rv = find(&text, q, name);
    int i;

    if (rv != APR_SUCCESS || !text)
        return rv;
    for (i = 0; words[i]; i++) {
        if (!strcmp(text, words[i])) {
            *pi = i;
            return APR_SUCCESS;
        }
        if (i)
            all = apr_pstrcat(q->p, all, words[i + 1] ? ", " : " or ", words[i],
                              NULL);
    }
    return refuse(q, name, all);
}

apr_status_t chat_route_rest_flag(int *pyes, rest_t *q, const char *name)
{
    static const char *const words[] = {"false", "true", "0", "1", NULL};
    int i = -1;
    apr_status_t rv = chat_route_rest_word(&i, q, name, words);

    if (i >= 0)
        *pyes = i & 1;
    return rv;
}

apr_status_t chat_route_rest_page(chat_store_page_t *page, rest_t *q, int limit,
                                  const char *cursor)
{
    apr_int64_t n = limit;
    apr_status_t rv = chat_route_rest_number(&n, q, "limit", 1, 100);

    page->limit = (int)n;
    page->next = NULL;
    if (rv == APR_SUCCESS)
        rv = chat_route_rest_text(&page->after, q, cursor, CURSOR_MAX);
    return rv;
}

apr_status_t chat_route_rest_confirmed(rest_t *q)
{
    const char *word;
    apr_status_t rv = chat_route_rest_text(&word, q, "confirm", CURSOR_MAX);

    if (rv == APR_SUCCESS && (!word || strcmp(word, "all")))
        rv = refuse(q, "confirm", "\"all\": this deletes all of them");
    return rv;
}

/* ---- preconditions ---- */

/* A filter that compresses adds its name to an ETag. */
static int is_tag(const char *tag, int revision, int weak, apr_pool_t *p)
{
    const char *mine = apr_psprintf(p, "\"%d", revision);
    apr_size_t len = strlen(mine);

    if (!strncmp(tag, "W/", 2)) {
        if (!weak)
            return 0;
        tag += 2;
    }
    if (strncmp(tag, mine, len))
        return 0;
    tag += len;
    return !strcmp(tag, "\"") || !strcmp(tag, "-gzip\"") ||
           !strcmp(tag, "-br\"");
}

static int has_tag(const char *list, int revision, int weak, apr_pool_t *p)
{
    while (*list) {
        char *tag = ap_getword(p, &list, ',');

        apr_collapse_spaces(tag, tag);
        if (!strcmp(tag, "*") || is_tag(tag, revision, weak, p))
            return 1;
    }
    return 0;
}

int chat_route_rest_unchanged(const rest_t *q, int revision)
{
    const char *list = apr_table_get(q->r->headers_in, "If-None-Match");

    return list && has_tag(list, revision, 1, q->p);
}

int chat_route_rest_has_match(const rest_t *q)
{
    return apr_table_get(q->r->headers_in, "If-Match") != NULL;
}

/* A weak tag never matches here (RFC 9110, 13.1.1). */
int chat_route_rest_matches(const rest_t *q, int revision)
{
    return has_tag(apr_table_get(q->r->headers_in, "If-Match"), revision, 0,
                   q->p);
}
