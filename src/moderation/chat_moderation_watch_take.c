/* SPDX-License-Identifier: Apache-2.0 */
/* A watch takes characters: they become segments, the automata of all lists
 * move along, and what is found is told. Pure. */
#include "chat_moderation_watch.h"

#include <string.h>

/* ---- what was found ---- */

/* The segments of bytes start to end of a view: first and the one behind it.
 * What was found is mostly the last of them. */
static void find_segments(const chat_moderation_watch_t *watch, int view,
                          apr_uint64_t start, apr_uint64_t end, int *pfirst,
                          int *pbehind)
{
    const chat_moderation_form_t *form = &watch->forms[view];
    apr_uint64_t at = form->origin + form->text.len;
    int i = watch->nsegments;

    *pbehind = 0;
    while (i > 0 && at > start) {
        at -= watch->segments[--i].len[view];
        if (at < end && *pbehind == 0)
            *pbehind = i + 1;
    }
    *pfirst = i;
}

/* Nothing else can stand for what is not inside of one string. */
static int is_rigid(const chat_moderation_watch_t *watch, int first, int behind)
{
    int i;

    for (i = first; i < behind; i++)
        if (watch->segments[i].outside)
            return 1;
    return 0;
}

static void cut(chat_moderation_watch_t *watch, int first, int behind)
{
    int i;

    for (i = first; i < behind; i++)
        watch->segments[i].cut = 1;
}

static void tell(chat_moderation_watch_t *watch, chat_moderation_hit_t *hit,
                 int first, int behind)
{
    chat_moderation_e action;

    hit->text = watch->raw.data;
    hit->len = watch->raw.len;
    action = watch->sink->hit(watch->ctx, hit);
    if (action == CHAT_MODERATION_BLOCK)
        watch->over = 1;
    else if (action == CHAT_MODERATION_REPLACE)
        cut(watch, first, behind);
}

void chat_moderation_watch_found(chat_moderation_watch_t *watch, int list,
                                 int line, int first, int behind)
{
    chat_moderation_hit_t hit = {.list = list, .line = line};

    hit.rigid = is_rigid(watch, first, behind);
    tell(watch, &hit, first, behind);
}

void chat_moderation_watch_failed(chat_moderation_watch_t *watch, int list,
                                  int line)
{
    chat_moderation_hit_t hit = {.list = list, .line = line, .error = 1};

    tell(watch, &hit, 0, 0);
}

/* ---- words ---- */

/* Does a word begin there: is what stands before it no part of one? */
static int is_edge(const chat_moderation_form_t *form, apr_uint64_t start)
{
    if (start <= form->origin)
        return !form->before;
    return !chat_moderation_text_ends_word(form->text.data,
                                           start - form->origin);
}

static void word_found(chat_moderation_watch_t *watch,
                       const chat_moderation_track_t *track)
{
    int first, behind;

    find_segments(watch, track->view, track->start, track->end, &first,
                  &behind);
    chat_moderation_watch_found(watch, track->list, track->line, first, behind);
}

/* All that end here, the longest first: one that counts is enough. */
static void look_at_state(chat_moderation_watch_t *watch,
                          chat_moderation_track_t *track, apr_uint64_t end)
{
    const chat_moderation_words_t *words = track->words;
    const chat_moderation_form_t *form = &watch->forms[track->view];
    apr_uint32_t entry = words->found[track->state];

    for (; entry; entry = words->next[entry]) {
        apr_uint64_t start = end - words->len[entry];

        if (track->whole_words && !is_edge(form, start))
            continue;
        track->waits = track->whole_words;
        track->start = start;
        track->end = end;
        track->line = words->line[entry];
        if (!track->waits)
            word_found(watch, track);
        return;
    }
}

/* What stands behind a word is known. */
static void look_behind(chat_moderation_watch_t *watch,
                        chat_moderation_track_t *track, int goes_on)
{
    if (!track->waits)
        return;
    track->waits = 0;
    if (!goes_on)
        word_found(watch, track);
}

void chat_moderation_watch_close_words(chat_moderation_watch_t *watch)
{
    int i;

    for (i = 0; i < watch->ntracks && !watch->over; i++)
        look_behind(watch, &watch->tracks[i], 0);
}

/* The bytes of a segment. What begins within a word is none. */
static void move_track(chat_moderation_watch_t *watch,
                       chat_moderation_track_t *track, const char *text,
                       apr_size_t len, apr_uint64_t at)
{
    const chat_moderation_words_t *words = track->words;
    const int within =
        track->whole_words && watch->forms[track->view].ends_word;
    apr_size_t i;

    for (i = 0; i < len && !watch->over; i++) {
        if (track->waits)
            look_behind(watch, track,
                        chat_moderation_text_begins_word(text + i, len - i));
        track->state = chat_moderation_words_step(words, track->state,
                                                  (unsigned char)text[i]);
        if (i == 0 && within && words->depth[track->state] == 1)
            track->state = 0;
        if (words->found[track->state])
            look_at_state(watch, track, at + i + 1);
    }
}

static void move_tracks(chat_moderation_watch_t *watch,
                        const chat_moderation_segment_t *forms)
{
    unsigned views = watch->views;
    int i, view;

    for (i = 0; i < watch->ntracks && !watch->over; i++) {
        chat_moderation_track_t *track = &watch->tracks[i];
        const chat_moderation_form_t *form = &watch->forms[track->view];
        apr_size_t len = forms->len[track->view];

        if (len)
            move_track(watch, track, forms->text[track->view], len,
                       form->origin + form->text.len - len);
    }
    for (view = 0; views; view++, views >>= 1)
        if ((views & 1) && forms->len[view])
            watch->forms[view].ends_word = chat_moderation_text_ends_word(
                forms->text[view], forms->len[view]);
}

/* ---- segments ---- */

static chat_moderation_piece_t *push(chat_moderation_watch_t *watch)
{
    if (watch->nsegments == watch->most) {
        chat_moderation_piece_t *more;

        watch->most = watch->most ? 2 * watch->most : 64;
        more = apr_palloc(watch->p, watch->most * sizeof(*more));
        if (watch->nsegments)
            memcpy(more, watch->segments, watch->nsegments * sizeof(*more));
        watch->segments = more;
    }
    return &watch->segments[watch->nsegments++];
}

void chat_moderation_watch_close(chat_moderation_watch_t *watch)
{
    chat_moderation_pending_t *pending = &watch->pending;
    chat_moderation_segment_t *forms = &watch->scratch;
    chat_moderation_piece_t *segment;
    unsigned views;
    int view;

    if (pending->raw == 0)
        return;
    segment = push(watch);
    segment->raw = pending->raw;
    segment->outside = pending->outside;
    segment->cut = 0;
    chat_moderation_text_segment(forms, watch->views, &watch->bare,
                                 pending->text, pending->len);
    for (view = 0, views = watch->views; views; view++, views >>= 1)
        if (views & 1) {
            segment->len[view] = forms->len[view];
            chat_buf_put(&watch->forms[view].text, forms->text[view],
                         forms->len[view]);
        }
    pending->raw = pending->len = 0;
    pending->outside = pending->count = 0;
    move_tracks(watch, forms);
}

void chat_moderation_watch_put(chat_moderation_watch_t *watch, apr_int32_t c,
                               apr_size_t raw, int outside)
{
    chat_moderation_pending_t *pending = &watch->pending;
    chat_moderation_place_e place = c >= 0x20 && c < 0x7f
                                        ? CHAT_MODERATION_BEGINS
                                        : chat_moderation_text_place(c);

    if (place != CHAT_MODERATION_IGNORED) {
        if (pending->count && (place == CHAT_MODERATION_BEGINS ||
                               pending->count == CHAT_MODERATION_SEGMENT))
            chat_moderation_watch_close(watch);
        pending->len +=
            chat_moderation_text_put(pending->text + pending->len, c);
        pending->count++;
    }
    pending->raw += raw;
    pending->outside |= outside;
}
