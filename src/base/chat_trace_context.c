/* SPDX-License-Identifier: Apache-2.0 */
/* W3C Trace Context. Values in, values out; any thread. */
#include "chat_trace_context.h"

#include <string.h>

#include "chat_crypto.h"

#define KEY_MAX 256
#define VALUE_MAX 256
#define MEMBERS_MAX 32
#define STATE_MAX 512
#define LONG_MEMBER 128

#define BAGGAGE_MAX 8192
#define BAGGAGE_MEMBERS_MAX 64

/* Where the parts of a traceparent stand. */
enum { VERSION_AT = 0, TRACE_AT = 3, SPAN_AT = 36, FLAGS_AT = 53, LENGTH = 55 };

typedef struct piece_t {
    const char *text;
    apr_size_t len;
} piece_t;

static int is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static piece_t trim(const char *text, apr_size_t len)
{
    while (len && is_blank(*text)) {
        text++;
        len--;
    }
    while (len && is_blank(text[len - 1]))
        len--;
    return (piece_t){text, len};
}

/* ---- traceparent ---- */

static int digit_of(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* Lower case alone. 0: it is no such number. */
static int read_hex(unsigned char *out, const char *text, int bytes)
{
    int i;

    for (i = 0; i < bytes; i++) {
        int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return 0;
        out[i] = (unsigned char)(high << 4 | low);
    }
    return 1;
}

static int is_zero(const unsigned char *id, int len)
{
    int i;

    for (i = 0; i < len; i++)
        if (id[i])
            return 0;
    return 1;
}

/* A version to come may add fields, behind a hyphen. */
static int has_form(piece_t piece, unsigned version)
{
    const char *t = piece.text;

    return t[TRACE_AT - 1] == '-' && t[SPAN_AT - 1] == '-' &&
           t[FLAGS_AT - 1] == '-' && version != 0xff &&
           (piece.len == LENGTH || (version && t[LENGTH] == '-'));
}

int chat_trace_context_parse(chat_trace_context_t *context, const char *text)
{
    piece_t piece = trim(text, strlen(text));
    unsigned char version, flags;

    if (piece.len < LENGTH || !read_hex(&version, piece.text + VERSION_AT, 1) ||
        !has_form(piece, version) ||
        !read_hex(context->trace, piece.text + TRACE_AT, CHAT_TRACE_ID_LEN) ||
        !read_hex(context->span, piece.text + SPAN_AT, CHAT_SPAN_ID_LEN) ||
        !read_hex(&flags, piece.text + FLAGS_AT, 1) ||
        is_zero(context->trace, CHAT_TRACE_ID_LEN) ||
        is_zero(context->span, CHAT_SPAN_ID_LEN))
        return 0;
    context->flags = flags & (CHAT_TRACE_SAMPLED | CHAT_TRACE_RANDOM);
    return 1;
}

void chat_trace_context_format(char out[CHAT_TRACEPARENT_SIZE],
                               const chat_trace_context_t *context)
{
    unsigned char flags = (unsigned char)context->flags;

    memcpy(out, "00-", 3);
    chat_crypto_hex(out + TRACE_AT, context->trace, CHAT_TRACE_ID_LEN);
    out[SPAN_AT - 1] = '-';
    chat_crypto_hex(out + SPAN_AT, context->span, CHAT_SPAN_ID_LEN);
    out[FLAGS_AT - 1] = '-';
    chat_crypto_hex(out + FLAGS_AT, &flags, 1);
}

/* As the specification has it: by the 56 bits that are random. */
int chat_trace_context_is_in(const chat_trace_context_t *context, double part)
{
    apr_uint64_t n = 0;
    int i;

    for (i = CHAT_TRACE_ID_LEN - 7; i < CHAT_TRACE_ID_LEN; i++)
        n = n << 8 | context->trace[i];
    return n < (apr_uint64_t)(part * (double)((apr_uint64_t)1 << 56));
}

/* ---- tracestate ---- */

static int is_key(const char *text, apr_size_t len)
{
    static const char also[] = "_-*/@";
    apr_size_t i;

    if (len == 0 || len > KEY_MAX)
        return 0;
    for (i = 0; i < len; i++) {
        char c = text[i];
        int plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');

        if (!plain && (i == 0 || !c || !strchr(also, c)))
            return 0;
    }
    return 1;
}

static int is_value(const char *text, apr_size_t len)
{
    apr_size_t i;

    if (len == 0 || len > VALUE_MAX)
        return 0;
    for (i = 0; i < len; i++)
        if (text[i] < ' ' || text[i] > '~' || text[i] == ',' || text[i] == '=')
            return 0;
    return 1;
}

static apr_size_t key_len(piece_t member)
{
    const char *equals = memchr(member.text, '=', member.len);

    return equals ? (apr_size_t)(equals - member.text) : 0;
}

static int is_member(piece_t member)
{
    apr_size_t len = key_len(member);

    return len && is_key(member.text, len) &&
           is_value(member.text + len + 1, member.len - len - 1);
}

/* Of two with the same key the first counts. */
static int is_there(const piece_t *members, int n, piece_t one)
{
    apr_size_t len = key_len(one) + 1;
    int i;

    for (i = 0; i < n; i++)
        if (members[i].len >= len && !memcmp(members[i].text, one.text, len))
            return 1;
    return 0;
}

/* -1: one is not valid, or there are too many. */
static int read_members(piece_t *members, const char *text)
{
    int n = 0, seen = 0;

    for (;; text++) {
        apr_size_t len = strcspn(text, ",");
        piece_t one = trim(text, len);

        if (one.len) {
            if (++seen > MEMBERS_MAX || !is_member(one))
                return -1;
            if (!is_there(members, n, one))
                members[n++] = one;
        }
        text += len;
        if (!*text)
            return n;
    }
}

static apr_size_t length_of(const piece_t *members, int n)
{
    apr_size_t len = 0;
    int i;

    for (i = 0; i < n; i++)
        len += members[i].len + (i > 0);
    return len;
}

/* So that they fit: long ones go first, from the right, then any. */
static int cut(piece_t *members, int n)
{
    int i;

    for (i = n - 1; i >= 0 && length_of(members, n) > STATE_MAX; i--)
        if (members[i].len > LONG_MEMBER)
            memmove(&members[i], &members[i + 1], (--n - i) * sizeof(*members));
    while (length_of(members, n) > STATE_MAX)
        n--;
    return n;
}

const char *chat_trace_context_state(const char *text, apr_pool_t *p)
{
    piece_t members[MEMBERS_MAX];
    char *out, *to;
    int i, n = read_members(members, text);

    if (n > 0)
        n = cut(members, n);
    if (n <= 0)
        return NULL;
    out = to = apr_palloc(p, length_of(members, n) + 1);
    for (i = 0; i < n; i++) {
        if (i)
            *to++ = ',';
        memcpy(to, members[i].text, members[i].len);
        to += members[i].len;
    }
    *to = '\0';
    return out;
}

/* ---- baggage ---- */

int chat_trace_context_is_baggage(const char *text)
{
    const char *c;
    int members = 1;

    for (c = text; (*c >= ' ' && *c <= '~') || *c == '\t'; c++)
        members += *c == ',';
    return c > text && !*c && c - text <= BAGGAGE_MAX &&
           members <= BAGGAGE_MEMBERS_MAX;
}
