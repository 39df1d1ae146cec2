/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mock of the providers' APIs for tests: streams that are told byte for byte
 * what to be and how to go wrong (lib/mock_params.h), ten thousand at a time on
 * one epoll thread. What it sends comes from lib/mock_text.c, so that sse_load
 * can check it. Started by ChatTest::Upstream.
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

#include "lib/mock_conn.h"

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
                mock_conn_accept_all();
            else if (evs[i].data.ptr != (void *)&mock)
                mock_conn_event(evs[i].data.ptr, evs[i].events);
            else if (stdin_ended())
                return;
        }
        now = mono_ns();
        while ((slot = timers_due(&mock.timers, now)))
            mock_conn_timer(slot);
        mock_conn_bury();
    }
}

static void usage(void)
{
    puts("mock_llm [-p port] [-d params] [-c cert -k key]\n"
         "  Imitates POST .../responses, .../chat/completions, .../messages "
         "and\n"
         "  .../models/M:streamGenerateContent?alt=sse, GET .../models.\n"
         "  Prints its port; ends when its standard input does.\n"
         "  GET /_stats, /_calls (by \"seed path key\"), /_last (request), "
         "/_all (the last\n"
         "  of them) and POST /_reset control it.\n"
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
    mock_conn_drop_all();
    timers_free(&mock.timers);
    mock_past_free(&mock.past);
    mock_request_free(&mock.rq);
    mock_stats_free(&mock.stats);
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
