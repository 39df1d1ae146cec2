/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of search, shares, import and of what goes, in a database of their own,
 * see store/store_steps.h. t/78-store.t runs them on PostgreSQL, too. */
#include "store/store_steps.h"

#include <stdlib.h>

/* ---- a commit, or a statement that is one, whose answer is lost ---- */

static int lose; /* how many */

static apr_status_t lose_answer(chat_store_db_t *db, apr_status_t rv)
{
    if (!lose || rv != APR_SUCCESS)
        return rv;
    lose--;
    db->why = "lost";
    return APR_EGENERAL;
}

apr_status_t __real_chat_store_db_commit(chat_store_db_t *db);
apr_status_t __wrap_chat_store_db_commit(chat_store_db_t *db);

apr_status_t __wrap_chat_store_db_commit(chat_store_db_t *db)
{
    return lose_answer(db, __real_chat_store_db_commit(db));
}

apr_status_t __real_chat_store_db_select(chat_store_db_t *db,
                                         chat_store_rows_t *rows,
                                         chat_store_sql_e id, const char **args,
                                         int nargs);
apr_status_t __wrap_chat_store_db_select(chat_store_db_t *db,
                                         chat_store_rows_t *rows,
                                         chat_store_sql_e id, const char **args,
                                         int nargs);

apr_status_t __wrap_chat_store_db_select(chat_store_db_t *db,
                                         chat_store_rows_t *rows,
                                         chat_store_sql_e id, const char **args,
                                         int nargs)
{
    apr_status_t rv = __real_chat_store_db_select(db, rows, id, args, nargs);

    return id == CHAT_SQL_TURN_BEGIN || id == CHAT_SQL_TURN_END
               ? lose_answer(db, rv)
               : rv;
}

/* With the answer lost, it is done once, and says so. */
#define LOST(call)                                                             \
    do {                                                                       \
        lose = 1;                                                              \
        OKAY(call);                                                            \
        ck_assert_int_eq(lose, 0);                                             \
        ck_assert_int_eq(store_link_failures, 1);                              \
        store_link_failures = 0;                                               \
    } while (0)

START_TEST(what_was_committed_is_done)
{
    chat_conversation_t c = {.id = new_id(), .title = "t"}, *f = NULL;
    chat_store_turn_t turn = turn_of(c.id, "q");
    chat_store_ending_t ending = {.answer = turn.answer,
                                  .stream = turn.stream,
                                  .parts = "[]",
                                  .text = "a"};
    chat_store_repeat_t repeat = {
        .key = "k", .method = "POST", .path = "/x", .body_hash = "00"};
    apr_array_header_t *messages =
        apr_array_make(p, 1, sizeof(chat_store_message_t));
    apr_array_header_t *streams;
    int written = 0;

    LOST(chat_store_conversation_create(&c, &ada, &err));
    LOST(chat_store_turn_begin(&turn, &ada, &err));
    ck_assert_int_eq(turn.path->nelts, 1);
    ck_assert_str_eq(turn.titled, "t");
    ck_assert_ptr_null(turn.before);
    ck_assert_int_eq(turn.bytes,
                     strlen("[]") + strlen(turn.parts) + strlen(turn.text));
    ck_assert_int_eq(get(c.id)->messages, 2);
    LOST(chat_store_turn_end(&written, &ending, &ada, &err));
    ck_assert_int_eq(written, 1);
    turn = turn_of(c.id, NULL);
    turn.regenerate = ending.answer;
    LOST(chat_store_turn_begin(&turn, &ada, &err));
    ck_assert_int_eq(turn.path->nelts, 1);
    end(&turn, "x");
    LOST(chat_store_conversation_fork(&f, &ada, c.id, ending.answer, &err));
    ck_assert_int_eq(f->messages, 2);
    ck_assert_str_eq(store_link_sql("select count(*) from chat_conversation"),
                     "2");
    LOST(chat_store_message_delete(&streams, &ada, c.id, turn.answer, &err));
    ck_assert_int_eq(get(c.id)->messages, 2);
    c.id = new_id();
    LOST(chat_store_import(&c, messages, &ada, &err));
    LOST(chat_store_repeat_begin(&repeat, &ada, &err));
    /* A new conversation by a turn. */
    turn = turn_of(new_id(), "q");
    turn.create = 1;
    LOST(chat_store_turn_begin(&turn, &ada, &err));
    ck_assert_int_eq(turn.created, 1);
    ck_assert_int_eq(turn.wants_title, 1);
}
END_TEST

/* What has the id of its stream, but another answer, is not it. */
START_TEST(a_stream_of_another_turn_is_not_what_was_done)
{
    const char *id = create(&ada, "t");
    chat_store_turn_t turn = turn_of(id, "q"), other = turn_of(id, "r");

    OKAY(chat_store_turn_begin(&turn, &ada, &err));
    end(&turn, "a");
    other.stream = turn.stream;
    REFUSED(chat_store_turn_begin(&other, &ada, &err), APR_EBUSY, 409,
            "conversation_busy");
    store_link_failures = 0; /* PostgreSQL has said so before */
    ck_assert_int_eq(get(id)->messages, 2);
    ck_assert_str_eq(get(id)->current, turn.answer);
}
END_TEST

/* ---- messages ---- */

START_TEST(an_answer_is_corrected)
{
    const char *id = create(&ada, NULL), *answer = talk(id, "q", "old");
    const char *question;
    chat_store_message_t *m = NULL;
    chat_store_turn_t turn = turn_of(id, "again");

    OKAY(chat_store_message_correct(&m, &ada, id, answer, "[1]", "new", &err));
    ck_assert_str_eq(m->text, "new");
    ck_assert_str_eq(m->parts, "[1]");
    ck_assert_int_eq(m->status, CHAT_MESSAGE_COMPLETE);
    question = m->parent;
    ck_assert_str_eq(
        store_link_sql("select bytes - (select sum(bytes) from chat_message) "
                       "from chat_conversation"),
        "0");
    NONE(chat_store_message_correct(&m, &eve, id, answer, "[]", "x", &err));
    NONE(chat_store_message_correct(&m, &ada, id, new_id(), "[]", "x", &err));
    REFUSED(chat_store_message_correct(&m, &ada, id, question, "[]", "x", &err),
            APR_EINVAL, 400, "invalid_request");
    store_link_limits.bytes = 10;
    REFUSED(chat_store_message_correct(&m, &ada, id, answer, "[]", "xxxxxxxxxx",
                                       &err),
            APR_ENOSPC, 413, "conversation_too_long");
    store_link_limits.bytes = 10000;
    OKAY(chat_store_turn_begin(&turn, &ada, &err));
    REFUSED(
        chat_store_message_correct(&m, &ada, id, turn.answer, "[]", "x", &err),
        APR_EBUSY, 409, "conversation_busy");
}
END_TEST

START_TEST(an_answer_is_judged)
{
    const char *id = create(&ada, NULL), *answer = talk(id, "q", "a");
    chat_store_message_t *m = NULL;

    OKAY(chat_store_message_feedback(&ada, id, answer, "negative", "wrong",
                                     &err));
    OKAY(chat_store_message_get(&m, &ada, id, answer, &err));
    ck_assert_str_eq(m->feedback, "negative");
    ck_assert_str_eq(m->feedback_reason, "wrong");
    NONE(chat_store_message_feedback(&eve, id, answer, NULL, NULL, &err));
    REFUSED(chat_store_message_feedback(&ada, id, m->parent, "positive", NULL,
                                        &err),
            APR_EINVAL, 400, "invalid_request");
    OKAY(chat_store_message_feedback(&ada, id, answer, NULL, "x", &err));
    OKAY(chat_store_message_get(&m, &ada, id, answer, &err));
    ck_assert_ptr_null(m->feedback);
    ck_assert_ptr_null(m->feedback_reason);
}
END_TEST

START_TEST(a_message_goes_with_all_below_it)
{
    const char *id = create(&ada, NULL), *first = talk(id, "q1", "a1");
    const char *second = talk(id, "q2", "a2"), *third = talk(id, "q3", "a3");
    chat_store_message_t *m = NULL;
    chat_store_turn_t turn = turn_of(id, "q2 edited");
    apr_array_header_t *streams;

    turn.has_parent = 1;
    turn.parent = first;
    OKAY(chat_store_turn_begin(&turn, &ada, &err));
    NONE(chat_store_message_delete(&streams, &eve, id, turn.question, &err));

    /* One that is being answered: nothing runs then. */
    OKAY(chat_store_message_delete(&streams, &ada, id, turn.question, &err));
    ck_assert_int_eq(streams->nelts, 1);
    ck_assert_str_eq(APR_ARRAY_IDX(streams, 0, const char *), turn.stream);
    ck_assert_ptr_null(get(id)->stream);
    ck_assert_str_eq(get(id)->current, third);
    ck_assert_int_eq(get(id)->messages, 6);
    {
        chat_store_ending_t ending = {.answer = turn.answer,
                                      .stream = turn.stream,
                                      .status = CHAT_MESSAGE_PARTIAL,
                                      .parts = "[]",
                                      .text = ""};
        int written;

        NONE(chat_store_turn_end(&written, &ending, &ada, &err));
    }

    OKAY(chat_store_message_get(&m, &ada, id, second, &err));
    OKAY(chat_store_message_delete(&streams, &ada, id, m->parent, &err));
    ck_assert_int_eq(streams->nelts, 0);
    ck_assert_str_eq(get(id)->current, first);
    ck_assert_int_eq(get(id)->messages, 2);
    ck_assert_str_eq(
        store_link_sql("select bytes - (select sum(bytes) from chat_message) "
                       "from chat_conversation"),
        "0");
    NONE(chat_store_message_get(&m, &ada, id, third, &err));

    /* The current leaf stays where it is not touched. */
    turn = turn_of(id, "another root");
    turn.has_parent = 1;
    OKAY(chat_store_turn_begin(&turn, &ada, &err));
    end(&turn, "x");
    OKAY(chat_store_message_delete(&streams, &ada, id, first, &err));
    ck_assert_str_eq(get(id)->current, turn.answer);
    /* A root: the newest of all. */
    OKAY(chat_store_message_delete(&streams, &ada, id, turn.question, &err));
    ck_assert_int_eq(get(id)->messages, 1);
    OKAY(chat_store_message_get(&m, &ada, id, get(id)->current, &err));
    ck_assert_str_eq(m->text, "q1");
    OKAY(chat_store_message_delete(&streams, &ada, id, m->id, &err));
    ck_assert_ptr_null(get(id)->current);
    ck_assert_int_eq(get(id)->messages, 0);
    talk(id, "goes", "on");
}
END_TEST

START_TEST(a_fork_is_a_copy_of_a_path)
{
    const char *id = create(&ada, "t"), *first = talk(id, "q1", "a1");
    chat_conversation_t *f = NULL;
    chat_store_turn_t turn;
    apr_array_header_t *rows;
    chat_store_page_t page = {.limit = 10};

    talk(id, "q2", "a2");
    NONE(chat_store_conversation_fork(&f, &eve, id, first, &err));
    NONE(chat_store_conversation_fork(&f, &ada, id, new_id(), &err));
    OKAY(chat_store_conversation_fork(&f, &ada, id, first, &err));
    ck_assert_str_ne(f->id, id);
    ck_assert_str_eq(f->title, "t");
    ck_assert_int_eq(f->messages, 2);
    OKAY(chat_store_message_list(&rows, &ada, f->id, 0, &page, &err));
    ck_assert_int_eq(rows->nelts, 2);
    ck_assert_str_eq(at_row(rows, 1)->text, "a1");
    ck_assert_str_eq(at_row(rows, 1)->parent, at_row(rows, 0)->id);
    ck_assert_str_ne(at_row(rows, 1)->id, first);
    ck_assert_int_eq(at_row(rows, 1)->output_tokens, 11);
    ck_assert_str_eq(at_row(rows, 1)->id, f->current);

    turn = turn_of(id, "q3");
    OKAY(chat_store_turn_begin(&turn, &ada, &err));
    REFUSED(chat_store_conversation_fork(&f, &ada, id, turn.answer, &err),
            APR_EBUSY, 409, "conversation_busy");
    store_link_limits.conversations = 2;
    REFUSED(chat_store_conversation_fork(&f, &ada, id, first, &err), APR_ENOSPC,
            409, "too_many_conversations");
}
END_TEST

/* ---- search ---- */

/* The snippets that are found, joined. */
static const char *find(const char *q, chat_store_page_t *page)
{
    apr_array_header_t *hits = NULL;
    const char *all = "";
    int i;

    OKAY(chat_store_search(&hits, &ada, q, page, &err));
    for (i = 0; i < hits->nelts; i++)
        all = apr_pstrcat(p, all,
                          APR_ARRAY_IDX(hits, i, chat_store_hit_t).snippet, "|",
                          NULL);
    return all;
}

/* PostgreSQL has words of up to 2046 bytes, with what is in front of them. */
START_TEST(a_word_that_is_too_long_is_no_harm)
{
    chat_store_page_t page = {.limit = 100};
    const char *id = create(&ada, "t");
    apr_array_header_t *hits;
    char word[2050];
    int n;

    for (n = 2037; n < 2049; n++) {
        memset(word, 'z', sizeof(word));
        word[n] = '\0';
        talk(id, apr_pstrcat(p, word, " short", NULL), "a");
        OKAY(chat_store_search(&hits, &ada, word, &page, &err));
        OKAY(chat_store_search(&hits, &ada, "short", &page, &err));
        ck_assert_int_eq(hits->nelts, n - 2036);
    }
}
END_TEST

START_TEST(words_are_found)
{
    chat_store_page_t page = {.limit = 10};
    const char *id = create(&ada, NULL), *hers = create(&eve, "Zürich"), *gone;
    apr_array_header_t *hits;
    apr_array_header_t *streams;
    const chat_store_hit_t *hit;
    chat_store_turn_t turn = turn_of(hers, "Zürich");

    OKAY(chat_store_turn_begin(&turn, &eve, &err));
    talk(id, "Weather in Zürich", "It rains in ZURICH.");
    ck_assert_str_eq(find("weather", &page),
                     "Weather in Zürich|Weather in Zürich|");
    /* Accents count where PostgreSQL has no unaccent. */
    ck_assert_str_eq(find("zurich rains", &page), "It rains in ZURICH.|");
    ck_assert_str_eq(find("rain", &page), "");
    ck_assert_str_eq(find("rains sun", &page), "");
    ck_assert_str_eq(find("rains OR sun", &page), "");
    ck_assert_str_eq(find("rains NOT it", &page), "");
    ck_assert_str_eq(find("text : rains", &page), "");
    ck_assert_str_eq(find("\"rains' * -it ^(", &page), "It rains in ZURICH.|");
    ck_assert_str_eq(find("rain*", &page), "");
    ck_assert_str_eq(find("", &page), "");
    ck_assert_str_eq(find(" .,!\\ ", &page), "");
    ck_assert_str_eq(find("\xf0\x9f\x98\x80", &page), "");
    ck_assert_str_eq(find("%s %d %%", &page), "");

    OKAY(chat_store_search(&hits, &ada, "rains", &page, &err));
    hit = &APR_ARRAY_IDX(hits, 0, chat_store_hit_t);
    ck_assert_str_eq(hit->conversation, id);
    ck_assert_ptr_nonnull(hit->message);
    ck_assert_str_eq(hit->title, "Weather in Zürich");
    ck_assert_int_eq(hit->ranges->nelts, 2);
    ck_assert_int_eq(APR_ARRAY_IDX(hit->ranges, 0, int), 3);

    /* What was corrected, renamed, deleted. */
    gone = create(&ada, "Sunshine");
    ck_assert_str_eq(find("sunshine", &page), "Sunshine|");
    {
        chat_conversation_t to = {.title = "Moonlight"}, *is;

        OKAY(chat_store_conversation_update(&is, &ada, gone, &to,
                                            CHAT_SET_TITLE, 0, &err));
    }
    ck_assert_str_eq(find("sunshine", &page), "");
    ck_assert_str_eq(find("moonlight", &page), "Moonlight|");
    OKAY(chat_store_conversation_delete(&streams, &ada, gone, 0, &err));
    ck_assert_str_eq(find("moonlight", &page), "");
    store_link_limits.deleted_ms = 0;
    OKAY(chat_store_conversation_delete(&streams, &ada, id, 0, &err));
    ck_assert_str_eq(find("weather", &page), "");
    if (store_link_is_sqlite()) {
        store_link_sql("insert into chat_message_search (chat_message_search, "
                       "rank) values ('integrity-check', 1)");
        store_link_sql("insert into chat_conversation_search "
                       "(chat_conversation_search, rank) "
                       "values ('integrity-check', 1)");
    }
}
END_TEST

static void index_is_sound(void)
{
    store_link_sql("insert into chat_message_search (chat_message_search, "
                   "rank) values ('integrity-check', 1)");
}

#define WAITING "select count(*) from chat_message_unindexed"

/* They are found all the same, and so is what is changed or goes meanwhile. */
START_TEST(new_words_wait_for_a_search)
{
    const char *id = create(&ada, "t"), *old = talk(id, "apple", "pear"), *new;
    chat_store_page_t page = {.limit = 10};
    apr_array_header_t *streams;
    chat_store_message_t *m = NULL;

    if (!store_link_is_sqlite())
        return;
    ck_assert_str_eq(store_link_sql(WAITING), "2");
    index_is_sound();
    ck_assert_str_eq(find("apple", &page), "apple|");
    ck_assert_str_eq(store_link_sql(WAITING), "0");
    new = talk(id, "plum", "grape");
    OKAY(chat_store_message_correct(&m, &ada, id, old, "[]", "fig", &err));
    OKAY(chat_store_message_correct(&m, &ada, id, new, "[]", "lime", &err));
    ck_assert_str_eq(store_link_sql(WAITING), "3");
    index_is_sound();
    ck_assert_str_eq(find("pear", &page), "");
    ck_assert_str_eq(find("grape", &page), "");
    ck_assert_str_eq(find("fig", &page), "fig|");
    ck_assert_str_eq(find("lime", &page), "lime|");
    new = talk(id, "kiwi", "melon");
    OKAY(chat_store_message_correct(&m, &ada, id, old, "[]", "", &err));
    OKAY(chat_store_message_delete(&streams, &ada, id, m->parent, &err));
    ck_assert_str_eq(store_link_sql(WAITING), "0");
    ck_assert_str_eq(find("melon", &page), "");
    ck_assert_str_eq(find("plum", &page), "");
    index_is_sound();
}
END_TEST

static int parts_of(const char *index)
{
    return atoi(
        store_link_sql("select count(distinct segid) from %s_idx", index));
}

static int merge_all(void)
{
    chat_store_merge_t m = {0};
    int calls;

    for (calls = 0; !m.over && calls < 100; calls++)
        OKAY(chat_store_merge(&m, &ada, &err));
    ck_assert_int_eq(m.over, 1);
    return calls;
}

static const char *const word_indexes[] = {"chat_message_search",
                                           "chat_conversation_search"};

/* Each is in a part of its own: its words, and its title. */
static void talk_in_parts(int from, int to)
{
    int i;

    for (i = from; i < to; i++) {
        talk(create(&ada, apr_psprintf(p, "name%d all", i)),
             apr_psprintf(p, "word%d", i), "common");
        OKAY(chat_store_index(&ada, &err));
    }
}

static int hits_of(const char *q)
{
    chat_store_page_t page = {.limit = 50};
    apr_array_header_t *rows;

    OKAY(chat_store_search(&rows, &ada, q, &page, &err));
    return rows->nelts;
}

START_TEST(parts_of_indexes_of_words_become_one)
{
    int i;

    if (!store_link_is_sqlite()) {
        ck_assert_int_eq(merge_all(), 1);
        return;
    }
    talk_in_parts(0, 8);
    merge_all();
    for (i = 0; i < 2; i++)
        ck_assert_int_ge(parts_of(word_indexes[i]), 8); /* few are left alone */
    talk_in_parts(8, 12);
    for (i = 0; i < 2; i++)
        ck_assert_int_gt(parts_of(word_indexes[i]), 8);
    merge_all();
    for (i = 0; i < 2; i++)
        ck_assert_int_eq(parts_of(word_indexes[i]), 1);
    ck_assert_int_eq(hits_of("word7"), 1);
    ck_assert_int_eq(hits_of("common"), 12);
    ck_assert_int_eq(hits_of("all"), 12);
    store_link_sql("insert into chat_message_search (chat_message_search) "
                   "values ('integrity-check')");
    /* What is one part is only looked at. */
    ck_assert_int_eq(merge_all(), 2);
}
END_TEST

START_TEST(pages_of_hits)
{
    chat_store_page_t page = {.limit = 3};
    const char *id = create(&ada, "word title"), *all = "";
    apr_array_header_t *hits;
    int i, pages = 0;

    for (i = 0; i < 4; i++)
        talk(id, apr_psprintf(p, "word q%d", i),
             apr_psprintf(p, "word a%d", i));
    do {
        all = apr_pstrcat(p, all, find("word", &page), NULL);
        page.after = page.next;
        pages++;
    } while (page.next && pages < 10);
    ck_assert_str_eq(all, "word a3|word q3|word a2|word q2|word a1|word q1|"
                          "word a0|word q0|word title|");
    ck_assert_int_eq(pages, 3);
    page.after = "bGlzdDoxOm5vaWQ";
    REFUSED(chat_store_search(&hits, &ada, "word", &page, &err), APR_EINVAL,
            400, "invalid_request");
}
END_TEST

/* ---- shares ---- */

START_TEST(shares)
{
    const char *id = create(&ada, "t"), *leaf = talk(id, "q", "a"), *owner;
    chat_store_share_t share = {.conversation = id,
                                .leaf = leaf,
                                .snapshot = "[{\"role\": \"user\"}]",
                                .show_model = 1};
    chat_store_share_t live = {.conversation = id, .live = 1}, *is;
    chat_store_at_t nobody = {.p = p};
    apr_array_header_t *rows, *streams;
    int revoked;

    NONE(chat_store_share_create(&share, &eve, &err));
    OKAY(chat_store_share_create(&share, &ada, &err));
    ck_assert_int_eq((int)strlen(share.id), 22);
    ck_assert_str_eq(share.title, "t");
    live.expires = chat_store_now() - 1;
    OKAY(chat_store_share_create(&live, &ada, &err));
    ck_assert_str_eq(live.leaf, leaf);
    ck_assert_str_ne(live.id, share.id);

    OKAY(chat_store_share_list(&rows, &ada, id, &err));
    ck_assert_int_eq(rows->nelts, 2);
    NONE(chat_store_share_list(&rows, &eve, id, &err));

    OKAY(chat_store_share_get(&is, &owner, &nobody, share.id, &err));
    ck_assert_str_eq(is->snapshot, share.snapshot);
    ck_assert_str_eq(is->leaf, leaf);
    ck_assert_str_eq(owner, ada.owner);
    ck_assert_int_eq(is->live, 0);
    REFUSED(chat_store_share_get(&is, &owner, &nobody, live.id, &err), APR_EOF,
            410, "gone");
    NONE(chat_store_share_get(&is, &owner, &nobody, "x", &err));

    NONE(chat_store_share_revoke(&eve, id, share.id, &err));
    OKAY(chat_store_share_revoke(&ada, id, share.id, &err));
    OKAY(chat_store_share_revoke(&ada, id, share.id, &err));
    REFUSED(chat_store_share_get(&is, &owner, &nobody, share.id, &err), APR_EOF,
            410, "gone");
    OKAY(chat_store_share_revoke_all(&revoked, &ada, &err));
    ck_assert_int_eq(revoked, 1);

    OKAY(chat_store_share_create(&share, &ada, &err));
    OKAY(chat_store_conversation_delete(&streams, &ada, id, 0, &err));
    NONE(chat_store_share_get(&is, &owner, &nobody, share.id, &err));
    share.leaf = new_id();
    share.conversation = create(&ada, NULL);
    REFUSED(chat_store_share_create(&share, &ada, &err), APR_EINVAL, 400,
            "invalid_request");
}
END_TEST

/* ---- import, forget, purge ---- */

static chat_store_message_t imported(const char *conversation,
                                     const char *parent, chat_role_e role,
                                     const char *text, apr_int64_t when)
{
    chat_store_message_t m = {.id = new_id(),
                              .conversation = conversation,
                              .parent = parent,
                              .role = role,
                              .status = CHAT_MESSAGE_COMPLETE,
                              .parts = "[]",
                              .text = text,
                              .model = "gpt-4",
                              .input_tokens = -1,
                              .output_tokens = -1,
                              .cost = -1,
                              .created = when,
                              .updated = when};

    return m;
}

START_TEST(an_import)
{
    chat_conversation_t c = {.id = new_id(),
                             .title = "from elsewhere",
                             .titled = 1,
                             .created = 1000,
                             .updated = 2000,
                             .last_message = 3000};
    apr_array_header_t *messages =
        apr_array_make(p, 3, sizeof(chat_store_message_t));
    chat_store_message_t *m = NULL;
    apr_array_header_t *rows;
    chat_store_page_t page = {.limit = 10};

    APR_ARRAY_PUSH(messages, chat_store_message_t) =
        imported(c.id, NULL, CHAT_ROLE_USER, "q", 1000);
    APR_ARRAY_PUSH(messages, chat_store_message_t) =
        imported(c.id, at_row(messages, 0)->id, CHAT_ROLE_ASSISTANT, "a", 1000);
    APR_ARRAY_PUSH(messages, chat_store_message_t) =
        imported(c.id, at_row(messages, 0)->id, CHAT_ROLE_ASSISTANT, "b", 3000);
    store_link_limits.messages = 2;
    REFUSED(chat_store_import(&c, messages, &ada, &err), APR_ENOSPC, 413,
            "conversation_too_long");
    store_link_limits.messages = 3;
    OKAY(chat_store_import(&c, messages, &ada, &err));
    ck_assert_int_eq(get(c.id)->messages, 3);
    ck_assert_int_eq(get(c.id)->titled, 1);
    ck_assert_int_eq(get(c.id)->created, 1000);
    ck_assert_int_eq(get(c.id)->last_message, 3000);
    OKAY(chat_store_message_list(&rows, &ada, c.id, 0, &page, &err));
    ck_assert_int_eq(rows->nelts, 2);
    ck_assert_str_eq(at_row(rows, 1)->text, "b");
    ck_assert_int_eq(at_row(rows, 1)->siblings, 2);
    OKAY(chat_store_message_get(&m, &ada, c.id, at_row(messages, 1)->id, &err));
    ck_assert_str_eq(m->model, "gpt-4");
    REFUSED(chat_store_import(&c, messages, &ada, &err), APR_EEXIST, 409,
            "already_exists");
    /* All or nothing. */
    c.id = new_id();
    REFUSED(chat_store_import(&c, messages, &ada, &err), APR_EEXIST, 409,
            "already_exists");
    NONE(chat_store_conversation_get((chat_conversation_t *[]){NULL}, &ada,
                                     c.id, &err));
}
END_TEST

START_TEST(a_user_is_forgotten)
{
    apr_array_header_t *streams;
    chat_store_turn_t turn;
    chat_store_repeat_t repeat = {
        .key = "k", .method = "POST", .path = "/x", .body_hash = "00"};
    int gone, i;

    create(&eve, "hers");
    for (i = 0; i < 6; i++)
        talk(create(&ada, NULL), "q", "a");
    turn = turn_of(create(&ada, NULL), "q");
    OKAY(chat_store_turn_begin(&turn, &ada, &err));
    OKAY(chat_store_conversation_delete(&streams, &ada, create(&ada, "x"), 0,
                                        &err));
    OKAY(chat_store_repeat_begin(&repeat, &ada, &err));
    OKAY(chat_store_forget(&gone, &streams, &ada, &err));
    ck_assert_int_eq(gone, 8);
    ck_assert_int_eq(streams->nelts, 1);
    ck_assert_str_eq(store_link_sql("select count(*) from chat_message"), "0");
    ck_assert_str_eq(store_link_sql("select count(*) from chat_conversation"),
                     "1");
    ck_assert_str_eq(store_link_sql("select count(*) from chat_idempotency"),
                     "0");
    OKAY(chat_store_forget(&gone, &streams, &ada, &err));
    ck_assert_int_eq(gone, 0);
}
END_TEST

START_TEST(what_is_old_goes)
{
    chat_store_at_t nobody = {.p = p};
    const char *kept = create(&ada, "kept"), *idle = create(&ada, "idle");
    const char *pinned = create(&ada, "pinned");
    chat_conversation_t to = {.pinned = 1}, *is = NULL;
    apr_array_header_t *streams;
    int i;

    OKAY(chat_store_conversation_update(&is, &ada, pinned, &to, CHAT_SET_PINNED,
                                        0, &err));
    store_link_limits.deleted_ms = 10000000;
    for (i = 0; i < 9; i++)
        OKAY(chat_store_conversation_delete(&streams, &ada, create(&ada, "x"),
                                            0, &err));
    talk(kept, "q", "a");
    store_link_sql("update chat_stream set ended_at = 1");
    store_link_sql("update chat_conversation set last_message_at = 1 "
                   "where id in ('%s', '%s')",
                   idle, pinned);
    OKAY(chat_store_purge(&nobody, &err));
    ck_assert_str_eq(store_link_sql("select count(*) from chat_conversation"),
                     "12");
    ck_assert_str_eq(store_link_sql("select count(*) from chat_stream"), "0");

    store_link_sql("update chat_conversation set deleted_at = 1 "
                   "where deleted_at is not null");
    OKAY(chat_store_purge(&nobody, &err));
    ck_assert_str_eq(store_link_sql("select count(*) from chat_conversation"),
                     "3");
    store_link_limits.idle_ms = 1000000;
    OKAY(chat_store_purge(&nobody, &err));
    NONE(chat_store_conversation_get(&is, &ada, idle, &err));
    OKAY(chat_store_conversation_restore(&is, &ada, idle, &err));
    get(pinned);
    store_link_limits.deleted_ms = 0;
    OKAY(chat_store_purge(&nobody, &err));
    ck_assert_str_eq(store_link_sql("select count(*) from chat_conversation"),
                     "2");
}
END_TEST

/* ---- requests that may be repeated ---- */

START_TEST(a_request_is_repeated)
{
    chat_store_repeat_t r = {
        .key = "k", .method = "POST", .path = "/x", .body_hash = "00"};

    OKAY(chat_store_repeat_begin(&r, &ada, &err));
    OKAY(chat_store_repeat_begin(&r, &eve, &err));
    REFUSED(chat_store_repeat_begin(&r, &ada, &err), APR_EEXIST, 409,
            "idempotency_in_progress");
    ck_assert_int_eq(r.status, 0);
    r.status = 201;
    r.response = "{}";
    OKAY(chat_store_repeat_end(&r, &ada, &err));
    r.status = 7;
    ck_assert_int_eq(chat_store_repeat_begin(&r, &ada, &err), APR_EEXIST);
    ck_assert_int_eq(r.status, 201);
    ck_assert_str_eq(r.response, "{}");
    r.body_hash = "11";
    REFUSED(chat_store_repeat_begin(&r, &ada, &err), APR_EINVAL, 422,
            "idempotency_mismatch");

    /* It did not happen. */
    r.status = 0;
    OKAY(chat_store_repeat_end(&r, &eve, &err));
    OKAY(chat_store_repeat_begin(&r, &eve, &err));
    /* Its server has died; a day is over. */
    store_link_sql("update chat_idempotency set created_at = "
                   "created_at - 301000 where user_id = '%s'",
                   eve.owner);
    OKAY(chat_store_repeat_begin(&r, &eve, &err));
    REFUSED(chat_store_repeat_begin(&r, &eve, &err), APR_EEXIST, 409,
            "idempotency_in_progress");
    store_link_sql("update chat_idempotency set created_at = 1");
    OKAY(chat_store_repeat_begin(&r, &ada, &err));
    {
        chat_store_at_t nobody = {.p = p};

        OKAY(chat_store_purge(&nobody, &err));
    }
    ck_assert_str_eq(store_link_sql("select count(*) from chat_idempotency"),
                     "1");
}
END_TEST

Suite *unit_suite(void)
{
    Suite *s = suite_create("chat_store_search");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, what_was_committed_is_done);
    tcase_add_test(tc, a_stream_of_another_turn_is_not_what_was_done);
    tcase_add_test(tc, an_answer_is_corrected);
    tcase_add_test(tc, an_answer_is_judged);
    tcase_add_test(tc, a_message_goes_with_all_below_it);
    tcase_add_test(tc, a_fork_is_a_copy_of_a_path);
    tcase_add_test(tc, words_are_found);
    tcase_add_test(tc, a_word_that_is_too_long_is_no_harm);
    tcase_add_test(tc, new_words_wait_for_a_search);
    tcase_add_test(tc, parts_of_indexes_of_words_become_one);
    tcase_add_test(tc, pages_of_hits);
    tcase_add_test(tc, shares);
    tcase_add_test(tc, an_import);
    tcase_add_test(tc, a_user_is_forgotten);
    tcase_add_test(tc, what_is_old_goes);
    tcase_add_test(tc, a_request_is_repeated);
    suite_add_tcase(s, tc);
    return s;
}
