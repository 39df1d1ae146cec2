/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of conf/sql, compiled in: script/schema.sh writes the table when
 * the module is built. Private to store/ and chat-migrate.
 */
#ifndef CHAT_STORE_SCHEMA_H
#define CHAT_STORE_SCHEMA_H

typedef struct chat_store_schema_t {
    const char *database; /* "postgresql", "sqlite"; NULL ends the table */
    int version;          /* 1, 2, ...: the number that its file begins with */
    const char *name;     /* "001_chats" */
    const char *sql;      /* statements, each ended by a semicolon and an empty
                             line */
} chat_store_schema_t;

/* In the order of their versions, for each database. */
extern const chat_store_schema_t chat_store_schema[];

#endif
