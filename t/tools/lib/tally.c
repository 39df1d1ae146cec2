/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table of counters. One thread. */
#include "tally.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS (sizeof(((tally_t *)0)->slots) / sizeof(tally_row_t *))

static tally_row_t **slot_of(tally_t *t, const char *name)
{
    uint64_t hash = 5381;

    while (*name)
        hash = hash * 33 + (unsigned char)*name++;
    return &t->slots[hash % SLOTS];
}

int64_t tally_add(tally_t *t, const char *name)
{
    tally_row_t **slot = slot_of(t, name), *row;

    for (row = *slot; row; row = row->next) {
        if (!strcmp(row->name, name))
            return row->count++;
    }
    if (t->names == TALLY_MOST)
        return -1;
    t->names++;
    row = tool_alloc(sizeof(*row));
    row->name = tool_alloc(strlen(name) + 1);
    strcpy(row->name, name);
    row->count = 1;
    row->next = *slot;
    *slot = row;
    return 0;
}

void tally_json(buf_t *out, const tally_t *t)
{
    const char *comma = "";
    const tally_row_t *row;
    size_t i;

    buf_puts(out, "{");
    for (i = 0; i < SLOTS; i++) {
        for (row = t->slots[i]; row; row = row->next) {
            buf_puts(out, comma);
            buf_json(out, row->name, strlen(row->name));
            buf_printf(out, ":%lld", (long long)row->count);
            comma = ",";
        }
    }
    buf_puts(out, "}");
}

void tally_free(tally_t *t)
{
    size_t i;

    for (i = 0; i < SLOTS; i++) {
        while (t->slots[i]) {
            tally_row_t *row = t->slots[i];

            t->slots[i] = row->next;
            free(row->name);
            free(row);
        }
    }
    t->names = 0;
}
