/* SPDX-License-Identifier: Apache-2.0 */
/* What providers, gateways and servers say when they refuse, each in its own
 * shape: what is taken of it, what it is called, and what is masked. */
#include "chat_provider.h"

#include <string.h>

#include "unit.h"

#define KEY "sk-unit-0123456789abcdef"

static apr_pool_t *pool;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

/* "" where nothing is said; named: what it is called, NULL: as before. */
static const struct row_t {
    const char *who;
    int status;
    const char *body;
    const char *code, *type, *param, *text, *named;
} rows[] = {
    {"OpenAI", 400,
     "{\"error\":{\"message\":\"This model's maximum context length is 8192 "
     "tokens. However, your messages resulted in 9001 tokens.\",\"type\":"
     "\"invalid_request_error\",\"param\":\"messages\",\"code\":"
     "\"context_length_exceeded\"}}",
     "context_length_exceeded", "invalid_request_error", "messages",
     "This model's maximum context length is 8192 tokens. However, your "
     "messages resulted in 9001 tokens.",
     "context_length_exceeded"},
    {"OpenAI: a value", 400,
     "{\"error\":{\"message\":\"Unsupported value: 'temperature' does not "
     "support 0.2 with this model.\",\"type\":\"invalid_request_error\","
     "\"param\":\"temperature\",\"code\":\"unsupported_value\"}}",
     "unsupported_value", "invalid_request_error", "temperature",
     "Unsupported value: 'temperature' does not support 0.2 with this model.",
     NULL},
    {"OpenAI: a model", 404,
     "{\"error\":{\"message\":\"The model `gpt-9` does not exist or you do not "
     "have access to it.\",\"type\":\"invalid_request_error\",\"param\":null,"
     "\"code\":\"model_not_found\"}}",
     "model_not_found", "invalid_request_error", "",
     "The model `gpt-9` does not exist or you do not have access to it.",
     "model_not_found"},
    {"OpenAI: a model of others", 403,
     "{\"error\":{\"message\":\"Project `proj_abc` has no access to model "
     "`gpt-9`\",\"code\":\"model_not_found\"}}",
     "model_not_found", "", "", "Project `***` has no access to model `gpt-9`",
     "model_not_found"},
    {"OpenAI: a wrong URL", 404,
     "{\"error\":{\"message\":\"Invalid URL (POST /v1/models/chat)\",\"type\":"
     "\"invalid_request_error\",\"param\":null,\"code\":null}}",
     "", "invalid_request_error", "", "Invalid URL (POST /v1/models/chat)",
     "upstream_not_found"},
    {"OpenAI: an event", 400,
     "{\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":"
     "\"invalid_prompt\",\"message\":\"No.\"}}}",
     "invalid_prompt", "", "", "No.", NULL},
    {"OpenAI: a flat event", 500,
     "{\"type\":\"error\",\"code\":\"server_error\",\"message\":\"Sorry.\","
     "\"param\":null}",
     "server_error", "", "", "Sorry.", NULL},
    {"Azure: no deployment", 404,
     "{\"error\":{\"code\":\"DeploymentNotFound\",\"message\":\"The API "
     "deployment for this resource does not exist.\"}}",
     "DeploymentNotFound", "", "",
     "The API deployment for this resource does not exist.", "model_not_found"},
    {"Azure: a wrong URL", 404,
     "{\"error\":{\"code\":\"404\",\"message\":\"Resource not found\"}}", "",
     "", "", "Resource not found", "upstream_not_found"},
    {"Azure: filtered", 400,
     "{\"error\":{\"message\":\"The response was filtered.\",\"type\":null,"
     "\"param\":\"prompt\",\"code\":\"content_filter\",\"status\":400}}",
     "content_filter", "", "prompt", "The response was filtered.", NULL},
    {"Azure's gateway", 429,
     "{\"statusCode\":429,\"message\":\"Rate limit is exceeded. Try again in 7 "
     "seconds.\"}",
     "", "", "", "Rate limit is exceeded. Try again in 7 seconds.", NULL},
    {"Anthropic", 400,
     "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\","
     "\"message\":\"prompt is too long: 210000 tokens > 200000 maximum\"},"
     "\"request_id\":\"req_1\"}",
     "", "invalid_request_error", "",
     "prompt is too long: 210000 tokens > 200000 maximum",
     "context_length_exceeded"},
    {"Anthropic: a model", 404,
     "{\"type\":\"error\",\"error\":{\"type\":\"not_found_error\",\"message\":"
     "\"model: claude-9\"}}",
     "", "not_found_error", "", "model: claude-9", "model_not_found"},
    {"Anthropic: a wrong URL", 404,
     "{\"type\":\"error\",\"error\":{\"type\":\"not_found_error\",\"message\":"
     "\"Not Found\"}}",
     "", "not_found_error", "", "Not Found", "upstream_not_found"},
    {"Gemini", 400,
     "{\"error\":{\"code\":400,\"message\":\"The input token count (1048577) "
     "exceeds the maximum number of tokens allowed (1048576).\",\"status\":"
     "\"INVALID_ARGUMENT\"}}",
     "", "INVALID_ARGUMENT", "",
     "The input token count (1048577) exceeds the maximum number of tokens "
     "allowed (1048576).",
     "context_length_exceeded"},
    {"Gemini: a field", 400,
     "[{\"error\":{\"code\":400,\"message\":\"Invalid value\",\"status\":"
     "\"INVALID_ARGUMENT\",\"details\":[{\"@type\":"
     "\"type.googleapis.com/google.rpc.BadRequest\",\"fieldViolations\":"
     "[{\"field\":\"generation_config.temperature\"}]}]}}]",
     "", "INVALID_ARGUMENT", "generation_config.temperature", "Invalid value",
     NULL},
    {"Gemini: a model", 404,
     "{\"error\":{\"code\":404,\"message\":\"models/gemini-9 is not found for "
     "API version v1beta\",\"status\":\"NOT_FOUND\"}}",
     "", "NOT_FOUND", "", "models/gemini-9 is not found for API version v1beta",
     "model_not_found"},
    {"OpenRouter: what stands behind it", 400,
     "{\"error\":{\"code\":400,\"message\":\"Provider returned error\","
     "\"metadata\":{\"raw\":\"{\\\"error\\\":{\\\"message\\\":\\\"The context "
     "window is full\\\",\\\"type\\\":\\\"bad\\\",\\\"code\\\":\\\"full\\\"}}"
     "\",\"provider_name\":\"X\"}}}",
     "full", "bad", "", "The context window is full",
     "context_length_exceeded"},
    {"OpenRouter: text behind it", 502,
     "{\"error\":{\"code\":502,\"message\":\"Provider returned error\","
     "\"metadata\":{\"raw\":\"no backend\"}}}",
     "", "", "", "no backend", NULL},
    {"OpenRouter: a model", 400,
     "{\"error\":{\"message\":\"x/y is not a valid model ID\",\"code\":400}}",
     "", "", "", "x/y is not a valid model ID", "model_not_found"},
    {"Mistral: a model", 400,
     "{\"object\":\"error\",\"message\":\"Invalid model: mistral-9\",\"type\":"
     "\"invalid_model\",\"param\":null,\"code\":\"1500\"}",
     "1500", "invalid_model", "", "Invalid model: mistral-9",
     "model_not_found"},
    {"Mistral: a field", 422,
     "{\"object\":\"error\",\"message\":{\"detail\":[{\"type\":\"less_than\","
     "\"loc\":[\"body\",\"temperature\"],\"msg\":\"Input should be less than "
     "1.5\"}]},\"type\":\"invalid_request_error\"}",
     "", "less_than", "temperature", "Input should be less than 1.5", NULL},
    {"DeepSeek: a model", 400,
     "{\"error\":{\"message\":\"Model Not Exist\",\"type\":"
     "\"invalid_request_error\",\"param\":null,\"code\":"
     "\"invalid_request_error\"}}",
     "invalid_request_error", "invalid_request_error", "", "Model Not Exist",
     "model_not_found"},
    {"llama.cpp", 400,
     "{\"error\":{\"code\":400,\"message\":\"request (1025 tokens) exceeds the "
     "available context size (1024 tokens), try increasing it\",\"type\":"
     "\"exceed_context_size_error\",\"n_prompt_tokens\":1025,\"n_ctx\":1024}}",
     "", "exceed_context_size_error", "",
     "request (1025 tokens) exceeds the available context size (1024 tokens), "
     "try increasing it",
     "context_length_exceeded"},
    {"llama.cpp: a wrong URL", 404,
     "{\"error\":{\"code\":404,\"message\":\"File Not Found\",\"type\":"
     "\"not_found_error\"}}",
     "", "not_found_error", "", "File Not Found", "upstream_not_found"},
    {"vLLM", 400,
     "{\"object\":\"error\",\"message\":\"This model's maximum context length "
     "is 2048 tokens.\",\"type\":\"BadRequestError\",\"param\":null,\"code\":"
     "400}",
     "", "BadRequestError", "",
     "This model's maximum context length is 2048 tokens.",
     "context_length_exceeded"},
    {"vLLM: a model", 404,
     "{\"error\":{\"message\":\"The model `x` does not exist.\",\"type\":"
     "\"NotFoundError\",\"param\":\"model\",\"code\":404}}",
     "", "NotFoundError", "model", "The model `x` does not exist.",
     "model_not_found"},
    {"LiteLLM: a model", 400,
     "{\"error\":{\"message\":\"/chat/completions: Invalid model name passed "
     "in model=gpt-x. Call `/v1/models`.\",\"type\":\"None\",\"param\":"
     "\"None\",\"code\":\"400\"}}",
     "", "", "",
     "/chat/completions: Invalid model name passed in model=gpt-x. Call "
     "`/v1/models`.",
     "model_not_found"},
    {"LiteLLM: its database", 400,
     "{\"error\":{\"message\":\"No connected db.\",\"type\":"
     "\"no_db_connection\",\"param\":null,\"code\":\"400\"}}",
     "", "no_db_connection", "", "No connected db.", NULL},
    {"Ollama", 404, "{\"error\":\"model 'llama9' not found\"}", "", "", "",
     "model 'llama9' not found", "model_not_found"},
    {"Ollama as OpenAI", 404,
     "{\"error\":{\"message\":\"model \\\"llama9\\\" not found, try pulling it "
     "first\",\"type\":\"api_error\",\"param\":null,\"code\":null}}",
     "", "api_error", "", "model \"llama9\" not found, try pulling it first",
     "model_not_found"},
    {"TGI", 422,
     "{\"error\":\"Input validation error: `inputs` tokens + `max_new_tokens` "
     "must be <= 4096.\",\"error_type\":\"validation\"}",
     "", "validation", "",
     "Input validation error: `inputs` tokens + `max_new_tokens` must be <= "
     "4096.",
     "context_length_exceeded"},
    {"FastAPI: a wrong URL", 404, "{\"detail\":\"Not Found\"}", "", "", "",
     "Not Found", "upstream_not_found"},
    {"a line", 404, "404 page not found\n", "", "", "", "404 page not found",
     "upstream_not_found"},
    {"a page", 404, "<html>nginx: no such model</html>", "", "", "", "",
     "upstream_not_found"},
    {"nothing", 404, "", "", "", "", "", "upstream_not_found"},
    {"bytes", 400, "\x01\x02 binary", "", "", "", "", NULL},
    {"no object", 400, "[[]]", "", "", "", "", NULL},
    {"a cut body", 400, "{\"error\":{\"message\":\"half", "", "", "", "", NULL},
    {"a failure of its own", 500,
     "{\"error\":{\"message\":\"model not found\"}}", "", "", "",
     "model not found", NULL},

    /* what is masked */
    {"the key", 400,
     "{\"error\":{\"message\":\"bad key " KEY "!\",\"code\":\"" KEY "\","
     "\"param\":\"" KEY "\"}}",
     "", "", "", "bad key ***!", NULL},
    {"much of the key", 400,
     "{\"error\":{\"message\":\"key ending in 89abcdef, (89abcdef)\"}}", "", "",
     "", "key ending in ***, (***)", NULL},
    {"other secrets", 400,
     "{\"error\":{\"message\":\"sk-ant-api03-xyz, org-AbC proj_1 AIzaSyAb "
     "eyJhbGciOi.J9.x sk-abc***yz gsk_1 x@example.org Bearer abc12345 "
     "session_token=a 0123456789abcdef0123\"}}",
     "", "", "", "***, *** *** *** *** *** *** *** Bearer *** *** ***", NULL},
    {"lines", 400, "{\"error\":{\"message\":\"a\\r\\nb\\u0007c\"}}", "", "", "",
     "a  b c", NULL},
};

START_TEST(what_a_provider_says_is_told)
{
    const struct row_t *row = &rows[_i];
    chat_err_t err = {.status = 400, .code = "upstream_rejected"};
    const char *named = row->named ? row->named : "upstream_rejected";
    chat_refusal_t told;

    chat_provider_told(&told, row->status, row->body, strlen(row->body), KEY,
                       pool);
    ck_assert_int_eq(told.status, row->status);
    ck_assert_msg(strcmp(told.code, row->code) == 0, "%s: code %s", row->who,
                  told.code);
    ck_assert_msg(strcmp(told.type, row->type) == 0, "%s: type %s", row->who,
                  told.type);
    ck_assert_msg(strcmp(told.param, row->param) == 0, "%s: param %s", row->who,
                  told.param);
    ck_assert_msg(strcmp(told.text, row->text) == 0, "%s: text %s", row->who,
                  told.text);
    chat_provider_told_name(&err, &told);
    ck_assert_msg(strcmp(err.code, named) == 0, "%s: named %s", row->who,
                  err.code);
    ck_assert_ptr_eq(err.upstream, &told);
}
END_TEST

START_TEST(an_account_is_nobodys_business)
{
    chat_err_t err = {
        .status = 502, .code = "upstream_auth", .cause = CHAT_CAUSE_AUTH};
    chat_refusal_t told = {.status = 404, .code = "model_not_found"};

    chat_provider_told_name(&err, &told);
    ck_assert_str_eq(err.code, "upstream_auth");
    ck_assert_ptr_null(err.upstream);
}
END_TEST

START_TEST(a_long_sentence_has_an_end_between_words)
{
    static const char word[] = "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac ";
    char body[8000] = "{\"error\":\"";
    chat_refusal_t told;
    int i;

    for (i = 0; i < 500; i++)
        strcat(body, word);
    strcat(body, "\"}");
    chat_provider_told(&told, 400, body, strlen(body), NULL, pool);
    ck_assert_int_eq(strlen(told.text), 290 + 3);
    ck_assert_str_eq(told.text + 290, "...");
}
END_TEST

START_TEST(what_fails_on_its_own_account_is_not_quoted)
{
    chat_refusal_t told = {.status = 500, .text = "at db7.internal"};
    chat_err_t err = {.status = 502, .upstream = &told};

    ck_assert_ptr_null(chat_err_told(&err));
    err.status = 429;
    ck_assert_str_eq(chat_err_told(&err), "at db7.internal");
    err.upstream = NULL;
    ck_assert_ptr_null(chat_err_told(&err));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *s = suite_create("chat_provider_told");
    TCase *tc = tcase_create("told");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, what_a_provider_says_is_told, 0,
                        sizeof(rows) / sizeof(rows[0]));
    tcase_add_test(tc, an_account_is_nobodys_business);
    tcase_add_test(tc, a_long_sentence_has_an_end_between_words);
    tcase_add_test(tc, what_fails_on_its_own_account_is_not_quoted);
    suite_add_tcase(s, tc);
    return s;
}
