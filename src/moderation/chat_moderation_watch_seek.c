/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns in a text that comes piece by piece: what one of them has begun to
 * match is held, up to a length. Pure. */
#include "chat_moderation_watch.h"

#include <string.h>

/* A form that is equal to the plain one need not be looked at again. */
static int is_same(const chat_moderation_watch_t *watch, int view)
{
    const chat_buf_t *plain = &watch->forms[CHAT_MODERATION_PLAIN].text;
    const chat_buf_t *text = &watch->forms[view].text;

    return view != CHAT_MODERATION_PLAIN && plain->len == text->len &&
           (text->len == 0 || memcmp(plain->data, text->data, text->len) == 0);
}

/* What has begun is held, if it is not too long. */
static void hold(chat_moderation_seeker_t *seeker, apr_uint64_t start,
                 apr_uint64_t end)
{
    seeker->from = end - start > CHAT_MODERATION_AHEAD
                       ? end - CHAT_MODERATION_AHEAD
                       : start;
}

/* ---- which segments ---- */

/* Where a form is in the row of what is held: forward alone. */
typedef struct cursor_t {
    int segment;
    apr_uint64_t at; /* where that begins */
} cursor_t;

static cursor_t begin(const chat_moderation_watch_t *watch, int view)
{
    const chat_moderation_form_t *form = &watch->forms[view];
    cursor_t cursor = {0, form->origin + form->text.len};
    int i;

    for (i = 0; i < watch->nsegments; i++)
        cursor.at -= watch->segments[i].len[view];
    return cursor;
}

/* To the segment that has that byte, or the one behind the last. */
static void move_to(cursor_t *cursor, const chat_moderation_watch_t *watch,
                    int view, apr_uint64_t place)
{
    while (cursor->segment < watch->nsegments &&
           cursor->at + watch->segments[cursor->segment].len[view] <= place)
        cursor->at += watch->segments[cursor->segment++].len[view];
}

static void found(chat_moderation_watch_t *watch,
                  const chat_moderation_seeker_t *seeker, cursor_t *cursor,
                  apr_uint64_t start, apr_uint64_t stop)
{
    int first;

    move_to(cursor, watch, seeker->view, start);
    first = cursor->segment;
    if (stop > start)
        move_to(cursor, watch, seeker->view, stop - 1);
    chat_moderation_watch_found(
        watch, seeker->list,
        chat_moderation_patterns_line(seeker->patterns, seeker->pattern), first,
        cursor->segment < watch->nsegments ? cursor->segment + 1
                                           : watch->nsegments);
}

/* ---- searching ---- */

static void seek(chat_moderation_watch_t *watch,
                 chat_moderation_seeker_t *seeker, int ends)
{
    const chat_moderation_form_t *form = &watch->forms[seeker->view];
    const apr_uint64_t end = form->origin + form->text.len;
    cursor_t cursor = begin(watch, seeker->view);
    apr_size_t start, stop;

    while (!watch->over && seeker->from < end) {
        chat_moderation_subject_t subject = {
            .text = form->text.data,
            .len = form->text.len,
            .from =
                seeker->from < form->origin ? 0 : seeker->from - form->origin,
            .begins = !form->begun,
            .ends = ends,
        };

        switch (chat_moderation_patterns_find(seeker->patterns, seeker->pattern,
                                              watch->searches, &subject, &start,
                                              &stop)) {
        case CHAT_MODERATION_FOUND:
            found(watch, seeker, &cursor, form->origin + start,
                  form->origin + stop);
            seeker->from = form->origin + (stop > start ? stop : start + 1);
            break;
        case CHAT_MODERATION_BEGUN:
            hold(seeker, form->origin + start, end);
            return;
        case CHAT_MODERATION_LIMIT:
            chat_moderation_watch_failed(
                watch, seeker->list,
                chat_moderation_patterns_line(seeker->patterns,
                                              seeker->pattern));
            seeker->from = end;
            break;
        case CHAT_MODERATION_NOT_FOUND:
            seeker->from = end;
            break;
        }
    }
}

void chat_moderation_watch_seek(chat_moderation_watch_t *watch, int ends)
{
    int i;

    for (i = 0; i < watch->nseekers && !watch->over; i++) {
        chat_moderation_seeker_t *seeker = &watch->seekers[i];
        const chat_moderation_form_t *form = &watch->forms[seeker->view];

        if (is_same(watch, seeker->view))
            seeker->from = watch->seekers[seeker->plain].from -
                           watch->forms[CHAT_MODERATION_PLAIN].origin +
                           form->origin;
        else
            seek(watch, seeker, ends);
    }
}
