/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source that is one HTTP call to an upstream, by libcurl. The same code
 * under both drivers: each has a CURLM of its own, no handle is ever shared
 * between threads. Driver's thread.
 */
#include "chat_stream_int.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* One read from an upstream's socket; also what curl holds per transfer. */
#define READ_BYTES 4096L
/* What curl takes for a long request, and keeps until the answer is over. */
#define WRITE_BYTES 16384L
/* Kernel memory for an upstream that we do not read at the moment. */
#define UPSTREAM_RCVBUF (64 * 1024)
/* An upstream that vanished without a word is noticed in about a minute. */
#define KEEPALIVE_IDLE 30L
#define KEEPALIVE_INTERVAL 10L
/* Headers that are kept of an answer. */
#define HEADERS_MAX 64
/* Bytes of headers that may follow an answer: curl keeps them all. */
#define TRAILERS_MAX (64 * 1024)

/* ---- what the upstream says ---- */

/* Status lines begin an answer: an interim one, or the one that counts. */
static void note_header(chat_stream_t *s, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    char *name, *c;

    if (len >= 5 && !memcmp(line, "HTTP/", 5)) {
        apr_table_clear(s->head);
        return;
    }
    if (!colon || apr_table_elts(s->head)->nelts >= HEADERS_MAX)
        return;
    name = apr_pstrmemdup(s->r->pool, line, colon - line);
    for (c = name; *c; c++)
        *c = apr_tolower(*c);
    len -= colon + 1 - line;
    c = apr_pstrmemdup(s->r->pool, colon + 1, len);
    while (apr_isspace(*c))
        c++;
    for (len = strlen(c); len && apr_isspace(c[len - 1]);)
        c[--len] = '\0';
    apr_table_addn(s->head, name, c);
}

static size_t on_header(char *line, size_t size, size_t n, void *baton)
{
    chat_stream_t *s = baton;
    size_t len = size * n;
    long status = 0;

    if (s->head_done) {
        s->trailers += len;
        return s->trailers <= TRAILERS_MAX ? len : 0;
    }
    if (s->ended)
        return len;
    if (len > 2 || (len && *line != '\r' && *line != '\n')) {
        note_header(s, line, len);
        return len;
    }
    curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200)
        return len;
    s->head_done = 1;
    chat_idle_listen(s->easy);
    if (s->spec.cb->head)
        s->spec.cb->head(s->spec.ctx, (int)status, s->head);
    return len;
}

static size_t on_data(char *data, size_t size, size_t n, void *baton)
{
    chat_stream_t *s = baton;
    size_t len = size * n;

    switch (chat_stream_offer(s, len)) {
    case CHAT_TAKE_OK:
        chat_driver_gather(s, data, len);
        return len;
    case CHAT_TAKE_LATER:
        return CURL_WRITEFUNC_PAUSE;
    case CHAT_TAKE_STOP:
        break;
    }
    return len ? 0 : 1; /* anything but len ends the transfer */
}

static int on_socket(void *baton, curl_socket_t fd, curlsocktype purpose)
{
    chat_stream_t *s = baton;
    int bytes = UPSTREAM_RCVBUF;

    s->fd = fd;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    return CURL_SOCKOPT_OK;
}

/* ---- never twice ---- */

/*
 * When a connection that is used again breaks before any answer, curl sends the
 * request once more by itself. Mostly that is right: the server had closed it,
 * as it was idle, and never got the request. But an answer that nobody heard is
 * paid for, too, so it must be known. TCP does know: what was read by the other
 * side was acknowledged before its FIN, or with it.
 */

/* curl's own farewell, a TLS alert, may be unacknowledged at any time. */
#define FAREWELL_BYTES 128

static int on_close(void *baton, curl_socket_t fd)
{
    chat_multi_t *m = baton;
    chat_driver_t *d = m->driver;
    int i, port = chat_idle_closed(m, fd);

    if (port) {
        i = d->nclosed++ % CHAT_CLOSED_KEPT;
        d->closed[i].port = port;
        if (ioctl(fd, SIOCOUTQ, &d->closed[i].unread))
            d->closed[i].unread = 0;
    }
    return close(fd);
}

#if LIBCURL_VERSION_NUM >= 0x075000
/* The connection that got the request is closed: did it really get it? */
static int was_unread(const chat_stream_t *s)
{
    const chat_driver_t *d = s->driver;
    unsigned n;

    for (n = s->nclosed; n != d->nclosed; n++) {
        int i = n % CHAT_CLOSED_KEPT;

        if (d->nclosed - n <= CHAT_CLOSED_KEPT && d->closed[i].port == s->port)
            return d->closed[i].unread > FAREWELL_BYTES;
    }
    return 0;
}

/* A request is about to be sent. */
static int on_request(void *baton, char *theirs, char *ours, int their_port,
                      int our_port)
{
    chat_stream_t *s = baton;

    s->fit = CHAT_FIT;
    if (s->posted && !was_unread(s))
        return CURL_PREREQFUNC_ABORT;
    s->fit = chat_idle_take(s, theirs, their_port, our_port);
    if (s->fit != CHAT_FIT)
        return CURL_PREREQFUNC_ABORT;
    s->posted++;
    s->port = our_port;
    s->nclosed = s->driver->nclosed;
    return CURL_PREREQFUNC_OK;
}
#endif

/* ---- the call ---- */

static struct curl_slist *header_list(const apr_array_header_t *lines)
{
    struct curl_slist *list = NULL, *longer;
    int i;

    for (i = 0; i < lines->nelts; i++) {
        longer = curl_slist_append(list, APR_ARRAY_IDX(lines, i, char *));
        if (!longer) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = longer;
    }
    return list;
}

static void set_transport(chat_stream_t *s)
{
    CURL *h = s->easy;
    apr_interval_time_t connect = s->call->timeouts.connect;

    curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(h, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
    /* h1 keep-alive: cheaper per event than many streams on one h2. */
    curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    chat_trust_set(h);
    curl_easy_setopt(h, CURLOPT_BUFFERSIZE, READ_BYTES);
    curl_easy_setopt(h, CURLOPT_UPLOAD_BUFFERSIZE, WRITE_BYTES);
    curl_easy_setopt(h, CURLOPT_MAXAGE_CONN, (long)CHAT_IDLE_SECONDS);
    /* The connection of a call that has just failed may be closed any moment,
     * with or without a word. */
    curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, (long)(s->again_at != 0));
    curl_easy_setopt(h, CURLOPT_SOCKOPTFUNCTION, on_socket);
    curl_easy_setopt(h, CURLOPT_SOCKOPTDATA, s);
    curl_easy_setopt(h, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(h, CURLOPT_CLOSESOCKETDATA, s->multi);
    curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(h, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE);
    curl_easy_setopt(h, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_INTERVAL);
    if (connect > 0)
        curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS,
                         (long)apr_time_as_msec(connect));
#if LIBCURL_VERSION_NUM >= 0x075700
    /* Should curl have to look up a name after all: do not wait for that
     * thread when the client leaves. */
    curl_easy_setopt(h, CURLOPT_QUICK_EXIT, 1L);
#endif
    if (s->call->resolve) {
        s->hosts = curl_slist_append(NULL, s->call->resolve);
        curl_easy_setopt(h, CURLOPT_RESOLVE, s->hosts);
    }
}

static void set_request(chat_stream_t *s)
{
    const chat_call_t *call = s->call;
    CURL *h = s->easy;

    s->headers = header_list(call->headers);
    curl_easy_setopt(h, CURLOPT_URL, call->url);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, s->headers);
    curl_easy_setopt(h, CURLOPT_POST, 1L);
    curl_easy_setopt(h, CURLOPT_POSTFIELDS, call->body);
    curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE,
                     (curl_off_t)call->body_len);
    curl_easy_setopt(h, CURLOPT_PRIVATE, s);
#if LIBCURL_VERSION_NUM >= 0x075000
    curl_easy_setopt(h, CURLOPT_PREREQFUNCTION, on_request);
    curl_easy_setopt(h, CURLOPT_PREREQDATA, s);
#else
    /* No way to look at a connection before it is used again. */
    curl_easy_setopt(h, CURLOPT_FORBID_REUSE, 1L);
#endif
    curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(h, CURLOPT_HEADERDATA, s);
    curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(h, CURLOPT_WRITEDATA, s);
}

static void xfer_start(chat_stream_t *s)
{
    s->easy = chat_easy_take(s->driver);
    s->multi = s->easy ? chat_multi_take(s->driver) : NULL;
    if (!s->multi) {
        chat_stream_end(s, CHAT_END_UNREACHED, "out of memory");
        return;
    }
    if (!s->head)
        s->head = apr_table_make(s->r->pool, 16);
    apr_table_clear(s->head);
    s->head_done = s->posted = 0;
    s->trailers = 0;
    s->fd = -1;
    s->fit = CHAT_FIT;
    set_transport(s);
    set_request(s);
    if (!s->headers ||
        curl_multi_add_handle(s->multi->curl, s->easy) != CURLM_OK)
        chat_stream_end(s, CHAT_END_UNREACHED, "the call cannot be started");
}

/* Nothing was sent: the same transfer on a new connection. */
static void start_afresh(chat_stream_t *s)
{
    s->fit = CHAT_FIT;
    curl_multi_remove_handle(s->multi->curl, s->easy);
    curl_easy_setopt(s->easy, CURLOPT_FRESH_CONNECT, 1L);
    if (curl_multi_add_handle(s->multi->curl, s->easy) != CURLM_OK)
        chat_stream_end(s, CHAT_END_UNREACHED, "the call cannot be started");
}

static void xfer_resume(chat_stream_t *s)
{
    s->waiting = 0;
    s->data_at = s->driver->now; /* the upstream's time runs again */
    curl_easy_pause(s->easy, CURLPAUSE_CONT);
    chat_driver_flush(s->driver);
}

/* 1 once there was a connection: from then on the request may have gone out. */
static int was_asked(const chat_stream_t *s)
{
    curl_off_t connected = 0;

    curl_easy_getinfo(s->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
    return connected > 0 || s->posted;
}

/* Then curl does not look at it again. */
static int xfer_taken(const chat_stream_t *s)
{
    curl_off_t sent = 0;

    if (curl_easy_getinfo(s->easy, CURLINFO_SIZE_UPLOAD_T, &sent) ||
        sent < (curl_off_t)s->call->body_len)
        return 0;
    curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS, "");
    return 1;
}

static void xfer_stop(chat_stream_t *s)
{
    if (s->multi) {
        s->end.asked = was_asked(s);
        curl_multi_remove_handle(s->multi->curl, s->easy);
        chat_idle_give(s);
        chat_multi_give(s->multi);
        s->multi = NULL;
    }
    if (s->easy)
        chat_easy_give(s->driver, s->easy);
    s->easy = NULL;
    curl_slist_free_all(s->headers);
    curl_slist_free_all(s->hosts);
    s->headers = s->hosts = NULL;
    s->waiting = 0;
}

const chat_source_t chat_source_xfer = {
    .start = xfer_start,
    .resume = xfer_resume,
    .taken = xfer_taken,
    .stop = xfer_stop,
};

/* ---- how calls end ---- */

static void call_ended(chat_stream_t *s, CURLcode rc)
{
    switch (rc) {
    case CURLE_OK:
        chat_stream_end(s, CHAT_END_COMPLETE, NULL);
        return;
    case CURLE_OPERATION_TIMEDOUT:
        chat_stream_end(s, CHAT_END_TIMEOUT,
                        "no connection to the upstream in time");
        return;
    default:
        break;
    }
    if (s->fit == CHAT_FIT_EARLY)
        chat_stream_end(s, CHAT_END_BROKEN,
                        "the upstream answered before it was asked");
    else if (s->trailers > TRAILERS_MAX)
        chat_stream_end(s, CHAT_END_BROKEN,
                        "more than 64 KiB of headers after the answer");
    else
        chat_stream_end(s, was_asked(s) ? CHAT_END_BROKEN : CHAT_END_UNREACHED,
                        curl_easy_strerror(rc));
}

void chat_multi_reap(chat_multi_t *m)
{
    chat_driver_t *d = m->driver;
    chat_stream_t *s;
    CURLMsg *msg;
    CURLcode rc;
    int left;

    while ((msg = curl_multi_info_read(m->curl, &left))) {
        if (msg->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&s);
        rc = msg->data.result;
        if (s->fit == CHAT_FIT_STALE && !s->ended) {
            start_afresh(s);
            continue;
        }
        chat_idle_give(s);
        if (d->gathering == s) {
            s->last = rc == CURLE_OK;
            chat_driver_flush(d);
        }
        call_ended(s, rc);
    }
}
