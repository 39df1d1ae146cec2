/* SPDX-License-Identifier: Apache-2.0 */
/* Base64, read. Pure, any thread. */
#include "chat_base64.h"

static int sextet(char c, chat_base64_e alphabet)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || (alphabet == CHAT_BASE64_URL && c == '-'))
        return 62;
    if (c == '/' || (alphabet == CHAT_BASE64_URL && c == '_'))
        return 63;
    return -1;
}

int chat_base64_decode(unsigned char *out, apr_size_t *plen, const char *text,
                       apr_size_t len, chat_base64_e alphabet)
{
    unsigned char *to = out;
    unsigned int bits = 0;
    apr_size_t i;
    int have = 0, value;

    for (i = 0; i < len; i++) {
        value = sextet(text[i], alphabet);
        if (value < 0)
            return 0;
        bits = bits << 6 | (unsigned int)value;
        have += 6;
        if (have >= 8) {
            have -= 8;
            *to++ = (unsigned char)(bits >> have);
        }
    }
    *plen = to - out;
    return len % 4 != 1;
}
