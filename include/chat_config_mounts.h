/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a server has its routes, as the configuration files show it. Known once
 * check_config has run; any thread may look.
 */
#ifndef CHAT_CONFIG_MOUNTS_H
#define CHAT_CONFIG_MOUNTS_H

#include "chat_config.h"

/* A plain <Location> that serves a route. */
typedef struct chat_mount_t {
    const char *path;
    const chat_dir_conf_t *conf; /* merged, with its defaults */
} chat_mount_t;

/* Those of that server, chat_mount_t, in their order; a host's begin with those
 * that stand outside hosts. What <LocationMatch>, <If> and .htaccess say is not
 * among them. */
const apr_array_header_t *chat_config_mounts(const server_rec *s);

#endif
