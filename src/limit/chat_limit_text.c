/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as text, without a printf: each request with a limit needs a dozen of
 * them, for keys, commands and headers. Pure.
 */
#include "chat_limit_text.h"

char *chat_limit_text_number(char *at, apr_int64_t n)
{
    apr_uint64_t left = n < 0 ? 0 - (apr_uint64_t)n : (apr_uint64_t)n;
    char digits[CHAT_LIMIT_TEXT_NUMBER_MAX];
    int i = 0;

    do
        digits[i++] = (char)('0' + left % 10);
    while (left /= 10);
    if (n < 0)
        *at++ = '-';
    while (i > 0)
        *at++ = digits[--i];
    *at = '\0';
    return at;
}
