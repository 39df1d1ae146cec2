/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 and base64url (RFC 4648), read. Pure, any thread. */
#ifndef CHAT_BASE64_H
#define CHAT_BASE64_H

#include <apr.h>

typedef enum {
    CHAT_BASE64_STRICT, /* "+" and "/" */
    CHAT_BASE64_URL     /* "-" and "_" as well */
} chat_base64_e;

/*
 * The bytes of len characters without padding. 1: *plen of them are in out,
 * which has at least len * 3 / 4 bytes. 0: some character is of no alphabet, or
 * one is left over. Bits of the last character that belong to no byte may be
 * anything, as atob() has it.
 */
int chat_base64_decode(unsigned char *out, apr_size_t *plen, const char *text,
                       apr_size_t len, chat_base64_e alphabet);

#endif
