/* SPDX-License-Identifier: Apache-2.0 */
/* The statements of ChatAuthSession's layouts that the configuration does not
 * name itself. Constants only, any thread. */
#ifndef CHAT_CONFIG_LAYOUT_H
#define CHAT_CONFIG_LAYOUT_H

/* The one that has, behind the five columns of chat_store_session_find(), name,
 * email and image of the account: of the layout whose statement that is, else
 * itself. */
const char *chat_config_layout_profile(const char *session_sql);

#endif
