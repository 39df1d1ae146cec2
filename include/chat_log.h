/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log ids. Every message at DEBUG or above starts with CHATNO(nnnn): unique,
 * never reused, in blocks by room:
 *   01xx config   02xx store   03xx auth     04xx request   05xx stream
 *   06xx provider 07xx reply   08xx run and route       09xx telemetry
 *   10xx limit    11xx upstream 12xx resume
 *   13xx redis    14xx shared
 * ERR: an operator must act. INFO: the one line per request. DEBUG: decisions.
 * Never prompts, answers, cookies, tokens or keys.
 */
#ifndef CHAT_LOG_H
#define CHAT_LOG_H

#include <httpd.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>

extern module AP_MODULE_DECLARE_DATA chat_module;
APLOG_USE_MODULE(chat);

#define CHATNO(n) "CHAT" #n ": "

/* The status of a message. httpd writes it out in front, and of APR_EGENERAL it
 * only knows "Internal error (specific information not available)". */
#define CHAT_LOG_STATUS(rv) ((rv) == APR_EGENERAL ? 0 : (rv))

/* The level of what configtest warns of and the start does in spite of it:
 * there it is a notice, which httpd writes whatever LogLevel says. */
#define CHAT_LOG_ADVICE(level)                                                 \
    (ap_state_query(AP_SQ_RUN_MODE) == AP_SQ_RM_CONFIG_TEST ? (level)          \
                                                            : APLOG_NOTICE)

#endif
