/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client for thousands of event streams at once on one epoll thread, which
 * knows every byte that must come (lib/mock_text.h) and says in JSON what came
 * instead. Options: -h, lib/load_opts.c.
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

#include "lib/arrivals.h"
#include "lib/load_answer.h"
#include "lib/timers.h"
#include "lib/wire.h"

#define FAILURES_SHOWN 20
#define READS_PER_TURN 16 /* of a plain connection */

typedef enum { IDLE, CONNECTING, SHAKING, TALKING, SLEEPING, OVER } state_e;

typedef struct client_t {
    timer_slot_t timer; /* first: timers give it back */
    wire_t wire;
    state_e state;
    unsigned interest;
    int64_t seed;       /* of its first request */
    int64_t due;        /* when that was to be sent, 0: when it is */
    int sent, answered; /* requests, of opts.requests */
    int fresh;          /* nothing was answered on this connection yet */
    long room;          /* bytes a slow reader still takes, -1: any */
    load_answer_t answer;
    buf_t out;
} client_t;

static struct {
    load_opts_t o;
    int epoll, live;
    SSL_CTX *tls;
    timers_t timers;
    load_totals_t totals;
    int64_t started, connects, reconnects, ok, failed;
    int64_t statuses[600];
    buf_t failures, aborts;
    client_t *clients;
    char in[65536];
} load;

/* SIGTERM: no client sends another request. */
static volatile sig_atomic_t enough;

static void connect_client(client_t *c);

/* ---- accounts ---- */

static void fail(const char *why)
{
    if (load.failed++ >= FAILURES_SHOWN)
        return;
    if (load.failures.len)
        buf_puts(&load.failures, ",");
    buf_json(&load.failures, why, strlen(why));
}

static void note_abort(int64_t seed, int64_t ns)
{
    buf_printf(&load.aborts, "%s{\"seed\":%lld,\"ns\":%lld}",
               load.aborts.len ? "," : "", (long long)seed, (long long)ns);
}

/* ---- connections ---- */

static void watch(client_t *c, unsigned interest)
{
    struct epoll_event ev = {.events = interest, .data.ptr = c};
    int op = !c->interest ? EPOLL_CTL_ADD
             : !interest  ? EPOLL_CTL_DEL
                          : EPOLL_CTL_MOD;

    if (c->interest == interest)
        return;
    epoll_ctl(load.epoll, op, c->wire.fd, &ev);
    c->interest = interest;
}

static void hang_up(client_t *c)
{
    watch(c, 0);
    timers_unset(&load.timers, &c->timer);
    wire_close(&c->wire, load.o.rst);
    buf_clear(&c->out);
}

static void over(client_t *c)
{
    hang_up(c);
    c->state = OVER;
    load.live--;
}

/* The client is done for, with all that it still had to do. */
static void give_up(client_t *c, const char *why)
{
    fail(why);
    over(c);
}

static void again(client_t *c)
{
    hang_up(c);
    load.reconnects++;
    c->sent = c->answered;
    connect_client(c);
}

static void next_answer(client_t *c)
{
    load_answer_begin(&c->answer, &load.o, &load.totals, c->seed + c->answered,
                      c->due ? c->due : mono_ns());
}

static void flush(client_t *c)
{
    while (buf_left(&c->out)) {
        ssize_t put = wire_write(&c->wire, buf_at(&c->out), buf_left(&c->out));
        /* A broken connection shows when it is read: an answer may be there. */
        if (put == WIRE_BROKEN)
            buf_clear(&c->out);
        if (put <= 0)
            break;
        buf_take(&c->out, put);
    }
    watch(c, EPOLLIN | (buf_left(&c->out) ? (unsigned)EPOLLOUT : 0));
}

static void send_requests(client_t *c)
{
    const load_opts_t *o = &load.o;

    while (c->sent < o->requests && c->sent - c->answered < o->depth) {
        mock_text_t unused;
        load_opts_request(&c->out, &unused, o, c->seed + c->sent++);
    }
    flush(c);
    if (!o->abort_events)
        timers_set(&load.timers, &c->timer,
                   mono_ns() + o->abort_ms * NS_PER_MS);
}

/* ---- answers ---- */

/* One answer has come whole, or as whole as it was meant to. False when the
 * client is over or on another connection. */
static int settle(client_t *c)
{
    load_answer_t *a = &c->answer;

    if (!load_answer_right(a)) {
        give_up(c, a->why);
        return 0;
    }
    load.ok++;
    load.statuses[a->status]++;
    c->answered++;
    c->fresh = 0;
    if (c->answered == load.o.requests || enough) {
        over(c);
        return 0;
    }
    if (a->close) {
        again(c);
        return 0;
    }
    next_answer(c);
    send_requests(c);
    return 1;
}

static void abort_now(client_t *c)
{
    load.ok++;
    note_abort(c->seed + c->answered, mono_ns());
    c->answered++;
    if (c->answered == load.o.requests)
        over(c);
    else
        again(c);
}

static int wants_abort(const client_t *c)
{
    return load.o.abort_events > 0 && c->answer.k >= load.o.abort_events;
}

/* False when c must not be read from any more in this turn. */
static int take(client_t *c, const char *in, size_t n)
{
    int64_t now = mono_ns();

    if (c->room >= 0)
        c->room -= (long)n;
    while (n) {
        size_t used = load_answer_feed(&c->answer, in, n, now);

        in += used;
        n -= used;
        if (wants_abort(c)) {
            abort_now(c);
            return 0;
        }
        if (c->answer.phase < ANSWER_ENDED)
            break;
        if (!settle(c))
            return 0;
    }
    return 1;
}

static void fall_asleep(client_t *c)
{
    c->room = -1;
    c->state = SLEEPING;
    watch(c, 0);
    timers_set(&load.timers, &c->timer, mono_ns() + load.o.slow_ms * NS_PER_MS);
}

static void ended(client_t *c, int reset)
{
    load_answer_t *a = &c->answer;

    if (load.o.retry && !c->fresh && a->phase == ANSWER_HEAD && !a->head.len) {
        again(c);
        return;
    }
    load_answer_eof(a, reset);
    if (a->phase == ANSWER_ENDED)
        settle(c);
    else
        give_up(c, a->why);
}

static void readable(client_t *c)
{
    int turns = c->wire.ssl ? -1 : READS_PER_TURN;

    while (turns--) {
        size_t most = sizeof(load.in);
        ssize_t n;

        if (c->room == 0) {
            fall_asleep(c);
            return;
        }
        if (c->room > 0 && (size_t)c->room < most)
            most = c->room;
        n = wire_read(&c->wire, load.in, most);
        if (n == WIRE_AGAIN)
            return;
        if (n <= 0) {
            ended(c, n == WIRE_BROKEN);
            return;
        }
        if (!take(c, load.in, n))
            return;
    }
}

/* ---- start of a connection ---- */

static void talk(client_t *c)
{
    c->state = TALKING;
    c->fresh = 1;
    c->room = load.o.slow_bytes;
    next_answer(c);
    send_requests(c);
}

static void shake(client_t *c)
{
    int rc = wire_handshake(&c->wire);

    if (rc == WIRE_AGAIN)
        watch(c, c->wire.want);
    else if (rc < 0)
        give_up(c, "TLS handshake failed");
    else
        talk(c);
}

static void connected(client_t *c)
{
    int err = 0;
    socklen_t len = sizeof(err);

    getsockopt(c->wire.fd, SOL_SOCKET, SO_ERROR, &err, &len);
    if (err) {
        give_up(c, strerror(err));
        return;
    }
    c->state = SHAKING;
    shake(c);
}

static void connect_client(client_t *c)
{
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons(load.o.port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        c->wire.fd = -1;
        give_up(c, strerror(errno));
        return;
    }
    if (load.o.rcvbuf)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &load.o.rcvbuf, sizeof(int));
    wire_open(&c->wire, fd, load.tls, 0);
    inet_pton(AF_INET, load.o.host, &addr.sin_addr);
    load.connects++;
    c->state = CONNECTING;
    if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) &&
        errno != EINPROGRESS)
        give_up(c, strerror(errno));
    else
        watch(c, EPOLLOUT);
}

/* ---- the loop ---- */

static void on_event(client_t *c, unsigned events)
{
    switch (c->state) {
    case CONNECTING:
        connected(c);
        break;
    case SHAKING:
        shake(c);
        break;
    case TALKING:
        if (events & EPOLLOUT)
            flush(c);
        if (events & ~(unsigned)EPOLLOUT)
            readable(c);
        break;
    default:
        break;
    }
}

static void on_timer(client_t *c)
{
    if (c->state == IDLE) {
        hist_add(&load.totals.start, mono_ns() - c->timer.due);
        connect_client(c);
    }
    else if (c->state == SLEEPING) {
        c->state = TALKING;
        flush(c);
    }
    else
        abort_now(c);
}

static void start_clients(void)
{
    const load_opts_t *o = &load.o;
    arrivals_t arrivals;
    int i;

    arrivals_init(&arrivals, o->rate, o->poisson, o->base);
    load.clients = tool_alloc(sizeof(client_t) * (o->conns + 1));
    load.live = o->conns;
    load.started = mono_ns();
    for (i = 0; i < o->conns; i++) {
        client_t *c = &load.clients[i];
        c->wire.fd = -1;
        c->seed = o->base + (int64_t)i * o->requests;
        if (o->rate)
            c->due = load.started + arrivals_next(&arrivals);
        timers_set(&load.timers, &c->timer,
                   c->due
                       ? c->due
                       : load.started + o->ramp_ms * NS_PER_MS * i / o->conns);
    }
}

static void out_of_time(void)
{
    int i;

    for (i = 0; i < load.o.conns; i++) {
        client_t *c = &load.clients[i];
        char why[300];

        if (c->state == OVER)
            continue;
        snprintf(why, sizeof(why),
                 "seed %lld: out of time in state %d, event "
                 "%d, %lld bytes of body",
                 (long long)(c->seed + c->answered), c->state, c->answer.k,
                 (long long)c->answer.body_bytes);
        give_up(c, why);
    }
}

/* To the microsecond where the kernel can, or a schedule of arrivals would be
 * kept to the millisecond. */
static int wait_events(struct epoll_event *evs, int most, int64_t now)
{
    int ms = timers_wait(&load.timers, now);

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 35)
    int64_t ns = load.timers.count ? load.timers.heap[1]->due - now : -1;
    struct timespec wait = {0, ns < 0 ? 0 : ns};

    if (load.o.rate && ms >= 0 && ns < NS_PER_S / 10) {
        int n = epoll_pwait2(load.epoll, evs, most, &wait, NULL);
        if (n >= 0 || errno != ENOSYS)
            return n;
    }
#endif
    return epoll_wait(load.epoll, evs, most, ms < 0 || ms > 100 ? 100 : ms);
}

static void run(void)
{
    struct epoll_event evs[512];
    int64_t deadline = load.started + load.o.seconds * NS_PER_S;

    while (load.live) {
        int64_t now = mono_ns();
        timer_slot_t *slot;
        int n, i;

        if (now > deadline) {
            out_of_time();
            break;
        }
        while ((slot = timers_due(&load.timers, now)))
            on_timer((client_t *)slot);
        n = wait_events(evs, 512, now);
        for (i = 0; i < n; i++)
            on_event(evs[i].data.ptr, evs[i].events);
    }
}

static void print_statuses(buf_t *out)
{
    const char *comma = "";
    int i;

    for (i = 0; i < 600; i++) {
        if (load.statuses[i]) {
            buf_printf(out, "%s\"%d\":%lld", comma, i,
                       (long long)load.statuses[i]);
            comma = ",";
        }
    }
}

static void print_result(void)
{
    buf_t out = {0};

    buf_printf(&out,
               "{\"ok\":%lld,\"failed\":%lld,\"streams\":%d,\"events\":%lld,"
               "\"bytes\":%lld,\"connects\":%lld,\"reconnects\":%lld,"
               "\"comments\":%lld,\"seconds\":%.3f,\"answers\":{",
               (long long)load.ok, (long long)load.failed, load.o.conns,
               (long long)load.totals.events, (long long)load.totals.bytes,
               (long long)load.connects, (long long)load.reconnects,
               (long long)load.totals.comments,
               (double)(mono_ns() - load.started) / 1e9);
    print_statuses(&out);
    buf_puts(&out, "},\"first_ms\":");
    hist_json(&out, &load.totals.first);
    buf_puts(&out, ",\"gap_ms\":");
    hist_json(&out, &load.totals.gap);
    buf_puts(&out, ",\"over_ms\":");
    hist_json(&out, &load.totals.over);
    buf_puts(&out, ",\"latency_ms\":");
    hist_json(&out, &load.totals.latency);
    buf_puts(&out, ",\"start_ms\":");
    hist_json(&out, &load.totals.start);
    buf_puts(&out, ",\"failures\":[");
    buf_put(&out, load.failures.data ? load.failures.data : "",
            load.failures.len);
    buf_puts(&out, "],\"aborts\":[");
    buf_put(&out, load.aborts.data ? load.aborts.data : "", load.aborts.len);
    buf_puts(&out, "]}\n");
    fwrite(out.data, 1, out.len, stdout);
    buf_free(&out);
}

static void finish(void)
{
    int i;

    for (i = 0; i < load.o.conns; i++) {
        load_answer_free(&load.clients[i].answer);
        buf_free(&load.clients[i].out);
    }
    free(load.clients);
    timers_free(&load.timers);
    buf_free(&load.failures);
    buf_free(&load.aborts);
    load_opts_free(&load.o);
    SSL_CTX_free(load.tls);
}

static void on_sigterm(int signo)
{
    (void)signo;
    enough = 1;
}

int main(int argc, char **argv)
{
    struct rlimit files;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, on_sigterm);
    if (!getrlimit(RLIMIT_NOFILE, &files)) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    load_opts_read(&load.o, argc, argv);
    if (load.o.tls)
        load.tls = wire_tls_client();
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    start_clients();
    run();
    print_result();
    finish();
    return load.failed ? 1 : 0;
}
