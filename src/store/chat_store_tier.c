/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tiers that somebody pays for. Events come at least once and in any order, so
 * that a subscription is as the newest of its events says, also while nobody
 * knows whose it is; and the tier of a user is the best of all his
 * subscriptions. Neighbours: auth/ and route/ above; chat_store_tx.c below. See
 * chat_accounts.h.
 */
#include "chat_accounts.h"

#include <string.h>

#include <apr_strings.h>

#include "chat_store_tx.h"

typedef struct apply_t {
    const chat_store_payment_t *payment;
    const char *basic;
    apr_int64_t now;
    /* results */
    chat_payment_e outcome;
    const char *tier;
} apply_t;

/* A subscription, as it is stored. */
typedef struct row_t {
    const char *source, *id, *user, *customer, *tier, *status;
    int rank, access;
    apr_int64_t at, until; /* until 0: for ever */
} row_t;

/* 0 is SQL's NULL. */
static const char *time_of(chat_store_tx_t *tx, apr_int64_t time)
{
    return time ? chat_store_tx_number(tx, time) : NULL;
}

/* ---- whose it is ---- */

/* What the event says, else who is known to be that customer. NULL: nobody
 * knows. A subscription stays whose it was first. */
static apr_status_t find_user(const char **puser, chat_store_tx_t *tx,
                              const chat_store_payment_t *m)
{
    chat_store_rows_t rows;
    apr_status_t rv = APR_SUCCESS;

    *puser = m->user;
    if (m->user || !m->customer)
        return rv;
    rv = chat_store_tx_select(tx, &rows, CHAT_SQL_CUSTOMER_GET,
                              CHAT_STORE_ARGS(m->source, m->customer));
    while (rv == APR_SUCCESS && chat_store_db_next(&rows) == APR_SUCCESS)
        *puser = chat_store_db_text(&rows, 0, tx->p);
    return rv;
}

/* And what came before it was known. */
static apr_status_t link_customer(chat_store_tx_t *tx, const apply_t *a)
{
    const chat_store_payment_t *m = a->payment;
    apr_status_t rv;

    if (!m->user || !m->customer)
        return APR_SUCCESS;
    rv = chat_store_tx_exec(tx, NULL, CHAT_SQL_CUSTOMER_PUT,
                            CHAT_STORE_ARGS(m->source, m->customer, m->user,
                                            chat_store_tx_number(tx, a->now)));
    return rv == APR_SUCCESS
               ? chat_store_tx_exec(
                     tx, NULL, CHAT_SQL_SUBSCRIPTION_LINK,
                     CHAT_STORE_ARGS(m->user, m->source, m->customer))
               : rv;
}

/* ---- the subscription ---- */

static apr_status_t get_subscription(row_t *row, int *pfound,
                                     chat_store_tx_t *tx,
                                     const chat_store_payment_t *m)
{
    enum { USER, CUSTOMER, TIER, RANK, STATUS, EVENT_AT, VALID_UNTIL };
    chat_store_rows_t rows;
    apr_status_t rv =
        chat_store_tx_select(tx, &rows, CHAT_SQL_SUBSCRIPTION_GET,
                             CHAT_STORE_ARGS(m->source, m->subscription));

    *pfound = 0;
    while (rv == APR_SUCCESS && chat_store_db_next(&rows) == APR_SUCCESS) {
        *pfound = 1;
        row->user = chat_store_db_text(&rows, USER, tx->p);
        row->customer = chat_store_db_text(&rows, CUSTOMER, tx->p);
        row->tier = chat_store_db_text(&rows, TIER, tx->p);
        row->rank = (int)chat_store_db_integer(&rows, RANK, 0);
        row->status = chat_store_db_text(&rows, STATUS, tx->p);
        row->at = chat_store_db_integer(&rows, EVENT_AT, 0);
        row->until = chat_store_db_integer(&rows, VALID_UNTIL, 0);
    }
    return rv;
}

/* Of two events of one time the one has come later that says what it has ended,
 * if that is how things are. One that changes no status cannot have made
 * another one of it. */
static int is_older(const row_t *row, const chat_store_payment_t *m)
{
    if (m->at != row->at)
        return m->at < row->at;
    return strcmp(m->status, row->status) &&
           (!m->before || strcmp(m->before, row->status));
}

/* A service that tries again and again to be paid does not make the time of
 * grace longer by it. */
static apr_int64_t until_of(const row_t *row, const chat_store_payment_t *m)
{
    if (m->grace && row->status && !strcmp(row->status, m->status) &&
        row->until && row->until < m->until)
        return row->until;
    return m->until;
}

static apr_status_t put_subscription(chat_store_tx_t *tx, const apply_t *a,
                                     const row_t *before, const char *user)
{
    const chat_store_payment_t *m = a->payment;

    return chat_store_tx_exec(
        tx, NULL, CHAT_SQL_SUBSCRIPTION_PUT,
        CHAT_STORE_ARGS(
            m->source, m->subscription,
            m->customer ? m->customer : before->customer, user,
            m->tier ? m->tier : before->tier,
            chat_store_tx_number(tx, m->tier ? m->rank : before->rank),
            m->status, m->access ? "1" : "0", chat_store_tx_number(tx, m->at),
            time_of(tx, until_of(before, m)),
            chat_store_tx_number(tx, a->now)));
}

/* ---- the tier of a user ---- */

static void read_row(row_t *row, const chat_store_rows_t *rows, apr_pool_t *p)
{
    enum { SOURCE, ID, CUSTOMER, TIER, RANK, STATUS, ACCESS, EVENT_AT, UNTIL };

    row->source = chat_store_db_text(rows, SOURCE, p);
    row->id = chat_store_db_text(rows, ID, p);
    row->customer = chat_store_db_text(rows, CUSTOMER, p);
    row->tier = chat_store_db_text(rows, TIER, p);
    row->rank = (int)chat_store_db_integer(rows, RANK, 0);
    row->status = chat_store_db_text(rows, STATUS, p);
    row->access = (int)chat_store_db_integer(rows, ACCESS, 0);
    row->at = chat_store_db_integer(rows, EVENT_AT, 0);
    row->until = chat_store_db_integer(rows, UNTIL, 0);
}

static int has_access(const row_t *row, apr_int64_t now)
{
    return row->access && row->tier && (!row->until || row->until > now);
}

/* Access counts most, then the tier, then for how long, then the news. */
static int is_better(const row_t *row, const row_t *than, apr_int64_t now)
{
    int access = has_access(row, now);

    if (access != has_access(than, now))
        return access;
    if (access && row->rank != than->rank)
        return row->rank > than->rank;
    if (access && row->until != than->until)
        return !row->until || (than->until && row->until > than->until);
    return row->at > than->at;
}

static apr_status_t find_best(row_t *best, chat_store_tx_t *tx, apr_int64_t now,
                              const char *user)
{
    chat_store_rows_t rows;
    apr_status_t rv = chat_store_tx_select(
        tx, &rows, CHAT_SQL_SUBSCRIPTION_OF_USER, CHAT_STORE_ARGS(user));

    memset(best, 0, sizeof(*best));
    while (rv == APR_SUCCESS && chat_store_db_next(&rows) == APR_SUCCESS) {
        row_t row = {0};

        read_row(&row, &rows, tx->p);
        /* Of what has a price that nobody knows nothing follows. */
        if (row.tier && (!best->id || is_better(&row, best, now)))
            *best = row;
    }
    return rv;
}

/* Who has subscriptions, all of them over, has the basic tier. */
static apr_status_t put_tier(chat_store_tx_t *tx, apply_t *a, const char *user)
{
    row_t best;
    int access;
    apr_status_t rv = find_best(&best, tx, a->now, user);

    if (rv != APR_SUCCESS || !best.id)
        return rv;
    access = has_access(&best, a->now);
    a->tier = access ? best.tier : a->basic;
    return chat_store_tx_exec(
        tx, NULL, CHAT_SQL_TIER_PUT,
        CHAT_STORE_ARGS(user, a->tier, best.source, best.customer, best.id,
                        best.status, chat_store_tx_number(tx, best.at),
                        access ? time_of(tx, best.until) : NULL,
                        chat_store_tx_number(tx, a->now)));
}

/* ---- the tier of who asks ---- */

typedef struct find_t {
    const char *user, *tier;
} find_t;

/* What was the best one is over: another may be paid for longer. */
static apr_status_t find_next(find_t *f, chat_store_tx_t *tx, apr_int64_t now)
{
    row_t best;
    apr_status_t rv = find_best(&best, tx, now, f->user);

    if (rv == APR_SUCCESS && best.id && has_access(&best, now))
        f->tier = best.tier;
    return rv;
}

static apr_status_t find(chat_store_tx_t *tx, void *work)
{
    enum { TIER, VALID_UNTIL };
    find_t *f = work;
    chat_store_rows_t rows;
    apr_int64_t until, now = chat_store_now();
    int over = 0;
    apr_status_t rv = chat_store_tx_select(tx, &rows, CHAT_SQL_TIER_GET,
                                           CHAT_STORE_ARGS(f->user));

    f->tier = NULL;
    while (rv == APR_SUCCESS && chat_store_db_next(&rows) == APR_SUCCESS) {
        until = chat_store_db_integer(&rows, VALID_UNTIL, APR_INT64_MAX);
        if (until > now)
            f->tier = chat_store_db_text(&rows, TIER, tx->p);
        else
            over = 1;
    }
    return rv == APR_SUCCESS && over ? find_next(f, tx, now) : rv;
}

apr_status_t chat_store_tier_find(const char **ptier, const chat_store_at_t *at,
                                  const char *user, chat_err_t *err)
{
    find_t f = {.user = user};
    apr_status_t rv = chat_store_tx_run(at, CHAT_STORE_READ,
                                        "look up a user's tier", find, &f, err);

    *ptier = f.tier;
    return rv == APR_SUCCESS && !f.tier ? APR_NOTFOUND : rv;
}

/* ---- an event ---- */

static apr_status_t take_subscription(chat_store_tx_t *tx, apply_t *a)
{
    const chat_store_payment_t *m = a->payment;
    const char *user;
    row_t before = {0};
    int found;
    apr_status_t rv = find_user(&user, tx, m);

    if (rv == APR_SUCCESS)
        rv = get_subscription(&before, &found, tx, m);
    if (rv != APR_SUCCESS)
        return rv;
    user = before.user ? before.user : user;
    if (found && is_older(&before, m)) {
        a->outcome = CHAT_PAYMENT_OLDER;
        return user ? put_tier(tx, a, user) : APR_SUCCESS;
    }
    a->outcome = user ? CHAT_PAYMENT_APPLIED : CHAT_PAYMENT_UNKNOWN;
    rv = put_subscription(tx, a, &before, user);
    return rv == APR_SUCCESS && user ? put_tier(tx, a, user) : rv;
}

static apr_status_t take(chat_store_tx_t *tx, apply_t *a)
{
    const chat_store_payment_t *m = a->payment;
    apr_status_t rv = link_customer(tx, a);

    if (rv != APR_SUCCESS)
        return rv;
    if (m->subscription && m->status)
        return take_subscription(tx, a);
    a->outcome = CHAT_PAYMENT_LINKED;
    return m->user ? put_tier(tx, a, m->user) : APR_SUCCESS;
}

static apr_status_t apply(chat_store_tx_t *tx, void *work)
{
    apply_t *a = work;
    const chat_store_payment_t *m = a->payment;
    int fresh = 0;
    apr_status_t rv = APR_SUCCESS;

    a->tier = NULL;
    if (!tx->db->sqlite)
        rv = chat_store_tx_exec(tx, NULL, CHAT_SQL_TIER_LOCK, NULL, 0);
    if (rv == APR_SUCCESS)
        rv = chat_store_tx_exec(
            tx, &fresh, CHAT_SQL_WEBHOOK_INSERT,
            CHAT_STORE_ARGS(m->source, m->event, m->type,
                            chat_store_tx_number(tx, m->at),
                            chat_store_tx_number(tx, a->now)));
    if (rv == APR_SUCCESS && !fresh)
        a->outcome = CHAT_PAYMENT_DUPLICATE;
    if (rv != APR_SUCCESS || !fresh)
        return rv;
    rv = take(tx, a);
    return rv == APR_SUCCESS
               ? chat_store_tx_exec(
                     tx, NULL, CHAT_SQL_WEBHOOK_OUTCOME,
                     CHAT_STORE_ARGS(chat_store_tier_outcome(a->outcome),
                                     m->source, m->event))
               : rv;
}

const char *chat_store_tier_outcome(chat_payment_e outcome)
{
    static const char *const names[] = {
        [CHAT_PAYMENT_APPLIED] = "applied",
        [CHAT_PAYMENT_DUPLICATE] = "duplicate",
        [CHAT_PAYMENT_OLDER] = "older",
        [CHAT_PAYMENT_UNKNOWN] = "unknown-user",
        [CHAT_PAYMENT_LINKED] = "linked",
    };

    return names[outcome];
}

apr_status_t chat_store_tier_apply(chat_payment_e *poutcome, const char **ptier,
                                   const chat_store_payment_t *payment,
                                   const char *basic, const chat_store_at_t *at,
                                   chat_err_t *err)
{
    apply_t a = {.payment = payment, .basic = basic, .now = chat_store_now()};
    apr_status_t rv =
        chat_store_tx_run(at, CHAT_STORE_WRITE,
                          "take an event of a payment service", apply, &a, err);

    *poutcome = a.outcome;
    *ptier = a.tier;
    return rv;
}

/* ---- the end ---- */

static apr_status_t forget(chat_store_tx_t *tx, void *work)
{
    static const chat_store_sql_e all[] = {CHAT_SQL_SUBSCRIPTION_REMOVE,
                                           CHAT_SQL_CUSTOMER_REMOVE,
                                           CHAT_SQL_TIER_REMOVE};
    apr_status_t rv = APR_SUCCESS;
    apr_size_t i;

    for (i = 0; rv == APR_SUCCESS && i < sizeof(all) / sizeof(all[0]); i++)
        rv = chat_store_tx_exec(tx, NULL, all[i], CHAT_STORE_ARGS(work));
    return rv;
}

apr_status_t chat_store_tier_forget(const chat_store_at_t *at, const char *user,
                                    chat_err_t *err)
{
    return chat_store_tx_run(at, CHAT_STORE_WRITE, "forget what a user pays",
                             forget, (void *)user, err);
}
