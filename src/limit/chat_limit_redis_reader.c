/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much Redis may reply. Our scripts reply with an integer, or with one
 * array of integers: whatever else arrives costs neither memory nor time that
 * whoever is in the place of Redis could choose. hiredis would take an array of
 * a billion elements, make it, and then look at each to free it.
 */
#include "chat_limit_redis_int.h"

#include <apr_strings.h>

/* Four for each policy, and one. */
#define ELEMENTS_MAX 65536

/* Bytes of an element, or of an error, that has not come whole. */
#define PENDING_MAX (64 * 1024)

#if HIREDIS_MAJOR > 0
typedef size_t number_t;
#else
typedef int number_t;
#endif

/* Set at start-up, read-only afterwards. */
static redisReplyObjectFunctions usual, bounded;

static void *make_array(const redisReadTask *task, number_t elements)
{
    if (task->parent || elements > ELEMENTS_MAX)
        return NULL;
    return usual.createArray(task, elements);
}

int chat_limit_redis_reader_init(void)
{
    redisReader *reader = redisReaderCreate();

    if (!reader)
        return 0;
    usual = bounded = *reader->fn;
    bounded.createArray = make_array;
    redisReaderFree(reader);
    return 1;
}

void chat_limit_redis_reader_bound(redisContext *c)
{
    c->reader->fn = &bounded;
}

int chat_limit_redis_reader_next(redisContext *c, void **preply)
{
    int rv = redisGetReplyFromReader(c, preply);

    if (rv == REDIS_OK && !*preply &&
        c->reader->len - c->reader->pos > PENDING_MAX) {
        c->err = REDIS_ERR_PROTOCOL;
        apr_cpystrn(c->errstr, "a reply that is too long", sizeof(c->errstr));
        rv = REDIS_ERR;
    }
    else if (rv != REDIS_OK && c->err == REDIS_ERR_OOM) {
        apr_cpystrn(c->errstr,
                    "a reply of more than was asked for, or no memory for it",
                    sizeof(c->errstr));
    }
    return rv;
}

int chat_limit_redis_reader_is_empty(const redisContext *c)
{
    return c->reader->pos == c->reader->len;
}
