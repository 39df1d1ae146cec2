/* SPDX-License-Identifier: Apache-2.0 */
/* What every place of files has: its configuration, names, refusals. See
 * chat_upload.h. */
#include "chat_upload_int.h"

#include <string.h>

#include <http_log.h>
#include <apr_strings.h>

#include "chat_crypto.h"
#include "chat_log.h"
#include "chat_sigv4.h"

#define SEAL_LEN 16
/* Of the digest of a user. */
#define OWNER_LEN 16

const chat_upload_conf_t *chat_upload_conf(const server_rec *s)
{
    const chat_upload_conf_t *conf = chat_config_server(s)->upload.store;

    return conf && conf->kind != CHAT_UPLOAD_OFF ? conf : NULL;
}

/* ---- failures ---- */

apr_status_t chat_upload_fail(const chat_upload_at_t *at, apr_status_t rv,
                              const char *what, const char *why,
                              chat_err_t *err)
{
    if (at->r)
        ap_log_rerror(APLOG_MARK, APLOG_ERR, rv, at->r,
                      CHATNO(0856) "a file of a user cannot be %s: %s", what,
                      why);
    else
        ap_log_error(APLOG_MARK, APLOG_ERR, rv, at->s,
                     CHATNO(0857) "a file of a user cannot be %s: %s", what,
                     why);
    err->retry_after = "5";
    return chat_err_set(err, APR_EGENERAL, HTTP_SERVICE_UNAVAILABLE,
                        "uploads_unavailable",
                        "Files cannot be reached right now.");
}

apr_status_t chat_upload_mismatch(chat_err_t *err, const char *message)
{
    return chat_err_set(err, APR_EINVAL, HTTP_BAD_REQUEST, "upload_mismatch",
                        message);
}

/* ---- names ---- */

const char *chat_upload_key(const char *owner, const char *id, apr_pool_t *p)
{
    unsigned char sum[CHAT_SHA256_LEN] = {0};
    char hex[2 * CHAT_SHA256_LEN + 1];

    chat_crypto_sha256(sum, owner, strlen(owner));
    chat_crypto_hex(hex, sum, sizeof(sum));
    hex[OWNER_LEN] = '\0';
    return apr_pstrcat(p, hex, "/", id, "/file", NULL);
}

const char *chat_upload_seal(apr_pool_t *p)
{
    unsigned char bytes[SEAL_LEN];
    char *hex = apr_palloc(p, 2 * SEAL_LEN + 1);

    if (chat_crypto_random(bytes, sizeof(bytes)) != APR_SUCCESS)
        return NULL;
    chat_crypto_hex(hex, bytes, sizeof(bytes));
    return hex;
}

/* What browsers show and do not run. */
static int is_shown(const char *type)
{
    static const char *const types[] = {"image/png", "image/jpeg", "image/gif",
                                        "image/webp", "application/pdf"};
    apr_size_t i;

    for (i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (!strcmp(type, types[i]))
            return 1;
    return 0;
}

/* For those who do not read filename*. */
static const char *plain_name(const char *name, apr_pool_t *p)
{
    char *out = apr_pstrdup(p, name), *c;

    for (c = out; *c; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f ||
            strchr("\"\\/%", *c))
            *c = '_';
    return out;
}

const char *chat_upload_disposition(const chat_upload_file_t *f, apr_pool_t *p)
{
    return apr_pstrcat(p, is_shown(f->media_type) ? "inline" : "attachment",
                       "; filename=\"", plain_name(f->filename, p),
                       "\"; filename*=UTF-8''",
                       chat_sigv4_encode(f->filename, "", p), NULL);
}
