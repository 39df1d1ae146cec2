/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread of a process that hears, by one inotify, of files that are
 * followed and of streams that are to stop. It wakes streams, and reads no log
 * itself. Where there are no watches left, which the system counts by user, it
 * looks ten times a second instead.
 *
 * The lock is held while streams are woken, so that none goes meanwhile; it is
 * taken before any of stream/'s. The thread uses no pool: prefork's children
 * end inside a signal handler, without waiting for it.
 */
#include "chat_resume_int.h"

#include <ap_mpm.h>
#include <http_log.h>

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "chat_log.h"

#define LOOK_MS 100
/* What happens within so long after an event is told together. */
#define REST_MS 1
#define BUCKETS 1024
#define EVENTS_BYTES (64 * 1024)

typedef LIST_HEAD(waiters_t, chat_resume_waiter_t) waiters_t;

typedef struct chat_resume_watch_t {
    int wd;
    waiters_t waiters;
    LIST_ENTRY(chat_resume_watch_t) link;
} watch_t;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(, chat_resume_watch_t) watches[BUCKETS]; /* with the lock */
static waiters_t polled;                                  /* with the lock */
static int stopping;                                      /* atomic */
static pthread_t thread;
static int inotify_fd = -1, wake_fd = -1; /* constant once there is a thread */
static int stops_wd = -1;
static const char *stops_path;
static int joins; /* the MPM's children end in their main thread */

static void wake_thread(void)
{
    uint64_t one = 1;

    if (write(wake_fd, &one, sizeof(one)) < 0)
        return; /* it is awake already */
}

/* ---- waiters ---- */

static watch_t *find(int wd)
{
    watch_t *w;

    LIST_FOREACH(w, &watches[wd % BUCKETS], link)
    if (w->wd == wd)
        return w;
    return NULL;
}

/* The system gives all that watch a file the same number. NULL: none is left.
 */
static watch_t *acquire(const char *path)
{
    int wd =
        inotify_fd < 0
            ? -1
            : inotify_add_watch(inotify_fd, path,
                                IN_MODIFY | IN_CLOSE_WRITE | IN_DONT_FOLLOW);
    watch_t *w;

    if (wd < 0 || (w = find(wd)))
        return wd < 0 ? NULL : w;
    w = malloc(sizeof(*w));
    if (!w)
        return NULL;
    w->wd = wd;
    LIST_INIT(&w->waiters);
    LIST_INSERT_HEAD(&watches[wd % BUCKETS], w, link);
    return w;
}

void chat_resume_watch_add(chat_resume_waiter_t *waiter, chat_stream_t *stream,
                           const char *path)
{
    pthread_mutex_lock(&lock);
    waiter->stream = stream;
    waiter->watch = acquire(path);
    if (waiter->watch) {
        LIST_INSERT_HEAD(&waiter->watch->waiters, waiter, link);
    }
    else {
        if (LIST_EMPTY(&polled))
            wake_thread();
        LIST_INSERT_HEAD(&polled, waiter, link);
    }
    pthread_mutex_unlock(&lock);
}

void chat_resume_watch_remove(chat_resume_waiter_t *waiter)
{
    watch_t *w = waiter->watch;

    if (!waiter->stream)
        return;
    pthread_mutex_lock(&lock);
    LIST_REMOVE(waiter, link);
    if (w && LIST_EMPTY(&w->waiters)) {
        inotify_rm_watch(inotify_fd, w->wd);
        LIST_REMOVE(w, link);
        free(w);
    }
    pthread_mutex_unlock(&lock);
    waiter->watch = NULL;
    waiter->stream = NULL;
}

/* ---- the thread ---- */

static void wake_all(const waiters_t *waiters)
{
    chat_resume_waiter_t *waiter;

    LIST_FOREACH(waiter, waiters, link)
    chat_stream_wake(waiter->stream);
}

static void wake_polled(void)
{
    pthread_mutex_lock(&lock);
    wake_all(&polled);
    pthread_mutex_unlock(&lock);
}

/* Those whose events may be lost, or who have none. */
static void wake_everybody(void)
{
    watch_t *w;
    int i;

    pthread_mutex_lock(&lock);
    for (i = 0; i < BUCKETS; i++)
        LIST_FOREACH(w, &watches[i], link)
    wake_all(&w->waiters);
    pthread_mutex_unlock(&lock);
}

static void stop_stream(const char *name)
{
    if (strlen(name) == CHAT_RESUME_ID_LEN)
        chat_stream_cancel(name);
}

static void read_stops(void)
{
    DIR *dir = opendir(stops_path);
    struct dirent *entry;

    while (dir && (entry = readdir(dir)))
        stop_stream(entry->d_name);
    if (dir)
        closedir(dir);
}

static void hear(const struct inotify_event *event)
{
    watch_t *w;

    if (event->mask & IN_Q_OVERFLOW) {
        read_stops();
        wake_everybody();
    }
    else if (event->wd == stops_wd) {
        if (event->len)
            stop_stream(event->name);
    }
    else {
        pthread_mutex_lock(&lock);
        if ((w = find(event->wd)))
            wake_all(&w->waiters);
        pthread_mutex_unlock(&lock);
    }
}

static void read_events(void)
{
    static char events[EVENTS_BYTES]
        __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t n = read(inotify_fd, events, sizeof(events)), at;

    for (at = 0; at < n;) {
        const struct inotify_event *event = (void *)(events + at);

        hear(event);
        at += sizeof(*event) + event->len;
    }
}

static int wait_ms(void)
{
    int polls;

    pthread_mutex_lock(&lock);
    polls = !LIST_EMPTY(&polled) || stops_wd < 0;
    pthread_mutex_unlock(&lock);
    return polls ? LOOK_MS : -1;
}

static void *watch(void *unused)
{
    struct pollfd fds[2] = {{.fd = wake_fd, .events = POLLIN},
                            {.fd = inotify_fd, .events = POLLIN}};
    uint64_t drop;
    int rests = 0;

    while (!__atomic_load_n(&stopping, __ATOMIC_ACQUIRE)) {
        if (rests)
            poll(NULL, 0, REST_MS);
        rests = 0;
        if (poll(fds, 2, wait_ms()) < 0 && errno != EINTR)
            break;
        if (fds[0].revents && read(wake_fd, &drop, sizeof(drop)) < 0)
            drop = 0;
        if (fds[1].revents) {
            read_events();
            rests = 1;
        }
        wake_polled();
        if (stops_wd < 0)
            read_stops();
    }
    return NULL;
}

/* ---- start and stop ---- */

/* pchild's pre_cleanup. */
static apr_status_t stop(void *baton)
{
    __atomic_store_n(&stopping, 1, __ATOMIC_RELEASE);
    wake_thread();
    if (joins)
        pthread_join(thread, NULL);
    return APR_SUCCESS;
}

/* Signals are for the MPM's threads, except those of a crash. */
static int start(void)
{
    sigset_t quiet, old;
    int failed;

    sigfillset(&quiet);
    sigdelset(&quiet, SIGSEGV);
    sigdelset(&quiet, SIGBUS);
    sigdelset(&quiet, SIGFPE);
    sigdelset(&quiet, SIGILL);
    sigdelset(&quiet, SIGABRT);
    pthread_sigmask(SIG_BLOCK, &quiet, &old);
    failed = pthread_create(&thread, NULL, watch, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return !failed;
}

void chat_resume_watch_child_init(apr_pool_t *pchild, server_rec *s,
                                  const char *stops)
{
    if (ap_mpm_query(AP_MPMQ_IS_THREADED, &joins) != APR_SUCCESS)
        joins = 0;
    stops_path = stops;
    inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (inotify_fd >= 0)
        stops_wd = inotify_add_watch(inotify_fd, stops,
                                     IN_CREATE | IN_DONT_FOLLOW | IN_ONLYDIR);
    if (stops_wd < 0)
        ap_log_error(APLOG_MARK, APLOG_WARNING, errno, s,
                     CHATNO(1201) "no inotify watch is left, see "
                                  "fs.inotify.max_user_instances: child %d "
                                  "looks at logs ten times a second",
                     (int)getpid());
    if (wake_fd >= 0 && start())
        apr_pool_pre_cleanup_register(pchild, NULL, stop);
    else
        ap_log_error(APLOG_MARK, APLOG_ERR, errno, s,
                     CHATNO(1202) "no thread that watches logs: streams of "
                                  "child %d cannot be followed or stopped by "
                                  "others",
                     (int)getpid());
}
