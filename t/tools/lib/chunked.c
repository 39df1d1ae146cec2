/* SPDX-License-Identifier: Apache-2.0 */
/* The strict chunk decoder of the load client. Pure. */
#include "chunked.h"

enum { SIZE, SIZE_MORE, SIZE_LF, DATA, DATA_CR, DATA_LF, LAST_CR, LAST_LF };

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One byte of framing. 0, 1 at the very end, -1 when it is wrong. */
static int frame(chunked_t *c, char in)
{
    int digit = hex(in);

    switch (c->state) {
    case SIZE:
    case SIZE_MORE:
        if (digit >= 0 && c->left < ((size_t)1 << 56)) {
            c->left = c->left * 16 + digit;
            c->state = SIZE_MORE;
            return 0;
        }
        if (in != '\r' || c->state == SIZE)
            return -1;
        c->state = SIZE_LF;
        return 0;
    case SIZE_LF:
        c->state = c->left ? DATA : LAST_CR;
        return in == '\n' ? 0 : -1;
    case DATA_CR:
        c->state = DATA_LF;
        return in == '\r' ? 0 : -1;
    case DATA_LF:
        c->state = SIZE;
        return in == '\n' ? 0 : -1;
    case LAST_CR:
        c->state = LAST_LF;
        return in == '\r' ? 0 : -1;
    default:
        return in == '\n' ? 1 : -1;
    }
}

chunked_e chunked_next(chunked_t *c, const char *in, size_t n, size_t *pused,
                       const char **pdata, size_t *plen)
{
    *pused = 0;
    while (*pused < n) {
        int rc;

        if (c->state == DATA) {
            *pdata = in + *pused;
            *plen = n - *pused < c->left ? n - *pused : c->left;
            *pused += *plen;
            c->left -= *plen;
            if (!c->left)
                c->state = DATA_CR;
            return CHUNKED_DATA;
        }
        rc = frame(c, in[(*pused)++]);
        if (rc)
            return rc < 0 ? CHUNKED_BAD : CHUNKED_END;
    }
    return CHUNKED_MORE;
}
