/* SPDX-License-Identifier: Apache-2.0 */
/* Chunked transfer coding, decoded strictly: no extensions, no trailers. */
#ifndef TOOLS_CHUNKED_H
#define TOOLS_CHUNKED_H

#include <stddef.h>

typedef struct chunked_t {
    int state;
    size_t left;
} chunked_t;

typedef enum {
    CHUNKED_MORE, /* needs input */
    CHUNKED_DATA, /* *pdata, *plen: body bytes */
    CHUNKED_END,  /* the final chunk and its empty line were seen */
    CHUNKED_BAD
} chunked_e;

/* Look at up to n bytes; *pused of them are consumed. Start zeroed. */
chunked_e chunked_next(chunked_t *c, const char *in, size_t n, size_t *pused,
                       const char **pdata, size_t *plen);

#endif
