/* SPDX-License-Identifier: Apache-2.0 */
/* A text as a title. Pure (APR), any thread. */
#ifndef CHAT_RUN_TITLE_TEXT_H
#define CHAT_RUN_TITLE_TEXT_H

#include <apr_pools.h>

/* The first 80 characters of a text in one line, by whole words; NULL: it has
 * none. In p. */
const char *chat_run_title_text(const char *text, apr_pool_t *p);

#endif
