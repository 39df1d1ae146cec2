/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traces as directives and the environment together have them: OTEL_* variables
 * count where no directive says it. A wrong one ends configtest, as a wrong
 * directive does. Main thread, while a configuration is checked.
 */
#include "chat_config_int.h"

#include <stdlib.h>
#include <string.h>

#include <http_log.h>
#include <apr_escape.h>
#include <apr_strings.h>

#include "chat_log.h"

#define USUAL_BASE "http://localhost:4318"

/* Read-only once the configuration is checked. */
static chat_trace_setup_t *setup;

const chat_trace_setup_t *chat_config_trace(void)
{
    return setup;
}

/* What is being read, and what came of it. */
typedef struct reading_t {
    server_rec *s;
    const chat_server_trace_t *conf;
    apr_pool_t *p;
    int faults;
} reading_t;

/* NULL: it is not there, or empty, which OpenTelemetry takes for the same. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

/* The one for traces counts more. */
static const char *of_traces(const char **pname, const char *end, apr_pool_t *p)
{
    const char *value;

    *pname = apr_pstrcat(p, "OTEL_EXPORTER_OTLP_TRACES_", end, NULL);
    value = variable(*pname);
    if (value)
        return value;
    *pname = apr_pstrcat(p, "OTEL_EXPORTER_OTLP_", end, NULL);
    return variable(*pname);
}

static void check(reading_t *reading, const char *why)
{
    if (!why)
        return;
    ap_log_error(APLOG_MARK, APLOG_ERR | APLOG_STARTUP, 0, reading->s,
                 CHATNO(0145) "the environment of httpd: %s", why);
    reading->faults++;
}

static int is_used(const server_rec *s)
{
    for (; s; s = s->next)
        if (chat_config_server(s)->trace.used > 0)
            return 1;
    return 0;
}

/* ---- where to ---- */

static const char *read_url(reading_t *reading, const char *name,
                            const char *value)
{
    chat_config_url_t url;

    check(reading,
          chat_config_parse_url(&url, name, value, USUAL_BASE, reading->p));
    return value;
}

static const char *below(const char *base, const char *path, apr_pool_t *p)
{
    apr_size_t len = strlen(base);

    while (len && base[len - 1] == '/')
        len--;
    return apr_pstrcat(p, apr_pstrmemdup(p, base, len), path, NULL);
}

/* OTEL_TRACES_EXPORTER and its like: otlp or none. */
static int is_sent(reading_t *reading, const char *name)
{
    static const char *const names[] = {"otlp", "none", NULL};
    const char *value = variable(name);
    int which = 0;

    if (value)
        check(reading,
              chat_config_parse_name(&which, name, value, names, reading->p));
    return which == 0;
}

static const char *find_url(reading_t *reading, const char *exporter,
                            const char *own, const char *path)
{
    static const char all[] = "OTEL_EXPORTER_OTLP_ENDPOINT";
    const char *value;

    if (!is_sent(reading, exporter))
        return NULL;
    if (reading->conf->url)
        return *reading->conf->url ? below(reading->conf->url, path, reading->p)
                                   : NULL;
    value = variable(own);
    if (value) /* as it is */
        return read_url(reading, own, value);
    value = variable(all);
    return below(value ? read_url(reading, all, value) : USUAL_BASE, path,
                 reading->p);
}

static int find_protocol(reading_t *reading)
{
    static const char *const names[] = {"http/json", "http/protobuf", NULL};
    int protocol = CHAT_OTLP_JSON;
    const char *name, *value = of_traces(&name, "PROTOCOL", reading->p);

    if (reading->conf->protocol != CHAT_UNSET)
        return reading->conf->protocol;
    if (value && !strcmp(value, "grpc"))
        check(reading, apr_psprintf(reading->p,
                                    "%s is grpc, which mod_chat does not "
                                    "speak: write http/protobuf or http/json, "
                                    "and the port of that (4318)",
                                    name));
    else if (value)
        check(reading, chat_config_parse_name(&protocol, name, value, names,
                                              reading->p));
    return protocol;
}

/* Spans are small, and a collector is near. */
static void refuse_compression(reading_t *reading)
{
    const char *name, *value = of_traces(&name, "COMPRESSION", reading->p);

    if (value && strcmp(value, "none") != 0)
        check(reading, apr_psprintf(reading->p,
                                    "%s is \"%s\", but mod_chat sends traces "
                                    "as they are: write none",
                                    name, value));
}

static const char *find_file(reading_t *reading, const char *written,
                             const char *end)
{
    const char *name, *path, *value = of_traces(&name, end, reading->p);

    if (written || !value)
        return written;
    check(reading, chat_config_trace_file(&path, name, value, reading->p));
    return path;
}

static void find_certificates(reading_t *reading)
{
    const chat_server_trace_t *conf = reading->conf;

    setup->ca = find_file(reading, conf->ca, "CERTIFICATE");
    setup->cert = find_file(reading, conf->cert, "CLIENT_CERTIFICATE");
    setup->key = find_file(reading, conf->key, "CLIENT_KEY");
    if (!setup->cert != !setup->key)
        check(reading, "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and "
                       "OTEL_EXPORTER_OTLP_CLIENT_KEY belong together");
}

/* ---- "name=value,name=value", percent-encoded ---- */

static apr_array_header_t *read_pairs(reading_t *reading, const char *name,
                                      const char *text)
{
    apr_array_header_t *pairs =
        apr_array_make(reading->p, 8, sizeof(const char *));
    char *last, *pair = apr_strtok(apr_pstrdup(reading->p, text), ",", &last);

    for (; pair; pair = apr_strtok(NULL, ",", &last)) {
        char *equals = strchr(pair, '=');

        if (equals) {
            *equals++ = '\0';
            apr_collapse_spaces(pair, pair);
        }
        if (!equals || !*pair ||
            apr_unescape_url(equals, equals, APR_ESCAPE_STRING, NULL, NULL, 0,
                             NULL) == APR_BADCH ||
            strpbrk(equals, "\r\n")) {
            check(reading,
                  apr_psprintf(reading->p,
                               "%s is no list of NAME=VALUE, with commas "
                               "between them and %%XX in the values",
                               name));
            return pairs;
        }
        while (*equals == ' ')
            equals++;
        APR_ARRAY_PUSH(pairs, const char *) = pair;
        APR_ARRAY_PUSH(pairs, const char *) = equals;
    }
    return pairs;
}

/* They mostly hold a secret: as with others of the environment, nobody else
 * sees it. */
static const apr_array_header_t *find_headers(reading_t *reading)
{
    cmd_parms cmd = {.temp_pool = reading->p};
    const char *name = "OTEL_EXPORTER_OTLP_TRACES_HEADERS";
    const char *text = chat_config_env(&cmd, name);
    apr_array_header_t *lines =
        apr_array_make(reading->p, 2, sizeof(const char *));
    apr_array_header_t *pairs;
    int i;

    if (reading->conf->headers)
        return reading->conf->headers;
    if (!text)
        text = chat_config_env(&cmd, name = "OTEL_EXPORTER_OTLP_HEADERS");
    if (!text)
        return lines;
    pairs = read_pairs(reading, name, text);
    for (i = 0; i < pairs->nelts; i += 2)
        APR_ARRAY_PUSH(lines, const char *) =
            apr_pstrcat(reading->p, APR_ARRAY_IDX(pairs, i, const char *), ": ",
                        APR_ARRAY_IDX(pairs, i + 1, const char *), NULL);
    return lines;
}

/* ---- of what ---- */

static int has(const apr_array_header_t *pairs, const char *name)
{
    int i;

    for (i = 0; i < pairs->nelts; i += 2)
        if (!strcmp(APR_ARRAY_IDX(pairs, i, const char *), name))
            return 1;
    return 0;
}

static void add(apr_array_header_t *pairs, const char *name, const char *value)
{
    if (!value || has(pairs, name))
        return;
    APR_ARRAY_PUSH(pairs, const char *) = name;
    APR_ARRAY_PUSH(pairs, const char *) = value;
}

/* Directives first, then OTEL_SERVICE_NAME, then the other variable. */
static const apr_array_header_t *find_resource(reading_t *reading)
{
    static const char variable_name[] = "OTEL_RESOURCE_ATTRIBUTES";
    const char *text = variable(variable_name);
    apr_array_header_t *all =
        reading->conf->resource
            ? apr_array_copy(reading->p, reading->conf->resource)
            : apr_array_make(reading->p, 8, sizeof(const char *));
    int i;

    add(all, "service.name", variable("OTEL_SERVICE_NAME"));
    if (text) {
        apr_array_header_t *more = read_pairs(reading, variable_name, text);

        for (i = 0; i < more->nelts; i += 2)
            add(all, APR_ARRAY_IDX(more, i, const char *),
                APR_ARRAY_IDX(more, i + 1, const char *));
    }
    add(all, "service.name", "mod_chat");
    add(all, "service.version", CHAT_VERSION);
    add(all, "telemetry.sdk.name", "mod_chat");
    add(all, "telemetry.sdk.language", "cpp");
    add(all, "telemetry.sdk.version", CHAT_VERSION);
    return all;
}

/* ---- which ---- */

static const struct {
    const char *name;
    int parent, ratio; /* -1: OTEL_TRACES_SAMPLER_ARG */
} samplers[] = {
    {"parentbased_always_on", 1, CHAT_RATIO_ALL},
    {"parentbased_always_off", 1, 0},
    {"parentbased_traceidratio", 1, -1},
    {"always_on", 0, CHAT_RATIO_ALL},
    {"always_off", 0, 0},
    {"traceidratio", 0, -1},
};

#define SAMPLERS (sizeof(samplers) / sizeof(samplers[0]))

static void find_sampler(reading_t *reading)
{
    static const char arg_name[] = "OTEL_TRACES_SAMPLER_ARG";
    const char *names[SAMPLERS + 1] = {NULL};
    const char *value = variable("OTEL_TRACES_SAMPLER");
    const char *arg = variable(arg_name);
    int which = 0;
    apr_size_t i;

    for (i = 0; i < SAMPLERS; i++)
        names[i] = samplers[i].name;
    if (value)
        check(reading, chat_config_parse_name(&which, "OTEL_TRACES_SAMPLER",
                                              value, names, reading->p));
    setup->parent = samplers[which].parent;
    setup->ratio = samplers[which].ratio;
    if (setup->ratio >= 0)
        return;
    setup->ratio = CHAT_RATIO_ALL;
    if (arg)
        check(reading, chat_config_trace_ratio(&setup->ratio, arg_name, arg,
                                               reading->p));
}

/* Those of others are theirs. */
static void find_propagators(void)
{
    const char *value = variable("OTEL_PROPAGATORS");

    setup->context = !value || strstr(value, "tracecontext") != NULL;
    setup->baggage = !value || strstr(value, "baggage") != NULL;
}

/* ---- how ---- */

static int find_number(reading_t *reading, int written, const char *name,
                       int min, int max, int usual)
{
    const char *value = variable(name);
    int n = usual;

    if (written != CHAT_UNSET)
        return written;
    if (value)
        check(reading,
              chat_config_parse_int(&n, name, value, min, max, reading->p));
    return n;
}

/* In milliseconds there. */
static apr_interval_time_t find_time(reading_t *reading,
                                     apr_interval_time_t written,
                                     const char *name, int min, int max,
                                     int usual)
{
    return written != CHAT_UNSET
               ? written
               : apr_time_from_msec(
                     find_number(reading, CHAT_UNSET, name, min, max, usual));
}

static void find_pace(reading_t *reading)
{
    const chat_server_trace_t *conf = reading->conf;
    const char *name;

    of_traces(&name, "TIMEOUT", reading->p);
    setup->timeout = find_time(reading, conf->timeout, name, 100, 60000, 10000);
    setup->delay = find_time(reading, conf->delay, "OTEL_BSP_SCHEDULE_DELAY",
                             10, 60000, 5000);
    setup->queue = find_number(reading, conf->queue, "OTEL_BSP_MAX_QUEUE_SIZE",
                               1, 1000000, 2048);
    setup->batch = find_number(reading, conf->batch,
                               "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1, 10000, 512);
}

static int is_disabled(void)
{
    const char *value = variable("OTEL_SDK_DISABLED");

    return value && !strcasecmp(value, "true");
}

int chat_config_trace_check(server_rec *main_server, apr_pool_t *pconf)
{
    chat_server_trace_t conf = chat_config_server(main_server)->trace;
    reading_t reading = {.s = main_server, .conf = &conf, .p = pconf};

    setup = NULL;
    if (!is_used(main_server) || is_disabled())
        return 0;
    setup = apr_pcalloc(pconf, sizeof(*setup));
    setup->traces =
        find_url(&reading, "OTEL_TRACES_EXPORTER",
                 "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "/v1/traces");
    setup->logs = find_url(&reading, "OTEL_LOGS_EXPORTER",
                           "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "/v1/logs");
    setup->protocol = find_protocol(&reading);
    refuse_compression(&reading);
    find_certificates(&reading);
    setup->headers = find_headers(&reading);
    setup->resource = find_resource(&reading);
    find_sampler(&reading);
    find_propagators();
    find_pace(&reading);
    return reading.faults;
}
