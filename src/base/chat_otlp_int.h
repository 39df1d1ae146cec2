/* SPDX-License-Identifier: Apache-2.0 */
/* Inside chat_otlp*.c only: the two forms of the protocol. */
#ifndef CHAT_OTLP_INT_H
#define CHAT_OTLP_INT_H

#include "chat_otlp.h"

#define CHAT_OTLP_SCOPE "mod_chat"

/* Bits of a span's flags beside those of W3C: it is known whether its parent is
 * of another process, and it is. */
#define CHAT_OTLP_KNOWS_REMOTE 0x100u
#define CHAT_OTLP_IS_REMOTE 0x200u

/* The protocol counts nanoseconds. */
static inline apr_uint64_t chat_otlp_nanos(apr_time_t t)
{
    return (apr_uint64_t)t * 1000;
}

/* How many bytes at text are UTF-8, at most len. */
apr_size_t chat_otlp_valid(const char *text, apr_size_t len);

/* What stands in place of a byte that is none: U+FFFD. */
#define CHAT_OTLP_REPLACED "\xef\xbf\xbd"

typedef struct chat_otlp_form_t {
    void (*span)(chat_buf_t *out, const chat_otlp_span_t *span);
    void (*log)(chat_buf_t *out, const chat_otlp_log_t *log);
    void (*request)(chat_buf_t *out, chat_otlp_signal_e signal,
                    const apr_array_header_t *resource, const char *version,
                    const char *items, apr_size_t len);
} chat_otlp_form_t;

extern const chat_otlp_form_t chat_otlp_json_form, chat_otlp_protobuf_form;

#endif
