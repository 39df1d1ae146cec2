/* SPDX-License-Identifier: Apache-2.0 */
/* Files that go. See chat_run_reap.h. */
#include "chat_run_reap.h"

#include "chat_accounts.h"
#include "chat_config.h"
#include "chat_upload.h"

/* The rows say first that a file is to go: whatever happens then, it is tried
 * again. */
static apr_status_t mark(const chat_store_at_t *at)
{
    const chat_server_upload_t *conf = &chat_config_server(at->s)->upload;
    chat_err_t err = {0};

    return chat_store_upload_expire(at, apr_time_as_msec(conf->put),
                                    apr_time_as_msec(conf->unused), &err);
}

static apr_status_t remove_one(const chat_store_at_t *at,
                               const chat_store_upload_t *u)
{
    const chat_upload_at_t place = {.s = at->s, .p = at->p};
    const chat_upload_file_t file = {.id = u->id, .key = u->key};
    chat_err_t err = {0};
    apr_status_t rv = chat_upload_remove(&place, &file, &err);
    apr_status_t noted =
        chat_store_upload_gone(at, u->id, rv == APR_SUCCESS, &err);

    return rv == APR_SUCCESS ? noted : rv;
}

int chat_run_reap(server_rec *s, int expire, apr_pool_t *p)
{
    const chat_store_at_t at = {.s = s, .p = p};
    apr_array_header_t *rows = NULL;
    chat_err_t err = {0};
    apr_status_t rv = expire ? mark(&at) : APR_SUCCESS;
    int i;

    if (rv == APR_SUCCESS)
        rv = chat_store_upload_doomed(&rows, &at, &err);
    for (i = 0; rv == APR_SUCCESS && i < rows->nelts; i++)
        rv = remove_one(&at, &APR_ARRAY_IDX(rows, i, chat_store_upload_t));
    return rv == APR_SUCCESS;
}
