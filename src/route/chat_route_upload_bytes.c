/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of users' files that pass this server: into and out of a directory, by
 * URLs that are signed, and in forms. Never more of a file is in memory than a
 * buffer. Request thread.
 */
#include "chat_route_upload.h"

#include <string.h>

#include <httpd.h>
#include <http_core.h>
#include <http_protocol.h>
#include <apr_strings.h>

#include "chat_request.h"

typedef chat_route_rest_t rest_t;

/* ---- the body ---- */

static apr_status_t broken(rest_t *q)
{
    return chat_err_set(&q->err, APR_EINVAL, HTTP_BAD_REQUEST, "broken_body",
                        "The body ended too early.");
}

static apr_status_t open_body(rest_t *q)
{
    int status = ap_setup_client_block(q->r, REQUEST_CHUNKED_DECHUNK);

    if (status != OK)
        return chat_err_set(&q->err, APR_EINVAL, status, "broken_body",
                            "The body was refused.");
    return ap_should_client_block(q->r) ? APR_SUCCESS : broken(q);
}

/* As chat_upload_source_t and chat_request_form_get_fn have it. */
static apr_status_t get_body(void *ctx, char *data, apr_size_t *plen,
                             chat_err_t *err)
{
    rest_t *q = ctx;
    long n = ap_get_client_block(q->r, data, *plen);

    *plen = n > 0 ? (apr_size_t)n : 0;
    return n < 0 ? broken(q) : APR_SUCCESS;
}

/* ---- one file of a directory ---- */

/* Whatever is wrong with the URL, nobody learns what is there. */
static apr_status_t find_signed(chat_store_upload_t **pu,
                                chat_upload_file_t *file, rest_t *q,
                                const char *method)
{
    const chat_upload_conf_t *conf = chat_upload_conf(q->r->server);
    apr_status_t rv = APR_NOTFOUND;

    if (conf && conf->kind == CHAT_UPLOAD_DIR && q->r->args)
        rv = chat_store_upload_get(pu, &q->at, q->ids[0], &q->err);
    if (rv == APR_SUCCESS) {
        *file = chat_route_upload_file(*pu);
        if (chat_upload_signed(q->r, file, method))
            return APR_SUCCESS;
    }
    if (rv != APR_SUCCESS && rv != APR_NOTFOUND)
        return rv;
    memset(&q->err, 0, sizeof(q->err));
    return chat_err_set(&q->err, APR_EACCES, HTTP_FORBIDDEN, "upload_url",
                        "This URL is not valid, or not any more.");
}

/* What a signature of an object store would not let pass. */
static apr_status_t check_headers(rest_t *q, const chat_store_upload_t *u)
{
    const char *type = apr_table_get(q->r->headers_in, "Content-Type");
    const char *length = apr_table_get(q->r->headers_in, "Content-Length");
    apr_off_t n;

    if (!type || ap_cstr_casecmp(type, u->media_type) != 0)
        return chat_err_set(&q->err, APR_EINVAL, HTTP_FORBIDDEN, "upload_url",
                            "The Content-Type is not the one that was "
                            "announced.");
    if (!length || !ap_parse_strict_length(&n, length) || n != u->size)
        return chat_err_set(&q->err, APR_EINVAL, HTTP_FORBIDDEN, "upload_url",
                            "The Content-Length is not the size that was "
                            "announced.");
    return chat_request_check_plain(q->r, &q->err);
}

apr_status_t chat_route_upload_bytes_put(rest_t *q)
{
    const chat_upload_at_t at = chat_route_upload_at(q);
    const chat_upload_source_t from = {get_body, q};
    chat_store_upload_t *u;
    chat_upload_file_t file;
    apr_status_t rv = find_signed(&u, &file, q, "PUT");

    if (rv == APR_SUCCESS)
        rv = check_headers(q, u);
    if (rv == APR_SUCCESS)
        rv = open_body(q);
    if (rv == APR_SUCCESS)
        rv = chat_upload_write(&at, &file, &from, &q->err);
    if (rv == APR_SUCCESS)
        q->status = HTTP_OK;
    return rv;
}

/* Whatever it is, and whoever opens it: it is no document of this site. */
static void set_headers(request_rec *r, const chat_upload_file_t *file)
{
    static const char *const fixed[][2] = {
        {"X-Content-Type-Options", "nosniff"},
        {"Content-Security-Policy", "default-src 'none'; sandbox"},
        {"Cache-Control", "private, no-store"},
        {"Referrer-Policy", "no-referrer"},
        {"X-Robots-Tag", "noindex"},
    };
    apr_size_t i;

    for (i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
        apr_table_setn(r->headers_out, fixed[i][0], fixed[i][1]);
    apr_table_setn(r->headers_out, "Content-Disposition",
                   chat_upload_disposition(file, r->pool));
    ap_set_content_type(r, file->media_type);
}

static apr_status_t send_file(rest_t *q, apr_file_t *opened, apr_off_t size)
{
    request_rec *r = q->r;
    apr_bucket_brigade *bb =
        apr_brigade_create(r->pool, r->connection->bucket_alloc);

    ap_set_content_length(r, size);
    apr_brigade_insert_file(bb, opened, 0, size, r->pool);
    APR_BRIGADE_INSERT_TAIL(bb,
                            apr_bucket_eos_create(r->connection->bucket_alloc));
    q->sent = 1;
    q->rc = ap_pass_brigade(r->output_filters, bb) == APR_SUCCESS ||
                    r->status != HTTP_OK || r->connection->aborted
                ? OK
                : HTTP_INTERNAL_SERVER_ERROR;
    return APR_SUCCESS;
}

apr_status_t chat_route_upload_bytes_get(rest_t *q)
{
    const chat_upload_at_t at = chat_route_upload_at(q);
    chat_store_upload_t *u;
    chat_upload_file_t file;
    apr_file_t *opened;
    apr_finfo_t info;
    apr_status_t rv = find_signed(&u, &file, q, "GET");

    if (rv == APR_SUCCESS)
        rv = chat_upload_open(&opened, &at, &file, &q->err);
    if (rv == APR_SUCCESS &&
        apr_file_info_get(&info, APR_FINFO_SIZE, opened) != APR_SUCCESS)
        rv = APR_NOTFOUND;
    if (rv == APR_NOTFOUND)
        return chat_err_set(&q->err, rv, HTTP_NOT_FOUND, "not_found",
                            "The file is not there.");
    if (rv != APR_SUCCESS)
        return rv;
    set_headers(q->r, &file);
    return send_file(q, opened, info.size);
}

/* ---- a form ---- */

/* Nobody knows how many bytes it has before they are all there: so they wait in
 * a file that has no name. */
static apr_status_t open_spool(apr_file_t **pfile, rest_t *q)
{
    const chat_upload_at_t at = chat_route_upload_at(q);
    const char *dir;
    char *name = NULL;
    apr_status_t rv = apr_temp_dir_get(&dir, q->p);

    if (rv == APR_SUCCESS) {
        name = apr_pstrcat(q->p, dir, "/chat-XXXXXX", NULL);
        rv = apr_file_mktemp(pfile, name,
                             APR_FOPEN_CREATE | APR_FOPEN_READ |
                                 APR_FOPEN_WRITE | APR_FOPEN_EXCL,
                             q->p);
    }
    if (rv == APR_SUCCESS)
        rv = apr_file_remove(name, q->p);
    return rv == APR_SUCCESS
               ? rv
               : chat_upload_fail(&at, rv, "written",
                                  "there is no temporary file", &q->err);
}

static apr_status_t spool(apr_file_t **pfile, apr_int64_t *psize,
                          apr_int64_t most, chat_request_form_t *form,
                          rest_t *q)
{
    const chat_upload_at_t at = chat_route_upload_at(q);
    char data[8192];
    apr_status_t rv = open_spool(pfile, q);

    if (rv != APR_SUCCESS)
        return rv;
    for (*psize = 0; rv == APR_SUCCESS;) {
        apr_size_t len = sizeof(data);

        rv = chat_request_form_read(form, data, &len, &q->err);
        if (rv != APR_SUCCESS || !len)
            return rv;
        *psize += (apr_int64_t)len;
        if (*psize > most)
            return chat_err_set(
                &q->err, APR_ENOSPC, HTTP_REQUEST_ENTITY_TOO_LARGE,
                "upload_too_large", "Files of this type may not be so large.");
        rv = apr_file_write_full(*pfile, data, len, NULL);
    }
    return chat_upload_fail(&at, rv, "written",
                            "there is no room for temporary files", &q->err);
}

typedef struct spooled_t {
    apr_file_t *file;
    chat_upload_at_t at;
} spooled_t;

static apr_status_t get_spooled(void *ctx, char *data, apr_size_t *plen,
                                chat_err_t *err)
{
    const spooled_t *spooled = ctx;
    apr_status_t rv = apr_file_read(spooled->file, data, plen);

    if (rv == APR_SUCCESS)
        return rv;
    *plen = 0;
    return rv == APR_EOF ? APR_SUCCESS
                         : chat_upload_fail(&spooled->at, rv, "written",
                                            "its temporary file cannot be "
                                            "read",
                                            err);
}

static apr_status_t keep(chat_store_upload_t *u, apr_file_t *spooled, rest_t *q)
{
    const chat_upload_at_t at = chat_route_upload_at(q);
    const chat_upload_file_t file = chat_route_upload_file(u);
    spooled_t bytes = {.file = spooled, .at = at};
    const chat_upload_source_t from = {get_spooled, &bytes};
    apr_off_t start = 0;
    apr_status_t rv = apr_file_seek(spooled, APR_SET, &start);

    if (rv != APR_SUCCESS)
        return chat_upload_fail(&at, rv, "written",
                                "its temporary file cannot be read", &q->err);
    rv = chat_upload_write(&at, &file, &from, &q->err);
    if (rv == APR_SUCCESS)
        rv = chat_route_upload_complete(u, q);
    /* It was written a moment ago. */
    return rv == APR_EAGAIN
               ? chat_upload_fail(&at, rv, "looked at",
                                  "what was written is not there", &q->err)
               : rv;
}

apr_status_t chat_route_upload_bytes_form(chat_store_upload_t **pu, rest_t *q)
{
    const chat_request_form_file_t *said;
    chat_route_upload_wish_t wish = {0};
    chat_request_form_t *form;
    apr_file_t *spooled = NULL;
    apr_int64_t most;
    apr_status_t rv = open_body(q);

    if (rv == APR_SUCCESS)
        rv = chat_request_form_open(
            &form, apr_table_get(q->r->headers_in, "Content-Type"), get_body, q,
            &q->err, q->p);
    if (rv != APR_SUCCESS)
        return rv;
    said = chat_request_form_file(form);
    wish.filename = said->filename;
    wish.media_type = said->media_type;
    rv = chat_route_upload_most(&most, &wish, q);
    if (rv == APR_SUCCESS)
        rv = spool(&spooled, &wish.size, most, form, q);
    if (rv == APR_SUCCESS)
        rv = chat_route_upload_announce(pu, &wish, q);
    if (rv == APR_SUCCESS)
        rv = keep(*pu, spooled, q);
    if (spooled)
        apr_file_close(spooled);
    return rv;
}
