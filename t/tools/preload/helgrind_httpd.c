/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What helgrind has to know about httpd: a library that is preloaded into it.
 *
 * The event MPM hands connections from thread to thread in two ways that
 * helgrind cannot see: pools are recycled through a list without a lock, and
 * a connection whose descriptor was added to a poll set belongs to whoever
 * gets its event. Everything in those connections would be reported, in our
 * code as well as in httpd's, and to suppress that would hide real races. So
 * both orders are told here, by wrapping the functions that make them; all
 * others stay as they are. Any thread.
 */
#include <pthread.h>

#include <apr_poll.h>
#include <valgrind/helgrind.h>
#include <valgrind/valgrind.h>

/* Valgrind's own way to write names: of whatever has no soname, the httpd
 * program itself; and libapr-1.so.* in its escapes. */
#define HTTPD(name) I_WRAP_SONAME_FNNAME_ZU(NONE, name)
#define APR(name) I_WRAP_SONAME_FNNAME_ZU(libaprZh1ZdsoZdZa, name)

void HTTPD(ap_queue_info_push_pool)(void *info, apr_pool_t *pool);
void HTTPD(ap_queue_info_pop_pool)(void *info, apr_pool_t **pool);
void HTTPD(ap_queue_info_free_idle_pools)(void *info);
apr_status_t APR(apr_pollset_add)(apr_pollset_t *set, const apr_pollfd_t *fd);
apr_status_t APR(apr_pollset_poll)(apr_pollset_t *set, apr_interval_time_t wait,
                                   apr_int32_t *n, const apr_pollfd_t **fds);

/* ---- recycled pools: as if the list had a lock ---- */

/* Taken again by free_idle_pools when it calls pop_pool. */
static pthread_mutex_t recycled = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

void HTTPD(ap_queue_info_push_pool)(void *info, apr_pool_t *pool)
{
    OrigFn call;

    VALGRIND_GET_ORIG_FN(call);
    pthread_mutex_lock(&recycled);
    CALL_FN_v_WW(call, info, pool);
    pthread_mutex_unlock(&recycled);
}

void HTTPD(ap_queue_info_pop_pool)(void *info, apr_pool_t **pool)
{
    OrigFn call;

    VALGRIND_GET_ORIG_FN(call);
    pthread_mutex_lock(&recycled);
    CALL_FN_v_WW(call, info, pool);
    pthread_mutex_unlock(&recycled);
}

void HTTPD(ap_queue_info_free_idle_pools)(void *info)
{
    OrigFn call;

    VALGRIND_GET_ORIG_FN(call);
    pthread_mutex_lock(&recycled);
    CALL_FN_v_W(call, info);
    pthread_mutex_unlock(&recycled);
}

/* ---- poll sets: who adds a descriptor comes before who gets its event ---- */

apr_status_t APR(apr_pollset_add)(apr_pollset_t *set, const apr_pollfd_t *fd)
{
    apr_status_t rv;
    OrigFn call;

    VALGRIND_GET_ORIG_FN(call);
    ANNOTATE_HAPPENS_BEFORE(fd->client_data);
    CALL_FN_W_WW(rv, call, set, fd);
    return rv;
}

apr_status_t APR(apr_pollset_poll)(apr_pollset_t *set, apr_interval_time_t wait,
                                   apr_int32_t *n, const apr_pollfd_t **fds)
{
    apr_status_t rv;
    OrigFn call;
    int i;

    VALGRIND_GET_ORIG_FN(call);
    CALL_FN_W_WWWW(rv, call, set, wait, n, fds);
    if (rv != APR_SUCCESS || !fds)
        return rv;
    for (i = 0; i < *n; i++)
        ANNOTATE_HAPPENS_AFTER((*fds)[i].client_data);
    return rv;
}
