/* SPDX-License-Identifier: Apache-2.0 */
/* A watch over texts that come piece by piece: of what is on a list not one
 * letter goes on, and all else does, as it was. */
#include "chat_moderation.h"

#include <pthread.h>
#include <string.h>

#include <apr_strings.h>

#include "chat_buf.h"
#include "unit.h"

static apr_pool_t *pool;
static chat_buf_t out;
static chat_moderation_e action;
static int hits, errors, rigids, line;

static void setup(void)
{
    apr_pool_create(&pool, NULL);
    chat_buf_init(&out, pool);
    action = CHAT_MODERATION_BLOCK;
    hits = errors = rigids = line = 0;
}

static void teardown(void)
{
    apr_pool_destroy(pool);
}

static void pass(void *ctx, const char *text, apr_size_t len)
{
    ck_assert_uint_gt(len, 0);
    chat_buf_put(&out, text, len);
}

static chat_moderation_e hit(void *ctx, const chat_moderation_hit_t *found)
{
    hits += !found->error;
    errors += found->error;
    rigids += found->rigid;
    line = found->line;
    return found->error ? CHAT_MODERATION_PASS : action;
}

static const chat_moderation_sink_t sink = {pass, hit};

static const chat_moderation_list_t *list(int match, int lookalikes,
                                          const char *text)
{
    const chat_moderation_options_t options = {
        .match = match, .marks = 1, .lookalikes = lookalikes};
    chat_moderation_list_t *made;

    ck_assert_pstr_eq(
        chat_moderation_compile(&made, text, strlen(text), &options, pool),
        NULL);
    return made;
}

static chat_moderation_watch_t *watch(const chat_moderation_list_t *one,
                                      unsigned flags)
{
    const chat_moderation_list_t **lists = apr_palloc(pool, sizeof(*lists));

    *lists = one;
    return chat_moderation_watch_create(lists, 1, flags, &sink, NULL, pool);
}

static apr_size_t char_len(const char *text)
{
    unsigned char c = *text;

    return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

static unsigned seed = 1;

static unsigned rnd(unsigned n)
{
    seed = seed * 1103515245 + 12345;
    return (seed >> 8) % n;
}

/* In pieces of so many characters at most; 0: whole. What went on. */
static const char *feed(chat_moderation_watch_t *w, const char *text,
                        unsigned most)
{
    chat_buf_clear(&out);
    while (*text) {
        apr_size_t len = 0;
        unsigned n = most ? 1 + rnd(most) : 1 << 30;

        while (n-- && text[len])
            len += char_len(text + len);
        chat_moderation_watch_feed(w, text, len);
        text += len;
    }
    chat_moderation_watch_end(w);
    chat_buf_put(&out, "", 1);
    return out.data;
}

static const char *moderated(const chat_moderation_list_t *one,
                             const char *text)
{
    return feed(watch(one, 0), text, 3);
}

/* ---- what is found ---- */

START_TEST(a_word_is_no_part_of_another)
{
    const chat_moderation_list_t *words =
        list(CHAT_MODERATION_WORD, 0, "ban\nc++\ntwo words\n");

    action = CHAT_MODERATION_REPLACE;
    ck_assert_str_eq(moderated(words, "ban"), "[removed]");
    ck_assert_str_eq(moderated(words, "A BAN, (ban) ban_ 'ban'."),
                     "A [removed], ([removed]) [removed]_ '[removed]'.");
    ck_assert_str_eq(moderated(words, "urban banner bans ban1 \u00e9ban"),
                     "urban banner bans ban1 \u00e9ban");
    ck_assert_str_eq(moderated(words, "c++ c++x xc++"), "[removed] c++x xc++");
    ck_assert_str_eq(moderated(words, "Two\u00a0words two words2"),
                     "[removed] two words2");
    ck_assert_int_eq(hits, 7);
}
END_TEST

START_TEST(a_substring_is_found_anywhere)
{
    const chat_moderation_list_t *words =
        list(CHAT_MODERATION_SUBSTRING, 0, "ban\nbanned\nfi");

    action = CHAT_MODERATION_REPLACE;
    ck_assert_str_eq(moderated(words, "urbanned bananas"),
                     "ur[removed] [removed]anas");
    ck_assert_str_eq(moderated(words, "o\ufb01ce"), "o[removed]ce");
}
END_TEST

START_TEST(marks_and_lookalikes_hide_nothing)
{
    const chat_moderation_list_t *plain = list(CHAT_MODERATION_WORD, 0,
                                               "banned\nr\u00e9sum\u00e9\n"
                                               "\u0e2b\u0e49\u0e32\u0e21");
    const chat_moderation_list_t *alike =
        list(CHAT_MODERATION_WORD, 1, "banned\n\u0441\u0443\u043a\u0430");

    action = CHAT_MODERATION_REPLACE;
    ck_assert_str_eq(moderated(plain, "b\u0336a\u0336n\u0336n\u0336e\u0336d"
                                      "\u0336 b\u00e1nn\u00e9d"),
                     "[removed] [removed]");
    /* Words that have marks are found with these alone. */
    ck_assert_str_eq(moderated(plain, "R\u00c9SUM\u00c9 resume re\u0301sume"
                                      "\u0301"),
                     "[removed] resume [removed]");
    ck_assert_str_eq(moderated(plain, "\u0e2b\u0e49\u0e32\u0e21 "
                                      "\u0e2b\u0e32\u0e21"),
                     "[removed] \u0e2b\u0e32\u0e21");
    ck_assert_str_eq(moderated(plain, "b\u0430nned"), "b\u0430nned");
    ck_assert_str_eq(moderated(alike, "b\u0430nn\u0435d \u0421\u0423\u041a"
                                      "\u0410 \u0441\u0443\u043a\u0438"),
                     "[removed] [removed] \u0441\u0443\u043a\u0438");
}
END_TEST

START_TEST(patterns_are_found_across_pieces)
{
    const chat_moderation_list_t *patterns =
        list(CHAT_MODERATION_REGEX, 0, "b\\s*a\\s*d\\b\n(?<=x)\\d{4}\n^start");

    action = CHAT_MODERATION_REPLACE;
    ck_assert_str_eq(moderated(patterns, "B a  d, badly x1234 1234 start"),
                     "[removed], badly x[removed] 1234 start");
    ck_assert_str_eq(moderated(patterns, "start \u00c9 b\u00e1d"),
                     "[removed] \u00c9 [removed]");
    ck_assert_int_eq(line, 1);
}
END_TEST

START_TEST(a_block_ends_it)
{
    chat_moderation_watch_t *w =
        watch(list(CHAT_MODERATION_WORD, 0, "no\nbanned"), 0);

    ck_assert_str_eq(feed(w, "It is banned, and more banned.", 1), "It is ");
    ck_assert_int_eq(hits, 1);
    ck_assert_int_eq(line, 2);
}
END_TEST

START_TEST(a_flag_changes_nothing)
{
    action = CHAT_MODERATION_FLAG;
    ck_assert_str_eq(moderated(list(CHAT_MODERATION_WORD, 0, "banned"),
                               "It is banned\u200b, and more."),
                     "It is banned\u200b, and more.");
    ck_assert_int_eq(hits, 1);
}
END_TEST

START_TEST(only_a_beginning_is_held)
{
    chat_moderation_watch_t *w =
        watch(list(CHAT_MODERATION_WORD, 0, "banned"), 0);

    chat_moderation_watch_feed(w, "It is ban", 9);
    ck_assert_int_eq(chat_moderation_watch_holds(w), 1);
    ck_assert_int_eq(out.len, 6);
    chat_moderation_watch_feed(w, "k ", 2);
    ck_assert_int_eq(chat_moderation_watch_holds(w), 0);
    chat_moderation_watch_feed(w, "b", 1);
    ck_assert_int_eq(chat_moderation_watch_holds(w), 1);
    chat_moderation_watch_end(w);
    ck_assert_mem_eq(out.data, "It is bank b", 12);
}
END_TEST

START_TEST(whole_texts_wait_for_their_end)
{
    chat_moderation_watch_t *w =
        watch(list(CHAT_MODERATION_REGEX, 0, "bad"), CHAT_MODERATION_WHOLE);

    action = CHAT_MODERATION_REPLACE;
    chat_moderation_watch_feed(w, "a bad", 5);
    chat_moderation_watch_feed(w, " thing, bad", 11);
    ck_assert_uint_eq(out.len, 0);
    chat_moderation_watch_end(w);
    chat_buf_put(&out, "", 1);
    ck_assert_str_eq(out.data, "a [removed] thing, [removed]");
}
END_TEST

/* ---- arguments of calls ---- */

static const char *arguments(const chat_moderation_list_t *one,
                             const char *text)
{
    return feed(watch(one, CHAT_MODERATION_JSON), text, 2);
}

START_TEST(escapes_of_json_hide_nothing)
{
    const chat_moderation_list_t *words =
        list(CHAT_MODERATION_WORD, 0, "banned\n\U0001f600 x\n7");

    action = CHAT_MODERATION_REPLACE;
    ck_assert_str_eq(arguments(words, "{\"q\":\"so b\\u0061n\\u006Eed it\"}"),
                     "{\"q\":\"so [removed] it\"}");
    ck_assert_str_eq(arguments(words, "{\"q\":\"\\nbanned\\\"\"}"),
                     "{\"q\":\"\\n[removed]\\\"\"}");
    ck_assert_str_eq(arguments(words, "[\"\\ud83d\\ude00 X\"]"),
                     "[\"[removed]\"]");
    ck_assert_str_eq(arguments(words, "[\"\\ud83d banned\"]"),
                     "[\"\\ud83d [removed]\"]");
    ck_assert_str_eq(arguments(words, "[\"\\ud83d\\u0020banned \\u00"),
                     "[\"\\ud83d\\u0020[removed] \\u00");
    ck_assert_int_eq(rigids, 0);
    /* A number has no room for a text. */
    arguments(words, "{\"n\":7}");
    ck_assert_int_eq(rigids, 1);
}
END_TEST

/* ---- many answers ---- */

static const char *const innocent[] = {
    "the",          "urban",
    "banner",       "a",
    "ba",           "bann",
    "is",           "caf\u00e9",
    "and",          "band",
    "ned",          "b",
    "\u4f60\u597d", "\u0431\u0430\u043d",
    "x\u0301",      "\U0001f468\u200d\U0001f469",
    "ban\u00adk",   "unbanned",
    "banneda",      "forbid"};

static void add_innocent(chat_buf_t *text)
{
    int n = 1 + rnd(12);

    while (n--) {
        chat_buf_puts(text,
                      innocent[rnd(sizeof(innocent) / sizeof(*innocent))]);
        chat_buf_puts(text, rnd(6) ? " " : rnd(2) ? ", " : "\n");
    }
}

/* The word, each letter in a form of its own, with what nobody sees strewn in.
 */
static void add_disguised(chat_buf_t *text, const char *word)
{
    static const char *const unseen[] = {
        "\u200b",     "\u00ad", "\u200d", "\ufeff", "\u2060", "\u202e",
        "\U000e0041", "\ufe0f", "\u180e", "\x01",   "\ufff9"};
    char c[8];

    for (; *word; word++) {
        switch (rnd(4)) {
        case 0: /* full width */
            memcpy(c, "\uff41", 4);
            c[2] += *word - 'a';
            chat_buf_puts(text, c);
            break;
        case 1: /* struck through */
            chat_buf_put(text, word, 1);
            chat_buf_puts(text, "\u0336");
            break;
        default:
            c[0] = rnd(2) ? *word : *word - 32;
            chat_buf_put(text, c, 1);
        }
        while (rnd(2))
            chat_buf_puts(text, unseen[rnd(sizeof(unseen) / sizeof(*unseen))]);
    }
}

START_TEST(of_ten_thousand_answers_no_letter_is_shown)
{
    const chat_moderation_list_t *words = list(
        CHAT_MODERATION_WORD, 0, "banned\nforbidden\nbandit forbidden\nned q");
    static chat_buf_t text;
    int i;

    chat_buf_init(&text, pool);
    for (i = 0; i < 10000; i++) {
        chat_moderation_watch_t *w = watch(words, 0);
        const char *got;
        apr_size_t before;

        chat_buf_clear(&text);
        add_innocent(&text);
        before = text.len;
        add_disguised(&text, i % 2 ? "banned" : "forbidden");
        chat_buf_puts(&text, i % 3 ? " " : "");
        if (i % 3)
            add_innocent(&text);
        chat_buf_put(&text, "", 1);
        got = feed(w, text.data, 1 + i % 5);
        ck_assert_int_eq(hits, i + 1);
        ck_assert_msg(strlen(got) <= before &&
                          !strncmp(got, text.data, strlen(got)),
                      "%d: %s became %s", i, text.data, got);
    }
}
END_TEST

START_TEST(of_ten_thousand_innocent_ones_none_is_touched)
{
    const chat_moderation_list_t *words = list(
        CHAT_MODERATION_WORD, 1, "banned\nforbidden\nbandit forbidden\nned q");
    static chat_buf_t text;
    int i;

    chat_buf_init(&text, pool);
    for (i = 0; i < 10000; i++) {
        chat_buf_clear(&text);
        add_innocent(&text);
        chat_buf_put(&text, "", 1);
        ck_assert_str_eq(feed(watch(words, 0), text.data, 1 + i % 5),
                         text.data);
    }
    ck_assert_int_eq(hits, 0);
}
END_TEST

/* A cut at every place, and no more than one. */
START_TEST(it_may_be_cut_anywhere)
{
    const char *text = "so b\u200ba\u0336n\\n\uff45d it is: banned\u0301 now";
    const chat_moderation_list_t *words =
        list(CHAT_MODERATION_SUBSTRING, 0, "ban\\ned\nbanned");
    apr_size_t at;

    action = CHAT_MODERATION_REPLACE;
    for (at = 0; text[at]; at += char_len(text + at)) {
        chat_moderation_watch_t *w = watch(words, 0);

        chat_buf_clear(&out);
        if (at)
            chat_moderation_watch_feed(w, text, at);
        chat_moderation_watch_feed(w, text + at, strlen(text) - at);
        chat_moderation_watch_end(w);
        chat_buf_put(&out, "", 1);
        ck_assert_str_eq(out.data, "so [removed] it is: [removed] now");
    }
}
END_TEST

/* ---- lists are shared ---- */

#define THREADS 4

typedef struct reader_t {
    const chat_moderation_list_t *lists[2];
    int found;
} reader_t;

static void ignore(void *ctx, const char *text, apr_size_t len)
{
}

static chat_moderation_e count_found(void *ctx,
                                     const chat_moderation_hit_t *found)
{
    ((reader_t *)ctx)->found += !found->error;
    return CHAT_MODERATION_REPLACE;
}

static void *read_often(void *ctx)
{
    static const chat_moderation_sink_t counts = {ignore, count_found};
    const char *text = "a b\u0430nned word, card 1234";
    reader_t *reader = ctx;
    apr_pool_t *p;
    int i;

    for (i = 0; i < 50; i++) {
        chat_moderation_watch_t *w;

        apr_pool_create_unmanaged_ex(&p, NULL, NULL);
        w = chat_moderation_watch_create(reader->lists, 2, 0, &counts, reader,
                                         p);
        chat_moderation_watch_feed(w, text, strlen(text));
        chat_moderation_watch_end(w);
        apr_pool_destroy(p);
    }
    return NULL;
}

/* Each has a watch of its own; the automaton and the machine code of patterns
 * are for all. */
START_TEST(threads_share_a_list)
{
    reader_t readers[THREADS];
    pthread_t threads[THREADS];
    int i;

    for (i = 0; i < THREADS; i++) {
        readers[i] = i ? readers[0] : (reader_t){{NULL}, 0};
        if (i == 0) {
            readers[i].lists[0] = list(CHAT_MODERATION_WORD, 1, "banned");
            readers[i].lists[1] =
                list(CHAT_MODERATION_REGEX, 0, "card\\s+\\d{4}");
        }
    }
    for (i = 0; i < THREADS; i++)
        ck_assert_int_eq(
            pthread_create(&threads[i], NULL, read_often, &readers[i]), 0);
    for (i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (i = 0; i < THREADS; i++)
        ck_assert_int_eq(readers[i].found, 100);
}
END_TEST

/* ---- patterns that take for ever ---- */

static void search(const char *pattern, const char *text)
{
    chat_moderation_watch_t *w =
        watch(list(CHAT_MODERATION_REGEX, 0, pattern), CHAT_MODERATION_WHOLE);

    errors = hits = 0;
    chat_moderation_watch_feed(w, text, strlen(text));
    chat_moderation_watch_end(w);
}

/* How long they would take otherwise: minutes, and for ever. That a limit has
 * ended them is told, with their line, and the text goes on. */
START_TEST(a_pattern_that_takes_for_ever_ends_by_its_limits)
{
    static const struct {
        const char *pattern, *text;
    } cases[] = {
        {"(a+)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"},
        {"(a|aa)+$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"},
        {"(x+x+)+$", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx!"},
        /* It can make a limit less, and not more. */
        {"(*LIMIT_MATCH=4000000000)(a+)+$",
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"},
    };
    const char *text = cases[_i].text;

    search(cases[_i].pattern, text);
    ck_assert_int_eq(errors, 1);
    ck_assert_int_eq(hits, 0);
    ck_assert_int_eq(out.len, strlen(text));
}
END_TEST

/* The other kind: each step is one of few, and there are very many. */
START_TEST(a_pattern_that_is_quadratic_ends)
{
    char *blanks = apr_palloc(pool, 40002);

    memset(blanks, ' ', 40000);
    strcpy(blanks + 40000, "x");
    search("\\s+$", blanks);
    ck_assert_int_eq(hits, 0);
    ck_assert_int_eq(out.len, 40001);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("chat_moderation_watch");
    TCase *tc = tcase_create("watch"), *shared = tcase_create("shared");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, a_word_is_no_part_of_another);
    tcase_add_test(tc, a_substring_is_found_anywhere);
    tcase_add_test(tc, marks_and_lookalikes_hide_nothing);
    tcase_add_test(tc, patterns_are_found_across_pieces);
    tcase_add_test(tc, a_block_ends_it);
    tcase_add_test(tc, a_flag_changes_nothing);
    tcase_add_test(tc, only_a_beginning_is_held);
    tcase_add_test(tc, whole_texts_wait_for_their_end);
    tcase_add_test(tc, escapes_of_json_hide_nothing);
    tcase_add_test(tc, of_ten_thousand_answers_no_letter_is_shown);
    tcase_add_test(tc, of_ten_thousand_innocent_ones_none_is_touched);
    tcase_add_test(tc, it_may_be_cut_anywhere);
    tcase_add_loop_test(tc, a_pattern_that_takes_for_ever_ends_by_its_limits, 0,
                        4);
    tcase_add_test(tc, a_pattern_that_is_quadratic_ends);
    suite_add_tcase(suite, tc);
    tcase_add_checked_fixture(shared, setup, teardown);
    tcase_add_test(shared, threads_share_a_list);
    suite_add_tcase(suite, shared);
    return suite;
}
