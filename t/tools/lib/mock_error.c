/* SPDX-License-Identifier: Apache-2.0 */
/* The bodies of the mock's error answers, each API's own. Pure. */
#include "mock_text.h"

#define SORRY "The server had an error while processing your request."

static void openai_error(buf_t *out, int status)
{
    static const struct {
        int status;
        const char *message, *type, *code;
    } known[] = {
        {400, "Invalid value in organization org-mockmockmock.",
         "invalid_request_error", NULL},
        {401,
         "Incorrect API key provided: sk-mock*********mock. You can find "
         "your API key at https://platform.openai.com/account/api-keys.",
         "invalid_request_error", "invalid_api_key"},
        {404,
         "The model `mock-2` does not exist or you do not have access to "
         "it.",
         "invalid_request_error", "model_not_found"},
        {429,
         "Rate limit reached for mock-1 in organization org-mockmockmock "
         "on requests per min (RPM): Limit 3, Used 3, Requested 1.",
         "requests", "rate_limit_exceeded"},
        {529, "Overloaded", "overloaded_error", NULL},
    };
    size_t i;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].status == status)
            break;
    }
    if (i == sizeof(known) / sizeof(known[0])) {
        buf_puts(out, "{\"error\":{\"message\":\"" SORRY "\",\"type\":"
                      "\"server_error\",\"param\":null,\"code\":null}}");
        return;
    }
    buf_printf(out,
               "{\"error\":{\"message\":\"%s\",\"type\":\"%s\","
               "\"param\":null,\"code\":",
               known[i].message, known[i].type);
    if (known[i].code)
        buf_printf(out, "\"%s\"", known[i].code);
    else
        buf_puts(out, "null");
    buf_puts(out, "}}");
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

static void messages_error(buf_t *out, int status)
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
               "\"No, says organization org-mockmockmock.\"},"
               "\"request_id\":\"req_mock\"}",
               word_of(words, status));
}

static void gemini_error(buf_t *out, int status, int retry)
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
    if (retry >= 0)
        buf_printf(out,
                   "{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\","
                   "\"retryDelay\":\"%ds\"}",
                   retry);
    buf_puts(out, "]}}");
}

void mock_text_error(buf_t *out, const mock_text_t *t, int status)
{
    if (t->api == MOCK_API_MESSAGES)
        messages_error(out, status);
    else if (t->api == MOCK_API_GEMINI)
        gemini_error(out, status, t->p.retry);
    else
        openai_error(out, status);
}
