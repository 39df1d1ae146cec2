/* SPDX-License-Identifier: Apache-2.0 */
/* Places at the databases, see chat_store_places.h. Pure: no clock, no lock,
 * no log; chat_store_turn.c has those. */
#include "chat_store_places.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

static int is_late(const chat_store_place_t *place, apr_int64_t now)
{
    return now - place->since >= CHAT_STORE_LATE;
}

static chat_circuit_change_e judge(chat_store_db_t *db, apr_int64_t now)
{
    db->good = 0;
    db->heard = now;
    return chat_circuit_failure(&db->circuit, now, 1, CHAT_STORE_COOLDOWN);
}

/* Free the places of the dead, and count what is late, once. */
static chat_circuit_change_e sweep(const chat_store_places_t *t, int db,
                                   apr_int64_t now)
{
    chat_circuit_change_e change = CHAT_CIRCUIT_SAME, each;
    chat_store_place_t *place;

    for (place = t->places; place < t->places + t->n; place++) {
        if (!place->pid || !is_late(place, now))
            continue;
        if (kill(place->pid, 0) && errno == ESRCH) {
            place->pid = 0;
        }
        else if (place->db == db && !place->judged) {
            place->judged = 1;
            each = judge(&t->dbs[db], now);
            change = each == CHAT_CIRCUIT_SAME ? change : each;
        }
    }
    return change;
}

/* What one database may have of so many. */
static int share(const chat_store_places_t *t, int places)
{
    return t->ndbs > 1 && places > 1 ? places / 2 : places;
}

/* A free place, or -1 when there is none for this process and database. */
static int find(const chat_store_places_t *t, int db, pid_t pid)
{
    int i, found = -1, own = 0, own_db = 0, all_db = 0;

    for (i = 0; i < t->n; i++) {
        const chat_store_place_t *place = &t->places[i];

        if (!place->pid) {
            found = i;
            continue;
        }
        own += place->pid == pid;
        all_db += place->db == db;
        own_db += place->pid == pid && place->db == db;
    }
    return own < t->per_child && own_db < share(t, t->per_child) &&
                   all_db < share(t, t->n)
               ? found
               : -1;
}

static chat_store_take_e take(const chat_store_places_t *t, int db, pid_t pid,
                              apr_int64_t now, int *pplace)
{
    chat_circuit_t *circuit = &t->dbs[db].circuit;
    int found = find(t, db, pid);
    chat_circuit_change_e tries;
    apr_interval_time_t wait;

    /* A trial is not used up by who has no place to make it from. */
    if (found < 0)
        return circuit->state == CHAT_CIRCUIT_CLOSED ? CHAT_STORE_FULL
                                                     : CHAT_STORE_SHUT;
    if (!chat_circuit_allow(circuit, now, CHAT_STORE_COOLDOWN, &wait, &tries))
        return CHAT_STORE_SHUT;
    memset(&t->places[found], 0, sizeof(t->places[found]));
    t->places[found].pid = pid;
    t->places[found].db = db;
    t->places[found].since = now;
    *pplace = found;
    return CHAT_STORE_TAKEN;
}

chat_store_take_e chat_store_places_take(const chat_store_places_t *t, int db,
                                         pid_t pid, apr_int64_t now,
                                         int *pplace,
                                         chat_circuit_change_e *pchange)
{
    *pchange = sweep(t, db, now);
    return take(t, db, pid, now, pplace);
}

static int is_probed(const chat_store_places_t *t, int db)
{
    int i;

    for (i = 0; i < t->n; i++) {
        if (t->places[i].pid && t->places[i].db == db && t->places[i].probe)
            return 1;
    }
    return 0;
}

chat_store_take_e chat_store_places_probe(const chat_store_places_t *t, int db,
                                          pid_t pid, apr_int64_t now,
                                          int *pplace, int *pgood,
                                          chat_circuit_change_e *pchange)
{
    chat_store_db_t *d = &t->dbs[db];
    chat_store_take_e took = CHAT_STORE_FULL;

    *pchange = sweep(t, db, now);
    if (!(d->heard && now - d->heard < CHAT_STORE_FRESH) && !is_probed(t, db))
        took = take(t, db, pid, now, pplace);
    if (took == CHAT_STORE_TAKEN)
        t->places[*pplace].probe = 1;
    *pgood = d->good;
    return took;
}

chat_circuit_change_e chat_store_places_vain(const chat_store_places_t *t,
                                             int db, apr_int64_t now)
{
    return judge(&t->dbs[db], now);
}

chat_circuit_change_e chat_store_places_give(const chat_store_places_t *t,
                                             int place, int good,
                                             apr_int64_t now)
{
    chat_store_place_t *p = &t->places[place];
    chat_store_db_t *db = &t->dbs[p->db];
    int judged = p->judged, late = is_late(p, now), probe = p->probe;

    p->pid = 0;
    if (judged)
        return CHAT_CIRCUIT_SAME;
    /* It was slow, but nobody was there to notice, and now it has answered. */
    if (late && !good)
        return judge(db, now);
    if (good || probe) {
        db->good = good;
        db->heard = now;
    }
    return chat_circuit_success(&db->circuit);
}
