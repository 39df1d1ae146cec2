/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the admin route have of each other: handlers of its table,
 * and how a setting is changed. Request thread.
 */
#ifndef CHAT_ROUTE_ADMIN_PARTS_H
#define CHAT_ROUTE_ADMIN_PARTS_H

#include "chat_buf.h"
#include "chat_route_rest.h"
#include "chat_store_admin.h"

apr_status_t chat_route_admin_models_list(chat_route_rest_t *q);
apr_status_t chat_route_admin_models_get(chat_route_rest_t *q);
apr_status_t chat_route_admin_models_patch(chat_route_rest_t *q);

apr_status_t chat_route_admin_limits_list(chat_route_rest_t *q);
apr_status_t chat_route_admin_limits_get(chat_route_rest_t *q);
apr_status_t chat_route_admin_limits_put(chat_route_rest_t *q);
apr_status_t chat_route_admin_limits_remove(chat_route_rest_t *q);

apr_status_t chat_route_admin_users_list(chat_route_rest_t *q);
apr_status_t chat_route_admin_users_get(chat_route_rest_t *q);
apr_status_t chat_route_admin_users_tier(chat_route_rest_t *q);
apr_status_t chat_route_admin_users_block(chat_route_rest_t *q);

apr_status_t chat_route_admin_streams_list(chat_route_rest_t *q);
apr_status_t chat_route_admin_streams_stop(chat_route_rest_t *q);
apr_status_t chat_route_admin_streams_audit(chat_route_rest_t *q);

/* A setting as an object that is shown; what is its name without its kind. */
typedef void chat_route_admin_show_fn(chat_buf_t *out, chat_route_rest_t *q,
                                      const char *what,
                                      const chat_store_setting_t *s);

/* One setting: the body of the answer, and its ETag. */
apr_status_t chat_route_admin_setting_tell(chat_route_rest_t *q,
                                           const char *kind, const char *what,
                                           chat_route_admin_show_fn *show);

/* The same once it is changed, by to() with ctx. If-Match is honoured: 412 has
 * how it is as "current". stops: as in chat_store_change_t. */
typedef struct chat_route_admin_change_t {
    const char *kind, *what; /* "model:", and its name */
    chat_route_admin_show_fn *show;
    chat_store_setting_fn *to;
    void *ctx;
    const char *stops;
} chat_route_admin_change_t;

apr_status_t
chat_route_admin_setting_change(chat_route_rest_t *q,
                                const chat_route_admin_change_t *change);

/* Who does what to that, for the record. */
chat_store_audit_t chat_route_admin_setting_audit(const chat_route_rest_t *q,
                                                  const char *action,
                                                  const char *target);

/* The value of a setting, NULL where there is none. */
chat_json_t *chat_route_admin_setting_value(const char *text, apr_pool_t *p);
/* The text of an object; NULL: it has no members. */
const char *chat_route_admin_setting_text(const chat_json_t *object,
                                          apr_pool_t *p);

/* A body that no schema refuses, and that still cannot be: 400 with an issue.
 * path and message are JSON, the latter inside quotes. */
apr_status_t chat_route_admin_setting_refuse(chat_err_t *err, const char *path,
                                             const char *message,
                                             apr_pool_t *p);

/* A row of a list of streams. */
void chat_route_admin_streams_put(chat_buf_t *out, const chat_store_stream_t *s,
                                  apr_pool_t *p);

#endif
