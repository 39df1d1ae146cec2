/* SPDX-License-Identifier: Apache-2.0 */
/* chat_sse: the events of every vector however the bytes are cut, bounded
 * memory, and the places where a comment may go. */
#include "chat_sse.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "chat_json.h"
#include "unit.h"

#define CASES "t/data/sse-cases.json" /* from the top of the tree */

static const chat_json_limits_t limits = {1024 * 1024, 16, 10000};
static apr_pool_t *pool;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

/* ---- what was dispatched, as one text ---- */

typedef struct log_t {
    chat_sse_t *sse;
    char *text; /* type "=" data ";" for every event */
    int events;
    int oversized;
} log_t;

static void record(void *ctx, const chat_sse_event_t *event)
{
    log_t *log = ctx;

    log->text = apr_pstrcat(
        pool, log->text, apr_pstrmemdup(pool, event->type, event->type_len),
        "=", apr_pstrmemdup(pool, event->data, event->data_len), ";", NULL);
    log->events++;
    log->oversized += event->oversized;
}

static void note(void *ctx, const chat_sse_event_t *event)
{
    chat_sse_event_t *last = ctx;

    *last = *event;
}

static log_t *start(void)
{
    log_t *log = apr_pcalloc(pool, sizeof(*log));

    log->text = "";
    log->sse = chat_sse_create(record, log, pool);
    return log;
}

/* Each piece is a copy that is gone when the next one comes. */
static void feed(log_t *log, const char *data, apr_size_t len)
{
    char *copy = malloc(len ? len : 1);

    memcpy(copy, data, len);
    chat_sse_feed(log->sse, copy, len);
    memset(copy, '#', len);
    free(copy);
}

static void feed_text(log_t *log, const char *text)
{
    feed(log, text, strlen(text));
}

static const char *run_split(const char *text, apr_size_t len, apr_size_t at)
{
    log_t *log = start();

    feed(log, text, at);
    feed(log, text + at, len - at);
    return log->text;
}

static const char *run_bytes(const char *text, apr_size_t len)
{
    log_t *log = start();
    apr_size_t i;

    for (i = 0; i < len; i++)
        feed(log, text + i, 1);
    return log->text;
}

/* Whole, byte by byte and at every split: always what was expected. */
static void expect(const char *name, const char *text, apr_size_t len,
                   const char *expected)
{
    apr_size_t at;

    for (at = 0; at <= len; at++)
        ck_assert_msg(strcmp(run_split(text, len, at), expected) == 0,
                      "%s split at %d: %s", name, (int)at,
                      run_split(text, len, at));
    ck_assert_msg(strcmp(run_bytes(text, len), expected) == 0,
                  "%s in bytes: %s", name, run_bytes(text, len));
}

/* ---- the vectors ---- */

static chat_json_t *read_cases(void)
{
    chat_json_t *root;
    apr_file_t *file;
    apr_size_t len = 64 * 1024;
    char *text = apr_palloc(pool, len);

    ck_assert_int_eq(
        apr_file_open(&file, CASES, APR_FOPEN_READ, APR_FPROT_OS_DEFAULT, pool),
        APR_SUCCESS);
    ck_assert_int_eq(apr_file_read_full(file, text, len, &len), APR_EOF);
    apr_file_close(file);
    ck_assert_int_eq(chat_json_parse(&root, text, len, &limits, pool),
                     APR_SUCCESS);
    return chat_json_get(root, "cases");
}

/* Append the bytes that hex spells. */
static void append_hex(char *bytes, apr_size_t *len, const char *hex)
{
    for (; *hex; hex += 2)
        bytes[(*len)++] = (char)strtol(apr_pstrmemdup(pool, hex, 2), NULL, 16);
}

/* The vectors give what a client sees, who decodes after the parser. */
static const char *decoded(const char *data)
{
    char *bad = strchr(data, '\xff');

    return bad ? apr_pstrcat(pool, apr_pstrmemdup(pool, data, bad - data),
                             "\xef\xbf\xbd", bad + 1, NULL)
               : data;
}

static const char *expected_of(const chat_json_t *c)
{
    const chat_json_t *events = chat_json_get(c, "expected");
    const char *text = "";
    int i;

    for (i = 0; i < chat_json_length(events); i++) {
        const chat_json_t *e = chat_json_at(events, i);
        const char *type = chat_json_string(chat_json_get(e, "event"));

        text =
            apr_pstrcat(pool, text, type ? type : "", "=",
                        chat_json_string(chat_json_get(e, "data")), ";", NULL);
    }
    return text;
}

/* Feed a vector in the pieces that it prescribes, and append them to all. */
static void run_chunks(log_t *log, const chat_json_t *c, char *all,
                       apr_size_t *len)
{
    const chat_json_t *hex = chat_json_get(c, "chunks_hex");
    const chat_json_t *chunks = hex ? hex : chat_json_get(c, "chunks");
    int i;

    for (i = 0; i < chat_json_length(chunks); i++) {
        const char *text = chat_json_string(chat_json_at(chunks, i));
        apr_size_t before = *len;

        if (hex)
            append_hex(all, len, text);
        else {
            strcpy(all + before, text);
            *len += strlen(text);
        }
        feed(log, all + before, *len - before);
    }
}

START_TEST(every_vector_gives_its_events_however_it_is_cut)
{
    chat_json_t *cases = read_cases();
    int i;

    ck_assert_int_eq(chat_json_length(cases), 38);
    for (i = 0; i < 38; i++) {
        const chat_json_t *c = chat_json_at(cases, i);
        const char *name = chat_json_string(chat_json_get(c, "name"));
        const char *input = chat_json_string(chat_json_get(c, "input"));
        const char *expected = expected_of(c);
        apr_size_t len = input ? strlen(input) : 0;
        char all[256];
        log_t *log = start();

        if (!input) {
            run_chunks(log, c, all, &len);
            ck_assert_str_eq(decoded(log->text), expected);
            expected = log->text;
        }
        expect(name, input ? input : all, len, expected);
    }
}
END_TEST

START_TEST(a_nul_is_data_like_any_other)
{
    chat_sse_event_t last = {0};
    chat_sse_t *sse = chat_sse_create(note, &last, pool);

    chat_sse_feed(sse, "data: a\0b\n\n", 11);
    ck_assert_int_eq(last.data_len, 3);
}
END_TEST

typedef struct case_t {
    const char *input;
    const char *expected;
} case_t;

static const case_t cases[] = {
    /* an event's type does not survive it, with or without data */
    {"event: a\n\ndata: 1\n\n", "=1;"},
    {"event: a\ndata: 1\n\nevent: b\n\ndata: 2\n\n", "a=1;=2;"},
    {"event: a\nevent\ndata: 1\n\n", "=1;"},
    {"event: a\ndata: 1\nevent: b\ndata: 2\n\n", "b=1\n2;"},
    /* names that only begin like a field */
    {"dat: 1\ndataa: 2\ndata1\nevents: x\n\n", ""},
    {"data:1\n\ndata: 2\n\ndata:  3\n\n", "=1;=2;= 3;"},
    {"data: \n\ndata\n\n", "=;=;"},
    {"data\ndata: b\ndata\n\n", "=\nb\n;"},
    /* line ends of every kind, next to each other */
    {"data: a\r\rdata: b\n\ndata: c\r\n\r\n", "=a;=b;=c;"},
    {"data: a\r\n\rdata: b\n\r\n", "=a;=b;"},
    {"data: a\rdata: b\n\r", "=a\nb;"},
    {"\r\n\r\n\r\ndata: a\r\n\r\n", "=a;"},
    /* a BOM is dropped once, at the start */
    {"\xef\xbb\xbf\ndata: a\n\n", "=a;"},
    {"\xef\xbb\xbf\xef\xbb\xbf"
     "data: a\n\ndata: b\n\n",
     "=b;"},
    {"\xef\xbb"
     "data: a\n\n",
     ""},
    {"\xef\xbb\xbf: x\n\n", ""},
    /* comments in every place */
    {":\n:x\n\n:data: a\ndata: b\n:c\n\n:", "=b;"},
    {"event: x\n: y\ndata: 1\n: z\n\n", "x=1;"},
};

START_TEST(odd_input_gives_the_events_of_the_algorithm)
{
    const case_t *c = &cases[_i];

    expect(c->input, c->input, strlen(c->input), c->expected);
}
END_TEST

/* ---- zero copy ---- */

typedef struct look_t {
    const char *from;
    const char *to;
    int inside;
    int outside;
} look_t;

static void look(void *ctx, const chat_sse_event_t *event)
{
    look_t *l = ctx;

    if (event->data >= l->from && event->data < l->to)
        l->inside++;
    else
        l->outside++;
}

START_TEST(an_event_that_lies_whole_in_a_piece_is_not_copied)
{
    static const char piece[] = "event: a\ndata: {\"x\":1}\n\n"
                                ": ping\n\n"
                                "data: 2\r\n\r\ndata: 3";
    look_t l = {piece, piece + sizeof(piece), 0, 0};
    chat_sse_t *sse = chat_sse_create(look, &l, pool);

    chat_sse_feed(sse, piece, sizeof(piece) - 1);
    ck_assert_int_eq(l.inside, 2);
    chat_sse_feed(sse, "\n\n", 2);
    ck_assert_int_eq(l.inside, 2);
    ck_assert_int_eq(l.outside, 1);
}
END_TEST

/* ---- sizes ---- */

static char *long_text(apr_size_t len)
{
    char *text = apr_palloc(pool, len + 1);

    memset(text, 'x', len);
    text[len] = '\0';
    return text;
}

typedef struct size_case_t {
    const char *before;
    apr_size_t len; /* of a run of x */
    const char *after;
    int oversized;
    int data_len;
} size_case_t;

#define MAX CHAT_SSE_EVENT_MAX

static const size_case_t sizes[] = {
    {"data: ", MAX, "\n\n", 0, MAX},
    {"data:", MAX, "\n\n", 0, MAX},
    {"data: ", MAX + 1, "\n\n", 1, 0},
    {"data:", MAX + 1, "\n\n", 1, 0},
    {"\xef\xbb\xbf"
     "data: ",
     MAX, "\n\n", 0, MAX},
    {"\xef\xbb\xbf"
     "data: ",
     MAX + 1, "\n\n", 1, 0},
    {"data: ", 3 * MAX, "\n\n", 1, 0},
    {"data: ", MAX - 2, "\ndata: y\n\n", 0, MAX},
    {"data: ", MAX - 1, "\ndata: y\n\n", 1, 0},
    {"data: y\ndata: ", MAX - 2, "\n\n", 0, MAX},
    {"data: y\ndata: ", MAX - 1, "\n\n", 1, 0},
    {"data: ", MAX, "\ndata\n\n", 1, 0},
    {"data: ", 2 * MAX, "\ndata: y\n\n", 1, 0},
    {"data: y\nevent: ", MAX, "\n\n", 0, 1},
    {"data: y\nevent: ", MAX + 1, "\n\n", 1, 0},
    /* what is ignored is so at any length */
    {"data: y\n: ", 2 * MAX, "\n\n", 0, 1},
    {"data: y\nid: ", 2 * MAX, "\n\n", 0, 1},
    {"data: y\nunknown", 2 * MAX, "\n\n", 0, 1},
};

START_TEST(an_event_past_the_longest_comes_without_its_data)
{
    const size_case_t *c = &sizes[_i];
    const char *text = apr_pstrcat(pool, c->before, long_text(c->len), c->after,
                                   "data: next\n\n", NULL);
    apr_size_t len = strlen(text);
    apr_size_t next = len - strlen("data: next\n\n");
    static const apr_size_t pieces[] = {1 << 30, 1, 7, 4096, 1 << 20};
    unsigned int i;

    for (i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
        chat_sse_event_t last = {0};
        chat_sse_t *sse = chat_sse_create(note, &last, pool);
        apr_size_t at, n;

        for (at = 0; at < next; at += n) {
            n = next - at < pieces[i] ? next - at : pieces[i];
            chat_sse_feed(sse, text + at, n);
        }
        ck_assert_int_eq(last.oversized, c->oversized);
        ck_assert_int_eq(last.data_len, c->data_len);
        chat_sse_feed(sse, text + next, len - next);
        ck_assert_int_eq(last.oversized, 0);
        ck_assert_int_eq(last.data_len, 4);
        chat_sse_reset(sse);
    }
}
END_TEST

/* ---- what is passed over ---- */

#define P CHAT_SSE_PASSED

/* Of 'A' to 'Z', each stands for as many times 100,000 of it. */
static const struct {
    const char *text, *data; /* data NULL: it is too large */
} skims[] = {
    {"data: {\"a\":\"x\",\"image\":\"Z\",\"b\":\"y\"}\n\n",
     "{\"a\":\"x\",\"image\":\"" P "\",\"b\":\"y\"}"},
    {"data: [\"C\",\"C\",\"C\",\"C\",\"u\"]\n\n",
     "[\"" P "\",\"" P "\",\"" P "\",\"C\",\"u\"]"},
    {"data: {\"\\\"Z\\\\\":\"\\\\\\\"Z\\u0022\",\"b\":1}\n\n",
     "{\"" P "\":\"" P "\",\"b\":1}"},
    {"\xef\xbb\xbf"
     "data:[\"Z\"]\n\n",
     "[\"" P "\"]"},
    {"data: [\ndata: \"Z\",\ndata:1]\n\n", "[\n\"" P "\",\n1]"},
    {"data: [\ndata: \"J\",\"J\"\ndata:]\n\n", "[\n\"" P "\",\"J\"\n]"},
    {"data: [\"E\",\ndata: \"F\",\ndata:\"Z\"]\n\n",
     "[\"" P "\",\n\"" P "\",\n\"" P "\"]"},
    {"data: [\"J\"]\n\n", "[\"J\"]"},
    {"data: Z\n\n", NULL},
    {"data: [\"Z\",Z]\n\n", NULL},
    {"data: [Z\ndata: \"Z\"]\n\n", NULL},
};

static const char *expand(const char *text)
{
    const char *all = "";

    for (; *text; text++) {
        apr_size_t len = *text >= 'A' && *text <= 'Z'
                             ? (apr_size_t)(*text - 'A' + 1) * 100000
                             : 1;
        char *run = apr_palloc(pool, len + 1);

        memset(run, *text, len);
        run[len] = '\0';
        all = apr_pstrcat(pool, all, run, NULL);
    }
    return all;
}

typedef struct skimmed_t {
    const char *data;
    int skimmed, oversized;
} skimmed_t;

static void note_skimmed(void *ctx, const chat_sse_event_t *event)
{
    skimmed_t *last = ctx;

    last->data = apr_pstrmemdup(pool, event->data, event->data_len);
    last->skimmed = event->skimmed;
    last->oversized = event->oversized;
}

START_TEST(long_texts_of_a_giant_event_are_passed_over)
{
    static const apr_size_t pieces[] = {1 << 30, 4096, 65537, 1};
    const char *text = expand(skims[_i].text);
    const char *data = skims[_i].data ? expand(skims[_i].data) : NULL;
    apr_size_t len = strlen(text);
    unsigned int i;

    for (i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
        skimmed_t last = {0};
        chat_sse_t *sse = chat_sse_create(note_skimmed, &last, pool);
        apr_size_t at, n;

        for (at = 0; at < len; at += n) {
            n = len - at < pieces[i] ? len - at : pieces[i];
            chat_sse_feed(sse, text + at, n);
        }
        ck_assert_int_eq(last.oversized, !data);
        ck_assert_int_eq(last.skimmed, data && len > CHAT_SSE_EVENT_MAX + 8);
        ck_assert_msg(strcmp(last.data, data ? data : "") == 0, "%.200s",
                      last.data);
        chat_sse_feed(sse, "data: next\n\n", 12);
        ck_assert_int_eq(last.skimmed || last.oversized, 0);
        ck_assert_str_eq(last.data, "next");
        chat_sse_reset(sse);
    }
}
END_TEST

static apr_size_t allocated(void)
{
    struct mallinfo2 info = mallinfo2();

    return info.uordblks + info.hblkhd;
}

/* 64 MiB of one event, as a line without end and as lines without end. */
START_TEST(an_endless_event_takes_bounded_memory_and_gives_it_back)
{
    const char *piece =
        _i ? long_text(65536)
           : apr_pstrcat(pool, "data: ", long_text(65529), "\n", NULL);
    chat_sse_event_t last = {0};
    chat_sse_t *sse = chat_sse_create(note, &last, pool);
    apr_size_t before, most = 0;
    int i;

    chat_sse_feed(sse, "data: ", 6);
    before = allocated();
    for (i = 0; i < 1024; i++) {
        chat_sse_feed(sse, piece, 65536);
        most = allocated() > most ? allocated() : most;
    }
    ck_assert_uint_lt(most - before, 4 * MAX);
    ck_assert_uint_lt(allocated() - before, 65536);
    chat_sse_feed(sse, "\n\n", 2);
    ck_assert_int_eq(last.oversized, 1);
    ck_assert_uint_lt(allocated() - before, 65536);
}
END_TEST

/* ---- where a comment may go ---- */

typedef struct between_t {
    const char *fed;
    int between;
} between_t;

static const between_t betweens[] = {
    {"", 1},
    {"d", 0},
    {"data: a", 0},
    {"data: a\n", 0},
    {"data: a\n\n", 1},
    {"data: a\n\n\n", 1},
    {"data: a\n\n\xc3", 0},
    {"event: x\n", 0},
    {"id: 1\n", 0},
    {"unknown\n", 0},
    {": x", 0},
    {": x\n", 1},
    {"data: a\n: x\n", 0},
    {"\xef", 0},
    {"\xef\xbb\xbf", 0},
    {"\xef\xbb\xbf\n", 1},
    {"data: a\r\n\r\n", 1},
    {"data: a\r\n\r", 0}, /* the LF may still come */
    {"data: a\r\r", 0},
    {"data: a\r\r: x", 0},
    {"data: a\r\n", 0},
    {"data: a\n\n:\r", 0},
    {"data: a\n\n:\r\n", 1},
};

START_TEST(between_events_is_only_where_nothing_is_torn)
{
    const between_t *b = &betweens[_i];
    log_t *log = start();

    feed_text(log, b->fed);
    ck_assert_msg(chat_sse_between(log->sse) == b->between, "%s", b->fed);
}
END_TEST

/* A comment at every place that is said to be safe, in every vector: a client
 * that gets the result sees the same events. */
START_TEST(a_comment_between_events_changes_none)
{
    static const char comment[] = ": ping\n\n";
    chat_json_t *vectors = read_cases();
    int i, inserted = 0;

    for (i = 0; i < chat_json_length(vectors); i++) {
        const char *input =
            chat_json_string(chat_json_get(chat_json_at(vectors, i), "input"));
        log_t *upstream = start(), *client = start();

        /* A BOM after the first comment would not be dropped any more. */
        if (!input || strncmp(input, "\xef\xbb\xbf", 3) == 0)
            continue;
        for (; *input; input++) {
            if (chat_sse_between(upstream->sse)) {
                feed_text(client, comment);
                inserted++;
            }
            feed(upstream, input, 1);
            feed(client, input, 1);
        }
        ck_assert_str_eq(client->text, upstream->text);
    }
    ck_assert_int_ge(inserted, 35);
}
END_TEST

START_TEST(reset_forgets_what_was_fed)
{
    log_t *log = start();

    feed_text(log, "event: x\ndata: a\nda");
    chat_sse_reset(log->sse);
    ck_assert_int_eq(chat_sse_between(log->sse), 1);
    feed_text(log, "\xef\xbb\xbf"
                   "data: b\n\n");
    ck_assert_str_eq(log->text, "=b;");
}
END_TEST

#define COUNT(table) (sizeof(table) / sizeof(*table))

/* ---- the end of the body ---- */

static const struct {
    const char *text, *heard;
} ends[] = {
    {"data: a\n\n", "=a;"},
    {"data: a\n", "=a;"},
    {"data: a", "=a;"},
    {"data: a\r", "=a;"},
    {"event: e\ndata: a", "e=a;"},
    {"data: a\ndata: b", "=a\nb;"},
    {"data: a\nevent: e", ""},
    {"data: a\ni", ""},
    {"data: a\n\ndat", "=a;"},
    {"event: e\n", ""},
    {"", ""},
    {": a", ""},
    {"data", "=;"},
};

START_TEST(the_end_of_a_body_ends_its_last_event)
{
    log_t *log = start();
    const char *text = ends[_i].text;

    chat_sse_feed(log->sse, text, strlen(text) / 2);
    chat_sse_feed(log->sse, text + strlen(text) / 2,
                  strlen(text) - strlen(text) / 2);
    chat_sse_finish(log->sse);
    chat_sse_finish(log->sse);
    ck_assert_str_eq(log->text, ends[_i].heard);
    ck_assert_int_eq(chat_sse_between(log->sse), !strchr(text, '\r'));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_sse");
    TCase *tc = tcase_create("chat_sse");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, every_vector_gives_its_events_however_it_is_cut);
    tcase_add_test(tc, a_nul_is_data_like_any_other);
    tcase_add_loop_test(tc, odd_input_gives_the_events_of_the_algorithm, 0,
                        COUNT(cases));
    tcase_add_test(tc, an_event_that_lies_whole_in_a_piece_is_not_copied);
    tcase_add_loop_test(tc, long_texts_of_a_giant_event_are_passed_over, 0,
                        sizeof(skims) / sizeof(*skims));
    tcase_add_loop_test(tc, long_texts_of_a_giant_event_are_passed_over, 0,
                        sizeof(skims) / sizeof(*skims));
    tcase_add_loop_test(tc, an_event_past_the_longest_comes_without_its_data, 0,
                        COUNT(sizes));
    tcase_add_loop_test(
        tc, an_endless_event_takes_bounded_memory_and_gives_it_back, 0, 2);
    tcase_add_loop_test(tc, between_events_is_only_where_nothing_is_torn, 0,
                        COUNT(betweens));
    tcase_add_test(tc, a_comment_between_events_changes_none);
    tcase_add_test(tc, reset_forgets_what_was_fed);
    tcase_add_loop_test(tc, the_end_of_a_body_ends_its_last_event, 0,
                        sizeof(ends) / sizeof(ends[0]));
    suite_add_tcase(suite, tc);
    return suite;
}
