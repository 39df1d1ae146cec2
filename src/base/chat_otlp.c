/* SPDX-License-Identifier: Apache-2.0 */
/* Which form the protocol has. Values in, bytes out; any thread. */
#include "chat_otlp_int.h"

/* The bytes that follow this one in a character, -1: none begins so. */
static int more_of(unsigned char c)
{
    return c < 0x80                 ? 0
           : c >= 0xc2 && c <= 0xdf ? 1
           : c >= 0xe0 && c <= 0xef ? 2
           : c >= 0xf0 && c <= 0xf4 ? 3
                                    : -1;
}

/* Too long a form, half of a pair, or more than there is. */
static int is_excluded(unsigned char first, unsigned char second)
{
    return (first == 0xe0 && second < 0xa0) ||
           (first == 0xed && second > 0x9f) ||
           (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
}

apr_size_t chat_otlp_valid(const char *text, apr_size_t len)
{
    const unsigned char *t = (const unsigned char *)text;
    apr_size_t at = 0;

    while (at < len) {
        int more = more_of(t[at]), i;

        if (more < 0 || at + more >= len ||
            (more && is_excluded(t[at], t[at + 1])))
            break;
        for (i = 1; i <= more && (t[at + i] & 0xc0) == 0x80; i++)
            ;
        if (i <= more)
            break;
        at += more + 1;
    }
    return at;
}

static const chat_otlp_form_t *form_of(chat_otlp_e protocol)
{
    return protocol == CHAT_OTLP_PROTOBUF ? &chat_otlp_protobuf_form
                                          : &chat_otlp_json_form;
}

void chat_otlp_span(chat_buf_t *out, const chat_otlp_span_t *span,
                    chat_otlp_e protocol)
{
    form_of(protocol)->span(out, span);
}

void chat_otlp_log(chat_buf_t *out, const chat_otlp_log_t *log,
                   chat_otlp_e protocol)
{
    form_of(protocol)->log(out, log);
}

void chat_otlp_request(chat_buf_t *out, chat_otlp_signal_e signal,
                       const apr_array_header_t *resource, const char *version,
                       const char *items, apr_size_t len, chat_otlp_e protocol)
{
    form_of(protocol)->request(out, signal, resource, version, items, len);
}
