/* SPDX-License-Identifier: Apache-2.0 */
/* src/resume/chat_resume_frames.c */
#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "../../src/resume/chat_resume_frames.h"
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

/* ---- the first line ---- */

static const char *const owners[] = {
    "", "user:1", "a b", "two\nlines", "100 %2f +", "\xc3\xa4 \x01", "=&?#/",
};

START_TEST(a_line_says_what_it_was_made_of)
{
    const chat_resume_line_t made = {
        .state = 'o', .created = 17, .owner = owners[_i], .route = "stream"};
    const char *text = chat_resume_frames_make_line(&made, pool);
    chat_resume_line_t line;

    ck_assert_int_eq(text[CHAT_RESUME_STATE_AT], 'o');
    ck_assert_int_eq(chat_resume_frames_parse_line(
                         &line, apr_pstrcat(pool, text, "id: 1\n\n", NULL),
                         strlen(text) + 7, pool),
                     APR_SUCCESS);
    ck_assert_uint_eq(line.len, strlen(text));
    ck_assert_int_eq(line.state, 'o');
    ck_assert_int_eq(line.created, 17);
    ck_assert_str_eq(line.owner, owners[_i]);
    ck_assert_str_eq(line.route, "stream");
    ck_assert_int_eq(
        chat_resume_frames_parse_line(&line, text, strlen(text) - 1, pool),
        APR_INCOMPLETE);
}
END_TEST

START_TEST(an_owner_has_a_limit)
{
    char *owner = apr_palloc(pool, 5000);
    const chat_resume_line_t line = {
        .state = 'o', .owner = owner, .route = "stream"};

    memset(owner, 'x', 4999);
    owner[4999] = '\0';
    ck_assert_ptr_null(chat_resume_frames_make_line(&line, pool));
    owner[4000] = '\0';
    ck_assert_ptr_nonnull(chat_resume_frames_make_line(&line, pool));
}
END_TEST

static const char *const no_lines[] = {
    "\n",
    "chat-log 2 o 1 stream a\n",
    "chat-log 1 oo 1 stream a\n",
    "chat-log 1 \n",
    "chat-log 1  o 1 stream a\n",
    "chat-log 1 o\n",
    "chat-log 1 o \n",
    "chat-log 1 o 1\n",
    "chat-log 1 o 1 stream %4\n",
    "chat-log 1 o 1 stream %00\n",
    "id: 1\ndata: x\n\n",
};

START_TEST(other_lines_are_none)
{
    chat_resume_line_t line;

    ck_assert_int_eq(chat_resume_frames_parse_line(&line, no_lines[_i],
                                                   strlen(no_lines[_i]), pool),
                     APR_EINVAL);
}
END_TEST

START_TEST(a_line_without_end_is_none)
{
    char *text = apr_palloc(pool, 5000);
    chat_resume_line_t line;

    memset(text, 'x', 5000);
    ck_assert_int_eq(chat_resume_frames_parse_line(&line, text, 5000, pool),
                     APR_EINVAL);
}
END_TEST

/* ---- frames ---- */

static const struct {
    const char *frame;
    apr_int64_t id;
} ids[] = {
    {"id: 1\ndata: x\n\n", 1},
    {"id:12\n\n", 12},
    {"event: a\ndata: x\nid: 7\n\n", 7},
    {"event: a\n\nid: 7\n\n", 0}, /* the next one's */
    {"data: id: 3\n\n", 0},
    {"id: 1x\n\n", 0},
    {"id: -1\n\n", 0},
    {"id: \n\n", 0},
    {"id: 1", 0}, /* it may go on */
    {"id: 999999999999999999\n\n", 999999999999999999},
    {"id: 9999999999999999999\n\n", 0},
    {"", 0},
};

START_TEST(a_frame_has_an_id)
{
    ck_assert_int_eq(
        chat_resume_frames_id(ids[_i].frame, strlen(ids[_i].frame)),
        ids[_i].id);
}
END_TEST

START_TEST(whole_frames_end_with_a_blank_line)
{
    ck_assert_uint_eq(chat_resume_frames_whole("a\n\nb\n\nc\n", 8), 6);
    ck_assert_uint_eq(chat_resume_frames_whole("a\n", 2), 0);
    ck_assert_uint_eq(chat_resume_frames_whole("\n\n", 2), 2);
    ck_assert_uint_eq(chat_resume_frames_whole("\n", 1), 0);
    ck_assert_uint_eq(chat_resume_frames_whole("", 0), 0);
}
END_TEST

/* ---- seeking ---- */

typedef struct text_t {
    const char *data;
    apr_size_t len;
    apr_off_t fails_at; /* 0: never */
} text_t;

static apr_ssize_t read_text(void *ctx, char *data, apr_size_t len,
                             apr_off_t at)
{
    const text_t *text = ctx;
    apr_size_t left = (apr_size_t)at < text->len ? text->len - at : 0;

    if (text->fails_at && at >= text->fails_at)
        return -1;
    if (len > left)
        len = left;
    memcpy(data, text->data + at, len);
    return (apr_ssize_t)len;
}

/* n frames of so many bytes of data each, and where each begins. */
static text_t make_frames(apr_off_t *starts, int n, int size)
{
    char *data = apr_palloc(pool, (apr_size_t)n * (size + 64) + 1), *at = data;
    int i;

    for (i = 1; i <= n; i++) {
        starts[i] = at - data;
        at += sprintf(at, "id: %d\ndata: ", i);
        memset(at, 'x', size);
        at = stpcpy(at + size, "\n\n");
    }
    starts[n + 1] = at - data;
    return (text_t){.data = data, .len = at - data};
}

static const struct {
    int n, size;
} files[] = {{1, 1},
             {50, 10},
             {3000, 20},
             {9, 40000},
             {20, 32 * 1024 - 15},
             {5, 32 * 1024 - 14},
             {5, 32 * 1024 - 13},
             {3, 100000}};

START_TEST(a_reader_begins_behind_what_it_had)
{
    int n = files[_i].n, after, step = n > 100 ? 97 : 1;
    apr_off_t *starts = apr_palloc(pool, (n + 2) * sizeof(*starts)), at;
    text_t text = make_frames(starts, n, files[_i].size);
    apr_int64_t last;

    for (after = 0; after <= n + 1; after += step) {
        at = 0;
        ck_assert_int_eq(
            chat_resume_frames_seek(&at, &last, read_text, &text, after),
            APR_SUCCESS);
        ck_assert_int_eq(at, starts[after > n ? n + 1 : after + 1]);
        ck_assert_int_eq(last, after > n ? n : after);
    }
    /* The last frame is not whole. */
    text.len--;
    at = 0;
    chat_resume_frames_seek(&at, &last, read_text, &text, n);
    ck_assert_int_eq(at, starts[n]);
    ck_assert_int_eq(last, n - 1);
}
END_TEST

START_TEST(what_cannot_be_read_is_an_error)
{
    apr_off_t starts[12], at = 0;
    text_t text = make_frames(starts, 10, 40000);
    apr_int64_t last;

    text.fails_at = 1;
    ck_assert_int_ne(chat_resume_frames_seek(&at, &last, read_text, &text, 10),
                     APR_SUCCESS);
    at = 0;
    text.fails_at = starts[2];
    ck_assert_int_ne(chat_resume_frames_seek(&at, &last, read_text, &text, 10),
                     APR_SUCCESS);
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof(*(array)))

Suite *unit_suite(void)
{
    Suite *s = suite_create("resume_frames");
    TCase *t = tcase_create("frames");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, a_line_says_what_it_was_made_of, 0, COUNT(owners));
    tcase_add_test(t, an_owner_has_a_limit);
    tcase_add_loop_test(t, other_lines_are_none, 0, COUNT(no_lines));
    tcase_add_test(t, a_line_without_end_is_none);
    tcase_add_loop_test(t, a_frame_has_an_id, 0, COUNT(ids));
    tcase_add_test(t, whole_frames_end_with_a_blank_line);
    tcase_add_loop_test(t, a_reader_begins_behind_what_it_had, 0, COUNT(files));
    tcase_add_test(t, what_cannot_be_read_is_an_error);
    suite_add_tcase(s, t);
    return s;
}
