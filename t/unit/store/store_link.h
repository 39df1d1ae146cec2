/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The link of src/store/chat_store_link.h for unit tests: one connection of
 * apr_dbd without httpd. A new SQLite file, or the database of
 * CHAT_TEST_DB_DRIVER and CHAT_TEST_DB_PARAMS.
 */
#ifndef STORE_LINK_H
#define STORE_LINK_H

#include "../../../src/store/chat_store_link.h"

/* Opens it and makes the tables. What was in them goes. */
void store_link_open(apr_pool_t *p);
void store_link_close(void);

/* In a child process: a connection of its own to the same database, and the end
 * of it. What the parent has open it must close before it forks. */
void store_link_join(apr_pool_t *p);
void store_link_leave(void);

/* How often work failed at the database, and what it said last. */
extern int store_link_failures;
extern const char *store_link_why;

/* Of threads that write together; NULL: each by itself. */
extern chat_store_group_t *store_link_group;

/* What the configuration says; set anew by each test. */
extern chat_store_limits_t store_link_limits;

/* A statement of the test's own; the first column of its first row, or NULL. */
const char *store_link_sql(const char *sql, ...)
    __attribute__((format(printf, 1, 2)));

/* A column of all its rows, each ended by a line feed. */
const char *store_link_all(const char *sql, int column);

/* What happens to a connection: PostgreSQL ends it, SQLite's schema is changed
 * by somebody else. */
void store_link_disturb(void);

int store_link_is_sqlite(void);

#endif
