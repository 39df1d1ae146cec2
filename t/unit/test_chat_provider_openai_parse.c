/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the openai provider makes of single events and of whole answers, in
 * both of its APIs; its transcripts are in test_chat_provider_openai.c.
 */
#include "provider_suite.h"

#include <string.h>

#include <apr_strings.h>

#define pool provider_suite_pool

#define CHUNK(delta)                                                           \
    "data: {\"choices\":[{\"index\":0,\"delta\":" delta "}]}\n\n"
#define CALL(index, id, name, arguments)                                       \
    CHUNK("{\"tool_calls\":[{" index "\"id\":" id                              \
          ",\"function\":{\"name\":" name ",\"arguments\":" arguments "}}]}")
#define ZERO "\"index\":0,"

#define ITEM_OF(text)                                                          \
    "{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":"   \
    "\"" text "\"}]}"
#define REASON(reason)                                                         \
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"" reason "\"}]}"    \
    "\n\n"
#define MESSAGE(message)                                                       \
    "data: {\"choices\":[{\"index\":0,\"finish_reason\":\"stop\","             \
    "\"message\":" message "}]}\n\n"

#define ITEM_CALL                                                              \
    "event: response.output_item.added\ndata: {\"output_index\":0,\"item\":{"  \
    "\"type\":\"function_call\",\"call_id\":\"a\",\"name\":\"f\"}}\n\n"
#define ITEM_CALL_DONE(arguments)                                              \
    "event: response.output_item.done\ndata: {\"output_index\":0,\"item\":{"   \
    "\"type\":\"function_call\",\"call_id\":\"a\",\"name\":\"f\","             \
    "\"arguments\":\"" arguments "\"}}\n\n"
#define ARGUMENTS(piece)                                                       \
    "event: response.function_call_arguments.delta\n"                          \
    "data: {\"output_index\":0,\"delta\":\"" piece "\"}\n\n"

static const provider_hearing_t hearings[] = {
    {1, CHUNK("{\"content\":\"a\\n\\\"\\\\\\/\\u00e9\\u20aC\\t\"}"),
     "<text>a\n\"\\/\xc3\xa9\xe2\x82\xac\t"},
    {1, CHUNK("{\"content\":\"\\ud83d\\ude00\"}"), "<text>\xf0\x9f\x98\x80"},
    {1, CHUNK("{\"content\":\"\"}") CHUNK("{\"content\":null}") CHUNK("null"),
     ""},
    {1, CHUNK("{\"reasoning\":\"r\",\"content\":\"t\"}"),
     "<reasoning>r<text>t"},
    {1,
     CHUNK("{\"reasoning\":\"r\",\"reasoning_content\":\"c\",\"refusal\":"
           "\"no\"}"),
     "<reasoning>c<refusal>no"},
    {1,
     CHUNK("{\"reasoning\":\"r\",\"reasoning_content\":\"\"}")
         CHUNK("{\"reasoning\":\"r\",\"reasoning_content\":\"c\"}"),
     "<reasoning>rc"},
    /* Of two equal names the last one holds. */
    {1,
     CHUNK("{\"content\":\"a\",\"content\":null}")
         CHUNK("{\"content\":\"b\",\"content\":\"c\"}"),
     "<text>c"},
    {1,
     "data: {\"choices\":[],\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n",
     "<text>a"},
    {1,
     "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"choices\":[]}\n\n",
     ""},
    {1,
     "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"delta\":{}}]}\n\n",
     ""},
    {1, "data: {\"choices\":[{},{\"delta\":{\"content\":\"a\"}}]}\n\n", ""},
    /* Only the first choice. */
    {1,
     "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"x\"}},"
     "{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n"
     "data: {\"choices\":[{\"delta\":{\"content\":\"b\"}},{\"delta\":{"
     "\"content\":\"x\"}}]}\n\n"
     "data: {\"choices\":[{\"index\":2,\"delta\":{\"content\":\"x\"}}]}\n\n",
     "<text>ab"},
    {1,
     "data:  {\"choices\" : [ {\"delta\":\ndata: {\"content\" : \"a\" } } ] "
     "}\n\n",
     "<text>a"},
    {1, "event: message\n" CHUNK("{\"content\":\"a\"}"), "<text>a"},
    /* What cannot be read may have been a piece of the answer. */
    {1, CHUNK("{\"content\":\"\xff\xbf!\"}"), "<text>\xef\xbf\xbd!"},
    /* Halves of characters. */
    {1,
     CHUNK("{\"content\":\"Hi \\ud83d\"}") CHUNK("{\"content\":\"\\ude00!\"}"),
     "<text>Hi \xf0\x9f\x98\x80!"},
    {1, CHUNK("{\"content\":\"a\\ud83d\"}") CHUNK("{\"content\":\"b\"}"),
     "<text>a\xef\xbf\xbd"
     "b"},
    {1, CHUNK("{\"content\":\"\\ude00\\ud83d\\ud83d\\ude00\"}"),
     "<text>\xef\xbf\xbd\xef\xbf\xbd\xf0\x9f\x98\x80"},
    {1, CHUNK("{\"content\":\"a\\ud83d\"}") "data: [DONE]\n\n",
     "<text>a\xef\xbf\xbd<stop -1 -1 -1 -1>"},
    {1,
     CHUNK("{\"reasoning_content\":\"\\ud83d\"}")
         CHUNK("{\"content\":\"\\ude00\"}"),
     "<reasoning>\xef\xbf\xbd<text>\xef\xbf\xbd"},
    {1,
     CHUNK("{\"content\":\"\xf0\x9f\"}")
         CHUNK("{\"content\":\"\xf4\x8f\xa0\x80\"}"),
     "<text>\xef\xbf\xbd\xf4\x8f\xa0\x80"},
    {0,
     "data: {\"type\":\"response.output_text.delta\",\"delta\":\"\\uD83D\"}"
     "\n\ndata: {\"type\":\"response.output_text.delta\",\"delta\":"
     "\"\\uDE00\"}\n\n",
     "<text>\xf0\x9f\x98\x80"},
    {1, "data: {\"choices\"\n\n", "<failed event_unreadable>"},
    {1, "data: ping\n\ndata: 7\n\ndata: []\n\ndata: {}\n\ndata: [DONE]\n\n",
     "<stop -1 -1 -1 -1>"},
    /* Calls. */
    {1,
     CALL(ZERO, "\"a\"", "\"f\"", "\"{\"") CALL(ZERO, "\"\"", "\"\"", "\"}\"")
         CALL(ZERO, "\"b\"", "null", "\" \"")
             CALL(ZERO, "\"a\"", "\"f\"", "\" \""),
     "<call 0 a f><arguments 0>{}  "},
    {1,
     CALL(ZERO, "\"a\"", "\"f\"", "\"{}\"")
         CALL(ZERO, "\"b\"", "\"f\"", "\"[]\""),
     "<call 0 a f><arguments 0>{}<call 1 b f><arguments 1>[]"},
    {1,
     CALL("", "null", "\"f\"", "{\"n\":1}") CALL("", "null", "null", "\" \""),
     "<call 0 call_0 f><arguments 0>{\"n\":1} "},
    {1,
     CALL("\"index\":7,", "\"a\"", "\"f\"", "\"\"")
         CALL("\"index\":3,", "\"\"", "\"g\"", "\"1\"")
             CALL("\"index\":7,", "null", "null", "\"2\""),
     "<call 0 a f><call 1 call_1 g><arguments 1>1<arguments 0>2"},
    {1, CALL(ZERO, "\"a\"", "\"f\"", "null") "data: [DONE]\n\n",
     "<call 0 a f><calls -1 -1 -1 -1>"},
    /* Each of several calls whole, at one place and without an id. */
    {1,
     CALL(ZERO, "null", "\"f\"", "\"{\\\"c\\\":\\\"}{\\\\\\\"\\\"}\"")
         CALL(ZERO, "null", "\"f\"", "\"{}\"")
             CALL(ZERO, "null", "\"g\"", "{\"n\":1}"),
     "<call 0 call_0 f><arguments 0>{\"c\":\"}{\\\"\"}<call 1 call_1 f>"
     "<arguments 1>{}<call 2 call_2 g><arguments 2>{\"n\":1}"},
    {1,
     CALL(ZERO, "null", "\"f\"", "null") CALL(ZERO, "\"\"", "\"g\"", "\"\"")
         CALL("", "null", "\"h\"", "\"{}\""),
     "<call 0 call_0 f><call 1 call_1 g><call 2 call_2 h><arguments 2>{}"},
    /* The name in every piece, to the last one, which is empty. */
    {1,
     CALL(ZERO, "null", "\"f\"", "\"{\\\"a\\\":\"") CALL(
         ZERO, "null", "\"f\"", "\"[1]\"") CALL(ZERO, "null", "\"f\"", "\"}\"")
         CALL(ZERO, "null", "\"f\"", "\"\""),
     "<call 0 call_0 f><arguments 0>{\"a\":[1]}"},
    /* What was said is not said twice; what was not is. */
    {1,
     CHUNK("{\"content\":\"Good \"}") CHUNK("{\"content\":\"day.\"}")
         MESSAGE("{\"content\":\"Good day.\"}"),
     "<text>Good day.<stop -1 -1 -1 -1>"},
    {1,
     CHUNK("{\"reasoning_content\":\"Hm.\"}")
         MESSAGE("{\"reasoning_content\":\"Hm.\",\"content\":\"Yes\"}"),
     "<reasoning>Hm.<text>Yes<stop -1 -1 -1 -1>"},
    {1, CHUNK("{\"refusal\":\"No.\"}") MESSAGE("{\"refusal\":\"No.\"}"),
     "<refusal>No.<stop -1 -1 -1 -1>"},
    {1,
     CALL(ZERO, "\"a\"", "\"f\"", "\"{}\"")
         MESSAGE("{\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":"
                 "\"f\",\"arguments\":\"{}\"}}]}"),
     "<call 0 a f><arguments 0>{}<calls -1 -1 -1 -1>"},
    {1,
     CHUNK("{\"content\":\"a\"}") "data: {\"choices\":[{\"index\":0,\"delta\":"
                                  "{},\"message\":{\"content\":\"a\"}}]}\n\n",
     "<text>a"},
    /* One mark of the end is enough, and the last reason counts. */
    {1, REASON("stop") CHUNK("{\"content\":\"a\"}") REASON("length"),
     "<text>a<length -1 -1 -1 -1>"},
    {1,
     REASON("stop") "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,"
                    "\"completion_tokens\":2}}\n\n",
     "<stop 5 2 -1 -1>"},
    {1, CHUNK("{\"content\":\"a\"}"), "<text>a"},
    {1, REASON("") REASON("null"), ""},
    {1, REASON("STOP"), "<stop -1 -1 -1 -1>"},
    {1, REASON("abort") "data: [DONE]\n\n", "<failed abort>"},
    {1, REASON("network_error"), "<failed network_error>"},
    {1, REASON("brand_new"), "<other -1 -1 -1 -1>"},
    /* The body ends before the blank line. */
    {1, CHUNK("{\"content\":\"a\"}") "data: [DONE]",
     "<text>a<stop -1 -1 -1 -1>"},
    {1, CHUNK("{\"content\":\"a\"}") "data: [DONE]\n",
     "<text>a<stop -1 -1 -1 -1>"},
    {1, CHUNK("{\"content\":\"a\"}") "data: [DON", "<text>a"},
    {1, "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}", ""},
    {1,
     "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},"
     "\"finish_reason\":\"stop\"}]}",
     "<text>a<stop -1 -1 -1 -1>"},
    {1,
     "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},"
     "\"finish_reason\":\"stop\"}]}\nevent: err",
     ""},
    {0,
     "event: response.completed\r\ndata: {\"type\":"
     "\"response.completed\"}\r\n",
     "<stop -1 -1 -1 -1>"},
    {0, "data: {\"type\":\"response.completed\"}", "<stop -1 -1 -1 -1>"},
    /* What a response says of itself. */
    {0,
     "data: {\"type\":\"response.completed\",\"response\":{\"status\":"
     "\"failed\"}}\n\n",
     "<failed >"},
    {0,
     "data: {\"type\":\"response.completed\",\"response\":{\"status\":"
     "\"cancelled\"}}\n\n",
     "<failed >"},
    {0,
     "data: {\"type\":\"response.completed\",\"response\":{\"status\":"
     "\"incomplete\",\"incomplete_details\":{\"reason\":"
     "\"content_filter\"}}}\n\n",
     "<filter -1 -1 -1 -1>"},
    {0,
     "data: {\"type\":\"response.incomplete\",\"response\":{"
     "\"incomplete_details\":{\"reason\":\"brand_new\"}}}\n\n",
     "<other -1 -1 -1 -1>"},
    /* Text that stands in the items alone. */
    {0,
     "data: {\"type\":\"response.output_item.added\",\"output_index\":0,"
     "\"item\":{\"type\":\"message\",\"content\":[]}}\n\n"
     "data: {\"type\":\"response.output_item.done\",\"output_index\":0,"
     "\"item\":" ITEM_OF("a") "}\n\n"
                              "data: "
                              "{\"type\":\"response.completed\",\"response\":{"
                              "\"output\":[" ITEM_OF("a") "]}}\n\n",
     "<text>a<stop -1 -1 -1 -1>"},
    {0,
     "data: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\n"
     "data: {\"type\":\"response.output_item.done\",\"output_index\":0,"
     "\"item\":" ITEM_OF(
         "a") "}\n\n"
              "data: "
              "{\"type\":\"response.output_item.done\",\"output_index\":1,"
              "\"item\":" ITEM_OF("b") "}\n\n"
                                       "data: "
                                       "{\"type\":\"response.completed\","
                                       "\"response\":{\"output\":[" ITEM_OF(
                                           "a") "," ITEM_OF("b") "]}}\n\n",
     "<text>ab<stop -1 -1 -1 -1>"},
    {0,
     "data: {\"type\":\"response.completed\",\"response\":{\"output\":["
     "{\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\","
     "\"text\":\"Hm.\"}]}," ITEM_OF("a") "]}}\n\n",
     "<reasoning>Hm.<text>a<stop -1 -1 -1 -1>"},
    /* thoughts were told, and nothing else */
    {0,
     "data: {\"type\":\"response.reasoning_summary_text.delta\",\"delta\":"
     "\"Hm.\"}\n\n"
     "data: {\"type\":\"response.completed\",\"response\":{\"output\":["
     "{\"type\":\"reasoning\",\"summary\":[]}," ITEM_OF("a") "]}}\n\n",
     "<reasoning>Hm.<text>a<stop -1 -1 -1 -1>"},
    /* what is encrypted, where the end alone has it, and where it has it again
     */
    {0,
     "data: {\"type\":\"response.completed\",\"response\":{\"output\":["
     "{\"type\":\"reasoning\",\"id\":\"rs\",\"encrypted_content\":\"E\"}"
     "," ITEM_OF("a") "]}}\n\n",
     "<detail>{\"type\":\"reasoning.encrypted\",\"id\":\"openai/"
     "rs\",\"format\":"
     "\"openai-responses-v1\",\"index\":0,\"data\":\"E\"}<text>a"
     "<stop -1 -1 -1 -1>"},
    {0,
     "data: {\"type\":\"response.output_item.done\",\"item\":{\"type\":"
     "\"reasoning\",\"encrypted_content\":\"E\"}}\n\n"
     "data: {\"type\":\"response.completed\",\"response\":{\"output\":["
     "{\"type\":\"reasoning\",\"encrypted_content\":\"F\"}]}}\n\n",
     "<detail>{\"type\":\"reasoning.encrypted\",\"id\":\"openai/0\",\"format\":"
     "\"openai-responses-v1\",\"index\":0,\"data\":\"E\"}<stop -1 -1 -1 -1>"},
    {0,
     "data: {\"type\":\"response.output_item.done\",\"output_index\":0,"
     "\"item\":{\"type\":\"message\",\"content\":[{\"type\":\"refusal\","
     "\"refusal\":\"No.\"}]}}\n\n",
     "<refusal>No."},
    /* The bill behind the end. */
    {1,
     "data: [DONE]\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,"
     "\"completion_tokens\":2}}\n\n",
     "<stop 5 2 -1 -1>"},
    /* Why it is over. */
    {1,
     "data: {\"choices\":[{\"finish_reason\":\"function_call\"}]}\n\n"
     "data: [DONE]\n\n",
     "<calls -1 -1 -1 -1>"},
    {1,
     "data: {\"choices\":[{\"finish_reason\":\"brand_new\"}]}\n\n"
     "data: [DONE]\n\n",
     "<other -1 -1 -1 -1>"},
    {1,
     "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":"
     "\"length\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,"
     "\"prompt_cache_hit_tokens\":3,\"completion_tokens_details\":{"
     "\"reasoning_tokens\":4}}}\n\ndata: [DONE]\n\n",
     "<text>a<length 1 2 3 4>"},
    {1,
     "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":"
     "\"error\"}]}\n\n",
     "<failed error>"},
    {1,
     "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}],\"error\":{"
     "\"code\":\"x\"}}\n\n",
     "<failed x>"},

    {0,
     "event: response.output_text.delta\ndata: {\"delta\":\"a\\ud83d\\ude00\"}"
     "\n\n",
     "<text>a\xf0\x9f\x98\x80"},
    {0,
     "event: response.output_text.delta\ndata: {\"delta\":\"a\",\"delta\":"
     "\"b\"}\n\n",
     "<text>b"},
    {0, "event: response.output_text.delta\ndata: {\"delta\":\n\n",
     "<failed event_unreadable>"},
    {0, "event: response.output_text.delta\ndata: {\"delta\":7}\n\n", ""},
    {0, "event: response.reasoning_text.delta\ndata: {\"delta\":\"a\"}\n\n",
     "<reasoning>a"},
    {0, "event: response.output_item.added\ndata: {\n\n",
     "<failed event_unreadable>"},
    {0,
     "event: response.function_call_arguments.delta\n"
     "data: {\"output_index\":0,\"delta\":\"{}\"}\n\n"
     "event: response.output_item.done\n"
     "data: {\"output_index\":0,\"item\":{\"type\":\"function_call\","
     "\"name\":\"f\",\"arguments\":\"{}\"}}\n\n"
     "event: response.output_item.done\n"
     "data: {\"output_index\":1,\"item\":{\"type\":\"custom_tool_call\","
     "\"name\":\"g\",\"input\":\"{}\"}}\n\n",
     "<call 0 call_0 f><arguments 0>{}"},
    /* The rest of arguments that were told in part... */
    {0,
     ITEM_CALL ARGUMENTS("{\\\"a\\\":\\\"x")
         ITEM_CALL_DONE("{\\\"a\\\":\\\"xy\\\"}"),
     "<call 0 a f><arguments 0>{\"a\":\"xy\"}"},
    {0,
     ITEM_CALL ARGUMENTS("{\\\"a\\\":\\\"\\ud83d")
         ITEM_CALL_DONE("{\\\"a\\\":\\\"\\ud83d\\ude00\\\"}"),
     "<call 0 a f><arguments 0>{\"a\":\"\xf0\x9f\x98\x80\"}"},
    {0,
     ITEM_CALL ARGUMENTS("{\\\"a\\\":\\\"\\ud83d") ARGUMENTS("\\ude00")
         ITEM_CALL_DONE("{\\\"a\\\":\\\"\\ud83d\\ude00!\\\"}"),
     "<call 0 a f><arguments 0>{\"a\":\"\xf0\x9f\x98\x80!\"}"},
    /* ... of which the item says something else, within a character, too... */
    {0,
     ITEM_CALL ARGUMENTS("{\\\"a\\\":\\\"x")
         ITEM_CALL_DONE("{\\\"b\\\":\\\"yz\\\"}"),
     "<call 0 a f><arguments 0>{\"a\":\"x"},
    {0,
     ITEM_CALL ARGUMENTS("{\\\"a\\\":\\\"x")
         ITEM_CALL_DONE("{\\\"a\\\":\\\"\xff\xff\xff\\\"}"),
     "<call 0 a f><arguments 0>{\"a\":\"x"},
    /* ... or the same, in another way. */
    {0, ITEM_CALL ARGUMENTS("{\\\"a\\\":1}") ITEM_CALL_DONE("{\\\"a\\\": 1}"),
     "<call 0 a f><arguments 0>{\"a\":1}"},
    /* Without a place, by their ids. */
    {0,
     "event: response.output_item.added\n"
     "data: {\"item\":{\"type\":\"function_call\",\"call_id\":\"a\",\"name\":"
     "\"f\"}}\n\n"
     "event: response.output_item.added\n"
     "data: {\"item\":{\"type\":\"function_call\",\"call_id\":\"b\",\"name\":"
     "\"g\",\"arguments\":\"{\"}}\n\n"
     "event: response.function_call_arguments.done\n"
     "data: {\"arguments\":\"{}\"}\n\n",
     "<call 0 a f><call 1 b g><arguments 1>{}"},
    {0,
     "event: response.completed\ndata: {\"response\":{\"output\":[{\"type\":"
     "\"reasoning\"},{\"type\":\"function_call\",\"call_id\":\"a\",\"name\":"
     "\"f\",\"arguments\":\"{}\"}]}}\n\n",
     "<call 0 a f><arguments 0>{}<calls -1 -1 -1 -1>"},
    {0,
     "event: response.incomplete\ndata: {\"response\":{\"incomplete_details\":"
     "{\"reason\":\"content_filter\"}}}\n\n",
     "<filter -1 -1 -1 -1>"},
    {0, "event: response.incomplete\ndata: {\n\n", "<length -1 -1 -1 -1>"},
    {0, "event: response.completed\ndata: {\n\n", "<stop -1 -1 -1 -1>"},
};

static const provider_whole_t wholes[] = {
    {0,
     "{\"id\":\"resp_1\",\"status\":\"completed\",\"error\":null,\"usage\":{"
     "\"input_tokens\":3,\"output_tokens\":4}}",
     {1, 0, "", 3, 4}},
    {0, "{\"status\":\"incomplete\"}", {1, 0, "", -1, -1}},
    {0,
     "{\"status\":\"failed\",\"error\":{\"code\":\"server_error\"}}",
     {1, 1, "server_error", -1, -1}},
    {0, "{\"status\":\"failed\",\"error\":null}", {1, 1, "", -1, -1}},
    {0, "{\"error\":{\"type\":\"x\"}}", {1, 1, "x", -1, -1}},
    {0, "{\"status\":\"comple", {0, 0, "", -1, -1}},
    {0, "{}", {0, 0, "", -1, -1}},
    {1,
     "{\"choices\":[{\"message\":{\"content\":\"hi\"}}],\"usage\":{"
     "\"prompt_tokens\":3,\"completion_tokens\":4}}",
     {1, 0, "", 3, 4}},
    {1, "{\"error\":{\"code\":\"x\"}}", {1, 1, "x", -1, -1}},
    {1,
     "{\"choices\":[{\"finish_reason\":\"insufficient_system_resource\"}]}",
     {1, 1, "insufficient_system_resource", -1, -1}},
    {1, "{\"choices\":[{\"message\"", {0, 0, "", -1, -1}},
    {1, "", {0, 0, "", -1, -1}},
    {1, "[]", {0, 0, "", -1, -1}},
};

/* One chunk with n calls. */
static const char *make_calls(int n)
{
    apr_array_header_t *list = apr_array_make(pool, n, sizeof(char *));
    int i;

    for (i = 0; i < n; i++)
        APR_ARRAY_PUSH(list, const char *) = apr_psprintf(
            pool, "{\"index\":%d,\"function\":{\"name\":\"f\"}}", i);
    return apr_pstrcat(pool, "data: {\"choices\":[{\"delta\":{\"tool_calls\":[",
                       apr_array_pstrcat(pool, list, ','), "]}}]}\n\n", NULL);
}

START_TEST(more_calls_than_there_may_be_are_an_error)
{
    const char *most = provider_suite_hear(1, make_calls(CHAT_TOOL_CALLS_MAX));
    const char *more =
        provider_suite_hear(1, make_calls(CHAT_TOOL_CALLS_MAX + 1));

    ck_assert_ptr_null(strstr(most, "<failed"));
    ck_assert_ptr_nonnull(strstr(most, "<call 127 call_127 f>"));
    ck_assert_str_eq(more,
                     apr_pstrcat(pool, most, "<failed too_many_calls>", NULL));
}
END_TEST

/* ---- what is read in passing is read as the parse reads it ---- */

static const char *const chunks[] = {
    "{\"id\":\"c-1\",\"object\":\"chat.completion.chunk\",\"created\":17,"
    "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":"
    "\"H\xc3\xb6\\n\\u00fc \xf0\x9f\x98\x80\"},\"logprobs\":null,"
    "\"finish_reason\":null}],\"usage\":null}",
    "{\"choices\":[{\"delta\":{\"content\":null,\"reasoning_content\":"
    "\"a\",\"reasoning\":\"b\"},\"logprobs\":{\"content\":[]}}],"
    "\"error\":null,\"x\":[1,-2,{\"y\":true}]}",
};

static unsigned int dice;

static unsigned int roll(unsigned int sides)
{
    dice = dice * 1664525u + 1013904223u;
    return (dice >> 8) % sides;
}

/* One to four bytes changed, doubled or left out. */
static const char *damage(const char *chunk)
{
    static const char bytes[] =
        "\"\"\\{}[]:,, 0179-.eEtfnulabd/\n\x01\x7f\x80\xbf\xc3\xed\xf0\xff";
    char *copy = apr_pstrcat(pool, chunk, "    ", NULL);
    unsigned int i, n = 1 + roll(4);

    for (i = 0; i < n; i++) {
        apr_size_t len = strlen(chunk);
        char *at = copy + roll(len);

        switch (roll(3)) {
        case 0:
            *at = bytes[roll(sizeof(bytes) - 1)];
            break;
        case 1:
            memmove(at, at + 1, strlen(at));
            break;
        default:
            memmove(at + 1, at, strlen(at) - 1);
        }
    }
    return copy;
}

/* An event: line of any kind leaves no passing by. */
START_TEST(a_damaged_chunk_is_read_alike_in_passing_and_in_full)
{
    int i, sound = 0;

    dice = 1 + _i;
    for (i = 0; i < 4000; i++) {
        const char *chunk = damage(chunks[i % 2]);
        const char *event = apr_pstrcat(pool, "data: ", chunk, "\n\n", NULL);
        const char *heard = provider_suite_hear(1, event);
        const char *full = provider_suite_hear(
            1, apr_pstrcat(pool, "event: message\n", event, NULL));

        ck_assert_msg(strcmp(heard, full) == 0, "%s: %s, in full %s", chunk,
                      heard, full);
        sound += *heard == '<' && heard[1] != 'f';
    }
    ck_assert_int_gt(sound, 100);
}
END_TEST

static const provider_suite_t spec = {
    .provider = &chat_provider_openai,
    .url = "https://api.openai.com/v1",
    .hearings = hearings,
    .nhearings = sizeof(hearings) / sizeof(hearings[0]),
    .wholes = wholes,
    .nwholes = sizeof(wholes) / sizeof(wholes[0]),
};

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_provider_openai_parse");
    TCase *tc = tcase_create("openai");

    tcase_set_timeout(tc, 120);
    tcase_add_checked_fixture(tc, provider_suite_set_up,
                              provider_suite_tear_down);
    tcase_add_loop_test(
        tc, a_damaged_chunk_is_read_alike_in_passing_and_in_full, 0, 4);
    tcase_add_test(tc, more_calls_than_there_may_be_are_an_error);
    suite_add_tcase(suite, tc);
    provider_suite_add(suite, &spec);
    return suite;
}
