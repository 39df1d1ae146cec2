/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of the AI SDK's clients: what becomes of its messages, part by part,
 * and what is refused. As convertToModelMessages() of the SDK has it, for a
 * model that is asked by way of a turn.
 */
#include "unit.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_request.h"

static apr_pool_t *pool;
static chat_request_t request;
static chat_err_t err;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

static const chat_request_clamps_t clamps = {
    .messages = 8,
    .message_length = 40,
    .answer_length = 80,
    .total_length = 200,
    .max_output_tokens = 100,
};

/* What stands in single quotes in a test is in double quotes in a body. */
static chat_json_t *json(const char *text)
{
    static const chat_json_limits_t limits = {1 << 20, 32, 100000};
    char *copy = apr_pstrdup(pool, text), *c;
    chat_json_t *root = NULL;

    for (c = copy; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    ck_assert_msg(chat_json_parse(&root, copy, strlen(copy), &limits, pool) ==
                      APR_SUCCESS,
                  "not JSON: %s", copy);
    return root;
}

static apr_status_t read_body(const char *text)
{
    memset(&request, 0, sizeof(request));
    memset(&err, 0, sizeof(err));
    return chat_request_ui(&request, json(text), &clamps, &err, pool);
}

static const char *shown(const chat_json_t *v)
{
    return v ? chat_json_text(v, NULL, pool) : "";
}

/* ROLE CONTENT|PARTS <thoughts> DETAILS NAME#ID(ARGUMENTS)+EXTRA =ID, one
 * message a line. */
static const char *said(void)
{
    static const char *const roles[] = {"user", "assistant", "system", "tool"};
    const char *all = "";
    int i, k;

    for (i = 0; i < request.turn.nmessages; i++) {
        const chat_message_t *m = &request.turn.messages[i];

        all = apr_pstrcat(
            pool, all, roles[m->role], " ",
            m->content ? m->content : shown(m->parts), m->reasoning ? " <" : "",
            m->reasoning ? m->reasoning : "", m->reasoning ? ">" : "",
            shown(m->details), m->call_id ? " =" : "",
            m->call_id ? m->call_id : "", NULL);
        for (k = 0; k < m->ncalls; k++)
            all = apr_pstrcat(pool, all, " ", m->calls[k].name, "#",
                              m->calls[k].id, "(", m->calls[k].arguments, ")",
                              shown(m->calls[k].extra), NULL);
        all = apr_pstrcat(pool, all, "\n", NULL);
    }
    return all;
}

static void expect(const char *messages, const char *what)
{
    const char *body =
        apr_pstrcat(pool, "{'id':'c1','messages':[", messages, "]}", NULL);

    ck_assert_msg(read_body(body) == APR_SUCCESS, "%s: %s", body, err.issues);
    ck_assert_str_eq(said(), what);
}

#define USER(parts) "{'id':'m','role':'user','parts':[" parts "]}"
#define ANSWER(parts) "{'id':'m','role':'assistant','parts':[" parts "]}"
#define TEXT(text) "{'type':'text','text':'" text "'}"
#define STEP "{'type':'step-start'}"

START_TEST(texts_are_joined_and_what_is_no_text_is_left_out)
{
    expect(USER(TEXT("Hi ") "," TEXT("there")), "user Hi there\n");
    expect("{'role':'system','parts':[" TEXT("Be kind.") "]}," USER(TEXT("a")),
           "system Be kind.\nuser a\n");
    expect(USER(TEXT("a") ",{'type':'data-x','data':7},{'type':'later'}"),
           "user a\n");
    expect(USER() "," USER(TEXT("")) "," USER(TEXT("a")), "user a\n");
}
END_TEST

START_TEST(files_are_openais_parts)
{
    expect(USER(TEXT("See") ",{'type':'file','mediaType':'image/png',"
                            "'filename':'a.png','url':'https://x/a.png'}"),
           "user [{\"type\":\"text\",\"text\":\"See\"},{\"type\":\"image_url\","
           "\"image_url\":{\"url\":\"https://x/a.png\"}}]\n");
    expect(USER("{'type':'file','mediaType':'application/pdf','name':'b.pdf',"
                "'url':'data:application/pdf;base64,AA=='}"),
           "user [{\"type\":\"file\",\"file\":{\"filename\":\"b.pdf\","
           "\"file_data\":\"data:application/pdf;base64,AA==\"}}]\n");
}
END_TEST

START_TEST(each_step_of_an_answer_is_a_message)
{
    expect(USER(TEXT("a")) "," ANSWER(
               STEP ",{'type':'reasoning','text':'Hm'}," TEXT(
                   "Let me see.") ",{'type':'tool-weather','toolCallId':'c1',"
                                  "'state':'output-available','input':{'city':"
                                  "'Kyiv'},'output':{'celsius':-3}}," STEP
                                  "," TEXT("Cold.")),
           "user a\n"
           "assistant Let me see. <Hm> weather#c1({\"city\":\"Kyiv\"})\n"
           "tool {\"celsius\":-3} =c1\n"
           "assistant Cold.\n");
}
END_TEST

#define TOOL(rest) "{'type':'tool-f','toolCallId':'c','input':{'a':1}," rest "}"

static const struct {
    const char *part, *what; /* of the tool; NULL: the call is none */
} tools[] = {
    {TOOL("'state':'output-available','output':'text'"), "text"},
    {TOOL("'state':'output-available','output':null"), "null"},
    {TOOL("'state':'output-available'"), "null"},
    {TOOL("'state':'output-available','output':[1,'x']"), "[1,\"x\"]"},
    {TOOL("'state':'output-error','errorText':'It broke.'"), "It broke."},
    {TOOL("'state':'output-denied'"), "Tool call execution denied."},
    {TOOL("'state':'output-denied','approval':{'id':'p','approved':false,"
          "'reason':'No.'}"),
     "No."},
    {TOOL("'state':'approval-responded','approval':{'id':'p',"
          "'approved':false}"),
     "Tool call execution denied."},
    {TOOL("'state':'approval-responded','approval':{'id':'p','approved':true}"),
     NULL},
    {TOOL("'state':'approval-requested','approval':{'id':'p'}"), NULL},
    {TOOL("'state':'input-available'"), NULL},
    {TOOL("'state':'input-streaming'"), NULL},
    {TOOL("'state':'output-available','output':1,'providerExecuted':true"),
     NULL},
};

START_TEST(a_call_counts_with_what_was_given_for_it)
{
    const char *body = apr_pstrcat(pool, USER(TEXT("a")) ",",
                                   "{'role':"
                                   "'assistant','parts':[" TEXT("b") ",",
                                   tools[_i].part, "]}", NULL);

    expect(body,
           tools[_i].what
               ? apr_pstrcat(pool, "user a\nassistant b f#c({\"a\":1})\ntool ",
                             tools[_i].what, " =c\n", NULL)
               : "user a\nassistant b\n");
}
END_TEST

START_TEST(tools_of_any_name_and_input_are_read)
{
    expect(USER(TEXT("a")) "," ANSWER(
               "{'type':'dynamic-tool','toolName':'my-tool','toolCallId':'c',"
               "'state':'output-error','rawInput':'{oops','errorText':'x'}"),
           "user a\nassistant  my-tool#c({oops)\ntool x =c\n");
    expect(USER(TEXT("a")) "," ANSWER(
               "{'type':'tool-a-b','toolCallId':'c','input':'x',"
               "'state':'output-available','output':1}"),
           "user a\nassistant  a-b#c(\"x\")\ntool 1 =c\n");
}
END_TEST

START_TEST(what_a_provider_wants_back_comes_back)
{
    expect(USER(TEXT("a")) "," ANSWER(
               "{'type':'reasoning','text':'','providerMetadata':{'mod_chat':"
               "{'details':[{'n':1},7]}}},{'type':'reasoning','text':'Hm',"
               "'providerMetadata':{'mod_chat':{'details':[{'n':2}]},'x':{}}},"
               "{'type':'tool-f','toolCallId':'c','input':{},'output':1,"
               "'state':'output-available','callProviderMetadata':{'mod_chat':"
               "{'extra':{'s':1}}}}"),
           "user a\nassistant  <Hm>[{\"n\":1},{\"n\":2}] f#c({}){\"s\":1}\n"
           "tool 1 =c\n");
}
END_TEST

/* Some count the calls of each answer from the start. */
START_TEST(no_two_calls_have_one_id)
{
#define CALL                                                                   \
    "{'type':'tool-f','toolCallId':'call_0','input':{},'output':1,"            \
    "'state':'output-available'}"
    expect(USER(TEXT("a")) "," ANSWER(CALL "," STEP "," CALL),
           "user a\nassistant  f#call_0({})\ntool 1 =call_0\n"
           "assistant  f#call_0_2({})\ntool 1 =call_0_2\n");
}
END_TEST

START_TEST(the_body_may_name_a_model_and_more)
{
    ck_assert_int_eq(
        read_body(
            "{'id':'c','trigger':'submit-message','messageId':'m',"
            "'messages':[" USER(TEXT(
                "a")) "],'system':'S','model':'m1',"
                      "'temperature':0.5,'maxOutputTokens':7,'tools':[{'name':"
                      "'f'}]}"),
        APR_SUCCESS);
    ck_assert_str_eq(request.turn.model, "m1");
    ck_assert_str_eq(request.turn.system, "S");
    ck_assert_int_eq(request.turn.max_output_tokens, 7);
    ck_assert_int_eq(request.turn.ntools, 1);
    ck_assert_int_eq(request.turn.whole, 0);
    ck_assert_int_eq(
        read_body("{'message':" USER(
            TEXT("a")) ",'model':'m1',"
                       "'selectedChatModel':'m2','selectedVisibilityType':"
                       "'private'}"),
        APR_SUCCESS);
    ck_assert_str_eq(request.turn.model, "m2");
    ck_assert_str_eq(said(), "user a\n");
}
END_TEST

START_TEST(an_application_is_told_the_newest_and_what_was_before)
{
    read_body("{'id':'c','selectedVisibilityType':'public','messages':"
              "[{'id':'m1','role':'user','parts':[" TEXT(
                  "a") "]},"
                       "{'id':'m2','role':'assistant','parts':[" TEXT(
                           "b") "]},"
                                "{'id':'m3','role':'user','parts':[" TEXT(
                                    "c") "],'x':1}]}");
    ck_assert_str_eq(
        shown(request.turn.app),
        "{\"id\":\"c\",\"message\":{\"id\":\"m3\",\"role\":\"user\",\"parts\":"
        "[{\"type\":\"text\",\"text\":\"c\"}],\"x\":1},"
        "\"selectedVisibilityType\":\"public\",\"existingMessages\":["
        "{\"id\":\"m1\",\"chatId\":\"c\",\"role\":\"user\",\"parts\":"
        "[{\"type\":\"text\",\"text\":\"a\"}],\"attachments\":[]},"
        "{\"id\":\"m2\",\"chatId\":\"c\",\"role\":\"assistant\",\"parts\":"
        "[{\"type\":\"text\",\"text\":\"b\"}],\"attachments\":[]}]}");
    read_body("{'message':" USER(TEXT("a")) "}");
    ck_assert_str_eq(shown(chat_json_get(request.turn.app, "message")),
                     shown(json(USER(TEXT("a")))));
    ck_assert_str_eq(shown(chat_json_get(request.turn.app, "existingMessages")),
                     "[]");
}
END_TEST

#define MANY USER(TEXT("a")) ","
#define LONG "01234567890123456789012345678901234567890"

static const struct {
    const char *body, *code, *path;
} refused[] = {
    {"{}", "invalid_type", "[\"messages\"]"},
    {"[]", "invalid_type", "[]"},
    {"{'messages':[]}", "too_small", "[\"messages\"]"},
    {"{'messages':[" MANY MANY MANY MANY MANY MANY MANY MANY USER() "]}",
     "too_big", "[\"messages\"]"},
    {"{'messages':[7]}", "invalid_type", "[\"messages\",0]"},
    {"{'messages':[{'parts':[]}]}", "invalid_value",
     "[\"messages\",0,\"role\"]"},
    {"{'messages':[{'role':'tool','parts':[]}]}", "invalid_value",
     "[\"messages\",0,\"role\"]"},
    {"{'messages':[{'role':'user','content':'a'}]}", "invalid_type",
     "[\"messages\",0,\"parts\"]"},
    {"{'messages':[" USER("7") "]}", "invalid_type",
     "[\"messages\",0,\"parts\",0]"},
    {"{'messages':[" USER("{}") "]}", "invalid_type",
     "[\"messages\",0,\"parts\",0,\"type\"]"},
    {"{'messages':[" USER("{'type':'text'}") "]}", "invalid_type",
     "[\"messages\",0,\"parts\",0,\"text\"]"},
    {"{'message':" USER(TEXT(LONG)) "}", "too_big",
     "[\"message\",\"parts\",0,\"text\"]"},
    {"{'messages':[" USER() "]}", "custom", "[\"messages\"]"},
    {"{'messages':[" USER("{'type':'file','mediaType':'image/png'}") "]}",
     "invalid_type", "[\"messages\",0,\"parts\",0,\"url\"]"},
    {"{'messages':[" USER("{'type':'file','mediaType':'image/png',"
                          "'url':'file:///etc/passwd'}") "]}",
     "custom", "[\"messages\",0,\"parts\",0,\"url\"]"},
    {"{'messages':[" USER("{'type':'file','mediaType':'text/plain',"
                          "'url':'https://x'}") "]}",
     "custom", "[\"messages\",0,\"parts\",0,\"url\"]"},
    {"{'messages':[" ANSWER("{'type':'tool-a b','toolCallId':'c'}") "]}",
     "custom", "[\"messages\",0,\"parts\",0,\"type\"]"},
    {"{'messages':[" ANSWER("{'type':'tool-','toolCallId':'c'}") "]}", "custom",
     "[\"messages\",0,\"parts\",0,\"type\"]"},
    {"{'messages':[" ANSWER("{'type':'tool-f'}") "]}", "invalid_type",
     "[\"messages\",0,\"parts\",0,\"toolCallId\"]"},
    {"{'messages':[" ANSWER(
         TOOL("'state':'output-available','output':'" LONG LONG "'")) "]}",
     "too_big", "[\"messages\",0,\"parts\",0,\"output\"]"},
    {"{'messages':[" USER(TEXT("a")) "],'selectedChatModel':7}", "invalid_type",
     "[\"selectedChatModel\"]"},
    {"{'messages':[" USER(TEXT("a")) "],'temperature':3}", "too_big",
     "[\"temperature\"]"},
    {"{'messages':[" USER(TEXT("a")) "],'id':7}", "invalid_type", "[\"id\"]"},
};

START_TEST(what_is_wrong_is_said_where)
{
    const char *path, *code;

    ck_assert_int_eq(read_body(refused[_i].body), APR_EINVAL);
    ck_assert_int_eq(err.status, 400);
    ck_assert_str_eq(err.code, "invalid_request");
    code = apr_psprintf(pool, "\"code\":\"%s\"", refused[_i].code);
    path = apr_psprintf(pool, "\"path\":%s", refused[_i].path);
    ck_assert_msg(strstr(err.issues, code) && strstr(err.issues, path),
                  "%s gives %s", refused[_i].body, err.issues);
}
END_TEST

/* Of all texts, in both directions. */
START_TEST(all_of_it_may_only_be_so_long)
{
#define FORTY "0123456789012345678901234567890123456789"
#define SAID USER(TEXT(FORTY)) "," ANSWER(TEXT(FORTY FORTY)) ","
    ck_assert_int_eq(read_body("{'messages':[" SAID USER(TEXT(FORTY)) "," USER(
                         TEXT(FORTY)) "," USER(TEXT("x")) "]}"),
                     APR_EINVAL);
    ck_assert_msg(strstr(err.issues, "Total content length") != NULL, "%s",
                  err.issues);
}
END_TEST

START_TEST(messages_that_somebody_kept_are_read_alone)
{
    chat_turn_t turn = {.model = "m"};

    memset(&err, 0, sizeof(err));
    ck_assert_int_eq(
        chat_request_ui_messages(&turn,
                                 json("[" USER(TEXT("a")) "," ANSWER(
                                     TEXT("b")) "," USER(TEXT("c")) "]"),
                                 &clamps, &err, pool),
        APR_SUCCESS);
    ck_assert_int_eq(turn.nmessages, 3);
    ck_assert_str_eq(turn.messages[2].content, "c");
    ck_assert_str_eq(turn.model, "m");
    ck_assert_int_eq(
        chat_request_ui_messages(&turn, json("{}"), &clamps, &err, pool),
        APR_EINVAL);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_request_ui");
    TCase *tc = tcase_create("messages");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, texts_are_joined_and_what_is_no_text_is_left_out);
    tcase_add_test(tc, files_are_openais_parts);
    tcase_add_test(tc, each_step_of_an_answer_is_a_message);
    tcase_add_loop_test(tc, a_call_counts_with_what_was_given_for_it, 0,
                        COUNT(tools));
    tcase_add_test(tc, tools_of_any_name_and_input_are_read);
    tcase_add_test(tc, what_a_provider_wants_back_comes_back);
    tcase_add_test(tc, no_two_calls_have_one_id);
    tcase_add_test(tc, the_body_may_name_a_model_and_more);
    tcase_add_test(tc, an_application_is_told_the_newest_and_what_was_before);
    tcase_add_loop_test(tc, what_is_wrong_is_said_where, 0, COUNT(refused));
    tcase_add_test(tc, all_of_it_may_only_be_so_long);
    tcase_add_test(tc, messages_that_somebody_kept_are_read_alone);
    suite_add_tcase(suite, tc);
    return suite;
}
