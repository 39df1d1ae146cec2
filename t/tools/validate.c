/* SPDX-License-Identifier: Apache-2.0 */
/*
 * validate: the verdict on request bodies, for comparing with zod's. Reads one
 * body a line, in base64, and prints one line of JSON for each:
 *   {"verdict":"accept","issues":[],"turn":{...}}
 *   {"verdict":"reject","issues":[...]}
 *   {"verdict":"json_error","issues":[]}
 * in the spelling of JSON.stringify, so that lines can be compared as text.
 * Options: --depth N, --values N, --bytes N, --utf16, --why (adds "why"),
 * --tools, --message and --completions (the readers of those names; the last
 * says "code" and "param" instead of issues).
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_base64.h>
#include <apr_general.h>
#include <apr_strings.h>

#include "chat_request.h"

static chat_json_limits_t limits = {
    .bytes = 1024 * 1024,
    .depth = 64,
    .values = 10000,
};
static chat_request_clamps_t clamps = {
    .messages = 30,
    .message_length = 4000,
    .total_length = 40000,
    .max_output_tokens = 16384,
};
static int tell_why;
static int with_tools, of_message, completions;

static void print_member(const char *name, const char *text, apr_pool_t *p)
{
    if (text)
        printf(",\"%s\":%s", name, chat_json_quote(text, p));
}

/* The temperature as its bits: two languages spell doubles in two ways. */
static void print_temperature(double n)
{
    apr_uint64_t bits;

    memcpy(&bits, &n, sizeof(bits));
    printf(",\"temperature\":\"%016" APR_UINT64_T_HEX_FMT "\"", bits);
}

static void print_calls(const chat_message_t *message, apr_pool_t *p)
{
    int i;

    printf(",\"toolCalls\":[");
    for (i = 0; i < message->ncalls; i++)
        printf("%s{\"id\":%s,\"name\":%s,\"arguments\":%s}", i ? "," : "",
               chat_json_quote(message->calls[i].id, p),
               chat_json_quote(message->calls[i].name, p),
               chat_json_quote(message->calls[i].arguments, p));
    printf("]");
}

static void print_messages(const chat_turn_t *turn, apr_pool_t *p)
{
    static const char *const roles[] = {"user", "assistant", "system", "tool"};
    int i;

    printf("\"messages\":[");
    for (i = 0; i < turn->nmessages; i++) {
        const chat_message_t *message = &turn->messages[i];

        printf("%s{\"role\":\"%s\"", i ? "," : "", roles[message->role]);
        print_member("content", message->content, p);
        print_member("toolCallId", message->call_id, p);
        if (message->ncalls)
            print_calls(message, p);
        printf("}");
    }
    printf("]");
}

static void print_tools(const chat_turn_t *turn, apr_pool_t *p)
{
    static const char *const choices[] = {NULL, "auto", "none", "required",
                                          "tool"};
    int i;

    if (turn->json)
        printf(",\"json\":1");
    if (turn->ntools)
        printf(",\"tools\":[");
    for (i = 0; i < turn->ntools; i++) {
        const chat_tool_t *tool = &turn->tools[i];

        printf("%s{\"name\":%s", i ? "," : "", chat_json_quote(tool->name, p));
        print_member("description", tool->description, p);
        if (tool->parameters)
            printf(",\"parameters\":1");
        printf("}");
    }
    if (turn->ntools)
        printf("]");
    print_member("choice", choices[turn->choice], p);
    print_member("choiceName", turn->choice_name, p);
}

static void print_turn(const chat_turn_t *turn, const char *session,
                       apr_pool_t *p)
{
    printf("{");
    print_messages(turn, p);
    print_member("system", turn->system, p);
    print_member("model", turn->model, p);
    print_member("session", session, p);
    if (turn->has_temperature)
        print_temperature(turn->temperature);
    if (turn->max_output_tokens)
        printf(",\"maxOutputTokens\":%d", turn->max_output_tokens);
    if (turn->schema)
        printf(",\"strict\":%d", turn->schema_strict);
    print_tools(turn, p);
    if (turn->extra)
        printf(",\"extra\":%s", chat_json_text(turn->extra, NULL, p));
    printf("}");
}

static apr_status_t validate(chat_turn_t *turn, const char **psession,
                             chat_json_t *body, chat_err_t *err, apr_pool_t *p)
{
    int usage;

    *psession = NULL;
    if (completions)
        return chat_request_completions(turn, &usage, body, &clamps, err, p);
    if (of_message)
        return chat_request_message(turn, psession, body, &clamps, err, p);
    return with_tools ? chat_request_validate_tools(turn, body, &clamps, err, p)
                      : chat_request_validate(turn, body, &clamps, err, p);
}

static void print_refusal(const chat_err_t *err, apr_pool_t *p)
{
    printf("{\"verdict\":\"reject\",\"issues\":%s",
           err->issues ? err->issues : "[]");
    if (completions) {
        print_member("code", err->code, p);
        print_member("param", err->param, p);
    }
}

static void judge(const char *text, apr_size_t len, apr_pool_t *p)
{
    chat_json_reader_t *reader = chat_json_reader_create(&limits, p);
    chat_turn_t turn = {0};
    chat_err_t err = {0};
    const char *session;
    chat_json_t *body;

    chat_json_reader_feed(reader, text, len);
    if (chat_json_reader_end(&body, reader) != APR_SUCCESS) {
        printf("{\"verdict\":\"json_error\",\"issues\":[]");
        print_member("why", tell_why ? chat_json_reader_why(reader) : NULL, p);
    }
    else if (validate(&turn, &session, body, &err, p) != APR_SUCCESS)
        print_refusal(&err, p);
    else {
        printf("{\"verdict\":\"accept\",\"issues\":[],\"turn\":");
        print_turn(&turn, session, p);
    }
    printf("}\n");
}

static void read_options(int argc, char **argv)
{
    static const struct option options[] = {
        {"depth", required_argument, NULL, 'd'},
        {"values", required_argument, NULL, 'v'},
        {"bytes", required_argument, NULL, 'b'},
        {"utf16", no_argument, &clamps.count_utf16, 1},
        {"why", no_argument, &tell_why, 1},
        {"tools", no_argument, &with_tools, 1},
        {"message", no_argument, &of_message, 1},
        {"completions", no_argument, &completions, 1},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        switch (option) {
        case 'd':
            limits.depth = atoi(optarg);
            break;
        case 'v':
            limits.values = atoi(optarg);
            break;
        case 'b':
            limits.bytes = strtoul(optarg, NULL, 10);
            break;
        case '?':
            exit(2);
        }
}

int main(int argc, char **argv)
{
    apr_pool_t *pool, *p;
    char *line = NULL;
    size_t size = 0;

    apr_initialize();
    read_options(argc, argv);
    apr_pool_create(&pool, NULL);
    apr_pool_create(&p, pool);
    while (getline(&line, &size, stdin) > 0) {
        char *text = apr_palloc(p, apr_base64_decode_len(line) + 1);

        judge(text, apr_base64_decode(text, line), p);
        apr_pool_clear(p);
    }
    free(line);
    apr_pool_destroy(pool);
    apr_terminate();
    return 0;
}
