/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directories of the server's children alone: what one of them puts there the
 * others believe, so nobody else may write there. Paths are as children have
 * them: where httpd has a ChrootDir, below that. Start-up, main thread.
 */
#ifndef CHAT_PRIVATE_H
#define CHAT_PRIVATE_H

#include <httpd.h>

/* Where what is under way is kept: the directory that ChatStreamResume names,
 * or "chat" in DefaultRuntimeDir. In p, without a slash at its end. */
const char *chat_private_place(const server_rec *s, apr_pool_t *p);

/* [check_config] NULL, or why it cannot be used, in p. One that is not there
 * yet can be, unless something is in the way. */
const char *chat_private_check(const char *path, apr_pool_t *p);

/* [post_config] Make it, for the User of the children, with mode 0700. NULL, or
 * why it cannot be used, in p. */
const char *chat_private_make(const char *path, apr_pool_t *p);

/* [post_config] Another server would do with the files there what is right for
 * its own database. NULL: until this process ends it is this server's; or, in
 * p, which server has it. A server that begins while its old processes end is
 * the same, by its PidFile. */
const char *chat_private_claim(const char *path, const server_rec *s,
                               apr_pool_t *p);

#endif
