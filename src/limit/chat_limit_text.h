/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAT_LIMIT_TEXT_H
#define CHAT_LIMIT_TEXT_H

#include <apr.h>

/* Bytes of a number at most, with its NUL. */
#define CHAT_LIMIT_TEXT_NUMBER_MAX 21

/* Write n in decimal, and a NUL; returns where that is. */
char *chat_limit_text_number(char *at, apr_int64_t n);

#endif
