/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Money: what a model's tokens cost, in whole numbers, so that a thousand small
 * bills have an exact sum. Pure, any thread.
 */
#ifndef CHAT_PRICE_H
#define CHAT_PRICE_H

#include "chat_types.h"

/* Money is counted in 1e-10 USD: so many of them are a dollar. */
#define CHAT_PRICE_PARTS APR_INT64_C(10000000000)

/* The most that is counted, 900,000 USD: a double holds any sum of two such
 * numbers exactly, which is what a script in Redis counts with. */
#define CHAT_PRICE_MOST (900000 * CHAT_PRICE_PARTS)

/* In 1e-12 USD for a token, which is a millionth of a dollar for a million of
 * them: as exact as ChatModel can say it. -1: unknown. */
typedef struct chat_price_t {
    apr_int64_t in, out; /* both are known, or nothing is */
    apr_int64_t cached;  /* of input from the provider's cache, -1: as in */
    apr_int64_t thought; /* of output that is reasoning, -1: as out */
} chat_price_t;

/* The price of a model of which nobody has said what it costs. */
#define CHAT_PRICE_UNKNOWN                                                     \
    {                                                                          \
        -1, -1, -1, -1                                                         \
    }

int chat_price_known(const chat_price_t *price);

/* What so many tokens cost, in 1e-10 USD, rounded to the nearest. -1: a price
 * or a count is unknown, or it is more than CHAT_PRICE_MOST. */
apr_int64_t chat_price_cost(const chat_price_t *price,
                            const chat_usage_t *usage);

/* The most that input and output tokens may cost, however they are read or
 * thought of; CHAT_PRICE_MOST where it is more than that. The price is known.
 */
apr_int64_t chat_price_most(const chat_price_t *price, apr_int64_t input,
                            apr_int64_t output);

/* How many tokens of output so much pays for, at the dearest; APR_INT64_MAX
 * when they cost nothing. */
apr_int64_t chat_price_tokens(const chat_price_t *price, apr_int64_t cost);

/* Bytes of a sum as text at most, with its NUL. */
#define CHAT_PRICE_TEXT_MAX 32

/* Dollars with all ten decimals, as in "0.0000048000"; buf. */
char *chat_price_text(char buf[CHAT_PRICE_TEXT_MAX], apr_int64_t cost);

/* The same without zeros at the end, as in "0.0000048" and "3". */
char *chat_price_short(char buf[CHAT_PRICE_TEXT_MAX], apr_int64_t cost);

/* Dollars as an administrator writes them, "5" or "0.25", with at most that
 * many decimals (ten or fewer), in parts of 10 to the minus decimals. -1: it is
 * no such number, or has more than eight digits before the point. */
apr_int64_t chat_price_parse(const char *text, apr_size_t len, int decimals);

#endif
