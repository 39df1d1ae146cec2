/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that reads settings of administrators. */
#ifndef CHAT_RUN_SETTINGS_H
#define CHAT_RUN_SETTINGS_H

#include <httpd.h>

/* [child_init] What this server has known last, and a thread for what is new.
 */
void chat_run_settings_child_init(apr_pool_t *pchild, server_rec *s);

#endif
