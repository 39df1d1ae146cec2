/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of conversations, messages, turns and streams in a database of their
 * own, see store/store_steps.h. t/78-store.t runs them on PostgreSQL, too. */
#include "store/store_steps.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

/* ---- ids ---- */

START_TEST(ids)
{
    ck_assert_int_eq(chat_store_is_id(new_id()), 1);
    ck_assert_int_eq(chat_store_is_id("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"),
                     1);
    ck_assert_int_eq(chat_store_is_id("017F22e2-79b0-7cc3-98c4-dc0c0c07398f"),
                     0);
    ck_assert_int_eq(chat_store_is_id("017f22e2-79b0-7cc3-98c4-dc0c0c07398"),
                     0);
    ck_assert_int_eq(chat_store_is_id("017f22e2-79b0-7cc3-98c4-dc0c0c07398f0"),
                     0);
    ck_assert_int_eq(chat_store_is_id("017f22e2079b0-7cc3-98c4-dc0c0c07398f"),
                     0);
    ck_assert_int_eq(chat_store_is_id(""), 0);
}
END_TEST

/* ---- conversations ---- */

START_TEST(a_conversation_is_made_and_read)
{
    chat_conversation_t c = {.id = new_id(),
                             .title = "it's \"q\" \\ %s",
                             .model = "gpt",
                             .system = "Be short.",
                             .metadata = "{\"b\": 1, \"a\": 2}"};
    chat_conversation_t *is, *none = NULL;

    OKAY(chat_store_conversation_create(&c, &ada, &err));
    is = get(c.id);
    ck_assert_str_eq(is->title, c.title);
    ck_assert_str_eq(is->model, "gpt");
    ck_assert_str_eq(is->system, "Be short.");
    ck_assert_str_eq(is->metadata, "{\"b\": 1, \"a\": 2}");
    ck_assert_int_eq(is->titled, 1);
    ck_assert_int_eq(is->revision, 1);
    ck_assert_int_eq(is->messages, 0);
    ck_assert_ptr_null(is->current);
    ck_assert_ptr_null(is->stream);
    ck_assert_int_eq(is->created, c.created);
    ck_assert_int_lt(llabs(chat_store_now() - is->created), 60000);

    REFUSED(chat_store_conversation_create(&c, &ada, &err), APR_EEXIST, 409,
            "already_exists");
    REFUSED(chat_store_conversation_create(&c, &eve, &err), APR_EEXIST, 409,
            "already_exists");
    NONE(chat_store_conversation_get(&none, &eve, c.id, &err));
    NONE(chat_store_conversation_get(&none, &ada, new_id(), &err));
}
END_TEST

START_TEST(no_more_conversations_than_may_be)
{
    chat_conversation_t c = {.id = new_id()};

    store_link_limits.conversations = 2;
    create(&ada, NULL);
    create(&ada, NULL);
    create(&eve, NULL);
    REFUSED(chat_store_conversation_create(&c, &ada, &err), APR_ENOSPC, 409,
            "too_many_conversations");
}
END_TEST

static int list(chat_store_page_t *page, const chat_conversation_filter_t *f,
                char *titles)
{
    apr_array_header_t *rows = NULL;
    int i;

    *titles = '\0';
    OKAY(chat_store_conversation_list(&rows, &ada, f, page, &err));
    for (i = 0; i < rows->nelts; i++)
        strcat(titles, APR_ARRAY_IDX(rows, i, chat_conversation_t).title);
    return rows->nelts;
}

START_TEST(pages_of_conversations)
{
    static const char *const titles[] = {"a", "b", "c", "d", "e"};
    chat_conversation_filter_t plain = {0}, archived = {.archived = 1};
    chat_conversation_filter_t pinned = {.pinned = 1};
    chat_conversation_t to = {.archived = 1, .pinned = 1}, *is;
    chat_store_page_t page = {.limit = 2};
    apr_array_header_t *rows;
    char got[100];
    const char *ids[5];
    int i;

    for (i = 0; i < 5; i++) {
        ids[i] = create(&ada, titles[i]);
        create(&eve, "x");
        /* Two at the same moment. */
        store_link_sql("update chat_conversation set last_message_at = %d "
                       "where id = '%s'",
                       1000 + (i == 3 ? 2 : i), ids[i]);
    }
    list(&page, &plain, got);
    ck_assert_str_eq(got, strcmp(ids[3], ids[2]) > 0 ? "ed" : "ec");
    ck_assert_ptr_nonnull(page.next);
    page.after = page.next;
    list(&page, &plain, got);
    ck_assert_str_eq(got, strcmp(ids[3], ids[2]) > 0 ? "cb" : "db");
    page.after = page.next;
    ck_assert_int_eq(list(&page, &plain, got), 1);
    ck_assert_str_eq(got, "a");
    ck_assert_ptr_null(page.next);

    /* A cursor is one of its list. */
    REFUSED(chat_store_conversation_list(&rows, &ada, &archived, &page, &err),
            APR_EINVAL, 400, "invalid_request");
    page.after = "bGlzdDoxOm5vaWQ";
    REFUSED(chat_store_conversation_list(&rows, &ada, &plain, &page, &err),
            APR_EINVAL, 400, "invalid_request");
    page.after = "!";
    REFUSED(chat_store_conversation_list(&rows, &ada, &plain, &page, &err),
            APR_EINVAL, 400, "invalid_request");
    page.after = NULL;

    OKAY(chat_store_conversation_update(&is, &ada, ids[0], &to, CHAT_SET_PINNED,
                                        0, &err));
    ck_assert_int_eq(list(&page, &pinned, got), 1);
    ck_assert_str_eq(got, "a");
    OKAY(chat_store_conversation_update(&is, &ada, ids[0], &to,
                                        CHAT_SET_ARCHIVED, 0, &err));
    ck_assert_int_eq(list(&page, &pinned, got), 0);
    ck_assert_int_eq(list(&page, &archived, got), 1);
}
END_TEST

START_TEST(titles_that_have_words)
{
    chat_conversation_filter_t f = {0};
    chat_store_page_t page = {.limit = 10};
    char got[100];

    create(&ada, "Wetter in Kyjiw");
    create(&ada, "wet paint");
    create(&eve, "Wetter");
    create(&ada, NULL);
    f.contains = "WET";
    ck_assert_int_eq(list(&page, &f, got), 2);
    f.contains = "kyj wet";
    ck_assert_int_eq(list(&page, &f, got), 1);
    ck_assert_str_eq(got, "Wetter in Kyjiw");
    f.contains = "paint OR Wetter";
    ck_assert_int_eq(list(&page, &f, got), 0);
    f.contains = "\"'*:&|!()<->\\ - ^";
    ck_assert_int_eq(list(&page, &f, got), 0);
    f.contains = "paint\"'*:&|!()<->\\";
    ck_assert_int_eq(list(&page, &f, got), 1);
}
END_TEST

START_TEST(a_conversation_is_changed)
{
    const char *id = create(&ada, NULL), *answer;
    chat_conversation_t to = {.title = "new", .model = "m2", .pinned = 1}, *is;

    OKAY(chat_store_conversation_update(
        &is, &ada, id, &to, CHAT_SET_TITLE | CHAT_SET_PINNED, 1, &err));
    ck_assert_int_eq(is->revision, 2);
    ck_assert_str_eq(is->title, "new");
    ck_assert_ptr_null(is->model);
    ck_assert_int_eq(get(id)->revision, 2);
    ck_assert_int_eq(get(id)->pinned, 1);

    REFUSED(chat_store_conversation_update(&is, &ada, id, &to, CHAT_SET_MODEL,
                                           1, &err),
            APR_EMISMATCH, 412, "precondition_failed");
    ck_assert_int_eq(is->revision, 2);
    ck_assert_ptr_null(get(id)->model);
    NONE(chat_store_conversation_update(&is, &eve, id, &to, CHAT_SET_MODEL, 0,
                                        &err));

    /* No model changes a title that the user gave; once cleared, one may. */
    OKAY(chat_store_conversation_name(&ada, id, "by a model", &err));
    ck_assert_str_eq(get(id)->title, "new");
    to.title = NULL;
    OKAY(chat_store_conversation_update(&is, &ada, id, &to, CHAT_SET_TITLE, 0,
                                        &err));
    OKAY(chat_store_conversation_name(&ada, id, "by a model", &err));
    ck_assert_str_eq(get(id)->title, "by a model");
    ck_assert_int_eq(get(id)->titled, 0);

    answer = talk(id, "hello", "hi");
    to.current = new_id();
    REFUSED(chat_store_conversation_update(&is, &ada, id, &to, CHAT_SET_CURRENT,
                                           0, &err),
            APR_EINVAL, 400, "invalid_request");
    to.current = talk(create(&ada, NULL), "other", "one");
    REFUSED(chat_store_conversation_update(&is, &ada, id, &to, CHAT_SET_CURRENT,
                                           0, &err),
            APR_EINVAL, 400, "invalid_request");
    to.current = answer;
    OKAY(chat_store_conversation_update(&is, &ada, id, &to, CHAT_SET_CURRENT, 0,
                                        &err));
}
END_TEST

START_TEST(a_conversation_goes_and_comes_back)
{
    const char *id = create(&ada, "t");
    chat_store_turn_t turn = turn_of(id, "hello");
    chat_conversation_t *is = NULL;
    apr_array_header_t *streams;
    int deleted;

    OKAY(chat_store_turn_begin(&turn, &ada, &err));
    NONE(chat_store_conversation_delete(&streams, &eve, id, 0, &err));
    REFUSED(chat_store_conversation_delete(&streams, &ada, id, 7, &err),
            APR_EMISMATCH, 412, "precondition_failed");
    OKAY(chat_store_conversation_delete(&streams, &ada, id, 0, &err));
    ck_assert_int_eq(streams->nelts, 1);
    ck_assert_str_eq(APR_ARRAY_IDX(streams, 0, const char *), turn.stream);
    NONE(chat_store_conversation_get(&is, &ada, id, &err));
    OKAY(chat_store_conversation_delete(&streams, &ada, id, 0, &err));
    ck_assert_int_eq(streams->nelts, 0);

    /* What its stream had said is kept with it. */
    end(&turn, "too late");
    NONE(chat_store_conversation_restore(&is, &eve, id, &err));
    OKAY(chat_store_conversation_restore(&is, &ada, id, &err));
    ck_assert_str_eq(get(id)->title, "t");

    create(&eve, "hers");
    create(&ada, "another");
    OKAY(chat_store_conversation_delete_all(&deleted, &streams, &ada, 1, &err));
    ck_assert_int_eq(deleted, 0);
    OKAY(chat_store_conversation_delete_all(&deleted, &streams, &ada, 0, &err));
    ck_assert_int_eq(deleted, 2);

    store_link_limits.deleted_ms = 0;
    for (deleted = 0; deleted < 6; deleted++)
        talk(create(&ada, "x"), "q", "a");
    OKAY(chat_store_conversation_delete_all(&deleted, &streams, &ada, 0, &err));
    ck_assert_int_eq(deleted, 6);
    ck_assert_str_eq(store_link_sql("select count(*) from chat_conversation "
                                    "where user_id = '%s'",
                                    ada.owner),
                     "0");
    id = create(&ada, "gone");
    talk(id, "a", "b");
    OKAY(chat_store_conversation_delete(&streams, &ada, id, 0, &err));
    NONE(chat_store_conversation_restore(&is, &ada, id, &err));
    ck_assert_str_eq(store_link_sql("select count(*) from chat_message "
                                    "where conversation_id = '%s'",
                                    id),
                     "0");
}
END_TEST

/* ---- turns ---- */

START_TEST(a_turn_makes_a_conversation)
{
    chat_store_turn_t turn = turn_of(new_id(), "  What is\n\tthe time? ");
    chat_store_message_t *m = NULL;
    chat_store_stream_t *s = NULL;
    chat_conversation_t *c;

    turn.parts = "[]";
    NONE(chat_store_turn_begin(&turn, &ada, &err));
    turn.create = 1;
    turn.title = "What is the time?";
    turn.system = "Be short.";
    turn.title = "What is the time?";
    OKAY(chat_store_turn_begin(&turn, &ada, &err));
    ck_assert_int_eq(turn.created, 1);
    ck_assert_str_eq(turn.titled, "What is the time?");
    ck_assert_int_eq(turn.wants_title, 1);
    ck_assert_str_eq(turn.context_system, "Be short.");
    ck_assert_int_eq(turn.path->nelts, 1);
    ck_assert_str_eq(at_row(turn.path, 0)->id, turn.question);
    ck_assert_str_eq(at_row(turn.path, 0)->text, turn.text);

    c = get(turn.conversation);
    ck_assert_str_eq(c->current, turn.answer);
    ck_assert_str_eq(c->stream, turn.stream);
    ck_assert_str_eq(c->stream_message, turn.answer);
    ck_assert_int_eq(c->messages, 2);
    ck_assert_int_eq(c->revision, 1);
    OKAY(
        chat_store_message_get(&m, &ada, turn.conversation, turn.answer, &err));
    ck_assert_int_eq(m->status, CHAT_MESSAGE_STREAMING);
    ck_assert_str_eq(m->parts, "[]");
    ck_assert_str_eq(m->parent, turn.question);
    ck_assert_int_eq(m->input_tokens, -1);
    OKAY(chat_store_stream_get(&s, &ada, turn.stream, &err));
    ck_assert_str_eq(s->status, "running");
    ck_assert_str_eq(s->message, turn.answer);
    ck_assert_str_eq(s->instance, "here/1");
    NONE(chat_store_stream_get(&s, &eve, turn.stream, &err));

    store_link_sql("update chat_conversation set last_message_at = 1000, "
                   "updated_at = 1000");
    end(&turn, "Noon.");
    c = get(turn.conversation);
    ck_assert_ptr_null(c->stream);
    /* Its place in a list was that of the question; what has changed since some
     * time has the answer. */
    ck_assert_int_eq(c->last_message, 1000);
    ck_assert_int_gt(c->updated, 1000);
    OKAY(
        chat_store_message_get(&m, &ada, turn.conversation, turn.answer, &err));
    ck_assert_int_eq(m->status, CHAT_MESSAGE_COMPLETE);
    ck_assert_str_eq(m->text, "Noon.");
    ck_assert_str_eq(m->model, "m-1");
    ck_assert_int_eq(m->cost, 1234567890123);
    ck_assert_int_eq(m->output_tokens, 11);
    OKAY(chat_store_stream_get(&s, &ada, turn.stream, &err));
    ck_assert_str_eq(s->status, "complete");
    ck_assert_int_eq(s->last_event, 5);
    ck_assert_str_eq(
        store_link_sql("select bytes - (select sum(bytes) from chat_message) "
                       "from chat_conversation"),
        "0");
}
END_TEST

START_TEST(one_answer_at_a_time)
{
    const char *id = create(&ada, NULL);
    chat_store_turn_t first = turn_of(id, "one"), second = turn_of(id, "two");
    chat_store_ending_t ending = {.answer = first.answer,
                                  .stream = first.stream,
                                  .status = CHAT_MESSAGE_PARTIAL,
                                  .parts = "[]",
                                  .text = "late",
                                  .input_tokens = -1,
                                  .output_tokens = -1,
                                  .cost = -1};
    chat_store_message_t *m = NULL;
    int written;

    OKAY(chat_store_turn_begin(&first, &ada, &err));
    REFUSED(chat_store_turn_begin(&second, &ada, &err), APR_EBUSY, 409,
            "conversation_busy");
    /* The same question again is told whose answer it has. */
    second.question = first.question;
    REFUSED(chat_store_turn_begin(&second, &ada, &err), APR_EEXIST, 409,
            "already_exists");
    ck_assert_str_eq(err.param, first.stream);
    second.conversation = create(&eve, NULL);
    REFUSED(chat_store_turn_begin(&second, &eve, &err), APR_EEXIST, 409,
            "already_exists");
    ck_assert_ptr_null(err.param);

    end(&first, "answer");
    OKAY(chat_store_turn_end(&written, &ending, &ada, &err));
    ck_assert_int_eq(written, 0);
    OKAY(chat_store_message_get(&m, &ada, id, first.answer, &err));
    ck_assert_str_eq(m->text, "answer");
    ending.stream = new_id();
    NONE(chat_store_turn_end(&written, &ending, &ada, &err));
    ending.stream = first.stream;
    NONE(chat_store_turn_end(&written, &ending, &eve, &err));
    talk(id, "two", "again");
}
END_TEST

START_TEST(branches)
{
    const char *id = create(&ada, NULL);
    const char *first = talk(id, "q1", "a1"), *second = talk(id, "q2", "a2");
    chat_store_turn_t turn = turn_of(id, "q2 edited");
    chat_store_message_t *m = NULL;
    apr_array_header_t *rows;
    chat_store_page_t page = {.limit = 10};

    /* Another question beside q2. */
    turn.has_parent = 1;
    turn.parent = first;
    OKAY(chat_store_turn_begin(&turn, &ada, &err));
    ck_assert_int_eq(turn.path->nelts, 3);
    ck_assert_str_eq(at_row(turn.path, 1)->text, "a1");
    ck_assert_str_eq(turn.before, second);
    end(&turn, "a2 edited");
    OKAY(chat_store_message_get(&m, &ada, id, turn.question, &err));
    ck_assert_int_eq(m->siblings, 2);
    ck_assert_int_eq(m->sibling, 2);

    OKAY(chat_store_message_list(&rows, &ada, id, 0, &page, &err));
    ck_assert_int_eq(rows->nelts, 4);
    ck_assert_str_eq(at_row(rows, 0)->text, "q1");
    ck_assert_str_eq(at_row(rows, 3)->text, "a2 edited");
    ck_assert_ptr_null(page.next);
    OKAY(chat_store_message_list(&rows, &ada, id, 1, &page, &err));
    ck_assert_int_eq(rows->nelts, 6);

    /* The answer anew: no question, the same path. */
    turn = turn_of(id, NULL);
    turn.regenerate = second;
    turn.question = NULL;
    OKAY(chat_store_turn_begin(&turn, &ada, &err));
    ck_assert_int_eq(turn.path->nelts, 3);
    ck_assert_str_eq(at_row(turn.path, 2)->text, "q2");
    end(&turn, "a2 again");
    OKAY(chat_store_message_get(&m, &ada, id, turn.answer, &err));
    ck_assert_int_eq(m->siblings, 2);
    ck_assert_int_eq(m->sibling, 2);
    OKAY(chat_store_message_get(&m, &ada, id, second, &err));
    ck_assert_int_eq(m->sibling, 1);

    /* Of a question: the same. */
    m = at_row(rows, 0);
    turn = turn_of(id, NULL);
    turn.regenerate = m->id;
    OKAY(chat_store_turn_begin(&turn, &ada, &err));
    ck_assert_int_eq(turn.path->nelts, 1);
    end(&turn, "a1 again");

    /* A new root. */
    turn = turn_of(id, "another root");
    turn.has_parent = 1;
    OKAY(chat_store_turn_begin(&turn, &ada, &err));
    ck_assert_int_eq(turn.path->nelts, 1);
    end(&turn, "x");
    OKAY(chat_store_message_get(&m, &ada, id, turn.question, &err));
    ck_assert_int_eq(m->siblings, 2);

    turn = turn_of(id, "foreign parent");
    turn.has_parent = 1;
    turn.parent = talk(create(&ada, NULL), "a", "b");
    REFUSED(chat_store_turn_begin(&turn, &ada, &err), APR_EINVAL, 400,
            "invalid_request");
    turn.regenerate = turn.parent;
    REFUSED(chat_store_turn_begin(&turn, &ada, &err), APR_EINVAL, 400,
            "invalid_request");
}
END_TEST

START_TEST(pages_of_a_path)
{
    const char *id = create(&ada, NULL), *other = create(&ada, NULL);
    chat_store_page_t page = {.limit = 3};
    apr_array_header_t *rows;
    int all, i;

    for (i = 0; i < 4; i++)
        talk(id, apr_psprintf(p, "q%d", i), apr_psprintf(p, "a%d", i));
    talk(other, "q", "a");
    for (all = 0; all < 2; all++) {
        page.after = NULL;
        OKAY(chat_store_message_list(&rows, &ada, id, all, &page, &err));
        ck_assert_int_eq(rows->nelts, 3);
        ck_assert_str_eq(at_row(rows, 0)->text, "a2");
        ck_assert_str_eq(at_row(rows, 2)->text, "a3");
        page.after = page.next;
        OKAY(chat_store_message_list(&rows, &ada, id, all, &page, &err));
        ck_assert_str_eq(at_row(rows, 0)->text, "q1");
        ck_assert_str_eq(at_row(rows, 2)->text, "q2");
        REFUSED(chat_store_message_list(&rows, &ada, id, !all, &page, &err),
                APR_EINVAL, 400, "invalid_request");
        REFUSED(chat_store_message_list(&rows, &ada, other, all, &page, &err),
                APR_EINVAL, 400, "invalid_request");
        page.after = page.next;
        OKAY(chat_store_message_list(&rows, &ada, id, all, &page, &err));
        ck_assert_int_eq(rows->nelts, 2);
        ck_assert_str_eq(at_row(rows, 0)->text, "q0");
        ck_assert_ptr_null(page.next);
    }
    page.after = NULL;
    NONE(chat_store_message_list(&rows, &eve, id, 0, &page, &err));
    OKAY(chat_store_message_list(&rows, &ada, create(&ada, NULL), 0, &page,
                                 &err));
    ck_assert_int_eq(rows->nelts, 0);
}
END_TEST

START_TEST(a_conversation_is_too_long)
{
    const char *id = create(&ada, NULL);
    chat_store_turn_t turn = turn_of(id, "q");

    store_link_limits.messages = 4;
    talk(id, "q", "a");
    talk(id, "q", "a");
    REFUSED(chat_store_turn_begin(&turn, &ada, &err), APR_ENOSPC, 413,
            "conversation_too_long");
    store_link_limits.messages = 100;
    store_link_limits.bytes = 130;
    REFUSED(chat_store_turn_begin(&turn, &ada, &err), APR_ENOSPC, 413,
            "conversation_too_long");
    ck_assert_int_eq(get(id)->messages, 4);
}
END_TEST

START_TEST(an_archived_conversation_takes_none)
{
    const char *id = create(&ada, NULL);
    chat_store_turn_t turn = turn_of(id, "q");
    chat_conversation_t to = {.archived = 1}, *is;

    OKAY(chat_store_conversation_update(&is, &ada, id, &to, CHAT_SET_ARCHIVED,
                                        0, &err));
    REFUSED(chat_store_turn_begin(&turn, &ada, &err), APR_EACCES, 409,
            "conversation_archived");
}
END_TEST

START_TEST(a_turn_is_undone)
{
    chat_store_turn_t turn = turn_of(new_id(), "q");
    chat_conversation_t *c = NULL;
    const char *id = create(&ada, NULL), *leaf;
    apr_array_header_t *rows;
    chat_store_page_t page = {.limit = 10};

    turn.create = 1;
    OKAY(chat_store_turn_begin(&turn, &ada, &err));
    OKAY(chat_store_turn_undo(&turn, &ada, &err));
    NONE(chat_store_conversation_get(&c, &ada, turn.conversation, &err));

    turn = turn_of(id, "q");
    OKAY(chat_store_turn_begin(&turn, &ada, &err));
    OKAY(chat_store_turn_undo(&turn, &ada, &err));
    c = get(id);
    ck_assert_int_eq(c->messages, 0);
    ck_assert_ptr_null(c->title);
    ck_assert_ptr_null(c->current);
    ck_assert_ptr_null(c->stream);

    leaf = talk(id, "q", "a");
    turn = turn_of(id, NULL);
    turn.regenerate = leaf;
    OKAY(chat_store_turn_begin(&turn, &ada, &err));
    OKAY(chat_store_turn_undo(&turn, &ada, &err));
    OKAY(chat_store_turn_undo(&turn, &ada, &err));
    ck_assert_str_eq(get(id)->current, leaf);
    ck_assert_int_eq(get(id)->messages, 2);
    OKAY(chat_store_message_list(&rows, &ada, id, 1, &page, &err));
    ck_assert_int_eq(rows->nelts, 2);
    ck_assert_str_eq(
        store_link_sql("select bytes - (select sum(bytes) from chat_message) "
                       "from chat_conversation"),
        "0");
}
END_TEST

/* ---- streams ---- */

START_TEST(streams_are_adopted_once)
{
    const char *ids[3];
    apr_array_header_t *rows;
    chat_store_at_t nobody = {.p = p};
    int i;

    for (i = 0; i < 3; i++) {
        chat_store_turn_t turn = turn_of(create(&ada, NULL), "q");

        turn.instance = i == 2 ? "there/1" : "here/1";
        OKAY(chat_store_turn_begin(&turn, &ada, &err));
        ids[i] = turn.stream;
    }
    OKAY(chat_store_stream_adopt(&rows, &nobody, chat_store_now() - 60000, 10,
                                 &err));
    ck_assert_int_eq(rows->nelts, 0);
    store_link_sql("update chat_stream set heartbeat_at = 1");
    OKAY(chat_store_stream_heartbeat(&nobody, "there/1", &err));
    OKAY(chat_store_stream_adopt(&rows, &nobody, chat_store_now() - 60000, 1,
                                 &err));
    ck_assert_int_eq(rows->nelts, 1);
    OKAY(chat_store_stream_adopt(&rows, &nobody, chat_store_now() - 60000, 10,
                                 &err));
    ck_assert_int_eq(rows->nelts, 1);
    ck_assert_str_eq(APR_ARRAY_IDX(rows, 0, chat_store_stream_t).instance,
                     "here/1");
    ck_assert_str_eq(APR_ARRAY_IDX(rows, 0, chat_store_stream_t).owner,
                     ada.owner);
    OKAY(chat_store_stream_adopt(&rows, &nobody, chat_store_now() - 60000, 10,
                                 &err));
    ck_assert_int_eq(rows->nelts, 0);

    /* One that could not be ended then, whoever else is alive. */
    for (i = 0; i < 2; i++) {
        OKAY(chat_store_stream_inherit(&rows, &nobody, "there/1", &err));
        ck_assert_int_eq(rows->nelts, 1);
        ck_assert_str_eq(APR_ARRAY_IDX(rows, 0, chat_store_stream_t).id,
                         ids[2]);
        OKAY(chat_store_stream_heartbeat(&nobody, "new/4", &err));
    }
    store_link_sql("update chat_stream set heartbeat_at = 1");
    OKAY(chat_store_stream_adopt(&rows, &nobody, chat_store_now() - 60000, 10,
                                 &err));
    ck_assert_int_eq(rows->nelts, 3);
}
END_TEST

/* ---- the database ---- */

/* A statement that is void is compiled anew; a connection that has ended is
 * opened again, and the work is done from its begin. */
START_TEST(a_connection_is_disturbed)
{
    const char *id = create(&ada, NULL);
    chat_store_turn_t turn = turn_of(id, "q");

    talk(id, "one", "a");
    store_link_disturb();
    OKAY(chat_store_turn_begin(&turn, &ada, &err));
    ck_assert_int_eq(store_link_failures, store_link_is_sqlite() ? 0 : 1);
    end(&turn, "a");
    ck_assert_int_eq(get(id)->messages, 4);
    store_link_failures = 0;
}
END_TEST

START_TEST(a_failure_undoes_all)
{
    chat_store_turn_t turn = turn_of(new_id(), "a secret question");
    chat_conversation_t *c = NULL;

    turn.create = 1;
    store_link_sql("alter table chat_stream rename to elsewhere");
    REFUSED(chat_store_turn_begin(&turn, &ada, &err), APR_EGENERAL, 503,
            "store_unavailable");
    ck_assert_str_eq(err.retry_after, "5");
    ck_assert_ptr_nonnull(strstr(store_link_why, "chat_stream"));
    ck_assert_ptr_null(strstr(store_link_why, "secret"));
    store_link_sql("alter table elsewhere rename to chat_stream");
    NONE(chat_store_conversation_get(&c, &ada, turn.conversation, &err));
    OKAY(chat_store_turn_begin(&turn, &ada, &err));

    /* The database's words that quote a parameter are not passed on. */
    if (!store_link_is_sqlite()) {
        turn = turn_of(new_id(), "q");
        turn.create = 1;
        turn.answer = "secret-that-is-no-uuid-0000000000000";
        REFUSED(chat_store_turn_begin(&turn, &ada, &err), APR_EGENERAL, 503,
                "store_unavailable");
        ck_assert_ptr_null(strstr(store_link_why, "secret"));
        ck_assert_ptr_nonnull(strstr(store_link_why, "withheld"));
    }
    store_link_failures = 0;
}
END_TEST

Suite *unit_suite(void)
{
    Suite *s = suite_create("chat_store_chats");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, ids);
    tcase_add_test(tc, a_conversation_is_made_and_read);
    tcase_add_test(tc, no_more_conversations_than_may_be);
    tcase_add_test(tc, pages_of_conversations);
    tcase_add_test(tc, titles_that_have_words);
    tcase_add_test(tc, a_conversation_is_changed);
    tcase_add_test(tc, a_conversation_goes_and_comes_back);
    tcase_add_test(tc, a_turn_makes_a_conversation);
    tcase_add_test(tc, one_answer_at_a_time);
    tcase_add_test(tc, branches);
    tcase_add_test(tc, pages_of_a_path);
    tcase_add_test(tc, a_conversation_is_too_long);
    tcase_add_test(tc, an_archived_conversation_takes_none);
    tcase_add_test(tc, a_turn_is_undone);
    tcase_add_test(tc, streams_are_adopted_once);
    tcase_add_test(tc, a_connection_is_disturbed);
    tcase_add_test(tc, a_failure_undoes_all);
    suite_add_tcase(s, tc);
    return s;
}
