/* SPDX-License-Identifier: Apache-2.0 */
/* chat_http1: answers are read as RFC 9112 frames them, however they are cut,
 * and what could be read in two ways is none. */
#include "chat_http1.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static chat_http1_t http;
static char body[256 * 1024];
static apr_size_t body_len;
static char fields[4096];

static void on_status(void *ctx, int status)
{
    fields[0] = '\0';
}

static void on_field(void *ctx, const char *name, apr_size_t name_len,
                     const char *value, apr_size_t value_len)
{
    size_t used = strlen(fields);

    if (used + name_len + value_len + 3 < sizeof(fields))
        snprintf(fields + used, sizeof(fields) - used, "%.*s=%.*s;",
                 (int)name_len, name, (int)value_len, value);
}

static const chat_http1_cb_t cb = {on_status, on_field, NULL};

static void feed(const char *text, apr_size_t len)
{
    char *copy = malloc(len ? len : 1), *at;
    apr_size_t n;

    memcpy(copy, text, len);
    n = chat_http1_feed(&http, copy, len, &at);
    ck_assert_uint_le(n, len);
    memcpy(body + body_len, at, n);
    body_len += n;
    body[body_len] = '\0';
    free(copy);
}

/* In pieces of that size. */
static void read_cut(const char *text, apr_size_t piece)
{
    apr_size_t len = strlen(text), at;

    chat_http1_clear(&http);
    chat_http1_begin(&http, &cb);
    body_len = 0;
    body[0] = fields[0] = '\0';
    for (at = 0; at < len; at += piece)
        feed(text + at, len - at < piece ? len - at : piece);
}

/* Whole, in one way or another, with that body; 1: and the connection may be
 * used again. */
static void is_answer(const char *text, const char *expected, int persistent)
{
    apr_size_t piece;

    for (piece = 1; piece <= strlen(text); piece++) {
        read_cut(text, piece);
        ck_assert_msg(http.phase == CHAT_HTTP1_END, "%s: phase %d, %s", text,
                      http.phase, http.why);
        ck_assert_str_eq(body, expected);
        ck_assert_int_eq(http.persistent, persistent);
        ck_assert_ptr_null(http.partial);
    }
}

/* No answer, and it is said why. */
static void is_bad(const char *text)
{
    apr_size_t piece;

    for (piece = 1; piece <= strlen(text); piece++) {
        read_cut(text, piece);
        ck_assert_msg(http.phase == CHAT_HTTP1_BAD, "%s: phase %d", text,
                      http.phase);
        ck_assert_ptr_nonnull(http.why);
        ck_assert_int_eq(http.persistent, 0);
        ck_assert_int_eq(chat_http1_closed(&http), 0);
    }
}

#define OK "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n\r\n"

START_TEST(length)
{
    is_answer(OK "Content-Length: 5\r\n\r\nhello", "hello", 1);
    is_answer(OK "Content-Length: 0\r\n\r\n", "", 1);
    is_answer(OK "content-length:5\r\n\r\nhello", "hello", 1);
    is_answer(OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "hello",
              1);
    is_answer(OK "Content-Length: 5, 5\r\n\r\nhello", "hello", 1);
    is_answer(OK "Content-Length: 5\r\nConnection: close\r\n\r\nhello", "hello",
              0);
    is_answer(OK "Content-Length: 5\r\nConnection: Keep-Alive, Close\r\n\r\n"
                 "hello",
              "hello", 0);
}
END_TEST

START_TEST(two_lengths)
{
    is_bad(OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello");
    is_bad(OK "Content-Length: 5, 6\r\n\r\nhello");
    is_bad(OK "Content-Length: +5\r\n\r\nhello");
    is_bad(OK "Content-Length: -5\r\n\r\nhello");
    is_bad(OK "Content-Length: 0x5\r\n\r\nhello");
    is_bad(OK "Content-Length: 5 5\r\n\r\nhello");
    is_bad(OK "Content-Length:\r\n\r\n");
    is_bad(OK "Content-Length: ,\r\n\r\n");
    is_bad(OK "Content-Length: 99999999999999999999\r\n\r\nhello");
}
END_TEST

START_TEST(chunks)
{
    is_answer(CHUNKED "5\r\nhello\r\n0\r\n\r\n", "hello", 1);
    is_answer(CHUNKED "3\r\nhel\r\n2\r\nlo\r\n000\r\n\r\n", "hello", 1);
    is_answer(CHUNKED "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
              "01234567890123456789", 1);
    is_answer(CHUNKED "5;x=y\r\nhello\r\n0;last\r\n\r\n", "hello", 1);
    is_answer(CHUNKED "5  \r\nhello\r\n0\r\n\r\n", "hello", 1);
    is_answer(CHUNKED "5\r\nhello\r\n0\r\nA: b\r\nC: d\r\n\r\n", "hello", 1);
    is_answer(CHUNKED "5\r\nhel\r\n\r\n0\r\n\r\n", "hel\r\n", 1);
}
END_TEST

/* What several readers read differently. */
START_TEST(odd_chunks)
{
    is_bad(CHUNKED "5\nhello\r\n0\r\n\r\n");
    is_bad(CHUNKED "5\r\nhello\n0\r\n\r\n");
    is_bad(CHUNKED "5\r\nhello0\r\n\r\n");
    is_bad(CHUNKED "5;x\nhello\r\n0\r\n\r\n");
    is_bad(CHUNKED "5;x\ry\r\nhello\r\n0\r\n\r\n");
    is_bad(CHUNKED "\r\nhello\r\n0\r\n\r\n");
    is_bad(CHUNKED " 5\r\nhello\r\n0\r\n\r\n");
    is_bad(CHUNKED "0x5\r\nhello\r\n0\r\n\r\n");
    is_bad(CHUNKED "+5\r\nhello\r\n0\r\n\r\n");
    is_bad(CHUNKED "-5\r\nhello\r\n0\r\n\r\n");
    is_bad(CHUNKED "5_0\r\nhello\r\n0\r\n\r\n");
    is_bad(CHUNKED "10000000000000005\r\nhello\r\n0\r\n\r\n");
    is_bad(CHUNKED "ffffffffffffffff\r\nhello\r\n0\r\n\r\n");
    is_bad(CHUNKED "5\r\nhello\r\n0\r\nA: b\n\r\n");
    is_bad(CHUNKED "5\r\nhello\r\n0\r\nA: b\rC: d\r\n\r\n");
}
END_TEST

START_TEST(both)
{
    is_answer(OK "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "5\r\nhello\r\n0\r\n\r\n",
              "hello", 0);
    is_answer(OK "Transfer-Encoding: chunked\r\nContent-Length: 99\r\n\r\n"
                 "5\r\nhello\r\n0\r\n\r\n",
              "hello", 0);
    is_answer("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n"
              "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
              "hello", 0);
}
END_TEST

START_TEST(codings)
{
    is_bad(OK "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n");
    is_bad(OK "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n");
    is_bad(OK "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n");
    is_bad(OK "Transfer-Encoding: chunked\r\n"
              "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    is_bad(OK "Transfer-Encoding: identity\r\n\r\nhello");
    is_bad(OK "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n");
    is_bad(OK "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n");
    is_bad(OK "Transfer-Encoding:\r\n\r\n0\r\n\r\n");
    is_answer(OK "Transfer-Encoding: ChunKed\r\n\r\n0\r\n\r\n", "", 1);
}
END_TEST

START_TEST(heads)
{
    is_bad("HTTP/2 200\r\n\r\n");
    is_bad("HTTP/1.1  200 OK\r\n\r\n");
    is_bad("HTTP/1.1 20 OK\r\n\r\n");
    is_bad("HTTP/1.1 2000 OK\r\n\r\n");
    is_bad("HTTP/1.1 099 OK\r\n\r\n");
    is_bad("\r\nHTTP/1.1 200 OK\r\n\r\n");
    is_bad("<html>hello</html>\r\n");
    is_bad("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n");
    is_bad(OK "Content-Length: 5\r\n folded: 1\r\n\r\nhello");
    is_bad(OK "\tA: b\r\n\r\n");
    is_bad(OK "no colon\r\n\r\n");
    is_bad(OK ": no name\r\n\r\n");
    is_bad(OK "A b: c\r\n\r\n");
    is_bad(OK "A: b\rContent-Length: 5\r\n\r\nhello");
    is_answer(OK "Content-Length : 5\r\n\r\nhello", "hello", 1);
    is_answer("HTTP/1.1 200\nContent-Length: 5\n\nhello", "hello", 1);
    is_answer("HTTP/1.1 204 No\r\nContent-Length: 5\r\n\r\n", "", 1);
    read_cut(OK "Content-Type:  text/x \t\r\nX:\r\n\r\n", 1000);
    ck_assert_str_eq(fields, "Content-Type=text/x;X=;");
}
END_TEST

START_TEST(a_nul_in_a_field)
{
    static const char text[] = OK "A: b\0c\r\n\r\n";

    chat_http1_begin(&http, &cb);
    feed(text, sizeof(text) - 1);
    ck_assert_int_eq(http.phase, CHAT_HTTP1_BAD);
}
END_TEST

START_TEST(interim)
{
    is_answer("HTTP/1.1 100 Continue\r\nContent-Length: 9\r\nA: b\r\n\r\n"
              "HTTP/1.1 103 Early\r\nConnection: close\r\n\r\n" OK
              "Content-Length: 5\r\n\r\nhello",
              "hello", 1);
    ck_assert_str_eq(fields, "Content-Length=5;");
    ck_assert_int_eq(http.status, 200);
}
END_TEST

START_TEST(until_the_end)
{
    read_cut(OK "\r\nhello", 3);
    ck_assert_int_eq(http.phase, CHAT_HTTP1_REST);
    ck_assert_str_eq(body, "hello");
    ck_assert_int_eq(chat_http1_closed(&http), 1);
    ck_assert_int_eq(http.persistent, 0);
}
END_TEST

/* A connection that ends before its answer has. */
START_TEST(cut_off)
{
    static const char *const texts[] = {
        "",
        "HTTP/1.1 200",
        OK,
        OK "Content-Length: 5\r\n\r\nhell",
        CHUNKED,
        CHUNKED "5\r\nhello",
        CHUNKED "5\r\nhello\r\n0\r\n",
        CHUNKED "5\r\nhello\r\n0\r\n\r",
        "HTTP/1.1 100 Continue\r\n\r\n",
    };
    size_t i;

    for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        read_cut(texts[i], 7);
        ck_assert_int_eq(chat_http1_closed(&http), 0);
        ck_assert_int_eq(http.begun, *texts[i] != '\0');
    }
}
END_TEST

/* The beginning of an answer to somebody else, perhaps. */
START_TEST(too_much)
{
    is_answer(OK "Content-Length: 5\r\n\r\nhello!", "hello", 0);
    is_answer(CHUNKED "5\r\nhello\r\n0\r\n\r\n\r\n", "hello", 0);
    is_answer(CHUNKED "0\r\n\r\n" OK "Content-Length: 4\r\n\r\nEVIL", "", 0);
    is_answer("HTTP/1.1 304 Not\r\n\r\nhello", "", 0);
}
END_TEST

/* So many times the same bytes behind a beginning. */
static void read_many(const char *begin, const char *more, size_t times)
{
    read_cut(begin, 1000);
    while (times-- && http.phase < CHAT_HTTP1_END)
        feed(more, strlen(more));
}

START_TEST(limits)
{
    read_many(OK, "A: 0123456789\r\n", CHAT_HTTP1_HEAD_MAX / 15 - 2);
    ck_assert_int_eq(http.phase, CHAT_HTTP1_FIELDS);
    read_many(OK, "A: 0123456789\r\n", CHAT_HTTP1_HEAD_MAX / 15 + 1);
    ck_assert_int_eq(http.phase, CHAT_HTTP1_BAD);
    read_many("HTTP/1.1 ", "0", CHAT_HTTP1_HEAD_MAX);
    ck_assert_int_eq(http.phase, CHAT_HTTP1_BAD);
    read_many("", "HTTP/1.1 100 Continue\r\n\r\n",
              CHAT_HTTP1_HEAD_MAX / 25 + 1);
    ck_assert_int_eq(http.phase, CHAT_HTTP1_BAD);
    read_many(CHUNKED, "0", CHAT_HTTP1_CHUNK_LINE_MAX);
    ck_assert_int_eq(http.phase, CHAT_HTTP1_SIZE);
    read_many(CHUNKED, "0", CHAT_HTTP1_CHUNK_LINE_MAX + 1);
    ck_assert_int_eq(http.phase, CHAT_HTTP1_BAD);
    read_many(CHUNKED "5;", "x", CHAT_HTTP1_CHUNK_LINE_MAX);
    ck_assert_int_eq(http.phase, CHAT_HTTP1_BAD);
    read_many(CHUNKED "0\r\n", "A: 012345678\r\n",
              CHAT_HTTP1_TRAILERS_MAX / 14 + 1);
    ck_assert_int_eq(http.phase, CHAT_HTTP1_BAD);
    chat_http1_clear(&http);
}
END_TEST

/* Every byte in every place of a word and behind it, with a tab before it. */
START_TEST(values)
{
    char text[20];
    apr_size_t at;
    int c;

    ck_assert(chat_http1_is_value("", 0));
    for (at = 0; at < sizeof(text); at++)
        for (c = 0; c < 256; c++) {
            int fit = c == '\t' || (c >= ' ' && c != 127);

            memset(text, 'a', sizeof(text));
            text[at] = (char)c;
            ck_assert_int_eq(chat_http1_is_value(text, sizeof(text)), fit);
            text[at / 2] = at / 2 < at ? '\t' : (char)c;
            ck_assert_int_eq(chat_http1_is_value(text, sizeof(text)), fit);
        }
}
END_TEST

/* RFC 9110, 5.6.2: a name is a token. */
START_TEST(names)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    char text[128];
    int c;

    for (c = 1; c < 256; c++) {
        int fit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                  (c >= 'A' && c <= 'Z') || strchr(marks, c);

        if (c == '\n' || c == ':')
            continue;
        snprintf(text, sizeof(text),
                 "HTTP/1.1 200 OK\r\na%cb: 1\r\nContent-Length: 0\r\n\r\n", c);
        read_cut(text, sizeof(text));
        ck_assert_msg((http.phase == CHAT_HTTP1_END) == fit, "byte %d", c);
    }
    chat_http1_clear(&http);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *s = suite_create("chat_http1");
    TCase *tc = tcase_create("http1");

    tcase_add_test(tc, length);
    tcase_add_test(tc, two_lengths);
    tcase_add_test(tc, chunks);
    tcase_add_test(tc, odd_chunks);
    tcase_add_test(tc, both);
    tcase_add_test(tc, codings);
    tcase_add_test(tc, heads);
    tcase_add_test(tc, a_nul_in_a_field);
    tcase_add_test(tc, interim);
    tcase_add_test(tc, until_the_end);
    tcase_add_test(tc, cut_off);
    tcase_add_test(tc, too_much);
    tcase_add_test(tc, limits);
    tcase_add_test(tc, values);
    tcase_add_test(tc, names);
    suite_add_tcase(s, tc);
    return s;
}
