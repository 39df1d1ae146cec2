/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection of the mock LLM: which state it is in, and what comes next. One
 * thread; the timer's function and the event's function drive it.
 */
#include "mock_conn.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "mock_ask.h"
#include "mock_reply.h"

/* An unpaced stream sends so much per turn of the loop. */
#define TURN_BYTES 16384

typedef enum {
    SHAKING,  /* TLS handshake */
    READING,  /* a request */
    WAITING,  /* ... with the head of the answer */
    CRAWLING, /* the head leaves byte by byte */
    SENDING,  /* the events of a stream */
    HUNG,     /* silent until the peer leaves */
    BREAKING, /* all that may leave has left; a reset follows it */
    ENDING    /* what is left goes out, then the next request or the end */
} state_e;

struct mock_conn_t {
    timer_slot_t timer; /* first: timers give it back */
    wire_t wire;
    state_e state;
    unsigned interest; /* epoll events asked for */
    int streaming;     /* counted in stats.open */
    int late;          /* the timer came while output was pending */
    int close, rst;    /* at the end of the answer */
    int continued;     /* 100 Continue was sent */
    int next;          /* event */
    int led;           /* comments before it */
    int array;         /* Gemini's whole answer is an array of one */
    long budget;       /* bytes until the connection breaks, -1: any */
    mock_text_t text;
    buf_t in, out;
    struct mock_conn_t *prev, *next_conn;
};

typedef mock_conn_t conn_t;

mock_t mock;

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

void mock_conn_bury(void)
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

static int by_byte(const mock_text_t *t)
{
    return t->p.fault == MOCK_FAULT_rst_byte ||
           t->p.fault == MOCK_FAULT_close_byte;
}

/* A reset overtakes what is on its way: that has some time to arrive. */
static int break_off(conn_t *c)
{
    c->rst = c->text.p.fault == MOCK_FAULT_rst_byte;
    c->state = BREAKING;
    watch(c, EPOLLRDHUP);
    wake_in(c, c->rst ? 20 : 0);
    return -1;
}

/* Send what can be sent. 1: all of it; 0: later; -1: no more comes of it. */
static int flush(conn_t *c)
{
    size_t most = c->text.p.split ? (size_t)c->text.p.split : SIZE_MAX;

    while (buf_left(&c->out)) {
        size_t n = buf_left(&c->out);
        ssize_t put;

        if (c->budget >= 0 && n > (size_t)c->budget)
            n = c->budget;
        if (!n)
            return break_off(c);
        put = wire_write(&c->wire, buf_at(&c->out), n < most ? n : most);
        if (put == WIRE_BROKEN) {
            gone(c);
            return -1;
        }
        if (put > 0)
            buf_take(&c->out, put);
        if (put > 0 && c->budget >= 0)
            c->budget -= put;
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

static void send_and_wait(conn_t *c, int ms)
{
    switch (flush(c)) {
    case 1:
        watch(c, EPOLLRDHUP);
        /* fall through */
    case 0:
        wake_in(c, ms);
    }
}

static void end_stream(conn_t *c)
{
    if (c->text.p.gate && !mock.gates) {
        send_and_wait(c, 1);
        return;
    }
    mock.gates -= c->text.p.gate;
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

/* A comment instead of an event, then a while of nothing. */
static void send_lead(conn_t *c)
{
    mock_reply_lead(&c->out, &c->text, c->led++);
    send_and_wait(c, c->text.p.wait);
}

static void send_events(conn_t *c)
{
    int total = mock_text_events(&c->text);

    if (c->led < c->text.p.lead) {
        send_lead(c);
        return;
    }
    do {
        if (c->next == total) {
            end_stream(c);
            return;
        }
        mock_reply_event(&c->out, &c->text, c->next++);
        mock.stats.events++;
    } while (!pause_before(c, total) && buf_left(&c->out) < TURN_BYTES);
    send_and_wait(c, pause_before(c, total));
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

/* The faults of a stream's middle: half of what is announced comes. */
static void half_whole(conn_t *c, buf_t *body)
{
    int hang = c->text.p.fault == MOCK_FAULT_hang;

    mock_reply_json(&c->out, &c->text, body, 1);
    c->out.len -= buf_left(body) / 2;
    buf_free(body);
    c->close = 1;
    c->rst = c->text.p.fault == MOCK_FAULT_rst;
    if (!hang) {
        end_answer(c);
        return;
    }
    c->state = HUNG;
    if (flush(c) == 1)
        watch(c, EPOLLRDHUP);
}

static void start_whole(conn_t *c)
{
    buf_t body = {0};

    buf_puts(&body, c->array ? "[" : "");
    mock_text_whole(&body, &c->text);
    buf_puts(&body, c->array ? "]" : "");
    if (mock_text_cut_short(&c->text)) {
        half_whole(c, &body);
        return;
    }
    mock_reply_json(&c->out, &c->text, &body, c->close);
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
    case BREAKING:
        stream_over(c);
        drop(c);
        break;
    default:
        break;
    }
}

/* ---- requests ---- */

static void control(conn_t *c, int target)
{
    buf_t body = {0};
    int status = mock_control(&body, target, &mock.stats, &mock.past);

    mock.gates += target == MOCK_TO_GO;
    if (status == 404)
        mock_text_error(&body, &c->text, 404);
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

/* mock_api_e, -1 for what is no question to a model. */
static int api_of(int target)
{
    return target == MOCK_TO_RESPONSES     ? MOCK_API_RESPONSES
           : target == MOCK_TO_COMPLETIONS ? MOCK_API_COMPLETIONS
           : target == MOCK_TO_MESSAGES    ? MOCK_API_MESSAGES
           : target == MOCK_TO_GEMINI      ? MOCK_API_GEMINI
                                           : -1;
}

/* Only the first calls of a seed go wrong, where times= says so. */
static void count_call(mock_text_t *t)
{
    char path[1024], key[256];

    mock_request_path(&mock.rq, path, sizeof(path));
    mock_request_key(&mock.rq, key, sizeof(key));
    mock_stats_called(&mock.stats, t->p.seed, path, key);
    if (t->p.times &&
        mock_stats_tried(&mock.stats, t->p.seed, path) >= t->p.times) {
        t->p.status = 200;
        t->p.fault = MOCK_FAULT_none;
    }
    mock.stats.requests++;
}

static void begin_llm(conn_t *c)
{
    char why[120];
    int stream;

    memset(&c->text, 0, sizeof(c->text));
    c->text.p = mock.defaults;
    c->text.api = api_of(mock.rq.target);
    if (mock_ask(&c->text, &stream, &mock.rq, why, sizeof(why))) {
        refuse(c, why);
        return;
    }
    count_call(&c->text);
    c->array = mock.rq.array;
    mock_past_add(&mock.past, &mock.rq);
    mock_stats_opened(&mock.stats);
    c->streaming = 1;
    c->late = c->led = 0;
    c->next = stream ? 0 : -1;
    if (!c->text.p.keep || c->text.p.frame == MOCK_FRAME_CLOSE)
        c->close = 1;
    c->budget = by_byte(&c->text) ? c->text.p.after : -1;
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
    if (mock.rq.post && api_of(target) >= 0)
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
        if (c->wire.ssl && SSL_session_reused(c->wire.ssl))
            mock.stats.resumed++;
        c->state = READING;
        watch(c, EPOLLIN | EPOLLRDHUP);
        readable(c);
    }
}

static void writable(conn_t *c)
{
    if (c->state == CRAWLING || c->state == BREAKING || flush(c) != 1)
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

void mock_conn_event(conn_t *c, unsigned events)
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

void mock_conn_accept_all(void)
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
        c->budget = -1;
        c->state = SHAKING;
        shake(c);
    }
}

void mock_conn_timer(timer_slot_t *slot)
{
    step((conn_t *)slot);
}

void mock_conn_drop_all(void)
{
    while (mock.conns)
        drop(mock.conns);
    mock_conn_bury();
}
