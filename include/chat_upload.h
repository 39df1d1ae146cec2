/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where files of users are (ChatUploads): a directory, or an object store.
 * Their bytes come and go by URLs that are signed and last for minutes: who has
 * one may do what it says, and nothing else. Nothing here asks who that is.
 *
 * A thread that may wait, unless a function says otherwise.
 */
#ifndef CHAT_UPLOAD_H
#define CHAT_UPLOAD_H

#include <httpd.h>

#include "chat_config.h"
#include "chat_err.h"

typedef struct chat_upload_at_t {
    server_rec *s;
    request_rec *r; /* NULL: a thread of the server's own */
    apr_pool_t *p;
    /* Path of the uploads route: URLs of a directory begin with it. */
    const char *location;
} chat_upload_at_t;

/* A file, as it shall be or is. */
typedef struct chat_upload_file_t {
    const char *id;   /* a UUID */
    const char *key;  /* chat_upload_key() */
    const char *seal; /* chat_upload_seal() */
    const char *filename, *media_type;
    apr_int64_t size;
    const char *sha256; /* of its bytes, base64; NULL: not known */
} chat_upload_file_t;

/* That of this server; NULL: it keeps no files. Any thread. */
const chat_upload_conf_t *chat_upload_conf(const server_rec *s);

/* A name of which nothing is the client's: it leads nowhere else, and tells
 * whose it is only to who knows that already. Any thread. */
const char *chat_upload_key(const char *owner, const char *id, apr_pool_t *p);
/* A new secret, for the URLs of one file; NULL: there are no random bytes. Any
 * thread. */
const char *chat_upload_seal(apr_pool_t *p);

/* ---- URLs; any thread ---- */

/* To upload it: *pheaders is what the request must have, and no other value.
 * APR_EGENERAL: err is a 503. */
apr_status_t chat_upload_put_url(const char **purl, apr_table_t **pheaders,
                                 const chat_upload_at_t *at,
                                 const chat_upload_file_t *f, int seconds,
                                 chat_err_t *err);
/* To look at it. A browser shows images and PDF, and stores all else. */
apr_status_t chat_upload_get_url(const char **purl, const chat_upload_at_t *at,
                                 const chat_upload_file_t *f, int seconds,
                                 chat_err_t *err);

/* Content-Disposition for it, in p. */
const char *chat_upload_disposition(const chat_upload_file_t *f, apr_pool_t *p);

/* 1: the query of the request is one of chat_upload_put_url(), or _get_url(),
 * of a directory, for that file and method, and has not expired. Request
 * thread. */
int chat_upload_signed(request_rec *r, const chat_upload_file_t *f,
                       const char *method);

/* ---- the files themselves. Failures: 503 uploads_unavailable in err, and the
 * log says why, without a signature ---- */

/* A failure of that kind: what could not be done with a file, as in "written",
 * and why, in which no signature is. */
apr_status_t chat_upload_fail(const chat_upload_at_t *at, apr_status_t rv,
                              const char *what, const char *why,
                              chat_err_t *err);

typedef struct chat_upload_stat_t {
    apr_int64_t size;
    const char *media_type; /* NULL: it is the one that was announced */
} chat_upload_stat_t;

/* APR_NOTFOUND: there is none; err is not filled. */
apr_status_t chat_upload_stat(chat_upload_stat_t *st,
                              const chat_upload_at_t *at,
                              const chat_upload_file_t *f, chat_err_t *err);

/* Bytes of a file, cut anywhere. Not APR_SUCCESS: enough. */
typedef apr_status_t chat_upload_bytes_cb(void *ctx, const char *data,
                                          apr_size_t len);

/* The first most bytes (0: all). APR_NOTFOUND as above. */
apr_status_t chat_upload_read(const chat_upload_at_t *at,
                              const chat_upload_file_t *f, apr_int64_t most,
                              chat_upload_bytes_cb *bytes, void *ctx,
                              chat_err_t *err);

/* As many bytes as f->size says, from get(), which gives at most len, and 0 at
 * the end. APR_EEXIST: it is there already, 409 upload_exists. APR_EINVAL: 400
 * upload_mismatch, they are fewer or more, or not those of sha256. */
typedef struct chat_upload_source_t {
    apr_status_t (*get)(void *ctx, char *data, apr_size_t *plen,
                        chat_err_t *err);
    void *ctx;
} chat_upload_source_t;

apr_status_t chat_upload_write(const chat_upload_at_t *at,
                               const chat_upload_file_t *f,
                               const chat_upload_source_t *from,
                               chat_err_t *err);

/* APR_SUCCESS as well when it was not there. */
apr_status_t chat_upload_remove(const chat_upload_at_t *at,
                                const chat_upload_file_t *f, chat_err_t *err);

/* Of a directory: the file, open for reading, in p. APR_NOTFOUND as above. */
apr_status_t chat_upload_open(apr_file_t **pfile, const chat_upload_at_t *at,
                              const chat_upload_file_t *f, chat_err_t *err);

#endif
