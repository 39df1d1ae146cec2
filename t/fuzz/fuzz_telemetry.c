/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as Accept of a scraper, which always means one of two formats; and,
 * by lines, as the facts of a chat, whose line in the log is one JSON object.
 */
#include "fuzz.h"

#include <string.h>

#include <apr_strings.h>

#include "../../src/telemetry/chat_telemetry_accept.h"
#include "../../src/telemetry/chat_telemetry_line.h"
#include "chat_json.h"

/* Up to the next line feed; what is behind the last one is "". */
static const char *next(char **prest)
{
    const char *text = *prest;
    char *end = strchr(text, '\n');

    *prest += strlen(text);
    if (end) {
        *end = '\0';
        *prest = end + 1;
    }
    return text;
}

static void check_line(const chat_telemetry_line_t *facts, int ecs,
                       apr_pool_t *p)
{
    static const chat_json_limits_t limits = {
        .bytes = CHAT_TELEMETRY_LINE_MAX, .depth = 1, .values = 64};
    char line[CHAT_TELEMETRY_LINE_MAX];
    apr_size_t len = chat_telemetry_line(line, facts, ecs);
    chat_json_t *root;

    MUST(len > 2 && len <= sizeof(line));
    MUST(memchr(line, '\n', len) == line + len - 1);
    MUST(chat_json_parse(&root, line, len, &limits, p) == APR_SUCCESS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    char *rest = apr_pstrmemdup(p, size ? (const char *)data : "", size);
    int openmetrics = chat_telemetry_accept_openmetrics(rest);
    chat_telemetry_line_t facts = {.status = (apr_int64_t)size};

    MUST(openmetrics == 0 || openmetrics == 1);
    facts.path = next(&rest);
    facts.user = next(&rest);
    facts.model = next(&rest);
    facts.upstream_id = next(&rest);
    facts.request_id = next(&rest);
    facts.method = next(&rest);
    facts.code = rest;
    check_line(&facts, 0, p);
    check_line(&facts, 1, p);
    apr_pool_destroy(p);
    return 0;
}
