/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letters that look like Latin ones, those of Cyrillic, Greek, Armenian,
 * Cherokee, Coptic and Lisu, and of Latin itself: what Unicode's table of
 * confusables (UTS 39) has for them, as they are once case is folded; a capital
 * counts where the small letter looks like none. Small capitals, and letters in
 * black circles and squares, are letters, too. Pure, any thread.
 */
#include "chat_moderation_int.h"

static const struct {
    apr_uint16_t c;
    char latin;
} table[] = {
    {0x0131, 'i'}, {0x0185, 'b'}, {0x018d, 'g'}, {0x01bd, 's'}, {0x01c0, 'l'},
    {0x0251, 'a'}, {0x0261, 'g'}, {0x0262, 'g'}, {0x0263, 'y'}, {0x0269, 'i'},
    {0x026a, 'i'}, {0x026f, 'w'}, {0x0274, 'n'}, {0x0280, 'r'}, {0x028b, 'u'},
    {0x028f, 'y'}, {0x0299, 'b'}, {0x029c, 'h'}, {0x029d, 'j'}, {0x029f, 'l'},
    {0x03b1, 'a'}, {0x03b2, 'b'}, {0x03b3, 'y'}, {0x03b5, 'e'}, {0x03b6, 'z'},
    {0x03b7, 'h'}, {0x03b9, 'i'}, {0x03ba, 'k'}, {0x03bc, 'm'}, {0x03bd, 'v'},
    {0x03bf, 'o'}, {0x03c1, 'p'}, {0x03c3, 'o'}, {0x03c4, 't'}, {0x03c5, 'u'},
    {0x03c7, 'x'}, {0x03dd, 'f'}, {0x03f3, 'j'}, {0x03fb, 'm'}, {0x0430, 'a'},
    {0x0432, 'b'}, {0x0433, 'r'}, {0x0435, 'e'}, {0x043a, 'k'}, {0x043c, 'm'},
    {0x043d, 'h'}, {0x043e, 'o'}, {0x0440, 'p'}, {0x0441, 'c'}, {0x0442, 't'},
    {0x0443, 'y'}, {0x0445, 'x'}, {0x044c, 'b'}, {0x0455, 's'}, {0x0456, 'i'},
    {0x0458, 'j'}, {0x0461, 'w'}, {0x0475, 'v'}, {0x04af, 'y'}, {0x04bb, 'h'},
    {0x04bd, 'e'}, {0x04cf, 'i'}, {0x0501, 'd'}, {0x050d, 'g'}, {0x051b, 'q'},
    {0x051d, 'w'}, {0x0561, 'w'}, {0x0563, 'q'}, {0x0566, 'q'}, {0x0570, 'h'},
    {0x0578, 'n'}, {0x057c, 'n'}, {0x057d, 'u'}, {0x057f, 's'}, {0x0581, 'g'},
    {0x0584, 'f'}, {0x0585, 'o'}, {0x13a0, 'd'}, {0x13a1, 'r'}, {0x13a2, 't'},
    {0x13a5, 'i'}, {0x13a9, 'y'}, {0x13aa, 'a'}, {0x13ab, 'j'}, {0x13ac, 'e'},
    {0x13b1, 'r'}, {0x13b3, 'w'}, {0x13b7, 'm'}, {0x13bb, 'h'}, {0x13bd, 'y'},
    {0x13c0, 'g'}, {0x13c2, 'h'}, {0x13c3, 'z'}, {0x13cf, 'b'}, {0x13d2, 'r'},
    {0x13d4, 'w'}, {0x13d5, 's'}, {0x13d9, 'v'}, {0x13da, 's'}, {0x13de, 'l'},
    {0x13df, 'c'}, {0x13e2, 'p'}, {0x13e6, 'k'}, {0x13e7, 'd'}, {0x13f3, 'g'},
    {0x13f4, 'b'}, {0x1d00, 'a'}, {0x1d04, 'c'}, {0x1d05, 'd'}, {0x1d07, 'e'},
    {0x1d0a, 'j'}, {0x1d0b, 'k'}, {0x1d0d, 'm'}, {0x1d0f, 'o'}, {0x1d11, 'o'},
    {0x1d18, 'p'}, {0x1d1b, 't'}, {0x1d1c, 'u'}, {0x1d20, 'v'}, {0x1d21, 'w'},
    {0x1d22, 'z'}, {0x1d26, 'r'}, {0x1d83, 'g'}, {0x1d8c, 'y'}, {0x1e9d, 'f'},
    {0x1eff, 'y'}, {0x2c85, 'r'}, {0x2c8f, 'h'}, {0x2c93, 'l'}, {0x2c95, 'k'},
    {0x2c99, 'm'}, {0x2c9b, 'n'}, {0x2c9f, 'o'}, {0x2ca3, 'p'}, {0x2ca5, 'c'},
    {0x2ca7, 't'}, {0x2ca9, 'y'}, {0x2cad, 'x'}, {0x2cd1, 'l'}, {0xa4d0, 'b'},
    {0xa4d1, 'p'}, {0xa4d2, 'd'}, {0xa4d3, 'd'}, {0xa4d4, 't'}, {0xa4d6, 'g'},
    {0xa4d7, 'k'}, {0xa4d9, 'j'}, {0xa4da, 'c'}, {0xa4dc, 'z'}, {0xa4dd, 'f'},
    {0xa4df, 'm'}, {0xa4e0, 'n'}, {0xa4e1, 'l'}, {0xa4e2, 's'}, {0xa4e3, 'r'},
    {0xa4e6, 'v'}, {0xa4e7, 'h'}, {0xa4ea, 'w'}, {0xa4eb, 'x'}, {0xa4ec, 'y'},
    {0xa4ee, 'a'}, {0xa4f0, 'e'}, {0xa4f2, 'l'}, {0xa4f3, 'o'}, {0xa4f4, 'u'},
    {0xa647, 'i'}, {0xa730, 'f'}, {0xa731, 's'}, {0xa799, 'f'}, {0xa79f, 'u'},
    {0xa7af, 'q'}, {0xa7b5, 'b'}, {0xab32, 'e'}, {0xab35, 'f'}, {0xab3d, 'o'},
    {0xab47, 'r'}, {0xab48, 'r'}, {0xab4e, 'u'}, {0xab52, 'u'}, {0xab53, 'x'},
    {0xab5a, 'y'},
};

apr_int32_t chat_moderation_lookalike(apr_int32_t c)
{
    apr_size_t low = 0, high = sizeof(table) / sizeof(*table);

    if (c < 0x80)
        return c;
    if (c >= 0x1f150 && c <= 0x1f169)
        return 'a' + (c - 0x1f150);
    if (c >= 0x1f170 && c <= 0x1f189)
        return 'a' + (c - 0x1f170);
    while (low < high) {
        apr_size_t mid = (low + high) / 2;

        if (table[mid].c == c)
            return table[mid].latin;
        if (table[mid].c < c)
            low = mid + 1;
        else
            high = mid;
    }
    return c;
}
