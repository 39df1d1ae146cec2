/* SPDX-License-Identifier: Apache-2.0 */
/* src/request/chat_request_form.c: forms, whole and a byte at a time. */
#include <string.h>

#include <apr_strings.h>

#include "chat_request.h"
#include "unit.h"

static apr_pool_t *pool;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

typedef struct body_t {
    const char *at;
    apr_size_t len, step;
} body_t;

static apr_status_t get(void *ctx, char *data, apr_size_t *plen,
                        chat_err_t *err)
{
    body_t *body = ctx;

    if (*plen > body->step)
        *plen = body->step;
    if (*plen > body->len)
        *plen = body->len;
    memcpy(data, body->at, *plen);
    body->at += *plen;
    body->len -= *plen;
    return APR_SUCCESS;
}

#define HEAD "--b\r\nContent-Disposition: form-data; "
#define FILE_HEAD HEAD "name=\"file\"; filename=\"x.png\"\r\n"

static const struct {
    const char *body;
    const char *name, *type, *bytes; /* name NULL: refused */
} forms[] = {
    {FILE_HEAD "Content-Type: image/png\r\n\r\nabc\r\n--b--\r\n", "x.png",
     "image/png", "abc"},
    {FILE_HEAD "\r\n\r\n--b--", "x.png", "application/octet-stream", ""},
    {FILE_HEAD "\r\n\r\n--\r\n--c\r\n--b--", "x.png",
     "application/octet-stream", "\r\n--\r\n--c"},
    {HEAD "name=\"other\"\r\n\r\n1\r\n" FILE_HEAD "\r\nabc\r\n--b--", "x.png",
     "application/octet-stream", "abc"},
    {"a preamble\r\n" FILE_HEAD "\r\nabc\r\n--b--", "x.png",
     "application/octet-stream", "abc"},
    {HEAD "filename=\"%22.png\"; name=\"file\"\r\n\r\nabc\r\n--b--", "\".png",
     "application/octet-stream", "abc"},
    {HEAD "name=\"file\"\r\n\r\nabc\r\n--b--", NULL, NULL, NULL},
    {HEAD "filename=\"file\"\r\n\r\nabc\r\n--b--", NULL, NULL, NULL},
    {FILE_HEAD "\r\nabc", NULL, NULL, NULL},
    {FILE_HEAD "\r\nabc\r\n--", NULL, NULL, NULL},
    {"--b--\r\n", NULL, NULL, NULL},
    {"--bad\r\n\r\n", NULL, NULL, NULL},
    {"", NULL, NULL, NULL},
    {HEAD "name=\"file\"; filename=\"\xff\"\r\n\r\nabc\r\n--b--", NULL, NULL,
     NULL},
};

static void check(int i, apr_size_t step)
{
    body_t body = {forms[i].body, strlen(forms[i].body), step};
    chat_err_t err = {0};
    chat_request_form_t *form;
    const char *all = "";
    apr_status_t rv = chat_request_form_open(
        &form, "multipart/form-data; boundary=\"b\"", get, &body, &err, pool);

    while (rv == APR_SUCCESS) {
        char data[5];
        apr_size_t len = sizeof(data);

        rv = chat_request_form_read(form, data, &len, &err);
        if (rv != APR_SUCCESS || !len)
            break;
        all = apr_pstrcat(pool, all, apr_pstrmemdup(pool, data, len), NULL);
    }
    ck_assert_int_eq(rv == APR_SUCCESS, forms[i].name != NULL);
    if (rv != APR_SUCCESS) {
        ck_assert_int_eq(err.status, 400);
        return;
    }
    ck_assert_str_eq(chat_request_form_file(form)->filename, forms[i].name);
    ck_assert_str_eq(chat_request_form_file(form)->media_type, forms[i].type);
    ck_assert_str_eq(all, forms[i].bytes);
}

START_TEST(forms_are_read_however_they_come)
{
    check(_i, 1);
    check(_i, 7);
    check(_i, 100000);
}
END_TEST

START_TEST(a_form_has_a_boundary)
{
    static const char *const types[] = {
        NULL, "multipart/form-data",
        "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\""};
    body_t body = {"", 0, 1};
    apr_size_t i;

    for (i = 0; i < sizeof(types) / sizeof(*types); i++) {
        chat_request_form_t *form;
        chat_err_t err = {0};

        ck_assert_int_eq(
            chat_request_form_open(&form, types[i], get, &body, &err, pool),
            APR_EINVAL);
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_request_form");
    TCase *tc = tcase_create("form");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, forms_are_read_however_they_come, 0,
                        sizeof(forms) / sizeof(*forms));
    tcase_add_test(tc, a_form_has_a_boundary);
    suite_add_tcase(suite, tc);
    return suite;
}
