/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/limit/chat_limit_text.c. */
#include "../../src/limit/chat_limit_text.h"
#include "unit.h"

static const struct {
    apr_int64_t n;
    const char *text;
} table[] = {
    {0, "0"},
    {7, "7"},
    {10, "10"},
    {-1, "-1"},
    {1000000000, "1000000000"},
    {APR_INT64_MAX, "9223372036854775807"},
    {APR_INT64_MIN, "-9223372036854775808"},
};

START_TEST(a_number_is_written_in_decimal)
{
    char text[CHAT_LIMIT_TEXT_NUMBER_MAX];
    char *end = chat_limit_text_number(text, table[_i].n);

    ck_assert_str_eq(text, table[_i].text);
    ck_assert_ptr_eq(end, text + strlen(text));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_limit_text");
    TCase *tc = tcase_create("numbers");

    tcase_add_loop_test(tc, a_number_is_written_in_decimal, 0,
                        sizeof(table) / sizeof(table[0]));
    suite_add_tcase(suite, tc);
    return suite;
}
