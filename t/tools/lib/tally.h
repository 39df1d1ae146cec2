/* SPDX-License-Identifier: Apache-2.0 */
/* Counters by name, for what the mock LLM is asked. One thread. */
#ifndef TOOLS_TALLY_H
#define TOOLS_TALLY_H

#include "buf.h"

/* More names are not counted: memory stays bounded under load. */
#define TALLY_MOST 65536

typedef struct tally_row_t {
    char *name;
    int64_t count;
    struct tally_row_t *next;
} tally_row_t;

typedef struct tally_t {
    tally_row_t *slots[4096];
    int names;
} tally_t;

/* Count one more; how many there were before. -1: too many names. */
int64_t tally_add(tally_t *t, const char *name);
/* {"name":count,...} */
void tally_json(buf_t *out, const tally_t *t);
void tally_free(tally_t *t);

#endif
