/* SPDX-License-Identifier: Apache-2.0 */
/* Options of sse_load and the requests they describe. */
#include "load_opts.h"

#include <getopt.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load_said.h"
#include "mock_ask.h"

static const char help_text[] =
    "sse_load [options] URL\n"
    "  Opens streams from mock_llm (directly or through a gateway), checks\n"
    "  status, head and every byte of every answer, prints JSON, and exits\n"
    "  with 1 when anything was wrong. {i} in URL, body and headers becomes\n"
    "  the request's seed: -s, -s+1, ...\n"
    "  -c N        connections at once (1)\n"
    "  -m N        requests on each, one after another (1)\n"
    "  -P N        ... of which so many may be unanswered (pipelining, 1)\n"
    "  -s SEED     first seed (1)\n"
    "  -b TEXT     body; @FILE reads it from there. The default is a chat\n"
    "              request whose message is mock(seed={i})\n"
    "  -p PARAMS   what the mock was told elsewhere: 'n=50;size=80'\n"
    "  -a API      responses (default), completions, messages or gemini\n"
    "  -D DIALECT  stream, message, completions or ui-message: own events,\n"
    "              whichever API is behind it. Not the bytes are compared but\n"
    "              the text, thoughts, calls and usage; there must be one end\n"
    "  -H LINE     one more request header\n"
    "  -E LINE     a header line that every answer must have\n"
    "  -S STATUS   expected status (200); -X STATUS is allowed as well.\n"
    "              Only a 200 is compared with the mock's text\n"
    "  -e END      clean (default): the whole text and a proper end;\n"
    "              broken: all events before the fault, then no proper end;\n"
    "              any: whatever came is right, and may end anyhow;\n"
    "              failed (with -D): what came before the fault, then one\n"
    "              event that says so, and an end of any kind\n"
    "  -C          allow comment lines between events (heartbeats)\n"
    "  -I          events may have ids, which go up (with -D)\n"
    "  -A K[:MS]   abort: close after K events (K=0: MS after sending)\n"
    "  -R          ... with a reset\n"
    "  -w K:MS     slow reader: after K bytes read nothing for MS\n"
    "  -B BYTES    receive buffer (SO_RCVBUF)\n"
    "  -r MS       spread the connections' starts over so long\n"
    "  -o RATE[:poisson]  start so many connections a second, whether or not\n"
    "              earlier ones were answered, at equal distances or at "
    "random\n"
    "              ones that -s decides. Times count from when each was due\n"
    "  -t SECONDS  for everything (60)\n"
    "  -k          when the server closes an idle connection, go on with a\n"
    "              new one (a restarting server may do that)\n"
    "SIGTERM: each client is over with the answer that it is waiting for.\n"
    "JSON: ok, failed, failures[], answers by status, streams, events, bytes,\n"
    "connects, reconnects, comments, seconds, first_ms (request sent, or due, "
    "to\n"
    "first byte of the body), gap_ms (between events), over_ms (what that is\n"
    "above pace=), latency_ms (with ts=1), start_ms (due to begun, this\n"
    "program's own delay), each with p50 p90 p99 p999 max; aborts[]: {seed, "
    "ns\n"
    "(CLOCK_MONOTONIC)}.\n";

static void die(const char *what, const char *value)
{
    fprintf(stderr, "sse_load: %s: %s (-h helps)\n", what, value);
    exit(2);
}

static long number(const char *name, const char *text)
{
    char *end;
    long v = strtol(text, &end, 10);

    if (end == text || *end || v < 0)
        die(name, text);
    return v;
}

/* "A:B" */
static void pair(const char *name, const char *text, long *pa, int *pb)
{
    char *end;

    *pa = strtol(text, &end, 10);
    *pb = 0;
    if (end == text || *pa < 0 || (*end && *end != ':'))
        die(name, text);
    if (*end)
        *pb = (int)number(name, end + 1);
}

static void read_url(load_opts_t *o, const char *url)
{
    const char *at = strstr(url, "://");
    size_t n;

    if (!at)
        die("not a URL", url);
    o->tls = !strncmp(url, "https:", 6);
    at += 3;
    n = strcspn(at, ":/");
    if (n >= sizeof(o->host))
        die("not a URL", url);
    memcpy(o->host, at, n);
    at += n;
    o->port = o->tls ? 443 : 80;
    if (*at == ':')
        o->port = (int)strtol(at + 1, (char **)&at, 10);
    o->path = *at ? at : "/";
}

static void read_body(load_opts_t *o, const char *text)
{
    FILE *f;
    static buf_t file;

    o->body = text;
    o->body_len = strlen(text);
    if (*text != '@')
        return;
    f = fopen(text + 1, "rb");
    if (!f)
        die("cannot read", text + 1);
    buf_clear(&file);
    while (!feof(f) && !ferror(f))
        file.len += fread(buf_room(&file, 65536), 1, 65536, f);
    fclose(f);
    o->body = file.data;
    o->body_len = file.len;
}

static int end_name(const char *text)
{
    static const char *const names[] = {"clean", "broken", "any", "failed"};
    int i;

    for (i = 0; i < 4; i++) {
        if (!strcmp(text, names[i]))
            return i;
    }
    die("-e", text);
    return 0;
}

/* "RATE" or "RATE:poisson" */
static void read_rate(load_opts_t *o, const char *text)
{
    char *end;
    long rate = strtol(text, &end, 10);

    o->poisson = !strcmp(end, ":poisson");
    if (end == text || rate < 1 || rate > 1000000 || (*end && !o->poisson))
        die("-o", text);
    o->rate = (int)rate;
}

static void read_params(load_opts_t *o, const char *text)
{
    char why[120];

    if (mock_params_parse(&o->params, text, strlen(text), why, sizeof(why)))
        die("-p", why);
}

static void set_counts(load_opts_t *o, int opt, const char *arg)
{
    char name[3] = {'-', (char)opt, '\0'};
    int v = (int)number(name, arg);

    switch (opt) {
    case 'c':
        o->conns = v;
        break;
    case 'm':
        o->requests = v;
        break;
    case 'P':
        o->depth = v ? v : 1;
        break;
    case 'S':
        o->status = v;
        break;
    case 'X':
        o->also = v;
        break;
    case 'B':
        o->rcvbuf = v;
        break;
    case 'r':
        o->ramp_ms = v;
        break;
    default:
        o->seconds = v;
    }
}

static int api_named(const char *name)
{
    static const char *const names[] = {
        [MOCK_API_RESPONSES] = "responses",
        [MOCK_API_COMPLETIONS] = "completions",
        [MOCK_API_MESSAGES] = "messages",
        [MOCK_API_GEMINI] = "gemini",
    };
    int i;

    for (i = 0; i <= MOCK_API_GEMINI; i++) {
        if (!strcmp(names[i], name))
            return i;
    }
    die("no such API", name);
    return -1;
}

static int dialect_named(const char *name)
{
    static const char *const names[] = {
        [LOAD_STREAM] = "stream",
        [LOAD_MESSAGE] = "message",
        [LOAD_COMPLETIONS] = "completions",
        [LOAD_UI] = "ui-message",
    };
    int i;

    for (i = LOAD_STREAM; i <= LOAD_UI; i++) {
        if (!strcmp(names[i], name))
            return i;
    }
    die("no such dialect", name);
    return -1;
}

static void set(load_opts_t *o, int opt, const char *arg)
{
    long a;

    switch (opt) {
    case 's':
        o->base = number("-s", arg);
        break;
    case 'b':
        read_body(o, arg);
        break;
    case 'p':
        read_params(o, arg);
        break;
    case 'a':
        o->api = api_named(arg);
        break;
    case 'D':
        o->dialect = dialect_named(arg);
        break;
    case 'H':
        buf_printf(&o->headers, "%s\r\n", arg);
        break;
    case 'E':
        buf_put(&o->must, arg, strlen(arg) + 1);
        break;
    case 'e':
        o->end = end_name(arg);
        break;
    case 'A':
        pair("-A", arg, &a, &o->abort_ms);
        o->abort_events = (int)a;
        break;
    case 'o':
        read_rate(o, arg);
        break;
    case 'w':
        pair("-w", arg, &o->slow_bytes, &o->slow_ms);
        break;
    default:
        set_counts(o, opt, arg);
    }
}

void load_opts_read(load_opts_t *o, int argc, char **argv)
{
    int opt;

    memset(o, 0, sizeof(*o));
    mock_params_init(&o->params);
    o->conns = o->requests = o->depth = 1;
    o->base = 1;
    o->status = 200;
    o->abort_events = o->slow_bytes = -1;
    o->seconds = 60;
    read_body(o, "{\"messages\":[{\"role\":\"user\",\"content\":"
                 "\"mock(seed={i})\"}]}");
    while ((opt = getopt(argc, argv,
                         "c:m:P:s:b:p:a:D:H:E:S:X:e:CIA:Rw:B:r:o:t:kh")) !=
           -1) {
        if (opt == 'h') {
            fputs(help_text, stdout);
            exit(0);
        }
        else if (opt == '?')
            exit(2);
        else if (opt == 'C')
            o->comments = 1;
        else if (opt == 'I')
            o->ids = 1;
        else if (opt == 'R')
            o->rst = 1;
        else if (opt == 'k')
            o->retry = 1;
        else
            set(o, opt, optarg);
    }
    if (optind + 1 != argc)
        die("one URL is needed", optind < argc ? argv[optind + 1] : "none");
    if (o->rate && o->requests > 1)
        die("with -o each connection has one request", "-m");
    read_url(o, argv[optind]);
}

void load_opts_free(load_opts_t *o)
{
    buf_free(&o->headers);
    buf_free(&o->must);
}

static void fill(buf_t *out, const char *text, size_t n, int64_t seed)
{
    const char *end = text + n, *at;

    while ((at = memmem(text, end - text, "{i}", 3))) {
        buf_put(out, text, at - text);
        buf_printf(out, "%lld", (long long)seed);
        text = at + 3;
    }
    buf_put(out, text, end - text);
}

/* What goes wrong only for some calls is right in the end. */
static void look_at_body(mock_text_t *text, buf_t *body)
{
    json_object *root;

    *buf_room(body, 0) = '\0';
    root = json_tokener_parse(body->data);
    mock_ask_body(text, root);
    json_object_put(root);
    if (text->p.times) {
        text->p.status = 200;
        text->p.fault = MOCK_FAULT_none;
    }
}

void load_opts_request(buf_t *out, mock_text_t *text, const load_opts_t *o,
                       int64_t seed)
{
    buf_t body = {0};
    char why[120];

    fill(&body, o->body, o->body_len, seed);
    text->p = o->params;
    text->p.seed = seed;
    text->api = o->api;
    text->refused = text->ntools = 0;
    if (mock_params_from_body(&text->p, body.data, body.len, why, sizeof(why)))
        die("body", why);
    look_at_body(text, &body);
    if (out) {
        buf_puts(out, "POST ");
        fill(out, o->path, strlen(o->path), seed);
        buf_printf(out,
                   " HTTP/1.1\r\nHost: %s:%d\r\nContent-Length: %zu\r\n"
                   "Content-Type: application/json\r\n",
                   o->host, o->port, body.len);
        if (o->headers.len)
            fill(out, o->headers.data, o->headers.len, seed);
        buf_puts(out, "\r\n");
        buf_put(out, body.data, body.len);
    }
    buf_free(&body);
}
