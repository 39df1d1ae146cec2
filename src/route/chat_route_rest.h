/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the routes of conversations share: a table of paths and methods, who
 * asks, the members of a query, preconditions, requests that may be repeated,
 * and how an answer or an error is told. Request thread.
 */
#ifndef CHAT_ROUTE_REST_H
#define CHAT_ROUTE_REST_H

#include "chat_ctx.h"
#include "chat_err.h"
#include "chat_json.h"
#include "chat_request.h"
#include "chat_store_chats.h"

/* Ids in a path; no row has more. */
#define CHAT_ROUTE_REST_IDS 2

typedef struct chat_route_rest_t {
    chat_ctx_t *ctx;
    struct request_rec *r;
    apr_pool_t *p;
    chat_store_at_t at;                   /* of the user who asks */
    const char *ids[CHAT_ROUTE_REST_IDS]; /* of the path, in their order */
    chat_json_t *body; /* with CHAT_ROUTE_REST_BODY; NULL: none was sent */

    /* What a handler that returns APR_SUCCESS has set. */
    int status;           /* 0: 200, or 204 without json */
    const char *json;     /* the body, or NULL */
    const char *location; /* of what was made, below the route's; or NULL */
    int revision;         /* for the ETag, 0: none */
    int sent;             /* 1: the answer is on its way, and rc is what the
                             handler of httpd returns */
    int rc;

    /* What others have set. more: members that the body of the error has
     * besides, as JSON that begins with a comma. */
    chat_err_t err;
    const char *more;
} chat_route_rest_t;

/* APR_SUCCESS, or q->err says what is wrong. */
typedef apr_status_t chat_route_rest_fn(chat_route_rest_t *q);

typedef enum {
    CHAT_ROUTE_REST_BODY = 1 << 0,      /* JSON is read into q->body */
    CHAT_ROUTE_REST_EMPTY = 1 << 1,     /* which may be absent */
    CHAT_ROUTE_REST_REPEAT = 1 << 2,    /* Idempotency-Key is honoured */
    CHAT_ROUTE_REST_PUBLIC = 1 << 3,    /* whoever it is: q->at.owner is NULL */
    CHAT_ROUTE_REST_UNLIMITED = 1 << 4, /* ChatLimit does not count it */
    CHAT_ROUTE_REST_TABLES = 1 << 6,    /* the database is enough: no ChatStore
                                           need be here */
    CHAT_ROUTE_REST_ANYBODY = 1 << 7,   /* guests too, whose q->at.owner is
                                           NULL */
    CHAT_ROUTE_REST_NO_TABLES = 1 << 8, /* the database is not asked */
    CHAT_ROUTE_REST_RUN = 1 << 5 /* the handler is a run: it asks the limits,
                                    and reads the body, but for one that may be
                                    repeated */
} chat_route_rest_flag_e;

/* Path below the location; "*" in it is a UUID, "@" the id of a share, "$" a
 * name, and "~" at its end one that may have slashes. The last row has no path.
 */
typedef struct chat_route_rest_row_t {
    int method;
    const char *path;
    chat_route_rest_fn *handler;
    unsigned flags;
} chat_route_rest_row_t;

/* The whole of a handler of chat_route_list.h. */
int chat_route_rest_serve(chat_ctx_t *ctx, const chat_route_rest_row_t *rows);

/* ---- for a route that is told apart by its body ---- */

/* All is as for a row whose path and method fit. */
void chat_route_rest_begin(chat_route_rest_t *q, chat_ctx_t *ctx);
/* Who asks, and the tables are there: q->at.owner is set. No limit is asked. */
apr_status_t chat_route_rest_enter(chat_route_rest_t *q);
/* The answer of a handler that has returned rv; what httpd's handler returns.
 */
int chat_route_rest_end(const chat_route_rest_t *q, apr_status_t rv);

/* ---- members of the query; those that are not asked for are ignored ---- */

/* 1 when text is UTF-8 without what no JSON string may have. */
int chat_route_rest_is_text(const char *text, apr_pool_t *p);

/* *ptext is NULL when it is absent. 400: too long, or no UTF-8. */
apr_status_t chat_route_rest_text(const char **ptext, chat_route_rest_t *q,
                                  const char *name, int max);
/* *pn stays as it is when it is absent. 400: not in min..max. */
apr_status_t chat_route_rest_number(apr_int64_t *pn, chat_route_rest_t *q,
                                    const char *name, apr_int64_t min,
                                    apr_int64_t max);
/* "true", "1", "false" or "0". */
apr_status_t chat_route_rest_flag(int *pyes, chat_route_rest_t *q,
                                  const char *name);
/* One of these words, which end with NULL; *pi is its place. */
apr_status_t chat_route_rest_word(int *pi, chat_route_rest_t *q,
                                  const char *name, const char *const *words);
/* limit, and the cursor of that name. */
apr_status_t chat_route_rest_page(chat_store_page_t *page, chat_route_rest_t *q,
                                  int limit, const char *cursor);
/* 400 unless it is confirm=all. */
apr_status_t chat_route_rest_confirmed(chat_route_rest_t *q);

/* ---- preconditions ---- */

/* 1 when If-None-Match has that revision. */
int chat_route_rest_unchanged(const chat_route_rest_t *q, int revision);
/* 1 when there is an If-Match that names revisions; "*" names all. */
int chat_route_rest_has_match(const chat_route_rest_t *q);
int chat_route_rest_matches(const chat_route_rest_t *q, int revision);

/* ---- the rest ---- */

/* ChatLimit, for the user who was identified. Policies of requests alone:
 * nothing here costs tokens or stays open. */
apr_status_t chat_route_rest_ask_limits(chat_route_rest_t *q);

/* What ChatStoreLimit says of bodies. */
chat_request_bounds_t chat_route_rest_bounds(const chat_route_rest_t *q);

/* Streams that were deleted are stopped, wherever they run. */
void chat_route_rest_stop(const chat_route_rest_t *q,
                          const apr_array_header_t *streams);

/* The path of another route that is mounted beside this one. */
const char *chat_route_rest_beside(const chat_route_rest_t *q,
                                   const char *name);

#endif
