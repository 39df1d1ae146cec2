/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A firewall such as mod_security reads the whole body before the handler does,
 * looks at it, and hands it on from its own memory. This input filter stands
 * below it and asks for nothing: it parses what the other one reads, once, and
 * says what the user has said in a note of the request. The handler takes what
 * was parsed if the bytes that come to it then are those; a firewall may have
 * changed them. Request thread.
 */
#include "chat_request_note.h"

#include <string.h>

#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>
#include <http_request.h>

#include "chat_buf.h"
#include "chat_config.h"
#include "chat_log.h"
#include "chat_request.h"
#include "chat_request_noted.h"
#include "chat_scratch.h"

#define FILTER_NAME "CHAT_REQUEST_NOTE"

typedef struct note_t {
    apr_pool_t *pool; /* of all of it */
    apr_pool_t *heir; /* that has taken it, or NULL */
    chat_json_limits_t limits;
    chat_json_reader_t *reader;
    chat_buf_t data;
    chat_request_noted_t noted; /* body NULL: it is not whole */
    int over;                   /* 1: nothing is parsed any more */
} note_t;

/* ---- while it is read ---- */

static void finish(note_t *note, request_rec *r)
{
    const apr_array_header_t *prompts;
    chat_json_t *body;

    note->over = 1;
    if (chat_json_reader_end(&body, note->reader) != APR_SUCCESS)
        return;
    note->noted.body = body;
    note->noted.data = note->data.data;
    note->noted.len = note->data.len;
    prompts = chat_request_prompts(body, NULL, note->pool);
    if (prompts->nelts)
        apr_table_setn(r->notes, CHAT_REQUEST_NOTE,
                       chat_request_prompt_text(prompts, NULL, note->pool));
}

static void take(note_t *note, apr_bucket *bucket)
{
    const char *data;
    apr_size_t len;

    if (apr_bucket_read(bucket, &data, &len, APR_BLOCK_READ) != APR_SUCCESS ||
        note->data.len + len > note->limits.bytes ||
        chat_json_reader_feed(note->reader, data, len) != APR_SUCCESS)
        note->over = 1; /* the handler says why */
    else
        chat_buf_put(&note->data, data, len);
}

static apr_status_t read_along(ap_filter_t *f, apr_bucket_brigade *bb,
                               ap_input_mode_t mode, apr_read_type_e block,
                               apr_off_t bytes)
{
    note_t *note = f->ctx;
    apr_status_t rv = ap_get_brigade(f->next, bb, mode, block, bytes);
    apr_bucket *b;

    if (mode != AP_MODE_READBYTES && mode != AP_MODE_GETLINE)
        note->over = 1;
    for (b = APR_BRIGADE_FIRST(bb);
         rv == APR_SUCCESS && b != APR_BRIGADE_SENTINEL(bb) && !note->over;
         b = APR_BUCKET_NEXT(b)) {
        if (APR_BUCKET_IS_EOS(b))
            finish(note, f->r);
        else if (!APR_BUCKET_IS_METADATA(b))
            take(note, b);
    }
    if (rv != APR_SUCCESS || note->over)
        ap_remove_input_filter(f);
    return rv;
}

/* ---- who wants that ---- */

static note_t *find(request_rec *r)
{
    void *note = NULL;

    apr_pool_userdata_get(&note, FILTER_NAME, r->pool);
    return note;
}

/* Of requests whose handler reads JSON by these limits. */
static int begin(request_rec *r)
{
    const chat_dir_conf_t *written =
        ap_get_module_config(r->per_dir_config, &chat_module);
    chat_err_t err = {0};
    apr_pool_t *pool;
    note_t *note;

    if (written->request.note <= 0 || written->route.id == CHAT_ROUTE_NONE ||
        r->main || r->prev || r->method_number != M_POST ||
        chat_request_check_type(r, &err) != APR_SUCCESS)
        return DECLINED;
    pool = chat_scratch_pool(r->pool);
    note = apr_pcalloc(pool, sizeof(*note));
    note->pool = pool;
    note->limits = chat_config_json_limits(chat_config_dir(r));
    note->reader = chat_json_reader_create(&note->limits, pool);
    chat_buf_init(&note->data, pool);
    apr_pool_userdata_setn(note, FILTER_NAME, NULL, r->pool);
    ap_add_input_filter(FILTER_NAME, note, r, r->connection);
    return DECLINED;
}

/* ---- the handler ---- */

static apr_status_t heir_ends(void *ctx)
{
    note_t *note = ctx;

    apr_pool_destroy(note->pool);
    return APR_SUCCESS;
}

/* The request may end before its heir does. */
static apr_status_t note_ends(void *ctx)
{
    note_t *note = ctx;

    apr_pool_cleanup_kill(note->heir, note, heir_ends);
    return APR_SUCCESS;
}

const chat_request_noted_t *
chat_request_note_take(request_rec *r, const chat_json_limits_t *limits,
                       apr_pool_t *p)
{
    note_t *note = find(r);

    if (!note || note->heir)
        return NULL;
    note->over = 1;
    apr_table_unset(r->notes, CHAT_REQUEST_NOTE);
    note->heir = p;
    apr_pool_cleanup_register(p, note, heir_ends, apr_pool_cleanup_null);
    apr_pool_cleanup_register(note->pool, note, note_ends,
                              apr_pool_cleanup_null);
    return note->noted.body && !memcmp(limits, &note->limits, sizeof(*limits))
               ? &note->noted
               : NULL;
}

void chat_request_note_register_hooks(apr_pool_t *p)
{
    ap_register_input_filter(FILTER_NAME, read_along, NULL,
                             AP_FTYPE_CONTENT_SET);
    ap_hook_header_parser(begin, NULL, NULL, APR_HOOK_MIDDLE);
}
