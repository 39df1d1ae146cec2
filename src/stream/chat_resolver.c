/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The addresses of the upstreams' names, looked up on a worker so that no
 * engine ever waits for DNS. The names come from the configuration: there
 * are few, and the table only grows.
 *
 * An address that is older than its time is used while a thread looks it up
 * again; with DNS down the old ones go on. Only the very first look-up of a
 * name makes requests wait, and only as long as a connect may take; none does
 * for a name that it may not need at all.
 */
#include "chat_stream_int.h"

#include <apr_strings.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>

#include "chat_clock.h"

#define FRESH_US ((chat_mono_t)60 * 1000000)
/* After a failed look-up: requests of this time share the bad news. */
#define FAILED_US ((chat_mono_t)1000000)
#define ADDRESSES_MAX 8
#define LINE_MAX_LEN 1024

typedef struct entry_t {
    char *host;
    apr_port_t port;
    char line[LINE_MAX_LEN]; /* "" until it was found once */
    int pending;             /* some thread looks it up */
    int error;               /* of the last look-up, 0 good */
    chat_mono_t looked_up;   /* when that ended, 0 never */
    SLIST_ENTRY(entry_t) link;
} entry_t;

static SLIST_HEAD(, entry_t) entries;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t found = PTHREAD_COND_INITIALIZER;

int chat_resolver_proxy(void)
{
    return getenv("https_proxy") || getenv("HTTPS_PROXY") ||
           getenv("http_proxy") || getenv("all_proxy") || getenv("ALL_PROXY");
}

/* With a proxy in the environment that looks names up. */
static int is_looked_up(const char *host)
{
    unsigned char buf[sizeof(struct in6_addr)];

    if (inet_pton(AF_INET, host, buf) == 1 || strchr(host, ':'))
        return 0;
    return !chat_resolver_proxy();
}

static entry_t *find(const char *host, apr_port_t port)
{
    entry_t *e;

    SLIST_FOREACH(e, &entries, link)
    {
        if (e->port == port && !strcasecmp(e->host, host))
            return e;
    }
    e = calloc(1, sizeof(*e));
    if (!e)
        return NULL;
    e->host = strdup(host);
    e->port = port;
    SLIST_INSERT_HEAD(&entries, e, link);
    return e;
}

/* "host:port:address,address": all that curl should try, in order. */
static void compose(char *line, const entry_t *e, const struct addrinfo *list)
{
    char address[NI_MAXHOST];
    apr_size_t used;
    int n;

    used = apr_snprintf(line, LINE_MAX_LEN, "%s:%u:", e->host, e->port);
    for (n = 0; list && n < ADDRESSES_MAX; list = list->ai_next, n++) {
        if (getnameinfo(list->ai_addr, list->ai_addrlen, address,
                        sizeof(address), NULL, 0, NI_NUMERICHOST) ||
            used + strlen(address) + 4 > LINE_MAX_LEN)
            continue;
        used += apr_snprintf(line + used, LINE_MAX_LEN - used,
                             list->ai_family == AF_INET6 ? "%s[%s]" : "%s%s",
                             n ? "," : "", address);
    }
}

/* Called and returns with the lock held; releases it while the
 * name server is asked. */
static void look_up(entry_t *e)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *list = NULL;
    int error;

    e->pending = 1;
    pthread_mutex_unlock(&lock);
    error = getaddrinfo(e->host, NULL, &hints, &list);
    pthread_mutex_lock(&lock);
    e->pending = 0;
    e->error = error;
    e->looked_up = chat_clock_now();
    if (!error)
        compose(e->line, e, list);
    if (list)
        freeaddrinfo(list);
    pthread_cond_broadcast(&found);
}

static int is_due(const entry_t *e)
{
    if (e->pending)
        return 0;
    return !e->looked_up ||
           chat_clock_now() - e->looked_up > (e->error ? FAILED_US : FRESH_US);
}

static void wait_for(entry_t *e, apr_interval_time_t wait)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += wait > 0 ? apr_time_sec(wait) + 1 : 3600;
    while (e->pending && !*e->line)
        if (pthread_cond_timedwait(&found, &lock, &until))
            return;
}

static void *look_up_thread(void *baton)
{
    pthread_mutex_lock(&lock);
    look_up(baton);
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* With the lock held: have it looked up by a thread of its own. */
static void start_look_up(entry_t *e)
{
    pthread_attr_t attr;
    pthread_t thread;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    e->pending = 1;
    if (pthread_create(&thread, &attr, look_up_thread, e))
        e->pending = 0; /* the next request may succeed */
    pthread_attr_destroy(&attr);
}

apr_status_t chat_resolver_known(const char **pline, const char *host,
                                 apr_port_t port, apr_pool_t *p)
{
    entry_t *e;

    *pline = NULL;
    if (!is_looked_up(host))
        return APR_SUCCESS;
    pthread_mutex_lock(&lock);
    e = find(host, port);
    if (e && is_due(e))
        start_look_up(e);
    if (e && *e->line)
        *pline = apr_pstrdup(p, e->line);
    pthread_mutex_unlock(&lock);
    return *pline ? APR_SUCCESS : APR_EAGAIN;
}

apr_status_t chat_resolver_line(const char **pline, const char *host,
                                apr_port_t port, apr_interval_time_t wait,
                                const char **pwhy, apr_pool_t *p)
{
    apr_status_t rv = APR_SUCCESS;
    entry_t *e;

    *pline = NULL;
    if (!is_looked_up(host))
        return APR_SUCCESS;
    pthread_mutex_lock(&lock);
    e = find(host, port);
    if (e && is_due(e)) {
        if (*e->line)
            start_look_up(e);
        else
            look_up(e);
    }
    else if (e && !*e->line)
        wait_for(e, wait);
    if (e && *e->line) {
        *pline = apr_pstrdup(p, e->line);
    }
    else {
        rv = APR_EGENERAL;
        *pwhy = !e           ? "out of memory"
                : e->pending ? "the name server does not answer"
                             : gai_strerror(e->error);
    }
    pthread_mutex_unlock(&lock);
    return rv;
}
