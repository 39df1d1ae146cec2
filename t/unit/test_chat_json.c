/* SPDX-License-Identifier: Apache-2.0 */
/* chat_json: what is JSON, what is too much of it, and what comes out. */
#include "chat_json.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "unit.h"

static const chat_json_limits_t limits = {4096, 8, 64};
static apr_pool_t *pool;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

/* ---- reading one text in every way ---- */

typedef struct outcome_t {
    apr_status_t rv;
    const char *why;  /* when refused */
    const char *text; /* when read: written again */
} outcome_t;

static outcome_t finish(chat_json_reader_t *reader)
{
    outcome_t out = {0};
    chat_json_t *root;

    out.rv = chat_json_reader_end(&root, reader);
    if (out.rv == APR_SUCCESS)
        out.text = chat_json_text(root, NULL, pool);
    else {
        ck_assert_ptr_null(root);
        out.why = chat_json_reader_why(reader);
    }
    return out;
}

/* Each piece is a copy of its own, so that a checker sees a read past it. */
static void feed(chat_json_reader_t *reader, const char *data, apr_size_t len)
{
    char *copy = malloc(len ? len : 1);

    memcpy(copy, data, len);
    chat_json_reader_feed(reader, copy, len);
    free(copy);
}

static outcome_t read_split(const char *text, apr_size_t len, apr_size_t at,
                            const chat_json_limits_t *max)
{
    chat_json_reader_t *reader = chat_json_reader_create(max, pool);

    feed(reader, text, at);
    feed(reader, text + at, len - at);
    return finish(reader);
}

static outcome_t read_bytes(const char *text, apr_size_t len,
                            const chat_json_limits_t *max)
{
    chat_json_reader_t *reader = chat_json_reader_create(max, pool);
    apr_size_t i;

    for (i = 0; i < len; i++)
        feed(reader, text + i, 1);
    return finish(reader);
}

static void same(outcome_t a, outcome_t b, const char *text)
{
    ck_assert_msg(a.rv == b.rv, "%s: %d or %d", text, a.rv, b.rv);
    if (a.why)
        ck_assert_str_eq(a.why, b.why);
    else
        ck_assert_str_eq(a.text, b.text);
}

/* Read whole, in bytes and split everywhere; all must agree. */
static outcome_t read_every_way(const char *text, apr_size_t len,
                                const chat_json_limits_t *max)
{
    outcome_t whole = read_split(text, len, len, max);
    apr_size_t at;

    same(whole, read_bytes(text, len, max), text);
    for (at = 0; at < len && at < 200; at++)
        same(whole, read_split(text, len, at, max), text);
    return whole;
}

static chat_json_t *read_text(const char *text)
{
    chat_json_t *root;

    ck_assert_int_eq(chat_json_parse(&root, text, strlen(text), &limits, pool),
                     APR_SUCCESS);
    return root;
}

/* ---- what is JSON ---- */

typedef struct accept_t {
    const char *text;
    const char *again; /* NULL: the same text */
} accept_t;

static const accept_t accepted[] = {
    {"{}", NULL},
    {"[]", NULL},
    {"null", NULL},
    {"true", NULL},
    {"false", NULL},
    {"0", NULL},
    {"\"\"", NULL},
    {" \t\r\n[ 1 ,\n2 ] \r\n", "[1,2]"},
    {"{\"a\":{\"b\":[null,true,false,\"c\",1,1.5]}}", NULL},
    {"  null  ", "null"},
    /* names: empty, one the start of another, equal ones, __proto__ */
    {"{\"\":1}", NULL},
    {"{\"a\":1,\"aa\":2,\"aaa\":3}", NULL},
    {"{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}"},
    {"{\"a\":{\"b\":1},\"\\u0061\":null}", "{\"a\":null}"},
    {"{\"__proto__\":{\"x\":1}}", NULL},
    /* escapes */
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
    {"\"\\u0041\\u00e9\\u20AC\"", "\"A\xc3\xa9\xe2\x82\xac\""},
    {"\"\\ud83d\\ude00\\uDBFF\\uDFFF\"",
     "\"\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\""},
    {"\"\\u001f\\u007f\"", "\"\\u001f\x7f\""},
    {"\"\\u0022\\u005c\\u000a\\u002f\"", "\"\\\"\\\\\\n/\""},
    {"\"\\ud836\\udc00\\uD876\\uDFFF\"",
     "\"\xf0\x9d\xa0\x80\xf0\xad\xaf\xbf\""},
    {"{\"\\ud83d\\ude00\\n\":1}", "{\"\xf0\x9f\x98\x80\\n\":1}"},
    /* the ends of every UTF-8 length, and noncharacters */
    {"\"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\"", NULL},
    {"\"\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"", NULL},
    {"\"a\xef\xbb\xbf\"", NULL},
    /* numbers keep their digits */
    {"[-1,-0.5,1.0,1e5,1E+5,1e-5,0e0,0.0,10,1.5e300]", NULL},
    {"[1e400,-1e400,1e-400]", NULL},
    {"[0.1000000000000000055511151231257827]", NULL},
    /* 64 bits are kept, what needs more becomes a double of equal value */
    {"[9223372036854775807,-9223372036854775808,18446744073709551615]", NULL},
    {"[9007199254740993]", NULL},
    {"18446744073709551616", "18446744073709551616.0"},
    {"-9223372036854775809 ", "-9223372036854775809.0"},
    {"[18446744073709551616,1]", "[18446744073709551616.0,1]"},
    {"[99999999999999999999999999999999]",
     "[99999999999999999999999999999999.0]"},
    {"{\"a\":99999999999999999999}", "{\"a\":99999999999999999999.0}"},
    {"99999999999999999999e-1", NULL},
    {"99999999999999999999.5", NULL},
    /* minus zero stays minus zero */
    {"-0", "-0.0"},
    {"[-0,-0.0,-0e0,0]", "[-0.0,-0.0,-0e0,0]"},
    {"{\"a\":-0}", "{\"a\":-0.0}"},
};

START_TEST(every_json_text_is_read_in_whatever_pieces_it_comes)
{
    const accept_t *a = &accepted[_i];
    outcome_t out = read_every_way(a->text, strlen(a->text), &limits);

    ck_assert_msg(out.rv == APR_SUCCESS, "%s: %s", a->text, out.why);
    ck_assert_str_eq(out.text, a->again ? a->again : a->text);
}
END_TEST

typedef struct refusal_t {
    const char *text;
    apr_size_t len; /* 0: strlen */
    const char *why;
} refusal_t;

#define BYTES(s) s, sizeof(s) - 1

static const refusal_t refused[] = {
    {"", 0, "unexpected end at byte 0"},
    {"  ", 0, "unexpected end at byte 2"},
    {"[", 0, "unexpected end at byte 1"},
    {"[1", 0, "unexpected end at byte 2"},
    {"[1,", 0, "unexpected end at byte 3"},
    {"{\"a\"", 0, "unexpected end at byte 4"},
    {"\"a", 0, "unexpected end at byte 2"},
    {"\"a\\", 0, "unexpected end at byte 3"},
    {"\"a\\u00", 0, "unexpected end at byte 6"},
    {"\"\xe2\x82", 0, "unexpected end at byte 3"},
    {"tru", 0, "unexpected end at byte 3"},
    {"-", 0, "unexpected end at byte 1"},
    {"1.", 0, "unexpected end at byte 2"},
    {"1e", 0, "unexpected end at byte 2"},
    {"1e+", 0, "unexpected end at byte 3"},
    /* structure */
    {"[1,]", 0, "unexpected character at byte 3"},
    {"[,1]", 0, "unexpected character at byte 1"},
    {"{\"a\":1,}", 0, "unexpected character at byte 7"},
    {"{,}", 0, "unexpected character at byte 1"},
    {"{\"a\" 1}", 0, "unexpected character at byte 5"},
    {"{\"a\":}", 0, "unexpected character at byte 5"},
    {"{a:1}", 0, "unexpected character at byte 1"},
    {"{'a':1}", 0, "unexpected character at byte 1"},
    {"{1:1}", 0, "unexpected character at byte 1"},
    {"['a']", 0, "unexpected character at byte 1"},
    {"[1}", 0, "unexpected character at byte 2"},
    {"{\"a\":1]", 0, "unexpected character at byte 6"},
    {"[1 2]", 0, "unexpected character at byte 3"},
    {"]", 0, "unexpected character at byte 0"},
    {"{} x", 0, "unexpected character at byte 3"},
    {"{}{}", 0, "unexpected character at byte 2"},
    {"null,", 0, "unexpected character at byte 4"},
    {"1 2", 0, "unexpected character at byte 2"},
    /* comments, BOM, foreign white space, NUL */
    {"/**/1", 0, "unexpected character at byte 0"},
    {"[1//\n]", 0, "unexpected character at byte 2"},
    {"\xef\xbb\xbf{}", 0, "unexpected character at byte 0"},
    {"[\v1]", 0, "unexpected character at byte 1"},
    {"[\f1]", 0, "unexpected character at byte 1"},
    {"[\xc2\xa0]", 0, "unexpected character at byte 1"},
    {BYTES("\0"), "unexpected character at byte 0"},
    {BYTES("{}\0"), "unexpected character at byte 2"},
    {BYTES("[1\0]"), "unexpected character at byte 2"},
    /* words */
    {"True", 0, "unexpected character at byte 0"},
    {"trUe", 0, "unexpected character at byte 2"},
    {"nul!", 0, "unexpected character at byte 3"},
    {"nullx", 0, "unexpected character at byte 4"},
    {"NaN", 0, "unexpected character at byte 0"},
    {"nan", 0, "unexpected character at byte 1"},
    {"Infinity", 0, "unexpected character at byte 0"},
    {"-Infinity", 0, "unexpected character at byte 1"},
    {"[-Infinity]", 0, "unexpected character at byte 2"},
    {"undefined", 0, "unexpected character at byte 0"},
    /* numbers */
    {"01", 0, "unexpected character at byte 1"},
    {"-01", 0, "unexpected character at byte 2"},
    {"00", 0, "unexpected character at byte 1"},
    {"+1", 0, "unexpected character at byte 0"},
    {".5", 0, "unexpected character at byte 0"},
    {"[1.]", 0, "unexpected character at byte 3"},
    {"-.5", 0, "unexpected character at byte 1"},
    {"1.e5", 0, "unexpected character at byte 2"},
    {"1.5.5", 0, "unexpected character at byte 3"},
    {"1e5.5", 0, "unexpected character at byte 3"},
    {"1e5e5", 0, "unexpected character at byte 3"},
    {"1e+-5", 0, "unexpected character at byte 3"},
    {"1-5", 0, "unexpected character at byte 1"},
    {"1.-5", 0, "unexpected character at byte 2"},
    {"--1", 0, "unexpected character at byte 1"},
    {"0x10", 0, "unexpected character at byte 1"},
    {"1_0", 0, "unexpected character at byte 1"},
    {"1,5", 0, "unexpected character at byte 1"},
    /* strings */
    {"\"a\nb\"", 0, "control character in a string at byte 2"},
    {"\"\x1f\"", 0, "control character in a string at byte 1"},
    {"{\"a\tb\":1}", 0, "control character in a string at byte 3"},
    {BYTES("\"a\0b\""), "control character in a string at byte 2"},
    {"\"\\x41\"", 0, "unknown escape at byte 2"},
    {"\"\\'\"", 0, "unknown escape at byte 2"},
    {"\"\\U0041\"", 0, "unknown escape at byte 2"},
    {"\"\\u004g\"", 0, "unknown escape at byte 6"},
    {"\"\\u+041\"", 0, "unknown escape at byte 3"},
    {"\"\\u\"", 0, "unknown escape at byte 3"},
    {BYTES("\"\\\0\""), "unknown escape at byte 2"},
    {BYTES("\"\\u00\0041\""), "unknown escape at byte 5"},
    /* deliberate: no UTF-8 form, or not to be stored */
    {"\"\\u0000\"", 0, "\\u0000 at byte 6"},
    {"{\"a\\u0000b\":1}", 0, "\\u0000 at byte 8"},
    {"\"\\ud83d\"", 0, "lone surrogate at byte 7"},
    {"\"\\ud83dx\"", 0, "lone surrogate at byte 7"},
    {"\"\\ud83d\\n\"", 0, "lone surrogate at byte 8"},
    {"\"\\ud83d\\u0041\"", 0, "lone surrogate at byte 12"},
    {"\"\\ud83d\\ud83d\\ude00\"", 0, "lone surrogate at byte 12"},
    {"\"\\ude00\"", 0, "lone surrogate at byte 6"},
    {"\"\\ude00\\ud83d\"", 0, "lone surrogate at byte 6"},
    /* UTF-8: stray tail, overlong, surrogates, past the end, cut short */
    {"\"\x80\"", 0, "invalid UTF-8 at byte 1"},
    {"\"\xbf\"", 0, "invalid UTF-8 at byte 1"},
    {"\"\xc0\x80\"", 0, "invalid UTF-8 at byte 1"},
    {"\"\xc1\xbf\"", 0, "invalid UTF-8 at byte 1"},
    {"\"\xe0\x9f\xbf\"", 0, "invalid UTF-8 at byte 2"},
    {"\"\xf0\x8f\xbf\xbf\"", 0, "invalid UTF-8 at byte 2"},
    {"\"\xed\xa0\x80\"", 0, "invalid UTF-8 at byte 2"},
    {"\"\xed\xbf\xbf\"", 0, "invalid UTF-8 at byte 2"},
    {"\"\xf4\x90\x80\x80\"", 0, "invalid UTF-8 at byte 2"},
    {"\"\xf5\x80\x80\x80\"", 0, "invalid UTF-8 at byte 1"},
    {"\"\xff\"", 0, "invalid UTF-8 at byte 1"},
    {"\"\xc3\"", 0, "invalid UTF-8 at byte 2"},
    {"\"\xe2\x82\"", 0, "invalid UTF-8 at byte 3"},
    {"\"\xf0\x9f\x98\"", 0, "invalid UTF-8 at byte 4"},
    {"\"\xf0\x9f\xc3\xa9\"", 0, "invalid UTF-8 at byte 3"},
    {"{\"\xff\":1}", 0, "invalid UTF-8 at byte 2"},
};

START_TEST(anything_else_is_refused_with_its_place_and_none_of_its_text)
{
    const refusal_t *r = &refused[_i];
    apr_size_t len = r->len ? r->len : strlen(r->text);
    outcome_t out = read_every_way(r->text, len, &limits);

    ck_assert_msg(out.rv == APR_EINVAL, "%s was read", r->text);
    ck_assert_str_eq(out.why, r->why);
}
END_TEST

START_TEST(a_reader_in_error_stays_in_error)
{
    chat_json_reader_t *reader = chat_json_reader_create(&limits, pool);
    chat_json_t *root;

    ck_assert_int_eq(chat_json_reader_feed(reader, "[1,}", 4), APR_EINVAL);
    ck_assert_int_eq(chat_json_reader_feed(reader, "2]", 2), APR_EINVAL);
    ck_assert_int_eq(chat_json_reader_end(&root, reader), APR_EINVAL);
    ck_assert_str_eq(chat_json_reader_why(reader),
                     "unexpected character at byte 3");
}
END_TEST

static int utf8(char *to, unsigned int c)
{
    if (c < 0x80)
        return sprintf(to, "%c", c);
    if (c < 0x800)
        return sprintf(to, "%c%c", 0xc0 | c >> 6, 0x80 | (c & 0x3f));
    if (c < 0x10000)
        return sprintf(to, "%c%c%c", 0xe0 | c >> 12, 0x80 | (c >> 6 & 0x3f),
                       0x80 | (c & 0x3f));
    return sprintf(to, "%c%c%c%c", 0xf0 | c >> 18, 0x80 | (c >> 12 & 0x3f),
                   0x80 | (c >> 6 & 0x3f), 0x80 | (c & 0x3f));
}

static int escape(char *to, unsigned int c)
{
    if (c < 0x10000)
        return sprintf(to, "\\u%04x", c);
    c -= 0x10000;
    return sprintf(to, "\\u%04X\\u%04x", 0xd800 + (c >> 10),
                   0xdc00 + (c & 0x3ff));
}

/* json-c itself takes U+1D800, U+2D800 and so on for surrogates. */
START_TEST(every_character_may_be_escaped)
{
    static const chat_json_limits_t wide = {1024 * 1024, 8, 64};
    char *escaped = apr_palloc(pool, 0x1000 * 12 + 3);
    char *plain = apr_palloc(pool, 0x1000 * 4 + 1);
    unsigned int c = _i * 0x1000;
    unsigned int end = c + 0x1000;
    int len = sprintf(escaped, "\""), plain_len = 0;
    chat_json_t *v;

    for (; c < end; c++) {
        if (c == 0 || (c >= 0xd800 && c < 0xe000))
            continue;
        len += escape(escaped + len, c);
        plain_len += utf8(plain + plain_len, c);
    }
    len += sprintf(escaped + len, "\"");
    plain[plain_len] = '\0';
    ck_assert_int_eq(chat_json_parse(&v, escaped, len, &wide, pool),
                     APR_SUCCESS);
    ck_assert_msg(strcmp(chat_json_string(v), plain) == 0, "from U+%04X",
                  _i * 0x1000);
    ck_assert_int_eq(chat_json_parse(&v, chat_json_quote(plain, pool),
                                     strlen(chat_json_quote(plain, pool)),
                                     &wide, pool),
                     APR_SUCCESS);
    ck_assert_msg(strcmp(chat_json_string(v), plain) == 0, "from U+%04X",
                  _i * 0x1000);
}
END_TEST

/* Every byte, at every place of a word and behind it, with whatever a byte less
 * or more is behind it. */
START_TEST(what_is_plain_ends_at_the_first_byte_that_is_not)
{
    static const int behind[] = {'a', 0,    1,   0x1f, 0x20, '!',  '"', '#',
                                 '[', '\\', ']', 0x7f, 0x80, 0x81, 0xff};
    apr_size_t at, i;
    char text[19];
    int c;

    for (at = 0; at < sizeof(text) - 1; at++)
        for (c = 0; c < 256; c++)
            for (i = 0; i < sizeof(behind) / sizeof(behind[0]); i++) {
                apr_size_t plain = 0;

                memset(text, 'a', sizeof(text));
                text[at] = (char)c;
                text[at + 1] = (char)behind[i];
                while (plain < sizeof(text) &&
                       (signed char)text[plain] >= 0x20 && text[plain] != '"' &&
                       text[plain] != '\\')
                    plain++;
                ck_assert_uint_eq(chat_json_plain(text, sizeof(text)), plain);
            }
}
END_TEST

static const char *repeat(const char *text, int times)
{
    apr_array_header_t *parts = apr_array_make(pool, times, sizeof(char *));

    while (times--)
        APR_ARRAY_PUSH(parts, const char *) = text;
    return apr_array_pstrcat(pool, parts, '\0');
}

/* Names, texts and numbers, with escapes and without. */
START_TEST(what_is_long_is_put_together_from_its_pieces)
{
    static const chat_json_limits_t wide = {1024 * 1024, 8, 64};
    static const apr_size_t steps[] = {1, 7, 119, 120, 121, 1000, 1024 * 1024};
    const char *plain = repeat("0123456789", 400);
    const char *text = apr_psprintf(
        pool, "{\"%s\":\"%s\",\"%s\":\"x%s\",\"n\":[-1.%s,\"\"],\"\":\"%s\"}",
        plain, plain, repeat("a\\n\\u00e9\\/", 400),
        repeat("\\ud83d\\ude00\xc3\xa9", 400), plain, "short");
    const char *again = apr_psprintf(
        pool, "{\"%s\":\"%s\",\"%s\":\"x%s\",\"n\":[-1.%s,\"\"],\"\":\"%s\"}",
        plain, plain, repeat("a\\n\xc3\xa9/", 400),
        repeat("\xf0\x9f\x98\x80\xc3\xa9", 400), plain, "short");
    chat_json_reader_t *reader = chat_json_reader_create(&wide, pool);
    apr_size_t len = strlen(text), at, step = steps[_i];

    for (at = 0; at < len; at += step)
        feed(reader, text + at, len - at < step ? len - at : step);
    ck_assert_msg(strcmp(finish(reader).text, again) == 0, "in steps of %d",
                  (int)step);
}
END_TEST

/* ---- limits ---- */

START_TEST(nesting_is_refused_one_level_past_the_limit)
{
    outcome_t out;

    out = read_every_way(BYTES("[[[[[[[{\"a\":1}]]]]]]]"), &limits);
    ck_assert_int_eq(out.rv, APR_SUCCESS);
    out = read_every_way(BYTES("[[[[[[[[[1]]]]]]]]]"), &limits);
    ck_assert_int_eq(out.rv, APR_ENOSPC);
    ck_assert_str_eq(out.why, "nesting deeper than 8");
    out = read_every_way(BYTES("{\"a\":[{\"a\":[{\"a\":[{\"a\":[{}]}]}]}]}"),
                         &limits);
    ck_assert_int_eq(out.rv, APR_ENOSPC);
}
END_TEST

START_TEST(siblings_are_not_nesting)
{
    outcome_t out = read_every_way(
        BYTES("[[],[],[],[],[],[],[],[],[],{},{},{\"a\":{}}]"), &limits);

    ck_assert_int_eq(out.rv, APR_SUCCESS);
}
END_TEST

/* Past one byte of the scanner's bits for the kinds of containers. */
START_TEST(deep_nesting_remembers_what_each_bracket_was)
{
    static const chat_json_limits_t deep = {4096, 100, 1000};
    char *text = "1";
    outcome_t out;
    int i;

    for (i = 0; i < 99; i++)
        text = i % 3 ? apr_pstrcat(pool, "[", text, "]", NULL)
                     : apr_pstrcat(pool, "{\"a\":", text, "}", NULL);
    out = read_every_way(text, strlen(text), &deep);
    ck_assert_int_eq(out.rv, APR_SUCCESS);
    ck_assert_str_eq(out.text, text);
}
END_TEST

/* Values of every kind count, names do not. */
START_TEST(values_are_refused_one_past_the_limit)
{
    static const chat_json_limits_t few = {4096, 8, 5};
    outcome_t out;

    out = read_every_way(BYTES("{\"a\":[1,\"b\",null]}"), &few);
    ck_assert_int_eq(out.rv, APR_SUCCESS);
    out = read_every_way(BYTES("{\"a\":[1,\"b\",null,true]}"), &few);
    ck_assert_int_eq(out.rv, APR_ENOSPC);
    ck_assert_str_eq(out.why, "more than 5 values");
    out = read_every_way(BYTES("[[],[],[],[],[]]"), &few);
    ck_assert_int_eq(out.rv, APR_ENOSPC);
    out = read_every_way(BYTES("{\"a\":1,\"a\":2,\"a\":3,\"a\":4,\"a\":5}"),
                         &few);
    ck_assert_int_eq(out.rv, APR_ENOSPC);
}
END_TEST

START_TEST(bytes_are_refused_one_past_the_limit)
{
    static const chat_json_limits_t small = {8, 8, 64};
    outcome_t out;

    out = read_every_way(BYTES("\"123456\""), &small);
    ck_assert_int_eq(out.rv, APR_SUCCESS);
    out = read_every_way(BYTES("\"1234567\""), &small);
    ck_assert_int_eq(out.rv, APR_ENOSPC);
    ck_assert_str_eq(out.why, "longer than 8 bytes");
    out = read_every_way(BYTES("[1]      "), &small);
    ck_assert_int_eq(out.rv, APR_ENOSPC);
    /* the first thing that is wrong decides, however it is cut */
    out = read_every_way(BYTES("[}       "), &small);
    ck_assert_int_eq(out.rv, APR_EINVAL);
    out = read_every_way(BYTES("[1      }"), &small);
    ck_assert_int_eq(out.rv, APR_ENOSPC);
}
END_TEST

/* ---- looking at values ---- */

START_TEST(null_is_a_value_and_undefined_is_none)
{
    chat_json_t *v = read_text("{\"a\":null,\"b\":[null]}");

    ck_assert_int_eq(chat_json_kind(chat_json_get(v, "a")), CHAT_JSON_NULL);
    ck_assert_ptr_eq(chat_json_get(v, "a"), chat_json_null());
    ck_assert_ptr_null(chat_json_get(v, "c"));
    ck_assert_int_eq(chat_json_kind(NULL), CHAT_JSON_UNDEFINED);
    ck_assert_ptr_eq(chat_json_at(chat_json_get(v, "b"), 0), chat_json_null());
    ck_assert_ptr_null(chat_json_at(chat_json_get(v, "b"), 1));
    ck_assert_int_eq(chat_json_kind(read_text("null")), CHAT_JSON_NULL);
}
END_TEST

START_TEST(every_value_tells_its_kind)
{
    chat_json_t *v = read_text("[null,true,1,1.5,\"a\",[],{}]");
    static const chat_json_kind_e kinds[] = {
        CHAT_JSON_NULL,   CHAT_JSON_BOOLEAN, CHAT_JSON_NUMBER, CHAT_JSON_NUMBER,
        CHAT_JSON_STRING, CHAT_JSON_ARRAY,   CHAT_JSON_OBJECT};
    int i;

    for (i = 0; i < 7; i++)
        ck_assert_int_eq(chat_json_kind(chat_json_at(v, i)), kinds[i]);
}
END_TEST

/* Whatever is asked of a value of another kind, it is "no such thing". */
START_TEST(a_value_of_another_kind_gives_nothing)
{
    chat_json_t *others = read_text("[null,true,1,1.5,\"a\",[1],{\"a\":1}]");
    int i;

    for (i = -1; i < 7; i++) {
        chat_json_t *v = i < 0 ? NULL : chat_json_at(others, i);

        if (i != 6)
            ck_assert_ptr_null(chat_json_get(v, "a"));
        if (i != 5) {
            ck_assert_int_eq(chat_json_length(v), 0);
            ck_assert_ptr_null(chat_json_at(v, 0));
        }
        if (i != 4)
            ck_assert_ptr_null(chat_json_string(v));
        if (i != 2 && i != 3)
            ck_assert(isnan(chat_json_number(v)));
        if (i != 2)
            ck_assert_int_eq(chat_json_integer(v, -7), -7);
        if (i != 1)
            ck_assert_int_eq(chat_json_boolean(v), -1);
    }
}
END_TEST

START_TEST(a_path_follows_members_and_stops_where_one_is_missing)
{
    chat_json_t *v = read_text("{\"a\":{\"b\":{\"c\":\"x\"}},\"n\":null}");

    ck_assert_str_eq(chat_json_string(chat_json_path(v, "a", "b", "c", NULL)),
                     "x");
    ck_assert_ptr_eq(chat_json_path(v, NULL), v);
    ck_assert_ptr_null(chat_json_path(v, "a", "x", "c", NULL));
    ck_assert_ptr_null(chat_json_path(v, "n", "b", NULL));
    ck_assert_ptr_null(chat_json_path(NULL, "a", NULL));
}
END_TEST

START_TEST(the_keys_of_an_object_come_in_their_order)
{
    chat_json_t *v = read_text("{\"b\":1,\"a\":null,\"\":{\"x\":2}}");
    const char *key = NULL;

    ck_assert_str_eq(key = chat_json_next(v, key), "b");
    ck_assert_str_eq(key = chat_json_next(v, key), "a");
    ck_assert_str_eq(key = chat_json_next(v, key), "");
    ck_assert_ptr_null(chat_json_next(v, key));
    ck_assert_ptr_null(chat_json_next(v, "x"));
    ck_assert_ptr_null(chat_json_next(read_text("{}"), NULL));
    ck_assert_ptr_null(chat_json_next(read_text("[1]"), NULL));
    ck_assert_ptr_null(chat_json_next(chat_json_null(), NULL));
}
END_TEST

START_TEST(an_array_index_outside_is_undefined)
{
    chat_json_t *v = read_text("[1,2]");

    ck_assert_int_eq(chat_json_length(v), 2);
    ck_assert_ptr_null(chat_json_at(v, -1));
    ck_assert_ptr_null(chat_json_at(v, 2));
}
END_TEST

START_TEST(the_last_of_equal_names_wins)
{
    chat_json_t *v = read_text("{\"a\":1,\"a\":\"x\",\"\\u0061\":[2]}");

    ck_assert_int_eq(chat_json_length(chat_json_get(v, "a")), 1);
}
END_TEST

/* ---- numbers ---- */

typedef struct number_t {
    const char *text;
    double value;        /* as JSON.parse has it */
    apr_int64_t integer; /* -7: none that fits */
} number_t;

static const number_t numbers[] = {
    {"0", 0, 0},
    {"1.0", 1, 1},
    {"1e2", 100, 100},
    {"1.5", 1.5, -7},
    {"2.0000000000000001", 2, 2},
    {"9007199254740993", 9007199254740992.0, 9007199254740993},
    {"9223372036854775807", 0x1p63, APR_INT64_MAX},
    {"-9223372036854775808", -0x1p63, APR_INT64_MIN},
    {"9223372036854775808", 0x1p63, -7},
    {"9223372036854775808.0", 0x1p63, -7},
    {"-9223372036854775809", -0x1p63, APR_INT64_MIN},
    {"18446744073709551615", 0x1p64, -7},
    {"18446744073709551616", 0x1p64, -7},
    {"123456789012345678901234567890", 123456789012345678901234567890.0, -7},
    {"1e400", INFINITY, -7},
    {"-1e400", -INFINITY, -7},
    {"1e-400", 0, 0},
    {"-1e30", -1e30, -7},
};

START_TEST(numbers_are_what_ecmascript_makes_of_them)
{
    const number_t *n = &numbers[_i];
    chat_json_t *v = read_text(n->text);

    ck_assert_msg(chat_json_number(v) == n->value, "%s is %.17g", n->text,
                  chat_json_number(v));
    ck_assert_msg(chat_json_integer(v, -7) == n->integer, "%s", n->text);
}
END_TEST

START_TEST(four_hundred_nines_are_infinite)
{
    char text[401];
    chat_json_t *v;

    memset(text, '9', 400);
    text[400] = '\0';
    v = read_text(text);
    ck_assert(isinf(chat_json_number(v)) && chat_json_number(v) > 0);
    ck_assert_str_eq(chat_json_text(v, NULL, pool),
                     apr_pstrcat(pool, text, ".0", NULL));
}
END_TEST

START_TEST(minus_zero_keeps_its_sign)
{
    ck_assert(signbit(chat_json_number(read_text("-0"))));
    ck_assert(signbit(chat_json_number(read_text("-0.0"))));
    ck_assert(!signbit(chat_json_number(read_text("0"))));
    ck_assert_int_eq(chat_json_integer(read_text("-0"), -7), 0);
}
END_TEST

/* A locale with a decimal comma, as another module may set. It is made here;
 * without localedef and its sources there is nothing to test. */
START_TEST(a_locale_with_a_decimal_comma_changes_nothing)
{
    chat_json_t *v = chat_json_object(pool);
    char dir[] = "/tmp/chat-locale-XXXXXX";

    ck_assert_ptr_nonnull(mkdtemp(dir));
    setenv("LOCPATH", dir, 1);
    if (system(apr_pstrcat(pool, "localedef -i de_DE -f UTF-8 ", dir,
                           "/de_DE.UTF-8 2>/dev/null", NULL)) == 0) {
        ck_assert_ptr_nonnull(setlocale(LC_NUMERIC, "de_DE.UTF-8"));
        ck_assert_str_eq(localeconv()->decimal_point, ",");
    }
    unsetenv("LOCPATH"); /* glibc leaks a little per locale while it is set */
    chat_json_add_number(v, "a", 0.5);
    ck_assert_str_eq(chat_json_text(v, NULL, pool), "{\"a\":0.5}");
    ck_assert(chat_json_number(read_text("1.25")) == 1.25);
    setlocale(LC_NUMERIC, "C");
    ck_assert_int_eq(system(apr_pstrcat(pool, "rm -r ", dir, NULL)), 0);
}
END_TEST

/* ---- making and writing ---- */

START_TEST(what_is_made_is_written_in_the_order_it_was_made)
{
    chat_json_t *v = chat_json_object(pool);
    chat_json_t *list = chat_json_array(pool);
    apr_size_t len;
    const char *text;

    chat_json_add_string(v, "s", "a/\"b\"\n\x01\x7f\xc3\xa9");
    chat_json_add_integer(v, "i", APR_INT64_MIN);
    chat_json_add_number(v, "n", 0.7);
    chat_json_add_boolean(v, "b", 17);
    chat_json_add_null(v, "z");
    chat_json_push_string(list, "x");
    chat_json_push_integer(list, -3);
    chat_json_push(list, chat_json_null());
    chat_json_push(list, chat_json_object(pool));
    chat_json_add(v, "l", list);
    text = chat_json_text(v, &len, pool);
    ck_assert_str_eq(text, "{\"s\":\"a/\\\"b\\\"\\n\\u0001\x7f\xc3\xa9\","
                           "\"i\":-9223372036854775808,\"n\":0.7,\"b\":true,"
                           "\"z\":null,\"l\":[\"x\",-3,null,{}]}");
    ck_assert_uint_eq(len, strlen(text));
}
END_TEST

START_TEST(undefined_is_left_out)
{
    chat_json_t *v = chat_json_object(pool);
    chat_json_t *list = chat_json_array(pool);

    chat_json_add(v, "a", NULL);
    chat_json_add_string(v, "b", NULL);
    chat_json_push(list, NULL);
    chat_json_push_string(list, NULL);
    ck_assert_str_eq(chat_json_text(v, NULL, pool), "{}");
    ck_assert_str_eq(chat_json_text(list, NULL, pool), "[]");
}
END_TEST

START_TEST(doubles_read_back_and_come_without_noise_digits)
{
    static const double values[] = {0.1,    0.7,  1.0 / 3, 1e21, 5e-324,    2,
                                    0x1p53, -0.0, 1e300,   1e15, 123456.789};
    static const char *const texts[] = {"0.1",
                                        "0.7",
                                        "0.3333333333333333",
                                        "1e+21",
                                        "4.94065645841247e-324",
                                        "2",
                                        "9007199254740992",
                                        "-0",
                                        "1e+300",
                                        "1e+15",
                                        "123456.789"};
    int i;

    for (i = 0; i < 11; i++) {
        chat_json_t *v = chat_json_object(pool);
        const char *text;

        chat_json_add_number(v, "n", values[i]);
        text = chat_json_text(v, NULL, pool);
        ck_assert_str_eq(text,
                         apr_pstrcat(pool, "{\"n\":", texts[i], "}", NULL));
        ck_assert(chat_json_number(chat_json_get(read_text(text), "n")) ==
                  values[i]);
    }
}
END_TEST

START_TEST(what_json_cannot_spell_is_written_as_null)
{
    chat_json_t *v = chat_json_object(pool);

    chat_json_add_number(v, "a", NAN);
    chat_json_add_number(v, "b", -INFINITY);
    ck_assert_str_eq(chat_json_text(v, NULL, pool), "{\"a\":null,\"b\":null}");
    ck_assert_str_eq(chat_json_text(NULL, NULL, pool), "null");
    ck_assert_str_eq(chat_json_text(chat_json_null(), NULL, pool), "null");
}
END_TEST

START_TEST(a_quoted_text_is_a_json_string)
{
    ck_assert_str_eq(chat_json_quote("", pool), "\"\"");
    ck_assert_str_eq(chat_json_quote("a\\b\"\r\x1f/", pool),
                     "\"a\\\\b\\\"\\r\\u001f/\"");
}
END_TEST

/* Every byte in every place of a word, alone and before its like. */
START_TEST(what_stands_for_itself_is_told_from_the_rest)
{
    int dull = _i >= 0x20 && _i < 0x80 && _i != '"' && _i != '\\';
    char text[24];
    apr_size_t at, len;

    for (len = 1; len < sizeof(text); len++) {
        for (at = 0; at < len; at++) {
            memset(text, '!', len);
            text[at] = (char)_i;
            ck_assert_uint_eq(chat_json_plain(text, len), dull ? len : at);
            memset(text + at, _i, len - at);
            ck_assert_uint_eq(chat_json_plain(text, len), dull ? len : at);
        }
    }
    ck_assert_uint_eq(chat_json_plain("", 0), 0);
}
END_TEST

/* Where the room for short ones ends, and wherever in a word it is. */
START_TEST(a_text_of_any_length_is_written_whole)
{
    static const chat_json_limits_t wide = {1024 * 1024, 8, 64};
    static const char *const ends[] = {"", "\n", "\x01", "\xc3\xa9", "\"\\"};
    const char *end = ends[_i], *quoted, *text;
    apr_size_t len, written;
    chat_json_t *v;

    for (len = 2020; len < 2060; len++) {
        const char *plain =
            apr_pstrcat(pool, repeat("x", (int)(len - strlen(end))), end, NULL);

        quoted = chat_json_quote(plain, pool);
        ck_assert_int_eq(
            chat_json_parse(&v, quoted, strlen(quoted), &wide, pool),
            APR_SUCCESS);
        ck_assert(strcmp(chat_json_string(v), plain) == 0);
        text = chat_json_text(v, &written, pool);
        ck_assert(strcmp(text, quoted) == 0);
        ck_assert_uint_eq(written, strlen(quoted));
    }
}
END_TEST

/* The reader's pool goes first, or the new object's: both ways. */
START_TEST(a_value_given_away_outlives_the_pool_it_was_read_in)
{
    apr_pool_t *reading, *making;
    chat_json_t *root, *v;

    apr_pool_create(&reading, NULL);
    apr_pool_create(&making, NULL);
    chat_json_parse(&root, BYTES("{\"a\":{\"b\":\"c\"}}"), &limits, reading);
    v = chat_json_object(making);
    chat_json_add(v, "x", chat_json_get(root, "a"));
    chat_json_add(v, "y", chat_json_get(root, "a"));
    apr_pool_destroy(reading);
    ck_assert_str_eq(chat_json_text(v, NULL, pool),
                     "{\"x\":{\"b\":\"c\"},\"y\":{\"b\":\"c\"}}");
    apr_pool_destroy(making);

    apr_pool_create(&reading, NULL);
    apr_pool_create(&making, NULL);
    chat_json_parse(&root, BYTES("{\"a\":[1]}"), &limits, reading);
    v = chat_json_array(making);
    chat_json_push(v, root);
    apr_pool_destroy(making);
    ck_assert_str_eq(chat_json_text(root, NULL, pool), "{\"a\":[1]}");
    apr_pool_destroy(reading);
}
END_TEST

START_TEST(a_reader_left_in_the_middle_is_freed_with_its_pool)
{
    apr_pool_t *p;
    chat_json_reader_t *reader;

    apr_pool_create(&p, NULL);
    reader = chat_json_reader_create(&limits, p);
    ck_assert_int_eq(
        chat_json_reader_feed(reader, BYTES("{\"a\":[1,{\"b\":\"ccc")),
        APR_SUCCESS);
    apr_pool_destroy(p);
}
END_TEST

#define COUNT(table) (sizeof(table) / sizeof(*table))

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_json");
    TCase *tc = tcase_create("chat_json");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, every_json_text_is_read_in_whatever_pieces_it_comes,
                        0, COUNT(accepted));
    tcase_add_loop_test(tc, what_is_long_is_put_together_from_its_pieces, 0, 7);
    tcase_add_loop_test(tc, what_stands_for_itself_is_told_from_the_rest, 0,
                        256);
    tcase_add_loop_test(tc, a_text_of_any_length_is_written_whole, 0, 5);
    tcase_add_loop_test(
        tc, anything_else_is_refused_with_its_place_and_none_of_its_text, 0,
        COUNT(refused));
    tcase_add_test(tc, a_reader_in_error_stays_in_error);
    tcase_add_loop_test(tc, every_character_may_be_escaped, 0, 0x110);
    tcase_add_test(tc, nesting_is_refused_one_level_past_the_limit);
    tcase_add_test(tc, siblings_are_not_nesting);
    tcase_add_test(tc, deep_nesting_remembers_what_each_bracket_was);
    tcase_add_test(tc, values_are_refused_one_past_the_limit);
    tcase_add_test(tc, bytes_are_refused_one_past_the_limit);
    tcase_add_test(tc, null_is_a_value_and_undefined_is_none);
    tcase_add_test(tc, every_value_tells_its_kind);
    tcase_add_test(tc, a_value_of_another_kind_gives_nothing);
    tcase_add_test(tc, a_path_follows_members_and_stops_where_one_is_missing);
    tcase_add_test(tc, the_keys_of_an_object_come_in_their_order);
    tcase_add_test(tc, an_array_index_outside_is_undefined);
    tcase_add_test(tc, the_last_of_equal_names_wins);
    tcase_add_loop_test(tc, numbers_are_what_ecmascript_makes_of_them, 0,
                        COUNT(numbers));
    tcase_add_test(tc, four_hundred_nines_are_infinite);
    tcase_add_test(tc, minus_zero_keeps_its_sign);
    tcase_add_test(tc, a_locale_with_a_decimal_comma_changes_nothing);
    tcase_add_test(tc, what_is_made_is_written_in_the_order_it_was_made);
    tcase_add_test(tc, undefined_is_left_out);
    tcase_add_test(tc, doubles_read_back_and_come_without_noise_digits);
    tcase_add_test(tc, what_json_cannot_spell_is_written_as_null);
    tcase_add_test(tc, a_quoted_text_is_a_json_string);
    tcase_add_test(tc, what_is_plain_ends_at_the_first_byte_that_is_not);
    tcase_add_test(tc, a_value_given_away_outlives_the_pool_it_was_read_in);
    tcase_add_test(tc, a_reader_left_in_the_middle_is_freed_with_its_pool);
    suite_add_tcase(suite, tc);
    return suite;
}
