/* SPDX-License-Identifier: Apache-2.0 */
/* The bodies of the mock's error answers, each API's own. Pure. */
#include "mock_formats.h"

typedef struct openai_error_t {
    int status;
    const char *message, *type, *code; /* code NULL: null */
} openai_error_t;

static const openai_error_t openai_quota = {
    429,
    "You exceeded your current quota, please check your plan and billing "
    "details.",
    "insufficient_quota", "insufficient_quota"};

/* The last row is for every other status. */
static const openai_error_t *openai_row(const mock_text_t *t, int status)
{
    static const openai_error_t rows[] = {
        {400, "Invalid value in organization org-mockmockmock.",
         "invalid_request_error", NULL},
        {401,
         "Incorrect API key provided: sk-mock*********mock. You can find "
         "your API key at https://platform.openai.com/account/api-keys.",
         "invalid_request_error", "invalid_api_key"},
        {403,
         "Project proj_mock does not have access to this in organization "
         "org-mockmockmock.",
         "invalid_request_error", "model_not_found"},
        {404,
         "The model `mock-2` does not exist or you do not have access to "
         "it.",
         "invalid_request_error", "model_not_found"},
        {429,
         "Rate limit reached for mock-1 in organization org-mockmockmock "
         "on requests per min (RPM): Limit 3, Used 3, Requested 1.",
         "requests", "rate_limit_exceeded"},
        {529, "Overloaded", "overloaded_error", NULL},
        {0, MOCK_SORRY, "server_error", NULL},
    };
    const openai_error_t *row = rows;

    if (status == 429 && t->p.quota)
        return &openai_quota;
    while (row->status && row->status != status)
        row++;
    return row;
}

static void openai_error(buf_t *out, const mock_text_t *t, int status)
{
    const openai_error_t *row = openai_row(t, status);

    buf_printf(out,
               "{\"error\":{\"message\":\"%s\",\"type\":\"%s\","
               "\"param\":null,\"code\":",
               row->message, row->type);
    if (row->code)
        buf_printf(out, "\"%s\"", row->code);
    else
        buf_puts(out, "null");
    buf_puts(out, "}}");
}

/* Those who only imitate it say the status once more. */
static void imitated_error(buf_t *out, const mock_text_t *t, int status)
{
    const char *message = openai_row(t, status)->message;

    if (t->p.as == MOCK_AS_OPENROUTER)
        buf_printf(out,
                   "{\"error\":{\"code\":%d,\"message\":\"%s\",\"metadata\":"
                   "{\"provider_name\":\"Mock\",\"raw\":\"%s\"}},"
                   "\"user_id\":\"user_mockmockmock\"}",
                   status, message, message);
    else if (t->p.as == MOCK_AS_VLLM)
        buf_printf(out,
                   "{\"object\":\"error\",\"message\":\"%s\",\"type\":"
                   "\"BadRequestError\",\"param\":null,\"code\":%d}",
                   message, status);
    else
        buf_printf(out, "{\"error\":{\"code\":\"%d\",\"message\":\"%s\"}}",
                   status, message);
}

typedef struct word_t {
    int status;
    const char *word;
} word_t;

/* The last row is for every other status. */
static const char *word_of(const word_t *words, int status)
{
    while (words->status && words->status != status)
        words++;
    return words->word;
}

static void messages_error(buf_t *out, const mock_text_t *t, int status)
{
    static const word_t words[] = {
        {400, "invalid_request_error"}, {401, "authentication_error"},
        {402, "billing_error"},         {403, "permission_error"},
        {404, "not_found_error"},       {413, "request_too_large"},
        {429, "rate_limit_error"},      {504, "timeout_error"},
        {529, "overloaded_error"},      {0, "api_error"},
    };

    buf_printf(out,
               "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":"
               "\"No, says organization org-mockmockmock.\"%s},"
               "\"request_id\":\"req_mock\"}",
               word_of(words, status),
               status == 429 && t->p.quota ? ",\"details\":{\"error_code\":"
                                             "\"enforced_spend_limit_reached\"}"
                                           : "");
}

static void gemini_details(buf_t *out, const mock_text_t *t)
{
    if (t->refused)
        buf_puts(out, "{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\","
                      "\"reason\":\"API_KEY_INVALID\",\"domain\":"
                      "\"googleapis.com\"}");
    else if (t->p.retryms >= 0)
        buf_printf(out,
                   "{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\","
                   "\"retryDelay\":\"%d.%03ds\"}",
                   t->p.retryms / 1000, t->p.retryms % 1000);
    else if (t->p.retry >= 0)
        buf_printf(out,
                   "{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\","
                   "\"retryDelay\":\"%ds\"}",
                   t->p.retry);
}

static void gemini_error(buf_t *out, const mock_text_t *t, int status)
{
    static const word_t words[] = {
        {400, "INVALID_ARGUMENT"},   {401, "UNAUTHENTICATED"},
        {403, "PERMISSION_DENIED"},  {404, "NOT_FOUND"},
        {429, "RESOURCE_EXHAUSTED"}, {503, "UNAVAILABLE"},
        {504, "DEADLINE_EXCEEDED"},  {0, "INTERNAL"},
    };

    buf_printf(out,
               "{\"error\":{\"code\":%d,\"message\":\"No, says "
               "projects/org-mockmockmock.\",\"status\":\"%s\",\"details\":[",
               status, word_of(words, status));
    gemini_details(out, t);
    buf_puts(out, "]}}");
}

void mock_text_error(buf_t *out, const mock_text_t *t, int status)
{
    int imitated = t->api == MOCK_API_COMPLETIONS &&
                   (t->p.as == MOCK_AS_OPENROUTER || t->p.as == MOCK_AS_VLLM ||
                    t->p.as == MOCK_AS_AZURE);

    if (t->api == MOCK_API_MESSAGES)
        messages_error(out, t, status);
    else if (t->api == MOCK_API_GEMINI)
        gemini_error(out, t, status);
    else if (imitated)
        imitated_error(out, t, status);
    else
        openai_error(out, t, status);
}
