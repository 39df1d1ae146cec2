/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an answer cost: providers differ in how they name the counts and where
 * they put them, which is a table of each. Nearly every usage is read in
 * passing (chat_provider_scan.c); of two equal names the last one holds, there
 * as in the parse. Runs on the stream's driver. Pure.
 */
#include "chat_provider_scan.h"

#include <string.h>

#include <apr_strings.h>

/* Of a count: they fit, whichever they are. */
#define MOST_DIGITS 18

void chat_provider_usage_clear(chat_usage_counts_t *usage)
{
    int i;

    for (i = 0; i < CHAT_USAGE_FIELDS_MAX; i++)
        usage->n[i] = -1;
}

void chat_provider_usage_take(apr_int64_t *ptokens,
                              const chat_usage_counts_t *usage, int index)
{
    if (usage->n[index] > 0 || (usage->n[index] == 0 && *ptokens < 0))
        *ptokens = usage->n[index];
}

void chat_provider_usage_merge(chat_usage_counts_t *usage, chat_seen_t *seen)
{
    int i;

    for (i = 0; i < CHAT_USAGE_FIELDS_MAX; i++) {
        apr_int64_t known = seen->counts[i] - 1;

        if (usage->fields[i].name == NULL)
            break;
        chat_provider_usage_take(&known, usage, i);
        seen->counts[i] = known < APR_INT64_MAX ? known + 1 : known;
        usage->n[i] = known;
    }
}

int chat_provider_usage_is_any(const chat_usage_counts_t *usage)
{
    const chat_usage_field_t *field;

    for (field = usage->fields; field->name; field++) {
        if (usage->n[field - usage->fields] >= 0)
            return 1;
    }
    return 0;
}

/* ---- parsed ---- */

/* Some write their numbers as texts. */
static apr_int64_t read_count(const chat_json_t *v)
{
    const char *text = chat_json_string(v);
    apr_size_t digits = text ? strspn(text, "0123456789") : 0;

    if (digits > 0 && digits <= MOST_DIGITS && !text[digits])
        return apr_atoi64(text);
    return chat_json_integer(v, -1);
}

void chat_provider_usage_read(chat_usage_counts_t *usage,
                              const char *const *path, const chat_json_t *v)
{
    const chat_usage_field_t *field = usage->fields;

    for (; *path; path++)
        v = chat_json_get(v, *path);
    for (; field->name; field++) {
        const chat_json_t *in =
            field->object ? chat_json_get(v, field->object) : v;

        usage->n[field - usage->fields] =
            read_count(chat_json_get(in, field->name));
    }
}

/* ---- in passing ---- */

/* Forget what stood in that object, and enter it; 0: it is none. */
static int enter(chat_usage_counts_t *usage, const char *object, chat_scan_t *s)
{
    const chat_usage_field_t *field = usage->fields;

    for (; field->name; field++) {
        if (field->object && strcmp(field->object, object) == 0)
            usage->n[field - usage->fields] = -1;
    }
    return chat_provider_scan_object(s);
}

static int is_in(const chat_usage_field_t *field, const char *object)
{
    return field->object && object ? strcmp(field->object, object) == 0
                                   : field->object == object;
}

/* A member of the usage, or (object) of one of its objects. */
static void scan_member(chat_usage_counts_t *usage, const char *object,
                        const char *name, apr_size_t len, chat_scan_t *s)
{
    const chat_usage_field_t *field = usage->fields;

    for (; field->name; field++) {
        if (is_in(field, object) &&
            chat_provider_scan_is(name, len, field->name)) {
            chat_provider_scan_count(s, &usage->n[field - usage->fields]);
            return;
        }
        if (!object && field->object &&
            chat_provider_scan_is(name, len, field->object)) {
            if (enter(usage, field->object, s)) {
                while (chat_provider_scan_member(s, &name, &len))
                    scan_member(usage, field->object, name, len, s);
            }
            return;
        }
    }
    chat_provider_scan_skip(s);
}

void chat_provider_usage_scan(chat_usage_counts_t *usage,
                              const char *const *path, chat_scan_t *s)
{
    const char *name;
    apr_size_t len;

    chat_provider_usage_clear(usage);
    if (!chat_provider_scan_object(s))
        return;
    while (chat_provider_scan_member(s, &name, &len)) {
        if (!*path)
            scan_member(usage, NULL, name, len, s);
        else if (chat_provider_scan_is(name, len, *path))
            chat_provider_usage_scan(usage, path + 1, s);
        else
            chat_provider_scan_skip(s);
    }
}

void chat_provider_usage_watch(chat_usage_counts_t *usage,
                               const char *const *path, chat_watch_t *w)
{
    chat_scan_t s;

    chat_provider_scan_init(&s, w->event->data, w->event->data_len);
    chat_provider_usage_scan(usage, path, &s);
    if (!chat_provider_scan_done(&s))
        chat_provider_usage_read(usage, path, chat_provider_watch_json(w));
}
