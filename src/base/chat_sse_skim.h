/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data of an event that is larger than what is kept of one, taken for JSON:
 * its longest texts are passed over (images, mostly), in one go and with no
 * memory, and CHAT_SSE_PASSED stands in their place. Whether any was wanted is
 * known to who reads the event. No allocation; owned by a parser.
 */
#ifndef CHAT_SSE_SKIM_H
#define CHAT_SSE_SKIM_H

#include "chat_sse.h"

typedef struct chat_sse_skim_t {
    int is_on;          /* something was passed over */
    int passing;        /* inside a text that is */
    int is_escaped;     /* there, behind a backslash */
    apr_size_t longest; /* text that is kept; 0: any, so far */
} chat_sse_skim_t;

/* While passing: so many bytes of data belong to that text, which is over when
 * passing is 0 behind it, its last quote included. */
apr_size_t chat_sse_skim_pass(chat_sse_skim_t *s, const char *data,
                              apr_size_t len);

/*
 * Make *plen bytes, all of the data so far, at most half of most: the longer a
 * text the sooner it goes. 0: that cannot be done with texts alone. Takes time
 * linear in *plen; it is worth half of most at least, so that the whole event
 * takes linear time, too.
 */
int chat_sse_skim_compact(chat_sse_skim_t *s, char *data, apr_size_t *plen,
                          apr_size_t most);

#endif
