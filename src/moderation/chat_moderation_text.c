/* SPDX-License-Identifier: Apache-2.0 */
/* The forms in which texts are compared. Pure, any thread. */
#include "chat_moderation_int.h"

#include <string.h>

#include <utf8proc.h>

#define FOLDED                                                                 \
    (UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD |                \
     UTF8PROC_IGNORE | UTF8PROC_STABLE)
#define COMPOSED (UTF8PROC_COMPOSE | UTF8PROC_STABLE)

/* Characters of a segment in any form. */
#define FORM_MAX ((CHAT_MODERATION_SEGMENT + 18) * 4)

#define IS_ASCII(c) ((c) >= 0 && (c) < 0x80)

/* ---- characters ---- */

static int is_mark(utf8proc_int32_t c)
{
    utf8proc_category_t category = utf8proc_category(c);

    return category == UTF8PROC_CATEGORY_MN ||
           category == UTF8PROC_CATEGORY_MC || category == UTF8PROC_CATEGORY_ME;
}

/* Vowels and finals of Hangul. */
static int is_jamo(utf8proc_int32_t c)
{
    return (c >= 0x1160 && c <= 0x11ff) || (c >= 0xd7b0 && c <= 0xd7ff);
}

/* Controls that are no white space, and marks of annotations and objects:
 * nobody sees them, though Unicode has them not among those that are ignored.
 */
int chat_moderation_text_is_control(apr_int32_t c)
{
    return (c < 0x20 && !(c >= '\t' && c <= '\r')) ||
           (c >= 0x7f && c < 0xa0 && c != 0x85) || (c >= 0xfff9 && c <= 0xfffc);
}

/* Nobody sees these either, though there is no character there yet: Unicode has
 * them for such as are ignored. */
static int is_reserved(apr_int32_t c)
{
    return c == 0x2065 || (c >= 0xfff0 && c <= 0xfff8) ||
           (c >= 0xe0000 && c <= 0xe0fff);
}

/* All that is second in a canonical composition is a mark or a jamo; some
 * become one when they are taken apart. */
chat_moderation_place_e chat_moderation_text_place(apr_int32_t c)
{
    utf8proc_int32_t parts[32];
    int last = 0;
    utf8proc_ssize_t n;

    if (chat_moderation_text_is_control(c) || is_reserved(c))
        return CHAT_MODERATION_IGNORED;
    if (IS_ASCII(c))
        return CHAT_MODERATION_BEGINS;
    n = utf8proc_decompose_char(c, parts, 32, FOLDED, &last);
    if (n == 0)
        return CHAT_MODERATION_IGNORED;
    return is_mark(c) || is_jamo(c) ||
                   (n > 0 && n <= 32 && (is_mark(*parts) || is_jamo(*parts)))
               ? CHAT_MODERATION_CONTINUES
               : CHAT_MODERATION_BEGINS;
}

int chat_moderation_text_is_word(apr_int32_t c)
{
    utf8proc_category_t category;

    if (IS_ASCII(c))
        return (c >= '0' && c <= '9') ||
               ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
    category = utf8proc_category(c);
    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO;
}

/* Those on which a mark is an ornament, or can be left out: letters of Latin,
 * Greek and Cyrillic, and what stands between them. Elsewhere it is part of the
 * word. */
static int can_be_bare(utf8proc_int32_t c)
{
    static const utf8proc_int32_t ranges[][2] = {
        {0x0000, 0x007f}, {0x00a0, 0x02af}, {0x0370, 0x052f}, {0x1c80, 0x1c8f},
        {0x1d00, 0x1dbf}, {0x1e00, 0x1fff}, {0x2c60, 0x2c7f}, {0xa640, 0xa69f},
        {0xa720, 0xa7ff}, {0xab30, 0xab6f},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
        if (c >= ranges[i][0] && c <= ranges[i][1])
            return 1;
    return 0;
}

apr_int32_t chat_moderation_text_next(const char *text, apr_size_t len,
                                      apr_size_t *pused)
{
    utf8proc_int32_t c;
    utf8proc_ssize_t used;

    if (len && IS_ASCII(*text)) {
        *pused = 1;
        return *text;
    }
    used = utf8proc_iterate((const utf8proc_uint8_t *)text,
                            (utf8proc_ssize_t)len, &c);
    *pused = used > 0 ? used : 1;
    return used > 0 ? c : 0xfffd;
}

int chat_moderation_text_valid(const char *text, apr_size_t len)
{
    utf8proc_int32_t c;
    utf8proc_ssize_t used;

    for (; len; text += used, len -= used) {
        used = utf8proc_iterate((const utf8proc_uint8_t *)text,
                                (utf8proc_ssize_t)len, &c);
        if (used <= 0)
            return 0;
    }
    return 1;
}

apr_size_t chat_moderation_text_put(char *out, apr_int32_t c)
{
    if (IS_ASCII(c)) {
        *out = (char)c;
        return 1;
    }
    return utf8proc_encode_char(c, (utf8proc_uint8_t *)out);
}

int chat_moderation_text_begins_word(const char *text, apr_size_t len)
{
    apr_size_t used;

    return len && chat_moderation_text_is_word(
                      chat_moderation_text_next(text, len, &used));
}

int chat_moderation_text_ends_word(const char *text, apr_size_t len)
{
    apr_size_t at = len, used;

    while (at && (text[--at] & 0xc0) == 0x80)
        ;
    return len && chat_moderation_text_is_word(
                      chat_moderation_text_next(text + at, len - at, &used));
}

/* ---- segments ---- */

static void put_form(chat_moderation_segment_t *segment,
                     chat_moderation_view_e view, const utf8proc_int32_t *parts,
                     utf8proc_ssize_t n, int latin)
{
    char *out = segment->text[view];
    utf8proc_ssize_t i;

    for (i = 0; i < n; i++)
        out += chat_moderation_text_put(
            out, latin ? chat_moderation_lookalike(parts[i]) : parts[i]);
    segment->len[view] = out - segment->text[view];
}

/* parts without the marks that can be left out; how many are left. */
static utf8proc_ssize_t strip(utf8proc_int32_t *bare, int *pbare,
                              const utf8proc_int32_t *parts, utf8proc_ssize_t n)
{
    utf8proc_ssize_t i, used, left = 0;
    utf8proc_int32_t pieces[32];
    int last = 0, j;

    for (i = 0; i < n; i++) {
        used = utf8proc_decompose_char(
            parts[i], pieces, 32, UTF8PROC_DECOMPOSE | UTF8PROC_STABLE, &last);
        for (j = 0; j < used && j < 32 && left < FORM_MAX; j++) {
            if (!is_mark(pieces[j]))
                *pbare = can_be_bare(pieces[j]);
            else if (*pbare)
                continue;
            bare[left++] = pieces[j];
        }
    }
    return utf8proc_normalize_utf32(bare, left, COMPOSED);
}

static utf8proc_ssize_t drop_ignored(utf8proc_int32_t *parts,
                                     utf8proc_ssize_t n)
{
    utf8proc_ssize_t i, left = 0;

    for (i = 0; i < n; i++)
        if (!chat_moderation_text_is_control(parts[i]) &&
            !is_reserved(parts[i]))
            parts[left++] = parts[i];
    return left;
}

static void segment_ascii(chat_moderation_segment_t *segment, unsigned views,
                          char c)
{
    int view;

    if (c >= 'A' && c <= 'Z')
        c += 'a' - 'A';
    for (view = 0; views; view++, views >>= 1)
        if (views & 1) {
            segment->text[view][0] = c;
            segment->len[view] = 1;
        }
}

#define LATIN_VIEWS                                                            \
    (1u << CHAT_MODERATION_PLAIN_LATIN | 1u << CHAT_MODERATION_BARE_LATIN)
#define BARE_VIEWS                                                             \
    (1u << CHAT_MODERATION_BARE | 1u << CHAT_MODERATION_BARE_LATIN)

void chat_moderation_text_segment(chat_moderation_segment_t *segment,
                                  unsigned views, int *pbare, const char *text,
                                  apr_size_t len)
{
    utf8proc_int32_t parts[FORM_MAX], bare[FORM_MAX];
    utf8proc_ssize_t n, left;
    int view;

    if (len == 1 && IS_ASCII(*text) &&
        !chat_moderation_text_is_control(*text)) {
        *pbare = 1;
        segment_ascii(segment, views, *text);
        return;
    }
    n = utf8proc_decompose((const utf8proc_uint8_t *)text,
                           (utf8proc_ssize_t)len, parts, FORM_MAX, FOLDED);
    n = n < 0 || n > FORM_MAX ? 0 : drop_ignored(parts, n);
    n = utf8proc_normalize_utf32(parts, n, COMPOSED);
    left = views & BARE_VIEWS ? strip(bare, pbare, parts, n) : 0;
    for (view = 0; views >> view; view++) {
        unsigned bit = 1u << view;

        if (views & bit)
            put_form(segment, view, bit & BARE_VIEWS ? bare : parts,
                     bit & BARE_VIEWS ? left : n, (bit & LATIN_VIEWS) != 0);
    }
}

static int is_ascii(const char *text, apr_size_t len)
{
    while (len && IS_ASCII(*text)) {
        text++;
        len--;
    }
    return len == 0;
}

char *chat_moderation_text_form(apr_size_t *plen, chat_moderation_view_e view,
                                const char *text, apr_size_t len, apr_pool_t *p)
{
    chat_moderation_segment_t segment;
    apr_size_t at = 0, begin = 0, used, n = 0;
    int count = 0, bare = 0;
    char *out = apr_palloc(p, (is_ascii(text, len) ? len : len * 18) + 1);

    while (begin < len) {
        chat_moderation_place_e place = CHAT_MODERATION_BEGINS;

        used = 0;
        if (at < len)
            place = chat_moderation_text_place(
                chat_moderation_text_next(text + at, len - at, &used));
        if (at > begin &&
            (at == len || (place == CHAT_MODERATION_BEGINS && count) ||
             count == CHAT_MODERATION_SEGMENT)) {
            chat_moderation_text_segment(&segment, 1u << view, &bare,
                                         text + begin, at - begin);
            memcpy(out + n, segment.text[view], segment.len[view]);
            n += segment.len[view];
            begin = at;
            count = 0;
            continue;
        }
        count += place != CHAT_MODERATION_IGNORED;
        at += used;
    }
    out[n] = '\0';
    *plen = n;
    return out;
}
