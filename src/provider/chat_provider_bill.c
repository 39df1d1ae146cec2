/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an answer cost: providers differ in how they name the counts and where
 * they put them, which is a table of each. Nearly all bills are read in
 * passing (chat_provider_scan.c); of two equal names the last one holds, there
 * as in the parse. Runs on the stream's driver. Pure.
 */
#include "chat_provider_int.h"

#include <string.h>

void chat_provider_bill_clear(chat_bill_t *bill)
{
    int i;

    for (i = 0; i < CHAT_COUNTS_MAX; i++)
        bill->n[i] = -1;
}

void chat_provider_bill_take(apr_int64_t *ptokens, const chat_bill_t *bill,
                             int index)
{
    if (bill->n[index] >= 0)
        *ptokens = bill->n[index];
}

/* ---- parsed ---- */

void chat_provider_bill_read(chat_bill_t *bill, const char *const *path,
                             const chat_json_t *v)
{
    const chat_count_t *count = bill->counts;

    for (; *path; path++)
        v = chat_json_get(v, *path);
    for (; count->name; count++) {
        const chat_json_t *in =
            count->object ? chat_json_get(v, count->object) : v;

        bill->n[count - bill->counts] =
            chat_json_integer(chat_json_get(in, count->name), -1);
    }
}

/* ---- in passing ---- */

/* Forget what stood in that object, and enter it; 0: it is none. */
static int enter(chat_bill_t *bill, const char *object, chat_scan_t *s)
{
    const chat_count_t *count = bill->counts;

    for (; count->name; count++) {
        if (count->object && strcmp(count->object, object) == 0)
            bill->n[count - bill->counts] = -1;
    }
    return chat_provider_scan_object(s);
}

static int is_in(const chat_count_t *count, const char *object)
{
    return count->object && object ? strcmp(count->object, object) == 0
                                   : count->object == object;
}

/* A member of the usage, or (object) of one of its objects. */
static void scan_member(chat_bill_t *bill, const char *object, const char *name,
                        apr_size_t len, chat_scan_t *s)
{
    const chat_count_t *count = bill->counts;

    for (; count->name; count++) {
        if (is_in(count, object) &&
            chat_provider_scan_is(name, len, count->name)) {
            chat_provider_scan_count(s, &bill->n[count - bill->counts]);
            return;
        }
        if (!object && count->object &&
            chat_provider_scan_is(name, len, count->object)) {
            if (enter(bill, count->object, s)) {
                while (chat_provider_scan_member(s, &name, &len))
                    scan_member(bill, count->object, name, len, s);
            }
            return;
        }
    }
    chat_provider_scan_skip(s);
}

void chat_provider_bill_scan(chat_bill_t *bill, const char *const *path,
                             chat_scan_t *s)
{
    const char *name;
    apr_size_t len;

    chat_provider_bill_clear(bill);
    if (!chat_provider_scan_object(s))
        return;
    while (chat_provider_scan_member(s, &name, &len)) {
        if (!*path)
            scan_member(bill, NULL, name, len, s);
        else if (chat_provider_scan_is(name, len, *path))
            chat_provider_bill_scan(bill, path + 1, s);
        else
            chat_provider_scan_skip(s);
    }
}

void chat_provider_bill_watch(chat_bill_t *bill, const char *const *path,
                              chat_watch_t *w)
{
    chat_scan_t s;

    chat_provider_scan_init(&s, w->event->data, w->event->data_len);
    chat_provider_bill_scan(bill, path, &s);
    if (!chat_provider_scan_done(&s))
        chat_provider_bill_read(bill, path, chat_provider_watch_json(w));
}
