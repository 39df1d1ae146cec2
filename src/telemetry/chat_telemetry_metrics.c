/* SPDX-License-Identifier: Apache-2.0 */
/* All numbers of the server, for ChatRoute metrics. Request thread. */
#include "chat_telemetry.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_metric.h"
#include "chat_stream.h"
#include "chat_telemetry_accept.h"
#include "chat_telemetry_text.h"
#include "chat_upstream.h"

#define PROVIDERS_MAX 64

/* Of money: 1e-10 USD. */
#define DOLLAR APR_UINT64_C(10000000000)

#define OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define PROMETHEUS "text/plain; version=0.0.4; charset=utf-8"

static void put_gauge(chat_telemetry_text_t *t, const char *name,
                      apr_uint64_t value, const char *help)
{
    chat_telemetry_text_family(t, name, CHAT_TELEMETRY_GAUGE, "", help);
    chat_telemetry_text_sample(t, name, "", "", NULL, value, 1);
}

static void put_streams(chat_telemetry_text_t *t)
{
    chat_stream_stats_t stats;

    chat_stream_stats(&stats);
    put_gauge(t, "chat_streams_open", stats.live,
              "Streams that are open, of all processes.");
    put_gauge(t, "chat_streams_parked", stats.parked,
              "Streams that an engine carries, and no worker.");
    put_gauge(t, "chat_engine_fds", stats.fds, "Sockets that engines watch.");
}

static void put_breakers(chat_telemetry_text_t *t)
{
    static const char name[] = "chat_breaker_open";
    chat_upstream_stats_t rows[PROVIDERS_MAX];
    int i, n = chat_upstream_stats(rows, PROVIDERS_MAX);

    chat_telemetry_text_family(t, name, CHAT_TELEMETRY_GAUGE, "",
                               "1 while a provider is not asked, for it "
                               "failed; with the house's keys.");
    for (i = 0; i < n; i++)
        chat_telemetry_text_sample(t, name, "", "provider", &rows[i].name,
                                   strcmp(rows[i].state, "closed") != 0, 1);
}

static void put_server(chat_telemetry_text_t *t)
{
    char httpd[32];
    const char *const versions[] = {CHAT_VERSION, httpd};
    ap_version_t version;

    ap_get_server_revision(&version);
    apr_snprintf(httpd, sizeof(httpd), "%d.%d.%d", version.major, version.minor,
                 version.patch);
    chat_telemetry_text_family(t, "chat_build", CHAT_TELEMETRY_INFO, "",
                               "What runs here.");
    chat_telemetry_text_sample(t, "chat_build", "_info", "version,httpd",
                               versions, 1, 1);
    chat_telemetry_text_family(t, "chat_start_time_seconds",
                               CHAT_TELEMETRY_GAUGE, "seconds",
                               "When the server was started, and all numbers "
                               "were 0; in Unix time.");
    chat_telemetry_text_sample(t, "chat_start_time_seconds", "", "", NULL,
                               chat_metric_since(), APR_USEC_PER_SEC);
}

const char *chat_telemetry_metrics(chat_buf_t *out, const char *accept)
{
    chat_telemetry_text_t t = {
        .out = out,
        .openmetrics = chat_telemetry_accept_openmetrics(accept),
    };
    int i;

    for (i = 0; i < CHAT_METRIC_COUNT; i++)
        chat_telemetry_text_counted(&t, i, i == CHAT_METRIC_COST ? DOLLAR : 1);
    put_streams(&t);
    put_breakers(&t);
    put_server(&t);
    chat_telemetry_text_end(&t);
    return t.openmetrics ? OPENMETRICS : PROMETHEUS;
}
