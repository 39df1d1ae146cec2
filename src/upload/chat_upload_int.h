/* SPDX-License-Identifier: Apache-2.0 */
/* Private to upload/: what each kind of place does. Contracts as in
 * chat_upload.h. */
#ifndef CHAT_UPLOAD_INT_H
#define CHAT_UPLOAD_INT_H

#include "chat_upload.h"

/* The bytes are not what was announced: 400. */
apr_status_t chat_upload_mismatch(chat_err_t *err, const char *message);

/* ---- chat_upload_dir.c ---- */

apr_status_t chat_upload_dir_url(const char **purl, const chat_upload_at_t *at,
                                 const chat_upload_file_t *f,
                                 const char *method, int seconds);
apr_status_t chat_upload_dir_stat(chat_upload_stat_t *st,
                                  const chat_upload_at_t *at,
                                  const chat_upload_file_t *f, chat_err_t *err);
apr_status_t chat_upload_dir_read(const chat_upload_at_t *at,
                                  const chat_upload_file_t *f, apr_int64_t most,
                                  chat_upload_bytes_cb *bytes, void *ctx,
                                  chat_err_t *err);
apr_status_t chat_upload_dir_write(const chat_upload_at_t *at,
                                   const chat_upload_file_t *f,
                                   const chat_upload_source_t *from,
                                   chat_err_t *err);
apr_status_t chat_upload_dir_remove(const chat_upload_at_t *at,
                                    const chat_upload_file_t *f,
                                    chat_err_t *err);

/* ---- chat_upload_s3.c ---- */

apr_status_t chat_upload_s3_put_url(const char **purl, apr_table_t *headers,
                                    const chat_upload_at_t *at,
                                    const chat_upload_file_t *f, int seconds);
apr_status_t chat_upload_s3_get_url(const char **purl,
                                    const chat_upload_at_t *at,
                                    const chat_upload_file_t *f, int seconds);
apr_status_t chat_upload_s3_stat(chat_upload_stat_t *st,
                                 const chat_upload_at_t *at,
                                 const chat_upload_file_t *f, chat_err_t *err);
apr_status_t chat_upload_s3_read(const chat_upload_at_t *at,
                                 const chat_upload_file_t *f, apr_int64_t most,
                                 chat_upload_bytes_cb *bytes, void *ctx,
                                 chat_err_t *err);
apr_status_t chat_upload_s3_write(const chat_upload_at_t *at,
                                  const chat_upload_file_t *f,
                                  const chat_upload_source_t *from,
                                  chat_err_t *err);
apr_status_t chat_upload_s3_remove(const chat_upload_at_t *at,
                                   const chat_upload_file_t *f,
                                   chat_err_t *err);

#endif
