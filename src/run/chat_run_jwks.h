/* SPDX-License-Identifier: Apache-2.0 */
/* A thread of each child that fetches sets of keys (ChatAuthJWKS URL). */
#ifndef CHAT_RUN_JWKS_H
#define CHAT_RUN_JWKS_H

#include <httpd.h>

/* [child_init] There is none where nothing is to be fetched. */
void chat_run_jwks_child_init(apr_pool_t *pchild, server_rec *s);

#endif
