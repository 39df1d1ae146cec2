/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a provider's words may be a secret. Pure, any thread.
 */
#ifndef CHAT_PROVIDER_MASK_H
#define CHAT_PROVIDER_MASK_H

#include <apr.h>

/* May it be a key, a token or an account, from how it looks? */
int chat_provider_error_looks_secret(const char *word);

/* text into out, of size bytes, with what could be a secret masked; key (or
 * NULL) is one. */
void chat_provider_mask(char *out, apr_size_t size, const char *text,
                        apr_size_t len, const char *key);

#endif
