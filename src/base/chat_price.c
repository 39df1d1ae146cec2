/* SPDX-License-Identifier: Apache-2.0 */
/* Prices and sums of money. See chat_price.h. Pure, any thread. */
#include "chat_price.h"

#include <string.h>

#include <apr_lib.h>
#include <apr_strings.h>

/* Of the unit of a price (1e-12 USD) so many are one of a sum (1e-10). */
#define FINER 100

/* With ten decimals more it still fits. */
#define WHOLE_MAX 8

int chat_price_known(const chat_price_t *price)
{
    return price->in >= 0 && price->out >= 0;
}

static apr_int64_t clamp(apr_int64_t n, apr_int64_t most)
{
    return n < 0 ? 0 : n > most ? most : n;
}

/* 0: the sum does not fit. */
static int add(apr_int64_t *sum, apr_int64_t tokens, apr_int64_t price)
{
    apr_int64_t product;

    return !__builtin_mul_overflow(tokens, price, &product) &&
           !__builtin_add_overflow(*sum, product, sum);
}

/* *sum in the unit of prices becomes money. */
static apr_int64_t round_off(apr_int64_t sum)
{
    return sum / FINER + (sum % FINER >= FINER / 2);
}

apr_int64_t chat_price_cost(const chat_price_t *price,
                            const chat_usage_t *usage)
{
    apr_int64_t cached = clamp(usage->cached, usage->input);
    apr_int64_t thoughts = clamp(usage->reasoning, usage->output), sum = 0;

    if (usage->input < 0 || usage->output < 0 || !chat_price_known(price))
        return -1;
    if (!add(&sum, usage->input - cached, price->in) ||
        !add(&sum, cached, price->cached < 0 ? price->in : price->cached) ||
        !add(&sum, usage->output - thoughts, price->out) ||
        !add(&sum, thoughts, price->thought < 0 ? price->out : price->thought))
        return -1;
    sum = round_off(sum);
    return sum > CHAT_PRICE_MOST ? -1 : sum;
}

static apr_int64_t dearer(apr_int64_t price, apr_int64_t other)
{
    return other > price ? other : price;
}

apr_int64_t chat_price_most(const chat_price_t *price, apr_int64_t input,
                            apr_int64_t output)
{
    apr_int64_t sum = 0;

    if (!add(&sum, input, dearer(price->in, price->cached)) ||
        !add(&sum, output, dearer(price->out, price->thought)))
        return CHAT_PRICE_MOST;
    return clamp(round_off(sum), CHAT_PRICE_MOST);
}

apr_int64_t chat_price_tokens(const chat_price_t *price, apr_int64_t cost)
{
    apr_int64_t each = dearer(price->out, price->thought);

    return each > 0 ? clamp(cost, CHAT_PRICE_MOST) * FINER / each
                    : APR_INT64_MAX;
}

char *chat_price_text(char buf[CHAT_PRICE_TEXT_MAX], apr_int64_t cost)
{
    apr_snprintf(buf, CHAT_PRICE_TEXT_MAX,
                 "%" APR_INT64_T_FMT ".%010" APR_INT64_T_FMT,
                 cost / CHAT_PRICE_PARTS, cost % CHAT_PRICE_PARTS);
    return buf;
}

char *chat_price_short(char buf[CHAT_PRICE_TEXT_MAX], apr_int64_t cost)
{
    char *end = chat_price_text(buf, cost) + strlen(buf);

    while (end[-1] == '0')
        *--end = '\0';
    if (end[-1] == '.')
        end[-1] = '\0';
    return buf;
}

apr_int64_t chat_price_parse(const char *text, apr_size_t len, int decimals)
{
    apr_size_t whole = 0, i;
    apr_int64_t n = 0;
    int left = decimals;

    while (whole < len && whole < WHOLE_MAX && apr_isdigit(text[whole]))
        n = 10 * n + text[whole++] - '0';
    if (!whole || (whole < len && text[whole] != '.') || whole + 1 == len)
        return -1;
    for (i = whole + 1; i < len; i++, left--) {
        if (!apr_isdigit(text[i]) || !left)
            return -1;
        n = 10 * n + text[i] - '0';
    }
    while (left-- > 0)
        n *= 10;
    return n;
}
