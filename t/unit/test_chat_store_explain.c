/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What many rows cost: plans use indexes, and what a user does costs no more
 * than twice when all have ten times as much. The machine may do other things
 * meanwhile, so CPU time is compared, of this process and of PostgreSQL's, and
 * how many pages PostgreSQL reads. CHAT_TEST_USERS of CHAT_TEST_MESSAGES each;
 * t/78-store.t runs it on PostgreSQL, too.
 */
#include "store/store_steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define IN_CONVERSATION 10
#define ROUNDS 15

/* Ids tell which user's, which conversation, which message. */
#define ID_FORMAT "%08x-%04x-7000-8000-%012x"

static int users, messages; /* of each user, in the end */

static int from_env(const char *name, int otherwise)
{
    const char *value = getenv(name);

    return value ? atoi(value) : otherwise;
}

static const char *id_of(int user, int conversation, int message)
{
    return apr_psprintf(p, ID_FORMAT, (unsigned)user, (unsigned)conversation,
                        (unsigned)message);
}

/* ---- rows by the database itself ---- */

#define PGSQL_ID(message)                                                      \
    "cast(lpad(to_hex(u), 8, '0') || '-' || lpad(to_hex(c), 4, '0') || "       \
    "'-7000-8000-' || lpad(to_hex(" message "), 12, '0') as uuid)"
#define SQLITE_ID(message)                                                     \
    "printf('%%08x-%%04x-7000-8000-%%012x', u, c, " message ")"
#define TEXT                                                                   \
    "'common word' || (m %% 50) || ' rare' || u || 'x' || c || 'x' || m || "   \
    "' and some more text that a message may have'"

static void fill_pgsql(int from, int to)
{
    store_link_sql("insert into chat_conversation (id, user_id, title, "
                   "current_message_id, message_count, created_at, updated_at, "
                   "last_message_at) select " PGSQL_ID(
                       "0") ", 'u' || u, "
                            "'title' || c, " PGSQL_ID(
                                "%d") ", %d, c * 100000, c * 100000, "
                                      "c * 100000 from generate_series(0, %d) "
                                      "u, generate_series(%d, %d) c",
                   IN_CONVERSATION, IN_CONVERSATION, users - 1, from, to - 1);
    store_link_sql(
        "insert into chat_message (id, conversation_id, parent_id, user_id, "
        "role, status, parts, text, bytes, created_at, updated_at) "
        "select " PGSQL_ID("m") ", " PGSQL_ID(
            "0") ", case when m > 1 then " PGSQL_ID("m - 1") " end, 'u' || u, "
                                                             "'user', "
                                                             "'complete', "
                                                             "'[]', " TEXT
                                                             ", 1, c * 100000 "
                                                             "+ m, c * 100000 "
                                                             "+ m from "
                                                             "generate_series("
                                                             "0, %d) u, "
                                                             "generate_series(%"
                                                             "d, %d) c, "
                                                             "generate_series("
                                                             "1, %d) m",
        users - 1, from, to - 1, IN_CONVERSATION);
}

#define SERIES                                                                 \
    "with recursive us (u) as (values (0) union all select u + 1 from us "     \
    "where u < %d), cs (c) as (values (%d) union all select c + 1 from cs "    \
    "where c < %d), ms (m) as (values (1) union all select m + 1 from ms "     \
    "where m < %d) "
#define N "* 1048576 + u"

/* As a server does it, by and by. */
static void merge_words(void)
{
    chat_store_merge_t m = {0};

    while (!m.over)
        OKAY(chat_store_merge(&m, &ada, &err));
}

/* A million rows at once: in memory, their words by one statement, and all of
 * it in the file when it is measured. */
static void fill_sqlite(int from, int to)
{
    store_link_sql("pragma cache_size = -1000000");
    store_link_sql("begin");
    store_link_sql(
        SERIES "insert into chat_conversation (n, id, user_id, title, "
               "current_message_id, message_count, created_at, updated_at, "
               "last_message_at) select (c * 100000) " N
               ", " SQLITE_ID("0") ", 'u' || u, 'title' || c, " SQLITE_ID(
                   "%d") ", %d, c * 100000, "
                         "c * 100000, c * 100000 from us, cs order by c, u",
        users - 1, from, to - 1, 1, IN_CONVERSATION, IN_CONVERSATION);
    store_link_sql(
        SERIES
        "insert into chat_message (n, id, conversation_id, parent_id, "
        "user_id, role, status, parts, text, bytes, created_at, updated_at) "
        "select (c * 100000 + m) " N ", " SQLITE_ID("m") ", " SQLITE_ID(
            "0") ", case when m > 1 then " SQLITE_ID("m - 1") " end, 'u' || u, "
                                                              "'user', "
                                                              "'complete', "
                                                              "'[]', " TEXT
                                                              ", 1, c * 100000 "
                                                              "+ m, c * 100000 "
                                                              "+ m "
                                                              "from us, cs, ms "
                                                              "order by c, m, "
                                                              "u",
        users - 1, from, to - 1, IN_CONVERSATION);
    store_link_sql("commit");
    while (store_link_sql("select 1 from chat_message_unindexed limit 1")) {
        store_link_sql("insert into chat_message_search (rowid, owner, body) "
                       "select n, hex(user_id), text from chat_message where n "
                       "in (select n from chat_message_unindexed order by n "
                       "limit 1000)");
        store_link_sql("delete from chat_message_unindexed where n in (select "
                       "n from chat_message_unindexed order by n limit 1000)");
    }
    merge_words();
    store_link_sql("analyze");
    store_link_sql("pragma wal_checkpoint(truncate)");
    store_link_sql("pragma cache_size = -8000");
}

static void fill(int from, int to)
{
    from /= IN_CONVERSATION;
    to /= IN_CONVERSATION;
    if (store_link_is_sqlite())
        fill_sqlite(from, to);
    else {
        fill_pgsql(from, to);
        store_link_sql("analyze");
    }
}

/* ---- what a user does ---- */

typedef void action_f(void);

static void list_conversations(void)
{
    chat_conversation_filter_t filter = {0};
    chat_store_page_t page = {.limit = 20};
    apr_array_header_t *rows;

    OKAY(chat_store_conversation_list(&rows, &ada, &filter, &page, &err));
    ck_assert_int_eq(rows->nelts, 20);
}

static void next_page(void)
{
    chat_conversation_filter_t filter = {0};
    chat_store_page_t page = {.limit = 5};
    apr_array_header_t *rows;

    OKAY(chat_store_conversation_list(&rows, &ada, &filter, &page, &err));
    page.after = page.next;
    OKAY(chat_store_conversation_list(&rows, &ada, &filter, &page, &err));
    ck_assert_int_eq(rows->nelts, 5);
}

static void load(void)
{
    chat_store_page_t page = {.limit = 50};
    apr_array_header_t *rows;

    OKAY(chat_store_message_list(&rows, &ada, id_of(1, 2, 0), 0, &page, &err));
    ck_assert_int_eq(rows->nelts, IN_CONVERSATION);
}

static void load_all(void)
{
    chat_store_page_t page = {.limit = 50};
    apr_array_header_t *rows;

    OKAY(chat_store_message_list(&rows, &ada, id_of(1, 2, 0), 1, &page, &err));
    ck_assert_int_eq(rows->nelts, IN_CONVERSATION);
}

static void search_for(const char *q, int hits)
{
    chat_store_page_t page = {.limit = 20};
    apr_array_header_t *rows;

    OKAY(chat_store_search(&rows, &ada, q, &page, &err));
    ck_assert_int_eq(rows->nelts, hits);
}

static void search_rare(void)
{
    search_for("rare1x2x3", 1);
}

static void search_common(void)
{
    search_for("common", 20);
}

static void search_some(void)
{
    search_for("word7", 20);
}

static void begin_and_undo(void)
{
    chat_store_turn_t turn = turn_of(id_of(1, 3, 0), "q");

    OKAY(chat_store_turn_begin(&turn, &ada, &err));
    ck_assert_int_eq(turn.path->nelts, IN_CONVERSATION + 1);
    OKAY(chat_store_turn_undo(&turn, &ada, &err));
}

static const struct {
    const char *name;
    action_f *run;
} actions[] = {
    {"list conversations", list_conversations},
    {"the next page of them", next_page},
    {"load a conversation", load},
    {"load all branches", load_all},
    {"search what is rare", search_rare},
    {"search what is common", search_common},
    {"search what is neither", search_some},
    {"begin a turn", begin_and_undo},
};
#define ACTIONS (sizeof(actions) / sizeof(actions[0]))

/* What a user does, as statements; SQLite's search has other parameters. */
#define NOW "9223372036854775807"
#define LAST "ffffffff-ffff-ffff-ffff-ffffffffffff"
#define C "00000001-0002-7000-8000-000000000000"
#define M "00000001-0002-7000-8000-00000000000a"
#define FTS "owner : \"7531\" AND body : (\"word7\")"
#define STATEMENT(id, ...)                                                     \
    {                                                                          \
#id, CHAT_SQL_##id, (const char *const[])                              \
        {                                                                      \
            __VA_ARGS__                                                        \
        }                                                                      \
    }

typedef struct statement_t {
    const char *name;
    chat_store_sql_e id;
    const char *const *args;
} statement_t;

static const statement_t both[] = {
    STATEMENT(CONVERSATION_GET, C, "u1"),
    STATEMENT(CONVERSATION_LIST, "u1", "0", "0", NOW, LAST, "21"),
    STATEMENT(CONVERSATION_LIST_OLDEST, "u1", "0", "0", "0", C, "21"),
    STATEMENT(CONVERSATION_LOCK, C, "u1"),
    STATEMENT(MESSAGE_GET, "u1", M, C),
    STATEMENT(MESSAGE_ALL, "u1", C, NOW, LAST, "51"),
    STATEMENT(MESSAGE_FIND, M, C),
    STATEMENT(MESSAGE_ANSWERED, M),
    STATEMENT(MESSAGE_NEWEST, C),
    STATEMENT(STREAM_GET, M, "u1"),
    STATEMENT(STREAM_RUNNING, C),
};
static const statement_t pgsql[] = {
    STATEMENT(SEARCH_OLDER, "u1", "u1", "rare1x2x3", NOW, LAST, "21"),
    /* Sorted at the end, a page of rows. */
    STATEMENT(MESSAGE_PATH, "u1", M, C, "51"),
    STATEMENT(MESSAGE_TURN_PATH, "u1", M, C, "2000"),
    STATEMENT(MESSAGE_PATH_DOWN, "u1", M, C, "2000", M, "21"),
};
/* As many rows as it says, and no more. */
static const statement_t since = STATEMENT(SEARCH_SINCE, "u1", NOW, LAST);
static const statement_t newest = STATEMENT(
    SEARCH_MESSAGES, "u1", "u1", "rare1x2x3", NOW, LAST, "1000000", "21");
static const statement_t sqlite[] = {
    STATEMENT(SEARCH_MESSAGES, FTS, NOW, "u1", "21"),
    STATEMENT(SEARCH_TITLES, FTS, NOW, "u1", "21"),
};
#define N_OF(table) (int)(sizeof(table) / sizeof((table)[0]))

/* ---- plans ---- */

/* A statement with its parameters in it. */
static const char *with(const char *sql, const char *const *args)
{
    const char *out = "", *at;

    for (; (at = strchr(sql, '%')); sql = at + 2) {
        const char *value = at[1] == '%' ? "%" : *args++;

        out = apr_pstrcat(
            p, out, apr_pstrmemdup(p, sql, (apr_size_t)(at - sql)),
            at[1] == '%' ? "" : "'", value, at[1] == '%' ? "" : "'", NULL);
    }
    return apr_pstrcat(p, out, sql, NULL);
}

static const char *plan_of(const statement_t *st)
{
    int is_sqlite = store_link_is_sqlite();

    return store_link_all(
        apr_pstrcat(
            p, is_sqlite ? "explain query plan " : "explain ",
            with(chat_store_statements_text(st->id, is_sqlite), st->args),
            NULL),
        is_sqlite ? 3 : 0);
}

/* A table that is read from its begin to its end. */
static void uses_indexes(const statement_t *st)
{
    static const char *const scans[] = {"Seq Scan on chat_message",
                                        "Seq Scan on chat_conversation",
                                        "SCAN m\n",
                                        "SCAN c\n",
                                        "SCAN b\n",
                                        "SCAN s\n",
                                        "SCAN chat_message\n",
                                        "SCAN chat_conversation\n",
                                        "SCAN chat_stream\n",
                                        "TEMP B-TREE FOR ORDER BY"};
    const char *plan = plan_of(st);
    unsigned i;

    for (i = 0; i < sizeof(scans) / sizeof(scans[0]); i++)
        ck_assert_msg(!strstr(plan, scans[i]), "%s:\n%s", st->name, plan);
}

START_TEST(plans_use_indexes)
{
    const statement_t *own = store_link_is_sqlite() ? sqlite : pgsql;
    int i, n = store_link_is_sqlite() ? N_OF(sqlite) : N_OF(pgsql);

    fill(0, messages);
    for (i = 0; i < N_OF(both); i++)
        uses_indexes(&both[i]);
    for (i = 0; i < n; i++)
        uses_indexes(&own[i]);
    if (!store_link_is_sqlite()) {
        uses_indexes(&since);
        uses_indexes(&newest);
    }
}
END_TEST

/* ---- pages that PostgreSQL reads ---- */

static int pages_of(const statement_t *st)
{
    const char *plan = store_link_all(
        apr_pstrcat(p, "explain (analyze, buffers, costs off, timing off) ",
                    with(chat_store_statements_text(st->id, 0), st->args),
                    NULL),
        0);
    const char *at = strstr(plan, "Buffers: shared"), *hit, *read;
    const char *end = at ? strchr(at, '\n') : NULL;

    /* Of an empty table there is none to read. */
    ck_assert_msg(strstr(plan, "(actual rows="), "%s:\n%s", st->name, plan);
    if (!at)
        return 0;
    hit = strstr(at, "hit=");
    read = strstr(at, "read=");
    return (hit && hit < end ? atoi(hit + 4) : 0) +
           (read && read < end ? atoi(read + 5) : 0);
}

static void count_pages(int *counts)
{
    int i;

    for (i = 0; i < N_OF(both); i++)
        counts[i] = pages_of(&both[i]);
    for (i = 0; i < N_OF(pgsql); i++)
        counts[N_OF(both) + i] = pages_of(&pgsql[i]);
}

#define PAGES (N_OF(both) + N_OF(pgsql))

static void compare_pages(const int *before, const int *after)
{
    int i;

    for (i = 0; i < PAGES; i++) {
        const char *name =
            i < N_OF(both) ? both[i].name : pgsql[i - N_OF(both)].name;

        printf("# %-24s %6d pages, then %6d\n", name, before[i], after[i]);
        /* A tree may be a level higher. */
        ck_assert_msg(after[i] <= 2 * before[i] + 20, "%s: %d pages, then %d",
                      name, before[i], after[i]);
    }
}

#define CONVERSATION(n) "00000001-000" n "-7000-8000-000000000000"
#define NEW(turn, n) "00000002-000" turn "-7000-8000-00000000000" n
#define TURN(n)                                                                \
    STATEMENT(TURN_BEGIN, CONVERSATION(n), "u1", NEW(n, "1"), "[]", "q", "3",  \
              NEW(n, "2"), NEW(n, "3"), "here", "m", "t", "1000000000", "0",   \
              NEW(n, "4"), "1000000", "1000000000", "2000")

/* Many times as many would have to be read to find it by another index. Now and
 * then PostgreSQL puts the new words of many messages into their index. */
#define TURN_PAGES 100

static const statement_t turns[] = {TURN("1"), TURN("2"), TURN("3")};

static void let_nobody_count(const char *how)
{
    store_link_sql("alter table chat_conversation %s", how);
    store_link_sql("alter table chat_message %s", how);
    store_link_sql("alter table chat_stream %s", how);
}

/* As in a database of which nobody has counted anything yet: autovacuum would
 * while it is filled, when this takes long, and see rows of which none is
 * there.
 */
static void forget_statistics(void)
{
    let_nobody_count("set (autovacuum_enabled = off)");
    store_link_sql("truncate chat_conversation, chat_message, chat_stream, "
                   "chat_share, chat_upload_use");
    store_link_sql("delete from pg_statistic where starelid in (select oid "
                   "from pg_class where relname like 'chat_%%')");
    store_link_sql("update pg_class set relpages = 0, reltuples = -1 where "
                   "relname like 'chat_%%'");
}

/* Statistics come a minute after the rows. A plan is kept from the time when
 * there was no conversation. */
START_TEST(a_turn_reads_its_own_rows)
{
    int i, pages, least = 0;

    if (store_link_is_sqlite())
        return;
    forget_statistics();
    for (i = 0; i < 6; i++)
        pages_of(&turns[0]);
    fill_pgsql(0, messages / IN_CONVERSATION);
    /* Each turn leaves a dead entry in the list of conversations. */
    for (i = 0; i < 60; i++)
        store_link_sql("update chat_conversation set last_message_at = "
                       "last_message_at + 1 where user_id = 'u1'");
    for (i = 0; i < N_OF(turns); i++) {
        pages = pages_of(&turns[i]);
        least = !least || pages < least ? pages : least;
    }
    ck_assert_ptr_nonnull(store_link_sql(
        "select 1 from chat_message where id = '%s'", NEW("3", "1")));
    let_nobody_count("reset (autovacuum_enabled)");
    printf("# a turn reads %d pages\n", least);
    ck_assert_int_le(least, TURN_PAGES);
}
END_TEST

/* ---- CPU time ---- */

/* Of the process that PostgreSQL has for this connection, where the kernel
 * tells it. */
static apr_int64_t backend_ns(void)
{
    static const char *path;
    long long ns = 0;
    FILE *file;

    if (store_link_is_sqlite())
        return 0;
    if (!path)
        path = strdup(apr_psprintf(p, "/proc/%s/schedstat",
                                   store_link_sql("select pg_backend_pid()")));
    if ((file = fopen(path, "r"))) {
        if (fscanf(file, "%lld", &ns) != 1)
            ns = 0;
        fclose(file);
    }
    return ns;
}

static int cpu_us(void)
{
    apr_int64_t backend = backend_ns();
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (int)(ts.tv_sec * 1000000 + (ts.tv_nsec + backend) / 1000);
}

static int time_of(action_f *run)
{
    int i, start, took, best = 0;

    for (i = 0; i < ROUNDS; i++) {
        apr_pool_t *outer = p;

        apr_pool_create(&p, outer);
        ada.p = p;
        start = cpu_us();
        run();
        took = cpu_us() - start;
        best = !best || took < best ? took : best;
        apr_pool_destroy(p);
        p = outer;
        ada.p = p;
    }
    return best;
}

static void take_times(int *times)
{
    unsigned i;

    for (i = 0; i < ACTIONS; i++)
        times[i] = time_of(actions[i].run);
}

static int allowed(int before)
{
    /* A part of a millisecond is no rule. */
    return 2 * before + 300;
}

static void compare_times(const int *before, const int *after)
{
    unsigned i;

    for (i = 0; i < ACTIONS; i++)
        printf("# %-24s %6d us, then %6d us\n", actions[i].name, before[i],
               after[i]);
    for (i = 0; i < ACTIONS; i++)
        ck_assert_msg(after[i] <= allowed(before[i]), "%s: %d us, then %d us",
                      actions[i].name, before[i], after[i]);
}

START_TEST(ten_times_as_much_costs_no_more)
{
    int pages[2][PAGES], times[2][ACTIONS], i;

    ada.owner = "u1";
    store_link_limits.messages = 1000000;
    for (i = 0; i < 2; i++) {
        fill(i * messages / 10, i ? messages : messages / 10);
        if (!store_link_is_sqlite())
            count_pages(pages[i]);
        take_times(times[i]);
    }
    if (!store_link_is_sqlite())
        compare_pages(pages[0], pages[1]);
    compare_times(times[0], times[1]);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *s = suite_create("chat_store_explain");
    TCase *tc = tcase_create("all");

    users = from_env("CHAT_TEST_USERS", 10);
    messages = from_env("CHAT_TEST_MESSAGES", 2000);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 600);
    tcase_add_test(tc, plans_use_indexes);
    tcase_add_test(tc, a_turn_reads_its_own_rows);
    tcase_add_test(tc, ten_times_as_much_costs_no_more);
    suite_add_tcase(s, tc);
    return s;
}
