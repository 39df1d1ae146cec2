/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections to upstreams: made by libcurl, kept when their call is over, and
 * looked at before the next one has them. HTTP/1.1 has nothing but the order
 * that says which answer belongs to which request: bytes that an upstream sends
 * unasked, a second answer or the rest of one, would be taken for the answer to
 * the next request, and reach another user. So
 *
 *   - only a connection whose answer was whole, and not a byte longer, is kept;
 *   - an engine watches those, and closes one that has something to say;
 *   - each is read once more when a request is about to be sent on it.
 *
 * What comes and is no byte of an answer, as tickets for sessions over TLS,
 * does no harm.
 *
 * Driver's thread.
 */
#include "chat_xfer_int.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chat_clock.h"

/* Kernel memory for an upstream that we do not read at the moment. */
#define UPSTREAM_RCVBUF (64 * 1024)
/* An upstream that vanished without a word is noticed in about a minute. */
#define KEEPALIVE_IDLE 30L
#define KEEPALIVE_INTERVAL 10L
/* Idle connections that an engine keeps, and a blocking driver. Open files are
 * counted without them. */
#define IDLE_MAX 256
#define IDLE_BLOCKING 4

#define IDLE_US apr_time_from_sec(CHAT_IDLE_SECONDS)

/* ---- bytes ---- */

/* Of a socket that is ours alone. */
static CURLcode result_of(ssize_t n, apr_size_t *pn, CURLcode broken)
{
    *pn = n > 0 ? n : 0;
    if (n >= 0)
        return CURLE_OK;
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR
               ? CURLE_AGAIN
               : broken;
}

CURLcode chat_link_recv(chat_link_t *l, char *data, apr_size_t len,
                        apr_size_t *pn)
{
    size_t n = 0;
    CURLcode rc;

    if (!l->easy.handle)
        return result_of(recv(l->event.fd, data, len, MSG_DONTWAIT), pn,
                         CURLE_RECV_ERROR);
    rc = curl_easy_recv(l->easy.handle, data, len, &n);
    *pn = n;
    return rc;
}

CURLcode chat_link_send(chat_link_t *l, const char *data, apr_size_t len,
                        apr_size_t *pn)
{
    size_t n = 0;
    CURLcode rc;

    if (!l->easy.handle)
        return result_of(
            send(l->event.fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL), pn,
            CURLE_SEND_ERROR);
    rc = curl_easy_send(l->easy.handle, data, len, &n);
    *pn = n;
    return rc;
}

/* A FIN came: a reset alone may come from who has read all, and then it takes
 * the place of the acknowledgement. One that follows a FIN is EPIPE. */
static int has_ended(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info), error_len = sizeof(int);
    int error = 0;

    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
        return 0;
    if (info.tcpi_state == TCP_CLOSE_WAIT)
        return 1;
    return info.tcpi_state == TCP_CLOSE &&
           !getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_len) &&
           error == EPIPE;
}

int chat_link_is_unread(const chat_link_t *l)
{
    int unread = 0;

    return has_ended(l->event.fd) && !ioctl(l->event.fd, SIOCOUTQ, &unread) &&
           unread > 0;
}

/* Nothing came that belongs to no request, and it is not over. */
static int is_silent(chat_link_t *l)
{
    apr_size_t n;

    return chat_link_recv(l, l->curl->in, CHAT_READ_BYTES, &n) == CURLE_AGAIN;
}

void chat_link_watch(chat_link_t *l, uint32_t events)
{
    const chat_curl_ops_t *ops = l->curl->ops;

    if (events == l->watched || l->event.fd < 0)
        return;
    if (ops && !ops->watch(l, events)) {
        if (l->user)
            l->ops->lost(l->user, CURLE_COULDNT_CONNECT,
                         "its connection cannot be watched");
        return;
    }
    l->watched = events;
}

/* ---- new ones ---- */

static int on_socket(void *unused, curl_socket_t fd, curlsocktype purpose)
{
    int bytes = UPSTREAM_RCVBUF;

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    return CURL_SOCKOPT_OK;
}

/* A connection by TCP alone is taken from curl, which needs 10 KiB for each,
 * and looks each up among all others whenever it is read. 0: no descriptor. */
static int take_over(chat_link_t *l, curl_socket_t fd)
{
    l->event.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (l->event.fd >= 0)
        chat_easy_close(&l->easy);
    return l->event.fd >= 0;
}

/* What curl keeps has a buffer from now on that is what it gives at once. */
static int connected(chat_link_t *l, const char **pwhy)
{
    curl_socket_t fd = CURL_SOCKET_BAD;

    curl_easy_getinfo(l->easy.handle, CURLINFO_ACTIVESOCKET, &fd);
    if (fd == CURL_SOCKET_BAD) {
        *pwhy = "the upstream closed the connection at once";
        return 0;
    }
    if (l->plain) {
        *pwhy = "no descriptor for the connection to the upstream";
        return take_over(l, fd);
    }
    l->event.fd = fd;
    curl_easy_setopt(l->easy.handle, CURLOPT_BUFFERSIZE, (long)CHAT_READ_BYTES);
    return 1;
}

static void on_over(void *owner, CURLcode rc, const char *why)
{
    chat_link_t *l = owner;

    if (!l->user)
        return;
    if (!rc && !connected(l, &why))
        rc = CURLE_COULDNT_CONNECT;
    if (rc)
        l->ops->lost(l->user, rc, why);
    else
        l->ops->connected(l->user);
}

static void set_link(CURL *h)
{
    curl_easy_setopt(h, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(h, CURLOPT_SOCKOPTFUNCTION, on_socket);
    curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(h, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE);
    curl_easy_setopt(h, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_INTERVAL);
}

chat_link_t *chat_link_open(chat_stream_t *s, const chat_call_t *call,
                            const chat_link_ops_t *ops)
{
    chat_link_t *l = calloc(1, sizeof(*l));

    if (!l)
        return NULL;
    l->event.kind = CHAT_EVENT_LINK;
    l->event.fd = -1;
    l->curl = s->driver->curl;
    l->user = s;
    l->ops = ops;
    l->plain = !strncasecmp(call->url, "http:", 5) && !chat_resolver_proxy();
    l->easy.owner = l;
    l->easy.over = on_over;
    if (chat_easy_open(&l->easy, l->curl, call)) {
        set_link(l->easy.handle);
        if (!call->guarded)
            l->origin = strndup(call->url, chat_xfer_request_origin(call->url));
        if (chat_easy_run(&l->easy))
            return l;
    }
    chat_easy_close(&l->easy);
    free(l->origin);
    free(l);
    return NULL;
}

/* ---- kept ones ---- */

void chat_link_close(chat_link_t *l)
{
    chat_curl_t *c = l->curl;

    if (!l->user) {
        TAILQ_REMOVE(&c->idle, l, idle);
        c->nidle--;
    }
    l->user = NULL;
    chat_link_watch(l, 0);
    if (l->easy.handle)
        chat_easy_close(&l->easy);
    else
        close(l->event.fd);
    free(l->origin);
    if (c->ops)
        c->ops->closed(c, l);
    else
        free(l);
}

static unsigned serial_of(const chat_link_t *l)
{
    return l->easy.handle ? l->easy.multi->serial : 0;
}

/* Of too many: one of the youngest multi handle's, so that this goes, or the
 * oldest. */
static chat_link_t *find_dispensable(const chat_curl_t *c)
{
    chat_link_t *l, *found = TAILQ_FIRST(&c->idle);

    TAILQ_FOREACH(l, &c->idle, idle)
    if (serial_of(l) >= serial_of(found))
        found = l;
    return found;
}

void chat_link_keep(chat_link_t *l)
{
    chat_curl_t *c = l->curl;

    if (!l->origin) {
        chat_link_close(l);
        return;
    }
    l->user = NULL;
    l->kept = 1;
    l->idle_at = c->driver->now;
    TAILQ_INSERT_HEAD(&c->idle, l, idle);
    chat_clock_sooner(&c->due, l->idle_at, IDLE_US);
    c->nidle++;
    chat_link_watch(l, EPOLLIN);
    if (!l->watched)
        chat_link_close(l);
    if (c->nidle > (c->owner ? IDLE_MAX : IDLE_BLOCKING))
        chat_link_close(find_dispensable(c));
}

void chat_link_stirred(chat_link_t *l)
{
    if (!is_silent(l))
        chat_link_close(l);
}

static int is_for(const chat_link_t *l, const char *url, apr_size_t origin)
{
    return !strncmp(l->origin, url, origin) && !l->origin[origin];
}

chat_link_t *chat_link_reuse(chat_stream_t *s, const chat_call_t *call,
                             const chat_link_ops_t *ops)
{
    const char *url = call->url;
    apr_size_t origin = chat_xfer_request_origin(url);
    chat_curl_t *c = s->driver->curl;
    chat_link_t *l, *next;

    if (call->guarded)
        return NULL;
    for (l = TAILQ_FIRST(&c->idle); l; l = next) {
        next = TAILQ_NEXT(l, idle);
        if (!is_for(l, url, origin))
            continue;
        if (l->idle_at + IDLE_US > c->driver->now && is_silent(l)) {
            TAILQ_REMOVE(&c->idle, l, idle);
            c->nidle--;
            l->user = s;
            l->ops = ops;
            return l;
        }
        chat_link_close(l);
    }
    return NULL;
}

void chat_link_expire(chat_curl_t *c)
{
    chat_link_t *l;

    while ((l = TAILQ_LAST(&c->idle, chat_idle_t)) &&
           l->idle_at + IDLE_US <= c->driver->now)
        chat_link_close(l);
    if (l)
        chat_clock_sooner(&c->due, l->idle_at, IDLE_US);
}

void chat_link_close_idle(chat_curl_t *c)
{
    while (!TAILQ_EMPTY(&c->idle))
        chat_link_close(TAILQ_FIRST(&c->idle));
}
