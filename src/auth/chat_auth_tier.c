/* SPDX-License-Identifier: Apache-2.0 */
/* The tier of a user by what is paid for (ChatAuthTier). Called by chat_auth.c
 * for each request; store/ below. Request thread. */
#include "chat_auth_int.h"

#include <apr_strings.h>

#include "chat_accounts.h"

/* Payment services know users by the ids of the application, which are those
 * of the first scheme. */
apr_status_t chat_auth_tier(const chat_user_t **puser, request_rec *r,
                            const chat_dir_conf_t *conf, chat_err_t *err)
{
    const chat_store_at_t at = {.s = r->server, .r = r, .p = r->pool};
    const char *tier = NULL;
    chat_user_t *user;
    apr_status_t rv = APR_NOTFOUND;

    if (!conf->tier.database || !(*puser)->id)
        return APR_SUCCESS;
    if ((*puser)->home)
        rv = chat_store_tier_find(&tier, &at, (*puser)->id, err);
    if (rv != APR_SUCCESS && rv != APR_NOTFOUND)
        return rv;
    user = apr_pmemdup(r->pool, *puser, sizeof(*user));
    if (tier)
        user->tier = tier;
    else if (!user->tier)
        user->tier = conf->tier.basic;
    *puser = user;
    return APR_SUCCESS;
}
