/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The streams of this process that have an id, so that whoever knows it may end
 * one. Every process of a server, or of several, hears of every id that is to
 * end, mostly for a stream of another process, or for one that it will only
 * start in a moment: so the last ones are remembered for a while.
 *
 * Any thread. The lock is held while a stream is woken, which then is still
 * there; it is taken before an engine's, never the other way round.
 */
#include "chat_stream_int.h"

#include <apr_strings.h>

#include <pthread.h>

#include "chat_clock.h"

#define BUCKETS 1024
#define HEARD_MAX 256
#define HEARD_FOR apr_time_from_sec(60)
#define ID_SIZE 40

typedef struct heard_t {
    char id[ID_SIZE];
    chat_mono_t at; /* 0: none */
} heard_t;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(bucket_t, chat_stream_t) buckets[BUCKETS];
static heard_t heard[HEARD_MAX];
static unsigned nheard;

static struct bucket_t *bucket_of(const char *id)
{
    unsigned h = 2166136261u;

    for (; *id; id++)
        h = (h ^ (unsigned char)*id) * 16777619u;
    return &buckets[h % BUCKETS];
}

static void note_heard(const char *id)
{
    heard_t *h = &heard[nheard++ % HEARD_MAX];

    apr_cpystrn(h->id, id, sizeof(h->id));
    h->at = chat_clock_now();
}

static int was_heard(const char *id)
{
    chat_mono_t since = chat_clock_now() - HEARD_FOR;
    int i;

    for (i = 0; i < HEARD_MAX; i++)
        if (heard[i].at > since && !strcmp(heard[i].id, id))
            return 1;
    return 0;
}

void chat_stream_ids_add(chat_stream_t *s)
{
    if (!s->spec.id)
        return;
    pthread_mutex_lock(&lock);
    LIST_INSERT_HEAD(bucket_of(s->spec.id), s, id_link);
    if (was_heard(s->spec.id))
        __atomic_store_n(&s->cancelled, 1, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&lock);
}

void chat_stream_ids_remove(chat_stream_t *s)
{
    if (!s->id_link.le_prev)
        return;
    pthread_mutex_lock(&lock);
    LIST_REMOVE(s, id_link);
    pthread_mutex_unlock(&lock);
    s->id_link.le_prev = NULL;
}

void chat_stream_cancel(const char *id)
{
    chat_stream_t *s;

    pthread_mutex_lock(&lock);
    LIST_FOREACH(s, bucket_of(id), id_link)
    {
        if (strcmp(s->spec.id, id) != 0)
            continue;
        __atomic_store_n(&s->cancelled, 1, __ATOMIC_RELEASE);
        s->driver->ops->wake(s);
    }
    if (!was_heard(id))
        note_heard(id);
    pthread_mutex_unlock(&lock);
}
