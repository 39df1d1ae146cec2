/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How loud the reasons are why somebody was not let in. Each is worth a line,
 * and clients repeat themselves: so one a second of each is at INFO, the rest
 * at DEBUG. No line holds a token or a cookie's value. Called by the schemes;
 * request threads, without a lock.
 */
#include "chat_auth_int.h"

#include <http_log.h>
#include <apr_time.h>

#include "chat_log.h"

/* In r->notes, which is httpd's place for such. */
#define TOLD "chat-auth-told"

/* So many signatures that do not fit are no accident when none did. */
#define MISFITS 3

/* The second in which a reason was last told. */
static apr_int64_t last[CHAT_AUTH_TELL_COUNT];

static int fitted, misfits;

int chat_auth_tell_level(request_rec *r, chat_auth_tell_e why)
{
    apr_int64_t now = apr_time_sec(apr_time_now());

    apr_table_setn(r->notes, TOLD, "1");
    return __atomic_exchange_n(&last[why], now, __ATOMIC_RELAXED) == now
               ? APLOG_DEBUG
               : APLOG_INFO;
}

int chat_auth_tell_was_told(request_rec *r)
{
    return apr_table_get(r->notes, TOLD) != NULL;
}

void chat_auth_tell_signature(request_rec *r, int fits)
{
    if (fits)
        __atomic_exchange_n(&fitted, 1, __ATOMIC_RELAXED);
    else if (!__atomic_load_n(&fitted, __ATOMIC_RELAXED) &&
             __atomic_add_fetch(&misfits, 1, __ATOMIC_RELAXED) == MISFITS)
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r,
                      CHATNO(0324) "no session that this child has seen was "
                                   "signed with a secret of ChatAuthSecret, "
                                   "and %d were not: is it the "
                                   "BETTER_AUTH_SECRET of the application?",
                      MISFITS);
}
