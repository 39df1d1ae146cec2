/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted of a request, for ChatRoute metrics. Whatever thread owns it.
 */
#include "chat_telemetry.h"

#include "chat_metric.h"

void chat_telemetry_count_moderation(const char *hook, const char *verdict)
{
    chat_metric_add(CHAT_METRIC_MODERATION, (const char *[]){hook, verdict}, 1);
}
