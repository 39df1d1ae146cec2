/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sentence of a provider that refused, for the log: without what it repeats
 * of the question. Pure, links alone into its unit test.
 */
#ifndef CHAT_RUN_SAID_H
#define CHAT_RUN_SAID_H

#include <apr_pools.h>

/*
 * text, masked already, without the passages that stand in asked, the body of
 * the call, and without long quotations; the model's name may stand in it. In
 * p. NULL: there is no text, or nobody knows any more what was asked.
 */
const char *chat_run_said(const char *text, const char *asked,
                          apr_size_t asked_len, const char *model,
                          apr_pool_t *p);

#endif
