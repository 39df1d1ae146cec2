/* SPDX-License-Identifier: Apache-2.0 */
/* ChatAuth guest: everybody else, without a name. Request thread. */
#include "chat_auth_int.h"

static apr_status_t identify(const chat_user_t **puser, request_rec *r,
                             const chat_dir_conf_t *conf, chat_err_t *err)
{
    static const chat_user_t guest = {.scheme = "guest"};

    *puser = &guest;
    return APR_SUCCESS;
}

const chat_auth_scheme_t chat_auth_guest = {
    .name = "guest",
    .missing = "nobody",
    .identify = identify,
};
