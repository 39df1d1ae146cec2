/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source that is one HTTP call to an upstream, by libcurl. The same code
 * under all drivers. Driver's thread.
 */
#include "chat_xfer_int.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <errno.h>
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
        apr_table_clear(s->xfer->head);
        return;
    }
    if (!colon || apr_table_elts(s->xfer->head)->nelts >= HEADERS_MAX)
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
    apr_table_addn(s->xfer->head, name, c);
}

static size_t on_header(char *line, size_t size, size_t n, void *baton)
{
    chat_stream_t *s = baton;
    chat_xfer_t *x = s->xfer;
    size_t len = size * n;
    long status = 0;

    if (x->head_done) {
        x->trailers += len;
        return x->trailers <= TRAILERS_MAX ? len : 0;
    }
    if (s->ended)
        return len;
    if (len > 2 || (len && *line != '\r' && *line != '\n')) {
        note_header(s, line, len);
        return len;
    }
    curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200)
        return len;
    x->head_done = 1;
    /* From now on no request is sent once more. */
    if (s->call.spec->secret)
        chat_stream_guard_wipe(x->headers);
    chat_idle_listen(x->easy);
    if (s->spec.cb->head)
        s->spec.cb->head(s->spec.ctx, (int)status, x->head);
    return len;
}

static size_t on_data(char *data, size_t size, size_t n, void *baton)
{
    chat_stream_t *s = baton;
    size_t len = size * n;

    switch (chat_stream_offer(s, len)) {
    case CHAT_OFFER_ACCEPTED:
        chat_curl_gather(s, data, len);
        return len;
    case CHAT_OFFER_LATER:
        return CURL_WRITEFUNC_PAUSE;
    case CHAT_OFFER_STOP:
        break;
    }
    return len ? 0 : 1; /* anything but len ends the transfer */
}

static int on_socket(void *baton, curl_socket_t fd, curlsocktype purpose)
{
    chat_xfer_t *x = baton;
    int bytes = UPSTREAM_RCVBUF;

    x->fd = fd;
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
    chat_curl_t *c = m->curl;
    int i, port = chat_idle_closed(m, fd);

    if (port) {
        i = c->nclosed++ % CHAT_CLOSED_KEPT;
        c->closed[i].port = port;
        if (ioctl(fd, SIOCOUTQ, &c->closed[i].unread))
            c->closed[i].unread = 0;
    }
    return close(fd);
}

#if LIBCURL_VERSION_NUM >= 0x075000
/* The connection that got the request is closed: did it really get it? */
static int was_unread(const chat_xfer_t *x)
{
    const chat_curl_t *c = x->stream->driver->curl;
    unsigned n;

    for (n = x->nclosed; n != c->nclosed; n++) {
        int i = n % CHAT_CLOSED_KEPT;

        if (c->nclosed - n <= CHAT_CLOSED_KEPT && c->closed[i].port == x->port)
            return c->closed[i].unread > FAREWELL_BYTES;
    }
    return 0;
}

/* A request is about to be sent. */
static int on_request(void *baton, char *theirs, char *ours, int their_port,
                      int our_port)
{
    chat_xfer_t *x = baton;

    x->fit = CHAT_FIT;
    if (x->posted && !x->harmless && !was_unread(x))
        return CURL_PREREQFUNC_ABORT;
    x->fit = chat_idle_acquire(x, theirs, their_port, our_port);
    if (x->fit != CHAT_FIT)
        return CURL_PREREQFUNC_ABORT;
    x->posted++;
    x->port = our_port;
    x->nclosed = x->stream->driver->curl->nclosed;
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

static void set_transport(chat_xfer_t *x)
{
    CURL *h = x->easy;
    apr_interval_time_t connect = x->call->timeouts.connect;

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
    curl_easy_setopt(h, CURLOPT_SOCKOPTFUNCTION, on_socket);
    curl_easy_setopt(h, CURLOPT_SOCKOPTDATA, x);
    curl_easy_setopt(h, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(h, CURLOPT_CLOSESOCKETDATA, x->multi);
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
    if (x->call->resolve) {
        x->hosts = curl_slist_append(NULL, x->call->resolve);
        curl_easy_setopt(h, CURLOPT_RESOLVE, x->hosts);
    }
    x->guard = chat_stream_guard_set(h, x->call);
}

static void set_request(chat_xfer_t *x)
{
    const chat_call_t *call = x->call;
    CURL *h = x->easy;

    x->headers = header_list(call->headers);
    curl_easy_setopt(h, CURLOPT_URL, call->url);
    curl_easy_setopt(h, CURLOPT_HTTPHEADER, x->headers);
    curl_easy_setopt(h, CURLOPT_POST, 1L);
    curl_easy_setopt(h, CURLOPT_POSTFIELDS, call->body);
    curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE,
                     (curl_off_t)call->body_len);
    curl_easy_setopt(h, CURLOPT_PRIVATE, x);
#if LIBCURL_VERSION_NUM >= 0x075000
    curl_easy_setopt(h, CURLOPT_PREREQFUNCTION, on_request);
    curl_easy_setopt(h, CURLOPT_PREREQDATA, x);
#else
    /* No way to look at a connection before it is used again. */
    curl_easy_setopt(h, CURLOPT_FORBID_REUSE, 1L);
#endif
}

chat_xfer_t *chat_xfer_create(chat_stream_t *s)
{
    chat_xfer_t *x = apr_pcalloc(s->r->pool, sizeof(*x));

    x->stream = s;
    return x;
}

int chat_xfer_prepare(chat_xfer_t *x, const chat_call_t *call)
{
    chat_curl_t *c = x->stream->driver->curl;

    x->call = call;
    x->easy = chat_curl_acquire(c);
    x->multi = x->easy ? chat_multi_acquire(c) : NULL;
    if (!x->multi)
        return 0;
    x->posted = 0;
    x->fd = -1;
    x->fit = CHAT_FIT;
    set_transport(x);
    set_request(x);
    return x->headers != NULL;
}

int chat_xfer_run(chat_xfer_t *x)
{
    return curl_multi_add_handle(x->multi->handle, x->easy) == CURLM_OK;
}

void chat_xfer_release(chat_xfer_t *x)
{
    if (x->multi) {
        curl_multi_remove_handle(x->multi->handle, x->easy);
        chat_idle_release(x);
        chat_multi_release(x->multi);
        x->multi = NULL;
    }
    if (x->easy)
        chat_curl_release(x->stream->driver->curl, x->easy);
    x->easy = NULL;
    if (x->call && x->call->secret)
        chat_stream_guard_wipe(x->headers);
    curl_slist_free_all(x->headers);
    curl_slist_free_all(x->hosts);
    curl_slist_free_all(x->guard);
    x->headers = x->hosts = x->guard = NULL;
}

/* ---- the stream's own ---- */

static void xfer_start(chat_stream_t *s)
{
    chat_xfer_t *x = s->xfer;

    if (!x) {
        x = s->xfer = chat_xfer_create(s);
        x->head = apr_table_make(s->r->pool, 16);
    }
    apr_table_clear(x->head);
    x->head_done = 0;
    x->trailers = 0;
    if (!chat_xfer_prepare(x, s->call.spec)) {
        chat_stream_end(s, CHAT_END_UNREACHED, "out of memory");
        return;
    }
    /* The connection of a call that has just failed may be closed any moment,
     * with or without a word. */
    curl_easy_setopt(x->easy, CURLOPT_FRESH_CONNECT,
                     (long)(s->call.again_at != 0));
    curl_easy_setopt(x->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(x->easy, CURLOPT_HEADERDATA, s);
    curl_easy_setopt(x->easy, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(x->easy, CURLOPT_WRITEDATA, s);
    if (!chat_xfer_run(x))
        chat_stream_end(s, CHAT_END_UNREACHED, "the call cannot be started");
}

/* Nothing was sent: the same transfer on a new connection. */
static int start_afresh(chat_xfer_t *x)
{
    x->fit = CHAT_FIT;
    curl_multi_remove_handle(x->multi->handle, x->easy);
    curl_easy_setopt(x->easy, CURLOPT_FRESH_CONNECT, 1L);
    return chat_xfer_run(x);
}

static void xfer_resume(chat_stream_t *s)
{
    s->call.waiting = 0;
    s->call.data_at = s->driver->now; /* the upstream's time runs again */
    if (curl_easy_pause(s->xfer->easy, CURLPAUSE_CONT) != CURLE_OK)
        chat_xfer_lost(s->xfer->easy, "it cannot be resumed");
    chat_curl_flush(s->driver->curl);
}

/* 1 once there was a connection: from then on the request may have gone out. */
static int was_asked(const chat_stream_t *s)
{
    curl_off_t connected = 0;

    curl_easy_getinfo(s->xfer->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
    return connected > 0 || s->xfer->posted;
}

/* Then curl does not look at it again. */
static int xfer_is_sent(const chat_stream_t *s)
{
    curl_off_t sent = 0;

    if (curl_easy_getinfo(s->xfer->easy, CURLINFO_SIZE_UPLOAD_T, &sent) ||
        sent < (curl_off_t)s->call.spec->body_len)
        return 0;
    curl_easy_setopt(s->xfer->easy, CURLOPT_POSTFIELDS, "");
    return 1;
}

static void xfer_stop(chat_stream_t *s)
{
    chat_xfer_t *x = s->xfer;

    s->call.waiting = 0;
    if (!x)
        return;
    if (x->multi)
        s->end.asked = was_asked(s);
    chat_xfer_release(x);
}

const chat_source_t chat_source_xfer = {
    .start = xfer_start,
    .resume = xfer_resume,
    .is_sent = xfer_is_sent,
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
    if (s->xfer->fit == CHAT_FIT_EARLY)
        chat_stream_end(s, CHAT_END_BROKEN,
                        "the upstream answered before it was asked");
    else if (s->xfer->trailers > TRAILERS_MAX)
        chat_stream_end(s, CHAT_END_BROKEN,
                        "more than 64 KiB of headers after the answer");
    else
        chat_stream_end(s, was_asked(s) ? CHAT_END_BROKEN : CHAT_END_UNREACHED,
                        curl_easy_strerror(rc));
}

void chat_xfer_lost(CURL *easy, const char *detail)
{
    chat_xfer_t *x = NULL;
    chat_stream_t *s;

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&x);
    if (!x)
        return;
    s = x->stream;
    if (x == s->aside.xfer)
        s->aside.ops->lost(s);
    else if (!s->ended)
        chat_stream_end(s, was_asked(s) ? CHAT_END_BROKEN : CHAT_END_UNREACHED,
                        detail);
}

/* The stream's own transfer is over, by curl. */
static void reap(chat_stream_t *s, CURLcode rc)
{
    chat_curl_t *c = s->driver->curl;

    chat_idle_release(s->xfer);
    if (c->gathering == s) {
        s->call.last = rc == CURLE_OK;
        chat_curl_flush(c);
    }
    call_ended(s, rc);
}

void chat_xfer_reap(chat_multi_t *m)
{
    chat_xfer_t *x;
    CURLMsg *msg;
    CURLcode rc;
    int left;

    while ((msg = curl_multi_info_read(m->handle, &left))) {
        if (msg->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&x);
        rc = msg->data.result;
        if (x->fit == CHAT_FIT_STALE && !x->stream->ended && start_afresh(x))
            continue;
        if (x == x->stream->aside.xfer)
            x->stream->aside.ops->ended(x->stream, rc);
        else
            reap(x->stream, rc);
    }
}
