/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A watch: takes a text apart into segments, moves the automata of all lists
 * along, and lets go on what nothing can begin in. The state of an automaton
 * is what it holds: as many bytes of its form as the state is deep. Pure.
 */
#include "chat_moderation_watch.h"

#include <string.h>

/* ---- what goes on ---- */

static void pass(chat_moderation_watch_t *watch, const char *text,
                 apr_size_t len)
{
    if (len)
        chat_buf_put(&watch->out, text, len);
}

static void pass_out(chat_moderation_watch_t *watch)
{
    if (watch->out.len)
        watch->sink->pass(watch->ctx, watch->out.data, watch->out.len);
    chat_buf_clear(&watch->out);
}

/* Segments that go on, with something else in the place of what is cut. */
static apr_size_t pass_segments(chat_moderation_watch_t *watch, int n)
{
    const char *text = watch->raw.data;
    apr_size_t from = 0, at = 0;
    int i;

    if (n == 0) /* there may be no text at all */
        return 0;
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

/* ---- what need not be held ---- */

static int is_quiet(const chat_moderation_watch_t *watch)
{
    int i;

    for (i = 0; i < watch->ntracks; i++)
        if (watch->tracks[i].state || watch->tracks[i].waits)
            return 0;
    return 1;
}

/* May anything begin with that ASCII character? within: behind a letter. */
static int begins(const chat_moderation_watch_t *watch, char c, int within)
{
    int i;

    if (c >= 'A' && c <= 'Z')
        c += 'a' - 'A';
    for (i = 0; i < watch->ntracks; i++) {
        const chat_moderation_track_t *track = &watch->tracks[i];

        if (track->words->root[(unsigned char)c] &&
            !(within && track->whole_words))
            return 1;
    }
    return 0;
}

/* The character that waits, and n - 1 of text, have gone on. */
static void skip_to(chat_moderation_watch_t *watch, const char *text,
                    apr_size_t n, int within)
{
    int view;

    chat_buf_put(&watch->out, watch->pending.text, 1);
    chat_buf_put(&watch->out, text, n - 1);
    watch->pending.text[0] = watch->raw.data[0] = text[n - 1];
    watch->bare = 1;
    watch->cutting = 0;
    for (view = 0; view < CHAT_MODERATION_VIEWS; view++) {
        chat_moderation_form_t *form = &watch->forms[view];

        form->origin += n;
        form->before = form->ends_word = within;
        form->begun = 1;
    }
}

/* So many bytes of ASCII in which nothing begins, as letters within words. */
static apr_size_t skip(chat_moderation_watch_t *watch, const char *text,
                       apr_size_t len)
{
    const chat_moderation_pending_t *pending = &watch->pending;
    int view = 0, within;
    char c = pending->text[0];
    apr_size_t n = 0;

    if (watch->nsegments || pending->raw != 1 || pending->len != 1)
        return 0;
    while (!(watch->views >> view & 1))
        view++;
    within = watch->forms[view].ends_word;
    while (n < len && !(text[n] & 0x80) &&
           !chat_moderation_text_is_control(text[n]) &&
           !begins(watch, c, within)) {
        within = chat_moderation_text_is_word(c);
        c = text[n++];
    }
    if (n)
        skip_to(watch, text, n, within);
    return n;
}

/* ---- feeding ---- */

static void take(chat_moderation_watch_t *watch, const char *text,
                 apr_size_t used, apr_int32_t c)
{
    chat_buf_put(&watch->raw, text, used);
    if (watch->flags & CHAT_MODERATION_JSON)
        chat_moderation_watch_json(watch, c, used);
    else
        chat_moderation_watch_put(watch, c, used, 0);
    if (watch->skips && watch->nsegments && !watch->over && is_quiet(watch))
        release(watch, watch->nsegments);
}

static void take_all(chat_moderation_watch_t *watch, const char *text,
                     apr_size_t len)
{
    while (len && !watch->over) {
        apr_size_t used = watch->skips ? skip(watch, text, len) : 0;

        if (used == 0) {
            apr_int32_t c = chat_moderation_text_next(text, len, &used);

            take(watch, text, used, c);
        }
        text += used;
        len -= used;
    }
}

void chat_moderation_watch_feed(chat_moderation_watch_t *watch,
                                const char *text, apr_size_t len)
{
    if (watch->over)
        return;
    take_all(watch, text, len);
    if (watch->flags & CHAT_MODERATION_WHOLE)
        return;
    if (!watch->over && watch->nseekers)
        chat_moderation_watch_seek(watch, 0);
    if (watch->over)
        return;
    release(watch, count_free(watch));
    pass_out(watch);
}

static void begin(chat_moderation_watch_t *watch)
{
    int i;

    for (i = 0; i < CHAT_MODERATION_VIEWS; i++) {
        chat_moderation_form_t *form = &watch->forms[i];

        chat_buf_clear(&form->text);
        form->origin = 0;
        form->before = form->begun = form->ends_word = 0;
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
    if (watch->over)
        return;
    if (watch->flags & CHAT_MODERATION_JSON)
        chat_moderation_watch_json_end(watch);
    chat_moderation_watch_close(watch);
    chat_moderation_watch_close_words(watch);
    if (!watch->over && watch->nseekers)
        chat_moderation_watch_seek(watch, 1);
    if (watch->over)
        return;
    pass_segments(watch, watch->nsegments);
    pass_out(watch);
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
        const chat_moderation_words_t *words = track->words;
        apr_uint32_t state = track->state;
        apr_size_t k;

        for (k = 0; k < forms.len[track->view]; k++)
            state = chat_moderation_words_step(
                track->words, state, (unsigned char)forms.text[track->view][k]);
        if (state && !(track->whole_words && words->depth[state] == 1 &&
                       watch->forms[track->view].ends_word))
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
    chat_buf_init(&watch->out, p);
    for (i = 0; i < CHAT_MODERATION_VIEWS; i++)
        chat_buf_init(&watch->forms[i].text, p);
    make_room(watch, lists, nlists);
    for (i = 0; i < nlists; i++)
        add_list(watch, lists[i], i);
    watch->skips = !flags && !watch->nseekers && watch->ntracks;
    return watch;
}
