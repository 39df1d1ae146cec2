/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAT_LIMIT_TEXT_H
#define CHAT_LIMIT_TEXT_H

#include <apr.h>

/* What a number needs at most, with its NUL. */
#define CHAT_LIMIT_NUMBER_MAX 21

/* Writes n in decimal, and a NUL; gives where that is. */
char *chat_limit_put_number(char *at, apr_int64_t n);

#endif
