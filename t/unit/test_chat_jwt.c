/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens that we make. That others accept them is tested with the application
 * of t/real/hybrid. */
#include "unit.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_jwt.h"

#define SECRET "0123456789abcdef0123456789abcdef"

static apr_pool_t *pool;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

/* Made with Python's hmac and base64. */
START_TEST(a_token_is_what_others_make)
{
    apr_time_t now = apr_time_from_sec(1764000000) + 999999;

    ck_assert_str_eq(
        chat_jwt_make(SECRET, "u-1?\xc3\xbc", now, pool),
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJtb2RfY2hhdCI"
        "sInN1YiI6InUtMT_DvCIsImlhdCI6MTc2NDAwMDAwMCwiZXhwIjoxNzY0MDA"
        "wMzAwfQ.qgpBlm22hJpwlkBUfPt_kvB6Pn_MBsFBuoGEniknagk");
    ck_assert_str_eq(
        chat_jwt_make(SECRET, NULL, now, pool),
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJtb2RfY2hhdCI"
        "sImlhdCI6MTc2NDAwMDAwMCwiZXhwIjoxNzY0MDAwMzAwfQ.37Lbh1QR-J79"
        "52J9E0fznoFz2hcGcM0v6qzrwaXOIwU");
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_jwt");
    TCase *tc = tcase_create("jwt");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_token_is_what_others_make);
    suite_add_tcase(suite, tc);
    return suite;
}
