/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file is, by its first bytes, whatever its sender says: the images that
 * models read, and PDF. Pure, any thread.
 */
#ifndef CHAT_SNIFF_H
#define CHAT_SNIFF_H

#include <apr.h>

/* So many bytes tell, but for odd JPEGs. */
#define CHAT_SNIFF_BYTES (256 * 1024)

typedef struct chat_sniff_t {
    const char *type;          /* media type; NULL: none of these */
    apr_int64_t width, height; /* of an image, in pixels; 0: these bytes do not
                                  say, or it is none */
} chat_sniff_t;

/* The first len bytes of a file. */
void chat_sniff(chat_sniff_t *found, const void *bytes, apr_size_t len);

/* 1 when files of that media type can be told by their bytes. */
int chat_sniff_knows(const char *type);

/* UTF-8 without NUL, cut anywhere: {0} before the first byte. */
typedef struct chat_sniff_text_t {
    int wanted;              /* bytes of the character that has begun; 0 at the
                                end: none is cut */
    unsigned char low, high; /* what the next of them may be; 0: any */
} chat_sniff_text_t;

/* 0: it is none. */
int chat_sniff_text(chat_sniff_text_t *state, const void *bytes,
                    apr_size_t len);

#endif
