/* SPDX-License-Identifier: Apache-2.0 */
/* What ChatAdmin says. As all of chat_config.h, of which this is a part:
 * read-only once the configuration is read; any thread. */
#ifndef CHAT_CONFIG_ADMIN_H
#define CHAT_CONFIG_ADMIN_H

#include <httpd.h>

/* What may be done to limits at run time (ChatAdmin limits=). */
typedef enum {
    CHAT_ADMIN_LOWER, /* they may be made smaller */
    CHAT_ADMIN_ANY    /* and larger than the configuration has them */
} chat_admin_limits_e;

/* In whose database the settings of this server are; NULL: it has none. */
server_rec *chat_config_admin_home(const server_rec *s);

#endif
