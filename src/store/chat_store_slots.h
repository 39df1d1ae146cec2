/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many look-ups a database gets at a time: slots for those that run, a
 * breaker for each database, and whether it answered last. mod_dbd's driver
 * waits without end, so a look-up cannot be ended; but their number can be
 * bounded, and one that takes too long keeps others from beginning.
 *
 * The two arrays lie in shared memory, zeroed at first, under a lock of the
 * caller's (chat_store_limiter.c). Times are monotonic microseconds, given by
 * the caller. Private to store/ and its unit test.
 */
#ifndef CHAT_STORE_SLOTS_H
#define CHAT_STORE_SLOTS_H

#include <sys/types.h>

#include "chat_circuit.h"

/* A look-up that takes longer is late: the database hangs. */
#define CHAT_STORE_SLOT_LATE (1000 * 1000)

/* No look-up begins for so long then; after that a probe may. */
#define CHAT_STORE_SLOT_COOLDOWN (1000 * 1000)

/* A database that has answered others so recently is slow, and does not hang:
 * at the start of a server each connection waits for those before it. */
#define CHAT_STORE_SLOT_ANSWERS (500 * 1000)

/* The last result of a look-up is valid for so long. */
#define CHAT_STORE_SLOT_FRESH (1000 * 1000)

typedef struct chat_store_slot_t {
    pid_t pid;   /* of the process with the look-up, 0: free */
    int db;      /* index of its database */
    int probe;   /* it only finds out whether the database answers */
    int counted; /* it was late, and has been counted as a failure */
    apr_int64_t since;
} chat_store_slot_t;

typedef struct chat_store_db_t {
    chat_circuit_t circuit;
    int answers;       /* it did so at the last look-up */
    apr_int64_t heard; /* when that was, 0: never */
    unsigned told;     /* digest of what was last logged, 0: it works */
} chat_store_db_t;

typedef struct chat_store_slots_t {
    int n;         /* slots in all, at least 1 */
    int per_child; /* slots of one process, at least 1 */
    int ndbs;      /* when there are several, one has at most half of both */
    chat_store_slot_t *slots;
    chat_store_db_t *dbs;
} chat_store_slots_t;

typedef enum {
    CHAT_STORE_SLOT_ACQUIRED,  /* *pslot is the caller's until it is released */
    CHAT_STORE_SLOT_NONE_FREE, /* try again, but not for long */
    CHAT_STORE_SLOT_DB_DOWN    /* the database hangs: do not ask it */
} chat_store_slot_e;

/* A slot for a look-up of this process. One whose process has died is free.
 * *pchange is what that did to the breaker of db, for the log. */
chat_store_slot_e chat_store_slots_acquire(const chat_store_slots_t *t, int db,
                                           pid_t pid, apr_int64_t now,
                                           int *pslot,
                                           chat_circuit_change_e *pchange);

/* The same for a look-up that only finds out whether the database answers.
 * There is one at a time, and none while the last result is fresh. Anything but
 * CHAT_STORE_SLOT_ACQUIRED: *panswers is the last result, 1 when the database
 * answered. */
chat_store_slot_e chat_store_slots_probe(const chat_store_slots_t *t, int db,
                                         pid_t pid, apr_int64_t now, int *pslot,
                                         int *panswers,
                                         chat_circuit_change_e *pchange);

/* A caller has waited too long for a slot: the look-ups that have them hang. */
chat_circuit_change_e chat_store_slots_timeout(const chat_store_slots_t *t,
                                               int db, apr_int64_t now);

/* 1: look-ups are late, and none begins. */
int chat_store_slots_hang(const chat_store_slots_t *t, int db, apr_int64_t now,
                          chat_circuit_change_e *pchange);

/* The look-up is over. answers: the database has answered it. A look-up that
 * fails in time does not open the breaker. */
chat_circuit_change_e chat_store_slots_release(const chat_store_slots_t *t,
                                               int slot, int answers,
                                               apr_int64_t now);

#endif
