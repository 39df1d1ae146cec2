/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may ask a database now: places for the look-ups that run, a breaker for
 * each database, and what is known of it. The database's driver waits without
 * end, so a look-up cannot be ended; but how many there are can be bounded,
 * and what runs for too long tells the others not to begin.
 *
 * The two arrays lie in memory that all children share, zeroed at first, under
 * a lock of the caller's (chat_store_turn.c). Times are monotonic microseconds,
 * given by the caller. Private to store/ and its unit test.
 */
#ifndef CHAT_STORE_PLACES_H
#define CHAT_STORE_PLACES_H

#include <sys/types.h>

#include "chat_circuit.h"

/* A look-up that has not come back by then is late: the database stands
 * still. And so long it is left alone then. */
#define CHAT_STORE_LATE (1000 * 1000)
#define CHAT_STORE_COOLDOWN (1000 * 1000)

/* What is known of a database is told for so long without asking it. */
#define CHAT_STORE_FRESH (1000 * 1000)

typedef struct chat_store_place_t {
    pid_t pid;  /* whose look-up, 0: free */
    int db;     /* ... of which database */
    int probe;  /* ... only to see whether it answers */
    int judged; /* it was late, and that has been counted */
    apr_int64_t since;
} chat_store_place_t;

typedef struct chat_store_db_t {
    chat_circuit_t circuit;
    int good;          /* it answered when it was last heard of */
    apr_int64_t heard; /* when that was, 0: never */
} chat_store_db_t;

typedef struct chat_store_places_t {
    int n;         /* places in all, at least 1 */
    int per_child; /* places of one process, at least 1 */
    int ndbs;      /* where there are several, one has at most half of both */
    chat_store_place_t *places;
    chat_store_db_t *dbs;
} chat_store_places_t;

typedef enum {
    CHAT_STORE_TAKEN, /* *pplace is the asker's until it is given back */
    CHAT_STORE_FULL,  /* others are asking: try again, but not for long */
    CHAT_STORE_SHUT   /* the database stands still: do not ask */
} chat_store_take_e;

/* A place for a look-up of this process. A place whose process has died is
 * free. *pchange is what that did to the breaker of db, for the log. */
chat_store_take_e chat_store_places_take(const chat_store_places_t *t, int db,
                                         pid_t pid, apr_int64_t now,
                                         int *pplace,
                                         chat_circuit_change_e *pchange);

/* The same for a look-up that only sees whether the database answers: there is
 * one at a time, and none while the last news is fresh. Anything but
 * CHAT_STORE_TAKEN: *pgood is what is known, 1 when the database answers. */
chat_store_take_e chat_store_places_probe(const chat_store_places_t *t, int db,
                                          pid_t pid, apr_int64_t now,
                                          int *pplace, int *pgood,
                                          chat_circuit_change_e *pchange);

/* Somebody has waited for a place for too long: what holds them stands still.
 */
chat_circuit_change_e chat_store_places_vain(const chat_store_places_t *t,
                                             int db, apr_int64_t now);

/* The look-up is over. good: the database has answered it. One that fails in
 * time shuts nothing: the next may ask. */
chat_circuit_change_e chat_store_places_give(const chat_store_places_t *t,
                                             int place, int good,
                                             apr_int64_t now);

#endif
