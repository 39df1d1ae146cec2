/* SPDX-License-Identifier: Apache-2.0 */
/* What a call that ended means: for the next call, the breaker, the log and the
 * client. */
#include "unit.h"

#include <string.h>

#include "../../src/run/chat_run_failure.h"

typedef struct call_t {
    chat_end_t end;
    chat_seen_t seen;
    chat_err_t refusal;
    chat_result_t result;
} call_t;

/* A call that was made, asked and ended like that. */
static call_t *call_of(chat_end_e why, int status, int answering)
{
    static call_t c;

    memset(&c, 0, sizeof(c));
    c.end.why = why;
    c.end.made = c.end.asked = 1;
    c.refusal.status = 502;
    c.refusal.code = "upstream_error";
    c.result.end = &c.end;
    c.result.seen = &c.seen;
    c.result.status = status;
    c.result.answering = answering;
    c.result.refusal = &c.refusal;
    return &c;
}

/* ---- whether another call may help ---- */

START_TEST(a_status_has_its_remedy)
{
    static const struct {
        int status;
        chat_remedy_e remedy;
    } cases[] = {
        {400, CHAT_REMEDY_NONE},     {401, CHAT_REMEDY_KEY},
        {402, CHAT_REMEDY_KEY},      {403, CHAT_REMEDY_ANOTHER},
        {404, CHAT_REMEDY_ANOTHER},  {408, CHAT_REMEDY_ACCEPTED},
        {413, CHAT_REMEDY_NONE},     {429, CHAT_REMEDY_SAME},
        {500, CHAT_REMEDY_SAME},     {503, CHAT_REMEDY_SAME},
        {504, CHAT_REMEDY_ACCEPTED}, {520, CHAT_REMEDY_ACCEPTED},
        {524, CHAT_REMEDY_ACCEPTED}, {529, CHAT_REMEDY_SAME},
        {302, CHAT_REMEDY_NONE},
    };
    call_t *c = call_of(CHAT_END_COMPLETE, cases[_i].status, 0);

    ck_assert_int_eq(chat_run_failure_remedy(&c->result), cases[_i].remedy);
}
END_TEST

START_TEST(words_say_more_than_a_status)
{
    call_t *c = call_of(CHAT_END_COMPLETE, 400, 0);

    c->refusal.cause = CHAT_CAUSE_AUTH;
    ck_assert_int_eq(chat_run_failure_remedy(&c->result), CHAT_REMEDY_KEY);
    c = call_of(CHAT_END_COMPLETE, 429, 0);
    c->refusal.cause = CHAT_CAUSE_QUOTA;
    ck_assert_int_eq(chat_run_failure_remedy(&c->result), CHAT_REMEDY_ANOTHER);
}
END_TEST

START_TEST(what_never_arrived_may_be_sent_again)
{
    call_t *c = call_of(CHAT_END_UNREACHED, 0, 0);

    c->end.asked = 0;
    ck_assert_int_eq(chat_run_failure_remedy(&c->result), CHAT_REMEDY_SAME);
    c->end.asked = 1;
    ck_assert_int_eq(chat_run_failure_remedy(&c->result), CHAT_REMEDY_ACCEPTED);
}
END_TEST

START_TEST(an_answer_is_not_asked_for_twice)
{
    call_t *c = call_of(CHAT_END_COMPLETE, 200, 1);

    c->seen.ended = 1;
    ck_assert_int_eq(chat_run_failure_remedy(&c->result), CHAT_REMEDY_NONE);
    c->seen.failed = 1;
    ck_assert_int_eq(chat_run_failure_remedy(&c->result), CHAT_REMEDY_ACCEPTED);
    c->result.sent = 1;
    ck_assert_int_eq(chat_run_failure_remedy(&c->result), CHAT_REMEDY_NONE);

    c = call_of(CHAT_END_COMPLETE, 200, 0); /* a page */
    ck_assert_int_eq(chat_run_failure_remedy(&c->result), CHAT_REMEDY_ACCEPTED);
    c = call_of(CHAT_END_STOPPED, 200, 1); /* more than is gathered */
    ck_assert_int_eq(chat_run_failure_remedy(&c->result), CHAT_REMEDY_NONE);
}
END_TEST

START_TEST(a_refusal_in_a_200_has_the_rules_of_its_status)
{
    static const struct {
        int status;
        chat_cause_e cause;
        chat_remedy_e remedy;
    } cases[] = {
        {400, CHAT_CAUSE_NONE, CHAT_REMEDY_NONE},
        {401, CHAT_CAUSE_AUTH, CHAT_REMEDY_KEY},
        {402, CHAT_CAUSE_QUOTA, CHAT_REMEDY_ANOTHER},
        {429, CHAT_CAUSE_NONE, CHAT_REMEDY_SAME},
        {504, CHAT_CAUSE_NONE, CHAT_REMEDY_ACCEPTED},
        {529, CHAT_CAUSE_NONE, CHAT_REMEDY_SAME},
    };
    call_t *c = call_of(CHAT_END_COMPLETE, 200, 1);
    chat_err_t err;

    c->seen.ended = c->seen.failed = 1;
    c->seen.status = cases[_i].status;
    c->seen.refusal.status = 503;
    c->seen.refusal.code = "upstream_overloaded";
    c->seen.refusal.cause = cases[_i].cause;
    ck_assert_int_eq(chat_run_failure_remedy(&c->result), cases[_i].remedy);
    chat_run_failure_broken(&err, &c->result);
    ck_assert_int_eq(err.status, 503);
    ck_assert_str_eq(err.code, "upstream_overloaded");
    c->seen.deltas = 1; /* which somebody pays for */
    ck_assert_int_eq(chat_run_failure_remedy(&c->result), CHAT_REMEDY_ACCEPTED);
    c->result.sent = 1;
    ck_assert_int_eq(chat_run_failure_remedy(&c->result), CHAT_REMEDY_NONE);
}
END_TEST

/* ---- the breaker ---- */

START_TEST(the_breaker_learns)
{
    static const struct {
        chat_end_e why;
        int status, answering, ended, failed;
        chat_verdict_e verdict;
    } cases[] = {
        {CHAT_END_COMPLETE, 200, 1, 1, 0, CHAT_VERDICT_OK},
        {CHAT_END_COMPLETE, 200, 1, 0, 0, CHAT_VERDICT_FAILED},
        {CHAT_END_COMPLETE, 200, 1, 1, 1, CHAT_VERDICT_OK},
        {CHAT_END_COMPLETE, 200, 0, 0, 0, CHAT_VERDICT_FAILED},
        {CHAT_END_COMPLETE, 302, 0, 0, 0, CHAT_VERDICT_FAILED},
        {CHAT_END_COMPLETE, 400, 0, 0, 0, CHAT_VERDICT_OK},
        {CHAT_END_COMPLETE, 429, 0, 0, 0, CHAT_VERDICT_OK},
        {CHAT_END_COMPLETE, 500, 0, 0, 0, CHAT_VERDICT_FAILED},
        {CHAT_END_BROKEN, 200, 1, 0, 0, CHAT_VERDICT_FAILED},
        {CHAT_END_BROKEN, 200, 1, 1, 0, CHAT_VERDICT_OK},
        {CHAT_END_TIMEOUT, 0, 0, 0, 0, CHAT_VERDICT_FAILED},
        {CHAT_END_GONE, 0, 0, 0, 0, CHAT_VERDICT_UNKNOWN},
        {CHAT_END_GONE, 200, 1, 0, 0, CHAT_VERDICT_OK},
        {CHAT_END_STALLED, 503, 0, 0, 0, CHAT_VERDICT_UNKNOWN},
        {CHAT_END_CANCELLED, 0, 0, 0, 0, CHAT_VERDICT_UNKNOWN},
        {CHAT_END_CANCELLED, 200, 1, 0, 0, CHAT_VERDICT_OK},
        {CHAT_END_SHUTDOWN, 200, 1, 0, 0, CHAT_VERDICT_OK},
    };
    call_t *c = call_of(cases[_i].why, cases[_i].status, cases[_i].answering);

    c->seen.ended = cases[_i].ended;
    c->seen.failed = cases[_i].failed;
    ck_assert_int_eq(chat_run_failure_verdict(&c->result), cases[_i].verdict);
}
END_TEST

START_TEST(the_breaker_learns_nothing_of_what_was_not_made)
{
    call_t *c = call_of(CHAT_END_TIMEOUT, 0, 0);

    c->end.made = 0;
    ck_assert_int_eq(chat_run_failure_verdict(&c->result),
                     CHAT_VERDICT_UNKNOWN);
    c = call_of(CHAT_END_TIMEOUT, 200, 1); /* how long is the reader's doing */
    c->result.total = c->end.total = 1000;
    ck_assert_int_eq(chat_run_failure_verdict(&c->result),
                     CHAT_VERDICT_UNKNOWN);
    c->end.total = 999;
    ck_assert_int_eq(chat_run_failure_verdict(&c->result), CHAT_VERDICT_FAILED);
}
END_TEST

/* ---- the log and the client ---- */

START_TEST(an_outcome_is_what_the_provider_said_last)
{
    static const struct {
        chat_end_e why;
        int answering, ended, failed;
        chat_outcome_e outcome;
        int status;
        const char *code;
    } cases[] = {
        {CHAT_END_GONE, 1, 1, 0, CHAT_OUTCOME_COMPLETE, 0, NULL},
        {CHAT_END_GONE, 1, 0, 0, CHAT_OUTCOME_CANCELLED, 0, NULL},
        {CHAT_END_STALLED, 1, 1, 0, CHAT_OUTCOME_CANCELLED, 0, NULL},
        {CHAT_END_CANCELLED, 1, 1, 0, CHAT_OUTCOME_COMPLETE, 0, NULL},
        {CHAT_END_CANCELLED, 1, 0, 0, CHAT_OUTCOME_CANCELLED, 0, NULL},
        {CHAT_END_COMPLETE, 1, 1, 1, CHAT_OUTCOME_UPSTREAM_ERROR, 502,
         "upstream_error"},
        {CHAT_END_COMPLETE, 1, 0, 0, CHAT_OUTCOME_TRUNCATED, 502,
         "upstream_truncated"},
        {CHAT_END_BROKEN, 1, 0, 0, CHAT_OUTCOME_TRUNCATED, 502,
         "upstream_truncated"},
        {CHAT_END_TIMEOUT, 1, 0, 0, CHAT_OUTCOME_TIMEOUT, 504,
         "upstream_timeout"},
        {CHAT_END_SHUTDOWN, 1, 0, 0, CHAT_OUTCOME_CANCELLED, 503, "shutdown"},
    };
    call_t *c = call_of(cases[_i].why, 200, cases[_i].answering);
    const char *detail = NULL;
    chat_err_t err;

    c->seen.ended = cases[_i].ended;
    c->seen.failed = cases[_i].failed;
    ck_assert_int_eq(chat_run_failure_outcome(&c->result, &detail),
                     cases[_i].outcome);
    if (!cases[_i].code)
        return;
    chat_run_failure_broken(&err, &c->result);
    ck_assert_int_eq(err.status, cases[_i].status);
    ck_assert_str_eq(err.code, cases[_i].code);
}
END_TEST

START_TEST(no_answer_is_told_by_what_is_known)
{
    call_t *c = call_of(CHAT_END_TIMEOUT, 401, 0);
    chat_err_t err;

    chat_run_failure_no_answer(&err, &c->result);
    ck_assert_str_eq(err.code, "upstream_timeout");
    c = call_of(CHAT_END_BROKEN, 0, 0);
    chat_run_failure_no_answer(&err, &c->result);
    ck_assert_str_eq(err.code, "upstream_unreachable");
    c = call_of(CHAT_END_COMPLETE, 429, 0);
    c->refusal.code = "upstream_rate_limited";
    chat_run_failure_no_answer(&err, &c->result);
    ck_assert_str_eq(err.code, "upstream_rate_limited");
    c = call_of(CHAT_END_STOPPED, 200, 1);
    c->result.whole = 1;
    chat_run_failure_broken(&err, &c->result);
    ck_assert_str_eq(err.code, "answer_too_large");
}
END_TEST

/* ---- when ---- */

START_TEST(a_retry_after_is_seconds_or_a_date)
{
    apr_time_t now = apr_time_from_sec(784111777 - 60);

    ck_assert_int_eq(chat_run_failure_retry_after(NULL, now), -1);
    ck_assert_int_eq(chat_run_failure_retry_after("soon", now), -1);
    ck_assert_int_eq(chat_run_failure_retry_after("7", now),
                     apr_time_from_sec(7));
    ck_assert_int_eq(chat_run_failure_retry_after("99999999999", now),
                     APR_INT64_MAX);
    ck_assert_int_eq(
        chat_run_failure_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now),
        apr_time_from_sec(60));
    ck_assert_int_eq(
        chat_run_failure_retry_after("Sun, 06 Nov 1994 08:40:00 GMT", now), 0);
}
END_TEST

START_TEST(a_pause_is_doubled_and_bounded)
{
    ck_assert_int_eq(chat_run_failure_backoff(1000, 5000, 1, 128), 1000);
    ck_assert_int_eq(chat_run_failure_backoff(1000, 5000, 2, 128), 2000);
    ck_assert_int_eq(chat_run_failure_backoff(1000, 5000, 9, 128), 5000);
    ck_assert_int_eq(chat_run_failure_backoff(1000, APR_INT64_MAX, 99, 128),
                     1024000);
    ck_assert_int_eq(chat_run_failure_backoff(1000, 5000, 1, 0), 750);
    ck_assert_int_ge(chat_run_failure_backoff(1000, 5000, 1, 255), 1240);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *s = suite_create("chat_run_failure");
    TCase *t = tcase_create("failure");

    tcase_add_loop_test(t, a_status_has_its_remedy, 0, 15);
    tcase_add_test(t, words_say_more_than_a_status);
    tcase_add_loop_test(t, a_refusal_in_a_200_has_the_rules_of_its_status, 0,
                        6);
    tcase_add_test(t, what_never_arrived_may_be_sent_again);
    tcase_add_test(t, an_answer_is_not_asked_for_twice);
    tcase_add_loop_test(t, the_breaker_learns, 0, 17);
    tcase_add_test(t, the_breaker_learns_nothing_of_what_was_not_made);
    tcase_add_loop_test(t, an_outcome_is_what_the_provider_said_last, 0, 10);
    tcase_add_test(t, no_answer_is_told_by_what_is_known);
    tcase_add_test(t, a_retry_after_is_seconds_or_a_date);
    tcase_add_test(t, a_pause_is_doubled_and_bounded);
    suite_add_tcase(s, t);
    return s;
}
