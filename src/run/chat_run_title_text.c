/* SPDX-License-Identifier: Apache-2.0 */
/* The beginning of a text as a title. Pure. */
#include <string.h>

#include "chat_run_title_text.h"

#define TITLE_CHARS 80
/* A word that is longer than the rest of a title is cut. */
#define TITLE_LEAST 40

static int is_first_byte(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

/* In one line: white space and control characters are one space. */
static char *in_one_line(const char *text, apr_pool_t *p)
{
    char *line = apr_palloc(p, strlen(text) + 1), *out = line;
    int space = 0;

    for (; *text; text++) {
        if ((unsigned char)*text <= ' ' || *text == 0x7f) {
            space = out > line;
            continue;
        }
        if (space)
            *out++ = ' ';
        space = 0;
        *out++ = *text;
    }
    *out = '\0';
    return line;
}

/* What changes the character before it, or joins it with the next: marks
 * U+0300 to U+036F, U+200D, variation selectors, tones of skin. */
static int continues(const char *at)
{
    const unsigned char *c = (const unsigned char *)at;

    return (c[0] == 0xcc || (c[0] == 0xcd && c[1] < 0xb0)) ||
           (c[0] == 0xe2 && c[1] == 0x80 && c[2] == 0x8d) ||
           (c[0] == 0xef && c[1] == 0xb8 && c[2] >= 0x80 && c[2] <= 0x8f) ||
           (c[0] == 0xf0 && c[1] == 0x9f && c[2] == 0x8f && c[3] >= 0xbb);
}

/* Not behind half of what is one character to a reader. */
static char *whole_before(char *line, char *end)
{
    char *at = end;

    while (at > line &&
           (!is_first_byte(*at) || continues(at) ||
            (at - line >= 3 && !memcmp(at - 3, "\xe2\x80\x8d", 3))))
        at--;
    return at > line ? at : end;
}

/* Where a title ends that may not have all of it. */
static char *find_end(char *line)
{
    char *at, *word = NULL;
    int chars = 0;

    for (at = line; *at; at++) {
        chars += is_first_byte(*at);
        if (*at == ' ' && chars > TITLE_LEAST)
            word = at;
        if (chars > TITLE_CHARS)
            return word ? word : whole_before(line, at);
    }
    return at;
}

const char *chat_run_title_text(const char *text, apr_pool_t *p)
{
    char *line = in_one_line(text, p);

    *find_end(line) = '\0';
    return *line ? line : NULL;
}
