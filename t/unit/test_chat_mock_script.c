/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mock's stream: the events of OpenAI in their order, whole JSON each, at
 * the pace asked for, and understood by the observer that watches real ones.
 */
#include "unit.h"

#include <string.h>

#include <apr_strings.h>

#include "../../src/mock/chat_mock_script.h"
#include "chat_provider.h"
#include "chat_sse.h"

#define PACE 20000
#define MOST_EVENTS 64

#define RESPONSES                                                              \
    "{\"model\":\"gpt-4o-mini\",\"input\":[{\"role\":\"user\",\"content\":"    \
    "\"canary-prompt\"}],\"instructions\":\"canary-system\",\"stream\":true}"
#define COMPLETIONS                                                            \
    "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\","             \
    "\"content\":\"canary-prompt\"}],\"stream\":true}"
#define BILLED                                                                 \
    "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":\"user\","             \
    "\"content\":\"canary-prompt\"}],\"stream\":true,"                         \
    "\"stream_options\":{\"include_usage\":true}}"

static apr_pool_t *pool;

/* What came out of a script that was played to its end. */
typedef struct played_t {
    int n;
    const char *type[MOST_EVENTS];
    chat_json_t *data[MOST_EVENTS]; /* NULL: not JSON */
    apr_interval_time_t delay[MOST_EVENTS];
    const char *all;
    chat_seen_t seen;
    chat_upstream_t up;
} played_t;

static void set_up(void)
{
    apr_pool_create(&pool, NULL);
}

static void tear_down(void)
{
    apr_pool_destroy(pool);
}

static chat_json_t *parse(const char *text, apr_size_t len)
{
    static const chat_json_limits_t limits = {1 << 20, 64, 1 << 16};
    chat_json_t *root = NULL;

    chat_json_parse(&root, text, len, &limits, pool);
    return root;
}

static apr_status_t create(chat_mock_script_t **pscript, const char *body,
                           int completions, int words, chat_err_t *err)
{
    memset(err, 0, sizeof(*err));
    return chat_mock_script_create(pscript, parse(body, strlen(body)),
                                   completions, words, PACE, "0198-ab.c_D",
                                   apr_time_from_sec(1755000000), err, pool);
}

static chat_mock_script_t *make(const char *body, int completions, int words)
{
    chat_mock_script_t *script;
    chat_err_t err;

    ck_assert_int_eq(create(&script, body, completions, words, &err),
                     APR_SUCCESS);
    ck_assert_int_eq(err.status, 0);
    return script;
}

static void note_event(void *ctx, const chat_sse_event_t *event)
{
    played_t *played = ctx;

    ck_assert_int_lt(played->n, MOST_EVENTS);
    played->type[played->n] = apr_pstrndup(pool, event->type, event->type_len);
    played->data[played->n] = parse(event->data, event->data_len);
    played->n++;
    chat_provider_get(0)->observe_event(&played->seen, event, &played->up,
                                        pool);
}

static played_t *play(chat_mock_script_t *script, int completions)
{
    played_t *played = apr_pcalloc(pool, sizeof(*played));
    chat_sse_t *sse = chat_sse_create(note_event, played, pool);
    apr_interval_time_t delay;
    const char *data, *buf = NULL;
    apr_status_t rv;
    apr_size_t len;

    played->all = "";
    played->up.completions = completions;
    played->seen.usage.input = played->seen.usage.output = -1;
    while ((rv = chat_mock_script_next(script, &data, &len, &delay)) ==
           APR_SUCCESS) {
        int before = played->n;

        ck_assert_msg(!buf || buf == data, "one buffer serves all events");
        buf = data;
        chat_sse_feed(sse, data, len);
        ck_assert_int_eq(played->n, before + 1);
        ck_assert(chat_sse_between(sse));
        played->delay[before] = delay;
        played->all =
            apr_pstrcat(pool, played->all, apr_pstrndup(pool, data, len), NULL);
    }
    ck_assert_int_eq(rv, APR_EOF);
    ck_assert_int_eq(len, 0);
    ck_assert_int_eq(chat_mock_script_next(script, &data, &len, &delay),
                     APR_EOF);
    return played;
}

static int count_words(const char *text)
{
    int n = 1;

    for (; *text; text++)
        n += *text == ' ';
    return n;
}

/* The deltas at the keys of path, put together. */
static const char *join(const played_t *played, int first, int n,
                        const char *key)
{
    const char *all = "";
    int i;

    for (i = first; i < first + n; i++) {
        const chat_json_t *v = chat_json_get(played->data[i], key);

        if (chat_json_kind(v) == CHAT_JSON_ARRAY)
            v = chat_json_path(chat_json_at(v, 0), "delta", "content", NULL);
        ck_assert_ptr_nonnull(chat_json_string(v));
        all = apr_pstrcat(pool, all, chat_json_string(v), NULL);
    }
    return all;
}

static const char *text_of(const chat_json_t *content)
{
    return chat_json_string(chat_json_get(chat_json_at(content, 0), "text"));
}

START_TEST(a_responses_stream_has_every_event_in_order)
{
    static const char *const order[] = {
        "response.created",           "response.in_progress",
        "response.output_item.added", "response.content_part.added",
        "response.output_text.delta", "response.output_text.delta",
        "response.output_text.delta", "response.output_text.done",
        "response.content_part.done", "response.output_item.done",
        "response.completed",
    };
    const int n = sizeof(order) / sizeof(order[0]);
    played_t *played = play(make(RESPONSES, 0, 3), 0);
    int i;

    ck_assert_int_eq(played->n, n);
    for (i = 0; i < n; i++) {
        ck_assert_str_eq(played->type[i], order[i]);
        ck_assert_str_eq(
            chat_json_string(chat_json_get(played->data[i], "type")), order[i]);
        ck_assert_int_eq(
            chat_json_integer(chat_json_get(played->data[i], "sequence_number"),
                              -1),
            i);
        ck_assert_int_eq(played->delay[i], i == 4 || i == 5 ? PACE : 0);
    }
}
END_TEST

START_TEST(a_responses_stream_says_its_text_the_same_everywhere)
{
    played_t *played = play(make(RESPONSES, 0, 5), 0);
    const char *text = join(played, 4, 5, "delta");
    const chat_json_t *response = chat_json_get(played->data[12], "response");

    ck_assert_int_eq(count_words(text), 5);
    ck_assert_str_eq(text, "You said “canary-prompt”. That's all.");
    ck_assert_str_eq(chat_json_string(chat_json_get(played->data[9], "text")),
                     text);
    ck_assert_str_eq(chat_json_string(chat_json_path(played->data[10], "part",
                                                     "text", NULL)),
                     text);
    ck_assert_str_eq(
        text_of(chat_json_path(played->data[11], "item", "content", NULL)),
        text);
    ck_assert_str_eq(
        text_of(chat_json_get(
            chat_json_at(chat_json_get(response, "output"), 0), "content")),
        text);
}
END_TEST

START_TEST(the_response_has_its_id_model_time_and_status)
{
    played_t *played = play(make(RESPONSES, 0, 1), 0);
    const chat_json_t *first = chat_json_get(played->data[0], "response");
    const chat_json_t *last = chat_json_get(played->data[8], "response");

    ck_assert_str_eq(chat_json_string(chat_json_get(first, "id")),
                     "resp_0198-ab.c_D");
    ck_assert_str_eq(chat_json_string(chat_json_get(first, "status")),
                     "in_progress");
    ck_assert_int_eq(chat_json_kind(chat_json_get(first, "usage")),
                     CHAT_JSON_NULL);
    ck_assert_int_eq(chat_json_length(chat_json_get(first, "output")), 0);
    ck_assert_str_eq(chat_json_string(chat_json_get(last, "id")),
                     "resp_0198-ab.c_D");
    ck_assert_str_eq(chat_json_string(chat_json_get(last, "status")),
                     "completed");
    ck_assert_str_eq(chat_json_string(chat_json_get(last, "model")),
                     "gpt-4o-mini");
    ck_assert_int_eq(chat_json_integer(chat_json_get(last, "created_at"), -1),
                     1755000000);
    ck_assert_str_eq(
        chat_json_string(chat_json_get(played->data[4], "item_id")),
        "msg_0198-ab.c_D");
}
END_TEST

START_TEST(a_completions_stream_has_every_chunk_in_order)
{
    played_t *played = play(make(COMPLETIONS, 1, 3), 1);
    int i;

    /* role, three words, finish, [DONE] */
    ck_assert_int_eq(played->n, 6);
    for (i = 0; i < 5; i++) {
        const chat_json_t *choice =
            chat_json_at(chat_json_get(played->data[i], "choices"), 0);

        ck_assert_str_eq(played->type[i], "");
        ck_assert_str_eq(
            chat_json_string(chat_json_get(played->data[i], "object")),
            "chat.completion.chunk");
        ck_assert_str_eq(chat_json_string(chat_json_get(played->data[i], "id")),
                         "chatcmpl-0198-ab.c_D");
        ck_assert_ptr_null(chat_json_get(played->data[i], "usage"));
        ck_assert_int_eq(chat_json_kind(chat_json_get(choice, "finish_reason")),
                         i < 4 ? CHAT_JSON_NULL : CHAT_JSON_STRING);
        ck_assert_int_eq(played->delay[i], i == 1 || i == 2 ? PACE : 0);
    }
    ck_assert_str_eq(join(played, 1, 3, "choices"),
                     "You said “canary-prompt”.");
    ck_assert_str_eq(played->all + strlen(played->all) - 14,
                     "data: [DONE]\n\n");
}
END_TEST

START_TEST(a_completions_stream_bills_only_when_asked)
{
    played_t *played = play(make(BILLED, 1, 2), 1);
    const chat_json_t *usage = chat_json_get(played->data[4], "usage");
    int i;

    ck_assert_int_eq(played->n, 6);
    for (i = 0; i < 4; i++)
        ck_assert_int_eq(
            chat_json_kind(chat_json_get(played->data[i], "usage")),
            CHAT_JSON_NULL);
    ck_assert_int_eq(chat_json_kind(chat_json_get(played->data[4], "choices")),
                     CHAT_JSON_ARRAY);
    ck_assert_int_eq(
        chat_json_length(chat_json_get(played->data[4], "choices")), 0);
    /* "canary-prompt" is 13 characters, four to a token. */
    ck_assert_int_eq(
        chat_json_integer(chat_json_get(usage, "prompt_tokens"), -1), 4);
    ck_assert_int_eq(
        chat_json_integer(chat_json_get(usage, "completion_tokens"), -1), 2);
    ck_assert_int_eq(
        chat_json_integer(chat_json_get(usage, "total_tokens"), -1), 6);
}
END_TEST

START_TEST(the_observer_sees_an_end_and_the_bill)
{
    static const struct {
        const char *body;
        int completions, input, output;
    } rows[] = {
        {RESPONSES, 0, 7, 40}, /* 13 + 13 characters */
        {COMPLETIONS, 1, -1, -1},
        {BILLED, 1, 4, 40},
    };
    played_t *played = play(make(rows[_i].body, rows[_i].completions, 40),
                            rows[_i].completions);

    ck_assert_int_eq(played->seen.ended, 1);
    ck_assert_int_eq(played->seen.failed, 0);
    ck_assert_int_eq(played->seen.usage.input, rows[_i].input);
    ck_assert_int_eq(played->seen.usage.output, rows[_i].output);
}
END_TEST

START_TEST(the_instructions_are_not_repeated)
{
    ck_assert_ptr_null(
        strstr(play(make(RESPONSES, 0, 9), 0)->all, "canary-system"));
}
END_TEST

#define USER(content) "{\"role\":\"user\",\"content\":" content "}"
#define TEN "a b c d e f g h i j "
#define LONG "éééééééééééééééééééééééé" /* 48 bytes */

static const struct {
    int words;
    const char *messages; /* a JSON text */
    const char *said;
} echoes[] = {
    {7, "\"Hello there\"", "You said “Hello there”. That is all."},
    {4, "\"Hello there\"", "You said “Hello there”."},
    {3, "\"Hello there\"", "You said “Hello…”."},
    {2, "\"Hello there\"", "That's all."},
    {4, "\" \\n \"", "I am a mock."},
    {5,
     "[" USER("\"one\"") ",{\"role\":\"assistant\",\"content\":\"x\"}," USER(
         "\"two\"") "]",
     "You said “two” after “one”."},
    {4, "[" USER("\"one\"") "," USER("\"two\"") "]", "You said “two”. Done."},
    {6, "[" USER("\"one three\"") "," USER("\"two\"") "]",
     "You said “two” after “one three”."},
    {4, "[{\"role\":\"system\",\"content\":\"x\"}]", "I am a mock."},
    {4, "[{\"content\":\"x\"},7,null]", "I am a mock."},
    {4, "[" USER("[7,{\"type\":\"input_text\",\"text\":\"part\"}]") "]",
     "You said “part”. Done."},
    {3, "[" USER("\"\\\"\\\\\\u0001<\"") "]", "You said “\"\\\001<”."},
    {18, "\"" TEN TEN "\"", "You said “a b c d e f g h i j a b c d e f…”."},
    {3, "\"" LONG "é\"", "You said “" LONG "…”."},
    {3, "\"a" LONG "\"", "You said “a" LONG "”."},
    {3, "\"" LONG "\"", "You said “" LONG "”."},
};

static const char *whole_text(const char *body, int words)
{
    const char *whole = chat_mock_script_whole(make(body, 0, words));
    const chat_json_t *root = parse(whole, strlen(whole));

    return text_of(chat_json_get(chat_json_at(chat_json_get(root, "output"), 0),
                                 "content"));
}

START_TEST(the_question_is_repeated_and_the_one_before)
{
    ck_assert_str_eq(whole_text(apr_pstrcat(pool, "{\"model\":\"m\",\"input\":",
                                            echoes[_i].messages, "}", NULL),
                                echoes[_i].words),
                     echoes[_i].said);
}
END_TEST

START_TEST(any_number_of_words_ends_with_a_sentence)
{
    const char *text = whole_text(RESPONSES, _i);

    ck_assert_int_eq(count_words(text), _i);
    ck_assert_int_eq(text[strlen(text) - 1], '.');
    ck_assert_ptr_null(strstr(text, ".."));
}
END_TEST

START_TEST(the_text_goes_round_when_many_words_are_asked)
{
    const int words = 1000;
    chat_mock_script_t *script =
        make("{\"model\":\"m\",\"input\":\"12345\"}", 0, words);
    const char *whole = chat_mock_script_whole(script);
    const chat_json_t *root = parse(whole, strlen(whole));
    const char *text = text_of(chat_json_get(
        chat_json_at(chat_json_get(root, "output"), 0), "content"));

    ck_assert_int_eq(count_words(text), words);
    ck_assert_int_eq(
        chat_json_integer(chat_json_path(root, "usage", "input_tokens", NULL),
                          -1),
        2);
    ck_assert_ptr_nonnull(strstr(text, "voilà. I am a mock."));
}
END_TEST

START_TEST(the_whole_answer_is_one_json_text)
{
    static const char body[] = "{\"model\":\"m\",\"messages\":[{\"content\":"
                               "[{\"type\":\"text\",\"text\":\"four\"},7]}]}";
    chat_mock_script_t *script = make(body, 1, 2);
    const char *whole = chat_mock_script_whole(script);
    const chat_json_t *root = parse(whole, strlen(whole));
    const chat_json_t *choice = chat_json_at(chat_json_get(root, "choices"), 0);

    ck_assert_int_eq(chat_mock_script_streams(script), 0);
    ck_assert_str_eq(chat_json_string(chat_json_get(root, "object")),
                     "chat.completion");
    ck_assert_str_eq(
        chat_json_string(chat_json_path(choice, "message", "content", NULL)),
        "That's all.");
    ck_assert_str_eq(chat_json_string(chat_json_get(choice, "finish_reason")),
                     "stop");
    ck_assert_int_eq(
        chat_json_integer(chat_json_path(root, "usage", "total_tokens", NULL),
                          -1),
        3);
}
END_TEST

START_TEST(only_stream_true_asks_for_a_stream)
{
    static const struct {
        const char *body;
        int streams;
    } rows[] = {
        {"{\"model\":\"m\",\"input\":\"x\"}", 0},
        {"{\"model\":\"m\",\"input\":\"x\",\"stream\":null}", 0},
        {"{\"model\":\"m\",\"input\":\"x\",\"stream\":false}", 0},
        {"{\"model\":\"m\",\"input\":\"x\",\"stream\":true}", 1},
    };

    ck_assert_int_eq(chat_mock_script_streams(make(rows[_i].body, 0, 1)),
                     rows[_i].streams);
}
END_TEST

/* The longest model, all of it escaped, and the longest id. */
START_TEST(no_event_outgrows_the_buffer)
{
    char model[256 * 2 + 1] = "", id[129] = "";
    chat_mock_script_t *script;
    const char *body;
    chat_err_t err;
    played_t *played;
    int i;

    for (i = 0; i < 256; i++)
        strcat(model, "\\\"");
    memset(id, 'i', 128);
    body = apr_pstrcat(pool, "{\"model\":\"", model,
                       "\",\"stream_options\":{\"include_usage\":true},"
                       "\"input\":\"x\",\"messages\":[1]}",
                       NULL);
    ck_assert_int_eq(chat_mock_script_create(
                         &script, parse(body, strlen(body)), _i, 30, PACE, id,
                         apr_time_from_sec(APR_INT64_C(9999999999)), &err,
                         pool),
                     APR_SUCCESS);
    played = play(script, _i);
    for (i = 0; i < played->n - _i; i++) /* [DONE] is no JSON */
        ck_assert_ptr_nonnull(played->data[i]);
}
END_TEST

static const struct {
    int completions;
    const char *body;
    const char *code;
    const char *names; /* part of the message */
} refusals[] = {
    {0, "7", "invalid_type", "JSON object"},
    {0, "[]", "invalid_type", "JSON object"},
    {0, "{\"input\":\"x\"}", "missing_required_parameter", "'model'"},
    {0, "{\"input\":\"x\",\"model\":null}", "invalid_type", "'model'"},
    {0, "{\"input\":\"x\",\"model\":\"\"}", "invalid_type", "'model'"},
    {0, "{\"model\":\"m\"}", "missing_required_parameter", "'input'"},
    {0, "{\"model\":\"m\",\"messages\":[1]}", "missing_required_parameter",
     "'input'"},
    {0, "{\"model\":\"m\",\"input\":[]}", "invalid_type", "'input'"},
    {0, "{\"model\":\"m\",\"input\":{}}", "invalid_type", "'input'"},
    {1, "{\"model\":\"m\",\"input\":\"x\"}", "missing_required_parameter",
     "'messages'"},
    {1, "{\"model\":\"m\",\"messages\":\"x\"}", "invalid_type", "'messages'"},
    {1, "{\"model\":\"m\",\"messages\":[]}", "invalid_type", "'messages'"},
    {0, "{\"model\":\"m\",\"input\":\"x\",\"stream\":1}", "invalid_type",
     "'stream'"},
};

static chat_mock_script_t *tried(const char *what, int completions)
{
    return make(apr_psprintf(pool,
                             "{\"model\":\"m\",\"stream\":true,\"%s\":[{"
                             "\"role\":\"user\",\"content\":\"%s\"}]}",
                             completions ? "messages" : "input", what),
                completions, 3);
}

/* Everything that such a script says. */
static const char *all_of(chat_mock_script_t *script, int *pn,
                          apr_interval_time_t *plongest)
{
    apr_interval_time_t delay;
    const char *data, *all = "";
    apr_size_t len;

    *pn = 0;
    *plongest = 0;
    while (chat_mock_script_next(script, &data, &len, &delay) == APR_SUCCESS) {
        ck_assert(len > 0);
        if (*pn < 100)
            all = apr_pstrcat(pool, all, apr_pstrmemdup(pool, data, len), NULL);
        *pn += 1;
        if (delay > *plongest)
            *plongest = delay;
    }
    return all;
}

START_TEST(what_is_tried_is_shown)
{
    apr_interval_time_t longest;
    int n, completions = _i;
    const char *all = all_of(tried("try: think", completions), &n, &longest);

    ck_assert_ptr_nonnull(
        strstr(all, completions ? "\"reasoning_content\":\"The question"
                                : "\"delta\":\"The question"));
    ck_assert_ptr_nonnull(strstr(all, "Begin with"));
    all = all_of(tried("  TRY:tool now", completions), &n, &longest);
    ck_assert_ptr_nonnull(strstr(all, "\"weather\""));
    all = all_of(tried("try: slow", completions), &n, &longest);
    ck_assert_int_eq(longest, apr_time_from_sec(12));
    all_of(tried("try: long", completions), &n, &longest);
    ck_assert_int_gt(n, 2000);
    all = all_of(tried("try: break", completions), &n, &longest);
    ck_assert_ptr_null(strstr(all, "[DONE]"));
    ck_assert_ptr_null(strstr(all, "response.completed"));
    ck_assert_int_ge(n, 20);
    all = all_of(tried("try: nothing of this", completions), &n, &longest);
    ck_assert_ptr_nonnull(strstr(all, "You"));
}
END_TEST

START_TEST(a_failure_may_be_tried)
{
    static const struct {
        const char *what;
        int status;
        const char *after;
    } fails[] = {{"fail", 500, NULL}, {"limit", 429, "20"}};
    chat_mock_script_t *script;
    chat_err_t err;

    ck_assert_int_eq(
        create(&script,
               apr_pstrcat(pool, "{\"model\":\"m\",\"input\":\"try: ",
                           fails[_i].what, "\"}", NULL),
               0, 1, &err),
        APR_EGENERAL);
    ck_assert_int_eq(err.status, fails[_i].status);
    ck_assert(!fails[_i].after == !err.retry_after);
    ck_assert_ptr_null(script);
}
END_TEST

START_TEST(a_bad_request_is_refused_with_its_reason)
{
    chat_mock_script_t *script;
    chat_err_t err;

    ck_assert_int_eq(
        create(&script, refusals[_i].body, refusals[_i].completions, 1, &err),
        APR_EINVAL);
    ck_assert_ptr_null(script);
    ck_assert_int_eq(err.status, 400);
    ck_assert_str_eq(err.code, refusals[_i].code);
    ck_assert_msg(strstr(err.message, refusals[_i].names) != NULL, "%s",
                  err.message);
}
END_TEST

START_TEST(a_model_of_more_than_256_bytes_is_refused)
{
    char model[258] = "";
    chat_mock_script_t *script;
    chat_err_t err;

    memset(model, 'm', 257);
    ck_assert_int_eq(create(&script,
                            apr_pstrcat(pool, "{\"input\":\"x\",\"model\":\"",
                                        model, "\"}", NULL),
                            0, 1, &err),
                     APR_EINVAL);
}
END_TEST

START_TEST(a_refusal_looks_like_openai_s)
{
    chat_err_t err = {.status = 400, .code = "c", .message = "A \"b\"."};

    ck_assert_str_eq(chat_mock_script_refusal(&err, pool),
                     "{\"error\":{\"message\":\"A \\\"b\\\".\",\"type\":"
                     "\"invalid_request_error\",\"param\":null,"
                     "\"code\":\"c\"}}");
    err.status = 500;
    ck_assert_ptr_nonnull(strstr(chat_mock_script_refusal(&err, pool),
                                 "\"type\":\"server_error\""));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_mock_script");
    TCase *tc = tcase_create("script");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_responses_stream_has_every_event_in_order);
    tcase_add_test(tc, a_responses_stream_says_its_text_the_same_everywhere);
    tcase_add_test(tc, the_response_has_its_id_model_time_and_status);
    tcase_add_test(tc, a_completions_stream_has_every_chunk_in_order);
    tcase_add_test(tc, a_completions_stream_bills_only_when_asked);
    tcase_add_loop_test(tc, the_observer_sees_an_end_and_the_bill, 0, 3);
    tcase_add_test(tc, the_instructions_are_not_repeated);
    tcase_add_loop_test(tc, the_question_is_repeated_and_the_one_before, 0,
                        sizeof(echoes) / sizeof(echoes[0]));
    tcase_add_loop_test(tc, any_number_of_words_ends_with_a_sentence, 1, 101);
    tcase_add_test(tc, the_text_goes_round_when_many_words_are_asked);
    tcase_add_test(tc, the_whole_answer_is_one_json_text);
    tcase_add_loop_test(tc, only_stream_true_asks_for_a_stream, 0, 4);
    tcase_add_loop_test(tc, no_event_outgrows_the_buffer, 0, 2);
    tcase_add_loop_test(tc, a_bad_request_is_refused_with_its_reason, 0,
                        sizeof(refusals) / sizeof(refusals[0]));
    tcase_add_loop_test(tc, what_is_tried_is_shown, 0, 2);
    tcase_add_loop_test(tc, a_failure_may_be_tried, 0, 2);
    tcase_add_test(tc, a_model_of_more_than_256_bytes_is_refused);
    tcase_add_test(tc, a_refusal_looks_like_openai_s);
    suite_add_tcase(suite, tc);
    return suite;
}
