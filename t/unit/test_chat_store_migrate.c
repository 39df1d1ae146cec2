/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of src/store/chat_store_migrate.c with migrations of their own, in a
 * SQLite file. chat-migrate itself is driven by t/78-migrate.t. */
#include "../../src/store/chat_store_migrate.h"
#include "../../src/store/chat_store_schema.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

/* Instead of those of conf/sql. */
#define FIRST                                                                  \
    "-- The first; with a semicolon\ncreate table a (x text default ';\n');\n" \
    "\ninsert into a values ('1');\n"
#define SECOND                                                                 \
    "create trigger t after insert on a begin\n  select 1;\n  select 2;\n"     \
    "end;\n\n\n-- no more\n\ninsert into a values ('2');"
#define BROKEN "insert into a values ('3');\n\ninsert into b values ('3');\n"
const chat_store_schema_t chat_store_schema[] = {
    {"postgresql", 1, "001_a", "not for us"}, {"sqlite", 1, "001_a", FIRST},
    {"sqlite", 2, "002_b", SECOND},           {"postgresql", 2, "002_b", "no"},
    {"sqlite", 3, "003_c", BROKEN},           {NULL, 0, NULL, NULL}};

static apr_pool_t *p;
static char file[32];
static chat_store_db_t db;
static chat_store_migrate_t m;
static const char *applied;

static void set_up(void)
{
    const apr_dbd_driver_t *driver;
    apr_dbd_t *handle;

    apr_pool_create(&p, NULL);
    strcpy(file, "/tmp/chat-migrate-XXXXXX");
    close(mkstemp(file));
    ck_assert_int_eq(apr_dbd_init(p), APR_SUCCESS);
    ck_assert_int_eq(apr_dbd_get_driver(p, "sqlite3", &driver), APR_SUCCESS);
    ck_assert_int_eq(apr_dbd_open(driver, p, file, &handle), APR_SUCCESS);
    ck_assert_int_eq(chat_store_db_use(&db, driver, handle, p, p), APR_SUCCESS);
    applied = "";
}

static void tear_down(void)
{
    apr_dbd_close(db.driver, db.handle);
    unlink(file);
    unlink(apr_pstrcat(p, file, "-wal", NULL));
    unlink(apr_pstrcat(p, file, "-shm", NULL));
    apr_pool_destroy(p);
}

static void tell(void *baton, const char *name)
{
    applied = apr_pstrcat(p, applied, name, " ", NULL);
}

/* The first column of the first row. */
static const char *sql(const char *text)
{
    apr_dbd_results_t *results = NULL;
    apr_dbd_row_t *row = NULL;

    ck_assert_int_eq(apr_dbd_select(db.driver, p, db.handle, &results, text, 1),
                     0);
    chat_store_db_forget(&db);
    if (apr_dbd_get_row(db.driver, p, results, &row, -1))
        return NULL;
    return apr_pstrdup(p, apr_dbd_get_entry(db.driver, row, 0));
}

static chat_store_tables_e check(void)
{
    ck_assert_int_eq(chat_store_migrate_check(&m, &db), APR_SUCCESS);
    return m.is;
}

START_TEST(one_after_the_other_until_one_fails)
{
    ck_assert_int_eq(check(), CHAT_STORE_TABLES_NONE);
    ck_assert_int_eq(m.known, 3);
    ck_assert_int_eq(chat_store_migrate_up(&m, &db, tell, NULL), APR_EGENERAL);
    ck_assert_str_eq(db.why, "003_c: no such table: b");
    ck_assert_str_eq(applied, "001_a 002_b ");
    ck_assert_str_eq(sql("select group_concat(x) from a"), "1,2");
    ck_assert_str_eq(sql("select max(version) from chat_migration"), "2");
    ck_assert_str_eq(sql("select count(*) from sqlite_master "
                         "where type = 'trigger'"),
                     "1");

    ck_assert_int_eq(check(), CHAT_STORE_TABLES_OLDER);
    ck_assert_int_eq(m.found, 2);
    ck_assert_str_eq(
        m.why, "the tables are older (2) than this mod_chat, which needs 3");

    /* It goes on where it stopped. */
    sql("create table b (x text)");
    ck_assert_int_eq(chat_store_migrate_up(&m, &db, tell, NULL), APR_SUCCESS);
    ck_assert_str_eq(applied, "001_a 002_b 003_c ");
    ck_assert_str_eq(sql("select group_concat(x) from a"), "1,2,3");
    ck_assert_int_eq(check(), CHAT_STORE_TABLES_OK);
    ck_assert_ptr_null(m.why);
    ck_assert_int_eq(chat_store_migrate_up(&m, &db, tell, NULL), APR_SUCCESS);
    ck_assert_str_eq(applied, "001_a 002_b 003_c ");
}
END_TEST

START_TEST(records_that_are_not_ours)
{
    chat_store_migrate_up(&m, &db, NULL, NULL);
    sql("delete from chat_migration where version = 1");
    ck_assert_int_eq(check(), CHAT_STORE_TABLES_DIRTY);
    ck_assert_int_eq(chat_store_migrate_up(&m, &db, NULL, NULL), APR_EINVAL);

    sql("insert into chat_migration values (1, '001_a', 1)");
    sql("insert into chat_migration values (9, '009_x', 1)");
    ck_assert_int_eq(check(), CHAT_STORE_TABLES_NEWER);
    ck_assert_int_eq(chat_store_migrate_up(&m, &db, NULL, NULL), APR_EINVAL);

    /* A record without rows, as one that failed at the first leaves it not. */
    sql("delete from chat_migration");
    ck_assert_int_eq(check(), CHAT_STORE_TABLES_NONE);
    sql("create table chat_conversation (x text)");
    ck_assert_int_eq(check(), CHAT_STORE_TABLES_DIRTY);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *s = suite_create("chat_store_migrate");
    TCase *tc = tcase_create("all");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, one_after_the_other_until_one_fails);
    tcase_add_test(tc, records_that_are_not_ours);
    suite_add_tcase(s, tc);
    return s;
}
