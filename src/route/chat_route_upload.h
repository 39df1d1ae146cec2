/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of users, for the routes that take them: what is announced, what came,
 * and how it is told. Request thread.
 */
#ifndef CHAT_ROUTE_UPLOAD_H
#define CHAT_ROUTE_UPLOAD_H

#include "chat_accounts.h"
#include "chat_route_rest.h"
#include "chat_upload.h"

/* What a client says of a file. */
typedef struct chat_route_upload_wish_t {
    const char *filename, *media_type;
    apr_int64_t size;
    const char *sha256; /* base64, or NULL */
} chat_route_upload_wish_t;

/* 400 unsupported: this server keeps no files. */
apr_status_t chat_route_upload_place(chat_route_rest_t *q);

/* In p; both ways to look at one file. */
chat_upload_at_t chat_route_upload_at(const chat_route_rest_t *q);
chat_upload_file_t chat_route_upload_file(const chat_store_upload_t *u);

/* Bytes that one of that type may have, whose name is put into its usual form;
 * 415 upload_type: none is taken. */
apr_status_t chat_route_upload_most(apr_int64_t *pmost,
                                    chat_route_upload_wish_t *wish,
                                    chat_route_rest_t *q);

/* One more file of q->at.owner, which is waited for. 400, 403 upload_quota, 413
 * upload_too_large, 415 upload_type. */
apr_status_t chat_route_upload_announce(chat_store_upload_t **pu,
                                        chat_route_upload_wish_t *wish,
                                        chat_route_rest_t *q);

/* The file is there: is it what was announced? Then it is ready. 409
 * upload_incomplete: it is not there, or is another. 413, 415: it is not what
 * it says, and is deleted. */
apr_status_t chat_route_upload_complete(chat_store_upload_t *u,
                                        chat_route_rest_t *q);

/* Where it can be put, until when, and what the request must have: *pmethod is
 * JSON, {"method","url","headers"}. */
apr_status_t chat_route_upload_target(const char **pjson,
                                      const chat_store_upload_t *u,
                                      chat_route_rest_t *q);

/* A URL by which it can be looked at for a while. */
apr_status_t chat_route_upload_url(const char **purl,
                                   const chat_store_upload_t *u,
                                   chat_route_rest_t *q);

/* ---- chat_route_upload_bytes.c ---- */

/* PUT and GET of a file in a directory, by its signature. */
apr_status_t chat_route_upload_bytes_put(chat_route_rest_t *q);
apr_status_t chat_route_upload_bytes_get(chat_route_rest_t *q);

/* A form (multipart/form-data) with one file: it is announced, written and
 * ready. */
apr_status_t chat_route_upload_bytes_form(chat_store_upload_t **pu,
                                          chat_route_rest_t *q);

#endif
