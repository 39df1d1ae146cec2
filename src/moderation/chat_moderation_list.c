/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list, read line by line. A word lies in one form alone: where marks are
 * left out that is the bare one, if the word itself has none, for then it is
 * found there whenever it would be in the plain one. Pure.
 */
#include "chat_moderation_int.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

typedef struct reading_t {
    chat_moderation_list_t *list;
    apr_pool_t *p, *temp;
    apr_array_header_t *entries[CHAT_MODERATION_VIEWS]; /* of words */
} reading_t;

static int is_regex(const chat_moderation_list_t *list)
{
    return list->options.match == CHAT_MODERATION_REGEX;
}

/* ---- one line ---- */

static const char *add_pattern(reading_t *reading, const char *text, int line)
{
    chat_moderation_list_t *list = reading->list;

    if (++list->entries > CHAT_MODERATION_PATTERNS_MAX)
        return "there are more than " APR_STRINGIFY(
            CHAT_MODERATION_PATTERNS_MAX) " patterns";
    return chat_moderation_patterns_add(list->patterns, text, line, reading->p);
}

/* Are there marks in it that would be left out of a text? */
static int is_bare(const char *plain, apr_size_t len, apr_pool_t *p)
{
    apr_size_t n;
    const char *bare =
        chat_moderation_text_form(&n, CHAT_MODERATION_BARE, plain, len, p);

    return n == len && memcmp(bare, plain, n) == 0;
}

static const char *add_word(reading_t *reading, const char *text,
                            apr_size_t len, int line)
{
    const chat_moderation_options_t *options = &reading->list->options;
    chat_moderation_view_e plain = options->lookalikes
                                       ? CHAT_MODERATION_PLAIN_LATIN
                                       : CHAT_MODERATION_PLAIN;
    chat_moderation_view_e view;
    chat_moderation_entry_t *entry;
    apr_size_t n;
    const char *form =
        chat_moderation_text_form(&n, plain, text, len, reading->temp);

    if (++reading->list->entries > CHAT_MODERATION_WORDS_MAX)
        return "there are more than " APR_STRINGIFY(
            CHAT_MODERATION_WORDS_MAX) " words";
    if (n == 0)
        return "nobody would see any of its characters";
    if (n > CHAT_MODERATION_ENTRY_MAX)
        return "it is longer than " APR_STRINGIFY(
            CHAT_MODERATION_ENTRY_MAX) " bytes";
    view =
        options->marks && is_bare(form, n, reading->temp) ? plain + 1 : plain;
    entry = apr_array_push(reading->entries[view]);
    entry->text = form;
    entry->len = n;
    entry->line = line;
    return NULL;
}

static const char *add_line(reading_t *reading, const char *text,
                            apr_size_t len, int line)
{
    while (len && strchr(" \t\r", text[len - 1]))
        len--;
    while (len && strchr(" \t", *text)) {
        text++;
        len--;
    }
    if (len == 0 || *text == '#')
        return NULL;
    if (memchr(text, '\0', len) || !chat_moderation_text_valid(text, len))
        return "it is not UTF-8";
    if (is_regex(reading->list))
        return add_pattern(reading, apr_pstrmemdup(reading->temp, text, len),
                           line);
    if (len > 1 && text[0] == '\\' && text[1] == '#')
        return add_word(reading, text + 1, len - 1, line);
    return add_word(reading, text, len, line);
}

/* ---- the list ---- */

static int compare(const void *av, const void *bv)
{
    const chat_moderation_entry_t *a = av, *b = bv;
    int order = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);

    return order ? order : (a->len > b->len) - (a->len < b->len);
}

static void build_words(reading_t *reading)
{
    chat_moderation_list_t *list = reading->list;
    int view;

    for (view = 0; view < CHAT_MODERATION_VIEWS; view++) {
        apr_array_header_t *entries = reading->entries[view];

        if (entries->nelts == 0)
            continue;
        qsort(entries->elts, entries->nelts, sizeof(chat_moderation_entry_t),
              compare);
        list->words[view] = chat_moderation_words_create(
            (chat_moderation_entry_t *)entries->elts, entries->nelts,
            reading->p);
        list->views |= 1u << view;
    }
}

/* Patterns look at each form that may differ. */
static void choose_views(chat_moderation_list_t *list)
{
    list->views = 1u << CHAT_MODERATION_PLAIN;
    if (list->options.marks)
        list->views |= 1u << CHAT_MODERATION_BARE;
    if (list->options.lookalikes)
        list->views |= list->options.marks ? 1u << CHAT_MODERATION_BARE_LATIN
                                           : 1u << CHAT_MODERATION_PLAIN_LATIN;
}

static const char *read_lines(reading_t *reading, const char *text,
                              apr_size_t len)
{
    const char *end = text + len, *eol;
    int line = 0;

    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    for (; text < end; text = eol + 1) {
        const char *why;

        eol = memchr(text, '\n', end - text);
        if (!eol)
            eol = end;
        why = add_line(reading, text, eol - text, ++line);
        if (why)
            return apr_psprintf(reading->p, ":%d: %s", line, why);
    }
    return reading->list->entries ? NULL : ":1: there is nothing in it";
}

const char *chat_moderation_compile(chat_moderation_list_t **plist,
                                    const char *text, apr_size_t len,
                                    const chat_moderation_options_t *options,
                                    apr_pool_t *p)
{
    reading_t reading = {.p = p};
    const char *why;
    int view;

    reading.list = apr_pcalloc(p, sizeof(*reading.list));
    reading.list->options = *options;
    apr_pool_create(&reading.temp, p);
    for (view = 0; view < CHAT_MODERATION_VIEWS; view++)
        reading.entries[view] =
            apr_array_make(reading.temp, 64, sizeof(chat_moderation_entry_t));
    if (is_regex(reading.list))
        reading.list->patterns = chat_moderation_patterns_create(p);
    why = read_lines(&reading, text, len);
    if (!why && is_regex(reading.list))
        choose_views(reading.list);
    else if (!why)
        build_words(&reading);
    apr_pool_destroy(reading.temp);
    *plist = reading.list;
    return why;
}

int chat_moderation_entries(const chat_moderation_list_t *list)
{
    return list->entries;
}

apr_size_t chat_moderation_bytes(const chat_moderation_list_t *list)
{
    apr_size_t bytes = sizeof(*list);
    int view;

    for (view = 0; view < CHAT_MODERATION_VIEWS; view++)
        if (list->words[view])
            bytes += chat_moderation_words_bytes(list->words[view]);
    if (list->patterns)
        bytes += chat_moderation_patterns_bytes(list->patterns);
    return bytes;
}
