/* SPDX-License-Identifier: Apache-2.0 */
/* What a collector says of a request that it has taken. Pure: values in, values
 * out; links alone into its unit test. */
#ifndef CHAT_RUN_EXPORT_TOLD_H
#define CHAT_RUN_EXPORT_TOLD_H

#include "chat_otlp.h"

/* How many spans, or records, it has rejected; 0 where it does not say. */
apr_int64_t chat_run_export_told(const char *text, apr_size_t len,
                                 chat_otlp_e protocol, apr_pool_t *p);

#endif
