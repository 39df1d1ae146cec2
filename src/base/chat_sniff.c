/* SPDX-License-Identifier: Apache-2.0 */
/* Files by their first bytes. See chat_sniff.h. */
#include "chat_sniff.h"

#include <string.h>

typedef struct bytes_t {
    const unsigned char *at;
    apr_size_t len;
} bytes_t;

static int has(const bytes_t *b, apr_size_t at, const char *text,
               apr_size_t len)
{
    return b->len >= at && b->len - at >= len && !memcmp(b->at + at, text, len);
}

#define HAS(b, at, text) has(b, at, text, sizeof(text) - 1)

/* ---- numbers of so many bytes; 0 where there are not as many ---- */

static apr_int64_t big(const bytes_t *b, apr_size_t at, apr_size_t n)
{
    apr_int64_t v = 0;
    apr_size_t i;

    for (i = 0; i < n; i++)
        v = v << 8 | (at + i < b->len ? b->at[at + i] : 0);
    return b->len >= at + n ? v : 0;
}

static apr_int64_t little(const bytes_t *b, apr_size_t at, apr_size_t n)
{
    apr_int64_t v = 0;
    apr_size_t i;

    for (i = n; i > 0; i--)
        v = v << 8 | (at + i - 1 < b->len ? b->at[at + i - 1] : 0);
    return b->len >= at + n ? v : 0;
}

/* ---- each of them: 1, or it is another ---- */

/* The first chunk is always the header. */
static int is_png(chat_sniff_t *found, const bytes_t *b)
{
    if (!HAS(b, 0, "\x89PNG\r\n\x1a\n") || !HAS(b, 12, "IHDR"))
        return 0;
    found->type = "image/png";
    found->width = big(b, 16, 4);
    found->height = big(b, 20, 4);
    return 1;
}

static int is_gif(chat_sniff_t *found, const bytes_t *b)
{
    if (!HAS(b, 0, "GIF87a") && !HAS(b, 0, "GIF89a"))
        return 0;
    found->type = "image/gif";
    found->width = little(b, 6, 2);
    found->height = little(b, 8, 2);
    return 1;
}

/* The three forms have their sizes in three places. */
static int is_webp(chat_sniff_t *found, const bytes_t *b)
{
    if (!HAS(b, 0, "RIFF") || !HAS(b, 8, "WEBP"))
        return 0;
    found->type = "image/webp";
    if (HAS(b, 12, "VP8X") && b->len >= 30) {
        found->width = little(b, 24, 3) + 1;
        found->height = little(b, 27, 3) + 1;
    }
    else if (HAS(b, 12, "VP8L") && b->len >= 25 && b->at[20] == 0x2f) {
        apr_int64_t bits = little(b, 21, 4);

        found->width = (bits & 0x3fff) + 1;
        found->height = (bits >> 14 & 0x3fff) + 1;
    }
    else if (HAS(b, 12, "VP8 ") && HAS(b, 23, "\x9d\x01\x2a")) {
        found->width = little(b, 26, 2) & 0x3fff;
        found->height = little(b, 28, 2) & 0x3fff;
    }
    return 1;
}

/* A frame header has the size. Those that share its numbers and are none:
 * tables (c4, cc), and what is reserved (c8). */
static int is_frame(int marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 &&
           marker != 0xc8 && marker != 0xcc;
}

static int is_jpeg(chat_sniff_t *found, const bytes_t *b)
{
    apr_size_t at = 2;

    if (!HAS(b, 0, "\xff\xd8\xff"))
        return 0;
    found->type = "image/jpeg";
    while (at + 4 <= b->len && b->at[at] == 0xff) {
        int marker = b->at[at + 1];

        if (marker == 0xff) { /* a byte that fills */
            at++;
            continue;
        }
        if (is_frame(marker)) {
            found->height = big(b, at + 5, 2);
            found->width = big(b, at + 7, 2);
            return 1;
        }
        /* What follows the scan is not looked at: a file without a frame before
         * it is none. */
        if (marker == 0xda || marker == 0xd9 || big(b, at + 2, 2) < 2)
            return 1;
        at += 2 + (apr_size_t)big(b, at + 2, 2);
    }
    return 1;
}

static int is_pdf(chat_sniff_t *found, const bytes_t *b)
{
    if (!HAS(b, 0, "%PDF-"))
        return 0;
    found->type = "application/pdf";
    return 1;
}

void chat_sniff(chat_sniff_t *found, const void *bytes, apr_size_t len)
{
    const bytes_t b = {bytes, len};

    memset(found, 0, sizeof(*found));
    if (!is_png(found, &b) && !is_jpeg(found, &b) && !is_gif(found, &b) &&
        !is_webp(found, &b))
        is_pdf(found, &b);
    /* One that has one alone has none. */
    if (!found->width || !found->height)
        found->width = found->height = 0;
}

int chat_sniff_knows(const char *type)
{
    static const char *const types[] = {"image/png", "image/jpeg", "image/gif",
                                        "image/webp", "application/pdf"};
    apr_size_t i;

    for (i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (!strcmp(type, types[i]))
            return 1;
    return 0;
}

/* ---- text ---- */

/* As the WHATWG's decoder has it: what the first byte leaves open. */
static int begin(chat_sniff_text_t *state, unsigned char c)
{
    state->low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0;
    state->high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0;
    state->wanted = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
    return c && (c < 0x80 || (c >= 0xc2 && c <= 0xf4));
}

static int go_on(chat_sniff_text_t *state, unsigned char c)
{
    int fits = c >= (state->low ? state->low : 0x80) &&
               c <= (state->high ? state->high : 0xbf);

    state->wanted--;
    state->low = state->high = 0;
    return fits;
}

int chat_sniff_text(chat_sniff_text_t *state, const void *bytes, apr_size_t len)
{
    const unsigned char *c = bytes, *end = c + len;

    for (; c < end; c++)
        if (!(state->wanted ? go_on(state, *c) : begin(state, *c)))
            return 0;
    return 1;
}
