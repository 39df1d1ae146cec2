/* SPDX-License-Identifier: Apache-2.0 */
/* src/store/chat_store_context_entry.c: the bounds of a session, and its bytes
 * whole, cut off and changed. */
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "chat_crypto.h"
#include "unit.h"
#include "../../src/store/chat_store_context_entry.h"

#define NOW ((apr_time_t)1234567890123456)
#define HOUR apr_time_from_sec(3600)

static const unsigned char key[CHAT_SHA256_LEN] = "one session";
static const unsigned char other_key[CHAT_SHA256_LEN] = "another session";

static const chat_store_bounds_t roomy = {100, 10000, HOUR};

static apr_pool_t *pool;
static chat_store_history_t history;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
    chat_store_context_entry_none(&history, pool);
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

static int say(const char *question, const char *answer,
               const chat_store_bounds_t *bounds, apr_time_t now)
{
    chat_store_exchange_t e = {question, answer, strlen(question),
                               strlen(answer)};

    return chat_store_context_entry_append(&history, &e, bounds, now);
}

/* "question answer|question answer" */
static const char *told(const chat_store_history_t *h)
{
    char *text = "";
    int i;

    for (i = 0; i < h->exchanges->nelts; i++) {
        const chat_store_exchange_t *e =
            &APR_ARRAY_IDX(h->exchanges, i, chat_store_exchange_t);

        text = apr_psprintf(pool, "%s%s%.*s %.*s", text, i ? "|" : "",
                            (int)e->question_len, e->question,
                            (int)e->answer_len, e->answer);
    }
    return text;
}

/* The entry on the heap, where a checker sees each byte beside it. */
static unsigned char *written(apr_size_t *plen)
{
    const unsigned char *data;
    unsigned char *copy;

    ck_assert_int_eq(
        chat_store_context_entry_write(&data, plen, key, &history, pool),
        APR_SUCCESS);
    copy = malloc(*plen);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, data, *plen);
    return copy;
}

static const struct {
    int messages;
    apr_size_t bytes;
    const char *kept;
} bounds_table[] = {
    {8, 1000, "q1 a1|q2 a2|q3 a3|q4 a4"},
    {7, 1000, "q2 a2|q3 a3|q4 a4"},
    {6, 1000, "q2 a2|q3 a3|q4 a4"},
    {2, 1000, "q4 a4"},
    /* half an exchange is none */
    {1, 1000, ""},
    {0, 1000, ""},
    {8, 16, "q1 a1|q2 a2|q3 a3|q4 a4"},
    {8, 15, "q2 a2|q3 a3|q4 a4"},
    {8, 4, "q4 a4"},
    {8, 3, ""},
    /* the tighter one counts */
    {4, 15, "q3 a3|q4 a4"},
    {6, 8, "q3 a3|q4 a4"},
};

START_TEST(the_oldest_exchanges_go_first)
{
    const chat_store_bounds_t bounds = {bounds_table[_i].messages,
                                        bounds_table[_i].bytes, HOUR};

    say("q1", "a1", &bounds, NOW);
    say("q2", "a2", &bounds, NOW + 1);
    say("q3", "a3", &bounds, NOW + 2);
    ck_assert_int_eq(say("q4", "a4", &bounds, NOW + 3),
                     *bounds_table[_i].kept != '\0');
    ck_assert_str_eq(told(&history), bounds_table[_i].kept);
}
END_TEST

START_TEST(a_location_with_less_room_shows_less)
{
    const chat_store_bounds_t narrow = {2, 1000, HOUR};

    say("q1", "a1", &roomy, NOW);
    say("q2", "a2", &roomy, NOW);
    chat_store_context_entry_bound(&history, &narrow, NOW);
    ck_assert_str_eq(told(&history), "q2 a2");
}
END_TEST

START_TEST(an_exchange_over_the_bound_leaves_what_was_before)
{
    const chat_store_bounds_t bounds = {10, 12, HOUR};

    say("q1", "a1", &bounds, NOW);
    ck_assert_int_eq(say("q2", "a long answer", &bounds, NOW + HOUR - 1), 0);
    ck_assert_str_eq(told(&history), "q1 a1");
    ck_assert_int_eq(history.last, NOW + HOUR - 1);
}
END_TEST

START_TEST(half_an_exchange_is_not_kept)
{
    ck_assert_int_eq(say("q", "", &roomy, NOW), 0);
    ck_assert_int_eq(say("", "a", &roomy, NOW), 0);
    ck_assert_str_eq(told(&history), "");
}
END_TEST

START_TEST(a_session_ends_its_time_after_the_last_message)
{
    say("q1", "a1", &roomy, NOW);
    say("q2", "a2", &roomy, NOW + HOUR - 1);
    chat_store_context_entry_bound(&history, &roomy, NOW + 2 * HOUR - 2);
    ck_assert_str_eq(told(&history), "q1 a1|q2 a2");
    chat_store_context_entry_bound(&history, &roomy, NOW + 2 * HOUR - 1);
    ck_assert_str_eq(told(&history), "");
}
END_TEST

START_TEST(what_is_said_after_the_end_begins_anew)
{
    say("q1", "a1", &roomy, NOW);
    say("q2", "a2", &roomy, NOW + HOUR);
    ck_assert_str_eq(told(&history), "q2 a2");
}
END_TEST

START_TEST(halves_go_until_one_exchange_is_left)
{
    int i;

    for (i = 1; i <= 7; i++)
        say(apr_itoa(pool, i), "a", &roomy, NOW);
    ck_assert_int_eq(chat_store_context_entry_halve(&history), 1);
    ck_assert_str_eq(told(&history), "5 a|6 a|7 a");
    ck_assert_int_eq(chat_store_context_entry_halve(&history), 1);
    ck_assert_str_eq(told(&history), "7 a");
    ck_assert_int_eq(chat_store_context_entry_halve(&history), 0);
    ck_assert_str_eq(told(&history), "7 a");
}
END_TEST

static void fill(void)
{
    say("What is \"caf\xc3\xa9\"?", "A\nplace.", &roomy, NOW);
    say("Und \xe2\x82\xac?", "\xf0\x9f\x98\x80", &roomy, NOW + 1);
}

START_TEST(what_was_written_is_read)
{
    chat_store_history_t read;
    apr_size_t len;
    unsigned char *data;

    fill();
    data = written(&len);
    ck_assert_int_eq(chat_store_context_entry_read(&read, key, data, len, pool),
                     APR_SUCCESS);
    ck_assert_str_eq(told(&read), told(&history));
    ck_assert_int_eq(read.last, NOW + 1);
    free(data);
}
END_TEST

/* So that another version, or another machine, can tell. */
START_TEST(the_bytes_are_those_of_the_version)
{
    static const unsigned char body[] = "\x80\x1c\xcb\x4d\xd7\x62\x04\x00"
                                        "\x01\x00\x00\x00\x02\x00\x00\x00"
                                        "qaa";
    apr_size_t len;
    unsigned char *data;

    say("q", "aa", &roomy, NOW);
    history.last = APR_INT64_C(0x000462d74dcb1c80);
    data = written(&len);
    ck_assert_int_eq(len, 12 + sizeof(body) - 1);
    ck_assert_mem_eq(data, "CHx\x01", 4);
    ck_assert_mem_eq(data + 12, body, sizeof(body) - 1);
    free(data);
}
END_TEST

START_TEST(an_entry_of_another_session_is_none)
{
    chat_store_history_t read;
    apr_size_t len;
    unsigned char *data;

    fill();
    data = written(&len);
    ck_assert_int_eq(
        chat_store_context_entry_read(&read, other_key, data, len, pool),
        APR_EINVAL);
    ck_assert_str_eq(told(&read), "");
    free(data);
}
END_TEST

START_TEST(an_entry_that_is_cut_off_is_none)
{
    chat_store_history_t read;
    apr_size_t len, cut;
    unsigned char *data;

    fill();
    data = written(&len);
    for (cut = 0; cut < len; cut++) {
        unsigned char *part = malloc(cut ? cut : 1);

        ck_assert_ptr_nonnull(part);
        memcpy(part, data, cut);
        ck_assert_int_eq(
            chat_store_context_entry_read(&read, key, part, cut, pool),
            APR_EINVAL);
        ck_assert_str_eq(told(&read), "");
        free(part);
    }
    free(data);
}
END_TEST

START_TEST(an_entry_with_one_other_bit_is_none)
{
    chat_store_history_t read;
    apr_size_t len, i;
    unsigned char *data;

    fill();
    data = written(&len);
    for (i = 0; i < 8 * len; i++) {
        data[i / 8] ^= (unsigned char)(1 << i % 8);
        ck_assert_int_eq(
            chat_store_context_entry_read(&read, key, data, len, pool),
            APR_EINVAL);
        data[i / 8] ^= (unsigned char)(1 << i % 8);
    }
    ck_assert_int_eq(chat_store_context_entry_read(&read, key, data, len, pool),
                     APR_SUCCESS);
    free(data);
}
END_TEST

/* Signed, but not by this code: no length is believed. */
static const struct {
    const char *rest; /* after the time */
    apr_size_t len;
} lies[] = {
    {"\x01", 1},
    {"\x01\x00\x00\x00\x01\x00\x00", 7},
    {"\x01\x00\x00\x00\x01\x00\x00\x00q", 9},
    {"\xff\xff\xff\xff\x01\x00\x00\x00qa", 10},
    {"\x01\x00\x00\x00\xff\xff\xff\xffqa", 10},
    {"\xff\xff\xff\xff\xff\xff\xff\xffqa", 10},
    /* one that is whole, and one that is not */
    {"\x01\x00\x00\x00\x01\x00\x00\x00qa\x01\x00\x00\x00", 14},
};

START_TEST(lengths_that_lie_are_not_believed)
{
    apr_size_t len = 20 + lies[_i].len;
    unsigned char mac[CHAT_SHA256_LEN], *data = calloc(1, len);
    chat_store_history_t read;

    ck_assert_ptr_nonnull(data);
    memcpy(data, "CHx\x01", 4);
    memcpy(data + 20, lies[_i].rest, lies[_i].len);
    ck_assert_int_eq(chat_crypto_hmac(mac, (const char *)key, sizeof(key),
                                      (const char *)data + 12, len - 12),
                     APR_SUCCESS);
    memcpy(data + 4, mac, 8);
    ck_assert_int_eq(chat_store_context_entry_read(&read, key, data, len, pool),
                     APR_EINVAL);
    ck_assert_str_eq(told(&read), "");
    free(data);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_store_context_entry");
    TCase *bounds = tcase_create("bounds"), *bytes = tcase_create("bytes");

    tcase_add_checked_fixture(bounds, setup, teardown);
    tcase_add_loop_test(bounds, the_oldest_exchanges_go_first, 0,
                        sizeof(bounds_table) / sizeof(bounds_table[0]));
    tcase_add_test(bounds, a_location_with_less_room_shows_less);
    tcase_add_test(bounds, an_exchange_over_the_bound_leaves_what_was_before);
    tcase_add_test(bounds, half_an_exchange_is_not_kept);
    tcase_add_test(bounds, a_session_ends_its_time_after_the_last_message);
    tcase_add_test(bounds, what_is_said_after_the_end_begins_anew);
    tcase_add_test(bounds, halves_go_until_one_exchange_is_left);
    suite_add_tcase(suite, bounds);

    tcase_add_checked_fixture(bytes, setup, teardown);
    tcase_add_test(bytes, what_was_written_is_read);
    tcase_add_test(bytes, the_bytes_are_those_of_the_version);
    tcase_add_test(bytes, an_entry_of_another_session_is_none);
    tcase_add_test(bytes, an_entry_that_is_cut_off_is_none);
    tcase_add_test(bytes, an_entry_with_one_other_bit_is_none);
    tcase_add_loop_test(bytes, lengths_that_lie_are_not_believed, 0,
                        sizeof(lies) / sizeof(lies[0]));
    suite_add_tcase(suite, bytes);
    return suite;
}
