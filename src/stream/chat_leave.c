/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients that leave a stream which goes on without them. A filter, the first
 * that sees what the stream writes, passes it on while there is a client. When
 * that fails the client has left; from then on all is dropped here, before any
 * other filter works on it. So callbacks never notice. Driver's thread.
 */
#include "chat_stream_int.h"

#include <util_filter.h>

static ap_filter_rec_t *filter_handle;

static apr_status_t filter(ap_filter_t *f, apr_bucket_brigade *bb)
{
    chat_stream_t *s = f->ctx;

    if (!s->client.left && ap_pass_brigade(f->next, bb) == APR_SUCCESS)
        return APR_SUCCESS;
    apr_brigade_cleanup(bb);
    chat_stream_gone(s, CHAT_END_GONE, NULL);
    return APR_SUCCESS;
}

void chat_leave_add(chat_stream_t *s)
{
    ap_add_output_filter_handle(filter_handle, s, s->r, s->c);
}

void chat_leave_register(void)
{
    filter_handle = ap_register_output_filter("CHAT_LEAVE", filter, NULL,
                                              AP_FTYPE_RESOURCE - 1);
}
