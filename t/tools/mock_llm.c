/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mock of OpenAI's API for tests: streams that are told byte for byte what
 * to be and how to go wrong (lib/mock_params.h), ten thousand at a time on one
 * epoll thread. What it sends comes from lib/mock_text.c, so that sse_load can
 * check it. Started by ChatTest::Upstream.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/mock_reply.h"
#include "lib/mock_request.h"
#include "lib/mock_stats.h"
#include "lib/timers.h"
#include "lib/wire.h"

/* An unpaced stream sends so much per turn of the loop. */
#define TURN_BYTES 16384

typedef enum {
    SHAKING,  /* TLS handshake */
    READING,  /* a request */
    WAITING,  /* ... with the head of the answer */
    CRAWLING, /* the head leaves byte by byte */
    SENDING,  /* the events of a stream */
    HUNG,     /* silent until the peer leaves */
    ENDING    /* what is left goes out, then the next request or the end */
} state_e;

typedef struct conn_t {
    timer_slot_t timer; /* first: timers give it back */
    wire_t wire;
    state_e state;
    unsigned interest; /* epoll events asked for */
    int streaming;     /* counted in stats.open */
    int late;          /* the timer came while output was pending */
    int close, rst;    /* at the end of the answer */
    int continued;     /* 100 Continue was sent */
    int next;          /* event */
    mock_text_t text;
    buf_t in, out;
    struct conn_t *prev, *next_conn;
} conn_t;

static struct {
    int epoll, listener;
    SSL_CTX *tls;
    timers_t timers;
    mock_stats_t stats;
    mock_params_t defaults;
    mock_request_t last, rq;
    conn_t *conns;
    conn_t *doomed; /* closed in this turn, freed at its end */
} mock;

static void step(conn_t *c);

/* ---- connections ---- */

static void wake_in(conn_t *c, int64_t ms)
{
    timers_set(&mock.timers, &c->timer, mono_ns() + ms * NS_PER_MS + 1);
}

static void watch(conn_t *c, unsigned interest)
{
    struct epoll_event ev = {.events = interest, .data.ptr = c};

    if (c->interest == interest)
        return;
    epoll_ctl(mock.epoll, c->interest ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
              c->wire.fd, &ev);
    c->interest = interest;
}

static void stream_over(conn_t *c)
{
    if (c->streaming) {
        c->streaming = 0;
        mock.stats.open--;
    }
}

static void drop(conn_t *c)
{
    if (c->wire.fd < 0)
        return;
    stream_over(c);
    timers_unset(&mock.timers, &c->timer);
    wire_close(&c->wire, c->rst);
    mock.stats.connections--;
    if (c->prev)
        c->prev->next_conn = c->next_conn;
    else
        mock.conns = c->next_conn;
    if (c->next_conn)
        c->next_conn->prev = c->prev;
    c->next_conn = mock.doomed;
    mock.doomed = c;
}

static void bury(void)
{
    conn_t *c;

    while ((c = mock.doomed)) {
        mock.doomed = c->next_conn;
        buf_free(&c->in);
        buf_free(&c->out);
        free(c);
    }
}

/* The peer has left. While a stream was due to it, that is news. */
static void gone(conn_t *c)
{
    if (c->streaming && c->state != ENDING) {
        int head = c->state == WAITING || c->state == HUNG;
        mock_stats_closed_by_peer(&mock.stats, c->text.p.seed,
                                  head && !c->next ? -1 : c->next);
    }
    drop(c);
}

/* Send what can be sent. 1: all of it; 0: later; -1: the peer is gone. */
static int flush(conn_t *c)
{
    size_t most = c->text.p.split ? (size_t)c->text.p.split : SIZE_MAX;

    while (buf_left(&c->out)) {
        size_t n = buf_left(&c->out);
        ssize_t put =
            wire_write(&c->wire, buf_at(&c->out), n < most ? n : most);

        if (put == WIRE_BROKEN) {
            gone(c);
            return -1;
        }
        if (put > 0)
            buf_take(&c->out, put);
        if (put < 0 || most != SIZE_MAX)
            break;
    }
    if (!buf_left(&c->out))
        return 1;
    watch(c, EPOLLOUT | EPOLLRDHUP);
    return 0;
}

/* ---- the end of an answer ---- */

static void read_requests(conn_t *c);

static void answer_done(conn_t *c)
{
    stream_over(c);
    mock.stats.done++;
    if (c->close || c->rst) {
        drop(c);
        return;
    }
    c->state = READING;
    c->continued = 0;
    c->text.p.split = 0;
    watch(c, EPOLLIN | EPOLLRDHUP);
    read_requests(c);
}

/* Let the rest leave, then end the answer. */
static void end_answer(conn_t *c)
{
    c->state = ENDING;
    if (flush(c) == 1)
        answer_done(c);
}

/* ---- streams ---- */

static void end_stream(conn_t *c)
{
    switch (c->text.p.fault) {
    case MOCK_FAULT_hang:
        c->state = HUNG;
        if (flush(c) == 1)
            watch(c, EPOLLRDHUP);
        return;
    case MOCK_FAULT_rst:
        c->rst = 1;
        break;
    case MOCK_FAULT_cut:
        mock_reply_half_event(&c->out, &c->text, c->next);
        c->close = 1;
        break;
    case MOCK_FAULT_close:
        c->close = 1;
        break;
    case MOCK_FAULT_badchunk:
        buf_puts(&c->out, "ZZ\r\n");
        c->close = 1;
        break;
    default:
        mock_reply_end(&c->out, &c->text);
    }
    end_answer(c);
}

/* A reset overtakes what is still on its way: give that some time. */
static int pause_before(const conn_t *c, int total)
{
    int pace = c->text.p.pace;

    if (c->next < total)
        return pace;
    return c->text.p.fault == MOCK_FAULT_rst && pace < 20 ? 20 : 0;
}

static void send_events(conn_t *c)
{
    int total = mock_text_events(&c->text);

    do {
        if (c->next == total) {
            end_stream(c);
            return;
        }
        mock_reply_event(&c->out, &c->text, c->next++);
        mock.stats.events++;
    } while (!pause_before(c, total) && buf_left(&c->out) < TURN_BYTES);
    switch (flush(c)) {
    case 1:
        watch(c, EPOLLRDHUP);
        /* fall through */
    case 0:
        wake_in(c, pause_before(c, total));
    }
}

static void start_stream(conn_t *c)
{
    mock_reply_stream_head(&c->out, &c->text);
    if (c->text.p.fault == MOCK_FAULT_slow_head) {
        c->state = CRAWLING;
        step(c);
        return;
    }
    c->state = SENDING;
    if (flush(c) >= 0)
        wake_in(c, c->text.p.first);
}

/* One byte of the head. */
static void crawl(conn_t *c)
{
    if (!buf_left(&c->out)) {
        c->state = SENDING;
        wake_in(c, c->text.p.first);
        return;
    }
    if (wire_write(&c->wire, buf_at(&c->out), 1) == 1)
        buf_take(&c->out, 1);
    wake_in(c, c->text.p.pace ? c->text.p.pace : 1);
}

static void start_whole(conn_t *c)
{
    buf_t body = {0};

    mock_text_whole(&body, &c->text);
    mock_reply_whole(&c->out, 200, "application/json", "", &body, c->close);
    buf_free(&body);
    end_answer(c);
}

/* The time for the head has come. */
static void answer(conn_t *c, int stream)
{
    switch (c->text.p.fault) {
    case MOCK_FAULT_hang_head:
        c->state = HUNG;
        return;
    case MOCK_FAULT_rst_head:
    case MOCK_FAULT_close_head:
        c->rst = c->text.p.fault == MOCK_FAULT_rst_head;
        drop(c);
        return;
    case MOCK_FAULT_garbage:
        c->close = 1;
        /* fall through */
    case MOCK_FAULT_redirect:
    case MOCK_FAULT_html:
        mock_reply_instead(&c->out, &c->text, c->close);
        end_answer(c);
        return;
    }
    if (c->text.p.status != 200) {
        mock_reply_instead(&c->out, &c->text, c->close);
        end_answer(c);
    }
    else if (stream)
        start_stream(c);
    else
        start_whole(c);
}

/* The timer of c came, or its output has drained after the timer came. */
static void step(conn_t *c)
{
    switch (c->state) {
    case WAITING:
        answer(c, c->next == 0);
        break;
    case CRAWLING:
        crawl(c);
        break;
    case SENDING:
        if (buf_left(&c->out))
            c->late = 1;
        else
            send_events(c);
        break;
    default:
        break;
    }
}

/* ---- requests ---- */

static void control(conn_t *c, int target)
{
    static const char models[] =
        "{\"object\":\"list\",\"data\":[{\"id\":\"mock-1\",\"object\":"
        "\"model\",\"created\":1700000000,\"owned_by\":\"mock\"}]}";
    buf_t body = {0};
    int status = 200;

    switch (target) {
    case MOCK_TO_MODELS:
        buf_puts(&body, models);
        break;
    case MOCK_TO_STATS:
        mock_stats_json(&body, &mock.stats);
        break;
    case MOCK_TO_RESET:
        mock_stats_reset(&mock.stats);
        buf_puts(&body, "{}");
        break;
    case MOCK_TO_LAST:
        mock_request_json(&body, &mock.last);
        break;
    default:
        mock.stats.trapped += target == MOCK_TO_TRAP;
        status = 404;
        mock_text_error(&body, 404);
    }
    mock_reply_whole(&c->out, status, "application/json", "", &body, c->close);
    buf_free(&body);
    end_answer(c);
}

static void refuse(conn_t *c, const char *why)
{
    buf_t body = {0};

    mock.stats.bad++;
    c->close = 1;
    buf_puts(&body, why);
    mock_reply_whole(&c->out, 400, "text/plain", "", &body, 1);
    buf_free(&body);
    end_answer(c);
}

static void remember(void)
{
    mock_request_t last = mock.last;

    mock.last = mock.rq;
    mock.rq = last;
}

static void begin_llm(conn_t *c)
{
    char why[120];
    int stream = mock.rq.stream, usage = mock.rq.include_usage;

    memset(&c->text, 0, sizeof(c->text));
    c->text.p = mock.defaults;
    c->text.api = mock.rq.target == MOCK_TO_COMPLETIONS ? MOCK_API_COMPLETIONS
                                                        : MOCK_API_RESPONSES;
    if (mock_request_params(&c->text.p, &mock.rq, why, sizeof(why))) {
        refuse(c, why);
        return;
    }
    if (c->text.api == MOCK_API_COMPLETIONS && !usage)
        c->text.p.usage = 0;
    remember();
    mock.stats.requests++;
    mock_stats_opened(&mock.stats);
    c->streaming = 1;
    c->late = 0;
    c->next = stream ? 0 : -1;
    if (!c->text.p.keep || c->text.p.frame == MOCK_FRAME_CLOSE)
        c->close = 1;
    c->state = WAITING;
    watch(c, EPOLLRDHUP);
    if (c->text.p.head)
        wake_in(c, c->text.p.head);
    else
        step(c);
}

static void begin(conn_t *c)
{
    int target = mock.rq.target;

    c->close = mock.rq.close;
    if (mock.rq.post &&
        (target == MOCK_TO_RESPONSES || target == MOCK_TO_COMPLETIONS))
        begin_llm(c);
    else
        control(c, target);
}

static void read_requests(conn_t *c)
{
    int rc;

    if (!buf_left(&c->in))
        return;
    rc = mock_request_parse(&mock.rq, &c->in);
    if (rc > 0)
        begin(c);
    else if (rc < 0)
        refuse(c, "mock: this is no HTTP/1.1 request\n");
    else if (mock.rq.expects && !c->continued) {
        c->continued = 1;
        buf_puts(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
        flush(c);
    }
    mock.rq.expects = 0;
}

static void readable(conn_t *c)
{
    for (;;) {
        ssize_t n = wire_read(&c->wire, buf_room(&c->in, 16384), 16384);

        if (n == WIRE_AGAIN)
            break;
        if (n <= 0) {
            gone(c);
            return;
        }
        c->in.len += n;
    }
    read_requests(c);
}

static void shake(conn_t *c)
{
    int rc = wire_handshake(&c->wire);

    if (rc == WIRE_AGAIN)
        watch(c, c->wire.want | EPOLLRDHUP);
    else if (rc < 0)
        drop(c);
    else {
        c->state = READING;
        watch(c, EPOLLIN | EPOLLRDHUP);
        readable(c);
    }
}

static void writable(conn_t *c)
{
    if (c->state == CRAWLING || flush(c) != 1)
        return;
    if (c->state == ENDING)
        answer_done(c);
    else {
        watch(c, c->state == READING ? EPOLLIN | EPOLLRDHUP : EPOLLRDHUP);
        if (c->late) {
            c->late = 0;
            step(c);
        }
    }
}

static void on_event(conn_t *c, unsigned events)
{
    if (c->wire.fd < 0)
        return;
    if (c->state == SHAKING)
        shake(c);
    else if (c->state == READING && events & EPOLLIN)
        readable(c);
    else if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        gone(c);
    else if (events & EPOLLOUT)
        writable(c);
}

static void accept_all(void)
{
    int fd;

    while ((fd = accept4(mock.listener, NULL, NULL,
                         SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        conn_t *c = tool_alloc(sizeof(*c));

        wire_open(&c->wire, fd, mock.tls, 1);
        c->next_conn = mock.conns;
        if (mock.conns)
            mock.conns->prev = c;
        mock.conns = c;
        mock.stats.connections++;
        mock.stats.accepted++;
        c->state = SHAKING;
        shake(c);
    }
}

/* ---- start ---- */

static void listen_on(int port)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons(port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&addr, len) || listen(fd, 16384) ||
        getsockname(fd, (struct sockaddr *)&addr, &len)) {
        fprintf(stderr, "mock_llm: port %d: %s\n", port, strerror(errno));
        exit(1);
    }
    mock.listener = fd;
    printf("%d\n", ntohs(addr.sin_port));
    fflush(stdout);
}

/* data.ptr NULL is the listener; stdin carries its own address. */
static void watch_fd(int fd, void *ptr)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = ptr};

    epoll_ctl(mock.epoll, EPOLL_CTL_ADD, fd, &ev);
}

static int stdin_ended(void)
{
    char junk[256];

    return read(STDIN_FILENO, junk, sizeof(junk)) <= 0;
}

static void serve(void)
{
    struct epoll_event evs[512];

    for (;;) {
        int wait = timers_wait(&mock.timers, mono_ns());
        int n = epoll_wait(mock.epoll, evs, 512, wait), i;
        int64_t now;
        timer_slot_t *slot;

        for (i = 0; i < n; i++) {
            if (!evs[i].data.ptr)
                accept_all();
            else if (evs[i].data.ptr != (void *)&mock)
                on_event(evs[i].data.ptr, evs[i].events);
            else if (stdin_ended())
                return;
        }
        now = mono_ns();
        while ((slot = timers_due(&mock.timers, now)))
            step((conn_t *)slot);
        bury();
    }
}

static void usage(void)
{
    puts("mock_llm [-p port] [-d params] [-c cert -k key]\n"
         "  Imitates POST .../responses and .../chat/completions, GET "
         ".../models.\n"
         "  Prints its port; ends when its standard input does.\n"
         "  GET /_stats, GET /_last (request), POST /_reset control it.\n"
         "Params, name=value between ';', from -d, from the path "
         "(/v1;n=50/responses),\nthe query, and mock(...) in the body:");
    mock_params_help();
}

static void options(int argc, char **argv, int *pport)
{
    const char *cert = NULL, *key = NULL;
    char why[120];
    int opt;

    while ((opt = getopt(argc, argv, "p:d:c:k:h")) != -1) {
        switch (opt) {
        case 'p':
            *pport = atoi(optarg);
            break;
        case 'd':
            if (!mock_params_parse(&mock.defaults, optarg, strlen(optarg), why,
                                   sizeof(why)))
                break;
            fprintf(stderr, "%s\n", why);
            exit(2);
        case 'c':
            cert = optarg;
            break;
        case 'k':
            key = optarg;
            break;
        case 'h':
            usage();
            exit(0);
        default:
            exit(2);
        }
    }
    if (cert && !(mock.tls = wire_tls_server(cert, key ? key : cert))) {
        fprintf(stderr, "mock_llm: cannot use %s\n", cert);
        exit(2);
    }
}

static void finish(void)
{
    while (mock.conns)
        drop(mock.conns);
    bury();
    timers_free(&mock.timers);
    mock_request_free(&mock.last);
    mock_request_free(&mock.rq);
    free(mock.stats.closes);
    SSL_CTX_free(mock.tls);
}

int main(int argc, char **argv)
{
    struct rlimit files;
    int port = 0;

    signal(SIGPIPE, SIG_IGN);
    if (!getrlimit(RLIMIT_NOFILE, &files)) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    mock_params_init(&mock.defaults);
    options(argc, argv, &port);
    mock.epoll = epoll_create1(EPOLL_CLOEXEC);
    listen_on(port);
    watch_fd(mock.listener, NULL);
    watch_fd(STDIN_FILENO, &mock);
    serve();
    finish();
    return 0;
}
