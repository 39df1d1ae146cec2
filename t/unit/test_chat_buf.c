/* SPDX-License-Identifier: Apache-2.0 */
/* chat_buf: what is put stands there, and every text escapes to JSON that
 * means it, wherever its odd bytes lie. */
#include "chat_buf.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "chat_json.h"
#include "unit.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

static apr_pool_t *pool;
static chat_buf_t buf;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
    chat_buf_init(&buf, pool);
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

static const char *text_of(const chat_buf_t *b)
{
    return apr_pstrmemdup(pool, b->data ? b->data : "", b->len);
}

/* ---- putting ---- */

START_TEST(it_is_empty_before_anything_is_put)
{
    ck_assert_ptr_null(buf.data);
    ck_assert_uint_eq(buf.len, 0);
    chat_buf_put(&buf, NULL, 0);
    chat_buf_puts(&buf, "");
    chat_buf_escape(&buf, NULL, 0);
    chat_buf_clear(&buf);
    ck_assert_ptr_null(buf.data);
    ck_assert_uint_eq(buf.len, 0);
}
END_TEST

START_TEST(pieces_of_every_size_stand_one_behind_the_other)
{
    static char piece[5000];
    apr_size_t len, expected = 0, at = 0;

    for (len = 0; len < sizeof(piece); len = len * 3 / 2 + 1) {
        memset(piece, 'a' + len % 26, len);
        chat_buf_put(&buf, piece, len);
        expected += len;
        ck_assert_uint_eq(buf.len, expected);
    }
    for (len = 0; len < sizeof(piece); len = len * 3 / 2 + 1) {
        memset(piece, 'a' + len % 26, len);
        ck_assert_mem_eq(buf.data + at, piece, len);
        at += len;
    }
    ck_assert_uint_eq(at, buf.len);
}
END_TEST

START_TEST(integers_have_their_digits)
{
    static const struct {
        apr_int64_t n;
        const char *digits;
    } cases[] = {
        {0, "0"},
        {7, "7"},
        {10, "10"},
        {-1, "-1"},
        {-120, "-120"},
        {APR_INT64_MAX, "9223372036854775807"},
        {APR_INT64_MIN, "-9223372036854775808"},
    };

    chat_buf_integer(&buf, cases[_i].n);
    ck_assert_str_eq(text_of(&buf), cases[_i].digits);
}
END_TEST

/* 0 under a checker, which looks for leaks by itself. */
static apr_size_t allocated(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

START_TEST(clear_keeps_a_little_room)
{
    const char *data;

    chat_buf_puts(&buf, "hello");
    data = buf.data;
    chat_buf_clear(&buf);
    ck_assert_uint_eq(buf.len, 0);
    chat_buf_puts(&buf, "you");
    ck_assert_ptr_eq(buf.data, data);
    ck_assert_str_eq(text_of(&buf), "you");
}
END_TEST

START_TEST(clear_gives_much_room_back)
{
    apr_size_t before = allocated();
    int i;

    for (i = 0; i < 100000; i++)
        chat_buf_puts(&buf, "hello, world");
    chat_buf_clear(&buf);
    ck_assert_uint_lt(allocated() - before, 65536);
    chat_buf_puts(&buf, "again");
    ck_assert_str_eq(text_of(&buf), "again");
}
END_TEST

START_TEST(its_bytes_are_freed_with_the_pool)
{
    static chat_buf_t other;
    apr_pool_t *child;
    apr_size_t before;

    apr_pool_create(&child, pool);
    chat_buf_init(&other, child);
    before = allocated();
    chat_buf_put(&other, apr_pcalloc(pool, 65536), 65536);
    apr_pool_destroy(child);
    ck_assert_uint_lt(allocated(), before + 65536);
}
END_TEST

/* ---- escaping ---- */

/* As the standard has it, a byte at a time. */
static const char *escaped(const char *text, apr_size_t len)
{
    static const char names[] = "\b\f\n\r\t\"\\";
    static const char letters[] = "bfnrt\"\\";
    char *all = apr_palloc(pool, 6 * len + 1), *to = all;
    apr_size_t i;

    for (i = 0; i < len; i++) {
        const char *name = text[i] ? strchr(names, text[i]) : NULL;

        if (name)
            to += sprintf(to, "\\%c", letters[name - names]);
        else if ((unsigned char)text[i] < 0x20)
            to += sprintf(to, "\\u%04x", text[i]);
        else
            *to++ = text[i];
    }
    *to = '\0';
    return all;
}

/* The text ends where its memory ends, so that a checker sees a read beyond. */
static void expect(const char *text, apr_size_t len)
{
    char *copy = malloc(len ? len : 1);

    memcpy(copy, text, len);
    chat_buf_clear(&buf);
    chat_buf_escape(&buf, copy, len);
    free(copy);
    ck_assert_str_eq(text_of(&buf), escaped(text, len));
}

/* Before, in and behind the words that are looked at together. */
START_TEST(every_byte_is_escaped_or_not_wherever_it_lies)
{
    char text[20];
    apr_size_t len, at;

    for (len = 1; len <= sizeof(text); len++)
        for (at = 0; at < len; at++) {
            memset(text, 'x', sizeof(text));
            text[at] = (char)_i;
            expect(text, len);
        }
    apr_pool_clear(pool);
    chat_buf_init(&buf, pool);
}
END_TEST

START_TEST(bytes_do_not_disturb_their_neighbours)
{
    static const char odd[] = "\0\x1f \"!#\\[]\x7f\x80\xff\n";
    char text[16];
    int a, b, at;

    for (a = 0; a < COUNT(odd) - 1; a++)
        for (b = 0; b < COUNT(odd) - 1; b++)
            for (at = 0; at < 15; at++) {
                memset(text, 0x80, sizeof(text));
                text[at] = odd[a];
                text[at + 1] = odd[b];
                expect(text, sizeof(text));
            }
}
END_TEST

START_TEST(what_was_escaped_means_the_same_in_json)
{
    static const chat_json_limits_t limits = {1 << 20, 4, 100};
    char text[200];
    chat_json_t *v;
    apr_uint32_t seed = _i;
    int i;

    for (i = 0; i < COUNT(text) - 1; i++) {
        seed = seed * 1664525 + 1013904223;
        text[i] = (seed >> 24) % (_i % 2 ? 0x7f : 0x30) + 1;
    }
    text[i] = '\0';
    chat_buf_quote(&buf, text);
    ck_assert_int_eq(chat_json_parse(&v, buf.data, buf.len, &limits, pool),
                     APR_SUCCESS);
    ck_assert_str_eq(chat_json_string(v), text);
    ck_assert_str_eq(chat_json_quote(text, pool), text_of(&buf));
}
END_TEST

START_TEST(other_scripts_stay_as_they_are)
{
    static const char text[] = "Grüße, Київ 北京 🌍";

    chat_buf_quote(&buf, text);
    ck_assert_str_eq(text_of(&buf), apr_pstrcat(pool, "\"", text, "\"", NULL));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_buf");
    TCase *tc = tcase_create("chat_buf");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, it_is_empty_before_anything_is_put);
    tcase_add_test(tc, pieces_of_every_size_stand_one_behind_the_other);
    tcase_add_loop_test(tc, integers_have_their_digits, 0, 7);
    tcase_add_test(tc, clear_keeps_a_little_room);
    tcase_add_test(tc, clear_gives_much_room_back);
    tcase_add_test(tc, its_bytes_are_freed_with_the_pool);
    tcase_add_loop_test(tc, every_byte_is_escaped_or_not_wherever_it_lies, 0,
                        256);
    tcase_add_test(tc, bytes_do_not_disturb_their_neighbours);
    tcase_add_loop_test(tc, what_was_escaped_means_the_same_in_json, 0, 200);
    tcase_add_test(tc, other_scripts_stay_as_they_are);
    suite_add_tcase(suite, tc);
    return suite;
}
