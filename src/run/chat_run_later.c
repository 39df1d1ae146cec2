/* SPDX-License-Identifier: Apache-2.0 */
/* A list of work, first in, first out. Threads as in chat_run_later.h. */
#include "chat_run_later.h"

#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* That waits. */
#define WORK_MAX 64

typedef struct work_t work_t;

struct work_t {
    chat_run_later_fn *work;
    void *ctx;
    apr_pool_t *pool;
    work_t *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static work_t *first, **last = &first; /* with the lock, as the following */
static int nwork;
static int wake_fd = -1; /* -1: nobody does any */

static int put(work_t *w)
{
    uint64_t one = 1;
    int taken;

    pthread_mutex_lock(&lock);
    taken = wake_fd >= 0 && nwork < WORK_MAX;
    if (taken) {
        *last = w;
        last = &w->next;
        nwork++;
        if (write(wake_fd, &one, sizeof(one)) < 0)
            one = 0; /* it is woken already */
    }
    pthread_mutex_unlock(&lock);
    return taken;
}

void chat_run_later(chat_run_later_fn *work, void *ctx, apr_pool_t *pool)
{
    work_t *w = apr_pcalloc(pool, sizeof(*w));

    w->work = work;
    w->ctx = ctx;
    w->pool = pool;
    if (!put(w))
        apr_pool_destroy(pool);
}

static work_t *take(void)
{
    uint64_t drop;
    work_t *w;

    pthread_mutex_lock(&lock);
    w = first;
    if (w) {
        first = w->next;
        nwork--;
    }
    if (!first)
        last = &first;
    if (!first && wake_fd >= 0 && read(wake_fd, &drop, sizeof(drop)) < 0)
        drop = 0;
    pthread_mutex_unlock(&lock);
    return w;
}

int chat_run_later_open(void)
{
    pthread_mutex_lock(&lock);
    wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    pthread_mutex_unlock(&lock);
    return wake_fd;
}

void chat_run_later_close(void)
{
    work_t *w;
    int fd;

    pthread_mutex_lock(&lock);
    fd = wake_fd;
    wake_fd = -1;
    pthread_mutex_unlock(&lock);
    while ((w = take()) != NULL)
        apr_pool_destroy(w->pool);
    if (fd >= 0)
        close(fd);
}

int chat_run_later_work(int stop_fd)
{
    work_t *w = take();

    if (!w)
        return 0;
    w->work(w->ctx, stop_fd);
    apr_pool_destroy(w->pool);
    return 1;
}
