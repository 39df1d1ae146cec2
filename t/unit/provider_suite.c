/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tests that every provider passes: of calls and of refusals. Those of
 * streams are in provider_suite_stream.c. One suite a program, so the provider
 * at hand is kept in a global.
 */
#include "provider_suite.h"

#include <string.h>

#include <apr_strings.h>

apr_pool_t *provider_suite_pool;
const provider_suite_t *provider_suite_spec;

#define pool provider_suite_pool
#define spec provider_suite_spec

void provider_suite_set_up(void)
{
    apr_pool_create(&pool, NULL);
}

void provider_suite_tear_down(void)
{
    apr_pool_destroy(pool);
}

/* build --------------------------------------------------------------- */

static const chat_message_t one_message[] = {
    {.role = CHAT_ROLE_USER, .content = "hi"},
};

static const chat_message_t dialogue[] = {
    {.role = CHAT_ROLE_SYSTEM, .content = "Be kind."},
    {.role = CHAT_ROLE_USER, .content = "2+2?"},
    {.role = CHAT_ROLE_ASSISTANT, .content = ""},
    {.role = CHAT_ROLE_USER, .content = "\"Gr\xc3\xbc\xc3\x9f\"\n</script>"},
};

chat_turn_t provider_suite_turn(void)
{
    chat_turn_t turn = {
        .request_id = "req-1",
        .model = "model-1",
        .messages = one_message,
        .nmessages = 1,
        .schema_strict = -1,
        .parallel = -1,
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

    ck_assert_int_eq(spec->provider->build_call(&call, turn, up, &err, pool),
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

    ck_assert_int_eq(spec->provider->build_call(&call, turn, up, &err, pool),
                     APR_EINVAL);
    ck_assert_ptr_nonnull(err.message);
    return err;
}

apr_status_t provider_suite_adopt(chat_turn_t *turn, const char *body,
                                  const char *path, const chat_upstream_t *up,
                                  chat_err_t *err)
{
    memset(turn, 0, sizeof(*turn));
    memset(err, 0, sizeof(*err));
    return spec->provider->read_native(turn, provider_suite_json(body), path,
                                       up, err, pool);
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

START_TEST(the_contract_is_kept_to_the_last_member)
{
    const chat_provider_t *provider = spec->provider;
    chat_upstream_t up = provider_suite_upstream(_i);

    ck_assert(provider->read_native && provider->build_call &&
              provider->observe_event);
    ck_assert(provider->parse_event && provider->observe_body);
    ck_assert(provider->make_cut_event && provider->map_error);
    ck_assert_ptr_nonnull(provider->wire_format(&up));
}
END_TEST

/* Only a request in the provider's own words may want its answer whole. */
START_TEST(what_is_accepted_is_what_is_asked_for)
{
    chat_turn_t turn = provider_suite_turn();
    chat_upstream_t up = provider_suite_upstream(_i);
    chat_call_t call;

    turn.whole = 1;
    call = provider_suite_build(&turn, &up);
    ck_assert_ptr_nonnull(
        strstr(provider_suite_headers(&call), "\nAccept: text/event-stream\n"));
    turn.native = provider_suite_json("{}");
    call = provider_suite_build(&turn, &up);
    ck_assert_ptr_nonnull(
        strstr(provider_suite_headers(&call), "\nAccept: application/json\n"));
}
END_TEST

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
    ck_assert_int_eq(err.cause, CHAT_CAUSE_AUTH);
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

/* refused ------------------------------------------------------------- */

static chat_err_t refuse(int status, const char *body, apr_size_t len)
{
    chat_err_t err = {0};

    spec->provider->map_error(&err, status, body, len, pool);
    return err;
}

static void check_refusal(const provider_refusal_t *row)
{
    chat_err_t err = refuse(row->status, row->body, strlen(row->body));

    ck_assert_msg(err.status == row->mapped && strcmp(err.code, row->code) == 0,
                  "%d %s: %d %s", row->status, row->body, err.status, err.code);
    ck_assert_int_eq(
        err.cause, strcmp(err.code, "upstream_auth") == 0    ? CHAT_CAUSE_AUTH
                   : strcmp(err.code, "upstream_quota") == 0 ? CHAT_CAUSE_QUOTA
                                                             : CHAT_CAUSE_NONE);
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

/* Unless the provider has its own meaning of that status. */
START_TEST(every_status_has_its_answer)
{
    int i;

    for (i = 0; i < (int)spec->nrefusals; i++)
        if (spec->refusals[i].status == common_refusals[_i].status)
            return;
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
    tcase_add_loop_test(tc, the_contract_is_kept_to_the_last_member, 0,
                        spec->apis);
    tcase_add_loop_test(tc, what_is_accepted_is_what_is_asked_for, 0,
                        spec->apis);
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

void provider_suite_use(const provider_suite_t *of)
{
    spec = of;
}

void provider_suite_add(Suite *suite, const provider_suite_t *of)
{
    provider_suite_use(of);
    add_build(make_case(suite, "every build"));
    provider_suite_add_streams(make_case(suite, "every stream"));
    add_refused(make_case(suite, "every refused"));
}
