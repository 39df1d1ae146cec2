/* SPDX-License-Identifier: Apache-2.0 */
/* Slots for look-ups in databases, see chat_store_slots.h. Pure: clock, lock
 * and log are those of chat_store_limiter.c. */
#include "chat_store_slots.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

static int is_late(const chat_store_slot_t *slot, apr_int64_t now)
{
    return now - slot->since >= CHAT_STORE_SLOT_LATE;
}

static int is_answering(const chat_store_db_t *db, apr_int64_t now)
{
    return db->answers && now - db->heard < CHAT_STORE_SLOT_ANSWERS;
}

static chat_circuit_change_e count_failure(chat_store_db_t *db, apr_int64_t now)
{
    db->answers = 0;
    db->heard = now;
    return chat_circuit_failure(&db->circuit, now, 1, CHAT_STORE_SLOT_COOLDOWN);
}

/* Free the slots of processes that have died, and count each late look-up as a
 * failure, once. */
static chat_circuit_change_e sweep(const chat_store_slots_t *t, int db,
                                   apr_int64_t now)
{
    chat_circuit_change_e change = CHAT_CIRCUIT_SAME, each;
    chat_store_slot_t *slot;

    for (slot = t->slots; slot < t->slots + t->n; slot++) {
        if (!slot->pid || !is_late(slot, now))
            continue;
        if (kill(slot->pid, 0) && errno == ESRCH) {
            slot->pid = 0;
        }
        else if (slot->db == db && !slot->counted &&
                 !is_answering(&t->dbs[db], now)) {
            slot->counted = 1;
            each = count_failure(&t->dbs[db], now);
            change = each == CHAT_CIRCUIT_SAME ? change : each;
        }
    }
    return change;
}

/* So many of all slots one database may have. */
static int share(const chat_store_slots_t *t, int slots)
{
    return t->ndbs > 1 && slots > 1 ? slots / 2 : slots;
}

/* A free slot, or -1 when there is none for this process and database. */
static int find_free(const chat_store_slots_t *t, int db, pid_t pid)
{
    int i, found = -1, own = 0, own_db = 0, all_db = 0;

    for (i = 0; i < t->n; i++) {
        const chat_store_slot_t *slot = &t->slots[i];

        if (!slot->pid) {
            found = i;
            continue;
        }
        own += slot->pid == pid;
        all_db += slot->db == db;
        own_db += slot->pid == pid && slot->db == db;
    }
    return own < t->per_child && own_db < share(t, t->per_child) &&
                   all_db < share(t, t->n)
               ? found
               : -1;
}

static chat_store_slot_e acquire(const chat_store_slots_t *t, int db, pid_t pid,
                                 apr_int64_t now, int *pslot)
{
    chat_circuit_t *circuit = &t->dbs[db].circuit;
    int found = find_free(t, db, pid);
    chat_circuit_change_e tries;
    apr_interval_time_t wait;

    /* Without a slot there is no probe, and so it is left to the next. */
    if (found < 0)
        return circuit->state == CHAT_CIRCUIT_CLOSED ? CHAT_STORE_SLOT_NONE_FREE
                                                     : CHAT_STORE_SLOT_DB_DOWN;
    if (!chat_circuit_allow(circuit, now, CHAT_STORE_SLOT_COOLDOWN, &wait,
                            &tries))
        return CHAT_STORE_SLOT_DB_DOWN;
    memset(&t->slots[found], 0, sizeof(t->slots[found]));
    t->slots[found].pid = pid;
    t->slots[found].db = db;
    t->slots[found].since = now;
    *pslot = found;
    return CHAT_STORE_SLOT_ACQUIRED;
}

int chat_store_slots_hang(const chat_store_slots_t *t, int db, apr_int64_t now,
                          chat_circuit_change_e *pchange)
{
    *pchange = sweep(t, db, now);
    return t->dbs[db].circuit.state != CHAT_CIRCUIT_CLOSED;
}

chat_store_slot_e chat_store_slots_acquire(const chat_store_slots_t *t, int db,
                                           pid_t pid, apr_int64_t now,
                                           int *pslot,
                                           chat_circuit_change_e *pchange)
{
    *pchange = sweep(t, db, now);
    return acquire(t, db, pid, now, pslot);
}

static int is_probed(const chat_store_slots_t *t, int db)
{
    int i;

    for (i = 0; i < t->n; i++) {
        if (t->slots[i].pid && t->slots[i].db == db && t->slots[i].probe)
            return 1;
    }
    return 0;
}

chat_store_slot_e chat_store_slots_probe(const chat_store_slots_t *t, int db,
                                         pid_t pid, apr_int64_t now, int *pslot,
                                         int *panswers,
                                         chat_circuit_change_e *pchange)
{
    chat_store_db_t *d = &t->dbs[db];
    chat_store_slot_e result = CHAT_STORE_SLOT_NONE_FREE;

    *pchange = sweep(t, db, now);
    if (!(d->heard && now - d->heard < CHAT_STORE_SLOT_FRESH) &&
        !is_probed(t, db))
        result = acquire(t, db, pid, now, pslot);
    if (result == CHAT_STORE_SLOT_ACQUIRED)
        t->slots[*pslot].probe = 1;
    *panswers = d->answers;
    return result;
}

chat_circuit_change_e chat_store_slots_timeout(const chat_store_slots_t *t,
                                               int db, apr_int64_t now)
{
    return is_answering(&t->dbs[db], now) ? CHAT_CIRCUIT_SAME
                                          : count_failure(&t->dbs[db], now);
}

chat_circuit_change_e chat_store_slots_release(const chat_store_slots_t *t,
                                               int slot, int answers,
                                               apr_int64_t now)
{
    chat_store_slot_t *p = &t->slots[slot];
    chat_store_db_t *db = &t->dbs[p->db];
    int counted = p->counted, late = is_late(p, now), probe = p->probe;

    p->pid = 0;
    if (counted)
        return CHAT_CIRCUIT_SAME;
    /* It was late without being counted so. A late look-up that was answered is
     * no failure. */
    if (late && !answers)
        return count_failure(db, now);
    if (answers || probe) {
        db->answers = answers;
        db->heard = now;
    }
    return chat_circuit_success(&db->circuit);
}
