/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request and its answer, on a connection: what is the same for the calls
 * of a stream and for those beside it. Driver's thread.
 */
#include "chat_xfer_int.h"

#include <stdlib.h>
#include <string.h>

/* Of the rest of a request, what is sent at once. */
#define SEND_BYTES ((apr_size_t)16 * 1024)

static void forget_request(chat_exchange_t *x)
{
    if (x->request && x->call->secret)
        explicit_bzero(x->request, x->request_len);
    free(x->request);
    x->request = NULL;
}

int chat_exchange_begin(chat_exchange_t *x, const chat_call_t *call,
                        const chat_http1_cb_t *cb)
{
    forget_request(x);
    x->call = call;
    x->sent = 0;
    x->unsendable = 0;
    chat_http1_begin(&x->answer, cb);
    if (!chat_xfer_request_make(&x->request, &x->request_len, &x->request_body,
                                call))
        return 0;
    x->size = x->request_len + call->body_len - x->request_body;
    return 1;
}

int chat_exchange_is_sent(const chat_exchange_t *x)
{
    return x->sent == x->size;
}

int chat_exchange_is_sending(const chat_exchange_t *x)
{
    return x->sent < x->size && !x->unsendable;
}

/* What follows of the request. TLS wants the same bytes once more when it could
 * not send them. */
static const char *next_piece(const chat_exchange_t *x, apr_size_t *plen)
{
    apr_size_t rest = x->size - x->sent;

    if (x->sent < x->request_len) {
        *plen = x->request_len - x->sent;
        return x->request + x->sent;
    }
    *plen = rest < SEND_BYTES ? rest : SEND_BYTES;
    return x->call->body + x->call->body_len - rest;
}

/* An upstream that takes no more may say why: it is read until its end. */
void chat_exchange_send(chat_exchange_t *x)
{
    CURLcode rc = CURLE_OK;
    const char *piece;
    apr_size_t len, n;

    while (chat_exchange_is_sending(x)) {
        piece = next_piece(x, &len);
        rc = chat_link_send(x->link, piece, len, &n);
        if (rc == CURLE_AGAIN)
            break;
        x->unsendable = rc != CURLE_OK;
        x->sent += n;
    }
    if (x->sent >= x->request_len)
        forget_request(x);
}

int chat_exchange_is_unheard(const chat_exchange_t *x)
{
    return x->link->kept && !x->again && !x->answer.begun;
}

/* The answer was whole, and so was the request. */
static int may_be_kept(const chat_exchange_t *x)
{
    return x->answer.phase == CHAT_HTTP1_END && x->answer.persistent &&
           chat_exchange_is_sent(x);
}

void chat_exchange_stop(chat_exchange_t *x)
{
    if (x->link && may_be_kept(x))
        chat_link_keep(x->link);
    else if (x->link)
        chat_link_close(x->link);
    x->link = NULL;
    forget_request(x);
    chat_http1_clear(&x->answer);
}
