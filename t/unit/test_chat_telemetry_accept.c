/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/telemetry/chat_telemetry_accept.c. */
#include "../../src/telemetry/chat_telemetry_accept.h"
#include "unit.h"

#define OPEN "application/openmetrics-text"

static const struct {
    const char *accept;
    int openmetrics;
} cases[] = {
    {NULL, 0},
    {"", 0},
    {"*/*", 0},
    {"text/*;q=0.1, application/*", 0},
    {OPEN, 1},
    {"APPLICATION/OpenMetrics-Text", 1},
    {OPEN ";version=1.0.0", 1},
    {OPEN "; version=\"1.0.0\" ; charset=utf-8", 1},
    {OPEN ";version=0.0.1", 1},
    {OPEN ";version=2.0.0", 0},
    {OPEN ";version", 0},
    {OPEN ";q=0", 0},
    {OPEN ";q=0.000", 0},
    {OPEN ";q=0.001", 1},
    {OPEN ";q=2", 0},
    {OPEN ";q=1.001", 0},
    {OPEN ";q=x", 0},
    {OPEN ";q=", 0},
    {OPEN ";q=0.1234", 0},
    {"text/plain;version=0.0.4;q=0.5," OPEN ";q=0.4", 0},
    {"text/plain;version=0.0.4;q=0.4," OPEN ";q=0.5", 1},
    /* The one that is named first. */
    {"text/plain;version=0.0.4," OPEN, 0},
    {OPEN ",text/plain;version=0.0.4", 1},
    /* A version that we have not counts for nothing. */
    {"text/plain;version=1.0.0;q=0.9," OPEN ";q=0.1", 1},
    /* What Prometheus sends, with its newest versions and with older ones. */
    {OPEN ";version=1.0.0;escaping=allow-utf-8;q=0.5," OPEN
          ";version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;"
          "q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
     1},
    {OPEN "; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", 1},
    {"application/vnd.google.protobuf;proto=x;encoding=delimited;q=0.6," OPEN
     ";version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2",
     1},
    /* What stands in quotes ends nothing. */
    {"text/plain;x=\"," OPEN ",\";version=0.0.4", 0},
    {"text/plain;x=\"\\\"," OPEN, 0},
    {";;;,,,=,", 0},
    {"\"", 0},
};

START_TEST(the_format_is_what_is_asked_for)
{
    ck_assert_msg(chat_telemetry_accept_openmetrics(cases[_i].accept) ==
                      cases[_i].openmetrics,
                  "Accept: %s", cases[_i].accept);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_telemetry_accept");
    TCase *tc = tcase_create("accept");

    tcase_add_loop_test(tc, the_format_is_what_is_asked_for, 0,
                        sizeof(cases) / sizeof(cases[0]));
    suite_add_tcase(suite, tc);
    return suite;
}
