/* SPDX-License-Identifier: Apache-2.0 */
/* Session cookies of a request. Request thread. */
#include "chat_auth_cookie.h"

#include <string.h>

#include <http_protocol.h>
#include <apr_strings.h>

#include "chat_auth_int.h"
#include "chat_log.h"

#define SECURE_PREFIX "__Secure-"

typedef struct join_t {
    apr_pool_t *pool;
    const char *text;
} join_t;

static int join(void *ctx, const char *key, const char *value)
{
    join_t *j = ctx;

    j->text =
        j->text ? apr_pstrcat(j->pool, j->text, "; ", value, NULL) : value;
    return 1;
}

const char *chat_auth_cookie_header(request_rec *r)
{
    join_t j = {r->pool, NULL};

    apr_table_do(join, &j, r->headers_in, "Cookie", NULL);
    return j.text;
}

int chat_auth_cookie_written(request_rec *r)
{
    const chat_dir_conf_t *written =
        ap_get_module_config(r->per_dir_config, &chat_module);

    return written->auth.cookies != NULL;
}

static void tell_plain(request_rec *r, const char *name)
{
    int level = chat_auth_tell_level(r, CHAT_AUTH_TELL_PLAIN_COOKIE);

    ap_log_rerror(
        APLOG_MARK, level, 0, r,
        CHATNO(
            0327) "cookie %s came over https without the prefix " SECURE_PREFIX
                  ", so another host may have "
                  "planted it: name it in ChatAuthCookie to "
                  "accept it",
        name);
}

int chat_auth_cookie_welcome(request_rec *r, const char *name)
{
    if (chat_auth_cookie_written(r) || strcmp(ap_http_scheme(r), "https") ||
        !strncmp(name, SECURE_PREFIX, strlen(SECURE_PREFIX)))
        return 1;
    tell_plain(r, name);
    return 0;
}
