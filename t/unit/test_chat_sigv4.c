/* SPDX-License-Identifier: Apache-2.0 */
/* src/base/chat_sigv4.c: the known answers of t/data/s3-vectors.json, which two
 * SDKs made, and a third implementation after them. */
#include <stdlib.h>
#include <string.h>

#include <apr_date.h>
#include <apr_strings.h>

#include "chat_sigv4.h"
#include "unit.h"
#include "vectors.h"

static apr_pool_t *pool;
static chat_json_t *vectors;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
    vectors = vectors_load("t/data/s3-vectors.json", pool);
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

static const char *text(const chat_json_t *v, const char *name)
{
    const char *found = chat_json_string(chat_json_get(v, name));

    ck_assert_ptr_nonnull(found);
    return found;
}

static char *decode(const char *text)
{
    char *out = apr_pstrdup(pool, text), *to = out;

    for (; *text; text++) {
        if (*text == '%') {
            *to++ = (char)strtol(apr_pstrmemdup(pool, text + 1, 2), NULL, 16);
            text += 2;
        }
        else
            *to++ = *text;
    }
    *to = '\0';
    return out;
}

static chat_sigv4_key_t key_of(const chat_json_t *v)
{
    return (chat_sigv4_key_t){
        .id = text(vectors, "accessKeyId"),
        .secret = text(vectors, "secretAccessKey"),
        .token = chat_json_string(chat_json_get(v, "sessionToken")),
        .region = text(v, "region"),
    };
}

/* 2026-11-28T12:34:56Z, and a bit that is cut off. */
static apr_time_t when(void)
{
    apr_time_t t = apr_date_parse_rfc("Sat, 28 Nov 2026 12:34:56 GMT");

    ck_assert(t > 0);
    return t + 999999;
}

/* Members of the query that are not the signature's own. */
static void read_query(chat_sigv4_request_t *request, const char *query)
{
    static const char *const own[] = {
        "X-Amz-Algorithm", "X-Amz-Credential",    "X-Amz-Date",
        "X-Amz-Expires",   "X-Amz-SignedHeaders", "X-Amz-Security-Token",
        "X-Amz-Signature"};
    chat_sigv4_pair_t *pairs = apr_pcalloc(pool, 32 * sizeof(*pairs));
    char *last, *one = apr_strtok(apr_pstrdup(pool, query), "&", &last);

    for (; one; one = apr_strtok(NULL, "&", &last)) {
        char *value = strchr(one, '=');
        apr_size_t i;
        int is_own = 0;

        *value++ = '\0';
        for (i = 0; i < sizeof(own) / sizeof(*own); i++)
            is_own |= !strcmp(one, own[i]);
        if (is_own)
            continue;
        /* The other way round than they are signed. */
        memmove(pairs + 1, pairs, 31 * sizeof(*pairs));
        pairs[0].name = decode(one);
        pairs[0].value = decode(value);
        request->nquery++;
    }
    request->query = pairs;
}

static chat_sigv4_request_t request_of(const chat_json_t *v)
{
    chat_sigv4_request_t request = {.method = text(v, "method")};
    const chat_json_t *headers = chat_json_get(v, "signedHeaders");
    char *canonical = apr_pstrdup(pool, text(v, "canonicalRequest")), *last;
    chat_sigv4_pair_t *pairs = apr_pcalloc(pool, 16 * sizeof(*pairs));
    const char *name, *url = text(v, "url");

    request.base = apr_pstrcat(
        pool, apr_pstrmemdup(pool, url, strstr(url, "://") + 3 - url),
        text(v, "host"), NULL);
    apr_strtok(canonical, "\n", &last);
    request.path = decode(apr_strtok(NULL, "\n", &last));
    read_query(&request, apr_strtok(NULL, "\n", &last));
    for (name = chat_json_next(headers, NULL); name;
         name = chat_json_next(headers, name)) {
        if (!strcmp(name, "host"))
            continue;
        pairs[request.nheaders].name = name;
        pairs[request.nheaders++].value =
            apr_pstrcat(pool, " ", text(headers, name), "\t ", NULL);
    }
    request.headers = pairs;
    request.expires = (int)chat_json_number(chat_json_get(v, "expires"));
    return request;
}

/* Whatever the order of the query: SDKs differ. */
static void check_url(const char *made, const char *known)
{
    char *last, *one = apr_strtok(apr_pstrdup(pool, known), "?&", &last);

    ck_assert_int_eq(strlen(made), strlen(known));
    for (; one; one = apr_strtok(NULL, "?&", &last)) {
        const char *at = strstr(made, one);
        apr_size_t len = strlen(one);

        ck_assert_msg(at && (!at[len] || strchr("?&", at[len])), "no %s in %s",
                      one, made);
    }
}

START_TEST(known_urls_are_signed_byte_for_byte)
{
    chat_json_t *all = chat_json_get(vectors, "urls");
    int i, known = 0;

    for (i = 0; i < chat_json_length(all); i++) {
        const chat_json_t *v = chat_json_at(all, i);
        const chat_sigv4_key_t key = key_of(v);
        const chat_sigv4_request_t request = request_of(v);
        chat_sigv4_signed_t out = {0};
        apr_status_t rv = chat_sigv4_url(&out, &key, &request, when(), pool);

        /* An SDK signs it, and every store refuses it. */
        if (request.expires > CHAT_SIGV4_EXPIRES_MAX) {
            ck_assert_int_eq(rv, APR_EINVAL);
            continue;
        }
        ck_assert_int_eq(rv, APR_SUCCESS);
        ck_assert_str_eq(out.canonical, text(v, "canonicalRequest"));
        ck_assert_str_eq(out.to_sign, text(v, "stringToSign"));
        ck_assert_str_eq(out.signature, text(v, "signature"));
        check_url(out.url, text(v, "url"));
        known++;
    }
    ck_assert_int_eq(known, 33);
}
END_TEST

/* Amazon's own example. */
START_TEST(the_published_example_is_signed)
{
    const chat_json_t *v = chat_json_get(vectors, "published");
    const chat_sigv4_key_t key = {.id = text(v, "accessKeyId"),
                                  .secret = text(v, "secretAccessKey"),
                                  .region = text(v, "region")};
    const chat_sigv4_request_t request = {
        .method = "GET",
        .base = apr_pstrcat(pool, "https://", text(v, "host"), NULL),
        .path = text(v, "path"),
        .expires = (int)chat_json_number(chat_json_get(v, "expires"))};
    chat_sigv4_signed_t out;

    ck_assert_int_eq(
        chat_sigv4_url(&out, &key, &request,
                       apr_date_parse_rfc("Fri, 24 May 2013 00:00:00 GMT"),
                       pool),
        APR_SUCCESS);
    ck_assert_str_eq(out.signature, text(v, "signature"));
}
END_TEST

/* Forms are signed with the same key: their policy is the text. */
START_TEST(known_policies_are_signed)
{
    chat_json_t *all = chat_json_get(vectors, "posts");
    int i;

    ck_assert_int_eq(chat_json_length(all), 6);
    for (i = 0; i < chat_json_length(all); i++) {
        const chat_json_t *fields =
            chat_json_get(chat_json_at(all, i), "fields");
        const char *name, *policy = NULL, *known = NULL, *scope = NULL;
        chat_sigv4_key_t key = {.id = text(vectors, "accessKeyId"),
                                .secret = text(vectors, "secretAccessKey")};
        const char *signature;

        for (name = chat_json_next(fields, NULL); name;
             name = chat_json_next(fields, name)) {
            if (!strcasecmp(name, "policy"))
                policy = text(fields, name);
            if (!strcasecmp(name, "x-amz-signature"))
                known = text(fields, name);
            if (!strcasecmp(name, "x-amz-credential"))
                scope = strchr(text(fields, name), '/') + 1;
        }
        ck_assert(policy && known && scope);
        key.region = apr_pstrmemdup(pool, scope + 9, strcspn(scope + 9, "/"));
        ck_assert_int_eq(
            chat_sigv4_sign(&signature, &key, "20261128", policy, pool),
            APR_SUCCESS);
        ck_assert_str_eq(signature, known);
    }
}
END_TEST

START_TEST(text_is_encoded_as_stores_do)
{
    chat_json_t *all = chat_json_get(vectors, "percentEncoding");
    int i;

    for (i = 0; i < chat_json_length(all); i++) {
        const chat_json_t *v = chat_json_at(all, i);
        const char *from = chat_json_string(chat_json_at(v, 0));

        if (!strncmp(from, "a/b", 3))
            from = "a/b";
        ck_assert_str_eq(chat_sigv4_encode(from, "/", pool),
                         chat_json_string(chat_json_at(v, 1)));
    }
    ck_assert_str_eq(chat_sigv4_encode("a/b\n\x7f", "", pool), "a%2Fb%0A%7F");
}
END_TEST

START_TEST(what_cannot_be_signed_is_refused)
{
    const chat_sigv4_key_t key = {"id", "secret", NULL, "r"};
    chat_sigv4_request_t request = {
        .method = "GET", .base = "https://h", .path = "/", .expires = 1};
    chat_sigv4_signed_t out;

    ck_assert_int_eq(chat_sigv4_url(&out, &key, &request, when(), pool), 0);
    request.expires = 0;
    ck_assert_int_eq(chat_sigv4_url(&out, &key, &request, when(), pool),
                     APR_EINVAL);
    request.expires = CHAT_SIGV4_EXPIRES_MAX;
    ck_assert_int_eq(chat_sigv4_url(&out, &key, &request, when(), pool), 0);
    request.base = "https://";
    ck_assert_int_eq(chat_sigv4_url(&out, &key, &request, when(), pool),
                     APR_EINVAL);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_sigv4");
    TCase *tc = tcase_create("sigv4");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, known_urls_are_signed_byte_for_byte);
    tcase_add_test(tc, the_published_example_is_signed);
    tcase_add_test(tc, known_policies_are_signed);
    tcase_add_test(tc, text_is_encoded_as_stores_do);
    tcase_add_test(tc, what_cannot_be_signed_is_refused);
    suite_add_tcase(suite, tc);
    return suite;
}
