/* SPDX-License-Identifier: Apache-2.0 */
/* Is a key good? A call that costs nothing, and what its answer says. Pure, any
 * thread. */
#include "chat_provider_kit.h"

apr_status_t chat_provider_check_call(chat_call_t *call, const char *path,
                                      int usual, const chat_upstream_t *up,
                                      chat_err_t *err, apr_pool_t *p)
{
    static const chat_turn_t nothing;

    return chat_provider_call(call, path, usual, &nothing, up, err, p);
}

apr_status_t chat_provider_check_build(chat_call_t *call,
                                       const chat_provider_t *provider,
                                       const chat_upstream_t *up,
                                       chat_err_t *err, apr_pool_t *p)
{
    if (provider->build_check)
        return provider->build_check(call, up, err, p);
    return chat_provider_check_call(call, "/models", CHAT_KEY_BEARER, up, err,
                                    p);
}

/* A 403 may be a key that may do less than all, and is good for the rest. */
chat_provider_check_e
chat_provider_check_verdict(const chat_provider_t *provider, int status,
                            const char *body, apr_size_t len, apr_pool_t *p)
{
    chat_err_t err = {0};

    if (status == 200)
        return CHAT_PROVIDER_CHECK_OK;
    if (status == 401)
        return CHAT_PROVIDER_CHECK_INVALID;
    if (status != 400 && status != 403)
        return CHAT_PROVIDER_CHECK_UNKNOWN;
    provider->map_error(&err, status, body, len, p);
    return status == 400 && err.cause == CHAT_CAUSE_AUTH
               ? CHAT_PROVIDER_CHECK_INVALID
           : status == 403 ? CHAT_PROVIDER_CHECK_LIMITED
                           : CHAT_PROVIDER_CHECK_UNKNOWN;
}
