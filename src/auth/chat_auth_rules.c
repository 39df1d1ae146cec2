/* SPDX-License-Identifier: Apache-2.0 */
/* From the configuration to the rules of a token, from its claims to a user.
 * Request thread. */
#include "chat_auth_rules.h"

#include <string.h>

#include "chat_auth_int.h"

/* What Auth.js itself allows two clocks to differ. */
#define AUTHJS_LEEWAY apr_time_from_sec(15)

void chat_auth_rules(chat_auth_jose_rules_t *rules, const chat_dir_conf_t *conf,
                     int jwt)
{
    static const apr_array_header_t none = {.elt_size = sizeof(const char *)};

    memset(rules, 0, sizeof(*rules));
    rules->id = conf->jwt.id;
    rules->role = conf->jwt.role;
    rules->tier = conf->jwt.tier;
    rules->issuers = jwt ? conf->jwt.issuers : &none;
    rules->audiences = jwt ? conf->jwt.audiences : &none;
    rules->required = jwt ? conf->jwt.required : &none;
    rules->leeway = jwt ? conf->jwt.leeway : AUTHJS_LEEWAY;
    rules->now = apr_time_now();
}

const chat_user_t *chat_auth_rules_user(const chat_auth_jose_claims_t *claims,
                                        const char *scheme, request_rec *r)
{
    chat_user_t *user = apr_pcalloc(r->pool, sizeof(*user));

    user->id = claims->id;
    user->role = claims->role;
    user->tier = claims->tier;
    user->scheme = scheme;
    chat_auth_profile_claims(r, claims->name, claims->email, claims->image);
    return user;
}
