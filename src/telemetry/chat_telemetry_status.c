/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The section in mod_status: the counters of engines, limits and providers, for
 * people and (?auto) for programs. Request thread.
 */
#include "chat_telemetry.h"

#include <http_protocol.h>
#include <mod_status.h>

#include "chat_export.h"
#include "chat_limit.h"
#include "chat_override.h"
#include "chat_stream.h"
#include "chat_upstream.h"

typedef struct row_t {
    const char *name;  /* in ?auto */
    const char *label; /* in the page */
    apr_uint64_t value;
} row_t;

#define POLICIES_MAX 64
#define PROVIDERS_MAX 64

/* Settings that the database has not confirmed for so long. */
#define STALE apr_time_from_sec(5)

static void show_limits(request_rec *r, int brief)
{
    chat_limit_stats_t rows[POLICIES_MAX];
    int i, n = chat_limit_stats(rows, POLICIES_MAX);

    if (n && !brief)
        ap_rputs("<table border=\"0\"><tr><th>limit</th><th>allowed</th>"
                 "<th>refused</th><th>exempt</th><th>degraded</th>"
                 "<th>shadowed</th></tr>\n",
                 r);
    for (i = 0; i < n; i++)
        ap_rprintf(r,
                   brief ? "ChatLimit-%s: %" APR_UINT64_T_FMT
                           " %" APR_UINT64_T_FMT " %" APR_UINT64_T_FMT
                           " %" APR_UINT64_T_FMT " %" APR_UINT64_T_FMT "\n"
                         : "<tr><td>%s</td><td>%" APR_UINT64_T_FMT
                           "</td><td>%" APR_UINT64_T_FMT
                           "</td><td>%" APR_UINT64_T_FMT
                           "</td><td>%" APR_UINT64_T_FMT
                           "</td><td>%" APR_UINT64_T_FMT "</td></tr>\n",
                   rows[i].name, rows[i].allowed, rows[i].refused,
                   rows[i].exempt, rows[i].degraded, rows[i].shadowed);
    if (n && !brief)
        ap_rputs("</table>\n", r);
}

static void show_providers(request_rec *r, int brief)
{
    chat_upstream_stats_t rows[PROVIDERS_MAX];
    int i, n = chat_upstream_stats(rows, PROVIDERS_MAX);

    if (n && !brief)
        ap_rputs("<table border=\"0\"><tr><th>provider</th><th>breaker</th>"
                 "<th>calls</th><th>failures</th><th>opened</th><th>keys</th>"
                 "<th>suspended</th></tr>\n",
                 r);
    for (i = 0; i < n; i++)
        ap_rprintf(
            r,
            brief ? "ChatProvider-%s: %s %" APR_UINT64_T_FMT
                    " %" APR_UINT64_T_FMT " %" APR_UINT64_T_FMT " %d %d\n"
                  : "<tr><td>%s</td><td>%s</td><td>%" APR_UINT64_T_FMT
                    "</td><td>%" APR_UINT64_T_FMT "</td><td>%" APR_UINT64_T_FMT
                    "</td><td>%d</td><td>%d</td></tr>\n",
            rows[i].name, rows[i].state, rows[i].calls, rows[i].failures,
            rows[i].opened, rows[i].keys, rows[i].suspended);
    if (n && !brief)
        ap_rputs("</table>\n", r);
}

static const chat_moderation_e shown[] = {
    CHAT_MODERATION_PASS, CHAT_MODERATION_FLAG, CHAT_MODERATION_REPLACE,
    CHAT_MODERATION_BLOCK, CHAT_MODERATION_ERROR};

static void show_verdicts(request_rec *r, int brief, int slot, int output)
{
    const char *name = chat_config_moderation_name(slot);
    const char *phase = output ? "output" : "input";
    apr_size_t i;

    ap_rprintf(r,
               brief ? "ChatModeration-%s-%s:" : "<tr><td>%s</td><td>%s</td>",
               name, phase);
    for (i = 0; i < sizeof(shown) / sizeof(*shown); i++)
        ap_rprintf(
            r, brief ? " %" APR_UINT64_T_FMT : "<td>%" APR_UINT64_T_FMT "</td>",
            chat_telemetry_moderation_counted(slot, output, shown[i]));
    ap_rputs(brief ? "\n" : "</tr>\n", r);
}

static void show_moderation(request_rec *r, int brief)
{
    int slot, none = !chat_config_moderation_name(0);

    if (!none && !brief)
        ap_rputs("<table border=\"0\"><tr><th>moderation</th><th>of</th>"
                 "<th>passed</th><th>flagged</th><th>replaced</th>"
                 "<th>blocked</th><th>errors</th></tr>\n",
                 r);
    for (slot = 0; chat_config_moderation_name(slot); slot++) {
        show_verdicts(r, brief, slot, 0);
        show_verdicts(r, brief, slot, 1);
    }
    if (!none && !brief)
        ap_rputs("</table>\n", r);
}

/* As the child that answers knows them. */
static void show_settings(request_rec *r, int brief)
{
    apr_interval_time_t age;
    int i, revision;

    for (i = 0; i < chat_override_homes(); i++) {
        const char *state;

        revision = chat_override_age(&age, i);
        state = age < 0 || age > STALE ? "stale" : "current";
        ap_rprintf(r,
                   brief ? "ChatSettings: %d %s %" APR_INT64_T_FMT "\n"
                         : "<p>settings of administrators: revision %d, %s "
                           "(the database was heard of %" APR_INT64_T_FMT
                           " s ago)</p>\n",
                   revision, state, age < 0 ? -1 : apr_time_sec(age));
    }
}

static int show_status(request_rec *r, int flags)
{
    chat_export_stats_t e = {0};
    chat_stream_stats_t s;
    apr_size_t i;

    chat_stream_stats(&s);
    chat_export_stats(&e);
    const row_t rows[] = {
        {"ChatLive", "streams open", s.live},
        {"ChatQueued", "waiting for an engine", s.queued},
        {"ChatParked", "held by an engine", s.parked},
        {"ChatStarted", "started", s.started},
        {"ChatDone", "done", s.done},
        {"ChatCancelled", "cancelled by the client", s.cancelled},
        {"ChatStalled", "given up: client takes nothing", s.stalled},
        {"ChatUpstreamErrors", "upstream errors", s.upstream_errors},
        {"ChatTimeouts", "upstream time-outs", s.timeouts},
        {"ChatShutdown", "cut by a stop of the server", s.shutdown},
        {"ChatRefused", "refused: all places taken", s.refused},
        {"ChatFiltered", "not parked: an output filter may block", s.filtered},
        {"ChatBytes", "bytes streamed", s.bytes},
        {"ChatTraceSent", "spans and records sent", e.sent},
        {"ChatTraceDropped", "spans and records dropped", e.dropped},
        {"ChatTraceRetried", "their requests made again", e.retried},
    };

    if (!(flags & AP_STATUS_SHORT))
        ap_rputs("<hr />\n<h2>mod_chat</h2>\n<table>\n", r);
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ap_rprintf(r,
                   flags & AP_STATUS_SHORT
                       ? "%s: %" APR_UINT64_T_FMT "\n"
                       : "<tr><td>%s</td><td align=\"right\">%" APR_UINT64_T_FMT
                         "</td></tr>\n",
                   flags & AP_STATUS_SHORT ? rows[i].name : rows[i].label,
                   rows[i].value);
    if (!(flags & AP_STATUS_SHORT))
        ap_rputs("</table>\n", r);
    show_limits(r, flags & AP_STATUS_SHORT);
    show_providers(r, flags & AP_STATUS_SHORT);
    show_moderation(r, flags & AP_STATUS_SHORT);
    show_settings(r, flags & AP_STATUS_SHORT);
    return OK;
}

void chat_telemetry_register_hooks(apr_pool_t *p)
{
    APR_OPTIONAL_HOOK(ap, status_hook, show_status, NULL, NULL,
                      APR_HOOK_MIDDLE);
}
