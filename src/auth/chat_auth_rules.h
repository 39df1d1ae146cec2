/* SPDX-License-Identifier: Apache-2.0 */
/* Between the configuration of tokens and chat_auth_jose.h. Private to auth/.
 * Request thread. */
#ifndef CHAT_AUTH_RULES_H
#define CHAT_AUTH_RULES_H

#include <httpd.h>

#include "chat_auth_jose.h"
#include "chat_config.h"
#include "chat_types.h"

/* What claims must say here. jwt 1: as ChatAuthJWT has it as well; 0: tokens of
 * Auth.js, which name no parties. rules points into conf. */
void chat_auth_rules(chat_auth_jose_rules_t *rules, const chat_dir_conf_t *conf,
                     int jwt);

/* Whose token r came with. */
const chat_user_t *chat_auth_rules_user(const chat_auth_jose_claims_t *claims,
                                        const char *scheme, request_rec *r);

#endif
