/* SPDX-License-Identifier: Apache-2.0 */
/* src/base/chat_cookie.c. The values expected are those that better-call
 * 1.4.0's parseCookies() gives for the same header. */
#include <string.h>

#include <apr_pools.h>

#include "chat_cookie.h"
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

static const struct {
    const char *header, *value; /* of the cookie "a" */
} reads[] = {
    {"a=1", "1"},
    {"b=2; a=1", "1"},
    {"a=1;a=2", "1"}, /* the first of a name wins */
    {"a=;a=2", ""},   /* also when it is empty */
    {" a = 1 ", "1"},
    {"\ta\t=\t1\t;b", "1"},
    {"a=1; A=2", "1"},
    {"A=2", NULL}, /* names are case-sensitive */
    {"ab=2", NULL},
    {"ba=2", NULL},
    {"ab=1; a=2", "2"},
    {"", NULL},
    {"a", NULL}, /* a piece without "=" is none */
    {"a;a=3", "3"},
    {"x; ;;a=4;", "4"},
    {"=v; a=5", "5"},
    {"a==6", "=6"}, /* the value starts after the first "=" */
    {"a=b=c", "b=c"},
    {"x=1, a=2", NULL}, /* a comma separates nothing */
    {"a=\"7\"", "7"},
    {"a= \"8\" ", "8"},
    {"a=\"7x", "7"}, /* the last character goes, whatever it is */
    {"a=7\"", "7\""},
    {"a=\"", ""},
    {"a=\"\"", ""},
    {"a=\"a%20b\"", "a b"},
    {"a=+", "+"},
    {"a=%41", "A"},
    {"a=%2e%2E", ".."},
    {"a=%e2%82%ac", "\xe2\x82\xac"},
    {"a=%F0%9F%98%80", "\xf0\x9f\x98\x80"},
    /* what does not decode is kept as it is, all of it */
    {"a=%zz", "%zz"},
    {"a=%", "%"},
    {"a=%4", "%4"},
    {"a=%41%zz", "%41%zz"},
    {"a=%80", "%80"},             /* a lone continuation byte */
    {"a=%E2%82", "%E2%82"},       /* cut */
    {"a=%E2%82x", "%E2%82x"},     /* ... by a character */
    {"a=%C0%80", "%C0%80"},       /* overlong */
    {"a=%E0%9F%BF", "%E0%9F%BF"}, /* overlong */
    {"a=%ED%A0%80", "%ED%A0%80"}, /* a surrogate */
    {"a=%F0%8F%BF%BF", "%F0%8F%BF%BF"},
    {"a=%F4%90%80%80", "%F4%90%80%80"}, /* above U+10FFFF */
    {"a=%F5%80%80%80", "%F5%80%80%80"},
    /* raw bytes are ISO-8859-1 */
    {"a=x\xe9", "x\xc3\xa9"},
    {"a=%41\xe9", "A\xc3\xa9"},
    {"a=\xa0y\xa0", "y"}, /* the no-break space is white space */
    {"a=%e2\x82\xac", "%e2\xc2\x82\xc2\xac"},
    /* here we part: JavaScript has "\0", which no C string can hold */
    {"a=%00", "%00"},
};

START_TEST(get_reads_as_better_call_reads)
{
    const char *value = chat_cookie_get(reads[_i].header, "a", pool);

    if (reads[_i].value)
        ck_assert_pstr_eq(value, reads[_i].value);
    else
        ck_assert_ptr_null(value);
}
END_TEST

START_TEST(get_takes_names_with_a_prefix)
{
    const char *header = "better-auth.session_token=plain; "
                         "__Secure-better-auth.session_token=secure";

    ck_assert_pstr_eq(
        chat_cookie_get(header, "__Secure-better-auth.session_token", pool),
        "secure");
    ck_assert_pstr_eq(
        chat_cookie_get(header, "better-auth.session_token", pool), "plain");
}
END_TEST

START_TEST(decode_stops_at_the_length)
{
    ck_assert_pstr_eq(chat_cookie_decode("%41%42", 3, pool), "A");
    ck_assert_ptr_null(chat_cookie_decode("%41%42", 5, pool));
    ck_assert_pstr_eq(chat_cookie_decode("", 0, pool), "");
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_cookie");
    TCase *cases = tcase_create("cookie");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, get_reads_as_better_call_reads, 0,
                        sizeof(reads) / sizeof(reads[0]));
    tcase_add_test(cases, get_takes_names_with_a_prefix);
    tcase_add_test(cases, decode_stops_at_the_length);
    suite_add_tcase(suite, cases);
    return suite;
}
