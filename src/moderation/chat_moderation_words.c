/* SPDX-License-Identifier: Apache-2.0 */
/* Many words at once: the automaton of Aho and Corasick over bytes. Pure, any
 * thread once it is made. */
#include "chat_moderation_int.h"

#include <string.h>

#define NONE APR_UINT32_MAX

/* While it is made: which entries begin with a state, lo to hi. */
typedef struct build_t {
    chat_moderation_words_t *words;
    chat_moderation_entry_t *entries;
    apr_uint32_t *lo, *hi;
} build_t;

static void *make(apr_size_t n, apr_size_t size, apr_pool_t *p)
{
    return apr_pcalloc(p, n * size);
}

/* The child of a state by that byte, or NONE. Its children are neighbours. */
static apr_uint32_t child(const chat_moderation_words_t *words,
                          apr_uint32_t state, unsigned char byte)
{
    apr_uint32_t first = words->first[state];
    apr_uint32_t n = words->first[state + 1] - first;
    const unsigned char *at;

    if (n == 0)
        return NONE;
    if (words->byte[first] == byte)
        return first;
    at = memchr(words->byte + first, byte, n);
    return at ? (apr_uint32_t)(at - words->byte) : NONE;
}

apr_uint32_t chat_moderation_words_fail(const chat_moderation_words_t *words,
                                        apr_uint32_t state, unsigned char byte)
{
    while (state) {
        apr_uint32_t next = child(words, state, byte);

        if (next != NONE)
            return next;
        state = words->fail[state];
    }
    return words->root[byte];
}

/* ---- how it is made ---- */

/* What a state ends with: an entry of its own, or that of a shorter one. */
static void find_entry(build_t *b, apr_uint32_t state)
{
    chat_moderation_words_t *words = b->words;
    apr_uint32_t shorter = state ? words->found[words->fail[state]] : 0;
    const chat_moderation_entry_t *entry = &b->entries[b->lo[state]];

    words->found[state] = shorter;
    if (state == 0 || entry->len != words->depth[state])
        return;
    words->nentries++;
    words->next[words->nentries] = shorter;
    words->line[words->nentries] = entry->line;
    words->len[words->nentries] = entry->len;
    words->found[state] = words->nentries;
    /* The same in two lines is one. */
    while (b->lo[state] < b->hi[state] &&
           b->entries[b->lo[state]].len == words->depth[state])
        b->lo[state]++;
}

static void add_child(build_t *b, apr_uint32_t parent, unsigned char byte,
                      apr_uint32_t lo, apr_uint32_t hi)
{
    chat_moderation_words_t *words = b->words;
    apr_uint32_t state = words->nstates++;

    words->byte[state] = byte;
    words->depth[state] = words->depth[parent] + 1;
    b->lo[state] = lo;
    b->hi[state] = hi;
    if (parent == 0)
        words->root[byte] = state;
    else
        words->fail[state] =
            chat_moderation_words_fail(words, words->fail[parent], byte);
}

static void expand(build_t *b, apr_uint32_t state)
{
    chat_moderation_words_t *words = b->words;
    apr_uint16_t depth = words->depth[state];
    apr_uint32_t at, end;

    find_entry(b, state);
    words->first[state] = words->nstates;
    for (at = b->lo[state]; at < b->hi[state]; at = end) {
        unsigned char byte = b->entries[at].text[depth];

        for (end = at + 1; end < b->hi[state] &&
                           (unsigned char)b->entries[end].text[depth] == byte;)
            end++;
        add_child(b, state, byte, at, end);
    }
    words->first[state + 1] = words->nstates;
}

static void make_states(chat_moderation_words_t *words, apr_size_t most,
                        int entries, apr_pool_t *p)
{
    words->first = make(most + 1, sizeof(*words->first), p);
    words->fail = make(most, sizeof(*words->fail), p);
    words->found = make(most, sizeof(*words->found), p);
    words->depth = make(most, sizeof(*words->depth), p);
    words->byte = make(most, sizeof(*words->byte), p);
    words->next = make(entries + 1, sizeof(*words->next), p);
    words->line = make(entries + 1, sizeof(*words->line), p);
    words->len = make(entries + 1, sizeof(*words->len), p);
}

/* How many states there will be: the bytes that an entry does not share with
 * the one before it. */
static apr_size_t count_states(const chat_moderation_entry_t *entries, int n)
{
    apr_size_t states = 1, same = 0;
    int i;

    for (i = 0; i < n; i++) {
        for (same = 0; i && same < entries[i].len && same < entries[i - 1].len;
             same++)
            if (entries[i].text[same] != entries[i - 1].text[same])
                break;
        states += entries[i].len - same;
    }
    return states;
}

chat_moderation_words_t *
chat_moderation_words_create(chat_moderation_entry_t *entries, int n,
                             apr_pool_t *p)
{
    chat_moderation_words_t *words = apr_pcalloc(p, sizeof(*words));
    apr_size_t most = count_states(entries, n);
    build_t b = {.words = words, .entries = entries};
    apr_pool_t *temp;
    apr_uint32_t state;

    apr_pool_create(&temp, p);
    make_states(words, most, n, p);
    b.lo = make(most, sizeof(*b.lo), temp);
    b.hi = make(most, sizeof(*b.hi), temp);
    b.hi[0] = n;
    words->nstates = 1;
    for (state = 0; state < words->nstates; state++)
        expand(&b, state);
    apr_pool_destroy(temp);
    return words;
}

apr_size_t chat_moderation_words_bytes(const chat_moderation_words_t *words)
{
    return sizeof(*words) +
           words->nstates *
               (sizeof(*words->first) + sizeof(*words->fail) +
                sizeof(*words->found) + sizeof(*words->depth) + 1) +
           words->nentries * (sizeof(*words->next) + sizeof(*words->line) +
                              sizeof(*words->len));
}
