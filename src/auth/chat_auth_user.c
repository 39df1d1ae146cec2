/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ChatAuth user: whoever another authentication of Apache has let in (Basic,
 * LDAP, OpenID Connect, a client certificate). Request thread.
 */
#include "chat_auth_int.h"

#include <apr_strings.h>

static apr_status_t identify(const chat_user_t **puser, request_rec *r,
                             const chat_dir_conf_t *conf, chat_err_t *err)
{
    chat_user_t *user;

    /* A name that AuthType Chat has set came from another scheme of ours. */
    if (!r->user || !*r->user ||
        (r->ap_auth_type && !ap_cstr_casecmp(r->ap_auth_type, "Chat")))
        return APR_NOTFOUND;

    user = apr_pcalloc(r->pool, sizeof(*user));
    user->id = apr_pstrdup(r->pool, r->user);
    user->scheme = chat_auth_user.name;
    *puser = user;
    return APR_SUCCESS;
}

const chat_auth_scheme_t chat_auth_user = {
    .name = "user",
    .missing = "no user whom Apache has let in",
    .ambient = 1, /* whatever it was, a browser may have sent it by itself */
    .identify = identify,
};
