/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an administrator has set of a user: he is blocked, or has a tier that
 * counts more than any other. Called by chat_auth.c for each request; no
 * database is asked. Request thread.
 */
#include "chat_auth_int.h"

#include <apr_strings.h>

#include "chat_log.h"
#include "chat_override.h"

/* "2026-11-29T12:34:56Z" */
static const char *time_text(apr_int64_t ms, apr_pool_t *p)
{
    apr_time_exp_t e;

    apr_time_exp_gmt(&e, apr_time_from_msec(ms));
    return apr_psprintf(p, "%04d-%02d-%02dT%02d:%02d:%02dZ", e.tm_year + 1900,
                        e.tm_mon + 1, e.tm_mday, e.tm_hour, e.tm_min, e.tm_sec);
}

static apr_status_t refuse_blocked(request_rec *r, const chat_user_t *user,
                                   const chat_override_user_t *set,
                                   chat_err_t *err)
{
    int level = chat_auth_tell_level(r, CHAT_AUTH_TELL_BLOCKED);
    apr_int64_t now = apr_time_as_msec(apr_time_now());
    const char *until = "";

    ap_log_rerror(APLOG_MARK, level, 0, r,
                  CHATNO(0353) "the user %s is blocked by an administrator: %s",
                  user->subject, set->blocked);
    if (set->block_until) {
        until = apr_pstrcat(r->pool, " until ",
                            time_text(set->block_until, r->pool), NULL);
        err->retry_after = apr_psprintf(r->pool, "%" APR_INT64_T_FMT,
                                        (set->block_until - now + 999) / 1000);
    }
    return chat_err_set(err, APR_EACCES, HTTP_FORBIDDEN, "blocked",
                        apr_pstrcat(r->pool, "This account is blocked", until,
                                    ": ", set->blocked, ".", NULL));
}

apr_status_t chat_auth_settings(const chat_user_t **puser, request_rec *r,
                                const chat_dir_conf_t *conf, chat_err_t *err)
{
    chat_override_user_t set;
    chat_user_t *user;

    if (!(*puser)->id)
        return APR_SUCCESS;
    chat_override_user(&set, chat_ctx(r), (*puser)->subject);
    if (set.blocked)
        return refuse_blocked(r, *puser, &set, err);
    if (!set.tier)
        return chat_auth_tier(puser, r, conf, err);
    user = apr_pmemdup(r->pool, *puser, sizeof(*user));
    user->tier = set.tier;
    *puser = user;
    return APR_SUCCESS;
}
