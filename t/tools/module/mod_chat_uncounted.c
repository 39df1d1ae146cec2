/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mod_chat without memory for its metrics, so that it counts nothing: what
 * counting costs is seen beside it, see t/bench/telemetry.pl. The linker puts
 * this in place of the function.
 */
#include "chat_metric.h"

apr_status_t __wrap_chat_metric_post_config(struct server_rec *s);

apr_status_t __wrap_chat_metric_post_config(struct server_rec *s)
{
    return APR_SUCCESS;
}
