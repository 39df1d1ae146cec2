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

/* How often work failed at the database, and what it said last. */
extern int store_link_failures;
extern const char *store_link_why;

/* What the configuration says; set anew by each test. */
extern chat_store_limits_t store_link_limits;

/* A statement of the test's own; the first column of its first row, or NULL. */
const char *store_link_sql(const char *sql, ...)
    __attribute__((format(printf, 1, 2)));

int store_link_is_sqlite(void);

#endif
