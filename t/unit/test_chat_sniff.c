/* SPDX-License-Identifier: Apache-2.0 */
/* src/base/chat_sniff.c: files of each type, one byte at a time, and what only
 * looks like them. */
#include <string.h>

#include "chat_sniff.h"
#include "unit.h"

#define BYTES(text) text, sizeof(text) - 1

static const struct {
    const char *bytes;
    apr_size_t len;
    const char *type; /* NULL: none */
    int width, height;
    apr_size_t enough; /* bytes that tell all of it */
} files[] = {
    {BYTES("\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\1\x40\0\0\0\xf0\x08\2\0"),
     "image/png", 320, 240, 24},
    {BYTES("\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\x7f\xff\xff\xff\xff\xff\xff\xff"),
     "image/png", 2147483647, -1, 24},
    {BYTES("GIF89a\x40\1\xf0\0\0\0\0"), "image/gif", 320, 240, 10},
    {BYTES("GIF87a\1\0\1\0"), "image/gif", 1, 1, 10},
    {BYTES("RIFF\x10\0\0\0WEBPVP8 \x10\0\0\0\x30\1\0\x9d\x01\x2a\x40\x01\xf0"
           "\x40"),
     "image/webp", 320, 240, 30},
    {BYTES("RIFF\x10\0\0\0WEBPVP8L\x10\0\0\0\x2f\x3f\xc1\x3b\0"), "image/webp",
     320, 240, 25},
    {BYTES("RIFF\x10\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0\x3f\1\0\xef\0\0"),
     "image/webp", 320, 240, 30},
    /* A picture of another program first, tables, then the frame. */
    {BYTES("\xff\xd8\xff\xe1\0\x08"
           "Exif\0\0\xff\xdb\0\4\0\0\xff\xc4\0\2\xff\xff\xc2\0\x11\x08\0\xf0"
           "\1\x40\3"),
     "image/jpeg", 320, 240, 31},
    {BYTES("%PDF-1.7\n"), "application/pdf", 0, 0, 5},
    {BYTES("\n%PDF-1.7\n"), NULL, 0, 0, 0},
    {BYTES("<html>%PDF-1.7\n"), NULL, 0, 0, 0},
    {BYTES("<svg xmlns='http://www.w3.org/2000/svg'/>"), NULL, 0, 0, 0},
    {BYTES("\x89PNG\r\n\x1a\n\0\0\0\x0dIDAT\0\0\1\x40\0\0\0\xf0"), NULL, 0, 0,
     0},
    {BYTES("RIFF\x10\0\0\0WAVEfmt "), NULL, 0, 0, 0},
    {BYTES("GIF88a\1\0\1\0"), NULL, 0, 0, 0},
    {BYTES("\xff\xd8"), NULL, 0, 0, 0},
    /* No frame before the scan, and segments that lead nowhere. */
    {BYTES("\xff\xd8\xff\xda\0\x08\xff\xc0\0\x11\x08\0\xf0\1\x40"),
     "image/jpeg", 0, 0, 3},
    {BYTES("\xff\xd8\xff\xe0\0\1\xff\xc0\0\x11\x08\0\xf0\1\x40"), "image/jpeg",
     0, 0, 3},
    {BYTES("\xff\xd8\xff\xe0\xff\xff"), "image/jpeg", 0, 0, 3},
    {BYTES("\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\0\0\0\0\xf0"), "image/png", 0,
     0, 16},
    {BYTES("RIFF\x10\0\0\0WEBPALPH"), "image/webp", 0, 0, 12},
};

START_TEST(files_are_what_their_first_bytes_say)
{
    chat_sniff_t found;

    chat_sniff(&found, files[_i].bytes, files[_i].len);
    ck_assert_pstr_eq(found.type, files[_i].type);
    ck_assert_int_eq(found.width, files[_i].width);
    ck_assert_int_eq(found.height,
                     files[_i].height == -1 ? 4294967295 : files[_i].height);
    ck_assert(!found.type || chat_sniff_knows(found.type));
}
END_TEST

/* Never another type on the way, and no size before all of it is there. */
START_TEST(fewer_bytes_say_less_and_nothing_else)
{
    apr_size_t len;

    for (len = 0; len < files[_i].len; len++) {
        char copy[128];
        chat_sniff_t found;

        memcpy(copy, files[_i].bytes, len);
        memset(copy + len, 0xa5, sizeof(copy) - len);
        chat_sniff(&found, copy, len);
        ck_assert(!found.type ||
                  (files[_i].type && !strcmp(found.type, files[_i].type)));
        ck_assert(!found.width == !found.height);
        if (len < files[_i].enough)
            ck_assert_int_eq(found.width, 0);
    }
}
END_TEST

START_TEST(other_types_are_not_told_by_bytes)
{
    ck_assert(!chat_sniff_knows("text/plain"));
    ck_assert(!chat_sniff_knows("image/svg+xml"));
    ck_assert(!chat_sniff_knows("image/PNG"));
    ck_assert(!chat_sniff_knows(""));
}
END_TEST

static const struct {
    const char *bytes;
    apr_size_t len;
    int is; /* 1: text; 0: none; -1: the last character is cut */
} texts[] = {
    {BYTES(""), 1},
    {BYTES("a\t\n\x7f"), 1},
    {BYTES("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"), 1},
    {BYTES("\xef\xbf\xbf\xf4\x8f\xbf\xbf"), 1},
    {BYTES("a\0"), 0},
    {BYTES("\xc0\x80"), 0},
    {BYTES("\xc1\xbf"), 0},
    {BYTES("\xe0\x9f\xbf"), 0},
    {BYTES("\xed\xa0\x80"), 0},
    {BYTES("\xf0\x8f\xbf\xbf"), 0},
    {BYTES("\xf4\x90\x80\x80"), 0},
    {BYTES("\xf5\x80\x80\x80"), 0},
    {BYTES("\x80"), 0},
    {BYTES("\xc3("), 0},
    {BYTES("\xe2\x82"), -1},
};

/* Cut anywhere it is the same. */
START_TEST(text_is_utf8_without_nul)
{
    apr_size_t cut;

    for (cut = 0; cut <= texts[_i].len; cut++) {
        chat_sniff_text_t state = {0};
        int is =
            chat_sniff_text(&state, texts[_i].bytes, cut) &&
            chat_sniff_text(&state, texts[_i].bytes + cut, texts[_i].len - cut);

        ck_assert_int_eq(is, texts[_i].is != 0);
        if (is)
            ck_assert_int_eq(state.wanted == 0, texts[_i].is == 1);
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_sniff");
    TCase *tc = tcase_create("sniff");
    const int n = sizeof(files) / sizeof(*files);

    tcase_add_loop_test(tc, files_are_what_their_first_bytes_say, 0, n);
    tcase_add_loop_test(tc, fewer_bytes_say_less_and_nothing_else, 0, n);
    tcase_add_test(tc, other_types_are_not_told_by_bytes);
    tcase_add_loop_test(tc, text_is_utf8_without_nul, 0,
                        sizeof(texts) / sizeof(*texts));
    suite_add_tcase(suite, tc);
    return suite;
}
