/* SPDX-License-Identifier: Apache-2.0 */
/* Eight bytes of a text, looked at at once. */
#ifndef CHAT_SWAR_H
#define CHAT_SWAR_H

#include <endian.h>
#include <string.h>

#include <apr.h>

#define CHAT_SWAR_EACH(byte) ((byte)*APR_UINT64_C(0x0101010101010101))

/* The bytes at text, wherever that lies, the first one in the lowest place. */
static inline apr_uint64_t chat_swar_load(const char *text)
{
    apr_uint64_t word;

    memcpy(&word, text, sizeof(word));
    return le64toh(word);
}

/*
 * The top bits of bytes below n, 0x80 at most, as these alone get theirs when n
 * is taken away (but for the bytes behind one, which it borrows from: they may
 * be found, too, and the first that is found is right).
 */
static inline apr_uint64_t chat_swar_below(apr_uint64_t word, unsigned char n)
{
    return (word - CHAT_SWAR_EACH(n)) & ~word & CHAT_SWAR_EACH(0x80);
}

/* The top bits of bytes that are c, with the same exception. */
static inline apr_uint64_t chat_swar_equal(apr_uint64_t word, unsigned char c)
{
    return chat_swar_below(word ^ CHAT_SWAR_EACH(c), 1);
}

/* Of such bits the place of the first, for there is one. */
static inline int chat_swar_first(apr_uint64_t found)
{
    return __builtin_ctzll(found) / 8;
}

#endif
