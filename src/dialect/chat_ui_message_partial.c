/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON of which the end is missing: what is open is closed, and what cannot be
 * is left out, by the very rules of the AI SDK, whose clients show the same of
 * a call that was cut. Pure, any thread.
 */
#include "chat_ui_message_int.h"

#include <string.h>

#include <apr_strings.h>

static const chat_json_limits_t limits = {CHAT_UI_MESSAGE_MAX, 128, 1000000};

/* Where in a value a byte stands. */
typedef enum {
    ROOT,
    FINISH,
    STRING,
    ESCAPE,
    UNICODE,
    LITERAL,
    NUMBER,
    OBJECT_START,
    OBJECT_KEY,
    OBJECT_AFTER_KEY,
    OBJECT_BEFORE_VALUE,
    OBJECT_AFTER_VALUE,
    OBJECT_AFTER_COMMA,
    ARRAY_START,
    ARRAY_AFTER_VALUE,
    ARRAY_AFTER_COMMA
} place_e;

typedef struct mend_t {
    chat_buf_t stack; /* of place_e, a byte each */
    const char *text;
    apr_size_t at;
    apr_size_t keep; /* so many bytes can stay */
    apr_size_t literal;
    int digits; /* of an escaped character */
} mend_t;

static place_e top(const mend_t *m)
{
    return m->stack.len ? (place_e)m->stack.data[m->stack.len - 1] : FINISH;
}

static void push(mend_t *m, place_e place)
{
    const char byte = place;

    chat_buf_put(&m->stack, &byte, 1);
}

static void pop(mend_t *m)
{
    if (m->stack.len)
        m->stack.len--;
}

static void swap(mend_t *m, place_e place)
{
    pop(m);
    push(m, place);
}

static void keep(mend_t *m)
{
    m->keep = m->at + 1;
}

/* A value may begin here, behind which next is. A sign alone is no number. */
static void begin(mend_t *m, char c, place_e next)
{
    place_e value = c == '"'                             ? STRING
                    : c == '{'                           ? OBJECT_START
                    : c == '['                           ? ARRAY_START
                    : c && strchr("ftn", c)              ? LITERAL
                    : c == '-' || (c >= '0' && c <= '9') ? NUMBER
                                                         : ROOT;

    if (value == ROOT)
        return;
    if (c != '-')
        keep(m);
    if (value == LITERAL)
        m->literal = m->at;
    swap(m, next);
    push(m, value);
}

static void after_value(mend_t *m, char c)
{
    int is_object = top(m) == OBJECT_AFTER_VALUE;

    if (!is_object && top(m) != ARRAY_AFTER_VALUE)
        return;
    if (c == ',')
        swap(m, is_object ? OBJECT_AFTER_COMMA : ARRAY_AFTER_COMMA);
    else if (c == (is_object ? '}' : ']')) {
        keep(m);
        pop(m);
    }
}

static void in_string(mend_t *m, char c)
{
    if (c == '\\') {
        push(m, ESCAPE);
        return;
    }
    keep(m);
    if (c == '"')
        pop(m);
}

static void in_escape(mend_t *m, char c)
{
    if (c == 'u') {
        m->digits = 0;
        swap(m, UNICODE);
        return;
    }
    pop(m);
    keep(m);
}

static void in_unicode(mend_t *m, char c)
{
    if (!c || !strchr("0123456789abcdefABCDEF", c) || ++m->digits < 4)
        return;
    pop(m);
    keep(m);
}

/* A brace ends an object alone, a bracket an array. */
static void in_number(mend_t *m, char c)
{
    if (c >= '0' && c <= '9')
        keep(m);
    if (c && strchr("0123456789eE-.", c))
        return;
    pop(m);
    after_value(m, c);
}

static int begins_word(const mend_t *m, apr_size_t len)
{
    static const char *const words[] = {"false", "true", "null"};
    apr_size_t i;

    for (i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (len <= strlen(words[i]) &&
            !strncmp(words[i], m->text + m->literal, len))
            return 1;
    return 0;
}

static void in_literal(mend_t *m, char c)
{
    if (begins_word(m, m->at + 1 - m->literal)) {
        keep(m);
        return;
    }
    pop(m);
    after_value(m, c);
}

static void in_array_start(mend_t *m, char c)
{
    keep(m);
    if (c == ']')
        pop(m);
    else
        begin(m, c, ARRAY_AFTER_VALUE);
}

static void in_key(mend_t *m, char c)
{
    switch (top(m)) {
    case OBJECT_START:
        if (c == '}') {
            keep(m);
            pop(m);
            return;
        }
        /* Falls through. */
    case OBJECT_AFTER_COMMA:
        if (c == '"')
            swap(m, OBJECT_KEY);
        return;
    case OBJECT_KEY:
        if (c == '"')
            swap(m, OBJECT_AFTER_KEY);
        return;
    default:
        if (c == ':')
            swap(m, OBJECT_BEFORE_VALUE);
    }
}

static void look_at(mend_t *m, char c)
{
    switch (top(m)) {
    case ROOT:
        begin(m, c, FINISH);
        return;
    case OBJECT_BEFORE_VALUE:
        begin(m, c, OBJECT_AFTER_VALUE);
        return;
    case ARRAY_AFTER_COMMA:
        begin(m, c, ARRAY_AFTER_VALUE);
        return;
    case ARRAY_START:
        in_array_start(m, c);
        return;
    case ARRAY_AFTER_VALUE:
        if (c != ',')
            keep(m);
        /* Falls through. */
    case OBJECT_AFTER_VALUE:
        after_value(m, c);
        return;
    case STRING:
        in_string(m, c);
        return;
    case ESCAPE:
        in_escape(m, c);
        return;
    case UNICODE:
        in_unicode(m, c);
        return;
    case NUMBER:
        in_number(m, c);
        return;
    case LITERAL:
        in_literal(m, c);
        return;
    case FINISH:
        return;
    default:
        in_key(m, c);
    }
}

static void close_word(mend_t *m, chat_buf_t *out, apr_size_t len)
{
    static const char *const words[] = {"true", "false", "null"};
    apr_size_t i, have = len - m->literal;

    for (i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (have <= strlen(words[i]) &&
            !strncmp(words[i], m->text + m->literal, have)) {
            chat_buf_puts(out, words[i] + have);
            return;
        }
}

static void close_all(mend_t *m, chat_buf_t *out, apr_size_t len)
{
    for (; m->stack.len; pop(m)) {
        place_e place = top(m);

        if (place == STRING)
            chat_buf_put(out, "\"", 1);
        else if (place >= OBJECT_START && place <= OBJECT_AFTER_COMMA)
            chat_buf_put(out, "}", 1);
        else if (place >= ARRAY_START)
            chat_buf_put(out, "]", 1);
        else if (place == LITERAL)
            close_word(m, out, len);
    }
}

static const char *read_json(const char *text, apr_size_t len, apr_pool_t *p)
{
    chat_json_t *v;

    return chat_json_parse(&v, text, len, &limits, p) == APR_SUCCESS
               ? chat_json_text(v, NULL, p)
               : NULL;
}

/* What was not whole, made so: in p. */
static const chat_buf_t *mend(const char *text, apr_size_t len, apr_pool_t *p)
{
    mend_t *m = apr_pcalloc(p, sizeof(*m));
    chat_buf_t *out = apr_palloc(p, sizeof(*out));

    m->text = text;
    chat_buf_init(out, p);
    chat_buf_init(&m->stack, p);
    push(m, ROOT);
    for (; m->at < len; m->at++)
        look_at(m, text[m->at]);
    chat_buf_put(out, text, m->keep);
    close_all(m, out, len);
    return out;
}

const char *chat_ui_message_partial(const char *text, apr_size_t len,
                                    apr_pool_t *p)
{
    const char *whole = read_json(text, len, p);
    const chat_buf_t *mended;

    if (whole)
        return whole;
    mended = mend(text, len, p);
    return mended->len ? read_json(mended->data, mended->len, p) : NULL;
}
