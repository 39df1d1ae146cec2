/* SPDX-License-Identifier: Apache-2.0 */
/* Errors as the chat template tells them: a code, a sentence and a status for
 * each of ours. */
#include "chat_dialect.h"

#include <string.h>

#include <apr_strings.h>

#include "unit.h"

static const struct {
    int status;
    const char *code;
    int told;
    const char *as;
} errors[] = {
    {400, "invalid_json", 400, "bad_request:api"},
    {400, "invalid_request", 400, "bad_request:api"},
    {405, "method_not_allowed", 405, "bad_request:api"},
    {413, "body_too_large", 413, "bad_request:api"},
    {415, "unsupported_media_type", 415, "bad_request:api"},
    {403, "model_forbidden", 400, "bad_request:api"},
    {401, "unauthorized", 401, "unauthorized:chat"},
    {403, "forbidden", 403, "forbidden:chat"},
    {403, "forbidden_origin", 403, "forbidden:chat"},
    {404, "not_found", 404, "not_found:chat"},
    {404, "no_stream", 404, "not_found:stream"},
    {429, "rate_limited", 429, "rate_limit:chat"},
    {400, "no_such_user", 400, ""},
    {409, "already_exists", 400, ""},
    {429, "upstream_rate_limited", 503, "offline:chat"},
    {400, "upstream_rejected", 503, "offline:chat"},
    {500, "misconfigured", 503, "offline:chat"},
    {502, "upstream_error", 503, "offline:chat"},
    {503, "store_unavailable", 503, "offline:chat"},
};

START_TEST(each_error_has_a_word_of_the_template)
{
    apr_pool_t *p;
    chat_err_t err = {.message = "ours"};
    const char *body;

    apr_pool_create(&p, NULL);
    err.status = errors[_i].status;
    err.code = errors[_i].code;
    ck_assert_int_eq(chat_dialect_vercel_status(&err), errors[_i].told);
    body = chat_dialect_vercel_refusal(&err, "id", p);
    ck_assert_ptr_eq(strstr(body, apr_pstrcat(p, "{\"code\":\"", errors[_i].as,
                                              "\",\"message\":\"", NULL)),
                     body);
    ck_assert_ptr_null(strstr(body, "ours"));
    /* It is told with the status that it has become. */
    err.status = chat_dialect_vercel_status(&err);
    ck_assert_str_eq(chat_dialect_vercel_refusal(&err, "id", p), body);
    apr_pool_destroy(p);
}
END_TEST

START_TEST(a_code_of_an_app_is_told_again)
{
    apr_pool_t *p;
    chat_refusal_t said = {.status = 429, .code = "rate_limit:chat"};
    chat_err_t err = {.status = 502,
                      .code = "upstream_error",
                      .message = "ours",
                      .upstream = &said};

    apr_pool_create(&p, NULL);
    ck_assert_int_eq(chat_dialect_vercel_status(&err), 429);
    strcpy(said.code, "unauthorized:chat");
    ck_assert_int_eq(chat_dialect_vercel_status(&err), 503);
    strcpy(said.code, "insufficient_quota");
    ck_assert_int_eq(chat_dialect_vercel_status(&err), 503);
    apr_pool_destroy(p);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_dialect_vercel");
    TCase *tc = tcase_create("errors");

    tcase_add_loop_test(tc, each_error_has_a_word_of_the_template, 0,
                        sizeof(errors) / sizeof(*errors));
    tcase_add_test(tc, a_code_of_an_app_is_told_again);
    suite_add_tcase(suite, tc);
    return suite;
}
