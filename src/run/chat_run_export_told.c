/* SPDX-License-Identifier: Apache-2.0 */
/* Reads partialSuccess. See chat_run_export_told.h. */
#include "chat_run_export_told.h"

#include <apr_strings.h>

#include "chat_json.h"

/* 64 bits are a text in the JSON of protobuf, and may be a number. */
static apr_int64_t count_of(const chat_json_t *v)
{
    const char *text = chat_json_string(v);

    if (text)
        return apr_atoi64(text);
    return chat_json_integer(v, 0);
}

static apr_int64_t read_json(const char *text, apr_size_t len, apr_pool_t *p)
{
    static const chat_json_limits_t limits = {64 * 1024, 8, 1000};
    chat_json_t *root, *partial;
    apr_int64_t n;

    if (chat_json_parse(&root, text, len, &limits, p) != APR_SUCCESS)
        return 0;
    partial = chat_json_get(root, "partialSuccess");
    n = count_of(chat_json_get(partial, "rejectedSpans"));
    return n ? n : count_of(chat_json_get(partial, "rejectedLogRecords"));
}

/* 0: it has ended, or is none. */
static int read_varint(apr_uint64_t *pn, const unsigned char **pat,
                       const unsigned char *end)
{
    int shift = 0;

    for (*pn = 0; *pat < end && shift < 64; shift += 7) {
        unsigned char c = *(*pat)++;

        *pn |= (apr_uint64_t)(c & 0x7f) << shift;
        if (c < 0x80)
            return 1;
    }
    return 0;
}

/* Field 1 of the message that is field 1, which comes first there. */
static apr_int64_t read_protobuf(const char *text, apr_size_t len)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + len;
    apr_uint64_t tag, n;

    if (!read_varint(&tag, &at, end) || tag != (1 << 3 | 2) ||
        !read_varint(&n, &at, end) || n > (apr_uint64_t)(end - at) ||
        !read_varint(&tag, &at, at + n) || tag != (1 << 3 | 0) ||
        !read_varint(&n, &at, end) || n > APR_INT32_MAX)
        return 0;
    return (apr_int64_t)n;
}

apr_int64_t chat_run_export_told(const char *text, apr_size_t len,
                                 chat_otlp_e protocol, apr_pool_t *p)
{
    apr_int64_t n = protocol == CHAT_OTLP_PROTOBUF ? read_protobuf(text, len)
                                                   : read_json(text, len, p);

    return n > 0 ? n : 0;
}
