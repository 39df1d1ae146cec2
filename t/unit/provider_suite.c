/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tests that every provider passes. One suite a program, so the provider
 * at hand is kept in a static.
 */
#include "provider_suite.h"

#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "chat_sse.h"

apr_pool_t *provider_suite_pool;
static const provider_suite_t *spec;

#define pool provider_suite_pool

void provider_suite_set_up(void)
{
    apr_pool_create(&pool, NULL);
}

void provider_suite_tear_down(void)
{
    apr_pool_destroy(pool);
}

/* build --------------------------------------------------------------- */

static const chat_message_t one_message[] = {{CHAT_ROLE_USER, "hi"}};

static const chat_message_t dialogue[] = {
    {CHAT_ROLE_SYSTEM, "Be kind."},
    {CHAT_ROLE_USER, "2+2?"},
    {CHAT_ROLE_ASSISTANT, ""},
    {CHAT_ROLE_USER, "\"Gr\xc3\xbc\xc3\x9f\"\n</script>"},
};

chat_turn_t provider_suite_turn(void)
{
    chat_turn_t turn = {
        .request_id = "req-1",
        .model = "model-1",
        .messages = one_message,
        .nmessages = 1,
        .schema_strict = -1,
    };

    return turn;
}

chat_turn_t provider_suite_full_turn(void)
{
    chat_turn_t turn = provider_suite_turn();

    turn.system = "Answer in JSON.";
    turn.messages = dialogue;
    turn.nmessages = 4;
    turn.has_temperature = 1;
    turn.temperature = 0.7;
    turn.max_output_tokens = 256;
    turn.schema = provider_suite_json(PROVIDER_SUITE_SCHEMA);
    turn.schema_strict = 1;
    return turn;
}

chat_upstream_t provider_suite_upstream(int completions)
{
    chat_upstream_t up = {
        .url = spec->url,
        .key = PROVIDER_SUITE_KEY,
        .completions = completions,
        .timeouts = {.connect = 1, .first = 2, .idle = 3, .total = 4},
    };

    return up;
}

chat_call_t provider_suite_build(const chat_turn_t *turn,
                                 const chat_upstream_t *up)
{
    chat_call_t call = {0};
    chat_err_t err = {0};

    ck_assert_int_eq(spec->provider->build(&call, turn, up, &err, pool),
                     APR_SUCCESS);
    ck_assert_int_eq(err.status, 0);
    ck_assert_uint_eq(call.body_len, strlen(call.body));
    return call;
}

chat_err_t provider_suite_refusal(const chat_turn_t *turn,
                                  const chat_upstream_t *up)
{
    chat_call_t call = {0};
    chat_err_t err = {0};

    ck_assert_int_eq(spec->provider->build(&call, turn, up, &err, pool),
                     APR_EINVAL);
    ck_assert_ptr_nonnull(err.message);
    return err;
}

const char *provider_suite_headers(const chat_call_t *call)
{
    return apr_array_pstrcat(pool, call->headers, '\n');
}

chat_json_t *provider_suite_json(const char *text)
{
    static const chat_json_limits_t limits = {1 << 20, 64, 1 << 16};
    chat_json_t *root = NULL;

    ck_assert_int_eq(chat_json_parse(&root, text, strlen(text), &limits, pool),
                     APR_SUCCESS);
    return root;
}

START_TEST(the_key_is_in_the_headers_alone_and_the_timeouts_are_the_section_s)
{
    chat_turn_t turn = provider_suite_full_turn();
    chat_upstream_t up = provider_suite_upstream(_i);
    chat_call_t call;

    turn.schema_strict = -1;
    call = provider_suite_build(&turn, &up);
    ck_assert_ptr_nonnull(
        strstr(provider_suite_headers(&call), PROVIDER_SUITE_KEY));
    ck_assert_ptr_null(strstr(call.body, PROVIDER_SUITE_KEY));
    ck_assert_ptr_null(strstr(call.url, PROVIDER_SUITE_KEY));
    ck_assert_int_eq(call.timeouts.connect, 1);
    ck_assert_int_eq(call.timeouts.first, 2);
    ck_assert_int_eq(call.timeouts.idle, 3);
    ck_assert_int_eq(call.timeouts.total, 4);
}
END_TEST

START_TEST(without_key_and_id_their_headers_are_left_out)
{
    chat_turn_t turn = provider_suite_turn();
    chat_upstream_t up = provider_suite_upstream(0);
    const char *headers;
    chat_call_t call;

    up.key = _i ? "" : NULL;
    turn.request_id = _i ? "" : NULL;
    call = provider_suite_build(&turn, &up);
    headers = provider_suite_headers(&call);
    ck_assert_ptr_null(strcasestr(headers, "key"));
    ck_assert_ptr_null(strcasestr(headers, "authorization"));
    ck_assert_ptr_null(strcasestr(headers, "request-id"));
    ck_assert_ptr_nonnull(strstr(headers, "Expect:"));
}
END_TEST

static const struct {
    int auth;
    const char *line;
} auths[] = {
    {CHAT_KEY_BEARER, "Authorization: Bearer " PROVIDER_SUITE_KEY "\n"},
    {CHAT_KEY_API_KEY, "api-key: " PROVIDER_SUITE_KEY "\n"},
    {CHAT_KEY_X_API_KEY, "x-api-key: " PROVIDER_SUITE_KEY "\n"},
    {CHAT_KEY_X_GOOG, "x-goog-api-key: " PROVIDER_SUITE_KEY "\n"},
};

START_TEST(the_key_goes_where_it_is_configured_to_and_nowhere_else)
{
    chat_turn_t turn = provider_suite_turn();
    chat_upstream_t up = provider_suite_upstream(0);
    const char *headers, *rest;
    chat_call_t call;

    up.auth = auths[_i].auth;
    call = provider_suite_build(&turn, &up);
    headers = provider_suite_headers(&call);
    rest = strstr(headers, PROVIDER_SUITE_KEY);
    ck_assert_int_eq(strncmp(headers, auths[_i].line, strlen(auths[_i].line)),
                     0);
    ck_assert_ptr_null(strstr(rest + 1, PROVIDER_SUITE_KEY));
}
END_TEST

static const char *const unfit[] = {
    "a\r\nX-Evil: 1", "a\n",   "\ra",       "a\tb", "a b",
    "a\x7f",          "a\x01", "k\xc3\xa9",
};

START_TEST(a_key_that_would_break_the_header_is_refused)
{
    chat_turn_t turn = provider_suite_turn();
    chat_upstream_t up = provider_suite_upstream(0);
    chat_err_t err;

    up.key = unfit[_i];
    err = provider_suite_refusal(&turn, &up);
    ck_assert_int_eq(err.status, 502);
    ck_assert_str_eq(err.code, "upstream_auth");
    ck_assert_ptr_null(strstr(err.message, unfit[_i]));
}
END_TEST

START_TEST(an_id_that_would_break_the_header_is_refused)
{
    chat_turn_t turn = provider_suite_turn();
    chat_upstream_t up = provider_suite_upstream(0);
    chat_err_t err;

    turn.request_id = unfit[_i];
    err = provider_suite_refusal(&turn, &up);
    ck_assert_int_eq(err.status, 500);
    ck_assert_str_eq(err.code, "request_id");
}
END_TEST

/* observe ------------------------------------------------------------- */

typedef struct watch_t {
    chat_seen_t seen;
    chat_upstream_t up;
    apr_pool_t *scratch;
} watch_t;

static void watch_event(void *ctx, const chat_sse_event_t *event)
{
    watch_t *w = ctx;

    spec->provider->observe(&w->seen, event, &w->up, w->scratch);
    apr_pool_clear(w->scratch);
}

/* Feed text in two pieces, the second in steps; the sum of what was seen. */
static chat_seen_t watch(const chat_upstream_t *up, const char *text,
                         apr_size_t len, apr_size_t first, apr_size_t step)
{
    watch_t w = {.seen.usage = {-1, -1}, .seen.measure = 1, .up = *up};
    apr_pool_t *p;
    chat_sse_t *sse;

    apr_pool_create(&w.scratch, pool);
    apr_pool_create(&p, pool);
    sse = chat_sse_create(watch_event, &w, p);
    chat_sse_feed(sse, text, first);
    for (; first < len; first += step)
        chat_sse_feed(sse, text + first,
                      len - first < step ? len - first : step);
    apr_pool_destroy(p);
    apr_pool_destroy(w.scratch);
    return w.seen;
}

chat_seen_t provider_suite_watch(int completions, const char *text)
{
    chat_upstream_t up = provider_suite_upstream(completions);

    return watch(&up, text, strlen(text), 0, strlen(text));
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

START_TEST(a_transcript_is_seen_right_when_it_comes_whole)
{
    const provider_transcript_t *t = &spec->transcripts[_i];
    chat_upstream_t up = provider_suite_upstream(t->completions);
    apr_size_t len;
    const char *text = load(t, &len);
    chat_seen_t seen = watch(&up, text, len, 0, len);

    check_seen(t->name, &t->sight, &seen, 0);
}
END_TEST

START_TEST(a_transcript_is_seen_right_byte_by_byte)
{
    const provider_transcript_t *t = &spec->transcripts[_i];
    chat_upstream_t up = provider_suite_upstream(t->completions);
    apr_size_t len;
    const char *text = load(t, &len);
    chat_seen_t seen = watch(&up, text, len, 0, 1);

    check_seen(t->name, &t->sight, &seen, 0);
}
END_TEST

START_TEST(a_transcript_is_seen_right_in_any_two_pieces)
{
    const provider_transcript_t *t = &spec->transcripts[_i];
    chat_upstream_t up = provider_suite_upstream(t->completions);
    apr_size_t len, at;
    const char *text = load(t, &len);

    for (at = 1; at < len; at++) {
        chat_seen_t seen = watch(&up, text, len, at, len);

        check_seen(t->name, &t->sight, &seen, at);
    }
}
END_TEST

/* Its last line end may be half there: CR alone ends a line as well. */
START_TEST(a_transcript_cut_anywhere_has_not_ended)
{
    const provider_transcript_t *t = &spec->transcripts[_i];
    chat_upstream_t up = provider_suite_upstream(t->completions);
    apr_size_t len, at, whole;
    const char *text = load(t, &len);

    whole = len - strlen(t->after);
    for (at = 0; at + 1 < whole; at++) {
        chat_seen_t seen = watch(&up, text, at, 0, at + 1);

        ck_assert_msg(!seen.ended && !seen.failed && !*seen.error,
                      "%s, cut off at %d of %d", t->name, (int)at, (int)len);
    }
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
        chat_seen_t seen =
            provider_suite_watch(t->completions, make_noisy(text, noises[i]));

        check_seen(t->name, &t->sight, &seen, i);
    }
}
END_TEST

START_TEST(crlf_changes_nothing)
{
    const provider_transcript_t *t = &spec->transcripts[_i];
    apr_size_t len;
    const char *text = make_noisy(load(t, &len), "");
    char *crlf = apr_pcalloc(pool, 2 * len + 1), *to = crlf;
    chat_seen_t seen;

    for (; *text; text++) {
        if (*text == '\n')
            *to++ = '\r';
        *to++ = *text;
    }
    seen = provider_suite_watch(t->completions, crlf);
    check_seen(t->name, &t->sight, &seen, 0);
}
END_TEST

START_TEST(a_giant_event_changes_nothing)
{
    const provider_transcript_t *t = &spec->transcripts[_i];
    char *filler = apr_palloc(pool, CHAT_SSE_EVENT_MAX + 1);
    apr_size_t len;
    const char *text = load(t, &len);
    chat_seen_t seen;

    memset(filler, 'x', CHAT_SSE_EVENT_MAX);
    filler[CHAT_SSE_EVENT_MAX] = '\0';
    seen = provider_suite_watch(
        t->completions,
        apr_pstrcat(pool, "data: {\"text\":\"", filler, "\"}\n\n", text, NULL));
    check_seen(t->name, &t->sight, &seen, 0);
}
END_TEST

START_TEST(every_shape_of_event_is_understood)
{
    const provider_shape_t *shape = &spec->shapes[_i];
    chat_seen_t seen = provider_suite_watch(shape->completions, shape->text);

    check_seen(shape->about, &shape->sight, &seen, 0);
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
    chat_seen_t seen;

    seen = watch(&up, spec->leak, strlen(spec->leak), 0, 1000);
    ck_assert_str_eq(seen.error, "bad-plainkey");
    up.key = "plainkey"; /* nothing in it gives it away */
    seen = watch(&up, spec->leak, strlen(spec->leak), 0, 1000);
    ck_assert_int_eq(seen.failed, 1);
    ck_assert_ptr_null(strstr(seen.error, "plainkey"));
}
END_TEST

/* What a client is told when its budget is gone reads as a failure. */
START_TEST(an_answer_that_is_cut_is_a_failure_in_the_provider_s_own_words)
{
    chat_upstream_t up = provider_suite_upstream(_i);
    const char *text = spec->provider->cut(&up, "budget_exhausted",
                                           "The \"budget\" is gone.", pool);
    chat_seen_t seen = provider_suite_watch(_i, text);

    ck_assert_int_eq(seen.failed, 1);
    ck_assert_str_eq(seen.error, spec->cut_error);
    ck_assert_ptr_nonnull(strstr(text, "\"budget_exhausted\""));
    ck_assert_ptr_nonnull(strstr(text, "\"The \\\"budget\\\" is gone.\""));
}
END_TEST

/* refused ------------------------------------------------------------- */

static chat_err_t refuse(int status, const char *body, apr_size_t len)
{
    chat_err_t err = {0};

    spec->provider->refused(&err, status, body, len, pool);
    return err;
}

static void check_refusal(const provider_refusal_t *row)
{
    chat_err_t err = refuse(row->status, row->body, strlen(row->body));

    ck_assert_msg(err.status == row->mapped && strcmp(err.code, row->code) == 0,
                  "%d %s: %d %s", row->status, row->body, err.status, err.code);
    ck_assert_pstr_eq(err.retry_after, row->retry_after);
    ck_assert_ptr_null(strstr(err.message, "org-"));
    ck_assert_ptr_null(strstr(err.message, "sk-"));
    ck_assert_ptr_null(strstr(err.message, "nginx"));
    ck_assert_int_eq(err.message[strlen(err.message) - 1], '.');
}

static const provider_refusal_t common_refusals[] = {
    {400, "", 400, "upstream_rejected", NULL},
    {404, "<html>nginx</html>", 400, "upstream_rejected", NULL},
    {409, "", 400, "upstream_rejected", NULL},
    {413, "", 400, "upstream_rejected", NULL},
    {422, "", 400, "upstream_rejected", NULL},
    {401, "", 502, "upstream_auth", NULL},
    {403, "", 502, "upstream_auth", NULL},
    {402, "", 502, "upstream_quota", NULL},
    {429, "", 429, "upstream_rate_limited", NULL},
    {408, "", 504, "upstream_timeout", NULL},
    {504, "", 504, "upstream_timeout", NULL},
    {503, "", 503, "upstream_overloaded", NULL},
    {529, "", 503, "upstream_overloaded", NULL},
    {500, "", 502, "upstream_error", NULL},
    {502, "<html>", 502, "upstream_error", NULL},
    {301, "", 502, "upstream_error", NULL},
    {307, "", 502, "upstream_error", NULL},
    {200, "{\"id\":\"1\"}", 502, "upstream_error", NULL},
    {204, "", 502, "upstream_error", NULL},
    {418, "", 502, "upstream_error", NULL},
    {599, "", 502, "upstream_error", NULL},
    {0, "", 502, "upstream_error", NULL},
};

START_TEST(every_status_has_its_answer)
{
    check_refusal(&common_refusals[_i]);
}
END_TEST

START_TEST(every_refusal_of_its_own_has_its_answer)
{
    check_refusal(&spec->refusals[_i]);
}
END_TEST

START_TEST(a_rejection_repeats_machine_words_alone)
{
    const provider_sentence_t *row = &spec->sentences[_i];

    ck_assert_str_eq(refuse(400, row->body, strlen(row->body)).message,
                     row->message);
}
END_TEST

static const char *const no_words[] = {
    "",
    "[]",
    "null",
    "{}",
    "[{}]",
    "7",
    "<html><title>400</title></html>",
    "{\"error\":null}",
    "{\"error\":\"free text about org-1\"}",
    "{\"error\":{}}",
    "{\"error\":{\"code\":\"x\",\"type\":\"x\",\"status\":\"x\",\"message\":"
    "\"cut",
};

START_TEST(a_rejection_without_a_word_has_none)
{
    ck_assert_str_eq(refuse(400, no_words[_i], strlen(no_words[_i])).message,
                     PROVIDER_PLAIN);
}
END_TEST

START_TEST(a_rejection_may_have_no_body_or_one_with_a_nul)
{
    static const char nul[] = "{\"error\":{\"code\":\"a\0b\",\"type\":\"a\0b\","
                              "\"status\":\"a\0b\"}}";

    ck_assert_str_eq(refuse(400, NULL, 0).message, PROVIDER_PLAIN);
    ck_assert_str_eq(refuse(400, nul, sizeof(nul) - 1).message, PROVIDER_PLAIN);
}
END_TEST

START_TEST(a_monstrous_rejection_is_not_read)
{
    char *body = apr_palloc(pool, 100000);

    memset(body, '[', 100000);
    ck_assert_str_eq(refuse(400, body, 100000).message, PROVIDER_PLAIN);
}
END_TEST

/* --------------------------------------------------------------------- */

static TCase *make_case(Suite *suite, const char *name)
{
    TCase *tc = tcase_create(name);

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, provider_suite_set_up,
                              provider_suite_tear_down);
    suite_add_tcase(suite, tc);
    return tc;
}

#define COUNT(rows) ((int)(sizeof(rows) / sizeof(rows[0])))

static void add_build(TCase *tc)
{
    tcase_add_loop_test(
        tc, the_key_is_in_the_headers_alone_and_the_timeouts_are_the_section_s,
        0, spec->apis);
    tcase_add_loop_test(tc, without_key_and_id_their_headers_are_left_out, 0,
                        2);
    tcase_add_loop_test(tc,
                        the_key_goes_where_it_is_configured_to_and_nowhere_else,
                        0, COUNT(auths));
    tcase_add_loop_test(tc, a_key_that_would_break_the_header_is_refused, 0,
                        COUNT(unfit));
    tcase_add_loop_test(tc, an_id_that_would_break_the_header_is_refused, 0,
                        COUNT(unfit));
}

static void add_observe(TCase *tc)
{
    int n = spec->ntranscripts;

    tcase_add_loop_test(tc, a_transcript_is_seen_right_when_it_comes_whole, 0,
                        n);
    tcase_add_loop_test(tc, a_transcript_is_seen_right_byte_by_byte, 0, n);
    tcase_add_loop_test(tc, a_transcript_is_seen_right_in_any_two_pieces, 0, n);
    tcase_add_loop_test(tc, a_transcript_cut_anywhere_has_not_ended, 0, n);
    tcase_add_loop_test(tc, comments_and_unknown_events_change_nothing, 0, n);
    tcase_add_loop_test(tc, crlf_changes_nothing, 0, n);
    tcase_add_loop_test(tc, a_giant_event_changes_nothing, 0, n);
    tcase_add_loop_test(tc, every_shape_of_event_is_understood, 0,
                        spec->nshapes);
    tcase_add_loop_test(tc, the_answer_is_measured, 0, spec->nmeasures);
    tcase_add_loop_test(tc, the_configured_key_is_never_part_of_a_code, 0,
                        spec->apis);
    tcase_add_loop_test(
        tc, an_answer_that_is_cut_is_a_failure_in_the_provider_s_own_words, 0,
        spec->apis);
}

static void add_refused(TCase *tc)
{
    tcase_add_loop_test(tc, every_status_has_its_answer, 0,
                        COUNT(common_refusals));
    tcase_add_loop_test(tc, every_refusal_of_its_own_has_its_answer, 0,
                        spec->nrefusals);
    tcase_add_loop_test(tc, a_rejection_repeats_machine_words_alone, 0,
                        spec->nsentences);
    tcase_add_loop_test(tc, a_rejection_without_a_word_has_none, 0,
                        COUNT(no_words));
    tcase_add_test(tc, a_rejection_may_have_no_body_or_one_with_a_nul);
    tcase_add_test(tc, a_monstrous_rejection_is_not_read);
}

void provider_suite_add(Suite *suite, const provider_suite_t *of)
{
    spec = of;
    add_build(make_case(suite, "every build"));
    add_observe(make_case(suite, "every observe"));
    add_refused(make_case(suite, "every refused"));
}
