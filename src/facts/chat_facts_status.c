/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The section in mod_status: the engines' counters, for people and (?auto)
 * for programs. Request thread.
 */
#include "chat_facts.h"

#include <http_protocol.h>
#include <mod_status.h>

#include "chat_stream.h"

typedef struct row_t {
    const char *name;  /* in ?auto */
    const char *label; /* in the page */
    apr_uint64_t value;
} row_t;

static int show_status(request_rec *r, int flags)
{
    chat_stream_stats_t s;
    apr_size_t i;

    chat_stream_stats(&s);
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
        {"ChatBytes", "bytes streamed", s.bytes},
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
    return OK;
}

void chat_facts_register_hooks(apr_pool_t *p)
{
    APR_OPTIONAL_HOOK(ap, status_hook, show_status, NULL, NULL,
                      APR_HOOK_MIDDLE);
}
