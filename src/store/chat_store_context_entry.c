/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is kept of a session: its bounds and its bytes. Called by
 * chat_store_context.c. APR only, no httpd. Any thread.
 */
#include "chat_store_context_entry.h"

#include <string.h>

#include "chat_crypto.h"

/* Another layout needs another version. */
static const unsigned char magic[4] = {'C', 'H', 'x', 1};

#define MAC_LEN 8
#define MAC_AT sizeof(magic)
#define BODY_AT (MAC_AT + MAC_LEN)
#define TIME_LEN 8
#define LENGTH_LEN 4

void chat_store_context_entry_none(chat_store_history_t *history, apr_pool_t *p)
{
    history->last = 0;
    history->exchanges = apr_array_make(p, 8, sizeof(chat_store_exchange_t));
}

/* ---- bounds ---- */

static chat_store_exchange_t *at(const chat_store_history_t *history, int i)
{
    return &APR_ARRAY_IDX(history->exchanges, i, chat_store_exchange_t);
}

static apr_size_t size_of(const chat_store_exchange_t *exchange)
{
    return exchange->question_len + exchange->answer_len;
}

static void drop(chat_store_history_t *history, int n)
{
    apr_array_header_t *exchanges = history->exchanges;

    exchanges->nelts -= n;
    memmove(exchanges->elts,
            exchanges->elts + (apr_size_t)n * (apr_size_t)exchanges->elt_size,
            (apr_size_t)exchanges->nelts * (apr_size_t)exchanges->elt_size);
}

void chat_store_context_entry_bound(chat_store_history_t *history,
                                    const chat_store_bounds_t *bounds,
                                    apr_time_t now)
{
    int total = history->exchanges->nelts, kept = 0;
    apr_size_t bytes = 0;

    if (now - history->last >= bounds->age) {
        drop(history, total);
        return;
    }
    while (kept < total && 2 * (kept + 1) <= bounds->messages) {
        bytes += size_of(at(history, total - 1 - kept));
        if (bytes > bounds->bytes)
            break;
        kept++;
    }
    drop(history, total - kept);
}

int chat_store_context_entry_append(chat_store_history_t *history,
                                    const chat_store_exchange_t *exchange,
                                    const chat_store_bounds_t *bounds,
                                    apr_time_t now)
{
    int keep = exchange->question_len > 0 && exchange->answer_len > 0 &&
               size_of(exchange) <= bounds->bytes;

    chat_store_context_entry_bound(history, bounds, now);
    history->last = now;
    if (!keep)
        return 0;
    APR_ARRAY_PUSH(history->exchanges, chat_store_exchange_t) = *exchange;
    chat_store_context_entry_bound(history, bounds, now);
    return history->exchanges->nelts > 0;
}

int chat_store_context_entry_halve(chat_store_history_t *history)
{
    int total = history->exchanges->nelts;

    if (total < 2)
        return 0;
    drop(history, (total + 1) / 2);
    return 1;
}

/* ---- bytes ---- */

static apr_uint64_t get_number(const unsigned char *from, int bytes)
{
    apr_uint64_t n = 0;

    while (bytes > 0)
        n = n << 8 | from[--bytes];
    return n;
}

static unsigned char *put_number(unsigned char *to, apr_uint64_t n, int bytes)
{
    for (; bytes > 0; bytes--, n >>= 8)
        *to++ = (unsigned char)n;
    return to;
}

static unsigned char *put_bytes(unsigned char *to, const void *from,
                                apr_size_t len)
{
    memcpy(to, from, len);
    return to + len;
}

/* Under its own key, so that no entry is taken for another one's. */
static apr_status_t make_mac(unsigned char mac[CHAT_SHA256_LEN],
                             const unsigned char *key,
                             const unsigned char *data, apr_size_t len)
{
    return chat_crypto_hmac(mac, (const char *)key, CHAT_SHA256_LEN,
                            (const char *)data + BODY_AT, len - BODY_AT);
}

static int is_genuine(const unsigned char *key, const unsigned char *data,
                      apr_size_t len)
{
    unsigned char mac[CHAT_SHA256_LEN];

    return len >= BODY_AT + TIME_LEN &&
           chat_crypto_equal(data, magic, sizeof(magic)) &&
           make_mac(mac, key, data, len) == APR_SUCCESS &&
           chat_crypto_equal(data + MAC_AT, mac, MAC_LEN);
}

/* The exchange that begins here; NULL when it does not end before end. */
static const unsigned char *read_exchange(chat_store_exchange_t *exchange,
                                          const unsigned char *data,
                                          const unsigned char *end)
{
    apr_size_t left = (apr_size_t)(end - data);

    if (left < 2 * LENGTH_LEN)
        return NULL;
    left -= 2 * LENGTH_LEN;
    exchange->question_len = (apr_size_t)get_number(data, LENGTH_LEN);
    exchange->answer_len =
        (apr_size_t)get_number(data + LENGTH_LEN, LENGTH_LEN);
    if (exchange->question_len > left ||
        exchange->answer_len > left - exchange->question_len)
        return NULL;
    exchange->question = (const char *)data + 2 * LENGTH_LEN;
    exchange->answer = exchange->question + exchange->question_len;
    return (const unsigned char *)exchange->answer + exchange->answer_len;
}

apr_status_t chat_store_context_entry_read(chat_store_history_t *history,
                                           const unsigned char *key,
                                           const unsigned char *data,
                                           apr_size_t len, apr_pool_t *p)
{
    const unsigned char *end = data + len;

    chat_store_context_entry_none(history, p);
    if (!is_genuine(key, data, len))
        return APR_EINVAL;
    history->last = (apr_time_t)get_number(data + BODY_AT, TIME_LEN);
    for (data += BODY_AT + TIME_LEN; data < end;) {
        chat_store_exchange_t exchange;

        data = read_exchange(&exchange, data, end);
        if (!data) {
            chat_store_context_entry_none(history, p);
            return APR_EINVAL;
        }
        APR_ARRAY_PUSH(history->exchanges, chat_store_exchange_t) = exchange;
    }
    return APR_SUCCESS;
}

apr_status_t chat_store_context_entry_write(const unsigned char **pdata,
                                            apr_size_t *plen,
                                            const unsigned char *key,
                                            const chat_store_history_t *history,
                                            apr_pool_t *p)
{
    unsigned char mac[CHAT_SHA256_LEN], *data, *to;
    apr_size_t len = BODY_AT + TIME_LEN;
    apr_status_t rv;
    int i;

    for (i = 0; i < history->exchanges->nelts; i++)
        len += 2 * LENGTH_LEN + size_of(at(history, i));
    data = apr_palloc(p, len);
    put_bytes(data, magic, sizeof(magic));
    to = put_number(data + BODY_AT, (apr_uint64_t)history->last, TIME_LEN);
    for (i = 0; i < history->exchanges->nelts; i++) {
        const chat_store_exchange_t *e = at(history, i);

        to = put_number(to, e->question_len, LENGTH_LEN);
        to = put_number(to, e->answer_len, LENGTH_LEN);
        to = put_bytes(to, e->question, e->question_len);
        to = put_bytes(to, e->answer, e->answer_len);
    }
    rv = make_mac(mac, key, data, len);
    if (rv != APR_SUCCESS)
        return rv;
    put_bytes(data + MAC_AT, mac, MAC_LEN);
    *pdata = data;
    *plen = len;
    return APR_SUCCESS;
}
