/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a race detector has to know about httpd: a library that is preloaded
 * into it when helgrind or TSan look on.
 *
 * The event MPM hands connections from thread to thread in two ways that they
 * cannot see: lists without a lock (recycled pools, connections to close),
 * and poll sets, where a connection whose descriptor was added belongs to
 * whoever gets its event. Everything in those connections would be reported,
 * in our code as in httpd's, and to suppress that would hide real races. So
 * these orders are told, and no others.
 *
 * And APR looks at one word of an allocator without its lock, to see whether it
 * is worth to take that, and then again with it: that word is left out. Any
 * thread.
 */
#include <dlfcn.h>

#include <apr_allocator.h>
#include <apr_poll.h>
#include <valgrind/helgrind.h>

/* TSan's, where that is there; helgrind's are instructions. */
void AnnotateHappensBefore(const char *file, int line, const volatile void *)
    __attribute__((weak));
void AnnotateHappensAfter(const char *file, int line, const volatile void *)
    __attribute__((weak));

static void before(const volatile void *what)
{
    ANNOTATE_HAPPENS_BEFORE(what);
    if (AnnotateHappensBefore)
        AnnotateHappensBefore(__FILE__, __LINE__, what);
}

static void after(const volatile void *what)
{
    ANNOTATE_HAPPENS_AFTER(what);
    if (AnnotateHappensAfter)
        AnnotateHappensAfter(__FILE__, __LINE__, what);
}

typedef void *casptr_fn(void *volatile *at, void *with, const void *old);
typedef apr_status_t allocator_fn(apr_allocator_t **allocator);
typedef apr_status_t add_fn(apr_pollset_t *set, const apr_pollfd_t *fd);
typedef apr_status_t poll_fn(apr_pollset_t *set, apr_interval_time_t wait,
                             apr_int32_t *n, const apr_pollfd_t **fds);

/* APR's own. Found before there is a second thread. */
static casptr_fn *casptr;
static allocator_fn *make_allocator;
static add_fn *add;
static poll_fn *poll_set;

__attribute__((constructor)) static void find(void)
{
    casptr = (casptr_fn *)dlsym(RTLD_NEXT, "apr_atomic_casptr");
    make_allocator = (allocator_fn *)dlsym(RTLD_NEXT, "apr_allocator_create");
    add = (add_fn *)dlsym(RTLD_NEXT, "apr_pollset_add");
    poll_set = (poll_fn *)dlsym(RTLD_NEXT, "apr_pollset_poll");
}

/* apr_atomic.h has another type for the first argument in each version. */
casptr_fn apr_atomic_casptr;

void *apr_atomic_casptr(void *volatile *at, void *with, const void *old)
{
    void *was;

    before(at);
    was = casptr(at, with, old);
    after(at);
    return was;
}

/* Its first member, max_index. */
APR_DECLARE(apr_status_t) apr_allocator_create(apr_allocator_t **allocator)
{
    apr_status_t rv = make_allocator(allocator);

    if (rv == APR_SUCCESS)
        VALGRIND_HG_DISABLE_CHECKING(*allocator, sizeof(apr_size_t));
    return rv;
}

/* Of the pipe by which APR wakes a set the data is not set at all. */
APR_DECLARE(apr_status_t)
apr_pollset_add(apr_pollset_t *set, const apr_pollfd_t *fd)
{
    if (fd->desc_type == APR_POLL_SOCKET)
        before(fd->client_data);
    return add(set, fd);
}

APR_DECLARE(apr_status_t)
apr_pollset_poll(apr_pollset_t *set, apr_interval_time_t wait, apr_int32_t *n,
                 const apr_pollfd_t **fds)
{
    apr_status_t rv = poll_set(set, wait, n, fds);
    int i;

    if (rv != APR_SUCCESS || !fds)
        return rv;
    for (i = 0; i < *n; i++)
        after((*fds)[i].client_data);
    return rv;
}
