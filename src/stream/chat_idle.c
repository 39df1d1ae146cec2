/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections to upstreams that are kept, and whether one is fit for the next
 * request. HTTP/1.1 has nothing but the order that says which answer belongs to
 * which request: bytes that an upstream sends unasked, a second answer or the
 * rest of one, would be taken for the answer to the next request, and reach
 * another user. curl 7.88 takes a connection with unread bytes for alive; newer
 * ones refuse it, but cannot look once more before they send. So
 *
 *   - an engine watches the connections that nobody uses, and closes one that
 *     becomes readable;
 *   - every connection is looked at when a request is about to be sent on it;
 *   - what curl has read beyond the end of an answer, and dropped, closes the
 *     connection, too: its rest may still be on the way.
 *
 * curl has no call that closes one connection. But a descriptor whose other
 * side has ended is closed by curl when it comes across it, so that is what
 * such a connection's descriptor is made to be: then the upstream has lost the
 * connection, and no byte of it can be read.
 *
 * Driver's thread.
 */
#include "chat_xfer_int.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

/* Connections that one sweep closes; the others wait for the next one. */
#define SWEEP_EVENTS 64

struct chat_link_t {
    int fd;
    chat_multi_t *multi; /* that keeps it */
    int our_port;        /* these three tell it apart */
    int their_port;
    char theirs[INET6_ADDRSTRLEN];
    SSL *ssl;          /* NULL: not over TLS */
    chat_xfer_t *user; /* NULL: nobody's, watched */
    int closed;        /* fd is not the connection any more */
    LIST_ENTRY(chat_link_t) link;
};

/* A socket whose other side has ended. Written before there are threads. */
static int ended_fd = -1;

apr_status_t chat_idle_child_init(void)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                   pair))
        return errno;
    close(pair[1]);
    ended_fd = pair[0];
    return APR_SUCCESS;
}

/* ---- nobody's ---- */

static void unwatch(chat_link_t *l)
{
    int fd = l->multi->curl->idle_fd;

    if (!l->user && !l->closed && fd >= 0)
        epoll_ctl(fd, EPOLL_CTL_DEL, l->fd, NULL);
}

/* Should this fail, it is still looked at before it is used. */
static void close_link(chat_link_t *l)
{
    unwatch(l);
    if (dup3(ended_fd, l->fd, O_CLOEXEC) >= 0)
        l->closed = 1;
}

static int holds_input(const chat_link_t *l)
{
    return l->ssl && SSL_has_pending(l->ssl);
}

void chat_idle_release(chat_xfer_t *x)
{
    struct epoll_event watch = {.events = EPOLLIN | EPOLLRDHUP};
    chat_link_t *l = x->link;
    int fd;

    if (!l)
        return;
    x->link = NULL;
    l->user = NULL;
    watch.data.ptr = l;
    fd = l->multi->curl->idle_fd;
    if ((fd >= 0 && epoll_ctl(fd, EPOLL_CTL_ADD, l->fd, &watch)) ||
        holds_input(l))
        close_link(l);
}

void chat_idle_sweep(chat_curl_t *c)
{
    struct epoll_event events[SWEEP_EVENTS];
    int i, n = epoll_wait(c->idle_fd, events, SWEEP_EVENTS, 0);

    for (i = 0; i < n; i++)
        close_link(events[i].data.ptr);
}

/* ---- about to be used ---- */

static chat_link_t *find(const chat_multi_t *m, const char *theirs,
                         int their_port, int our_port)
{
    chat_link_t *l;

    LIST_FOREACH(l, &m->links, link)
    if (!l->closed && l->our_port == our_port && l->their_port == their_port &&
        !strcmp(l->theirs, theirs))
        return l;
    return NULL;
}

/* 1: there are bytes; 0: none; -1: it is broken, or has ended. */
static int peek(int fd)
{
    char c;
    ssize_t n = recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT);

    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? 0 : -1;
    return n ? 1 : -1;
}

static int port_of(int fd)
{
    struct sockaddr_storage us;
    socklen_t len = sizeof(us);

    if (getsockname(fd, (struct sockaddr *)&us, &len))
        return 0;
    return us.ss_family == AF_INET6
               ? ntohs(((struct sockaddr_in6 *)&us)->sin6_port)
               : ntohs(((struct sockaddr_in *)&us)->sin_port);
}

/* 0: over TLS, but not by OpenSSL, so that what the TLS library holds cannot be
 * known. */
static int find_ssl(CURL *easy, SSL **pssl)
{
    struct curl_tlssessioninfo *tls = NULL;

    *pssl = NULL;
    if (curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &tls) || !tls ||
        !tls->internals)
        return 1;
    *pssl = tls->internals;
    return tls->backend == CURLSSLBACKEND_OPENSSL;
}

/* NULL: it cannot be told which one it is, or not be looked into. */
static chat_link_t *add(chat_xfer_t *x, const char *theirs, int their_port,
                        int our_port)
{
    chat_link_t *l;
    SSL *ssl;

    if (ended_fd < 0 || strlen(theirs) >= sizeof(l->theirs) || x->fd < 0 ||
        port_of(x->fd) != our_port || !find_ssl(x->easy, &ssl) ||
        !(l = calloc(1, sizeof(*l))))
        return NULL;
    l->fd = x->fd;
    l->multi = x->multi;
    l->our_port = our_port;
    l->their_port = their_port;
    strcpy(l->theirs, theirs);
    l->ssl = ssl;
    LIST_INSERT_HEAD(&x->multi->links, l, link);
    return l;
}

/* The first bytes of a new connection over TLS are mostly tickets for sessions:
 * they do not come too early. */
chat_fit_e chat_idle_acquire(chat_xfer_t *x, const char *theirs, int their_port,
                             int our_port)
{
    chat_link_t *l = find(x->multi, theirs, their_port, our_port);
    int kept = l != NULL;

    if (kept) {
        unwatch(l);
    }
    else if (!(l = add(x, theirs, their_port, our_port))) {
        curl_easy_setopt(x->easy, CURLOPT_FORBID_REUSE, 1L);
        return CHAT_FIT;
    }
    if (l->user) /* its transfer is over, but was not reaped yet */
        l->user->link = NULL;
    l->user = x;
    x->link = l;
    if (kept)
        return holds_input(l) || peek(l->fd) ? CHAT_FIT_STALE : CHAT_FIT;
    return !l->ssl && peek(l->fd) > 0 ? CHAT_FIT_EARLY : CHAT_FIT;
}

/* ---- an answer is over, and the upstream goes on ---- */

static int begins(const char *text, size_t len, const char *with)
{
    size_t n = strlen(with);

    return len >= n && !memcmp(text, with, n);
}

/* The only way in which curl tells that it has dropped bytes. */
static int on_debug(CURL *easy, curl_infotype type, char *text, size_t len,
                    void *unused)
{
    if (type == CURLINFO_TEXT && (begins(text, len, "Leftovers after") ||
                                  begins(text, len, "Excess found")))
        curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    return 0;
}

void chat_idle_listen(CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, on_debug);
    curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
}

/* ---- closed ---- */

int chat_idle_closed(chat_multi_t *m, int fd)
{
    chat_link_t *l;
    int port;

    LIST_FOREACH(l, &m->links, link)
    if (l->fd == fd)
        break;
    if (!l)
        return 0;
    unwatch(l);
    if (l->user)
        l->user->link = NULL;
    LIST_REMOVE(l, link);
    port = l->closed ? 0 : l->our_port;
    free(l);
    return port;
}
