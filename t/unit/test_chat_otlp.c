/* SPDX-License-Identifier: Apache-2.0 */
/* What is sent to a collector, byte by byte. That OpenTelemetry's own classes
 * read it is tested with t/real/otel. */
#include "unit.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_crypto.h"
#include "chat_otlp.h"

static apr_pool_t *pool;
static chat_buf_t *out;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
    out = apr_palloc(pool, sizeof(*out));
    chat_buf_init(out, pool);
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

static chat_otlp_span_t span_of(const chat_otlp_attribute_t *attributes, int n)
{
    static const unsigned char parent[] = {0,    0xf0, 0x67, 0xaa,
                                           0x0b, 0xa9, 0x02, 0xb7};
    chat_otlp_span_t span = {
        .parent = parent,
        .is_remote = 1,
        .name = "chat m",
        .kind = CHAT_OTLP_CLIENT,
        .start = 1000000,
        .end = 2000001,
        .attributes = attributes,
        .nattributes = n,
        .event = "first_chunk",
        .event_at = 1500000,
        .status = CHAT_OTLP_ERROR,
    };

    ck_assert(chat_trace_context_parse(
        &span.self, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    return span;
}

static const char *text_of(void)
{
    return apr_pstrmemdup(pool, out->data, out->len);
}

static const char *hex_of(void)
{
    char *hex = apr_palloc(pool, 2 * out->len + 1);

    chat_crypto_hex(hex, out->data, out->len);
    return hex;
}

START_TEST(a_span_in_json)
{
    const chat_otlp_attribute_t attributes[] = {
        {"a", CHAT_OTLP_TEXT, "x\"\xff\xc3\xbc", 0},
        {"b", CHAT_OTLP_TEXTS, "stop", 0},
        {"c", CHAT_OTLP_INTEGER, NULL, -7},
        {"d", CHAT_OTLP_MILLIONTHS, NULL, 410007},
        {"e", CHAT_OTLP_FLAG, NULL, 1},
    };
    chat_otlp_span_t span = span_of(attributes, 5);

    span.link = &span.self;
    chat_otlp_span(out, &span, CHAT_OTLP_JSON);
    ck_assert_str_eq(
        text_of(),
        ",{\"traceId\":\"0af7651916cd43dd8448eb211c80319c\","
        "\"spanId\":\"b7ad6b7169203331\",\"parentSpanId\":"
        "\"00f067aa0ba902b7\",\"flags\":769,\"name\":\"chat m\",\"kind\":3,"
        "\"startTimeUnixNano\":\"1000000000\","
        "\"endTimeUnixNano\":\"2000001000\",\"attributes\":["
        "{\"key\":\"a\",\"value\":{\"stringValue\":"
        "\"x\\\"\xef\xbf\xbd\xc3\xbc\"}},"
        "{\"key\":\"b\",\"value\":{\"arrayValue\":{\"values\":["
        "{\"stringValue\":\"stop\"}]}}},"
        "{\"key\":\"c\",\"value\":{\"intValue\":\"-7\"}},"
        "{\"key\":\"d\",\"value\":{\"doubleValue\":0.410007}},"
        "{\"key\":\"e\",\"value\":{\"boolValue\":true}}],"
        "\"events\":[{\"timeUnixNano\":\"1500000000\","
        "\"name\":\"first_chunk\"}],"
        "\"links\":[{\"traceId\":\"0af7651916cd43dd8448eb211c80319c\","
        "\"spanId\":\"b7ad6b7169203331\"}],\"status\":{\"code\":2}}");
}
END_TEST

/* As OpenTelemetry's own classes encode it. */
START_TEST(a_span_in_protobuf)
{
    const chat_otlp_attribute_t attributes[] = {
        {"c", CHAT_OTLP_INTEGER, NULL, -7},
        {"d", CHAT_OTLP_MILLIONTHS, NULL, 500000},
    };
    chat_otlp_span_t span = span_of(attributes, 2);

    chat_otlp_span(out, &span, CHAT_OTLP_PROTOBUF);
    ck_assert_str_eq(
        hex_of(), "1286010a100af7651916cd43dd8448eb211c80319c1208b7ad6b71692033"
                  "31220800f067aa0ba902b72a0663686174206d30033900ca9a3b00000000"
                  "41e8973577000000004a100a0163120b18f9ffffffffffffffff014a0e0a"
                  "0164120921000000000000e03f5a1609002f685900000000120b66697273"
                  "745f6368756e6b7a021802850101030000");
}
END_TEST

START_TEST(a_request_of_two)
{
    apr_array_header_t *resource = apr_array_make(pool, 2, sizeof(char *));

    APR_ARRAY_PUSH(resource, const char *) = "service.name";
    APR_ARRAY_PUSH(resource, const char *) = "chat";
    chat_otlp_request(out, CHAT_OTLP_TRACES, resource, "1", ",{},{}", 6,
                      CHAT_OTLP_JSON);
    ck_assert_str_eq(
        text_of(),
        "{\"resourceSpans\":[{\"resource\":{\"attributes\":[{\"key\":"
        "\"service.name\",\"value\":{\"stringValue\":\"chat\"}}]},"
        "\"scopeSpans\":[{\"scope\":{\"name\":\"mod_chat\",\"version\":"
        "\"1\"},\"spans\":[{},{}]}]}]}");
    chat_buf_clear(out);
    chat_otlp_request(out, CHAT_OTLP_LOGS, resource, "1", ",{}", 3,
                      CHAT_OTLP_JSON);
    ck_assert_ptr_nonnull(strstr(text_of(), "{\"resourceLogs\":[{"));
    ck_assert_ptr_nonnull(strstr(text_of(), "\"logRecords\":[{}]}]}]}"));
    chat_buf_clear(out);
    chat_otlp_request(out, CHAT_OTLP_TRACES, resource, "1", "\x12\x00", 2,
                      CHAT_OTLP_PROTOBUF);
    ck_assert_str_eq(
        hex_of(), "0a2d0a180a160a0c736572766963652e6e616d6512060a04636861741211"
                  "0a0d0a086d6f645f636861741201311200");
}
END_TEST

START_TEST(a_record)
{
    chat_otlp_log_t log = {.at = 1000000,
                           .severity = CHAT_OTLP_WARN,
                           .body = "It failed.",
                           .event = "chat.x"};

    chat_otlp_log(out, &log, CHAT_OTLP_JSON);
    ck_assert_str_eq(text_of(),
                     ",{\"timeUnixNano\":\"1000000000\","
                     "\"observedTimeUnixNano\":\"1000000000\","
                     "\"severityNumber\":13,\"severityText\":\"WARN\","
                     "\"eventName\":\"chat.x\",\"body\":{\"stringValue\":"
                     "\"It failed.\"},\"attributes\":[]}");
}
END_TEST

/* Too long forms, halves of pairs, more than there is, ends. */
START_TEST(what_is_no_text_is_replaced)
{
    static const char *const wrong[] = {"\x80",
                                        "\xc3",
                                        "\xc0\xaf",
                                        "\xe0\x80\x80",
                                        "\xed\xa0\x80",
                                        "\xf4\x90\x80\x80",
                                        "\xf8\x80\x80\x80",
                                        "\xe2\x82",
                                        "\xe2\x82z"};
    chat_otlp_log_t log = {.severity = CHAT_OTLP_ERR, .event = "e"};
    apr_size_t i;

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        chat_buf_clear(out);
        log.body = apr_pstrcat(pool, "\xe2\x82\xac", wrong[i], NULL);
        chat_otlp_log(out, &log, CHAT_OTLP_JSON);
        ck_assert_ptr_nonnull(strstr(text_of(), "\xe2\x82\xac\xef\xbf\xbd"));
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_otlp");
    TCase *tc = tcase_create("otlp");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_span_in_json);
    tcase_add_test(tc, a_span_in_protobuf);
    tcase_add_test(tc, a_request_of_two);
    tcase_add_test(tc, a_record);
    tcase_add_test(tc, what_is_no_text_is_replaced);
    suite_add_tcase(suite, tc);
    return suite;
}
