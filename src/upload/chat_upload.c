/* SPDX-License-Identifier: Apache-2.0 */
/* Files of users, wherever they are. See chat_upload.h. */
#include "chat_upload_int.h"

#include <string.h>

#define SEAL_LEN 16
/* Of the digest of a user. */
#define OWNER_LEN 16
static int is_dir(const chat_upload_at_t *at)
{
    return chat_upload_conf(at->s)->kind == CHAT_UPLOAD_DIR;
}
/* ---- URLs ---- */

static apr_status_t unsigned_url(const chat_upload_at_t *at, apr_status_t rv,
                                 chat_err_t *err)
{
    return rv == APR_SUCCESS ? rv
                             : chat_upload_fail(at, rv, "signed for",
                                                "its URL cannot be made", err);
}

apr_status_t chat_upload_put_url(const char **purl, apr_table_t **pheaders,
                                 const chat_upload_at_t *at,
                                 const chat_upload_file_t *f, int seconds,
                                 chat_err_t *err)
{
    apr_table_t *headers = apr_table_make(at->p, 4);

    apr_table_setn(headers, "Content-Type", f->media_type);
    apr_table_setn(headers, "If-None-Match", "*");
    *pheaders = headers;
    return unsigned_url(
        at,
        is_dir(at) ? chat_upload_dir_url(purl, at, f, "PUT", seconds)
                   : chat_upload_s3_put_url(purl, headers, at, f, seconds),
        err);
}

apr_status_t chat_upload_get_url(const char **purl, const chat_upload_at_t *at,
                                 const chat_upload_file_t *f, int seconds,
                                 chat_err_t *err)
{
    return unsigned_url(at,
                        is_dir(at)
                            ? chat_upload_dir_url(purl, at, f, "GET", seconds)
                            : chat_upload_s3_get_url(purl, at, f, seconds),
                        err);
}

/* ---- each kind ---- */

apr_status_t chat_upload_stat(chat_upload_stat_t *st,
                              const chat_upload_at_t *at,
                              const chat_upload_file_t *f, chat_err_t *err)
{
    memset(st, 0, sizeof(*st));
    return is_dir(at) ? chat_upload_dir_stat(st, at, f, err)
                      : chat_upload_s3_stat(st, at, f, err);
}

apr_status_t chat_upload_read(const chat_upload_at_t *at,
                              const chat_upload_file_t *f, apr_int64_t most,
                              chat_upload_bytes_cb *bytes, void *ctx,
                              chat_err_t *err)
{
    return is_dir(at) ? chat_upload_dir_read(at, f, most, bytes, ctx, err)
                      : chat_upload_s3_read(at, f, most, bytes, ctx, err);
}

apr_status_t chat_upload_write(const chat_upload_at_t *at,
                               const chat_upload_file_t *f,
                               const chat_upload_source_t *from,
                               chat_err_t *err)
{
    return is_dir(at) ? chat_upload_dir_write(at, f, from, err)
                      : chat_upload_s3_write(at, f, from, err);
}

apr_status_t chat_upload_remove(const chat_upload_at_t *at,
                                const chat_upload_file_t *f, chat_err_t *err)
{
    return is_dir(at) ? chat_upload_dir_remove(at, f, err)
                      : chat_upload_s3_remove(at, f, err);
}
