/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tests that every provider passes: of streams, watched (observe) and
 * taken apart (parse) at once, however they are cut and whatever stands
 * between their events.
 */
#include "provider_suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "chat_sse.h"

#define pool provider_suite_pool
#define spec provider_suite_spec

/* ---- listening ---- */

typedef struct ear_t {
    chat_upstream_t up;
    apr_pool_t *scratch;
    chat_seen_t seen;   /* by observe_event() */
    chat_parse_t parse; /* by parse_event() */
    int kind, index;    /* of the delta before */
    apr_int64_t pieces, bytes;
    int ended_early; /* not only with the body */
    FILE *out;
    const char *heard;
} ear_t;

static const char *const kinds[] = {
    [CHAT_DELTA_TEXT] = "text",           [CHAT_DELTA_REASONING] = "reasoning",
    [CHAT_DELTA_REFUSAL] = "refusal",     [CHAT_DELTA_TOOL] = "call",
    [CHAT_DELTA_ARGUMENTS] = "arguments", [CHAT_DELTA_DETAIL] = "detail",
};

static const char *const reasons[] = {
    [CHAT_FINISH_STOP] = "stop",   [CHAT_FINISH_LENGTH] = "length",
    [CHAT_FINISH_CALLS] = "calls", [CHAT_FINISH_FILTER] = "filter",
    [CHAT_FINISH_OTHER] = "other",
};

/* Whole characters; only the lead bytes are looked at. */
static int is_utf8(const char *text, apr_size_t len)
{
    const unsigned char *c = (const unsigned char *)text, *end = c + len;

    while (c < end) {
        int left = *c < 0x80   ? 0
                   : *c < 0xc2 ? 4
                   : *c < 0xe0 ? 1
                   : *c < 0xf0 ? 2
                               : 3;

        for (c++; left; left--) {
            if (c == end || (*c++ & 0xc0) != 0x80)
                return 0;
        }
    }
    return 1;
}

static void check_delta(const ear_t *ear, const chat_delta_t *delta)
{
    int calls = ear->parse.ncalls;

    ck_assert_msg(!ear->parse.seen.failed, "a delta after a failure");
    if (delta->kind == CHAT_DELTA_TOOL) {
        ck_assert_int_eq(delta->index, calls - 1);
        ck_assert_ptr_nonnull(delta->id);
        ck_assert_ptr_nonnull(delta->name);
        ck_assert_str_ne(delta->id, "");
        return;
    }
    ck_assert_uint_gt(delta->len, 0);
    ck_assert(is_utf8(delta->text, delta->len));
    if (delta->kind == CHAT_DELTA_ARGUMENTS)
        ck_assert(delta->index >= 0 && delta->index < calls);
}

/* What was made for an answer without salt is told in short. */
static const char *name_call(const chat_delta_t *delta)
{
    static const char made[] = "call_0000000000000000_";
    const apr_size_t len = sizeof(made) - 1;

    return strncmp(delta->id, made, len) == 0
               ? apr_pstrcat(pool, "call_", delta->id + len, NULL)
               : delta->id;
}

static void hear(void *ctx, const chat_delta_t *delta)
{
    ear_t *ear = ctx;

    check_delta(ear, delta);
    if (delta->kind == CHAT_DELTA_TOOL) {
        fprintf(ear->out, "<call %d %s %s%s%s>", delta->index, name_call(delta),
                delta->name, delta->extra ? " " : "",
                delta->extra ? delta->extra : "");
        ear->kind = -1;
        return;
    }
    if (delta->kind == CHAT_DELTA_DETAIL) {
        fprintf(ear->out, "<detail>%.*s", (int)delta->len, delta->text);
        ear->kind = -1;
        return;
    }
    if (delta->kind == CHAT_DELTA_ARGUMENTS &&
        (ear->kind != CHAT_DELTA_ARGUMENTS || ear->index != delta->index))
        fprintf(ear->out, "<arguments %d>", delta->index);
    else if (ear->kind != (int)delta->kind)
        fprintf(ear->out, "<%s>", kinds[delta->kind]);
    ear->kind = delta->kind;
    ear->index = delta->index;
    ear->pieces++;
    ear->bytes += delta->len;
    fwrite(delta->text, 1, delta->len, ear->out);
}

static void on_event(void *ctx, const chat_sse_event_t *event)
{
    ear_t *ear = ctx;

    if (event->last && !chat_provider_is_whole(event, ear->scratch))
        return;
    spec->provider->observe_event(&ear->seen, event, &ear->up, ear->scratch);
    spec->provider->parse_event(&ear->parse, event, &ear->up, ear->scratch);
    apr_pool_clear(ear->scratch);
}

static void hear_end(ear_t *ear)
{
    const chat_seen_t *seen = &ear->parse.seen;
    const chat_usage_t *usage = &seen->usage;

    ck_assert_int_eq(seen->deltas, ear->pieces);
    ck_assert_int_eq(seen->text, ear->bytes);
    if (seen->failed)
        fprintf(ear->out, "<failed %s>", seen->error);
    else if (seen->ended)
        fprintf(ear->out, "<%s %d %d %d %d>", reasons[ear->parse.finish],
                (int)usage->input, (int)usage->output, (int)usage->cached,
                (int)usage->reasoning);
}

/* The end of a body that ended well. */
static void end_well(ear_t *ear, chat_sse_t *sse)
{
    chat_sse_finish(sse);
    ear->ended_early = ear->parse.seen.ended;
    chat_provider_finish(&ear->seen);
    chat_provider_finish(&ear->parse.seen);
}

/* Feed text in two pieces, the second in steps; is_cut: and not to its end. */
static ear_t listen_until(const chat_upstream_t *up, const char *text,
                          apr_size_t len, apr_size_t first, apr_size_t step,
                          int is_cut)
{
    static const chat_seen_t fresh = {.usage = {-1, -1, -1, -1}, .measure = 1};
    ear_t ear = {.up = *up, .seen = fresh, .parse.seen = fresh, .kind = -1};
    apr_pool_t *p;
    chat_sse_t *sse;
    char *heard;
    size_t size;

    ear.out = open_memstream(&heard, &size);
    ear.parse.on_delta = hear;
    ear.parse.ctx = &ear;
    apr_pool_create(&ear.scratch, pool);
    apr_pool_create(&p, pool);
    ear.parse.kept = p;
    sse = chat_sse_create(on_event, &ear, p);
    chat_sse_feed(sse, text, first);
    for (; first < len; first += step)
        chat_sse_feed(sse, text + first,
                      len - first < step ? len - first : step);
    if (!is_cut)
        end_well(&ear, sse);
    apr_pool_destroy(p);
    apr_pool_destroy(ear.scratch);
    hear_end(&ear);
    fclose(ear.out);
    ear.heard = apr_pstrdup(pool, heard);
    free(heard);
    return ear;
}

static ear_t listen_to(const chat_upstream_t *up, const char *text,
                       apr_size_t len, apr_size_t first, apr_size_t step)
{
    return listen_until(up, text, len, first, step, 0);
}

static ear_t listen_at_once(int completions, const char *text)
{
    chat_upstream_t up = provider_suite_upstream(completions);

    return listen_to(&up, text, strlen(text), 0, strlen(text) + 1);
}

chat_seen_t provider_suite_watch(int completions, const char *text)
{
    return listen_at_once(completions, text).seen;
}

const char *provider_suite_hear(int completions, const char *text)
{
    return listen_at_once(completions, text).heard;
}

static const char *load(const provider_transcript_t *t, apr_size_t *plen)
{
    const char *path =
        apr_pstrcat(pool, "t/data/", spec->dir, "/", t->name, ".sse", NULL);
    apr_finfo_t info;
    apr_file_t *file;
    char *text;

    ck_assert_msg(apr_file_open(&file, path, APR_READ, APR_OS_DEFAULT, pool) ==
                      APR_SUCCESS,
                  "%s", path);
    ck_assert_int_eq(apr_file_info_get(&info, APR_FINFO_SIZE, file),
                     APR_SUCCESS);
    text = apr_pcalloc(pool, info.size + 1);
    ck_assert_int_eq(apr_file_read_full(file, text, info.size, plen),
                     APR_SUCCESS);
    apr_file_close(file);
    return text;
}

/* ---- what it must be ---- */

static void check_seen(const char *about, const provider_sight_t *want,
                       const chat_seen_t *seen, apr_size_t at)
{
    ck_assert_msg(seen->ended == want->ended && seen->failed == want->failed &&
                      strcmp(seen->error, want->error) == 0 &&
                      seen->usage.input == want->input &&
                      seen->usage.output == want->output,
                  "%s, cut at %d: ended %d failed %d error '%s' usage %d %d",
                  about, (int)at, seen->ended, seen->failed, seen->error,
                  (int)seen->usage.input, (int)seen->usage.output);
}

static void check(const provider_transcript_t *t, const ear_t *ear,
                  apr_size_t at)
{
    check_seen(t->name, &t->sight, &ear->seen, at);
    check_seen(t->name, &t->sight, &ear->parse.seen, at);
    ck_assert_msg(t->heard && strcmp(ear->heard, t->heard) == 0,
                  "%s, cut at %d: heard %s", t->name, (int)at, ear->heard);
}

/* ---- transcripts ---- */

START_TEST(a_transcript_is_understood_when_it_comes_whole)
{
    const provider_transcript_t *t = &spec->transcripts[_i];
    chat_upstream_t up = provider_suite_upstream(t->completions);
    apr_size_t len;
    const char *text = load(t, &len);
    ear_t ear = listen_to(&up, text, len, 0, len);

    check(t, &ear, 0);
}
END_TEST

START_TEST(a_transcript_is_understood_byte_by_byte)
{
    const provider_transcript_t *t = &spec->transcripts[_i];
    chat_upstream_t up = provider_suite_upstream(t->completions);
    apr_size_t len;
    const char *text = load(t, &len);
    ear_t ear = listen_to(&up, text, len, 0, 1);

    check(t, &ear, 0);
}
END_TEST

/* Some of which are cut inside a character. */
START_TEST(a_transcript_is_understood_in_any_two_pieces)
{
    const provider_transcript_t *t = &spec->transcripts[_i];
    chat_upstream_t up = provider_suite_upstream(t->completions);
    apr_size_t len, at;
    const char *text = load(t, &len);

    for (at = 1; at < len; at++) {
        ear_t ear = listen_to(&up, text, len, at, len);

        check(t, &ear, at);
    }
}
END_TEST

/* Its last line end may be half there: CR alone ends a line as well. */
START_TEST(a_transcript_cut_anywhere_has_not_ended_and_says_nothing_new)
{
    const provider_transcript_t *t = &spec->transcripts[_i];
    chat_upstream_t up = provider_suite_upstream(t->completions);
    apr_size_t len, at, whole;
    const char *text = load(t, &len);

    whole = len - strlen(t->after);
    for (at = 0; at + 1 < whole; at++) {
        ear_t ear = listen_until(&up, text, at, 0, at + 1, 1);

        ck_assert_msg(!ear.seen.ended && !ear.seen.failed && !*ear.seen.error,
                      "%s, cut off at %d of %d", t->name, (int)at, (int)len);
        ck_assert_msg(!ear.parse.seen.ended && !ear.parse.seen.failed,
                      "%s, cut off at %d of %d", t->name, (int)at, (int)len);
        ck_assert_msg(strncmp(ear.heard, t->heard, strlen(ear.heard)) == 0,
                      "%s, cut off at %d: heard %s", t->name, (int)at,
                      ear.heard);
    }
}
END_TEST

START_TEST(nothing_comes_after_the_end)
{
    const provider_transcript_t *t = &spec->transcripts[_i];
    apr_size_t len;
    const char *text = load(t, &len);
    ear_t ear = listen_at_once(t->completions,
                               apr_pstrcat(pool, text, "\n\n", text, NULL));

    if (ear.ended_early)
        ck_assert_str_eq(ear.heard, t->heard);
}
END_TEST

/* The transcript with LF for CRLF, and noise before each event. */
static const char *make_noisy(const char *text, const char *noise)
{
    apr_array_header_t *parts = apr_array_make(pool, 64, sizeof(char *));
    const char *end;
    char *plain = apr_pstrdup(pool, text), *to = plain;

    for (; *text; text++) {
        if (*text != '\r')
            *to++ = *text;
    }
    *to = '\0';
    for (text = plain; (end = strstr(text, "\n\n")); text = end + 2) {
        APR_ARRAY_PUSH(parts, const char *) = noise;
        APR_ARRAY_PUSH(parts, const char *) =
            apr_pstrmemdup(pool, text, end + 2 - text);
    }
    APR_ARRAY_PUSH(parts, const char *) = text;
    return apr_array_pstrcat(pool, parts, '\0');
}

static const char *const noises[] = {
    ": PROCESSING\n\n",
    ":\n: keep-alive\n:\n\n\n",
    "event: brand_new\ndata: {\"type\":\"brand_new\",\"text\":\"x\"}\n\n",
    "data: {\"type\":\"brand_new\"}\n\n",
    "data: "
    "{\"brand_new\":{\"errors\":[]},\"choices\":[],\"candidates\":[]}\n\n",
    "event: ping\ndata: {\"type\":\"ping\"}\n\n",
    "id: 7\nretry: 10\n\n",
};

#define NNOISES ((int)(sizeof(noises) / sizeof(noises[0])))

START_TEST(comments_and_unknown_events_change_nothing)
{
    const provider_transcript_t *t = &spec->transcripts[_i];
    apr_size_t len;
    const char *text = load(t, &len);
    int i;

    for (i = 0; i < NNOISES; i++) {
        ear_t ear = listen_at_once(t->completions, make_noisy(text, noises[i]));

        check(t, &ear, i);
    }
}
END_TEST

START_TEST(crlf_changes_nothing)
{
    const provider_transcript_t *t = &spec->transcripts[_i];
    apr_size_t len;
    const char *text = make_noisy(load(t, &len), "");
    char *crlf = apr_pcalloc(pool, 2 * len + 1), *to = crlf;
    ear_t ear;

    for (; *text; text++) {
        if (*text == '\n')
            *to++ = '\r';
        *to++ = *text;
    }
    ear = listen_at_once(t->completions, crlf);
    check(t, &ear, 0);
}
END_TEST

/* Of a text, or of what is none. */
static const char *make_giant(const char *quote)
{
    char *filler = apr_palloc(pool, CHAT_SSE_EVENT_MAX + 1);

    memset(filler, 'x', CHAT_SSE_EVENT_MAX);
    filler[CHAT_SSE_EVENT_MAX] = '\0';
    return apr_pstrcat(pool, "data: {\"text\":", quote, filler, quote, "}\n\n",
                       NULL);
}

/* A text that nobody wants is passed over; what else it said would be missing
 * from what is taken apart, but bytes that pass are not hurt by it. */
START_TEST(a_giant_event_changes_nothing_if_it_can_be_taken_apart)
{
    const provider_transcript_t *t = &spec->transcripts[_i];
    apr_size_t len;
    const char *text = load(t, &len);
    ear_t ear = listen_at_once(t->completions,
                               apr_pstrcat(pool, make_giant("\""), text, NULL));

    check(t, &ear, 0);
    ear = listen_at_once(t->completions,
                         apr_pstrcat(pool, make_giant(""), text, NULL));
    check_seen(t->name, &t->sight, &ear.seen, 0);
    ck_assert_str_eq(ear.heard, "<failed event_too_large>");
}
END_TEST

START_TEST(a_giant_event_behind_the_end_changes_nothing)
{
    const provider_transcript_t *t = &spec->transcripts[_i];
    apr_size_t len;
    const char *text = load(t, &len);
    ear_t ear = listen_at_once(
        t->completions, apr_pstrcat(pool, text, "\n\n", make_giant(""), NULL));

    if (ear.ended_early && !ear.parse.seen.failed)
        check(t, &ear, 0);
}
END_TEST

/* The transcript with an error before the event of that number; NULL when it
 * has not so many, or has ended by then. */
static const char *make_failing(const provider_transcript_t *t, int event)
{
    apr_size_t len;
    const char *plain = make_noisy(load(t, &len), ""), *at = plain;
    const char *head;

    for (; event; event--) {
        at = strstr(at, "\n\n");
        if (!at)
            return NULL;
        at += 2;
    }
    head = apr_pstrmemdup(pool, plain, at - plain);
    if (provider_suite_watch(t->completions, head).ended)
        return NULL;
    return apr_pstrcat(pool, head, spec->leak, at, NULL);
}

START_TEST(an_error_may_come_between_any_two_events)
{
    static const char failed[] = "<failed bad-plainkey>";
    const provider_transcript_t *t = &spec->transcripts[_i];
    const char *text;
    int event;

    for (event = 0; (text = make_failing(t, event)); event++) {
        ear_t ear = listen_at_once(t->completions, text);
        const char *end = strstr(ear.heard, failed);

        ck_assert(ear.seen.failed && ear.parse.seen.failed);
        ck_assert_ptr_nonnull(end);
        ck_assert_uint_eq(strlen(end), sizeof(failed) - 1);
        ck_assert_int_eq(strncmp(ear.heard, t->heard, end - ear.heard), 0);
    }
    ck_assert_int_gt(event, 0);
}
END_TEST

/* ---- single events ---- */

START_TEST(every_shape_of_event_is_understood)
{
    const provider_shape_t *shape = &spec->shapes[_i];
    ear_t ear = listen_at_once(shape->completions, shape->text);

    check_seen(shape->about, &shape->sight, &ear.seen, 0);
    /* What it said may be lost on us: there is a hearing for that. */
    if (strcmp(ear.parse.seen.error, "event_unreadable") != 0)
        check_seen(shape->about, &shape->sight, &ear.parse.seen, 0);
}
END_TEST

START_TEST(every_event_is_taken_apart)
{
    const provider_hearing_t *row = &spec->hearings[_i];
    const char *heard = provider_suite_hear(row->completions, row->text);

    ck_assert_msg(strcmp(heard, row->heard) == 0, "%s: heard %s", row->text,
                  heard);
}
END_TEST

START_TEST(a_whole_answer_is_seen_right)
{
    const provider_whole_t *row = &spec->wholes[_i];
    chat_upstream_t up = provider_suite_upstream(row->completions);
    chat_seen_t seen = {.usage = {-1, -1, -1, -1}};

    spec->provider->observe_body(&seen, row->body, strlen(row->body), &up,
                                 pool);
    check_seen(row->body, &row->sight, &seen, 0);
}
END_TEST

START_TEST(the_answer_is_measured)
{
    const provider_measure_t *m = &spec->measures[_i];
    chat_seen_t seen = provider_suite_watch(m->completions, m->text);

    ck_assert_msg(seen.deltas == m->deltas && seen.text == m->bytes,
                  "%s: %d deltas, %d bytes", m->text, (int)seen.deltas,
                  (int)seen.text);
}
END_TEST

START_TEST(the_configured_key_is_never_part_of_a_code)
{
    chat_upstream_t up = provider_suite_upstream(_i);
    ear_t ear = listen_to(&up, spec->leak, strlen(spec->leak), 0, 1000);

    ck_assert_str_eq(ear.seen.error, "bad-plainkey");
    ck_assert_str_eq(ear.heard, "<failed bad-plainkey>");
    up.key = "plainkey"; /* nothing in it gives it away */
    ear = listen_to(&up, spec->leak, strlen(spec->leak), 0, 1000);
    ck_assert_int_eq(ear.seen.failed, 1);
    ck_assert_ptr_null(strstr(ear.seen.error, "plainkey"));
    ck_assert_str_eq(ear.heard, "<failed >");
}
END_TEST

/* What a client is told when its budget is gone reads as a failure. */
START_TEST(an_answer_that_is_cut_is_a_failure_in_the_provider_s_own_words)
{
    chat_upstream_t up = provider_suite_upstream(_i);
    const char *text = spec->provider->make_cut_event(
        &up, "budget_exhausted", "The \"budget\" is gone.", pool);
    chat_seen_t seen = provider_suite_watch(_i, text);

    ck_assert_int_eq(seen.failed, 1);
    ck_assert_str_eq(seen.error, spec->cut_error);
    ck_assert_ptr_nonnull(strstr(text, "\"budget_exhausted\""));
    ck_assert_ptr_nonnull(strstr(text, "\"The \\\"budget\\\" is gone.\""));
}
END_TEST

/* ---- all of them ---- */

static void add_transcripts(TCase *tc)
{
    int n = spec->ntranscripts;

    tcase_add_loop_test(tc, a_transcript_is_understood_when_it_comes_whole, 0,
                        n);
    tcase_add_loop_test(tc, a_transcript_is_understood_byte_by_byte, 0, n);
    tcase_add_loop_test(tc, a_transcript_is_understood_in_any_two_pieces, 0, n);
    tcase_add_loop_test(
        tc, a_transcript_cut_anywhere_has_not_ended_and_says_nothing_new, 0, n);
    tcase_add_loop_test(tc, nothing_comes_after_the_end, 0, n);
    tcase_add_loop_test(tc, comments_and_unknown_events_change_nothing, 0, n);
    tcase_add_loop_test(tc, crlf_changes_nothing, 0, n);
    tcase_add_loop_test(
        tc, a_giant_event_changes_nothing_if_it_can_be_taken_apart, 0, n);
    tcase_add_loop_test(tc, a_giant_event_behind_the_end_changes_nothing, 0, n);
    tcase_add_loop_test(tc, an_error_may_come_between_any_two_events, 0, n);
}

void provider_suite_add_streams(TCase *tc)
{
    add_transcripts(tc);
    tcase_add_loop_test(tc, every_shape_of_event_is_understood, 0,
                        spec->nshapes);
    tcase_add_loop_test(tc, every_event_is_taken_apart, 0, spec->nhearings);
    tcase_add_loop_test(tc, a_whole_answer_is_seen_right, 0, spec->nwholes);
    tcase_add_loop_test(tc, the_answer_is_measured, 0, spec->nmeasures);
    tcase_add_loop_test(tc, the_configured_key_is_never_part_of_a_code, 0,
                        spec->apis);
    tcase_add_loop_test(
        tc, an_answer_that_is_cut_is_a_failure_in_the_provider_s_own_words, 0,
        spec->apis);
}
