/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The openai provider: the bytes it sends, what it sees in the transcripts of
 * t/data/openai however they are cut, and what it makes of refusals.
 */
#include "unit.h"

#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "chat_json.h"
#include "chat_provider.h"
#include "chat_sse.h"

#define KEY "sk-unit-0123456789abcdef"

static apr_pool_t *pool;
static const chat_provider_t *openai;

static void set_up(void)
{
    apr_pool_create(&pool, NULL);
    openai = chat_provider_get(0);
}

static void tear_down(void)
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

static chat_turn_t make_turn(void)
{
    chat_turn_t turn = {
        .request_id = "req-1",
        .model = "gpt-4o-mini",
        .messages = one_message,
        .nmessages = 1,
        .schema_strict = -1,
    };

    return turn;
}

static chat_upstream_t make_upstream(int completions)
{
    chat_upstream_t up = {
        .url = "https://api.openai.com/v1",
        .key = KEY,
        .completions = completions,
        .timeouts = {.connect = 1, .first = 2, .idle = 3, .total = 4},
    };

    return up;
}

static chat_call_t build(const chat_turn_t *turn, const chat_upstream_t *up)
{
    chat_call_t call = {0};
    chat_err_t err = {0};

    ck_assert_int_eq(openai->build(&call, turn, up, &err, pool), APR_SUCCESS);
    ck_assert_int_eq(err.status, 0);
    ck_assert_uint_eq(call.body_len, strlen(call.body));
    return call;
}

static const char *build_body(const chat_turn_t *turn, int completions)
{
    chat_upstream_t up = make_upstream(completions);

    return build(turn, &up).body;
}

static chat_json_t *parse(const char *text)
{
    static const chat_json_limits_t limits = {1 << 20, 64, 1 << 16};
    chat_json_t *root = NULL;

    ck_assert_int_eq(chat_json_parse(&root, text, strlen(text), &limits, pool),
                     APR_SUCCESS);
    return root;
}

static chat_turn_t make_full_turn(void)
{
    chat_turn_t turn = make_turn();

    turn.system = "Answer in JSON.";
    turn.messages = dialogue;
    turn.nmessages = 4;
    turn.has_temperature = 1;
    turn.temperature = 0.7;
    turn.max_output_tokens = 256;
    turn.schema = parse("{\"type\":\"object\",\"properties\":{\"n\":{\"type\":"
                        "\"number\",\"minimum\":1.50}}}");
    turn.schema_strict = 1;
    return turn;
}

#define DIALOGUE                                                               \
    "{\"role\":\"system\",\"content\":\"Be kind.\"},"                          \
    "{\"role\":\"user\",\"content\":\"2+2?\"},"                                \
    "{\"role\":\"assistant\",\"content\":\"\"},"                               \
    "{\"role\":\"user\",\"content\":\"\\\"Gr\xc3\xbc\xc3\x9f\\\"\\n"           \
    "</script>\"}"

#define SCHEMA                                                                 \
    "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"number\","         \
    "\"minimum\":1.50}}}"

#define RESPONSES_TAIL                                                         \
    "\"stream\":true,\"store\":false,"                                         \
    "\"stream_options\":{\"include_obfuscation\":false}}"

#define COMPLETIONS_TAIL                                                       \
    "\"stream\":true,\"store\":false,"                                         \
    "\"stream_options\":{\"include_usage\":true}}"

START_TEST(a_small_turn_becomes_a_small_responses_body)
{
    chat_turn_t turn = make_turn();

    ck_assert_str_eq(build_body(&turn, 0),
                     "{\"model\":\"gpt-4o-mini\",\"input\":[{\"role\":"
                     "\"user\",\"content\":\"hi\"}]," RESPONSES_TAIL);
}
END_TEST

START_TEST(a_full_turn_becomes_a_full_responses_body)
{
    chat_turn_t turn = make_full_turn();

    ck_assert_str_eq(build_body(&turn, 0),
                     "{\"model\":\"gpt-4o-mini\",\"instructions\":"
                     "\"Answer in JSON.\",\"input\":[" DIALOGUE "],"
                     "\"temperature\":0.7,\"max_output_tokens\":256,"
                     "\"text\":{\"format\":{\"type\":\"json_schema\","
                     "\"name\":\"response\",\"schema\":" SCHEMA ","
                     "\"strict\":true}}," RESPONSES_TAIL);
}
END_TEST

START_TEST(a_small_turn_becomes_a_small_completions_body)
{
    chat_turn_t turn = make_turn();

    ck_assert_str_eq(build_body(&turn, 1),
                     "{\"model\":\"gpt-4o-mini\",\"messages\":[{\"role\":"
                     "\"user\",\"content\":\"hi\"}]," COMPLETIONS_TAIL);
}
END_TEST

START_TEST(a_full_turn_becomes_a_full_completions_body)
{
    chat_turn_t turn = make_full_turn();

    ck_assert_str_eq(
        build_body(&turn, 1),
        "{\"model\":\"gpt-4o-mini\",\"messages\":["
        "{\"role\":\"system\",\"content\":\"Answer in JSON.\"}," DIALOGUE "],"
        "\"temperature\":0.7,\"max_completion_tokens\":256,"
        "\"response_format\":{\"type\":\"json_schema\","
        "\"json_schema\":{\"name\":\"response\",\"schema\":" SCHEMA
        ",\"strict\":true}}," COMPLETIONS_TAIL);
}
END_TEST

START_TEST(strict_is_sent_only_when_the_client_said_it)
{
    static const struct {
        int strict;
        const char *there;
    } rows[] = {{-1, NULL}, {0, "\"strict\":false"}, {1, "\"strict\":true"}};
    int completions = _i / 3;
    chat_turn_t turn = make_full_turn();
    const char *body;

    turn.schema_strict = rows[_i % 3].strict;
    body = build_body(&turn, completions);
    if (rows[_i % 3].there)
        ck_assert_ptr_nonnull(strstr(body, rows[_i % 3].there));
    else
        ck_assert_ptr_null(strstr(body, "strict"));
}
END_TEST

START_TEST(store_is_sent_as_configured)
{
    chat_turn_t turn = make_turn();
    chat_upstream_t up = make_upstream(_i);

    up.store = 1;
    ck_assert_ptr_nonnull(strstr(build(&turn, &up).body, "\"store\":true"));
    up.store = 0;
    ck_assert_ptr_nonnull(strstr(build(&turn, &up).body, "\"store\":false"));
}
END_TEST

START_TEST(few_output_tokens_are_raised_to_the_least_of_the_responses_api)
{
    static const struct {
        int asked;
        const char *sent;
    } rows[] = {
        {1, "\"max_output_tokens\":16,"},
        {15, "\"max_output_tokens\":16,"},
        {16, "\"max_output_tokens\":16,"},
        {17, "\"max_output_tokens\":17,"},
    };
    chat_turn_t turn = make_turn();

    turn.max_output_tokens = rows[_i].asked;
    ck_assert_ptr_nonnull(strstr(build_body(&turn, 0), rows[_i].sent));
}
END_TEST

START_TEST(completions_have_no_least_output_tokens)
{
    chat_turn_t turn = make_turn();

    turn.max_output_tokens = 1;
    ck_assert_ptr_nonnull(
        strstr(build_body(&turn, 1), "\"max_completion_tokens\":1,"));
}
END_TEST

static const struct {
    const char *model;
    int kept;
} temperatures[] = {
    {"gpt-4o-mini", 1},
    {"gpt-4.1", 1},
    {"o1", 0},
    {"o1-preview-2024-09-12", 0},
    {"o3-mini", 0},
    {"o4-mini", 0},
    {"gpt-5", 0},
    {"gpt-5-mini", 0},
    {"gpt-5.2-pro", 0},
    {"gpt-5-chat-latest", 1},
    {"gpt-5.1-chat-latest", 1},
    {"omni-1", 1},
    {"my-o1-deployment", 1}, /* a name of one's own tells nothing */
    {"o1-chat", 0},          /* the exception is gpt-5's alone */
};

START_TEST(reasoning_models_get_no_temperature)
{
    int completions;

    for (completions = 0; completions < 2; completions++) {
        chat_turn_t turn = make_turn();
        const char *body;

        turn.model = temperatures[_i].model;
        turn.has_temperature = 1;
        turn.temperature = 0; /* zero is a temperature too */
        body = build_body(&turn, completions);
        ck_assert_msg(!!strstr(body, "\"temperature\":0") ==
                          temperatures[_i].kept,
                      "%s: %s", temperatures[_i].model, body);
    }
}
END_TEST

static const char *join_headers(const chat_call_t *call)
{
    return apr_array_pstrcat(pool, call->headers, '\n');
}

START_TEST(the_call_has_its_url_headers_and_timeouts)
{
    chat_turn_t turn = make_turn();
    chat_upstream_t up = make_upstream(_i);
    chat_call_t call = build(&turn, &up);

    ck_assert_str_eq(call.url, _i ? "https://api.openai.com/v1/chat/completions"
                                  : "https://api.openai.com/v1/responses");
    ck_assert_str_eq(join_headers(&call), "Authorization: Bearer " KEY "\n"
                                          "Content-Type: application/json\n"
                                          "Accept: text/event-stream\n"
                                          "Accept-Encoding: identity\n"
                                          "User-Agent: mod_chat/0.1.0\n"
                                          "X-Request-ID: req-1\n"
                                          "Expect:\n"
                                          "X-Client-Request-Id: req-1");
    ck_assert_int_eq(call.timeouts.connect, 1);
    ck_assert_int_eq(call.timeouts.first, 2);
    ck_assert_int_eq(call.timeouts.idle, 3);
    ck_assert_int_eq(call.timeouts.total, 4);
    ck_assert_ptr_null(strstr(call.body, KEY));
}
END_TEST

START_TEST(without_key_and_id_their_headers_are_left_out)
{
    chat_turn_t turn = make_turn();
    chat_upstream_t up = make_upstream(0);
    chat_call_t call;

    up.key = _i ? "" : NULL;
    turn.request_id = _i ? "" : NULL;
    call = build(&turn, &up);
    ck_assert_str_eq(join_headers(&call), "Content-Type: application/json\n"
                                          "Accept: text/event-stream\n"
                                          "Accept-Encoding: identity\n"
                                          "User-Agent: mod_chat/0.1.0\n"
                                          "Expect:");
}
END_TEST

static const char *const unfit[] = {
    "a\r\nX-Evil: 1", "a\n",   "\ra",       "a\tb", "a b",
    "a\x7f",          "a\x01", "k\xc3\xa9",
};

START_TEST(a_key_that_would_break_the_header_is_refused)
{
    chat_turn_t turn = make_turn();
    chat_upstream_t up = make_upstream(0);
    chat_call_t call = {0};
    chat_err_t err = {0};

    up.key = unfit[_i];
    ck_assert_int_eq(openai->build(&call, &turn, &up, &err, pool), APR_EINVAL);
    ck_assert_int_eq(err.status, 502);
    ck_assert_str_eq(err.code, "upstream_auth");
    ck_assert_ptr_null(strstr(err.message, unfit[_i]));
}
END_TEST

START_TEST(an_id_that_would_break_the_header_is_refused)
{
    chat_turn_t turn = make_turn();
    chat_upstream_t up = make_upstream(0);
    chat_call_t call = {0};
    chat_err_t err = {0};

    turn.request_id = unfit[_i];
    ck_assert_int_eq(openai->build(&call, &turn, &up, &err, pool), APR_EINVAL);
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

    openai->observe(&w->seen, event, &w->up, w->scratch);
    apr_pool_clear(w->scratch);
}

static void watch_start(watch_t *w, int completions)
{
    memset(w, 0, sizeof(*w));
    w->seen.usage.input = w->seen.usage.output = -1;
    w->up = make_upstream(completions);
    apr_pool_create(&w->scratch, pool);
}

/* Feed text in two pieces, the second in steps; the sum of what was seen. */
static chat_seen_t watch(int completions, const char *text, apr_size_t len,
                         apr_size_t first, apr_size_t step)
{
    apr_pool_t *p;
    chat_sse_t *sse;
    watch_t w;

    watch_start(&w, completions);
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

static chat_seen_t watch_text(int completions, const char *text)
{
    return watch(completions, text, strlen(text), 0, strlen(text));
}

static const char done[] = "data: [DONE]\n\n";

static const struct transcript_t {
    const char *name;
    int completions;
    int ended, failed;
    const char *error;
    int input, output;
    const char *after; /* what follows the terminal event */
} transcripts[] = {
    {"responses-text", 0, 1, 0, "", 12, 34, ""},
    {"responses-reasoning", 0, 1, 0, "", 20, 300, ""},
    {"responses-incomplete", 0, 1, 0, "", 8, 16, ""},
    {"responses-failed", 0, 1, 1, "rate_limit_exceeded", -1, -1, ""},
    {"responses-error-flat", 0, 1, 1, "server_error", -1, -1, ""},
    {"responses-error-nested", 0, 1, 1, "invalid_request_error", -1, -1, ""},
    {"responses-error-proxy", 0, 1, 1, "502", -1, -1, ""},
    {"responses-crlf", 0, 1, 0, "", 3, 1, ""},
    {"responses-unnamed", 0, 1, 0, "", 5, 2, ""},
    {"responses-late-type", 0, 1, 0, "", 6, 7, ""},
    {"completions-text", 1, 1, 0, "", 9, 3, ""},
    {"completions-azure", 1, 1, 0, "", 11, 6, ""},
    {"completions-error", 1, 1, 1, "server_error", -1, -1, ""},
    {"completions-error-done", 1, 1, 1, "overloaded_error", -1, -1, done},
    {"completions-error-object", 1, 1, 1, "400", -1, -1, done},
    {"completions-tools", 1, 1, 0, "", 4, 7, ""},
    /* Strict: what ends without [DONE] may be cut. */
    {"completions-no-done", 1, 0, 0, "", -1, -1, ""},
};

#define NTRANSCRIPTS ((int)(sizeof(transcripts) / sizeof(transcripts[0])))

static const char *load(const char *name, apr_size_t *plen)
{
    const char *path = apr_pstrcat(pool, "t/data/openai/", name, ".sse", NULL);
    apr_finfo_t info;
    apr_file_t *file;
    char *text;

    ck_assert_int_eq(apr_file_open(&file, path, APR_READ, APR_OS_DEFAULT, pool),
                     APR_SUCCESS);
    ck_assert_int_eq(apr_file_info_get(&info, APR_FINFO_SIZE, file),
                     APR_SUCCESS);
    text = apr_palloc(pool, info.size);
    ck_assert_int_eq(apr_file_read_full(file, text, info.size, plen),
                     APR_SUCCESS);
    apr_file_close(file);
    return text;
}

static void check_seen(const struct transcript_t *t, const chat_seen_t *seen,
                       apr_size_t at)
{
    ck_assert_msg(seen->ended == t->ended && seen->failed == t->failed &&
                      strcmp(seen->error, t->error) == 0 &&
                      seen->usage.input == t->input &&
                      seen->usage.output == t->output,
                  "%s, cut at %d: ended %d failed %d error '%s' usage %d %d",
                  t->name, (int)at, seen->ended, seen->failed, seen->error,
                  (int)seen->usage.input, (int)seen->usage.output);
}

START_TEST(a_transcript_is_seen_right_when_it_comes_whole)
{
    const struct transcript_t *t = &transcripts[_i];
    apr_size_t len;
    const char *text = load(t->name, &len);
    chat_seen_t seen = watch(t->completions, text, len, 0, len);

    check_seen(t, &seen, 0);
}
END_TEST

START_TEST(a_transcript_is_seen_right_byte_by_byte)
{
    const struct transcript_t *t = &transcripts[_i];
    apr_size_t len;
    const char *text = load(t->name, &len);
    chat_seen_t seen = watch(t->completions, text, len, 0, 1);

    check_seen(t, &seen, 0);
}
END_TEST

START_TEST(a_transcript_is_seen_right_in_any_two_pieces)
{
    const struct transcript_t *t = &transcripts[_i];
    apr_size_t len, at;
    const char *text = load(t->name, &len);

    for (at = 1; at < len; at++) {
        chat_seen_t seen = watch(t->completions, text, len, at, len);

        check_seen(t, &seen, at);
    }
}
END_TEST

/* Its last line end may be half there: CR alone ends a line as well. */
START_TEST(a_transcript_cut_anywhere_has_not_ended)
{
    const struct transcript_t *t = &transcripts[_i];
    apr_size_t len, at, whole;
    const char *text = load(t->name, &len);

    whole = len - strlen(t->after);
    for (at = 0; at + 1 < whole; at++) {
        chat_seen_t seen = watch(t->completions, text, at, 0, at + 1);

        ck_assert_msg(!seen.ended && !seen.failed && !*seen.error,
                      "%s, cut off at %d of %d", t->name, (int)at, (int)len);
    }
}
END_TEST

/* A transcript in one line, for shapes that need no file. */
static const struct {
    const char *about;
    int completions;
    const char *text;
    int ended, failed;
    const char *error;
    int input, output;
} shapes[] = {
    {"a terminal event without data is not fired by SSE", 0,
     "event: response.completed\n\n", 0, 0, "", -1, -1},
    {"a terminal event that is no JSON still is one", 0,
     "event: response.completed\ndata: {\"response\":\n\n", 1, 0, "", -1, -1},
    {"a lone surrogate hides the usage but not the end", 0,
     "event: response.completed\ndata: {\"response\":{\"output\":\"\\ud800\","
     "\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}}\n\n",
     1, 0, "", -1, -1},
    {"usage may be null", 0,
     "event: response.completed\ndata: {\"response\":{\"usage\":null}}\n\n", 1,
     0, "", -1, -1},
    {"usage may lack a number", 0,
     "event: response.completed\n"
     "data: {\"response\":{\"usage\":{\"output_tokens\":2}}}\n\n",
     1, 0, "", -1, 2},
    {"counts that are no counts are none", 0,
     "event: response.completed\ndata: {\"response\":{\"usage\":"
     "{\"input_tokens\":-5,\"output_tokens\":\"2\"}}}\n\n",
     1, 0, "", -1, -1},
    {"the client's own schema does not write the bill", 0,
     "event: response.completed\n"
     "data: {\"response\":{\"usage\":{\"input_tokens\":1,\"output_tokens\":2},"
     "\"text\":{\"schema\":{\"usage\":{\"input_tokens\":0,"
     "\"output_tokens\":0}}}},\"usage\":{\"input_tokens\":0}}\n\n",
     1, 0, "", 1, 2},
    {"a failed answer may have been billed", 0,
     "event: response.failed\ndata: {\"response\":{\"error\":{\"code\":"
     "\"server_error\"},\"usage\":{\"input_tokens\":3,\"output_tokens\":0}}}"
     "\n\n",
     1, 1, "server_error", 3, 0},
    {"an error event that is no JSON is an error", 0,
     "event: error\ndata: boom\n\n", 1, 1, "", -1, -1},
    {"the type named message is none", 0,
     "event: message\ndata: {\"type\":\"response.completed\"}\n\n", 1, 0, "",
     -1, -1},
    {"a name like a terminal one is another", 0,
     "event: response.completed2\ndata: {}\n\n"
     "event: response.complete\ndata: {}\n\n"
     "event: errors\ndata: {}\n\nevent: Error\ndata: {}\n\n",
     0, 0, "", -1, -1},
    {"the event line wins over the data", 0,
     "event: response.output_text.delta\n"
     "data: {\"type\":\"response.completed\"}\n\n",
     0, 0, "", -1, -1},
    {"[DONE] is not the end of a Responses stream", 0, "data: [DONE]\n\n", 0, 0,
     "", -1, -1},
    {"an unnamed event with an open type is nothing", 0,
     "data: {\"type\":\"response.completed\n\n", 0, 0, "", -1, -1},
    {"an unnamed event that is only a lead is nothing", 0,
     "data: {\"type\":\"\n\ndata: {}\n\ndata:\n\ndata: 7\n\n", 0, 0, "", -1,
     -1},
    {"an unnamed error names itself", 0,
     "data: {\"type\":\"error\",\"code\":\"oops\"}\n\n", 1, 1, "oops", -1, -1},
    {"an unnamed end is found behind other members", 0,
     "data: {\"n\":1,\"type\":\"response.completed\"}\n\n", 1, 0, "", -1, -1},
    {"... also when it is incomplete", 0,
     "data: {\"n\":1,\"type\":\"response.incomplete\"}\n\n", 1, 0, "", -1, -1},
    {"... or failed", 0, "data: {\"n\":1,\"type\":\"response.failed\"}\n\n", 1,
     1, "", -1, -1},
    {"an error of null is none", 0,
     "data: {\"n\":1,\"error\":null}\n\ndata: {\"n\":1,\"error\":false}\n\n", 0,
     0, "", -1, -1},
    {"a deeper type is not the event's", 0,
     "data: {\"item\":{\"type\":\"response.completed\"}}\n\n", 0, 0, "", -1,
     -1},

    {"[DONE] is matched at the start alone", 1,
     "data: x [DONE]\n\ndata: [DONE\n\n", 0, 0, "", -1, -1},
    {"[DONE] may have company", 1, "data: [DONE] \n\n", 1, 0, "", -1, -1},
    {"the error may be a sentence", 1,
     "data: {\"error\":\"model not loaded\"}\n\n", 1, 1, "", -1, -1},
    {"the error may be flat", 1,
     "data: {\"type\":\"error\",\"code\":\"oops\"}\n\n", 1, 1, "oops", -1, -1},
    {"an event named error needs no object", 1, "event: error\ndata: x\n\n", 1,
     1, "", -1, -1},
    {"an error in a choice is not the stream's", 1,
     "data: {\"choices\":[{\"error\":{\"code\":\"x\"}}]}\n\n", 0, 0, "", -1,
     -1},
    {"broken JSON with an error in it is nothing", 1, "data: {\"error\":{\n\n",
     0, 0, "", -1, -1},
    {"the first error is the one told", 1,
     "data: {\"error\":{\"code\":\"first\"}}\n\n"
     "data: {\"error\":{\"code\":\"second\"}}\n\n",
     1, 1, "first", -1, -1},
    {"a usage with spaces counts, and with lines", 1,
     "data: {\"usage\" :\ndata: \t{\"prompt_tokens\": 1,\n"
     "data: \"completion_tokens\": 2}}\n\ndata: [DONE]\n\n",
     1, 0, "", 1, 2},
    {"a usage without counts takes none away", 1,
     "data: {\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n"
     "data: {\"usage\":{}}\n\n",
     0, 0, "", 1, 2},
    {"a deeper usage is not the bill", 1,
     "data: {\"choices\":[{\"usage\":{\"prompt_tokens\":1}}]}\n\n", 0, 0, "",
     -1, -1},
    {"a usage at the very end of broken data is nothing", 1,
     "data: {\"usage\"\n\ndata: {\"usage\":\n\n", 0, 0, "", -1, -1},

    {"a code with other characters is not repeated", 1,
     "data: {\"error\":{\"code\":\"a b\\n\",\"type\":\"server_error\"}}\n\n", 1,
     1, "server_error", -1, -1},
    {"a code that looks like a key is not repeated", 1,
     "data: {\"error\":{\"code\":\"sk-abcdefgh\"}}\n\n", 1, 1, "", -1, -1},
    {"a code of 63 characters is repeated", 1,
     "data: {\"error\":{\"code\":\"aaaaaaaaa_aaaaaaaaa_aaaaaaaaa_aaaaaaaaa_"
     "aaaaaaaaa_aaaaaaaaa_aaa\"}}\n\n",
     1, 1, "aaaaaaaaa_aaaaaaaaa_aaaaaaaaa_aaaaaaaaa_aaaaaaaaa_aaaaaaaaa_aaa",
     -1, -1},
    {"a code of 64 characters is not", 1,
     "data: {\"error\":{\"code\":\"aaaaaaaaa_aaaaaaaaa_aaaaaaaaa_aaaaaaaaa_"
     "aaaaaaaaa_aaaaaaaaa_aaaa\"}}\n\n",
     1, 1, "", -1, -1},
    {"brackets are for parameters only", 1,
     "data: {\"error\":{\"code\":\"a[0]\"}}\n\n", 1, 1, "", -1, -1},
};

#define NSHAPES ((int)(sizeof(shapes) / sizeof(shapes[0])))

START_TEST(every_shape_of_event_is_understood)
{
    chat_seen_t seen = watch_text(shapes[_i].completions, shapes[_i].text);

    ck_assert_msg(seen.ended == shapes[_i].ended &&
                      seen.failed == shapes[_i].failed &&
                      strcmp(seen.error, shapes[_i].error) == 0 &&
                      seen.usage.input == shapes[_i].input &&
                      seen.usage.output == shapes[_i].output,
                  "%s: ended %d failed %d error '%s' usage %d %d",
                  shapes[_i].about, seen.ended, seen.failed, seen.error,
                  (int)seen.usage.input, (int)seen.usage.output);
}
END_TEST

START_TEST(the_configured_key_is_never_part_of_a_code)
{
    watch_t w;
    chat_sse_event_t event = {.type = "error", .type_len = 5};

    watch_start(&w, _i);
    w.up.key = "plainkey"; /* nothing in it gives it away */
    event.data = "{\"error\":{\"code\":\"bad-plainkey\"}}";
    event.data_len = strlen(event.data);
    watch_event(&w, &event);
    ck_assert_int_eq(w.seen.failed, 1);
    ck_assert_str_eq(w.seen.error, "");
}
END_TEST

/* type and a data of more than CHAT_SSE_EVENT_MAX bytes. */
static const char *make_giant(const char *type)
{
    char *filler = apr_palloc(pool, CHAT_SSE_EVENT_MAX + 1);

    memset(filler, 'x', CHAT_SSE_EVENT_MAX);
    filler[CHAT_SSE_EVENT_MAX] = '\0';
    return apr_pstrcat(pool, "event: ", type, "\ndata: {\"response\":{\"t\":\"",
                       filler, "\",\"usage\":{\"input_tokens\":1}}}\n\n", NULL);
}

START_TEST(a_giant_terminal_event_ends_the_stream_without_usage)
{
    chat_seen_t seen = watch_text(0, make_giant("response.completed"));

    ck_assert_int_eq(seen.ended, 1);
    ck_assert_int_eq(seen.failed, 0);
    ck_assert_int_eq(seen.usage.input, -1);
}
END_TEST

START_TEST(a_giant_error_event_is_an_error)
{
    chat_seen_t seen = watch_text(_i, make_giant("error"));

    ck_assert_int_eq(seen.ended, 1);
    ck_assert_int_eq(seen.failed, 1);
    ck_assert_str_eq(seen.error, "");
}
END_TEST

START_TEST(a_giant_event_without_a_name_is_nothing)
{
    chat_seen_t seen = watch_text(_i, make_giant("message"));

    ck_assert_int_eq(seen.ended, 0);
    ck_assert_int_eq(seen.failed, 0);
}
END_TEST

/* refused ------------------------------------------------------------- */

#define ERROR(code, type)                                                      \
    "{\"error\":{\"message\":\"Incorrect API key provided: sk-proj-ab**yz. "   \
    "org-AbC\",\"type\":\"" type "\",\"param\":null,\"code\":" code "}}"

static const struct {
    int status;
    const char *body;
    int mapped;
    const char *code;
} refusals[] = {
    {400, ERROR("null", "invalid_request_error"), 400, "upstream_rejected"},
    {404, ERROR("\"model_not_found\"", "invalid_request_error"), 400,
     "upstream_rejected"},
    {404, "<html>nginx</html>", 400, "upstream_rejected"},
    {409, "", 400, "upstream_rejected"},
    {413, "", 400, "upstream_rejected"},
    {422, "", 400, "upstream_rejected"},
    {401, ERROR("\"invalid_api_key\"", "invalid_request_error"), 502,
     "upstream_auth"},
    {403, "", 502, "upstream_auth"},
    {402, "", 502, "upstream_quota"},
    {429, ERROR("\"rate_limit_exceeded\"", "tokens"), 429,
     "upstream_rate_limited"},
    {429, "", 429, "upstream_rate_limited"},
    {429, ERROR("\"insufficient_quota\"", "x"), 502, "upstream_quota"},
    {429, ERROR("null", "insufficient_quota"), 502, "upstream_quota"},
    /* Only where a rate limit would be: a 400 stays what it is. */
    {400, ERROR("\"insufficient_quota\"", "x"), 400, "upstream_rejected"},
    {408, "", 504, "upstream_timeout"},
    {504, "", 504, "upstream_timeout"},
    {503, "", 503, "upstream_overloaded"},
    {529, "", 503, "upstream_overloaded"},
    {500, ERROR("null", "server_error"), 502, "upstream_error"},
    {502, "<html>", 502, "upstream_error"},
    {301, "", 502, "upstream_error"},
    {307, "", 502, "upstream_error"},
    {200, "{\"id\":\"resp_1\"}", 502, "upstream_error"},
    {204, "", 502, "upstream_error"},
    {418, "", 502, "upstream_error"},
    {599, "", 502, "upstream_error"},
    {0, "", 502, "upstream_error"},
};

#define NREFUSALS ((int)(sizeof(refusals) / sizeof(refusals[0])))

static chat_err_t refuse(int status, const char *body, apr_size_t len)
{
    chat_err_t err = {0};

    openai->refused(&err, status, body, len, pool);
    return err;
}

START_TEST(every_status_has_its_answer)
{
    chat_err_t err = refuse(refusals[_i].status, refusals[_i].body,
                            strlen(refusals[_i].body));

    ck_assert_msg(err.status == refusals[_i].mapped &&
                      strcmp(err.code, refusals[_i].code) == 0,
                  "%d %s: %d %s", refusals[_i].status, refusals[_i].body,
                  err.status, err.code);
    ck_assert_ptr_null(err.retry_after);
    ck_assert_ptr_null(strstr(err.message, "org-"));
    ck_assert_ptr_null(strstr(err.message, "sk-"));
    ck_assert_ptr_null(strstr(err.message, "nginx"));
    ck_assert_int_eq(err.message[strlen(err.message) - 1], '.');
}
END_TEST

#define PLAIN "The provider refused the request."

static const struct {
    const char *body;
    const char *message;
} sentences[] = {
    {"{\"error\":{\"message\":\"Your prompt of 9000 tokens ...\",\"code\":"
     "\"context_length_exceeded\",\"param\":\"messages[0].content\"}}",
     "The provider refused the request: context_length_exceeded "
     "(parameter messages[0].content)."},
    {"{\"error\":{\"code\":\"content_filter\",\"status\":400,\"innererror\":"
     "{\"code\":\"ResponsibleAIPolicyViolation\"}}}",
     "The provider refused the request: content_filter."},
    {"{\"error\":{\"code\":\"ResponsibleAIPolicyViolation\"}}",
     "The provider refused the request: ResponsibleAIPolicyViolation."},
    {"{\"error\":{\"code\":null,\"param\":\"temperature\"}}",
     "The provider refused the request (parameter temperature)."},
    {"{\"error\":{\"code\":\"429\"}}",
     "The provider refused the request: 429."},
    {"{\"error\":{\"code\":429}}", "The provider refused the request: 429."},
    {"{\"error\":{\"code\":\"task-failed\"}}",
     "The provider refused the request: task-failed."},
    {"{\"error\":{\"code\":4.5,\"param\":{}}}", PLAIN},
    {"{\"error\":\"free text about org-1\"}", PLAIN},
    {"{\"error\":null}", PLAIN},
    {"{\"error\":[{\"code\":\"x\"}]}", PLAIN},
    {"[]", PLAIN},
    {"null", PLAIN},
    {"", PLAIN},
    {"<html><title>400</title></html>", PLAIN},
    {"{\"error\":{\"code\":\"context_length_exceeded\",\"message\":\"cut he",
     PLAIN},
    {"{\"error\":{\"code\":\"\",\"param\":\"\"}}", PLAIN},
    {"{\"error\":{\"code\":\"two words\"}}", PLAIN},
    {"{\"error\":{\"code\":\"a\\r\\nSet-Cookie: x\"}}", PLAIN},
    {"{\"error\":{\"code\":\"<script>\"}}", PLAIN},
    {"{\"error\":{\"code\":\"caf\xc3\xa9\"}}", PLAIN},
    {"{\"error\":{\"code\":\"a\x01\"}}", PLAIN},
    {"{\"error\":{\"code\":\"\xff\"}}", PLAIN},
    {"{\"error\":{\"code\":\"a[0]\"}}", PLAIN},
    /* The look of keys, tokens and accounts. */
    {"{\"error\":{\"code\":\"sk-proj-aaaabbbb\"}}", PLAIN},
    {"{\"error\":{\"param\":\"key.sk-abc\"}}", PLAIN},
    {"{\"error\":{\"param\":\"org-AbCdEf\"}}", PLAIN},
    {"{\"error\":{\"param\":\"proj_AbCdEf\"}}", PLAIN},
    {"{\"error\":{\"param\":\"AIzaSyAbCdEf\"}}", PLAIN},
    {"{\"error\":{\"param\":\"eyJhbGciOi.J9.x\"}}", PLAIN},
    {"{\"error\":{\"code\":\"0123456789abcdef0123456789abcdef\"}}", PLAIN},
};

#define NSENTENCES ((int)(sizeof(sentences) / sizeof(sentences[0])))

START_TEST(a_rejection_repeats_machine_words_alone)
{
    chat_err_t err =
        refuse(400, sentences[_i].body, strlen(sentences[_i].body));

    ck_assert_str_eq(err.message, sentences[_i].message);
}
END_TEST

START_TEST(a_rejection_may_have_no_body_or_one_with_a_nul)
{
    static const char nul[] = "{\"error\":{\"code\":\"a\0b\"}}";

    ck_assert_str_eq(refuse(400, NULL, 0).message, PLAIN);
    ck_assert_str_eq(refuse(400, nul, sizeof(nul) - 1).message, PLAIN);
}
END_TEST

START_TEST(a_monstrous_rejection_is_not_read)
{
    char *body = apr_palloc(pool, 100000);

    memset(body, '[', 100000);
    ck_assert_str_eq(refuse(400, body, 100000).message, PLAIN);
}
END_TEST

START_TEST(the_provider_knows_its_name)
{
    ck_assert_str_eq(openai->name, "openai");
}
END_TEST

static void add_build(Suite *suite)
{
    TCase *tc = tcase_create("build");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, the_provider_knows_its_name);
    tcase_add_test(tc, a_small_turn_becomes_a_small_responses_body);
    tcase_add_test(tc, a_full_turn_becomes_a_full_responses_body);
    tcase_add_test(tc, a_small_turn_becomes_a_small_completions_body);
    tcase_add_test(tc, a_full_turn_becomes_a_full_completions_body);
    tcase_add_loop_test(tc, strict_is_sent_only_when_the_client_said_it, 0, 6);
    tcase_add_loop_test(tc, store_is_sent_as_configured, 0, 2);
    tcase_add_loop_test(
        tc, few_output_tokens_are_raised_to_the_least_of_the_responses_api, 0,
        4);
    tcase_add_test(tc, completions_have_no_least_output_tokens);
    tcase_add_loop_test(tc, reasoning_models_get_no_temperature, 0,
                        sizeof(temperatures) / sizeof(temperatures[0]));
    tcase_add_loop_test(tc, the_call_has_its_url_headers_and_timeouts, 0, 2);
    tcase_add_loop_test(tc, without_key_and_id_their_headers_are_left_out, 0,
                        2);
    tcase_add_loop_test(tc, a_key_that_would_break_the_header_is_refused, 0,
                        sizeof(unfit) / sizeof(unfit[0]));
    tcase_add_loop_test(tc, an_id_that_would_break_the_header_is_refused, 0,
                        sizeof(unfit) / sizeof(unfit[0]));
    suite_add_tcase(suite, tc);
}

static void add_observe(Suite *suite)
{
    TCase *tc = tcase_create("observe");

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, a_transcript_is_seen_right_when_it_comes_whole, 0,
                        NTRANSCRIPTS);
    tcase_add_loop_test(tc, a_transcript_is_seen_right_byte_by_byte, 0,
                        NTRANSCRIPTS);
    tcase_add_loop_test(tc, a_transcript_is_seen_right_in_any_two_pieces, 0,
                        NTRANSCRIPTS);
    tcase_add_loop_test(tc, a_transcript_cut_anywhere_has_not_ended, 0,
                        NTRANSCRIPTS);
    tcase_add_loop_test(tc, every_shape_of_event_is_understood, 0, NSHAPES);
    tcase_add_loop_test(tc, the_configured_key_is_never_part_of_a_code, 0, 2);
    tcase_add_test(tc, a_giant_terminal_event_ends_the_stream_without_usage);
    tcase_add_loop_test(tc, a_giant_error_event_is_an_error, 0, 2);
    tcase_add_loop_test(tc, a_giant_event_without_a_name_is_nothing, 0, 2);
    suite_add_tcase(suite, tc);
}

static void add_refused(Suite *suite)
{
    TCase *tc = tcase_create("refused");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_loop_test(tc, every_status_has_its_answer, 0, NREFUSALS);
    tcase_add_loop_test(tc, a_rejection_repeats_machine_words_alone, 0,
                        NSENTENCES);
    tcase_add_test(tc, a_rejection_may_have_no_body_or_one_with_a_nul);
    tcase_add_test(tc, a_monstrous_rejection_is_not_read);
    suite_add_tcase(suite, tc);
}

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_provider_openai");

    add_build(suite);
    add_observe(suite);
    add_refused(suite);
    return suite;
}
