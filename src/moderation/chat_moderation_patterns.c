/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns: PCRE2, compiled to machine code, with limits that no text gets
 * over. What they look at is valid UTF-8 in its folded form. Pure, any thread
 * once they are added.
 */
#include "chat_moderation_int.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define COMPILE                                                                \
    (PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_CASELESS)

/* Steps of one search: so many, and more for a longer text. */
#define STEPS_LEAST 10000
#define STEPS_A_BYTE 10
#define STEPS_MOST 1000000
#define HEAP_KIB 1024

typedef struct pattern_t {
    pcre2_code *code;
    int line;
    apr_size_t bytes;
} pattern_t;

struct chat_moderation_patterns_t {
    apr_array_header_t *list; /* pattern_t */
};

struct chat_moderation_search_t {
    pcre2_match_data *data;
    pcre2_match_context *context;
};

chat_moderation_patterns_t *chat_moderation_patterns_create(apr_pool_t *p)
{
    chat_moderation_patterns_t *patterns = apr_palloc(p, sizeof(*patterns));

    patterns->list = apr_array_make(p, 8, sizeof(pattern_t));
    return patterns;
}

static apr_status_t free_code(void *code)
{
    pcre2_code_free(code);
    return APR_SUCCESS;
}

/* It would be found everywhere. */
static int matches_nothing(const pcre2_code *code)
{
    apr_uint32_t empty = 0;

    pcre2_pattern_info(code, PCRE2_INFO_MATCHEMPTY, &empty);
    return empty != 0;
}

/* Without machine code, where the system forbids that, it is searched for all
 * the same. */
static void keep(chat_moderation_patterns_t *patterns, pcre2_code *code,
                 int line)
{
    pattern_t *pattern = apr_array_push(patterns->list);
    size_t size = 0, jit = 0;

    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD);
    pcre2_pattern_info(code, PCRE2_INFO_SIZE, &size);
    pcre2_pattern_info(code, PCRE2_INFO_JITSIZE, &jit);
    pattern->code = code;
    pattern->line = line;
    pattern->bytes = size + jit;
}

const char *chat_moderation_patterns_add(chat_moderation_patterns_t *patterns,
                                         const char *text, int line,
                                         apr_pool_t *p)
{
    char why[256];
    PCRE2_SIZE at = 0;
    int number = 0;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
                                     COMPILE, &number, &at, NULL);

    if (!code) {
        pcre2_get_error_message(number, (PCRE2_UCHAR *)why, sizeof(why));
        return apr_psprintf(p, "%s (at byte %" APR_SIZE_T_FMT ")", why,
                            (apr_size_t)at);
    }
    apr_pool_cleanup_register(p, code, free_code, apr_pool_cleanup_null);
    if (matches_nothing(code))
        return "the pattern matches where there is nothing";
    keep(patterns, code, line);
    return NULL;
}

int chat_moderation_patterns_count(const chat_moderation_patterns_t *patterns)
{
    return patterns->list->nelts;
}

static const pattern_t *at(const chat_moderation_patterns_t *patterns, int i)
{
    return &APR_ARRAY_IDX(patterns->list, i, pattern_t);
}

int chat_moderation_patterns_line(const chat_moderation_patterns_t *patterns,
                                  int i)
{
    return at(patterns, i)->line;
}

apr_size_t
chat_moderation_patterns_bytes(const chat_moderation_patterns_t *patterns)
{
    apr_size_t bytes = 0;
    int i;

    for (i = 0; i < patterns->list->nelts; i++)
        bytes += sizeof(pattern_t) + at(patterns, i)->bytes;
    return bytes;
}

/* ---- a search ---- */

static apr_status_t free_search(void *searchv)
{
    chat_moderation_search_t *search = searchv;

    pcre2_match_data_free(search->data);
    pcre2_match_context_free(search->context);
    return APR_SUCCESS;
}

chat_moderation_search_t *chat_moderation_search_create(apr_pool_t *p)
{
    chat_moderation_search_t *search = apr_palloc(p, sizeof(*search));

    search->data = pcre2_match_data_create(1, NULL);
    search->context = pcre2_match_context_create(NULL);
    if (!search->data || !search->context)
        abort();
    pcre2_set_heap_limit(search->context, HEAP_KIB);
    apr_pool_cleanup_register(p, search, free_search, apr_pool_cleanup_null);
    return search;
}

static void set_limit(chat_moderation_search_t *search, apr_size_t len)
{
    apr_size_t steps = STEPS_LEAST + STEPS_A_BYTE * len;

    pcre2_set_match_limit(
        search->context, steps < STEPS_MOST ? (apr_uint32_t)steps : STEPS_MOST);
}

static int match(const pattern_t *pattern, chat_moderation_search_t *search,
                 const chat_moderation_subject_t *subject)
{
    apr_uint32_t how = PCRE2_NO_UTF_CHECK |
                       (subject->begins ? 0 : PCRE2_NOTBOL) |
                       (subject->ends ? 0 : PCRE2_PARTIAL_HARD);
    int rc;

    set_limit(search, subject->len);
    rc = pcre2_match(pattern->code, (PCRE2_SPTR)subject->text, subject->len,
                     subject->from, how, search->data, search->context);
    /* Machine code has a small stack, which says nothing of the pattern. */
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
        rc = pcre2_match(pattern->code, (PCRE2_SPTR)subject->text, subject->len,
                         subject->from, how | PCRE2_NO_JIT, search->data,
                         search->context);
    return rc;
}

chat_moderation_found_e
chat_moderation_patterns_find(const chat_moderation_patterns_t *patterns, int i,
                              chat_moderation_search_t *search,
                              const chat_moderation_subject_t *subject,
                              apr_size_t *pstart, apr_size_t *pend)
{
    int rc = match(at(patterns, i), search, subject);
    const PCRE2_SIZE *place = pcre2_get_ovector_pointer(search->data);

    if (rc == PCRE2_ERROR_NOMATCH)
        return CHAT_MODERATION_NOT_FOUND;
    if (rc < 0 && rc != PCRE2_ERROR_PARTIAL)
        return CHAT_MODERATION_LIMIT;
    *pstart = place[0];
    *pend = place[1];
    return rc == PCRE2_ERROR_PARTIAL ? CHAT_MODERATION_BEGUN
                                     : CHAT_MODERATION_FOUND;
}
