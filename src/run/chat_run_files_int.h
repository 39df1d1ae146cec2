/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of users in messages: {"type": "file", "uploadId"} becomes what the
 * provider that is asked takes, an address or the file itself. What a file
 * holds stands in no turn: a mark does, for which the bytes are put in when the
 * call is copied to where it stays. chat_run_files.c finds and reads them,
 * chat_run_files_form.c has their forms. Request thread; what reads alone, on
 * the driver as well.
 */
#ifndef CHAT_RUN_FILES_INT_H
#define CHAT_RUN_FILES_INT_H

#include "chat_accounts.h"
#include "chat_run_int.h"

/* The type of their parts. */
#define CHAT_RUN_FILES_PART "file"
/* Bytes of a mark. */
#define CHAT_RUN_FILES_MARK 32

/* One file of the request. */
typedef struct chat_run_file_t {
    const chat_store_upload_t *u; /* NULL: it is not there any more */
    const char *id;
    int here;         /* 1: some candidate takes it by itself alone */
    const char *url;  /* by which providers find it; NULL: they cannot */
    const char *mark; /* stands for data */
    char *data;       /* base64, or the text itself; NULL: not read */
    apr_size_t len, carry_len;
    unsigned char carry[3];
} chat_run_file_t;

struct chat_run_files_t {
    apr_array_header_t *list; /* of chat_run_file_t * */
};

/* ---- chat_run_files_form.c ---- */

/* The id of a part that is a file of a user, or NULL. */
const char *chat_run_files_id(const chat_json_t *part);
/* What is known of it; NULL: it is none of this request's. */
chat_run_file_t *chat_run_files_get(const chat_run_t *run, const char *id);

int chat_run_files_is_text(const chat_run_file_t *file);
/* 1: that provider takes it by address. */
int chat_run_files_fetches(const chat_run_file_t *file,
                           const chat_provider_conf_t *conf);
/* 1: it takes it at all. */
int chat_run_files_takes(const chat_run_file_t *file,
                         const chat_provider_conf_t *conf);

#endif
