/* SPDX-License-Identifier: Apache-2.0 */
/* chat_run_said: what a provider repeats of the question reaches no log. */
#include "../../src/run/chat_run_said.h"

#include <string.h>

#include "unit.h"

#define ASKED                                                                  \
    "{\"model\":\"claude-haiku-2025\",\"messages\":[{\"role\":\"user\","       \
    "\"content\":\"my doctor says that I have the flu\"}],"                    \
    "\"max_completion_tokens\":5}"

static const struct row_t {
    const char *text, *said;
} rows[] = {
    {"request (1025 tokens) exceeds the available context size",
     "request (1025 tokens) exceeds the available context size"},
    {"model: claude-haiku-2025 is gone", "model: claude-haiku-2025 is gone"},
    {"'max_completion_tokens' is too small",
     "'max_completion_tokens' is too small"},
    {"refused: my doctor says that I have the flu, sorry",
     "refused: ... sorry"},
    {"refused: (doctor says that I have)", "refused: ..."},
    {"my doctor says that I have the flu", "..."},
    {"said \"of which nobody knows how it was spelled there\" twice",
     "said ... twice"},
    {"said 'of which nobody knows how it was spelled", "said ..."},
    {"a 'short' one isn't long, isn't it",
     "a 'short' one isn't long, isn't it"},
    {"short", "short"},
};

START_TEST(a_question_is_left_out)
{
    apr_pool_t *p;

    apr_pool_create(&p, NULL);
    ck_assert_str_eq(chat_run_said(rows[_i].text, ASKED, strlen(ASKED),
                                   "claude-haiku-2025", p),
                     rows[_i].said);
    apr_pool_destroy(p);
}
END_TEST

START_TEST(who_does_not_know_the_question_says_nothing)
{
    apr_pool_t *p;

    apr_pool_create(&p, NULL);
    ck_assert_ptr_null(chat_run_said("no", NULL, 0, NULL, p));
    ck_assert_ptr_null(chat_run_said("", ASKED, strlen(ASKED), NULL, p));
    ck_assert_ptr_null(chat_run_said(NULL, ASKED, strlen(ASKED), NULL, p));
    ck_assert_str_eq(chat_run_said("no", ASKED, strlen(ASKED), NULL, p), "no");
    apr_pool_destroy(p);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *s = suite_create("chat_run_said");
    TCase *tc = tcase_create("said");

    tcase_add_loop_test(tc, a_question_is_left_out, 0,
                        sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tc, who_does_not_know_the_question_says_nothing);
    suite_add_tcase(s, tc);
    return s;
}
