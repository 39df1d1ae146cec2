/* SPDX-License-Identifier: Apache-2.0 */
/* A form: the first byte says in pieces of which size it comes. However that
 * is, it is the same form; and no more bytes are read than came. */
#include "fuzz.h"

#include <string.h>

#include "chat_request.h"

typedef struct body_t {
    const char *at;
    apr_size_t len, step;
} body_t;

static apr_status_t get(void *ctx, char *data, apr_size_t *plen,
                        chat_err_t *err)
{
    body_t *body = ctx;

    if (*plen > body->step)
        *plen = body->step;
    if (*plen > body->len)
        *plen = body->len;
    memcpy(data, body->at, *plen);
    body->at += *plen;
    body->len -= *plen;
    return APR_SUCCESS;
}

/* Bytes of the file; -1: it is none. */
static long read_form(const char *data, apr_size_t len, apr_size_t step,
                      apr_pool_t *p)
{
    body_t body = {data, len, step};
    chat_err_t err = {0};
    chat_request_form_t *form;
    long sum = 0;
    apr_status_t rv = chat_request_form_open(
        &form, "multipart/form-data; boundary=b", get, &body, &err, p);

    while (rv == APR_SUCCESS) {
        char piece[64];
        apr_size_t n = sizeof(piece);

        rv = chat_request_form_read(form, piece, &n, &err);
        if (rv == APR_SUCCESS && !n)
            return sum;
        sum += (long)n;
    }
    MUST(err.status == 400);
    return -1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    long whole, pieces;

    if (size) {
        whole = read_form((const char *)data + 1, size - 1, size, p);
        pieces =
            read_form((const char *)data + 1, size - 1, 1 + data[0] % 16, p);
        MUST(whole == pieces);
        MUST(whole < (long)size);
    }
    apr_pool_destroy(p);
    return 0;
}
