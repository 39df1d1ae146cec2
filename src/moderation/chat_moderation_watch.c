/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A watch: takes a text apart into segments, moves the automata of all lists
 * along, and lets go on what nothing can begin in. The state of an automaton
 * is what it holds: as many bytes of its form as the state is deep. Pure.
 */
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

/* The bytes of a segment. */
static void move_track(chat_moderation_watch_t *watch,
                       chat_moderation_track_t *track, const char *text,
                       apr_size_t len, apr_uint64_t at)
{
    apr_size_t i;

    for (i = 0; i < len && !watch->over; i++) {
        if (track->waits)
            look_behind(watch, track,
                        chat_moderation_text_begins_word(text + i, len - i));
        track->state = chat_moderation_words_step(track->words, track->state,
                                                  (unsigned char)text[i]);
        if (track->words->found[track->state])
            look_at_state(watch, track, at + i + 1);
    }
}

static void move_tracks(chat_moderation_watch_t *watch,
                        const chat_moderation_segment_t *forms)
{
    int i;

    for (i = 0; i < watch->ntracks && !watch->over; i++) {
        chat_moderation_track_t *track = &watch->tracks[i];
        const chat_moderation_form_t *form = &watch->forms[track->view];
        apr_size_t len = forms->len[track->view];

        if (len)
            move_track(watch, track, forms->text[track->view], len,
                       form->origin + form->text.len - len);
    }
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

/* What waits for the next character is whole. */
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
    chat_moderation_place_e place = chat_moderation_text_place(c);

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

/* ---- what goes on ---- */

static void pass(chat_moderation_watch_t *watch, const char *text,
                 apr_size_t len)
{
    if (len)
        watch->sink->pass(watch->ctx, text, len);
}

/* Segments that go on, with something else in the place of what is cut. */
static apr_size_t pass_segments(chat_moderation_watch_t *watch, int n)
{
    const char *text = watch->raw.data;
    apr_size_t from = 0, at = 0;
    int i;

    for (i = 0; i < n; i++) {
        const chat_moderation_piece_t *segment = &watch->segments[i];

        if (segment->cut) {
            pass(watch, text + from, at - from);
            if (!watch->cutting)
                pass(watch, CHAT_MODERATION_REPLACEMENT,
                     sizeof(CHAT_MODERATION_REPLACEMENT) - 1);
            from = at + segment->raw;
        }
        watch->cutting = segment->cut;
        at += segment->raw;
    }
    pass(watch, text + from, at - from);
    return at;
}

/* Forget bytes of a form, but for those that a pattern may look back at. */
static void forget(chat_moderation_form_t *form, apr_size_t held,
                   apr_size_t back)
{
    apr_size_t keep = held + back, drop;

    if (form->text.len <= keep)
        return;
    drop = form->text.len - keep;
    while (drop && keep && (form->text.data[drop] & 0xc0) == 0x80)
        drop--;
    if (!drop)
        return;
    form->before = chat_moderation_text_ends_word(form->text.data, drop);
    form->begun = 1;
    memmove(form->text.data, form->text.data + drop, form->text.len - drop);
    form->text.len -= drop;
    form->origin += drop;
}

static void forget_forms(chat_moderation_watch_t *watch)
{
    unsigned views = watch->views;
    int view, i;

    for (view = 0; views; view++, views >>= 1) {
        apr_size_t held = 0;

        if (!(views & 1))
            continue;
        for (i = 0; i < watch->nsegments; i++)
            held += watch->segments[i].len[view];
        forget(&watch->forms[view], held,
               watch->searches ? CHAT_MODERATION_BACK : 0);
    }
}

static void release(chat_moderation_watch_t *watch, int n)
{
    apr_size_t bytes;

    if (n == 0)
        return;
    bytes = pass_segments(watch, n);
    memmove(watch->raw.data, watch->raw.data + bytes, watch->raw.len - bytes);
    watch->raw.len -= bytes;
    memmove(watch->segments, watch->segments + n,
            (watch->nsegments - n) * sizeof(*watch->segments));
    watch->nsegments -= n;
    forget_forms(watch);
}

/* The first segment that bytes at the end of a view lie in. */
static int first_held(const chat_moderation_watch_t *watch, int view,
                      apr_size_t bytes)
{
    int i = watch->nsegments;

    while (i > 0 && bytes > 0) {
        apr_size_t len = watch->segments[--i].len[view];

        bytes -= len < bytes ? len : bytes;
    }
    return i;
}

static int count_free(const chat_moderation_watch_t *watch)
{
    int free = watch->nsegments, i;

    for (i = 0; i < watch->ntracks; i++) {
        const chat_moderation_track_t *track = &watch->tracks[i];
        int first =
            first_held(watch, track->view, track->words->depth[track->state]);

        if (first < free)
            free = first;
    }
    for (i = 0; i < watch->nseekers; i++) {
        const chat_moderation_seeker_t *seeker = &watch->seekers[i];
        const chat_moderation_form_t *form = &watch->forms[seeker->view];
        int first = first_held(watch, seeker->view,
                               form->origin + form->text.len - seeker->from);

        if (first < free)
            free = first;
    }
    return free;
}

/* ---- feeding ---- */

static void take(chat_moderation_watch_t *watch, const char *text,
                 apr_size_t len)
{
    while (len && !watch->over) {
        apr_size_t used;
        apr_int32_t c = chat_moderation_text_next(text, len, &used);

        if (watch->flags & CHAT_MODERATION_JSON)
            chat_moderation_watch_json(watch, c, used);
        else
            chat_moderation_watch_put(watch, c, used, 0);
        text += used;
        len -= used;
    }
}

void chat_moderation_watch_feed(chat_moderation_watch_t *watch,
                                const char *text, apr_size_t len)
{
    if (watch->over)
        return;
    chat_buf_put(&watch->raw, text, len);
    take(watch, text, len);
    if (watch->flags & CHAT_MODERATION_WHOLE)
        return;
    if (!watch->over && watch->nseekers)
        chat_moderation_watch_seek(watch, 0);
    if (!watch->over)
        release(watch, count_free(watch));
}

static void begin(chat_moderation_watch_t *watch)
{
    int i;

    for (i = 0; i < CHAT_MODERATION_VIEWS; i++) {
        chat_moderation_form_t *form = &watch->forms[i];

        chat_buf_clear(&form->text);
        form->origin = 0;
        form->before = form->begun = 0;
    }
    for (i = 0; i < watch->ntracks; i++)
        watch->tracks[i].state = watch->tracks[i].waits = 0;
    for (i = 0; i < watch->nseekers; i++)
        watch->seekers[i].from = 0;
    chat_buf_clear(&watch->raw);
    memset(&watch->json, 0, sizeof(watch->json));
    watch->nsegments = 0;
    watch->bare = watch->cutting = 0;
}

void chat_moderation_watch_end(chat_moderation_watch_t *watch)
{
    int i;

    if (watch->over)
        return;
    if (watch->flags & CHAT_MODERATION_JSON)
        chat_moderation_watch_json_end(watch);
    chat_moderation_watch_close(watch);
    for (i = 0; i < watch->ntracks && !watch->over; i++)
        look_behind(watch, &watch->tracks[i], 0);
    if (!watch->over && watch->nseekers)
        chat_moderation_watch_seek(watch, 1);
    if (watch->over)
        return;
    pass_segments(watch, watch->nsegments);
    begin(watch);
}

/* The last character waits for what may combine with it: would it be the end of
 * a beginning, as it stands? */
int chat_moderation_watch_holds(const chat_moderation_watch_t *watch)
{
    chat_moderation_segment_t forms;
    int i, bare = watch->bare;

    if (watch->nsegments || watch->json.held || watch->pending.raw == 0)
        return watch->nsegments || watch->json.held;
    chat_moderation_text_segment(&forms, watch->views, &bare,
                                 watch->pending.text, watch->pending.len);
    for (i = 0; i < watch->ntracks; i++) {
        const chat_moderation_track_t *track = &watch->tracks[i];
        apr_uint32_t state = track->state;
        apr_size_t k;

        for (k = 0; k < forms.len[track->view]; k++)
            state = chat_moderation_words_step(
                track->words, state, (unsigned char)forms.text[track->view][k]);
        if (state)
            return 1;
    }
    return 0;
}

/* ---- what it is made of ---- */

static void add_list(chat_moderation_watch_t *watch,
                     const chat_moderation_list_t *list, int number)
{
    int view, i, first = watch->nseekers;

    watch->views |= list->views;
    for (view = 0; view < CHAT_MODERATION_VIEWS; view++) {
        if (list->words[view])
            watch->tracks[watch->ntracks++] = (chat_moderation_track_t){
                .words = list->words[view],
                .list = number,
                .view = view,
                .whole_words = list->options.match == CHAT_MODERATION_WORD,
            };
        if (!list->patterns || !(list->views & 1u << view))
            continue;
        for (i = 0; i < chat_moderation_patterns_count(list->patterns); i++)
            watch->seekers[watch->nseekers++] = (chat_moderation_seeker_t){
                .patterns = list->patterns,
                .pattern = i,
                .list = number,
                .view = view,
                .plain = first + i,
            };
    }
}

/* Room for so many: words and patterns in each view. */
static void make_room(chat_moderation_watch_t *watch,
                      const chat_moderation_list_t *const *lists, int nlists)
{
    int i, tracks = 0, seekers = 0;

    for (i = 0; i < nlists; i++) {
        tracks += CHAT_MODERATION_VIEWS;
        if (lists[i]->patterns)
            seekers += CHAT_MODERATION_VIEWS *
                       chat_moderation_patterns_count(lists[i]->patterns);
    }
    watch->tracks = apr_pcalloc(watch->p, tracks * sizeof(*watch->tracks));
    if (!seekers)
        return;
    watch->seekers = apr_pcalloc(watch->p, seekers * sizeof(*watch->seekers));
    watch->searches = chat_moderation_search_create(watch->p);
}

chat_moderation_watch_t *chat_moderation_watch_create(
    const chat_moderation_list_t *const *lists, int nlists, unsigned flags,
    const chat_moderation_sink_t *sink, void *ctx, apr_pool_t *p)
{
    chat_moderation_watch_t *watch = apr_pcalloc(p, sizeof(*watch));
    int i;

    watch->p = p;
    watch->flags = flags;
    watch->sink = sink;
    watch->ctx = ctx;
    chat_buf_init(&watch->raw, p);
    for (i = 0; i < CHAT_MODERATION_VIEWS; i++)
        chat_buf_init(&watch->forms[i].text, p);
    make_room(watch, lists, nlists);
    for (i = 0; i < nlists; i++)
        add_list(watch, lists[i], i);
    return watch;
}
